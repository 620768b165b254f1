// The engine: takes a rule through a step of all its tensors.
//
// The chain splits at barriers. A barrier over one tensor separates two passes over that tensor; a
// barrier over all tensors (a global norm, a gate that looks at every gradient) separates two
// segments, and a segment finishes on all tensors before the next one begins.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "../tensors/flush.hpp"
#include "pass.hpp"

namespace glissade::detail {

/// Makes room for a tensor of this shape, without state yet.
template <StorageScalar P>
void add_tensor(RuleState<P>& state, Tensor tensor) {
  tensor.index = state.tensors.size();
  state.tensors.push_back(std::move(tensor));
  state.states.emplace_back();
}

/// Calls use(link, numbers) with the numbers that a link of the chain keeps for all tensors together, for every link.
template <class... L, class Use>
void for_each_shared(std::type_identity<Pack<L...>>, const Use& use) {
  std::size_t link = 0;
  const auto show = [&]<class R>(std::type_identity<R>) {
    if constexpr (shared_count<R> != 0) use(link, std::span<const NamedScalar>(R::shared));
    ++link;
  };
  (show(std::type_identity<typename L::Rule>{}), ...);
}

/// Makes these numbers; what is there already stays.
template <class Links>
void prepare_shared(std::vector<Fields>& shared) {
  shared.resize(Links::size);
  for_each_shared(std::type_identity<Links>{}, [&](std::size_t link, std::span<const NamedScalar> numbers) {
    if (!shared[link].empty()) return;
    Field& field =
        shared[link].emplace_back("shared", ScalarType::float64, static_cast<Index>(numbers.size()), 1, false);
    for (std::size_t s = 0; s < numbers.size(); ++s) field.template as<double>()[s] = numbers[s].initial;
  });
}

template <class R>
inline constexpr char type_tag = 0;

/// Throws std::invalid_argument if the state was made by another rule.
template <class R, StorageScalar P>
void check_rule(const R& rule, RuleState<P>& state) {
  if (state.workspace.rule_type == &type_tag<R>) return;
  if (const std::string name = describe(rule); state.name != name)
    throw std::invalid_argument("step: the state was made by " + state.name + ", not by " + name);
  state.workspace.rule_type = &type_tag<R>;
}

/// Makes the state that the rule wants for the tensors of `state`; what is there already and still fits is kept.
/// parameters(k) is where tensor k lies.
template <class R, StorageScalar P, class Parameters>
void prepare(const R& rule, RuleState<P>& state, const Parameters& parameters) {
  const auto links = flatten<void>(rule);
  constexpr std::size_t count = std::remove_const_t<decltype(links)>::size;
  state.name = describe(rule);
  prepare_shared<std::remove_const_t<decltype(links)>>(state.shared);
  for (std::size_t k = 0; k < state.tensors.size(); ++k) {
    if (state.states[k].at_rest()) continue;
    state.states[k].links.resize(count);
    choose_leaves(links, state.tensors[k], [&](const auto& leaves) {
      locate_fields(leaves, state.tensors[k], static_cast<const P*>(parameters(k)), state.states[k], 0, count);
    });
  }
}

/// One step of a rule. The workspace of the state tells where the parameters and gradients lie.
template <class R, StorageScalar P>
class Engine {
 public:
  Engine(const R& rule, RuleState<P>& state, const StepSettings& settings)
      : links_(flatten<void>(rule)),
        state_(state),
        work_(state.workspace),
        settings_(settings),
        seed_(RandomKey{settings.seed}.derive(static_cast<std::uint64_t>(state.counts.calls))) {}

  void step() {
    for (std::size_t k = 0; k < tensors(); ++k)
      if (state_.states[k].at_rest()) work_.sources[k] = {};
    const bool passed = segment<0>(nullptr);
    const auto count = [passed](Counts& counts) {
      ++counts.calls;
      if (passed) ++counts.updates;
    };
    count(state_.counts);
    for (std::size_t k = 0; k < tensors(); ++k) {
      if (!work_.sources[k].present) continue;
      TensorState& tensor = state_.states[k];
      count(tensor.counts);
      if (passed && tensor.counts.updates % flush_period == 0) flush(tensor);
    }
  }

 private:
  using T = compute_t<P>;
  using Links = decltype(flatten<void>(std::declval<const R&>()));
  using Traits = ChainTraits<Links>;
  static constexpr std::size_t size = Traits::size;
  template <std::size_t I>
  using RuleAt = typename item_t<I, Links>::Rule;
  static constexpr bool keeps_parameters = Traits::keeper < size;
  using X = std::conditional_t<keeps_parameters, T, P>;  // what kernels read

  [[nodiscard]] std::size_t tensors() const { return state_.tensors.size(); }
  [[nodiscard]] P* parameters(std::size_t k) const { return static_cast<P*>(work_.parameters[k]); }
  double* shared_values(std::size_t link) {
    return state_.shared[link].empty() ? nullptr : state_.shared[link].front().template as<double>();
  }

  /// Numbers that have become subnormal; parameters kept unrounded stay as they are.
  void flush(TensorState& tensor) {
    for (std::size_t link = 0; link < tensor.links.size(); ++link)
      if (link != Traits::keeper)
        for (Field& field : tensor.links[link]) flush_subnormal(field, settings_.threads);
  }

