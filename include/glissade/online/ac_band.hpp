// AC-Band: races of settings until one of the best is found.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "learner.hpp"

namespace glissade {

/// Options of AcBand.
///
///     alpha        in (0, 1) (0.05): what is to be found is one of this part of all settings, the best
///     delta        in (0, 1) (0.05): the chance that none of them is among those that race
///     group k      >= 2 (8): how many race at once
///     instances b  >= 1 (10): problems per race
struct AcBandOptions {
  static constexpr std::string_view name = "AcBand";

  double alpha = 0.05;
  double delta = 0.05;
  std::int64_t group = 8;
  std::int64_t instances = 10;

  static void options(auto& self, auto&& visit) {
    visit("alpha", self.alpha, range::open_fraction);
    visit("delta", self.delta, range::open_fraction);
    visit("group", self.group, Range{2, 1e6});
    visit("instances", self.instances, Range{1, static_cast<double>(most_rounds)});
  }
  void check() const {
    if (!(std::log(delta) / std::log1p(-alpha) < 1e7))
      reject(name, "alpha", alpha, "such that ln delta / ln(1 - alpha) < 1e7");
  }
  /// N = ceil(ln delta / ln(1 - alpha)) settings drawn at random hold one of the best with a chance of 1 - delta.
  [[nodiscard]] std::int64_t settings() const {
    return static_cast<std::int64_t>(std::ceil(std::log(delta) / std::log1p(-alpha)));
  }
};

/// Finds a good setting of a program, from a space of which one can only draw: races of k settings on problems, where
/// all that counts is who is the first to finish. The others are stopped then.
///
///     epoch e = 1, ..., ceil(log2(N + 1)):  the best so far and ceil((N + 1) / 2^e) new settings
///       while k or more are left: groups of k race on b problems each, floor(k e / (e + k - 1)) with most wins stay;
///                                 what is left over stays too
///       the last x < k race together, and max(1, floor(x e / (e + k - 1))) stay, until one is left
///
/// Settings are numbers: 0 is the one in use, others are to be drawn when they first appear.
///
///     AcBand band({.group = 3});
///     while (!band.done()) {
///       const auto racers = band.racers();  // of these settings, on a problem not used before
///       band.learn(0);                      // the first of them was the fastest
///     }
///
/// best() is the setting that has won so far. Early epochs have many settings and short races, later ones few and long.
/// State, in files: settings (those of the epoch), wins, left, first, kept, race, races, epoch, drawn, best. Nothing is
/// drawn here.
/// Cost: k log k per race.
/// Errors: std::invalid_argument for options out of range and a winner that is not one of the racers; then nothing has
/// been touched.
/// Source: "AC-Band: A Combinatorial Bandit-Based Approach to Algorithm Configuration", 2022, arXiv 2212.00333,
/// algorithms 1 and 2. There b follows from a total number of problems; here it is an option.
class AcBand {
 public:
  static constexpr std::string_view name = AcBandOptions::name;

  explicit AcBand(const AcBandOptions& options) : options_(options) {
    check_learner(options_);
    settings_.resize(static_cast<std::size_t>(fresh(1)) + 1);
    wins_.resize(static_cast<std::size_t>(options_.group));
    begin_epoch();
  }

  [[nodiscard]] bool done() const { return fresh(epoch_) == 0; }
  /// The settings that race on the next problem; none when all is done.
  [[nodiscard]] std::vector<std::int64_t> racers() const {
    const auto begin = settings_.begin() + first_;
    return {begin, begin + (done() ? 0 : size())};
  }
  /// The winner of the last epoch.
  [[nodiscard]] std::int64_t best() const { return best_; }
  [[nodiscard]] std::int64_t races() const { return races_; }
  /// From 1; one more than there are when all is done.
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }
  /// How many settings have appeared, that in use among them: their numbers are below.
  [[nodiscard]] std::int64_t drawn() const { return drawn_; }

  /// Takes the place in racers() of the one that was the first to finish.
  void learn(Index winner) {
    if (done()) reject(name, "winner", static_cast<double>(winner), "left out: all races are done");
    require(name, "winner", static_cast<double>(winner), Range{0, static_cast<double>(size() - 1)});
    ++races_;
    ++wins_[static_cast<std::size_t>(winner)];
    if (++race_ < options_.instances) return;
    race_ = 0;
    end_group();
    if (left_ - first_ < options_.group) end_round();
  }

  static void visit(auto& self, auto&& field) {
    const auto most = static_cast<std::int64_t>(self.settings_.size());
    field("settings", self.settings_, 0, most_rounds);
    field("wins", self.wins_, 0, most_rounds);
    field("left", self.left_, 1, most);
    field("first", self.first_, 0, most);
    field("kept", self.kept_, 0, most);
    field("race", self.race_, 0, self.options_.instances - 1);
    field("races", self.races_, 0, most_rounds);
    field("epoch", self.epoch_, 1, most_rounds);
    field("drawn", self.drawn_, 1, most_rounds);
    field("best", self.best_, 0, most_rounds);
  }

 private:
  /// How many new settings an epoch has; 0 after the last.
  [[nodiscard]] std::int64_t fresh(std::int64_t epoch) const {
    const std::int64_t all = options_.settings() + 1;
    if (epoch > 62 || (epoch > 1 && (std::int64_t{1} << (epoch - 1)) >= all)) return 0;
    const std::int64_t parts = std::int64_t{1} << epoch;
    return (all + parts - 1) / parts;
  }
  [[nodiscard]] std::int64_t size() const { return std::min(options_.group, left_ - first_); }

  void begin_epoch() {
    settings_[0] = best_;
    const std::int64_t more = fresh(epoch_);
    std::iota(settings_.begin() + 1, settings_.begin() + 1 + more, drawn_);
    drawn_ += more;
    left_ = more + 1;
    first_ = kept_ = 0;
  }
  /// Those with most wins go to the front, in their old order.
  void end_group() {
    const std::int64_t n = size();
    const std::int64_t keep = std::max<std::int64_t>(1, n * epoch_ / (epoch_ + options_.group - 1));
    std::vector<std::size_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) { return wins_[a] > wins_[b]; });
    std::sort(order.begin(), order.begin() + keep);
    for (std::int64_t i = 0; i < keep; ++i)
      settings_[static_cast<std::size_t>(kept_ + i)] =
          settings_[static_cast<std::size_t>(first_) + order[static_cast<std::size_t>(i)]];
    std::fill(wins_.begin(), wins_.end(), 0);
    kept_ += keep;
    first_ += n;
  }
  void end_round() {
    std::copy(settings_.begin() + first_, settings_.begin() + left_, settings_.begin() + kept_);
    left_ = kept_ + left_ - first_;
    first_ = kept_ = 0;
    if (left_ > 1) return;
    best_ = settings_[0];
    ++epoch_;
    begin_epoch();
  }

  AcBandOptions options_;
  std::vector<std::int64_t> settings_, wins_;
  std::int64_t left_ = 0, first_ = 0, kept_ = 0, race_ = 0, races_ = 0, epoch_ = 1, drawn_ = 1, best_ = 0;
};

}  // namespace glissade
