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

inline auto adagrad(double rate, double decay_of_rate, double start) {
  return [=](Textbook& k) {
    if (k.t == 1) k.s[0] += start;
    k.s[0] += k.g * k.g;
    k.x -= rate / (1 + (k.t - 1) * decay_of_rate) * k.g / (k.s[0].sqrt() + 1e-10);
  };
}

inline auto adadelta(double rate) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g * k.g;
    const Eigen::ArrayXXd d = (k.s[1] + 1e-6).sqrt() / (k.s[0] + 1e-6).sqrt() * k.g;
    k.s[1] = 0.9 * k.s[1] + 0.1 * d * d;
    k.x -= rate * d;
  };
}

inline auto rmsprop(double rate, double momentum, bool centered, glissade::Convention convention) {
  return [=](Textbook& k) {
    const bool torch = convention == glissade::Convention::torch;
    if (k.t == 1 && convention == glissade::Convention::tensorflow) k.s[0] += 1;
    k.s[0] = 0.99 * k.s[0] + 0.01 * k.g * k.g;
    k.s[1] = 0.99 * k.s[1] + 0.01 * k.g;
    const Eigen::ArrayXXd w = (centered ? Eigen::ArrayXXd(k.s[0] - k.s[1] * k.s[1]) : k.s[0]).max(0.0);
    const Eigen::ArrayXXd u = k.g / (torch ? Eigen::ArrayXXd(w.sqrt() + 1e-8) : Eigen::ArrayXXd((w + 1e-8).sqrt()));
    k.s[2] = momentum * k.s[2] + (torch ? 1 : rate) * u;
    k.x -= (torch ? rate : 1) * k.s[2];
  };
}

inline auto adamax(double rate) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = (0.999 * k.s[1]).max(k.g.abs() + 1e-8);
    k.x -= rate / (1 - std::pow(0.9, k.t)) * k.s[0] / k.s[1];
  };
}

inline auto adamnc(double rate, double longest = 1) {
  return [=](Textbook& k) {
    const double fresh = std::max(1.0 / k.t, 1 - longest);
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] += fresh * (k.g * k.g - k.s[1]);  // the mean of all squares, unless bounded
    k.x -= rate * k.s[0] / (k.s[1].sqrt() + 1e-8);
  };
}

