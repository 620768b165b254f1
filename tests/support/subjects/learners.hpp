// The tables of learners: a new one adds one line to the table of the way in which it talks and is held to every law of
// tests/laws/learners.cpp.
#pragma once

#include "support/subjects/proximal_sums.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/online/ada_hedge.hpp>
#include <glissade/online/ader.hpp>
#include <glissade/online/cbce.hpp>
#include <glissade/online/cocob.hpp>
#include <glissade/online/coin_betting.hpp>
#include <glissade/online/gradient_descent.hpp>
#include <glissade/online/hedge.hpp>
#include <glissade/online/mirror_descent.hpp>
#include <glissade/sets/ball.hpp>
#include <glissade/sets/entropy.hpp>
#include <glissade/sets/simplex.hpp>

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
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

/// A learner whose type is forgotten, so that the laws are compiled once.
class AnyLearner {
 public:
  template <class L>
  explicit AnyLearner(L learner) : model_(std::make_unique<Model<L>>(std::move(learner))) {}
  AnyLearner(const AnyLearner& other) : model_(other.model_->clone()) {}
  AnyLearner& operator=(const AnyLearner&) = delete;

  [[nodiscard]] const Eigen::VectorXd& play() const { return model_->play(); }
  void learn(const Eigen::VectorXd& gradient) { model_->learn(gradient); }
  void save_to(const std::filesystem::path& path) const { model_->save_to(path); }
  void load_from(const std::filesystem::path& path) { model_->load_from(path); }

 private:
  struct Base {
    virtual ~Base() = default;
    [[nodiscard]] virtual std::unique_ptr<Base> clone() const = 0;
    [[nodiscard]] virtual const Eigen::VectorXd& play() const = 0;
    virtual void learn(const Eigen::VectorXd& gradient) = 0;
    virtual void save_to(const std::filesystem::path& path) const = 0;
    virtual void load_from(const std::filesystem::path& path) = 0;
  };
  template <class L>
  struct Model final : Base {
    explicit Model(L l) : learner(std::move(l)) {}
    [[nodiscard]] std::unique_ptr<Base> clone() const override { return std::make_unique<Model>(learner); }
    [[nodiscard]] const Eigen::VectorXd& play() const override { return learner.play(); }
    void learn(const Eigen::VectorXd& gradient) override { learner.learn(gradient); }
    void save_to(const std::filesystem::path& path) const override { glissade::save(learner, path); }
    void load_from(const std::filesystem::path& path) override { glissade::load(learner, path); }
    L learner;
  };
  std::unique_ptr<Base> model_;
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

inline GradientSubject falling(GradientSubject subject) {
  subject.rates_fall = true;
  return subject;
}

}  // namespace learner_tables

/// law(subject, make): make() is a new learner.
using LearnerLaw = std::function<void(const GradientSubject& subject, const std::function<AnyLearner()>& make)>;
inline void for_each_gradient_learner(const LearnerLaw& law) {
  const auto use = [&](const GradientSubject& subject, const auto& make) {
    law(subject, [&] { return AnyLearner(make()); });
  };
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

  use(in_ball("Ader, 1500 rounds",
              [](const auto&, const auto&) {
                return 0.75 * std::sqrt(2 * 1500 * 7 * 4) + 2 * std::sqrt(750) * (1 + 2 * std::log(2));
              }),
      [zero] { return Ader({.horizon = 1500, .diameter = 2}, zero, Ball{.radius = 1}); });

  // Learners of weights. The losses of the laws end after 1500 rounds.
  const double logarithm = std::log(static_cast<double>(dimension));
  use(of_experts("Hedge, 1500 rounds", [=](const auto&, const auto&) { return std::sqrt(1500 * logarithm / 2); }),
      [] { return Hedge({.horizon = 1500}, dimension); });
  use(falling(of_experts("Hedge, any time",
                         [=](const auto&, const auto& gradients) {
                           return std::sqrt(static_cast<double>(gradients.size()) * logarithm);
                         })),
      [] { return Hedge({}, dimension); });
  use(falling(of_experts("Hedge, fixed share",
                         [=](const auto&, const auto& gradients) {
                           const auto t = static_cast<double>(gradients.size());
                           return (logarithm - (t - 1) * std::log(1 - 0.01 * 0.75)) / 0.1 + 0.1 * t / 8;
                         })),
      [] { return Hedge({.learning_rate = 0.1, .share = 0.01}, dimension); });
  use(of_experts("AdaHedge",
                 [=](const auto&, const auto& gradients) {
                   const auto t = static_cast<double>(gradients.size());
                   return std::sqrt(t * logarithm) + 4 * logarithm / 3 + 2;
                 }),
      [] { return AdaHedge({}, dimension); });
  use(falling(of_experts("Cbce",
                         [=](const auto&, const auto& gradients) {
                           double sum = 0;  // of the first interval of each length
                           const auto t = static_cast<double>(gradients.size());
                           for (double length = 1; length <= t; length *= 2)
                             sum +=
                                 std::sqrt(length * (7 * std::log(2 * length) + 5)) + std::sqrt(length * logarithm / 2);
                           return sum;
                         })),
      [] { return Cbce({}, dimension); });
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
