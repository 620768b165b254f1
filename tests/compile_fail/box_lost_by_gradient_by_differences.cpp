// expect: what is wrapped declares a box, a set, a prox, constraints or a robust loss, which would be lost
#include <glissade/minimize/bounded/lbfgsb.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/differences.hpp>

struct Bounded {
  double value(const Eigen::VectorXd& x) const { return x.squaredNorm(); }
  static glissade::Box box() { return {.low = 0}; }
};

void run(Eigen::VectorXd& x) { glissade::minimize(glissade::GradientByDifferences{Bounded{}}, x, glissade::LbfgsB{}); }
