// What the laws of rules look at: a rule whose type is forgotten, with what is expected of it.
#pragma once

#include <Eigen/Core>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../minimize/from_rule.hpp"
#include "../optimizer/any_optimizer.hpp"
#include "member_names.hpp"
#include "textbook.hpp"

namespace glissade {

/// What the laws cannot know of a rule. The defaults are those of a rule like Adam.
struct RuleExpectations {
  std::optional<int> passes = {};                // over memory
  std::function<void(Textbook&)> textbook = {};  // the rule in plain Eigen, or none
  bool converges = true;                         // its rate suits the three problems of that law
  bool elementwise = true;                       // every coefficient lives on its own
  bool rests = true;                             // zero gradients leave parameters alone
  double precision = 1e-12;                      // of the textbook law, relative
  bool in_codes = true;                          // its state may be kept in 8-bit codes
  std::size_t (*allocations)() = nullptr;        // how many the program has made so far, where it counts them
};

namespace laws {

using FirstOrder = std::function<double(const Eigen::VectorXd& x, Eigen::VectorXd& gradient)>;

/// How a rule as a method goes from x, for some steps.
struct Trajectory {
  std::vector<Eigen::VectorXd> x;
  TensorState state;
  double value = 0;
};

template <Rule R>
Trajectory minimizing(const R& rule, const FirstOrder& f, Eigen::VectorXd x, int steps) {
  const Lifted method{rule};
  Trajectory path;
  auto state = method.init(f, x);
  for (int t = 0; t < steps; ++t) {
    method.step(f, x, state);
    path.x.push_back(x);
  }
  path.state = state.memory.states[0];
  path.value = state.value;
  return path;
}

/// A rule, bound to parameters of three types, and as a method. The laws are compiled once for all of them.
struct Subject {
  std::string name;
  RuleExpectations expected;
  AnyRule<double> in_double;
  AnyRule<float> in_float;
  AnyRule<Eigen::bfloat16> in_bfloat16;
  std::optional<AnyRule<float>> in_codes;
  std::function<Trajectory(const FirstOrder& f, const Eigen::VectorXd& x, int steps)> minimize;
  std::vector<std::string> mistakes;  // in its members
  bool by_name;                       // tensors of other names have other rules
};

/// visit(part) for all that a rule consists of when composites are spelled out.
template <class R, class Visit>
void for_each_spelled_out(const R& rule, const Visit& visit) {
  for_each_part(rule, [&](const auto& part) {
    if constexpr (requires { part.chain(); })
      for_each_spelled_out(part.chain(), visit);
    else
      visit(part);
  });
}

template <bool in_codes, Rule R>
Subject subject_of(std::string name, const R& rule, RuleExpectations expected) {
  constexpr bool by_name = requires { rule.members; };
  const auto minimize = [rule](const FirstOrder& f, const Eigen::VectorXd& x, int steps) {
    return minimizing(rule, f, x, steps);
  };
  Subject subject{std::move(name), std::move(expected), rule, rule, rule, {}, minimize, {}, by_name};
  if constexpr (in_codes) subject.in_codes.emplace(with_state<LogarithmicCode>(rule));
  const auto add = [&](std::vector<std::string> mistakes) {
    for (std::string& mistake : mistakes) subject.mistakes.push_back(std::move(mistake));
  };
  for_each_rule(rule, [&](const auto& r) { add(member_mistakes<std::remove_cvref_t<decltype(r)>>()); });
  for_each_spelled_out(rule, [&]<class Part>(const Part&) { add(slot_mistakes<Part>()); });
  return subject;
}

}  // namespace laws
}  // namespace glissade
