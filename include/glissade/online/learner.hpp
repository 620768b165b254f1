// What a learner is. Everything that an author of a new one needs to know is on this page.
//
// A learner decides in every round, is then told how the round went, and is to lose over all rounds little more than
// the best fixed decision in hindsight: that difference is its regret. It is a class that owns all it remembers, a
// value that copies and moves, with members
//
//   name     static constexpr std::string_view, for messages and files
//   a constructor from an aggregate of options, which has `options`, and `check` where options contradict each other
//            (rule/rule.hpp); what the round is about, such as a start or a number of arms, comes after it
//   visit    static void visit(auto& self, auto&& field): field("theta", self.theta_) for every member that matters
//            later, whole numbers with the bounds that keep them valid: field("rounds", self.rounds_, 0, most_rounds).
//            save(learner, path) and load(learner, path) of io/method_state.hpp then go on bit for bit
// and one of these ways to talk:
//
//   GradientLearner   play() is a point; learn(g) takes the gradient of the round's loss there. Learners of weights for
//                     experts are such: g holds the experts' losses
//   BanditLearner     play() is the number of an arm; learn(loss) takes the loss of that arm alone
//   ExampleLearner    predict(a) is what it says of features a; learn(a, y) takes what was right
//   DelayedLearner    predict() is a Prediction with a number of its own; feedback(id, g) takes the gradient at it
//                     whenever it comes, in any order
// Some take more than one way, such as learn(a, y, importance).
//
// play() changes nothing and says the same until the next learn. What is drawn at random is a function of the seed and
// the round. learn() checks what it is told before anything is touched: sizes and finite numbers, with std::
// invalid_argument that names them. A loss that does not depend on the decision (g = 0) moves nothing but counters.
// What is played lies in the learner's set in every round, also the first.
#pragma once

#include <Eigen/Core>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "../core/checks.hpp"
#include "../rule/options.hpp"

namespace glissade {

using Index = Eigen::Index;

inline constexpr std::int64_t most_rounds = std::int64_t{1} << 53;

template <class L>
concept GradientLearner = requires(L& learner, const L& asked, const Eigen::VectorXd& gradient) {
  { asked.play() } -> std::convertible_to<const Eigen::VectorXd&>;
  learner.learn(gradient);
};
template <class L>
concept BanditLearner = requires(L& learner, const L& asked, double loss) {
  { asked.play() } -> std::convertible_to<Index>;
  learner.learn(loss);
};
template <class L>
concept ExampleLearner = requires(L& learner, const L& asked, const Eigen::VectorXd& features, double label) {
  { asked.predict(features) } -> std::convertible_to<double>;
  learner.learn(features, label);
};

/// What a DelayedLearner has played, and the number by which its feedback is told.
struct Prediction {
  std::int64_t id;
  Eigen::VectorXd x;
};
template <class L>
concept DelayedLearner = requires(L& learner, std::int64_t id, const Eigen::VectorXd& gradient) {
  { learner.predict() } -> std::same_as<Prediction>;
  learner.feedback(id, gradient);
};

// --- For authors ------------------------------------------------------------------------------------

/// Throws std::invalid_argument unless a vector has the size and is finite: "Hedge: losses[3] = nan, must be ...".
inline void require_vector(std::string_view owner, std::string_view what,
                           const Eigen::Ref<const Eigen::VectorXd>& numbers, Index size) {
  if (numbers.size() != size)
    throw std::invalid_argument(std::string(owner) + ": " + std::string(what) + " has " +
                                std::to_string(numbers.size()) + " coefficients, must have " + std::to_string(size));
  if (numbers.allFinite()) return;
  for (Index i = 0; i < size; ++i)
    require(owner, std::string(what) + "[" + std::to_string(i) + "]", numbers[i], range::finite);
}

/// Throws std::invalid_argument at the first option out of its range.
template <class Options>
void check_learner(const Options& options) {
  visit_options(options, CheckOption{Options::name, 0});
  if constexpr (requires { options.check(); }) options.check();
}

}  // namespace glissade
