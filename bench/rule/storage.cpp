// State in 16 and 8 bits against state in float: a half and a quarter of the bytes of the moments.
//
// usage: PROGRAM [coefficients] [rounds]
#include "support/race.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>

#include <cstdlib>

int main(int argc, char** argv) {
  using namespace glissade;
  const Eigen::Index size = argc > 1 ? std::atol(argv[1]) : Eigen::Index{1} << 26;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  Eigen::VectorXf x = Eigen::VectorXf::Constant(size, 0.5f);
  const Eigen::VectorXf g = Eigen::VectorXf::Constant(size, 0.25f);
  Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, 1> narrow = x.cast<Eigen::bfloat16>();

  Optimizer wide{Adam{.learning_rate = 1e-6}, x};
  Optimizer brain{with_state<Eigen::bfloat16>(Adam{.learning_rate = 1e-6}), x};
  Optimizer half{with_state<Eigen::half>(Adam{.learning_rate = 1e-6}), x};
  Optimizer dynamic{with_state<DynamicCode>(Adam{.learning_rate = 1e-6}), x};
  Optimizer logarithmic{with_state<LogarithmicCode>(Adam{.learning_rate = 1e-6}), x};
  Optimizer all{with_state<Eigen::bfloat16>(Adam{.learning_rate = 1e-6}), narrow};
  const std::vector<double> seconds = bench::race({{"float", [&] { wide.step(g); }},
                                                   {"bfloat16", [&] { brain.step(g); }},
                                                   {"half", [&] { half.step(g); }},
                                                   {"dynamic", [&] { dynamic.step(g); }},
                                                   {"logarithmic", [&] { logarithmic.step(g); }},
                                                   {"all", [&] { all.step(g); }}},
                                                  rounds, 1);
  const char* const names[] = {"float moments",
                               "bfloat16 moments",
                               "half moments",
                               "8-bit moments, dynamic code",
                               "8-bit moments, logarithmic code",
                               "bfloat16 moments and parameters"};
  std::printf("Adam, %ld coefficients, one thread, median of %d\n", static_cast<long>(size), rounds);
  std::printf("%-34s %8s %18s\n", "", "ns", "times faster");
  for (std::size_t k = 0; k < seconds.size(); ++k)
    std::printf("%-34s %8.3f %18.2f\n", names[k], seconds[k] / static_cast<double>(size) * 1e9,
                seconds[0] / seconds[k]);
  return 0;
}
