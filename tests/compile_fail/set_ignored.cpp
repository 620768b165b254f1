// expect: the problem declares project\(x\), a set that this method would leave
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>

struct OnSet {
  double operator()(const Eigen::VectorXd&, Eigen::VectorXd& g) const { return g.setZero(), 0.0; }
  void project(Eigen::VectorXd& x) const { x = x.cwiseMax(0); }
};

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize(OnSet{}, x, glissade::Lbfgs{});
}
