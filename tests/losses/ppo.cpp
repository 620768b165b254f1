// PPO: the losses are their definition, gradients those of differences, and the claims of batch size-invariance hold.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/losses/advantages.hpp>
#include <glissade/losses/ppo.hpp>
#include <glissade/optimizer/evaluation.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/transforms/proximal_average.hpp>

#include <cmath>
#include <deque>
#include <limits>
#include <vector>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

VectorXd normal(Index size, RandomKey key) {
  return VectorXd::NullaryExpr(size, [&](Index i) { return key.normal(static_cast<std::uint64_t>(i)); });
}

VectorXd log_softmax(const VectorXd& logits) {
  const double largest = logits.maxCoeff();
  return logits.array() - largest - std::log((logits.array() - largest).exp().sum());
}

/// Ten arms, contexts of eight numbers, rewards linear in them.
struct Bandit {
  MatrixXd W;
  MatrixXd contexts;  // to look at a policy with
  RandomKey key;

  explicit Bandit(std::uint64_t seed) : W(10, 8), contexts(8, 500), key{seed} {
    W = Eigen::Map<const MatrixXd>(normal(80, key.derive(1)).data(), 10, 8);
    contexts = Eigen::Map<const MatrixXd>(normal(4000, key.derive(2)).data(), 8, 500);
  }
  /// The mean reward of a policy over that of the best arm.
  [[nodiscard]] double reward(const MatrixXd& theta) const {
    double of_policy = 0, best = 0;
    for (Index i = 0; i < contexts.cols(); ++i) {
      const VectorXd rewards = W * contexts.col(i);
      of_policy += log_softmax(theta * contexts.col(i)).array().exp().matrix().dot(rewards);
      best += rewards.maxCoeff();
    }
    return of_policy / best;
  }
};
struct Batch {
  MatrixXd contexts;
  std::vector<Index> arms;
  VectorXd log_behaviour, rewards;
};
Batch draw(const Bandit& bandit, const MatrixXd& theta, Index size, std::int64_t number) {
  const RandomKey key = bandit.key.derive(1000).derive(static_cast<std::uint64_t>(number));
  Batch batch{MatrixXd(8, size), {}, VectorXd(size), VectorXd(size)};
  for (Index i = 0; i < size; ++i) {
    const RandomKey own = key.derive(static_cast<std::uint64_t>(i));
    batch.contexts.col(i) = normal(8, own);
    const VectorXd log_pi = log_softmax(theta * batch.contexts.col(i));
    double rest = own.derive(1).uniform(0);
    Index arm = 0;
    while (arm < 9 && (rest -= std::exp(log_pi[arm])) > 0) ++arm;
    batch.arms.push_back(arm);
    batch.log_behaviour[i] = log_pi[arm];
    batch.rewards[i] = bandit.W.row(arm).dot(batch.contexts.col(i)) + 0.5 * own.derive(2).normal(0);
  }
  return batch;
}
/// The gradient of the policy's loss in theta on some samples of a batch.
MatrixXd gradient_of(const PpoOptions& options, const Batch& batch, Index begin, Index size, const VectorXd& advantages,
                     const MatrixXd& theta, const VectorXd& log_behaviour, const VectorXd& log_proximal) {
  VectorXd log_pi(size), slope(size);
  std::vector<VectorXd> all;
  for (Index i = 0; i < size; ++i) {
    all.push_back(log_softmax(theta * batch.contexts.col(begin + i)));
    log_pi[i] = all.back()[batch.arms[static_cast<std::size_t>(begin + i)]];
  }
  ppo_policy_loss(options, log_pi, log_behaviour, log_proximal, advantages, slope);
  MatrixXd gradient = MatrixXd::Zero(10, 8);
  for (Index i = 0; i < size; ++i) {
    const std::size_t k = static_cast<std::size_t>(i);
    VectorXd of_logits = -all[k].array().exp();
    of_logits[batch.arms[static_cast<std::size_t>(begin + i)]] += 1;
    gradient += slope[i] * of_logits * batch.contexts.col(begin + i).transpose();
  }
  return gradient;
}
VectorXd log_probabilities(const MatrixXd& theta, const Batch& batch, Index begin, Index size) {
  VectorXd log_pi(size);
  for (Index i = 0; i < size; ++i)
    log_pi[i] = log_softmax(theta * batch.contexts.col(begin + i))[batch.arms[static_cast<std::size_t>(begin + i)]];
  return log_pi;
}

