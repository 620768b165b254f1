// expect: the objective declares prox\(x, step\), which this method would ignore
#include "support/lasso.hpp"
#include <glissade/minimize/minimize.hpp>
#include <glissade/rules/adam.hpp>

int main() {
  Eigen::VectorXd x(3);
  Lasso lasso;
  const glissade::Lifted method{glissade::Adam{}};
  auto state = method.init(lasso, x);
  glissade::take_step(method, lasso, x, state);
}
