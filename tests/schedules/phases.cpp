// Decays, cycles and phases: golden values, joints, ends, refusals.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

void check_values(const Schedule& schedule, const std::vector<std::pair<int, double>>& golden, double tolerance) {
  for (const auto& [step, value] : golden) {
    INFO("step " << step << ": " << schedule(step));
    CHECK(std::abs(schedule(step) - value) <= tolerance);
  }
}

const InfinitePhases phases{.warmup = 10, .cooldown = 60, .anneal = 80, .total = 100};

struct Case {
  std::string name;
  Schedule schedule;
  double slope;  // the largest change from one step to the next; infinite where it jumps
};

/// With a peak of 1 and a length of 100.
std::vector<Case> all() {
  const double jumps = 1;
  return {{"polynomial", polynomial_decay(1, 90, 0.1, 2, 10), 0.021},
          {"linear", linear_decay(1, 100), 0.0101},
          {"step", step_decay(1, 30), jumps},
          {"multistep", multistep_decay(1, {30, 60}), jumps},
          {"piecewise constant", piecewise_constant(1, {{30, 0.5}, {60, 0.1}}), jumps},
          {"exponential", exponential_decay(1, 10, 0.5, 0.01), 0.07},
          {"staircase", exponential_decay(1, 10, 0.5, 0.01, true), jumps},
          {"cosine annealing", cosine_annealing(1, 50, 0.1), 0.0315},
          {"cosine restarts", cosine_restarts(1, 10, 2, 0.1), jumps},
          {"warm-up, cosine cycles", warmup_cosine_cycles(1, 10, 100, 1.5, 0.1), 0.1001},
          {"inverse square root from a start", inverse_sqrt(1, 10, 0, 0.1), 0.1},
          {"Noam", noam(1, 10), 0.04},
          {"one cycle", one_cycle(1, 100), 0.06},
          {"one cycle, three phases", one_cycle(1, 100, {.three_phase = true}), 0.06},
          {"one cycle, linear", one_cycle(1, 100, {.shape = Interpolation::linear}), 0.04},
          {"one cycle, optax", one_cycle_optax(1, 100), 0.06},
          {"one cycle of lines", one_cycle_linear(1, 100), 0.04},
          {"triangle", triangle(1, 100), 0.0201},
          {"warm-up, plateau, decay", warmup_stable_decay(1, 10, 60, 30), 0.1001},
          {"warm-up, plateau, decay of cosines",
           warmup_stable_decay(1, 10, 60, 30, {.min_ratio = 0.1, .warmup = Ramp::cosine, .decay = Ramp::cosine}), 0.16},
          {"warm-up, plateau, decay of roots",
           warmup_stable_decay(1, 10, 60, 30, {.warmup = Ramp::one_minus_sqrt, .decay = Ramp::one_minus_sqrt}), 0.32},
          {"infinite, cosine", infinite_cosine(1, 0.5, 0.1, phases), 0.1001},
          {"infinite, inverse square root", infinite_inverse_sqrt(1, 0.5, 0.1, phases, 0.2), 0.1001},
          {"joined", join({linear_warmup(1, 10), linear_decay(1, 90)}, {10}), 0.1001},
          {"shifted", shifted(linear_decay(1, 100), 20), 0.0101},
          {"rewarm", rewarm(0.1, 1, 10, 100, 0.1), 0.0901}};
}

}  // namespace

TEST_CASE("schedules: golden values of decays") {
  check_values(polynomial_decay(1, 90, 0.1, 2, 10), {{0, 1}, {10, 1}, {55, 0.325}, {100, 0.1}, {500, 0.1}}, 1e-15);
  check_values(linear_decay(2, 100, 1), {{0, 2}, {25, 1.75}, {100, 1}}, 1e-15);
  check_values(step_decay(1, 30), {{0, 1}, {29, 1}, {30, 0.1}, {59, 0.1}, {60, 0.01}}, 1e-15);
  check_values(multistep_decay(1, {30, 80}), {{29, 1}, {30, 0.1}, {79, 0.1}, {80, 0.01}}, 1e-15);
  check_values(piecewise_constant(1, {{30, 0.5}, {60, 0.2}}), {{29, 1}, {30, 0.5}, {60, 0.1}}, 1e-15);
  check_values(exponential_decay(1, 10, 0.25), {{0, 1}, {5, 0.5}, {10, 0.25}, {20, 0.0625}}, 1e-15);
  check_values(exponential_decay(1, 10, 0.25, 0.1, true), {{9, 1}, {10, 0.25}, {20, 0.1}, {1000, 0.1}}, 1e-15);
  check_values(exponential_decay(1, 10, 4, 2), {{5, 2}, {10, 2}}, 1e-15);
  check_values(exponential_decay(0.01, 10, 4, 0.5), {{0, 0.01}, {10, 0.04}, {20, 0.16}, {30, 0.5}, {1000, 0.5}}, 1e-15);
  check_values(exponential_decay(0.01, 10, 4), {{30, 0.64}, {50, 10.24}}, 1e-14);
  check_values(noam(512, 4000), {{1, 1.7469e-7}, {0, 1.7469e-7}}, 1e-11);
  check_values(noam(512, 4000), {{4000, 6.9877e-4}, {16000, 3.4939e-4}}, 5e-9);
}

