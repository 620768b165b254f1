// The table of rules after Adam: one line each, with a textbook version.
#pragma once

#include "support/subject.hpp"

namespace textbook {

inline auto adabelief(double rate, bool rectify, bool in_state) {
  return [=](Textbook& k) {
    const double c1 = 1 - std::pow(0.9, k.t);
    const double c2 = 1 - std::pow(0.99, k.t);
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.99 * k.s[1] + 0.01 * (k.g - k.s[0]).square() + (in_state ? 1e-6 : 0);
    const Eigen::ArrayXXd root = (k.s[1] + (in_state ? 0 : 1e-6)).sqrt();
    const double inf = 2 / (1 - 0.99) - 1;
    const double rho = inf - 2 * k.t * std::pow(0.99, k.t) / c2;
    const double trust = std::sqrt((rho - 4) * (rho - 2) * inf / ((inf - 4) * (inf - 2) * rho));
    if (!rectify)
      k.x -= rate * k.s[0] / c1 / (root / std::sqrt(c2) + 1e-6);
    else if (rho > 5)
      k.x -= rate * trust * std::sqrt(c2) / c1 * k.s[0] / (root + 1e-6);
    else
      k.x -= rate * k.s[0] / c1;
  };
}

inline auto adan(double rate, double decay, bool proximal) {
  return [=](Textbook& k) {
    const Eigen::ArrayXXd d = k.t == 1 ? Eigen::ArrayXXd(0 * k.g) : Eigen::ArrayXXd(k.g - k.s[3]);
    k.s[3] = k.g;
    k.s[0] = 0.98 * k.s[0] + 0.02 * k.g;
    k.s[1] = 0.92 * k.s[1] + 0.08 * d;
    k.s[2] = 0.99 * k.s[2] + 0.01 * (k.g + 0.92 * d).square();
    const Eigen::ArrayXXd step = rate *
                                 (k.s[0] / (1 - std::pow(0.98, k.t)) + 0.92 * k.s[1] / (1 - std::pow(0.92, k.t))) /
                                 ((k.s[2] / (1 - std::pow(0.99, k.t))).sqrt() + 1e-8);
    k.x = proximal ? Eigen::ArrayXXd((k.x - step) / (1 + rate * decay))
                   : Eigen::ArrayXXd((1 - rate * decay) * k.x - step);
  };
}

inline auto lamb(double rate, double decay, double most) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g.square();
    const Eigen::ArrayXXd u =
        k.s[0] / (1 - std::pow(0.9, k.t)) / ((k.s[1] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-6) + decay * k.x;
    k.x -= rate * std::min(most, k.x.matrix().norm() / u.matrix().norm()) * u;
  };
}

inline auto madgrad(double rate, double momentum, double decay = 0) {
  return [=](Textbook& k) {
    if (k.t == 1) k.s[2] = k.x;
    const double weight = (rate + 1e-6) * std::sqrt(k.t);
    const Eigen::ArrayXXd g = k.g + decay * k.x;
    k.s[0] += weight * g;
    k.s[1] += weight * g.square();
    const Eigen::ArrayXXd root = k.s[1].unaryExpr([](double v) { return std::cbrt(v); });
    k.x = momentum * k.x + (1 - momentum) * (k.s[2] - k.s[0] / (root + 1e-6));
  };
}

inline auto adopt(double rate, double exponent) {
  return [=](Textbook& k) {
    if (k.t == 1) {
      k.s[1] = k.g.square();
      return;
    }
    const double bound = std::pow(k.t - 1, exponent);
    k.s[0] = 0.9 * k.s[0] + 0.1 * (k.g / k.s[1].sqrt().max(1e-6)).min(bound).max(-bound);
    k.s[1] = 0.9999 * k.s[1] + 0.0001 * k.g.square();
    k.x -= rate * k.s[0];
  };
}

