// The laws of learners: whatever the losses do, regret stays below its bound and the play in its set; and a learner
// goes on from a file as if nothing had been.
#include "support/subjects/learners.hpp"

#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/measure/regret.hpp>

#include <cstring>
#include <filesystem>
#include <limits>

using namespace glissade;
using Eigen::VectorXd;
using learner_tables::dimension;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

bool same_bits(const VectorXd& a, const VectorXd& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0;
}

/// The gradient of round t, where x was played: of norm at most 1, or losses in [0, 1].
using Losses = std::function<VectorXd(std::int64_t t, const VectorXd& x)>;
VectorXd random_gradient(std::int64_t t) {
  VectorXd g(dimension);
  const RandomKey key = RandomKey{7}.derive(static_cast<std::uint64_t>(t));
  for (Eigen::Index i = 0; i < dimension; ++i) g[i] = key.uniform(static_cast<std::uint64_t>(i)) - 0.5;
  return g;
}
std::vector<std::pair<const char*, Losses>> all_losses(bool within_unit_interval) {
  const auto made = [within_unit_interval](const VectorXd& g) {
    if (within_unit_interval) return VectorXd((g.array() * 0.5 + 0.5).cwiseMax(0).cwiseMin(1));
    return VectorXd(g / std::max(1.0, g.norm()));
  };
  return {
      {"random", [=](std::int64_t t, const VectorXd&) { return made(2 * random_gradient(t)); }},
      {"with a best direction",
       [=](std::int64_t t, const VectorXd&) { return made(random_gradient(t) - VectorXd::Unit(dimension, 1) * 0.4); }},
      {"blocks of growing length that turn around",
       [=](std::int64_t t, const VectorXd&) {
         return made(VectorXd::Unit(dimension, t % 4) * (std::ilogb(static_cast<double>(t + 1)) % 2 == 0 ? 1 : -1));
       }},
      {"against the play",
       [=](std::int64_t, const VectorXd& x) {
         Eigen::Index most = 0;
         x.cwiseAbs().maxCoeff(&most);
         return made(VectorXd::Unit(dimension, most) * (x[most] < 0 ? -1 : 1));
       }},
      {"nearly always nothing",
       [=](std::int64_t t, const VectorXd&) {
         return t % 16 == 3 ? made(random_gradient(t)) : VectorXd(VectorXd::Zero(dimension));
       }},
  };
}

}  // namespace

TEST_CASE("laws: a learner's regret is below its bound, and all its plays lie in the set") {
  for_each_gradient_learner([](const GradientSubject& subject, const auto& make) {
    for (const auto& [kind, losses] : all_losses(subject.losses)) {
      INFO(subject.name << " with losses " << kind);
      auto learner = make();
      std::vector<Regret> regret(subject.comparators.size());
      std::vector<VectorXd> gradients;
      bool inside = true, below = true;
      for (std::int64_t t = 0; t < 1500; ++t) {
        const VectorXd x = learner.play();
        inside = inside && subject.contains(x);
        const VectorXd g = losses(t, x);
        gradients.push_back(g);
        for (std::size_t c = 0; c < regret.size(); ++c) regret[c].add(g.dot(x), g.dot(subject.comparators[c]));
        if (t % 50 == 49)
          for (std::size_t c = 0; c < regret.size(); ++c)
            below = below && regret[c].total() <= subject.bound(subject.comparators[c], gradients) + 1e-9;
        learner.learn(g);
      }
      CHECK(inside);
      CHECK(below);
    }
  });
}

TEST_CASE("laws: a loss that does not depend on the decision moves nothing") {
  for_each_gradient_learner([](const GradientSubject& subject, const auto& make) {
    INFO(subject.name);
    auto learner = make();
    const VectorXd start = learner.play();
    const VectorXd nothing = VectorXd::Zero(dimension);
    for (int t = 0; t < 3; ++t) learner.learn(nothing);
    CHECK(same_bits(learner.play(), start));
    const auto losses = all_losses(subject.losses).front().second;
    for (int t = 0; t < 20; ++t) learner.learn(losses(t, learner.play()));
    CHECK(!same_bits(learner.play(), start));
    const VectorXd before = learner.play();
    learner.learn(nothing);
    if (!subject.rates_fall) CHECK(same_bits(learner.play(), before));
  });
}

TEST_CASE("laws: a learner is a value, and goes on from a file bit for bit") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_learner.safetensors";
  for_each_gradient_learner([&](const GradientSubject& subject, const auto& make) {
    INFO(subject.name);
    const auto losses = all_losses(subject.losses).front().second;
    auto learner = make();
    for (int t = 0; t < 37; ++t) learner.learn(losses(t, learner.play()));
    auto copy = learner;
    auto loaded = make();
    learner.save_to(path);
    loaded.load_from(path);
    bool same = true;
    for (int t = 37; t < 80; ++t) {
      const VectorXd x = learner.play();
      same = same && same_bits(copy.play(), x) && same_bits(loaded.play(), x) && same_bits(learner.play(), x);
      const VectorXd g = losses(t, x);
      learner.learn(g);
      copy.learn(g);
      loaded.learn(g);
    }
    CHECK(same);
  });
  std::filesystem::remove(path);
}

TEST_CASE("laws: a learner refuses what is not finite or of another size, and nothing has moved") {
  for_each_gradient_learner([](const GradientSubject& subject, const auto& make) {
    INFO(subject.name);
    const auto losses = all_losses(subject.losses).front().second;
    auto learner = make();
    auto spared = make();
    for (int t = 0; t < 10; ++t) {
      const VectorXd g = losses(t, learner.play());
      for (const double bad : {not_a_number, infinite}) {
        VectorXd wrong = g;
        wrong[2] = bad;
        const std::string message = message_of([&] { learner.learn(wrong); });
        CHECK(message.find("[2] = " + to_text(bad)) != std::string::npos);
      }
      CHECK(message_of([&] { learner.learn(VectorXd(VectorXd::Zero(dimension + 1))); }).find("must have 4") !=
            std::string::npos);
      learner.learn(g);
      spared.learn(g);
      CHECK(same_bits(learner.play(), spared.play()));
    }
  });
}
