// FRUGAL: any rule on a part of the gradient, a rule without state on the rest.
#pragma once

#include "../core/lanes/stretch.hpp"
#include "../core/random_permutation.hpp"
#include "../rules/adam.hpp"
#include "projection.hpp"

namespace glissade {

/// What the state-full rule sees of a matrix.
enum class FrugalProjector {
  columns,  // some columns
  rows,     // some rows
  randk,    // some coefficients
  svd,      // the leading singular subspace of the shorter side, as GaLore
  random,   // a random subspace of the shorter side
};
/// What is made of the rest, f.
enum class InactiveRule { sign_sgd, sgd, no };  // sign(f), f, 0

struct FrugalOptions {
  double density = 0.25;  // in [0, 1]: which part of the matrix is active, rounded to whole columns, ...
  int update_gap = 200;   // T >= 1: updates from one choice to the next
  FrugalProjector projector = FrugalProjector::columns;
  InactiveRule inactive_rule = InactiveRule::sign_sgd;
  double inactive_scale = 1;        // >= 0: of the rest; 0.1 in the authors' fine-tuning
  double projected_scale = 1;       // > 0: of both parts of the matrices of the mask
  bool reset_statistics = true;     // the inner rule begins anew with every choice
  std::uint64_t seed = 0;           // of the choice
  TensorMask mask = matrices_only;  // which tensors are split; the others run the inner rule as it is
};

/// What is made of an update without any state: its sign, itself or nothing, times a factor; for the coefficients and
/// blocks that a rule with state leaves out.
struct StateFree {
  static constexpr std::string_view name = "StateFree";
  static constexpr bool turns = false;
  InactiveRule rule = InactiveRule::sign_sgd;
  double factor = 1;  // >= 0

  static void options(auto& self, auto&& visit) {
    visit("rule", self.rule, range::up_to(InactiveRule::no));
    visit("factor", self.factor, range::non_negative);
  }
  [[nodiscard]] auto kernel(const Step&) const {
    return [rule = rule, factor = factor](auto& u) {
      using L = std::remove_cvref_t<decltype(u)>;
      if (rule == InactiveRule::sign_sgd)
        u = factor * sign(u);
      else
        u = rule == InactiveRule::sgd ? factor * u : L(0);
    };
  }
};

namespace detail {

/// How many of `count` a density stands for.
inline Index part_of(double density, Index count) {
  return static_cast<Index>(std::llround(density * static_cast<double>(count)));
}

template <class Inner>
struct FrugalMatrix {
  static constexpr int passes = 2;
  const FrugalOptions& options;
  const Inner& inner;

  [[nodiscard]] bool in_subspace() const {
    return options.projector == FrugalProjector::svd || options.projector == FrugalProjector::random;
  }
  /// Which dimension is cut: of a subspace the shorter one.
  [[nodiscard]] ProjectionSide side(const Tensor& tensor) const {
    if (in_subspace()) return resolved(ProjectionSide::standard, tensor);
    return options.projector == FrugalProjector::rows ? ProjectionSide::left : ProjectionSide::right;
  }
  /// Active columns, rows, vectors or coefficients.
  [[nodiscard]] Index active(const Tensor& tensor) const {
    if (options.projector == FrugalProjector::randk) return part_of(options.density, tensor.size());
    return part_of(options.density, projected_length(tensor, side(tensor)));
  }
  [[nodiscard]] Tensor within(const Tensor& tensor) const {
    Tensor small = projected(tensor, side(tensor), active(tensor));
    if (options.projector == FrugalProjector::randk) {
      small.rows = active(tensor);
      small.cols = 1;
      small.rank = 1;
    }
    return small;
  }
  void fields(const Tensor& tensor, auto&& add) const {
    if (in_subspace()) add("projector", projected_length(tensor, side(tensor)), active(tensor));
  }

  void update(const Step& step, const auto& m) const {
    using T = typename std::remove_cvref_t<decltype(m)>::Scalar;
    const Tensor small = within(m.tensor);
    const std::int64_t done = step.count - 1;
    const bool chooses = done % options.update_gap == 0;
    m.workspace.reserve(static_cast<std::size_t>(2 * small.size()) * sizeof(T));
    T* const image = reinterpret_cast<T*>(m.workspace.data());
    T* const made = image + small.size();
    project(step, m, image, chooses);
    if (options.reset_statistics && chooses && done > 0) m.restart(inner, small);
    m.run(inner, step, options.reset_statistics ? done % options.update_gap + 1 : step.count, small, image, made);
    lift(step, m, image, made);
  }

