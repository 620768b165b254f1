// Small whole numbers that are expensive to judge, such as ranks, found one at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../core/random.hpp"
#include "../rule/options.hpp"

namespace glissade {

/// Options of alternating_enumeration.
///
///     radius           >= 0 (0): values within so much of the present one are tried; 0: all
///     max_sweeps       >= 0 (100): of one call
///     max_evaluations  >= 0 (1 000 000): in all
///     seed             (0): of the start, where none is given
struct AlternatingEnumeration {
  static constexpr std::string_view name = "AlternatingEnumeration";
  std::int64_t radius = 0;
  std::int64_t max_sweeps = 100;
  std::int64_t max_evaluations = 1'000'000;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("radius", self.radius, range::non_negative);
    visit("max_sweeps", self.max_sweeps, range::non_negative);
    visit("max_evaluations", self.max_evaluations, range::non_negative);
    visit("seed", self.seed);
  }
};

/// Why a search ended.
enum class EnumerationEnd { settled, max_sweeps, max_evaluations, nowhere_finite };

/// A sentence about why a search ended.
constexpr std::string_view to_string(EnumerationEnd end) {
  switch (end) {
    case EnumerationEnd::settled:
      return "A whole sweep has changed nothing: no change of one number is better.";
    case EnumerationEnd::max_sweeps:
      return "The number of sweeps of this call reached max_sweeps.";
    case EnumerationEnd::max_evaluations:
      return "The evaluations reached max_evaluations.";
    case EnumerationEnd::nowhere_finite:
      return "The function was finite at none of the numbers of a whole sweep.";
  }
  return "Unknown end.";
}

/// The best numbers so far, and all that the search remembers: it goes on from here.
struct EnumeratedNumbers {
  static constexpr std::string_view name = "AlternatingEnumeration";
  using Numbers = std::vector<std::int64_t>;

  Numbers x;
  double value = std::numeric_limits<double>::infinity();
  std::map<Numbers, double> known;  // of all that were tried
  std::int64_t evaluations = 0;
  std::int64_t sweeps = 0;    // that were completed
  std::int64_t position = 0;  // in the sweep, from 0
  bool changed = false;       // in this sweep
  EnumerationEnd end = EnumerationEnd::max_sweeps;

  /// For files, without what is known: after a load such values are asked for again where they are needed.
  static void visit(auto& self, auto&& field) {
    constexpr std::int64_t most = std::int64_t{1} << 53;
    field("x", self.x, -most, most);
    field("value", self.value);
    field("evaluations", self.evaluations, 0, most);
    field("sweeps", self.sweeps, 0, most);
    field("position", self.position, 0, most);
    field("changed", self.changed);
  }
};

/// The function of a search. NaN counts as infinity.
using EnumeratedFunction = std::function<double(const std::vector<std::int64_t>&)>;

namespace detail {

/// One run of alternating_enumeration.
class EnumerationRun {
 public:
  using Numbers = EnumeratedNumbers::Numbers;

  EnumerationRun(const EnumeratedFunction& f, const Numbers& low, const Numbers& high, EnumeratedNumbers& found,
                 const AlternatingEnumeration& options)
      : f_(f), low_(low), high_(high), found_(found), options_(options) {
    visit_options(options, CheckOption{AlternatingEnumeration::name, 0});
    if (!f) throw std::invalid_argument("AlternatingEnumeration: the function is empty");
    if (low.empty()) throw std::invalid_argument("AlternatingEnumeration: there are no numbers to choose");
    const auto columns = [](const Numbers& v) { return static_cast<double>(v.size()); };
    for (const Numbers* other : {&high, &static_cast<const Numbers&>(found.x)})
      if (other->size() != low.size())
        reject(AlternatingEnumeration::name, other == &high ? "size of high" : "size of the start", columns(*other),
               "that of low, " + to_text(columns(low)));
    for (std::size_t i = 0; i < low.size(); ++i) {
      const std::string at = "[" + std::to_string(i) + "]";
      if (high[i] < low[i])
        reject(AlternatingEnumeration::name, "high" + at, static_cast<double>(high[i]),
               ">= low, " + std::to_string(low[i]));
      require(AlternatingEnumeration::name, "start" + at, static_cast<double>(found.x[i]),
              Range{static_cast<double>(low[i]), static_cast<double>(high[i])});
    }
  }

