// expect: the objective lacks hessian\(x, H\), which this method needs
#include <glissade/method/minimize.hpp>
#include <glissade/solve/newton.hpp>

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize([](const Eigen::VectorXd&, Eigen::VectorXd&) { return 0.0; }, x, glissade::Newton{});
}
