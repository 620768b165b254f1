// expect: the objective declares prox\(x, step\) of a term that is not an l1 norm, and this method honours nothing
#include <glissade/minimize/composite/owl_qn.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/sets/groups.hpp>

int main() {
  Eigen::VectorXd x(3);
  const auto f = [](const Eigen::VectorXd&, Eigen::VectorXd& g) { return g.setZero(), 0.0; };
  glissade::minimize(glissade::plus_term(f, glissade::GroupNorm{}), x, glissade::OwlQn{});
}
