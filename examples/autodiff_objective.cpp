// An objective from a formula alone: three robots find the spots from which they can talk to the next one and to both
// ends of the line, far from an obstacle. Gradient and Hessian come from automatic differentiation.
#include <glissade/glissade.hpp>
#include <glissade/oracle/autodiff.hpp>

#include <cstdio>

namespace {

/// Squared distances along the line from (0, 0) to (4, 1), and a hill over (2, 0.4). x: three points in the plane.
const auto energy = [](const auto& x) {
  using std::exp;
  using Number = typename std::decay_t<decltype(x)>::Scalar;
  Number total = x[0] * x[0] + x[1] * x[1];
  for (int k = 0; k < 4; k += 2) {
    const Number dx = x[k + 2] - x[k];
    const Number dy = x[k + 3] - x[k + 1];
    total += dx * dx + dy * dy;
  }
  const Number ex = x[4] - 4.0;
  const Number ey = x[5] - 1.0;
  total += ex * ex + ey * ey;
  for (int k = 0; k < 6; k += 2) {
    const Number dx = x[k] - 2.0;
    const Number dy = x[k + 1] - 0.4;
    const Number height = exp(-4.0 * (dx * dx + dy * dy));
    total += 3.0 * height;
  }
  return total;
};

}  // namespace

int main() {
  using namespace glissade;
  AutoDiff objective{energy};
  Eigen::Vector<double, 6> x{{1, 0.2, 2, 0.5, 3, 0.8}};  // fixed size: no memory from the heap
  const Result result = minimize(objective, x, TrustRegionNewton{}, {.gradient_tolerance = 1e-10});

  const std::string sentence(to_string(result.status));
  std::printf("%s\n%d iterations, %d values, %d gradients, %d Hessians\n", sentence.c_str(),
              static_cast<int>(result.iterations), static_cast<int>(result.evaluations.value),
              static_cast<int>(result.evaluations.gradient), static_cast<int>(result.evaluations.hessian));
  for (int k = 0; k < 6; k += 2) std::printf("robot at (%.3f, %.3f)\n", x[k], x[k + 1]);
  if (result.status == Status::gradient_tolerance &&
      result.value < energy(Eigen::Vector<double, 6>{{1, 0.2, 2, 0.5, 3, 0.8}}))
    return 0;
  std::fputs("wrong: no minimum was found\n", stderr);
  return 1;
}
