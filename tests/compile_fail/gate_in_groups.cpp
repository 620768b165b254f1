// expect: a gate or a barrier over all tensors stands in the chain itself
#include <glissade/glissade.hpp>

int main() {
  using namespace glissade;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  Optimizer optimizer{groups(Sgd{}, group("*.bias", chain(Accumulate{.steps = 2}, Sgd{}))), x};
  optimizer.step(x);
}
