// The numbers t at which sums of max(a_i - t, 0) have a given value: what projections onto simplexes and l1 balls are
// about.
#pragma once

#include <algorithm>

#include "values.hpp"

namespace glissade::detail {

/// t = top + unit cut, in two parts, so that a large offset of all numbers costs no digits: the excess of a is
/// unit max((a - top) / unit - cut, 0). `top` is NaN where there is no answer.
struct SimplexCut {
  double top, cut;
};

/// The t with sum_i max(a(i) - t, 0) = unit > 0, n > 0. From below Newton's iterates rise to it and end there.
template <class At>
[[nodiscard]] SimplexCut simplex_cut(std::size_t n, const At& a, double unit) {
  double top = -infinity;
  for (std::size_t i = 0; i < n; ++i) {
    const double number = a(i);
    if (number != number) return {number, 0};
    top = std::max(top, number);
  }
  if (!std::isfinite(top)) return {std::numeric_limits<double>::quiet_NaN(), 0};
  double cut = -1;
  std::size_t active = 0;
  for (int pass = 0; pass < 50; ++pass) {
    CompensatedSum sum;
    std::size_t count = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double excess = (a(i) - top) / unit;
      if (!(excess > cut)) continue;
      sum.add(excess);
      ++count;
    }
    const double next = (sum.value() - 1) / static_cast<double>(count);
    if (count == active || !(next > cut)) return {top, cut};
    cut = next;
    active = count;
  }
  std::vector<double> rest;
  for (std::size_t i = 0; i < n; ++i)
    if ((a(i) - top) / unit > cut) rest.push_back((a(i) - top) / unit);
  std::sort(rest.begin(), rest.end(), [](double x, double y) { return x > y; });
  CompensatedSum sum;
  for (std::size_t k = 0; k < rest.size(); ++k) {
    sum.add(rest[k]);
    const double next = (sum.value() - 1) / static_cast<double>(k + 1);
    if (!(rest[k] > next)) break;
    cut = next;
  }
  return {top, cut};
}

inline void project_simplex(Coefficients v, double total, double epsilon) {
  if (v.empty()) return;
  CompensatedSum sum;
  bool inside = true;
  for (const double a : v) {
    inside = inside && a >= 0;
    sum.add(a);
  }
  if (inside && std::abs(sum.value() - total) <= 4 * epsilon * total) return;
  const auto [top, cut] = simplex_cut(
      v.size(), [&](std::size_t i) { return v[i]; }, total);
  if (top != top) return fill_with_nan(v);
  CompensatedSum share;
  for (double& a : v) {
    a = std::max((a - top) / total - cut, 0.0);
    share.add(a);
  }
  for (double& a : v) a = a / share.value() * total;
}

inline void project_simplex_tangent(ConstCoefficients x, Coefficients v) {
  if (v.empty()) return;
  if (!all_finite(x) || !all_finite(v)) return fill_with_nan(v);
  const double unit = greatest_magnitude(v);
  if (unit == 0) return;
  const auto free = [&](std::size_t i) { return x[i] > 0; };
  double cut = -2;
  std::size_t active = 0;
  for (std::size_t pass = 0; pass <= v.size(); ++pass) {
    CompensatedSum sum;
    std::size_t count = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      // The first pass takes those that are free alone, which is from below.
      if (!free(i) && (pass == 0 || !(v[i] / unit > cut))) continue;
      sum.add(v[i] / unit);
      ++count;
    }
    if (count == 0) throw std::invalid_argument("Simplex: x has no positive coefficient, must be in the set");
    const double next = sum.value() / static_cast<double>(count);
    if (pass > 1 && (count == active || !(next > cut))) break;
    cut = next;
    active = count;
  }
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double rest = v[i] / unit - cut;
    v[i] = (free(i) ? rest : std::max(rest, 0.0)) * unit;
  }
}

/// a_i <- min(max(a_i - t w_i, 0), u_i) with the t for which the sum of w_i times these is the total; all finite,
/// without u no upper bounds. NaN where numbers overflow.
///
/// The sum falls with t and is linear between breakpoints a / w and (a - u) / w: the right pair of them is found by
/// bisection. What is left when that t has been taken away is searched again, so that a large offset costs no digits.
inline void take_threshold(Coefficients a, const PerCoefficient& w, const PerCoefficient* u, double total) {
  const std::size_t n = a.size();
  const auto upper = [&](std::size_t i) { return a[i] / w[i]; };
  const auto lower = [&](std::size_t i) { return u ? (a[i] - (*u)[i]) / w[i] : -infinity; };
  const auto excess = [&](std::size_t i, double t) { return std::fma(-t, w[i], a[i]); };
  const auto sum_at = [&](double t) {
    CompensatedSum sum;
    for (std::size_t i = 0; i < n; ++i)
      if (upper(i) > t) sum.add(w[i] * (lower(i) >= t ? (*u)[i] : std::max(excess(i, t), 0.0)));
    return sum.value();
  };
  std::vector<double> points;
  points.reserve(2 * n);
  for (const bool last : {false, true}) {
    points.clear();
    for (std::size_t i = 0; i < n; ++i) {
      points.push_back(upper(i));
      if (u) points.push_back(lower(i));
    }
    std::sort(points.begin(), points.end());
    std::size_t low = 0, high = points.size() - 1;  // the sum at `high` is at most the total
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (sum_at(points[middle]) <= total)
        high = middle;
      else
        low = middle + 1;
    }
    const double t = points[high];
    if (!std::isfinite(t)) return fill_with_nan(a);
    if (!last) {
      for (std::size_t i = 0; i < n; ++i) a[i] = excess(i, t);
      continue;
    }
    CompensatedSum slope;  // left of t
    for (std::size_t i = 0; i < n; ++i)
      if (lower(i) < t && t <= upper(i)) slope.add(w[i] * w[i]);
    const double missing = total - sum_at(t);
    const double back = missing > 0 && slope.value() > 0 ? missing / slope.value() : 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double more = std::max(excess(i, t) + back * w[i], 0.0);
      a[i] = u ? std::min(more, (*u)[i]) : more;
    }
  }
}

}  // namespace glissade::detail
