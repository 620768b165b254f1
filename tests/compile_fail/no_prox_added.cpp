// expect: plus_term was given something that has no prox\(x, step\) for this x
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/proximal_gradient.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/sets/box.hpp>
#include <glissade/sets/l1.hpp>

int main() {
  Eigen::VectorXd x(3);
  const auto f = [](const Eigen::VectorXd&, Eigen::VectorXd& g) { return g.setZero(), 0.0; };
  glissade::minimize(glissade::plus_term(f, glissade::Box{.low = 0}), x, glissade::ProximalGradient{});
}
