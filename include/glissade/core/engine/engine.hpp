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
#include "rule_table.hpp"

namespace glissade::detail {

/// Makes room for a tensor of this shape, without state yet.
template <StorageScalar P>
void add_tensor(RuleState<P>& state, Tensor tensor) {
  tensor.index = state.tensors.size();
  state.tensors.push_back(std::move(tensor));
  state.states.emplace_back();
}

/// One step of a rule. The workspace of the state tells where the parameters and gradients lie.
template <class R, StorageScalar P>
class Engine {
 public:
  Engine(const R& rule, RuleState<P>& state, const StepSettings& settings)
      : rule_(rule), links_(flatten<void>(rule)), state_(state), work_(state.workspace), settings_(settings) {}

  void step(const RuleTable<P>& table) {
    if constexpr (absorbs) take_missing_for_zero();
    for (std::size_t k = 0; k < tensors_; ++k) {
      TensorState& tensor = state_.states[k];
      if (tensor.at_rest())
        work_.sources[k] = {};
      else if (work_.sources[k].present)
        choose_leaves(links_, state_.tensors[k], [&]<class... L>(const Pack<L...>& leaves) {
          constexpr const void* type = &made_for<P, L...>;
          constexpr bool by_options = (false || ... || MatrixRule<typename L::Rule>);
          const bool same = !by_options && tensor.made.by == type;
          if (same && (!Traits::chooses || counts_fit<T, P>(leaves, state_.tensors[k], tensor.links))) return;
          make_fields<P>({&table, &rule_}, state_.tensors[k], parameters(k), tensor);
          tensor.made.by = type;
        });
    }
    const bool passed = segment<0>(nullptr);
    const auto count = [passed](Counts& counts) {
      ++counts.calls;
      if (passed) ++counts.updates;
    };
    count(state_.counts);
    for (std::size_t k = 0; k < tensors_; ++k) {
      TensorState& tensor = state_.states[k];
      if (!work_.sources[k].present) continue;
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
  static constexpr bool absorbs = Traits::find(0, size, Traits::absorbs) < size;
  static constexpr bool keeps_parameters = Traits::keeper < size;
  using X = std::conditional_t<keeps_parameters, T, P>;  // what kernels read

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

  /// What stands before a gate that takes updates in runs on every tensor.
  void take_missing_for_zero() {
    for (std::size_t k = 0; k < tensors_; ++k) {
      if (state_.states[k].at_rest()) continue;
      if (work_.sources[k].present)
        work_.sources[k].given = true;
      else
        work_.sources[k] = {nullptr, true, false, true};
    }
    for (std::size_t k = 0; k < tensors_; ++k)
      if (work_.sources[k].present && work_.sources[k].data == nullptr)
        work_.sources[k].data = reserve<T>(work_.no_gradient, largest_size());
  }
  [[nodiscard]] Index largest_size() const {
    Index largest = 0;
    for (const Tensor& tensor : state_.tensors) largest = (std::max)(largest, tensor.size());
    return largest;
  }

  /// Of an absorbing gate: its bit in TensorState::waits.
  template <std::size_t Gate>
  static constexpr std::int64_t bit_of = [] {
    std::int64_t bit = 1;
    for (std::size_t i = 0; i < Gate; ++i)
      if (Traits::absorbs[i]) bit *= 2;
    return bit;
  }();

  /// The gate opens: tensors of which nothing waits at it or behind it end here, what waits of the others waits at the
  /// next one, if there is one.
  template <std::size_t From, std::size_t Gate>
  void let_through(const double* totals) {
    constexpr std::int64_t here = bit_of<Gate>;
    constexpr bool last = Traits::find(Gate + 1, size, Traits::absorbs) == size;
    run_segment<From, Gate + 1, Store::nothing>(totals, -here);
    for (std::size_t k = 0; k < tensors_; ++k) {
      std::int64_t& waits = state_.states[k].waits;
      if ((waits & -here) == 0)
        work_.sources[k].present = false;
      else if ((waits & here) != 0)
        waits += last ? -here : here;
    }
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
      for (std::size_t k = 0; k < tensors_; ++k)
        for (std::size_t s = 0; s < B::sums; ++s) sums[s] += work_.tensor_sums[k * B::sums + s];
      const std::span<const double> each(work_.tensor_sums.data(), tensors_ * B::sums);
      const bool gated = end < Traits::first_after_gates;
      const Totals all{state_.tensors,
                       each,
                       sums,
                       shared_values(end),
                       gated ? state_.counts.calls : state_.counts.updates,
                       {work_.per_coefficient.data(), measured_},
                       settings_.told};
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
      if constexpr (bit_of<gate> == 1)
        for (std::size_t k = 0; k < tensors_; ++k)
          if (work_.sources[k].given) state_.states[k].waits |= 1;
      const bool open = rule.open(memory);
      bool passed = false;
      if (open) {
        let_through<From, gate>(totals);
        passed = absorb<From, gate + 1, End>(totals);
      } else {
        run_segment<From, gate + 1, Store::nothing>(totals);
      }
      rule.after(memory, open);
      return passed;
    } else {
      run_segment<From, End, Store::parameters>(totals);
      return true;
    }
  }

  /// One segment on all tensors of which nothing waits at some gates. Last is Store::nothing where a gate is closed:
  /// state only, parameters stay.
  template <std::size_t From, std::size_t End, Store Last>
  void run_segment(const double* totals, std::int64_t gates = 0) {
    constexpr bool measures = Last == Store::parameters && End < size;
    constexpr std::size_t first = From == 0 ? 0 : From - 1;
    constexpr std::size_t last = measures ? End + 1 : End;
    std::size_t sums = 0;
    bool scratch = false;
    if constexpr (measures) {
      sums = RuleAt<End>::sums;
      scratch = wants_scratch<RuleAt<End>>;
      work_.tensor_sums.assign(tensors_ * sums, 0.0);
      work_.held.resize(tensors_);
      measured_ = 0;
    }
    for (std::size_t k = 0; k < tensors_; ++k) {
      fetch_ahead(k);
      TensorState& memory = state_.states[k];
      if (!work_.sources[k].present || (memory.waits & gates) != 0) continue;
      const Tensor& tensor = state_.tensors[k];
      choose_leaves<first, last>(links_, tensor, [&](const auto& leaves) {
        using Leaves = std::remove_cvref_t<decltype(leaves)>;
        const auto fields = first_fields<T, P>(
            leaves, tensor, [&](std::size_t link, std::size_t n) { return memory.links[link].data() + n; });
        const StepOfTensor told{
            &tensor,       {settings_.seed},          state_.counts.calls, memory.counts,
            state_.counts, Traits::first_after_gates, &state_.shared,      scratch ? room_for(tensor) : nullptr,
            settings_.told};
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
        if constexpr (measures) {
          pass.source.given = work_.sources[k].given;
          work_.sources[k] = pass.source;
        }
      });
    }
  }

  /// Fetches what tensors after k need, pointer by pointer: with many small ones a step waits for little else. Inlined,
  /// since a compiler may leave out a call that changes nothing.
  EIGEN_ALWAYS_INLINE void fetch_ahead(std::size_t k) const {
    if (k + 8 >= tensors_) return;
    __builtin_prefetch(state_.states[k + 8].links.data());
    for (const Fields& fields : state_.states[k + 6].links)
      for (const Field& field : fields) __builtin_prefetch(&field);
    for (const Fields& fields : state_.states[k + 4].links)
      for (const Field& field : fields) __builtin_prefetch(field.data(), 1);
    __builtin_prefetch(work_.sources[k + 4].data);
    __builtin_prefetch(work_.parameters[k + 4], 1);
  }

  /// Room for a double per coefficient of the next tensor, and for a lane too many.
  double* room_for(const Tensor& tensor) {
    const std::size_t begin = measured_;
    measured_ += static_cast<std::size_t>(tensor.size());
    if (work_.per_coefficient.size() < measured_ + std::size_t{stripe})
      work_.per_coefficient.resize(measured_ + std::size_t{stripe});
    return work_.per_coefficient.data() + begin;
  }

  const R& rule_;
  Links links_;
  RuleState<P>& state_;
  Workspace& work_;
  StepSettings settings_;
  const std::size_t tensors_ = state_.tensors.size();
  std::size_t measured_ = 0;
};

/// The numbers of all tensors together, link by link.
template <class Links>
inline constexpr std::array<std::span<const NamedScalar>, 0> shared_numbers{};
template <class... L>
inline constexpr std::array<std::span<const NamedScalar>, sizeof...(L)> shared_numbers<Pack<L...>>{[] {
  if constexpr (shared_count<typename L::Rule> != 0)
    return std::span<const NamedScalar>(L::Rule::shared);
  else
    return std::span<const NamedScalar>();
}()...};

/// The weights to evaluate in place of the parameters x of a tensor, in their storage order: the last average that the
/// rule holds for it, else the parameters. Throws std::invalid_argument if it is kept in 8-bit codes.
template <class R, StorageScalar P>
void evaluate(const R& rule, const Tensor& tensor, const TensorState& state, const P* x, double* solution) {
  for (Index i = 0; i < tensor.size(); ++i) solution[i] = convert<double>(x[i]);
  if (state.counts.updates < 1) return;
  const auto look = [&](const auto& leaf) {
    using Rule = typename std::remove_cvref_t<decltype(leaf)>::Rule;
    if constexpr (AveragingRule<Rule>) {
      if constexpr (requires { leaf.rule->has_average(state.counts.updates); })
        if (!leaf.rule->has_average(state.counts.updates)) return;
      for (const Field& field : state.links[leaf.link]) {
        if (field.name() != Rule::slots[0]) continue;
        if (field.type() == ScalarType::bytes)
          throw std::invalid_argument("evaluation_parameters: the average of " + std::string(Rule::name) +
                                      " is kept in 8-bit codes, must be kept in numbers");
        for (Index i = 0; i < tensor.size(); ++i) solution[i] = leaf.rule->solution(convert<double>(x[i]), field[i]);
      }
    }
  };
  choose_leaves(flatten<void>(rule), tensor, [&](const auto& leaves) { for_each_item(leaves, look); });
}
/// The same for a rule of any type, or null.
template <class R, StorageScalar P>
constexpr auto evaluate_or_null() -> decltype(RuleTable<P>::evaluate) {
  if constexpr (traits_of<R>::averages)
    return [](const void* rule, const Tensor& tensor, const TensorState& state, const P* x, double* solution) {
      evaluate(*static_cast<const R*>(rule), tensor, state, x, solution);
    };
  else
    return nullptr;
}

/// list(name, required, is an array) for what the links of a rule read, whichever of its alternatives are chosen.
template <class R>
void list_arguments(const ListArgument& list);
template <class R>
void list_arguments_of_link(const ListArgument& list) {
  if constexpr (ReadsNumbers<R>)
    for (const Argument& argument : R::arguments) list(argument.name, argument.required, false);
  if constexpr (ReadsArrays<R>)
    for (const GivenArray& array : R::given) list(array.name, array.required, true);
  if constexpr (Selector<R>)
    [&]<class... A>(std::type_identity<std::tuple<A...>>) {
      (list_arguments<A>(list), ...);
    }(std::type_identity<typename R::Alternatives>{});
  if constexpr (RunsInnerRule<R>) {
    using Inner = decltype(R::inner);
    static_assert(!traits_of<Inner>::reads_arrays,
                  "a rule that is given arrays stands in the chain itself, not inside a rule that is run on a matrix");
    list_arguments<Inner>(list);
  }
}
template <class R>
void list_arguments(const ListArgument& list) {
  [&]<class... L>(std::type_identity<Pack<L...>>) {
    (list_arguments_of_link<typename L::Rule>(list), ...);
  }(std::type_identity<flat_t<R>>{});
}
template <class R>
constexpr auto list_arguments_or_null() -> void (*)(const ListArgument&) {
  if constexpr (traits_of<R>::reads_numbers || traits_of<R>::reads_arrays)
    return &list_arguments<R>;
  else
    return nullptr;
}

/// See RuleTable::give.
template <class Rule, StorageScalar P>
void give_to_leaf(const Rule& rule, const Tensor& tensor, Fields& fields, const P* parameters, std::string_view name,
                  const compute_t<P>* values, bool turned) {
  for (std::size_t i = 0; i < Rule::given.size(); ++i) {
    const GivenArray& given = Rule::given[i];
    if (given.name != name) continue;
    const auto field_of = [&](std::size_t slot) -> Field& {
      const auto found = std::find_if(fields.begin(), fields.end(),
                                      [&](const Field& field) { return field.name() == Rule::slots[slot]; });
      return *found;
    };
    Field& field = field_of(given.slot);
    if (field.type() == ScalarType::bytes ||
        (given.anchor >= 0 && field_of(std::size_t(given.anchor)).type() == ScalarType::bytes))
      throw std::invalid_argument("step: " + std::string(Rule::name) + " keeps \"" + std::string(name) + "\" of \"" +
                                  tensor.name + "\" in 8-bit codes, which no array can be given to");
    if (values == nullptr) continue;
    std::array<double, 2> fold{0, 1};
    if constexpr (requires { rule.fold(i); }) fold = rule.fold(i);
    if (turned && given.turned) fold[1] = -fold[1];
    with_numbers(field, [&](auto* kept) {
      using S = std::remove_pointer_t<decltype(kept)>;
      for (Index k = 0; k < tensor.size(); ++k)
        kept[k] =
            convert<S>(fold[0] == 0 ? fold[1] * static_cast<double>(values[k])
                                    : fold[0] * convert<double>(kept[k]) + fold[1] * static_cast<double>(values[k]));
    });
    if (given.anchor >= 0)
      with_numbers(field_of(std::size_t(given.anchor)), [&](auto* kept) {
        using S = std::remove_pointer_t<decltype(kept)>;
        for (Index k = 0; k < tensor.size(); ++k) kept[k] = convert<S>(parameters[k]);
      });
  }
}
template <class R, StorageScalar P>
constexpr auto give_or_null() -> decltype(RuleTable<P>::give) {
  if constexpr (traits_of<R>::reads_arrays)
    return [](const void* untyped, const Tensor& tensor, TensorState& state, const P* parameters, std::string_view name,
              const compute_t<P>* values, bool turned) {
      const R& rule = *static_cast<const R*>(untyped);
      choose_leaves(flatten<void>(rule), tensor, [&](const auto& leaves) {
        for_each_item(leaves, [&]<class S, class Rule>(const Leaf<S, Rule>& leaf) {
          if constexpr (ReadsArrays<Rule>)
            give_to_leaf<Rule, P>(*leaf.rule, tensor, state.links[leaf.link], parameters, name, values, turned);
        });
      });
    };
  else
    return nullptr;
}

template <class R, StorageScalar P>
inline constexpr RuleTable<P> rule_table{
    [](const void* rule) { return describe(*static_cast<const R*>(rule)); },
    [](const void* rule, std::int64_t time) { check_options(*static_cast<const R*>(rule), time); },
    [](const void* rule, std::span<const Tensor> tensors) {
      for_each_part(*static_cast<const R*>(rule), [&](const auto& part) {
        if constexpr (requires { part.check_tensors(tensors); }) part.check_tensors(tensors);
      });
    },
    [](const void* rule, const Tensor& tensor, const DeclareField& declare) {
      choose_leaves(flatten<void>(*static_cast<const R*>(rule)), tensor,
                    [&](const auto& leaves) { declare_leaves<compute_t<P>, P>(leaves, tensor, declare); });
    },
    [](const void* rule, RuleState<P>& state, const StepSettings& settings) {
      Engine<R, P>(*static_cast<const R*>(rule), state, settings).step(rule_table<R, P>);
    },
    evaluate_or_null<R, P>(),
    list_arguments_or_null<R>(),
    [](const void* rule, const ToldNumbers& told) {
      for_each_part(*static_cast<const R*>(rule), [&](const auto& part) {
        if constexpr (requires { part.check_told(told); }) part.check_told(told);
      });
    },
    give_or_null<R, P>(),
    shared_numbers<flat_t<R>>,
    traits_of<R>::gated};

template <StorageScalar P, class R>
RuleView<P> view_of(const R& rule) {
  static_assert(traits_of<R>::ends_in_order,
                "Ema, Swa, Lookahead and Asgd make or see the whole step: they stand at the end of the chain, after "
                "the learning rate");
  static_assert(traits_of<R>::turns_at_least <= 1,
                "two rules of the chain have a learning rate and turn the update around: it would climb; take the "
                "direction alone, such as ScaleByAdam for Adam, or leave out ScaleByLearningRate");
  static_assert(traits_of<R>::turns_at_most >= 1,
                "no rule of the chain has a learning rate and turns the update into a step: it would climb; end it "
                "with ScaleByLearningRate, or with Scale where the update is to be added as it is");
  return {&rule_table<R, P>, &rule};
}

}  // namespace glissade::detail
