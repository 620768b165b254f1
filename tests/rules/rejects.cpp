// Options that are each in their range and do not go together.
#include "support/message_of.hpp"
#include "support/rule_checks.hpp"

using namespace glissade;

namespace {

/// At the start, and after a change in the middle of a run.
template <class R>
void check_message(const R& good, const R& bad, const std::string& message) {
  double x = 1;
  CHECK(message_of([&] { Optimizer optimizer{bad, x}; }) == message);
  Optimizer optimizer{good, x};
  optimizer.step(1.0);
  const double before = x;
  optimizer.rule() = bad;
  CHECK(message_of([&] { optimizer.step(1.0); }) == message);
  CHECK(x == before);
  CHECK(optimizer.steps() == 1);
}

}  // namespace

TEST_CASE("rejects: what does not go together") {
  check_message(Sgd{}, Sgd{.nesterov = true}, "Sgd: momentum = 0, must be > 0 with nesterov");
  check_message(Sgd{}, Sgd{.momentum = 0.9, .dampening = 0.5, .nesterov = true},
                "Sgd: dampening = 0.5, must be 0 with nesterov");
  check_message(RmsProp{}, RmsProp{.nesterov = true}, "RmsProp: momentum = 0, must be > 0 with nesterov");
  check_message(RmsProp{}, RmsProp{.convention = Convention::paper},
                "RmsProp: convention = 2, must be torch, optax or tensorflow");
  check_message(Lars{}, Lars{.momentum = 0, .nesterov = true}, "Lars: momentum = 0, must be > 0 with nesterov");
  check_message(NAdam{}, NAdam{.convention = Convention::paper},
                "NAdam: convention = 2, must be torch, torch_1 or optax");
  check_message(NAdam{}, NAdam{.convention = Convention::tensorflow},
                "NAdam: convention = 3, must be torch, torch_1 or optax");
  check_message(RAdam{}, RAdam{.convention = Convention::paper}, "RAdam: convention = 2, must be in [0, 1]");
  check_message(Muon{}, Muon{.convention = Convention::paper}, "Muon: convention = 2, must be in [0, 1]");
  check_message(Rprop{}, Rprop{.convention = Convention::paper}, "Rprop: convention = 2, must be in [0, 1]");
  check_message(Adagrad{}, Adagrad{.convention = Convention::paper}, "Adagrad: convention = 2, must be in [0, 1]");
  check_message(AmsGrad{}, AmsGrad{.convention = Convention::tensorflow}, "AmsGrad: convention = 3, must be in [0, 2]");
  check_message(Adafactor{}, Adafactor{.convention = Convention::tensorflow},
                "Adafactor: convention = 3, must be in [0, 2]");
  check_message(RmsProp{}, RmsProp{.convention = Convention::torch_1}, "RmsProp: convention = 4, must be in [0, 3]");
  check_message(AdamW{}, AdamW{.decay_mode = DecayMode::by_schedule},
                "AdamW: peak_rate = 0, must be > 0 with decay_mode by_schedule");
}

TEST_CASE("rejects: options of the optimizer") {
  float x = 1;
  Eigen::half h(1);
  const std::string rounding =
      "OptimizerOptions: rounding = stochastic, must be nearest unless parameters are Eigen::bfloat16";
  CHECK(message_of([&] {
          Optimizer optimizer{Sgd{}, OptimizerOptions{.threads = -5}, x};
        }) == "OptimizerOptions: threads = -5, must be in [0, 1024]");
  for (const int many : {1025, 100'000, std::numeric_limits<int>::max()})
    CHECK(message_of([&] {
            Optimizer optimizer{Sgd{}, OptimizerOptions{.threads = many}, x};
          }) == "OptimizerOptions: threads = " + std::to_string(many) + ", must be in [0, 1024]");
  CHECK(message_of([&] {
          RuleState<double> memory;
          Eigen::VectorXd y = Eigen::VectorXd::Zero(2);
          step(Sgd{}, memory, y, y, {.threads = 100'000});
        }) == "OptimizerOptions: threads = 100000, must be in [0, 1024]");
  CHECK(message_of([&] {
          Optimizer optimizer{Sgd{}, OptimizerOptions{.rounding = Rounding::stochastic}, x};
        }) == rounding);
  CHECK(message_of([&] {
          Optimizer optimizer{Sgd{}, OptimizerOptions{.rounding = Rounding::stochastic}, h};
        }) == rounding);
  Optimizer optimizer{Sgd{}, x};
  optimizer.options().threads = -1;
  CHECK(message_of([&] { optimizer.step(1.0F); }) == "OptimizerOptions: threads = -1, must be in [0, 1024]");
  CHECK(x == 1);
}
