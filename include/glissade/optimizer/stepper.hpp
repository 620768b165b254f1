// The door: runs a rule with its memory on arrays. All that updates parameters by a rule goes through it.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "../core/engine/engine.hpp"
#include "../core/tensors/threads.hpp"
#include "told.hpp"

namespace glissade {

struct OptimizerOptions {
  bool maximize = false;                  // climb instead of descend: the gradient's sign is turned
  int threads = 1;                        // in [0, 1024], where the program is compiled with OpenMP; 0: all
  std::uint64_t seed = 0;                 // of rules that draw random numbers, and of stochastic rounding
  Rounding rounding = Rounding::nearest;  // of bfloat16 parameters; stochastic for no others
};

/// Throws std::invalid_argument for an option out of its range, or one that parameters of type P do not allow.
template <StorageScalar P>
void check_optimizer_options(const OptimizerOptions& options) {
  if (options.threads < 0 || options.threads > most_threads)
    throw std::invalid_argument("OptimizerOptions: threads = " + std::to_string(options.threads) + ", must be in [0, " +
                                std::to_string(most_threads) + "]");
  require("OptimizerOptions", "rounding", options.rounding, Rounding::stochastic);
  if (!std::is_same_v<P, Eigen::bfloat16> && options.rounding != Rounding::nearest)
    throw std::invalid_argument(
        "OptimizerOptions: rounding = stochastic, must be nearest unless parameters are "
        "Eigen::bfloat16");
}

namespace detail {

/// Throws std::invalid_argument if an option, the rule's or the optimizer's, is out of its range.
template <StorageScalar P>
void check_all_options(const RuleView<P>& rule, const OptimizerOptions& options, const RuleState<P>& state) {
  check_optimizer_options<P>(options);
  rule.check(state.counts.updates);
}

/// Takes the addresses of the caller's objects out of a workspace when a step is over, however it ends. The lists keep
/// their length for the next step.
struct ForgetAddresses {
  Workspace& work;
  explicit ForgetAddresses(Workspace& workspace) : work(workspace) {}
  ForgetAddresses(const ForgetAddresses&) = delete;
  ForgetAddresses& operator=(const ForgetAddresses&) = delete;
  ~ForgetAddresses() {
    std::fill(work.parameters.begin(), work.parameters.end(), nullptr);
    std::fill(work.sources.begin(), work.sources.end(), Source{});
  }
};

/// One step with parameters and gradients as the state's workspace names them.
template <StorageScalar P>
void run(const RuleView<P>& rule, RuleState<P>& state, const OptimizerOptions& options,
         const ToldNumbers* told = nullptr) {
  check_rule(rule, state);
  check_told(rule, told);
  rule.step(state, {resolve_threads(options.threads), options.seed, options.rounding, told});
}
/// The same with arguments of the step.
template <StorageScalar P, class... A>
void run(const RuleView<P>& rule, RuleState<P>& state, const OptimizerOptions& options,
         const StepArguments<A...>& arguments) {
  check_rule(rule, state);
  Told<P, A...> told(rule, state, arguments, options.maximize);
  told.give();
  rule.step(state, {resolve_threads(options.threads), options.seed, options.rounding, told.numbers()});
}

/// Writes the tensors of `x` into an empty state, or checks that they are those of the state, and tells where they lie.
template <StorageScalar P, class X, class Place>
void match_parameters(RuleState<P>& state, X& x, std::vector<Place>& places) {
  const bool empty = state.tensors.empty();
  std::size_t number = 0;
  for_each_parameter(
      x, number, {}, [&]<class S>(std::size_t k, const std::string& name, const TensorView<S>& view, auto) {
        check_scalar<P, S>();
        if (empty) {
          add_tensor(state, {name.empty() ? std::to_string(k) : name, view.rows, view.cols, view.rank, view.row_major});
        } else if (k >= state.tensors.size()) {
          throw std::invalid_argument("step: more parameters than the " + std::to_string(state.tensors.size()) +
                                      " that the state was made for");
        } else if (const Tensor& tensor = state.tensors[k];
                   view.rows != tensor.rows || view.cols != tensor.cols || view.row_major != tensor.row_major) {
          throw std::invalid_argument("step: parameter \"" + tensor.name + "\" is " + shape_text(view.rows, view.cols) +
                                      ", the state was made for " + tensor.shape() +
                                      (view.row_major != tensor.row_major ? " in the other storage order" : ""));
        }
        static_assert(!std::is_const_v<S> || std::is_const_v<std::remove_pointer_t<Place>>,
                      "a parameter must be writable");
        places.push_back(view.data);
      });
  if (number != state.tensors.size())
    throw std::invalid_argument("step: " + std::to_string(number) + " parameters, the state was made for " +
                                std::to_string(state.tensors.size()));
  if (empty) check_names(state.tensors);
}

}  // namespace detail

/// The memory with which a rule begins on these parameters, which are only read. A default-constructed RuleState
/// becomes the same with its first step; this one can be looked at, saved and loaded into before.
///
///     auto memory = initial_state(AdamW{}, W);   // or std::tie(W, b)
///
/// Throws std::invalid_argument for an option out of its range and for two parameters of one name.
template <Rule R, class X>
[[nodiscard]] auto initial_state(const R& rule, X&& parameters) {
  using P = detail::scalar_of_t<X>;
  RuleState<P> state;
  check_options(rule, 0);
  std::vector<const P*> places;
  detail::match_parameters(state, parameters, places);
  detail::check_overlap(state.tensors, sizeof(P), [&](std::size_t k) { return places[k]; });
  detail::prepare(detail::view_of<P>(rule), state, places);
  return state;
}

/// One update of the parameters by a rule with its memory, a value that belongs to the caller.
///
///     struct Client { Eigen::VectorXd x; RuleState<double> memory; };
///     for (Client& c : clients) step(AdamW{}, c.memory, c.x, gradient(c));
///     step(rule, memory, std::tie(W, b), std::tie(dW, db));
///
/// Parameters and gradients as for an Optimizer (optimizer/optimizer.hpp); several of them as a std::vector or a tuple.
/// An empty memory is filled; later steps must have parameters of the same number and shapes, which may lie elsewhere.
/// From the second step on nothing is taken from the heap.
/// Throws std::invalid_argument for an option out of its range, for shapes that do not match and for two parameters of
/// one name, before anything is touched.
template <Rule R, StorageScalar P, class X, class G>
void step(const R& rule, RuleState<P>& state, X&& parameters, const G& gradients,
          const OptimizerOptions& options = {}) {
  step(rule, state, with(), parameters, gradients, options);
}
/// The same with what the rule reads besides gradients (rule/arguments.hpp).
template <Rule R, StorageScalar P, class... A, class X, class G>
void step(const R& rule, RuleState<P>& state, const StepArguments<A...>& arguments, X&& parameters, const G& gradients,
          const OptimizerOptions& options = {}) {
  const detail::RuleView<P> view = detail::view_of<P>(rule);
  detail::check_all_options(view, options, state);
  const bool begins = state.tensors.empty();
  const detail::ForgetAddresses forget(state.workspace);
  std::optional<detail::Told<P, A...>> told;
  try {
    state.workspace.parameters.clear();
    detail::match_parameters(state, parameters, state.workspace.parameters);
    detail::GradientReader<P> reader(state, options.maximize);
    reader.read(gradients);
    reader.check_count();
    if (begins)
      detail::check_overlap(state.tensors, sizeof(P), [&](std::size_t k) { return state.workspace.parameters[k]; });
    if (begins) detail::prepare(view, state, state.workspace.parameters);
    told.emplace(view, state, arguments, options.maximize);
  } catch (...) {
    if (begins) state = RuleState<P>{};
    throw;
  }
  told->give();
  detail::run(view, state, options, told->numbers());
}

/// Whether a rule, in all of its parts, reads an argument of that name.
template <StorageScalar P, Rule R>
[[nodiscard]] bool reads_argument(const R& rule, std::string_view name) {
  const auto list = detail::view_of<P>(rule).table->list_arguments;
  bool reads = false;
  if (list != nullptr) list([&](std::string_view one, bool, bool) { reads = reads || one == name; });
  return reads;
}

/// The same for tensors whose coefficients lie one after another, at x, in the order of a list of their shapes.
template <Rule R, StorageScalar P>
[[nodiscard]] RuleState<P> initial_state_of_concatenated(const R& rule, const std::vector<Tensor>& tensors,
                                                         const P* x) {
  RuleState<P> state;
  check_options(rule, 0);
  std::vector<const P*> places;
  for (const Tensor& tensor : tensors) {
    detail::add_tensor(state, tensor);
    places.push_back(x);
    x += tensor.size();
  }
  detail::check_names(state.tensors);
  detail::prepare(detail::view_of<P>(rule), state, places);
  return state;
}

/// The same for such tensors, with a state that was made for them.
template <Rule R, StorageScalar P>
void step_concatenated(const R& rule, RuleState<P>& state, P* x, const P* gradient,
                       const OptimizerOptions& options = {}, const ToldNumbers* told = nullptr) {
  const detail::RuleView<P> view = detail::view_of<P>(rule);
  detail::check_all_options(view, options, state);
  const detail::ForgetAddresses forget(state.workspace);
  state.workspace.parameters.clear();
  for (const Tensor& tensor : state.tensors) {
    state.workspace.parameters.push_back(x);
    x += tensor.size();
  }
  detail::GradientReader<P> reader(state, options.maximize);
  for (const Tensor& tensor : state.tensors) {
    reader.read_as_it_lies(gradient);
    gradient += tensor.size();
  }
  detail::run(view, state, options, told);
}

}  // namespace glissade
