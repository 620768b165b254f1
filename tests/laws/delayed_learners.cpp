// The laws of learners with late feedback: whenever and in whatever order it comes, regret stays below its bound; and a
// learner goes on from a file as if nothing had been, with all that it waits for.
#include "support/subjects/delayed_learners.hpp"

#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/io/method_state.hpp>

#include <cstring>
#include <filesystem>
#include <limits>

using namespace glissade;
using delayed_tables::dimension;
using Eigen::VectorXd;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

bool same_bits(const VectorXd& a, const VectorXd& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0;
}
VectorXd random_gradient(std::int64_t t) {
  VectorXd g(dimension);
  const RandomKey key = RandomKey{7}.derive(static_cast<std::uint64_t>(t));
  for (Eigen::Index i = 0; i < dimension; ++i) g[i] = key.uniform(static_cast<std::uint64_t>(i)) - 0.5;
  return g;
}
using Losses = std::function<VectorXd(std::int64_t t, const VectorXd& x)>;
std::vector<std::pair<const char*, Losses>> all_losses() {
  return {
      {"random", [](std::int64_t t, const VectorXd&) { return random_gradient(t); }},
      {"slow",
       [](std::int64_t t, const VectorXd&) {
         return VectorXd(VectorXd::Unit(dimension, 1) * std::cos(static_cast<double>(t) / 100));
       }},
      {"blocks that turn around",
       [](std::int64_t t, const VectorXd&) { return VectorXd(VectorXd::Unit(dimension, 2) * (t / 9 % 2 * 2 - 1)); }},
      {"against the play",
       [](std::int64_t, const VectorXd& x) {
         Eigen::Index most = 0;
         x.cwiseAbs().maxCoeff(&most);
         return VectorXd(VectorXd::Unit(dimension, most) * (x[most] < 0 ? -1 : 1));
       }},
      {"nearly always nothing",
       [](std::int64_t t, const VectorXd&) { return VectorXd(random_gradient(t) * (t % 16 == 3 ? 1 : 0)); }}};
}
/// In which round feedback of t comes, at the end of it.
using Delay = std::function<std::int64_t(std::int64_t t)>;
const std::vector<std::pair<const char*, Delay>> all_delays{
    {"at once", [](std::int64_t t) { return t; }},
    {"seven rounds", [](std::int64_t t) { return t + 7; }},
    {"in bundles", [](std::int64_t t) { return t | 15; }},
    {"out of order", [](std::int64_t t) {
       return t + static_cast<std::int64_t>(RandomKey{2}.bits(static_cast<std::uint64_t>(t)) % 30);
     }}};

/// Plays rounds [from, to); what came is told from the newest to the oldest.
template <class L>
void play(L& learner, std::vector<DelayedRound>& rounds, const Losses& losses, const Delay& delay, std::int64_t to) {
  while (static_cast<std::int64_t>(rounds.size()) < to) {
    const auto t = static_cast<std::int64_t>(rounds.size());
    DelayedRound round;
    round.last = rounds.empty() ? VectorXd::Zero(dimension) : rounds.back().last;
    for (std::int64_t s = std::max<std::int64_t>(0, t - 40); s < t; ++s)
      if (delay(s) >= t) round.missing.push_back(s);
    const Prediction prediction = learner.predict();
    round.x = prediction.x;
    round.rate = learner.learning_rate();
    round.gradient = losses(t, round.x);
    rounds.push_back(round);
    CHECK(prediction.id == t);
    for (std::int64_t s = t; s >= std::max<std::int64_t>(0, t - 40); --s)
      if (delay(s) == t) {
        learner.feedback(s, rounds[static_cast<std::size_t>(s)].gradient);
        rounds.back().last = rounds[static_cast<std::size_t>(s)].gradient;
      }
  }
}

}  // namespace

TEST_CASE("laws: regret with late feedback is below its bound, and all predictions lie in the set") {
  for_each_delayed_learner([](const DelayedSubject& subject, const auto& make) {
    for (const auto& [kind, losses] : all_losses())
      for (const auto& [when, delay] : all_delays) {
        INFO(subject.name << " with losses " << kind << ", feedback " << when);
        auto learner = make();
        std::vector<DelayedRound> rounds;
        double most = -1;
        bool inside = true;
        for (const std::int64_t to : {30, 100, 400}) {
          play(learner, rounds, losses, delay, to);
          // The last gradient that had come at each prediction is what stood in the round before.
          std::vector<DelayedRound> seen = rounds;
          for (std::size_t t = 0; t < seen.size(); ++t)
            seen[t].last = t == 0 ? VectorXd::Zero(dimension) : rounds[t - 1].last;
          for (const VectorXd& u : subject.comparators) {
            double regret = 0;
            for (const DelayedRound& r : rounds) regret += r.gradient.dot(r.x - u);
            most = std::max(most, regret - subject.bound(u, seen));
          }
          for (const DelayedRound& r : rounds) inside = inside && subject.contains(r.x);
        }
        CHECK(inside);
        CHECK(most <= 1e-9);
      }
  });
}

