// expect: the problem declares project\(x\), a set that is not a box, and this method honours nothing but bounds
#include <glissade/drive/method.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/sets/ball.hpp>

struct OnlyBounds {
  static constexpr bool honours_box = true;
};

int main() {
  const auto f = [](const Eigen::VectorXd&, Eigen::VectorXd& g) { return g.setZero(), 0.0; };
  using Problem = decltype(glissade::subject_to(f, glissade::Ball{}));
  glissade::check_honours<OnlyBounds, Problem, Eigen::VectorXd>();
}
