// Muon: singular values, the exact polar factor, shapes.
#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/low_rank_problems.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/muon.hpp>

#include <Eigen/SVD>

using namespace glissade;
using Eigen::MatrixXd;
using low_rank_problems::normal;

namespace {

constexpr std::array<double, 3> torchs{3.4445, -4.775, 2.0315};

MatrixXd orthogonalized(MatrixXd X, const std::array<double, 3>& coefficients, int steps) {
  const Index r = std::min(X.rows(), X.cols());
  Eigen::VectorXd workspace(X.size() + 2 * r * r);
  orthogonalize_by_newton_schulz<double>({X.data(), X.rows(), X.cols()}, coefficients, steps, 1e-7, true,
                                         workspace.data());
  return X;
}

MatrixXd with_singular_values(Index rows, Index cols, const Eigen::VectorXd& values, std::uint64_t seed) {
  const Index r = values.size();
  return low_rank_problems::orthonormal(rows, r, seed) * values.asDiagonal() *
         low_rank_problems::orthonormal(cols, r, seed + 1).transpose();
}

}  // namespace

TEST_CASE("Muon: five steps of torch's coefficients bring singular values above 1e-2 of the norm into [0.68, 1.14]") {
  for (const auto& [rows, cols] : {std::pair<Index, Index>{12, 12}, {30, 12}, {12, 40}}) {
    Eigen::VectorXd values(12);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      // From 1 down to a little above 1e-2 of the Frobenius norm, at random between.
      for (Index i = 0; i < 12; ++i)
        values[i] = i == 0 ? 1 : std::pow(0.02, RandomKey{seed}.uniform(static_cast<std::uint64_t>(i)));
      REQUIRE(values.minCoeff() > 1e-2 * values.norm());
      const MatrixXd X = with_singular_values(rows, cols, 3.7 * values, 10 * seed);
      const MatrixXd Y = orthogonalized(X, torchs, 5);
      const Eigen::VectorXd s = Eigen::JacobiSVD<MatrixXd>(Y).singularValues();
      INFO(rows << " x " << cols << ", seed " << seed << ": " << s.transpose());
      CHECK(s.minCoeff() >= 0.68);
      CHECK(s.maxCoeff() <= 1.14);
      // The singular vectors stay: U' Y V is diagonal.
      const Eigen::JacobiSVD<MatrixXd> svd(X, Eigen::ComputeThinU | Eigen::ComputeThinV);
      MatrixXd inner = svd.matrixU().transpose() * Y * svd.matrixV();
      inner.diagonal().setZero();
      CHECK(inner.cwiseAbs().maxCoeff() < 1e-10);
    }
  }
}

TEST_CASE("Muon: coefficients that converge give the exact polar factor") {
  for (const auto& [rows, cols] : {std::pair<Index, Index>{9, 9}, {14, 5}, {5, 14}}) {
    const MatrixXd X = normal(rows, cols, 5);
    const Eigen::JacobiSVD<MatrixXd> svd(X, Eigen::ComputeThinU | Eigen::ComputeThinV);
    const MatrixXd polar = svd.matrixU() * svd.matrixV().transpose();
    CHECK((orthogonalized(X, {1.5, -0.5, 0}, 60) - polar).norm() < 1e-12 * polar.norm());
    CHECK((orthogonalized(X, torchs, 5) - polar).norm() < 0.35 * polar.norm());
  }
}

TEST_CASE("Muon: scales, storage orders, and AdamW for what is no matrix of the mask") {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const MatrixXd g = normal(8, 3, 1);
  const auto step_of = [&](MuonScale scale) {
    MatrixXd W = MatrixXd::Zero(8, 3);
    Optimizer optimizer{Muon{.learning_rate = 1, .weight_decay = 0, .scale = scale}, W};
    optimizer.step(g);
    return W;
  };
  const MatrixXd O = orthogonalized(g, torchs, 5);
  CHECK((step_of(MuonScale::rows) + std::sqrt(8.0 / 3) * O).norm() < 1e-12);
  CHECK((step_of(MuonScale::columns) + O).norm() < 1e-12);
  CHECK((step_of(MuonScale::match_rms) + 0.2 * std::sqrt(8.0) * O).norm() < 1e-12);

  MatrixXd W = normal(6, 4, 2), words = normal(5, 4, 3), words_alone = words;
  RowMajor V = W;
  Eigen::VectorXd b = Eigen::VectorXd::Ones(4), c = b, d = b;
  const Muon rule{.learning_rate = 0.02, .others = {.learning_rate = 0.1}, .mask = [](const Tensor& tensor) {
                    return tensor.name != "words";
                  }};
  Optimizer both{rule, W, b, named("words", words)};
  Optimizer by_rows{rule, V, d};
  Optimizer alone{AdamW{.learning_rate = 0.1}, c, words_alone};
  for (std::uint64_t t = 1; t <= 5; ++t) {
    const MatrixXd gW = normal(6, 4, 10 + t), gw = normal(5, 4, 20 + t);
    const Eigen::VectorXd gb = normal(4, 1, 30 + t);
    both.step(gW, gb, gw);
    by_rows.step(gW, gb);
    alone.step(gb, gw);
  }
  CHECK(b == c);
  CHECK(words == words_alone);
  CHECK((MatrixXd(V) - W).norm() < 1e-12);
  CHECK(both.field("0", "momentum").size() == 24);
  both.step(MatrixXd::Zero(6, 4), b, words);  // nothing divides by zero
  CHECK(W.allFinite());
}
