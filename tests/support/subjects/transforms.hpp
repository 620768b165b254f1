// The table of transforms, wrappers and common chains.
#pragma once

#include "support/subjects/rules.hpp"

namespace textbook {

inline auto clipped_adamw(double max_norm, double rate) {
  return [=](Textbook& k) {
    const double norm = std::sqrt(k.g.square().sum());
    if (norm > max_norm) k.g *= max_norm / norm;
    adam(rate, 0.9, 0.999, 1e-8, 0, 1e-2)(k);
  };
}

inline auto norm_clipped_sgd(double max_norm, double rate) {
  return [=](Textbook& k) { k.x -= rate * std::min(1.0, max_norm / std::sqrt(k.g.square().sum())) * k.g; };
}

inline auto coordinate_clipped_sgd(double fraction, double rate) {
  return [=](Textbook& k) {
    std::vector<double> all(static_cast<std::size_t>(k.g.size()));
    for (Eigen::Index i = 0; i < k.g.size(); ++i) all[static_cast<std::size_t>(i)] = std::abs(k.g.data()[i]);
    std::sort(all.rbegin(), all.rend());
    const double most = all[static_cast<std::size_t>(fraction * static_cast<double>(all.size()))];
    k.x -= rate * k.g.min(most).max(-most);
  };
}

inline auto clipped_sgd(double max_value, double rate) {
  return [=](Textbook& k) { k.x -= rate * k.g.min(max_value).max(-max_value); };
}

}  // namespace textbook

void for_each_transform_subject(auto&& check) {
  using namespace glissade;
  check(Subject{"clip by global norm - AdamW", chain(ClipByGlobalNorm{.max_norm = 0.5}, AdamW{.learning_rate = 0.05}),
                2, textbook::clipped_adamw(0.5, 0.05), false, false});
  check(Subject{"clip by value - Sgd", chain(ClipByValue{.max_value = 0.6}, Sgd{.learning_rate = 0.1}), 1,
                textbook::clipped_sgd(0.6, 0.1)});
  check(Subject{"clip - Lion - decay - cosine",
                chain(ClipByGlobalNorm{.max_norm = 1.0}, ScaleByLion{.beta1 = 0.9, .beta2 = 0.99},
                      AddDecayedWeights{.weight_decay = 0.01, .mask = matrices_only},
                      ScaleByLearningRate{.learning_rate = cosine_decay(0.01, 3000, 1e-4)}),
                2, nullptr, false, false});
  check(Subject{"trace and scale", chain(Trace{.momentum = 0.5}, Scale{.factor = -0.1}), 1, textbook::sgd(0.1, 0.5)});
  check(Subject{"skip non-finite - Adam", chain(SkipNonFinite{}, Adam{.learning_rate = 0.05}), 2,
                textbook::adam(0.05, 0.9, 0.999, 1e-8, 0, 0)});
  check(Subject{"throw non-finite - Sgd", chain(ThrowNonFinite{}, Sgd{.learning_rate = 0.1}), 2, textbook::sgd(0.1)});
  check(Subject{"accumulate - Adam", chain(Accumulate{.steps = 2}, Adam{.learning_rate = 0.05}), 1, nullptr});
  check(Subject{"skip - accumulate - clip - AdamW",
                chain(SkipNonFinite{}, Accumulate{.steps = 2}, ClipByGlobalNorm{}, AdamW{.learning_rate = 0.05}), 3,
                nullptr, false, false});
  check(Subject{"clip by norm - Sgd", chain(ClipByNorm{.max_norm = 0.7}, Sgd{.learning_rate = 0.1}), 2,
                textbook::norm_clipped_sgd(0.7, 0.1), false});
  check(Subject{"clip coordinates - Sgd", chain(ClipCoordinates{.fraction = 0.3}, Sgd{.learning_rate = 0.1}), 2,
                textbook::coordinate_clipped_sgd(0.3, 0.1), false});
  check(Subject{"centralize - adaptive clip - noise - Sgd",
                chain(Centralize{.mask = [](const Tensor& t) { return t.rows > 4; }},
                      AdaptiveClip{.clipping = 0.5, .epsilon = 1}, AddNoise{.eta = 1e-34}, Sgd{.learning_rate = 0.1}),
                5, nullptr, false, false});
  check(Subject{"loss scale - cautious Adam",
                chain(DynamicLossScale{.initial_scale = 1, .interval = 3, .max_scale = 1}, cautious(ScaleByAdam{}),
                      ScaleByLearningRate{.learning_rate = 0.05}),
                3, nullptr, false});
  check(Subject{"groups", groups(Adam{.learning_rate = 0.05}, group("0", Sgd{.learning_rate = 0.1})), 1,
                textbook::sgd(0.1)});
  check(Subject{"Adam with 8-bit state", with_state<DynamicCode>(Adam{.learning_rate = 0.05}), 1, nullptr, false});
  check(Subject{"clip - Adam with logarithmic 8-bit state",
                chain(ClipByGlobalNorm{}, with_state<LogarithmicCode>(Adam{.learning_rate = 0.05})), 2, nullptr,
                false});
  check(Subject{"Adam with bfloat16 state", with_state<Eigen::bfloat16>(Adam{.learning_rate = 0.05}), 1, nullptr});
}
