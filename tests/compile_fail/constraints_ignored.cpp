// expect: the objective declares constraints\(x, c\), which this method would ignore
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>

struct Constrained {
  double operator()(const Eigen::VectorXd&, Eigen::VectorXd& g) const { return g.setZero(), 0.0; }
  void constraints(const Eigen::VectorXd& x, Eigen::VectorXd& c) const { c = x.head(1); }
};

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize(Constrained{}, x, glissade::Lbfgs{});
}
