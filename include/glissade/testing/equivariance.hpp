// Whether a rule treats all coefficients alike.
#pragma once

#include <Eigen/Core>

#include "../optimizer/any_optimizer.hpp"
#include "data.hpp"

namespace glissade::laws {

/// Coefficients are treated alike: permuting them, or turning the signs of some, permutes and turns the result and
/// changes no bit. True where it is so.
inline bool is_equivariant(const AnyRule<double>& rule) {
  const Index size = 23;
  auto x = parameters<Eigen::VectorXd>(size);
  const auto turn = [&](const Eigen::VectorXd& v) -> Eigen::VectorXd {
    Eigen::VectorXd turned(size);
    for (Index i = 0; i < size; ++i) turned[i] = (i % 3 == 1 ? -1 : 1) * v[(7 * i + 5) % size];
    return turned;
  };
  Eigen::VectorXd y = turn(x);
  AnyOptimizer<double> plain{rule, x};
  AnyOptimizer<double> turned{rule, y};
  for (int t = 1; t <= 30; ++t) {
    const auto g = gradients<Eigen::VectorXd>(size, t);
    plain.step(g);
    turned.step(turn(g));
  }
  return same_bits(turn(x), y);
}

}  // namespace glissade::laws
