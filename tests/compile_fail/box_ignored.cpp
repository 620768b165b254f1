// expect: the problem declares box\(\), bounds that this method would leave
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>

struct Bound {
  double operator()(const Eigen::VectorXd&, Eigen::VectorXd& g) const { return g.setZero(), 0.0; }
  glissade::Box box() const { return {.low = 0}; }
};

int main() {
  Eigen::VectorXd x(3);
  glissade::minimize(Bound{}, x, glissade::Lbfgs{});
}
