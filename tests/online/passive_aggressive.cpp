// PassiveAggressive: its bounds, and that a step does as little as it must.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/passive_aggressive.hpp>

using namespace glissade;
using Eigen::VectorXd;

namespace {

VectorXd normals(Eigen::Index size, RandomKey key) {
  VectorXd v(size);
  for (Eigen::Index i = 0; i < size; ++i) v[i] = key.normal(static_cast<std::uint64_t>(i));
  return v;
}

}  // namespace

TEST_CASE("passive-aggressive: what fixed weights get right is paid for once") {
  // Labels of a teacher with margin 1.
  const VectorXd teacher = 3 * normals(6, RandomKey{1});
  PassiveAggressive learner({.aggression = Aggression::full}, 6);
  double squares = 0, largest = 0;
  for (std::uint64_t t = 0; t < 5000; ++t) {
    const VectorXd a = normals(6, RandomKey{2}.derive(t));
    const double m = teacher.dot(a);
    if (std::abs(m) < 1) continue;
    largest = std::max(largest, a.squaredNorm());
    squares += std::pow(std::max(0.0, 1 - (m > 0 ? 1 : -1) * learner.predict(a)), 2);
    learner.learn(a, m > 0 ? 1 : -1);
    CHECK(learner.predict(a) * (m > 0 ? 1 : -1) >= 1 - 1e-12);
  }
  CHECK(squares <= largest * teacher.squaredNorm());
  CHECK(squares > 1);
}

TEST_CASE("passive-aggressive: the inequality of all its bounds, against every fixed weights") {
  for (const LinearLoss kind : {LinearLoss::hinge, LinearLoss::absolute, LinearLoss::epsilon_insensitive})
    for (const Aggression aggression : {Aggression::full, Aggression::capped, Aggression::damped}) {
      const PredictionLoss loss{.kind = kind, .epsilon = 0.2};
      PassiveAggressive learner({.loss = loss, .aggression = aggression, .aggressiveness = 0.05}, 4);
      std::vector<VectorXd> comparators{VectorXd::Zero(4)};
      for (std::uint64_t k = 0; k < 6; ++k) comparators.push_back(normals(4, RandomKey{3}.derive(k)));
      std::vector<double> sums(comparators.size());
      for (std::uint64_t t = 0; t < 300; ++t) {
        const VectorXd a = normals(4, RandomKey{4}.derive(t)), x = learner.weights();
        const double target = comparators[1].dot(a) + 0.3 * RandomKey{5}.normal(t);
        const double y = kind == LinearLoss::hinge ? (target > 0 ? 1 : -1) : target;
        const double paid = loss.value(learner.predict(a), y);
        learner.learn(a, y);
        const double tau = (learner.weights() - x).norm() / a.norm();
        for (std::size_t k = 0; k < comparators.size(); ++k) {
          sums[k] += tau * (2 * paid - tau * a.squaredNorm() - 2 * loss.value(comparators[k].dot(a), y));
          CHECK(sums[k] <= comparators[k].squaredNorm() + 1e-10);
        }
        if (aggression == Aggression::full) CHECK(loss.value(learner.predict(a), y) <= 1e-12);
        if (aggression == Aggression::capped) CHECK(tau == Approx(std::min(0.05, paid / a.squaredNorm())));
        if (aggression == Aggression::damped) CHECK(tau == Approx(paid / (a.squaredNorm() + 10)));
        if (paid == 0) CHECK(learner.weights() == x);
      }
    }
}

TEST_CASE("passive-aggressive: losses and options that are refused") {
  CHECK(message_of([] {
          PassiveAggressive({.loss = {.kind = LinearLoss::squared}}, 2);
        }).find("hinge, absolute or epsilon_insensitive") != std::string::npos);
  CHECK(message_of([] { PassiveAggressive({.aggressiveness = 0}, 2); }).find("aggressiveness = 0") !=
        std::string::npos);
}
