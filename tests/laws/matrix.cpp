#include "support/subject.hpp"

#include "laws/textbook.hpp"

using namespace glissade;

TEST_CASE("laws: matrix") {
  check_laws(Subject{"Muon", Muon{.learning_rate = 0.003, .weight_decay = 0, .others = {.learning_rate = 0.05}}, 3,
                     nullptr, false});
  check_laws(Subject{"Adafactor", Adafactor{}, 4, textbook::adafactor(0, 0), false});
  check_laws(Subject{"Adafactor with momentum and decay", Adafactor{.beta1 = 0.9, .weight_decay = 1e-3}, 4,
                     textbook::adafactor(0.9, 1e-3), false, false});
  check_laws(Subject{"Adafactor, torch", Adafactor{.learning_rate = 0.02, .convention = Convention::torch}, 4, nullptr,
                     false});
  check_laws(Subject{"Adafactor, optax",
                     Adafactor{.learning_rate = 0.02, .convention = Convention::optax, .min_dim_to_factor = 2}, 4,
                     nullptr, false});
  check_laws(Subject{"AdamP", AdamP{.learning_rate = 0.05, .weight_decay = 1e-3}, 3, textbook::adamp(0.05, 1e-3), false,
                     false});
  check_laws(
      Subject{"SGDP", SgdP{.learning_rate = 0.02, .weight_decay = 1e-4}, 3, textbook::sgdp(0.02, 1e-4), false, false});
}
