// Flora: momentum and accumulated gradients as random projections that are known by their seed.
#pragma once

#include "../core/tensors/mask.hpp"
#include "projection.hpp"

namespace glissade {

namespace detail {

/// P, length x rank, independent normal numbers of variance 1 / rank: the mean of P P' is the identity. The same in
/// every storage order.
template <class T>
void fill_normal(MatrixView<T> P, RandomKey key) {
  const double scale = 1 / std::sqrt(static_cast<double>(P.cols));
  for (Index i = 0; i < P.size(); ++i) P.data[i] = static_cast<T>(scale * key.normal(static_cast<std::uint64_t>(i)));
}

/// Where the compressed array of a tensor lies, and the projection that it belongs to.
template <class T>
struct Compression {
  ProjectionSide side;
  MatrixView<const T> G;
  MatrixView<T> U;
  MatrixView<T> C;

  template <class P>
  Compression(const MatrixUpdate<T, P>& m, ProjectionSide wanted, Index rank)
      : side(resolved(wanted, m.tensor)),
        G{m.in, m.tensor.rows, m.tensor.cols, m.tensor.row_major},
        U{m.out, m.tensor.rows, m.tensor.cols, m.tensor.row_major},
        C{m.fields[0], side == ProjectionSide::left ? rank : m.tensor.rows,
          side == ProjectionSide::left ? m.tensor.cols : rank, m.tensor.row_major} {}
};

struct FloraMomentum {
  static constexpr std::string_view name = "FloraMomentum";
  static constexpr bool turns = false;
  static constexpr int passes = 2;
  int rank;
  int resample_every;
  double beta;
  bool transfer;
  ProjectionSide side;
  std::uint64_t seed;

  void fields(const Tensor& tensor, auto&& add) const {
    const Tensor small = projected(tensor, resolved(side, tensor), rank);
    add("compressed_momentum", small.rows, small.cols);
  }

  template <class T, class P>
  void update(const Step& step, const MatrixUpdate<T, P>& m) const {
    const Compression<T> c(m, side, rank);
    const Index length = projected_length(m.tensor, c.side);
    m.workspace.reserve(static_cast<std::size_t>(2 * length * rank + rank * rank + c.C.size()) * sizeof(T));
    const auto projection = scratch_matrix<T>(m.workspace, 0, length, rank, false);
    const std::int64_t period = (step.count - 1) / resample_every;
    fill_normal(projection, subspace_key(seed, step, period));

    c.U.flat() = static_cast<T>(1 - beta) * c.G.flat();
    lift_side<T>(c.side, c.C, projection, c.U, beta, true);

    MatrixView<T> now = projection;
    if (step.count % resample_every == 0) {
      now = scratch_matrix<T>(m.workspace, length * rank, length, rank, false);
      fill_normal(now, subspace_key(seed, step, period + 1));
      if (transfer)
        carry_over(m, c, projection, now);
      else
        c.C.flat().setZero();
    }
    c.C.flat() *= static_cast<T>(beta);
    if (c.side == ProjectionSide::left)
      multiply(now.transpose(), c.G, c.C, 1 - beta, true);
    else
      multiply(c.G, now, c.C, 1 - beta, true);
  }

