// A Newton step with few variables: vectors of fixed size, which take nothing from the heap, against dynamic ones.
#include "support/race.hpp"
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/newton/newton.hpp>

namespace {

/// sum (x_i^4 / 4 + x_i^2 / 2 - x_i) + (sum x_i)^2 / 2
struct Quartic {
  template <class V>
  double value_and_gradient(const V& x, V& g) const {
    const double sum = x.sum();
    g.array() = x.array().cube() + x.array() - 1 + sum;
    const auto squares = x.array().square();
    return (0.25 * squares.square() + 0.5 * squares - x.array()).sum() + 0.5 * sum * sum;
  }
  template <class V>
  void hessian(const V& x, glissade::SquareOf<V>& H) const {
    H.setOnes();
    H.diagonal().array() += 3 * x.array().square() + 1;
  }
};

template <int N>
void measure(int n) {
  using V = Eigen::Matrix<double, N, 1>;
  const glissade::Newton method;
  const Quartic f;
  V x = V::Constant(n, 2.0);
  auto oracle = glissade::oracle_of(f, x);
  auto state = method.init(oracle, x);
  const auto begin = state;
  const V start = x;
  constexpr int steps = 4;
  const auto run = [&] {
    x = start;
    state.value = begin.value;
    state.gradient = begin.gradient;
    for (int k = 0; k < steps; ++k) method.step(oracle, x, state);
  };
  const double step = bench::race({{"steps", run}}, 101, 1000)[0] / steps;
  glissade::Result r;
  const auto whole = [&] {
    x = start;
    r = glissade::minimize(f, x, method, {.gradient_tolerance = 1e-9});
  };
  const double all = bench::race({{"minimize", whole}}, 101, 1000)[0];
  std::printf("%4d %8s %12.0f %14.0f %12ld\n", n, N == Eigen::Dynamic ? "dynamic" : "fixed", step * 1e9, all * 1e9,
              static_cast<long>(r.iterations));
}

}  // namespace

int main() {
  std::printf("%4s %8s %12s %14s %12s\n", "d", "vectors", "ns per step", "minimize ns", "iterations");
  measure<3>(3);
  measure<Eigen::Dynamic>(3);
  measure<6>(6);
  measure<Eigen::Dynamic>(6);
  measure<12>(12);
  measure<Eigen::Dynamic>(12);
  return 0;
}
