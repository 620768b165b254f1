// expect: the problem declares project\(x\), a set that this method would leave
#include <glissade/fixed_point/halpern.hpp>

struct OnSet {
  void operator()(const Eigen::VectorXd& x, Eigen::VectorXd& image) const { image = x; }
  void project(Eigen::VectorXd& x) const { x = x.cwiseMax(0); }
};

int main() {
  Eigen::VectorXd x(3);
  OnSet T;
  glissade::find_fixed_point(T, x, glissade::Halpern{});
}
