// expect: what is wrapped declares a box, a set, a prox, constraints or a robust loss, which would be lost
#include <glissade/minimize/bounded/projected_newton.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/differences.hpp>

struct Bounded {
  double value_and_gradient(const Eigen::VectorXd& x, Eigen::VectorXd& g) const { return g = 2 * x, x.squaredNorm(); }
  static glissade::Box box() { return {.low = 0}; }
};

void run(Eigen::VectorXd& x) {
  glissade::minimize(glissade::HessianByDifferences{Bounded{}}, x, glissade::ProjectedNewton{});
}
