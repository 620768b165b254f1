// expect: the problem declares box\(\), bounds that this method would leave
#include <glissade/games/mirror_descent.hpp>
#include <glissade/oracle/composite.hpp>

int main() {
  const auto game = [](const Eigen::VectorXd& z, Eigen::VectorXd& out) { out = z; };
  Eigen::VectorXd z = Eigen::VectorXd::Constant(2, 0.5);
  glissade::solve_game(glissade::subject_to(game, glissade::Box{}), z, glissade::MagneticMirrorDescent<>{});
}
