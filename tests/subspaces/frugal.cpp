// FRUGAL: claims, identities, ends.
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adamw.hpp>
#include <glissade/subspaces/frugal.hpp>
#include <glissade/subspaces/galore.hpp>

#include <set>

using namespace glissade;
using namespace low_rank_problems;

namespace {

constexpr FrugalProjector all_projectors[] = {FrugalProjector::columns, FrugalProjector::rows, FrugalProjector::randk,
                                              FrugalProjector::svd, FrugalProjector::random};

template <class M = Matrix, class R>
Matrix after(const R& rule, Index rows, Index cols, int steps) {
  M W = normal(rows, cols, 99);
  Optimizer optimizer{rule, W};
  for (int t = 1; t <= steps; ++t) optimizer.step(normal(rows, cols, static_cast<std::uint64_t>(t)));
  return W;
}
template <class Inner = ScaleByAdam>
auto with_rate(FrugalOptions options, Inner inner = {}) {
  return chain(frugal(std::move(options), std::move(inner)), ScaleByLearningRate{0.1});
}

}  // namespace

TEST_CASE("KeyedPermutation: a permutation, another for every key") {
  for (const std::uint64_t size : {1u, 2u, 3u, 17u, 64u, 1000u}) {
    const KeyedPermutation p(size, RandomKey{size});
    std::set<std::uint64_t> images;
    for (std::uint64_t i = 0; i < size; ++i) images.insert(p(i));
    CHECK(images.size() == size);
    CHECK(*images.rbegin() == size - 1);
  }
  int first[8] = {};
  for (std::uint64_t k = 0; k < 8000; ++k) ++first[KeyedPermutation(8, RandomKey{0}.derive(k))(0)];
  for (const int count : first) CHECK(std::abs(count - 1000) < 150);  // 5 standard errors
}

TEST_CASE("frugal: all of the matrix active is the inner rule, none is the rule without state") {
  const auto adam = chain(ScaleByAdam{}, ScaleByLearningRate{0.1});
  for (const auto projector : {FrugalProjector::columns, FrugalProjector::rows, FrugalProjector::randk})
    CHECK(after(with_rate({.density = 1, .update_gap = 1000, .projector = projector}), 9, 5, 20) ==
          after(adam, 9, 5, 20));
  for (const auto projector : all_projectors) {
    Matrix expected = normal(9, 5, 99), descent = expected;
    for (int t = 1; t <= 5; ++t) {
      expected += -0.1 * (0.5 * 0.25 * normal(9, 5, static_cast<std::uint64_t>(t)).cwiseSign());
      descent += -0.1 * (0.25 * normal(9, 5, static_cast<std::uint64_t>(t)));
    }
    CHECK((after(with_rate({.density = 0, .projector = projector, .inactive_scale = 0.25, .projected_scale = 0.5}), 9,
                 5, 5) -
           expected)
              .norm() < 1e-14);
    CHECK(
        (after(
             with_rate(
                 {.density = 0.01, .projector = projector, .inactive_rule = InactiveRule::sgd, .inactive_scale = 0.25}),
             5, 9, 1)
             .size()) == 45);
    CHECK(
        (after(with_rate(
                   {.density = 0, .projector = projector, .inactive_rule = InactiveRule::sgd, .inactive_scale = 0.25}),
               9, 5, 5) -
         descent)
            .norm() < 1e-14);
  }
}

TEST_CASE("frugal: descent on both parts is plain descent, whatever the parts and the storage order") {
  const auto plain = ScaleByLearningRate{0.1};
  for (const auto projector : all_projectors) {
    const auto rule = with_rate(
        {.density = 0.4, .update_gap = 3, .projector = projector, .inactive_rule = InactiveRule::sgd}, Chain<>{});
    CHECK((after(rule, 9, 5, 10) - after(plain, 9, 5, 10)).norm() < 1e-13);
    CHECK((after<RowMajor>(rule, 5, 9, 10) - after(plain, 5, 9, 10)).norm() < 1e-13);
  }
}

TEST_CASE("frugal: both storage orders choose the same part") {
  for (const auto projector : {FrugalProjector::columns, FrugalProjector::rows, FrugalProjector::random}) {
    const auto rule = with_rate({.density = 0.4, .update_gap = 3, .projector = projector});
    CHECK((after(rule, 9, 5, 10) - after<RowMajor>(rule, 9, 5, 10)).norm() < 1e-11);
  }
}

TEST_CASE("frugal: without a rule for the rest columns are Adam on some columns, anew with every choice") {
  Matrix W = normal(9, 6, 1), V = W;
  Optimizer optimizer{with_rate({.density = 0.5, .update_gap = 4, .inactive_rule = InactiveRule::no}), W};
  std::set<int> seen;
  for (int period = 0; period < 5; ++period) {
    const Matrix before = W;
    Optimizer fresh{chain(ScaleByAdam{}, ScaleByLearningRate{0.1}), V};
    for (int t = 0; t < 4; ++t) {
      const Matrix G = normal(9, 6, static_cast<std::uint64_t>(10 * period + t));
      optimizer.step(G);
      fresh.step(G);
    }
    int active = 0;
    for (int j = 0; j < 6; ++j) {
      if (W.col(j) == before.col(j)) continue;
      ++active;
      seen.insert(j);
      CHECK(W.col(j) == V.col(j));
    }
    CHECK(active == 3);
    V = W;
  }
  CHECK(seen.size() > 3);
}

