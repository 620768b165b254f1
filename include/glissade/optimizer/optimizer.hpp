// The optimizer: a rule bound to parameters, with its state.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "../rule/options.hpp"
#include "binding.hpp"

namespace glissade {

namespace detail {
template <StorageScalar P>
using Binder = Callback<BoundParameters<P>&>;
template <class R, StorageScalar P>
class OptimizerModel;  // any_optimizer.hpp
}  // namespace detail

struct OptimizerOptions {
  bool maximize = false;                  // climb instead of descend: the gradient's sign is turned
  int threads = 1;                        // >= 0, where the program is compiled with OpenMP; 0: all
  std::uint64_t seed = 0;                 // of rules that draw random numbers, and of stochastic rounding
  Rounding rounding = Rounding::nearest;  // of bfloat16 parameters; stochastic for no others
};

/// Binds a rule to parameters and keeps the rule's state.
///
///     Optimizer optimizer{AdamW{.learning_rate = 3e-4}, W, b};
///     optimizer.step(dW, db);
///
/// A parameter is any writable contiguous Eigen object, std::span, vector or array of numbers, a
/// single number, or a std::vector of such; named("W", W) gives it a name (otherwise "0", "1", ...).
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
class Optimizer {
 public:
  using Scalar = P;
  static constexpr int passes = glissade::passes<R>;

  template <class... X>
  explicit Optimizer(R rule, X&&... parameters) : rule_(std::move(rule)) {
    static_assert((!detail::is_temporary<X>() && ...),
                  "a temporary matrix or vector cannot be bound: it would be gone");
    (bound_.bind(parameters, {}), ...);
    begin();
  }

  template <class... X>
  Optimizer(R rule, OptimizerOptions options, X&&... parameters) : rule_(std::move(rule)), options_(options) {
    static_assert((!detail::is_temporary<X>() && ...),
                  "a temporary matrix or vector cannot be bound: it would be gone");
    (bound_.bind(parameters, {}), ...);
    begin();
  }

  /// One update of every parameter; gradients in the order of the parameters.
  template <class... G>
  void step(const G&... gradients) {
    begin_step();
    std::size_t k = 0;
    (bound_.read_gradient(gradients, options_.maximize, k), ...);
    finish_step(k);
  }

  /// The rule's options; they may be changed at any time and take effect in the next step.
  [[nodiscard]] R& rule() { return rule_; }
  [[nodiscard]] const R& rule() const { return rule_; }
  [[nodiscard]] OptimizerOptions& options() { return options_; }
  [[nodiscard]] const OptimizerOptions& options() const { return options_; }

  /// Updates applied so far: calls of step, less those that a gate held back.
  [[nodiscard]] std::int64_t steps() const { return bound_.engine.time(); }

  /// Forgets everything but the parameters and the options.
  void reset() {
    bound_.look_at_parameters();
    for (TensorState& state : bound_.engine.states) state = {};
    bound_.engine.shared.clear();
    bound_.engine.counts.clear();
    bound_.engine.calls = 0;
    bound_.engine.prepare(rule_);
  }

  /// The number of parameter tensors.
  [[nodiscard]] std::size_t size() const { return bound_.size(); }
  [[nodiscard]] const Tensor& tensor(std::size_t k) const { return bound_.tensor(k); }
  [[nodiscard]] const TensorState& state(std::size_t k) const { return bound_.engine.states.at(k); }

  /// Where parameter k lies now. Throws std::invalid_argument if its shape has changed.
  [[nodiscard]] P* parameter(std::size_t k) const { return bound_.parameter(k); }

  /// One array of the state, by the names of parameter and field: field("W", "first_moment").
  [[nodiscard]] const Field& field(std::string_view tensor, std::string_view name) const {
    for (std::size_t k = 0; k < size(); ++k)
      if (bound_.engine.tensors[k].name == tensor)
        for (const Fields& fields : bound_.engine.states[k].links)
          for (const Field& field : fields)
            if (field.name() == name) return field;
    throw std::invalid_argument("Optimizer::field: no \"" + std::string(name) + "\" of \"" + std::string(tensor) +
                                "\"");
  }

  /// A number that a rule keeps for the whole optimizer: shared("skipped"), for SkipNonFinite.
  [[nodiscard]] double shared(std::string_view name) const {
    const double* value = bound_.engine.template shared_number<R>(name);
    if (value == nullptr)
      throw std::invalid_argument("Optimizer::shared: no \"" + std::string(name) + "\" in " + detail::describe(rule_));
    return *value;
  }

  /// Bytes of the state of all tensors.
  [[nodiscard]] std::size_t state_bytes() const {
    std::size_t total = 0;
    for (const TensorState& state : bound_.engine.states) total += state.bytes();
    return total;
  }

  /// Throws std::invalid_argument if an option, the rule's or the optimizer's, is out of its range.
  void check_options() const {
    require("OptimizerOptions", "threads", options_.threads, range::non_negative);
    if (!std::is_same_v<P, Eigen::bfloat16> && options_.rounding != Rounding::nearest)
      throw std::invalid_argument(
          "OptimizerOptions: rounding = stochastic, must be nearest unless parameters are "
          "Eigen::bfloat16");
    detail::check_options(rule_, bound_.engine.time());
  }

  /// What files and tools see: the engine's tensors, states and counts.
  [[nodiscard]] detail::Engine<P>& engine() {
    bound_.look_at_parameters();
    return bound_.engine;
  }
  [[nodiscard]] const detail::Engine<P>& engine() const { return bound_.engine; }

 private:
  friend class detail::OptimizerModel<R, P>;

  Optimizer(R rule, OptimizerOptions options, const detail::Binder<P>& bind)
      : rule_(std::move(rule)), options_(options) {
    bind(bound_);
    begin();
  }
  void begin() {
    static_assert(
        detail::Facts<detail::flat_t<R>>::ends_in_order,
        "Ema, Swa, Lookahead and Asgd make or see the whole step: they stand at the end of the chain, behind the "
        "learning rate");
    bound_.check_names();
    check_options();
    bound_.engine.prepare(rule_);
  }
  void begin_step() {
    check_options();
    bound_.look_at_parameters();
  }
  void finish_step(std::size_t gradients) {
    if (gradients != size())
      throw std::invalid_argument("Optimizer::step: " + std::to_string(gradients) + " gradients for " +
                                  std::to_string(size()) + " parameters");
    bound_.engine.step(rule_, {resolve_threads(options_.threads), options_.seed, options_.rounding});
  }

  R rule_;
  OptimizerOptions options_ = {};
  detail::BoundParameters<P> bound_;
};

template <class R, class X, class... More>
Optimizer(R, X&&, More&&...) -> Optimizer<R, detail::scalar_of_t<X>>;
template <class R, class X, class... More>
Optimizer(R, OptimizerOptions, X&&, More&&...) -> Optimizer<R, detail::scalar_of_t<X>>;

}  // namespace glissade
