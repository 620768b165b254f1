// The optimizer: a rule bound to parameters, with its state.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "stepper.hpp"

namespace glissade {

template <StorageScalar P>
class BoundRule;
template <StorageScalar P>
Eigen::ArrayXXd evaluation_parameters(const BoundRule<P>& optimizer, std::size_t k);  // optimizer/evaluation.hpp

/// What an optimizer does whatever its rule: parameters, their state and the optimizer's own options.
template <StorageScalar P>
class BoundRule {
 public:
  using Scalar = P;

  /// One update of every parameter; gradients in the order of the parameters.
  template <class... G>
  void step(const G&... gradients) {
    step_with([&] { detail::run(rule_view_, bound_.state, options_); }, gradients...);
  }
  /// The same with what the rule reads besides gradients: step(with(loss), dW, db), see rule/arguments.hpp.
  /// Throws std::invalid_argument where the rule reads what is missing, or does not read what is there.
  template <class... A, class... G>
  void step(const StepArguments<A...>& arguments, const G&... gradients) {
    step_with([&] { detail::run(rule_view_, bound_.state, options_, arguments); }, gradients...);
  }

  [[nodiscard]] OptimizerOptions& options() { return options_; }
  [[nodiscard]] const OptimizerOptions& options() const { return options_; }

  /// Updates applied so far: calls of step, less those that a gate held back.
  [[nodiscard]] std::int64_t steps() const { return memory().counts.updates; }

  /// Forgets everything but the parameters and the options.
  void reset() {
    for (TensorState& tensor : memory().states) tensor = {};
    memory().shared.clear();
    memory().counts = {};
    prepare();
  }
  /// Forgets what belongs to parameter k: it begins anew with the next step, also after a rest.
  void reset(std::size_t k) {
    memory().states.at(k) = {};
    prepare();
  }
  /// Leaves parameter k alone from now on, whatever gradient there is, and gives its arrays back, until reset(k).
  void rest(std::size_t k) {
    TensorState& state = memory().states.at(k);
    state = TensorState::resting();
    state.links.resize(memory().shared.size());
  }

  /// The number of parameter tensors.
  [[nodiscard]] std::size_t size() const { return bound_.size(); }
  [[nodiscard]] const Tensor& tensor(std::size_t k) const { return memory().tensors.at(k); }
  [[nodiscard]] const TensorState& state(std::size_t k) const { return memory().states.at(k); }

  /// All that the rule remembers, a value; a change to it is one to the optimizer's memory.
  [[nodiscard]] RuleState<P>& memory() { return bound_.state; }
  [[nodiscard]] const RuleState<P>& memory() const { return bound_.state; }

  /// Where parameter k lies now. Throws std::invalid_argument if its shape has changed.
  [[nodiscard]] P* parameter(std::size_t k) const { return bound_.parameter(k); }

  /// One array of the state, by the names of parameter and field: field("W", "first_moment").
  [[nodiscard]] const Field& field(std::string_view tensor, std::string_view name) const {
    for (std::size_t k = 0; k < size(); ++k)
      if (memory().tensors[k].name == tensor)
        for (const Fields& fields : memory().states[k].links)
          for (const Field& field : fields)
            if (field.name() == name) return field;
    throw std::invalid_argument("Optimizer::field: no \"" + std::string(name) + "\" of \"" + std::string(tensor) +
                                "\"");
  }

  /// A number that a rule keeps for the whole optimizer: shared("skipped"), for SkipNonFinite.
  [[nodiscard]] double shared(std::string_view name) const {
    const double* value = detail::shared_number(*rule_view_.table, memory(), name);
    if (value == nullptr)
      throw std::invalid_argument("Optimizer::shared: no \"" + std::string(name) + "\" in " + description());
    return *value;
  }

  /// Bytes of the state of all tensors.
  [[nodiscard]] std::size_t state_bytes() const { return memory().bytes(); }

  /// "chain(ClipByGlobalNorm, AdamW)"
  [[nodiscard]] std::string description() const { return rule_view_.description(); }

  /// Throws std::invalid_argument if an option, the rule's or the optimizer's, is out of its range.
  void check_options() const { detail::check_all_options(rule_view_, options_, memory()); }

 protected:
  explicit BoundRule(const OptimizerOptions& options) : options_(options) {}
  BoundRule(BoundRule&&) = default;
  BoundRule& operator=(BoundRule&&) = default;
  ~BoundRule() = default;

