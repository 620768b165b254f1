// Blind deconvolution: two vectors from products of their measurements.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "../core/random.hpp"
#include "formula.hpp"

namespace glissade::problems {

namespace detail {

/// Where a polynomial c[0] + ... + c[degree] u^degree changes its sign, in increasing order, and how often: by
/// bisection between the places where its derivative does. The leading coefficient is not 0, degree is at most 4.
inline int sign_changes(const double* c, int degree, double* places) {
  if (degree == 1) {
    places[0] = -c[0] / c[1];
    return 1;
  }
  std::array<double, 4> derivative{}, turns{};
  double bound = 0;
  for (int k = 0; k < degree; ++k) {
    derivative[static_cast<std::size_t>(k)] = (k + 1) * c[k + 1];
    bound = (std::max)(bound, std::abs(c[k] / c[degree]));
  }
  const int pieces = sign_changes(derivative.data(), degree - 1, turns.data());
  const auto positive = [&](double u) {
    double value = 0;
    for (int k = degree; k >= 0; --k) value = value * u + c[k];
    return value > 0;
  };
  int count = 0;
  double low = -bound - 1;
  for (int k = 0; k <= pieces; ++k) {
    double left = low, right = k < pieces ? turns[static_cast<std::size_t>(k)] : bound + 1;
    low = right;
    const bool side = positive(left);
    if (side == positive(right)) continue;
    for (int halving = 0; halving < 200; ++halving) {
      const double middle = left + (right - left) / 2;
      if (middle == left || middle == right) break;
      (positive(middle) == side ? left : right) = middle;
    }
    places[count++] = left;
  }
  return count;
}

/// Two numbers, <l, w> and <r, z>.
struct Products {
  double P;
  double Q;
};

/// argmin |P Q - b| + ((P - p)^2 / L2 + (Q - s)^2 / R2) / (2 step). A minimum has P Q above b, below, or equal: in the
/// first two it is the solution of two linear equations, in the last one of a quartic where that changes its sign.
inline Products prox_of_product(double p, double s, double L2, double R2, double b, double step) {
  Products best{p, s};
  double least = std::abs(p * s - b);
  const auto try_out = [&](double P, double Q) {
    const double objective = std::abs(P * Q - b) + ((P - p) * (P - p) / L2 + (Q - s) * (Q - s) / R2) / (2 * step);
    if (!(objective < least)) return;
    least = objective;
    best = {P, Q};
  };
  const double D = 1 - step * L2 * step * R2;
  if (std::abs(D) >= 1e-14)
    for (const double a : {step, -step}) try_out((p - a * L2 * s) / D, (s - a * R2 * p) / D);
  if (b == 0) {
    try_out(0, s);
    try_out(p, 0);
    return best;
  }
  // R2 P^4 - R2 p P^3 + L2 b s P - L2 b^2 = 0 in P = unit u, for which the first and last coefficients are +-1.
  const double unit = std::sqrt(std::abs(b)) * std::sqrt(std::sqrt(L2 / R2));
  const std::array<double, 5> quartic{-1, s * unit / b, 0, -p / unit, 1};
  if (!std::isfinite(quartic[1]) || !std::isfinite(quartic[3])) return best;
  std::array<double, 4> roots{};
  const int count = sign_changes(quartic.data(), 4, roots.data());
  for (int k = 0; k < count; ++k) {
    const double P = unit * roots[static_cast<std::size_t>(k)];
    if (P != 0) try_out(P, b / P);
  }
  return best;
}

}  // namespace detail

/// Robust blind deconvolution, (1/n) sum of |<l_i, w> <r_i, z> - b_i|: a non-convex finite sum, of rank one.
///
/// x holds w and then z. Without corruption the minimum is 0 at (t w, z / t), for any t, of what was measured. value,
/// value_and_gradient (a subgradient, with sign(0) = 0); of terms: size, batch_value, batch_gradient, residual,
/// residual_and_gradient, prox_of_term.
/// Cost: one pass over the rows that are asked for; a prox is a pass over two rows and a quartic equation.
/// Errors: std::invalid_argument for L, R and b of different lengths, data that are not finite and an empty batch.
/// Source: "Stochastic model-based minimization of weakly convex functions", 2019, arXiv 1803.06523; the prox was
/// derived again and is held against a grid.
class BlindDeconvolution {
 public:
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  static constexpr std::string_view name = "BlindDeconvolution";

  BlindDeconvolution(Rows L, Rows R, Eigen::VectorXd b) : L_(std::move(L)), R_(std::move(R)), b_(std::move(b)) {
    if (L_.rows() < 1 || L_.cols() < 1 || R_.cols() < 1) throw std::invalid_argument(std::string(name) + ": no data");
    if (R_.rows() != L_.rows())
      throw std::invalid_argument(std::string(name) + ": R has " + std::to_string(R_.rows()) + " rows, must have " +
                                  std::to_string(L_.rows()));
    detail::require_size(name, "b", b_.size(), L_.rows());
    detail::require_finite(name, "L", L_);
    detail::require_finite(name, "R", R_);
    detail::require_finite(name, "b", b_);
  }

