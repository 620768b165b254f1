// CensoredThompson: the choice of algorithms by running times that are cut.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/io/method_state.hpp>
#include <glissade/online/censored_thompson.hpp>

#include <cmath>
#include <filesystem>
#include <functional>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

VectorXd normals(const RandomKey& key, Index n) {
  return VectorXd::NullaryExpr(n, [&key](Index i) { return key.normal(static_cast<std::uint64_t>(i)); });
}
/// Simpson's rule.
double integral(double from, double to, const std::function<double(double)>& f) {
  constexpr int n = 4000;
  double sum = 0;
  for (int i = 0; i <= n; ++i) sum += (i == 0 || i == n ? 1 : i % 2 == 0 ? 2 : 4) * f(from + (to - from) * i / n);
  return sum * (to - from) / n / 3;
}
double density(double z, double m, double s) {
  return std::exp(-std::pow((z - m) / s, 2) / 2) / (s * std::sqrt(2 * std::numbers::pi));
}

/// Four algorithms whose times depend on five features, cut at 5.
struct Problems {
  std::vector<VectorXd> theta;
  explicit Problems(std::uint64_t seed) : root{seed} {
    for (std::uint64_t k = 0; k < 4; ++k) theta.emplace_back(1.2 * normals(root.derive(1000'000 + k), 5));
  }
  [[nodiscard]] VectorXd features(std::uint64_t t) const { return normals(root.derive(t), 5); }
  [[nodiscard]] double time(std::uint64_t t, Index k) const {
    return std::exp(theta[static_cast<std::size_t>(k)].dot(features(t).normalized()) +
                    0.3 * root.derive(t).derive(9).normal(static_cast<std::uint64_t>(k)));
  }
  RandomKey root;
};
constexpr double limit = 5;
double penalized(double time) { return time < limit ? time : 10 * limit; }

}  // namespace

TEST_CASE("CensoredThompson: its two formulas are the integrals they stand for") {
  CHECK(expected_cut_time(1.2, 0.7, 5, 10) == Approx(15.8917798).margin(5e-8));
  CHECK(mean_above(1.2, 0.7, std::log(5)) == Approx(2.0426375).margin(5e-8));
  for (const double m : {-3.0, 0.3, 1.2, 2.5})
    for (const double s : {0.2, 0.7, 1.5}) {
      const double bound = std::log(5), low = std::min(m, bound) - 12 * s, high = std::max(m, bound) + 12 * s;
      const double finished = integral(low, bound, [&](double z) { return std::exp(z) * density(z, m, s); });
      const double cut = integral(bound, high, [&](double z) { return density(z, m, s); });
      CHECK(expected_cut_time(m, s, 5, 10) == Approx(finished + 50 * cut).epsilon(1e-9));
      if (cut < 1e-12) continue;
      CHECK(mean_above(m, s, bound) ==
            Approx(integral(bound, high, [&](double z) { return z * density(z, m, s); }) / cut).epsilon(1e-9));
    }
  // Far from the limit on both sides.
  CHECK(expected_cut_time(1e4, 1, 5, 10) == 50);
  CHECK(expected_cut_time(-1e4, 1, 5, 10) == 0);
  CHECK(mean_above(0, 1, 8 - 1e-9) == Approx(mean_above(0, 1, 8 + 1e-9)).epsilon(1e-9));
  CHECK(mean_above(0, 1, 1e6) == Approx(1e6 + 1e-6).epsilon(1e-15));
  CHECK(mean_above(2, 1, -1e6) == 2);
}

TEST_CASE("CensoredThompson: is soon nearly as good as an oracle") {
  double random = 0, chosen = 0, best = 0;
  constexpr std::uint64_t rounds = 2000, seeds = 3;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const Problems problems(seed);
    CensoredThompson chooser({.limit = limit, .noise = 0.3, .seed = seed}, 4, 5);
    for (std::uint64_t t = 0; t < rounds; ++t) {
      const VectorXd x = problems.features(t);
      Index right = 0;
      double least = std::numeric_limits<double>::infinity();
      for (Index k = 0; k < 4; ++k) {
        const double m = problems.theta[static_cast<std::size_t>(k)].dot(x.normalized());
        if (m < least) {
          least = m;
          right = k;
        }
        random += penalized(problems.time(t, k)) / 4;
      }
      best += penalized(problems.time(t, right));
      const double time = problems.time(t, chooser.choose(x));
      chosen += penalized(time);
      chooser.learn(x, std::min(time, limit));
    }
  }
  CHECK(chosen < 1.2 * best);
  CHECK(random > 15 * chosen);
}

TEST_CASE("CensoredThompson: what it expects is ridge regression, with cut times above the limit") {
  const Problems problems(8);
  CensoredThompson chooser({.limit = limit, .noise = 0.5, .prior = 2}, 4, 5);
  MatrixXd A = 2 * MatrixXd::Identity(5, 5);
  VectorXd b = VectorXd::Zero(5);
  int cut = 0;
  double off = 0;
  for (std::uint64_t t = 0; t < 200; ++t) {
    const VectorXd x = problems.features(t).normalized();
    const double time = problems.time(t, 2);
    double z = std::log(time);
    if (time >= limit) {
      ++cut;
      const double m = chooser.predict(x, 2), u = (std::log(limit) - m) / 0.5;
      z = m + 0.5 * density(u, 0, 1) / (0.5 * std::erfc(u / std::sqrt(2)));
    }
    chooser.learn(problems.features(t), 2, time);
    A += x * x.transpose();
    b += z * x;
    const VectorXd weights =
        VectorXd::NullaryExpr(5, [&](Index i) { return chooser.predict(VectorXd::Unit(5, i), 2); });
    off = std::max(off, (A * weights - b).norm() / b.norm());
  }
  CHECK(off <= 1e-11);
  CHECK(cut > 10);
  const VectorXd other = problems.features(999);
  CHECK(chooser.predict(other, 1) == 0);
  CHECK(chooser.predict(3 * other, 2) == Approx(chooser.predict(other, 2)).epsilon(1e-14));
}

TEST_CASE("CensoredThompson: what is drawn has the spread of what is not known yet") {
  // Algorithm 0 is known to take e^0.1; algorithm 1 nothing is known of: chosen where its draw has the lower cost.
  CensoredThompson chooser({.limit = 1e3, .penalty = 1, .noise = 0.3, .prior = 4}, 2, 1);
  for (int k = 0; k < 200; ++k) chooser.learn(VectorXd::Ones(1), 0, std::exp(0.1));
  int first = 0;
  constexpr int draws = 4000;
  for (int k = 0; k < draws; ++k) {
    first += chooser.choose(VectorXd::Ones(1)) == 0;
    chooser.learn(VectorXd::Zero(1), 0, 1);  // tells nothing, but it is a round
  }
  // m_0 ~ N(0.1 200 / 204, 0.09 / 204), m_1 ~ N(0, 0.09 / 4), costs e^(m + 0.045 (1 + 1 / 204 or 1 / 4)).
  const double gap = 0.1 * 200 / 204 + 0.045 * (1.0 / 204 - 1.0 / 4);
  const double expected = std::erfc(gap / (0.3 * std::sqrt(1.0 / 4 + 1.0 / 204)) / std::sqrt(2)) / 2;
  CHECK(first == Approx(draws * expected).margin(4 * std::sqrt(draws * expected)));
  CHECK(expected > 0.2);
}

TEST_CASE("CensoredThompson: draws stay until it learns, and it goes on from a file bit for bit") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_thompson.safetensors";
  const Problems problems(4);
  CensoredThompson chooser({.limit = limit, .seed = 3}, 4, 5), loaded({.limit = limit, .seed = 3}, 4, 5);
  for (std::uint64_t t = 0; t < 50; ++t) chooser.learn(problems.features(t), std::min(limit, problems.time(t, 1)));
  CensoredThompson copy = chooser;
  save(chooser, path);
  load(loaded, path);
  std::filesystem::remove(path);
  bool same = true;
  for (std::uint64_t t = 50; t < 200; ++t) {
    const VectorXd x = problems.features(t);
    const Index k = chooser.choose(x);
    same = same && k == chooser.choose(x) && k == copy.choose(x) && k == loaded.choose(x) && k == copy.choose(7 * x);
    for (CensoredThompson* each : {&chooser, &copy, &loaded}) each->learn(x, problems.time(t, k));
    same = same && chooser.predict(x, k) == loaded.predict(x, k);
  }
  CHECK(same);
}

