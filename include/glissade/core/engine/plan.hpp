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

template <class... L>
struct ChainTraits<Pack<L...>> {
  static constexpr std::size_t size = sizeof...(L);
  static constexpr int extra_passes = (0 + ... + detail::extra_passes<typename L::Rule>());
  static constexpr bool global = (false || ... || is_global<typename L::Rule>());
  static constexpr bool gated = (false || ... || Gate<typename L::Rule>);
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

/// How a new array begins: with a number, or from_parameters. `encode` where it is coded, in blocks of `size` numbers.
struct InitialValue {
  double value = 0;
  Index size = 0;
  float (*encode)(const float*, Index, bool, std::uint8_t*) = nullptr;
  bool is_signed = true;
};

/// An array that a leaf wants.
struct FieldSpec {
  std::string_view name;
  ScalarType type;
  Index rows;
  Index cols;
  InitialValue initial = {};
};

/// An array whose name and type follow from the rule's type alone.
struct KnownField {
  enum class Shape { tensor, codes, number };
  std::string_view name;
  ScalarType type;
  Shape shape;

  [[nodiscard]] bool describes(const Field& field, const Tensor& tensor) const {
    switch (shape) {
      case Shape::tensor:
        return field.matches(name, type, tensor.rows, tensor.cols);
      case Shape::codes:
        return field.matches(name, type, coded_bytes(tensor.size()), 1);
      case Shape::number:
        return field.matches(name, type, 1, 1);
    }
    return false;
  }
};

/// The arrays of a rule in the order in which they lie, up to those that its options decide on.
template <ComputeScalar T, class P, class Storage, class R>
inline constexpr auto known_fields = [] {
  using S = std::conditional_t<std::is_void_v<Storage>, T, Storage>;
  constexpr bool keeps = KeepsParameters<R> && !std::is_same_v<T, P>;
  std::array<KnownField, slot_count<R> + (keeps ? 1 : 0) + scalar_count<R>> fields{};
  std::size_t next = 0;
  for (std::size_t s = 0; s < slot_count<R>; ++s) {
    if constexpr (slot_count<R> == 0)
      break;
    else if constexpr (!BlockCode<S>)
      fields[next++] = {R::slots[s], scalar_type_of<S>, KnownField::Shape::tensor};
    else if (slot_has_full_precision<R>(s))
      fields[next++] = {R::slots[s], scalar_type_of<T>, KnownField::Shape::tensor};
    else
      fields[next++] = {R::slots[s], ScalarType::bytes, KnownField::Shape::codes};
  }
  if constexpr (keeps) fields[next++] = {R::field, scalar_type_of<T>, KnownField::Shape::tensor};
  if constexpr (scalar_count<R> != 0)
    for (const NamedScalar& number : R::scalars)
      fields[next++] = {number.name, ScalarType::float64, KnownField::Shape::number};
  return fields;
}();

/// What the parts of the engine that are the same for all rules know of a leaf.
struct LeafFields {
  using Declare = FunctionRef<const FieldSpec&>;
  std::size_t link;
  const void* rule;
  std::span<const KnownField> known;
  bool has_others;
  void (*declare_all)(const void* rule, const Tensor& tensor, const Declare& declare);

  /// Calls declare for every array of the leaf on the tensor.
  void for_each(const Tensor& tensor, const Declare& declare) const { declare_all(rule, tensor, declare); }
};
using LeafList = std::span<const LeafFields>;

template <ComputeScalar T, class P, class Storage, class R>
void declare_fields(const void* rule, const Tensor& tensor, const LeafFields::Declare& declare);

template <ComputeScalar T, class P, class... Storage, class... R>
std::array<LeafFields, sizeof...(R)> fields_of_leaves(const Pack<Leaf<Storage, R>...>& leaves) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<LeafFields, sizeof...(R)>{LeafFields{item<I>(leaves).link, item<I>(leaves).rule,
                                                           known_fields<T, P, Storage, R>, MatrixRule<R>,
                                                           &declare_fields<T, P, Storage, R>}...};
  }
  (std::index_sequence_for<R...>{});
}

/// What rules within a rule want never begins with the parameters, which they need not see.
inline FieldSpec without_parameters(FieldSpec spec) {
  if (std::isnan(spec.initial.value)) spec.initial.value = 0;
  return spec;
}

