// The optimizer: a rule bound to parameters, with its state.
#pragma once

#include <initializer_list>
#include <string>
#include <tuple>
#include <utility>

#include "engine.hpp"
#include "options.hpp"

namespace glissade {

struct OptimizerOptions {
  bool maximize = false;   // climb instead of descend: the gradient's sign is turned
  int threads = 1;         // where the program is compiled with OpenMP; 0: all
  std::uint64_t seed = 0;  // of rules that draw random numbers, and of stochastic rounding
  Rounding rounding = Rounding::nearest;  // of bfloat16 parameters
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
  explicit Optimizer(R rule, X&&... parameters)
      : Optimizer(std::move(rule), OptimizerOptions{}, std::forward<X>(parameters)...) {}

  template <class... X>
  Optimizer(R rule, OptimizerOptions options, X&&... parameters)
      : rule_(std::move(rule)), options_(options) {
    static_assert((!is_temporary<X>() && ...), "a temporary matrix or vector cannot be bound: it would be gone");
    (bind(parameters, {}), ...);
    check_names();
    check_options();
    engine_.prepare(rule_);
  }

  /// One update of every parameter; gradients in the order of the parameters.
  template <class... G>
  void step(const G&... gradients) {
    check_options();
    look_at_parameters();
    std::size_t k = 0;
    (read_gradient(gradients, k), ...);
    if (k != size())
      throw std::invalid_argument("Optimizer::step: " + std::to_string(k) + " gradients for " +
                                  std::to_string(size()) + " parameters");
    engine_.step(rule_, {resolve_threads(options_.threads), options_.seed, options_.rounding});
  }

  /// The rule's options; they may be changed at any time and take effect in the next step.
  [[nodiscard]] R& rule() { return rule_; }
  [[nodiscard]] const R& rule() const { return rule_; }
  [[nodiscard]] OptimizerOptions& options() { return options_; }
  [[nodiscard]] const OptimizerOptions& options() const { return options_; }

  /// Updates applied so far: calls of step, less those that a gate held back.
  [[nodiscard]] std::int64_t steps() const { return engine_.time(); }

  /// Forgets everything but the parameters and the options.
  void reset() {
    look_at_parameters();
    for (TensorState& state : engine_.states) state = {};
    engine_.shared.clear();
    engine_.counts.clear();
    engine_.calls = 0;
    engine_.prepare(rule_);
  }

  /// The number of parameter tensors.
  [[nodiscard]] std::size_t size() const { return engine_.tensors.size(); }
  [[nodiscard]] const Tensor& tensor(std::size_t k) const { return engine_.tensors.at(k); }
  [[nodiscard]] const TensorState& state(std::size_t k) const { return engine_.states.at(k); }

  /// Where parameter k lies now. Throws std::invalid_argument if its shape has changed.
  [[nodiscard]] P* parameter(std::size_t k) const {
    const Binding& binding = bindings_.at(k);
    if (binding.object == nullptr) return engine_.parameters[k];
    const Place now = binding.look(binding.object);
    const Tensor& tensor = engine_.tensors[k];
    if (now.rows != tensor.rows || now.cols != tensor.cols)
      throw std::invalid_argument("Optimizer::step: parameter \"" + tensor.name + "\" is now " +
                                  std::to_string(now.rows) + " x " + std::to_string(now.cols) +
                                  ", was bound as " + tensor.shape());
    return now.data;
  }

  /// One array of the state, by the names of parameter and field: field("W", "first_moment").
  [[nodiscard]] const Field& field(std::string_view tensor, std::string_view name) const {
    for (std::size_t k = 0; k < size(); ++k)
      if (engine_.tensors[k].name == tensor)
        for (const Fields& fields : engine_.states[k].links)
          for (const Field& field : fields)
            if (field.name() == name) return field;
    throw std::invalid_argument("Optimizer::field: no \"" + std::string(name) + "\" of \"" +
                                std::string(tensor) + "\"");
  }

  /// A number that a rule keeps for the whole optimizer: shared("skipped"), for SkipNonFinite.
  [[nodiscard]] double shared(std::string_view name) const {
    const double* value = engine_.template shared_number<R>(name);
    if (value == nullptr)
      throw std::invalid_argument("Optimizer::shared: no \"" + std::string(name) + "\" in " +
                                  detail::describe(rule_));
    return *value;
  }

