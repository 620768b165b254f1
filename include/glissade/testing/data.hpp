// Numbers for tests of rules: reproducible, without a random generator.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstddef>
#include <cstring>

namespace glissade::laws {

/// Just numbers, of both signs, some of them zero.
inline double test_gradient(Eigen::Index i, int t) {
  const double phase = 0.37 * static_cast<double>(i) + 1.7 * t;
  const double value = std::sin(phase) + 0.3 * std::cos(3.1 * phase);
  return i % 11 == 5 ? 0.0 : value;
}
inline double test_parameter(Eigen::Index i) { return std::cos(0.61 * static_cast<double>(i) + 0.3); }

template <class V>
V parameters(Eigen::Index size) {
  V x(size);
  for (Eigen::Index i = 0; i < size; ++i) x[i] = static_cast<typename V::Scalar>(test_parameter(i));
  return x;
}
template <class V>
V gradients(Eigen::Index size, int t) {
  V g(size);
  for (Eigen::Index i = 0; i < size; ++i) g[i] = static_cast<typename V::Scalar>(test_gradient(i, t));
  return g;
}
/// Parameters at t = 0, else the gradient of step t.
inline Eigen::MatrixXd matrix(Eigen::Index rows, Eigen::Index cols, int t) {
  Eigen::MatrixXd m(rows, cols);
  for (Eigen::Index i = 0; i < m.size(); ++i) m.data()[i] = t == 0 ? test_parameter(i) : test_gradient(i, t);
  return m;
}

template <class A, class B>
bool same_bits(const A& a, const B& b) {
  return static_cast<std::size_t>(a.size()) == static_cast<std::size_t>(b.size()) &&
         (a.size() == 0 ||
          std::memcmp(a.data(), b.data(), sizeof(*a.data()) * static_cast<std::size_t>(a.size())) == 0);
}

}  // namespace glissade::laws
