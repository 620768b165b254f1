// The Douglas-Rachford operator of two functions or sets.
#pragma once

#include <type_traits>

#include "../rule/options.hpp"

namespace glissade {

/// Its fixed points solve min f + g, or find a point that two sets share, with each of both by itself: for problems
/// where a projection on either set is cheap and on both is not.
///
///     p = prox_f(x),  q = prox_g(2 p - x),   T x = x - p + q
///
/// of sets projections. T is firmly nonexpansive: Picard converges, KrasnoselskiiMann with relaxation below 2, Halpern
/// too. At a fixed point x the solution is solution(x) = prox_f(x). Of two closed convex sets A and B that do not meet
/// x - T x settles at a - b, the shortest such difference, if there is one (DetectInfeasibility).
///
///     DouglasRachford T{Ball{.radius = 1}, Halfspace{.normal = Eigen::Vector3d(1, 1, 1)}};
///     Result r = find_fixed_point(T, x, Picard{});
///     T.solution(x);
///
/// Options: f and g, each with prox(x, step) or project(x); step (> 0; 1), of no matter for sets.
/// Cost: one prox of each per call, memory for a vector.
/// Source: J. Douglas and H. H. Rachford 1956; P.-L. Lions and B. Mercier 1979.
template <class F, class G>
struct DouglasRachford {
  static constexpr std::string_view name = "DouglasRachford";

  F f;
  G g;
  double step = 1;

  static void options(auto& self, auto&& visit) {
    visit("f", self.f);
    visit("g", self.g);
    visit("step", self.step, range::positive);
  }

  template <class V>
  void operator()(const V& x, V& image) {
    require(name, "step", step, range::positive);
    image = x;
    apply(f, image);
    V reflected = 2 * image - x;
    apply(g, reflected);
    image = reflected + (x - image);
  }
  /// x becomes prox_f(x).
  template <class V>
  void solution(V& x) {
    require(name, "step", step, range::positive);
    apply(f, x);
  }

 private:
  template <class H, class V>
  void apply(H& h, V& x) const {
    if constexpr (requires { h.prox(x, step); }) {
      h.prox(x, step);
    } else {
      static_assert(
          requires { h.project(x); },
          "DouglasRachford takes functions with prox(x, step) or sets with "
          "project(x)");
      h.project(x);
    }
  }
};
template <class F, class G>
DouglasRachford(F, G) -> DouglasRachford<F, G>;
template <class F, class G>
DouglasRachford(F, G, double) -> DouglasRachford<F, G>;

}  // namespace glissade
