#include "support/subject.hpp"

#include "laws/textbook.hpp"

using namespace glissade;

TEST_CASE("laws: transforms") {
  check_laws<false>(Subject{"clip by global norm - AdamW",
                            chain(ClipByGlobalNorm{.max_norm = 0.5}, AdamW{.learning_rate = 0.05}), 2,
                            textbook::clipped_adamw(0.5, 0.05), false, false});
  check_laws<false>(Subject{"clip by value - Sgd", chain(ClipByValue{.max_value = 0.6}, Sgd{.learning_rate = 0.1}), 1,
                            textbook::clipped_sgd(0.6, 0.1)});
  check_laws<false>(Subject{"clip - Lion - decay - cosine",
                            chain(ClipByGlobalNorm{.max_norm = 1.0}, ScaleByLion{.beta1 = 0.9, .beta2 = 0.99},
                                  AddDecayedWeights{.weight_decay = 0.01, .mask = matrices_only},
                                  ScaleByLearningRate{.learning_rate = cosine_decay(0.01, 3000, 1e-4)}),
                            2, nullptr, false, false});
  check_laws<false>(
      Subject{"trace and scale", chain(Trace{.momentum = 0.5}, Scale{.factor = -0.1}), 1, textbook::sgd(0.1, 0.5)});
  check_laws<false>(Subject{"skip non-finite - Adam", chain(SkipNonFinite{}, Adam{.learning_rate = 0.05}), 2,
                            textbook::adam(0.05, 0.9, 0.999, 1e-8, 0, 0)});
  check_laws<false>(
      Subject{"throw non-finite - Sgd", chain(ThrowNonFinite{}, Sgd{.learning_rate = 0.1}), 2, textbook::sgd(0.1)});
  check_laws<false>(
      Subject{"accumulate - Adam", chain(Accumulate{.steps = 2}, Adam{.learning_rate = 0.05}), 1, nullptr});
  check_laws<false>(
      Subject{"skip - accumulate - clip - AdamW",
              chain(SkipNonFinite{}, Accumulate{.steps = 2}, ClipByGlobalNorm{}, AdamW{.learning_rate = 0.05}), 3,
              nullptr, false, false});
  check_laws<false>(Subject{"clip by norm - Sgd", chain(ClipByNorm{.max_norm = 0.7}, Sgd{.learning_rate = 0.1}), 2,
                            textbook::norm_clipped_sgd(0.7, 0.1), false});
  check_laws<false>(Subject{"clip coordinates - Sgd",
                            chain(ClipCoordinates{.fraction = 0.3}, Sgd{.learning_rate = 0.1}), 2,
                            textbook::coordinate_clipped_sgd(0.3, 0.1), false});
  check_laws<false>(
      Subject{"centralize - adaptive clip - noise - Sgd",
              chain(Centralize{.mask = [](const Tensor& t) { return t.rows > 4; }},
                    AdaptiveClip{.clipping = 0.5, .epsilon = 1}, AddNoise{.eta = 1e-34}, Sgd{.learning_rate = 0.1}),
              5, nullptr, false, false});
  check_laws<false>(Subject{"loss scale - cautious Adam",
                            chain(DynamicLossScale{.initial_scale = 1, .interval = 3, .max_scale = 1},
                                  cautious(ScaleByAdam{}), ScaleByLearningRate{.learning_rate = 0.05}),
                            3, nullptr, false});
  check_laws<false>(Subject{"groups", groups(Adam{.learning_rate = 0.05}, group("?", Sgd{.learning_rate = 0.1})), 1,
                            textbook::sgd(0.1)});
  check_laws<false>(
      Subject{"Adam with 8-bit state", with_state<DynamicCode>(Adam{.learning_rate = 0.05}), 1, nullptr, false});
  check_laws<false>(Subject{"clip - Adam with logarithmic 8-bit state",
                            chain(ClipByGlobalNorm{}, with_state<LogarithmicCode>(Adam{.learning_rate = 0.05})), 2,
                            nullptr, false});
  check_laws<false>(
      Subject{"Adam with bfloat16 state", with_state<Eigen::bfloat16>(Adam{.learning_rate = 0.05}), 1, nullptr});
}
