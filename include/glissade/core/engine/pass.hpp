// One tensor's way through a segment of the chain, pass by pass.
#pragma once

#include <algorithm>
#include <array>

#include "plan.hpp"
#include "sweep.hpp"

namespace glissade::detail {

/// Where the update of a tensor is read from: the caller's gradient or the engine's scratch.
struct Source {
  const void* data = nullptr;
  bool computed = false;  // in the compute scalar, else in the parameter's
  bool negate = false;
  bool present = false;
};

/// The leaves of one segment on one tensor, on their way through the passes.
template <class Engine, class Links, class Leaves, bool Closed, bool Measured>
struct TensorRun {
  using T = typename Engine::T;
  using P = typename Engine::P;
  static constexpr std::size_t size = Leaves::size;
  template <std::size_t I>
  using LeafAt = item_t<I, Leaves>;
  template <std::size_t I>
  using R = typename LeafAt<I>::Rule;

  Engine& engine;
  std::size_t k;
  const Leaves& leaves;
  const std::array<Field*, size>& fields;

  /// What kernels read the parameters as: the caller's type, or unrounded.
  static constexpr bool keeps = Facts<Links>::keeper < Links::size;
  using X = std::conditional_t<keeps, T, P>;

  /// What the passes work on: the tensor itself or, between the two ends of a subspace, a small array
  /// whose parameters are zero.
  struct Place {
    const Tensor* tensor;
    Source source;
    X* parameters;
    P* rounded;
    std::size_t scratch;  // the first of two arrays of the engine's
  };
  Place here{&engine.tensors[k], engine.sources[k], parameters(), engine.parameters[k], 0};
  Place outside{};

  [[nodiscard]] X* parameters() const {
    if constexpr (std::is_same_v<X, P>)
      return engine.parameters[k];
    else
      return engine.states[k].links[Facts<Links>::keeper].front().template as<T>();
  }

  /// The first leaf may be the barrier whose totals are known; the last one, with Measured, the
  /// barrier that ends the segment.
  template <bool AfterBarrier>
  void begin(const double* totals) {
    if constexpr (AfterBarrier)
      pass<1>(barrier_kernel<0>(totals));
    else
      pass<0>(Row<>{});
  }

  template <std::size_t I>
  static constexpr std::size_t next_stop() {
    if constexpr (I == size)
      return size;
    else if constexpr (Barrier<R<I>> || MatrixRule<R<I>>)
      return I;
    else
      return next_stop<I + 1>();
  }

  /// One pass: the leaves from I to the next stop behind the kernels that are due already.
  template <std::size_t I, class... Due>
  void pass(const Row<Due...>& due) {
    constexpr std::size_t stop = next_stop<I>();
    const auto kernels = bind_range<I>(due, std::make_index_sequence<stop - I>{});
    constexpr bool changed = sizeof...(Due) + (stop - I) > 0;
    if constexpr (stop == size) {
      sweep_any<Closed ? Store::nothing : Store::parameters>(kernels, no_measure(), nullptr);
    } else if constexpr (MatrixRule<R<stop>>) {
      if (changed || !here.source.computed || here.source.negate)
        sweep_any<Store::update>(kernels, no_measure(), nullptr);
      if constexpr (IsEntry<R<stop>>)
        enter<stop>();
      else if constexpr (IsExit<R<stop>>)
        leave<stop>();
      else
        update_matrix<stop>();
      pass<stop + 1>(Row<>{});
    } else {
      constexpr bool ends_segment = Measured && stop + 1 == size;
      constexpr Store store = changed ? Store::update : Store::nothing;
      std::array<double, R<stop>::sums> sums{};
      sweep_any<store, ends_segment>(kernels, bind_measure<stop>(), sums.data());
      if constexpr (ends_segment) {
        std::copy(sums.begin(), sums.end(),
                  engine.tensor_sums_.begin() + static_cast<std::ptrdiff_t>(k * R<stop>::sums));
        engine.sources[k] = here.source;
      } else {
        pass<stop + 1>(barrier_kernel<stop>(sums.data()));
      }
    }
  }

  template <std::size_t I, class... Due, std::size_t... J>
  auto bind_range(const Row<Due...>& due, std::index_sequence<J...>) {
    return join(due, row_of(bind<I + J>(item<I + J>(leaves).rule->kernel(step_of<I + J>()))...));
  }

  template <std::size_t I>
  auto barrier_kernel(const double* sums) {
    if constexpr (BarrierWithKernel<R<I>>)
      return row_of(bind<I>(item<I>(leaves).rule->kernel(step_of<I>(), sums)));
    else
      return Row<>{};
  }

  template <std::size_t I>
  auto bind_measure() {
    auto bound = bind<I>(item<I>(leaves).rule->measure(step_of<I>()));
    return Measure<decltype(bound), R<I>::sums>{bound};
  }
  static NoMeasure no_measure() { return {}; }

  /// A kernel with the pointers to its slots.
  template <std::size_t I, class Kernel>
  auto bind(Kernel kernel) const {
    using Storage = typename LeafAt<I>::StorageType;
    using S = std::conditional_t<std::is_void_v<Storage>, T, Storage>;
    constexpr std::size_t slots = slots_taken<Kernel, Lane<T>, is_indexed<R<I>>, slot_count<R<I>>>();
    if constexpr (BlockCode<S> && !has_coded_slot<R<I>>(slots)) {
      Bound<Kernel, Arrays<T, slots>, is_indexed<R<I>>> bound{kernel, {}};
      for (std::size_t s = 0; s < slots; ++s) bound.slots.at[s] = fields[I][s].template as<T>();
      return bound;
    } else if constexpr (BlockCode<S>) {
      Coded<Kernel, S, slots, R<I>, T> bound{kernel, {}, {}, {}};
      for (std::size_t s = 0; s < slots; ++s) {
        if (slot_is_uncoded<R<I>>(s)) {
          bound.numbers[s] = fields[I][s].template as<T>();
          continue;
        }
        bound.codes[s] = fields[I][s].template as<std::uint8_t>();
        bound.scales[s] = reinterpret_cast<float*>(bound.codes[s] + code_bytes(tensor_size()));
      }
      return bound;
    } else {
      Bound<Kernel, Arrays<S, slots>, is_indexed<R<I>>> bound{kernel, {}};
      for (std::size_t s = 0; s < slots; ++s) bound.slots.at[s] = fields[I][s].template as<S>();
      return bound;
    }
  }

