// expect: the objective declares prox\(x, step\), which this method would ignore
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>

struct Lasso {
  double value_and_gradient(const Eigen::VectorXd& x, Eigen::VectorXd& g) const {
    g = x;
    return 0.5 * x.squaredNorm();
  }
  void prox(Eigen::VectorXd& x, double step) const { x *= 1 / (1 + step); }
};

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize(Lasso{}, x, glissade::Lbfgs{});
}