  /// When the rule has its place.
  template <class... X>
  void begin(const detail::RuleView<P>& rule, X&... parameters) {
    rule_view_ = rule;
    (bound_.bind(parameters), ...);
    bound_.check();
    check_options();
    prepare();
  }
  void prepare() {
    bound_.look_at_parameters();
    const detail::ForgetAddresses forget(memory().workspace);
    detail::prepare(rule_view_, memory(), memory().workspace.parameters);
  }
  /// Calls run when the workspace tells where parameters and gradients lie.
  template <class Run, class... G>
  void step_with(const Run& run, const G&... gradients) {
    check_options();
    const detail::ForgetAddresses forget(memory().workspace);
    bound_.look_at_parameters();
    detail::GradientReader<P> reader(memory(), options_.maximize);
    (reader.read(gradients), ...);
    reader.check_count();
    run();
  }

  detail::RuleView<P> rule_view_ = {};  // where a derived class keeps it

 private:
  friend Eigen::ArrayXXd evaluation_parameters<P>(const BoundRule& optimizer, std::size_t k);

  OptimizerOptions options_;
  detail::BoundParameters<P> bound_;
};

namespace detail {
/// What a compiler names where an Optimizer would be copied or moved.
struct HoldsAddressesSoHoldARuleStateAndCallStep {
  HoldsAddressesSoHoldARuleStateAndCallStep() = default;
  HoldsAddressesSoHoldARuleStateAndCallStep(const HoldsAddressesSoHoldARuleStateAndCallStep&) = delete;
  HoldsAddressesSoHoldARuleStateAndCallStep& operator=(const HoldsAddressesSoHoldARuleStateAndCallStep&) = delete;
};
}  // namespace detail

/// Binds a rule to parameters and keeps the rule's state.
///
///     Optimizer optimizer{AdamW{.learning_rate = 3e-4}, W, b};
///     optimizer.step(dW, db);
///
/// A parameter is any writable contiguous Eigen object, std::span, vector or array of numbers, a
/// single number, or a std::vector of such; named("W", W) gives it a name (otherwise "0", "1", ...).
/// A layer, or whatever else lists its parameters, stands for all of them: Optimizer{AdamW{}, layer}.
/// It is used where it lies, like anything that is bound to a reference: it must outlive the optimizer
/// and keep its shape. (A matrix or vector may be assigned to; a Map, block or span fixes the memory.)
/// All parameters of one optimizer have one scalar type: float, double, Eigen::bfloat16 or
/// Eigen::half; 16-bit parameters are computed in float.
///
/// A gradient is anything of the same shape, expressions included, or `no_gradient`. It is never
/// modified and not looked at after step returns.
///
/// Throws std::invalid_argument for an option out of its range and for shapes that do not match,
/// before anything is touched.
template <class R, StorageScalar P>
class Optimizer : public BoundRule<P>, detail::HoldsAddressesSoHoldARuleStateAndCallStep {
  static_assert(Rule<R>,
                "the first argument of an Optimizer is a rule, such as Adam{}, or a chain of rules; a method "
                "such as Lbfgs{} minimizes a function: minimize(f, x, Lbfgs{})");

 public:
  static constexpr int passes = glissade::passes<R>;

  template <class... X>
  explicit Optimizer(R rule, X&&... parameters) : Optimizer(std::move(rule), OptimizerOptions{}, parameters...) {
    static_assert((!is_temporary<X>() && ...), "a temporary matrix or vector cannot be bound: it would be gone");
  }

  template <class... X>
  Optimizer(R rule, OptimizerOptions options, X&&... parameters) : BoundRule<P>(options), rule_(std::move(rule)) {
    static_assert((!is_temporary<X>() && ...), "a temporary matrix or vector cannot be bound: it would be gone");
    if constexpr (Rule<R>) this->begin(detail::view_of<P>(rule_), parameters...);
  }

  /// The rule's options; they may be changed at any time and take effect in the next step.
  [[nodiscard]] R& rule() { return rule_; }
  [[nodiscard]] const R& rule() const { return rule_; }

 private:
  template <class, class, StorageScalar>
  friend class BlockOptimizer;

  R rule_;
};

template <class R, class X, class... More>
Optimizer(R, X&&, More&&...) -> Optimizer<R, detail::scalar_of_t<X>>;
template <class R, class X, class... More>
Optimizer(R, OptimizerOptions, X&&, More&&...) -> Optimizer<R, detail::scalar_of_t<X>>;

}  // namespace glissade
