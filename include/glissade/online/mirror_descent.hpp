// Online mirror descent, in the geometry of any mirror map.
#pragma once

#include <cmath>
#include <utility>

#include "../sets/mirror_map.hpp"
#include "learner.hpp"

namespace glissade {

enum class MirrorRate {
  constant,  // learning_rate
  anytime    // learning_rate / sqrt t, for who does not know the number of rounds
};

/// Options of OnlineMirrorDescent.
///
///     rate           (constant)
///     learning_rate  > 0 (0.1)
struct OnlineMirrorDescentOptions {
  static constexpr std::string_view name = "OnlineMirrorDescent";

  MirrorRate rate = MirrorRate::constant;
  double learning_rate = 0.1;

  static void options(auto& self, auto&& visit) {
    visit("rate", self.rate, range::up_to(MirrorRate::anytime));
    visit("learning_rate", self.learning_rate, range::positive);
  }
};

/// Gradient descent in the geometry that fits the set: with entropy on a simplex a step multiplies weights, and
/// regret grows with the logarithm of the dimension alone.
///
///     constant   y <- y - eta g,  x = mirror(y)
///     anytime    x = mirror(grad psi(start) - eta / sqrt t (sum of all g))
///
///     OnlineMirrorDescent learner({.learning_rate = 0.5}, Eigen::VectorXd::Constant(4, 0.25), NegativeEntropy{});
///     for (...) learner.learn(losses);
///
/// anytime is dual averaging: mirror descent proper, with a rate that falls, may lose linearly where the divergence of
/// the map has no bound, as with entropy.
/// Regret against u, for a psi that is 1-strongly convex in a norm with the dual norm |.|*, D its divergence:
///     constant   D(u; start) / eta + eta / 2 sum |g|*^2
///     anytime    D(u; start) sqrt(T) / eta + eta / 2 sum |g_t|*^2 / sqrt t
/// Of Euclidean that is the Euclidean norm; of NegativeEntropy |g|* is the largest coefficient in magnitude, and D(u;
/// start) is at most log d from the centre.
/// Options: those above, and the map, of sets/ (Euclidean{}, without a set).
/// State, in files: play, dual (y, or grad psi(start)), sum (of anytime), rounds.
/// Cost: 2 d flops and one mirror step per round.
/// Errors: std::invalid_argument for options out of range, a start that is not in the set of the map, and a gradient
/// that is not finite or of another size; then nothing has been touched.
/// Source: "Mirror descent and nonlinear projected subgradient methods for convex optimization", 2003; anytime:
/// "Primal- dual subgradient methods for convex problems", 2009; that mirror descent proper may fail: "Scale-free
/// online learning", 2018, arXiv 1601.01974.
template <class Map = Euclidean<>>
class OnlineMirrorDescent {
 public:
  static constexpr std::string_view name = OnlineMirrorDescentOptions::name;

  OnlineMirrorDescent(const OnlineMirrorDescentOptions& options, const Eigen::VectorXd& start, Map map = {})
      : options_(options), map_(std::move(map)), play_(start), dual_(start) {
    check_learner(options_);
    check_set(map_);
    require_vector(name, "start", start, start.size());
    map_.gradient(start, dual_);
    map_.mirror(dual_, play_);
    for (Index i = 0; i < start.size(); ++i)
      if (!(std::abs(play_[i] - start[i]) <= 1e-9 * std::max(1.0, std::abs(start[i]))))
        reject(name, "start[" + std::to_string(i) + "]", start[i], to_text(play_[i]) + " to be in the set of the map");
    if (options_.rate == MirrorRate::anytime) sum_ = Eigen::VectorXd::Zero(start.size());
  }

  [[nodiscard]] const Eigen::VectorXd& play() const { return play_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  /// Takes the gradient of the round's loss at play().
  void learn(const Eigen::Ref<const Eigen::VectorXd>& gradient) {
    require_vector(name, "gradient", gradient, play_.size());
    ++rounds_;
    if (options_.rate == MirrorRate::anytime) {
      sum_ += gradient;
      Eigen::VectorXd dual = dual_ - options_.learning_rate / std::sqrt(static_cast<double>(rounds_ + 1)) * sum_;
      map_.mirror(dual, play_);
    } else if (!gradient.isZero(0)) {
      dual_ -= options_.learning_rate * gradient;
      map_.mirror(dual_, play_);
    }
  }

  static void visit(auto& self, auto&& field) {
    field("play", self.play_);
    field("dual", self.dual_);
    field("sum", self.sum_);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  OnlineMirrorDescentOptions options_;
  Map map_;
  Eigen::VectorXd play_, dual_, sum_;
  std::int64_t rounds_ = 0;
};

}  // namespace glissade