TEST_CASE("schedules: golden values of waves and cycles") {
  check_values(cosine_annealing(1, 50, 0.1), {{0, 1}, {25, 0.55}, {50, 0.1}, {75, 0.55}, {100, 1}}, 1e-15);
  check_values(cosine_restarts(1, 10, 2),
               {{0, 1}, {5, 0.5}, {10, 1}, {20, 0.5}, {29, 0.0061558297}, {30, 1}, {50, 0.5}, {70, 1}}, 1e-9);
  check_values(cosine_restarts(1, 10), {{5, 0.5}, {9, 0.0244717418}, {10, 1}, {1'000'005, 0.5}}, 1e-9);
  check_values(warmup_cosine_cycles(1, 10, 100, 0.5, 0.1), {{0, 0}, {5, 0.5}, {10, 1}, {55, 0.55}, {100, 0.1}}, 1e-15);
  check_values(warmup_cosine_cycles(1, 10, 100, 1), {{55, 0}, {100, 1}}, 1e-15);
  check_values(inverse_sqrt(1, 100, 0, 0.2), {{0, 0.2}, {50, 0.6}, {100, 1}, {400, 0.5}}, 1e-15);
  const auto cycle = one_cycle(1, 100);
  check_values(cycle, {{0, 0.04}, {10, 0.295164}, {29, 1}, {30, 0.999497}, {60, 0.589280}, {99, 4e-6}, {5000, 4e-6}},
               5e-7);
  const auto three = one_cycle(1, 100, {.three_phase = true});
  check_values(three, {{0, 0.04}, {29, 1}, {58, 0.04}, {99, 4e-6}}, 1e-15);
  check_values(one_cycle_momentum(100), {{0, 0.95}, {29, 0.85}, {99, 0.95}}, 1e-15);
  check_values(triangle(1, 100), {{0, 0}, {25, 0.5}, {50, 1}, {75, 0.5}, {100, 0}}, 1e-15);
  check_values(one_cycle_linear(1, 100), {{0, 0.04}, {15, 0.52}, {30, 1}, {85, 0.04}, {100, 4e-6}}, 1e-15);
  check_values(one_cycle_optax(1, 100), {{0, 0.04}, {15, 0.52}, {30, 1}, {65, 0.500002}, {100, 4e-6}}, 1e-15);
}

TEST_CASE("schedules: golden values of phases") {
  check_values(warmup_stable_decay(1, 10, 60, 30, {.decay = Ramp::one_minus_sqrt}),
               {{5, 0.5}, {69, 1}, {70, 1}, {77, 0.516954}, {85, 0.292893}, {99, 0.016808}, {100, 0}}, 5e-7);
  check_values(warmup_stable_decay(2, 10, 60, 30, {.min_ratio = 0.5, .warmup = Ramp::cosine, .decay = Ramp::cosine}),
               {{0, 1}, {5, 1.5}, {10, 2}, {85, 1.5}, {100, 1}, {900, 1}}, 1e-15);
  check_values(warmup_stable_decay(1, 4, 60, 30, {.warmup = Ramp::one_minus_sqrt}), {{3, 0.5}, {79, 0.5}}, 1e-15);
  check_values(infinite_cosine(3e-4, 1.65e-4, 3e-5, phases),
               {{5, 1.5e-4}, {10, 3e-4}, {35, 2.325e-4}, {60, 1.65e-4}, {80, 1.65e-4}, {90, 7.036e-5}, {100, 3e-5}},
               5e-9);
  // h(x) = 1 / sqrt(1 + x) - 1: h(24) = -0.8, h(3) = -0.5
  check_values(infinite_inverse_sqrt(1, 0.2, 0.1, {.warmup = 0, .cooldown = 24}, 1),
               {{0, 1}, {3, 0.5}, {24, 0.2}, {1'000'000, 0.2}}, 1e-15);
}

