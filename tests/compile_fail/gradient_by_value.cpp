// expect: the objective takes its gradient by value or as const: it would fill a copy
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>

int main() {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  glissade::minimize(
      [](const Eigen::VectorXd& at, Eigen::VectorXd g) {
        g = at;
        return 0.5 * at.squaredNorm();
      },
      x, glissade::Lbfgs{});
}
