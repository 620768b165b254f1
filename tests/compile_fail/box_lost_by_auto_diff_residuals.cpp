// expect: what is wrapped declares a box, a set, a prox, constraints or a robust loss, which would be lost
#include <glissade/minimize/least_squares/levenberg_marquardt.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/residuals.hpp>

struct Bounded {
  auto operator()(const auto& x, Eigen::Index) const { return x[0]; }
  static glissade::Box box() { return {.low = 0}; }
};

void run(Eigen::VectorXd& x) {
  glissade::minimize(glissade::AutoDiffResiduals{1, Bounded{}}, x, glissade::LevenbergMarquardt{});
}
