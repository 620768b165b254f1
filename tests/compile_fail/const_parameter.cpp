// expect: a parameter must be writable
#include <glissade/glissade.hpp>

int main() {
  const Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  glissade::Optimizer optimizer{glissade::Sgd{}, x};
}
