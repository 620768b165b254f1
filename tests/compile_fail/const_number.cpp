// expect: a parameter must be writable
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/sgd.hpp>

int main() {
  const double x = 1;
  glissade::Optimizer optimizer{glissade::Sgd{}, x};
}
