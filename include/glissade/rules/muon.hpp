// Muon: momentum, orthogonalized.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "../linalg/frobenius.hpp"
#include "../linalg/product.hpp"
#include "../rule/choose.hpp"
#include "../rule/convention.hpp"
#include "adamw.hpp"

namespace glissade {

/// X <- about the nearest matrix with orthonormal rows or columns, U V' of X = U S V', by `steps` iterations
///
///     X <- X / |X|;   repeat:  A = X X',  X <- a X + (b A + c A A) X        (X X' of the shorter side)
///
/// torch divides by max(|X|, epsilon), otherwise epsilon is added to |X|. With torch's coefficients, which are made for
/// a steep start, five steps bring singular values above 1e-2 of |X| into [0.68, 1.14] and no nearer to 1.
/// `workspace`: room for r max(m, n) + 2 r^2 scalars, r = min(m, n). Cost: 4 r^2 max(m, n) + 2 r^3 flops per step, all
/// in products. A zero matrix stays zero.
/// Source: Keller Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
template <class T>
void orthogonalize_by_newton_schulz(MatrixView<T> X, const std::array<double, 3>& coefficients, int steps,
                                    double epsilon, bool torch, T* workspace) {
  const MatrixView<T> wide = X.rows <= X.cols ? X : X.transpose();
  const Eigen::Index r = wide.rows;
  const MatrixView<T> next{workspace, r, wide.cols, wide.row_major};
  const MatrixView<T> A{workspace + X.size(), r, r, false};
  const MatrixView<T> B{workspace + X.size() + r * r, r, r, false};
  const double norm = frobenius_norm<T>(X);
  if (norm == 0) return;
  const auto [first, second] = inverse_factors(torch ? (std::max)(norm, epsilon) : norm + epsilon);
  X.flat() = (X.flat() * static_cast<T>(first)) * static_cast<T>(second);
  const auto [a, b, c] = coefficients;
  for (int step = 0; step < steps; ++step) {
    multiply(wide, wide.transpose(), A);
    B.flat() = static_cast<T>(b) * A.flat();
    multiply(A, A, B, c, true);
    next.flat() = static_cast<T>(a) * wide.flat();
    multiply(B, wide, next, 1, true);
    wide.flat() = next.flat();
  }
}

/// How the step of a matrix depends on its shape.
enum class MuonScale {
  rows,       // sqrt(max(1, rows / columns)): weights applied as W x; torch's "original"
  columns,    // sqrt(max(1, columns / rows)): weights applied as x' W; optax's
  match_rms,  // rms sqrt(max(rows, columns)): coefficients as large as AdamW's with rms = 0.2
};

namespace detail {

struct MuonMatrix {
  static constexpr std::string_view name = "MuonMatrix";
  static constexpr bool turns = false;
  static constexpr int passes = 2;
  double momentum;
  bool nesterov;
  std::array<double, 3> coefficients;
  int steps;
  double epsilon;
  bool adaptive;
  Convention convention;
  MuonScale scale;
  double rms;

  void fields(const Tensor& tensor, auto&& add) const { add("momentum", tensor.rows, tensor.cols); }

  template <class T, class P>
  void update(const Step& step, const MatrixUpdate<T, P>& m) const {
    using Array = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
    const Index size = m.tensor.size();
    const Index r = (std::min)(m.tensor.rows, m.tensor.cols);
    m.workspace.reserve(static_cast<std::size_t>(2 * size + 2 * r * r) * sizeof(T));
    T* const workspace = reinterpret_cast<T*>(m.workspace.data());
    const Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>> g(m.in, size);
    Array mean(m.fields[0], size), out(m.out, size), direction(workspace, size);
    const bool torch = convention == Convention::torch;

    mean = static_cast<T>(momentum) * mean + static_cast<T>(1 - momentum) * g;
    const auto corrected = [&](std::int64_t t) { return torch ? 1.0 : 1 / bias_correction(momentum, t); };
    if (nesterov)
      out = static_cast<T>(momentum * corrected(step.count + 1)) * mean +
            static_cast<T>((1 - momentum) * corrected(step.count)) * g;
    else
      out = static_cast<T>(corrected(step.count)) * mean;
    if (adaptive) direction = out;
    orthogonalize_by_newton_schulz<T>({m.out, m.tensor.rows, m.tensor.cols, m.tensor.row_major}, coefficients, steps,
                                      epsilon, torch, workspace + size);
    double factor = shape_factor(m.tensor);
    if (adaptive) factor *= (direction * out).template cast<double>().sum();
    out *= static_cast<T>(factor);
  }

