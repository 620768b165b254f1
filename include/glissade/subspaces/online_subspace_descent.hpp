// Online Subspace Descent: GaLore whose subspace follows the gradient by a cheap step every time.
#pragma once

#include "../linalg/frobenius.hpp"
#include "galore.hpp"

namespace glissade {

/// The rule that moves the projector.
enum class ProjectorRule { adam, sgd };

struct OnlineSubspaceDescentOptions {
  int rank = 128;                                  // r, in [1, min(m, n)] of every matrix of the mask
  Schedule projector_rate = 1.0 / 200;             // >= 0: lr_P; the authors' is (lr(t) / lr(0)) / update_gap
  double ortho_penalty = 0.1;                      // lambda >= 0; 0 in the authors' code
  double scale = 1;                                // > 0, of what comes back
  ProjectionSide side = ProjectionSide::standard;  // all but full
  ProjectorRule projector_rule = ProjectorRule::adam;
  double projector_beta1 = 0.9;     // in [0, 1), of adam
  double projector_beta2 = 0.999;   // in [0, 1), of adam
  double projector_epsilon = 1e-8;  // >= 0, of adam
  double projector_decay = 0;       // >= 0: decoupled decay of P; 0.01 in the authors' code
  bool random_start = false;        // P_0 by chance, not the singular vectors of the first gradient
  std::uint64_t seed = 0;           // of which this is the seed
  TensorMask mask = matrices_only;  // which matrices are projected
};

namespace detail {

template <class Inner>
struct OnlineSubspaceMatrix {
  static constexpr int passes = 2;
  const OnlineSubspaceDescentOptions& options;
  const Inner& inner;

  [[nodiscard]] ProjectionSide side(const Tensor& tensor) const { return resolved(options.side, tensor); }
  [[nodiscard]] Tensor within(const Tensor& tensor) const { return projected(tensor, side(tensor), options.rank); }
  [[nodiscard]] bool by_adam() const { return options.projector_rule == ProjectorRule::adam; }
  void fields(const Tensor& tensor, auto&& add) const {
    const Index length = projected_length(tensor, side(tensor));
    add("projector", length, Index{options.rank});
    add("projector_clock", Index{2}, Index{1});  // steps of P, and 0
    add(by_adam() ? "projector_first_moment" : "projector_gradient", length, Index{options.rank});
    if (by_adam()) add("projector_second_moment", length, Index{options.rank});
  }

  void update(const Step& step, const auto& m) const {
    using T = typename std::remove_cvref_t<decltype(m)>::Scalar;
    const Views<T> v(*this, m);
    const MatrixView<const T> G{m.in, m.tensor.rows, m.tensor.cols, m.tensor.row_major};
    const bool first = is_unset(v.projector);
    if (first) start(step, v, G);
    project_side<T>(v.side, G, v.projector, v.image);
    const double norm = frobenius_norm<T>(G);
    const bool moves = !first && norm > 0 && std::isfinite(norm) && v.image.flat().isFinite().all();
    if (moves) prepare_projector(v, m, G, norm);
    m.run(inner, step, step.count, within(m.tensor), v.image.data, v.made.data);
    lift_side<T>(v.side, v.made, v.projector, {m.out, m.tensor.rows, m.tensor.cols, m.tensor.row_major}, options.scale);
    if (moves) move_projector(step, v, m.fields[1]);
  }

 private:
  template <class T>
  struct Views {
    ProjectionSide side;
    MatrixView<T> projector;
    MatrixView<T> first;   // moment, or gradient
    MatrixView<T> second;  // moment, of adam
    MatrixView<T> image;   // of the gradient
    MatrixView<T> made;    // of it by the inner rule

