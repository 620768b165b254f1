// The second-order model along an update of any size.
#include "support/catch.hpp"
#include <glissade/measure/directional_sharpness.hpp>

using namespace glissade;

TEST_CASE("directional model: a function of the direction, however small or large the update") {
  const Eigen::Vector2d g(1, -2), u(3, 4);
  const Eigen::Matrix2d H{{2, 1}, {1, 5}};
  const Eigen::Vector2d Hu = H * u;
  const DirectionalModel plain = directional_model(g, u, Hu);
  CHECK(plain.slope == Approx(-1).epsilon(1e-15));
  CHECK(plain.sharpness == Approx((18 + 24 + 80) / 25.0).epsilon(1e-15));
  CHECK(plain.best_step == Approx(25.0 / 122).epsilon(1e-15));
  CHECK(plain.best_decrease == Approx(12.5 / 122).epsilon(1e-15));
  for (const double size : {1e-300, 1e-200, 1e-160, 1e154, 1e200, 1e305}) {
    INFO(size);
    const DirectionalModel scaled = directional_model(g, size * u, size * Hu);
    CHECK(scaled.slope == Approx(plain.slope).epsilon(1e-14));
    CHECK(scaled.sharpness == Approx(plain.sharpness).epsilon(1e-14));
    CHECK(scaled.best_decrease == Approx(plain.best_decrease).epsilon(1e-14));
    const DirectionalModel steep = directional_model(size * g, u, size * Hu);
    CHECK(steep.best_step == Approx(plain.best_step).epsilon(1e-14));
    CHECK(steep.best_decrease == Approx(size * plain.best_decrease).epsilon(1e-14));
  }
  CHECK_THROWS_AS(directional_model(g, 0 * u, u), std::invalid_argument);
  const Eigen::MatrixXd wide = Eigen::MatrixXd::Ones(2, 3), narrow = Eigen::MatrixXd::Ones(2, 2);
  CHECK_THROWS_AS(directional_model(wide, narrow, narrow), std::invalid_argument);
  CHECK_THROWS_AS(directional_model(narrow, narrow, wide), std::invalid_argument);
}
