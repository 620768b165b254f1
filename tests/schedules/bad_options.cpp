// Every option of every schedule: what is in its range is taken, what is not is refused by name.
#include "support/bad_values.hpp"
#include <glissade/schedules/budget.hpp>
#include <glissade/schedules/cosine_annealing.hpp>
#include <glissade/schedules/cosine_decay.hpp>
#include <glissade/schedules/exponential_decay.hpp>
#include <glissade/schedules/infinite.hpp>
#include <glissade/schedules/interpolate.hpp>
#include <glissade/schedules/inverse_sqrt.hpp>
#include <glissade/schedules/join.hpp>
#include <glissade/schedules/linear_warmup.hpp>
#include <glissade/schedules/noam.hpp>
#include <glissade/schedules/one_cycle.hpp>
#include <glissade/schedules/polynomial_decay.hpp>
#include <glissade/schedules/reduce_on_plateau.hpp>
#include <glissade/schedules/rewarm.hpp>
#include <glissade/schedules/step_decay.hpp>
#include <glissade/schedules/warmup_cosine_decay.hpp>
#include <glissade/schedules/warmup_stable_decay.hpp>

using namespace glissade;
using namespace bad_values;

TEST_CASE("schedules: every option out of its range is refused by name") {
  check("cosine_annealing", "peak", non_negative, [](double v) { return cosine_annealing(v, 10); });
  check("cosine_annealing", "half_period", positive, [](double v) { return cosine_annealing(1, v); });
  check("cosine_annealing", "end", non_negative, [](double v) { return cosine_annealing(1, 10, v); });
  check("cosine_restarts", "peak", non_negative, [](double v) { return cosine_restarts(v, 10); });
  check("cosine_restarts", "first", positive, [](double v) { return cosine_restarts(1, v); });
  check("cosine_restarts", "growth", at_least_one, [](double v) { return cosine_restarts(1, 10, v); });
  check("cosine_restarts", "end", non_negative, [](double v) { return cosine_restarts(1, 10, 2, v); });
  check("warmup_cosine_cycles", "peak", non_negative, [](double v) { return warmup_cosine_cycles(v, 1, 10); });
  check("warmup_cosine_cycles", "warmup_steps", {{0, 10}, {-tiny, infinity, not_a_number}},
        [](double v) { return warmup_cosine_cycles(1, v, 10); });
  check("warmup_cosine_cycles", "total_steps", at_least_ten, [](double v) { return warmup_cosine_cycles(1, 10, v); });
  check("warmup_cosine_cycles", "cycles", non_negative, [](double v) { return warmup_cosine_cycles(1, 1, 10, v); });
  check("warmup_cosine_cycles", "min_ratio", fraction, [](double v) { return warmup_cosine_cycles(1, 1, 10, 1, v); });
  check("cosine_decay", "peak", non_negative, [](double v) { return cosine_decay(v, 10); });
  check("cosine_decay", "steps", non_negative, [](double v) { return cosine_decay(1, v); });
  check("cosine_decay", "end", non_negative, [](double v) { return cosine_decay(1, 10, v); });
  check("cosine_decay", "power", positive, [](double v) { return cosine_decay(1, 10, 0, v); });
  check("exponential_decay", "peak", non_negative, [](double v) { return exponential_decay(v, 10, 0.5); });
  check("exponential_decay", "period", positive, [](double v) { return exponential_decay(1, v, 0.5); });
  check("exponential_decay", "gamma", positive, [](double v) { return exponential_decay(1, 10, v); });
  check("exponential_decay", "end", non_negative, [](double v) { return exponential_decay(1, 10, 0.5, v); });
  check("inverse_sqrt", "peak", non_negative, [](double v) { return inverse_sqrt(v, 10); });
  check("inverse_sqrt", "warmup_steps", non_negative, [](double v) { return inverse_sqrt(1, v); });
  check("inverse_sqrt", "timescale", non_negative, [](double v) { return inverse_sqrt(1, 10, v); });
  check("inverse_sqrt", "start", non_negative, [](double v) { return inverse_sqrt(1, 10, 0, v); });
  check("linear_warmup", "peak", non_negative, [](double v) { return linear_warmup(v, 10); });
  check("linear_warmup", "steps", non_negative, [](double v) { return linear_warmup(1, v); });
  check("linear_warmup", "start", non_negative, [](double v) { return linear_warmup(1, 10, v); });
  check("noam", "width", positive, [](double v) { return noam(v, 10); });
  check("noam", "warmup_steps", positive, [](double v) { return noam(1, v); });
  check("noam", "factor", non_negative, [](double v) { return noam(1, 10, v); });
  check("polynomial_decay", "start", non_negative, [](double v) { return polynomial_decay(v, 10); });
  check("polynomial_decay", "steps", non_negative, [](double v) { return polynomial_decay(1, v); });
  check("polynomial_decay", "end", non_negative, [](double v) { return polynomial_decay(1, 10, v); });
  check("polynomial_decay", "power", positive, [](double v) { return polynomial_decay(1, 10, 0, v); });
  check("polynomial_decay", "begin", non_negative, [](double v) { return polynomial_decay(1, 10, 0, 1, v); });
  check("rewarm", "from", non_negative, [](double v) { return rewarm(v, 1, 1, 10, 0); });
  check("step_decay", "peak", non_negative, [](double v) { return step_decay(v, 10); });
  check("step_decay", "period", positive, [](double v) { return step_decay(1, v); });
  check("step_decay", "gamma", non_negative, [](double v) { return step_decay(1, 10, v); });
  check("piecewise_constant", "start", non_negative, [](double v) { return piecewise_constant(v, {}); });
  check("piecewise_constant", "step", non_negative, [](double v) { return piecewise_constant(1, {{v, 1}}); });
  check("piecewise_constant", "factor", non_negative, [](double v) { return piecewise_constant(1, {{1, v}}); });
  check("multistep_decay", "gamma", non_negative, [](double v) { return multistep_decay(1, {5}, v); });
  check("warmup_cosine_decay", "peak", non_negative, [](double v) { return warmup_cosine_decay(v, 1, 10); });
  check("warmup_cosine_decay", "warmup_steps", {{0, 10}, {-tiny, infinity, not_a_number}},
        [](double v) { return warmup_cosine_decay(1, v, 10); });
  check("warmup_cosine_decay", "total_steps", {{10, 1e300}, {9.999, not_a_number}},
        [](double v) { return warmup_cosine_decay(1, 10, v); });
  check("warmup_stable_decay", "peak", non_negative, [](double v) { return warmup_stable_decay(v, 1, 1, 1); });
  check("warmup_stable_decay", "warmup_steps", non_negative, [](double v) { return warmup_stable_decay(1, v, 1, 1); });
  check("warmup_stable_decay", "stable_steps", non_negative, [](double v) { return warmup_stable_decay(1, 1, v, 1); });
  check("warmup_stable_decay", "decay_steps", non_negative, [](double v) { return warmup_stable_decay(1, 1, 1, v); });
  check("warmup_stable_decay", "min_ratio", fraction,
        [](double v) { return warmup_stable_decay(1, 1, 1, 1, {.min_ratio = v}); });
  check("interpolate", "value", non_negative, [](double v) { return interpolate({{0, 1}, {1, v}}); });
  check("interpolate", "step", {{-1e300, 0, 1}, {infinity, -infinity, not_a_number}}, [](double v) {
    return interpolate({{v, 1}});
  });
  check("interpolate", "step", {{1, 2}, {below, -1, infinity, not_a_number}}, [](double v) {
    return interpolate({{1, 1}, {v, 1}});
  });
}

