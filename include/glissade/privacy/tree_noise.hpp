// This is a research kernel and not a certified implementation of differential privacy: its noise is floating-point.
// Noise for all prefix sums of a stream: of each only so many terms as the number of steps has binary digits.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/random.hpp"
#include "../rule/options.hpp"
#include "gaussian_mechanism.hpp"

namespace glissade {

enum class TreeCounter {
  plain,   // the sum of the nodes that make up the prefix
  honaker  // each of these improved by all nodes below it
};

/// Options of TreeNoise.
///
///     noise    >= 0 (1), the standard deviation at each node
///     counter  (honaker)
///     steps    in [1, 2^40] (1024), that one tree may take
///     seed     (0), which must be secret
struct TreeNoiseOptions {
  static constexpr std::string_view name = "TreeNoise";
  double noise = 1;
  TreeCounter counter = TreeCounter::honaker;
  std::int64_t steps = 1024;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("noise", self.noise, range::non_negative);
    visit("counter", self.counter, range::up_to(TreeCounter::honaker));
    visit("steps", self.steps, Range{1, 0x1p40});
  }
};

/// Noise that makes every prefix sum of a stream of vectors private at once, by a binary tree over the steps. This is a
/// research kernel and not a certified implementation of differential privacy: its noise is floating-point.
///
///     TreeNoise tree({.noise = 4, .steps = 1000}, x.size());
///     for (...) {
///       sum += g;
///       tree.advance();
///       x = start - (sum + tree.prefix());
///     }
///
/// A node at level h stands for 2^h steps and has a noise z ~ N(0, noise^2 I) of its own. With the bits h of t set,
///
///     plain    prefix = sum_h z_h                       variance popcount(t)
///     honaker  prefix = sum_h a_h / (2 - 2^-h)          variance sum_h 1 / (2 - 2^-h), of noise^2
///              a = z + (a_left + a_right) / 2,  a = z at level 0
///
/// What it costs in privacy says tree_sensitivity_squared. A tree may be completed by steps of nothing up to a power of
/// two, after which one node is all of it, and begun anew.
/// State, in files: levels (size x levels), prefix (size), tree_step, tree. The noise of a node is a function of (seed,
/// tree, level, place): a run goes on bit for bit.
/// Cost: a step draws one vector (plain) or two in the mean (honaker), and adds up to log2 t; memory log2(steps) + 3
/// vectors.
/// Errors: std::invalid_argument for options out of range and for a step beyond `steps`.
/// Source: "Practical and Private (Deep) Learning without Sampling or Shuffling", 2021, arXiv 2103.00039, Appendix B;
/// the estimator from below of Honaker, "Efficient use of differentially private binary trees", 2015.
class TreeNoise {
 public:
  static constexpr std::string_view name = TreeNoiseOptions::name;

  TreeNoise(const TreeNoiseOptions& options, Eigen::Index size) : options_(options) {
    visit_options(options_, CheckOption{name, 0});
    require(name, "size", static_cast<double>(size), range::non_negative);
    levels_.setZero(
        size, static_cast<Eigen::Index>(std::bit_width(std::bit_ceil(static_cast<std::uint64_t>(options_.steps)))));
    prefix_.setZero(size);
    carry_.setZero(size);
    node_.setZero(size);
  }

  /// The noise of the sum of all steps of this tree so far.
  [[nodiscard]] const Eigen::VectorXd& prefix() const { return prefix_; }
  /// Steps of this tree, those of its completion included.
  [[nodiscard]] std::int64_t steps() const { return tree_step_; }
  /// Trees before this one.
  [[nodiscard]] std::int64_t trees() const { return tree_; }

  /// One step.
  void advance() {
    advance_with([this](int level, std::int64_t place, Eigen::VectorXd& out) { draw(level, place, out); });
  }
  /// The same with the user's noise of a node in place of N(0, noise^2): draw(level, place in the level, out).
  template <class Draw>
  void advance_with(Draw&& draw) {
    if (tree_step_ >= options_.steps) reject(name, "step", static_cast<double>(tree_step_ + 1), last_step());
    advance_one(draw);
  }

  /// Steps of nothing until their number is a power of two.
  void complete() {
    const auto draw_node = [this](int level, std::int64_t place, Eigen::VectorXd& out) { draw(level, place, out); };
    while (!std::has_single_bit(static_cast<std::uint64_t>(tree_step_)) && tree_step_ > 0) advance_one(draw_node);
  }
  /// A new tree, whose prefix is 0.
  void restart() {
    ++tree_;
    tree_step_ = 0;
    levels_.setZero();
    prefix_.setZero();
  }