 private:
  [[nodiscard]] double shape_factor(const Tensor& tensor) const {
    const auto rows = static_cast<double>(tensor.rows), cols = static_cast<double>(tensor.cols);
    switch (scale) {
      case MuonScale::rows:
        return std::sqrt((std::max)(1.0, rows / cols));
      case MuonScale::columns:
        return std::sqrt((std::max)(1.0, cols / rows));
      case MuonScale::match_rms:
        return rms * std::sqrt((std::max)(rows, cols));
    }
    return 1;
  }
};

}  // namespace detail

/// The direction of Muon for matrices; vectors, scalars and matrices outside the mask pass.
///
///     m <- momentum m + (1 - momentum) u;   d = m, or with nesterov momentum m + (1 - momentum) u
///     u <- shape factor times orthogonalize_by_newton_schulz(d)
///
/// convention optax: m and u are corrected for their start before they are orthogonalized. adaptive: u is multiplied by
/// the inner product of d and the orthogonalized d, which is about the sum of d's singular values.
/// State: momentum m (the parameter's shape).
/// Cost: see orthogonalize_by_newton_schulz; 2 passes over memory besides.
/// Source: see Muon.
struct ScaleByMuon {
  static constexpr std::string_view name = "ScaleByMuon";
  using Alternatives = std::tuple<detail::MuonMatrix, Chain<>>;
  double momentum = 0.95;  // in [0, 1)
  bool nesterov = true;
  std::array<double, 3> coefficients = {3.4445, -4.775, 2.0315};  // a, b, c
  int steps = 5;                                                  // >= 1
  double epsilon = 1e-7;                                          // >= 0
  bool adaptive = false;
  Convention convention = Convention::torch;  // or optax
  MuonScale scale = MuonScale::rows;
  double rms = 0.2;      // > 0, of match_rms
  TensorMask mask = {};  // which matrices; all without it

  static void options(auto& self, auto&& visit) {
    visit("momentum", self.momentum, range::decay);
    visit("nesterov", self.nesterov);
    visit("coefficient_a", self.coefficients[0], range::finite);
    visit("coefficient_b", self.coefficients[1], range::finite);
    visit("coefficient_c", self.coefficients[2], range::finite);
    visit("steps", self.steps, range::at_least_one);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("adaptive", self.adaptive);
    visit("convention", self.convention, range::up_to(Convention::optax));
    visit("scale", self.scale, range::up_to(MuonScale::match_rms));
    visit("rms", self.rms, range::positive);
    visit("mask", self.mask);
  }
  void select(const Tensor& tensor, auto&& run) const {
    if (tensor.is_matrix() && mask(tensor))
      run(detail::MuonMatrix{momentum, nesterov, coefficients, steps, epsilon, adaptive, convention, scale, rms});
    else
      run(Chain<>{});
  }
};

/// Muon: every step of a matrix moves all of its singular directions alike; for the hidden matrices of a network.
/// Vectors, scalars and matrices outside the mask (tables of words, output layers) run AdamW.
///
///     x <- (1 - learning_rate weight_decay) x - learning_rate ScaleByMuon(gradient)
///
///     Optimizer optimizer{Muon{.learning_rate = 0.02, .mask = [](const Tensor& t) { return t.name != "words"; }},
///                         W, named("words", b)};
///
/// State: momentum of matrices; first_moment, second_moment of the others. Cost: see ScaleByMuon.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: Keller Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; torch.optim.Muon,
/// optax.contrib.muon; match_rms: "Muon is Scalable for LLM Training", 2025, arXiv 2502.16982. Deviation: the products
/// are in the compute scalar, torch's in bfloat16.
struct Muon {
  static constexpr std::string_view name = "Muon";
  using Alternatives = std::tuple<Chain<ScaleByMuon, AddDecayedWeights, ScaleByLearningRate>, AdamW>;
  Schedule learning_rate = 1e-3;  // >= 0
  double momentum = 0.95;         // in [0, 1)
  bool nesterov = true;
  std::array<double, 3> coefficients = {3.4445, -4.775, 2.0315};
  int steps = 5;              // >= 1
  double epsilon = 1e-7;      // >= 0
  double weight_decay = 0.1;  // >= 0, decoupled
  bool adaptive = false;
  Convention convention = Convention::torch;  // or optax
  MuonScale scale = MuonScale::rows;
  double rms = 0.2;      // > 0, of match_rms
  AdamW others = {};     // the rule of all other tensors
  TensorMask mask = {};  // which matrices; all without it

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("momentum", self.momentum, range::decay);
    visit("nesterov", self.nesterov);
    visit("coefficient_a", self.coefficients[0], range::finite);
    visit("coefficient_b", self.coefficients[1], range::finite);
    visit("coefficient_c", self.coefficients[2], range::finite);
    visit("steps", self.steps, range::at_least_one);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("adaptive", self.adaptive);
    visit("convention", self.convention, range::up_to(Convention::optax));
    visit("scale", self.scale, range::up_to(MuonScale::match_rms));
    visit("rms", self.rms, range::positive);
    visit("mask", self.mask);
  }
  static void for_each_member(auto& self, const auto& visit) { visit(self.others); }

  void select(const Tensor& tensor, auto&& run) const {
    if (!tensor.is_matrix() || !mask(tensor)) return run(others);
    run(glissade::chain(ScaleByMuon{momentum, nesterov, coefficients, steps, epsilon, adaptive, convention, scale, rms},
                        AddDecayedWeights{weight_decay}, ScaleByLearningRate{learning_rate}));
  }
};

}  // namespace glissade
