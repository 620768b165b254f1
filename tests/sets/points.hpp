// What the laws of sets, proxes and mirror maps share: random points, extreme ones, types.
#pragma once

#include "support/catch.hpp"
#include <glissade/sets/values.hpp>

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace subjects {

using namespace glissade;
using Eigen::VectorXd;
using Eigen::VectorXf;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  double normal() { return std::normal_distribution<double>()(engine_); }
  double uniform() { return std::uniform_real_distribution<double>()(engine_); }
  VectorXd normal(Index n) {
    return VectorXd::NullaryExpr(n, [this] { return normal(); });
  }
  VectorXd uniform(Index n) {
    return VectorXd::NullaryExpr(n, [this] { return uniform(); });
  }
  /// Of the simplex, often on its boundary.
  VectorXd weights(Index n) {
    VectorXd w = uniform(n).array().pow(6) + 1e-3;
    if (uniform() < 0.5) w[static_cast<Index>(uniform() * static_cast<double>(n - 1))] = 0;
    return w / w.sum();
  }

 private:
  std::mt19937_64 engine_;
};

inline VectorXd six(double a, double b, double c, double d, double e, double f) {
  VectorXd v(6);
  v << a, b, c, d, e, f;
  return v;
}

/// A map of vectors as it acts on dynamic and fixed ones, of double and float.
struct Action {
  std::function<void(VectorXd&)> on_doubles;
  std::function<void(VectorXf&)> on_floats;
  std::function<VectorXd(const VectorXd&)> on_fixed;
};

/// N: how many coefficients. What needs a matrix is given one with N / Rows columns, else Rows is 0.
template <int N, int Rows, class F>
Action action_of(F act) {
  Action made;
  if constexpr (Rows == 0) {
    made.on_doubles = [=](VectorXd& x) { act(x); };
    made.on_floats = [=](VectorXf& x) { act(x); };
    made.on_fixed = [=](const VectorXd& x) -> VectorXd {
      Eigen::Matrix<double, N, 1> y = x;
      act(y);
      return y;
    };
  } else {
    made.on_doubles = [=](VectorXd& x) {
      Eigen::Map<Eigen::MatrixXd> X(x.data(), Rows, x.size() / Rows);
      act(X);
    };
    made.on_floats = [=](VectorXf& x) {
      Eigen::MatrixXf X = Eigen::Map<Eigen::MatrixXf>(x.data(), Rows, x.size() / Rows);
      act(X);
      x = Eigen::Map<VectorXf>(X.data(), X.size());
    };
    made.on_fixed = [=](const VectorXd& x) -> VectorXd {
      Eigen::Matrix<double, Rows, N / Rows> X = Eigen::Map<const Eigen::MatrixXd>(x.data(), Rows, N / Rows);
      act(X);
      return Eigen::Map<VectorXd>(X.data(), N);
    };
  }
  return made;
}

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline const double not_a_number = std::nan("");

inline double largest(const VectorXd& x) { return x.size() == 0 ? 0 : x.cwiseAbs().maxCoeff(); }

/// Points to project: of several sizes, with ties and zeros.
inline VectorXd point(Random& random, int k, Index n) {
  const std::array<double, 5> scales{0.1, 0.5, 1.5, 5, 100};
  VectorXd x = scales[static_cast<std::size_t>(k) % 5] * random.normal(n);
  if (k % 4 == 1) x = x.array().round();
  if (k % 4 == 2) x[0] = x[n - 1] = x[n / 2];
  if (k % 4 == 3) x[1] = 0;
  return x;
}
/// Points with coefficients of any size.
inline std::vector<VectorXd> extreme_points(Index n) {
  std::vector<VectorXd> points;
  for (const double size : {1e300, 1e-300, 1e155, 1e-155, 1e16, 4.9e-324}) {
    VectorXd x = VectorXd::Constant(n, size);
    points.push_back(x);
    points.push_back(-x);
    x[0] = -size;
    x[1] = 0;
    points.push_back(x);
    x[2] = 1;
    x[3] = size / 2;
    points.push_back(x);
  }
  points.push_back(VectorXd::Zero(n));
  points.push_back(VectorXd::Constant(n, -0.0));
  return points;
}

/// The same bits, or NaN in both.
inline void check_same(const VectorXd& a, const VectorXd& b) {
  REQUIRE(a.size() == b.size());
  for (Index i = 0; i < a.size(); ++i) CHECK((a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))));
}
inline void check_types(const Action& act, const VectorXd& x, double tolerance = 0) {
  VectorXd expected = x;
  act.on_doubles(expected);
  const auto near = [&](const VectorXd& y) {
    if (tolerance == 0)
      check_same(y, expected);
    else
      CHECK(largest(y - expected) <= tolerance * (1 + largest(x)));
  };
  near(act.on_fixed(x));
  VectorXf y = x.cast<float>();
  act.on_floats(y);
  CHECK(largest(y.cast<double>() - expected) <= 1e-6 * (1 + largest(x)));
}

}  // namespace subjects
