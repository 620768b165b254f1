// SparseSaga on 200 000 rows of 50 nonzeros among 50 000 columns (dense, they were 80 GB): memory, and the time of a
// step by the number of columns.
#include <glissade/finite_sum.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/problems/random_sparse_data.hpp>
#include <glissade/sets/l1.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

namespace {

/// The most memory that this process has held, in MB; 0 where the system does not say.
double peak_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      double kilobytes = 0;
      status >> kilobytes;
      return kilobytes / 1024;
    }
  return 0;
}

}  // namespace

int main() {
  using namespace glissade;
  for (const Index columns : {5'000, 50'000}) {
    const problems::SparseLogisticRegression loss = problems::random_sparse_logistic(
        {.rows = 200'000, .columns = columns, .nonzeros = 50, .relevant = 0.02, .steepness = 30, .seed = 1});
    const SparseSaga method{.step_size = 4.0 / 3};
    Eigen::VectorXd x = Eigen::VectorXd::Zero(columns);
    const auto start = std::chrono::steady_clock::now();
    const Result r =
        minimize(plus_term(loss, L1{.weight = 1e-5}), x, method, {.max_iterations = 10, .gradient_tolerance = 0});
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    const double inner = 10 * 2 * static_cast<double>(loss.size());
    std::printf(
        "%6ld columns: data %.0f MB, peak %.0f MB; 20 passes in %.2f s, %.0f ns per term, %.1f ns per nonzero; "
        "loss %.4f, %ld weights\n",
        static_cast<long>(columns), 12e-6 * 200'000 * 51, peak_megabytes(), taken.count(), 1e9 * taken.count() / inner,
        1e9 * taken.count() / inner / 50, r.value, static_cast<long>((x.array() != 0).count()));
  }
  return 0;
}
