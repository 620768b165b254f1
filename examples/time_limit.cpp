// The best answer within a time, as a control loop wants it: 20 milliseconds, whatever the function costs.
#include <glissade/glissade.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>

int main() {
  using namespace glissade;
  using Clock = std::chrono::steady_clock;
  constexpr Eigen::Index variables = 5'000;
  // A long chain of springs, each harder to move the farther it is stretched.
  const auto energy = [](const Eigen::VectorXd& x, Eigen::VectorXd& gradient) {
    double total = 0;
    gradient.setZero();
    for (Eigen::Index i = 0; i + 1 < x.size(); ++i) {
      const double stretch = x[i + 1] - x[i] - 1;
      total += std::cosh(stretch) - 1;
      gradient[i + 1] += std::sinh(stretch);
      gradient[i] -= std::sinh(stretch);
    }
    return total;
  };

  Eigen::VectorXd x = Eigen::VectorXd::Zero(variables);
  Eigen::VectorXd unused(variables);
  const double start = energy(x, unused);
  History history;
  const auto begin = Clock::now();
  const Result result = minimize(energy, x, Lbfgs{}, {.gradient_tolerance = 1e-12, .max_seconds = 0.02}, history);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();

  std::printf("%s\n%.0f -> %.0f in %d iterations and %.0f ms; the last iteration took %.1f ms\n",
              std::string(to_string(result.status)).c_str(), start, result.value, static_cast<int>(result.iterations),
              1e3 * seconds, 1e3 * (history.seconds.back() - history.seconds[history.size() - 2]));
  if (result.status == Status::max_seconds && result.value < start) return 0;
  std::fputs("wrong: the clock should have ended it, below the start\n", stderr);
  return 1;
}
