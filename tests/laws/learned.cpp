#include "support/subject.hpp"
#include <glissade/learned/adafactor_mlp.hpp>
#include <glissade/learned/momentum_mlp.hpp>

using namespace glissade;

TEST_CASE("laws: learned") {
  check_laws(Subject{"AdafactorMlp", AdafactorMlp{.step_multiplier = 3e-3}, 5, nullptr, false});
  check_laws(Subject{"MomentumMlp", MomentumMlp{.step_multiplier = 3e-3}, 3, nullptr, false});
}
