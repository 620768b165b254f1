// Kronecker projections with m = n^2 / 2 rows whose eigenvalues change one at a time: milliseconds of an update,
// amortised over those that compute the inverse anew, against computing it anew each time, as powers of n; and what
// laziness saves.
#include <glissade/core/random.hpp>
#include <glissade/linalg/orthonormal.hpp>
#include <glissade/linalg/projection_maintenance.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void change_one(VectorXd& l, std::uint64_t step) {
  const RandomKey key = RandomKey{5}.derive(step);
  l[static_cast<Index>(key.bits(0) % static_cast<std::uint64_t>(l.size()))] *= std::exp(0.1 * key.normal(1));
}

}  // namespace

int main() {
  std::printf("milliseconds      update, 1 in 50 anew     anew    query  ratio   slopes\n   n     m\n");
  double last_n = 0, last_time[2] = {0, 0};
  for (const Index n : {8, 12, 16, 24, 32, 40}) {
    const Index m = n * n / 2;
    const MatrixXd A = random_normal<double>(m, n * n, RandomKey{1});
    const MatrixXd U = random_orthonormal<double>(n, n, RandomKey{2});
    const VectorXd h = random_normal<double>(n * n, 1, RandomKey{3});
    const int updates = 50, scratch = n <= 24 ? 50 : 8;
    double time[2] = {1e300, 1e300}, query = 0, difference = 0;
    for (int repeat = 0; repeat < (n <= 24 ? 3 : 1); ++repeat) {
      VectorXd l = VectorXd::Ones(n);
      KroneckerProjection kept({.refresh_every = 30}, KroneckerForm::square_roots, A, U, l);
      KroneckerProjection anew({.refactor_ratio = 0}, KroneckerForm::square_roots, A, U, l);
      std::vector<VectorXd> path;
      for (int step = 0; step < updates; ++step) {
        change_one(l, static_cast<std::uint64_t>(step));
        path.push_back(l);
      }
      time[0] = std::min(time[0], seconds_of([&] {
                                    for (const VectorXd& at : path) kept.update(at);
                                  }) / updates);
      time[1] = std::min(time[1], seconds_of([&] {
                                    for (int step = updates - scratch; step < updates; ++step)
                                      anew.update(path[static_cast<std::size_t>(step)]);
                                  }) / scratch);
      VectorXd p;
      query = seconds_of([&] { p = kept.project(h); });
      difference = (p - anew.project(h)).norm() / h.norm();
    }
    std::printf("%4td %5td %33.3f %8.3f %8.3f %6.1f", n, m, 1e3 * time[0], 1e3 * time[1], 1e3 * query,
                time[1] / time[0]);
    const double steps = std::log(static_cast<double>(n) / last_n);
    if (last_n > 0)
      std::printf("   %.1f %.1f", std::log(time[0] / last_time[0]) / steps, std::log(time[1] / last_time[1]) / steps);
    else
      std::printf("          ");
    std::printf("   difference %.0e\n", difference);
    last_n = static_cast<double>(n);
    last_time[0] = time[0];
    last_time[1] = time[1];
  }

  const Index n = 24, m = 288;
  const MatrixXd A = random_normal<double>(m, n * n, RandomKey{1});
  const MatrixXd U = random_orthonormal<double>(n, n, RandomKey{2});
  const VectorXd h = random_normal<double>(n * n, 1, RandomKey{3});
  std::printf("\nn = 24, m = 288, 100 changes\nlazy   updates  ms a change  largest error / |h|\n");
  for (const double lazy : {0.0, 0.05, 0.1, 0.2, 0.4}) {
    VectorXd l = VectorXd::Ones(n);
    KroneckerProjection exact({}, KroneckerForm::square_roots, A, U, l);
    KroneckerProjection kept({.lazy = lazy}, KroneckerForm::square_roots, A, U, l);
    int updates = 0;
    double time = 0, error = 0;
    for (std::uint64_t step = 0; step < 100; ++step) {
      change_one(l, step);
      MaintenanceStep done = MaintenanceStep::unchanged;
      time += seconds_of([&] { done = kept.update(l); });
      updates += done == MaintenanceStep::unchanged ? 0 : 1;
      exact.update(l);
      error = std::max(error, (kept.project(h) - exact.project(h)).norm() / h.norm());
    }
    std::printf("%4.2f %9d %12.3f %20.1e\n", lazy, updates, 10 * time, error);
  }
  return 0;
}
