// AdaptiveFreezing: the schedule, the scores, what is frozen when, and the claim of AFLoRA.
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/layers/adaptive_freezing.hpp>
#include <glissade/layers/aflora.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>

#include <algorithm>
#include <vector>

using namespace glissade;
using namespace low_rank_problems;
using Vector = Eigen::VectorXd;

namespace {

AdaptiveFreezingOptions quick() { return {.begin = 5, .end = 60, .window = 4}; }

/// Gradients of four matrices of different shapes; those of the last are the largest.
std::vector<Matrix> gradients(int t, double scale = 1) {
  const auto stream = [t](int k) { return static_cast<std::uint64_t>(100 * t + k); };
  return {scale * normal(5, 7, stream(0)), scale * 1.4 * normal(3, 4, stream(1)), scale * 0.7 * normal(6, 2, stream(2)),
          scale * 5 * normal(4, 4, stream(3))};
}

/// The paper's rule for one optimizer, as plainly as can be.
struct Plain {
  AdaptiveFreezingOptions rule;
  std::vector<Eigen::ArrayXXd> I, S, D;
  std::vector<std::int64_t> frozen;

  explicit Plain(const AdaptiveFreezingOptions& r, const std::vector<Matrix>& shapes)
      : rule(r), frozen(shapes.size(), 0) {
    for (const Matrix& m : shapes) I.push_back(Eigen::ArrayXXd::Zero(m.rows(), m.cols()));
    S = D = I;
  }
  void step(int t, const std::vector<Matrix>& g) {
    const int l = t % rule.window;
    std::vector<double> all;
    for (std::size_t k = 0; k < g.size(); ++k) {
      if (frozen[k] != 0) continue;
      const Eigen::ArrayXXd now = g[k].array().abs();
      if (l == 0) {
        S[k] = 0.85 * S[k] + (1 - 0.85) * I[k];
        D[k] = 0.95 * D[k] + (1 - 0.95) * (I[k] - S[k]).abs();
        I[k] = now;
      } else {
        I[k] = (l * I[k] + now) / (l + 1);
      }
      const Eigen::ArrayXXd score = S[k] * D[k];
      all.insert(all.end(), score.data(), score.data() + score.size());
    }
    const int t_f = rule.end;
    if (t <= rule.begin || (l != 0 && t <= t_f)) return;
    const double q = t > t_f ? 0.0 : std::pow(1 - (t - rule.begin) / static_cast<double>(t_f - rule.begin), 3);
    const auto rank = static_cast<std::size_t>(static_cast<double>(all.size()) * (1 - q));
    if (rank == 0) return;
    std::sort(all.begin(), all.end());
    for (std::size_t k = 0; k < g.size(); ++k)
      if (frozen[k] == 0 && (S[k] * D[k]).mean() < all[rank - 1]) frozen[k] = t;
  }
};

/// The steps in which gradients(t, scale) have the matrices frozen.
std::vector<std::int64_t> freezing_steps(const AdaptiveFreezingOptions& options, int steps, double scale = 1) {
  AdaptiveFreezing<> freezing(options);
  for (int t = 1; t <= steps; ++t) freezing.observe(gradients(t, scale));
  std::vector<std::int64_t> frozen;
  for (std::size_t k = 0; k < 4; ++k) frozen.push_back(freezing.frozen_in(k));
  return frozen;
}

}  // namespace

TEST_CASE("AdaptiveFreezing: the schedule of T = 2000, t_i = 100, t_f = 1400") {
  const AdaptiveFreezing<> rule{{.begin = 100, .end = 2000 - 1400}};
  CHECK(rule.remaining(1) == 1);
  CHECK(rule.remaining(100) == 1);
  CHECK(rule.remaining(101) < 1);
  CHECK(rule.remaining(225) == 0.421875);
  CHECK(rule.remaining(350) == 0.125);
  CHECK(rule.remaining(475) == 0.015625);
  CHECK(rule.remaining(600) == 0);
  CHECK(rule.remaining(2000) == 0);
}

TEST_CASE("AdaptiveFreezing: scores and freezing are those of the plain rule over 100 steps") {
  for (const int begin : {5, 100}) {
    AdaptiveFreezingOptions options = quick();
    options.begin = begin;
    options.end = begin + 55;
    AdaptiveFreezing<> freezing(options);
    Plain plain(options, gradients(0));
    for (int t = 1; t <= 100; ++t) {
      const std::vector<Matrix> g = gradients(t);
      freezing.observe(g);
      plain.step(t, g);
      for (std::size_t k = 0; k < 4; ++k) {
        REQUIRE(freezing.frozen_in(k) == plain.frozen[k]);
        if (plain.frozen[k] != 0) continue;
        const auto follows = [](const Eigen::ArrayXXd& found, const Eigen::ArrayXXd& expected) {
          CHECK((found - expected).abs().maxCoeff() <= 1e-12 * expected.abs().maxCoeff());
        };
        follows(freezing.sensitivity(k), plain.I[k]);
        follows(freezing.smoothed(k), plain.S[k]);
        follows(freezing.deviation(k), plain.D[k]);
      }
    }
    const auto frozen = std::count_if(plain.frozen.begin(), plain.frozen.end(), [](auto at) { return at != 0; });
    CHECK(freezing.frozen_count() == static_cast<std::size_t>(frozen));
    CHECK(frozen == (begin == 5 ? 4 : 0));
  }
}

