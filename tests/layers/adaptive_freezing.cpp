// AdaptiveFreezing: the schedule, the scores, what is frozen when, and the claim of AFLoRA.
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/layers/adaptive_freezing.hpp>
#include <glissade/layers/aflora.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/transforms/clip_by_global_norm.hpp>
#include <glissade/transforms/non_finite.hpp>
#include <glissade/transforms/scale_by_learning_rate.hpp>

#include <algorithm>
#include <vector>

using namespace glissade;
using namespace low_rank_problems;
using Vector = Eigen::VectorXd;

namespace {

AdaptiveFreezing quick() { return {.begin = 5, .end = 60, .window = 4}; }

/// Gradients of four matrices of different shapes; those of the last are the largest.
std::vector<Matrix> gradients(int t, double scale = 1) {
  const auto stream = [t](int k) { return static_cast<std::uint64_t>(100 * t + k); };
  return {scale * normal(5, 7, stream(0)), scale * 1.4 * normal(3, 4, stream(1)), scale * 0.7 * normal(6, 2, stream(2)),
          scale * 5 * normal(4, 4, stream(3))};
}

/// The paper's rule for one optimizer, as plainly as can be.
struct Plain {
  AdaptiveFreezing rule;
  std::vector<Eigen::ArrayXXd> I, S, D;
  std::vector<std::int64_t> retired;

  explicit Plain(const AdaptiveFreezing& r, const std::vector<Matrix>& shapes) : rule(r), retired(shapes.size(), 0) {
    for (const Matrix& m : shapes) I.push_back(Eigen::ArrayXXd::Zero(m.rows(), m.cols()));
    S = D = I;
  }
  void step(int t, const std::vector<Matrix>& g) {
    const int l = t % rule.window;
    std::vector<double> all;
    for (std::size_t k = 0; k < g.size(); ++k) {
      if (retired[k] != 0) continue;
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
      if (retired[k] == 0 && (S[k] * D[k]).mean() < all[rank - 1]) retired[k] = t;
  }
};

/// The steps in which gradients(t, scale) have the matrices frozen.
std::vector<std::int64_t> freezing_steps(const AdaptiveFreezing& rule, int steps, double scale = 1) {
  std::vector<Matrix> W = gradients(0);
  Optimizer optimizer{chain(rule, Adam{}), W};
  for (int t = 1; t <= steps; ++t) optimizer.step(gradients(t, scale));
  std::vector<std::int64_t> retired;
  for (std::size_t k = 0; k < 4; ++k) retired.push_back(optimizer.state(k).retired);
  return retired;
}

}  // namespace

TEST_CASE("AdaptiveFreezing: the schedule of T = 2000, t_i = 100, t_f = 1400") {
  const AdaptiveFreezing rule{.begin = 100, .end = 2000 - 1400};
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
    AdaptiveFreezing rule = quick();
    rule.begin = begin;
    rule.end = begin + 55;
    std::vector<Matrix> W = gradients(0);
    Vector b = Vector::Ones(3);
    Optimizer optimizer{chain(rule, Adam{}), named("W", W), named("b", b)};
    Plain plain(rule, W);
    for (int t = 1; t <= 100; ++t) {
      const std::vector<Matrix> g = gradients(t);
      optimizer.step(g, Vector::Ones(3));
      plain.step(t, g);
      for (std::size_t k = 0; k < 4; ++k) {
        REQUIRE(optimizer.state(k).retired == plain.retired[k]);
        if (plain.retired[k] != 0) continue;
        const auto follows = [&](const char* field, const Eigen::ArrayXXd& expected) {
          const Field& found = optimizer.field("W." + std::to_string(k), field);
          const Eigen::Map<const Eigen::ArrayXXd> values(found.as<double>(), expected.rows(), expected.cols());
          CHECK((values - expected).abs().maxCoeff() <= 1e-12 * expected.abs().maxCoeff());
        };
        follows("sensitivity", plain.I[k]);
        follows("smoothed", plain.S[k]);
        follows("deviation", plain.D[k]);
      }
    }
    CHECK(optimizer.state(4).links[0].empty());  // a vector has no scores
    const auto frozen = std::count_if(plain.retired.begin(), plain.retired.end(), [](auto at) { return at != 0; });
    CHECK(optimizer.shared("frozen") == static_cast<double>(frozen));
    CHECK(frozen == (begin == 5 ? 4 : 0));
  }
  STATIC_REQUIRE(passes<AdaptiveFreezing> == 2);
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

TEST_CASE("AdaptiveFreezing: nothing up to `begin`; all but tensors of equal scores behind `end`") {
  CHECK(freezing_steps({.begin = 100, .end = 101, .window = 4}, 100) == std::vector<std::int64_t>(4, 0));
  CHECK(freezing_steps({.begin = 100, .end = 101, .window = 4}, 102) == std::vector<std::int64_t>(4, 102));
  CHECK(freezing_steps({.begin = 99, .end = 100, .window = 4}, 102) == std::vector<std::int64_t>(4, 100));
  // The index of the smallest is 0: of 2 entries, 2 (1 - q) < 1 up to q = 1/2.
  Matrix W = Matrix::Zero(1, 2);
  Optimizer few{chain(AdaptiveFreezing{.begin = 0, .end = 100, .window = 1}, Adam{}), W};
  int t = 0;
  while (few.state(0).retired == 0 && t < 200) ++t, few.step(normal(1, 2, static_cast<std::uint64_t>(t)));
  CHECK(t == 100);  // the mean of two is never below the smaller
  Matrix V = Matrix::Zero(7, 3), U = Matrix::Zero(3, 3);
  Optimizer constant{chain(AdaptiveFreezing{.begin = 5, .end = 60, .window = 4}, Adam{}), V, U};
  for (t = 1; t <= 80; ++t) constant.step(Matrix::Constant(7, 3, 0.1 * t), Matrix::Constant(3, 3, 0.1 * t));
  CHECK(constant.shared("frozen") == 0);
}

TEST_CASE("AdaptiveFreezing: what is frozen keeps its bits and has no memory; the others do not notice") {
  std::vector<Matrix> W = gradients(0), V = W;
  Optimizer optimizer{chain(quick(), Adam{.learning_rate = 0.1}), W};
  Optimizer plain{Adam{.learning_rate = 0.1}, V};
  std::vector<Matrix> kept(4);
  std::size_t bytes = optimizer.state_bytes();
  CHECK(bytes == 5 * (35 + 12 + 12 + 16) * 8);
  for (int t = 1; t <= 100; ++t) {
    const std::vector<Matrix> before = W, g = gradients(t);
    optimizer.step(g);
    plain.step(g);
    std::size_t left = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const std::int64_t at = optimizer.state(k).retired;
      if (at == t) kept[k] = before[k];  // in its own step it does not move any more
      CHECK(W[k] == (at != 0 ? kept[k] : V[k]));
      if (at == 0) left += 5 * static_cast<std::size_t>(W[k].size()) * 8;
      CHECK((optimizer.state(k).bytes() == 0) == (at != 0));
    }
    CHECK(optimizer.state_bytes() == left);
    CHECK(left <= bytes);
    bytes = left;
  }
  CHECK(bytes == 0);
  optimizer.step(no_gradient, no_gradient, no_gradient, no_gradient);
  optimizer.reset();
  CHECK(optimizer.state_bytes() == 5 * (35 + 12 + 12 + 16) * 8);
  const Matrix before = W[0];
  optimizer.step(gradients(1));
  CHECK(W[0] != before);
}

