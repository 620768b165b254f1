// One tensor's way through a segment of the chain, pass by pass.
#pragma once

#include <algorithm>
#include <array>

#include "plan.hpp"
#include "sweep.hpp"

namespace glissade::detail {

/// What holds for a whole step.
struct StepSettings {
  int threads = 1;
  std::uint64_t seed = 0;
  Rounding rounding = Rounding::nearest;
  const ToldNumbers* told = nullptr;
};

/// What the rules of one tensor are told of a step.
struct StepOfTensor {
  const Tensor* tensor;
  RandomKey seed;  // of the optimizer
  std::int64_t call;
  Counts of_tensor;  // before the step
  Counts of_all;
  std::size_t first_after_gates;  // link
  std::vector<Fields>* shared = nullptr;
  double* scratch = nullptr;
  const ToldNumbers* told = nullptr;

  /// A key of its own for this step and tensor.
  [[nodiscard]] RandomKey key() const { return seed.derive(static_cast<std::uint64_t>(call)).derive(tensor->index); }
  /// `numbers` are the scalars of the rule.
  [[nodiscard]] EIGEN_ALWAYS_INLINE Step for_link(std::size_t link, std::span<Field> numbers) const {
    const bool gated = link < first_after_gates;
    double* const values =
        shared == nullptr || (*shared)[link].empty() ? nullptr : (*shared)[link].front().template as<double>();
    Step step{*tensor,
              1 + (gated ? of_tensor.calls : of_tensor.updates),
              gated ? of_all.calls : of_all.updates,
              link,
              seed,
              call,
              values,
              scratch,
              told};
    for (std::size_t s = 0; s < numbers.size(); ++s) step.scalars[s] = numbers[s].template as<double>();
    return step;
  }
};

/// Room for `size` scalars.
template <StorageScalar T>
T* reserve(Buffer& buffer, Index size) {
  buffer.reserve(static_cast<std::size_t>(size) * sizeof(T));
  return reinterpret_cast<T*>(buffer.data());
}

/// What a matrix rule with a rule inside is given: the matrix, and the inner rule's memory, which is part of its own.
template <class Storage, ComputeScalar T, StorageScalar P>
class InnerRun : public MatrixUpdate<T, P> {
 public:
  InnerRun(const MatrixUpdate<T, P>& matrix, Field* memory, Workspace& work, const StepSettings& settings)
      : MatrixUpdate<T, P>(matrix), memory_(memory), work_(&work), settings_(settings) {
    if (work.inner == nullptr) work.inner = std::make_unique<Workspace>();
  }

  /// to <- inner(from), of the shape of `within`; the inner rule sees zeros as parameters, or these, and takes the step
  /// for its `count`-th.
  template <class Inner>
  void run(const Inner& inner, const Step& step, std::int64_t count, const Tensor& within, const T* from, T* to,
           const P* seen = nullptr) const;

  /// Gives the inner rule its first arrays again.
  template <class Inner>
  void restart(const Inner& inner, const Tensor& within) const {
    Field* field = memory_;
    declare_inner<T, P, Storage>(inner, within, [&](const FieldSpec& spec) {
      std::fill_n(field->data(), field->bytes(), std::byte{0});
      fill(*field++, spec, static_cast<const P*>(nullptr));
    });
  }

 private:
  Field* memory_;
  Workspace* work_;
  StepSettings settings_;
};

/// The leaves of one segment on one tensor, on their way through the passes. X is what kernels read the parameters as:
/// the caller's type P, or unrounded. Last: what the last pass stores.
template <StorageScalar P, StorageScalar X, class Leaves, Store Last, bool Measured>
struct Pass {
  using T = compute_t<P>;
  static constexpr std::size_t size = Leaves::size;
  template <std::size_t I>
  using LeafAt = item_t<I, Leaves>;
  template <std::size_t I>
  using R = typename LeafAt<I>::Rule;

