#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/schedules/reduce_on_plateau.hpp>

#include <limits>

using glissade::ReduceOnPlateau;

TEST_CASE("reduce on plateau: after `patience` values without improvement, and not during cooldown") {
  ReduceOnPlateau plateau{.learning_rate = 1, .factor = 0.5, .patience = 2, .cooldown = 3};
  CHECK(plateau.tell(1.0) == 1);
  CHECK(plateau.tell(1.0) == 1);
  CHECK(plateau.tell(0.5) == 1);  // better: counts anew
  CHECK(plateau.tell(0.5) == 1);
  CHECK(plateau.tell(0.5) == 0.5);
  for (int k = 0; k < 3; ++k) CHECK(plateau.tell(0.5) == 0.5);  // cooldown
  CHECK(plateau.tell(0.5) == 0.5);
  CHECK(plateau.tell(0.5) == 0.25);
}

TEST_CASE("reduce on plateau: thresholds") {
  ReduceOnPlateau relative{.learning_rate = 1, .factor = 0.5, .patience = 1, .relative = 0.1};
  CHECK(relative.tell(1.0) == 1);
  CHECK(relative.tell(0.91) == 0.5);  // not below 0.9
  CHECK(relative.tell(0.89) == 0.5);  // below
  CHECK(relative.state.best == 0.89);
  ReduceOnPlateau absolute{.learning_rate = 1, .factor = 0.5, .patience = 1, .relative = 0, .absolute = 0.25};
  CHECK(absolute.tell(1.0) == 1);
  CHECK(absolute.tell(0.75) == 0.5);
  CHECK(absolute.tell(0.7) == 0.5);
}

TEST_CASE("reduce on plateau: means of several values, a floor, NaN") {
  ReduceOnPlateau mean{.learning_rate = 1, .factor = 0.5, .patience = 1, .averaged = 2, .min_scale = 0.3};
  for (const double value : {1.0, 3.0, 2.5}) CHECK(mean.tell(value) == 1);
  CHECK(mean.tell(1.5) == 0.5);  // mean 2 again
  CHECK(mean.tell(2.0) == 0.5);
  CHECK(mean.tell(2.0) == 0.3);
  ReduceOnPlateau broken{.learning_rate = 1, .factor = 0.5, .patience = 1};
  CHECK(broken.tell(1.0) == 1);
  CHECK(broken.tell(std::numeric_limits<double>::quiet_NaN()) == 0.5);
  CHECK(broken.state.best == 1);
  CHECK(broken.tell(0.5) == 0.5);
}

TEST_CASE("reduce on plateau: its state is a value") {
  const auto value = [](int k) { return 1 + 0.3 * std::abs(k % 7 - 3) + 1.0 / (1 + k); };
  ReduceOnPlateau one{.learning_rate = 1, .factor = 0.9, .patience = 3, .cooldown = 2, .averaged = 2};
  for (int k = 0; k < 33; ++k) one.tell(value(k));
  ReduceOnPlateau other{
      .learning_rate = 1, .factor = 0.9, .patience = 3, .cooldown = 2, .averaged = 2, .state = one.state};
  for (int k = 33; k < 99; ++k) CHECK(one.tell(value(k)) == other.tell(value(k)));
  CHECK(one.state == other.state);
  CHECK(one.state.scale < 1);
}

TEST_CASE("reduce on plateau: bad options are refused before the value counts") {
  ReduceOnPlateau plateau{.factor = 1};
  CHECK(message_of([&] { plateau.tell(1); }) == "ReduceOnPlateau: factor = 1, must be in (0, 1)");
  plateau = {.patience = 0};
  CHECK(message_of([&] { plateau.tell(1); }) == "ReduceOnPlateau: patience = 0, must be >= 1 and finite");
  CHECK(plateau.state == ReduceOnPlateau::State{});
}
