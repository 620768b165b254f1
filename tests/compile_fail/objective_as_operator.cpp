// expect: the operator lacks a call operator void\(z, out\), which this method needs
#include <glissade/fixed_point/picard.hpp>

int main() {
  Eigen::VectorXd x(3);
  const auto f = [](const Eigen::VectorXd&, Eigen::VectorXd& g) { return g.setZero(), 0.0; };
  glissade::find_fixed_point(f, x, glissade::Picard{});
}
