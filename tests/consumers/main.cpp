#include <glissade/glissade.hpp>

#include <Eigen/Core>

#include <cstdio>

// One step of Adam, built by every kind of consumer.
int main() {
  std::printf("glissade %d.%d.%d\n", GLISSADE_VERSION_MAJOR, GLISSADE_VERSION_MINOR, GLISSADE_VERSION_PATCH);
  Eigen::Vector3f x(1, 2, 3), g(1, 1, 1);
  glissade::Optimizer optimizer{glissade::Adam{.learning_rate = 0.1}, x};
  optimizer.step(g);
  return x[0] < 1 ? 0 : 1;
}
