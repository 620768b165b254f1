// StreamingSelection: what it pulls, and how regret grows.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/streaming_selection.hpp>

#include <vector>

using namespace glissade;

namespace {

/// Losses of 0 or 1 whose means are uniform in (0, 1).
double mean_regret(std::int64_t rounds, Index arms) {
  double regret = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto mean = [seed](Index i) { return RandomKey{seed}.uniform(static_cast<std::uint64_t>(i)); };
    double best = 1;
    for (Index i = 0; i < arms; ++i) best = std::min(best, mean(i));
    StreamingSelection learner({.horizon = rounds}, arms);
    for (std::int64_t t = 0; t < rounds; ++t) {
      const double m = mean(learner.play());
      regret += (m - best) / 10;
      learner.learn(RandomKey{seed}.derive(7).uniform(static_cast<std::uint64_t>(t)) < m ? 1 : 0);
    }
  }
  return regret;
}

}  // namespace

TEST_CASE("StreamingSelection: regret is of the order K^(1/3) T^(2/3)") {
  for (const Index arms : {8, 64}) {
    const double early = mean_regret(1000, arms), late = mean_regret(64'000, arms);
    CHECK(late < 0.8 * std::cbrt(static_cast<double>(arms)) * std::pow(64'000, 2.0 / 3));
    // 64^(2/3) = 16; the square root would be 8, and a share of all rounds 64.
    CHECK(late / early > 11);
    CHECK(late / early < 22);
  }
}

TEST_CASE("StreamingSelection: pulls each arm as often as it says, in order, and stays with the best") {
  StreamingSelection learner({.horizon = 1000}, 4);
  CHECK(learner.pulls() == 40);  // 250^(2/3) = 39.7
  CHECK(learner.champion() == 0);
  const std::vector<double> losses{0.5, 0.25, 0.25, 0.75};
  bool in_order = true, stays = true;
  for (Index t = 0; t < 1000; ++t) {
    in_order = in_order && (t >= 160 || learner.play() == t / 40);
    stays = stays && (t < 160 || learner.play() == 1);  // the first of two that are equal
    CHECK(learner.committed() == (t >= 160));
    learner.learn(t < 160 ? losses[static_cast<std::size_t>(learner.play())] : 1);
  }
  CHECK(in_order);
  CHECK(stays);
  CHECK(learner.rounds() == 1000);
  CHECK(StreamingSelection({.horizon = 5, .pulls = 3}, 4).pulls() == 3);
  CHECK(StreamingSelection({.horizon = 5}, 40).pulls() == 1);
}

TEST_CASE("StreamingSelection: what cannot be used is refused") {
  CHECK(message_of([] { StreamingSelection s({}, 3); }).find("StreamingSelection: horizon = 0, must be in [1, ") == 0);
  CHECK(message_of([] { StreamingSelection s({.horizon = 3}, 0); }) == "StreamingSelection: arms = 0, must be >= 1");
}
