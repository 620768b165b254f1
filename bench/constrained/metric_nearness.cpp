// The nearest metric of 500 points whose distances were disturbed: sweeps, seconds, and what is remembered of the 62
// million triangle inequalities.
#include <glissade/constrained.hpp>

#include <chrono>
#include <cstdio>

int main() {
  using namespace glissade;
  constexpr Eigen::Index n = 500;
  const RandomKey key{1};
  Eigen::MatrixXd points(3, n);
  for (Eigen::Index k = 0; k < points.size(); ++k) points.data()[k] = key.normal(static_cast<std::uint64_t>(k));
  const RandomKey noise = key.derive(1);
  Eigen::MatrixXd d = Eigen::MatrixXd::Zero(n, n);
  for (Eigen::Index j = 0; j < n; ++j)
    for (Eigen::Index i = 0; i < j; ++i)
      d(i, j) = d(j, i) =
          (points.col(i) - points.col(j)).norm() * (1 + 0.2 * noise.normal(static_cast<std::uint64_t>(i * n + j)));
  const auto start = std::chrono::steady_clock::now();
  MetricNearness nearest = nearest_metric(d, {.max_sweeps = 0});
  for (const std::int64_t sweeps : {10, 40, 150}) {
    resume_nearest_metric(nearest, {.tolerance = 1e-6, .max_sweeps = sweeps});
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::size_t edges = 0;
    for (const auto& [cycle, multiplier] : nearest.multipliers) edges += cycle.size();
    std::printf("%4lld sweeps, %6.1f s: violation %.1e, movement %.1e, %zu cycles of %zu edges remembered\n",
                static_cast<long long>(nearest.sweeps), taken.count(), nearest.violation, nearest.movement,
                nearest.multipliers.size(), edges);
  }
  return 0;
}