  [[nodiscard]] Index dimension() const { return L_.cols() + R_.cols(); }
  [[nodiscard]] Index size() const { return L_.rows(); }

  [[nodiscard]] double residual(const auto& x, Index i) const {
    const auto [p, s] = products(x, i);
    return p * s - b_[i];
  }
  [[nodiscard]] double value(const auto& x) const {
    check(x);
    double sum = 0;
    for (Index i = 0; i < size(); ++i) sum += std::abs(residual(x, i));
    return sum / static_cast<double>(size());
  }
  [[nodiscard]] double batch_value(const auto& x, const auto& indices) const {
    check(x, indices);
    double sum = 0;
    for (const auto i : indices) sum += std::abs(residual(x, static_cast<Index>(i)));
    return sum / static_cast<double>(indices.size());
  }
  double value_and_gradient(const auto& x, auto&& g) const {
    begin(x, g);
    double sum = 0;
    for (Index i = 0; i < size(); ++i) sum += add(x, i, g);
    g /= static_cast<double>(size());
    return sum / static_cast<double>(size());
  }
  double batch_gradient(const auto& x, const auto& indices, auto&& g) const {
    check(x, indices);
    begin(x, g);
    double sum = 0;
    for (const auto i : indices) sum += add(x, static_cast<Index>(i), g);
    g /= static_cast<double>(indices.size());
    return sum / static_cast<double>(indices.size());
  }

  /// <l_i, w> <r_i, z> - b_i, with its gradient (<r_i, z> l_i, <l_i, w> r_i).
  double residual_and_gradient(const auto& x, Index i, auto&& g) const {
    check(x);
    detail::reshape(g, dimension());
    const auto [p, s] = products(x, i);
    g.head(L_.cols()) = s * L_.row(i).transpose();
    g.tail(R_.cols()) = p * R_.row(i).transpose();
    return p * s - b_[i];
  }
  /// x becomes argmin |<l_i, w> <r_i, z> - b_i| + |(w, z) - x|^2 / (2 step), which is x moved along l_i and r_i.
  void prox_of_term(auto& x, Index i, double step) const {
    check(x);
    const double L2 = L_.row(i).squaredNorm(), R2 = R_.row(i).squaredNorm();
    if (L2 == 0 || R2 == 0) return;
    const auto [p, s] = products(x, i);
    const detail::Products best = detail::prox_of_product(p, s, L2, R2, b_[i], step);
    x.head(L_.cols()) += ((best.P - p) / L2) * L_.row(i).transpose();
    x.tail(R_.cols()) += ((best.Q - s) / R2) * R_.row(i).transpose();
  }

 private:
  void check(const auto& x) const { detail::require_size(name, "x", x.size(), dimension()); }
  void check(const auto& x, const auto& indices) const {
    check(x);
    if (indices.size() == 0) throw std::invalid_argument(std::string(name) + ": an empty batch");
  }
  void begin(const auto& x, auto&& g) const {
    check(x);
    detail::reshape(g, dimension());
    g.setZero();
  }
  [[nodiscard]] detail::Products products(const auto& x, Index i) const {
    return {L_.row(i).dot(x.head(L_.cols())), R_.row(i).dot(x.tail(R_.cols()))};
  }
  double add(const auto& x, Index i, auto&& g) const {
    const auto [p, s] = products(x, i);
    const double r = p * s - b_[i];
    const double sign = r > 0 ? 1 : r < 0 ? -1 : 0;
    g.head(L_.cols()) += (sign * s) * L_.row(i).transpose();
    g.tail(R_.cols()) += (sign * p) * R_.row(i).transpose();
    return std::abs(r);
  }

  Rows L_, R_;
  Eigen::VectorXd b_;
};

/// A random instance: normal rows, two measured vectors on unit spheres, and a start with both parts uniform on theirs.
struct BlindDeconvolutionInstance {
  BlindDeconvolution problem;
  Eigen::VectorXd solution;  // (w, z); the minimum is 0
  Eigen::VectorXd start;
};
[[nodiscard]] inline BlindDeconvolutionInstance random_blind_deconvolution(Index rows, Index left, Index right,
                                                                           std::uint64_t seed = 0) {
  const RandomKey key{seed};
  const auto normals = [&](std::uint64_t stream, Index n, Index d) {
    BlindDeconvolution::Rows out(n, d);
    for (Index k = 0; k < out.size(); ++k) out.data()[k] = key.derive(stream).normal(static_cast<std::uint64_t>(k));
    return out;
  };
  auto L = normals(0, rows, left);
  auto R = normals(1, rows, right);
  Eigen::VectorXd solution(left + right), start(left + right);
  solution << normals(2, left, 1).col(0).normalized(), normals(3, right, 1).col(0).normalized();
  start << normals(4, left, 1).col(0).normalized(), normals(5, right, 1).col(0).normalized();
  Eigen::VectorXd b = (L * solution.head(left)).cwiseProduct(R * solution.tail(right));
  return {{std::move(L), std::move(R), std::move(b)}, solution, start};
}

}  // namespace glissade::problems