TEST_CASE("frugal: with svd and no rule for the rest it is GaLore") {
  const auto frugal_rule = with_rate({.density = 0.5,
                                      .update_gap = 4,
                                      .projector = FrugalProjector::svd,
                                      .inactive_rule = InactiveRule::no,
                                      .projected_scale = 0.25,
                                      .reset_statistics = false});
  const auto galore_rule = chain(galore({.rank = 3, .update_gap = 4, .scale = 0.25}), ScaleByLearningRate{0.1});
  CHECK(after(frugal_rule, 9, 6, 12) == after(galore_rule, 9, 6, 12));
}

TEST_CASE("frugal: what a subspace leaves is orthogonal to it, and round-off is nothing") {
  const Matrix G = normal(30, 20, 1);
  const Matrix V = leading_subspace(Matrix(G.transpose()), 5);
  Matrix W = Matrix::Zero(30, 20);
  // The inner rule gives nothing: what arrives is the rest.
  Optimizer rest{
      chain(frugal({.density = 0.25, .projector = FrugalProjector::svd, .inactive_rule = InactiveRule::sgd}, Scale{0}),
            Scale{}),
      W};
  rest.step(G);
  CHECK((W * V).norm() < 1e-13);
  CHECK((W - G + G * V * V.transpose()).norm() < 1e-13);
  // A gradient of rank 5 leaves nothing to sign.
  Matrix S = Matrix::Zero(30, 20);
  Optimizer sign{chain(frugal({.density = 0.25, .projector = FrugalProjector::svd}, Scale{0}), Scale{}), S};
  sign.step(normal(30, 5, 2) * normal(5, 20, 3));
  CHECK(S.isZero(0));
}

TEST_CASE("frugal: descent within random subspaces takes r / m of the error a step in the mean") {
  const Matrix target = harmonic_target();
  double ratio = 0;
  constexpr int runs = 20, steps = 20;
  for (std::uint64_t s = 0; s < runs; ++s) {
    Matrix W = Matrix::Zero(32, 32);
    Optimizer optimizer{chain(frugal({.density = 0.125,
                                      .update_gap = 1,
                                      .projector = FrugalProjector::random,
                                      .inactive_rule = InactiveRule::no,
                                      .seed = s},
                                     Chain<>{}),
                              ScaleByLearningRate{1}),
                        W};
    for (int t = 0; t < steps; ++t) {
      const double before = (W - target).squaredNorm();
      optimizer.step(W - target);
      ratio += (W - target).squaredNorm() / before / (runs * steps);
    }
  }
  CHECK(ratio == Approx(0.875).epsilon(0.01));
}

TEST_CASE("frugal: state to the byte; misuse is named") {
  const auto bytes = [](FrugalProjector projector) {
    Eigen::MatrixXf W = Eigen::MatrixXf::Zero(40, 20);
    return Optimizer{with_rate({.density = 0.25, .projector = projector}), W}.state_bytes();
  };
  CHECK(bytes(FrugalProjector::columns) == 4 * 2 * 40 * 5);
  CHECK(bytes(FrugalProjector::rows) == 4 * 2 * 10 * 20);
  CHECK(bytes(FrugalProjector::randk) == 4 * 2 * 200);
  CHECK(bytes(FrugalProjector::svd) == 4 * (20 * 5 + 2 * 40 * 5));
  Matrix W = Matrix::Zero(5, 4);
  CHECK(message_of([&] {
          Optimizer o{frugal({}, AdamW{}), W};
        }).find("Frugal: the inner AdamW has weight_decay = 0.01, must be 0") == 0);
  CHECK(message_of([&] {
          Optimizer o{chain(frugal({.density = 1.5}), ScaleByLearningRate{}), W};
        }) == "Frugal: density = 1.5, must be in [0, 1]");
}

TEST_CASE("frugal: full-rank steps win on noisy regression, and columns are as good as singular vectors") {
  const auto value = [](const auto& rule) {
    NoisyRegression problem(0);
    Optimizer optimizer{
        chain(rule, ScaleByLearningRate{[](std::int64_t t) { return 0.003 * (1 - static_cast<double>(t) / 2000); }}),
        problem.W};
    for (int t = 0; t < 2000; ++t) optimizer.step(problem.gradient(t));
    return problem.value();
  };
  const double density = 1.0 / 6;
  const double galore_value = value(galore({.rank = 8}));
  const double no_rest = value(frugal({.density = density, .inactive_rule = InactiveRule::no}));
  const double columns = value(frugal({.density = density, .inactive_scale = 0.1}));
  const double columns_full = value(frugal({.density = density}));
  const double svd = value(frugal({.density = density, .projector = FrugalProjector::svd, .inactive_scale = 0.1}));
  INFO("GaLore " << galore_value << ", columns alone " << no_rest << ", FRUGAL columns " << columns
                 << " (scale 1: " << columns_full << "), svd " << svd);
  CHECK(columns < 1e-4 * galore_value);
  CHECK(columns_full < 1e-4 * galore_value);
  CHECK(svd < 1e-4 * galore_value);
  CHECK(columns < 10 * svd);
  CHECK(no_rest > galore_value);
}
