// What a lane should be: one Eigen packet in a struct, or a fixed array of 32 coefficients.
//
// Both run the same Adam kernel on plain pointers, in cache and out of it. The library's lane is the
// packet; the array is kept here so that the choice can be measured again on another machine.
#include "support/race.hpp"
#include <glissade/core/lanes/lane.hpp>

#include <cmath>

namespace {

using Eigen::Index;

struct ArrayLane {
  using V = Eigen::Array<float, 32, 1>;
  static constexpr Index width = 32;
  V v;
  static EIGEN_ALWAYS_INLINE ArrayLane load(const float* p) { return {Eigen::Map<const V>(p)}; }
  EIGEN_ALWAYS_INLINE void store(float* p) const { Eigen::Map<V>{p} = v; }
  friend EIGEN_ALWAYS_INLINE ArrayLane operator+(const ArrayLane& a, const ArrayLane& b) { return {a.v + b.v}; }
  friend EIGEN_ALWAYS_INLINE ArrayLane operator+(const ArrayLane& a, double b) { return {a.v + static_cast<float>(b)}; }
  friend EIGEN_ALWAYS_INLINE ArrayLane operator*(double a, const ArrayLane& b) { return {static_cast<float>(a) * b.v}; }
  friend EIGEN_ALWAYS_INLINE ArrayLane operator/(const ArrayLane& a, const ArrayLane& b) { return {a.v / b.v}; }
  friend EIGEN_ALWAYS_INLINE ArrayLane square(const ArrayLane& a) { return {a.v * a.v}; }
  friend EIGEN_ALWAYS_INLINE ArrayLane sqrt(ArrayLane a) {
    constexpr int packet = glissade::Lane<float>::width;
    for (int k = 0; k < 32; k += packet) sqrt(glissade::Lane<float>::load(a.v.data() + k)).store(a.v.data() + k);
    return a;
  }
};

template <class L>
EIGEN_DONT_INLINE void adam(float* x, const float* g, float* m, float* v, Index size, double rate) {
  const double b1 = 0.9;
  const double b2 = 0.999;
  for (Index i = 0; i + L::width <= size; i += L::width) {
    const L u = L::load(g + i);
    const L first = b1 * L::load(m + i) + (1 - b1) * u;
    const L second = b2 * L::load(v + i) + (1 - b2) * square(u);
    first.store(m + i);
    second.store(v + i);
    (L::load(x + i) + -rate * (first / (0.5 * sqrt(second) + 1e-8))).store(x + i);
  }
}

}  // namespace

int main() {
  std::printf("%12s %14s %14s %14s\n", "coefficients", "packet ns", "32-array ns", "array / packet");
  for (const Index size : {Index{1} << 10, Index{1} << 14, Index{1} << 26}) {
    std::vector<Eigen::VectorXf> s(4, Eigen::VectorXf::Constant(size, 0.5f));
    const int repeats = static_cast<int>(std::max<Index>(1, (Index{1} << 20) / size));
    const std::vector<double> seconds = bench::race(
        {{"packet",
          [&] { adam<glissade::Lane<float>>(s[0].data(), s[1].data(), s[2].data(), s[3].data(), size, 1e-6); }},
         {"array", [&] { adam<ArrayLane>(s[0].data(), s[1].data(), s[2].data(), s[3].data(), size, 1e-6); }}},
        size > (Index{1} << 20) ? 7 : 101, repeats);
    std::printf("%12ld %14.3f %14.3f %14.2f\n", static_cast<long>(size), seconds[0] / static_cast<double>(size) * 1e9,
                seconds[1] / static_cast<double>(size) * 1e9, seconds[1] / seconds[0]);
  }
  return 0;
}
