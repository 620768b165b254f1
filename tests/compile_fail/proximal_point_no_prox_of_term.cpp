// expect: the objective lacks prox_of_term\(x, i, step\), the prox of a term, which this method needs
#include <glissade/finite_sum/stochastic_model.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/problems/linear_model.hpp>

using namespace glissade;

void run(const problems::LogisticRegression& loss, Eigen::VectorXd& x) {
  minimize(loss, x, StochasticModel<ProximalPointModel>{});
}
