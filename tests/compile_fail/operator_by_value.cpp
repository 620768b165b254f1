// expect: the operator takes its output by value or as const
#include <glissade/fixed_point/picard.hpp>

int main() {
  Eigen::VectorXd x(3);
  const auto T = [](const Eigen::VectorXd& at, Eigen::VectorXd image) { image = at; };
  glissade::find_fixed_point(T, x, glissade::Picard{});
}
