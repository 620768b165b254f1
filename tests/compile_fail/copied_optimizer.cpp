// expect: HoldsAddressesSoHoldARuleStateAndCallStep
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>

int main() {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  glissade::Optimizer optimizer{glissade::Adam{}, x};
  auto copy = optimizer;
  copy.step(x);
}
