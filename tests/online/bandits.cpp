// Bandits: their chances by the definition, and how they fare.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/exp3.hpp>
#include <glissade/online/tsallis_inf.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

using namespace glissade;
using Eigen::VectorXd;

namespace {

double furthest(const VectorXd& a, const VectorXd& b) { return (a - b).cwiseAbs().maxCoeff<Eigen::PropagateNaN>(); }

VectorXd drawn(std::uint64_t seed, std::int64_t t, Index arms) {
  const RandomKey key = RandomKey{seed}.derive(static_cast<std::uint64_t>(t));
  return VectorXd::NullaryExpr(arms, [&key](Index i) { return key.uniform(static_cast<std::uint64_t>(i)); });
}
/// Arm 3 of ten loses with a chance of 0.2, the others with 0.5.
double regret_with_gap(auto learner, std::int64_t rounds) {
  double regret = 0;
  for (std::int64_t t = 0; t < rounds; ++t) {
    const double mean = learner.play() == 3 ? 0.2 : 0.5;
    regret += mean - 0.2;
    learner.learn(drawn(77, t, 10)[learner.play()] < mean ? 1 : 0);
  }
  return regret;
}

}  // namespace

TEST_CASE("Exp3: chances by the definition, in all its kinds") {
  constexpr Index n = 3;
  const double eta = 0.3;
  struct Case {
    ArmEstimate estimate;
    double exploration, share;
  };
  for (const Case& c :
       {Case{ArmEstimate::unbiased, 0, 0}, Case{ArmEstimate::implicit, 0, 0}, Case{ArmEstimate::unbiased, 0.2, 0},
        Case{ArmEstimate::unbiased, 0, 0.1}, Case{ArmEstimate::unbiased, 0.2, 0.1}}) {
    Exp3 learner(
        {.learning_rate = eta, .estimate = c.estimate, .exploration = c.exploration, .share = c.share, .seed = 4}, n);
    VectorXd w = VectorXd::Constant(n, 1.0 / n), p = w;
    double apart = 0;
    for (std::int64_t t = 0; t < 30; ++t) {
      apart = std::max(apart, furthest(learner.chances(), p));
      const Index arm = learner.play();
      const double loss = drawn(8, t, n)[arm];
      learner.learn(loss);
      w[arm] *= std::exp(-eta * loss / (p[arm] + (c.estimate == ArmEstimate::implicit ? eta / 2 : 0)));
      w /= w.sum();
      w = (1 - c.share) * w.array() + c.share / n;
      p = (1 - c.exploration) * w.array() + c.exploration / n;
    }
    CHECK(apart <= 1e-13);
  }
  CHECK(Exp3({.horizon = 100}, 5).learning_rate() == Approx(std::sqrt(2 * std::log(5) / 500)));
}

TEST_CASE("bandits: arms come as often as their chances say, and estimates of losses are right in the mean") {
  // After some rounds chances differ; over many seeds of the same history they are the frequencies.
  VectorXd weights = Eigen::Vector4d(0.5, 0.125, 0, 0.375), counts = VectorXd::Zero(4);
  constexpr int draws = 40'000;
  for (std::uint64_t k = 0; k < draws; ++k) counts[draw(3 * weights, RandomKey{9}.uniform(k))] += 1.0 / draws;
  CHECK(furthest(counts, weights) <= 4 * std::sqrt(0.25 / draws));
  CHECK(counts[2] == 0);
  const double last = 1 - 0x1p-53;
  CHECK(draw(weights, last) == 3);
  CHECK(draw(Eigen::Vector3d(0.1, 0.9, 0), last) == 1);
  CHECK(draw(Eigen::Vector3d(0, 0.1, 0.9), 0x1p-53) == 1);
}

TEST_CASE("TsallisInf: chances are those of its definition: 1 / sqrt p is linear in the losses") {
  constexpr Index n = 5;
  TsallisInf learner({.seed = 2}, n);
  CHECK(furthest(learner.chances(), VectorXd::Constant(n, 0.2)) <= 1e-15);
  VectorXd losses = VectorXd::Zero(n);
  double off = 0;
  bool sums = true;
  for (std::int64_t t = 0; t < 500; ++t) {
    const Index arm = learner.play();
    const double loss = drawn(6, t, n)[arm];
    losses[arm] += loss / learner.chances()[arm];
    learner.learn(loss);
    const double eta = 2 / std::sqrt(static_cast<double>(t + 2));
    const VectorXd root = 2 / (eta * learner.chances().array().sqrt());  // L_i - x
    for (Index i = 1; i < n; ++i)
      off = std::max(off, std::abs((root[i] - root[0]) - (losses[i] - losses[0])) / (1 + std::abs(root[i])));
    sums = sums && std::abs(learner.chances().sum() - 1) <= 1e-15 * n;
  }
  CHECK(off <= 1e-12);
  CHECK(sums);
  TsallisInf alone({}, 1);
  alone.learn(1);
  CHECK(alone.chances()[0] == 1);
}

TEST_CASE("TsallisInf: with losses around a mean regret is a fraction of Exp3's, and grows with ln T alone") {
  double of_tsallis = 0, later = 0, of_exp3 = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    of_tsallis += regret_with_gap(TsallisInf({.seed = seed}, 10), 8000) / 5;
    later += regret_with_gap(TsallisInf({.seed = seed}, 10), 16'000) / 5;
    of_exp3 += regret_with_gap(Exp3({.horizon = 8000, .seed = seed}, 10), 8000) / 5;
  }
  CHECK(of_tsallis < 0.6 * of_exp3);
  CHECK(later < 1.25 * of_tsallis);  // sqrt T would be 1.41
}

TEST_CASE("Exp3: what cannot be used is refused") {
  const auto said = [](const Exp3Options& options, Index n = 3) { return message_of([&] { Exp3 e(options, n); }); };
  CHECK(said({}) == "Exp3: horizon = 0, must be >= 1 where no learning_rate is given");
  CHECK(said({.horizon = 5, .learning_rate = 0.1}) == "Exp3: learning_rate = 0.1, must be 0 where a horizon is given");
  CHECK(said({.horizon = 5, .exploration = 1}) == "Exp3: exploration = 1, must be in [0, 1)");
  CHECK(said({.horizon = 5, .estimate = ArmEstimate::implicit, .exploration = 0.1}) ==
        "Exp3: exploration = 0.1, must be 0 with ArmEstimate::implicit");
  CHECK(said({.horizon = 5, .share = -0.1}) == "Exp3: share = -0.1, must be in [0, 1)");
  CHECK(said({.horizon = 5}, 0) == "Exp3: arms = 0, must be >= 1");
  CHECK(message_of([] { TsallisInf t({}, 0); }) == "TsallisInf: arms = 0, must be >= 1");
}

TEST_CASE("bandits: steady losses of the favourite leave all chances numbers") {
  Exp3 exp3({.learning_rate = 2, .seed = 1}, 3);
  TsallisInf tsallis({.seed = 1}, 3);
  for (int t = 0; t < 100'000; ++t) {
    exp3.learn(exp3.play() == 0 ? 1 : 0);
    tsallis.learn(tsallis.play() == 0 ? 1 : 0);
  }
  CHECK(exp3.chances().allFinite());
  CHECK(exp3.chances()[0] > 0);
  CHECK(tsallis.chances().allFinite());
}
