// A batch that does not fit into memory: four small ones do the same, to the last rounding.
#include <glissade/glissade.hpp>

#include <cstdio>

int main() {
  using namespace glissade;
  constexpr Eigen::Index small = 16;

  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(4 * small, 5);
  const Eigen::VectorXd y = x * Eigen::VectorXd::LinSpaced(5, -1, 1);
  const auto gradient = [&](const Eigen::VectorXd& weights, Eigen::Index from, Eigen::Index rows) {
    const auto part = x.middleRows(from, rows);
    const Eigen::VectorXd residual = part * weights - y.segment(from, rows);
    return Eigen::VectorXd(part.transpose() * residual / static_cast<double>(rows));
  };

  Eigen::VectorXd at_once = Eigen::VectorXd::Zero(5);
  Optimizer large{Adam{.learning_rate = 0.1}, at_once};
  for (int step = 0; step < 50; ++step) large.step(gradient(at_once, 0, 4 * small));

  Eigen::VectorXd in_parts = Eigen::VectorXd::Zero(5);
  Optimizer accumulating{chain(Accumulate{.steps = 4}, Adam{.learning_rate = 0.1}), in_parts};
  for (int call = 0; call < 200; ++call) accumulating.step(gradient(in_parts, call % 4 * small, small));

  const double difference = (at_once - in_parts).norm();
  std::printf("%d steps with %d rows, %d steps with 4 times %d: they differ by %.1g\n", static_cast<int>(large.steps()),
              static_cast<int>(4 * small), static_cast<int>(accumulating.steps()), static_cast<int>(small), difference);
  if (accumulating.steps() == 50 && difference < 1e-12) return 0;
  std::fprintf(stderr, "wrong: expected 50 steps and the same weights to 1e-12\n");
  return 1;
}
