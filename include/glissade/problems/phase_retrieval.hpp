// Phase retrieval: a vector from squared measurements.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <limits>
#include <utility>

#include "../core/random.hpp"
#include "formula.hpp"

namespace glissade::problems {

/// Robust phase retrieval, (1/n) sum of |<a_i, x>^2 - b_i|, or its smooth form, (1/4n) sum of (<a_i, x>^2 - b_i)^2:
/// a non-convex finite sum.
///
/// Without corruption the minimum is 0 at +-the vector that was measured. value, value_and_gradient (of the robust
/// form a subgradient, with sign(0) = 0); of terms: size, batch_value, batch_gradient, and residual(x, i) = <a_i, x>^2
/// - b_i. The robust form adds residual_and_gradient and prox_of_term, by which StochasticModel steps;
/// SmoothPhaseRetrieval adds hessian and hessian_vector.
/// Cost: one pass over the rows that are asked for.
/// Errors: std::invalid_argument for b of another length or negative, data that are not finite and an empty batch.
template <bool Smooth>
class PhaseRetrievalForm {
 public:
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  static constexpr std::string_view name = Smooth ? "SmoothPhaseRetrieval" : "PhaseRetrieval";

  PhaseRetrievalForm(Rows A, Eigen::VectorXd b) : A_(std::move(A)), b_(std::move(b)) {
    if (A_.rows() < 1 || A_.cols() < 1) throw std::invalid_argument(std::string(name) + ": no data");
    detail::require_size(name, "b", b_.size(), A_.rows());
    for (const double y : b_) require(name, "b", y, range::non_negative);
    detail::require_finite(name, "A", A_);
  }

  [[nodiscard]] Index dimension() const { return A_.cols(); }
  [[nodiscard]] Index size() const { return A_.rows(); }
  [[nodiscard]] auto row(Index i) const { return A_.row(i).transpose(); }

  [[nodiscard]] double residual(const auto& x, Index i) const {
    const double z = row(i).dot(x);
    return z * z - b_[i];
  }

  [[nodiscard]] double value(const auto& x) const {
    double sum = 0;
    for (Index i = 0; i < size(); ++i) sum += term(residual(x, i));
    return sum / static_cast<double>(size());
  }
  [[nodiscard]] double batch_value(const auto& x, const auto& indices) const {
    check_batch(indices);
    double sum = 0;
    for (const auto i : indices) sum += term(residual(x, static_cast<Index>(i)));
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
    check_batch(indices);
    begin(x, g);
    double sum = 0;
    for (const auto i : indices) sum += add(x, static_cast<Index>(i), g);
    g /= static_cast<double>(indices.size());
    return sum / static_cast<double>(indices.size());
  }

  /// <a_i, x>^2 - b_i, with its gradient 2 <a_i, x> a_i.
  double residual_and_gradient(const auto& x, Index i, auto&& g) const requires(!Smooth) {
    detail::require_size(name, "x", x.size(), dimension());
    detail::reshape(g, dimension());
    const double z = row(i).dot(x);
    g = (2 * z) * row(i);
    return z * z - b_[i];
  }
  /// x becomes argmin_z |<a_i, z>^2 - b_i| + |z - x|^2 / (2 step), which is x + t a_i: the best t of those where one of
  /// the two branches has slope 0 and those where the residual is 0.
  void prox_of_term(auto& x, Index i, double step) const requires(!Smooth) {
    detail::require_size(name, "x", x.size(), dimension());
    const double N = row(i).squaredNorm();
    if (N == 0) return;
    const double w = row(i).dot(x), root = std::sqrt(b_[i]), h = 1 / (2 * step);
    const double other = std::abs(N - h) < 1e-12 * h ? 0 : -w / (N - h);
    double best = 0, least = std::abs(w * w - b_[i]);
    for (const double t : {-w / (N + h), other, (root - w) / N, (-root - w) / N}) {
      const double z = w + t * N;
      const double objective = std::abs(z * z - b_[i]) + t * t * N * h;
      if (objective < least) {
        least = objective;
        best = t;
      }
    }
    x += best * row(i);
  }