TEST_CASE("AdaptiveFreezing: one by one, from the smallest, whatever the scale of the gradients") {
  const std::vector<std::int64_t> steps = freezing_steps(quick(), 70);
  INFO(steps[0] << ' ' << steps[1] << ' ' << steps[2] << ' ' << steps[3]);
  CHECK(steps[2] < steps[0]);
  CHECK(steps[0] < steps[1]);
  CHECK(steps[1] < steps[3]);
  CHECK(steps[3] <= 60);
  for (const double scale : {1e-100, 1e-3, 3.7, 1e100}) CHECK(freezing_steps(quick(), 70, scale) == steps);
}

TEST_CASE("AdaptiveFreezing: nothing up to `begin`; all but matrices of equal scores after `end`") {
  CHECK(freezing_steps({.begin = 100, .end = 101, .window = 4}, 100) == std::vector<std::int64_t>(4, 0));
  CHECK(freezing_steps({.begin = 100, .end = 101, .window = 4}, 102) == std::vector<std::int64_t>(4, 102));
  CHECK(freezing_steps({.begin = 99, .end = 100, .window = 4}, 102) == std::vector<std::int64_t>(4, 100));
  // The index of the smallest is 0: of 2 entries, 2 (1 - q) < 1 up to q = 1/2.
  AdaptiveFreezing<> few{{.begin = 0, .end = 100, .window = 1}};
  int t = 0;
  while (!few.frozen(0) && t < 200) ++t, few.observe(normal(1, 2, static_cast<std::uint64_t>(t)));
  CHECK(t == 100);  // the mean of two is never below the smaller
  AdaptiveFreezing<> constant{{.begin = 5, .end = 60, .window = 4}};
  for (t = 1; t <= 80; ++t) constant.observe(Matrix::Constant(7, 3, 0.1 * t), Matrix::Constant(3, 3, 0.1 * t));
  CHECK(constant.frozen_count() == 0);
}

TEST_CASE("AdaptiveFreezing: what is frozen keeps its bits and has no memory; the others do not notice") {
  std::vector<Matrix> W = gradients(0), V = W;
  Optimizer optimizer{Adam{.learning_rate = 0.1}, W};
  Optimizer plain{Adam{.learning_rate = 0.1}, V};
  AdaptiveFreezing<> freezing(quick());
  std::vector<Matrix> kept(4);
  std::size_t bytes = 5 * (35 + 12 + 12 + 16) * 8;
  for (int t = 1; t <= 100; ++t) {
    const std::vector<Matrix> before = W, g = gradients(t);
    freezing.observe(g);
    freezing.rest(optimizer);
    optimizer.step(g);
    plain.step(g);
    std::size_t left = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const std::int64_t at = freezing.frozen_in(k);
      if (at == t) kept[k] = before[k];  // in its own step it does not move any more
      CHECK(W[k] == (at != 0 ? kept[k] : V[k]));
      if (at == 0) left += 5 * static_cast<std::size_t>(W[k].size()) * 8;
      CHECK((optimizer.state(k).bytes() == 0) == (at != 0));
    }
    CHECK(optimizer.state_bytes() + freezing.state_bytes() == left);
    CHECK(left <= bytes);
    bytes = left;
  }
  CHECK(bytes == 0);
  optimizer.step(no_gradient, no_gradient, no_gradient, no_gradient);
  optimizer.reset();
  CHECK(optimizer.state_bytes() == 2 * (35 + 12 + 12 + 16) * 8);
  const Matrix before = W[0];
  optimizer.step(gradients(1));
  CHECK(W[0] != before);
}

TEST_CASE("AdaptiveFreezing: gradients of what is frozen are looked at by none, NaN freezes none") {
  AdaptiveFreezing<> freezing{{.begin = 5, .end = 60, .window = 4}};
  int t = 0;
  while (!freezing.frozen(0) && t < 60) {
    ++t;
    const Matrix g = normal(3, 3, static_cast<std::uint64_t>(t));
    freezing.observe(1e-3 * g, g.reverse());
  }
  REQUIRE(t < 60);
  CHECK(!freezing.frozen(1));
  const AdaptiveFreezing<> before = freezing;
  AdaptiveFreezing<> same = freezing;
  freezing.observe(Matrix::Constant(3, 3, std::nan("")), Matrix::Constant(3, 3, 2.0));
  same.observe(no_gradient, Matrix::Constant(3, 3, 2.0));
  CHECK(freezing == same);
  CHECK(!(freezing == before));

  AdaptiveFreezing<> poisoned(quick());
  for (t = 1; t <= 70; ++t) {
    std::vector<Matrix> g = gradients(t);
    if (t == 3) g[1](0, 0) = std::nan("");
    poisoned.observe(g);
  }
  CHECK(poisoned.frozen_count() == 0);
}

