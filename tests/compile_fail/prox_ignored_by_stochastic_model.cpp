// expect: the objective declares prox.x, step., which this method would ignore
#include <glissade/finite_sum/stochastic_model.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/problems/linear_model.hpp>
#include <glissade/sets/l1.hpp>

using namespace glissade;

void run(const problems::LogisticRegression& loss, Eigen::VectorXd& x) {
  minimize(plus_term(loss, L1{.weight = 0.1}), x, StochasticModel<SubgradientModel>{});
}
