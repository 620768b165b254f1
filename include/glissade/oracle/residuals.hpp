// Objectives made of residuals, whose Jacobian is missing.
#pragma once

#include <algorithm>
#include <utility>

#include "differences.hpp"
#include "jet.hpp"

namespace glissade {

/// Residuals from a formula, with a Jacobian exact to rounding, by forward automatic differentiation.
///
///     const Eigen::VectorXd times{{1, 2, 3}}, seen{{0.6, 0.9, 1.0}};
///     AutoDiffResiduals decay{seen.size(), [&](const auto& b, Index i) {
///       using std::exp;
///       return b[0] * (1 - exp(-b[1] * times[i])) - seen[i];
///     }};
///     minimize(decay, x, LevenbergMarquardt{});
///
/// The callable gives residual i of any vector of doubles or of jets (jet.hpp), and calls exp, sqrt and so on
/// unqualified.
///
/// Cost with n variables: of a Jacobian n / 8 runs of the formula with eight slopes each, which is about n times the
/// residuals. Memory from the heap is taken once a call; vectors of fixed size need none.
template <class F>
struct AutoDiffResiduals {
  Index count;  // of the residuals
  F residual;

  template <class V>
  void residuals(const V& x, Eigen::VectorXd& r) const {
    static_assert(!DeclaresMore<F, V>,
                  "what is wrapped declares a box, a set, a prox, constraints or a robust loss, which would be lost; "
                  "declare it of the wrapper, with subject_to, plus_term or LeastSquares");
    r.resize(count);
    for (Index i = 0; i < count; ++i) r[i] = static_cast<double>(residual(x, i));
  }

  template <class V>
  void jacobian(const V& x, Eigen::MatrixXd& J) const {
    constexpr int window = V::SizeAtCompileTime > 0 && V::SizeAtCompileTime < 8 ? V::SizeAtCompileTime : 8;
    using Number = Jet<window, 1>;
    const Index n = x.size();
    Eigen::Matrix<Number, V::SizeAtCompileTime, 1> variables = x.template cast<Number>();
    J.resize(count, n);
    for (Index first = 0; first < n; first += window) {
      const Index end = std::min(first + window, n);
      for (Index k = first; k < end; ++k) variables[k].d[static_cast<std::size_t>(k - first)] = 1;
      for (Index i = 0; i < count; ++i) {
        const Number result = residual(std::as_const(variables), i);
        for (Index k = first; k < end; ++k) J(i, k) = result.d[static_cast<std::size_t>(k - first)];
      }
      for (Index k = first; k < end; ++k) variables[k].d = {};
    }
  }
};

template <class F>
AutoDiffResiduals(Index, F) -> AutoDiffResiduals<F>;

/// Gives residuals a Jacobian by central differences.
///
///     minimize(JacobianByDifferences{f}, x, LevenbergMarquardt{});
///     J_ij = (r_i(x + h e_j) - r_i(x - h e_j)) / (2 h),   h = eps^{1/3} max(typical_size_j, |x_j|)
///
/// f is an object with residuals(x, r) or a callable void(x, r) that resizes r. Variables much smaller than 1 need
/// their typical_size (1), see differences.hpp; r must be defined that far beyond bounds too. Cost: 2 n times the
/// residuals, counted by minimize as one Jacobian. Relative error about 1e-10 at best.
template <class F>
struct JacobianByDifferences {
  F function;
  TypicalSize typical_size = {};

  template <class V>
  void residuals(const V& x, Eigen::VectorXd& r) const {
    static_assert(!DeclaresMore<F, V>,
                  "what is wrapped declares a box, a set, a prox, constraints or a robust loss, which would be lost; "
                  "declare it of the wrapper, with subject_to, plus_term or LeastSquares");
    if constexpr (HasResiduals<const F, V>)
      function.residuals(x, r);
    else
      function(x, r);
  }

  template <class V>
  void jacobian(const V& x, Eigen::MatrixXd& J) const {
    typical_size.require_size(x.size());
    V moved = x;
    Eigen::VectorXd above, below;
    for (Index j = 0; j < x.size(); ++j) {
      const double h = detail::central_step(typical_size.at(j, x[j]));
      moved[j] = x[j] + h;
      const double right = moved[j];
      residuals(moved, above);
      moved[j] = x[j] - h;
      residuals(moved, below);
      J.resize(above.size(), x.size());
      J.col(j) = (above - below) / (right - moved[j]);
      moved[j] = x[j];
    }
  }
};

template <class F>
JacobianByDifferences(F) -> JacobianByDifferences<F>;
template <class F>
JacobianByDifferences(F, TypicalSize) -> JacobianByDifferences<F>;

}  // namespace glissade
