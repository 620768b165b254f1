// expect: no rule of the chain has a learning rate and turns the update into a step
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/transforms/clip_by_global_norm.hpp>

int main() {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  glissade::Optimizer optimizer{glissade::chain(glissade::ClipByGlobalNorm{}, glissade::ScaleByAdam{}), x};
}