  const Leaves& leaves;
  const std::array<Field*, size>& fields;
  const StepOfTensor& step;
  const StepSettings& settings;
  Workspace& work;
  const X* parameters;     // as kernels read them
  X* kept;                 // the same, where X is not P
  P* target;               // the caller's
  Source source;           // of the update
  T* out = nullptr;        // where the last pass stores the update
  Buffer* held = nullptr;  // where a barrier over all tensors finds it later
  double* sums = nullptr;  // and what that barrier has measured

  /// The first leaf may be the barrier whose totals are known; the last one, with Measured, the barrier that ends the
  /// segment.
  template <bool AfterBarrier>
  void begin(const double* totals) {
    if constexpr (AfterBarrier)
      pass<1>(barrier_kernel<0>(totals));
    else
      pass<0>(Pack<>{});
  }

 private:
  template <std::size_t I>
  static constexpr std::size_t next_stop() {
    if constexpr (I == size)
      return size;
    else if constexpr (Barrier<R<I>> || MatrixRule<R<I>>)
      return I;
    else
      return next_stop<I + 1>();
  }

  /// One pass: the leaves from I to the next stop after the kernels that are due already.
  template <std::size_t I, class... Due>
  void pass(const Pack<Due...>& due) {
    constexpr std::size_t stop = next_stop<I>();
    const auto kernels = [&]<std::size_t... J>(std::index_sequence<J...>) {
      return join(due, pack(bind<I + J>(rule<I + J>().kernel(step_of<I + J>()))...));
    }
    (std::make_index_sequence<stop - I>{});
    constexpr bool changed = sizeof...(Due) + (stop - I) > 0;
    constexpr bool ends_segment = Measured && stop + 1 == size;
    if constexpr (stop == size) {
      sweep_any<Last>(kernels, out, nullptr);
    } else if constexpr (MatrixRule<R<stop>>) {
      if (changed || !source.computed || source.negate)
        sweep_any<Store::update>(kernels, reserve<T>(work.scratch[0], tensor_size()), nullptr);
      update_matrix<stop>();
      pass<stop + 1>(Pack<>{});
    } else {
      // What a matrix rule has left in scratch must not wait there for the other tensors.
      constexpr bool stores = changed || (ends_segment && I > 0);
      constexpr std::size_t count = R<stop>::sums;
      std::array<double, count> found{};
      Buffer& room = ends_segment ? *held : work.scratch[0];
      sweep_any<stores ? Store::update : Store::nothing>(
          join(kernels, pack(bind<stop, R<stop>::sums>(rule<stop>().measure(step_of<stop>())))),
          stores ? reserve<T>(room, tensor_size()) : nullptr, found.data());
      if constexpr (ends_segment)
        std::copy(found.begin(), found.end(), sums);
      else
        pass<stop + 1>(barrier_kernel<stop>(found.data()));
    }
  }

  template <std::size_t I>
  [[nodiscard]] const R<I>& rule() const {
    return *item<I>(leaves).rule;
  }
  template <std::size_t I>
  auto barrier_kernel(const double* totals) {
    if constexpr (requires { rule<I>().kernel(step_of<I>(), totals); })
      return pack(bind<I>(rule<I>().kernel(step_of<I>(), totals)));
    else
      return Pack<>{};
  }

  /// A kernel with the pointers to its slots.
  template <std::size_t I, int Sums = 0, class Kernel>
  auto bind(const Kernel& kernel) const {
    return bind_kernel<typename LeafAt<I>::StorageType, R<I>, T, Sums>(kernel, fields[I], tensor_size());
  }

  template <std::size_t I>
  Step step_of() const {
    return step.for_link(item<I>(leaves).link,
                         {fields[I] + (scalar_count<R<I>> > 0 ? slot_count<R<I>> : 0), scalar_count<R<I>>});
  }

