#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

/// All five, with the same peak, a warm-up of 10 and a length of 100 where they have one.
std::vector<Schedule> all() {
  return {constant(1), cosine_decay(1, 100, 0.1), linear_warmup(1, 10), inverse_sqrt(1, 10),
          warmup_cosine_decay(1, 10, 100, 0.1)};
}

}  // namespace

TEST_CASE("schedules: golden values") {
  const auto inverse = inverse_sqrt(1, 100);
  CHECK(inverse(50) == 0.5);
  CHECK(inverse(100) == 1);
  CHECK(std::abs(inverse(200) - 0.707107) <= 5e-7);
  CHECK(inverse(400) == 0.5);

  const auto cosine = warmup_cosine_decay(1, 10, 100, 0.1);
  CHECK(cosine(0) == 0);
  CHECK(cosine(5) == 0.5);
  CHECK(cosine(10) == 1);
  CHECK(std::abs(cosine(55) - 0.55) <= 1e-15);
  CHECK(std::abs(cosine(100) - 0.1) <= 1e-15);

  const auto warm = linear_warmup(2, 4, 1);
  CHECK(warm(0) == 1);
  CHECK(warm(1) == 1.25);
  CHECK(warm(4) == 2);
  CHECK(constant(0.3)(12345) == 0.3);
}

TEST_CASE("schedules: the cosine against its formula, with an end and a power") {
  for (const double power : {1.0, 2.0, 0.5})
    for (int t = 0; t <= 120; t += 3) {
      const double wave = std::pow(0.5 * (1 + std::cos(3.141592653589793 * std::min(t, 100) / 100)), power);
      const double a = 0.2 / 0.8;
      CHECK(std::abs(cosine_decay(0.8, 100, 0.2, power)(t) - 0.8 * ((1 - a) * wave + a)) <= 1e-15);
    }
}

TEST_CASE("schedules: inverse square root with a timescale of its own, and without warm-up") {
  CHECK(std::abs(inverse_sqrt(1, 10, 40)(130) - 0.5) <= 1e-15);  // (130 + 40 - 10) / 40 = 4
  CHECK(inverse_sqrt(1, 0)(0) == 1);
  CHECK(inverse_sqrt(1, 0)(30000) == 0.5);  // timescale 10000
}

TEST_CASE("schedules: continuous at their joints, never negative, never above the peak") {
  for (const Schedule& schedule : all())
    for (int t = 0; t < 300; ++t) {
      const double now = schedule(t);
      CHECK(now >= 0);
      CHECK(now <= 1);
      CHECK(std::abs(schedule(t + 1) - now) <= 1.0 / 10 + 1e-15);
    }
  const auto cosine = warmup_cosine_decay(1, 10, 100, 0.1);
  const auto inverse = inverse_sqrt(1, 10);
  for (const double h : {1e-3, 1e-6, 1e-9}) {
    CHECK(std::abs(cosine(10 - h) - cosine(10 + h)) <= 0.2 * h + 1e-15);
    CHECK(std::abs(inverse(10 - h) - inverse(10 + h)) <= 0.2 * h + 1e-15);
    CHECK(std::abs(cosine(100 - h) - cosine(100 + h)) <= h);
  }
}

TEST_CASE("schedules: degenerate lengths divide by nothing") {
  CHECK(linear_warmup(1, 0)(0) == 1);
  CHECK(linear_warmup(1, 0)(5) == 1);
  CHECK(cosine_decay(1, 0, 0.25)(0) == 0.25);
  CHECK(cosine_decay(1, 0, 0.25)(7) == 0.25);
  CHECK(warmup_cosine_decay(1, 0, 100)(0) == 1);
  CHECK(warmup_cosine_decay(1, 10, 10, 0.1)(9) == 0.9);
  CHECK(warmup_cosine_decay(1, 10, 10, 0.1)(10) == 0.1);
  CHECK(warmup_cosine_decay(1, 0, 0, 0.1)(0) == 0.1);
  CHECK(inverse_sqrt(1, 0)(1) < 1);
}

TEST_CASE("schedules: before the start they hold its value, after the end its value") {
  for (const Schedule& schedule : all()) {
    CHECK(schedule(-1) == schedule(0));
    CHECK(schedule(-1'000'000) == schedule(0));
    CHECK(std::isfinite(schedule(std::int64_t{1} << 40)));
  }
  CHECK(cosine_decay(1, 100, 0.1)(std::int64_t{1} << 40) == 0.1);
  CHECK(warmup_cosine_decay(1, 10, 100, 0.1)(std::int64_t{1} << 40) == 0.1);
}

TEST_CASE("schedules: scaling the peak scales the rate") {
  for (double t = 0; t < 150; t += 0.5) {
    CHECK(warmup_cosine_decay(4, 10, 100, 0.5)(t) == 4 * warmup_cosine_decay(1, 10, 100, 0.125)(t));
    CHECK(inverse_sqrt(4, 10)(t) == 4 * inverse_sqrt(1, 10)(t));
  }
}

TEST_CASE("schedules: bad arguments are refused by name") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto says = [](auto&& make) { return message_of([&] { static_cast<void>(make()); }); };
  CHECK(says([] { return cosine_decay(-1, 10); }) == "cosine_decay: peak = -1, must be >= 0 and finite");
  CHECK(says([] { return cosine_decay(1, -10); }) == "cosine_decay: steps = -10, must be >= 0 and finite");
  CHECK(says([] { return cosine_decay(1, 10, -0.5); }) == "cosine_decay: end = -0.5, must be >= 0 and finite");
  CHECK(says([] { return cosine_decay(1, 10, 0, 0); }) == "cosine_decay: power = 0, must be > 0 and finite");
  CHECK(says([&] { return cosine_decay(nan, 10); }) == "cosine_decay: peak = nan, must be >= 0 and finite");
  CHECK(says([] { return linear_warmup(1, -1); }) == "linear_warmup: steps = -1, must be >= 0 and finite");
  CHECK(says([] { return linear_warmup(1, 1, -1); }) == "linear_warmup: start = -1, must be >= 0 and finite");
  CHECK(says([] { return inverse_sqrt(1, -1); }) == "inverse_sqrt: warmup_steps = -1, must be >= 0 and finite");
  CHECK(says([] { return inverse_sqrt(1, 1, -1); }) == "inverse_sqrt: timescale = -1, must be >= 0 and finite");
  CHECK(says([] { return warmup_cosine_decay(1, 10, 9); }) == "warmup_cosine_decay: total_steps = 9, must be >= 10");
  CHECK(says([] { return warmup_cosine_decay(1, -1, 9); }) ==
        "warmup_cosine_decay: warmup_steps = -1, must be >= 0 and finite");
  CHECK(says([] { return warmup_cosine_decay(-1, 1, 9); }) ==
        "warmup_cosine_decay: peak = -1, must be >= 0 and finite");
}
