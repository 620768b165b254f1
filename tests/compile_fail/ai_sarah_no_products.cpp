// expect: the objective lacks batch_hessian_vector\(x, indices, v, Hv\), which this method needs
#include <glissade/finite_sum/ai_sarah.hpp>
#include <glissade/minimize/minimize.hpp>

struct Terms {
  Eigen::Index size() const { return 3; }
  double value_and_gradient(const Eigen::VectorXd&, Eigen::VectorXd& g) const { return g.setZero(), 0.0; }
  void batch_gradient(const Eigen::VectorXd&, std::span<const Eigen::Index>, Eigen::VectorXd& g) const { g.setZero(); }
};

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize(Terms{}, x, glissade::AiSarah{});
}
