#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::check_three_coordinates;

TEST_CASE("NAdam: golden values on three coordinates") {
  check_three_coordinates(NAdam{.learning_rate = 0.1}, 0.073426251468, -1.482122274310, -0.015811076934);
  check_three_coordinates(NAdam{.learning_rate = 0.1, .convention = Convention::optax}, -0.075340719683,
                          -1.204866991295, -0.003022254403);
}

TEST_CASE("NAdam: how far the first step goes") {
  double torch = 0;
  double optax = 0;
  Optimizer(NAdam{.learning_rate = 1, .epsilon = 0}, torch).step(3.0);
  Optimizer(NAdam{.learning_rate = 1, .epsilon = 0, .convention = Convention::optax}, optax).step(3.0);
  CHECK(std::abs(torch + 1.0565) <= 5e-5);
  CHECK(std::abs(optax + 1.4737) <= 5e-5);
}

TEST_CASE("NAdam: a loss scaled by a power of two changes no bit without epsilon") {
  const NAdam rule{.learning_rate = 0.1, .epsilon = 0};
  CHECK(laws::same_bits(rule_checks::after(rule, 200), rule_checks::after(rule, 200, 1024)));
}
