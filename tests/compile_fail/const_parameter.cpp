// expect: a parameter must be writable
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/sgd.hpp>

int main() {
  const Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  glissade::Optimizer optimizer{glissade::Sgd{}, x};
}
