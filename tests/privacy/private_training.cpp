// Private training and sums: variances and budgets of the papers, what is left without noise, what no person can move,
// and going on from a file.
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/privacy.hpp>

#include <array>
#include <bit>
#include <filesystem>
#include <limits>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

MatrixXd normal(Index rows, Index cols, std::uint64_t seed) {
  const RandomKey key{seed};
  return MatrixXd::NullaryExpr(rows, cols,
                               [&](Index i, Index j) { return key.normal(static_cast<std::uint64_t>(i + j * rows)); });
}

/// Variance of every prefix: node by node, which coefficient it has in the prefix, by draws of 1 for it alone.
double variance(TreeCounter counter, std::int64_t t) {
  double sum = 0;
  for (int h = 0; (std::int64_t{1} << h) <= t; ++h)
    for (std::int64_t place = 0; (place + 1) << h <= t; ++place) {
      TreeNoise tree({.counter = counter, .steps = 64}, 1);
      for (std::int64_t k = 0; k < t; ++k)
        tree.advance_with([&](int level, std::int64_t at, VectorXd& out) { out[0] = level == h && at == place; });
      sum += tree.prefix()[0] * tree.prefix()[0];
    }
  return sum;
}
double formula(TreeCounter counter, std::int64_t t) {
  double sum = 0;
  for (int h = 0; h < 40; ++h)
    if ((t >> h) & 1) sum += counter == TreeCounter::plain ? 1 : 1 / (2 - std::ldexp(1.0, -h));
  return sum;
}

}  // namespace

TEST_CASE("TreeNoise: variances of the paper, from the weight of every node") {
  const std::array<double, 4> first{1, 2.0 / 3, 5.0 / 3, 4.0 / 7};
  for (std::int64_t t = 1; t <= 4; ++t)
    CHECK(std::abs(variance(TreeCounter::honaker, t) - first[static_cast<std::size_t>(t - 1)]) < 1e-14);
  for (const std::int64_t t : {5, 8, 13, 16, 31, 33})
    for (const TreeCounter counter : {TreeCounter::plain, TreeCounter::honaker}) {
      CAPTURE(t, counter);
      CHECK(std::abs(variance(counter, t) - formula(counter, t)) < 1e-13);
    }
  // With 1 at every node the plain counter counts the bits.
  TreeNoise ones({.counter = TreeCounter::plain}, 2);
  double mean = 0, improved = 0, most = 0;
  for (int t = 1; t <= 1024; ++t) {
    ones.advance_with([](int, std::int64_t, VectorXd& out) { out.setOnes(); });
    REQUIRE(ones.prefix() == VectorXd::Constant(2, std::popcount(static_cast<unsigned>(t))));
    mean += ones.prefix()[0] / 1024;
    improved += formula(TreeCounter::honaker, t) / 1024;
    most = std::max(most, formula(TreeCounter::honaker, t));
  }
  CHECK(std::abs(mean - 5.00) < 0.005);
  CHECK(std::abs(improved - 2.90) < 0.005);
  CHECK(std::abs(most - 5.80) < 0.005);
}

TEST_CASE("TreeNoise: drawn noise has these variances, in every tree anew") {
  const Index size = 4000;
  for (const TreeCounter counter : {TreeCounter::plain, TreeCounter::honaker}) {
    TreeNoise tree({.noise = 3, .counter = counter, .steps = 16, .seed = 5}, size);
    VectorXd first;
    for (int round = 0; round < 2; ++round) {
      for (int t = 1; t <= 11; ++t) {
        tree.advance();
        const double ratio = tree.prefix().squaredNorm() / static_cast<double>(size) / 9 / formula(counter, t);
        CHECK(std::abs(ratio - 1) < 4 * std::sqrt(2.0 / static_cast<double>(size)));
      }
      tree.complete();
      CHECK(tree.steps() == 16);
      CHECK(std::abs(tree.prefix().squaredNorm() / static_cast<double>(size) / 9 / formula(counter, 16) - 1) <
            4 * std::sqrt(2.0 / static_cast<double>(size)));
      if (round == 1) CHECK(std::abs(first.dot(tree.prefix())) < 0.1 * first.squaredNorm());
      first = tree.prefix();
      tree.restart();
      CHECK(tree.prefix().isZero(0));
    }
    CHECK(tree.trees() == 2);
  }
}

