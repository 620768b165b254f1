// expect: the first argument of an Optimizer is a rule, such as Adam
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/optimizer/optimizer.hpp>

int main() {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  glissade::Optimizer optimizer{glissade::Lbfgs{}, x};
  optimizer.step(x);
}