  /// The update lies in scratch 0 or where it came from; the matrix rule's goes to scratch 1, or 0 where it lies there.
  template <std::size_t I>
  void update_matrix() {
    const bool taken = source.data == work.scratch[0].data();
    T* const result = reserve<T>(work.scratch[taken ? 1 : 0], tensor_size());
    MatrixUpdate<T, X> matrix{static_cast<const T*>(source.data), result, parameters, *step.tensor, {}, work.matrix};
    const auto& rule = this->rule<I>();
    Field* field = fields[I] + (slot_count<R<I>> + scalar_count<R<I>>);
    std::size_t s = 0;
    rule.fields(*step.tensor,
                [&](std::string_view, Index, Index) { matrix.fields[s++] = (field++)->template as<T>(); });
    if (tensor_size() > 0) {
      if constexpr (RunsInnerRule<R<I>>)
        rule.update(step_of<I>(), InnerRun<typename LeafAt<I>::StorageType, T, X>(matrix, field, work, settings));
      else
        rule.update(step_of<I>(), matrix);
    }
    source = Source{result, true, false, true};
  }

  [[nodiscard]] Index tensor_size() const { return step.tensor->size(); }

  template <Store store, class Kernels>
  void sweep_any(const Kernels& kernels, T* stored, double* totals) {
    if (std::is_same_v<T, P> || source.computed)
      sweep_from<store, T>(kernels, stored, totals);
    else
      sweep_from<store, P>(kernels, stored, totals);
  }

  template <Store store, class In, class Kernels>
  void sweep_from(const Kernels& kernels, T* stored, double* totals) {
    const Index count = tensor_size();
    StochasticRounding rounding;
    if (settings.rounding == Rounding::stochastic) rounding = {true, step.key().derive(rounding_stream)};
    const Streams<T, In, X, P> io{static_cast<const In*>(source.data),
                                  stored,
                                  parameters,
                                  kept,
                                  target,
                                  source.negate ? T(-0.0) : T(0),
                                  rounding,
                                  count >= far ? count : 0,
                                  count >= farther && reinterpret_cast<std::uintptr_t>(stored) % 64 == 0};
    if constexpr (sums_of<Kernels> != 0) {
      const auto room = static_cast<std::size_t>((count + block - 1) / block * sums_of<Kernels>);
      if (work.partials.size() < room) work.partials.resize(room);
    }
    sweep<store>(io, kernels, count, settings.threads, work.partials.data(), totals);
    if constexpr (store == Store::update) source = Source{stored, true, false, true};
  }
};

template <class Storage, ComputeScalar T, StorageScalar P>
template <class Inner>
void InnerRun<Storage, T, P>::run(const Inner& inner, const Step& step, std::int64_t count, const Tensor& within,
                                  const T* from, T* to, const P* seen) const {
  const auto links = flatten<Storage>(inner);
  if (seen == nullptr) seen = reserve<P>(work_->zeros, within.size());
  const auto use = [&](const auto& leaves) {
    using Leaves = std::remove_cvref_t<decltype(leaves)>;
    // All leaves of an inner rule share the link of the matrix rule.
    const auto first = first_fields<T, P>(leaves, within, [&](std::size_t, std::size_t n) { return memory_ + n; });
    const Counts done{count - 1, count - 1};
    const StepOfTensor told{&within, step.seed, step.call, done,          {step.time, step.time},
                            0,       nullptr,   nullptr,   settings_.told};
    const StepSettings settings{settings_.threads, settings_.seed, Rounding::nearest, settings_.told};
    Pass<P, P, Leaves, Store::update, false> pass{
        leaves, first, told, settings, *work_->inner, seen, nullptr, nullptr, Source{from, true, false, true}, to};
    pass.template begin<false>(nullptr);
  };
  choose_leaves<0, std::remove_const_t<decltype(links)>::size>(links, within, step.link, 0, Pack<>{}, use);
}

}  // namespace glissade::detail
