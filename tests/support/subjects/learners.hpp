// The tables of learners: a new one adds one line to the table of the way in which it talks and is held to every law of
// tests/laws/learners.cpp.
#pragma once

#include "support/subjects/proximal_sums.hpp"
#include <glissade/online/cocob.hpp>
#include <glissade/online/coin_betting.hpp>
#include <glissade/online/gradient_descent.hpp>
#include <glissade/online/mirror_descent.hpp>
#include <glissade/sets/ball.hpp>
#include <glissade/sets/entropy.hpp>
#include <glissade/sets/simplex.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

/// What the laws know of a learner of points of R^4 that is told gradients of norm at most 1.
struct GradientSubject {
  const char* name;
  /// Whether x lies in its set, to rounding.
  std::function<bool(const Eigen::VectorXd& x)> contains;
  /// The points of the set that it is compared with.
  std::vector<Eigen::VectorXd> comparators;
  /// What its regret may be against u, from all gradients so far; the proven bound, not a measured one.
  std::function<double(const Eigen::VectorXd& u, const std::vector<Eigen::VectorXd>& gradients)> bound;
  /// What it is told: losses in [0, 1] in place of gradients of any sign.
  bool losses = false;
  /// Whether its rate depends on the number of the round, so that a round without a loss moves the play later.
  bool rates_fall = false;
};

namespace learner_tables {

inline constexpr Eigen::Index dimension = 4;

inline double squares(const std::vector<Eigen::VectorXd>& gradients) {
  double sum = 0;
  for (const Eigen::VectorXd& g : gradients) sum += g.squaredNorm();
  return sum;
}
/// The centre and the ends of all axes of the ball around 0.
inline std::vector<Eigen::VectorXd> ends_of_ball(double radius) {
  std::vector<Eigen::VectorXd> ends{Eigen::VectorXd::Zero(dimension)};
  for (Eigen::Index i = 0; i < dimension; ++i)
    for (const double sign : {-1.0, 1.0}) ends.emplace_back(sign * radius * Eigen::VectorXd::Unit(dimension, i));
  ends.emplace_back(Eigen::VectorXd::Constant(dimension, radius / 2));
  return ends;
}
/// Experts.
inline std::vector<Eigen::VectorXd> corners() {
  std::vector<Eigen::VectorXd> all;
  for (Eigen::Index i = 0; i < dimension; ++i) all.emplace_back(Eigen::VectorXd::Unit(dimension, i));
  return all;
}
inline GradientSubject in_ball(const char* name, decltype(GradientSubject::bound) bound) {
  return {name, [](const Eigen::VectorXd& x) { return x.norm() <= 1 + 1e-12; }, ends_of_ball(1), std::move(bound)};
}
inline GradientSubject in_space(const char* name, decltype(GradientSubject::bound) bound) {
  return {name, [](const Eigen::VectorXd& x) { return x.allFinite(); }, ends_of_ball(3), std::move(bound)};
}
inline GradientSubject of_experts(const char* name, decltype(GradientSubject::bound) bound) {
  return {name, [](const Eigen::VectorXd& x) { return x.minCoeff() >= 0 && std::abs(x.sum() - 1) <= 1e-12; }, corners(),
          std::move(bound), true};
}

}  // namespace learner_tables

/// use(subject, make): make() is a new learner.
template <class Use>
void for_each_gradient_learner(const Use& use) {
  using namespace glissade;
  using namespace learner_tables;
  const Eigen::VectorXd zero = Eigen::VectorXd::Zero(dimension);
  use(in_ball("OnlineGradientDescent, adaptive",
              [](const auto&, const auto& gradients) { return std::sqrt(2.0) * 2 * std::sqrt(squares(gradients)); }),
      [zero] { return OnlineGradientDescent({.diameter = 2}, zero, Ball{.radius = 1}); });
  use(in_ball("OnlineGradientDescent, decreasing",
              [](const auto&, const auto& gradients) {
                return 1.5 * 2 * std::sqrt(static_cast<double>(gradients.size()));
              }),
      [zero] {
        return OnlineGradientDescent({.rate = OnlineRate::decreasing, .diameter = 2}, zero, Ball{.radius = 1});
      });
  const FtrlProximalOptions proximal{.learning_rate = 0.3};
  const auto sums = std::make_shared<ProximalSums>(proximal, dimension);
  use(in_space("FtrlProximal",
               [sums](const auto& u, const auto& gradients) {
                 return sums->bound(u, gradients.size(), [&](std::size_t t) { return gradients[t].array(); });
               }),
      [proximal] { return FtrlProximal(proximal, dimension); });
  const Eigen::VectorXd centre = Eigen::VectorXd::Constant(dimension, 1.0 / dimension);
  const auto entropy = [centre](double rate, MirrorRate kind) {
    return [=] { return OnlineMirrorDescent({.rate = kind, .learning_rate = rate}, centre, NegativeEntropy{}); };
  };
  const auto top = [](const Eigen::VectorXd& g) { return std::pow(g.lpNorm<Eigen::Infinity>(), 2); };
  use(of_experts("OnlineMirrorDescent, entropy",
                 [top](const auto&, const auto& gradients) {
                   double sum = std::log(4.0) / 0.1;
                   for (const Eigen::VectorXd& g : gradients) sum += 0.05 * top(g);
                   return sum;
                 }),
      entropy(0.1, MirrorRate::constant));
  GradientSubject anytime =
      of_experts("OnlineMirrorDescent, entropy, anytime", [top](const auto&, const auto& gradients) {
        double sum = 0, t = 0;
        for (const Eigen::VectorXd& g : gradients) sum += top(g) / std::sqrt(++t);
        return std::log(4.0) * std::sqrt(t) + sum / 2;
      });
  anytime.rates_fall = true;
  use(anytime, entropy(1, MirrorRate::anytime));
  use(in_ball(
          "OnlineMirrorDescent, Euclidean",
          [](const auto& u, const auto& gradients) { return u.squaredNorm() / 2 / 0.05 + 0.025 * squares(gradients); }),
      [zero] { return OnlineMirrorDescent({.learning_rate = 0.05}, zero, Euclidean{Ball{.radius = 1}}); });
  use(in_space("CoinBetting",
               [](const auto& u, const auto& gradients) {
                 const auto T = static_cast<double>(gradients.size());
                 return 1 + u.norm() * std::sqrt(T * std::log1p(24 * T * T * u.squaredNorm()));
               }),
      [zero] { return CoinBetting({}, zero); });
  // Nothing is proven of its regret; the other laws hold.
  use(in_space("Cocob", [](const auto&, const auto&) { return std::numeric_limits<double>::infinity(); }),
      [zero] { return Cocob({}, zero); });
}
