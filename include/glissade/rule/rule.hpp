// What a rule is. An author needs page 1; barriers and gates are page 2, rules that see a whole matrix page 3.
//
// Page 1. A rule is an aggregate of options. The engine holds its state, walks over memory and calls
//     auto kernel(const Step& step) const
// once per step for every tensor. It returns a generic lambda over lanes
//     (auto& u, const auto& x, auto& slot...)
// that turns the incoming update u (the gradient, at the head of a chain) into the outgoing one; x is the parameter
// before the step and the slots are the rule's own arrays, read before and written after the call. A lambda that needs
// only the first slots takes only these, one that needs no parameter either takes u alone. At the end of the chain the
// engine adds u to the parameter. Members:
//   name      static constexpr std::string_view, for messages and files
//   options   static void options(auto& self, auto&& visit): visit("beta1", self.beta1, range::decay)
//   slots     static constexpr std::array<std::string_view, N>: arrays of the parameter's shape
// and, where needed,
//   check     void check() const: throws where options contradict each other
//   arguments static constexpr std::array<Argument, N>: numbers that a step is told besides gradients, such as
//   {"loss"},
//             as step.argument("loss"); NaN where an optional one was not told
//   check_told  void check_told(const ToldNumbers&) const: throws where it has no use for the number
//   given     static constexpr std::array<GivenArray, N>: slots for arrays that a step is given (rule/arguments.hpp);
//             step.told(name) is whether this one was
//   initial   double initial(std::size_t slot) const, or `from_parameters`; zero without it
//   scalars   static constexpr std::array<NamedScalar, N>: numbers of a tensor, step.scalar(i)
//   shared    static constexpr std::array<NamedScalar, N>: numbers of the optimizer, step.shared(i)
//   non_negative    static constexpr std::array<bool, N>: slots that are never negative, for 8-bit codes
//   full_precision  static constexpr std::array<bool, N>: slots that 8-bit codes are too coarse for
//   zero_is_zero    bool zero_is_zero() const: a zero update passes as zero and leaves the slots; false without it
//   turns           static constexpr bool: whether u comes out as a step, against what came in, as after a learning
//                   rate. A chain where all say false, or two say true, does not compile; what says nothing may do
//                   either
//   ends_chain      static constexpr bool true: u is the whole step; only rules that end a chain too may follow
//   indexed         static constexpr bool true: the lambda takes the index of its first coefficient first
//   ignores_parameters  static constexpr bool true: the lambdas take x for the slots after it, but do not look at it
//   solution        double solution(double x, double slot) const: of an average, its value (optimizer/evaluation.hpp)
//   has_average     bool has_average(std::int64_t count) const: whether there is one after so many updates of a tensor;
//                   from the first on without it
// A composite is spelled out as others: auto chain() const. A selector picks a rule for each tensor:
//   select, Alternatives   void select(const Tensor&, auto&& run) const calls run(rule) with one of the types of
//                          using Alternatives = std::tuple<...>
// A rule with a member `inner` is a wrapper: the options of the inner rule are its own too.
//
// Page 2. A barrier needs a sum over the tensor or over all tensors, and costs one more pass over memory:
//   reduction, sums   static constexpr Reduction over_tensor or over_all, and how many sums
//   measure   auto measure(const Step&) const: a lambda of the same arguments, u not to be changed, that returns
//             terms(wide, ...), to be summed in double; norms over the whole range are in rule/norms.hpp
//   kernel    auto kernel(const Step&, const double* sums) const
// One over all tensors may have
//   finish    void finish(const Totals&) const: all sums are known; may change the shared numbers
//   scratch   static constexpr bool true: step.scratch is room for a double per coefficient until then
// A gate stands at the head of a chain and may end the step for everything after it; the step counts of what stands
// before its end are calls, after it updates:
//   admit       bool admit(const Totals&) const, of a barrier over all tensors: decides on the sums
//   open, after bool open(const double* shared) const, decides before the pass; void after(double* shared, bool) const.
//               What stands before it takes a missing gradient for zero; a tensor that had none since the gate was open
//               last ends there with the others' step
//
// Page 3. A rule that sees a whole matrix has, in place of a kernel,
//   passes    static constexpr int: how often it goes over the matrix
//   fields    void fields(const Tensor&, auto add) const: add(name, rows, cols) declares its arrays
//   update    void update(const Step&, const MatrixUpdate<T, P>&) const: reads `in`, writes `out`
// It runs another rule in its turn, with state of its own, if that is its member `inner` and it has
//   within    Tensor within(const Tensor&) const: what the inner rule sees
//   update    void update(const Step&, const auto& m) const, where m is an InnerRun: m.run(...), m.restart(...)
#pragma once

#include <array>
#include <concepts>
#include <span>
#include <string_view>

