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

/// Is told the arrays that a rule wants for tensor k, and the link of each.
using WantedFields = FunctionRef<std::size_t, std::size_t, const FieldSpec&>;

template <StorageScalar P>
class ErasedOptimizer;

/// What a rule of unknown type can do.
template <StorageScalar P>
class ErasedRule {
 public:
  ErasedRule() = default;
  ErasedRule(const ErasedRule&) = delete;
  ErasedRule& operator=(const ErasedRule&) = delete;
  virtual ~ErasedRule() = default;

  [[nodiscard]] virtual std::unique_ptr<ErasedRule> clone() const = 0;
  [[nodiscard]] virtual std::unique_ptr<ErasedOptimizer<P>> bind(OptimizerOptions options,
                                                                 const Binder<P>& bind) const = 0;
  virtual RuleRef ref() = 0;

  // For files: the state that the rule wants.
  virtual void check(std::int64_t time) const = 0;
  virtual void prepare(RuleState<P>& memory, const std::vector<P*>& parameters) const = 0;
  virtual void visit_wanted(const RuleState<P>& memory, const WantedFields& wanted) const = 0;
  [[nodiscard]] virtual std::vector<Fields> shared() const = 0;
  [[nodiscard]] virtual bool gated() const = 0;
};

/// What an optimizer with an unknown rule can do.
template <StorageScalar P>
class ErasedOptimizer {
 public:
  ErasedOptimizer() = default;
  ErasedOptimizer(const ErasedOptimizer&) = delete;
  ErasedOptimizer& operator=(const ErasedOptimizer&) = delete;
  virtual ~ErasedOptimizer() = default;

  /// With what the workspace of the state says of parameters and gradients.
  virtual void run() = 0;
  virtual void reset() = 0;
  virtual void check_options() const = 0;
  virtual RuleRef rule() = 0;
  /// Of the same type.
  virtual void take_rule(ErasedRule<P>& rule) = 0;
  [[nodiscard]] virtual std::unique_ptr<ErasedRule<P>> copy_rule() const = 0;
  virtual OptimizerOptions& options() = 0;
  [[nodiscard]] virtual std::int64_t steps() const = 0;
  [[nodiscard]] virtual double shared(std::string_view name) const = 0;
  [[nodiscard]] virtual BoundParameters<P>& bound() = 0;
  [[nodiscard]] virtual const TensorState& state(std::size_t k) const = 0;
};

template <class R, StorageScalar P>
class RuleModel;

template <class R, StorageScalar P>
class OptimizerModel final : public ErasedOptimizer<P> {
 public:
  OptimizerModel(R rule, OptimizerOptions options, const Binder<P>& bind)
      : optimizer_(std::move(rule), options, bind) {}

  void run() override {
    optimizer_.check_options();
    detail::run(optimizer_.rule_, optimizer_.bound_.state, optimizer_.options_);
  }
  void reset() override { optimizer_.reset(); }
  void check_options() const override { optimizer_.check_options(); }
  RuleRef rule() override { return RuleRef::of(optimizer_.rule()); }
  void take_rule(ErasedRule<P>& rule) override {
    optimizer_.rule() = std::move(static_cast<RuleModel<R, P>&>(rule).rule());
  }
  [[nodiscard]] std::unique_ptr<ErasedRule<P>> copy_rule() const override {
    return std::unique_ptr<ErasedRule<P>>(new RuleModel<R, P>(optimizer_.rule()));
  }
  OptimizerOptions& options() override { return optimizer_.options(); }
  [[nodiscard]] std::int64_t steps() const override { return optimizer_.steps(); }
  [[nodiscard]] double shared(std::string_view name) const override { return optimizer_.shared(name); }
  [[nodiscard]] BoundParameters<P>& bound() override { return optimizer_.bound_; }
  [[nodiscard]] const TensorState& state(std::size_t k) const override { return optimizer_.state(k); }

 private:
  Optimizer<R, P> optimizer_;
};

template <class R, StorageScalar P>
class RuleModel final : public ErasedRule<P> {
 public:
  explicit RuleModel(R rule) : rule_(std::move(rule)) {}

  [[nodiscard]] std::unique_ptr<ErasedRule<P>> clone() const override {
    return std::unique_ptr<ErasedRule<P>>(new RuleModel(rule_));
  }
  [[nodiscard]] std::unique_ptr<ErasedOptimizer<P>> bind(OptimizerOptions options,
                                                         const Binder<P>& bind) const override {
    return std::unique_ptr<ErasedOptimizer<P>>(new OptimizerModel<R, P>(rule_, options, bind));
  }
  RuleRef ref() override { return RuleRef::of(rule_); }
  R& rule() { return rule_; }

  void check(std::int64_t time) const override { check_options(rule_, time); }
  void prepare(RuleState<P>& memory, const std::vector<P*>& parameters) const override {
    detail::prepare(rule_, memory, [&](std::size_t k) { return parameters[k]; });
  }
  void visit_wanted(const RuleState<P>& memory, const WantedFields& wanted) const override {
    const auto links = flatten<void>(rule_);
    for (std::size_t k = 0; k < memory.tensors.size(); ++k)
      if (!memory.states[k].at_rest())
        choose_leaves(links, memory.tensors[k], [&](const auto& leaves) {
          declare_leaves<compute_t<P>, P>(leaves, memory.tensors[k],
                                          [&](std::size_t link, const FieldSpec& spec) { wanted(k, link, spec); });
        });
  }
  [[nodiscard]] std::vector<Fields> shared() const override {
    std::vector<Fields> fields;
    prepare_shared<flat_t<R>>(fields);
    return fields;
  }
  [[nodiscard]] bool gated() const override { return traits_of<R>::gated; }