  void hessian(const auto& x, auto&& H) const requires Smooth {
    detail::require_size(name, "x", x.size(), dimension());
    detail::reshape(H, dimension(), dimension());
    H.setZero();
    for (Index i = 0; i < size(); ++i)
      H.template selfadjointView<Eigen::Lower>().rankUpdate(row(i), curvature(x, i) / static_cast<double>(size()));
    H.template triangularView<Eigen::StrictlyUpper>() = H.transpose();
  }
  void hessian_vector(const auto& x, const auto& v, auto&& Hv) const requires Smooth {
    detail::require_size(name, "v", v.size(), dimension());
    begin(x, Hv);
    for (Index i = 0; i < size(); ++i) Hv += (curvature(x, i) * row(i).dot(v) / static_cast<double>(size())) * row(i);
  }

 private:
  static double term(double r) { return Smooth ? r * r / 4 : std::abs(r); }
  static double slope(double r) { return Smooth ? r / 2 : (r > 0 ? 1.0 : r < 0 ? -1.0 : 0.0); }
  double curvature(const auto& x, Index i) const {
    const double z = row(i).dot(x);
    return 3 * z * z - b_[i];
  }
  static void check_batch(const auto& indices) {
    if (indices.size() == 0) throw std::invalid_argument(std::string(name) + ": an empty batch");
  }
  void begin(const auto& x, auto&& g) const {
    detail::require_size(name, "x", x.size(), dimension());
    detail::reshape(g, dimension());
    g.setZero();
  }
  double add(const auto& x, Index i, auto&& g) const {
    const double z = row(i).dot(x);
    const double r = z * z - b_[i];
    g += (slope(r) * 2 * z) * row(i);
    return term(r);
  }

  Rows A_;
  Eigen::VectorXd b_;
};

using PhaseRetrieval = PhaseRetrievalForm<false>;
using SmoothPhaseRetrieval = PhaseRetrievalForm<true>;

/// A random instance: normal rows, a measured vector on the unit sphere, and a fraction `corrupted` of the b_i enlarged
/// by 10 times a squared normal number.
template <bool Smooth>
struct PhaseRetrievalInstance {
  PhaseRetrievalForm<Smooth> problem;
  Eigen::VectorXd solution;
  Eigen::VectorXd start;  // uniform on the sphere
  double minimum;         // 0; NaN, unknown, with corruption
};
template <bool Smooth = false>
PhaseRetrievalInstance<Smooth> random_phase_retrieval(Index rows, Index dimension, double corrupted = 0,
                                                      std::uint64_t seed = 0) {
  require("random_phase_retrieval", "corrupted", corrupted, range::fraction);
  const RandomKey key{seed};
  const auto normals = [&](std::uint64_t stream, Index n, Index d) {
    typename PhaseRetrievalForm<Smooth>::Rows out(n, d);
    for (Index k = 0; k < out.size(); ++k) out.data()[k] = key.derive(stream).normal(static_cast<std::uint64_t>(k));
    return out;
  };
  auto A = normals(0, rows, dimension);
  const Eigen::VectorXd solution = normals(1, dimension, 1).col(0).normalized();
  const Eigen::VectorXd start = normals(2, dimension, 1).col(0).normalized();
  Eigen::VectorXd b = (A * solution).cwiseAbs2();
  for (Index i = 0; i < rows; ++i) {
    const auto counter = static_cast<std::uint64_t>(i);
    const double z = key.derive(3).normal(counter);
    if (key.derive(4).uniform(counter) < corrupted) b[i] += 10 * z * z;
  }
  const double minimum = corrupted > 0 ? std::numeric_limits<double>::quiet_NaN() : 0;
  return {{std::move(A), std::move(b)}, solution, start, minimum};
}

}  // namespace glissade::problems
