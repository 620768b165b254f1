// expect: the objective lacks batch_loss\(z, indices, gradient\), which this method needs
#include <glissade/finite_sum/target_surrogate.hpp>
#include <glissade/minimize/minimize.hpp>

using Indices = std::span<const Eigen::Index>;

struct Whole {
  Eigen::Index size() const { return 3; }
  void outputs(const Eigen::VectorXd& x, Eigen::VectorXd& z) const { z = x; }
  void vector_jacobian(const Eigen::VectorXd&, const Eigen::VectorXd& v, Eigen::VectorXd& g) const { g = v; }
  double loss(const Eigen::VectorXd&, Eigen::VectorXd& u) const { return u.setZero(), 0.0; }
  void batch_outputs(const Eigen::VectorXd& x, Indices, Eigen::VectorXd& z) const { z = x; }
  void batch_vector_jacobian(const Eigen::VectorXd&, Indices, const Eigen::VectorXd& v, Eigen::VectorXd& g) const {
    g = v;
  }
};

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize(Whole{}, x, glissade::StochasticTargetSurrogate{});
}
