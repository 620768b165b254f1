// Functions of the literature for tests of methods, with their starts.
#pragma once

#include <glissade/oracle/autodiff.hpp>

#include <cmath>

namespace test_functions {

using Eigen::VectorXd;
using glissade::Index;

template <class X>
using NumberOf = typename X::Scalar;

/// sum_i 100 (x_2i - x_2i-1^2)^2 + (1 - x_2i-1)^2
inline constexpr auto rosenbrock = [](const auto& x) {
  using S = NumberOf<std::remove_cvref_t<decltype(x)>>;
  S sum(0.0);
  for (Index i = 0; i + 1 < x.size(); i += 2) {
    const S a = x[i + 1] - x[i] * x[i];
    const S b = 1.0 - x[i];
    sum += 100.0 * a * a + b * b;
  }
  return sum;
};
inline VectorXd rosenbrock_start(Index n = 2) {
  VectorXd x(n);
  for (Index i = 0; i < n; ++i) x[i] = i % 2 == 0 ? -1.2 : 1.0;
  return x;
}

inline constexpr auto beale = [](const auto& x) {
  using S = NumberOf<std::remove_cvref_t<decltype(x)>>;
  S sum(0.0);
  S power(1.0);
  for (const double y : {1.5, 2.25, 2.625}) {
    power = S(power * x[1]);
    const S r = y - x[0] * (1.0 - power);
    sum += r * r;
  }
  return sum;
};

inline constexpr auto powell_singular = [](const auto& x) {
  using S = NumberOf<std::remove_cvref_t<decltype(x)>>;
  const S a = x[0] + 10.0 * x[1];
  const S b = x[2] - x[3];
  const S c = x[1] - 2.0 * x[2];
  const S d = x[0] - x[3];
  const S cc = c * c;
  const S dd = d * d;
  return S(a * a + 5.0 * b * b + cc * cc + 10.0 * dd * dd);
};

inline constexpr auto wood = [](const auto& x) {
  using S = NumberOf<std::remove_cvref_t<decltype(x)>>;
  const S a = x[1] - x[0] * x[0];
  const S b = 1.0 - x[0];
  const S c = x[3] - x[2] * x[2];
  const S d = 1.0 - x[2];
  const S e = x[1] + x[3] - 2.0;
  const S h = x[1] - x[3];
  return S(100.0 * a * a + b * b + 90.0 * c * c + d * d + 10.0 * e * e + 0.1 * h * h);
};

inline constexpr auto brown_dennis = [](const auto& x) {
  using S = NumberOf<std::remove_cvref_t<decltype(x)>>;
  S sum(0.0);
  for (int i = 1; i <= 20; ++i) {
    const double t = i / 5.0;
    const S a = x[0] + t * x[1] - std::exp(t);
    const S b = x[2] + std::sin(t) * x[3] - std::cos(t);
    const S r = a * a + b * b;
    sum += r * r;
  }
  return sum;
};

inline VectorXd vector(std::initializer_list<double> values) {
  VectorXd x(static_cast<Index>(values.size()));
  Index i = 0;
  for (const double v : values) x[i++] = v;
  return x;
}

/// x'Dx / 2 - sum x, D diagonal with eigenvalues spaced evenly on a logarithmic scale from 1 to `condition`.
struct Quadratic {
  VectorXd d;
  explicit Quadratic(Index n, double condition) : d(n) {
    for (Index i = 0; i < n; ++i)
      d[i] = std::pow(condition, n == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(n - 1));
  }
  double value_and_gradient(const VectorXd& x, VectorXd& g) const {
    g = d.cwiseProduct(x);
    const double value = 0.5 * x.dot(g) - x.sum();
    g.array() -= 1;
    return value;
  }
  void hessian(const VectorXd&, Eigen::MatrixXd& H) const { H = d.asDiagonal(); }
  void hessian_vector(const VectorXd&, const VectorXd& v, VectorXd& Hv) const { Hv = d.cwiseProduct(v); }
};

}  // namespace test_functions
