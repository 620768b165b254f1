// expect: a parameter is a matrix, vector, block or Map, not an expression
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/sgd.hpp>

int main() {
  const Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  glissade::Optimizer optimizer{glissade::Sgd{}, 2 * x};
}