 private:
  /// C <- C (P'P_new), or (P_new' P) C: lifted with the old projection, compressed with the new one.
  template <class T, class P>
  void carry_over(const MatrixUpdate<T, P>& m, const Compression<T>& c, MatrixView<T> before, MatrixView<T> now) const {
    const Index r = rank;
    const auto change = scratch_matrix<T>(m.workspace, 2 * before.size(), r, r, false);
    const auto old = scratch_matrix<T>(m.workspace, 2 * before.size() + r * r, c.C.rows, c.C.cols, c.C.row_major);
    multiply(before.transpose(), now, change);
    old.flat() = c.C.flat();
    if (c.side == ProjectionSide::left)
      multiply(change.transpose(), old, c.C);
    else
      multiply(old, change, c.C);
  }
};

/// The exact running mean, of what is not compressed.
struct PlainMomentum {
  static constexpr std::string_view name = "PlainMomentum";
  static constexpr bool turns = false;
  double beta;
  static constexpr std::array<std::string_view, 1> slots{"momentum"};
  [[nodiscard]] auto kernel(const Step&) const {
    return [beta = beta](auto& u, const auto&, auto& m) {
      m = beta * m + (1 - beta) * u;
      u = m;
    };
  }
};

/// Where a tensor is in its mean: updates taken in so far, and means before this one.
inline constexpr std::array<NamedScalar, 2> window_scalars{{{"micro_step"}, {"windows"}}};

/// Moves on to the next update of a mean over `steps`; returns how many had been taken in before.
inline double advance_window(const Step& step, int steps) {
  const double taken = step.scalar(0);
  step.scalar(0) = taken + 1 == steps ? 0 : taken + 1;
  if (taken + 1 == steps) step.scalar(1) += 1;
  return taken;
}

struct FloraMean {
  static constexpr std::string_view name = "FloraMean";
  static constexpr bool turns = false;
  static constexpr int passes = 2;
  static constexpr std::array<NamedScalar, 2> scalars = window_scalars;
  int steps;
  int rank;
  ProjectionSide side;
  std::uint64_t seed;

  void fields(const Tensor& tensor, auto&& add) const {
    const Tensor small = projected(tensor, resolved(side, tensor), rank);
    add("compressed_mean", small.rows, small.cols);
  }
  template <class T, class P>
  void update(const Step& step, const MatrixUpdate<T, P>& m) const {
    const Compression<T> c(m, side, rank);
    const Index length = projected_length(m.tensor, c.side);
    m.workspace.reserve(static_cast<std::size_t>(length * rank) * sizeof(T));
    const auto projection = scratch_matrix<T>(m.workspace, 0, length, rank, false);
    fill_normal(projection, subspace_key(seed, step, static_cast<std::int64_t>(step.scalar(1))));
    const double taken = advance_window(step, steps);
    const bool first = taken == 0;
    if (c.side == ProjectionSide::left)
      multiply(projection.transpose(), c.G, c.C, 1.0 / steps, !first);
    else
      multiply(c.G, projection, c.C, 1.0 / steps, !first);
    if (taken + 1 == steps)
      lift_side<T>(c.side, c.C, projection, c.U, 1);
    else
      c.U.flat().setZero();
  }
};

/// The exact mean, of what is not compressed.
struct PlainMean {
  static constexpr std::string_view name = "PlainMean";
  static constexpr bool turns = false;
  static constexpr std::array<NamedScalar, 2> scalars = window_scalars;
  int steps;
  static constexpr std::array<std::string_view, 1> slots{"mean"};
  [[nodiscard]] auto kernel(const Step& step) const {
    const double keep = advance_window(step, steps) == 0 ? 0 : 1;
    return [keep, share = 1.0 / steps](auto& u, const auto&, auto& mean) {
      mean = keep * mean + share * u;
      u = mean;
    };
  }
};

struct FloraMeans {
  static constexpr std::string_view name = "FloraMeans";
  using Alternatives = std::tuple<FloraMean, PlainMean>;
  int steps;
  int rank;
  ProjectionSide side;
  std::uint64_t seed;
  TensorMask mask;
  void select(const Tensor& tensor, auto&& run) const {
    if (!tensor.is_matrix() || tensor.size() == 0 || !mask(tensor)) return run(PlainMean{steps});
    require_rank("FloraAccumulate", rank, tensor);
    run(FloraMean{steps, rank, side, seed});
  }
};

/// Opens every `steps` calls.
struct MicroStepGate {
  static constexpr std::string_view name = "MicroStepGate";
  static constexpr bool turns = false;
  int steps;
  static constexpr std::array<NamedScalar, 1> shared{{{"micro_step"}}};
  [[nodiscard]] bool open(const double* micro_step) const { return *micro_step + 1 >= steps; }
  void after(double* micro_step, bool opened) const { *micro_step = opened ? 0 : *micro_step + 1; }
  [[nodiscard]] auto kernel(const Step&) const {
    return [](auto&, const auto&) {};
  }
};

}  // namespace detail

/// Flora's momentum: the running mean of the gradients of a matrix, kept as its product with a random matrix that is
/// drawn from a seed whenever it is needed, and changed every kappa updates, so that the mean over time has full
/// rank. Vectors, numbers and matrices outside the mask have exact momentum.
///
///     A: r x n of normal numbers, variance 1 / r;  the shorter side is compressed (m >= n; else A G, A' C)
///     u <- (1 - beta) G + beta C A
///     every kappa updates:  C <- C A A_new',  A <- A_new
///     C <- beta C + (1 - beta) G A'
///
///     chain(Flora{.rank = 64}, ScaleByLearningRate{1e-2})
///
/// State: compressed_momentum C, m x r. Of the random matrix nothing is kept.
/// Cost: 4 m n r flops and r n normal random numbers per step. No memory from the heap after the first switch.
/// Errors: std::invalid_argument for options out of range and a rank larger than a matrix allows.
/// Stability: a switch multiplies the norm of the lifted momentum by about sqrt(1 + (n + 1) / r), so that
/// beta^kappa times this must be below 1: kappa > log(1 + (n + 1) / r) / (2 log(1 / beta)).
/// Source: "Flora: Low-Rank Adapters Are Secretly Gradient Compressors", 2024, arXiv 2402.03293, Algorithm 2, as in
/// the authors' code for torch. There the gradient first passes a factored second moment, clipped: put
/// ScaleByFactoredRms and the like in front.
struct Flora {
  static constexpr std::string_view name = "Flora";
  using Alternatives = std::tuple<detail::FloraMomentum, detail::PlainMomentum>;
  int rank = 4;                                    // r, in [1, min(m, n)] of every matrix of the mask
  int resample_every = 1000;                       // kappa >= 1
  double beta = 0.9;                               // in [0, 1)
  bool transfer = true;                            // carry C over to the new projection; else it begins at zero
  ProjectionSide side = ProjectionSide::standard;  // all but full
  std::uint64_t seed = 0;                          // of the projections
  TensorMask mask = matrices_only;

