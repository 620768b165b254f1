// GaLore: any rule on a low-rank projection of the gradient.
#pragma once

#include "../rules/adam.hpp"
#include "projection.hpp"

namespace glissade {

/// What becomes of the inner rule's state, which lives in the old subspace, when the subspace changes.
enum class OnRefresh {
  keep,   // it stays, as in the paper
  reset,  // the inner rule begins anew
};

struct GaloreOptions {
  int rank = 128;        // r, in [1, min(m, n)] of every matrix of the mask
  int update_gap = 200;  // T >= 1: updates from one subspace to the next
  double scale = 1;      // > 0, of what comes back; 0.25 in the authors' recipes
  ProjectionSide side = ProjectionSide::standard;
  OnRefresh on_refresh = OnRefresh::keep;
  bool randomized = false;          // the subspace by a random range finder in place of an exact SVD,
  RangeFinder accuracy = {};        // of which this is the accuracy
  std::uint64_t seed = 0;           // and this the seed
  TensorMask mask = matrices_only;  // which matrices are projected
};

namespace detail {

template <class Inner>
struct GaloreMatrix {
  static constexpr int passes = 2;
  const GaloreOptions& options;
  const Inner& inner;

  [[nodiscard]] ProjectionSide side(const Tensor& tensor) const { return resolved(options.side, tensor); }
  [[nodiscard]] Tensor within(const Tensor& tensor) const { return projected(tensor, side(tensor), options.rank); }
  void fields(const Tensor& tensor, auto&& add) const {
    add("projector", projected_length(tensor, side(tensor)), Index{options.rank});
    if (options.side == ProjectionSide::full) add("right_projector", tensor.cols, Index{options.rank});
  }

  void update(const Step& step, const auto& m) const {
    using T = typename std::remove_cvref_t<decltype(m)>::Scalar;
    const Views<T> v(*this, m);
    const MatrixView<const T> G{m.in, m.tensor.rows, m.tensor.cols, m.tensor.row_major};
    const MatrixView<T> U{m.out, m.tensor.rows, m.tensor.cols, m.tensor.row_major};
    const std::int64_t done = step.count - 1;
    const bool refreshes = done % options.update_gap == 0;
    const Tensor small = within(m.tensor);
    if (refreshes || is_unset(v.projector)) refresh(v, G, subspace_key(options.seed, step, done / options.update_gap));
    if (v.side != ProjectionSide::full) {
      project_side<T>(v.side, G, v.projector, v.image);
    } else {
      multiply(v.projector.transpose(), G, v.half);
      multiply(v.half, v.right, v.image);
    }
    const bool resets = options.on_refresh == OnRefresh::reset;
    if (resets && refreshes && done > 0) m.restart(inner, small);
    m.run(inner, step, resets ? done % options.update_gap + 1 : step.count, small, v.image.data, v.made.data);
    if (v.side != ProjectionSide::full) return lift_side<T>(v.side, v.made, v.projector, U, options.scale);
    multiply(v.made, v.right.transpose(), v.half);
    multiply(v.projector, v.half, U, options.scale);
  }

 private:
  template <class T>
  struct Views {
    ProjectionSide side;
    MatrixView<T> projector;  // the only one, or the left one
    MatrixView<T> right{};    // of both sides, the right one,
    MatrixView<T> half{};     // and what lies between the two products: r x n
    MatrixView<T> image;      // of the gradient
    MatrixView<T> made;       // of it by the inner rule

    template <class P>
    Views(const GaloreMatrix& rule, const MatrixUpdate<T, P>& m)
        : side(rule.side(m.tensor)),
          projector{m.fields[0], projected_length(m.tensor, side), rule.options.rank, m.tensor.row_major} {
      const Index rank = rule.options.rank;
      const Index rows = side == ProjectionSide::right ? m.tensor.rows : rank;
      const Index cols = side == ProjectionSide::left ? m.tensor.cols : rank;
      const bool both = side == ProjectionSide::full;
      const Index between = both ? rank * m.tensor.cols : 0;
      m.workspace.reserve(static_cast<std::size_t>(2 * rows * cols + between) * sizeof(T));
      image = scratch_matrix<T>(m.workspace, 0, rows, cols, m.tensor.row_major);
      made = scratch_matrix<T>(m.workspace, rows * cols, rows, cols, m.tensor.row_major);
      if (!both) return;
      right = {m.fields[1], m.tensor.cols, rank, m.tensor.row_major};
      half = scratch_matrix<T>(m.workspace, 2 * rows * cols, rank, m.tensor.cols, m.tensor.row_major);
    }
  };