TEST_CASE("AdaptiveFreezing: gradients of what is frozen are looked at by none, NaN freezes none") {
  Matrix small = Matrix::Ones(3, 3), large = small;
  Optimizer optimizer{chain(ThrowNonFinite{}, AdaptiveFreezing{.begin = 5, .end = 60, .window = 4},
                            ClipByGlobalNorm{.max_norm = 1}, Scale{.factor = -1}),
                      small, large};
  int t = 0;
  while (optimizer.state(0).retired == 0 && t < 60) {
    ++t;
    const Matrix g = normal(3, 3, static_cast<std::uint64_t>(t));
    optimizer.step(1e-3 * g, g.reverse());
  }
  REQUIRE(t < 60);
  CHECK(optimizer.state(1).retired == 0);
  const Matrix before = large;
  optimizer.step(Matrix::Constant(3, 3, std::nan("")), Matrix::Constant(3, 3, 2.0));
  CHECK((before - large).isApprox(Matrix::Constant(3, 3, 1.0 / 3), 1e-14));

  std::vector<Matrix> W = gradients(0);
  Optimizer poisoned{chain(quick(), Adam{}), W};
  for (t = 1; t <= 70; ++t) {
    std::vector<Matrix> g = gradients(t);
    if (t == 3) g[1](0, 0) = std::nan("");
    poisoned.step(g);
  }
  CHECK(poisoned.shared("frozen") == 0);
}

TEST_CASE("AdaptiveFreezing: states in 16 bits, a mask, misuse") {
  std::vector<Matrix> W = gradients(0);
  AdaptiveFreezing some = quick();
  some.tensors = [](const Tensor& tensor) { return tensor.name == "W.1" || tensor.name == "W.3"; };
  Optimizer optimizer{chain(with_state<Eigen::bfloat16>(some), Adam{}), named("W", W)};
  CHECK(optimizer.state_bytes() == 2 * 75 * 8 + 3 * 28 * 2);
  for (int t = 1; t <= 70; ++t) optimizer.step(gradients(t));
  CHECK(optimizer.state(0).retired == 0);
  CHECK(optimizer.state(1).retired > 5);
  CHECK(optimizer.state(2).retired == 0);
  CHECK(optimizer.state(3).retired > optimizer.state(1).retired);
  CHECK(message_of([&] {
          Optimizer o{AdaptiveFreezing{.begin = 10, .end = 10}, W};
        }) == "AdaptiveFreezing: end = 10, must be > begin = 10");
  CHECK(message_of([&] {
          Optimizer o{AdaptiveFreezing{.begin = -1, .end = 10}, W};
        }) == "AdaptiveFreezing: begin = -1, must be >= 0 and finite");
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
  Optimizer optimizer{chain(AdaptiveFreezing{.begin = 100, .end = 2000 - 1400}, Adam{.learning_rate = 1e-2}), A, B, s_d,
                      s_b};
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
    optimizer.step(dA, dB, ds_d, ds_b);
    Index left = 0;
    for (std::size_t k = 0; k < optimizer.size(); ++k)
      if (optimizer.state(k).retired == 0) left += optimizer.tensor(k).size();
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
    const std::int64_t at = optimizer.state(k).retired;
    CHECK((at > 100 && at <= 600));
    (k % 8 < 4 ? smaller : larger) += at;
    if (k < 8) CHECK(optimizer.state(k + 8).retired <= at);  // B before A
    steps += std::to_string(at) + " ";
  }
  INFO(steps << "loss " << first << ", " << when_frozen << ", " << last << ", trainable on average " << share);
  CHECK(optimizer.shared("frozen") == 16);
  CHECK(smaller < larger);
  CHECK(trainable == 8 * 28);
  CHECK(share < 0.25);
  CHECK(first > 1e3 * last);
  CHECK(last < 2 * when_frozen);
}
