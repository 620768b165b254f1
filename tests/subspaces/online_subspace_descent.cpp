// Online Subspace Descent: claims, identities, ends.
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/subspaces/frugal.hpp>
#include <glissade/subspaces/online_subspace_descent.hpp>
#include <glissade/transforms/trace.hpp>

using namespace glissade;
using namespace low_rank_problems;

namespace {

using Options = OnlineSubspaceDescentOptions;

template <class O>
Matrix projector(const O& optimizer, Index rows, Index cols) {
  return Eigen::Map<const Matrix>(optimizer.field("0", "projector").template as<double>(), rows, cols);
}

double penalized(const Matrix& P, const Matrix& G, double lambda) {
  const Matrix H = G / G.norm();
  return (H * P * P.transpose() - H).squaredNorm() +
         lambda * (P.transpose() * P - Matrix::Identity(P.cols(), P.cols())).squaredNorm();
}

/// Half of |W - target|^2 after 2000 steps of the noisy regression.
template <class R>
double regression(const R& rule, std::uint64_t seed) {
  NoisyRegression problem(seed);
  Optimizer optimizer{
      chain(rule, ScaleByLearningRate{[](std::int64_t t) { return 0.003 * (1 - static_cast<double>(t) / 2000); }}),
      problem.W};
  for (int t = 0; t < 2000; ++t) optimizer.step(problem.gradient(t));
  return problem.value();
}
Schedule shape(double peak) {
  return [peak](std::int64_t t) { return peak * (1 - static_cast<double>(t) / 2000); };
}

}  // namespace

TEST_CASE("online_subspace_descent: the projector goes down the gradient of its loss") {
  for (const bool left : {false, true}) {
    const Index rows = left ? 5 : 9, cols = left ? 9 : 5;
    Matrix W = Matrix::Zero(rows, cols);
    Optimizer optimizer{chain(online_subspace_descent(
                                  {.rank = 3, .projector_rate = 0.25, .projector_rule = ProjectorRule::sgd}, Chain<>{}),
                              ScaleByLearningRate{0.1}),
                        W};
    optimizer.step(normal(rows, cols, 1));
    for (int t = 2; t < 5; ++t) {
      const Matrix P = projector(optimizer, 5, 3), G = normal(rows, cols, static_cast<std::uint64_t>(t)), before = W;
      const Matrix H = left ? Matrix(G.transpose()) : G;
      optimizer.step(G);
      CHECK(((W - before) + 0.1 * (left ? Matrix(P * P.transpose() * G) : Matrix(G * P * P.transpose()))).norm() <
            1e-14);
      Matrix slope(5, 3);
      for (Index i = 0; i < P.size(); ++i) {
        Matrix up = P, down = P;
        up.data()[i] += 1e-5;
        down.data()[i] -= 1e-5;
        slope.data()[i] = (penalized(up, H, 0.1) - penalized(down, H, 0.1)) / 2e-5;
      }
      CHECK((P - 0.25 * slope - projector(optimizer, 5, 3)).norm() < 1e-9);
      const Matrix Hn = H / H.norm(), D = Hn * P * P.transpose() - Hn;
      const Matrix naive = 2 * (Hn.transpose() * D * P + D.transpose() * Hn * P) +
                           0.4 * P * (P.transpose() * P - Matrix::Identity(3, 3));
      CHECK((P - 0.25 * naive - projector(optimizer, 5, 3)).norm() < 1e-14);
    }
  }
}

TEST_CASE("online_subspace_descent: without a rate the subspace is GaLore's first one; zero gradients leave it") {
  Matrix W = Matrix::Zero(9, 5), V = W;
  Optimizer still{chain(online_subspace_descent({.rank = 3, .projector_rate = 0.0}), ScaleByLearningRate{0.1}), W};
  Optimizer frozen{chain(galore({.rank = 3, .update_gap = 1000}), ScaleByLearningRate{0.1}), V};
  for (int t = 1; t < 20; ++t) {
    still.step(normal(9, 5, static_cast<std::uint64_t>(t)));
    frozen.step(normal(9, 5, static_cast<std::uint64_t>(t)));
  }
  CHECK(W == V);
  Optimizer moving{chain(online_subspace_descent({.rank = 3}), ScaleByLearningRate{0.1}), W};
  moving.step(normal(9, 5, 1));
  moving.step(normal(9, 5, 2));
  const Matrix P = projector(moving, 5, 3);
  moving.step(Matrix::Zero(9, 5));
  CHECK(projector(moving, 5, 3) == P);
  Matrix bad = normal(9, 5, 3);
  bad(0, 0) = std::numeric_limits<double>::infinity();
  moving.step(bad);
  CHECK(projector(moving, 5, 3) == P);
  CHECK(moving.state_bytes() == 8 * (3 * 5 * 3 + 2 + 2 * 9 * 3));
}

