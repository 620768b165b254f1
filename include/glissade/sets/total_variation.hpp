// Total variation along a line.
#pragma once

#include <utility>

#include "values.hpp"

namespace glissade {

namespace detail {

/// argmin_z |z - y|^2 / 2 + lambda sum |z_(k+1) - z_k| in place of y, all finite, lambda > 0.
inline void denoise_line(Coefficients x, double lambda) {
  const auto N = static_cast<std::ptrdiff_t>(x.size());
  std::ptrdiff_t k = 0, start = 0, last_low = 0, last_high = 0;
  const auto y = [&](std::ptrdiff_t i) { return x[static_cast<std::size_t>(i)]; };
  double low = y(0) - lambda, high = y(0) + lambda, u_low = lambda, u_high = -lambda;
  // Nothing that is still to be read is ever written.
  const auto write = [&](std::ptrdiff_t end, double value) {
    for (; start <= end; ++start) x[static_cast<std::size_t>(start)] = value;
  };
  const auto length = [&] { return static_cast<double>(k - start + 1); };
  while (true) {
    if (k == N - 1) {
      if (u_low < 0) {  // a jump down
        write(last_low, low);
        k = last_low = start;
        low = y(k);
        u_low = lambda;
        u_high = y(k) + lambda - high;
      } else if (u_high > 0) {  // a jump up
        write(last_high, high);
        k = last_high = start;
        high = y(k);
        u_high = -lambda;
        u_low = y(k) - lambda - low;
      } else {
        return write(N - 1, low + u_low / length());
      }
    } else if (y(k + 1) + u_low < low - lambda) {
      write(last_low, low);
      k = last_low = last_high = start;
      low = y(k);
      high = y(k) + 2 * lambda;
      u_low = lambda;
      u_high = -lambda;
    } else if (y(k + 1) + u_high > high + lambda) {
      write(last_high, high);
      k = last_low = last_high = start;
      low = y(k) - 2 * lambda;
      high = y(k);
      u_low = lambda;
      u_high = -lambda;
    } else {
      ++k;
      u_low += y(k) - low;
      u_high += y(k) - high;
      if (u_low >= lambda) {
        low += (u_low - lambda) / length();
        u_low = lambda;
        last_low = k;
      }
      if (u_high <= -lambda) {
        high += (u_high + lambda) / length();
        u_high = -lambda;
        last_high = k;
      }
    }
  }
}

}  // namespace detail

/// h(x) = weight sum_k |x_(k+1) - x_k|: signals that are constant in pieces.
///
/// The prox is computed directly: the string through the tube of running sums of x is pulled tight, one pass with
/// returns to where a piece ends.
///
/// Options: weight >= 0 (1). Cost: O(n) in practice, O(n^2) at worst; no memory. Where step weight is so large that
/// one piece is left, it is the mean. Where a coefficient is not finite, all become NaN.
/// Source: "A Direct Algorithm for 1-D Total Variation Denoising", 2013.
struct TotalVariation1d {
  static constexpr std::string_view name = "TotalVariation1d";

  double weight = 1;

  static void options(auto& self, auto&& visit) { visit("weight", self.weight, range::non_negative); }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    check_set(*this);
    return read_values(x, [&](ConstCoefficients v) {
      double sum = v.size() == 1 ? v[0] * 0 : 0.0;  // NaN where x is
      for (std::size_t i = 1; i < v.size(); ++i) sum += std::abs(v[i] - v[i - 1]);
      return weight * sum;
    });
  }
  template <class V>
  void prox(V&& x, double step) const {
    check_set(*this);
    require(name, "step", step, range::positive);
    change_values(x, [&](Coefficients v, double) { denoise(v, step * weight); });
  }

 private:
  static void denoise(Coefficients v, double lambda) {
    if (!detail::all_finite(v)) return detail::fill_with_nan(v);
    if (v.size() < 2 || !(lambda > 0)) return;
    const double size = detail::greatest_magnitude(v);
    if (size == 0) return;
    if (size > 1e280) {  // sums would overflow
      for (double& a : v) a = std::ldexp(a, -200);
      denoise(v, std::ldexp(lambda, -200));
      for (double& a : v) a = std::ldexp(a, 200);
      return;
    }
    CompensatedSum total;
    for (const double a : v) total.add(a);
    const double mean = total.value() / static_cast<double>(v.size());
    double running = 0, most = 0;
    for (const double a : v) {
      running += a - mean;
      most = std::max(most, std::abs(running));
    }
    if (lambda >= most) return std::fill(v.begin(), v.end(), mean);
    detail::denoise_line(v, lambda);
  }
};

}  // namespace glissade
