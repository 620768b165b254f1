// Threads against one thread, where the program is built with OpenMP.
//
// usage: PROGRAM [coefficients] [rounds]
#include "support/race.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>

#include <cstdlib>
#include <thread>

int main(int argc, char** argv) {
  using namespace glissade;
  const Eigen::Index size = argc > 1 ? std::atol(argv[1]) : Eigen::Index{1} << 26;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  Eigen::VectorXf x = Eigen::VectorXf::Constant(size, 0.5f);
  const Eigen::VectorXf g = Eigen::VectorXf::Constant(size, 0.25f);
  Optimizer adam{Adam{.learning_rate = 1e-6}, x};
  std::vector<int> counts;
  std::vector<bench::Candidate> candidates;
  for (int n = 1; n <= static_cast<int>(std::thread::hardware_concurrency()); n *= 2) {
    counts.push_back(n);
    candidates.push_back({std::to_string(n), [&adam, &g, n] {
                            adam.options().threads = n;
                            adam.step(g);
                          }});
  }
  const std::vector<double> seconds = bench::race(candidates, rounds, 1);
  std::printf("Adam, %ld coefficients, float\n%8s %8s %10s\n", static_cast<long>(size), "threads", "ns", "speed-up");
  for (std::size_t k = 0; k < counts.size(); ++k)
    std::printf("%8d %8.3f %10.2f\n", counts[k], seconds[k] / static_cast<double>(size) * 1e9, seconds[0] / seconds[k]);
  return 0;
}
