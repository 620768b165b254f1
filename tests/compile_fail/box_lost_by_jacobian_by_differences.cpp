// expect: what is wrapped declares a box, a set, a prox, constraints or a robust loss, which would be lost
#include <glissade/minimize/least_squares/levenberg_marquardt.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/residuals.hpp>

struct Bounded {
  void residuals(const Eigen::VectorXd& x, Eigen::VectorXd& r) const { r = x; }
  static glissade::Box box() { return {.low = 0}; }
};

void run(Eigen::VectorXd& x) {
  glissade::minimize(glissade::JacobianByDifferences{Bounded{}}, x, glissade::LevenbergMarquardt{});
}
