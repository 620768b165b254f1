// This is a research kernel and not a certified implementation of differential privacy: its noise is floating-point.
// DP-FTRL: private training that needs no random batches.
#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "clipped_sum.hpp"
#include "tree_noise.hpp"

namespace glissade {

/// Options of DpFtrl.
///
///     alpha          > 0 (1), one over the step size
///     momentum       in [0, 1) (0)
///     clip C         > 0 (1), the longest gradient of one person
///     noise          >= 0 (1), at each node of the tree, in clips
///     batch          > 0 (1), persons in a step, by which their sum is divided; not looked at, so it must be public
///     counter        (honaker)
///     restart_every  in [0, 2^40] (0), steps; 0: one tree
///     completion     (true), of each tree before the next
///     steps          in [1, 2^40] (1024), of one tree, where restart_every is 0
///     seed           (0), which must be secret
struct DpFtrlOptions {
  static constexpr std::string_view name = "DpFtrl";
  double alpha = 1;
  double momentum = 0;
  double clip = 1;
  double noise = 1;
  double batch = 1;
  TreeCounter counter = TreeCounter::honaker;
  std::int64_t restart_every = 0;
  bool completion = true;
  std::int64_t steps = 1024;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("alpha", self.alpha, range::positive);
    visit("momentum", self.momentum, range::decay);
    visit("clip", self.clip, range::positive);
    visit("noise", self.noise, range::non_negative);
    visit("batch", self.batch, range::positive);
    visit("counter", self.counter, range::up_to(TreeCounter::honaker));
    visit("restart_every", self.restart_every, Range{0, 0x1p40});
    visit("steps", self.steps, Range{1, 0x1p40});
  }
};

/// Differentially private gradient descent whose batches may come in any order, for streams and where persons cannot be
/// sampled. This is a research kernel and not a certified implementation of differential privacy: its noise is
/// floating-point.
///
///     DpFtrl learner({.alpha = 2, .clip = 1, .noise = 4, .batch = 64, .steps = 1000}, start);
///     for (...) learner.learn(person_gradients(learner.play()));   // one column per person
///
///     sum <- sum + clipped_sum(gradients) / batch
///     v <- momentum v + sum + the tree's noise of this prefix (TreeNoise, of noise C / batch at each node)
///     x = start - v / alpha
///
/// Every restart_every steps, before the next one, the tree is completed, its noise is added to `sum`, and a new tree
/// begins. With noise 0 it is stochastic gradient descent with the constant step 1 / alpha and heavy-ball momentum.
/// What it spends: rho = S / (2 noise^2) in zero-concentrated differential privacy, S by training_sensitivity_squared
/// or, tree by tree, tree_sensitivity_squared; for neighbours that differ in all gradients of one person being 0.
/// State, in files (io/method_state.hpp): start, play, sum, v, and that of TreeNoise.
/// Cost: that of clipped_sum and of TreeNoise; no allocation in `learn`.
/// Errors: std::invalid_argument for options out of range, a start that is not finite, gradients with another number
/// of rows, and a step beyond `steps` where nothing restarts; then nothing has been touched. Gradients that are not
/// finite count as 0.
/// Source: "Practical and Private (Deep) Learning without Sampling or Shuffling", 2021, arXiv 2103.00039, Algorithm 1
/// and Appendix D; the restart as in the authors' program.
class DpFtrl {
 public:
  static constexpr std::string_view name = DpFtrlOptions::name;

  DpFtrl(const DpFtrlOptions& options, const Eigen::VectorXd& start)
      : options_(checked(options)), start_(start), play_(start), tree_(tree_options(options), start.size()) {
    if (!start.allFinite()) throw std::invalid_argument("DpFtrl: the start is not finite");
    sum_.setZero(start.size());
    v_.setZero(start.size());
    batch_sum_.setZero(start.size());
  }

  [[nodiscard]] const Eigen::VectorXd& play() const { return play_; }
  [[nodiscard]] const TreeNoise& tree() const { return tree_; }

  /// Takes the gradients at play() of the persons of a step, one in each column.
  void learn(const Eigen::Ref<const Eigen::MatrixXd>& gradients) {
    require_shape(name, "gradients", gradients, play_.size(), gradients.cols());
    if (options_.restart_every > 0 && tree_.steps() == options_.restart_every) {
      if (options_.completion) tree_.complete();
      sum_ += tree_.prefix();
      tree_.restart();
    }
    tree_.advance();
    clipped_sum(gradients, options_.clip, batch_sum_);
    sum_ += batch_sum_ / options_.batch;
    v_ = options_.momentum * v_ + sum_ + tree_.prefix();
    play_ = start_ - v_ / options_.alpha;
  }

  static void visit(auto& self, auto&& field) {
    field("start", self.start_);
    field("play", self.play_);
    field("sum", self.sum_);
    field("v", self.v_);
    TreeNoise::visit(self.tree_, field);
  }

 private:
  static const DpFtrlOptions& checked(const DpFtrlOptions& options) {
    visit_options(options, CheckOption{name, 0});
    return options;
  }
  static TreeNoiseOptions tree_options(const DpFtrlOptions& options) {
    return {.noise = options.noise * options.clip / options.batch,
            .counter = options.counter,
            .steps = options.restart_every > 0 ? options.restart_every : options.steps,
            .seed = options.seed};
  }

  DpFtrlOptions options_;
  Eigen::VectorXd start_, play_, sum_, v_;
  TreeNoise tree_;
  Eigen::VectorXd batch_sum_;  // of one step
};

}  // namespace glissade
