// expect: what is wrapped declares a box, a set, a prox, constraints or a robust loss, which would be lost
#include <glissade/minimize/bounded/lbfgsb.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/autodiff.hpp>

struct Bounded {
  auto operator()(const auto& x) const { return x[0] * x[0]; }
  static glissade::Box box() { return {.low = 0}; }
};

void run(Eigen::VectorXd& x) { glissade::minimize(glissade::AutoDiff{Bounded{}}, x, glissade::LbfgsB{}); }