TEST_CASE("laws: late losses that do not depend on the decision move nothing, others do") {
  for_each_delayed_learner([](const DelayedSubject& subject, const auto& make) {
    INFO(subject.name);
    auto learner = make();
    const Prediction first = learner.predict();
    learner.feedback(first.id, VectorXd::Zero(dimension));
    const Prediction second = learner.predict();
    CHECK(same_bits(first.x, second.x));
    learner.feedback(second.id, random_gradient(0));
    const Prediction third = learner.predict();
    CHECK_FALSE(same_bits(third.x, second.x));
  });
}

TEST_CASE("laws: the order in which feedback of the same rounds comes does not matter") {
  for_each_delayed_learner([](const DelayedSubject& subject, const auto& make) {
    INFO(subject.name);
    auto one = make(), other = make();
    double apart = 0;
    for (std::int64_t block = 0; block < 20; ++block) {
      std::vector<std::int64_t> ids;
      for (int k = 0; k < 9; ++k) {
        const Prediction a = one.predict(), b = other.predict();
        apart = std::max(apart, (a.x - b.x).norm());
        CHECK(a.id == b.id);
        ids.push_back(a.id);
      }
      for (const std::int64_t id : ids) one.feedback(id, random_gradient(id));
      // The last one stays the last: optimism looks at it.
      for (const int k : {3, 7, 0, 6, 1, 5, 4, 2, 8})
        other.feedback(ids[static_cast<std::size_t>(k)], random_gradient(ids[static_cast<std::size_t>(k)]));
    }
    CHECK(apart <= 1e-14);
  });
}

TEST_CASE("laws: a learner with late feedback is a value, and goes on from a file with all that it waits for") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_delayed_learner.safetensors";
  for_each_delayed_learner([&](const DelayedSubject& subject, const auto& make) {
    INFO(subject.name);
    const Losses losses = all_losses().front().second;
    const Delay delay = all_delays.back().second;
    auto learner = make();
    std::vector<DelayedRound> rounds;
    play(learner, rounds, losses, delay, 50);
    auto copy = learner;
    auto loaded = make();
    save(learner, path);
    load(loaded, path);
    std::vector<DelayedRound> of_copy = rounds, of_loaded = rounds;
    play(learner, rounds, losses, delay, 120);
    play(copy, of_copy, losses, delay, 120);
    play(loaded, of_loaded, losses, delay, 120);
    bool same = true;
    for (std::size_t t = 0; t < rounds.size(); ++t)
      same = same && same_bits(rounds[t].x, of_copy[t].x) && same_bits(rounds[t].x, of_loaded[t].x);
    CHECK(same);
  });
  std::filesystem::remove(path);
}

TEST_CASE("laws: a learner with late feedback refuses what it does not wait for, and nothing has moved") {
  for_each_delayed_learner([](const DelayedSubject& subject, const auto& make) {
    INFO(subject.name);
    auto learner = make(), spared = make();
    const auto refused = [&](std::int64_t id, const VectorXd& g, const std::string& text) {
      CHECK(message_of([&] { learner.feedback(id, g); }).find(text) != std::string::npos);
    };
    for (std::int64_t t = 0; t < 10; ++t) {
      const Prediction a = learner.predict(), b = spared.predict();
      CHECK(same_bits(a.x, b.x));
      VectorXd g = random_gradient(t);
      refused(-1, g, "id = -1");
      refused(a.id + 1, g, "id = " + std::to_string(a.id + 1));
      refused(a.id, VectorXd::Zero(dimension + 1), "must have 4");
      for (const double bad : {std::nan(""), infinite}) {
        g[2] = bad;
        refused(a.id, g, "gradient[2] = " + to_text(bad));
      }
      learner.feedback(a.id, random_gradient(t));
      spared.feedback(b.id, random_gradient(t));
      refused(a.id, random_gradient(t), "id = " + std::to_string(a.id));
    }
  });
}