  /// Bytes of the state of all tensors.
  [[nodiscard]] std::size_t state_bytes() const {
    std::size_t total = 0;
    for (const TensorState& state : engine_.states) total += state.bytes();
    return total;
  }

  /// Throws std::invalid_argument if an option of the rule is out of its range.
  void check_options() const { detail::check_options(rule_, engine_.time()); }

  /// What files and tools see: the engine's tensors, states and counts.
  [[nodiscard]] detail::Engine<P>& engine() {
    look_at_parameters();
    return engine_;
  }
  [[nodiscard]] const detail::Engine<P>& engine() const { return engine_; }

 private:
  using T = compute_t<P>;

  /// An object that owns its memory, handed over as an rvalue.
  template <class X>
  static constexpr bool is_temporary() {
    using Plain = std::remove_cvref_t<X>;
    if constexpr (std::is_lvalue_reference_v<X>)
      return false;
    else if constexpr (detail::is_named<Plain>)
      return is_temporary<decltype(Plain::value)>();
    else if constexpr (detail::EigenDense<Plain>)
      return std::is_base_of_v<Eigen::PlainObjectBase<Plain>, Plain>;
    else
      return detail::Scalar<Plain> || requires(Plain& x) { x.shrink_to_fit(); };
  }

  template <class X>
  void bind(X&& x, const std::string& name) {
    using Plain = std::remove_cvref_t<X>;
    if constexpr (detail::is_named<Plain>) {
      bind(x.value, x.name);
    } else if constexpr (detail::EigenDense<Plain>) {
      static_assert(detail::EigenDirect<Plain>, "a parameter is a matrix, vector, block or Map, not an expression");
      static_assert(!std::is_const_v<std::remove_pointer_t<decltype(x.data())>>,
                    "a parameter must be writable");
      if (!detail::is_contiguous(x))
        throw std::invalid_argument(
            "Optimizer: parameter \"" + own_name(name) + "\" of shape " + std::to_string(x.rows()) +
            " x " + std::to_string(x.cols()) + " has strides " + std::to_string(x.innerStride()) +
            " and " + std::to_string(x.outerStride()) + ", must be contiguous: strides 1 and " +
            std::to_string(x.innerSize()));
      add(name, x.data(), x.rows(), x.cols(), detail::rank_of<Plain>(), Plain::IsRowMajor);
      if constexpr (std::is_base_of_v<Eigen::PlainObjectBase<Plain>, Plain>)
        bindings_.back() = {&x, [](void* object) {
                              auto& now = *static_cast<Plain*>(object);
                              return Place{now.data(), now.rows(), now.cols()};
                            }};
    } else if constexpr (detail::Scalar<Plain>) {
      add(name, &x, 1, 1, 0, false);
    } else if constexpr (detail::ScalarRange<Plain>) {
      const std::span values(x);
      add(name, values.data(), static_cast<Index>(values.size()), 1, 1, false);
      if constexpr (requires { x.shrink_to_fit(); })
        bindings_.back() = {&x, [](void* object) {
                              auto& now = *static_cast<Plain*>(object);
                              return Place{now.data(), static_cast<Index>(now.size()), 1};
                            }};
    } else {
      static_assert(detail::TensorRange<Plain>,
                    "a parameter is an Eigen object, a span or vector of numbers, a number, or a "
                    "vector of such");
      std::size_t i = 0;
      for (auto& element : x)
        bind(element, name.empty() ? name : name + "." + std::to_string(i++));
    }
  }

  [[nodiscard]] std::string own_name(const std::string& name) const {
    return name.empty() ? std::to_string(size()) : name;
  }

  template <class S>
  void add(const std::string& name, S* data, Index rows, Index cols, int rank, bool row_major) {
    static_assert(!std::is_const_v<S>, "a parameter must be writable");
    static_assert(std::is_same_v<std::remove_const_t<S>, P>,
                  "all parameters of one optimizer have the same scalar type");
    engine_.add(Tensor{own_name(name), rows, cols, rank, row_major}, data);
    copies_.emplace_back();
    bindings_.emplace_back();
  }

  /// Where a parameter lies now; a matrix that was assigned to may have got other memory.
  struct Place {
    P* data;
    Index rows;
    Index cols;
  };
  struct Binding {
    void* object = nullptr;  // null: a view, which cannot change
    Place (*look)(void*) = nullptr;
  };
  void look_at_parameters() {
    for (std::size_t k = 0; k < size(); ++k) engine_.parameters[k] = parameter(k);
  }

