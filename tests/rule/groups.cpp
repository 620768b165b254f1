#include "support/laws.hpp"
#include "support/message_of.hpp"
#include <glissade/glissade.hpp>
#include <glissade/optimizer/any_optimizer.hpp>

using namespace glissade;

TEST_CASE("groups: patterns") {
  const auto match = [](std::string_view text, std::string_view pattern) { return matches_pattern(text, pattern); };
  CHECK(match("", ""));
  CHECK(match("", "*"));
  CHECK(match("layer1.bias", "*.bias"));
  CHECK(match("layer1.bias", "layer?.bias"));
  CHECK(match("layer1.bias", "*"));
  CHECK(match("layer1.bias", "l*1*s"));
  CHECK(match("aaab", "*a*b"));
  CHECK(match("a.bias.bias", "*.bias"));
  CHECK(match("abc", "***abc***"));
  CHECK_FALSE(match("layer1.bias", "*.weight"));
  CHECK_FALSE(match("layer12.bias", "layer?.bias"));
  CHECK_FALSE(match("bias", "*.bias"));
  CHECK_FALSE(match("", "?"));
  CHECK_FALSE(match("abc", "ab"));
  CHECK_FALSE(match("ab", "abc"));
  CHECK_FALSE(match("aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "*a*a*a*a*a*a*a*a*b"));  // in no exponential time
}

TEST_CASE("groups: every tensor is updated by the rule of the first pattern that matches") {
  Eigen::VectorXd a = Eigen::VectorXd::Zero(3);
  Eigen::VectorXd b = a;
  Eigen::VectorXd c = a;
  auto rule = groups(Sgd{.learning_rate = 1}, group("*.bias", Sgd{.learning_rate = 10}),
                     group("a*", Sgd{.learning_rate = 100}));
  Optimizer optimizer{rule, named("a.bias", a), named("a.weight", b), named("c.weight", c)};
  const Eigen::VectorXd g = -Eigen::VectorXd::Ones(3);
  optimizer.step(g, g, g);
  CHECK((a.array() == 10).all());
  CHECK((b.array() == 100).all());
  CHECK((c.array() == 1).all());

  optimizer.rule().member<0>().learning_rate = 0;
  optimizer.rule().rule.learning_rate = 5;
  optimizer.step(g, g, g);
  CHECK((a.array() == 10).all());
  CHECK((b.array() == 200).all());
  CHECK((c.array() == 6).all());
}

TEST_CASE("groups: each member's state is its own, and only what it needs") {
  Eigen::VectorXd w = laws::parameters<Eigen::VectorXd>(40);
  Eigen::VectorXd b = laws::parameters<Eigen::VectorXd>(7);
  Eigen::VectorXd w2 = w;
  Eigen::VectorXd b2 = b;
  Optimizer grouped{groups(AdamW{.learning_rate = 0.1}, group("*bias", Sgd{.learning_rate = 0.1})), named("w", w),
                    named("bias", b)};
  Optimizer adamw{AdamW{.learning_rate = 0.1}, w2};
  Optimizer sgd{Sgd{.learning_rate = 0.1}, b2};
  for (int t = 1; t <= 5; ++t) {
    const auto gw = laws::gradients<Eigen::VectorXd>(40, t);
    const auto gb = laws::gradients<Eigen::VectorXd>(7, t);
    grouped.step(gw, gb);
    adamw.step(gw);
    sgd.step(gb);
  }
  CHECK(laws::same_bits(w, w2));
  CHECK(laws::same_bits(b, b2));
  CHECK(grouped.state(0).bytes() == 40 * 16);
  CHECK(grouped.state(1).bytes() == 0);
}

TEST_CASE("groups: a member's bad option is reported, at binding and after a change") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  const std::string early = message_of([&] { Optimizer optimizer{groups(Sgd{}, group("z", Sgd{.momentum = 2})), x}; });
  CHECK(early == "Sgd: momentum = 2, must be in [0, 1)");
  Optimizer optimizer{groups(Sgd{}, group("0", Sgd{})), x};
  optimizer.rule().member<0>().momentum = -1;
  CHECK(message_of([&] { optimizer.step(x); }) == "Sgd: momentum = -1, must be in [0, 1)");
  CHECK((x.array() == 1).all());
}

TEST_CASE("groups: a global norm in front of them is that of all tensors") {
  double a = 0;
  double b = 0;
  Optimizer optimizer{
      chain(ClipByGlobalNorm{.max_norm = 1}, groups(Sgd{.learning_rate = 1}, group("b", Sgd{.learning_rate = 10}))),
      named("a", a), named("b", b)};
  optimizer.step(3.0, 4.0);
  CHECK(std::abs(a + 0.6) <= 1e-15);
  CHECK(std::abs(b + 8) <= 1e-14);
}

TEST_CASE("groups, freeze and Masked: what no parameter matches is refused, with the names that there are") {
  Eigen::VectorXd a = Eigen::VectorXd::Ones(3), b = a;
  const auto message = [&](const auto& rule) {
    return message_of([&] { Optimizer optimizer{rule, named("W1", a), named("W2", b)}; });
  };
  CHECK(message(groups(Sgd{}, group("W1", Sgd{}), group("*.bias", Sgd{}))) ==
        "groups: the pattern \"*.bias\" matches none of the parameters \"W1\", \"W2\"");
  CHECK(message(chain(ClipByGlobalNorm{}, freeze("w*", Adam{}))) ==
        "groups: the pattern \"w*\" matches none of the parameters \"W1\", \"W2\"");
  CHECK(message(groups(Sgd{}, group("W?", freeze("b", Sgd{})))) ==
        "groups: the pattern \"b\" matches none of the parameters \"W1\", \"W2\"");
  CHECK(message(with_state<Eigen::bfloat16>(freeze("b", Adam{}))) ==
        "groups: the pattern \"b\" matches none of the parameters \"W1\", \"W2\"");
  CHECK(message(chain(Masked{ScaleByAdam{}, matrices_only}, ScaleByLearningRate{})) ==
        "Masked: the mask holds of none of the parameters \"W1\", \"W2\"");
  CHECK(message(groups(Sgd{}, group("W1", Sgd{}))).empty());

  RuleState<double> memory;
  const auto step_with = [&](const auto& rule) { return message_of([&] { step(rule, memory, a, a); }); };
  CHECK(step_with(freeze("W*", Sgd{})) == "groups: the pattern \"W*\" matches none of the parameters \"0\"");
  CHECK(memory.tensors.empty());
  CHECK(a == Eigen::VectorXd::Ones(3));
  AnyRule<double> any = freeze("W*", Sgd{});
  CHECK(message_of([&] {
          AnyOptimizer<double> optimizer{any, a};
        }) == "groups: the pattern \"W*\" matches none of the parameters \"0\"");
}
