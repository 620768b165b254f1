// expect: the objective lacks hessian\(x, H\), which this method needs
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/newton/newton.hpp>

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize([](const Eigen::VectorXd&, Eigen::VectorXd&) { return 0.0; }, x, glissade::Newton{});
}
