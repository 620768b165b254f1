// Stabl: what holds exactly, whatever the losses, and how it fares where the best arm changes.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/exp3.hpp>
#include <glissade/online/stabl.hpp>

#include <functional>
#include <vector>

using namespace glissade;
using Eigen::VectorXd;

namespace {

constexpr Index arms = 10;
constexpr std::int64_t rounds = 16'384;

/// 0 or 1, with a mean of 0.7; 0.2 for one arm, another one after every `stretch` rounds.
double loss_of(Index arm, std::int64_t t, std::int64_t stretch, std::uint64_t seed) {
  const auto best = static_cast<Index>(RandomKey{seed}.bits(static_cast<std::uint64_t>(t / stretch)) % arms);
  const RandomKey key = RandomKey{seed}.derive(static_cast<std::uint64_t>(t));
  return key.uniform(static_cast<std::uint64_t>(arm)) < (arm == best ? 0.2 : 0.7) ? 1 : 0;
}
double mean_loss(auto make, std::int64_t stretch) {
  double paid = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    auto learner = make(seed);
    for (std::int64_t t = 0; t < rounds; ++t) {
      const double loss = loss_of(learner.play(), t, stretch, 50 + seed);
      paid += loss / (3.0 * rounds);
      if constexpr (requires { learner.query(); })
        learner.learn(loss, loss_of(learner.query(), t, stretch, 50 + seed));
      else
        learner.learn(loss);
    }
  }
  return paid;
}
Stabl make_stabl(std::uint64_t seed) { return Stabl({.horizon = rounds, .seed = seed}, arms); }

}  // namespace

TEST_CASE("Stabl: gains of all intervals are below the logarithm of starts, whatever the losses") {
  using Losses = std::function<double(const Stabl&, Index, std::int64_t)>;
  const std::vector<Losses> all = {
      [](const Stabl&, Index arm, std::int64_t t) { return loss_of(arm, t, 100, 7); },
      // The arm that is most played loses; the one that is least played alone does not lose.
      [](const Stabl& s, Index arm, std::int64_t) { return s.chances()[arm] >= 0.1 ? 1.0 : 0.0; },
      [](const Stabl& s, Index arm, std::int64_t) { return s.chances()[arm] <= s.chances().minCoeff() ? 0.0 : 1.0; },
      [](const Stabl&, Index arm, std::int64_t t) { return (t >> arm) % 2 == 0 ? 1.0 : 0.0; },
      [](const Stabl& s, Index arm, std::int64_t) { return s.query_chances()[arm] < 0.06 ? 1.0 : 0.0; },
  };
  for (const MetaForm form : {MetaForm::second_order, MetaForm::one_plus})
    for (const Losses& losses : all)
      for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        Stabl learner({.horizon = 1024, .shortest = 4, .meta_form = form, .seed = seed}, arms);
        bool below = true, dominated = true, sums = true;
        for (std::int64_t t = 0; t < 1024; ++t) {
          for (Index k = 0; k < learner.lengths(); ++k)
            below = below && learner.gain(k) <= std::log(static_cast<double>(learner.starts())) + 1e-12;
          dominated = dominated && learner.query_chances().minCoeff() >= 0.05 &&
                      (learner.chances().array() <=
                       2 * static_cast<double>(learner.lengths()) * learner.query_chances().array())
                          .all();
          sums = sums && std::abs(learner.chances().sum() - 1) < 1e-12 &&
                 std::abs(learner.query_chances().sum() - 1) < 1e-12;
          const double paid = losses(learner, learner.play(), t), seen = losses(learner, learner.query(), t);
          learner.learn(paid, seen);
        }
        CHECK(below);
        CHECK(dominated);
        CHECK(sums);
      }
}

TEST_CASE("Stabl: where the best arm changes it loses less than Exp3, and Exp3 with a tuned share less still") {
  const auto exp3 = [](ArmEstimate estimate) {
    return
        [estimate](std::uint64_t seed) { return Exp3({.horizon = rounds, .estimate = estimate, .seed = seed}, arms); };
  };
  const auto tuned = [](double changes) {
    const double rate = std::sqrt(2 * (changes + 1) * std::log(arms * 16384.0) / (arms * 16384.0));
    return
        [=](std::uint64_t seed) { return Exp3({.learning_rate = rate, .share = changes / 16384, .seed = seed}, arms); };
  };
  const double fast = mean_loss(make_stabl, 512), slow = mean_loss(make_stabl, 2048);
  CHECK(fast < 0.60);
  CHECK(slow < 0.47);
  CHECK(mean_loss(exp3(ArmEstimate::unbiased), 512) > fast);
  CHECK(mean_loss(exp3(ArmEstimate::implicit), 512) > fast);
  CHECK(mean_loss(exp3(ArmEstimate::unbiased), 2048) > slow);
  CHECK(mean_loss(tuned(31), 512) < fast);
  CHECK(mean_loss(tuned(7), 2048) < slow);
}

