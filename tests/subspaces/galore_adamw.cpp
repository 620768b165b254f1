// GaLore's AdamW against its definition; low-rank rules within and around others.
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
using namespace low_rank_problems;

namespace {

/// The authors' algorithm, right side.
struct Definition {
  GaloreAdamW rule;
  Matrix W, P, M = Matrix::Zero(9, 3), V = Matrix::Zero(9, 3);
  int t = 0;
  void step(const Matrix& G) {
    const bool paper = rule.convention == Convention::paper;
    const double rate = rule.learning_rate(t);
    if (t % rule.galore.update_gap == 0) P = leading_subspace(Matrix(G.transpose()), 3);
    ++t;
    const Matrix R = G * P;
    M = rule.beta1 * M + (1 - rule.beta1) * R;
    V = rule.beta2 * V + (1 - rule.beta2) * R.cwiseAbs2();
    const double c1 = 1 - std::pow(rule.beta1, t), c2 = std::sqrt(1 - std::pow(rule.beta2, t));
    const Matrix N = paper ? Matrix(c2 / c1 * M.array() / (V.array().sqrt() + rule.epsilon))
                           : Matrix(M.array() / c1 / (V.array().sqrt() / c2 + rule.epsilon));
    if (!paper) W *= 1 - rate * rule.weight_decay;
    W -= rate * rule.galore.scale * N * P.transpose();
    if (paper) W *= 1 - rate * rule.weight_decay;
  }
};

template <class P, class R>
Eigen::Matrix<P, Eigen::Dynamic, Eigen::Dynamic> run(const R& rule, std::size_t& bytes) {
  Eigen::Matrix<P, Eigen::Dynamic, Eigen::Dynamic> W = normal(12, 8, 1).cast<P>();
  Optimizer optimizer{rule, W};
  for (int t = 1; t <= 10; ++t) optimizer.step(normal(12, 8, static_cast<std::uint64_t>(t)).cast<compute_t<P>>());
  bytes = optimizer.state_bytes();
  return W;
}

}  // namespace

TEST_CASE("GaloreAdamW: equals the authors' algorithm, and AdamW's conventions on request") {
  for (const auto convention : {Convention::paper, Convention::torch}) {
    const GaloreAdamW rule{.epsilon = 0.1,
                           .weight_decay = 0.5,
                           .galore = {.rank = 3, .update_gap = 4, .scale = 0.25},
                           .convention = convention};
    Matrix W = normal(9, 5, 77);
    Definition definition{rule, W, {}};
    Optimizer optimizer{rule, W};
    for (int t = 1; t <= 20; ++t) {
      optimizer.step(normal(9, 5, static_cast<std::uint64_t>(t)));
      definition.step(normal(9, 5, static_cast<std::uint64_t>(t)));
      CHECK((W - definition.W).norm() < 1e-12 * W.norm());
    }
  }
}

TEST_CASE("galore: 16-bit and 8-bit moments, barriers and matrix rules inside") {
  std::size_t bytes = 0;
  const auto outside = [](const auto& inner) { return chain(galore({.rank = 4}, inner), ScaleByLearningRate{0.01}); };
  const Matrix wide = run<double>(outside(ScaleByAdam{}), bytes);
  CHECK(bytes == 8 * (8 * 4 + 2 * 12 * 4));
  const auto narrow = run<float>(outside(with_state<Eigen::bfloat16>(ScaleByAdam{})), bytes);
  CHECK(bytes == 4 * 8 * 4 + 2 * 2 * 12 * 4);
  CHECK((narrow.cast<double>() - wide).norm() < 1e-2 * wide.norm());
  const auto coded = run<float>(outside(with_state<LogarithmicCode>(ScaleByAdam{})), bytes);
  CHECK((coded.cast<double>() - wide).norm() < 3e-2 * wide.norm());
  CHECK(run<Eigen::bfloat16>(outside(ScaleByAdam{}), bytes).cast<float>().allFinite());
  CHECK(run<double>(outside(chain(ClipByNorm{.max_norm = 0.1}, ScaleByAdam{})), bytes).allFinite());
  CHECK(run<double>(galore({.rank = 4}, Adafactor{}), bytes).allFinite());
}