#include "../core/lanes/lane.hpp"
#include "../core/random.hpp"
#include "../core/tensors/buffer.hpp"
#include "../core/tensors/tensor.hpp"
#include "arguments.hpp"
#include "options.hpp"

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
  std::size_t link;    // position in the chain, composites spelled out
  RandomKey seed;      // of the optimizer
  std::int64_t call;   // completed calls of step, counted also where a gate was closed
  double* shared_values = nullptr;
  double* scratch = nullptr;  // of a barrier that asks for it: room for a double per coefficient of the tensor
  const ToldNumbers* told_numbers = nullptr;
  std::array<double*, 4> scalars{};

  [[nodiscard]] bool told(std::string_view name) const {
    return told_numbers != nullptr && told_numbers->contains(name);
  }
  [[nodiscard]] double argument(std::string_view name) const {
    return told_numbers == nullptr ? from_parameters : told_numbers->value(name);
  }
  /// A key of its own for this step, tensor and link of the chain.
  [[nodiscard]] RandomKey key() const {
    return seed.derive(static_cast<std::uint64_t>(call)).derive(tensor.index).derive(link);
  }
  [[nodiscard]] double& scalar(std::size_t i) const { return *scalars[i]; }
  [[nodiscard]] double& shared(std::size_t i) const { return shared_values[i]; }
};

/// What a barrier over all tensors is told when its sums are known.
struct Totals {
  std::span<const Tensor> tensors;
  std::span<const double> tensor_sums;  // sums of tensor k from k * (number of sums)
  std::span<const double> sums;
  double* shared;
  std::int64_t time;          // completed steps, as in Step
  std::span<double> scratch;  // what `measure` has left in step.scratch, tensor after tensor
  const ToldNumbers* told_numbers = nullptr;

  [[nodiscard]] double argument(std::string_view name) const {
    return told_numbers == nullptr ? from_parameters : told_numbers->value(name);
  }
};

/// A whole matrix for a rule with `update`: contiguous in the parameter's storage order.
template <ComputeScalar T, StorageScalar P>
struct MatrixUpdate {
  using Scalar = T;
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

namespace detail {
struct AnyRule {
  void operator()(const auto&) const {}
};
}  // namespace detail

// What a rule has said of itself, with what holds where it has said nothing.
template <class R>
inline constexpr std::size_t slot_count = 0;
template <class R>
requires requires { R::slots; }
inline constexpr std::size_t slot_count<R> = R::slots.size();
template <class R>
constexpr bool slot_is_non_negative([[maybe_unused]] std::size_t s) {
  if constexpr (requires { R::non_negative; })
    return R::non_negative[s];
  else
    return false;
}
template <class R>
constexpr bool slot_has_full_precision([[maybe_unused]] std::size_t s) {
  if constexpr (requires { R::full_precision; })
    return R::full_precision[s];
  else
    return false;
}
/// Whether codes would hold one of the first `taken` slots.
template <class R>
constexpr bool has_coded_slot(std::size_t taken) {
  for (std::size_t s = 0; s < taken; ++s)
    if (!slot_has_full_precision<R>(s)) return true;
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
inline constexpr bool ends_chain = requires {
  requires R::ends_chain;
};
template <class R>
inline constexpr bool is_indexed = requires {
  requires R::indexed;
};
template <class R>
inline constexpr bool ignores_parameters = requires {
  requires R::ignores_parameters;
};
template <class R>
inline constexpr bool wants_scratch = requires {
  requires R::scratch;
};

template <class R>
concept Composite = requires(const R& r) {
  r.chain();
};
template <class R>
concept Selector = requires(const R& r, const Tensor& t) {
  r.select(t, detail::AnyRule{});
};
template <class R>
concept Barrier = requires {
  R::reduction;
};
template <class R>
concept GlobalBarrier = Barrier<R> &&(R::reduction == Reduction::over_all);
template <class R>
concept AbsorbingGate = requires(const R& r, double* s) {
  { r.open(s) } -> std::same_as<bool>;
  r.after(s, true);
};
template <class R>
concept Gate = AbsorbingGate<R> || requires(const R& r, const Totals& totals) {
  r.admit(totals);
};
template <class R>
concept MatrixRule = requires(const R& r, const Tensor& t) {
  r.fields(t, [](std::string_view, Index, Index) {});
};
template <class R>
concept RunsInnerRule = MatrixRule<R> && requires(const R& r, const Tensor& t) {
  r.inner;
  { r.within(t) } -> std::same_as<Tensor>;
};
template <class R>
concept LaneRule = !Barrier<R> && requires(const R& r, const Step& s) {
  r.kernel(s);
};
/// A rule whose solution is an average rather than the parameters: solution(x, slot) is a coefficient of it, made of
/// the parameter and the rule's first array.
template <class R>
concept AveragingRule = requires(const R& r, double x) {
  { r.solution(x, x) } -> std::same_as<double>;
};
template <class R>
concept KeepsParameters = requires {
  requires R::keeps_parameters;
};  // rule/master_weights.hpp

template <class R>
concept Rule = Composite<R> || Selector<R> || Barrier<R> || MatrixRule<R> || LaneRule<R> || requires {
  requires R::is_rule;
};  // a chain, or a rule with another state storage

template <class R>
constexpr std::string_view rule_name() {
  return std::remove_cvref_t<R>::name;
}

}  // namespace glissade