enum class Adjustment { all, rate, none };

/// PPO-EWMA with batches of 256 / factor; the reward at eight checkpoints. Without the proximal mean: plain PPO, whose
/// proximal policy is the one that acted.
VectorXd learn(std::uint64_t seed, int factor, Adjustment adjustment, bool with_mean) {
  const Bandit bandit(seed);
  const double c = adjustment == Adjustment::none ? 1 : factor;
  const double of_means = adjustment == Adjustment::all ? factor : 1;
  MatrixXd theta = MatrixXd::Zero(10, 8);
  Optimizer optimizer{chain(Adam{.learning_rate = 0.03 / std::sqrt(c)},
                            ProximalAverage{.decay = decay_for_smaller_batches(0.889, of_means)}),
                      theta};
  AdvantageNormalizer normalizer(decay_for_smaller_batches(0.9, of_means));
  const PpoOptions options;
  VectorXd rewards(8);
  for (int b = 0; b < 96 * factor; ++b) {
    Batch batch = draw(bandit, theta, 256 / factor, b);
    normalizer.normalize(batch.rewards);
    const Index size = 64 / factor;
    for (Index m = 0; m < 4; ++m) {
      const VectorXd behaviour = batch.log_behaviour.segment(m * size, size);
      const VectorXd proximal =
          with_mean ? log_probabilities(evaluation_parameters(optimizer, 0), batch, m * size, size) : behaviour;
      optimizer.step(gradient_of(options, batch, m * size, size, batch.rewards.segment(m * size, size), theta,
                                 behaviour, proximal));
    }
    if ((b + 1) % (12 * factor) == 0) rewards[(b + 1) / (12 * factor) - 1] = bandit.reward(theta);
  }
  return rewards;
}
VectorXd mean_reward(int factor, Adjustment adjustment, bool with_mean) {
  VectorXd sum = VectorXd::Zero(8);
  for (std::uint64_t seed = 0; seed < 4; ++seed) sum += learn(seed, factor, adjustment, with_mean) / 4;
  return sum;
}

enum class Anchor { decoupled, behaviour, recomputed };

/// The mean reward over 150 iterations on data of 16 iterations ago, and at the end.
Eigen::Vector2d learn_from_old_data(std::uint64_t seed, Anchor anchor, std::size_t age) {
  const Bandit bandit(seed);
  MatrixXd theta = MatrixXd::Zero(10, 8);
  Optimizer optimizer{Adam{.learning_rate = 0.05}, theta};
  AdvantageNormalizer normalizer;
  std::deque<Batch> data;
  double mean = 0;
  for (int t = 0; t < 150; ++t) {
    data.push_back(draw(bandit, theta, 256, t));
    if (data.size() > age + 1) data.pop_front();
    Batch batch = data.front();
    normalizer.normalize(batch.rewards);
    const MatrixXd before = theta;  // of this iteration: the proximal policy
    for (Index m = 0; m < 4; ++m) {
      const VectorXd proximal = log_probabilities(before, batch, m * 64, 64);
      const VectorXd behaviour = batch.log_behaviour.segment(m * 64, 64);
      optimizer.step(gradient_of(PpoOptions{}, batch, m * 64, 64, batch.rewards.segment(m * 64, 64), theta,
                                 anchor == Anchor::recomputed ? proximal : behaviour,
                                 anchor == Anchor::behaviour ? behaviour : proximal));
    }
    mean += bandit.reward(theta) / 150;
  }
  return {bandit.reward(theta), mean};
}

}  // namespace

