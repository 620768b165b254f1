// expect: they stand at the end of the chain, after the learning rate
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/transforms/ema.hpp>

int main() {
  double x = 1;
  glissade::Optimizer optimizer{
      glissade::chain(glissade::ScaleByAdam{}, glissade::Ema{}, glissade::ScaleByLearningRate{}), x};
}
