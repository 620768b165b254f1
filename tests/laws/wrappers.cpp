#include "support/subject.hpp"

#include "laws/textbook.hpp"

using namespace glissade;

TEST_CASE("laws: wrappers") {
  check_laws(Subject{"Adam - Ema", chain(Adam{.learning_rate = 0.05}, Ema{}), 1,
                     textbook::adam(0.05, 0.9, 0.999, 1e-8, 0, 0)});
  check_laws(
      Subject{"Sgd - Swa", chain(Sgd{.learning_rate = 0.1}, Swa{.start = 3, .period = 2}), 1, textbook::sgd(0.1)});
  check_laws(Subject{"Adam - Lookahead", chain(Adam{.learning_rate = 0.05}, Lookahead{.period = 2}), 1, nullptr});
  check_laws(Subject{"groups", groups(Sgd{}, group("*", Adam{.learning_rate = 0.05})), 1,
                     textbook::adam(0.05, 0.9, 0.999, 1e-8, 0, 0)});
  check_laws(Subject{"masked", chain(Masked{Trace{.momentum = 0.5}, TensorMask{}}, Scale{.factor = -0.1}), 1,
                     textbook::sgd(0.1, 0.5), false});
  check_laws(Subject{"master weights", chain(MasterWeights{}, Adam{.learning_rate = 0.05}), 1,
                     textbook::adam(0.05, 0.9, 0.999, 1e-8, 0, 0)});
}
