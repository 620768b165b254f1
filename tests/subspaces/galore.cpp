// GaLore: claims, identities, ends.
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/subspaces/galore.hpp>

using namespace glissade;
using namespace low_rank_problems;

namespace {

auto descent(GaloreOptions options, double rate) {
  return chain(galore(std::move(options), Chain<>{}), ScaleByLearningRate{rate});
}

/// Half of |W - target|^2 after `steps` exact gradients.
template <class R>
double harmonic_value(const R& rule, int steps) {
  const Matrix target = harmonic_target();
  Matrix W = Matrix::Zero(32, 32);
  Optimizer optimizer{rule, W};
  for (int t = 0; t < steps; ++t) optimizer.step(W - target);
  return 0.5 * (W - target).squaredNorm();
}

/// Parameters after steps with given gradients.
template <class M = Matrix, class R>
Matrix after(const R& rule, Index rows, Index cols, int steps, double factor = 1, bool transposed = false) {
  M W = M::Zero(transposed ? cols : rows, transposed ? rows : cols);
  Optimizer optimizer{rule, W};
  for (int t = 1; t <= steps; ++t) {
    const Matrix G = factor * normal(rows, cols, static_cast<std::uint64_t>(t));
    if (transposed)
      optimizer.step(G.transpose());
    else
      optimizer.step(G);
  }
  return transposed ? Matrix(W.transpose()) : Matrix(W);
}

}  // namespace

TEST_CASE("galore: a frozen subspace leaves the tail, every refresh takes the next singular values") {
  CHECK(std::abs(harmonic_value(descent({.rank = 4, .update_gap = 1000}, 0.5), 200) - 0.0952780758584066) < 1e-14);
  for (int q = 1; q <= 8; ++q) {
    const double value = harmonic_value(descent({.rank = 4, .update_gap = 25}, 0.5), 25 * q);
    CHECK(std::abs(value - harmonic_tail(4 * q)) < 3e-15);  // 25 halvings leave 2^-50 of what was there
  }
}

TEST_CASE("galore: of full rank it is the inner rule, in every order and on every side") {
  const auto inner = Trace{.momentum = 0.9};
  const auto plain = chain(inner, ScaleByLearningRate{0.1});
  for (const auto side : {ProjectionSide::standard, ProjectionSide::full})
    for (const auto& [rows, cols] : {std::pair{Index{9}, Index{5}},
                                     {Index{5}, Index{9}},
                                     {Index{6}, Index{6}},
                                     {Index{1}, Index{7}},
                                     {Index{7}, Index{1}}}) {
      if (side == ProjectionSide::full && rows != cols) continue;
      const auto rule = chain(galore({.rank = static_cast<int>(std::min(rows, cols)), .side = side}, inner),
                              ScaleByLearningRate{0.1});
      const Matrix expected = after(plain, rows, cols, 20);
      CHECK((after(rule, rows, cols, 20) - expected).norm() < 1e-12 * expected.norm());
      CHECK((after<RowMajor>(rule, rows, cols, 20) - expected).norm() < 1e-12 * expected.norm());
    }
}

TEST_CASE("galore: with a plain inner rule the update is the projection of the gradient") {
  const Matrix G = normal(9, 5, 1);
  const auto step = [&](GaloreOptions options) -> Matrix {
    Matrix W = Matrix::Zero(9, 5);
    Optimizer optimizer{chain(galore(std::move(options), Chain<>{}), Scale{}), W};
    optimizer.step(G);
    return W;
  };
  const Matrix U = leading_subspace(G, 2), V = leading_subspace(Matrix(G.transpose()), 2);
  CHECK((step({.rank = 2}) - G * V * V.transpose()).norm() < 1e-14);
  CHECK((step({.rank = 2, .side = ProjectionSide::reverse}) - U * U.transpose() * G).norm() < 1e-14);
  CHECK((step({.rank = 2, .side = ProjectionSide::left}) - U * U.transpose() * G).norm() < 1e-14);
  CHECK((step({.rank = 2, .scale = 0.25, .side = ProjectionSide::full}) -
         0.25 * U * U.transpose() * G * V * V.transpose())
            .norm() < 1e-14);
  CHECK((step({.rank = 2, .randomized = true, .accuracy = {.oversampling = 3}}) - G * V * V.transpose()).norm() <
        1e-13);
}

