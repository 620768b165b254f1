// Threads that share a vector without locks, against one thread: sweeps of a sparse fixed point, and Hogwild.
//
// usage: PROGRAM [unknowns] [rounds]
#include "support/race.hpp"
#include <glissade/networks/hogwild.hpp>
#include <glissade/networks/lock_free_fixed_point.hpp>

#include <cstdlib>
#include <thread>

int main(int argc, char** argv) {
  using namespace glissade;
  using Eigen::Index;
  const Index n = argc > 1 ? std::atol(argv[1]) : 200'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  constexpr Index each = 8;

  // x_i = 1 + sum over 8 places of x_j / 9.6, a contraction by 1 / 1.2
  const RandomKey key{1};
  std::vector<Index> place(static_cast<std::size_t>(n * each));
  for (std::size_t k = 0; k < place.size(); ++k)
    place[k] = std::min(static_cast<Index>(key.uniform(k) * static_cast<double>(n)), n - 1);
  const SharedBlockOperator T = [&](Index i, const SharedVector& x, Eigen::VectorXd& out) {
    double sum = 0;
    for (Index k = i * each; k < (i + 1) * each; ++k) sum += x.load(place[static_cast<std::size_t>(k)]);
    out[0] = 1 + sum / 9.6;
  };
  // least squares of 10 n rows with 5 entries each, which x = 1 fits
  const SparseTermGradient gradient = [&](Index term, const SharedVector& x, SparseEntries& out) {
    const RandomKey own = key.derive(static_cast<std::uint64_t>(term));
    double r = 0;
    for (std::uint64_t k = 0; k < 5; ++k) {
      const Index j = std::min(static_cast<Index>(own.uniform(k) * static_cast<double>(n)), n - 1);
      const double a = 2 * own.uniform(8 + k) - 1;
      r += a * (x.load(j) - 1);
      out.emplace_back(j, a);
    }
    for (auto& entry : out) entry.second *= r;
  };

  std::vector<int> counts;
  std::vector<bench::Candidate> sweeps, wild;
  for (int threads = 1; threads <= static_cast<int>(std::thread::hardware_concurrency()); threads *= 2) {
    counts.push_back(threads);
    sweeps.push_back({std::to_string(threads), [&T, n, threads] {
                        Eigen::VectorXd x = Eigen::VectorXd::Zero(n);
                        LockFreeFixedPoint{.threads = threads}.run(
                            T, x, {.max_sweeps = 20, .check_every = 1000, .tolerance = 0});
                      }});
    wild.push_back({std::to_string(threads), [&gradient, n, threads] {
                      Eigen::VectorXd x = Eigen::VectorXd::Zero(n);
                      Hogwild{.step_size = 0.1, .threads = threads}.run(gradient, 10 * n, x, {.begin = 0, .end = 1});
                    }});
  }
  const std::vector<double> a = bench::race(sweeps, rounds, 1), b = bench::race(wild, rounds, 1);
  std::printf("%ld unknowns\n%8s %14s %8s %14s %8s\n", static_cast<long>(n), "threads", "ns per update", "speed-up",
              "ns per draw", "speed-up");
  for (std::size_t k = 0; k < counts.size(); ++k)
    std::printf("%8d %14.1f %8.2f %14.1f %8.2f\n", counts[k], a[k] / static_cast<double>(20 * n) * 1e9, a[0] / a[k],
                b[k] / static_cast<double>(10 * n) * 1e9, b[0] / b[k]);
  Eigen::VectorXd x = Eigen::VectorXd::Zero(n);
  const Result result = LockFreeFixedPoint{.threads = 4}.run(T, x, {.tolerance = 1e-10});
  std::printf("4 threads on %u cores: residual %.1e after %.1f sweeps\n", std::thread::hardware_concurrency(),
              result.measure, static_cast<double>(result.iterations) / static_cast<double>(n));
  return 0;
}
