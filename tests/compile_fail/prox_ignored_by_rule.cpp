// expect: the objective declares prox\(x, step\), which this method would ignore
#include <glissade/minimize/minimize.hpp>
#include <glissade/rules/adam.hpp>

struct Lasso {
  double value_and_gradient(const Eigen::VectorXd& x, Eigen::VectorXd& g) const {
    g = x;
    return 0.5 * x.squaredNorm();
  }
  void prox(Eigen::VectorXd& x, double step) const { x *= 1 / (1 + step); }
};

int main() {
  Eigen::VectorXd x(3);
  Lasso lasso;
  const glissade::Lifted method{glissade::Adam{}};
  auto state = method.init(lasso, x);
  glissade::take_step(method, lasso, x, state);
}
