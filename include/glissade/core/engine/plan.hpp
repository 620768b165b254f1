// From a rule to what runs on a tensor: the chain spelled out, the rules chosen, their arrays found.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <tuple>
#include <type_traits>

#include "../../rule/chain.hpp"
#include "../tensors/rule_state.hpp"

namespace glissade::detail {

// --- The chain spelled out ----------------------------------------------------------------------------

/// A rule of the chain with the storage type of its arrays (void: the compute scalar). R is a reference for what the
/// user's object holds, a value for what a composite made.
template <class Storage, class R>
struct Link {
  using Rule = std::remove_cvref_t<R>;
  using StorageType = Storage;
  R rule;
};

/// The rule as a pack of links, chains and composites spelled out: references to the parts of an lvalue, else values.
template <class S, class R>
constexpr auto flatten(R&& rule) {
  using Plain = std::remove_cvref_t<R>;
  if constexpr (is_chain<Plain>) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      if constexpr (std::is_lvalue_reference_v<R>)
        return join(flatten<S>(item<I>(rule.rules))...);
      else
        return join(flatten<S>(std::move(item<I>(rule.rules)))...);
    }
    (std::make_index_sequence<decltype(Plain::rules)::size>{});
  } else if constexpr (is_state_in<Plain>) {
    return flatten<typename Plain::Storage>(std::forward<R>(rule).rule);
  } else if constexpr (Composite<Plain>) {
    return flatten<S>(rule.chain());
  } else {
    using Kept = std::conditional_t<std::is_lvalue_reference_v<R>, const Plain&, Plain>;
    return pack(Link<S, Kept>{std::forward<R>(rule)});
  }
}

template <class R>
using flat_t = decltype(flatten<void>(std::declval<const R&>()));

template <class Links>
struct ChainTraits;
template <class R>
using traits_of = ChainTraits<flat_t<R>>;

/// What is true of any of a rule's alternatives, or of the rule itself: f(its chain's traits) where it holds chains.
template <class R, class F>
constexpr int largest_of_parts(int own, const F& of_chain) {
  if constexpr (Selector<R>)
    return []<class... A>(std::type_identity<std::tuple<A...>>, const F& f) {
      return (std::max)({0, f(traits_of<A>{})...});
    }(std::type_identity<typename R::Alternatives>{}, of_chain);
  else if constexpr (RunsInnerRule<R>)
    return own + of_chain(traits_of<decltype(R::inner)>{});
  else
    return own;
}

template <class R>
constexpr int extra_passes() {
  int own = Barrier<R> ? 1 : 0;
  if constexpr (MatrixRule<R>) own = R::passes;
  return largest_of_parts<R>(own, [](auto chain) { return decltype(chain)::extra_passes; });
}
/// Whether it can only stand in the chain itself.
template <class R>
constexpr bool is_global() {
  return largest_of_parts<R>(GlobalBarrier<R> || Gate<R> || KeepsParameters<R>,
                             [](auto chain) { return int{decltype(chain)::global}; }) != 0;
}

/// How often the update is turned around into a step, and by how many rules that may be said of.
template <class R>
constexpr int count_turns(bool perhaps) {
  int own = 0;
  if constexpr (requires { R::turns; })
    own = R::turns ? 1 : 0;
  else if constexpr (!Selector<R> && !RunsInnerRule<R>)
    own = perhaps ? 1 : 0;
  return largest_of_parts<R>(own, [perhaps](auto chain) {
    return perhaps ? decltype(chain)::turns_at_most : decltype(chain)::turns_at_least;
  });
}

