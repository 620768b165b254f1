// From links to leaves: which rules run on a tensor, and where their arrays are.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>

#include "../../rule/chain.hpp"

namespace glissade::detail {

/// The counter that a rule lives by begins again, and its arrays with it, every `period` updates of the
/// tensor, or steps of the optimizer.
struct Restart {
  std::int64_t period = 0;  // 0: never
  bool by_time = false;

  /// Which update a rule behind gates takes the coming one for.
  [[nodiscard]] std::int64_t count(std::int64_t updates, std::int64_t time) const {
    const std::int64_t done = by_time ? time : updates;
    return period == 0 ? updates + 1 : done % period + 1;
  }
};

/// A rule ready to run: the link of the chain that it belongs to, and the tensor that it sees.
template <class Storage, class R>
struct Leaf {
  using Rule = R;
  using StorageType = Storage;
  const R* rule;
  std::size_t link;
  const Tensor* tensor;
  Restart restart = {};
};

/// Where and when links are turned into leaves. Without counts it is the optimizer's first step.
struct Site {
  const Tensor* tensor;
  std::size_t tensors = 1;
  const std::int64_t* counts = nullptr;  // completed steps before each gate
  const std::size_t* levels = nullptr;   // of gates, for each link
  Restart restart = {};

  explicit Site(const Tensor& t) : tensor(&t) {}
  template <class Links>
  Site(const Tensor& t, std::size_t how_many, std::type_identity<Links>, const std::vector<std::int64_t>& steps)
      : tensor(&t), tensors(how_many), counts(steps.data()), levels(Facts<Links>::levels.data()) {}

  [[nodiscard]] Occasion occasion(std::size_t link) const {
    return {counts == nullptr ? 0 : counts[levels[link]], tensors};
  }
};

/// The two ends of a subspace as leaves of their own: the way in and the way out.
template <class R>
struct Entry {
  static constexpr bool enters_subspace = true;
  const R* subspace;
  const Tensor* within;
  void fields(const Tensor& tensor, auto&& add) const { subspace->fields(tensor, add); }
};
template <class R>
struct Exit {
  static constexpr bool leaves_subspace = true;
  const R* subspace;
  void fields(const Tensor&, auto&&) const {}
};
template <class R>
concept IsEntry = requires {
  requires R::enters_subspace;
};
template <class R>
concept IsExit = requires {
  requires R::leaves_subspace;
};

/// In place of a barrier over all tensors, on one that it does not see.
template <class R>
struct Unseen {
  static constexpr Reduction reduction = R::reduction;
  static constexpr int sums = R::sums;
  [[nodiscard]] auto measure(const Step&) const {
    return [](const auto& u) { return Terms<std::remove_cvref_t<decltype(u)>::width, std::size_t{R::sums}>{}; };
  }
};

template <std::size_t I, std::size_t End, class Links, class Done, class Run>
void choose_all(const Links& links, const Site& site, std::size_t link, std::size_t stride, const Done& done,
                const Run& run);

/// As choose_all, for the links of a rule within link `number`.
template <class S, class R, class Run>
void choose_within(const R& rule, const Site& site, std::size_t number, const Run& run) {
  static_assert(!Facts<flat_t<R>>::global,
                "a gate, a barrier over all tensors or master weights stand in the chain itself, "
                "not inside a rule that is chosen tensor by tensor");
  const auto links = flatten<S>(rule);
  choose_all<0, std::remove_const_t<decltype(links)>::size>(links, site, number, 0, Row<>{}, run);
}

/// run(leaves): what a link stands for on this tensor.
template <class L, class Run>
void choose(const L& link, const Site& site, std::size_t number, const Run& run) {
  using R = typename L::Rule;
  using S = typename L::StorageType;
  if constexpr (PartialBarrier<R>) {
    if (!link.rule.sees(*site.tensor)) {
      const Unseen<R> unseen;
      return run(row_of(Leaf<void, Unseen<R>>{&unseen, number, site.tensor}));
    }
  }
  if constexpr (Selector<R>) {
    link.rule.select(*site.tensor, [&](const auto& chosen) { choose_within<S>(chosen, site, number, run); });
  } else if constexpr (TimedSelector<R>) {
    link.rule.select(*site.tensor, site.occasion(number),
                     [&](const auto& chosen) { choose_within<S>(chosen, site, number, run); });
  } else if constexpr (Restarting<R>) {
    Site restarted = site;
    restarted.restart = {link.rule.period, true};
    choose_within<S>(link.rule.rule, restarted, number, run);
  } else if constexpr (Subspace<R>) {
    const Tensor small = link.rule.within(*site.tensor);
    Site within = site;
    within.tensor = &small;
    within.restart = {link.rule.restarts(), false};
    choose_within<S>(link.rule.inner, within, number, [&](const auto& leaves) {
      const Entry<R> entry{&link.rule, &small};
      const Exit<R> exit{&link.rule};
      run(join(row_of(Leaf<void, Entry<R>>{&entry, number, site.tensor}), leaves,
               row_of(Leaf<void, Exit<R>>{&exit, number, site.tensor})));
    });
  } else {  // a barrier that sees the tensor
    run(row_of(Leaf<S, R>{&link.rule, number, site.tensor, site.restart}));
  }
}

/// A link that is one leaf on every tensor.
template <class R>
concept Unchosen = !PartialBarrier<R> && !Selector<R> && !TimedSelector<R> && !Restarting<R> && !Subspace<R>;

/// The first link in [I, End) that stands for different leaves on different tensors, or End.
template <std::size_t I, std::size_t End, class Links>
constexpr std::size_t next_choice() {
  if constexpr (I == End)
    return End;
  else if constexpr (Unchosen<typename item_t<I, Links>::Rule>)
    return next_choice<I + 1, End, Links>();
  else
    return I;
}

/// run(row of leaves) for links [I, End), numbered link + I stride and so on, behind the leaves that are done.
template <std::size_t I, std::size_t End, class Links, class Done, class Run>
void choose_all(const Links& links, const Site& site, std::size_t link, std::size_t stride, const Done& done,
                const Run& run) {
  constexpr std::size_t choice = next_choice<I, End, Links>();
  const auto row = [&]<std::size_t... J>(std::index_sequence<J...>) {
    return join(done, row_of(Leaf<typename item_t<I + J, Links>::StorageType, typename item_t<I + J, Links>::Rule>{
                          &item<I + J>(links).rule, link + (I + J) * stride, site.tensor, site.restart}...));
  }
  (std::make_index_sequence<choice - I>{});
  if constexpr (choice == End)
    run(row);
  else
    choose(item<choice>(links), site, link + choice * stride,
           [&](const auto& leaves) { choose_all<choice + 1, End>(links, site, link, stride, join(row, leaves), run); });
}

/// run(row of leaves) for links [Begin, End) of a chain, or all of them.
template <std::size_t Begin, std::size_t End, class Links, class Run>
void choose_leaves(const Links& links, const Site& site, const Run& run) {
  choose_all<Begin, End>(links, site, 0, 1, Row<>{}, run);
}
template <class Links, class Run>
void choose_leaves(const Links& links, const Site& site, const Run& run) {
  choose_leaves<0, Links::size>(links, site, run);
}

/// How a new array begins: with a number, or from_parameters. `encode` where it is coded, in blocks of `size` numbers.
struct Start {
  double value = 0;
  Index size = 0;
  float (*encode)(const float*, Index, bool, std::uint8_t*) = nullptr;
  bool is_signed = true;
};

/// An array that a leaf wants.
struct Declaration {
  std::string_view name;
  ScalarType type;
  Index rows;
  Index cols;
  Start start = {};
};

/// What the parts of the engine that are the same for all rules know of a leaf.
struct LeafFields {
  using Declare = Callback<const Declaration&>;
  std::size_t link;
  const Tensor* tensor;
  Restart restart;
  const void* rule;
  void (*declare_all)(const void* rule, const Tensor& tensor, const Declare& declare);

