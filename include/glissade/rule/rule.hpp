// What a rule is. Everything that an author of a new rule needs to know is on this page.
//
// A rule is an aggregate of options. The engine holds its state, walks over memory and calls
//     auto kernel(const Step& step) const
// once a step for every tensor. It returns a generic lambda over lanes
//     (auto& u, const auto& x, auto& slot...)
// that turns the incoming update u (the gradient, at the head of a chain) into the outgoing one; x
// is the parameter before the step and the slots are the rule's own arrays, read before and written
// after the call; a lambda that needs only the first slots takes only these, one that needs no parameter
// either takes u alone. At the end of the chain the engine adds u to the parameter. Members:
//
//   name      static constexpr std::string_view, for messages and files
//   options   static void options(auto& self, auto&& visit): visit("beta1", self.beta1, range::decay)
//   slots     static constexpr std::array<std::string_view, N>: arrays of the parameter's shape
//   non_negative  static constexpr std::array<bool, N>: slots that are never negative, for 8-bit codes
//   uncoded   static constexpr std::array<bool, N>: slots that 8-bit codes are too coarse for, such as copies or
//             means of parameters; they stay in the compute scalar where the state is coded
//   initial   double initial(std::size_t slot) const, or `from_parameters`; zero without it
//   scalars   static constexpr std::array<NamedScalar, N>: numbers of a tensor, step.scalar(i)
//   shared    static constexpr std::array<NamedScalar, N>: numbers of the optimizer, step.shared(i)
//   rests     bool rests() const: a zero update passes as zero and leaves the slots; false without it
//   ends_chain  static constexpr bool true: u is the whole step; only rules that end a chain too may follow
//   indexed   static constexpr bool true: the lambda takes the index of its first coefficient first
//
// A rule that needs a sum over the tensor or over all tensors is a barrier. It also has
//   reduction static constexpr Reduction: over_tensor or over_all
//   sums      static constexpr int: how many sums
//   measure   auto measure(const Step&) const: a lambda of the same arguments, u not to be changed, that
//             returns terms(wide, ...), to be summed in double
//   kernel    auto kernel(const Step&, const double* sums) const
//   sees      bool sees(const Tensor&) const, of one over all tensors: the others have none of its slots, add
//             zeros to its sums and keep their update; without it, it sees them all
// Each barrier costs one more pass over memory. A rule that sees a whole matrix has
//   fields    void fields(const Tensor&, auto add) const: add(name, rows, cols) declares its arrays
//   update    void update(const Step&, const MatrixUpdate<T, P>&) const: reads `in`, writes `out`
// A gate may end the step for everything behind it in the chain:
//   opens     bool opens(const double* shared) const; void advance(double* shared, bool) const
//   admit     bool admit(const Admission&) const: a barrier over all tensors that decides on the sums
//   retires   static constexpr bool true: `admit` may call retire(k) of the Admission: from this step on,
//             tensor k is left alone by the whole chain, as without a gradient, and has no state
// A composite is spelled out as a chain of others: auto chain() const. A selector picks, for each
// tensor, the rule that runs: void select(const Tensor&, auto&& run) const calls run(rule); one whose
// choice changes with time takes an Occasion before `run`. A rule that runs another one on a smaller array
// in place of the matrix (low_rank/) has
//   inner     the other rule
//   within    Tensor within(const Tensor&) const: what it sees
//   fields    as above: arrays of its own
//   project   void project(const Step&, const MatrixUpdate<T, P>&) const: from the matrix to the small one
//   lift      void lift(const Step&, const MatrixUpdate<T, P>&, const T* update) const: and back; `update`
//             is what project had read
//   restarts  std::int64_t restarts() const: updates after which the inner rule begins anew; 0: never
#pragma once

#include <array>
#include <concepts>
#include <span>
#include <string_view>

#include "../core/checks.hpp"
#include "../core/random.hpp"
#include "../core/tensors/field.hpp"
#include "schedule.hpp"

namespace glissade {

inline constexpr double from_parameters = std::numeric_limits<double>::quiet_NaN();

struct NamedScalar {
  std::string_view name;
  double initial = 0;
};

enum class Reduction { over_tensor, over_all };

/// What a rule may know when it makes the kernel of a step.
struct Step {
  const Tensor& tensor;
  std::int64_t count;  // the number of this update of this tensor, from 1
  std::int64_t time;   // completed steps of the optimizer: the argument of schedules
  RandomKey seed;      // of this call of step
  std::size_t link;    // position in the flattened chain
  std::array<double*, 4> scalars{};
  double* shared_values = nullptr;

  /// A key of its own for this step, tensor and link of the chain.
  [[nodiscard]] RandomKey key() const { return seed.derive(tensor.index).derive(link); }
  [[nodiscard]] double& scalar(std::size_t i) const { return *scalars[i]; }
  [[nodiscard]] double& shared(std::size_t i) const { return shared_values[i]; }
};

/// What a gate with `admit` decides on: the sums of every tensor and of all together.
struct Admission {
  std::span<const Tensor> tensors;
  std::span<const double> tensor_sums;  // sums of tensor k from k * (number of sums)
  std::span<const double> totals;
  double* shared;
  std::int64_t time;  // completed steps, as in Step
  std::span<TensorState> states;

