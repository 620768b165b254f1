// What sets, proxes and mirror maps share: how they see the coefficients of a vector or matrix, options that are one
// number or many, and how options are checked.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../core/checks.hpp"
#include "../rule/options.hpp"

namespace glissade {

using Index = Eigen::Index;

/// An option that is one number for all coefficients or one for each, in the order of the coefficients by columns.
///
///     Box{.low = 0, .high = Eigen::Vector2d(1, 2)};
class PerCoefficient {
 public:
  PerCoefficient(double number) : number_(number) {}
  template <class Many>
  PerCoefficient(const Eigen::DenseBase<Many>& numbers) : many_(true) {
    for (Index c = 0; c < numbers.cols(); ++c)
      for (Index r = 0; r < numbers.rows(); ++r) numbers_.push_back(static_cast<double>(numbers.derived().coeff(r, c)));
  }

  [[nodiscard]] bool many() const { return many_; }
  [[nodiscard]] double operator[](std::size_t i) const { return many_ ? numbers_[i] : number_; }
  /// All numbers that were given.
  [[nodiscard]] std::span<const double> numbers() const {
    if (many_) return {numbers_.data(), numbers_.size()};
    return {&number_, 1};
  }

  /// Throws std::invalid_argument: "L1: weight[2] = -1, must be >= 0 and finite".
  void require_in(std::string_view owner, std::string_view field, const Range& allowed) const {
    const auto all = numbers();
    for (std::size_t i = 0; i < all.size(); ++i)
      if (!allowed.contains(all[i])) reject(owner, label(field, i), all[i], allowed.text());
  }
  /// Throws std::invalid_argument where there are many, but not as many as coefficients.
  void require_size(std::string_view owner, std::string_view field, std::size_t size) const {
    if (many_ && numbers_.size() != size)
      throw std::invalid_argument(std::string(owner) + ": " + std::string(field) + " has " +
                                  std::to_string(numbers_.size()) + " numbers, must have " + std::to_string(size));
  }
  /// "low" or "low[2]"
  [[nodiscard]] std::string label(std::string_view field, std::size_t i) const {
    return std::string(field) + (many_ ? "[" + std::to_string(i) + "]" : "");
  }

 private:
  double number_ = 0;
  std::vector<double> numbers_;
  bool many_ = false;
};

/// Throws std::invalid_argument at the first option of a set, prox or mirror map that is out of its range. All of them
/// do so themselves, before anything is touched.
template <class S>
void check_set(const S& set) {
  visit_options(set, CheckOption{S::name, 0});
  if constexpr (requires { set.check(); }) set.check();
}

// --- For authors of sets ---------------------------------------------------------------------------------------------

using Coefficients = std::span<double>;
using ConstCoefficients = std::span<const double>;

namespace detail {

/// Whether the coefficients of x lie in memory without gaps, by columns.
template <class V>
[[nodiscard]] bool lies_flat(const V& x) {
  if (x.innerStride() != 1) return false;
  return V::IsVectorAtCompileTime || (!V::IsRowMajor && (x.cols() <= 1 || x.outerStride() == x.rows()));
}
template <class V>
inline constexpr bool has_doubles = std::is_same_v<typename V::Scalar, double> &&
                                    (V::Flags & Eigen::DirectAccessBit) != 0;

template <class V>
using FlatCopy =
    std::conditional_t<(V::SizeAtCompileTime >= 0 && V::SizeAtCompileTime <= 64),
                       std::array<double, std::size_t(V::SizeAtCompileTime < 0 ? 0 : V::SizeAtCompileTime)>,
                       std::vector<double>>;
template <class V>
[[nodiscard]] FlatCopy<V> flat_copy(const V& x) {
  FlatCopy<V> copy{};
  if constexpr (requires { copy.resize(1); }) copy.resize(static_cast<std::size_t>(x.size()));
  std::size_t k = 0;
  for (Index c = 0; c < x.cols(); ++c)
    for (Index r = 0; r < x.rows(); ++r) copy[k++] = static_cast<double>(x.coeff(r, c));
  return copy;
}

}  // namespace detail

/// Calls change(values, epsilon) with the coefficients of x in double, by columns whatever the storage, and the machine
/// epsilon of their type. They are x's own where these are doubles without gaps, else a copy that is rounded back.
template <class V, class F>
void change_values(V&& x, F&& change) {
  using Plain = std::remove_cvref_t<V>;
  using T = typename Plain::Scalar;
  static_assert(std::is_floating_point_v<T>, "coefficients must be float or double");
  static_assert((Plain::Flags & Eigen::LvalueBit) != 0 && !std::is_const_v<std::remove_reference_t<V>>,
                "x must be writable");
  constexpr double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  if constexpr (detail::has_doubles<Plain>) {
    if (detail::lies_flat(x)) return change(Coefficients(x.data(), static_cast<std::size_t>(x.size())), epsilon);
  }
  auto copy = detail::flat_copy(x);
  change(Coefficients(copy), epsilon);
  std::size_t k = 0;
  for (Index c = 0; c < x.cols(); ++c)
    for (Index r = 0; r < x.rows(); ++r) x.coeffRef(r, c) = static_cast<T>(copy[k++]);
}

/// look(values) on the coefficients of x in double, by columns.
template <class V, class F>
auto read_values(const V& x, F&& look) {
  static_assert(std::is_floating_point_v<typename V::Scalar>, "coefficients must be float or double");
  if constexpr (detail::has_doubles<V>) {
    if (detail::lies_flat(x)) return look(ConstCoefficients(x.data(), static_cast<std::size_t>(x.size())));
  }
  const auto copy = detail::flat_copy(x);
  return look(ConstCoefficients(copy));
}

/// change(at, v, epsilon): reads x, changes v, which must have the shape of x.
template <class X, class V, class F>
void change_values_at(std::string_view owner, const X& x, V&& v, F&& change) {
  require_shape(owner, "v", v, x.rows(), x.cols());
  read_values(x, [&](ConstCoefficients at) {
    change_values(v, [&](Coefficients direction, double epsilon) { change(at, direction, epsilon); });
  });
}

/// The sum of many numbers, about as exact as one rounding, after Neumaier.
class CompensatedSum {
 public:
  void add(double x) {
    const double next = sum_ + x;
    rest_ += std::abs(sum_) >= std::abs(x) ? (sum_ - next) + x : (x - next) + sum_;
    sum_ = next;
  }
  [[nodiscard]] double value() const { return std::isfinite(rest_) ? sum_ + rest_ : sum_; }

