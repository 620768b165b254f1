// Convex quadratics of a known condition number, and the feasibility of a polytope.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <utility>

#include "formula.hpp"

namespace glissade::problems {

/// 1/2 sum of h_i (x_i - c_i)^2: separable, minimum 0 at c. geometric(n, kappa) has curvatures from 1 to kappa.
class DiagonalQuadratic {
 public:
  static constexpr std::string_view name = "DiagonalQuadratic";

  explicit DiagonalQuadratic(Eigen::VectorXd curvatures) : h_(std::move(curvatures)), center_(h_.size()) {
    center_.setZero();
    check_curvatures();
  }
  DiagonalQuadratic(Eigen::VectorXd curvatures, Eigen::VectorXd center)
      : h_(std::move(curvatures)), center_(std::move(center)) {
    detail::require_size(name, "center", center_.size(), h_.size());
    check_curvatures();
  }
  static DiagonalQuadratic geometric(Index n, double condition) {
    require(name, "condition", condition, range::at_least_one);
    Eigen::VectorXd h(n);
    for (Index i = 0; i < n; ++i)
      h[i] = n > 1 ? std::pow(condition, static_cast<double>(i) / static_cast<double>(n - 1)) : 1;
    return DiagonalQuadratic(std::move(h));
  }

  [[nodiscard]] Index dimension() const { return h_.size(); }
  [[nodiscard]] Eigen::VectorXd start() const { return center_ + Eigen::VectorXd::Ones(h_.size()); }
  [[nodiscard]] const Eigen::VectorXd& minimizer() const { return center_; }
  static double minimum() { return 0; }

  [[nodiscard]] double value(const auto& x) const {
    check(x);
    return 0.5 * h_.cwiseProduct((x - center_).cwiseAbs2()).sum();
  }
  double value_and_gradient(const auto& x, auto&& g) const {
    check(x);
    detail::reshape(g, h_.size());
    g = h_.cwiseProduct(x - center_);
    return 0.5 * g.dot(x - center_);
  }
  void hessian(const auto& x, auto&& H) const {
    check(x);
    detail::reshape(H, h_.size(), h_.size());
    H.setZero();
    H.diagonal() = h_;
  }
  void hessian_vector(const auto& x, const auto& v, auto&& Hv) const {
    check(x);
    detail::require_size(name, "v", v.size(), h_.size());
    detail::reshape(Hv, h_.size());
    Hv = h_.cwiseProduct(v);
  }

 private:
  void check(const auto& x) const { detail::require_size(name, "x", x.size(), h_.size()); }
  void check_curvatures() const {
    for (const double h : h_) require(name, "curvature", h, range::non_negative);
  }
  Eigen::VectorXd h_, center_;
};

/// sum of max(<a_i, x> - b_i, 0)^power: 0 wherever A x <= b; its Hessian becomes singular on the way there.
class PolytopeFeasibility {
 public:
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  static constexpr std::string_view name = "PolytopeFeasibility";

  PolytopeFeasibility(Rows A, Eigen::VectorXd b, double power = 3) : A_(std::move(A)), b_(std::move(b)), power_(power) {
    require(name, "power", power_, Range{2, std::numeric_limits<double>::infinity(), false, true});
    detail::require_size(name, "b", b_.size(), A_.rows());
    detail::require_finite(name, "A", A_);
    detail::require_finite(name, "b", b_);
  }

  [[nodiscard]] Index dimension() const { return A_.cols(); }
  [[nodiscard]] Eigen::VectorXd start() const { return Eigen::VectorXd::Zero(A_.cols()); }
  static double minimum() { return 0; }

  [[nodiscard]] double value(const auto& x) const {
    double sum = 0;
    violated(x, [&](auto, double r) { sum += std::pow(r, power_); });
    return sum;
  }
  double value_and_gradient(const auto& x, auto&& g) const {
    detail::reshape(g, dimension());
    g.setZero();
    double sum = 0;
    violated(x, [&](auto a, double r) {
      g += (power_ * std::pow(r, power_ - 1)) * a;
      sum += std::pow(r, power_);
    });
    return sum;
  }
  void hessian(const auto& x, auto&& H) const {
    detail::reshape(H, dimension(), dimension());
    H.setZero();
    violated(x, [&](auto a, double r) { H.template selfadjointView<Eigen::Lower>().rankUpdate(a, curvature(r)); });
    H.template triangularView<Eigen::StrictlyUpper>() = H.transpose();
  }
  void hessian_vector(const auto& x, const auto& v, auto&& Hv) const {
    detail::require_size(name, "v", v.size(), dimension());
    detail::reshape(Hv, dimension());
    Hv.setZero();
    violated(x, [&](auto a, double r) { Hv += (curvature(r) * a.dot(v)) * a; });
  }

 private:
  [[nodiscard]] double curvature(double r) const { return power_ * (power_ - 1) * std::pow(r, power_ - 2); }
  void violated(const auto& x, auto&& visit) const {
    detail::require_size(name, "x", x.size(), dimension());
    for (Index i = 0; i < A_.rows(); ++i) {
      const double r = A_.row(i).transpose().dot(x) - b_[i];
      if (!(r <= 0)) visit(A_.row(i).transpose(), r);
    }
  }
  Rows A_;
  Eigen::VectorXd b_;
  double power_;
};

}  // namespace glissade::problems
