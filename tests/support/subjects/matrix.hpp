// The table of rules that see a whole matrix.
#pragma once

#include "support/subjects/rules.hpp"

namespace textbook {

/// The paper's Algorithm 4 for matrices and 5 for vectors.
inline auto adafactor(double beta1, double decay) {
  return [=](Textbook& k) {
    const double b2 = 1 - std::pow(k.t, -0.8);
    const Eigen::ArrayXXd s = k.g.square() + 1e-30;
    if (k.v[0].size() == 0) k.v = {Eigen::ArrayXd::Zero(k.x.rows()), Eigen::ArrayXd::Zero(k.x.cols())};
    k.v[0] = b2 * k.v[0] + (1 - b2) * s.rowwise().mean();
    k.v[1] = b2 * k.v[1] + (1 - b2) * s.colwise().mean().transpose();
    const Eigen::ArrayXXd v = (k.v[0].matrix() * k.v[1].matrix().transpose()).array() / k.v[0].mean();
    Eigen::ArrayXXd u = k.g / v.sqrt();
    u /= std::max(1.0, std::sqrt(u.square().mean()));
    const double alpha = std::max(1e-3, std::sqrt(k.x.square().mean())) * std::min(1e-2, 1 / std::sqrt(k.t));
    k.s[0] = beta1 * k.s[0] + (1 - beta1) * alpha * u;
    k.x -= decay * alpha * k.x + k.s[0];
  };
}

}  // namespace textbook

void for_each_matrix_subject(auto&& check) {
  using namespace glissade;
  check(Subject{"Adafactor", Adafactor{}, 4, textbook::adafactor(0, 0), false});
  check(Subject{"Adafactor with momentum and decay", Adafactor{.beta1 = 0.9, .weight_decay = 1e-3}, 4,
                textbook::adafactor(0.9, 1e-3), false, false});
  check(Subject{"Adafactor, torch", Adafactor{.learning_rate = 0.02, .convention = Convention::torch}, 4, nullptr,
                false});
  check(Subject{"Adafactor, optax",
                Adafactor{.learning_rate = 0.02, .convention = Convention::optax, .min_dim_to_factor = 2}, 4, nullptr,
                false});
}
