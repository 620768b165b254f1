#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/schedules/reduce_on_plateau.hpp>

#include <cmath>
#include <limits>
#include <vector>

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

TEST_CASE("reduce on plateau: thresholds of negative values lie below the best") {
  const auto reductions = [](ReduceOnPlateau plateau, std::initializer_list<double> values) {
    std::vector<double> rates;
    for (const double value : values) rates.push_back(plateau.tell(value));
    return rates;
  };
  const ReduceOnPlateau relative{.learning_rate = 1, .factor = 0.5, .patience = 1, .relative = 0.1};
  const auto rates = [](std::initializer_list<double> expected) { return std::vector<double>(expected); };
  CHECK(reductions(relative, {-1, -1, -1}) == rates({1, 0.5, 0.25}));
  CHECK(reductions(relative, {-1, -1.09, -1.11, -1.2}) == rates({1, 0.5, 0.5, 0.25}));  // below -1.1, then -1.221
  CHECK(reductions(relative, {1, 0.95, 0.85, -0.1, -0.105, -0.12}) == rates({1, 0.5, 0.5, 0.5, 0.25, 0.25}));
  CHECK(reductions(relative, {0, 0, -1e-300}) == rates({1, 0.5, 0.5}));
  CHECK(reductions(relative, {-1e308, -1e308, 1e308}) == rates({1, 0.5, 0.25}));
  const ReduceOnPlateau absolute{.learning_rate = 1, .factor = 0.5, .patience = 1, .relative = 0, .absolute = 0.25};
  CHECK(reductions(absolute, {-1, -1.2, -1.25, -1.3}) == rates({1, 0.5, 0.25, 0.25}));
  // The best stays where it is as long as nothing is better.
  ReduceOnPlateau drift{.learning_rate = 1, .factor = 0.5, .patience = 5, .relative = 0.01};
  for (int k = 0; k < 1000; ++k) drift.tell(-100 + 1e-3 * k);
  CHECK(drift.state.best == -100);
  CHECK(drift.rate() < 1e-50);
}

TEST_CASE("reduce on plateau: maximizing is minimizing the negative") {
  ReduceOnPlateau accuracy{.learning_rate = 1, .factor = 0.5, .patience = 1, .relative = 0.1, .maximize = true};
  CHECK(accuracy.tell(0.5) == 1);
  CHECK(accuracy.tell(0.54) == 0.5);
  CHECK(accuracy.tell(0.56) == 0.5);
  CHECK(accuracy.tell(0.56) == 0.25);
  CHECK(accuracy.tell(0.3) == 0.125);
  ReduceOnPlateau reward{.learning_rate = 1, .factor = 0.5, .patience = 1, .relative = 0.1, .maximize = true};
  CHECK(reward.tell(-10) == 1);
  CHECK(reward.tell(-9.5) == 0.5);
  CHECK(reward.tell(-8.9) == 0.5);
  CHECK(reward.tell(std::numeric_limits<double>::quiet_NaN()) == 0.25);
  ReduceOnPlateau up{.learning_rate = 1,
                     .factor = 0.9,
                     .patience = 2,
                     .relative = 0.02,
                     .cooldown = 1,
                     .averaged = 3,
                     .maximize = true};
  ReduceOnPlateau down = up;
  down.maximize = false;
  for (int k = 0; k < 200; ++k) {
    const double value = std::sin(0.3 * k) + 0.01 * k;
    CHECK(up.tell(value) == down.tell(-value));
  }
  CHECK(up.rate() < 1);
  // Saved and restored half way.
  ReduceOnPlateau restored{.learning_rate = 1,
                           .factor = 0.9,
                           .patience = 2,
                           .relative = 0.02,
                           .cooldown = 1,
                           .averaged = 3,
                           .maximize = true,
                           .state = up.state};
  for (int k = 0; k < 50; ++k) CHECK(up.tell(std::cos(k)) == restored.tell(std::cos(k)));
}

TEST_CASE("reduce on plateau: values of any size have a mean, and fewer values may make one") {
  ReduceOnPlateau plateau{.learning_rate = 1, .factor = 0.5, .patience = 1, .averaged = 2};
  plateau.tell(1.5e308);
  plateau.tell(-1.5e308);
  CHECK(plateau.state.best == 0);
  plateau.averaged = 4;
  for (int k = 0; k < 3; ++k) plateau.tell(-1);
  plateau.averaged = 2;
  plateau.tell(-1);
  CHECK(plateau.state.best == -1);
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