TEST_CASE("ppo_loss: the minimum of the paper, its slope, and what remains of it at the ends") {
  const PpoOptions options;
  const RandomKey key{5};
  for (std::uint64_t i = 0; i < 400; ++i) {
    const double lp = -2 * key.uniform(4 * i), lb = -2 * key.uniform(4 * i + 1), lx = -2 * key.uniform(4 * i + 2),
                 A = key.normal(4 * i + 3);
    const double ratio = std::exp(lp - lx);
    const auto loss = ppo_loss(options, lp, lb, lx, A);
    CHECK(loss.value ==
          Approx(-std::exp(lx - lb) * std::min(ratio * A, std::clamp(ratio, 0.8, 1.2) * A)).epsilon(1e-14));
    const double h = 1e-6;
    if (std::abs(ratio - 0.8) > 1e-4 && std::abs(ratio - 1.2) > 1e-4)
      CHECK(loss.slope ==
            Approx((ppo_loss(options, lp + h, lb, lx, A).value - ppo_loss(options, lp - h, lb, lx, A).value) / (2 * h))
                .epsilon(1e-8)
                .margin(1e-9));
    const auto kl = ppo_loss({.objective = PpoObjective::kl, .kl_beta = 3}, lp, lb, lx, A);
    CHECK(kl.value == Approx(-A * std::exp(lp - lb) + 1.5 * (lp - lx) * (lp - lx)).epsilon(1e-14));
    CHECK(kl.slope == Approx(-A * std::exp(lp - lb) + 3 * (lp - lx)).epsilon(1e-14));
    CHECK(ppo_loss({.clip = 1 - 1e-16}, lp, lb, lx, 1).slope == (lp - lx <= std::log(2) ? -std::exp(lp - lb) : 0));
    CHECK(ppo_loss(options, lb, lb, lb, A).slope == -A);
  }
  // Sizes that overflow apart, and the cap.
  CHECK(ppo_loss(options, -800, 0, -800, 1).value == -std::exp(-800));
  CHECK(ppo_loss(options, 0, -800, 0, -1).value == Approx(100));
  CHECK(ppo_loss(options, 0, -800, 0, -1).slope == Approx(100));
  CHECK(ppo_loss({.importance_cap = infinite}, 0, -2, 0, 1).value == -std::exp(2));
  CHECK(ppo_loss(options, -infinite, -1, -1, 1).value == 0);
  CHECK(ppo_loss(options, std::log1p(0.2) - 1e-12, 0, 0, 2).slope != 0);
  CHECK(ppo_loss(options, std::log1p(0.2) + 1e-12, 0, 0, 2).slope == 0);
  CHECK(ppo_loss(options, std::log1p(-0.2) + 1e-12, 0, 0, -2).slope != 0);
  CHECK(ppo_loss(options, std::log1p(-0.2) - 1e-12, 0, 0, -2).slope == 0);
}

