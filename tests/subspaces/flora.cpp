// Flora: statistics of the projections, momentum, transfer, accumulation.
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/subspaces/flora.hpp>

using namespace glissade;
using namespace low_rank_problems;

namespace {

/// What one gradient becomes when it is compressed and lifted with the projection of a seed.
Matrix through(const Matrix& G, int rank, ProjectionSide side, std::uint64_t seed) {
  Matrix W = Matrix::Zero(G.rows(), G.cols());
  Optimizer optimizer{chain(FloraAccumulate{.steps = 1, .rank = rank, .side = side, .seed = seed}, Scale{}), W};
  optimizer.step(G);
  return W;
}

/// The momentum after `steps` of the same gradient.
Matrix momentum(Flora rule, const Matrix& G, int steps) {
  Matrix W = Matrix::Zero(G.rows(), G.cols());
  Optimizer optimizer{chain(rule, Scale{}), W};
  for (int t = 1; t < steps; ++t) optimizer.step(G);
  W.setZero();
  optimizer.step(G);
  return W;
}

}  // namespace

TEST_CASE("flora: compression is right in the mean, of the predicted size") {
  const Matrix G = normal(40, 60, 1);
  Matrix mean = Matrix::Zero(40, 60);
  double square = 0;
  constexpr int draws = 1000;
  for (int s = 0; s < draws; ++s) {
    const Matrix lifted = through(G, 8, ProjectionSide::right, static_cast<std::uint64_t>(s));
    mean += lifted / draws;
    square += lifted.squaredNorm() / draws / G.squaredNorm();
  }
  CHECK(square == Approx(1 + 61.0 / 8).epsilon(0.01));
  CHECK((mean - G).norm() / G.norm() == Approx(std::sqrt(61.0 / (8 * draws))).epsilon(0.05));
}

TEST_CASE("flora: descent with a new projection every step converges at the predicted rate") {
  constexpr double factor = 1 + 49.0 / 8;
  const auto ratio = [](double rate, int steps) {
    double logarithm = 0;
    constexpr int runs = 4;
    for (int s = 0; s < runs; ++s) {
      const Matrix target = normal(64, 48, 7 + static_cast<std::uint64_t>(s));
      Matrix W = Matrix::Zero(64, 48);
      Optimizer optimizer{chain(FloraAccumulate{.steps = 1, .rank = 8, .seed = static_cast<std::uint64_t>(s)},
                                ScaleByLearningRate{rate}),
                          W};
      for (int t = 0; t < steps; ++t) optimizer.step(W - target);
      logarithm += std::log((W - target).squaredNorm() / target.squaredNorm()) / steps / runs;
    }
    return std::exp(logarithm);
  };
  CHECK(ratio(1 / factor, 30) == Approx(1 - 1 / factor).epsilon(0.02));
  CHECK(ratio(1.8 / factor, 60) < 1);
  CHECK(ratio(2.4 / factor, 60) > 1);
}

TEST_CASE("flora: accumulation equals the compressed mean, in front of any rule") {
  Matrix W = Matrix::Zero(9, 5), V = W;
  Eigen::VectorXd b = Eigen::VectorXd::Zero(3);
  Optimizer accumulated{chain(FloraAccumulate{.steps = 3, .rank = 2, .seed = 5}, Sgd{.learning_rate = 1}), W, b};
  Matrix mean = Matrix::Zero(9, 5);
  for (int t = 0; t < 3; ++t) {
    const Matrix G = normal(9, 5, static_cast<std::uint64_t>(t));
    mean += G / 3;
    CHECK(W.isZero(0));
    accumulated.step(G, Eigen::VectorXd::Constant(3, t));
  }
  CHECK((W + through(mean, 2, ProjectionSide::standard, 5)).norm() < 1e-14 * 10);
  CHECK((b.array() + 1).abs().maxCoeff() < 1e-15);
  CHECK(accumulated.steps() == 1);
  const Matrix once = W;
  for (int t = 0; t < 3; ++t) accumulated.step(normal(9, 5, static_cast<std::uint64_t>(t)), Eigen::VectorXd::Zero(3));
  CHECK((W - 2 * once).norm() > 0.1 * once.norm());  // another projection
}

