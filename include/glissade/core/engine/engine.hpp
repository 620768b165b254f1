// The engine: takes a flattened chain through its passes, tensor by tensor.
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

/// What holds for a whole step.
struct StepSettings {
  int threads = 1;
  std::uint64_t seed = 0;
  Rounding rounding = Rounding::nearest;
};

template <StorageScalar Parameter>
class Engine {
 public:
  using P = Parameter;
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
    constexpr std::size_t count = Links::size;
    counts.resize(Facts<Links>::gates + 1);
    shared.resize(count);
    prepare_shared(links, std::make_index_sequence<count>{});
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      states[k].links.resize(count);
      states[k].counts.resize(counts.size());
      if (states[k].retired != 0) continue;
      choose_leaves(links, site<Links>(k), [&]<class... L>(const Row<L...>& leaves) {
        std::array<Field*, sizeof...(L)> fields;
        locate(k, fields_of_leaves<T, P>(leaves), 0, count, fields, nullptr);
      });
    }
  }

  template <class R>
  void step(const R& rule, const StepSettings& settings) {
    settings_ = settings;
    seed_ = RandomKey{settings.seed}.derive(static_cast<std::uint64_t>(calls));
    const auto links = flatten<void>(rule);
    // What a choice of this step has ended is forgotten now, with or without a gradient.
    if constexpr (Facts<std::remove_const_t<decltype(links)>>::timed) prepare(rule);
    if constexpr (Facts<std::remove_const_t<decltype(links)>>::retires) leave_retired();
    const std::size_t reached = segment<0>(links, nullptr);
    for (std::size_t level = 0; level <= reached; ++level) {
      ++counts[level];
      for (std::size_t k = 0; k < tensors.size(); ++k)
        if (sources[k].present) ++states[k].counts[level];
    }
    ++calls;
    if (reached + 1 == counts.size()) flush_subnormal_state<std::remove_const_t<decltype(links)>>();
  }

  /// The number of that name which a link of the chain keeps for the whole optimizer, or null.
  template <class R>
  [[nodiscard]] const double* shared_number(std::string_view name) const {
    const double* found = nullptr;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto look = [&]<class Link>(std::type_identity<Link>, std::size_t link) {
        if constexpr (shared_count < typename Link::Rule >> 0)
          for (std::size_t s = 0; s < Link::Rule::shared.size(); ++s)
            if (found == nullptr && Link::Rule::shared[s].name == name)
              found = shared[link].front().template as<double>() + s;
      };
      (look(std::type_identity<item_t<I, flat_t<R>>>{}, I), ...);
    }
    (std::make_index_sequence<flat_t<R>::size>{});
    return found;
  }

  /// The argument of schedules in the coming step, for the links behind the last gate.
  [[nodiscard]] std::int64_t time() const { return counts.empty() ? 0 : counts.back(); }

 private:
  template <class, class, class, bool, bool>
  friend struct TensorRun;

  /// Of the tensors that have just done another flush_period steps; parameters kept unrounded stay as they are.
  template <class Links>
  void flush_subnormal_state() {
    for (std::size_t k = 0; k < tensors.size(); ++k)
      if (sources[k].present && states[k].counts.back() % flush_period == 0)
        for (std::size_t link = 0; link < states[k].links.size(); ++link)
          if (link != Facts<Links>::keeper)
            for (Field& field : states[k].links[link]) detail::flush_subnormal(field, settings_.threads);
  }

  template <class Links, std::size_t I>
  using RuleAt = typename item_t<I, Links>::Rule;

  /// The first link in [From, To) of the given kind, or To.
  template <class Links, std::size_t From, std::size_t To, bool Absorbing>
  static constexpr std::size_t find() {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      std::size_t found = To;
      ((found =
            found == To && (Absorbing ? AbsorbingGate<RuleAt<Links, From + I>> : GlobalBarrier<RuleAt<Links, From + I>>)
                ? From + I
                : found),
       ...);
      return found;
    }
    (std::make_index_sequence<To - From>{});
  }

  template <class Links>
  [[nodiscard]] Site site(std::size_t k) const {
    return {tensors[k], tensors.size(), std::type_identity<Links>{}, counts};
  }

  /// Runs everything from link From on; link From - 1 is the barrier that the totals are of.
  /// Returns the level that the step has reached.
  template <std::size_t From, class Links>
  std::size_t segment(const Links& links, const double* totals) {
    constexpr std::size_t size = Links::size;
    constexpr std::size_t end = find<Links, From, size, false>();
    if (const auto closed = absorb<From, From, end>(links, totals)) return *closed;
    if constexpr (end < size) {
      using R = RuleAt<Links, end>;
      const auto& rule = item<end>(links).rule;
      std::array<double, R::sums> sums{};
      for (std::size_t k = 0; k < tensors.size(); ++k)
        for (std::size_t s = 0; s < R::sums; ++s) sums[s] += tensor_sums_[k * R::sums + s];
      if constexpr (AdmittingGate<R>) {
        const std::span<const double> each(tensor_sums_.data(), tensors.size() * R::sums);
        const bool admitted =
            rule.admit(Admission{tensors, each, sums, shared_values(end), counts[Facts<Links>::levels[end]], states});
        if constexpr (RetiringGate<R>) leave_retired();
        if (!admitted) return Facts<Links>::levels[end];
      }
      return segment<end + 1>(links, sums.data());
    } else {
      return Facts<Links>::levels[size];
    }
  }

  /// Asks the absorbing gates of a segment in turn, then runs the segment up to the first closed
  /// one. Returns the level of that gate, or nothing when all are open.
  template <std::size_t From, std::size_t Next, std::size_t End, class Links>
  std::optional<std::size_t> absorb(const Links& links, const double* totals) {
    constexpr std::size_t gate = find<Links, Next, End, true>();
    if constexpr (gate < End) {
      const auto& rule = item<gate>(links).rule;
      double* memory = shared_values(gate);
      const bool open = rule.opens(memory);
      std::optional<std::size_t> closed;
      if (open) {
        closed = absorb<From, gate + 1, End>(links, totals);
      } else {
        run_segment<From, gate + 1, true>(links, totals);
        closed = Facts<Links>::levels[gate];
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
    constexpr std::size_t size = Links::size;
    if constexpr (!Closed && End < size) {
      constexpr std::size_t sums = RuleAt<Links, End>::sums;
      tensor_sums_.assign(tensors.size() * sums, 0.0);
    }
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      if (!sources[k].present) continue;
      constexpr std::size_t first = From == 0 ? 0 : From - 1;
      constexpr std::size_t last = !Closed && End < size ? End + 1 : End;
      choose_leaves<first, last>(links, site<Links>(k), [&](const auto& leaves) {
        using Leaves = std::remove_cvref_t<decltype(leaves)>;
        std::array<Field*, Leaves::size> fields;
        locate(k, fields_of_leaves<T, P>(leaves), first, last, fields, Facts<Links>::levels.data());
        TensorRun<Engine, Links, Leaves, Closed, (last > End)> run{*this, k, leaves, fields};
        run.template begin<(From > 0)>(totals);
      });
    }
  }

  /// Retired tensors have no gradient any more, and no memory.
  void leave_retired() {
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      if (states[k].retired == 0) continue;
      sources[k] = {};
      for (Fields& fields : states[k].links) fields.clear();
      held_[k] = Buffer();  // not {}, which Clang 14 leaks in a template
    }
  }

  double* shared_values(std::size_t link) {
    return shared[link].empty() ? nullptr : shared[link].front().template as<double>();
  }

  template <class Links, std::size_t... I>
  void prepare_shared(const Links&, std::index_sequence<I...>) {
    (prepare_shared_link<RuleAt<Links, I>>(shared[I]), ...);
  }
  template <class R>
  static void prepare_shared_link(Fields& fields) {
    if constexpr (shared_count < R >> 0) {
      if (!fields.empty()) return;
      fields.emplace_back("shared", ScalarType::float64, static_cast<Index>(shared_count<R>), 1, false);
      for (std::size_t s = 0; s < shared_count<R>; ++s) fields.front().template as<double>()[s] = R::shared[s].initial;
    }
  }

  /// The first field of every leaf, after making sure that the layout is what the leaves want. With the levels of their
  /// links, those that begin anew with this step get their first arrays.
  void locate(std::size_t k, LeafList leaves, std::size_t first, std::size_t last, std::span<Field*> fields,
              const std::size_t* levels) {
    locate_fields(tensors[k], parameters[k], states[k], leaves, first, last, fields);
    if (levels == nullptr) return;
    restart_fields(tensors[k], parameters[k], leaves, fields, [&](const LeafFields& leaf) {
      return leaf.restart.count(states[k].counts[levels[leaf.link]], counts[levels[leaf.link]]);
    });
  }

  /// What a rule of link number `link` is told about the coming step on tensor k; `numbers` are its scalars.
  [[nodiscard]] Step step_of(std::size_t k, const Tensor& tensor, std::size_t link, std::size_t level,
                             const Restart& restart, std::span<Field> numbers) {
    Step step{tensor,
              restart.count(states[k].counts[level], counts[level]),
              counts[level],
              seed_,
              link,
              {},
              shared_values(link)};
    for (std::size_t s = 0; s < numbers.size(); ++s) step.scalars[s] = numbers[s].template as<double>();
    return step;
  }

  T* scratch(std::size_t which, Index size) {
    scratch_[which].reserve(static_cast<std::size_t>(size) * sizeof(T));
    return reinterpret_cast<T*>(scratch_[which].data());
  }

  StepSettings settings_;
  RandomKey seed_;                 // of this call of step
  std::array<Buffer, 4> scratch_;  // updates between two passes, of tensors and in subspaces
  Buffer zeros_;                   // the parameters of a subspace
  Buffer workspace_;               // of matrix rules
  std::vector<Buffer> held_;       // updates that wait for a barrier over all tensors
  std::vector<double> partials_;
  std::vector<double> tensor_sums_;
};

}  // namespace glissade::detail