template <class... L>
struct ChainTraits<Pack<L...>> {
  static constexpr std::size_t size = sizeof...(L);
  static constexpr int turns_at_least = (0 + ... + count_turns<typename L::Rule>(false));
  static constexpr int turns_at_most = (0 + ... + count_turns<typename L::Rule>(true));
  static constexpr int extra_passes = (0 + ... + detail::extra_passes<typename L::Rule>());
  static constexpr bool global = (false || ... || is_global<typename L::Rule>());
  static constexpr bool averages =
      (0 + ... + largest_of_parts<typename L::Rule>(AveragingRule<typename L::Rule>, [](auto chain) {
         return int{decltype(chain)::averages};
       })) != 0;
  static constexpr bool gated = (false || ... || Gate<typename L::Rule>);
  static constexpr bool reads_numbers =
      (0 + ... + largest_of_parts<typename L::Rule>(ReadsNumbers<typename L::Rule>, [](auto chain) {
         return int{decltype(chain)::reads_numbers};
       })) != 0;
  static constexpr bool reads_arrays =
      (0 + ... + largest_of_parts<typename L::Rule>(ReadsArrays<typename L::Rule>, [](auto chain) {
         return int{decltype(chain)::reads_arrays};
       })) != 0;
  /// Whether options or tensors choose among rules, so that leaves of the same types may belong to other links.
  static constexpr bool chooses = (false || ... || Selector<typename L::Rule>);
  /// The first link in [from, to) of which `is` holds, or `to`.
  static constexpr std::size_t find(std::size_t from, std::size_t to, const std::array<bool, size + 1>& is) {
    while (from < to && !is[from]) ++from;
    return from;
  }
  static constexpr std::array<bool, size + 1> barriers{GlobalBarrier<typename L::Rule>...};
  static constexpr std::array<bool, size + 1> absorbs{AbsorbingGate<typename L::Rule>...};
  static constexpr std::array<bool, size + 1> gates{Gate<typename L::Rule>...};
  static constexpr std::array<bool, size + 1> ends{glissade::ends_chain<typename L::Rule>...};
  static constexpr std::array<bool, size + 1> keeps{KeepsParameters<typename L::Rule>...};
  static constexpr std::size_t keeper = find(0, size, keeps);  // keeps the parameters unrounded, or size
  static constexpr std::size_t first_after_gates = [] {
    std::size_t first = 0;
    for (std::size_t i = 0; i < size; ++i)
      if (gates[i]) first = i + 1;
    return first;
  }();
  static constexpr bool ends_in_order = [] {  // nothing that changes the step follows a rule that ends a chain
    for (std::size_t i = find(0, size, ends); i < size; ++i)
      if (!ends[i] && !keeps[i]) return false;
    return true;
  }();
};

// --- The rules of a tensor ----------------------------------------------------------------------------

/// A rule that runs on a tensor, and the link of the chain that it belongs to.
template <class Storage, class R>
struct Leaf {
  using Rule = R;
  using StorageType = Storage;
  const R* rule;
  std::size_t link;
};

/// use(pack of leaves): the rules that links [I, End) stand for on this tensor, numbered `number` + I `stride` and so
/// on, after the leaves that are done.
template <std::size_t I, std::size_t End, class Links, class Done, class Use>
void choose_leaves(const Links& links, const Tensor& tensor, std::size_t number, std::size_t stride, const Done& done,
                   const Use& use) {
  constexpr std::size_t choice = []<std::size_t... J>(std::index_sequence<J...>) {
    std::size_t first = I;
    (void)(... && (!Selector<typename item_t<I + J, Links>::Rule> && (++first, true)));
    return first;
  }
  (std::make_index_sequence<End - I>{});
  const auto leaves = [&]<std::size_t... J>(std::index_sequence<J...>) {
    return join(done, pack(Leaf<typename item_t<I + J, Links>::StorageType, typename item_t<I + J, Links>::Rule>{
                          &item<I + J>(links).rule, number + (I + J) * stride}...));
  }
  (std::make_index_sequence<choice - I>{});
  if constexpr (choice == End) {
    use(leaves);
  } else {
    item<choice>(links).rule.select(tensor, [&](const auto& chosen) {
      using R = std::remove_cvref_t<decltype(chosen)>;
      static_assert(!traits_of<R>::global,
                    "a gate, a barrier over all tensors or master weights stand in the chain itself, "
                    "not inside a rule that is chosen tensor by tensor");
      const auto parts = flatten<typename item_t<choice, Links>::StorageType>(chosen);
      choose_leaves<0, std::remove_const_t<decltype(parts)>::size>(
          parts, tensor, number + choice * stride, 0, leaves,
          [&](const auto& more) { choose_leaves<choice + 1, End>(links, tensor, number, stride, more, use); });
    });
  }
}
template <std::size_t Begin, std::size_t End, class Links, class Use>
void choose_leaves(const Links& links, const Tensor& tensor, const Use& use) {
  choose_leaves<Begin, End>(links, tensor, 0, 1, Pack<>{}, use);
}
template <class Links, class Use>
void choose_leaves(const Links& links, const Tensor& tensor, const Use& use) {
  choose_leaves<0, Links::size>(links, tensor, use);
}