  /// Calls declare for every array of the leaf.
  void for_each(const Declare& declare) const { declare_all(rule, *tensor, declare); }
};

template <ComputeScalar T, class P, class Storage, class R>
void declare_fields(const void* untyped, const Tensor& tensor, const LeafFields::Declare& declare) {
  using S = std::conditional_t<std::is_void_v<Storage>, T, Storage>;
  [[maybe_unused]] const R& rule = *static_cast<const R*>(untyped);
  if constexpr (slot_count < R >> 0)
    for (std::size_t s = 0; s < slot_count<R>; ++s) {
      double initial = 0;
      if constexpr (requires { rule.initial(s); }) initial = rule.initial(s);
      if constexpr (!BlockCode<S>)
        declare({R::slots[s], scalar_type_of<S>, tensor.rows, tensor.cols, {initial}});
      else if (slot_is_uncoded<R>(s))
        declare({R::slots[s], scalar_type_of<T>, tensor.rows, tensor.cols, {initial}});
      else
        declare({R::slots[s],
                 ScalarType::bytes,
                 coded_bytes(tensor.size()),
                 1,
                 {initial, tensor.size(), &encode_block<S>, !slot_is_non_negative<R>(s)}});
    }
  if constexpr (KeepsParameters<R> && !std::is_same_v<T, P>)
    declare({R::field, scalar_type_of<T>, tensor.rows, tensor.cols, {from_parameters}});
  if constexpr (MatrixRule<R>)
    rule.fields(tensor, [&](std::string_view name, Index rows, Index cols) {
      declare({name, scalar_type_of<T>, rows, cols});
    });
  if constexpr (scalar_count < R >> 0)
    for (const NamedScalar& number : R::scalars) declare({number.name, ScalarType::float64, 1, 1, {number.initial}});
}

template <ComputeScalar T, class P, class... Storage, class... R>
std::array<LeafFields, sizeof...(R)> fields_of_leaves(const Row<Leaf<Storage, R>...>& leaves) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<LeafFields, sizeof...(R)>{LeafFields{item<I>(leaves).link, item<I>(leaves).tensor,
                                                           item<I>(leaves).restart, item<I>(leaves).rule,
                                                           &declare_fields<T, P, Storage, R>}...};
  }
  (std::index_sequence_for<R...>{});
}

