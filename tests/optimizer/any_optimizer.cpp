// An optimizer whose rule is not known: the same bits, options by name, moves.
#include "support/laws.hpp"
#include "support/message_of.hpp"
#include <glissade/optimizer/any_optimizer.hpp>

#include <limits>
#include <utility>

using namespace glissade;

namespace {

auto clipped_adamw() { return chain(ClipByGlobalNorm{.max_norm = 0.5}, AdamW{.learning_rate = cosine_decay(0.1, 10)}); }

const RuleOption& option_of(const std::vector<RuleOption>& options, const std::string& name) {
  for (const RuleOption& option : options)
    if (option.full_name() == name) return option;
  throw std::logic_error("no " + name);
}

}  // namespace

TEST_CASE("any optimizer: it does what the typed one does, to the bit, and moves") {
  Eigen::MatrixXd W = laws::matrix(9, 5, 0), V = W;
  auto b = laws::parameters<Eigen::VectorXd>(7);
  auto c = b;
  Optimizer typed{clipped_adamw(), OptimizerOptions{.maximize = true}, named("W", W), b};
  AnyOptimizer<double> first{clipped_adamw(), OptimizerOptions{.maximize = true}, named("W", V), c};
  AnyOptimizer<double> any = std::move(first);
  for (int t = 1; t <= 6; ++t) {
    const Eigen::MatrixXd g = laws::matrix(9, 5, t);
    typed.step(g, laws::gradients<Eigen::VectorXd>(7, t));
    any.step(2 * g - g, laws::gradients<Eigen::VectorXd>(7, t));
  }
  CHECK(laws::same_bits(W, V));
  CHECK(laws::same_bits(b, c));
  CHECK(any.state(0) == typed.state(0));
  CHECK(any.field("W", "first_moment") == typed.field("W", "first_moment"));
  CHECK(any.state_bytes() == typed.state_bytes());
  CHECK(any.steps() == 6);
  CHECK(any.size() == 2);
  CHECK(any.tensor(0).name == "W");
  CHECK(any.parameter(0) == V.data());
  CHECK(any.passes() == 2);
  CHECK(any.description() == "chain(ClipByGlobalNorm, AdamW)");
  any.reset();
  CHECK(any.steps() == 0);
  CHECK(message_of([&] { any.step(W); }) == "Optimizer::step: 1 gradients for 2 parameters");
  CHECK(message_of([&] { (void)any.field("W", "third_moment"); }) == "Optimizer::field: no \"third_moment\" of \"W\"");
}

TEST_CASE("any optimizer: options are set and read by name") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3), y = x;
  AnyOptimizer<double> any{clipped_adamw(), x};
  Optimizer typed{clipped_adamw(), y};
  CHECK(any.get("beta1") == 0.9);
  CHECK(any.get("AdamW.beta1") == 0.9);
  CHECK(any.get("ClipByGlobalNorm.max_norm") == 0.5);
  CHECK(any.get("learning_rate") == 0.1);
  any.set("beta1", 0.5);
  any.set("ClipByGlobalNorm.max_norm", 0.25);
  get<1>(typed.rule()).beta1 = 0.5;
  get<0>(typed.rule()).max_norm = 0.25;
  for (int t = 1; t <= 5; ++t) {
    any.step(laws::gradients<Eigen::VectorXd>(3, t));
    typed.step(laws::gradients<Eigen::VectorXd>(3, t));
  }
  CHECK(laws::same_bits(x, y));
  CHECK(any.get("learning_rate") == Approx(0.05));  // of the next step
  any.set("learning_rate", 0.3);
  CHECK(any.get("learning_rate") == 0.3);
}

