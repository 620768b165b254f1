// expect: the objective declares prox\(x, step\), which this method would ignore
#include "support/lasso.hpp"
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize(Lasso{}, x, glissade::Lbfgs{});
}
