// expect: x is moved to the solution, so it must be writable
#include <glissade/minimize/minimize.hpp>
#include <glissade/rules/sgd.hpp>

int main() {
  const Eigen::VectorXd x(3);
  glissade::minimize([](const Eigen::VectorXd&, Eigen::VectorXd&) { return 0.0; }, x, glissade::Sgd{});
}
