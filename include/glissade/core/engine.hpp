// The engine: takes a flattened chain through its passes, tensor by tensor.
//
// The chain splits at barriers. A barrier over one tensor separates two passes over that tensor; a
// barrier over all tensors (a global norm, a gate that looks at every gradient) separates two
// segments, and a segment finishes on all tensors before the next one begins.
#pragma once

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "layout.hpp"
#include "sweep.hpp"

namespace glissade::detail {

/// Where the update of a tensor is read from: the caller's gradient or the engine's scratch.
struct Source {
  const void* data = nullptr;
  bool computed = false;  // in the compute scalar, else in the parameter's
  bool negate = false;
  bool present = false;
};

/// What holds for a whole step.
struct StepSettings {
  int threads = 1;
  std::uint64_t seed = 0;
  Rounding rounding = Rounding::nearest;
};

template <StorageScalar P>
class Engine {
 public:
  using T = compute_t<P>;

  std::vector<Tensor> tensors;
  std::vector<P*> parameters;
  std::vector<Source> sources;  // one a tensor, set before every step
  std::vector<TensorState> states;
  std::vector<Fields> shared;        // numbers of the optimizer, one list a link
  std::vector<std::int64_t> counts;  // completed steps before each gate and at the end
  std::int64_t calls = 0;            // of step, whatever the gates said

  void add(Tensor tensor, P* data) {
    tensor.index = tensors.size();
    tensors.push_back(std::move(tensor));
    parameters.push_back(data);
    sources.emplace_back();
    states.emplace_back();
    held_.emplace_back();
  }

  /// Makes the state that the rule wants; what is there already and still fits is kept.
  template <class R>
  void prepare(const R& rule) {
    const auto links = flatten<void>(rule);
    using Links = std::remove_const_t<decltype(links)>;
    constexpr std::size_t count = std::tuple_size_v<Links>;
    counts.resize(Facts<Links>::gates + 1);
    shared.resize(count);
    prepare_shared(links, std::make_index_sequence<count>{});
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      states[k].links.resize(count);
      states[k].counts.resize(counts.size());
      choose_all(slice<0, count>(links), tensors[k], 0, 1, std::tuple<>{},
                 [&](const auto& leaves) { fields_of(k, leaves, 0, count); });
    }
  }

  template <class R>
  void step(const R& rule, const StepSettings& settings) {
    settings_ = settings;
    seed_ = RandomKey{settings.seed}.derive(static_cast<std::uint64_t>(calls));
    const auto links = flatten<void>(rule);
    const std::size_t reached = segment<0>(links, nullptr);
    for (std::size_t level = 0; level <= reached; ++level) {
      ++counts[level];
      for (std::size_t k = 0; k < tensors.size(); ++k)
        if (sources[k].present) ++states[k].counts[level];
    }
    ++calls;
  }