  template <class T>
  void refresh(const Views<T>& v, MatrixView<const T> G, RandomKey key) const {
    const SubspaceFinder find{options.randomized, options.accuracy};
    if (v.side != ProjectionSide::full) {
      find(v.side, G, v.projector, key);
    } else {
      find(ProjectionSide::left, G, v.projector, key.derive(0));
      find(ProjectionSide::right, G, v.right, key.derive(1));
    }
  }
};

}  // namespace detail

/// GaLore: the inner rule runs on the gradient's image in a subspace of rank r, so that its state is that of a
/// small matrix; what it makes of it is lifted back. Vectors, numbers and matrices outside the mask run the inner
/// rule as it is.
///
///     t = 0, T, 2 T, ...:  P <- the first r right (m >= n) or left (m < n) singular vectors of the gradient G
///     R = G P  or  P' G;   N = Inner(R);   u <- scale N P'  or  scale P N
///
///     chain(galore({.rank = 128, .scale = 0.25}, ScaleByAdam{}), AddDecayedWeights{0.1}, ScaleByLearningRate{1e-2})
///
/// State: projector P, n x r or m x r (side = full: both), and that of the inner rule for an m x r, r x n or
/// r x r matrix.
/// Cost: 4 m n r flops per step; at a refresh an exact SVD, O(m n min(m, n)) flops, or about 12 m n r with
/// `randomized`. Nothing but a refresh takes memory from the heap, for its duration: about 8 (2 m n + 3 min(m, n)^2)
/// bytes, with `randomized` 8 (m n + 4 (m + n) (rank + 8)), and up to half a megabyte in which Eigen packs products.
/// Errors: std::invalid_argument for options out of range, a rank larger than a matrix allows, and an inner rule
/// that decays weights, which it sees as zero: decay stands after it. A gradient that is zero or not finite at a
/// refresh leaves P as it is, or makes it unit columns in the first step.
/// With side = full the image at a refresh is diagonal but for round-off, which Adam and the like turn into full
/// steps: rules that do not divide by the size of what they see are safe there.
/// Source: "GaLore: Memory-Efficient LLM Training by Gradient Low-Rank Projection", 2024, arXiv 2403.03507,
/// Algorithm 2; the sides as in the authors' code.
template <class Inner>
struct Galore {
  static constexpr std::string_view name = "Galore";
  using Alternatives = std::tuple<detail::GaloreMatrix<Inner>, Inner>;
  GaloreOptions settings;
  Inner inner;

  static void options(auto& self, auto&& visit) { visit_settings(self.settings, visit); }
  static void visit_settings(auto& settings, auto&& visit) {
    visit("rank", settings.rank, range::at_least_one);
    visit("update_gap", settings.update_gap, range::at_least_one);
    visit("scale", settings.scale, range::positive);
    visit("side", settings.side, range::up_to(ProjectionSide::full));
    visit("on_refresh", settings.on_refresh, range::up_to(OnRefresh::reset));
    visit("randomized", settings.randomized);
    visit("oversampling", settings.accuracy.oversampling, range::non_negative);
    visit("power_iterations", settings.accuracy.power_iterations, range::non_negative);
    visit("seed", settings.seed);
    visit("mask", settings.mask);
  }
  void check() const { detail::refuse_weight_decay(name, inner); }

  void select(const Tensor& tensor, auto&& run) const {
    if (!tensor.is_matrix() || tensor.size() == 0 || !settings.mask(tensor)) return run(inner);
    detail::require_rank(name, settings.rank, tensor);
    run(detail::GaloreMatrix<Inner>{settings, inner});
  }
};

template <class Inner = ScaleByAdam>
[[nodiscard]] Galore<Inner> galore(GaloreOptions options, Inner inner = {}) {
  return {std::move(options), std::move(inner)};
}

}  // namespace glissade
