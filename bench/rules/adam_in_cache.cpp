// flags: -fno-math-errno
// Adam in cache against the best loop a person would write by hand for Adam alone.
//
// The flag is for the hand-written loop, which without it is not vectorized at all; the library does
// not need it.
#include "support/byte_bound.hpp"
#include "support/race.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>

namespace {

/// Everything that does not depend on the coefficient is taken out of the loop.
EIGEN_DONT_INLINE void adam_by_hand(float* EIGEN_RESTRICT x, const float* EIGEN_RESTRICT g, float* EIGEN_RESTRICT m,
                                    float* EIGEN_RESTRICT v, Eigen::Index size, float rate, float b1, float b2,
                                    float slope, float epsilon) {
  for (Eigen::Index i = 0; i < size; ++i) {
    m[i] = b1 * m[i] + (1 - b1) * g[i];
    v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
    x[i] -= rate * m[i] / (std::sqrt(v[i]) * slope + epsilon);
  }
}

}  // namespace

int main() {
  std::printf("%12s %10s %10s %10s %12s %12s\n", "coefficients", "bytes ns", "hand ns", "Adam ns", "hand / Adam",
              "step of 8, ns");
  for (const Eigen::Index size : {Eigen::Index{1} << 10, Eigen::Index{1} << 14, Eigen::Index{1} << 17}) {
    Eigen::VectorXf x = Eigen::VectorXf::Constant(size, 0.5f);
    const Eigen::VectorXf g = Eigen::VectorXf::Constant(size, 0.25f);
    Eigen::VectorXf m = x;
    Eigen::VectorXf v = x;
    Eigen::VectorXf y = x;
    Eigen::VectorXf copy = g;
    Eigen::VectorXf few = Eigen::VectorXf::Ones(8);
    float* const streams[] = {copy.data(), x.data(), m.data(), v.data()};
    glissade::Optimizer adam{glissade::Adam{.learning_rate = 1e-6}, y};
    glissade::Optimizer small{glissade::Adam{.learning_rate = 1e-6}, few};
    volatile float beta = 0.9f;
    const std::vector<double> seconds = bench::race(
        {{"bytes", [&] { bench::move_bytes<4, 3>(streams, size); }},
         {"hand",
          [&] { adam_by_hand(x.data(), g.data(), m.data(), v.data(), size, 1e-6f, beta, 0.999f, 0.5f, 1e-8f); }},
         {"adam", [&] { adam.step(g); }},
         {"few", [&] { small.step(few); }}},
        201, static_cast<int>((Eigen::Index{1} << 19) / size));
    const auto nanoseconds = [&](std::size_t k) { return seconds[k] / static_cast<double>(size) * 1e9; };
    std::printf("%12ld %10.3f %10.3f %10.3f %12.2f %12.0f\n", static_cast<long>(size), nanoseconds(0), nanoseconds(1),
                nanoseconds(2), nanoseconds(1) / nanoseconds(2), seconds[3] * 1e9);
  }
  return 0;
}
