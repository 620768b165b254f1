#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::check_three_coordinates;

TEST_CASE("RmsProp: golden values on three coordinates") {
  check_three_coordinates(RmsProp{}, 0.500852229891, -1.676729445492, 0.040629573520);
  check_three_coordinates(RmsProp{.centered = true}, 0.490964409195, -1.673876664740, 0.038076435888);
  check_three_coordinates(RmsProp{.momentum = 0.9}, -0.367071086073, 0.286557513169, 0.302012186460);
  check_three_coordinates(RmsProp{.alpha = 0.9, .convention = Convention::optax}, 0.786408540688, -1.889595721596,
                          0.252916204875);
}

TEST_CASE("RmsProp: a loss scaled by a power of two changes no bit without epsilon") {
  const RmsProp rule{.epsilon = 0, .momentum = 0.9};
  CHECK(laws::same_bits(rule_checks::after(rule, 200), rule_checks::after(rule, 200, 1024)));
}