TEST_CASE("AdaptiveFreezing: misuse") {
  CHECK(message_of([] { AdaptiveFreezing<> o{{.begin = 10, .end = 10}}; }) ==
        "AdaptiveFreezing: end = 10, must be > begin = 10");
  CHECK(message_of([] { AdaptiveFreezing<> o{{.begin = -1, .end = 10}}; }) ==
        "AdaptiveFreezing: begin = -1, must be >= 0 and finite");
  AdaptiveFreezing<> freezing(quick());
  freezing.observe(gradients(1));
  const AdaptiveFreezing<> before = freezing;
  CHECK(message_of([&] { freezing.observe(Matrix::Ones(5, 7)); }) ==
        "AdaptiveFreezing: 1 gradients, must be 4 as before");
  std::vector<Matrix> wrong = gradients(2);
  wrong[2] = Matrix::Ones(2, 6);
  CHECK(message_of([&] { freezing.observe(wrong); }) == "AdaptiveFreezing: gradient 2 is 2 x 6, must be 6 x 2");
  CHECK(freezing == before);
}

TEST_CASE("AFLoRA: eight layers are learned while their matrices are frozen one by one") {
  // 24 -> 24, r = 4, targets of rank 2 that grow from layer to layer; T = 2000, t_i = 100, t_f = 1400.
  constexpr std::size_t layers = 8;
  std::vector<AfloraLayer<double>> path;
  std::vector<Matrix> targets, dA(layers, Matrix(4, 24)), dB(layers, Matrix(24, 4));
  std::vector<Vector> ds_d(layers, Vector(4)), ds_b(layers, Vector(24));
  std::vector<Eigen::Map<Matrix>> A, B;
  std::vector<Eigen::Map<Vector>> s_d, s_b;
  for (std::size_t i = 0; i < layers; ++i) {
    path.emplace_back(Matrix::Zero(24, 24), AfloraOptions{.rank = 4, .seed = i});
    targets.push_back((0.3 + 0.15 * static_cast<double>(i)) * normal(24, 2, 10 + i) * normal(2, 24, 20 + i) / 24);
    A.emplace_back(path[i].A.data(), 4, 24);
    B.emplace_back(path[i].B.data(), 24, 4);
    s_d.emplace_back(path[i].s_d.data(), 4);
    s_b.emplace_back(path[i].s_b.data(), 24);
  }
  Optimizer optimizer{Adam{.learning_rate = 1e-2}, A, B, s_d, s_b};
  AdaptiveFreezing<> freezing{{.begin = 100, .end = 2000 - 1400}};
  double first = 0, when_frozen = 0, last = 0, share = 0;
  Index trainable = 8 * 220;
  for (int t = 1; t <= 2000; ++t) {
    double loss = 0;
    const Matrix X = normal(24, 64, static_cast<std::uint64_t>(t));
    for (std::size_t i = 0; i < layers; ++i) {
      Matrix Y(24, 64);
      path[i].forward(X, Y);
      Y -= targets[i] * X;
      loss += 0.5 * Y.squaredNorm() / 64;
      Y /= 64;
      path[i].backward(X, Y, dA[i], dB[i], ds_d[i], ds_b[i]);
    }
    freezing.observe(dA, dB);
    freezing.rest(optimizer);
    optimizer.step(dA, dB, ds_d, ds_b);
    Index left = 0;
    for (std::size_t k = 0; k < optimizer.size(); ++k)
      if (freezing.frozen_in(k) == 0) left += optimizer.tensor(k).size();
    REQUIRE(left <= trainable);
    if (left < trainable) when_frozen = loss;
    trainable = left;
    share += static_cast<double>(left) / (8 * 220) / 2000;
    if (t == 1) first = loss;
    last = loss;
  }
  std::string steps;
  std::int64_t smaller = 0, larger = 0;
  for (std::size_t k = 0; k < 16; ++k) {
    const std::int64_t at = freezing.frozen_in(k);
    CHECK((at > 100 && at <= 600));
    (k % 8 < 4 ? smaller : larger) += at;
    if (k < 8) CHECK(freezing.frozen_in(k + 8) <= at);  // B before A
    steps += std::to_string(at) + " ";
  }
  INFO(steps << "loss " << first << ", " << when_frozen << ", " << last << ", trainable on average " << share);
  CHECK(freezing.frozen_count() == 16);
  CHECK(smaller < larger);
  CHECK(trainable == 8 * 28);
  CHECK(share < 0.25);
  CHECK(first > 1e3 * last);
  CHECK(last < 2 * when_frozen);
}