TEST_CASE("online_subspace_descent: finds the leading subspace of a stationary stream") {
  const Matrix U = orthonormal(64, 64, 1);
  Eigen::VectorXd values = Eigen::VectorXd::Constant(64, 0.3);
  values.head(4).setOnes();
  const auto distance_after = [&](ProjectorRule rule, double rate, int steps) {
    Matrix W = Matrix::Zero(64, 96);
    Optimizer optimizer{
        chain(online_subspace_descent(
                  {.rank = 4, .projector_rate = rate, .ortho_penalty = 0, .projector_rule = rule, .random_start = true},
                  Chain<>{}),
              ScaleByLearningRate{1e-3}),
        W};
    for (int t = 0; t < steps; ++t)
      optimizer.step(U * values.asDiagonal() * normal(64, 96, 10 + static_cast<std::uint64_t>(t)));
    const Matrix Q = orthonormalized(projector(optimizer, 64, 4));
    return std::sqrt(std::max(0.0, 4 - (Q.transpose() * U.leftCols(4)).squaredNorm()));
  };
  CHECK(distance_after(ProjectorRule::sgd, 0.1, 1) > 1.5);
  CHECK(distance_after(ProjectorRule::sgd, 0.1, 600) < 0.12);
  CHECK(distance_after(ProjectorRule::adam, 1.0 / 200, 100) < 0.3);
}

TEST_CASE("online_subspace_descent: noise-free singular vectors hold sgd, and the penalty holds Adam's scale") {
  const auto run = [](Options options, int steps) {
    const Matrix target = harmonic_target();
    Matrix W = Matrix::Zero(32, 32);
    Optimizer optimizer{chain(online_subspace_descent(std::move(options), Chain<>{}), ScaleByLearningRate{0.5}), W};
    for (int t = 0; t < steps; ++t) optimizer.step(W - target);
    const Matrix P = projector(optimizer, 32, 4);
    return std::pair{0.5 * (W - target).squaredNorm(), (P.transpose() * P - Matrix::Identity(4, 4)).norm()};
  };
  const auto [stuck, straight] = run({.rank = 4, .projector_rate = 0.1, .projector_rule = ProjectorRule::sgd}, 500);
  CHECK(std::abs(stuck - 0.0952780758584066) < 1e-6);
  CHECK(straight < 1e-6);
  const auto [value, bent] = run({.rank = 4, .projector_rate = 0.02}, 3000);
  CHECK(value < 1e-3);
  CHECK(run({.rank = 4, .projector_rate = 0.02, .ortho_penalty = 0}, 3000).second > 10 * bent);
}

TEST_CASE("online_subspace_descent: however the subspace moves, momentum never raises the Hamiltonian") {
  // dW = -P m, dm = P' G - a m has dH/dt = -a |m|^2 for H = f + |m|^2 / 2: Euler steps dt of it with m = dt * buffer.
  constexpr double dt = 1e-3, friction = 1;
  const Matrix target = normal(64, 48, 3);
  const auto rises = [&](double sign) {
    Matrix W = Matrix::Zero(64, 48);
    Optimizer optimizer{chain(online_subspace_descent({.rank = 8, .projector_rate = 1e-2, .random_start = true},
                                                      Trace{.momentum = 1 - friction * dt}),
                              ScaleByLearningRate{dt * dt}),
                        W};
    double before = 0.5 * target.squaredNorm();
    Matrix start;
    int count = 0;
    for (int t = 0; t < 5000; ++t) {
      optimizer.step(sign * (W - target));
      if (t == 0) start = projector(optimizer, 48, 8);
      const Eigen::Map<const Matrix> buffer(optimizer.field("0", "momentum_buffer").as<double>(), 64, 8);
      const double energy = 0.5 * (W - target).squaredNorm() + 0.5 * dt * dt * buffer.squaredNorm();
      count += energy > before ? 1 : 0;
      before = energy;
    }
    CHECK((projector(optimizer, 48, 8) - start).norm() > 1);  // it did move
    return std::pair{count, before};
  };
  const auto [never, last] = rises(1);
  CHECK(never == 0);
  CHECK(last < 0.4 * target.squaredNorm());
  CHECK(rises(-1).first > 4000);  // uphill it does nothing but rise
}

TEST_CASE("frugal: descent in orthonormal subspaces, whichever, never raises the value") {
  const Matrix target = normal(64, 48, 4);
  for (const double rate : {1.0, 1.9}) {
    Matrix W = Matrix::Zero(64, 48);
    Optimizer optimizer{chain(frugal({.density = 8 / 48.0,
                                      .update_gap = 1,
                                      .projector = FrugalProjector::random,
                                      .inactive_rule = InactiveRule::no},
                                     Chain<>{}),
                              ScaleByLearningRate{rate}),
                        W};
    double before = 0.5 * target.squaredNorm();
    int rises = 0;
    for (int t = 0; t < 100; ++t) {
      optimizer.step(W - target);
      const double value = 0.5 * (W - target).squaredNorm();
      rises += value > before ? 1 : 0;
      before = value;
    }
    CHECK(rises == 0);
    CHECK(before < (rate == 1 ? 1e-6 : 0.05) * target.squaredNorm());
  }
}

TEST_CASE(
    "online_subspace_descent: on noisy regression it beats a rarely refreshed subspace when its rate suits the "
    "horizon") {
  const double fast = regression(online_subspace_descent({.rank = 8, .projector_rate = shape(0.1)}), 0);
  const double slow = regression(online_subspace_descent({.rank = 8, .projector_rate = shape(1.0 / 200)}), 0);
  const double never = regression(galore({.rank = 8, .update_gap = 2000}), 0);
  const double seldom = regression(galore({.rank = 8, .update_gap = 200}), 0);
  const double often = regression(galore({.rank = 8, .update_gap = 20}), 0);
  INFO(fast << " " << slow << " " << never << " " << seldom << " " << often);
  CHECK(fast < 1e-9);
  CHECK(often < 1e-9);
  CHECK((0.03 < seldom && seldom < 0.3));
  CHECK((0.5 < slow && slow < 2.23));
  CHECK((1 < never && never < 2.23));
}
