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

/// Takes from d its part along x, row by row, else as a whole, where the gradient is orthogonal enough.
inline bool without_radial_part(const Textbook& k, Eigen::ArrayXXd& d) {
  const auto largest_cosine = [](const Eigen::MatrixXd& g, const Eigen::MatrixXd& x) {
    return (g.cwiseProduct(x).rowwise().sum().array().abs() / (g.rowwise().norm().array() * x.rowwise().norm().array()))
        .maxCoeff();
  };
  const Eigen::MatrixXd x = k.x.matrix(), g = k.g.matrix();
  const Eigen::MatrixXd xs = x.reshaped(1, x.size()), gs = g.reshaped(1, g.size());
  if (largest_cosine(g, x) < 0.1 / std::sqrt(static_cast<double>(x.cols()))) {
    const Eigen::ArrayXXd n = (x.array().colwise() / (x.rowwise().norm().array() + 1e-8));
    d -= n.colwise() * (n * d).rowwise().sum();
    return true;
  }
  if (largest_cosine(gs, xs) >= 0.1 / std::sqrt(static_cast<double>(x.size()))) return false;
  const Eigen::ArrayXXd n = x.array() / (x.norm() + 1e-8);
  d -= n * (n * d).sum();
  return true;
}

inline auto adamp(double rate, double decay) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g.square();
    Eigen::ArrayXXd d = k.s[0] / (1 - std::pow(0.9, k.t)) / ((k.s[1] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-8);
    const bool taken = without_radial_part(k, d);
    k.x -= rate * (d + decay * (taken ? 0.1 : 1.0) * k.x);
  };
}

inline auto sgdp(double rate, double decay) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + k.g;
    Eigen::ArrayXXd d = k.s[0];
    const bool taken = without_radial_part(k, d);
    k.x -= rate * (d + decay / 0.1 * (taken ? 0.1 : 1.0) * k.x);
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
  check(Subject{"AdamP", AdamP{.learning_rate = 0.05, .weight_decay = 1e-3}, 3, textbook::adamp(0.05, 1e-3), false,
                false});
  check(
      Subject{"SGDP", SgdP{.learning_rate = 0.02, .weight_decay = 1e-4}, 3, textbook::sgdp(0.02, 1e-4), false, false});
}