template <ComputeScalar T, class P, class Storage, class R>
void declare_fields(const void* untyped, const Tensor& tensor, const LeafFields::Declare& declare) {
  [[maybe_unused]] const R& rule = *static_cast<const R*>(untyped);
  [[maybe_unused]] std::size_t slot = 0;
  for (const KnownField& field : known_fields<T, P, Storage, R>) {
    InitialValue initial{from_parameters};  // unrounded parameters
    if (slot < slot_count<R>) {
      initial.value = 0;
      if constexpr (requires { rule.initial(slot); }) initial.value = rule.initial(slot);
    } else if constexpr (scalar_count<R> > 0) {
      if (field.shape == KnownField::Shape::number)
        initial.value = R::scalars[slot - (known_fields<T, P, Storage, R>.size() - scalar_count<R>)].initial;
    }
    if constexpr (BlockCode<Storage>)
      if (field.shape == KnownField::Shape::codes) {
        initial.size = tensor.size();
        initial.encode = &encode_block<Storage>;
        initial.is_signed = !slot_is_non_negative<R>(slot);
      }
    const bool whole = field.shape == KnownField::Shape::tensor;
    const Index rows = whole ? tensor.rows : field.shape == KnownField::Shape::number ? 1 : coded_bytes(tensor.size());
    declare({field.name, field.type, rows, whole ? tensor.cols : 1, initial});
    ++slot;
  }
  if constexpr (MatrixRule<R>)
    rule.fields(tensor, [&](std::string_view name, Index rows, Index cols) {
      declare({name, scalar_type_of<T>, rows, cols});
    });
  if constexpr (RunsInnerRule<R>) {
    const Tensor within = rule.within(tensor);
    const auto links = flatten<Storage>(rule.inner);
    static_assert(!ChainTraits<std::remove_const_t<decltype(links)>>::global,
                  "a gate, a barrier over all tensors or master weights stand in the chain itself, "
                  "not inside a rule that is run on a matrix");
    choose_leaves(links, within, [&](const auto& leaves) {
      for (const LeafFields& leaf : fields_of_leaves<T, P>(leaves))
        leaf.for_each(within, [&](const FieldSpec& spec) { declare(without_parameters(spec)); });
    });
  }
}

/// Fills a field, all zero bits, with its initial value, or with the parameters.
template <class P>
void fill(Field& field, const InitialValue& initial, const P* parameters) {
  const auto put = [&](auto* values, Index begin, Index end) {
    using S = std::remove_pointer_t<decltype(values)>;
    for (Index i = begin; i < end; ++i)
      *values++ = std::isnan(initial.value) ? convert<S>(parameters[i]) : convert<S>(initial.value);
  };
  if (initial.value == 0) return;
  if (initial.encode != nullptr) {
    auto* codes = field.as<std::uint8_t>();
    auto* scales = reinterpret_cast<float*>(codes + code_bytes(initial.size));
    std::array<float, std::size_t{code_block}> values;
    for (Index i = 0; i < initial.size; i += code_block) {
      const Index count = (std::min)(code_block, initial.size - i);
      put(values.data(), i, i + count);
      scales[i / code_block] = initial.encode(values.data(), count, initial.is_signed, codes + i);
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

/// Makes the fields of links [first, last) what the leaves want; those of the same name and shape are kept.
template <class P>
void remake_fields(const Tensor& tensor, const P* parameters, TensorState& state, LeafList leaves, std::size_t first,
                   std::size_t last) {
  std::vector<Fields> old(last - first);
  for (std::size_t link = first; link < last; ++link) old[link - first].swap(state.links[link]);
  for (const LeafFields& leaf : leaves)
    leaf.for_each(tensor, [&](const FieldSpec& wanted) {
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
        fill(now.back(), wanted.initial, parameters);
      }
    });
}

/// The first field of every leaf of links [first, last), in `located`; null where it has none. False where the fields
/// are not what the leaves want.
inline bool find_fields(const Tensor& tensor, TensorState& state, LeafList leaves, std::size_t first, std::size_t last,
                        std::span<Field*> located) {
  std::size_t link = first;
  std::size_t position = 0;
  std::size_t wanted = 0;
  bool fits = true;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    position = leaves[i].link == link ? position : 0;
    link = leaves[i].link;
    Fields& present = state.links[link];
    located[i] = position < present.size() ? &present[position] : nullptr;
    wanted += leaves[i].known.size();
    for (const KnownField& field : leaves[i].known) {
      fits = fits && position < present.size() && field.describes(present[position], tensor);
      ++position;
    }
    if (!leaves[i].has_others) continue;
    std::size_t skipped = leaves[i].known.size();
    leaves[i].for_each(tensor, [&](const FieldSpec& field) {
      if (skipped > 0) {
        --skipped;
        return;
      }
      fits = fits && position < present.size() &&
             present[position].matches(field.name, field.type, field.rows, field.cols);
      ++position;
      ++wanted;
    });
  }
  for (std::size_t l = first; l < last; ++l) wanted -= state.links[l].size();
  return fits && wanted == 0;
}

/// As find_fields. Where the fields are not what the leaves want (at the first step, or because an option has
/// changed), they are made anew.
template <class P>
void locate_fields(const Tensor& tensor, const P* parameters, TensorState& state, LeafList leaves, std::size_t first,
                   std::size_t last, std::span<Field*> located) {
  if (find_fields(tensor, state, leaves, first, last, located)) return;
  remake_fields(tensor, parameters, state, leaves, first, last);
  find_fields(tensor, state, leaves, first, last, located);
}

}  // namespace glissade::detail

namespace glissade {

/// How often a step reads the parameters: 1 + barriers. A constant of the type.
template <class R>
inline constexpr int passes = 1 + detail::traits_of<R>::extra_passes;

}  // namespace glissade