// --- The arrays of a tensor ---------------------------------------------------------------------------

/// An array that a rule wants, and what it holds at first: a number, or from_parameters. `encode` where `coded` numbers
/// lie in blocks of codes.
struct FieldSpec {
  std::string_view name;
  ScalarType type;
  Index rows;
  Index cols;
  double initial = 0;
  Index coded = 0;
  float (*encode)(const float*, Index, bool, std::uint8_t*) = nullptr;
  bool is_signed = true;

  [[nodiscard]] bool describes(const Field& field) const { return field.matches(name, type, rows, cols); }
};
/// Is told the arrays that rules want, one by one, and the link of each.
using DeclareField = FunctionRef<std::size_t, const FieldSpec&>;

template <ComputeScalar T, class P, class Storage, class R>
void declare_inner(const R& inner, const Tensor& within, const FunctionRef<const FieldSpec&>& declare);

/// declare(spec) for every array that a rule wants on the tensor, in the order in which they lie.
template <ComputeScalar T, class P, class Storage, class R, class Declare>
void declare_fields([[maybe_unused]] const R& rule, [[maybe_unused]] const Tensor& tensor, const Declare& declare) {
  using S = std::conditional_t<std::is_void_v<Storage>, T, Storage>;
  if constexpr (slot_count<R> != 0)
    for (std::size_t s = 0; s < slot_count<R>; ++s) {
      double initial = 0;
      if constexpr (requires { rule.initial(s); }) initial = rule.initial(s);
      if constexpr (!BlockCode<S>)
        declare(FieldSpec{R::slots[s], scalar_type_of<S>, tensor.rows, tensor.cols, initial});
      else if (slot_has_full_precision<R>(s))
        declare(FieldSpec{R::slots[s], scalar_type_of<T>, tensor.rows, tensor.cols, initial});
      else
        declare(FieldSpec{R::slots[s], ScalarType::bytes, coded_bytes(tensor.size()), 1, initial, tensor.size(),
                          &encode_block<S>, !slot_is_non_negative<R>(s)});
    }
  if constexpr (KeepsParameters<R> && !std::is_same_v<T, P>)
    declare(FieldSpec{R::field, scalar_type_of<T>, tensor.rows, tensor.cols, from_parameters});
  if constexpr (scalar_count<R> != 0)
    for (const NamedScalar& number : R::scalars)
      declare(FieldSpec{number.name, ScalarType::float64, 1, 1, number.initial});
  if constexpr (MatrixRule<R>)
    rule.fields(tensor, [&](std::string_view name, Index rows, Index cols) {
      declare(FieldSpec{name, scalar_type_of<T>, rows, cols});
    });
  if constexpr (RunsInnerRule<R>) {
    static_assert(!traits_of<decltype(R::inner)>::global,
                  "a gate, a barrier over all tensors or master weights stand in the chain itself, "
                  "not inside a rule that is run on a matrix");
    declare_inner<T, P, Storage>(rule.inner, rule.within(tensor), declare);
  }
}
/// The same for some leaves: declare(link, spec).
template <ComputeScalar T, class P, class... Storage, class... R>
void declare_leaves(const Pack<Leaf<Storage, R>...>& leaves, const Tensor& tensor, const DeclareField& declare) {
  for_each_item(leaves, [&]<class S, class Rule>(const Leaf<S, Rule>& leaf) {
    declare_fields<T, P, S>(*leaf.rule, tensor, [&](const FieldSpec& spec) { declare(leaf.link, spec); });
  });
}