inline auto nadam(double rate, glissade::Convention convention) {
  return [=](Textbook& k) {
    const auto mu = [](int t) { return 0.9 * (1 - 0.5 * std::pow(0.96, t * 4e-3)); };
    double product = 1;
    for (int t = 1; t <= k.t; ++t) product *= mu(t);
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g * k.g;
    const Eigen::ArrayXXd d = (k.s[1] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-8;
    if (convention == glissade::Convention::optax)
      k.x -= rate * (0.9 * k.s[0] / (1 - std::pow(0.9, k.t + 1)) + 0.1 * k.g / (1 - std::pow(0.9, k.t))) / d;
    else
      k.x -= rate * ((1 - mu(k.t)) / (1 - product) * k.g + mu(k.t + 1) / (1 - product * mu(k.t + 1)) * k.s[0]) / d;
  };
}

inline auto radam(double rate, glissade::Convention convention) {
  return [=](Textbook& k) {
    const double c2 = 1 - std::pow(0.99, k.t);
    const double inf = 2 / (1 - 0.99) - 1;
    const double rho = inf - 2 * k.t * std::pow(0.99, k.t) / c2;
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.99 * k.s[1] + 0.01 * k.g * k.g;
    const Eigen::ArrayXXd m = k.s[0] / (1 - std::pow(0.9, k.t));
    if (rho > 5) {
      const double r = std::sqrt((rho - 4) * (rho - 2) * inf / ((inf - 4) * (inf - 2) * rho));
      k.x -= convention == glissade::Convention::torch
                 ? Eigen::ArrayXXd(rate * r * m * std::sqrt(c2) / (k.s[1].sqrt() + 1e-8))
                 : Eigen::ArrayXXd(rate * r * m / ((k.s[1] / c2).sqrt() + 1e-8));
    } else {
      k.x -= rate * m;
    }
  };
}

inline auto rprop(double start, double down = 0.5, double up = 1.2, double least = 1e-6, double most = 50) {
  return [=](Textbook& k) {
    if (k.t == 1) k.s[1] += start;
    for (Eigen::Index i = 0; i < k.x.size(); ++i) {
      double g = k.g(i);
      double& size = k.s[1](i);
      const double turn = g * k.s[0](i);
      if (turn > 0) size = std::min(size * up, most);
      if (turn < 0) size = std::max(size * down, least);
      if (turn < 0) g = 0;
      k.x(i) -= g > 0 ? size : g < 0 ? -size : 0;
      k.s[0](i) = g;
    }
  };
}

inline auto asgd(double rate, double lambda = 1e-4, double alpha = 0.75) {
  return [=](Textbook& k) {
    const double eta = rate / std::pow(1 + lambda * rate * (k.t - 1), alpha);
    k.x = (1 - lambda * eta) * k.x - eta * k.g;
  };
}

inline auto signum(double rate) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.x -= rate * k.s[0].sign();
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
  check(Subject{"Lion with decay", Lion{.learning_rate = 0.005, .weight_decay = 0.01}, 1, textbook::lion(0.005, 0.01),
                true, false});
  check(Subject{"Adagrad", Adagrad{.learning_rate = 0.3}, 1, textbook::adagrad(0.3, 0, 0)});
  check(Subject{"Adagrad with decaying rate",
                Adagrad{.learning_rate = 0.3, .learning_rate_decay = 1e-3, .initial_accumulator = 0.1}, 1,
                textbook::adagrad(0.3, 1e-3, 0.1)});
  check(Subject{"Adadelta", Adadelta{}, 1, textbook::adadelta(1)});
  check(Subject{"RmsProp", RmsProp{.learning_rate = 0.01}, 1, textbook::rmsprop(0.01, 0, false, Convention::torch)});
  check(Subject{"RmsProp, centered, momentum", RmsProp{.learning_rate = 0.003, .momentum = 0.9, .centered = true}, 1,
                textbook::rmsprop(0.003, 0.9, true, Convention::torch), true, true, 1e-9});
  check(Subject{"RmsProp, optax, momentum",
                RmsProp{.learning_rate = 0.003, .momentum = 0.9, .convention = Convention::optax}, 1,
                textbook::rmsprop(0.003, 0.9, false, Convention::optax)});
  check(Subject{"RmsProp, tensorflow", RmsProp{.learning_rate = 0.01, .convention = Convention::tensorflow}, 1,
                textbook::rmsprop(0.01, 0, false, Convention::tensorflow)});
  check(Subject{"Adamax", Adamax{.learning_rate = 0.03}, 1, textbook::adamax(0.03)});
  check(Subject{"AdamNc", AdamNc{.learning_rate = 0.05}, 1, textbook::adamnc(0.05)});
  check(Subject{"AdamNc, bounded", AdamNc{.learning_rate = 0.05, .beta2 = 0.9, .bounded = true}, 1,
                textbook::adamnc(0.05, 0.9)});
  check(Subject{"NAdam", NAdam{.learning_rate = 0.03}, 1, textbook::nadam(0.03, Convention::torch)});
  check(Subject{"NAdam, optax", NAdam{.learning_rate = 0.03, .convention = Convention::optax}, 1,
                textbook::nadam(0.03, Convention::optax)});
  check(Subject{"RAdam", RAdam{.learning_rate = 0.05, .beta2 = 0.99}, 1, textbook::radam(0.05, Convention::torch)});
  check(Subject{"RAdam, optax", RAdam{.learning_rate = 0.05, .beta2 = 0.99, .convention = Convention::optax}, 1,
                textbook::radam(0.05, Convention::optax)});
  check(Subject{"Rprop", Rprop{}, 1, textbook::rprop(0.01)});
  check(Subject{"Asgd", Asgd{.learning_rate = 0.1}, 1, textbook::asgd(0.1), true, false});
  check(Subject{"Rprop with other factors and bounds",
                Rprop{.eta_minus = 0.4, .eta_plus = 1.4, .step_min = 2e-3, .step_max = 0.05}, 1,
                textbook::rprop(0.01, 0.4, 1.4, 2e-3, 0.05)});
  check(Subject{"Asgd, fading faster", Asgd{.learning_rate = 0.1, .lambda = 1e-3, .alpha = 0.5}, 1,
                textbook::asgd(0.1, 1e-3, 0.5), true, false});
  check(Subject{"Signum", Signum{.learning_rate = 0.005}, 1, textbook::signum(0.005)});
}
