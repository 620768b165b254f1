// expect: two rules of the chain have a learning rate and turn the update around
#include <glissade/optimizer/stepper.hpp>
#include <glissade/rules/adamw.hpp>

int main() {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  glissade::RuleState<double> memory;
  glissade::step(glissade::chain(glissade::AdamW{}, glissade::ScaleByLearningRate{0.1}), memory, x, x);
}