  void run() {
    const auto n = static_cast<std::int64_t>(low_.size());
    const std::int64_t length = n == 1 ? 1 : 2 * n - 2;  // 1, ..., n, n - 1, ..., 2: the next sweep begins with 1
    if (found_.evaluations == 0) {
      if (options_.max_evaluations == 0) return end(EnumerationEnd::max_evaluations);
      found_.value = value_at(found_.x);
    }
    for (std::int64_t sweep = 0; sweep < options_.max_sweeps; ++sweep) {
      for (; found_.position < length; ++found_.position) {
        const std::int64_t i = found_.position < n ? found_.position : 2 * n - 2 - found_.position;
        if (!improve(static_cast<std::size_t>(i))) return end(EnumerationEnd::max_evaluations);
      }
      const bool changed = found_.changed;
      found_.position = 0;
      found_.changed = false;
      ++found_.sweeps;
      if (!changed) return end(found_.value < infinite ? EnumerationEnd::settled : EnumerationEnd::nowhere_finite);
    }
    end(EnumerationEnd::max_sweeps);
  }

 private:
  static constexpr double infinite = std::numeric_limits<double>::infinity();

  void end(EnumerationEnd why) { found_.end = why; }

  double value_at(const Numbers& x) {
    const auto known = found_.known.find(x);
    if (known != found_.known.end()) return known->second;
    const double value = f_(x);
    ++found_.evaluations;
    return found_.known[x] = value == value ? value : infinite;
  }

  /// Tries the values of one number; false: there were no evaluations left.
  bool improve(std::size_t i) {
    const std::int64_t now = found_.x[i];
    const std::int64_t from =
        options_.radius == 0 ? low_[i] : std::max(low_[i], now - std::min(options_.radius, now - low_[i]));
    const std::int64_t to = options_.radius == 0 ? high_[i] : now + std::min(options_.radius, high_[i] - now);
    Numbers trial = found_.x, best = found_.x;
    double least = found_.value;
    for (trial[i] = from; trial[i] <= to; ++trial[i]) {
      if (trial[i] == now) continue;
      if (found_.evaluations >= options_.max_evaluations && found_.known.find(trial) == found_.known.end())
        return false;
      const double value = value_at(trial);
      if (value < least) {
        least = value;
        best = trial;
      }
    }
    found_.changed = found_.changed || best != found_.x;
    found_.value = least;
    found_.x = best;
    return true;
  }

  const EnumeratedFunction& f_;
  const Numbers& low_;
  const Numbers& high_;
  EnumeratedNumbers& found_;
  const AlternatingEnumeration& options_;
};

}  // namespace detail

/// Goes on with a search, with the same function and bounds.
inline void resume_alternating_enumeration(const EnumeratedFunction& f, const std::vector<std::int64_t>& low,
                                           const std::vector<std::int64_t>& high, EnumeratedNumbers& found,
                                           const AlternatingEnumeration& options = {}) {
  detail::EnumerationRun(f, low, high, found, options).run();
}

/// A few small whole numbers that make f small, where a value of f is the result of a whole training: ranks, group
/// sizes, numbers of units.
///
///     x in low .. high at random, or `start`
///     sweep i = 1, ..., N, ..., 2:  x_i <- the best of all its values (or those within `radius`), the others as they
///     are until a sweep changes nothing
///
///     auto found = alternating_enumeration(loss_of_ranks, {1, 1, 1}, {8, 8, 8});     // found.x, found.value
///
/// No x is asked for twice. Where f is a sum of functions of one number each, the first half of the first sweep finds
/// the best; else the result is an x that no change of one number improves. Among equal values x_i stays, or becomes
/// the lowest.
/// Ends: settled where a sweep has changed nothing, nowhere_finite, max_sweeps, max_evaluations. From the latter two
/// resume_alternating_enumeration goes on as if nothing had happened, also from a file (io/method_state.hpp), which has
/// no list of known values. What f throws leaves the best so far. Cost: at most 1 + sum of (high - low) evaluations per
/// half a sweep, and a list of all of them. Errors: std::invalid_argument for options out of range, vectors of
/// different sizes or empty, high below low, a start outside of them. Source: "Alternating Local Enumeration (TnALE):
/// Solving Tensor Network Structure Search with Fewer Evaluations", 2023, arXiv 2304.12875; its code
/// (ChaoLiAtRIKEN/TnALE). Deviation: without its initial phase on interpolated values.
[[nodiscard]] inline EnumeratedNumbers alternating_enumeration(const EnumeratedFunction& f,
                                                               const std::vector<std::int64_t>& low,
                                                               const std::vector<std::int64_t>& high,
                                                               const AlternatingEnumeration& options = {},
                                                               const std::vector<std::int64_t>& start = {}) {
  EnumeratedNumbers found;
  found.x = start;
  if (start.empty() && high.size() == low.size()) {
    const RandomKey key{options.seed};
    for (std::size_t i = 0; i < low.size(); ++i) {
      const double values = std::max(static_cast<double>(high[i]) - static_cast<double>(low[i]) + 1, 1.0);
      found.x.push_back(low[i] + static_cast<std::int64_t>(values * key.uniform(i)));
    }
  }
  detail::EnumerationRun(f, low, high, found, options).run();
  return found;
}

}  // namespace glissade
