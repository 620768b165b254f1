// Trajectories and schedules of optax 0.2.8: conventions and transforms must follow them, in double and in float.
#include <glissade/glissade.hpp>

#include "golden/golden.hpp"

using namespace glissade;
using golden::both;
using golden::entry;

namespace {

constexpr Convention optax = Convention::optax;

/// What generate_optax.py puts behind a transformation.
template <class R>
auto descent(R transform) {
  return chain(std::move(transform), Sgd{.learning_rate = 0.1});
}

golden::Entry schedule(std::string name, std::string options, Schedule rate) {
  return {std::move(name), std::move(options), [rate](const std::string&, int, double) {
            golden::Trajectory values;
            for (int t = 0; t <= 250; ++t) values[t] = {rate(t)};
            return values;
          }};
}

golden::Entry plateau(std::string options, ReduceOnPlateau rule) {
  return {"contrib.reduce_on_plateau", std::move(options), [rule](const std::string&, int, double) {
            ReduceOnPlateau told = rule;
            golden::Trajectory scales;
            for (int k = 1; k <= 60; ++k) scales[k] = {told.tell(1 + 0.3 * std::abs((k - 1) % 7 - 3) + 1.0 / k)};
            return scales;
          }};
}

std::vector<golden::Entry> simple_rules() {
  return {
      both("sgd", "learning_rate=0.1", Sgd{.learning_rate = 0.1}),
      both("sgd", "learning_rate=0.1 momentum=0.9", Sgd{.learning_rate = 0.1, .momentum = 0.9}),
      both("sgd", "learning_rate=0.1 momentum=0.9 nesterov=True",
           Sgd{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true}),
      both("adagrad", "learning_rate=0.1",
           Adagrad{.learning_rate = 0.1, .initial_accumulator = 0.1, .epsilon = 1e-7, .convention = optax}),
      both("adagrad", "learning_rate=0.1 initial_accumulator_value=0.0 eps=0.001",
           Adagrad{.learning_rate = 0.1, .epsilon = 1e-3, .convention = optax}),
      both("rmsprop", "learning_rate=0.01", RmsProp{.alpha = 0.9, .convention = optax}, 100, 100),
      // In float the difference of mean square and squared mean keeps a few digits only.
      entry("rmsprop", "learning_rate=0.01 centered=True momentum=0.9",
            RmsProp{.alpha = 0.9, .momentum = 0.9, .centered = true, .convention = optax}),
      both("rmsprop", "learning_rate=0.01 decay=0.95 eps=0.0001 initial_scale=1.0",
           RmsProp{.alpha = 0.95, .epsilon = 1e-4, .convention = optax, .initial_accumulator = 1}),
      both("rmsprop", "learning_rate=0.01 eps_in_sqrt=False", RmsProp{.alpha = 0.9}, 100, 100),
      both("rmsprop", "learning_rate=0.01 eps=0.0001 bias_correction=True",
           RmsProp{.alpha = 0.9, .epsilon = 1e-4, .convention = optax, .bias_corrected = true}, 100, 100),
      both("rmsprop", "learning_rate=0.01 eps=0.1 centered=True bias_correction=True",
           RmsProp{.alpha = 0.9, .epsilon = 0.1, .centered = true, .convention = optax, .bias_corrected = true}),
      both("rmsprop", "learning_rate=0.01 momentum=0.9 nesterov=True",
           RmsProp{.alpha = 0.9, .momentum = 0.9, .convention = optax, .nesterov = true}, 100, 100),
      both("adadelta", "learning_rate=1.0", Adadelta{}),
      both("adadelta", "learning_rate=0.5 rho=0.95 eps=0.0001 weight_decay=0.01",
           Adadelta{.learning_rate = 0.5, .rho = 0.95, .epsilon = 1e-4, .weight_decay = 0.01}),
      both("lion", "learning_rate=0.01", Lion{.learning_rate = 0.01, .weight_decay = 1e-3}),
      both("signum", "learning_rate=0.01", Signum{.learning_rate = 0.01}),
      both("sign_sgd", "learning_rate=0.01", Signum{.learning_rate = 0.01, .momentum = 0}),
      // In float the gradient of the network, once its steps are long, vanishes sooner than in double.
      entry("lars", "learning_rate=0.1 trust_coefficient=0.1",
            Lars{.learning_rate = 0.1, .trust_coefficient = 0.1, .convention = optax}),
      both("lars", "learning_rate=0.1 weight_decay=0.01 trust_coefficient=0.1 eps=0.001 momentum=0.5",
           Lars{.learning_rate = 0.1,
                .momentum = 0.5,
                .weight_decay = 0.01,
                .trust_coefficient = 0.1,
                .epsilon = 1e-3,
                .convention = optax}),
      entry("rprop", "learning_rate=0.01", Rprop{.convention = optax}),
      both("contrib.schedule_free_sgd", "learning_rate=0.1", ScheduleFreeSgd{.learning_rate = 0.1}),
      both("contrib.schedule_free_adamw", "learning_rate=0.01 weight_decay=0.1",
           ScheduleFreeAdamW{.learning_rate = 0.01, .weight_decay = 0.1}),
  };
}

std::vector<golden::Entry> adaptive_rules() {
  return {
      both("adam", "learning_rate=0.1", Adam{.learning_rate = 0.1}),
      both("adam", "learning_rate=0.02 b1=0.8 b2=0.99 eps=0.001",
           Adam{.learning_rate = 0.02, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-3}),
      both("adamw", "learning_rate=0.1", AdamW{.learning_rate = 0.1, .weight_decay = 1e-4}),
      both("adamw", "learning_rate=0.1 weight_decay=0.1", AdamW{.learning_rate = 0.1, .weight_decay = 0.1}),
      both("amsgrad", "learning_rate=0.1", AmsGrad{.learning_rate = 0.1, .convention = optax}),
      both("amsgrad", "learning_rate=0.01 b2=0.9", AmsGrad{.learning_rate = 0.01, .beta2 = 0.9, .convention = optax}),
      both("amsgrad", "learning_rate=0.01 eps=0.0 bias_correction_mu=False bias_correction_nu=False",
           AmsGrad{.learning_rate = 0.01, .convention = Convention::paper}),
      both("adamax", "learning_rate=0.1", Adamax{.learning_rate = 0.1}),
      both("nadam", "learning_rate=0.1", NAdam{.learning_rate = 0.1, .convention = optax}),
      both("nadamw", "learning_rate=0.01 weight_decay=0.1",
           NAdam{.learning_rate = 0.01, .weight_decay = 0.1, .decoupled = true, .convention = optax}),
      both("radam", "learning_rate=0.1", RAdam{.learning_rate = 0.1, .convention = optax}),
      both("radam", "learning_rate=0.1 b2=0.9", RAdam{.learning_rate = 0.1, .beta2 = 0.9, .convention = optax}, 100),
      both("yogi", "learning_rate=0.1", Yogi{.learning_rate = 0.1, .bias_corrected = true, .both_start = true}),
      both("adabelief", "learning_rate=0.01", AdaBelief{.learning_rate = 0.01, .rectify = false}),
      both("adan", "learning_rate=0.01",
           Adan{.learning_rate = 0.01, .proximal = false, .epsilon_root = 1e-8, .convention = optax}),
      both("adan", "learning_rate=0.01 weight_decay=0.1",
           Adan{.learning_rate = 0.01,
                .weight_decay = 0.1,
                .proximal = false,
                .epsilon_root = 1e-8,
                .convention = optax}),
      both("lamb", "learning_rate=0.01", Lamb{.learning_rate = 0.01, .weight_decay = 0}),
      both("lamb", "learning_rate=0.01 weight_decay=0.1", Lamb{.learning_rate = 0.01, .weight_decay = 0.1}),
      both("adafactor", "min_dim_size_to_factor=2", Adafactor{.convention = optax, .min_dim_to_factor = 2}, 100),
      both("adafactor", "learning_rate=0.01 min_dim_size_to_factor=2 momentum=0.9 weight_decay_rate=0.001",
           Adafactor{
               .learning_rate = 0.01, .beta1 = 0.9, .weight_decay = 1e-3, .convention = optax, .min_dim_to_factor = 2}),
      both("adafactor", "learning_rate=0.01 multiply_by_parameter_scale=False",
           Adafactor{.learning_rate = 0.01, .scale_parameter = false, .convention = optax}, 100, 100),
      both("contrib.adopt", "learning_rate=0.01", Adopt{.learning_rate = 0.01}),
      both("contrib.adopt", "learning_rate=0.01 use_clipping=False", Adopt{.learning_rate = 0.01, .clip = false}),
      // Float parameters cannot hold its first steps, of 1e-6, to more than a digit.
      entry("contrib.prodigy", "", Prodigy{.bias_corrected = true}),
      entry("contrib.prodigy", "weight_decay=0.01 safeguard_warmup=True",
            Prodigy{.weight_decay = 0.01, .bias_corrected = true, .safeguard_warmup = true}),
  };
}

std::vector<golden::Entry> transforms() {
  return {
      both("clip", "max_delta=0.3", descent(ClipByValue{0.3})),
      both("clip_by_global_norm", "max_norm=0.5", descent(ClipByGlobalNorm{0.5})),
      both("clip_by_block_rms", "threshold=0.1", descent(ClipByRms{0.1})),
      both("adaptive_grad_clip", "clipping=0.1", descent(AdaptiveClip{.clipping = 0.1, .by_columns = true})),
      both("adaptive_grad_clip", "clipping=0.1 eps=0.5 axis=1", descent(AdaptiveClip{.clipping = 0.1, .epsilon = 0.5})),
      both("centralize", "", descent(Centralize{})),
      both("trace", "decay=0.5", descent(Trace{.momentum = 0.5})),
      both("scale_by_trust_ratio", "trust_coefficient=0.2 eps=0.1",
           descent(ScaleByTrustRatio{.trust_coefficient = 0.2, .epsilon = 0.1})),
      both("MultiSteps", "every_k_schedule=3", chain(Accumulate{.steps = 3}, Adam{.learning_rate = 0.1})),
  };
}

std::vector<golden::Entry> schedules() {
  return {
      schedule("constant_schedule", "value=0.3", constant(0.3)),
      schedule("polynomial_schedule", "init_value=1.0 end_value=0.1 power=2 transition_steps=90 transition_begin=10",
               polynomial_decay(1, 90, 0.1, 2, 10)),
      schedule("linear_schedule", "init_value=1.0 end_value=0.1 transition_steps=100", linear_decay(1, 100, 0.1)),
      schedule("piecewise_constant_schedule", "init_value=1.0 boundaries_and_scales={30:0.5;60:0.1}",
               piecewise_constant(1, {{30, 0.5}, {60, 0.1}})),
      schedule("exponential_decay", "init_value=1.0 transition_steps=10 decay_rate=0.5 end_value=0.01",
               exponential_decay(1, 10, 0.5, 0.01)),
      schedule("exponential_decay", "init_value=1.0 transition_steps=10 decay_rate=0.5 staircase=True",
               exponential_decay(1, 10, 0.5, 0, true)),
      schedule("cosine_decay_schedule", "init_value=1.0 decay_steps=100 alpha=0.1 exponent=2.0",
               cosine_decay(1, 100, 0.1, 2)),
      schedule("warmup_cosine_decay_schedule",
               "init_value=0.1 peak_value=1.0 warmup_steps=10 decay_steps=100 end_value=0.05",
               warmup_cosine_decay(1, 10, 100, 0.05, 0.1)),
      schedule("warmup_constant_schedule", "init_value=0.1 peak_value=1.0 warmup_steps=10", linear_warmup(1, 10, 0.1)),
      schedule("cosine_onecycle_schedule", "transition_steps=100 peak_value=1.0", one_cycle_optax(1, 100)),
      schedule("linear_onecycle_schedule", "transition_steps=100 peak_value=1.0", one_cycle_linear(1, 100)),
      schedule("piecewise_interpolate_schedule",
               "interpolate_type=cosine init_value=1.0 boundaries_and_scales={30:0.5;60:4.0}",
               interpolate({{0, 1}, {30, 0.5}, {60, 2}}, Interpolation::cosine)),
      plateau("factor=0.5 patience=3 cooldown=2",
              ReduceOnPlateau{.learning_rate = 1, .factor = 0.5, .patience = 3, .cooldown = 2}),
      plateau("factor=0.5 patience=2 rtol=0.0 atol=0.05 accumulation_size=3 min_scale=0.2",
              ReduceOnPlateau{.learning_rate = 1,
                              .factor = 0.5,
                              .patience = 2,
                              .relative = 0,
                              .absolute = 0.05,
                              .averaged = 3,
                              .min_scale = 0.2}),
  };
}

}  // namespace

TEST_CASE("golden: optax") {
  std::vector<golden::Entry> all = simple_rules();
  for (const auto& more : {adaptive_rules(), transforms(), schedules()})
    all.insert(all.end(), more.begin(), more.end());
  golden::check("optax.csv", all);
}
