// expect: the objective lacks batch_gradient\(x, indices, gradient\), which this method needs
#include <glissade/finite_sum/stochastic_model.hpp>
#include <glissade/minimize/minimize.hpp>

struct Whole {
  Eigen::Index size() const { return 3; }
  double value_and_gradient(const Eigen::VectorXd&, Eigen::VectorXd& g) const { return g.setZero(), 0.0; }
};

void run(Eigen::VectorXd& x) {
  glissade::minimize(Whole{}, x, glissade::StochasticModel<glissade::SubgradientModel>{});
}