    template <class P>
    Views(const OnlineSubspaceMatrix& rule, const MatrixUpdate<T, P>& m)
        : side(rule.side(m.tensor)),
          projector{m.fields[0], projected_length(m.tensor, side), rule.options.rank, m.tensor.row_major},
          first{m.fields[2], projector.rows, projector.cols, m.tensor.row_major},
          second{m.fields[3], projector.rows, projector.cols, m.tensor.row_major} {
      const Index r = rule.options.rank;
      const Index rows = side == ProjectionSide::left ? r : m.tensor.rows;
      const Index cols = side == ProjectionSide::left ? m.tensor.cols : r;
      // The image, what is made of it, and four arrays of projector_gradient.
      m.workspace.reserve(static_cast<std::size_t>(3 * rows * cols + 2 * r * r + projector.size()) * sizeof(T));
      image = scratch_matrix<T>(m.workspace, 0, rows, cols, m.tensor.row_major);
      made = scratch_matrix<T>(m.workspace, rows * cols, rows, cols, m.tensor.row_major);
    }
  };

  /// The first half of the step of P, which needs the P of now: the moments of its gradient.
  template <class T, class P>
  void prepare_projector(const Views<T>& v, const MatrixUpdate<T, P>& m, MatrixView<const T> G, double norm) const {
    // As if P stood to the right of H, that is G or G'.
    const bool left = v.side == ProjectionSide::left;
    const MatrixView<const T> R = v.image;
    const MatrixView<T> gradient =
        projector_gradient<T>(m, left ? G.transpose() : G, v.projector, left ? R.transpose() : R, norm);
    const auto g = gradient.flat();
    m.fields[1][0] += 1;
    if (by_adam()) {
      const T beta1 = static_cast<T>(options.projector_beta1);
      const T beta2 = static_cast<T>(options.projector_beta2);
      v.first.flat() = beta1 * v.first.flat() + (1 - beta1) * g;
      v.second.flat() = beta2 * v.second.flat() + (1 - beta2) * g.square();
    } else {
      v.first.flat() = g;
    }
  }

  /// The second half, after the way back.
  template <class T>
  void move_projector(const Step& step, const Views<T>& v, const T* clock) const {
    const double rate = options.projector_rate(step.time);
    if (options.projector_decay != 0) v.projector.flat() *= static_cast<T>(1 - rate * options.projector_decay);
    if (!by_adam()) {
      v.projector.flat() -= static_cast<T>(rate) * v.first.flat();
      return;
    }
    const auto t = static_cast<std::int64_t>(clock[0]);
    const double c1 = bias_correction(options.projector_beta1, t);
    const double slope = c1 / std::sqrt(bias_correction(options.projector_beta2, t));
    const T epsilon = (std::max)(static_cast<T>(c1 * options.projector_epsilon), (std::numeric_limits<T>::min)());
    v.projector.flat() -=
        static_cast<T>(rate) * v.first.flat() / (static_cast<T>(slope) * v.second.flat().sqrt() + epsilon);
  }

  template <class T>
  void start(const Step& step, const Views<T>& v, MatrixView<const T> G) const {
    if (options.random_start)
      assign(v.projector,
             random_orthonormal<double>(v.projector.rows, v.projector.cols, subspace_key(options.seed, step, 0)));
    else
      SubspaceFinder{}(v.side, G, v.projector, {});
  }

