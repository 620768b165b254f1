// Optimizers by name: every name makes the rule that it is the name of.
#include "support/laws.hpp"
#include "support/message_of.hpp"
#include <glissade/make_optimizer.hpp>

#include <algorithm>
#include <cctype>

using namespace glissade;

TEST_CASE("make_optimizer: a rule chosen by name does what the typed one does, to the bit") {
  Eigen::MatrixXf W = laws::matrix(9, 5, 0).cast<float>(), V = W;
  Eigen::VectorXf b = laws::parameters<Eigen::VectorXf>(7), c = b;
  auto any = make_optimizer<float>("adamw", {{"learning_rate", 3e-4}}, W, b);
  Optimizer typed{AdamW{.learning_rate = 3e-4}, V, c};
  for (int t = 1; t <= 6; ++t) {
    const Eigen::MatrixXf dW = laws::matrix(9, 5, t).cast<float>();
    const Eigen::VectorXf db = laws::gradients<Eigen::VectorXf>(7, t);
    any->step(dW, db);
    typed.step(dW, db);
    any->set("weight_decay", 0.1);
    typed.rule().weight_decay = 0.1;
  }
  CHECK(laws::same_bits(W, V));
  CHECK(laws::same_bits(b, c));
}

TEST_CASE("make_optimizer: every name is that of its rule, has options and makes steps") {
  const auto names = optimizer_names();
  CHECK(names.size() == 40);
  CHECK(std::is_sorted(names.begin(), names.end()));
  for (const std::string& name : names) {
    INFO(name);
    Eigen::MatrixXf W = laws::matrix(6, 5, 0).cast<float>();
    const Eigen::MatrixXf before = W;
    const bool projects = name == "galore_adamw";
    const auto any =
        make_optimizer<float>(name, projects ? std::vector<OptionValue>{{"rank", 2}} : std::vector<OptionValue>{}, W);
    std::string letters = name, described = any->description();
    std::erase(letters, '_');
    for (char& letter : described) letter = static_cast<char>(std::tolower(letter));
    CHECK(described == letters);
    for (int t = 1; t <= 3; ++t) {
      const Eigen::MatrixXf g = laws::matrix(6, 5, t).cast<float>();
      if (name == "polyak_step" || name == "momo")
        any->step(with(0.5), g);
      else if (name == "tag")
        any->step(with(TaskNumber{t / 3}), g);
      else
        any->step(g);
    }
    CHECK(W.allFinite());
    CHECK(W != before);
    const auto options = any->rule_options();
    CHECK_FALSE(options.empty());
    for (const RuleOption& option : options) {
      INFO(option.name);
      if (option.fallback) CHECK(option.range.contains(*option.fallback));
      if (!(projects && option.name == "rank")) CHECK(option.value == option.fallback);
    }
  }
}

TEST_CASE("make_optimizer: unknown names and options are refused with the nearest ones") {
  Eigen::VectorXf x = Eigen::VectorXf::Ones(3);
  CHECK(message_of([&] { (void)make_optimizer<float>("adamx", {}, x); }) ==
        "make_optimizer: no optimizer \"adamx\"; the nearest are \"adam\", \"adamax\", \"adamp\"");
  CHECK(message_of([&] {
          (void)make_optimizer<float>("adamw", {{"learning_rte", 1}}, x);
        }) == "AdamW has no option \"learning_rte\"; the nearest are \"learning_rate\", \"peak_rate\", \"epsilon\"");
  CHECK(message_of([&] {
          (void)make_optimizer<float>("adamw", {{"beta1", 1.2}}, x);
        }) == "AdamW: beta1 = 1.2, must be in [0, 1)");
}

TEST_CASE("make_optimizer: options of a name with ranges and defaults") {
  const auto options = optimizer_options<float>("lion");
  const auto rate = std::find_if(options.begin(), options.end(),
                                 [](const RuleOption& option) { return option.name == "learning_rate"; });
  REQUIRE(rate != options.end());
  CHECK(rate->owner == "Lion");
  CHECK(rate->fallback == 1e-4);
  CHECK(rate->range.text() == ">= 0 and finite");
}
