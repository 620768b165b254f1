// The laws of bandits: whatever the losses do, mean regret stays below its bound; draws are a function of seed and
// round; and a bandit goes on from a file as if nothing had been.
#include "support/subjects/bandits.hpp"

#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>

#include <limits>

using namespace glissade;
using bandit_tables::all_bandits;
using bandit_tables::arms;
using bandit_tables::rounds;
using Eigen::VectorXd;

namespace {

struct Losses {
  const char* kind;
  bool around_a_mean;
  std::function<VectorXd(std::int64_t t)> of_round;
};

/// 0 or 1, with a mean of 0.2 for arm 2 and 0.6 for the others.
VectorXd one_better(std::int64_t t) {
  const RandomKey key = RandomKey{17}.derive(static_cast<std::uint64_t>(t));
  return VectorXd::NullaryExpr(
      arms, [&key](Index i) { return key.uniform(static_cast<std::uint64_t>(i)) < (i == 2 ? 0.2 : 0.6) ? 1.0 : 0.0; });
}
std::vector<Losses> all_losses() {
  return {
      {"of one better arm", true, one_better},
      {"of arms that are good in turns, longer and longer", false,
       [](std::int64_t t) {
         return VectorXd(VectorXd::Ones(arms) - VectorXd::Unit(arms, std::ilogb(static_cast<double>(t + 1)) % arms));
       }},
      {"that mislead for a third of the time", false,
       [](std::int64_t t) { return VectorXd(0.5 * VectorXd::Unit(arms, t < rounds / 3 ? 1 : 0) + one_better(t) / 2); }},
      {"which are all alike", true, [](std::int64_t) { return VectorXd(VectorXd::Ones(arms)); }},
  };
}

}  // namespace

TEST_CASE("laws: mean regret of a bandit is below its bound") {
  for (const BanditSubject& subject : all_bandits())
    for (const Losses& losses : all_losses()) {
      if (subject.in_order && !losses.around_a_mean) continue;
      INFO(subject.name << " with losses " << losses.kind);
      constexpr int seeds = 20;
      double paid = 0;
      VectorXd sum = VectorXd::Zero(arms);
      for (std::int64_t t = 0; t < rounds; ++t) sum += losses.of_round(t);
      bool inside = true;
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        AnyBandit bandit = subject.make(seed);
        for (std::int64_t t = 0; t < rounds; ++t) {
          const VectorXd l = losses.of_round(t);
          inside = inside && bandit.play() >= 0 && bandit.play() < arms;
          paid += l[bandit.play()] / seeds;
          bandit.learn(l);
        }
      }
      CHECK(inside);
      CHECK(paid - sum.minCoeff() <= subject.bound);
    }
}

TEST_CASE("laws: what a bandit plays is a function of seed and round, and stays until it learns") {
  for (const BanditSubject& subject : all_bandits()) {
    INFO(subject.name);
    AnyBandit first = subject.make(5), second = subject.make(5), other = subject.make(6);
    bool same = true;
    int differ = 0;
    VectorXd counts = VectorXd::Zero(arms);
    for (std::int64_t t = 0; t < 200; ++t) {
      same = same && first.play() == second.play() && first.play() == first.play();
      differ += first.play() != other.play();
      counts[first.play()] += 1;
      for (AnyBandit* bandit : {&first, &second, &other}) bandit->learn(VectorXd::Zero(arms));
    }
    CHECK(same);
    if (subject.in_order) continue;
    CHECK(differ > 100);  // 150 in the mean
    // Without any loss every arm keeps its chance.
    CHECK((counts.array() - 50).abs().maxCoeff() < 30);
  }
}

TEST_CASE("laws: a bandit is a value, and goes on from a file bit for bit") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_bandit.safetensors";
  for (const BanditSubject& subject : all_bandits()) {
    INFO(subject.name);
    AnyBandit bandit = subject.make(3), loaded = subject.make(3);
    for (std::int64_t t = 0; t < 37; ++t) bandit.learn(one_better(t));
    AnyBandit copy = bandit;
    bandit.save(path);
    loaded.load(path);
    bool same = true;
    for (std::int64_t t = 37; t < 300; ++t) {
      same = same && copy.play() == bandit.play() && loaded.play() == bandit.play();
      for (AnyBandit* each : {&bandit, &copy, &loaded}) each->learn(one_better(t));
    }
    CHECK(same);
  }
  std::filesystem::remove(path);
}

TEST_CASE("laws: a bandit refuses a loss outside of [0, 1], and nothing has moved") {
  for (const BanditSubject& subject : all_bandits()) {
    INFO(subject.name);
    AnyBandit bandit = subject.make(3), spared = subject.make(3);
    bool same = true;
    for (std::int64_t t = 0; t < 100; ++t) {
      if (t < 10)
        for (const double bad :
             {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -0.01, 1.01}) {
          const std::string message = message_of([&] { bandit.learn(VectorXd::Constant(arms, bad)); });
          CHECK(message.find(": loss = " + to_text(bad) + ", must be in [0, 1]") != std::string::npos);
        }
      same = same && bandit.play() == spared.play();
      bandit.learn(one_better(t));
      spared.learn(one_better(t));
    }
    CHECK(same);
  }
}
