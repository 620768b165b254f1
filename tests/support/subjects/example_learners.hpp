// The table of learners of examples: a new one adds one line here and is held to every law of
// tests/laws/example_learners.cpp.
#pragma once

#include "support/subjects/proximal_sums.hpp"
#include <glissade/online/arow.hpp>
#include <glissade/online/implicit_ftrl.hpp>
#include <glissade/online/importance_aware.hpp>
#include <glissade/online/passive_aggressive.hpp>
#include <glissade/online/second_order_perceptron.hpp>

#include <Eigen/LU>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

/// Features of R^4 of norm at most 1, the label and what was predicted.
struct Example {
  Eigen::VectorXd a;
  double y = 0;
  double p = 0;
};
using Examples = std::vector<Example>;

/// What the laws know of a learner of examples.
struct ExampleSubject {
  std::string name;
  /// Whether labels are -1 and 1; else they lie in [-1, 1].
  bool signs = true;
  /// What it pays for a prediction: a loss, or 1 for a mistake.
  std::function<double(double p, double y)> pays;
  /// Whether its rate depends on the number of the round, so that a round without a loss moves it later.
  bool rates_fall = false;
};

namespace example_tables {

inline constexpr Eigen::Index features = 4;

inline double mistake(double p, double y) { return p * y > 0 ? 0 : 1; }
inline auto paid_by(const glissade::PredictionLoss& loss) {
  return [loss](double p, double y) { return loss.value(p, y); };
}
inline double total_of(const Examples& examples, const Eigen::VectorXd& u, const auto& pays) {
  double sum = 0;
  for (const Example& e : examples) sum += pays(u.dot(e.a), e.y);
  return sum;
}

/// The bound of mistakes of second-order classifiers that learn where y p < threshold, or y p = threshold = 0.
inline double second_order_bound(const Eigen::VectorXd& u, const Examples& examples, double threshold, double r) {
  Eigen::Matrix4d X = Eigen::Matrix4d::Zero();
  double hinges = 0, close = 0;
  for (const Example& e : examples) {
    if (e.p * e.y > 0 && e.p * e.y >= threshold) continue;
    X += e.a * e.a.transpose();
    hinges += std::max(0.0, 1 - e.y * u.dot(e.a));
    close += e.p * e.y > 0 ? 1 : 0;
  }
  const double volume = std::log((Eigen::Matrix4d::Identity() + X / r).determinant());
  return hinges - close + std::sqrt((r * u.squaredNorm() + u.dot(X * u)) * (volume + close));
}

}  // namespace example_tables

