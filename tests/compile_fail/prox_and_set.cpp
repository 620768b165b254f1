// expect: the objective declares prox\(x, step\) and project\(x\), whose composition is not the prox of both
#include "support/lasso.hpp"
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/proximal_gradient.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/sets/box.hpp>

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize(glissade::subject_to(Lasso{}, glissade::NonNegative{}), x, glissade::ProximalGradient{});
}