TEST_CASE("ppo: means over batches, diagnostics, values and entropy") {
  const Eigen::Vector4d log_pi(-1, -2, -0.5, -3), behaviour(-1.5, -2, -1, -2.5), advantages(1, -1, 0.5, -2);
  VectorXd gradient(4);
  PpoDiagnostics shown;
  const double loss = ppo_policy_loss({}, log_pi, behaviour, behaviour, advantages, gradient, &shown);
  double sum = 0;
  for (Index i = 0; i < 4; ++i) sum += ppo_loss({}, log_pi[i], behaviour[i], behaviour[i], advantages[i]).value / 4;
  CHECK(loss == Approx(sum));
  CHECK(shown.clip_fraction == 0.75);
  CHECK(shown.approximate_kl == Approx(0.75 * 0.125));
  VectorXd none(0);
  CHECK(ppo_policy_loss({}, none, none, none, none, none) == 0);

  VectorXd values = Eigen::Vector4d(1, 2, 3, 4), slope(4), other(4);
  const Eigen::Vector4d old(1.5, 1.9, 2, 4.4), returns(0, 3, 2.9, 4);
  for (const double clip : {0.0, 0.2}) {
    const PpoOptions options{.value_clip = clip, .value_coefficient = 0.7};
    ppo_value_loss(options, values, old, returns, slope);
    for (Index i = 0; i < 4; ++i) {
      const double h = 1e-6, middle = values[i];
      values[i] = middle + h;
      const double above = ppo_value_loss(options, values, old, returns, other);
      values[i] = middle - h;
      const double below = ppo_value_loss(options, values, old, returns, other);
      values[i] = middle;
      CHECK(slope[i] == Approx((above - below) / (2 * h)).epsilon(1e-7).margin(1e-9));
    }
  }
  CHECK(ppo_value_loss({.value_clip = 0.2, .value_coefficient = 1}, values, old, returns, slope) ==
        Approx((1.69 + 1 + 0.49 + 0.04) / 4));

  VectorXd logits = Eigen::Vector3d(1000, 1001, -2000), g = VectorXd::Ones(3);
  const double p = 1 / (1 + std::exp(1));
  CHECK(ppo_entropy_loss({.entropy_coefficient = 2}, logits, g) ==
        Approx(2 * (p * std::log(p) + (1 - p) * std::log(1 - p))));
  logits = Eigen::Vector3d(0.3, -0.2, 1);
  g.setZero();
  ppo_entropy_loss({}, logits, g);
  VectorXd unused = g;
  for (Index i = 0; i < 3; ++i) {
    VectorXd near = logits;
    near[i] += 1e-6;
    const double above = ppo_entropy_loss({}, near, unused);
    near[i] -= 2e-6;
    CHECK(g[i] == Approx((above - ppo_entropy_loss({}, near, unused)) / 2e-6).epsilon(1e-6));
  }
  CHECK(message_of([&] { ppo_policy_loss({.clip = 1}, none, none, none, none, none); }) ==
        "Ppo: clip = 1, must be in (0, 1)");
  CHECK(message_of([&] { ppo_policy_loss({}, log_pi, none, behaviour, advantages, gradient); }) ==
        "ppo_policy_loss: log_behaviour is 0 x 1, must be 4 x 1");
}

TEST_CASE("generalized_advantages: sums of discounted errors that end with an episode") {
  const VectorXd rewards = normal(6, RandomKey{1}), values = normal(7, RandomKey{2});
  VectorXd first = VectorXd::Zero(7), advantages(6), returns(6);
  first[4] = 1;
  generalized_advantages(rewards, values, first, 0.9, 0.8, advantages, returns);
  for (Index t = 0; t < 6; ++t) {
    double sum = 0, weight = 1;
    for (Index s = t; s < 6; ++s) {
      const double go = first[s + 1] == 1 ? 0 : 1;
      sum += weight * (rewards[s] + 0.9 * go * values[s + 1] - values[s]);
      weight *= 0.72 * go;
    }
    CHECK(advantages[t] == Approx(sum).epsilon(1e-13));
    CHECK(returns[t] == Approx(sum + values[t]).epsilon(1e-13));
  }
  CHECK(message_of([&] { generalized_advantages(rewards, rewards, first, 0.9, 0.8, advantages, returns); }) ==
        "generalized_advantages: values is 6 x 1, must be 7 x 1");
}

TEST_CASE("AdvantageNormalizer: moments of one batch, or of all, newer ones with more weight") {
  VectorXd a = normal(50, RandomKey{3}), b = a;
  AdvantageNormalizer plain, running(0.5);
  plain.normalize(a);
  CHECK(std::abs(a.mean()) <= 1e-15);
  CHECK(a.squaredNorm() / 50 == Approx(1).epsilon(1e-7));
  const VectorXd c = VectorXd::Constant(10, 3);
  VectorXd d = c;
  running.normalize(b);
  running.normalize(d);
  const VectorXd first = normal(50, RandomKey{3});
  const double w = 35, mean = (25 * first.mean() + 30) / w, squares = (0.5 * first.squaredNorm() + 90) / w;
  CHECK(d[0] == Approx((3 - mean) / std::sqrt(squares - mean * mean)).epsilon(1e-7));
  VectorXd same = c;
  plain.normalize(same);
  CHECK(same.isZero(0));
  CHECK(!message_of([&] { same[3] = infinite, plain.normalize(same); }).empty());
  CHECK(decay_for_smaller_batches(0.889, 4) == Approx(0.96973).margin(5e-6));
  CHECK(decay_for_smaller_batches(0.889, 16) == Approx(0.99226).margin(5e-6));
}

