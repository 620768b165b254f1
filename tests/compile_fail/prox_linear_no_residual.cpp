// expect: the objective lacks residual_and_gradient\(x, i, gradient\), the number c_i of a mean of .c_i. and its
#include <glissade/finite_sum/stochastic_model.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/problems/linear_model.hpp>

using namespace glissade;

void run(const problems::LogisticRegression& loss, Eigen::VectorXd& x) {
  minimize(loss, x, StochasticModel<ProxLinearModel>{});
}
