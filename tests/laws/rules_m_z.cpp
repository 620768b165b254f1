#include "support/subject.hpp"

#include "laws/textbook.hpp"

using namespace glissade;

TEST_CASE("laws: rules M to Z") {
  check_laws(Subject{"Madgrad", Madgrad{.learning_rate = 0.05}, 1, textbook::madgrad(0.05, 0.9)});
  check_laws(Subject{"Madgrad with decay", Madgrad{.learning_rate = 0.05, .momentum = 0.8, .weight_decay = 1e-3}, 1,
                     textbook::madgrad(0.05, 0.8, 1e-3), true, false});
  check_laws(Subject{"NAdam", NAdam{.learning_rate = 0.03}, 1, textbook::nadam(0.03, Convention::torch)});
  check_laws(Subject{"NAdam, optax", NAdam{.learning_rate = 0.03, .convention = Convention::optax}, 1,
                     textbook::nadam(0.03, Convention::optax)});
  check_laws(Subject{"Prodigy", Prodigy{}, 2, textbook::prodigy(1e-6, 0), false});
  check_laws(Subject{"Prodigy with decay", Prodigy{.weight_decay = 1e-3, .initial_distance = 1e-4}, 2,
                     textbook::prodigy(1e-4, 1e-3), false, false});
  check_laws(Subject{"Prodigy with a shorter memory and a smaller factor",
                     Prodigy{.beta3 = 0.9, .initial_distance = 1e-4, .distance_factor = 0.5}, 2,
                     textbook::prodigy(1e-4, 0, 0.9, 0.5), false});
  check_laws(
      Subject{"RAdam", RAdam{.learning_rate = 0.05, .beta2 = 0.99}, 1, textbook::radam(0.05, Convention::torch)});
  check_laws(Subject{"RAdam, optax", RAdam{.learning_rate = 0.05, .beta2 = 0.99, .convention = Convention::optax}, 1,
                     textbook::radam(0.05, Convention::optax)});
  check_laws(
      Subject{"RmsProp", RmsProp{.learning_rate = 0.01}, 1, textbook::rmsprop(0.01, 0, false, Convention::torch)});
  check_laws(Subject{"RmsProp, centered, momentum", RmsProp{.learning_rate = 0.003, .momentum = 0.9, .centered = true},
                     1, textbook::rmsprop(0.003, 0.9, true, Convention::torch), true, true, 1e-9});
  check_laws(Subject{"RmsProp, optax, momentum",
                     RmsProp{.learning_rate = 0.003, .momentum = 0.9, .convention = Convention::optax}, 1,
                     textbook::rmsprop(0.003, 0.9, false, Convention::optax)});
  check_laws(Subject{"RmsProp, tensorflow", RmsProp{.learning_rate = 0.01, .convention = Convention::tensorflow}, 1,
                     textbook::rmsprop(0.01, 0, false, Convention::tensorflow)});
  check_laws(Subject{"Rprop", Rprop{}, 1, textbook::rprop(0.01)});
  check_laws(Subject{"Rprop with other factors and bounds",
                     Rprop{.eta_minus = 0.4, .eta_plus = 1.4, .step_min = 2e-3, .step_max = 0.05}, 1,
                     textbook::rprop(0.01, 0.4, 1.4, 2e-3, 0.05)});
  check_laws(Subject{"ScheduleFreeAdamW", ScheduleFreeAdamW{.learning_rate = 0.05}, 1,
                     textbook::schedule_free(0.05, 0.9, true, 0, 0)});
  check_laws(Subject{"ScheduleFreeSgd", ScheduleFreeSgd{.learning_rate = 0.2}, 1,
                     textbook::schedule_free(0.2, 0.9, false, 0, 0)});
  check_laws(Subject{"ScheduleFreeSgd with weights and decay",
                     ScheduleFreeSgd{.learning_rate = 0.2, .momentum = 0.8, .weight_decay = 1e-3, .step_power = 2}, 1,
                     textbook::schedule_free(0.2, 0.8, false, 1e-3, 2), true, false});
  check_laws(Subject{"Sgd", Sgd{.learning_rate = 0.1}, 1, textbook::sgd(0.1)});
  check_laws(Subject{"Sgd with momentum", Sgd{.learning_rate = 0.02, .momentum = 0.9, .dampening = 0.1}, 1,
                     textbook::sgd(0.02, 0.9, 0.1)});
  check_laws(Subject{"Sgd with Nesterov momentum and decay",
                     Sgd{.learning_rate = 0.02, .momentum = 0.9, .nesterov = true, .weight_decay = 1e-3}, 1,
                     textbook::sgd(0.02, 0.9, 0, true, 1e-3), true, false});
  check_laws(Subject{"Signum", Signum{.learning_rate = 0.005}, 1, textbook::signum(0.005)});
  check_laws(Subject{"Sophia", Sophia{.learning_rate = 0.005}, 1, textbook::sophia(0.005, 0)});
  check_laws(Subject{"Sophia with decay", Sophia{.learning_rate = 0.005, .weight_decay = 1e-3}, 1,
                     textbook::sophia(0.005, 1e-3), true, false});
  check_laws(Subject{"Yogi", Yogi{.learning_rate = 0.02}, 1, textbook::yogi(0.02, false)});
  check_laws(Subject{"Yogi, bias corrected", Yogi{.learning_rate = 0.02, .bias_corrected = true}, 1,
                     textbook::yogi(0.02, true)});
}
