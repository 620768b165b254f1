// expect: the objective lacks batch_value\(x, indices\), which this method needs
#include <glissade/finite_sum/stochastic_model.hpp>
#include <glissade/minimize/minimize.hpp>

struct Terms {
  Eigen::Index size() const { return 3; }
  double value_and_gradient(const Eigen::VectorXd&, Eigen::VectorXd& g) const { return g.setZero(), 0.0; }
  void batch_gradient(const Eigen::VectorXd&, std::span<const Eigen::Index>, Eigen::VectorXd& g) const { g.setZero(); }
};

void run(Eigen::VectorXd& x) { glissade::minimize(Terms{}, x, glissade::StochasticModel<glissade::ClippedModel>{}); }
