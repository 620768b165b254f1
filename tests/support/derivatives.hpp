// Compares the derivatives of an objective with differences of its values.
#pragma once

#include "support/catch.hpp"
#include <glissade/core/random.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>

/// (f(-2) - 8 f(-1) + 8 f(1) - f(2)) / 12 h along coordinate i: an error of h^4 and of eps |f| / h.
auto difference(const auto& f, Eigen::VectorXd x, Eigen::Index i, double h) {
  const double middle = x[i];
  const auto at = [&](double shift) {
    x[i] = middle + shift;
    return f(x);
  };
  decltype(at(h)) slope = (at(-2 * h) - at(2 * h) + 8 * (at(h) - at(-h))) / (12 * h);
  return slope;
}

/// Gradient, Hessian and Hessian-vector product at the start and at five random points: near it, and of sizes 1, 10
/// and, twice, 1e2. A point where the function is not finite or exceeds 1e40 is moved half way to the start until it is
/// not.
template <class P>
void check_derivatives(const P& problem, const Eigen::VectorXd& start, bool at_start = true) {
  const Eigen::Index n = start.size();
  const glissade::RandomKey key{20};
  const auto value = [&](const Eigen::VectorXd& x) { return problem.value(x); };
  const auto gradient = [&](const Eigen::VectorXd& x) {
    Eigen::VectorXd g;
    problem.value_and_gradient(x, g);
    return g;
  };
  for (int point = at_start ? 0 : 1; point < 6; ++point) {
    Eigen::VectorXd x = start;
    const double size = point < 2 ? 0.1 * point : std::pow(10.0, std::min(point - 2, 2));
    for (Eigen::Index i = 0; i < n; ++i) {
      const double z = key.derive(static_cast<std::uint64_t>(point)).normal(static_cast<std::uint64_t>(i));
      x[i] = point < 2 ? x[i] + size * z * std::abs(x[i]) : size * z;
    }
    while (!(std::abs(problem.value(x)) < 1e40)) x = 0.5 * (x + start);
    INFO("point " << point << ": " << x.transpose());

    Eigen::VectorXd g;
    const double f = problem.value_and_gradient(x, g);
    const double h = 1e-4 * std::clamp(x.cwiseAbs().maxCoeff(), 1e-2, 1.0);
    const double noise = 4e-16 * std::abs(f) / h;
    Eigen::VectorXd numeric(n);
    for (Eigen::Index i = 0; i < n; ++i) numeric[i] = difference(value, x, i, h);
    CHECK((g - numeric).cwiseAbs().maxCoeff() <= 1e-6 * g.cwiseAbs().maxCoeff() + 20 * noise);

    Eigen::VectorXd v(n);
    for (Eigen::Index i = 0; i < n; ++i) v[i] = key.derive(99).normal(static_cast<std::uint64_t>(i));
    if constexpr (requires(Eigen::MatrixXd & H) { problem.hessian(x, H); }) {
      Eigen::MatrixXd H;
      problem.hessian(x, H);
      Eigen::MatrixXd columns(n, n);
      for (Eigen::Index i = 0; i < n; ++i) columns.col(i) = difference(gradient, x, i, h);
      const double rounding = 4e-16 * g.cwiseAbs().maxCoeff() / h;
      CHECK((H - columns).cwiseAbs().maxCoeff() <= 1e-5 * H.cwiseAbs().maxCoeff() + 20 * rounding);
      CHECK((H - H.transpose()).cwiseAbs().maxCoeff() <= 1e-14 * H.cwiseAbs().maxCoeff());
      if constexpr (requires(Eigen::VectorXd & Hv) { problem.hessian_vector(x, v, Hv); }) {
        Eigen::VectorXd Hv;
        problem.hessian_vector(x, v, Hv);
        CHECK((Hv - H * v).cwiseAbs().maxCoeff() <= 1e-12 * (H.cwiseAbs() * v.cwiseAbs()).maxCoeff() + 1e-300);
      }
    } else if constexpr (requires(Eigen::VectorXd & Hv) { problem.hessian_vector(x, v, Hv); }) {
      Eigen::VectorXd Hv;
      problem.hessian_vector(x, v, Hv);
      const auto along = [&](const Eigen::VectorXd& t) { return gradient(x + t[0] * v); };
      const Eigen::VectorXd slope = difference(along, Eigen::VectorXd::Zero(1), 0, h / v.cwiseAbs().maxCoeff());
      CHECK((Hv - slope).cwiseAbs().maxCoeff() <=
            1e-5 * Hv.cwiseAbs().maxCoeff() + 8e-15 * g.cwiseAbs().maxCoeff() / h);
    }
  }
}
