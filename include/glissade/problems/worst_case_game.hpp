// The game on which first-order methods are slowest.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <numbers>

#include "../sets/box.hpp"
#include "formula.hpp"

namespace glissade::problems {

/// min over x, max over y of x' H x / 2 - h' x - <A x - b, y>, a monotone game of 2 n variables z = (x, y).
///
///     A_{i, n-1-i} = 1/4,   A_{i, n-2-i} = -1/4,   H = 2 A'A,   h = e_n / 4,   b = (1/4, ..., 1/4)
///     F(z) = (H x - h - A y, A x - b)              A is symmetric
///
/// The solution is x = (1, 2, ..., n), y = (-1/2, ..., -1/2). Methods that use F alone find one coefficient of x after
/// the other, so that up to about n^2 iterations the optimal order 1 / t shows, and no better one.
/// Cost: O(n) per call, no memory. Errors: std::invalid_argument for n < 1 and for vectors of another size.
/// Source: Y. Ouyang and Y. Xu, "Lower complexity bounds of first-order methods for convex-concave bilinear
/// saddle-point problems", 2021; as in the experiment of arXiv 2301.13120.
class WorstCaseGame {
 public:
  static constexpr std::string_view name = "WorstCaseGame";

  explicit WorstCaseGame(Index n = 100) : n_(n) {
    if (n < 1) reject(name, "n", static_cast<double>(n), ">= 1");
  }

  [[nodiscard]] Index dimension() const { return 2 * n_; }
  /// (1 / n, ..., 1 / n)
  [[nodiscard]] Eigen::VectorXd start() const { return Eigen::VectorXd::Constant(2 * n_, 1 / static_cast<double>(n_)); }
  [[nodiscard]] Eigen::VectorXd solution() const {
    Eigen::VectorXd z = Eigen::VectorXd::Constant(2 * n_, -0.5);
    for (Index i = 0; i < n_; ++i) z[i] = static_cast<double>(i + 1);
    return z;
  }
  /// The Lipschitz constant of F: a (a + sqrt(a^2 + 1)) with a = cos(pi / (2 n + 1)) / 2, the norm of A.
  [[nodiscard]] double lipschitz() const {
    const double a = std::cos(std::numbers::pi / static_cast<double>(2 * n_ + 1)) / 2;
    return a * (a + std::sqrt(a * a + 1));
  }
  /// The box to which the experiment binds both players.
  [[nodiscard]] static Box bounds() { return {.low = -200, .high = 200}; }

  void operator()(const auto& z, auto&& out) const {
    detail::require_size(name, "z", z.size(), 2 * n_);
    detail::require_size(name, "the output", out.size(), 2 * n_);
    const auto x = [&](Index i) { return i < 0 ? 0.0 : z[i]; };
    const auto image = [&](Index i) { return (x(n_ - 1 - i) - x(n_ - 2 - i)) / 4; };  // (A x)_i
    for (Index i = 0; i < n_; ++i) {
      // (A A x)_i reads (A x) at n-1-i and n-2-i; y lies n behind x.
      const Index j = n_ - 1 - i;
      const double curvature = (image(j) - (j > 0 ? image(j - 1) : 0)) / 2;
      const double partner = (z[n_ + j] - (j > 0 ? z[n_ + j - 1] : 0)) / 4;
      out[i] = curvature - (i == n_ - 1 ? 0.25 : 0) - partner;
      out[n_ + i] = image(i) - 0.25;
    }
  }

 private:
  Index n_;
};

}  // namespace glissade::problems