  static void options(auto& self, auto&& visit) {
    visit("rank", self.rank, range::at_least_one);
    visit("resample_every", self.resample_every, range::at_least_one);
    visit("beta", self.beta, range::decay);
    visit("transfer", self.transfer);
    visit("side", self.side, range::up_to(ProjectionSide::right));
    visit("seed", self.seed);
    visit("mask", self.mask);
  }
  void select(const Tensor& tensor, auto&& run) const {
    if (!tensor.is_matrix() || tensor.size() == 0 || !mask(tensor)) return run(detail::PlainMomentum{beta});
    detail::require_rank(name, rank, tensor);
    run(detail::FloraMomentum{rank, resample_every, beta, transfer, side, seed});
  }
};

/// Flora's accumulation, a gate: takes in `steps` updates and lets an estimate of their mean through with the last;
/// matrices are summed as products with one random matrix, a new one for every mean.
///
///     C <- sum of G_j A' / steps;   after the last:  u <- C A
///
///     chain(FloraAccumulate{.steps = 16, .rank = 64}, AdamW{})
///
/// State: compressed_mean C, m x r; exact means of the other tensors; shared("micro_step").
/// The estimate is right in the mean, of variance (n + 1) / r times its square: rates must respect it. A gradient that
/// a tensor lacks counts as zero; one that it lacks in all of them leaves the tensor alone. Errors and source as Flora,
/// Algorithm 1.
struct FloraAccumulate {
  static constexpr std::string_view name = "FloraAccumulate";
  int steps = 1;                                   // >= 1
  int rank = 4;                                    // r, in [1, min(m, n)] of every matrix of the mask
  ProjectionSide side = ProjectionSide::standard;  // all but full
  std::uint64_t seed = 0;
  TensorMask mask = matrices_only;

  static void options(auto& self, auto&& visit) {
    visit("steps", self.steps, range::at_least_one);
    visit("rank", self.rank, range::at_least_one);
    visit("side", self.side, range::up_to(ProjectionSide::right));
    visit("seed", self.seed);
    visit("mask", self.mask);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(detail::FloraMeans{steps, rank, side, seed, mask}, detail::MicroStepGate{steps});
  }
};

}  // namespace glissade