TEST_CASE("schedules: continuous where they should be, never negative, ends held before and after") {
  for (const Case& c : all()) {
    INFO(c.name);
    for (int t = 0; t < 300; ++t) {
      REQUIRE(c.schedule(t) >= 0);
      REQUIRE(c.schedule(t) <= 1 + 1e-15);
      REQUIRE(std::abs(c.schedule(t + 1) - c.schedule(t)) <= c.slope);
    }
    if (c.name != "shifted") {  // which has a past
      CHECK(c.schedule(-1) == c.schedule(0));
      CHECK(c.schedule(-1'000'000) == c.schedule(0));
    }
    CHECK(std::isfinite(c.schedule(std::int64_t{1} << 40)));
    CHECK(c.schedule(std::int64_t{1} << 40) >= 0);
  }
}

TEST_CASE("schedules: a joined schedule starts each part anew, a shifted one has a past") {
  const auto joined = join({linear_decay(1, 100), linear_warmup(5, 10), constant(7)}, {20, 30});
  CHECK(joined(0) == 1);
  CHECK(joined(19) == 0.81);
  CHECK(joined(20) == 0);
  CHECK(joined(25) == 2.5);
  CHECK(joined(29) == 4.5);
  CHECK(joined(30) == 7);
  CHECK(join({constant(1), constant(2), constant(3)}, {5, 5})(5) == 3);
  CHECK(join({constant(1)}, {})(5) == 1);
  CHECK(shifted(linear_decay(1, 100), 20)(5) == 0.75);
  CHECK(shifted(linear_decay(1, 100), -20)(5) == 1);
}

TEST_CASE("schedules: degenerate lengths of decays and phases divide by nothing") {
  CHECK(polynomial_decay(1, 0, 0.1)(0) == 0.1);
  CHECK(polynomial_decay(1, 0, 0.1, 2, 3)(2) == 1);
  CHECK(multistep_decay(1, {})(7) == 1);
  CHECK(multistep_decay(1, {0})(0) == 0.1);
  CHECK(warmup_cosine_cycles(1, 0, 0)(0) == 1);
  CHECK(warmup_cosine_cycles(1, 10, 10)(10) == 1);
  for (const double total : {1.0, 2.0, 3.0, 4.0})
    for (const bool three : {false, true})
      for (int t = 0; t < 6; ++t) {
        CHECK(std::isfinite(one_cycle(1, total, {.three_phase = three})(t)));
        CHECK(std::isfinite(one_cycle_optax(1, total)(t)));
        CHECK(std::isfinite(one_cycle_linear(1, total)(t)));
      }
  CHECK(one_cycle(1, 100, {.warmup_share = 0})(0) == 1);
  CHECK(one_cycle(1, 100, {.warmup_share = 1})(99) == one_cycle(1, 100)(99));
  CHECK(warmup_stable_decay(1, 0, 0, 0)(0) == 0);
  CHECK(warmup_stable_decay(1, 0, 5, 0)(4) == 1);
  CHECK(infinite_cosine(1, 0.5, 0.1, {})(0) == 0.5);
  CHECK(infinite_cosine(1, 0.5, 0.1, {.anneal = 5, .total = 5})(5) == 0.1);
  CHECK(interpolate({{3, 0.5}})(0) == 0.5);
  CHECK(interpolate({{3, 0.5}, {3, 1.5}})(3) == 1.5);
}

TEST_CASE("schedules: scaling the peak scales cycles and phases") {
  for (int t = 0; t < 150; ++t) {
    CHECK(one_cycle(4, 100)(t) == 4 * one_cycle(1, 100)(t));
    CHECK(warmup_stable_decay(4, 10, 60, 30)(t) == 4 * warmup_stable_decay(1, 10, 60, 30)(t));
    CHECK(infinite_cosine(4, 2, 0.5, phases)(t) == 4 * infinite_cosine(1, 0.5, 0.125, phases)(t));
    CHECK(cosine_restarts(4, 10, 2)(t) == 4 * cosine_restarts(1, 10, 2)(t));
  }
}

TEST_CASE("schedules: every one drives a rule") {
  for (const Case& c : all()) {
    double x = 1;
    Optimizer optimizer{Sgd{.learning_rate = c.schedule}, x};
    double expected = 1;
    for (int t = 0; t < 5; ++t) {
      optimizer.step(1.0);
      expected -= c.schedule(t);
      CHECK(x == expected);
    }
  }
}