TEST_CASE("CensoredThompson: what cannot be used is refused and changes nothing") {
  const auto said = [](const CensoredThompsonOptions& options, Index n = 2, Index d = 2) {
    return message_of([&] { CensoredThompson c(options, n, d); });
  };
  CHECK(said({}) == "CensoredThompson: limit = 0, must be > 0 and finite");
  CHECK(said({.limit = 1, .penalty = 0.5}) == "CensoredThompson: penalty = 0.5, must be >= 1 and finite");
  CHECK(said({.limit = 1, .noise = 0}) == "CensoredThompson: noise = 0, must be > 0 and finite");
  CHECK(said({.limit = 1}, 0) == "CensoredThompson: algorithms = 0, must be >= 1");
  CHECK(said({.limit = 1}, 1, 0) == "CensoredThompson: features = 0, must be >= 1");
  CensoredThompson chooser({.limit = 1}, 2, 2);
  const VectorXd x = Eigen::Vector2d(1, 2);
  CHECK(message_of([&] { chooser.learn(x, -1); }) == "CensoredThompson: time = -1, must be > 0 and finite");
  CHECK(message_of([&] { chooser.learn(x, 2, 1); }) == "CensoredThompson: algorithm = 2, must be in [0, 1]");
  CHECK(message_of([&] { chooser.learn(Eigen::Vector3d(1, 2, 3), 1); }) ==
        "CensoredThompson: features has 3 coefficients, must have 2");
  CHECK(!message_of([&] { static_cast<void>(chooser.choose(Eigen::Vector2d(std::nan(""), 0))); }).empty());
  CHECK(chooser.rounds() == 0);
  CHECK(chooser.predict(x, 0) == 0);
  chooser.learn(VectorXd::Zero(2), 0, 0.5);
  CHECK(chooser.predict(x, 0) == 0);
}