  static void visit(auto& self, auto&& field) {
    field("levels", self.levels_);
    field("prefix", self.prefix_);
    field("tree_step", self.tree_step_, 0,
          static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(self.options_.steps))));
    field("tree", self.tree_, 0, std::int64_t{1} << 53);
  }

 private:
  [[nodiscard]] std::string last_step() const {
    return "<= steps, which is " + to_text(static_cast<double>(options_.steps));
  }
  void draw(int level, std::int64_t place, Eigen::VectorXd& out) const {
    const RandomKey key = RandomKey{options_.seed}
                              .derive(static_cast<std::uint64_t>(tree_))
                              .derive(static_cast<std::uint64_t>(level))
                              .derive(static_cast<std::uint64_t>(place));
    if (options_.noise == 0) {
      out.setZero();
      return;
    }
    for (Eigen::Index i = 0; i < out.size(); ++i) out[i] = options_.noise * key.normal(static_cast<std::uint64_t>(i));
  }

  template <class Draw>
  void advance_one(Draw& draw_node) {
    const std::int64_t t = tree_step_;
    const int level = std::countr_one(static_cast<std::uint64_t>(t));  // of the node that this step finishes
    const bool honaker = options_.counter == TreeCounter::honaker;
    for (int h = honaker ? 0 : level; h <= level; ++h) {
      draw_node(h, t >> h, node_);
      if (honaker && h > 0)
        carry_ = node_ + (levels_.col(h - 1) + carry_) / 2;
      else
        carry_ = node_;
    }
    levels_.col(level) = carry_;
    levels_.leftCols(level).setZero();
    ++tree_step_;
    prefix_.setZero();
    for (int h = level; h < static_cast<int>(levels_.cols()); ++h)
      if ((tree_step_ >> h) & 1) prefix_ += (honaker ? 1 / (2 - std::ldexp(1.0, -h)) : 1.0) * levels_.col(h);
  }

  TreeNoiseOptions options_;
  Eigen::MatrixXd levels_;
  Eigen::VectorXd prefix_;
  std::int64_t tree_step_ = 0;
  std::int64_t tree_ = 0;
  Eigen::VectorXd carry_, node_;  // of one step
};

/// The squared sensitivity of all nodes of one tree, in clips: what a person changes who takes part in the given steps
/// (from 0 on, in rising order) of a tree of so many steps.
///
///     sum over the nodes that lie within the steps, of (participations in the node)^2
///
/// `steps` counts the steps of a completion too. Errors: std::invalid_argument for a participation that is not one of
/// the steps or out of order.
[[nodiscard]] inline double tree_sensitivity_squared(std::span<const std::int64_t> participations, std::int64_t steps) {
  constexpr std::string_view name = "tree_sensitivity_squared";
  require(name, "steps", static_cast<double>(steps), Range{1, 0x1p40});
  std::int64_t last = -1;
  for (const std::int64_t p : participations) {
    require(name, "participation", static_cast<double>(p),
            Range{static_cast<double>(last + 1), static_cast<double>(steps - 1)});
    last = p;
  }
  double sum = 0;
  for (int h = 0; (std::int64_t{1} << h) <= steps; ++h)
    for (std::size_t i = 0, next = 0; i < participations.size(); i = next) {
      const std::int64_t place = participations[i] >> h;
      while (next < participations.size() && participations[next] >> h == place) ++next;
      const auto count = static_cast<double>(next - i);
      if ((place + 1) << h <= steps) sum += count * count;
    }
  return sum;
}

/// How often one person takes part in a training by tree noise: once in each pass, in the same place of every pass.
///
///     steps_per_pass  in [1, 2^40] (1)
///     steps           in [1, 2^40] (1), of the whole training
///     restart_every   in [0, 2^40] (0), steps; 0: one tree
///     completion      (true): every tree but the last is completed to a power of two before the next
struct TreePasses {
  static constexpr std::string_view name = "TreePasses";
  std::int64_t steps_per_pass = 1;
  std::int64_t steps = 1;
  std::int64_t restart_every = 0;
  bool completion = true;

  static void options(auto& self, auto&& visit) {
    visit("steps_per_pass", self.steps_per_pass, Range{1, 0x1p40});
    visit("steps", self.steps, Range{1, 0x1p40});
    visit("restart_every", self.restart_every, Range{0, 0x1p40});
  }
};

/// The squared sensitivity of a whole training, in clips, for the person whose place in the passes is the worst. It
/// assumes that the order of the persons is the same in every pass, and nothing on how it came about.
///
///     const double S = training_sensitivity_squared({.steps_per_pass = 100, .steps = 10'000, .restart_every = 2000});
///     const double epsilon = zcdp_epsilon_of_best_order(zcdp_of_gaussian(46.3, std::sqrt(S)), 1e-5);
///
/// Cost: about steps log2(steps). Errors: std::invalid_argument for what is out of range.
[[nodiscard]] inline double training_sensitivity_squared(const TreePasses& training) {
  visit_options(training, CheckOption{TreePasses::name, 0});
  const std::int64_t tree = training.restart_every > 0 ? training.restart_every : training.steps;
  double worst = 0;
  std::vector<std::int64_t> participations;
  for (std::int64_t first = 0; first < std::min(training.steps_per_pass, training.steps); ++first) {
    double sum = 0;
    for (std::int64_t begin = 0; begin < training.steps; begin += tree) {
      const std::int64_t end = std::min(begin + tree, training.steps);
      participations.clear();
      const std::int64_t passes = begin > first ? (begin - first - 1) / training.steps_per_pass + 1 : 0;
      for (std::int64_t p = first + passes * training.steps_per_pass; p < end; p += training.steps_per_pass)
        participations.push_back(p - begin);
      std::int64_t length = end - begin;
      if (training.completion && end < training.steps)
        length = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(length)));
      sum += tree_sensitivity_squared(participations, length);
    }
    worst = std::max(worst, sum);
  }
  return worst;
}

}  // namespace glissade
