// The problems of More, Garbow and Hillstrom as residuals, for methods of least squares.
#pragma once

#include <Eigen/Core>

#include <type_traits>

#include "formula.hpp"

namespace glissade::problems {

/// The residuals of a problem that is a sum of squares, with their exact Jacobian.
///
///     minimize(problems::ResidualsOf<problems::Osborne2>{}, x, LevenbergMarquardt{});
///
/// What is minimized is half the sum of squares, half of the problem's own value.
/// Cost: residuals are one run of the formulas, a Jacobian n / 4 runs with four slopes each; a count of the residuals
/// before each. Errors: those of the problem where it checks n.
template <class Problem>
struct ResidualsOf {
  Problem problem = {};

  template <class V>
  void residuals(const V& x, Eigen::VectorXd& r) const {
    using Numbers = detail::Numbers<V>;
    check(x);
    r.resize(count(Numbers{x}));
    Index i = 0;
    problem.residuals(Numbers{x}, [&](double value) { r[i++] = value; });
  }

  template <class V>
  void jacobian(const V& x, Eigen::MatrixXd& J) const {
    constexpr int chunk = 4;
    check(x);
    J.resize(count(detail::Numbers<V>{x}), x.size());
    for (Index first = 0; first < x.size(); first += chunk) {
      Index i = 0;
      problem.residuals(detail::Window<V, chunk, 1>{x, first}, [&](const Jet<chunk, 1>& value) {
        for (Index a = 0; a < chunk && first + a < x.size(); ++a)
          J(i, first + a) = value.d[static_cast<std::size_t>(a)];
        ++i;
      });
    }
  }

 private:
  template <class V>
  void check(const V& x) const {
    if constexpr (requires { problem.check(x.size()); })
      problem.check(x.size());
    else
      static_cast<void>(problem.elements(x.size()));
  }
  template <class Numbers>
  Index count(const Numbers& x) const {
    Index m = 0;
    problem.residuals(x, [&m](double) { ++m; });
    return m;
  }
};

}  // namespace glissade::problems