TEST_CASE("flora: momentum, by hand, with a transfer to the next projection") {
  for (const bool left : {false, true}) {
    const Index rows = left ? 5 : 9, cols = left ? 9 : 5;
    Matrix W = Matrix::Zero(rows, cols);
    RowMajor R = W;
    const auto rule = chain(Flora{.rank = 3, .resample_every = 3, .beta = 0.8, .seed = 4}, ScaleByLearningRate{1});
    Optimizer optimizer{rule, W};
    Optimizer by_rows{rule, R};
    const auto projection = [](std::int64_t period) -> Matrix {
      return random_normal<double>(5, 3, RandomKey{4}.derive(0).derive(0).derive(static_cast<std::uint64_t>(period))) /
             std::sqrt(3.0);
    };
    Matrix C = Matrix::Zero(9, 3), expected = W;
    for (int t = 1; t <= 8; ++t) {
      const Matrix G = normal(9, 5, static_cast<std::uint64_t>(t));
      Matrix P = projection((t - 1) / 3);
      const Matrix update = 0.2 * G + 0.8 * C * P.transpose();
      expected -= left ? Matrix(update.transpose()) : update;
      if (t % 3 == 0) {
        C = C * P.transpose() * projection(t / 3);
        P = projection(t / 3);
      }
      C = 0.8 * C + 0.2 * G * P;
      optimizer.step(left ? Matrix(G.transpose()) : G);
      by_rows.step(left ? Matrix(G.transpose()) : G);
      CHECK((W - expected).norm() < 1e-13);
      CHECK((R - expected).norm() < 1e-13);
    }
  }
}

TEST_CASE("flora: the mean of the momentum over seeds is the exact one") {
  const Matrix G = normal(12, 10, 1);
  Matrix mean = Matrix::Zero(12, 10);
  constexpr int draws = 600;
  for (int s = 0; s < draws; ++s)
    mean += momentum(Flora{.rank = 4, .resample_every = 8, .beta = 0.9, .seed = static_cast<std::uint64_t>(s)}, G, 12) /
            draws;
  const double exact = 1 - std::pow(0.9, 12);
  CHECK((mean - exact * G).norm() / G.norm() < 0.25);
  CHECK((mean.cwiseProduct(G)).sum() / G.squaredNorm() == Approx(exact).epsilon(0.03));
}

TEST_CASE("flora: frequent transfers blow up below the stability limit, and dropping the momentum biases it") {
  const Matrix G = normal(40, 60, 1);
  const auto error = [&](int every, bool transfer) {
    double sum = 0;
    for (std::uint64_t s = 0; s < 5; ++s)
      sum += (momentum({.rank = 16,
                        .resample_every = every,
                        .beta = 0.9,
                        .transfer = transfer,
                        .side = ProjectionSide::right,
                        .seed = s},
                       G, 100) -
              G)
                 .norm() /
             G.norm() / 5;
    return sum;
  };
  CHECK(std::log(1 + 61.0 / 16) / (2 * std::log(1 / 0.9)) == Approx(7.5).epsilon(0.01));
  CHECK(error(5, true) > 20);
  CHECK(error(20, true) < 4);
  CHECK(error(1000, true) < 2.5);
  double along = 0;
  for (std::uint64_t s = 0; s < 20; ++s)
    for (int t = 96; t <= 100; ++t)
      along += (momentum({.rank = 16,
                          .resample_every = 5,
                          .beta = 0.9,
                          .transfer = false,
                          .side = ProjectionSide::right,
                          .seed = s},
                         G, t)
                    .cwiseProduct(G))
                   .sum() /
               G.squaredNorm() / 100;
  CHECK((0.2 < along && along < 0.6));
}

TEST_CASE("flora: state to the byte, no heap between switches, misuse is named") {
  Eigen::MatrixXf W = Eigen::MatrixXf::Zero(60, 40);
  Eigen::VectorXf b = Eigen::VectorXf::Zero(7);
  const Eigen::MatrixXf G = normal(60, 40, 1).cast<float>();
  Optimizer optimizer{chain(Flora{.rank = 8}, ScaleByLearningRate{0.1}), W, b};
  CHECK(optimizer.state_bytes() == 4 * (60 * 8 + 7));
  optimizer.step(G, b);
  const std::size_t before = allocations();
  for (int t = 0; t < 5; ++t) optimizer.step(G, b);
  CHECK(allocations() == before);
  CHECK(message_of([&] {
          Optimizer o{chain(Flora{.rank = 41}, ScaleByLearningRate{}), named("W", W)};
        }) == "Flora: rank = 41 of \"W\", a 60 x 40 matrix, must be in [1, 40]");
  CHECK(message_of([&] {
          Optimizer o{chain(FloraAccumulate{.steps = 0}, ScaleByLearningRate{}), W};
        }).find("FloraAccumulate: steps = 0, must be") == 0);
}
