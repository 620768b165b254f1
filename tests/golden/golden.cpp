// Trajectories of other people's implementations, in double and in float: rules must follow them.
#include "golden/golden.hpp"

#include <glissade/glissade.hpp>

using namespace glissade;
using golden::both;
using golden::check;
using golden::entry;

namespace {

constexpr int never = 100000;  // not chaotic in float

}  // namespace

TEST_CASE("golden: torch.optim") {
  check(
      "torch.csv",
      {
          both("SGD", "lr=0.1", Sgd{.learning_rate = 0.1}),
          both("SGD", "lr=0.1 momentum=0.9", Sgd{.learning_rate = 0.1, .momentum = 0.9}),
          both("SGD", "lr=0.1 momentum=0.9 dampening=0.5",
               Sgd{.learning_rate = 0.1, .momentum = 0.9, .dampening = 0.5}),
          both("SGD", "lr=0.1 momentum=0.9 nesterov=True weight_decay=0.01",
               Sgd{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01}),
          both("Adam", "lr=0.1", Adam{.learning_rate = 0.1}),
          both("Adam", "lr=0.1 weight_decay=0.01", Adam{.learning_rate = 0.1, .weight_decay = 0.01}),
          both("Adam", "lr=0.02 betas=(0.8;0.99) eps=0.001",
               Adam{.learning_rate = 0.02, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-3}, never, 1000),
          both("Adam", "lr=0.1 amsgrad=True", AmsGrad{.learning_rate = 0.1}),
          both("Adam", "lr=0.1 amsgrad=True weight_decay=0.01", AmsGrad{.learning_rate = 0.1, .weight_decay = 0.01}),
          both("Adagrad", "lr=0.1", Adagrad{.learning_rate = 0.1}),
          both(
              "Adagrad", "lr=0.1 lr_decay=0.001 weight_decay=0.01 initial_accumulator_value=0.1",
              Adagrad{
                  .learning_rate = 0.1, .learning_rate_decay = 1e-3, .initial_accumulator = 0.1, .weight_decay = 0.01}),
          both("RMSprop", "lr=0.01", RmsProp{}, never, 1000),
          both("RMSprop", "lr=0.01 centered=True momentum=0.9", RmsProp{.momentum = 0.9, .centered = true}, never,
               1000),
          both("RMSprop", "lr=0.01 alpha=0.9 eps=0.001 weight_decay=0.01",
               RmsProp{.alpha = 0.9, .epsilon = 1e-3, .weight_decay = 0.01}, 100, 100),
          both("Adadelta", "lr=1.0 rho=0.9 eps=1e-06", Adadelta{}, never, 1000),
          both("Adadelta", "lr=0.5 rho=0.95 eps=0.0001 weight_decay=0.01",
               Adadelta{.learning_rate = 0.5, .rho = 0.95, .epsilon = 1e-4, .weight_decay = 0.01}, never, 1000),
          both("Adamax", "lr=0.1", Adamax{.learning_rate = 0.1}),
          // In double only: float's last bit of the gradients leads 1.4e-6 away within 100 steps, its arithmetic 5e-6.
          entry("NAdam", "lr=0.1", NAdam{.learning_rate = 0.1, .convention = Convention::torch_1}, 1000),
          both("NAdam", "lr=0.01 momentum_decay=0.006 weight_decay=0.01",
               NAdam{.learning_rate = 0.01,
                     .weight_decay = 0.01,
                     .momentum_decay = 6e-3,
                     .convention = Convention::torch_1}),
          both("RAdam", "lr=0.1", RAdam{.learning_rate = 0.1}),
          both("RAdam", "lr=0.1 betas=(0.9;0.9) weight_decay=0.01",
               RAdam{.learning_rate = 0.1, .beta2 = 0.9, .weight_decay = 0.01}, 100),
          // In double only: it turns on the sign of gradients however small, which float does not have right.
          entry("Rprop", "lr=0.01", Rprop{}),
          both("ASGD", "lr=0.1", Asgd{.learning_rate = 0.1}),
          both("ASGD", "lr=0.1 t0=50.0", Asgd{.learning_rate = 0.1, .t0 = 50}),
          both("AdamW", "lr=0.1 weight_decay=0.01", AdamW{.learning_rate = 0.1}),
          both("AdamW", "lr=0.1 weight_decay=0.1 amsgrad=True",
               AmsGrad{.learning_rate = 0.1, .weight_decay = 0.1, .decoupled = true}),
      });
}

