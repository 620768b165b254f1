// expect: all parameters of one optimizer have the same scalar type
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/sgd.hpp>

int main() {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  Eigen::VectorXf y = Eigen::VectorXf::Zero(3);
  glissade::Optimizer optimizer{glissade::Sgd{}, x, y};
}