 private:
  template <class T, class P>
  void project(const Step& step, const MatrixUpdate<T, P>& m, T* image, bool chooses) const {
    if (!in_subspace()) {
      for_each_active(step, m.tensor, [&](Index small, Index whole) { image[small] = m.in[whole]; });
      return;
    }
    const MatrixView<T> projector = projector_of(m);
    const MatrixView<const T> G{m.in, m.tensor.rows, m.tensor.cols, m.tensor.row_major};
    if (chooses || is_unset(projector)) {
      if (options.projector == FrugalProjector::svd)
        SubspaceFinder{}(side(m.tensor), G, projector, {});
      else
        assign(projector, random_orthonormal<double>(projector.rows, projector.cols, key(step)));
    }
    project_side<T>(side(m.tensor), G, projector, image_of<T>(image, m.tensor));
  }

  template <class T, class P>
  void lift(const Step& step, const MatrixUpdate<T, P>& m, T* image, const T* made) const {
    const Index size = m.tensor.size();
    const auto scale = static_cast<T>(options.projected_scale);
    if (!in_subspace()) {
      transform_lanes(
          size, m.out, [&](Lane<T> g) { return inactive(g, T(0)); }, m.in);
      for_each_active(step, m.tensor, [&](Index small, Index whole) { m.out[whole] = scale * made[small]; });
      return;
    }
    const MatrixView<T> projector = projector_of(m);
    const MatrixView<const T> G{m.in, m.tensor.rows, m.tensor.cols, m.tensor.row_major};
    const MatrixView<T> U{m.out, m.tensor.rows, m.tensor.cols, m.tensor.row_major};
    const bool rest = options.inactive_rule != InactiveRule::no;
    if (rest) {
      lift_side<T>(side(m.tensor), image_of<T>(image, m.tensor), projector, U, 1);
      // Where the subspace holds all of the gradient this is round-off, which sign() must not see.
      const double share = 8 * std::sqrt(static_cast<double>(projector.rows));
      const T noise = G.flat().abs().maxCoeff() * (static_cast<T>(share) * std::numeric_limits<T>::epsilon());
      transform_lanes(
          size, m.out, [&](Lane<T> g, Lane<T> up) { return inactive(g - up, noise); }, m.in, m.out);
    }
    lift_side<T>(side(m.tensor), image_of<const T>(made, m.tensor), projector, U, options.projected_scale, rest);
  }

  [[nodiscard]] RandomKey key(const Step& step) const {
    return subspace_key(options.seed, step, (step.count - 1) / options.update_gap);
  }
  template <class T, class P>
  [[nodiscard]] MatrixView<T> projector_of(const MatrixUpdate<T, P>& m) const {
    return {m.fields[0], projected_length(m.tensor, side(m.tensor)), active(m.tensor), m.tensor.row_major};
  }
  template <class T>
  [[nodiscard]] MatrixView<T> image_of(T* data, const Tensor& tensor) const {
    const bool left = side(tensor) == ProjectionSide::left;
    return {data, left ? active(tensor) : tensor.rows, left ? tensor.cols : active(tensor), tensor.row_major};
  }
  /// What is made of the rest f, where it is more than noise.
  template <class T>
  [[nodiscard]] Lane<T> inactive(Lane<T> f, T noise) const {
    using L = Lane<T>;
    if (options.inactive_rule == InactiveRule::no) return L(0);
    const double factor = options.projected_scale * options.inactive_scale;
    const L rest = select(abs(f) <= L(noise), L(0), f);
    return factor * (options.inactive_rule == InactiveRule::sign_sgd ? sign(rest) : rest);
  }

