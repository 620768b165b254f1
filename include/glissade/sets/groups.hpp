// Norms of groups of coefficients.
#pragma once

#include "l1.hpp"

namespace glissade {

/// h(x) = l1 |x|_1 + l2 sum over groups of |x_g|: groups that are 0 as a whole, and zeros within the others.
///
///     x <- sign(x) max(|x| - step l1, 0);   x_g <- x_g max(0, 1 - step l2 / |x_g|)
///
/// Options: l1 >= 0 (1), l2 >= 0 (1); sizes of consecutive groups, none for one group of all. Columns of a matrix are
/// consecutive groups. Any coefficient; a group with NaN or infinity becomes NaN.
struct SparseGroupNorm {
  static constexpr std::string_view name = "SparseGroupNorm";

  double l1 = 1;
  double l2 = 1;
  std::vector<Index> sizes{};

  static void options(auto& self, auto&& visit) {
    visit("l1", self.l1, range::non_negative);
    visit("l2", self.l2, range::non_negative);
    visit("sizes", self.sizes);
  }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    check_set(*this);
    return read_values(x, [&](ConstCoefficients v) { return value_of(name, v); });
  }
  template <class V>
  void prox(V&& x, double step) const {
    check_set(*this);
    require(name, "step", step, range::positive);
    change_values(x, [&](Coefficients v, double) { shrink(name, v, step); });
  }

 private:
  friend struct GroupNorm;

  [[nodiscard]] double value_of(std::string_view owner, ConstCoefficients v) const {
    double sum = 0;
    for (const double a : v) sum += l1 * std::abs(a);
    detail::for_segments(owner, sizes, v, [&](ConstCoefficients group) { sum += l2 * detail::length_of(group); });
    return sum;
  }
  void shrink(std::string_view owner, Coefficients v, double step) const {
    detail::for_segments(owner, sizes, v, [&](Coefficients group) {
      if (!detail::all_finite(group)) return detail::fill_with_nan(group);
      for (double& a : group) a = detail::soft_threshold(a, step * l1);
      const double length = detail::length_of(group);
      const double factor = length > step * l2 ? 1 - step * l2 / length : 0.0;
      for (double& a : group) a *= factor;
    });
  }
};

/// h(x) = weight sum over groups of |x_g|; of one group the Euclidean norm, of a matrix Frobenius'.
///
///     x_g <- x_g max(0, 1 - step weight / |x_g|)
///
/// Options: weight >= 0 (1); sizes of consecutive groups, none for one group of all. Columns of a matrix are
/// consecutive groups. Any coefficient; a group with NaN or infinity becomes NaN.
struct GroupNorm {
  static constexpr std::string_view name = "GroupNorm";

  double weight = 1;
  std::vector<Index> sizes{};

  static void options(auto& self, auto&& visit) {
    visit("weight", self.weight, range::non_negative);
    visit("sizes", self.sizes);
  }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    check_set(*this);
    return read_values(x, [&](ConstCoefficients v) { return sparse().value_of(name, v); });
  }
  template <class V>
  void prox(V&& x, double step) const {
    check_set(*this);
    require(name, "step", step, range::positive);
    change_values(x, [&](Coefficients v, double) { sparse().shrink(name, v, step); });
  }

 private:
  [[nodiscard]] SparseGroupNorm sparse() const { return {.l1 = 0, .l2 = weight, .sizes = sizes}; }
};

}  // namespace glissade