TEST_CASE("schedules: bad arguments of decays and phases are refused by name") {
  const auto says = [](auto&& make) { return message_of([&] { static_cast<void>(make()); }); };
  CHECK(says([] { return polynomial_decay(1, -1); }) == "polynomial_decay: steps = -1, must be >= 0 and finite");
  CHECK(says([] { return polynomial_decay(1, 1, 0, 0); }) == "polynomial_decay: power = 0, must be > 0 and finite");
  CHECK(says([] { return step_decay(1, 0); }) == "step_decay: period = 0, must be > 0 and finite");
  CHECK(says([] {
          return piecewise_constant(1, {{-1, 1}});
        }) == "piecewise_constant: step = -1, must be >= 0 and finite");
  CHECK(says([] { return multistep_decay(1, {1}, -1); }) == "multistep_decay: gamma = -1, must be >= 0 and finite");
  CHECK(says([] { return exponential_decay(1, 1, 0); }) == "exponential_decay: gamma = 0, must be > 0 and finite");
  CHECK(says([] { return cosine_annealing(1, 0); }) == "cosine_annealing: half_period = 0, must be > 0 and finite");
  CHECK(says([] { return cosine_restarts(1, 10, 0.5); }) == "cosine_restarts: growth = 0.5, must be >= 1 and finite");
  CHECK(says([] { return warmup_cosine_cycles(1, 10, 9); }) == "warmup_cosine_cycles: total_steps = 9, must be >= 10");
  CHECK(says([] { return noam(512, 0); }) == "noam: warmup_steps = 0, must be > 0 and finite");
  CHECK(says([] { return one_cycle(1, 0); }) == "one_cycle: total_steps = 0, must be >= 1 and finite");
  CHECK(says([] { return one_cycle(1, 9, {.warmup_share = 0.6, .three_phase = true}); }) ==
        "one_cycle: warmup_share = 0.6, must be in [0, 0.5]");
  CHECK(says([] { return one_cycle_linear(1, 9, 0.5, 0.4); }) ==
        "one_cycle_linear: down_share = 0.4, must be in [0.5, 1]");
  CHECK(says([] { return triangle(1, 0); }) == "triangle: total_steps = 0, must be > 0 and finite");
  CHECK(says([] { return interpolate({}); }) == "interpolate: no knots, must be at least one");
  CHECK(says([] { return interpolate({{0, 1}}, Interpolation{2}); }) == "interpolate: shape = 2, must be in [0, 1]");
  CHECK(says([] { return one_cycle(1, 9, {.shape = Interpolation{2}}); }) == "one_cycle: shape = 2, must be in [0, 1]");
  CHECK(says([] { return warmup_stable_decay(1, 1, 1, 1, {.warmup = Ramp{3}}); }) ==
        "warmup_stable_decay: warmup = 3, must be in [0, 2]");
  CHECK(says([] { return warmup_stable_decay(1, 1, 1, 1, {.decay = Ramp{-1}}); }) ==
        "warmup_stable_decay: decay = -1, must be in [0, 2]");
  CHECK(says([] { return interpolate({{2, 1}, {1, 1}}); }).starts_with("interpolate: step = 1, must be in [2, "));
  CHECK(says([] { return warmup_stable_decay(1, 1, 1, -1); }) ==
        "warmup_stable_decay: decay_steps = -1, must be >= 0 and finite");
  CHECK(says([] { return infinite_cosine(1, 0, 1, {}); }) == "infinite_cosine: middle = 0, must be > 0 and finite");
  CHECK(says([] {
          return infinite_cosine(1, 1, 1, {.warmup = 5});
        }).starts_with("infinite_cosine: cooldown = 0, must be in [5, "));
  CHECK(says([] { return infinite_inverse_sqrt(1, 1, 1, {}, 0); }) ==
        "infinite_inverse_sqrt: shape = 0, must be > 0 and finite");
  CHECK(says([] { return join({constant(1)}, {3}); }) ==
        "join: 1 schedules and 1 boundaries, must be one boundary less");
  CHECK(says([] {
          return join({constant(1), constant(1), constant(1)}, {5, 3});
        }) == "join: boundary = 3, must be >= 5");
  CHECK(says([] { return rewarm(-1, 1, 1, 10, 0); }) == "rewarm: from = -1, must be >= 0 and finite");
}
