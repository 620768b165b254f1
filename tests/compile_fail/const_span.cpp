// expect: a parameter must be writable
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/sgd.hpp>

int main() {
  const std::vector<double> x{1, 2};
  glissade::Optimizer optimizer{glissade::Sgd{}, std::span<const double>(x)};
}
