// expect: x is moved to the solution, which would be lost with a temporary vector
#include <glissade/minimize/minimize.hpp>
#include <glissade/rules/sgd.hpp>

int main() {
  glissade::minimize([](const Eigen::VectorXd&, Eigen::VectorXd&) { return 0.0; }, Eigen::VectorXd(3), glissade::Sgd{});
}