  /// The gradient of |H P P' - H|^2 + lambda |P' P - I|^2, H of norm 1 after it is divided by `norm`, from H P:
  ///     2 [P (C'C) + H' (C E - 2 C)] + 4 lambda P (E - I),   C = H P,  E = P' P
  template <class T, class P>
  MatrixView<T> projector_gradient(const MatrixUpdate<T, P>& m, MatrixView<const T> H, MatrixView<const T> projector,
                                   MatrixView<const T> HP, double norm) const {
    const Index r = projector.cols;
    const Index taken = 2 * HP.size();  // by the image and what is made of it
    const auto E = scratch_matrix<T>(m.workspace, taken, r, r, false);
    const auto K = scratch_matrix<T>(m.workspace, taken + r * r, r, r, false);
    const auto W = scratch_matrix<T>(m.workspace, taken + 2 * r * r, HP.rows, r, HP.row_major);
    const auto result =
        scratch_matrix<T>(m.workspace, taken + 2 * r * r + HP.size(), projector.rows, r, projector.row_major);
    const auto [first, second] = inverse_factors(norm);
    const double lambda = options.ortho_penalty;
    multiply(projector.transpose(), projector, E);
    const auto C = scratch_matrix<T>(m.workspace, HP.size(), HP.rows, r, HP.row_major);  // nothing is made yet
    C.flat() = (HP.flat() * static_cast<T>(first)) * static_cast<T>(second);
    multiply(C.transpose(), C, K, 2);
    multiply(C, E, W);
    W.flat() = (W.flat() - 2 * C.flat()) * static_cast<T>(first);
    K.flat() += static_cast<T>(4 * lambda) * E.flat();
    for (Index i = 0; i < r; ++i) K(i, i) -= static_cast<T>(4 * lambda);
    multiply(projector, K, result);
    multiply(H.transpose(), W, result, 2 * second, true);
    return result;
  }
};

}  // namespace detail

/// Online Subspace Descent: the inner rule runs on the gradient's image in a subspace of rank r, as in GaLore,
/// and the subspace follows the gradient by one step of online principal component analysis an update, in place
/// of a singular value decomposition now and then. Vectors, numbers and matrices outside the mask run the inner
/// rule as it is.
///
///     t = 0:   P <- the first r right singular vectors of the gradient G (m >= n; else of G')
///     R = G P;   N = Inner(R);   u <- scale N P';   then, for t > 0, with H = G / |G|:
///     P <- P - lr_P Adam( gradient of |H P P' - H|^2 + ortho_penalty |P' P - I|^2 )
///
///     chain(online_subspace_descent({.rank = 128, .projector_rate = 5e-3}, ScaleByAdam{}), ScaleByLearningRate{1e-2})
///
/// State: projector P, n x r, not exactly orthonormal; its moments (two of Adam, one array of sgd), a clock of two
/// numbers; that of the inner rule for an m x r matrix.
/// Cost: 6 m n r + 4 (m + n) r^2 flops per step. Nothing but the first step takes memory from the heap, as much as a
/// refresh of Galore.
/// Errors: as Galore's. P rests where the gradient is zero, or it or its image not finite.
/// Pitfalls: singular vectors of a gradient without noise are a stationary point of the loss of P, which sgd never
/// leaves; without penalty Adam lets P grow where the gradient has left the subspace.
/// Source: "Memory-Efficient LLM Training with Online Subspace Descent", 2024, arXiv 2408.12857, Algorithm 1.
/// Deviations from the authors' code: the penalty of the paper, no decay of P, and the rate of P is an option.
template <class Inner>
struct OnlineSubspaceDescent {
  static constexpr std::string_view name = "OnlineSubspaceDescent";
  using Alternatives = std::tuple<detail::OnlineSubspaceMatrix<Inner>, Inner>;
  OnlineSubspaceDescentOptions settings;
  Inner inner;

  static void options(auto& self, auto&& visit) {
    visit("rank", self.settings.rank, range::at_least_one);
    visit("projector_rate", self.settings.projector_rate, range::non_negative);
    visit("ortho_penalty", self.settings.ortho_penalty, range::non_negative);
    visit("scale", self.settings.scale, range::positive);
    visit("side", self.settings.side, range::up_to(ProjectionSide::right));
    visit("projector_rule", self.settings.projector_rule, range::up_to(ProjectorRule::sgd));
    visit("projector_beta1", self.settings.projector_beta1, range::decay);
    visit("projector_beta2", self.settings.projector_beta2, range::decay);
    visit("projector_epsilon", self.settings.projector_epsilon, range::non_negative);
    visit("projector_decay", self.settings.projector_decay, range::non_negative);
    visit("random_start", self.settings.random_start);
    visit("seed", self.settings.seed);
    visit("mask", self.settings.mask);
  }
  void check() const { detail::refuse_weight_decay(name, inner); }

  void select(const Tensor& tensor, auto&& run) const {
    if (!tensor.is_matrix() || tensor.size() == 0 || !settings.mask(tensor)) return run(inner);
    detail::require_rank(name, settings.rank, tensor);
    run(detail::OnlineSubspaceMatrix<Inner>{settings, inner});
  }
};

template <class Inner = ScaleByAdam>
[[nodiscard]] OnlineSubspaceDescent<Inner> online_subspace_descent(OnlineSubspaceDescentOptions options,
                                                                   Inner inner = {}) {
  return {std::move(options), std::move(inner)};
}

}  // namespace glissade
