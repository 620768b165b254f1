#include "support/subject.hpp"

#include "laws/textbook.hpp"

using namespace glissade;

TEST_CASE("laws: rules A to L") {
  check_laws(Subject{"AdaBelief", AdaBelief{.learning_rate = 0.02, .beta2 = 0.99, .epsilon = 1e-6, .rectify = false}, 1,
                     textbook::adabelief(0.02, false, true)});
  check_laws(Subject{"AdaBelief, rectified, epsilon under the root",
                     AdaBelief{.learning_rate = 0.02, .beta2 = 0.99, .epsilon = 1e-6, .epsilon_in_state = false}, 1,
                     textbook::adabelief(0.02, true, false)});
  check_laws(Subject{"Adadelta", Adadelta{}, 1, textbook::adadelta(1)});
  check_laws(Subject{"Adagrad", Adagrad{.learning_rate = 0.3}, 1, textbook::adagrad(0.3, 0, 0)});
  check_laws(Subject{"Adagrad with decaying rate",
                     Adagrad{.learning_rate = 0.3, .learning_rate_decay = 1e-3, .initial_accumulator = 0.1}, 1,
                     textbook::adagrad(0.3, 1e-3, 0.1)});
  check_laws(Subject{"Adam", Adam{.learning_rate = 0.05}, 1, textbook::adam(0.05, 0.9, 0.999, 1e-8, 0, 0)});
  check_laws(Subject{"Adam with L2 decay", Adam{.learning_rate = 0.05, .beta1 = 0.8, .weight_decay = 1e-3}, 1,
                     textbook::adam(0.05, 0.8, 0.999, 1e-8, 1e-3, 0), true, false});
  check_laws(Subject{"AdamNc", AdamNc{.learning_rate = 0.05}, 1, textbook::adamnc(0.05)});
  check_laws(Subject{"AdamNc, bounded", AdamNc{.learning_rate = 0.05, .beta2 = 0.9, .bounded = true}, 1,
                     textbook::adamnc(0.05, 0.9)});
  check_laws(Subject{"AdamW", AdamW{.learning_rate = 0.05, .epsilon = 1e-6}, 1,
                     textbook::adam(0.05, 0.9, 0.999, 1e-6, 0, 1e-2), true, false});
  check_laws(Subject{"Adamax", Adamax{.learning_rate = 0.03}, 1, textbook::adamax(0.03)});
  check_laws(Subject{"Adan", Adan{.learning_rate = 0.02, .weight_decay = 1e-3}, 1, textbook::adan(0.02, 1e-3, true),
                     true, false});
  check_laws(Subject{"Adan, not proximal", Adan{.learning_rate = 0.02, .weight_decay = 1e-3, .proximal = false}, 1,
                     textbook::adan(0.02, 1e-3, false), true, false});
  check_laws(Subject{"Adopt", Adopt{.learning_rate = 0.02}, 1, textbook::adopt(0.02, 0.25)});
  check_laws(Subject{"Adopt, timm", Adopt{.learning_rate = 0.02, .clip_exponent = Adopt::timm_exponent}, 1,
                     textbook::adopt(0.02, 1.0 / 3)});
  check_laws(Subject{"AmsGrad, torch", AmsGrad{.learning_rate = 0.05}, 1, textbook::amsgrad(0.05, Convention::torch)});
  check_laws(Subject{"AmsGrad, optax", AmsGrad{.learning_rate = 0.05, .convention = Convention::optax}, 1,
                     textbook::amsgrad(0.05, Convention::optax)});
  check_laws(Subject{"AmsGrad, paper", AmsGrad{.learning_rate = 0.05, .convention = Convention::paper}, 1,
                     textbook::amsgrad(0.05, Convention::paper)});
  check_laws(Subject{"Asgd", Asgd{.learning_rate = 0.1}, 1, textbook::asgd(0.1), true, false});
  check_laws(Subject{"Asgd, fading faster", Asgd{.learning_rate = 0.1, .lambda = 1e-3, .alpha = 0.5}, 1,
                     textbook::asgd(0.1, 1e-3, 0.5), true, false});
  check_laws(Subject{"CautiousAdamW", CautiousAdamW{.learning_rate = 0.02, .weight_decay = 0}, 2,
                     textbook::cautious_adamw(0.02, 0), false});
  check_laws(Subject{"CautiousAdamW with decay", CautiousAdamW{.learning_rate = 0.02, .weight_decay = 1e-3}, 2,
                     textbook::cautious_adamw(0.02, 1e-3), false, false});
  check_laws(Subject{"CautiousLion", CautiousLion{.learning_rate = 0.002}, 2, textbook::cautious_lion(0.002), false});
  check_laws(Subject{"LaProp", LaProp{.learning_rate = 0.02}, 1, textbook::laprop(0.02)});
  check_laws(Subject{"Lamb", Lamb{.learning_rate = 0.01, .weight_decay = 0}, 2,
                     textbook::lamb(0.01, 0, std::numeric_limits<double>::infinity()), false});
  check_laws(Subject{"Lamb with decay and a bounded ratio",
                     Lamb{.learning_rate = 0.01, .weight_decay = 1e-3, .max_ratio = 0.7}, 2,
                     textbook::lamb(0.01, 1e-3, 0.7), false, false});
  check_laws(Subject{"Lars", Lars{.learning_rate = 0.1, .trust_coefficient = 5e-3}, 2,
                     textbook::lars(0.1, 0.9, 0, 5e-3), false});
  check_laws(Subject{"Lars with decay", Lars{.momentum = 0, .weight_decay = 1e-3, .trust_coefficient = 5e-3}, 2,
                     textbook::lars(1, 0, 1e-3, 5e-3), false, false});
  check_laws(Subject{
      "Lars with Nesterov momentum",
      Lars{.learning_rate = 0.1, .momentum = 0.8, .weight_decay = 1e-3, .trust_coefficient = 5e-3, .nesterov = true}, 2,
      textbook::lars(0.1, 0.8, 1e-3, 5e-3, true), false, false});
  check_laws(Subject{"Lion", Lion{.learning_rate = 0.005}, 1, textbook::lion(0.005, 0)});
  check_laws(Subject{"Lion with decay", Lion{.learning_rate = 0.005, .weight_decay = 0.01}, 1,
                     textbook::lion(0.005, 0.01), true, false});
}