/// use(subject, make, bound): make() is a new learner; bound(learner, u, examples) is what it may have paid in all
/// rounds so far, compared with the fixed weights u: the proven bound, not a measured one.
template <class Use>
void for_each_example_learner(const Use& use) {
  using namespace glissade;
  using namespace example_tables;
  for (const ImplicitMode mode :
       {ImplicitMode::linear, ImplicitMode::prox, ImplicitMode::truncated, ImplicitMode::two_step})
    for (int kind = 0; kind < 7; ++kind) {
      const PredictionLoss loss{.kind = static_cast<LinearLoss>(kind), .quantile = 0.8};
      const double beta = kind % 2 == 0 ? 1 : 3;
      use(
          ExampleSubject{
              "ImplicitFtrl, mode " + std::to_string(static_cast<int>(mode)) + ", loss " + std::to_string(kind),
              loss.labels_are_signs(), paid_by(loss)},
          [=] { return ImplicitFtrl({.loss = loss, .mode = mode, .beta = beta}, features); },
          [=](const ImplicitFtrl& learner, const Eigen::VectorXd& u, const Examples& examples) {
            return total_of(examples, u, paid_by(loss)) + learner.regularization() * u.squaredNorm() / 2 +
                   beta * beta * (learner.regularization() - 1e-3);
          });
    }
  const FtrlProximalOptions proximal{.l1 = 0.1, .l2 = 0.2};
  const auto sums = std::make_shared<ProximalSums>(proximal, features);
  use(
      ExampleSubject{"FtrlProximal", true, paid_by(proximal.loss)}, [=] { return FtrlProximal(proximal, features); },
      [=](const FtrlProximal&, const Eigen::VectorXd& u, const Examples& examples) {
        const auto gradient = [&](std::size_t t) {
          return proximal.loss.slope(examples[t].p, examples[t].y) * examples[t].a.array();
        };
        return total_of(examples, u, paid_by(proximal.loss)) + sums->bound(u, examples.size(), gradient);
      });
  for (int kind = 0; kind < 7; ++kind) {
    const PredictionLoss loss{.kind = static_cast<LinearLoss>(kind), .quantile = 0.8};
    use(
        ExampleSubject{"ImportanceAware, loss " + std::to_string(kind), loss.labels_are_signs(), paid_by(loss)},
        [=] { return ImportanceAware({.loss = loss, .learning_rate = 0.2}, features); },
        [=](const ImportanceAware&, const Eigen::VectorXd& u, const Examples& examples) {
          double sum = total_of(examples, u, paid_by(loss)) + u.squaredNorm() / 0.4;
          for (const Example& e : examples) sum += 0.1 * std::pow(loss.slope(e.p, e.y), 2) * e.a.squaredNorm();
          return sum;
        });
  }
  for (const LinearLoss kind : {LinearLoss::hinge, LinearLoss::epsilon_insensitive}) {
    const PredictionLoss loss{.kind = kind};
    const auto square = [loss](double p, double y) { return std::pow(loss.value(p, y), 2); };
    const std::string of_kind = kind == LinearLoss::hinge ? ", hinge" : ", epsilon-insensitive";
    use(
        ExampleSubject{"PassiveAggressive, damped" + of_kind, loss.labels_are_signs(), square},
        [=] {
          return PassiveAggressive({.loss = loss, .aggression = Aggression::damped, .aggressiveness = 0.3}, features);
        },
        [=](const PassiveAggressive&, const Eigen::VectorXd& u, const Examples& examples) {
          return (1 + 1 / 0.6) * (u.squaredNorm() + 0.6 * total_of(examples, u, square));
        });
    use(
        ExampleSubject{"PassiveAggressive, full" + of_kind, loss.labels_are_signs(), square},
        [=] { return PassiveAggressive({.loss = loss, .aggression = Aggression::full}, features); },
        [=](const PassiveAggressive&, const Eigen::VectorXd& u, const Examples& examples) {
          return total_of(examples, u, square) == 0 ? u.squaredNorm() : std::numeric_limits<double>::infinity();
        });
  }
  const PredictionLoss hinge{.kind = LinearLoss::hinge};
  use(
      ExampleSubject{"PassiveAggressive, capped", true, mistake},
      [] { return PassiveAggressive({.aggressiveness = 0.3}, features); },
      [=](const PassiveAggressive&, const Eigen::VectorXd& u, const Examples& examples) {
        return (u.squaredNorm() + 0.6 * total_of(examples, u, paid_by(hinge))) / 0.3;
      });
  use(
      ExampleSubject{"Arow", true, mistake}, [] { return Arow({.regularization = 0.5}, features); },
      [](const Arow&, const Eigen::VectorXd& u, const Examples& examples) {
        return second_order_bound(u, examples, 1, 0.5);
      });
  // Nothing is proven of its mistakes; the other laws hold.
  use(
      ExampleSubject{"Arow, diagonal", true, mistake}, [] { return Arow({.diagonal = true}, features); },
      [](const Arow&, const Eigen::VectorXd&, const Examples&) { return std::numeric_limits<double>::infinity(); });
  use(
      ExampleSubject{"SecondOrderPerceptron", true, mistake},
      [] { return SecondOrderPerceptron({.regularization = 0.5}, features); },
      [](const SecondOrderPerceptron&, const Eigen::VectorXd& u, const Examples& examples) {
        return second_order_bound(u, examples, 0, 0.5);
      });
}
