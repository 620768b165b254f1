// What a mirror map is, and the Euclidean one.
//
// A mirror map is a strictly convex psi on a set with
//
//   double value(z)            psi(z)
//   double divergence(z, w)    Bregman's: psi(z) - psi(w) - <grad psi(w), z - w>
//   void gradient(z, y)        y = grad psi(z), but for what is constant on the set
//   void mirror(y, z)          z = argmax_z <y, z> - psi(z) over the set; y becomes a gradient of psi at that z
//
// A method keeps y: y <- y - step gradient, mirror(y, z). What is lost where z underflows stays in y. Outputs that are
// matrices or vectors of dynamic size get the shape of the input. Coefficients are float or double, computed in double.
#pragma once

#include "box.hpp"

namespace glissade {

namespace detail {

/// Gives `to` the shape of `from`.
template <class V, class W>
void match_shape(std::string_view owner, const V& from, W& to) {
  if (from.rows() == to.rows() && from.cols() == to.cols()) return;
  if constexpr (std::is_base_of_v<Eigen::PlainObjectBase<W>, W> && W::SizeAtCompileTime == Eigen::Dynamic)
    to.resize(from.rows(), from.cols());
  require_shape(owner, "the output", to, from.rows(), from.cols());
}

/// change(from, to)
template <class V, class W, class F>
void map_values(std::string_view owner, const V& from, W& to, F&& change) {
  match_shape(owner, from, to);
  read_values(from, [&](ConstCoefficients a) { change_values(to, [&](Coefficients b, double) { change(a, b); }); });
}
/// change(y, z): both are written.
template <class V, class W, class F>
void mirror_values(std::string_view owner, V& y, W& z, F&& change) {
  match_shape(owner, y, z);
  change_values(y, [&](Coefficients a, double) { change_values(z, [&](Coefficients b, double) { change(a, b); }); });
}
/// look(z, w)
template <class V, class W, class F>
[[nodiscard]] double read_pair(std::string_view owner, const V& z, const W& w, F&& look) {
  require_shape(owner, "w", w, z.rows(), z.cols());
  return read_values(
      z, [&](ConstCoefficients a) { return read_values(w, [&](ConstCoefficients b) { return look(a, b); }); });
}

/// a / b - 1 - log(a / b) >= 0 of positive numbers, to some rounding of its own size.
[[nodiscard]] inline double log_gap(double a, double b) {
  const double r = (a - b) / b;
  if (std::abs(r) > 0.05) return r - std::log(a / b);
  double power = r * r, sum = 0;
  for (int k = 2; k < 16; ++k, power *= -r) sum += power / k;
  return sum;
}
/// z log(z / w) - z + w >= 0.
[[nodiscard]] inline double entropy_gap(double z, double w) {
  if (z == 0) return w;
  if (w == 0) return infinity;
  const double ratio = w / z;
  return ratio > 1e-300 && ratio < 1e300 ? z * log_gap(w, z) : z * (std::log(z) - std::log(w)) - z + w;
}

inline void require_coefficient(std::string_view owner, std::string_view what, std::size_t i, double value,
                                const Range& allowed) {
  if (!allowed.contains(value)) reject(owner, std::string(what) + "[" + std::to_string(i) + "]", value, allowed.text());
}

}  // namespace detail

/// psi(z) = |z|^2 / 2, on all of the space or on a set.
///
///     gradient: y = z;   mirror: z = projection of y,  y = z
///
/// Options: set (WholeSpace).
template <class Set = WholeSpace>
struct Euclidean {
  static constexpr std::string_view name = "Euclidean";

  Set set{};

  static void options(auto& self, auto&& visit) { visit("set", self.set); }
  void check() const { check_set(set); }

  template <class V>
  [[nodiscard]] double value(const V& z) const {
    return read_values(z, [](ConstCoefficients v) { return std::pow(detail::length_of(v), 2) / 2; });
  }
  template <class V, class W>
  [[nodiscard]] double divergence(const V& z, const W& w) const {
    return detail::read_pair(name, z, w, [](ConstCoefficients a, ConstCoefficients b) {
      std::vector<double> difference(a.begin(), a.end());
      for (std::size_t i = 0; i < b.size(); ++i) difference[i] -= b[i];
      return std::pow(detail::length_of(difference), 2) / 2;
    });
  }
  template <class V, class W>
  void gradient(const V& z, W&& y) const {
    detail::match_shape(name, z, y);
    y = z;
  }
  template <class V, class W>
  void mirror(V&& y, W&& z) const {
    check();
    detail::match_shape(name, y, z);
    set.project(y);
    z = y;
  }
};
template <class Set>
Euclidean(Set) -> Euclidean<Set>;
Euclidean()->Euclidean<WholeSpace>;

}  // namespace glissade
