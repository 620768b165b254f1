// Blocks of tensors in turn: orders, state, claims.
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/optimizer/blocks.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/subspaces/frugal.hpp>

#include <set>

using namespace glissade;
using namespace low_rank_problems;

namespace {

/// Which of four tensors moves in each of `steps` steps.
std::vector<int> visits(const BlockOptions& options, int steps) {
  std::vector<Matrix> W(4, Matrix::Zero(3, 2));
  BlockOptimizer optimizer{Adam{.learning_rate = 0.1}, options, W};
  std::vector<int> visited;
  for (int t = 0; t < steps; ++t) {
    const std::vector<Matrix> before = W;
    optimizer.step(std::vector<Matrix>(4, Matrix::Ones(3, 2)));
    int sum = 0;
    for (int k = 0; k < 4; ++k)
      if (W[static_cast<std::size_t>(k)] != before[static_cast<std::size_t>(k)]) sum = 10 * sum + k;
    visited.push_back(sum);
  }
  return visited;
}

}  // namespace

TEST_CASE("blocks: the orders") {
  CHECK(visits({.switch_every = 2}, 10) == std::vector{3, 3, 2, 2, 1, 1, 0, 0, 3, 3});
  CHECK(visits({.switch_every = 1, .order = BlockOrder::ascending}, 6) == std::vector{0, 1, 2, 3, 0, 1});
  CHECK(visits({.switch_every = 1, .order = BlockOrder::mirror}, 8) == std::vector{0, 1, 2, 3, 3, 2, 1, 0});
  CHECK(visits({.switch_every = 1, .order = BlockOrder::fixed, .first_block = 2}, 3) == std::vector{2, 2, 2});
  CHECK(visits({.switch_every = 1, .order = BlockOrder::ascending, .blocks = {0, 0, 1, 1}}, 3) ==
        std::vector{1, 23, 1});
  const auto random = visits({.switch_every = 1, .order = BlockOrder::random}, 40);
  std::set<std::vector<int>> sweeps;
  for (int s = 0; s < 10; ++s) {
    std::vector<int> sweep(random.begin() + 4 * s, random.begin() + 4 * s + 4);
    sweeps.insert(sweep);
    std::sort(sweep.begin(), sweep.end());
    CHECK(sweep == std::vector{0, 1, 2, 3});
  }
  CHECK(sweeps.size() > 4);
}

TEST_CASE("blocks: one block without end is the inner rule; a visit is a fresh run; the others have no state") {
  Matrix W = normal(9, 5, 1), V = W, other = normal(4, 4, 2);
  const Matrix kept = other;
  BlockOptimizer one{Adam{.learning_rate = 0.1}, {.switch_every = 1000}, V};
  Optimizer plain{Adam{.learning_rate = 0.1}, W};
  for (int t = 1; t <= 20; ++t) {
    one.step(normal(9, 5, static_cast<std::uint64_t>(t)));
    plain.step(normal(9, 5, static_cast<std::uint64_t>(t)));
  }
  CHECK(W == V);
  BlockOptimizer two{Adam{.learning_rate = 0.1}, {.switch_every = 5}, V, other};
  for (int sweep = 0; sweep < 3; ++sweep) {
    const Matrix before = V;
    for (int t = 0; t < 5; ++t)
      if (t == 0)
        two.step(Matrix::Ones(9, 5), normal(4, 4, 3));
      else
        two.step(no_gradient, normal(4, 4, 3));
    CHECK(V == before);
    CHECK(two.state_bytes() == 2 * 45 * 8);  // the turn of the other block begins
    Optimizer fresh{Adam{.learning_rate = 0.1}, W};
    for (int t = 0; t < 5; ++t) {
      const Matrix G = normal(9, 5, static_cast<std::uint64_t>(100 * sweep + t));
      two.step(G, Matrix::Ones(4, 4));
      fresh.step(G);
    }
    CHECK(V == W);
    CHECK(two.state_bytes() == 2 * 16 * 8);
  }
  CHECK(other != kept);
}

TEST_CASE("blocks: on a quadratic every sweep takes about the same part of what is left") {
  Eigen::VectorXd h(20);
  for (Index i = 0; i < 20; ++i) h[i] = std::pow(10.0, static_cast<double>(i) / 19);
  double worst = 0, best = 1;
  for (std::uint64_t s = 0; s < 3; ++s) {
    const Matrix Q = orthonormal(20, 20, 10 + s), H = Q * h.asDiagonal() * Q.transpose();
    Eigen::VectorXd x = normal(20, 1, 20 + s);
    const auto f = [&] { return 0.5 * x.dot(H * x); };
    BlockOptimizer optimizer{Adam{.learning_rate = 0.02},
                             {.switch_every = 50},
                             x.segment(0, 5),
                             x.segment(5, 5),
                             x.segment(10, 5),
                             x.segment(15, 5)};
    const double start = f();
    for (int t = 0; t < 6 * 200; ++t) {
      const Eigen::VectorXd g = H * x;
      optimizer.step(g.segment(0, 5), g.segment(5, 5), g.segment(10, 5), g.segment(15, 5));
    }
    const double factor = std::pow(f() / start, 1.0 / 6);
    worst = std::max(worst, factor);
    best = std::min(best, factor);
  }
  INFO(best << " .. " << worst);
  CHECK(worst < 0.4);
  CHECK(best > 0.05);
}