TEST_CASE("galore: transposed problems have transposed updates; Adam inside takes no notice of scale") {
  const auto adam = chain(galore({.rank = 3, .update_gap = 4}, ScaleByAdam{.epsilon = 0}), ScaleByLearningRate{0.1});
  const Matrix W = after(adam, 9, 5, 3);
  CHECK((after(adam, 9, 5, 3, 1, true) - W).norm() < 1e-12 * W.norm());
  CHECK((after(adam, 9, 5, 10, 1024) - after(adam, 9, 5, 10)).norm() < 1e-12 * W.norm());
  CHECK((after(adam, 9, 5, 10, 1e-3) - after(adam, 9, 5, 10)).norm() < 1e-9 * W.norm());
}

TEST_CASE("galore: reset lets the inner rule begin anew with every subspace") {
  Matrix W = Matrix::Zero(9, 5);
  Matrix V = W;
  Optimizer whole{chain(galore({.rank = 3, .update_gap = 4, .on_refresh = OnRefresh::reset}), ScaleByLearningRate{0.1}),
                  W};
  for (int period = 0; period < 3; ++period) {
    Optimizer fresh{chain(galore({.rank = 3, .update_gap = 100}), ScaleByLearningRate{0.1}), V};
    for (int t = 0; t < 4; ++t) {
      const Matrix G = normal(9, 5, static_cast<std::uint64_t>(4 * period + t));
      whole.step(G);
      fresh.step(G);
    }
    CHECK(W == V);
  }
}

TEST_CASE("galore: a zero or non-finite gradient at a refresh keeps the subspace") {
  Matrix W = Matrix::Zero(9, 5);
  Optimizer optimizer{descent({.rank = 2, .update_gap = 2}, 0.1), W};
  const auto projector = [&] {
    return Eigen::Map<const Matrix>(optimizer.field("0", "projector").template as<double>(), 5, 2);
  };
  optimizer.step(Matrix::Zero(9, 5));
  CHECK(projector() == Matrix::Identity(5, 2));
  optimizer.step(normal(9, 5, 1));
  optimizer.step(normal(9, 5, 2));
  const Matrix found = projector();
  CHECK(found != Matrix::Identity(5, 2));
  optimizer.step(normal(9, 5, 3));
  optimizer.step(Matrix::Zero(9, 5));
  CHECK(projector() == found);
  Matrix bad = Matrix::Zero(9, 5);
  bad(3, 1) = std::numeric_limits<double>::quiet_NaN();
  optimizer.step(normal(9, 5, 4));
  optimizer.step(bad);
  CHECK(projector() == found);
  // A gradient of a lower rank than is asked for.
  Matrix V = Matrix::Zero(9, 5);
  Optimizer thin{descent({.rank = 4}, 1), V};
  const Matrix G = normal(9, 1, 1) * normal(1, 5, 2);
  thin.step(G);
  CHECK((V + G).norm() < 1e-14 * G.norm() * 10);
}

TEST_CASE("galore: state to the byte, and no memory from the heap between refreshes") {
  Eigen::MatrixXf W = Eigen::MatrixXf::Zero(300, 200);
  const Eigen::MatrixXf G = normal(300, 200, 1).cast<float>();
  Optimizer optimizer{chain(galore({.rank = 16, .randomized = true}), ScaleByLearningRate{1e-2}), W};
  CHECK(optimizer.state_bytes() == 4 * (200 * 16 + 2 * 300 * 16));
  optimizer.step(G);
  const std::size_t before = allocations();
  for (int t = 0; t < 5; ++t) optimizer.step(G);
  CHECK(allocations() == before);
}

TEST_CASE("galore: misuse is named") {
  Matrix W = Matrix::Zero(5, 40);
  const auto message = [&](const auto& rule) {
    return message_of([&] { Optimizer optimizer{chain(rule, Scale{}), named("W", W)}; });
  };
  CHECK(message(galore({.rank = 8})) == "Galore: rank = 8 of \"W\", a 5 x 40 matrix, must be in [1, 5]");
  CHECK(message(galore({.rank = 2}, Sgd{.weight_decay = 0.1}))
            .find("Galore: the inner Sgd has weight_decay = 0.1, must be 0: within a subspace") == 0);
  CHECK(message(galore({.rank = 2, .update_gap = 0})).find("Galore: update_gap = 0, must be >= 1") == 0);
  // Outside the mask, and vectors: the inner rule as it is.
  Eigen::VectorXd v = Eigen::VectorXd::Zero(3);
  Optimizer masked{galore({.rank = 8, .mask = [](const Tensor&) { return false; }}, Sgd{.learning_rate = 1}), W, v};
  masked.step(Matrix::Ones(5, 40), Eigen::VectorXd::Ones(3));
  CHECK((W.array() == -1).all());
  CHECK((v.array() == -1).all());
  CHECK(masked.state_bytes() == 0);
}