TEST_CASE("Stabl: two rounds by the definition, and when intervals begin") {
  Stabl learner({.horizon = 8, .shortest = 2, .seed = 3}, 2);
  CHECK(learner.lengths() == 3);
  CHECK(learner.length(0) == 2);
  CHECK(learner.length(2) == 8);
  CHECK(learner.starts() == 3);
  CHECK(learner.chances() == Eigen::Vector2d(0.5, 0.5));
  const Index j = learner.query();
  learner.learn(0.5, 1);  // all alike so far: nobody gains
  VectorXd mix = VectorXd::Zero(2), mean = VectorXd::Zero(2), weights(3);
  double all = 0;
  std::vector<VectorXd> policies;
  for (int k = 0; k < 3; ++k) {
    CHECK(learner.gain(k) == 0);
    const double length = 2 << k, rate = std::sqrt(std::log(2) / (2 * length));
    VectorXd p = VectorXd::Ones(2);
    p[j] = std::exp(-rate * 2);
    policies.emplace_back(p / p.sum());
    weights[k] = std::min(1.0 / 12, std::sqrt(std::log(8) / (2 * length)));
    all += weights[k];
  }
  for (std::size_t k = 0; k < 3; ++k) {
    mix += weights[static_cast<Index>(k)] / all * policies[k];
    mean += policies[k] / 3;
  }
  CHECK((learner.chances() - mix).norm() < 1e-15);
  const VectorXd watched = mean.array() / 2 + 0.25;
  CHECK((learner.query_chances() - watched).norm() < 1e-15);
  const Index second = learner.query();
  learner.learn(1, 0.5);
  CHECK(learner.starts() == 4);
  CHECK(learner.gain(0) == 0);  // begun anew
  for (Index k = 1; k < 3; ++k) {
    const double x = weights[k] * (mix[second] - policies[static_cast<std::size_t>(k)][second]) * 0.5 / watched[second];
    CHECK(learner.gain(k) == Approx(x - x * x).epsilon(1e-12));
  }
  CHECK(learner.paid() == 1.5);
  for (int t = 2; t < 40; ++t) learner.learn(1, 1);
  CHECK(learner.starts() == 21 + 11 + 6);
}

TEST_CASE("Stabl: long intervals have a smaller rate, and weigh less when they begin") {
  Stabl learner({.horizon = 4096, .shortest = 1024, .seed = 3}, 2);
  const Index j = learner.query();
  learner.learn(0, 1);
  double above = 0, below = 0;
  for (int k = 0; k < 3; ++k) {
    const double volume = 2 * std::exp2(10 + k), rate = std::sqrt(std::log(2) / volume);
    const double weight = std::sqrt(std::log(4096) / volume);  // below 1 / 12
    above += weight / (1 + std::exp(2 * rate));
    below += weight;
  }
  CHECK(learner.chances()[j] == Approx(above / below).epsilon(1e-14));
}

TEST_CASE("Stabl: what cannot be used is refused") {
  const auto said = [](const StablOptions& options, Index n = 3) { return message_of([&] { Stabl s(options, n); }); };
  CHECK(said({}).find("Stabl: horizon = 0, must be in [1, ") == 0);
  CHECK(said({.horizon = 9, .shortest = 3}) == "Stabl: shortest = 3, must be 0 or a power of two");
  CHECK(said({.horizon = 9}, 1) == "Stabl: arms = 1, must be >= 2");
  Stabl learner({.horizon = 1}, 3);
  CHECK(learner.lengths() == 1);
  CHECK(learner.length(0) == 4);
  CHECK(message_of([&] { learner.learn(0.5, 1.5); }) == "Stabl: observed = 1.5, must be in [0, 1]");
  CHECK(learner.rounds() == 0);
  CHECK(learner.paid() == 0);
  learner.learn(0, 1);
  CHECK(learner.chances().allFinite());
}