TEST_CASE("blocks: misuse is named") {
  std::vector<Matrix> W(4, Matrix::Zero(3, 2));
  const auto message = [&](const BlockOptions& options) {
    return message_of([&] { BlockOptimizer o{Adam{}, options, W}; });
  };
  CHECK(message({.blocks = {0, 1}}) == "BlockOptimizer: blocks has 2 entries, must have 4, one for every tensor");
  CHECK(message({.order = BlockOrder::fixed, .first_block = 4}) ==
        "BlockOptimizer: first_block = 4, must be below 4, the number of blocks");
  CHECK(message({.switch_every = 0}) == "BlockOptimizer: switch_every = 0, must be >= 1 and finite");
  CHECK(message({.order = BlockOrder{5}}) == "BlockOptimizer: order = 5, must be in [0, 4]");
  CHECK(message_of([&] {
          BlockOptimizer o{Adam{}, Adam{}, {}, W};
        }) == "BlockOptimizer: the rule of the resting blocks, Adam, has state, must have none");
}

TEST_CASE("blocks: what leaves the active block is forgotten, whether gradients come or not") {
  Eigen::MatrixXd a = Eigen::MatrixXd::Ones(3, 4), b = a;
  BlockOptimizer blocks{Adam{}, {.switch_every = 2}, a, b};
  const Optimizer<Adam, double>& optimizer = blocks.optimizer();
  const Eigen::MatrixXd g = Eigen::MatrixXd::Ones(3, 4);
  for (int step = 0; step < 3; ++step) {
    CHECK(blocks.active(1) == (step < 2));
    CHECK((optimizer.state(1).bytes() > 0) == blocks.active(1));
    CHECK((optimizer.state(0).bytes() > 0) == blocks.active(0));
    CHECK(blocks.active(0) != blocks.active(1));
    if (blocks.active(1))
      blocks.step(no_gradient, g);
    else
      blocks.step(g, no_gradient);
  }
  CHECK(blocks.state_bytes() == 2 * 12 * sizeof(double));
}

TEST_CASE("blocks: several at a time, and a second rule for the others") {
  std::vector<Matrix> W(4, Matrix::Zero(3, 2));
  BlockOptimizer optimizer{chain(ScaleByAdam{}, ScaleByLearningRate{0.1}),
                           {.switch_every = 2, .order = BlockOrder::ascending, .active = 2},
                           W};
  for (int t = 0; t < 8; ++t) {
    const std::vector<Matrix> before = W;
    optimizer.step(std::vector<Matrix>(4, Matrix::Ones(3, 2)));
    for (std::size_t k = 0; k < 4; ++k) CHECK((W[k] != before[k]) == ((k / 2) == static_cast<std::size_t>(t / 2 % 2)));
    CHECK(optimizer.state_bytes() == 2 * 2 * 6 * 8);
  }

  // The schedule of the second rule is that of the whole optimizer.
  Matrix A = Matrix::Zero(2, 2), B = A, always = A;
  const Schedule rate = [](std::int64_t t) { return 0.5 / static_cast<double>(t + 1); };
  BlockOptimizer both{chain(ScaleByAdam{}, ScaleByLearningRate{0.0}),
                      chain(StateFree{.rule = InactiveRule::sign_sgd, .factor = 2}, ScaleByLearningRate{rate}),
                      {.switch_every = 1,
                       .order = BlockOrder::ascending,
                       .rotating = [](const Tensor& tensor) { return tensor.name != "always"; }},
                      named("A", A),
                      named("B", B),
                      named("always", always)};
  both.step(Matrix::Ones(2, 2), -Matrix::Ones(2, 2), Matrix::Ones(2, 2));
  both.step(Matrix::Ones(2, 2), -Matrix::Ones(2, 2), Matrix::Ones(2, 2));
  CHECK(B == Matrix::Constant(2, 2, 1.0));
  CHECK(A == Matrix::Constant(2, 2, -0.5));
  CHECK(always == Matrix::Zero(2, 2));
  CHECK(both.active(2));
}
