// expect: the objective lacks outputs\(x, z\), the numbers of which its loss is taken, which this method needs
#include <glissade/finite_sum/target_surrogate.hpp>
#include <glissade/minimize/minimize.hpp>

struct Plain {
  double value_and_gradient(const Eigen::VectorXd&, Eigen::VectorXd& g) const { return g.setZero(), 0.0; }
  void vector_jacobian(const Eigen::VectorXd&, const Eigen::VectorXd&, Eigen::VectorXd& g) const { g.setZero(); }
  double loss(const Eigen::VectorXd&, Eigen::VectorXd& u) const { return u.setZero(), 0.0; }
};

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize(Plain{}, x, glissade::TargetSurrogate{});
}