/// Fills a new field, all zero bits, with its initial value, or with the parameters (null: zeros).
template <class P>
void fill(Field& field, const Start& start, const P* parameters) {
  const auto put = [&](auto* values, Index begin, Index end) {
    using S = std::remove_pointer_t<decltype(values)>;
    for (Index i = begin; i < end; ++i)
      *values++ = !std::isnan(start.value) ? convert<S>(start.value)
                  : parameters == nullptr  ? S(0)
                                           : convert<S>(parameters[i]);
  };
  if (start.value == 0) return;
  if (start.encode != nullptr) {
    auto* codes = field.as<std::uint8_t>();
    auto* scales = reinterpret_cast<float*>(codes + code_bytes(start.size));
    std::array<float, std::size_t{code_block}> values;
    for (Index i = 0; i < start.size; i += code_block) {
      const Index count = (std::min)(code_block, start.size - i);
      put(values.data(), i, i + count);
      scales[i / code_block] = start.encode(values.data(), count, start.is_signed, codes + i);
    }
    return;
  }
  switch (field.type()) {
    case ScalarType::float32:
      return put(field.as<float>(), 0, field.size());
    case ScalarType::float64:
      return put(field.as<double>(), 0, field.size());
    case ScalarType::bfloat16:
      return put(field.as<Eigen::bfloat16>(), 0, field.size());
    case ScalarType::float16:
      return put(field.as<Eigen::half>(), 0, field.size());
    case ScalarType::int64:
    case ScalarType::bytes:
      return;
  }
}

/// The leaves that run on one tensor.
using LeafList = std::span<const LeafFields>;

/// Makes the fields of links [first, last) what the leaves want; those of the same name and shape are kept.
template <class P>
void remake_fields(const Tensor& tensor, const P* parameters, TensorState& state, LeafList leaves, std::size_t first,
                   std::size_t last) {
  std::vector<Fields> old(last - first);
  for (std::size_t link = first; link < last; ++link) old[link - first].swap(state.links[link]);
  for (const LeafFields& leaf : leaves)
    leaf.for_each([&](const Declaration& wanted) {
      Fields& before = old[leaf.link - first];
      const auto same = std::find_if(before.begin(), before.end(), [&](const Field& field) {
        return field.matches(wanted.name, wanted.type, wanted.rows, wanted.cols);
      });
      Fields& now = state.links[leaf.link];
      if (same != before.end()) {
        now.push_back(std::move(*same));
        before.erase(same);
      } else {
        now.emplace_back(wanted.name, wanted.type, wanted.rows, wanted.cols, tensor.row_major);
        fill(now.back(), wanted.start, leaf.tensor == &tensor ? parameters : nullptr);
      }
    });
}

/// The first field of every leaf of links [first, last), in `located`; null where it has none. Where the fields are not
/// what the leaves want (at the first step, or because an option has changed), they are made anew.
template <class P>
void locate_fields(const Tensor& tensor, const P* parameters, TensorState& state, LeafList leaves, std::size_t first,
                   std::size_t last, std::span<Field*> located) {
  const auto find = [&] {
    std::fill(located.begin(), located.end(), nullptr);
    std::size_t link = first;
    std::size_t position = 0;
    std::size_t wanted = 0;
    bool fits = true;
    for (std::size_t i = 0; i < leaves.size(); ++i)
      leaves[i].for_each([&](const Declaration& field) {
        position = leaves[i].link == link ? position : 0;
        link = leaves[i].link;
        Fields& present = state.links[link];
        fits = fits && position < present.size() &&
               present[position].matches(field.name, field.type, field.rows, field.cols);
        if (fits && located[i] == nullptr) located[i] = &present[position];
        ++position;
        ++wanted;
      });
    std::size_t present = 0;
    for (std::size_t l = first; l < last; ++l) present += state.links[l].size();
    return fits && wanted == present;
  };
  if (find()) return;
  remake_fields(tensor, parameters, state, leaves, first, last);
  find();
}

/// Gives the rules that begin anew with this step their first arrays; count(leaf) tells which step it is for a leaf.
template <class P, class Count>
void restart_fields(const Tensor& tensor, const P* parameters, LeafList leaves, std::span<Field* const> located,
                    const Count& count) {
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const LeafFields& leaf = leaves[i];
    if (leaf.restart.period == 0 || count(leaf) != 1) continue;
    Field* field = located[i];
    leaf.for_each([&](const Declaration& declared) {
      std::fill_n(field->data(), field->bytes(), std::byte{0});
      fill(*field, declared.start, leaf.tensor == &tensor ? parameters : nullptr);
      ++field;
    });
  }
}

}  // namespace glissade::detail