TEST_CASE("golden: timm, fairseq, pytorch_optimizer and the authors") {
  check(
      "others.csv",
      {
          both("Lion", "lr=.01 b=(.9;.99) wd=0", Lion{.learning_rate = 0.01}),
          both("Lion", "lr=.01 b=(.9;.99) decoupled wd=.1", Lion{.learning_rate = 0.01, .weight_decay = 0.1}),
          both("RMSprop TF style (sq init 1; eps inside sqrt)", "lr=.01",
               RmsProp{.alpha = 0.9, .epsilon = 1e-10, .convention = Convention::tensorflow}, 100, 100),
          both("NAdam", "lr=.01 momentum_decay=.004", NAdam{.learning_rate = 0.01, .convention = Convention::torch_1}),
          both("RAdam (un-rectified steps use m-hat)", "lr=.01", RAdam{.learning_rate = 0.01}),
          both("Adafactor beta1=.9", "lr=.01 fixed; scale_parameter False",
               Adafactor{.learning_rate = 0.01, .beta1 = 0.9, .scale_parameter = false}),
          both("Adafactor no momentum", "lr=.01 fixed; scale_parameter False; always factored",
               Adafactor{.learning_rate = 0.01, .scale_parameter = false}),
          both("Adafactor no momentum", "relative step; scale_parameter True; always factored", Adafactor{}),
          both("AdaBelief", "lr=.01 eps=1e-16 rectify=False wd=0", AdaBelief{.learning_rate = 0.01, .rectify = false}),
          both("AdaBelief", "lr=.01 eps=1e-16 rectify=True wd=0", AdaBelief{.learning_rate = 0.01}),
          both("Adan", "lr=.01 b=(.98;.92;.99) eps=1e-8 wd=0 (no_prox False)", Adan{.learning_rate = 0.01}),
          both("LAMB", "lr=.01 wd=.01 max_grad_norm=None", Lamb{.learning_rate = 0.01}),
          both("MADGRAD", "lr=.01 momentum=.9 eps=1e-6", Madgrad{}),
          // No clip is reached in these rows: both exponents follow them.
          both("ADOPT", "lr=.01 b=(.9;.9999) eps=1e-6 clip exponent 1/3 or .25: see args",
               Adopt{.learning_rate = 0.01}),
          both("LaProp", "lr=.01", LaProp{.learning_rate = 0.01}),
          // In double only: the way from the start, a millionth of the parameters at first, is a difference of them.
          entry("Prodigy", "lr=1 b=(.9;.999) d0=1e-6 no bias correction", Prodigy{}),
          both("ScheduleFree AdamW (y iterate)", "lr=.01 wd=0", ScheduleFreeAdamW{.learning_rate = 0.01}),
          both("ScheduleFree AdamW (y iterate)", "lr=.01 wd=.1 warmup 10",
               ScheduleFreeAdamW{
                   .learning_rate = [](std::int64_t t) { return t < 9 ? 1e-3 * static_cast<double>(t + 1) : 1e-2; },
                   .weight_decay = 0.1}),
          both("ScheduleFree SGD (y iterate)", "lr=.1 momentum=.9", ScheduleFreeSgd{.learning_rate = 0.1}),
          both("AdamP", "lr=.01", AdamP{.learning_rate = 0.01}),
          both("SGDP", "lr=.01 momentum=.9", SgdP{.learning_rate = 0.01}),
      });
}