  void check_names() const {
    for (std::size_t a = 0; a < size(); ++a)
      for (std::size_t b = a + 1; b < size(); ++b)
        if (tensor(a).name == tensor(b).name)
          throw std::invalid_argument("Optimizer: two parameters are named \"" + tensor(a).name + "\"");
  }

  template <class G>
  void read_gradient(const G& gradient, std::size_t& k) {
    if constexpr (detail::is_named<G>) {
      read_gradient(gradient.value, k);
    } else if constexpr (detail::TensorRange<const G>) {
      for (const auto& element : gradient) read_gradient(element, k);
    } else {
      if (k < size()) read_one(gradient, k);
      ++k;
    }
  }

  template <class G>
  void read_one(const G& gradient, std::size_t k) {
    const Tensor& tensor = engine_.tensors[k];
    detail::Source& source = engine_.sources[k];
    if constexpr (std::is_same_v<G, NoGradient>) {
      source = {};
      return;
    } else if constexpr (detail::Scalar<G>) {
      check_shape(tensor, 1, 1);
      source = own_copy(k, &gradient, 1);
    } else if constexpr (detail::EigenDense<G>) {
      check_shape(tensor, gradient.rows(), gradient.cols());
      source = from_eigen(gradient, k);
    } else {
      static_assert(detail::ScalarRange<const G>, "a gradient has the shape of its parameter");
      const std::span values(gradient);
      check_shape(tensor, static_cast<Index>(values.size()), 1);
      source = from_memory(values.data(), static_cast<Index>(values.size()), k);
    }
    source.present = true;
    source.negate = options_.maximize;
  }

  static void check_shape(const Tensor& tensor, Index rows, Index cols) {
    if (rows != tensor.rows || cols != tensor.cols)
      throw std::invalid_argument("Optimizer::step: gradient of \"" + tensor.name + "\" is " +
                                  std::to_string(rows) + " x " + std::to_string(cols) +
                                  ", its parameter " + tensor.shape());
  }

  template <class G>
  detail::Source from_eigen(const G& gradient, std::size_t k) {
    const Tensor& tensor = engine_.tensors[k];
    if constexpr (detail::EigenDirect<G>) {
      const bool same_order = static_cast<bool>(G::IsRowMajor) == tensor.row_major ||
                              tensor.rows == 1 || tensor.cols == 1;
      if (same_order && detail::is_contiguous(gradient))
        return from_memory(gradient.data(), gradient.size(), k);
    }
    T* copy = copy_of(k);
    using ColMajor = Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
    using RowMajor = Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    if (tensor.row_major)
      Eigen::Map<RowMajor>(copy, tensor.rows, tensor.cols) = gradient.array().template cast<T>();
    else
      Eigen::Map<ColMajor>(copy, tensor.rows, tensor.cols) = gradient.array().template cast<T>();
    return {copy, true};
  }

  /// The gradient where it lies if the sweep can read its scalar type, else a copy.
  template <class S>
  detail::Source from_memory(const S* values, Index size, std::size_t k) {
    if constexpr (std::is_same_v<S, T>)
      return {values, true};
    else if constexpr (std::is_same_v<S, P>)
      return {values, false};
    else
      return own_copy(k, values, size);
  }

  template <class S>
  detail::Source own_copy(std::size_t k, const S* values, Index size) {
    T* copy = copy_of(k);
    for (Index i = 0; i < size; ++i) copy[i] = detail::convert<T>(values[i]);
    return {copy, true};
  }

  T* copy_of(std::size_t k) {
    copies_[k].reserve(static_cast<std::size_t>(engine_.tensors[k].size()) * sizeof(T));
    return reinterpret_cast<T*>(copies_[k].data());
  }

  R rule_;
  OptimizerOptions options_;
  detail::Engine<P> engine_;
  std::vector<Binding> bindings_;
  std::vector<Buffer> copies_;  // gradients that had to be evaluated or converted
};

template <class R, class X, class... More>
Optimizer(R, X&&, More&&...) -> Optimizer<R, detail::scalar_of_t<X>>;
template <class R, class X, class... More>
Optimizer(R, OptimizerOptions, X&&, More&&...) -> Optimizer<R, detail::scalar_of_t<X>>;

}  // namespace glissade