/// The same for a rule within a rule, which need not see the parameters: no array begins with them.
template <ComputeScalar T, class P, class Storage, class R>
void declare_inner(const R& inner, const Tensor& within, const FunctionRef<const FieldSpec&>& declare) {
  choose_leaves(flatten<Storage>(inner), within, [&](const auto& leaves) {
    declare_leaves<T, P>(leaves, within, [&](std::size_t, FieldSpec spec) {
      if (std::isnan(spec.initial)) spec.initial = 0;
      declare(spec);
    });
  });
}

/// Gives a field, all zero bits, its first values.
template <class P>
void fill(Field& field, const FieldSpec& spec, const P* parameters) {
  const auto put = [&](auto* values, Index begin, Index end) {
    using S = std::remove_pointer_t<decltype(values)>;
    for (Index i = begin; i < end; ++i)
      *values++ = std::isnan(spec.initial) ? convert<S>(parameters[i]) : convert<S>(spec.initial);
  };
  if (spec.initial == 0) return;
  if (spec.encode != nullptr) {
    auto* codes = field.as<std::uint8_t>();
    auto* scales = reinterpret_cast<float*>(codes + code_bytes(spec.coded));
    std::array<float, std::size_t{code_block}> values;
    for (Index i = 0; i < spec.coded; i += code_block) {
      const Index count = (std::min)(code_block, spec.coded - i);
      put(values.data(), i, i + count);
      scales[i / code_block] = spec.encode(values.data(), count, spec.is_signed, codes + i);
    }
    return;
  }
  with_numbers(field, [&](auto* values) { put(values, 0, field.size()); });
}

/// How many arrays declare_fields declares.
template <ComputeScalar T, class P, class Storage, class R>
std::size_t count_fields([[maybe_unused]] const R& rule, [[maybe_unused]] const Tensor& tensor) {
  if constexpr (!MatrixRule<R>) {
    return slot_count<R> + scalar_count<R> + (KeepsParameters<R> && !std::is_same_v<T, P> ? 1 : 0);
  } else {
    std::size_t count = 0;
    declare_fields<T, P, Storage>(rule, tensor, [&](const FieldSpec&) { ++count; });
    return count;
  }
}

/// The first array of every leaf: field_of(leaf, n) is the n-th of those that leaves of the same link share.
template <ComputeScalar T, class P, class... Storage, class... R, class Find>
std::array<Field*, sizeof...(R)> first_fields(const Pack<Leaf<Storage, R>...>& leaves, const Tensor& tensor,
                                              const Find& field_of) {
  std::array<Field*, sizeof...(R)> found;
  std::size_t i = 0, link = 0, next = 0;
  for_each_item(leaves, [&]<class S, class Rule>(const Leaf<S, Rule>& leaf) {
    if (leaf.link != link) next = 0;
    link = leaf.link;
    found[i++] = field_of(link, next);
    next += count_fields<T, P, S>(*leaf.rule, tensor);
  });
  return found;
}

/// Whether each link has as many arrays as the leaves want there.
template <ComputeScalar T, class P, class... Storage, class... R>
bool counts_fit(const Pack<Leaf<Storage, R>...>& leaves, const Tensor& tensor, const std::vector<Fields>& links) {
  std::size_t link = 0, wanted = 0;
  bool fit = true;
  const auto pass_links = [&](std::size_t end) {
    for (; link < end; ++link, wanted = 0) fit = fit && links[link].size() == wanted;
  };
  for_each_item(leaves, [&]<class S, class Rule>(const Leaf<S, Rule>& leaf) {
    pass_links(leaf.link);
    wanted += count_fields<T, P, S>(*leaf.rule, tensor);
  });
  pass_links(links.size());
  return fit;
}

}  // namespace glissade::detail

namespace glissade {

/// How often a step reads the parameters: 1 + barriers. A constant of the type.
template <class R>
inline constexpr int passes = 1 + detail::traits_of<R>::extra_passes;

}  // namespace glissade