TEST_CASE("tree sensitivity: levels touched, several passes, and the published budget") {
  const std::vector<std::int64_t> once{0}, last{999}, thrice{0, 1, 6};
  CHECK(tree_sensitivity_squared(once, 1024) == 11);
  CHECK(tree_sensitivity_squared(once, 1000) == 10);
  CHECK(tree_sensitivity_squared(last, 1000) == 4);  // 1000 ends in three zeros: nodes of 1, 2, 4 and 8 steps
  CHECK(tree_sensitivity_squared(thrice, 8) == 1 + 1 + 1 + 4 + 1 + 4 + 1 + 9);
  CHECK(training_sensitivity_squared({.steps_per_pass = 1000, .steps = 1000}) == 10);
  CHECK(training_sensitivity_squared({.steps_per_pass = 2000, .steps = 1000}) == 10);
  CHECK(training_sensitivity_squared({.steps_per_pass = 1000, .steps = 2000, .restart_every = 1000}) == 11 + 10);
  CHECK(training_sensitivity_squared(
            {.steps_per_pass = 1000, .steps = 2000, .restart_every = 1000, .completion = false}) == 20);
  // 50 000 pictures in batches of 500, 100 passes, a new tree after 20
  const TreePasses cifar{.steps_per_pass = 100, .steps = 10'000, .restart_every = 2000};
  const double S = training_sensitivity_squared(cifar);
  CHECK(S == 4129);
  CHECK(std::abs(zcdp_epsilon_of_best_order(zcdp_of_gaussian(46.3, std::sqrt(S)), 1e-5) - 6.922) < 5e-4);
}

TEST_CASE("DpFtrl: without noise SGD with the step 1 / alpha, momentum, restarts and all") {
  const MatrixXd A = normal(6, 40, 1);
  const VectorXd start = normal(6, 1, 2);
  for (const double momentum : {0.0, 0.9})
    for (const std::int64_t restart : {0, 7}) {
      DpFtrl learner({.alpha = 4, .momentum = momentum, .clip = 1e9, .noise = 0, .batch = 5, .restart_every = restart},
                     start);
      VectorXd x = start, m = VectorXd::Zero(6);
      for (int t = 0; t < 40; ++t) {
        MatrixXd g(6, 5);
        for (Index i = 0; i < 5; ++i) g.col(i) = x - A.col((5 * t + i) % 40);
        learner.learn(g);
        m = momentum * m + g.rowwise().mean();
        x -= m / 4;
        REQUIRE((learner.play() - x).norm() <= 1e-13 * (1 + x.norm()));
      }
    }
}

TEST_CASE("DpFtrl: the noise of the play is that of the tree, across restarts, and is resumed bit for bit") {
  const MatrixXd zero = MatrixXd::Zero(3, 4);
  const VectorXd start = VectorXd::Ones(3);
  const auto path = std::filesystem::temp_directory_path() / "glissade_dp_ftrl.safetensors";
  for (const TreeCounter counter : {TreeCounter::plain, TreeCounter::honaker})
    for (const bool completion : {true, false}) {
      DpFtrl learner({.alpha = 2,
                      .clip = 3,
                      .noise = 5,
                      .batch = 4,
                      .counter = counter,
                      .restart_every = 6,
                      .completion = completion,
                      .seed = 8},
                     start);
      DpFtrl resumed = learner;
      TreeNoise tree({.noise = 5 * 3 / 4.0, .counter = counter, .steps = 6, .seed = 8}, 3);
      VectorXd before = VectorXd::Zero(3);
      for (int t = 0; t < 15; ++t) {
        if (t > 0 && t % 6 == 0) {
          if (completion) tree.complete();
          before += tree.prefix();
          tree.restart();
        }
        tree.advance();
        if (t == 8) {
          save(learner, path);
          load(resumed, path);
        }
        const std::size_t before_step = allocations();
        learner.learn(zero);
        CHECK(allocations() == before_step);
        CHECK((learner.play() - (start - (before + tree.prefix()) / 2)).norm() < 1e-13);
        if (t < 8) continue;
        resumed.learn(zero);
        REQUIRE(resumed.play() == learner.play());
      }
    }
  std::filesystem::remove(path);
}

TEST_CASE("DpFtrl, TreeNoise: what is wrong is said, and nothing moves") {
  const VectorXd start = VectorXd::Zero(2);
  CHECK(message_of([&] { DpFtrl({.alpha = 0}, start); }) == "DpFtrl: alpha = 0, must be > 0 and finite");
  CHECK(message_of([&] { DpFtrl({.batch = 0}, start); }) == "DpFtrl: batch = 0, must be > 0 and finite");
  CHECK(message_of([&] { DpFtrl({}, VectorXd::Constant(2, infinity)); }) == "DpFtrl: the start is not finite");
  CHECK(message_of([] { TreeNoise({.steps = 0}, 2); }) == "TreeNoise: steps = 0, must be in [1, 1099511627776]");
  CHECK(message_of([] {
          const std::vector<std::int64_t> twice{3, 3};
          (void)tree_sensitivity_squared(twice, 8);
        }) == "tree_sensitivity_squared: participation = 3, must be in [4, 7]");
  CHECK(message_of([] { (void)training_sensitivity_squared({.steps = 0}); }) ==
        "TreePasses: steps = 0, must be in [1, 1099511627776]");
  DpFtrl learner({.steps = 3}, start);
  CHECK(message_of([&] { learner.learn(MatrixXd::Zero(3, 1)); }) == "DpFtrl: gradients is 3 x 1, must be 2 x 1");
  CHECK(learner.play() == start);
  for (int t = 0; t < 3; ++t) learner.learn(MatrixXd::Zero(2, 0));
  const VectorXd last = learner.play();
  CHECK(message_of([&] { learner.learn(MatrixXd::Zero(2, 1)); }) ==
        "TreeNoise: step = 4, must be <= steps, which is 3");
  CHECK(learner.play() == last);
}

TEST_CASE("clipped_sum: no person moves it by more than the clip, and what is not finite counts as 0") {
  MatrixXd g(2, 7);
  g << 3, 0.3, infinity, std::nan(""), 1e308, 1e-320, 1.8,  //
      4, 0.4, 0, 1, 1e308, 0, 2.4;
  VectorXd sum;
  clipped_sum(g, 2, sum);
  const double half = std::sqrt(2.0);
  CHECK((sum - Eigen::Vector2d(1.2 + 0.3 + half + 1.2, 1.6 + 0.4 + half + 1.6)).norm() < 1e-14);
  clipped_sum(MatrixXd(3, 0), 2, sum);
  CHECK(sum == VectorXd::Zero(3));
  CHECK(message_of([&] { clipped_sum(g, 0, sum); }) == "clipped_sum: clip = 0, must be > 0 and finite");

  const MatrixXd many = 5 * normal(4, 200, 3);
  VectorXd with, without;
  clipped_sum(many, 0.5, with);
  for (const Index i : {0, 77, 199}) {
    MatrixXd others = many;
    others.col(i).setConstant(std::nan(""));
    clipped_sum(others, 0.5, without);
    CHECK((with - without).norm() <= 0.5 + 1e-12);
    CHECK((with - without).norm() > 0.4);
  }
}

TEST_CASE("DP-SGD: the noise has its size, is a function of seed and step, and any optimizer may follow") {
  const Index size = 20'000;
  const DpSgdOptions options{.clip = 2, .noise = 3, .batch = 5, .seed = 1};
  VectorXd a, b, other;
  private_gradient(options, MatrixXd(size, 0), 4, a);
  CHECK(std::abs(a.squaredNorm() / static_cast<double>(size) / 1.44 - 1) < 4 * std::sqrt(2.0 / size));
  CHECK(std::abs(a.mean()) < 4 * 1.2 / std::sqrt(static_cast<double>(size)));
  private_gradient(options, MatrixXd(size, 0), 4, b);
  CHECK(a == b);
  private_gradient(options, MatrixXd(size, 0), 5, b);
  CHECK(std::abs(a.dot(b)) < 4 * 1.44 * std::sqrt(static_cast<double>(size)));
  DpSgdOptions next = options;
  next.seed = 2;
  private_gradient(next, MatrixXd(size, 0), 4, other);
  CHECK(std::abs(a.dot(other)) < 4 * 1.44 * std::sqrt(static_cast<double>(size)));

  // Around the clipped sum, over the expected size of a batch, whatever its own.
  const MatrixXd g = normal(6, 9, 4);
  VectorXd sum, out, noise;
  clipped_sum(g, 2, sum);
  private_gradient(options, g, 7, out);
  private_gradient(options, MatrixXd(6, 0), 7, noise);
  CHECK((out - noise - sum / 5).norm() < 1e-14);
  const std::size_t before = allocations();
  private_gradient(options, g, 8, out);
  CHECK(allocations() == before);

  CHECK(message_of([&] { private_gradient({.noise = -1}, g, 0, out); }) ==
        "DpSgd: noise = -1, must be >= 0 and finite");
  CHECK(message_of([&] { private_gradient({}, g, -1, out); }) == "DpSgd: step = -1, must be >= 0 and finite");
}

TEST_CASE("DP-SGD: Poisson samples take everybody with the same probability, apart from all others") {
  const Index people = 300;
  const double rate = 0.1;
  VectorXd often = VectorXd::Zero(people);
  double sizes = 0, squares = 0, pairs = 0;
  const int steps = 4000;
  for (int t = 0; t < steps; ++t) {
    const std::vector<Index> batch = poisson_sample(people, rate, 6, t);
    const auto size = static_cast<double>(batch.size());
    sizes += size / steps;
    squares += (size - 30) * (size - 30) / steps;
    for (const Index i : batch) often[i] += 1.0 / steps;
    pairs += batch.size() > 1 && batch[0] == 0 && batch[1] == 1;
  }
  CHECK(std::abs(sizes - 30) < 4 * std::sqrt(27.0 / steps));
  CHECK(std::abs(squares / 27 - 1) < 4 * std::sqrt(2.0 / steps));  // binomial: the sizes are not fixed
  CHECK((often.array() - rate).abs().maxCoeff() < 4.5 * std::sqrt(0.09 / steps));
  CHECK(std::abs(pairs - 0.01 * steps) < 4 * std::sqrt(0.01 * steps));
  CHECK(poisson_sample(people, rate, 6, 3) == poisson_sample(people, rate, 6, 3));
  CHECK(poisson_sample(people, rate, 6, 3) != poisson_sample(people, rate, 7, 3));
  CHECK(poisson_sample(5, 1, 1, 1) == std::vector<Index>{0, 1, 2, 3, 4});
  CHECK(poisson_sample(5, 0, 1, 1).empty());
  CHECK(message_of([] { (void)poisson_sample(5, 1.1, 1, 1); }) == "poisson_sample: rate = 1.1, must be in [0, 1]");
}