  /// Calls f(index in the small array, index in the matrix) for what is active. Chosen anew from the key every
  /// time, so that no index is kept.
  template <class F>
  void for_each_active(const Step& step, const Tensor& tensor, const F& f) const {
    const Index count = active(tensor);
    const auto number = [](std::uint64_t i) { return static_cast<Index>(i); };
    if (options.projector == FrugalProjector::randk) {
      const KeyedPermutation chosen(static_cast<std::uint64_t>(tensor.size()), key(step));
      for (Index i = 0; i < count; ++i) f(i, number(chosen(static_cast<std::uint64_t>(i))));
      return;
    }
    const bool by_columns = options.projector == FrugalProjector::columns;
    const KeyedPermutation chosen(static_cast<std::uint64_t>(by_columns ? tensor.cols : tensor.rows), key(step));
    const Index length = by_columns ? tensor.rows : tensor.cols;  // of what is chosen
    for (Index j = 0; j < count; ++j) {
      const Index from = number(chosen(static_cast<std::uint64_t>(j)));
      if (by_columns != tensor.row_major)  // side by side in memory
        for (Index i = 0; i < length; ++i) f(j * length + i, from * length + i);
      else
        for (Index i = 0; i < length; ++i) f(i * count + j, i * static_cast<Index>(chosen.size()) + from);
    }
  }
};

}  // namespace detail

/// FRUGAL: the inner rule, with its state, on a part of every matrix that changes every T updates; sign descent
/// or plain descent, without state, on the rest, so that each step has full rank. Tensors outside the mask run the
/// inner rule as it is.
///
///     z = down(G);   f = G - up(z);   N = Inner(z)
///     u <- projected_scale (up(N) + inactive_scale { sign(f) | f | 0 })
///
///     chain(frugal({.density = 0.25}, ScaleByAdam{}), AddDecayedWeights{0.01}, ScaleByLearningRate{1e-3})
///
/// down takes columns, rows or coefficients, or projects on a subspace; a density is rounded to the nearest whole
/// number of them, 0 is legal. Whole tensors in turn: BlockOptimizer (optimizer/blocks.hpp), with StateFree for the
/// rest. State: that of the inner rule for the active part; for svd and random the projector. Columns, rows and
/// coefficients are drawn again from the seed every step.
/// Cost: two passes; for svd and random 8 m n r flops (4 m n r without an inactive rule). randk jumps over memory.
/// Errors: std::invalid_argument for options out of range and an inner rule that decays weights, which it sees as
/// zero.
/// What is left beside a subspace counts as zero up to 8 sqrt(n) machine epsilons of the largest coefficient, so
/// that sign() does not turn round-off into steps.
/// Source: "FRUGAL: Memory-Efficient Optimization by Reducing State Overhead for Scalable Training", 2024,
/// arXiv 2411.07837, Algorithm 1; projectors as in the authors' code, whose columns and rows round down.
template <class Inner>
struct Frugal {
  static constexpr std::string_view name = "Frugal";
  using Alternatives = std::tuple<detail::FrugalMatrix<Inner>, Inner, StateFree>;
  FrugalOptions settings;
  Inner inner;

  static void options(auto& self, auto&& visit) {
    visit("density", self.settings.density, range::fraction);
    visit("update_gap", self.settings.update_gap, range::at_least_one);
    visit("projector", self.settings.projector, range::up_to(FrugalProjector::random));
    visit("inactive_rule", self.settings.inactive_rule, range::up_to(InactiveRule::no));
    visit("inactive_scale", self.settings.inactive_scale, range::non_negative);
    visit("projected_scale", self.settings.projected_scale, range::positive);
    visit("reset_statistics", self.settings.reset_statistics);
    visit("seed", self.settings.seed);
    visit("mask", self.settings.mask);
  }
  void check() const { detail::refuse_weight_decay(name, inner); }

  void select(const Tensor& tensor, auto&& run) const {
    if (!tensor.is_matrix() || tensor.size() == 0 || !settings.mask(tensor)) return run(inner);
    const detail::FrugalMatrix<Inner> matrix{settings, inner};
    if (matrix.active(tensor) == 0)
      return run(StateFree{settings.inactive_rule, settings.inactive_scale * settings.projected_scale});
    run(matrix);
  }
};

template <class Inner = ScaleByAdam>
[[nodiscard]] Frugal<Inner> frugal(FrugalOptions options, Inner inner = {}) {
  return {std::move(options), std::move(inner)};
}

}  // namespace glissade