  /// The number of that name which a link of the chain keeps for the whole optimizer, or null.
  template <class R>
  [[nodiscard]] const double* shared_number(std::string_view name) const {
    const double* found = nullptr;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto look = [&]<class Link>(std::type_identity<Link>, std::size_t link) {
        if constexpr (shared_count<typename Link::Rule> > 0)
          for (std::size_t s = 0; s < Link::Rule::shared.size(); ++s)
            if (found == nullptr && Link::Rule::shared[s].name == name)
              found = shared[link].front().template as<double>() + s;
      };
      (look(std::type_identity<std::tuple_element_t<I, flat_t<R>>>{}, I), ...);
    }(std::make_index_sequence<std::tuple_size_v<flat_t<R>>>{});
    return found;
  }

  /// The argument of schedules in the coming step, for the links behind the last gate.
  [[nodiscard]] std::int64_t time() const { return counts.empty() ? 0 : counts.back(); }

 private:
  template <class Links, std::size_t I>
  using RuleAt = typename std::tuple_element_t<I, Links>::Rule;

  /// The first link in [From, To) of the given kind, or To.
  template <class Links, std::size_t From, std::size_t To, bool Absorbing>
  static constexpr std::size_t find() {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      std::size_t found = To;
      ((found = found == To && (Absorbing ? AbsorbingGate<RuleAt<Links, From + I>>
                                          : GlobalBarrier<RuleAt<Links, From + I>>)
                    ? From + I
                    : found),
       ...);
      return found;
    }(std::make_index_sequence<To - From>{});
  }

  /// How many gates stand before link I: the count that the link's rule lives by.
  template <class Links, std::size_t I>
  static constexpr std::size_t level() {
    return []<std::size_t... J>(std::index_sequence<J...>) {
      return (std::size_t{0} + ... + std::size_t{Gate<RuleAt<Links, J>>});
    }(std::make_index_sequence<I>{});
  }

  /// Runs everything from link From on; link From - 1 is the barrier that the totals are of.
  /// Returns the level that the step has reached.
  template <std::size_t From, class Links>
  std::size_t segment(const Links& links, const double* totals) {
    constexpr std::size_t size = std::tuple_size_v<Links>;
    constexpr std::size_t end = find<Links, From, size, false>();
    if (const auto closed = absorb<From, From, end>(links, totals)) return *closed;
    if constexpr (end < size) {
      using R = RuleAt<Links, end>;
      const auto& rule = std::get<end>(links).rule;
      std::array<double, R::sums> sums{};
      for (std::size_t k = 0; k < tensors.size(); ++k)
        for (std::size_t s = 0; s < R::sums; ++s) sums[s] += tensor_sums_[k * R::sums + s];
      if constexpr (AdmittingGate<R>) {
        const std::span<const double> each(tensor_sums_.data(), tensors.size() * R::sums);
        if (!rule.admit(Admission{tensors, each, sums, shared_values(end)}))
          return level<Links, end>();
      }
      return segment<end + 1>(links, sums.data());
    } else {
      return level<Links, size>();
    }
  }

  /// Asks the absorbing gates of a segment in turn, then runs the segment up to the first closed
  /// one. Returns the level of that gate, or nothing when all are open.
  template <std::size_t From, std::size_t Next, std::size_t End, class Links>
  std::optional<std::size_t> absorb(const Links& links, const double* totals) {
    constexpr std::size_t gate = find<Links, Next, End, true>();
    if constexpr (gate < End) {
      const auto& rule = std::get<gate>(links).rule;
      double* memory = shared_values(gate);
      const bool open = rule.opens(memory);
      std::optional<std::size_t> closed;
      if (open) {
        closed = absorb<From, gate + 1, End>(links, totals);
      } else {
        run_segment<From, gate + 1, true>(links, totals);
        closed = level<Links, gate>();
      }
      rule.advance(memory, open);
      return closed;
    } else {
      run_segment<From, End, false>(links, totals);
      return std::nullopt;
    }
  }

  /// One segment on all tensors. Closed: state only, parameters stay.
  template <std::size_t From, std::size_t End, bool Closed, class Links>
  void run_segment(const Links& links, const double* totals) {
    constexpr std::size_t size = std::tuple_size_v<Links>;
    if constexpr (!Closed && End < size) {
      constexpr std::size_t sums = RuleAt<Links, End>::sums;
      tensor_sums_.assign(tensors.size() * sums, 0.0);
    }
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      if (!sources[k].present) continue;
      constexpr std::size_t first = From == 0 ? 0 : From - 1;
      constexpr std::size_t last = !Closed && End < size ? End + 1 : End;
      choose_all(slice<first, last>(links), tensors[k], first, 1, std::tuple<>{},
                 [&](const auto& leaves) {
                   using Leaves = std::remove_cvref_t<decltype(leaves)>;
                   const auto fields = fields_of(k, leaves, first, last);
                   Run<Links, Leaves, Closed, (last > End)> run{*this, k, leaves, fields};
                   run.template begin<(From > 0)>(totals);
                 });
    }
  }

  double* shared_values(std::size_t link) {
    return shared[link].empty() ? nullptr : shared[link].front().template as<double>();
  }

  /// The leaves of one segment on one tensor, on their way through the passes.
  template <class Links, class Leaves, bool Closed, bool Measured>
  struct Run {
    static constexpr std::size_t size = std::tuple_size_v<Leaves>;
    template <std::size_t I>
    using LeafAt = std::tuple_element_t<I, Leaves>;
    template <std::size_t I>
    using R = typename LeafAt<I>::Rule;

    Engine& engine;
    std::size_t k;
    const Leaves& leaves;
    const std::array<Field*, size + 1>& fields;
    Source source = engine.sources[k];

    /// What kernels read the parameters as: the caller's type, or unrounded.
    static constexpr bool keeps = Facts<Links>::keeper < std::tuple_size_v<Links>;
    using X = std::conditional_t<keeps, T, P>;
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
        pass<0>(std::tuple<>{});
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
    void pass(const std::tuple<Due...>& due) {
      constexpr std::size_t stop = next_stop<I>();
      const auto kernels = bind_range<I>(due, std::make_index_sequence<stop - I>{});
      constexpr bool changed = sizeof...(Due) + (stop - I) > 0;
      if constexpr (stop == size) {
        sweep_any<Closed ? Store::nothing : Store::parameters>(kernels, no_measure(), nullptr);
      } else if constexpr (MatrixRule<R<stop>>) {
        if (changed || !source.computed || source.negate)
          sweep_any<Store::update>(kernels, no_measure(), nullptr);
        update_matrix<stop>();
        pass<stop + 1>(std::tuple<>{});
      } else {
        constexpr bool ends_segment = Measured && stop + 1 == size;
        constexpr Store store = changed ? Store::update : Store::nothing;
        std::array<double, R<stop>::sums> sums{};
        sweep_any<store, ends_segment>(kernels, bind_measure<stop>(), sums.data());
        if constexpr (ends_segment) {
          std::copy(sums.begin(), sums.end(), engine.tensor_sums_.begin() +
                                                  static_cast<std::ptrdiff_t>(k * R<stop>::sums));
          engine.sources[k] = source;
        } else {
          pass<stop + 1>(barrier_kernel<stop>(sums.data()));
        }
      }
    }

    template <std::size_t I, class... Due, std::size_t... J>
    auto bind_range(const std::tuple<Due...>& due, std::index_sequence<J...>) {
      return std::tuple_cat(due, std::make_tuple(bind<I + J>(leaf<I + J>().kernel(step_of<I + J>()))...));
    }

    template <std::size_t I>
    auto barrier_kernel(const double* sums) {
      if constexpr (BarrierWithKernel<R<I>>)
        return std::make_tuple(bind<I>(leaf<I>().kernel(step_of<I>(), sums)));
      else
        return std::tuple<>{};
    }

    template <std::size_t I>
    auto bind_measure() {
      auto bound = bind<I>(leaf<I>().measure(step_of<I>()));
      return Measure<decltype(bound), R<I>::sums>{bound};
    }
    static NoMeasure no_measure() { return {}; }

    template <std::size_t I>
    const R<I>& leaf() const {
      return *std::get<I>(leaves).rule;
    }

    /// A kernel with the pointers to its slots.
    template <std::size_t I, class Kernel>
    auto bind(Kernel kernel) const {
      using Storage = typename LeafAt<I>::StorageType;
      using S = std::conditional_t<std::is_void_v<Storage>, T, Storage>;
      constexpr std::size_t slots = slot_count<R<I>>;
      if constexpr (BlockCode<S>) {
        Coded<Kernel, S, slots, is_indexed<R<I>>> bound{kernel, {}, {}, {}};
        for (std::size_t s = 0; s < slots; ++s) {
          bound.codes[s] = fields[I][s].template as<std::uint8_t>();
          bound.scales[s] = reinterpret_cast<float*>(bound.codes[s] + code_bytes(tensor_size()));
          bound.is_signed[s] = !slot_is_non_negative<R<I>>(s);
        }
        return bound;
      } else {
        Bound<Kernel, S, slots, is_indexed<R<I>>> bound{kernel, {}};
        for (std::size_t s = 0; s < slots; ++s) bound.slots[s] = fields[I][s].template as<S>();
        return bound;
      }
    }

    template <std::size_t I>
    Step step_of() const {
      const std::size_t link = std::get<I>(leaves).link;
      const std::size_t at = link_level(link);
      Step step{engine.tensors[k], engine.states[k].counts[at] + 1, engine.counts[at],
                engine.seed_, link, {}, engine.shared_values(link)};
      constexpr std::size_t numbers = scalar_count<R<I>>;
      for (std::size_t s = 0; s < numbers; ++s)
        step.scalars[s] =
            fields[I][slot_count<R<I>> + s].template as<double>();
      return step;
    }

    static std::size_t link_level(std::size_t link) {
      return [&]<std::size_t... J>(std::index_sequence<J...>) {
        return (std::size_t{0} + ... + (J < link ? std::size_t{Gate<RuleAt<Links, J>>} : 0));
      }(std::make_index_sequence<std::tuple_size_v<Links>>{});
    }

    template <std::size_t I>
    void update_matrix() {
      T* out = engine.scratch(source.data == engine.scratch_[0].data() ? 1 : 0, tensor_size());
      MatrixUpdate<T, X> update{static_cast<const T*>(source.data), out, parameters(), engine.tensors[k], {}, engine.workspace_};
      std::size_t s = 0;
      leaf<I>().fields(engine.tensors[k], [&](std::string_view, Index, Index) {
        update.fields[s] = fields[I][s].template as<T>();
        ++s;
      });
      if (tensor_size() > 0) leaf<I>().update(step_of<I>(), update);
      source = Source{out, true, false, true};
    }

    [[nodiscard]] Index tensor_size() const { return engine.tensors[k].size(); }

    template <Store store, bool Keep = false, class Kernels, class M>
    void sweep_any(const Kernels& kernels, const M& measure, double* totals) {
      if constexpr (std::is_same_v<T, P>) {
        sweep_from<store, Keep, T>(kernels, measure, totals);
      } else {
        if (source.computed)
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
          out = engine.scratch(0, tensor_size());
        }
      }
      StochasticRounding rounding;
      if (engine.settings_.rounding == Rounding::stochastic)
        rounding = {true, engine.seed_.derive(k).derive(rounding_stream)};
      const Streams<T, In, X, P> io{static_cast<const In*>(source.data), out,     parameters(),
                                    engine.parameters[k],                source.negate ? T(-0.0) : T(0), rounding};
      double* partials = nullptr;
      if constexpr (M::sums > 0) {
        const auto blocks = static_cast<std::size_t>((tensor_size() + block - 1) / block);
        if (engine.partials_.size() < blocks * M::sums) engine.partials_.resize(blocks * M::sums);
        partials = engine.partials_.data();
      }
      sweep<store>(io, kernels, measure, tensor_size(), engine.settings_.threads, partials, totals);
      if constexpr (store == Store::update) source = Source{out, true, false, true};
    }
  };

  template <class Links, std::size_t... I>
  void prepare_shared(const Links&, std::index_sequence<I...>) {
    (prepare_shared_link<RuleAt<Links, I>>(shared[I]), ...);
  }
  template <class R>
  static void prepare_shared_link(Fields& fields) {
    if constexpr (shared_count<R> > 0) {
      if (!fields.empty()) return;
      fields.emplace_back("shared", ScalarType::float64, static_cast<Index>(shared_count<R>), 1, false);
      for (std::size_t s = 0; s < shared_count<R>; ++s)
        fields.front().template as<double>()[s] = R::shared[s].initial;
    }
  }

  /// The first field of every leaf, after making sure that the layout is what the leaves want.
  template <class Leaves>
  auto fields_of(std::size_t k, const Leaves& leaves, std::size_t first, std::size_t last) {
    return locate_fields<T>(tensors[k], parameters[k], states[k], leaves, first, last);
  }

  T* scratch(std::size_t which, Index size) {
    scratch_[which].reserve(static_cast<std::size_t>(size) * sizeof(T));
    return reinterpret_cast<T*>(scratch_[which].data());
  }

  StepSettings settings_;
  RandomKey seed_;  // of this call of step
  std::array<Buffer, 2> scratch_;     // updates on their way between two passes over a tensor
  Buffer workspace_;                  // of matrix rules
  std::vector<Buffer> held_;          // updates that wait for a barrier over all tensors
  std::vector<double> partials_;
  std::vector<double> tensor_sums_;
};

}  // namespace glissade::detail
