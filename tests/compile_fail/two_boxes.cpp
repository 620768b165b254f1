// expect: the problem is bound to a box already
#include <glissade/oracle/composite.hpp>

int main() {
  const auto f = [](const Eigen::VectorXd&, Eigen::VectorXd& g) { return g.setZero(), 0.0; };
  glissade::subject_to(glissade::subject_to(f, glissade::NonNegative{}), glissade::Box{.high = 1});
}
