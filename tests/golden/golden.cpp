// Trajectories of other people's implementations, in double: rules must follow them.
#include <glissade/glissade.hpp>

#include "golden/golden.hpp"

using namespace glissade;
using golden::check;
using golden::entry;

TEST_CASE("golden: torch.optim") {
  check("torch.csv",
        {
            entry("SGD", "lr=0.1", Sgd{.learning_rate = 0.1}),
            entry("SGD", "lr=0.1 momentum=0.9", Sgd{.learning_rate = 0.1, .momentum = 0.9}),
            entry("SGD", "lr=0.1 momentum=0.9 dampening=0.5",
                  Sgd{.learning_rate = 0.1, .momentum = 0.9, .dampening = 0.5}),
            entry("SGD", "lr=0.1 momentum=0.9 nesterov=True weight_decay=0.01",
                  Sgd{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01}),
            entry("Adam", "lr=0.1", Adam{.learning_rate = 0.1}),
            entry("Adam", "lr=0.1 weight_decay=0.01", Adam{.learning_rate = 0.1, .weight_decay = 0.01}),
            entry("Adam", "lr=0.02 betas=(0.8;0.99) eps=0.001",
                  Adam{.learning_rate = 0.02, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-3}, 1000),
            entry("Adam", "lr=0.1 amsgrad=True", AmsGrad{.learning_rate = 0.1}),
            entry("Adam", "lr=0.1 amsgrad=True weight_decay=0.01",
                  AmsGrad{.learning_rate = 0.1, .weight_decay = 0.01}),
            entry("Adagrad", "lr=0.1", Adagrad{.learning_rate = 0.1}),
            entry("Adagrad", "lr=0.1 lr_decay=0.001 weight_decay=0.01 initial_accumulator_value=0.1",
                  Adagrad{.learning_rate = 0.1, .learning_rate_decay = 1e-3, .initial_accumulator = 0.1,
                          .weight_decay = 0.01}),
            entry("RMSprop", "lr=0.01", RmsProp{}, 1000),
            entry("RMSprop", "lr=0.01 centered=True momentum=0.9", RmsProp{.momentum = 0.9, .centered = true},
                  1000),
            entry("RMSprop", "lr=0.01 alpha=0.9 eps=0.001 weight_decay=0.01",
                  RmsProp{.alpha = 0.9, .epsilon = 1e-3, .weight_decay = 0.01}, 100),
            entry("Adadelta", "lr=1.0 rho=0.9 eps=1e-06", Adadelta{}, 1000),
            entry("Adadelta", "lr=0.5 rho=0.95 eps=0.0001 weight_decay=0.01",
                  Adadelta{.learning_rate = 0.5, .rho = 0.95, .epsilon = 1e-4, .weight_decay = 0.01}, 1000),
            entry("Adamax", "lr=0.1", Adamax{.learning_rate = 0.1}),
            entry("NAdam", "lr=0.1", NAdam{.learning_rate = 0.1, .convention = Convention::torch_1}, 1000),
            entry("NAdam", "lr=0.01 momentum_decay=0.006 weight_decay=0.01",
                  NAdam{.learning_rate = 0.01, .weight_decay = 0.01, .momentum_decay = 6e-3,
                        .convention = Convention::torch_1}),
            entry("RAdam", "lr=0.1", RAdam{.learning_rate = 0.1}),
            entry("RAdam", "lr=0.1 betas=(0.9;0.9) weight_decay=0.01",
                  RAdam{.learning_rate = 0.1, .beta2 = 0.9, .weight_decay = 0.01}),
            entry("Rprop", "lr=0.01", Rprop{}),
            entry("ASGD", "lr=0.1", Asgd{.learning_rate = 0.1}),
            entry("ASGD", "lr=0.1 t0=50.0", Asgd{.learning_rate = 0.1, .t0 = 50}),
            entry("AdamW", "lr=0.1 weight_decay=0.01", AdamW{.learning_rate = 0.1}),
            entry("AdamW", "lr=0.1 weight_decay=0.1 amsgrad=True",
                  AmsGrad{.learning_rate = 0.1, .weight_decay = 0.1, .decoupled = true}),
        });
}

TEST_CASE("golden: timm, fairseq, pytorch_optimizer and the authors") {
  check("others.csv",
        {
            entry("Lion", "lr=.01 b=(.9;.99) wd=0", Lion{.learning_rate = 0.01}),
            entry("Lion", "lr=.01 b=(.9;.99) decoupled wd=.1", Lion{.learning_rate = 0.01, .weight_decay = 0.1}),
            entry("RMSprop TF style (sq init 1; eps inside sqrt)", "lr=.01",
                  RmsProp{.alpha = 0.9, .epsilon = 1e-10, .convention = Convention::tensorflow}, 100),
            entry("NAdam", "lr=.01 momentum_decay=.004", NAdam{.learning_rate = 0.01, .convention = Convention::torch_1}),
            entry("RAdam (un-rectified steps use m-hat)", "lr=.01", RAdam{.learning_rate = 0.01}),
            entry("Adafactor beta1=.9", "lr=.01 fixed; scale_parameter False",
                  Adafactor{.learning_rate = 0.01, .beta1 = 0.9, .scale_parameter = false}),
            entry("Adafactor no momentum", "lr=.01 fixed; scale_parameter False; always factored",
                  Adafactor{.learning_rate = 0.01, .scale_parameter = false}),
            entry("Adafactor no momentum", "relative step; scale_parameter True; always factored", Adafactor{}),
            entry("AdaBelief", "lr=.01 eps=1e-16 rectify=False wd=0",
                  AdaBelief{.learning_rate = 0.01, .rectify = false}),
            entry("AdaBelief", "lr=.01 eps=1e-16 rectify=True wd=0", AdaBelief{.learning_rate = 0.01}),
            entry("Adan", "lr=.01 b=(.98;.92;.99) eps=1e-8 wd=0 (no_prox False)", Adan{.learning_rate = 0.01}),
            entry("LAMB", "lr=.01 wd=.01 max_grad_norm=None", Lamb{.learning_rate = 0.01}),
            entry("MADGRAD", "lr=.01 momentum=.9 eps=1e-6", Madgrad{}),
            // No clip is reached in these rows: both exponents follow them.
            entry("ADOPT", "lr=.01 b=(.9;.9999) eps=1e-6 clip exponent 1/3 or .25: see args",
                  Adopt{.learning_rate = 0.01}),
            entry("LaProp", "lr=.01", LaProp{.learning_rate = 0.01}),
            entry("Prodigy", "lr=1 b=(.9;.999) d0=1e-6 no bias correction", Prodigy{}),
            entry("ScheduleFree AdamW (y iterate)", "lr=.01 wd=0", ScheduleFreeAdamW{.learning_rate = 0.01}),
            entry("ScheduleFree AdamW (y iterate)", "lr=.01 wd=.1 warmup 10",
                  ScheduleFreeAdamW{.learning_rate = [](std::int64_t t) { return t < 9 ? 1e-3 * static_cast<double>(t + 1) : 1e-2; },
                                    .weight_decay = 0.1}),
            entry("ScheduleFree SGD (y iterate)", "lr=.1 momentum=.9", ScheduleFreeSgd{.learning_rate = 0.1}),
            entry("AdamP", "lr=.01", AdamP{.learning_rate = 0.01}),
            entry("SGDP", "lr=.01 momentum=.9", SgdP{.learning_rate = 0.01}),
        });
}