  void retire(std::size_t tensor) const {
    if (states[tensor].retired == 0) states[tensor].retired = time + 1;
  }
};

/// A whole matrix for a rule with `update`: contiguous in the parameter's storage order.
template <ComputeScalar T, StorageScalar P>
struct MatrixUpdate {
  const T* in;  // incoming update
  T* out;       // outgoing update; may not overlap `in`
  const P* parameters;
  const Tensor& tensor;
  std::array<T*, 8> fields;  // as declared
  Buffer& workspace;         // scratch that keeps its memory: reserve what is needed
};

/// What a `measure` lambda returns: one wide lane for every sum.
template <int Width, std::size_t N>
struct Terms {
  WideLane<Width> value[N];
};
template <int Width, class... Rest>
EIGEN_ALWAYS_INLINE Terms<Width, 1 + sizeof...(Rest)> terms(const WideLane<Width>& first, const Rest&... rest) {
  return {{first, rest...}};
}

/// When a selector is asked.
struct Occasion {
  std::int64_t time = 0;    // completed steps of the optimizer
  std::size_t tensors = 1;  // how many the optimizer has
};

/// A rule that forgets everything every `period` steps of the optimizer.
template <class R>
struct Restarted {
  static constexpr bool restarts_rule = true;
  std::int64_t period;
  R rule;
};
template <class R>
Restarted(std::int64_t, R) -> Restarted<R>;

template <class R>
concept Composite = requires(const R& r) {
  r.chain();
};
namespace detail {
struct AnyRule {
  void operator()(const auto&) const {}
};
template <class R>
inline constexpr std::size_t slot_count = 0;
template <class R>
requires requires { R::slots; }
inline constexpr std::size_t slot_count<R> = R::slots.size();
template <class R>
constexpr bool slot_is_non_negative(std::size_t s) {
  if constexpr (requires { R::non_negative; })
    return R::non_negative[s];
  else
    return false;
}
template <class R>
constexpr bool slot_is_uncoded(std::size_t s) {
  if constexpr (requires { R::uncoded; })
    return R::uncoded[s];
  else
    return false;
}
/// Whether codes would hold one of the first `taken` slots.
template <class R>
constexpr bool has_coded_slot(std::size_t taken) {
  for (std::size_t s = 0; s < taken; ++s)
    if (!slot_is_uncoded<R>(s)) return true;
  return false;
}
template <class R>
inline constexpr std::size_t scalar_count = 0;
template <class R>
requires requires { R::scalars; }
inline constexpr std::size_t scalar_count<R> = R::scalars.size();
template <class R>
inline constexpr std::size_t shared_count = 0;
template <class R>
requires requires { R::shared; }
inline constexpr std::size_t shared_count<R> = R::shared.size();
template <class R>
inline constexpr bool ends_chain = false;
template <class R>
requires requires { R::ends_chain; }
inline constexpr bool ends_chain<R> = R::ends_chain;
template <class R>
inline constexpr bool is_indexed = false;
template <class R>
requires requires { R::indexed; }
inline constexpr bool is_indexed<R> = R::indexed;

}  // namespace detail

template <class R>
concept Selector = requires(const R& r, const Tensor& t) {
  r.select(t, detail::AnyRule{});
};
template <class R>
concept TimedSelector = requires(const R& r, const Tensor& t) {
  r.select(t, Occasion{}, detail::AnyRule{});
};
template <class R>
concept Restarting = requires {
  requires R::restarts_rule;
};
template <class R>
concept Subspace = requires(const R& r, const Tensor& t) {
  r.inner;
  { r.within(t) } -> std::same_as<Tensor>;
};
template <class R>
concept Barrier = requires {
  R::reduction;
};
template <class R>
concept MatrixRule = !Subspace<R> && requires(const R& r, const Tensor& t) {
  r.fields(t, [](std::string_view, Index, Index) {});
};
template <class R>
concept AbsorbingGate = requires(const R& r, double* s) {
  r.opens(s);
};
template <class R>
concept AdmittingGate = Barrier<R> && requires(const R& r, const Admission& a) {
  { r.admit(a) } -> std::same_as<bool>;
};
template <class R>
concept Gate = AbsorbingGate<R> || AdmittingGate<R>;
template <class R>
concept RetiringGate = AdmittingGate<R> && requires {
  requires R::retires;
};
template <class R>
concept KeepsParameters = requires {
  requires R::keeps_parameters;
};  // rule/master_weights.hpp
template <class R>
concept GlobalBarrier = Barrier<R> &&(R::reduction == Reduction::over_all);
template <class R>
concept PartialBarrier = GlobalBarrier<R> && requires(const R& r, const Tensor& t) {
  { r.sees(t) } -> std::same_as<bool>;
};
template <class R>
concept BarrierWithKernel = Barrier<R> && requires(const R& r, const Step& s, const double* sums) {
  r.kernel(s, sums);
};
template <class R>
concept LaneRule = !Barrier<R> && requires(const R& r, const Step& s) {
  r.kernel(s);
};

template <class R>
concept Wrapper = requires {
  requires R::is_rule;
};  // a chain, or a rule with another state storage

template <class R>
concept Rule = Wrapper<R> || Composite<R> || Selector<R> || TimedSelector<R> || Restarting<R> || Subspace<R> ||
    Barrier<R> || MatrixRule<R> || LaneRule<R>;

/// Calls visit(name, option, range) for every option; rules without options may leave it out.
template <class R, class Visitor>
void visit_options(R& rule, Visitor&& visit) {
  if constexpr (requires { std::remove_const_t<R>::options(rule, visit); })
    std::remove_const_t<R>::options(rule, visit);
}

template <class R>
constexpr std::string_view rule_name() {
  return std::remove_cvref_t<R>::name;
}

}  // namespace glissade
