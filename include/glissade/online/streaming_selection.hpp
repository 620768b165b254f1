// Explore, then commit, in one pass over arms with memory for one of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "learner.hpp"

namespace glissade {

/// Options of StreamingSelection.
///
///     horizon T    >= 1, to be given: the number of rounds
///     pulls N      >= 0 (0), of each arm; 0 is ceil((T / K)^(2/3))
struct StreamingSelectionOptions {
  static constexpr std::string_view name = "StreamingSelection";

  std::int64_t horizon = 0;
  std::int64_t pulls = 0;

  static void options(auto& self, auto&& visit) {
    visit("horizon", self.horizon, Range{1, static_cast<double>(most_rounds)});
    visit("pulls", self.pulls, Range{0, static_cast<double>(most_rounds)});
  }
};

/// Which of K arms to pull where arms come one after another and cannot be kept: candidates, offers, settings that are
/// made and thrown away.
///
///     each arm that comes is pulled N times; if its mean loss is less than that of the champion, it is the champion
///     after K arms: the champion, in all rounds that are left
///
///     StreamingSelection learner({.horizon = 10'000}, losses.size());
///     for (...) {
///       const Index arm = learner.play();
///       learner.learn(losses[arm]);
///     }
///
/// play() grows from 0 to K - 1; an arm whose number is neither play() nor champion() is not needed again. Mean regret
/// against every arm, for losses in [0, 1] that are drawn around a mean of each arm: at most N K + 2 T sqrt(ln(2 K) /
/// (2 N)), of order K^(1/3) T^(2/3) sqrt(ln K), in one pass as good as can be up to the logarithm. Losses that follow a
/// plan can deceive it: see Exp3 and TsallisInf.
/// State, in files: arm, champion, least, sum, pulled, rounds. Nothing is drawn here.
/// Cost: nothing to speak of.
/// Errors: std::invalid_argument for options out of range, no arm, and a loss outside of [0, 1]; then nothing has been
/// touched.
/// Source: "Tight Regret Bounds for Single-pass Streaming Multi-armed Bandits", 2023, arXiv 2306.02208: the uniform
/// exploration that it starts from, with N instead of one of order (T / K)^(2/3) (ln T)^(1/3). The bound is derived
/// here.
class StreamingSelection {
 public:
  static constexpr std::string_view name = StreamingSelectionOptions::name;

  StreamingSelection(const StreamingSelectionOptions& options, Index arms) : arms_(arms), pulls_(options.pulls) {
    check_learner(options);
    require(name, "arms", static_cast<double>(arms), Range{.low = 1});
    const double rounds_per_arm = static_cast<double>(options.horizon) / static_cast<double>(arms);
    if (pulls_ == 0) pulls_ = static_cast<std::int64_t>(std::ceil(std::pow(rounds_per_arm, 2.0 / 3)));
  }

  [[nodiscard]] Index play() const { return static_cast<Index>(committed() ? champion_ : arm_); }
  /// The best arm so far; the first one before it is done.
  [[nodiscard]] Index champion() const { return static_cast<Index>(champion_); }
  [[nodiscard]] bool committed() const { return arm_ == arms_; }
  /// How often each arm is pulled.
  [[nodiscard]] std::int64_t pulls() const { return pulls_; }
  [[nodiscard]] std::int64_t rounds() const { return rounds_; }

  /// Takes the loss of the arm that was played.
  void learn(double loss) {
    require(name, "loss", loss, range::fraction);
    ++rounds_;
    if (committed()) return;
    sum_ += loss;
    if (++pulled_ < pulls_) return;
    if (sum_ < least_) {
      least_ = sum_;
      champion_ = arm_;
    }
    ++arm_;
    sum_ = 0;
    pulled_ = 0;
  }

  static void visit(auto& self, auto&& field) {
    field("arm", self.arm_, 0, self.arms_);
    field("champion", self.champion_, 0, self.arms_ - 1);
    field("least", self.least_);
    field("sum", self.sum_);
    field("pulled", self.pulled_, 0, self.pulls_ - 1);
    field("rounds", self.rounds_, 0, most_rounds);
  }

 private:
  std::int64_t arms_;
  std::int64_t pulls_;
  std::int64_t arm_ = 0, champion_ = 0, pulled_ = 0, rounds_ = 0;
  double least_ = std::numeric_limits<double>::infinity(), sum_ = 0;
};

}  // namespace glissade
