// expect: the objective lacks value_and_gradient\(x, gradient\)
#include <glissade/minimize/minimize.hpp>
#include <glissade/rules/sgd.hpp>

struct ValueOnly {
  double value(const Eigen::VectorXd& x) const { return x.sum(); }
};

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize(ValueOnly{}, x, glissade::Sgd{});
}
