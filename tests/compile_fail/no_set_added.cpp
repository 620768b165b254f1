// expect: subject_to was given something that has no project\(x\) for this x
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/proximal_gradient.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/sets/box.hpp>
#include <glissade/sets/l1.hpp>

int main() {
  Eigen::VectorXd x(3);
  const auto f = [](const Eigen::VectorXd&, Eigen::VectorXd& g) { return g.setZero(), 0.0; };
  glissade::minimize(glissade::subject_to(f, glissade::L1{}), x, glissade::ProximalGradient{});
}