TEST_CASE("Adam: smaller batches learn alike where its rate falls by the root of the factor") {
  constexpr Index n = 200;
  const VectorXd h =
      VectorXd::NullaryExpr(n, [](Index i) { return 0.1 * std::pow(10.0, static_cast<double>(i) / 199); });
  // The loss after each eighth of 256 000 samples, in batches of 64 / factor.
  const auto losses = [&](int factor, double rate) {
    VectorXd x = VectorXd::Ones(n), seen(8);
    Optimizer optimizer{Adam{.learning_rate = rate}, x};
    const double noise = 10 * std::sqrt(factor / 64.0);
    const std::uint64_t steps = 4000 * static_cast<std::uint64_t>(factor);
    for (std::uint64_t t = 0; t < steps; ++t) {
      optimizer.step(h.cwiseProduct(x) + noise * normal(n, RandomKey{77}.derive(t)));
      if ((t + 1) % (steps / 8) == 0)
        seen[static_cast<Index>((t + 1) / (steps / 8)) - 1] = 0.5 * h.cwiseProduct(x).dot(x);
    }
    return seen;
  };
  const Eigen::ArrayXd whole = losses(1, 2e-3), quarter = losses(4, 1e-3), sixteenth = losses(16, 0.5e-3);
  INFO(whole.transpose() << "\n" << quarter.transpose() << "\n" << sixteenth.transpose());
  const VectorXd expected = (VectorXd(8) << 18.8, 9.97, 5.84, 3.74, 2.55, 1.81, 1.35, 1.04).finished();
  CHECK((whole / expected.array() - 1).abs().maxCoeff<Eigen::PropagateNaN>() < 0.12);
  CHECK((quarter / whole - 1).abs().maxCoeff<Eigen::PropagateNaN>() < 0.12);
  CHECK((sixteenth / whole - 1).abs().maxCoeff<Eigen::PropagateNaN>() < 0.12);
  CHECK(losses(16, 2e-3)[0] < 0.4 * whole[0]);
}

TEST_CASE("PPO-EWMA: batches of a quarter and a sixteenth learn alike with all rules, and do not without") {
  const VectorXd whole = mean_reward(1, Adjustment::all, true);
  INFO(whole.transpose());
  CHECK(whole[0] == Approx(0.636).margin(0.08));
  CHECK(whole[7] == Approx(0.950).margin(0.03));
  for (const int factor : {4, 16}) {
    CHECK((mean_reward(factor, Adjustment::all, true) - whole).cwiseAbs().maxCoeff() < 0.06);
    CHECK((mean_reward(factor, Adjustment::none, true) - whole).cwiseAbs().maxCoeff() > 0.1);
    CHECK((mean_reward(factor, Adjustment::rate, false) - whole).cwiseAbs().maxCoeff() > 0.1);
  }
}

TEST_CASE("PPO: old data is learned from best with a proximal policy and importance weights") {
  Eigen::Vector2d decoupled(0, 0), behaviour(0, 0), recomputed(0, 0);
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    decoupled += learn_from_old_data(seed, Anchor::decoupled, 16) / 5;
    behaviour += learn_from_old_data(seed, Anchor::behaviour, 16) / 5;
    recomputed += learn_from_old_data(seed, Anchor::recomputed, 16) / 5;
  }
  INFO(decoupled.transpose() << " | " << behaviour.transpose() << " | " << recomputed.transpose());
  CHECK(decoupled[0] > recomputed[0] + 0.03);
  CHECK(decoupled[1] > behaviour[1] + 0.03);
  CHECK(decoupled[0] == Approx(0.959).margin(0.02));
  const Eigen::Vector2d fresh = learn_from_old_data(0, Anchor::decoupled, 0);
  CHECK(fresh == learn_from_old_data(0, Anchor::behaviour, 0));
  CHECK(fresh == learn_from_old_data(0, Anchor::recomputed, 0));
}
