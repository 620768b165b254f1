// Strassen's product against Eigen's and against the plain one of the library: milliseconds by size and levels, where
// it becomes the faster one, its error; and what tolerance of faults costs.
#include <glissade/linalg/orthonormal.hpp>
#include <glissade/linalg/strassen.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;

double milliseconds(int repeats, const auto& work) {
  double least = 1e300;
  for (int time = 0; time < repeats; ++time) {
    const auto start = std::chrono::steady_clock::now();
    work();
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 1e3 * least;
}

}  // namespace

int main() {
  std::printf("milliseconds\n    n    Eigen    plain  1 level  2 levels  3 levels   best / Eigen  error of 3 levels\n");
  for (const Index n : {128, 256, 512, 1024, 2048, 4096}) {
    const MatrixXd A = random_normal<double>(n, n, RandomKey{1}), B = random_normal<double>(n, n, RandomKey{2});
    MatrixXd C(n, n), exact(n, n);
    const int repeats = n <= 1024 ? 7 : n <= 2048 ? 5 : 3;
    const double eigen = milliseconds(repeats, [&] { exact.noalias() = A * B; });
    const double plain = milliseconds(repeats, [&] { product(A, B, C); });
    double best = 1e300;
    std::printf("%5td %8.2f %8.2f", n, eigen, plain);
    for (int levels = 1; levels <= 3; ++levels) {
      const double time = milliseconds(repeats, [&] { C = strassen_product(A, B, {.levels = levels, .cutoff = 32}); });
      best = std::min(best, time);
      std::printf(" %8.2f ", time);
    }
    std::printf(" %12.2f %18.1e\n", best / eigen, (C - exact).norm() / exact.norm());
  }
  const Index n = 1024;
  const MatrixXd A = random_normal<double>(n, n, RandomKey{1}), B = random_normal<double>(n, n, RandomKey{2});
  MatrixXd C(n, n);
  const double plain = milliseconds(5, [&] { product(A, B, C); });
  std::printf("\nn = 1024, as a part of the plain product of the library, and the residual of its relations\n");
  for (const int levels : {0, 2})
    for (const auto scheme :
         {StrassenScheme::strassen, StrassenScheme::strassen_winograd, StrassenScheme::with_parity}) {
      const FaultTolerantProduct multiply{.scheme = scheme, .levels = levels};
      ProductReport report;
      const double time = milliseconds(3, [&] { report = multiply(A, B, C); });
      std::printf("%2d products, %d levels within  %.2f  %.0e\n", static_cast<int>(block_products(scheme).size()),
                  levels, time / plain, report.residual);
    }
  return 0;
}
