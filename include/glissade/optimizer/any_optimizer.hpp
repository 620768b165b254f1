// An optimizer whose rule is chosen while the program runs.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "named_options.hpp"
#include "optimizer.hpp"

namespace glissade {

namespace detail {

/// A rule of unknown type that can be copied.
template <StorageScalar P>
class ErasedRule {
 public:
  ErasedRule() = default;
  ErasedRule(const ErasedRule&) = delete;
  ErasedRule& operator=(const ErasedRule&) = delete;
  virtual ~ErasedRule() = default;

  [[nodiscard]] virtual std::unique_ptr<ErasedRule> clone() const = 0;
  [[nodiscard]] virtual RuleView<P> view() const = 0;
  [[nodiscard]] virtual RuleRef ref() = 0;
};

template <class R, StorageScalar P>
class RuleModel final : public ErasedRule<P> {
 public:
  explicit RuleModel(R r) : rule(std::move(r)) {}
  [[nodiscard]] std::unique_ptr<ErasedRule<P>> clone() const override { return std::make_unique<RuleModel>(rule); }
  [[nodiscard]] RuleView<P> view() const override { return view_of<P>(rule); }
  [[nodiscard]] RuleRef ref() override { return RuleRef::of(rule); }

  R rule;
};

}  // namespace detail

/// A rule or chain whose type is forgotten: a value that copies, and is bound to parameters of type P by
/// AnyOptimizer as often as wanted.
///
///     AnyRule<float> rule = fast ? AnyRule<float>(Lion{}) : AnyRule<float>(chain(ClipByGlobalNorm{}, AdamW{}));
///     rule.set("learning_rate", 1e-4);
///
/// Options have the names that messages use, "AdamW.beta1", or "beta1" where one rule of the chain alone has an option
/// of that name. Throws std::invalid_argument for a name that is unknown, with the nearest ones, or that several rules
/// have, with these, and for a value out of range; then nothing has changed.
template <StorageScalar P>
class AnyRule {
 public:
  template <Rule R>
  AnyRule(R rule)  // NOLINT: implicit, as every rule is one
      : model_(std::make_unique<detail::RuleModel<R, P>>(std::move(rule))) {}
  AnyRule(const AnyRule& other) : model_(other.model_->clone()) {}
  AnyRule(AnyRule&&) noexcept = default;
  AnyRule& operator=(const AnyRule& other) {
    model_ = other.model_->clone();
    return *this;
  }
  AnyRule& operator=(AnyRule&&) noexcept = default;
  ~AnyRule() = default;

  void set(std::string_view option, double value) { detail::OptionList(model_->ref()).set(option, value); }
  /// As set, but a value out of range is refused by the next step only, like one that is written into
  /// Optimizer::rule().
  void assign(std::string_view option, double value) { detail::OptionList(model_->ref()).assign(option, value); }
  /// The option as a number, a schedule at step 0; NaN where it is not set.
  [[nodiscard]] double get(std::string_view option) const { return detail::OptionList(model_->ref()).get(option, 0); }
  [[nodiscard]] std::vector<RuleOption> options() const { return detail::OptionList(model_->ref()).options; }
  [[nodiscard]] std::string description() const { return model_->ref().description(); }
  [[nodiscard]] int passes() const { return model_->ref().passes; }

 private:
  template <StorageScalar>
  friend class AnyOptimizer;
  std::unique_ptr<detail::ErasedRule<P>> model_;
};

/// An optimizer that holds any rule or chain, chosen while the program runs. It does what Optimizer does, to the bit;
/// a step makes one virtual call more, and nothing is slower per coefficient.
///
///     AnyOptimizer<float> any{AdamW{.learning_rate = 3e-4}, W, b};      // or an AnyRule<float>
///     any.step(dW, db);
///     any.set("weight_decay", 0.1);                                     // from the next step on
///
/// It moves, and is not copied. What is said of parameters, gradients and errors at Optimizer, and of the names of
/// options at AnyRule, holds here too. Every rule that a program makes one of is compiled whole.
template <StorageScalar P>
class AnyOptimizer : public BoundRule<P> {
 public:
  template <class R, class... X>
  requires Rule<R> || std::same_as<R, AnyRule<P>>
  explicit AnyOptimizer(R rule, X&&... parameters)
      : AnyOptimizer(std::move(rule), OptimizerOptions{}, std::forward<X>(parameters)...) {}

  template <class R, class... X>
  requires Rule<R> || std::same_as<R, AnyRule<P>> AnyOptimizer(R rule, OptimizerOptions options, X&&... parameters)
      : BoundRule<P>(options), rule_(AnyRule<P>(std::move(rule)).model_) {
    static_assert((!is_temporary<X>() && ...), "a temporary matrix or vector cannot be bound: it would be gone");
    this->begin(rule_->view(), parameters...);
  }

  void set(std::string_view option, double value) { list().set(option, value); }
  /// As set, but a value out of range is refused by the next step only.
  void assign(std::string_view option, double value) { list().assign(option, value); }
  /// The option as a number, a schedule at the next step; NaN where it is not set.
  [[nodiscard]] double get(std::string_view option) const { return list().get(option, this->steps()); }
  /// The options of every rule, with their ranges, defaults and values.
  [[nodiscard]] std::vector<RuleOption> rule_options() const { return list().options; }

  /// How often a step reads the parameters.
  [[nodiscard]] int passes() const { return rule_->ref().passes; }

  /// Takes over what another optimizer of this rule, for tensors of these shapes, remembers; parameters and options
  /// stay. Throws std::invalid_argument if rule or shapes are others.
  void continue_from(const AnyOptimizer& other) {
    bool same = this->description() == other.description() && this->size() == other.size();
    for (std::size_t k = 0; same && k < this->size(); ++k)
      same =
          this->tensor(k).shape() == other.tensor(k).shape() && this->tensor(k).row_major == other.tensor(k).row_major;
    if (!same)
      throw std::invalid_argument("AnyOptimizer::continue_from: the other optimizer has another rule or other shapes");
    this->memory() = other.memory();
  }

  /// For files: the rule, and another one of its type in its place.
  [[nodiscard]] const detail::ErasedRule<P>& erased() const { return *rule_; }
  void take_rule(std::unique_ptr<detail::ErasedRule<P>> rule) {
    rule_ = std::move(rule);
    this->rule_view_ = rule_->view();
  }

 private:
  [[nodiscard]] detail::OptionList list() const { return detail::OptionList(rule_->ref()); }

  std::unique_ptr<detail::ErasedRule<P>> rule_;
};

}  // namespace glissade
