// The table of rules: one line each, and a textbook version where the formula is not yet there.
#pragma once

#include "support/subject.hpp"

namespace textbook {

inline auto sgd(double rate, double momentum = 0, double dampening = 0, bool nesterov = false, double decay = 0) {
  return [=](Textbook& k) {
    Eigen::ArrayXXd g = k.g + decay * k.x;
    if (momentum != 0) {
      k.s[0] = k.t == 1 ? g : Eigen::ArrayXXd(momentum * k.s[0] + (1 - dampening) * g);
      g = nesterov ? Eigen::ArrayXXd(g + momentum * k.s[0]) : k.s[0];
    }
    k.x -= rate * g;
  };
}

inline auto adam(double rate, double b1, double b2, double epsilon, double l2, double decoupled) {
  return [=](Textbook& k) {
    const Eigen::ArrayXXd g = k.g + l2 * k.x;
    k.s[0] = b1 * k.s[0] + (1 - b1) * g;
    k.s[1] = b2 * k.s[1] + (1 - b2) * g * g;
    const Eigen::ArrayXXd m = k.s[0] / (1 - std::pow(b1, k.t));
    const Eigen::ArrayXXd v = k.s[1] / (1 - std::pow(b2, k.t));
    k.x *= 1 - rate * decoupled;
    k.x -= rate * m / (v.sqrt() + epsilon);
  };
}

inline auto amsgrad(double rate, glissade::Convention convention) {
  return [=](Textbook& k) {
    const double c1 = 1 - std::pow(0.9, k.t);
    const double c2 = 1 - std::pow(0.999, k.t);
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g * k.g;
    const bool optax = convention == glissade::Convention::optax;
    k.s[2] = k.s[2].max(optax ? Eigen::ArrayXXd(k.s[1] / c2) : k.s[1]);
    if (convention == glissade::Convention::paper)
      k.x -= (k.s[2] > 0).select(rate * k.s[0] / k.s[2].sqrt(), 0.0);
    else
      k.x -= rate * k.s[0] / c1 / ((optax ? k.s[2] : Eigen::ArrayXXd(k.s[2] / c2)).sqrt() + 1e-8);
  };
}

inline auto lion(double rate, double decay) {
  return [=](Textbook& k) {
    const Eigen::ArrayXXd c = 0.9 * k.s[0] + 0.1 * k.g;
    k.x = k.x * (1 - rate * decay) - rate * c.sign();
    k.s[0] = 0.99 * k.s[0] + 0.01 * k.g;
  };
}

}  // namespace textbook

void for_each_rule_subject(auto&& check) {
  using namespace glissade;
  check(Subject{"Sgd", Sgd{.learning_rate = 0.1}, 1, textbook::sgd(0.1)});
  check(Subject{"Sgd with momentum", Sgd{.learning_rate = 0.02, .momentum = 0.9, .dampening = 0.1}, 1,
                textbook::sgd(0.02, 0.9, 0.1)});
  check(Subject{"Sgd with Nesterov momentum and decay",
                Sgd{.learning_rate = 0.02, .momentum = 0.9, .nesterov = true, .weight_decay = 1e-3}, 1,
                textbook::sgd(0.02, 0.9, 0, true, 1e-3), true, false});
  check(Subject{"Adam", Adam{.learning_rate = 0.05}, 1, textbook::adam(0.05, 0.9, 0.999, 1e-8, 0, 0)});
  check(Subject{"Adam with L2 decay", Adam{.learning_rate = 0.05, .beta1 = 0.8, .weight_decay = 1e-3}, 1,
                textbook::adam(0.05, 0.8, 0.999, 1e-8, 1e-3, 0), true, false});
  check(Subject{"AdamW", AdamW{.learning_rate = 0.05, .epsilon = 1e-6}, 1,
                textbook::adam(0.05, 0.9, 0.999, 1e-6, 0, 1e-2), true, false});
  check(Subject{"AmsGrad, torch", AmsGrad{.learning_rate = 0.05}, 1, textbook::amsgrad(0.05, Convention::torch)});
  check(Subject{"AmsGrad, optax", AmsGrad{.learning_rate = 0.05, .convention = Convention::optax}, 1,
                textbook::amsgrad(0.05, Convention::optax)});
  check(Subject{"AmsGrad, paper", AmsGrad{.learning_rate = 0.05, .convention = Convention::paper}, 1,
                textbook::amsgrad(0.05, Convention::paper)});
  check(Subject{"Lion", Lion{.learning_rate = 0.005}, 1, textbook::lion(0.005, 0)});
  check(Subject{"Lion with decay", Lion{.learning_rate = 0.005, .weight_decay = 0.01}, 1,
                textbook::lion(0.005, 0.01), true, false});
}