inline auto schedule_free(double rate, double b, bool adaptive, double decay, double power) {
  return [=](Textbook& k) {  // s: z, x, v and, spread out, the sum of weights
    if (k.t == 1) k.s[0] = k.s[1] = k.x;
    Eigen::ArrayXXd d = k.g;
    if (adaptive) {
      k.s[2] = 0.999 * k.s[2] + 0.001 * k.g.square();
      d /= (k.s[2] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-8;
    }
    d += decay * k.x;
    const double w = std::pow(k.t, power) * rate * rate;
    k.s[3] += w;
    k.s[0] -= rate * d;
    k.s[1] += w / k.s[3] * (k.s[0] - k.s[1]);
    k.x = (1 - b) * k.s[0] + b * k.s[1];
  };
}

inline auto prodigy(double start, double decay, double b3 = std::sqrt(0.999), double factor = 1) {
  return [=](Textbook& k) {  // s: m, v, s, x0; v[0]: d, numerator
    if (k.t == 1) {
      k.s[3] = k.x;
      k.v[0] = Eigen::Array2d(start, 0);
    }
    const double d = k.v[0][0];
    k.s[0] = 0.9 * k.s[0] + 0.1 * d * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * d * d * k.g.square();
    k.s[2] = b3 * k.s[2] + d * d / start * k.g;
    k.v[0][1] = b3 * k.v[0][1] + d * d / start * (k.g * (k.s[3] - k.x)).sum();
    k.v[0][0] = std::max(d, factor * k.v[0][1] / k.s[2].abs().sum());
    k.x -= d * (k.s[0] / (k.s[1].sqrt() + k.v[0][0] * 1e-8) + decay * k.x);
  };
}

inline auto yogi(double rate, bool corrected) {
  return [=](Textbook& k) {
    if (k.t == 1) k.s[1] += 1e-6;
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] -= 0.001 * (k.s[1] - k.g.square()).sign() * k.g.square();
    const double c1 = corrected ? 1 - std::pow(0.9, k.t) : 1;
    const double c2 = corrected ? 1 - std::pow(0.999, k.t) : 1;
    k.x -= rate * k.s[0] / c1 / ((k.s[1] / c2).sqrt() + 1e-3);
  };
}

inline auto lars(double rate, double momentum, double decay, double trust, bool nesterov = false) {
  return [=](Textbook& k) {
    const double size = k.x.matrix().norm();
    const double ratio = trust * size / (k.g.matrix().norm() + decay * size);
    const Eigen::ArrayXXd u = rate * ratio * (k.g + decay * k.x);
    k.s[0] = momentum * k.s[0] + u;
    k.x -= nesterov ? Eigen::ArrayXXd(momentum * k.s[0] + u) : k.s[0];
  };
}

inline auto laprop(double rate) {
  return [=](Textbook& k) {
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g.square();
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g / ((k.s[1] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-15);
    k.x -= rate * k.s[0] / (1 - std::pow(0.9, k.t));
  };
}

inline auto cautious_adamw(double rate, double decay) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g.square();
    const Eigen::ArrayXXd mask = (k.s[0] * k.g > 0).cast<double>();
    const Eigen::ArrayXXd d = k.s[0] / (1 - std::pow(0.9, k.t)) / ((k.s[1] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-8);
    k.x -= rate * (d * mask / std::max(mask.mean(), 1e-3) + decay * k.x);
  };
}

inline auto cautious_lion(double rate) {
  return [=](Textbook& k) {
    const Eigen::ArrayXXd c = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[0] = 0.99 * k.s[0] + 0.01 * k.g;
    const Eigen::ArrayXXd mask = (c * k.g > 0).cast<double>();
    k.x -= rate * static_cast<double>(c.size()) / (mask.sum() + 1) * mask * c.sign();
  };
}

/// Without curvature, which only update_curvature brings in.
inline auto sophia(double rate, double decay) {
  return [=](Textbook& k) {
    k.s[0] = 0.96 * k.s[0] + 0.04 * k.g;
    k.x = (1 - rate * decay) * k.x - rate * (k.s[0] / 1e-12).min(1.0).max(-1.0);
  };
}

}  // namespace textbook

