// From links to leaves: which rules run on a tensor, and where their arrays are.
#pragma once

#include <array>
#include <tuple>

#include "chain.hpp"

namespace glissade::detail {

/// A rule ready to run on a tensor, and the link of the chain that it belongs to.
template <class Storage, class R>
struct Leaf {
  using Rule = R;
  using StorageType = Storage;
  const R* rule;
  std::size_t link;
};

template <std::size_t I = 0, class Links, class Done, class Run>
void choose_all(const Links& links, const Tensor& tensor, std::size_t link, std::size_t stride,
                const Done& done, const Run& run);

/// run(leaves): the link's rule, or what its selector chooses for this tensor.
template <class L, class Run>
void choose(const L& link, const Tensor& tensor, std::size_t number, const Run& run) {
  using R = typename L::Rule;
  using S = typename L::StorageType;
  if constexpr (Selector<R>) {
    link.rule.select(tensor, [&](const auto& chosen) {
      using Chosen = std::remove_cvref_t<decltype(chosen)>;
      static_assert(!Facts<flat_t<Chosen>>::global,
                    "a gate, a barrier over all tensors or master weights stand in the chain itself, "
                    "not inside a rule that is chosen tensor by tensor");
      choose_all(flatten<S>(chosen), tensor, number, 0, std::tuple<>{}, run);
    });
  } else {
    run(std::tuple<Leaf<S, R>>{Leaf<S, R>{&link.rule, number}});
  }
}

/// run(tuple of Leafs) for a tuple of links, numbered link, link + stride, ...
template <std::size_t I, class Links, class Done, class Run>
void choose_all(const Links& links, const Tensor& tensor, std::size_t link, std::size_t stride,
                const Done& done, const Run& run) {
  if constexpr (I == std::tuple_size_v<Links>)
    run(done);
  else
    choose(std::get<I>(links), tensor, link + I * stride, [&](const auto& leaves) {
      choose_all<I + 1>(links, tensor, link, stride, std::tuple_cat(done, leaves), run);
    });
}

/// Links [Begin, End) as a tuple of references.
template <std::size_t Begin, std::size_t End, class Links>
auto slice(const Links& links) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tie(std::get<Begin + I>(links)...);
  }(std::make_index_sequence<End - Begin>{});
}

/// Calls declare(name, type, rows, cols, initial) for every array of a rule on a tensor.
template <ComputeScalar T, class P, class Storage, class R, class Declare>
void declare_fields(const Leaf<Storage, R>& leaf, const Tensor& tensor, const Declare& declare) {
  using S = std::conditional_t<std::is_void_v<Storage>, T, Storage>;
  const R& rule = *leaf.rule;
  if constexpr (slot_count<R> > 0)
    for (std::size_t s = 0; s < slot_count<R>; ++s) {
      double initial = 0;
      if constexpr (requires { rule.initial(s); }) initial = rule.initial(s);
      if constexpr (BlockCode<S>)
        declare(R::slots[s], ScalarType::bytes, coded_bytes(tensor.size()), Index{1}, initial);
      else
        declare(R::slots[s], scalar_type_of<S>, tensor.rows, tensor.cols, initial);
    }
  if constexpr (KeepsParameters<R> && !std::is_same_v<T, P>)
    declare(R::field, scalar_type_of<T>, tensor.rows, tensor.cols, from_parameters);
  if constexpr (MatrixRule<R>)
    rule.fields(tensor, [&](std::string_view name, Index rows, Index cols) {
      declare(name, scalar_type_of<T>, rows, cols, 0.0);
    });
  if constexpr (scalar_count<R> > 0)
    for (const NamedScalar& number : R::scalars)
      declare(number.name, ScalarType::float64, Index{1}, Index{1}, number.initial);
}

/// Fills a new field with its initial value, or with the parameters.
template <class P>
void fill(Field& field, double initial, const P* parameters) {
  const auto put = [&](auto* values) {
    using S = std::remove_pointer_t<decltype(values)>;
    for (Index i = 0; i < field.size(); ++i)
      values[i] = std::isnan(initial) ? convert<S>(parameters[i]) : convert<S>(initial);
  };
  switch (field.type()) {
    case ScalarType::float32: return put(field.as<float>());
    case ScalarType::float64: return put(field.as<double>());
    case ScalarType::bfloat16: return put(field.as<Eigen::bfloat16>());
    case ScalarType::float16: return put(field.as<Eigen::half>());
    case ScalarType::int64:
    case ScalarType::bytes: return;
  }
}

/// The first field of every leaf of links [first, last). Where the fields are not what the leaves
/// want (at the first step, or because an option has changed), they are made anew; those of the same
/// name and shape are kept.
template <ComputeScalar T, class P, class... L>
std::array<Field*, sizeof...(L) + 1> locate_fields(const Tensor& tensor, const P* parameters,
                                                   TensorState& state, const std::tuple<L...>& leaves,
                                                   std::size_t first, std::size_t last) {
  const auto for_each_field = [&](const auto& visit) {
    std::size_t link = first;
    std::size_t position = 0;
    const auto enter = [&](std::size_t next) {
      if (next != link) position = 0;
      link = next;
    };
    std::apply(
        [&](const auto&... leaf) {
          ((enter(leaf.link),
            declare_fields<T, P>(leaf, tensor,
                              [&](std::string_view name, ScalarType type, Index rows, Index cols,
                                  double initial) {
                                visit(link, position++, name, type, rows, cols, initial);
                              })),
           ...);
        },
        leaves);
  };

  std::size_t wanted = 0;
  bool fits = true;
  for_each_field([&](std::size_t link, std::size_t position, std::string_view name, ScalarType type,
                     Index rows, Index cols, double) {
    ++wanted;
    fits = fits && position < state.links[link].size() &&
           state.links[link][position].matches(name, type, rows, cols);
  });
  std::size_t present = 0;
  for (std::size_t link = first; link < last; ++link) present += state.links[link].size();

  if (!fits || wanted != present) {
    std::vector<Fields> old(last - first);
    for (std::size_t link = first; link < last; ++link) old[link - first].swap(state.links[link]);
    for_each_field([&](std::size_t link, std::size_t, std::string_view name, ScalarType type,
                       Index rows, Index cols, double initial) {
      Fields& before = old[link - first];
      const auto same = std::find_if(before.begin(), before.end(), [&](const Field& field) {
        return field.matches(name, type, rows, cols);
      });
      if (same != before.end()) {
        state.links[link].push_back(std::move(*same));
        before.erase(same);
      } else {
        state.links[link].emplace_back(name, type, rows, cols, tensor.row_major);
        if (initial != 0) fill(state.links[link].back(), initial, parameters);
      }
    });
  }

  std::array<Field*, sizeof...(L) + 1> located{};
  std::size_t link = first;
  std::size_t position = 0;
  std::size_t index = 0;
  std::apply(
      [&](const auto&... leaf) {
        ((position = leaf.link == link ? position : 0, link = leaf.link,
          located[index++] = state.links[link].data() + position,
          declare_fields<T, P>(leaf, tensor, [&](auto&&...) { ++position; })),
         ...);
      },
      leaves);
  return located;
}

}  // namespace glissade::detail
