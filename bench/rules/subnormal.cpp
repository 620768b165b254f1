// A step with moments that have decayed to subnormal numbers, against a warm one.
//
// usage: PROGRAM [coefficients] [zero-gradient steps] [rounds]
// After thousands of zero gradients running means reach the smallest numbers there are, with which some processors
// compute many times slower. A ratio of at most 1.3 is wanted.
#include "support/race.hpp"
#include <glissade/glissade.hpp>

#include <cstdlib>

namespace {

using namespace glissade;

template <class R>
void measure(const char* name, const R& rule, Eigen::Index size, int zeros, int rounds) {
  Eigen::VectorXf x = Eigen::VectorXf::Constant(size, 0.5f), y = x;
  const Eigen::VectorXf g = Eigen::VectorXf::LinSpaced(size, 1e-3f, 1.0f);
  const Eigen::VectorXf zero = Eigen::VectorXf::Zero(size);
  Optimizer warm{rule, x};
  Optimizer cold{rule, y};
  for (int t = 0; t < 10; ++t) warm.step(g);
  for (int t = 0; t < 10; ++t) cold.step(g);
  for (int t = 0; t < zeros; ++t) cold.step(zero);
  const std::vector<double> seconds =
      bench::race({{"warm", [&] { warm.step(g); }}, {"cold", [&] { cold.step(zero); }}}, rounds, 20);
  const double scale = 1e9 / static_cast<double>(size);
  std::printf("%-24s %10.3f %10.3f %8.2f\n", name, seconds[0] * scale, seconds[1] * scale, seconds[1] / seconds[0]);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const Eigen::Index size = argc > 1 ? std::atol(argv[1]) : Eigen::Index{1} << 15;
  const int zeros = argc > 2 ? std::atoi(argv[2]) : 10'000;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 7;
  std::printf("%ld coefficients, float, one thread, after %d zero gradients\n", static_cast<long>(size), zeros);
  std::printf("%-24s %10s %10s %8s\n", "rule", "warm ns", "cold ns", "ratio");
  measure("Sgd, momentum", Sgd{.learning_rate = 1e-6, .momentum = 0.9}, size, zeros, rounds);
  measure("Lion", Lion{.learning_rate = 1e-6}, size, zeros, rounds);
  measure("RmsProp", RmsProp{.learning_rate = 1e-6, .alpha = 0.9}, size, zeros, rounds);
  measure("Adam", Adam{.learning_rate = 1e-6}, size, zeros, rounds);
  measure("Adam, beta2 = 0.95", Adam{.learning_rate = 1e-6, .beta2 = 0.95}, size, zeros, rounds);
  measure("AmsGrad", AmsGrad{.learning_rate = 1e-6}, size, zeros, rounds);
  measure("Adan", Adan{.learning_rate = 1e-6}, size, zeros, rounds);
  return 0;
}
