// expect: the objective declares constraints.x, c., which this method would ignore
#include <glissade/least_squares.hpp>

struct Fit {
  void residuals(const Eigen::VectorXd& x, Eigen::VectorXd& r) const { r = x; }
  void jacobian(const Eigen::VectorXd& x, Eigen::MatrixXd& J) const { J.setIdentity(x.size(), x.size()); }
  void constraints(const Eigen::VectorXd& x, Eigen::VectorXd& c) const { c = x; }
};

int main() {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(2);
  minimize(Fit{}, x, glissade::LevenbergMarquardt{});
}