 private:
  R rule_;
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
      : model_(new detail::RuleModel<R, P>(std::move(rule))) {}
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
class AnyOptimizer {
 public:
  using Scalar = P;

  template <class R, class... X>
  requires Rule<R> || std::same_as<R, AnyRule<P>>
  explicit AnyOptimizer(R rule, X&&... parameters)
      : AnyOptimizer(std::move(rule), OptimizerOptions{}, std::forward<X>(parameters)...) {}

  template <class R, class... X>
  requires Rule<R> || std::same_as<R, AnyRule<P>> AnyOptimizer(R rule, OptimizerOptions options, X&&... parameters) {
    static_assert((!detail::is_temporary<X>() && ...),
                  "a temporary matrix or vector cannot be bound: it would be gone");
    const auto bind = [&](detail::BoundParameters<P>& bound) { (bound.bind(parameters), ...); };
    const detail::Binder<P> binder(bind);
    if constexpr (std::same_as<R, AnyRule<P>>)
      model_ = rule.model_->bind(options, binder);
    else
      model_.reset(new detail::OptimizerModel<R, P>(std::move(rule), options, binder));
  }

  /// One update of every parameter; gradients in the order of the parameters.
  template <class... G>
  void step(const G&... gradients) {
    detail::BoundParameters<P>& bound = model_->bound();
    const detail::ForgetAddresses forget(bound.state.workspace);
    bound.look_at_parameters();
    detail::GradientReader<P> reader(bound.state, options().maximize);
    (reader.read(gradients), ...);
    reader.check_count();
    model_->run();
  }

  void set(std::string_view option, double value) { detail::OptionList(model_->rule()).set(option, value); }
  /// As set, but a value out of range is refused by the next step only.
  void assign(std::string_view option, double value) { detail::OptionList(model_->rule()).assign(option, value); }
  /// The option as a number, a schedule at the next step; NaN where it is not set.
  [[nodiscard]] double get(std::string_view option) const {
    return detail::OptionList(model_->rule()).get(option, steps());
  }
  /// The options of every rule, with their ranges, defaults and values.
  [[nodiscard]] std::vector<RuleOption> rule_options() const { return detail::OptionList(model_->rule()).options; }
  [[nodiscard]] OptimizerOptions& options() { return model_->options(); }
  [[nodiscard]] const OptimizerOptions& options() const { return model_->options(); }

  /// Throws std::invalid_argument if an option, the rule's or the optimizer's, is out of its range.
  void check_options() const { model_->check_options(); }

  /// "chain(ClipByGlobalNorm, AdamW)"
  [[nodiscard]] std::string description() const { return model_->rule().description(); }
  /// How often a step reads the parameters.
  [[nodiscard]] int passes() const { return model_->rule().passes; }

  /// Updates applied so far: calls of step, less those that a gate held back.
  [[nodiscard]] std::int64_t steps() const { return model_->steps(); }
  /// Forgets everything but the parameters and the options.
  void reset() { model_->reset(); }

  /// Takes over what another optimizer of this rule, for tensors of these shapes, remembers; parameters and options
  /// stay. Throws std::invalid_argument if rule or shapes are others.
  void continue_from(const AnyOptimizer& other) {
    bool same = description() == other.description() && size() == other.size();
    for (std::size_t k = 0; same && k < size(); ++k)
      same = tensor(k).shape() == other.tensor(k).shape() && tensor(k).row_major == other.tensor(k).row_major;
    if (!same)
      throw std::invalid_argument("AnyOptimizer::continue_from: the other optimizer has another rule or other shapes");
    memory() = other.memory();
  }

  /// All that the rule remembers, a value; a change to it is one to the optimizer's memory.
  [[nodiscard]] RuleState<P>& memory() { return model_->bound().state; }
  [[nodiscard]] const RuleState<P>& memory() const { return model_->bound().state; }
  /// For files.
  [[nodiscard]] detail::ErasedOptimizer<P>& erased() { return *model_; }
  [[nodiscard]] const detail::ErasedOptimizer<P>& erased() const { return *model_; }

  [[nodiscard]] std::size_t size() const { return model_->bound().size(); }
  [[nodiscard]] const Tensor& tensor(std::size_t k) const { return memory().tensors.at(k); }
  [[nodiscard]] const TensorState& state(std::size_t k) const { return model_->state(k); }
  [[nodiscard]] P* parameter(std::size_t k) const { return model_->bound().parameter(k); }

  /// One array of the state, by the names of parameter and field: field("W", "first_moment").
  [[nodiscard]] const Field& field(std::string_view tensor_name, std::string_view name) const {
    for (std::size_t k = 0; k < size(); ++k)
      if (tensor(k).name == tensor_name)
        for (const Fields& fields : state(k).links)
          for (const Field& field : fields)
            if (field.name() == name) return field;
    throw std::invalid_argument("AnyOptimizer::field: no \"" + std::string(name) + "\" of \"" +
                                std::string(tensor_name) + "\"");
  }
  /// A number that a rule keeps for the whole optimizer: shared("skipped"), for SkipNonFinite.
  [[nodiscard]] double shared(std::string_view name) const { return model_->shared(name); }
  [[nodiscard]] std::size_t state_bytes() const {
    std::size_t total = 0;
    for (std::size_t k = 0; k < size(); ++k) total += state(k).bytes();
    return total;
  }

 private:
  std::unique_ptr<detail::ErasedOptimizer<P>> model_;
};

}  // namespace glissade
