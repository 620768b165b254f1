// expect: a parameter must be writable
#include <glissade/glissade.hpp>

int main() {
  const double x = 1;
  glissade::Optimizer optimizer{glissade::Sgd{}, x};
}
