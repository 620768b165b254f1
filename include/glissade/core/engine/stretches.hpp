// A rule on stretches of one tensor, for steps that concern a few of its coefficients.
#pragma once

#include "engine.hpp"

namespace glissade::detail {

/// A rule whose steps on a coefficient depend on nothing but that coefficient's past and the step's number.
template <class L>
inline constexpr bool works_by_coefficient =
    LaneRule<typename L::Rule> && !KeepsParameters<typename L::Rule> && scalar_count<typename L::Rule> == 0 &&
    shared_count<typename L::Rule> == 0 && !BlockCode<typename L::StorageType> && !ReadsNumbers<typename L::Rule> &&
    !ReadsArrays<typename L::Rule>;

template <class Leaves>
inline constexpr bool all_work_by_coefficient = false;
template <class... L>
inline constexpr bool all_work_by_coefficient<Pack<L...>> = (true && ... && works_by_coefficient<L>);

/// Makes the kernels of the step after `steps` completed ones of the only tensor of `state`, x, and calls use(update),
/// where update(begin, size, gradient) runs them on a stretch of the tensor.
template <class R, StorageScalar P, class Use>
void step_stretches(const R& rule, RuleState<P>& state, P* x, std::int64_t steps, bool maximize,
                    const StepSettings& settings, const Use& use) {
  using T = compute_t<P>;
  const Tensor& tensor = state.tensors.front();
  const StepOfTensor told{&tensor, {settings.seed}, steps, {steps, steps}, {steps, steps}, 0};
  StochasticRounding rounding;
  if (settings.rounding == Rounding::stochastic) rounding = {true, told.key().derive(rounding_stream)};
  const auto links = flatten<void>(rule);
  choose_leaves(links, tensor, [&](const auto& leaves) {
    using Leaves = std::remove_cvref_t<decltype(leaves)>;
    static_assert(all_work_by_coefficient<Leaves>,
                  "RowOptimizer: a rule of the chain does not work coefficient by coefficient");
    make_fields(view_of<P>(rule), tensor, static_cast<const P*>(x), state.states.front());
    const auto fields = first_fields<T, P>(
        leaves, tensor, [&](std::size_t link, std::size_t n) { return state.states.front().links[link].data() + n; });
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto kernels =
          pack(bind_kernel<typename item_t<I, Leaves>::StorageType, typename item_t<I, Leaves>::Rule, T, 0>(
              item<I>(leaves).rule->kernel(told.for_link(item<I>(leaves).link, {})), fields[I], tensor.size())...);
      use([&](Index begin, Index size, const T* gradient) {
        P* const here = x + begin;
        const Streams<T, T, P, P> io{gradient, nullptr, here, nullptr, here, maximize ? T(-0.0) : T(0), rounding};
        with_stages<Shift>(kernels, begin, size, [&](const auto& moved) {
          sweep_stretch<Store::parameters>(io, moved, 0, size, begin, nullptr);
        });
      });
    }
    (std::make_index_sequence<Leaves::size>{});
  });
}

/// Whether a zero update of the tensor leaves the rule's arrays as they are and comes out as zero.
template <class R>
bool zero_is_zero(const R& rule, const Tensor& tensor) {
  bool all = true;
  const auto links = flatten<void>(rule);
  const auto look = [&](const auto& leaf) {
    if constexpr (requires { leaf.rule->zero_is_zero(); })
      all = all && leaf.rule->zero_is_zero();
    else
      all = false;
  };
  choose_leaves(links, tensor, [&](const auto& leaves) { for_each_item(leaves, look); });
  return all;
}

}  // namespace glissade::detail