TEST_CASE("any optimizer: values out of range and of the wrong kind change nothing") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  AnyOptimizer<double> any{AmsGrad{}, x};
  CHECK(message_of([&] { any.set("beta1", 1.5); }) == "AmsGrad: beta1 = 1.5, must be in [0, 1)");
  CHECK(message_of([&] { any.set("beta1", std::numeric_limits<double>::quiet_NaN()); }) ==
        "AmsGrad: beta1 = nan, must be in [0, 1)");
  CHECK(any.get("beta1") == 0.9);
  AnyOptimizer<double> factored{Adafactor{}, x};
  CHECK(message_of([&] { factored.set("min_dim_to_factor", 2.5); }) ==
        "Adafactor: min_dim_to_factor = 2.5, must be a whole number");
  CHECK(factored.get("min_dim_to_factor") == 0);
  any.set("convention", 1);
  CHECK(any.get("convention") == 1);
  CHECK(message_of([&] { any.set("convention", 7); }) == "AmsGrad: convention = 7, must be in [0, 2]");
  AnyOptimizer<double> nesterov{Sgd{}, x};
  nesterov.set("nesterov", 1);
  CHECK(nesterov.get("nesterov") == 1);
  CHECK(message_of([&] { nesterov.set("nesterov", 2); }) == "Sgd: nesterov = 2, must be 0 or 1");
  any.assign("beta1", 1.5);
  CHECK(message_of([&] { any.step(x); }) == "AmsGrad: beta1 = 1.5, must be in [0, 1)");
}

TEST_CASE("any optimizer: unknown and ambiguous names are refused with those that may be meant") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  AnyOptimizer<double> any{chain(ClipByValue{}, ClipByValue{.max_value = 2}, AdamW{}), x};
  CHECK(message_of([&] { any.set("bet1", 0.5); }) ==
        "chain(ClipByValue, ClipByValue, AdamW) has no option \"bet1\"; the nearest are \"beta1\", \"beta2\", "
        "\"epsilon\"");
  CHECK(message_of([&] { any.set("max_value", 0.5); }) ==
        "chain(ClipByValue, ClipByValue, AdamW): \"max_value\" may be any of \"ClipByValue.max_value\", "
        "\"ClipByValue#2.max_value\"");
  CHECK(message_of([&] { (void)any.get("AdamW.beta3"); }).find("the nearest are \"AdamW.beta1\", \"AdamW.beta2\"") !=
        std::string::npos);
  any.set("ClipByValue#2.max_value", 3);
  CHECK(any.get("ClipByValue.max_value") == 1);
  CHECK(any.get("ClipByValue#2.max_value") == 3);
}

TEST_CASE("any optimizer: the list of options has ranges, defaults and values") {
  const AnyRule<float> rule = clipped_adamw();
  const auto options = rule.options();
  const RuleOption& norm = option_of(options, "ClipByGlobalNorm.max_norm");
  CHECK(norm.value == 0.5);
  CHECK(norm.fallback == 1.0);
  CHECK(norm.range.text() == "> 0 and finite");
  const RuleOption& rate = option_of(options, "AdamW.learning_rate");
  CHECK_FALSE(rate.value.has_value());  // a schedule
  CHECK(rate.fallback == 1e-3);
  CHECK_FALSE(rate.is_whole);
  const AnyRule<float> factored = Adafactor{};
  const auto unset = factored.options();
  CHECK_FALSE(option_of(unset, "Adafactor.learning_rate").value.has_value());
  CHECK(std::isnan(factored.get("learning_rate")));
  CHECK(option_of(unset, "Adafactor.min_dim_to_factor").is_whole);
}

TEST_CASE("any optimizer: a rule is a value") {
  AnyRule<double> rule = Adam{};
  AnyRule<double> copy = rule;
  copy.set("beta1", 0.5);
  CHECK(rule.get("beta1") == 0.9);
  rule = copy;
  CHECK(rule.get("beta1") == 0.5);
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3), y = x;
  AnyOptimizer<double> a{rule, x}, b{rule, y};
  a.set("beta1", 0.25);
  CHECK(b.get("beta1") == 0.5);
  a.step(x);
  b.continue_from(a);
  CHECK(b.steps() == 1);
  AnyOptimizer<double> other{Sgd{}, y};
  CHECK(message_of([&] { other.continue_from(a); }) ==
        "AnyOptimizer::continue_from: the other optimizer has another rule or other shapes");
}
