// What a step is told besides gradients: the loss, the task, a curvature.
//
//     const double loss = loss_of_layer(W, b, dW, db);
//     optimizer.step(with(loss), dW, db);                              // a number alone is the loss
//     optimizer.step(with(TaskNumber{2}, MemoryGradient(rW, rb)), dW, db);   // one array for every parameter
//
// A rule says what it reads (rule/rule.hpp): a step that lacks what must be there, or is told what no rule of the chain
// reads, is refused with a sentence before anything moves. Rules behind a gate read what the step that opens it is
// told.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>

#include "../core/checks.hpp"

namespace glissade {

/// Of a rule: a number that its steps read.
struct Argument {
  std::string_view name;
  bool required = true;
};

/// Of a rule: a slot into which an array of the caller's goes before the step, slot <- keep slot + add array, where
/// keep and add are what the rule's fold(i) says, 0 and 1 without it.
struct GivenArray {
  std::string_view name;
  std::size_t slot;
  bool required = true;
  bool turned = true;  // has the sign of the objective: turned where the optimizer climbs
  int anchor = -1;     // a slot that becomes the parameters as they are, whenever the array is given
};

/// The value of the objective at the parameters, of the batch that the gradients are of. Where the optimizer climbs,
/// rules see it with its sign turned, as they do gradients.
struct LossValue {
  static constexpr std::string_view name = "loss";
  double value;
};
/// The number of the present task, from 0.
struct TaskNumber {
  static constexpr std::string_view name = "task";
  std::int64_t value;
};
/// The number of the present phase of the training, from 0.
struct PhaseNumber {
  static constexpr std::string_view name = "phase";
  std::int64_t value;
};
/// Any other number that a rule of one's own reads.
struct NamedNumber {
  std::string_view name;
  double value;
};
/// An array for every parameter, of its shape, in their order: expressions, numbers, ranges and no_gradient as for
/// gradients. Of a rule of one's own: NamedArrays("name", aW, ab).
template <class... G>
struct NamedArrays {
  std::string_view name;
  std::tuple<const G&...> arrays;

  explicit NamedArrays(std::string_view of, const G&... each) : name(of), arrays(each...) {}
};
/// Estimates of the diagonal of the Hessian.
template <class... G>
struct CurvatureEstimate : NamedArrays<G...> {
  explicit CurvatureEstimate(const G&... each) : NamedArrays<G...>("curvature", each...) {}
};
/// How much each coefficient matters for what has been learned: squared gradients, or the like.
template <class... G>
struct WeightImportance : NamedArrays<G...> {
  explicit WeightImportance(const G&... each) : NamedArrays<G...>("importance", each...) {}
};
/// The gradients of the loss on examples that are remembered.
template <class... G>
struct MemoryGradient : NamedArrays<G...> {
  explicit MemoryGradient(const G&... each) : NamedArrays<G...>("memory_gradient", each...) {}
};

/// The numbers of a step and the names of its arrays.
class ToldNumbers {
 public:
  void add(std::string_view name, double value) {
    if (find(name) != nullptr) throw std::invalid_argument("with: \"" + std::string(name) + "\" is given twice");
    if (size_ == told_.size())
      throw std::invalid_argument("with: more than " + std::to_string(size_) + " arguments of a step");
    told_[size_++] = {name, value};
  }
  [[nodiscard]] bool contains(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] double value(std::string_view name) const {
    const double* found = find(name);
    return found == nullptr ? std::numeric_limits<double>::quiet_NaN() : *found;
  }
  /// Calls use(name) for each.
  void for_each(const auto& use) const {
    for (std::size_t i = 0; i < size_; ++i) use(told_[i].name);
  }

 private:
  struct Told {
    std::string_view name;
    double value;
  };
  [[nodiscard]] const double* find(std::string_view name) const {
    for (std::size_t i = 0; i < size_; ++i)
      if (told_[i].name == name) return &told_[i].value;
    return nullptr;
  }
  std::array<Told, 8> told_{};
  std::size_t size_ = 0;
};

/// What with(...) makes, for one call of step.
template <class... A>
struct StepArguments {
  std::tuple<A...> each;
};

namespace detail {

inline double number_of(double value) { return value; }
inline double number_of(const LossValue& loss) { return loss.value; }
inline double number_of(const NamedNumber& number) { return number.value; }
inline double whole_number(std::string_view name, std::int64_t value) {
  require("with", name, static_cast<double>(value), Range{0, 9007199254740992.0});
  return static_cast<double>(value);
}
inline double number_of(const TaskNumber& task) { return whole_number(TaskNumber::name, task.value); }
inline double number_of(const PhaseNumber& phase) { return whole_number(PhaseNumber::name, phase.value); }
template <class... G>
double number_of(const NamedArrays<G...>&) {
  return std::numeric_limits<double>::quiet_NaN();
}

template <class A>
std::string_view name_of_argument(const A& argument) {
  if constexpr (std::is_arithmetic_v<A>)
    return LossValue::name;
  else
    return argument.name;
}

template <class R>
concept ReadsNumbers = requires {
  R::arguments;
};
template <class R>
concept ReadsArrays = requires {
  R::given;
};

}  // namespace detail

/// The arguments of a step, in front of its gradients. They are read at once: nothing is copied.
template <class... A>
[[nodiscard]] StepArguments<A...> with(const A&... arguments) {
  return {std::tuple<A...>(arguments...)};
}

}  // namespace glissade
