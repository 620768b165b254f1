// You have gradients and a loop of your own: linear regression with Adam.
#include <glissade/glissade.hpp>

#include <cmath>
#include <cstdio>

int main() {
  using glissade::Adam;
  using glissade::Optimizer;

  // Points of a known plane, so that the fit can be checked.
  const Eigen::MatrixXd x = Eigen::MatrixXd::Random(200, 2);
  const Eigen::Vector2d true_slope(3, -2);
  const Eigen::VectorXd y = (x * true_slope).array() + 0.5;

  Eigen::VectorXd slope = Eigen::VectorXd::Zero(2);
  double offset = 0;
  Optimizer optimizer{Adam{.learning_rate = 0.1}, slope, offset};
  for (int step = 0; step < 600; ++step) {
    if (step == 300) optimizer.rule().learning_rate = 0.01;  // any option, at any time
    const Eigen::VectorXd residual = (x * slope - y).array() + offset;
    optimizer.step(x.transpose() * residual / 200, residual.mean());
  }

  std::printf("y = %.6f a %+.6f b %+.6f after %d steps\n", slope(0), slope(1), offset,
              static_cast<int>(optimizer.steps()));
  const double error = (slope - true_slope).norm() + std::abs(offset - 0.5);
  if (error < 1e-6) return 0;
  std::fprintf(stderr, "wrong: the plane is off by %g, expected 3 a - 2 b + 0.5\n", error);
  return 1;
}