 private:
  double sum_ = 0, rest_ = 0;
};

namespace detail {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// By how much, relatively, a sum of n numbers >= 0 that were rounded to `epsilon` may be off.
[[nodiscard]] inline double rounding_of(std::size_t n, double epsilon) {
  return 4 * epsilon + std::numeric_limits<double>::epsilon() * std::sqrt(static_cast<double>(n));
}

inline void fill_with_nan(Coefficients v) { std::fill(v.begin(), v.end(), std::numeric_limits<double>::quiet_NaN()); }

[[nodiscard]] inline bool all_finite(ConstCoefficients v) {
  return std::all_of(v.begin(), v.end(), [](double a) { return std::isfinite(a); });
}

/// The largest number, NaN where there is one; -infinity of nothing.
[[nodiscard]] inline double largest_of(ConstCoefficients v) {
  double most = -infinity;
  for (const double a : v) {
    if (a != a) return a;
    most = std::max(most, a);
  }
  return most;
}
[[nodiscard]] inline double greatest_magnitude(ConstCoefficients v) {
  double most = 0;
  for (const double a : v) {
    if (a != a) return a;
    most = std::max(most, std::abs(a));
  }
  return most;
}

/// The Euclidean norm over the whole range of numbers.
[[nodiscard]] inline double length_of(ConstCoefficients v) {
  double squares = 0;
  for (const double a : v) squares += a * a;
  if (squares > 1e-280 && squares < 1e300) return std::sqrt(squares);
  const double most = greatest_magnitude(v);
  if (!(most > 0) || !std::isfinite(most)) return most;
  int exponent = 0;
  std::frexp(most, &exponent);
  squares = 0;
  for (const double a : v) squares += std::pow(std::ldexp(a, -exponent), 2);
  return std::ldexp(std::sqrt(squares), exponent);
}

/// Throws std::invalid_argument where segments of these sizes are not all of n coefficients.
inline void require_sizes(std::string_view owner, std::span<const Index> sizes, Index n) {
  Index sum = 0;
  for (const Index size : sizes) {
    if (size < 0) reject(owner, "sizes", static_cast<double>(size), ">= 0");
    sum += size;
  }
  if (sum != n)
    throw std::invalid_argument(std::string(owner) + ": sizes have the sum " + std::to_string(sum) + ", must be " +
                                std::to_string(n));
}

/// action(segment) on consecutive segments; one of everything where no sizes are given.
template <class Span, class F>
void for_segments(std::string_view owner, const std::vector<Index>& sizes, Span v, F&& action) {
  if (sizes.empty()) return action(v);
  require_sizes(owner, sizes, static_cast<Index>(v.size()));
  std::size_t begin = 0;
  for (const Index size : sizes) {
    action(v.subspan(begin, static_cast<std::size_t>(size)));
    begin += static_cast<std::size_t>(size);
  }
}

}  // namespace detail
}  // namespace glissade