void for_each_modern_subject(auto&& check) {
  using namespace glissade;
  check(Subject{"Sophia", Sophia{.learning_rate = 0.005}, 1, textbook::sophia(0.005, 0)});
  check(Subject{"Sophia with decay", Sophia{.learning_rate = 0.005, .weight_decay = 1e-3}, 1,
                textbook::sophia(0.005, 1e-3), true, false});
  check(Subject{"AdaBelief", AdaBelief{.learning_rate = 0.02, .beta2 = 0.99, .epsilon = 1e-6, .rectify = false}, 1,
                textbook::adabelief(0.02, false, true)});
  check(Subject{"AdaBelief, rectified, epsilon under the root",
                AdaBelief{.learning_rate = 0.02, .beta2 = 0.99, .epsilon = 1e-6, .epsilon_in_state = false}, 1,
                textbook::adabelief(0.02, true, false)});
  check(Subject{"Adan", Adan{.learning_rate = 0.02, .weight_decay = 1e-3}, 1, textbook::adan(0.02, 1e-3, true), true,
                false});
  check(Subject{"Adan, not proximal", Adan{.learning_rate = 0.02, .weight_decay = 1e-3, .proximal = false}, 1,
                textbook::adan(0.02, 1e-3, false), true, false});
  check(Subject{"Lamb", Lamb{.learning_rate = 0.01, .weight_decay = 0}, 2,
                textbook::lamb(0.01, 0, std::numeric_limits<double>::infinity()), false});
  check(Subject{"Lamb with decay and a bounded ratio",
                Lamb{.learning_rate = 0.01, .weight_decay = 1e-3, .max_ratio = 0.7}, 2, textbook::lamb(0.01, 1e-3, 0.7),
                false, false});
  check(Subject{"Madgrad", Madgrad{.learning_rate = 0.05}, 1, textbook::madgrad(0.05, 0.9)});
  check(Subject{"Madgrad with decay", Madgrad{.learning_rate = 0.05, .momentum = 0.8, .weight_decay = 1e-3}, 1,
                textbook::madgrad(0.05, 0.8, 1e-3), true, false});
  check(Subject{"Adopt", Adopt{.learning_rate = 0.02}, 1, textbook::adopt(0.02, 0.25)});
  check(Subject{"Adopt, timm", Adopt{.learning_rate = 0.02, .clip_exponent = Adopt::timm_exponent}, 1,
                textbook::adopt(0.02, 1.0 / 3)});
  check(Subject{"ScheduleFreeSgd", ScheduleFreeSgd{.learning_rate = 0.2}, 1,
                textbook::schedule_free(0.2, 0.9, false, 0, 0)});
  check(Subject{"ScheduleFreeSgd with weights and decay",
                ScheduleFreeSgd{.learning_rate = 0.2, .momentum = 0.8, .weight_decay = 1e-3, .step_power = 2}, 1,
                textbook::schedule_free(0.2, 0.8, false, 1e-3, 2), true, false});
  check(Subject{"ScheduleFreeAdamW", ScheduleFreeAdamW{.learning_rate = 0.05}, 1,
                textbook::schedule_free(0.05, 0.9, true, 0, 0)});
  check(Subject{"Prodigy", Prodigy{}, 2, textbook::prodigy(1e-6, 0), false});
  check(Subject{"Prodigy with decay", Prodigy{.weight_decay = 1e-3, .initial_distance = 1e-4}, 2,
                textbook::prodigy(1e-4, 1e-3), false, false});
  check(Subject{"Prodigy with a shorter memory and a smaller factor",
                Prodigy{.beta3 = 0.9, .initial_distance = 1e-4, .distance_factor = 0.5}, 2,
                textbook::prodigy(1e-4, 0, 0.9, 0.5), false});
  check(Subject{"Yogi", Yogi{.learning_rate = 0.02}, 1, textbook::yogi(0.02, false)});
  check(Subject{"Yogi, bias corrected", Yogi{.learning_rate = 0.02, .bias_corrected = true}, 1,
                textbook::yogi(0.02, true)});
  check(Subject{"Lars", Lars{.learning_rate = 0.1, .trust_coefficient = 5e-3}, 2, textbook::lars(0.1, 0.9, 0, 5e-3),
                false});
  check(Subject{"Lars with decay", Lars{.momentum = 0, .weight_decay = 1e-3, .trust_coefficient = 5e-3}, 2,
                textbook::lars(1, 0, 1e-3, 5e-3), false, false});
  check(Subject{
      "Lars with Nesterov momentum",
      Lars{.learning_rate = 0.1, .momentum = 0.8, .weight_decay = 1e-3, .trust_coefficient = 5e-3, .nesterov = true}, 2,
      textbook::lars(0.1, 0.8, 1e-3, 5e-3, true), false, false});
  check(Subject{"LaProp", LaProp{.learning_rate = 0.02}, 1, textbook::laprop(0.02)});
  check(Subject{"CautiousAdamW", CautiousAdamW{.learning_rate = 0.02, .weight_decay = 0}, 2,
                textbook::cautious_adamw(0.02, 0), false});
  check(Subject{"CautiousAdamW with decay", CautiousAdamW{.learning_rate = 0.02, .weight_decay = 1e-3}, 2,
                textbook::cautious_adamw(0.02, 1e-3), false, false});
  check(Subject{"CautiousLion", CautiousLion{.learning_rate = 0.002}, 2, textbook::cautious_lion(0.002), false});
}