  /// Runs everything from link From on; link From - 1 is the barrier that the totals are of. False if a gate has
  /// closed.
  template <std::size_t From>
  bool segment(const double* totals) {
    constexpr std::size_t end = Traits::find(From, size, Traits::barriers);
    if (!absorb<From, From, end>(totals)) return false;
    if constexpr (end < size) {
      using B = RuleAt<end>;
      const auto& rule = item<end>(links_).rule;
      std::array<double, B::sums> sums{};
      for (std::size_t k = 0; k < tensors(); ++k)
        for (std::size_t s = 0; s < B::sums; ++s) sums[s] += work_.tensor_sums[k * B::sums + s];
      const std::span<const double> each(work_.tensor_sums.data(), tensors() * B::sums);
      const bool gated = end < Traits::first_after_gates;
      const Totals all{state_.tensors,
                       each,
                       sums,
                       shared_values(end),
                       gated ? state_.counts.calls : state_.counts.updates,
                       {work_.per_coefficient.data(), measured_}};
      if constexpr (requires { rule.finish(all); }) rule.finish(all);
      if constexpr (Gate<B>)
        if (!rule.admit(all)) return false;
      return segment<end + 1>(sums.data());
    } else {
      return true;
    }
  }

  /// Asks the absorbing gates of a segment in turn, then runs the segment up to the first closed one. False if there is
  /// one.
  template <std::size_t From, std::size_t Next, std::size_t End>
  bool absorb(const double* totals) {
    constexpr std::size_t gate = Traits::find(Next, End, Traits::absorbs);
    if constexpr (gate < End) {
      const auto& rule = item<gate>(links_).rule;
      double* memory = shared_values(gate);
      const bool open = rule.open(memory);
      bool passed = false;
      if (open)
        passed = absorb<From, gate + 1, End>(totals);
      else
        run_segment<From, gate + 1, Store::nothing>(totals);
      rule.after(memory, open);
      return passed;
    } else {
      run_segment<From, End, Store::parameters>(totals);
      return true;
    }
  }

  /// One segment on all tensors. Last is Store::nothing where a gate is closed: state only, parameters stay.
  template <std::size_t From, std::size_t End, Store Last>
  void run_segment(const double* totals) {
    constexpr bool measures = Last == Store::parameters && End < size;
    constexpr std::size_t first = From == 0 ? 0 : From - 1;
    constexpr std::size_t last = measures ? End + 1 : End;
    std::size_t sums = 0;
    bool scratch = false;
    if constexpr (measures) {
      sums = RuleAt<End>::sums;
      scratch = wants_scratch<RuleAt<End>>;
      work_.tensor_sums.assign(tensors() * sums, 0.0);
      work_.held.resize(tensors());
      measured_ = 0;
    }
    for (std::size_t k = 0; k < tensors(); ++k) {
      if (!work_.sources[k].present) continue;
      const Tensor& tensor = state_.tensors[k];
      TensorState& memory = state_.states[k];
      choose_leaves<first, last>(links_, tensor, [&](const auto& leaves) {
        using Leaves = std::remove_cvref_t<decltype(leaves)>;
        const auto fields = locate_fields(leaves, tensor, static_cast<const P*>(parameters(k)), memory, first, last);
        const StepOfTensor told{&tensor,
                                seed_,
                                memory.counts,
                                state_.counts,
                                Traits::first_after_gates,
                                &state_.shared,
                                scratch ? room_for(tensor) : nullptr};
        X* read = nullptr;
        if constexpr (std::is_same_v<X, P>)
          read = parameters(k);
        else
          read = memory.links[Traits::keeper].front().template as<T>();
        Pass<P, X, Leaves, Last, measures> pass{leaves, fields, told,          settings_,       work_,
                                                read,   read,   parameters(k), work_.sources[k]};
        if constexpr (measures) {
          pass.held = &work_.held[k];
          pass.sums = work_.tensor_sums.data() + k * sums;
        }
        pass.template begin<(From > 0)>(totals);
        if constexpr (measures) work_.sources[k] = pass.source;
      });
    }
  }

  /// Room for a double per coefficient of the next tensor, and for a lane too many.
  double* room_for(const Tensor& tensor) {
    const std::size_t begin = measured_;
    measured_ += static_cast<std::size_t>(tensor.size());
    if (work_.per_coefficient.size() < measured_ + std::size_t{stripe})
      work_.per_coefficient.resize(measured_ + std::size_t{stripe});
    return work_.per_coefficient.data() + begin;
  }

  Links links_;
  RuleState<P>& state_;
  Workspace& work_;
  StepSettings settings_;
  RandomKey seed_;  // of this call of step
  std::size_t measured_ = 0;
};

/// The number of that name which a link of the chain keeps for all tensors together, or null.
template <class R, StorageScalar P>
const double* shared_number(const RuleState<P>& state, std::string_view name) {
  const double* found = nullptr;
  for_each_shared(std::type_identity<flat_t<R>>{}, [&](std::size_t link, std::span<const NamedScalar> numbers) {
    for (std::size_t s = 0; s < numbers.size(); ++s)
      if (found == nullptr && numbers[s].name == name) found = state.shared[link].front().template as<double>() + s;
  });
  return found;
}

}  // namespace glissade::detail