TEST_CASE("schedules of phases and cycles: every option out of its range is refused by name") {
  const InfinitePhases phases{.warmup = 10, .cooldown = 20, .anneal = 30, .total = 40};
  const auto check_infinite = [&](const std::string& owner, const auto& make) {
    check(owner, "peak", non_negative, [&](double v) { return make(v, 0.5, 0.1, phases); });
    check(owner, "middle", positive, [&](double v) { return make(1, v, 0.1, phases); });
    check(owner, "end", positive, [&](double v) { return make(1, 0.5, v, phases); });
    const auto with = [&](double InfinitePhases::*member) {
      return [&, member](double v) {
        InfinitePhases other = phases;
        other.*member = v;
        return make(1, 0.5, 0.1, other);
      };
    };
    check(owner, "warmup", {{0, 10, 20}, {-tiny, infinity, not_a_number}}, with(&InfinitePhases::warmup));
    check(owner, "cooldown", {{10, 20, 30}, {9.999, -1, infinity, not_a_number}}, with(&InfinitePhases::cooldown));
    check(owner, "anneal", {{20, 30, 40}, {19.999, -1, not_a_number}}, with(&InfinitePhases::anneal));
    check(owner, "total", {{30, 1e300, infinity}, {29.999, -1, not_a_number}}, with(&InfinitePhases::total));
  };
  check_infinite("infinite_cosine", [](double peak, double middle, double end, const InfinitePhases& p) {
    return infinite_cosine(peak, middle, end, p);
  });
  check_infinite("infinite_inverse_sqrt", [](double peak, double middle, double end, const InfinitePhases& p) {
    return infinite_inverse_sqrt(peak, middle, end, p, 2);
  });
  check("infinite_inverse_sqrt", "shape", positive,
        [&](double v) { return infinite_inverse_sqrt(1, 0.5, 0.1, phases, v); });

  const auto check_cycle = [](const std::string& owner, const auto& make) {
    check(owner, "total_steps", {{1, 10, 1e9}, {below, 0, -1, infinity, not_a_number}},
          [&](double v) { return make(v, OneCycleOptions{}); });
    check(owner, "warmup_share", fraction, [&](double v) { return make(10, OneCycleOptions{.warmup_share = v}); });
    check(owner, "warmup_share", {{0, 0.5}, {-tiny, 0.51, 1, not_a_number}},
          [&](double v) { return make(10, OneCycleOptions{.warmup_share = v, .three_phase = true}); });
    check(owner, "start_divisor", at_least_one,
          [&](double v) { return make(10, OneCycleOptions{.start_divisor = v}); });
    check(owner, "end_divisor", at_least_one, [&](double v) { return make(10, OneCycleOptions{.end_divisor = v}); });
  };
  check_cycle("one_cycle", [](double total, const OneCycleOptions& o) { return one_cycle(1, total, o); });
  check_cycle("one_cycle_momentum",
              [](double total, const OneCycleOptions& o) { return one_cycle_momentum(total, 0.8, 0.9, o); });
  check_cycle("one_cycle_optax", [](double total, const OneCycleOptions& o) { return one_cycle_optax(1, total, o); });
  check("one_cycle", "peak", non_negative, [](double v) { return one_cycle(v, 10); });
  check("one_cycle_momentum", "low", fraction, [](double v) { return one_cycle_momentum(10, v); });
  check("one_cycle_momentum", "high", fraction, [](double v) { return one_cycle_momentum(10, 0.5, v); });
  check("one_cycle_linear", "peak", non_negative, [](double v) { return one_cycle_linear(v, 10); });
  check("one_cycle_linear", "total_steps", {{1, 10}, {below, infinity, not_a_number}},
        [](double v) { return one_cycle_linear(1, v); });
  check("one_cycle_linear", "down_share", {{0.3, 0.5, 1}, {0.29, above, not_a_number}},
        [](double v) { return one_cycle_linear(1, 10, 0.3, v); });
  check("triangle", "peak", non_negative, [](double v) { return triangle(v, 10); });
  check("triangle", "total_steps", {{tiny, 1, 1e300}, {0, -tiny, infinity, not_a_number}},
        [](double v) { return triangle(1, v); });

  check("ReduceOnPlateau", "learning_rate", non_negative,
        [](double v) { return ReduceOnPlateau{.learning_rate = v}.tell(1); });
  check("ReduceOnPlateau", "factor", open_fraction, [](double v) { return ReduceOnPlateau{.factor = v}.tell(1); });
  check("ReduceOnPlateau", "relative", decay, [](double v) { return ReduceOnPlateau{.relative = v}.tell(1); });
  check("ReduceOnPlateau", "absolute", non_negative, [](double v) { return ReduceOnPlateau{.absolute = v}.tell(1); });
  check("ReduceOnPlateau", "min_scale", fraction, [](double v) { return ReduceOnPlateau{.min_scale = v}.tell(1); });
  const auto whole = [](double v) { return static_cast<int>(v); };
  check("ReduceOnPlateau", "patience", {{1, 5}, {0, -1}},
        [&](double v) { return ReduceOnPlateau{.patience = whole(v)}.tell(1); });
  check("ReduceOnPlateau", "cooldown", {{0, 5}, {-1}},
        [&](double v) { return ReduceOnPlateau{.cooldown = whole(v)}.tell(1); });
  check("ReduceOnPlateau", "averaged", {{1, 5}, {0, -1}},
        [&](double v) { return ReduceOnPlateau{.averaged = whole(v)}.tell(1); });
}