  template <std::size_t I>
  Step step_of() const {
    const LeafAt<I>& leaf = item<I>(leaves);
    return engine.step_of(k, *leaf.tensor, leaf.link, Facts<Links>::levels[leaf.link], leaf.restart,
                          {fields[I] + (scalar_count<R<I>> > 0 ? slot_count<R<I>> : 0), scalar_count<R<I>>});
  }

  template <std::size_t I>
  void update_matrix() {
    T* out = free_scratch(tensor_size());
    const auto update = matrix_update<I>(out, *here.tensor);
    if (tensor_size() > 0) item<I>(leaves).rule->update(step_of<I>(), update);
    here.source = Source{out, true, false, true};
  }

  /// What comes behind, up to the exit, runs on the image of the update in the subspace.
  template <std::size_t I>
  void enter() {
    const Tensor& small = *item<I>(leaves).rule->within;
    const auto room = static_cast<std::size_t>(small.size());
    T* out = engine.scratch(2, small.size());
    item<I>(leaves).rule->subspace->project(step_of<I>(), matrix_update<I>(out, *here.tensor));
    engine.zeros_.reserve(room * (std::max)(sizeof(X), sizeof(P)));
    outside = here;
    here = {&small, Source{out, true, false, true}, reinterpret_cast<X*>(engine.zeros_.data()),
            reinterpret_cast<P*>(engine.zeros_.data()), 2};
  }

  template <std::size_t I>
  void leave() {
    constexpr std::size_t entry = entry_of<I>();
    const T* small = static_cast<const T*>(here.source.data);
    const T* update = static_cast<const T*>(outside.source.data);
    here = outside;
    T* out = free_scratch(tensor_size());
    auto lifted = matrix_update<entry>(out, *here.tensor);
    lifted.in = small;
    item<I>(leaves).rule->subspace->lift(step_of<entry>(), lifted, update);
    here.source = Source{out, true, false, true};
  }

  /// The entry that belongs to exit I.
  template <std::size_t I>
  static constexpr std::size_t entry_of() {
    if constexpr (IsEntry<R<I - 1>>)
      return I - 1;
    else
      return entry_of<I - 1>();
  }

  template <std::size_t I>
  MatrixUpdate<T, X> matrix_update(T* out, const Tensor& tensor) {
    MatrixUpdate<T, X> update{
        static_cast<const T*>(here.source.data), out, here.parameters, tensor, {}, engine.workspace_};
    std::size_t s = 0;
    item<I>(leaves).rule->fields(tensor, [&](std::string_view, Index, Index) {
      update.fields[s] = fields[I][s].template as<T>();
      ++s;
    });
    return update;
  }

  /// An array that the update does not lie in.
  T* free_scratch(Index room) {
    const bool taken = here.source.data == engine.scratch_[here.scratch].data();
    return engine.scratch(here.scratch + (taken ? 1 : 0), room);
  }

  [[nodiscard]] Index tensor_size() const { return here.tensor->size(); }

  template <Store store, bool Keep = false, class Kernels, class M>
  void sweep_any(const Kernels& kernels, const M& measure, double* totals) {
    if constexpr (std::is_same_v<T, P>) {
      sweep_from<store, Keep, T>(kernels, measure, totals);
    } else {
      if (here.source.computed)
        sweep_from<store, Keep, T>(kernels, measure, totals);
      else
        sweep_from<store, Keep, P>(kernels, measure, totals);
    }
  }

  template <Store store, bool Keep, class In, class Kernels, class M>
  void sweep_from(const Kernels& kernels, const M& measure, double* totals) {
    T* out = nullptr;
    if constexpr (store == Store::update) {
      if constexpr (Keep) {
        engine.held_[k].reserve(static_cast<std::size_t>(tensor_size()) * sizeof(T));
        out = reinterpret_cast<T*>(engine.held_[k].data());
      } else {
        out = engine.scratch(here.scratch, tensor_size());
      }
    }
    StochasticRounding rounding;
    if (engine.settings_.rounding == Rounding::stochastic)
      rounding = {true, engine.seed_.derive(k).derive(rounding_stream)};
    const Streams<T, In, X, P> io{static_cast<const In*>(here.source.data),
                                  out,
                                  here.parameters,
                                  here.rounded,
                                  here.source.negate ? T(-0.0) : T(0),
                                  rounding,
                                  tensor_size() >= far ? tensor_size() : 0};
    double* partials = nullptr;
    if constexpr (M::sums > 0) {
      const auto blocks = static_cast<std::size_t>((tensor_size() + block - 1) / block);
      if (engine.partials_.size() < blocks * M::sums) engine.partials_.resize(blocks * M::sums);
      partials = engine.partials_.data();
    }
    sweep<store>(io, kernels, measure, tensor_size(), engine.settings_.threads, partials, totals);
    if constexpr (store == Store::update) here.source = Source{out, true, false, true};
  }
};

}  // namespace glissade::detail
