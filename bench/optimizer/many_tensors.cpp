// A hundred tensors of 10 Ki coefficients against one of as many.
#include "support/race.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>

int main() {
  using namespace glissade;
  constexpr Eigen::Index each = 10 << 10;
  constexpr std::size_t count = 100;
  std::vector<Eigen::VectorXf> many(count, Eigen::VectorXf::Constant(each, 0.5f));
  const std::vector<Eigen::VectorXf> gradients(count, Eigen::VectorXf::Constant(each, 0.25f));
  Eigen::VectorXf one = Eigen::VectorXf::Constant(each * static_cast<Eigen::Index>(count), 0.5f);
  const Eigen::VectorXf gradient = Eigen::VectorXf::Constant(one.size(), 0.25f);

  Optimizer pieces{Adam{.learning_rate = 1e-6}, many};
  Optimizer whole{Adam{.learning_rate = 1e-6}, one};
  const std::vector<double> seconds =
      bench::race({{"whole", [&] { whole.step(gradient); }}, {"pieces", [&] { pieces.step(gradients); }}}, 101, 1);
  std::printf("Adam, %ld coefficients: one tensor %.3f ns, %zu tensors %.3f ns, ratio %.2f\n",
              static_cast<long>(one.size()), seconds[0] / static_cast<double>(one.size()) * 1e9, count,
              seconds[1] / static_cast<double>(one.size()) * 1e9, seconds[0] / seconds[1]);
  return 0;
}
