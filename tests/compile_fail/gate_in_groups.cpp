// expect: a gate, a barrier over all tensors or master weights stand in the chain itself
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rule/groups.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/transforms/accumulate.hpp>

int main() {
  using namespace glissade;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  Optimizer optimizer{groups(Sgd{}, group("*.bias", chain(Accumulate{.steps = 2}, Sgd{}))), x};
  optimizer.step(x);
}
