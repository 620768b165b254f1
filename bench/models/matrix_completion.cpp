// Completion of a 2000 x 2000 matrix of rank 10 from five entries for each degree of freedom: rough and exact solves,
// error, time and products; what a sweep costs as entries and rank grow; soft-impute on a smaller one.
#include <glissade/models/matrix_completion.hpp>
#include <glissade/models/soft_impute.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;

struct Problem {
  MatrixXd M;
  std::vector<MatrixEntry> entries;
};

Problem problem(Index m, Index n, Index k, double share) {
  const RandomKey key{0};
  const Eigen::VectorXd sigma = Eigen::VectorXd::LinSpaced(k, 1, 2) * std::sqrt(static_cast<double>(m * n));
  const MatrixXd U = random_orthonormal<double>(m, k, key.derive(1)) * sigma.asDiagonal();
  Problem made{U * random_orthonormal<double>(n, k, key.derive(2)).transpose(), {}};
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i < m; ++i)
      if (key.derive(3).uniform(static_cast<std::uint64_t>(i + m * j)) < share)
        made.entries.push_back({i, j, made.M(i, j)});
  return made;
}

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main() {
  const Problem large = problem(2000, 2000, 10, 0.05);
  const auto known = static_cast<double>(large.entries.size());
  std::printf("2000 x 2000, rank 10, %.0f entries\n\n", known);
  std::printf("solves      sweeps  residual     error  ms a sweep  products / entries  ns / (entry k)\n");
  for (const int inner : {1, 2, 4, 0}) {
    MatrixCompleter completer({.rank = 10, .max_iterations = 40, .inner_iterations = inner, .tolerance = 1e-9}, 2000,
                              2000, large.entries);
    const double time = seconds_of([&] { completer.run(); });
    const auto sweeps = static_cast<double>(completer.iterations());
    const MatrixXd found = completer.left() * completer.right().transpose();
    std::printf("%s %d %10.0f %9.1e %9.1e %11.1f %19.1f %15.2f\n", inner == 0 ? "exact  " : "rough  ", inner, sweeps,
                completer.relative_residual(), (found - large.M).norm() / large.M.norm(), 1e3 * time / sweeps,
                static_cast<double>(completer.products()) / known / sweeps, 1e9 * time / sweeps / known / 10);
  }
  std::printf("\nms of a sweep, 2000 x 2000\nentries   rank  rough, c = 2     exact   ns / (entry k), rough\n");
  for (const double share : {0.05, 0.1, 0.2})
    for (const int rank : {10, 20, 40}) {
      const Problem made = problem(2000, 2000, rank, share);
      double time[2];
      for (const int exact : {0, 1}) {
        MatrixCompleter completer({.rank = rank, .inner_iterations = exact == 1 ? 0 : 2, .start_iterations = 3}, 2000,
                                  2000, made.entries);
        completer.step();
        const int sweeps = exact == 1 ? 1 : 3;
        time[exact] = seconds_of([&] {
                        for (int k = 0; k < sweeps; ++k) completer.step();
                      }) /
                      sweeps;
      }
      std::printf("%7zu %6d %13.1f %9.1f %20.2f\n", made.entries.size(), rank, 1e3 * time[0], 1e3 * time[1],
                  1e9 * time[0] / static_cast<double>(made.entries.size()) / rank);
    }
  const Problem small = problem(200, 150, 5, 0.3);
  std::printf("\n200 x 150, rank 5, 30 %% of the entries\n                          error  rank   iterations    ms\n");
  MatrixCompleter completer({.rank = 5, .max_iterations = 100, .tolerance = 1e-9}, 200, 150, small.entries);
  const double time = seconds_of([&] { completer.run(); });
  const MatrixXd found = completer.left() * completer.right().transpose();
  std::printf("alternating           %9.1e %5d %12d %5.0f\n", (found - small.M).norm() / small.M.norm(), 5,
              static_cast<int>(completer.iterations()), 1e3 * time);
  for (const double lambda : {30.0, 3.0, 0.3}) {
    SoftImputeFit fit;
    const double spent =
        seconds_of([&] { fit = soft_impute(200, 150, small.entries, {.lambda = lambda, .tolerance = 1e-6}); });
    std::printf("soft-impute, %4.1f     %9.1e %5d %12d %5.0f\n", lambda, (fit.Z - small.M).norm() / small.M.norm(),
                static_cast<int>(fit.rank), static_cast<int>(fit.iterations), 1e3 * spent);
  }
  return 0;
}
