// Training by workers that talk rarely.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../rules/adamw.hpp"
#include "../rules/sgd.hpp"
#include "gathering.hpp"

namespace glissade {

/// When what the workers have found is applied.
enum class DiLoCoMode {
  standard,  // as soon as it was gathered: all wait for it
  delayed,   // one round later, so that a message has a round's time
  eager      // the same, but each worker's own part is the fresh one
};

/// DiLoCo: every worker takes many steps of one rule alone, and now and then what all have found is a gradient for
/// another rule. Bytes fall by the number of inner steps, against workers that share every gradient.
///
///     inner_steps times:  g = gradient of worker m at x_m,  x_m <- inner(x_m, g)
///     D_m = z_m - x_m,    D = mean over workers
///     standard:           z_m <- outer(z_m, D)
///     delayed:            z_m <- outer(z_m, D of the round before)            in the first round nothing
///     eager:              z_m <- outer(z_m, D of the round before + (D_m - D_m of the round before) / workers)
///     x_m <- z_m + merge (x_m - z_m)                                          in the first round outer(z_m, D_m)
///
/// With `fragments` the variables are cut into as many parts of one size, each with rounds of its own, which are spread
/// evenly over the inner steps: a message is that much shorter. With sync_delay the mean is applied that many inner
/// steps after it was sent. One fragment, sync_delay 0 and merge 0 is DiLoCo as it was first.
///
///     Network network(DiLoCo<AdamW>{.inner = {.learning_rate = 0.01}, .inner_steps = 30}, complete_graph(4), start);
///     network.run(node_gradient, {.time = 300});       // 300 inner steps of each
///     Eigen::VectorXd solution = network.mean();
///
/// x of a node is x_m. The unit of time is an inner step. Any rule may be inside and outside; it sees the variables, or
/// a fragment of them, as one vector. One that reads the loss may be inside. The graph is not used.
/// In standard mode what is sent is x_m, so that a worker that was gone for some rounds comes back to the others;
/// else it is D_m, and such a worker keeps its distance.
///
/// Options: inner (AdamW), outer (Sgd, learning_rate 0.7, momentum 0.9, nesterov); inner_steps >= 1 (50), a multiple of
/// fragments; mode (standard); fragments >= 1 (1), at most the number of variables; sync_delay in [0, inner_steps /
/// fragments) (0), 0 but in standard mode; merge in [0, 1] (0): what a worker keeps of its own; seed (0), of rules that
/// draw random numbers.
/// State of a node: x, outer z, the memories of both rules, told (what was gathered and is not yet applied; only where
/// needed), share, rounds, pending.
/// Cost of a round of a fragment: 2 vectors of its size for each worker.
/// Errors: std::invalid_argument for options out of range.
/// Source: "DiLoCo: Distributed Low-Communication Training of Language Models", 2023, arXiv 2311.08105; fragments,
/// sync_delay and merge: "Streaming DiLoCo with overlapping communication", 2025, arXiv 2501.18512; delayed and eager:
/// "Eager Updates For Overlapped Communication and Computation in DiLoCo", 2025, arXiv 2502.12996, whose Algorithm 3
/// was out of reach: the formula above is derived from its description.
template <Rule Inner = AdamW, Rule Outer = Sgd>
struct DiLoCo {
  static constexpr std::string_view name = "DiLoCo";

  static Outer default_outer() {
    if constexpr (std::is_same_v<Outer, Sgd>)
      return Sgd{.learning_rate = 0.7, .momentum = 0.9, .nesterov = true};
    else
      return {};
  }

  Inner inner = {};
  Outer outer = default_outer();
  std::int64_t inner_steps = 50;
  DiLoCoMode mode = DiLoCoMode::standard;
  std::int64_t fragments = 1;
  std::int64_t sync_delay = 0;
  double merge = 0;
  std::int64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("inner", self.inner);
    visit("outer", self.outer);
    visit("inner_steps", self.inner_steps, range::at_least_one);
    visit("mode", self.mode, range::up_to(DiLoCoMode::eager));
    visit("fragments", self.fragments, range::at_least_one);
    visit("sync_delay", self.sync_delay, range::non_negative);
    visit("merge", self.merge, range::fraction);
    visit("seed", self.seed, range::finite);
  }
  void check() const {
    check_options(inner, 0);
    detail::check_outer_rule(name, "outer", outer);
    if (inner_steps % fragments != 0)
      reject(name, "inner_steps", static_cast<double>(inner_steps),
             "a multiple of fragments = " + std::to_string(fragments));
    if (sync_delay >= inner_steps / fragments)
      reject(name, "sync_delay", static_cast<double>(sync_delay),
             "below inner_steps / fragments = " + std::to_string(inner_steps / fragments));
    if (sync_delay != 0 && mode != DiLoCoMode::standard)
      reject(name, "sync_delay", static_cast<double>(sync_delay), "0 but in standard mode");
  }

  struct Node {
    Eigen::VectorXd x, outer;
    Eigen::VectorXd told;              // standard: the mean of x; delayed: D; eager: the part of D that others have
    Eigen::VectorXd share;             // of each fragment, eager: the part of D that is its own
    std::vector<std::int64_t> rounds;  // of each fragment, in which this node took part
    std::int64_t pending = -1;         // the fragment that was sent and is not yet applied
    RuleState<double> inner_memory;
    std::vector<RuleState<double>> outer_memories;

    static void visit(auto& self, auto&& field) {
      constexpr std::int64_t most = std::int64_t{1} << 53;
      field("x", self.x);
      field("outer", self.outer);
      field("told", self.told);
      field("share", self.share);
      field("rounds", self.rounds, std::int64_t{0}, most);
      field("pending", self.pending, std::int64_t{-1}, static_cast<std::int64_t>(self.rounds.size()) - 1);
      RuleState<double>::visit(self.inner_memory, detail::with_prefix("inner_rule/", field));
      for (std::size_t p = 0; p < self.outer_memories.size(); ++p)
        RuleState<double>::visit(self.outer_memories[p],
                                 detail::with_prefix("outer_rule" + std::to_string(p) + "/", field));
    }
  };
  struct Plan {
    std::vector<Eigen::Index> begins;  // of fragments, and the end of the last one
  };

  [[nodiscard]] Plan plan(const Topology&, Eigen::Index size) const {
    if (fragments > size && fragments > 1)
      reject(name, "fragments", static_cast<double>(fragments),
             "at most the number of variables, " + std::to_string(size));
    Plan plan;
    for (std::int64_t p = 0; p <= fragments; ++p) plan.begins.push_back(size * p / fragments);
    return plan;
  }
  [[nodiscard]] Node init(const Plan& plan, Eigen::Index, const Eigen::VectorXd& start) const {
    Node node;
    node.x = node.outer = start;
    if (sync_delay > 0 || mode != DiLoCoMode::standard) node.told.setZero(start.size());
    if (mode == DiLoCoMode::eager) node.share.setZero(fragments);
    node.rounds.assign(static_cast<std::size_t>(fragments), 0);
    node.inner_memory = detail::memory_of_part(inner, start.size(), start.data());
    for (std::size_t p = 0; p + 1 < plan.begins.size(); ++p)
      node.outer_memories.push_back(
          detail::memory_of_part(outer, plan.begins[p + 1] - plan.begins[p], start.data() + plan.begins[p]));
    return node;
  }
  [[nodiscard]] Event next(const Plan&, std::int64_t number, double) const {
    return {.time = static_cast<double>((number + 1) * (inner_steps / fragments)), .kind = EventKind::gather};
  }

  void local(const Plan& plan, Node& node, Eigen::Index i, const Event&, const NodeGradient& gradient) const {
    const std::uint64_t own = RandomKey{static_cast<std::uint64_t>(seed)}.derive(static_cast<std::uint64_t>(i)).value;
    Eigen::VectorXd g(node.x.size()), D;
    for (std::int64_t s = 1; s <= inner_steps / fragments; ++s) {
      const double value = gradient(i, 0, node.x, g);
      detail::step_part(inner, node.inner_memory, node.x.data(), g.data(), value, own);
      if (node.pending < 0 || s != sync_delay) continue;
      const auto part = segment(plan, node.pending);
      D = part(node.outer) - part(node.told);
      apply(plan, node, node.pending, D);
      node.pending = -1;
    }
  }
  void message(const Plan& plan, const Node& node, Eigen::Index, const Event& event, Eigen::VectorXd& out) const {
    const auto part = segment(plan, event.number % fragments);
    out = part(node.x);
    if (mode != DiLoCoMode::standard) out = part(node.outer) - out;
  }
  void receive(const Plan& plan, Node& node, Eigen::Index i, const Event& event, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    const std::int64_t fragment = event.number % fragments;
    const auto part = segment(plan, fragment);
    const bool first = node.rounds[static_cast<std::size_t>(fragment)]++ == 0;
    Eigen::VectorXd mean;
    const auto workers = static_cast<double>(detail::gathered_mean(i, sent, received, {}, mean));
    if (mode == DiLoCoMode::standard) {
      if (sync_delay > 0) {
        part(node.told) = mean;
        node.pending = fragment;
      } else {
        mean = part(node.outer) - mean;
        apply(plan, node, fragment, mean);
      }
    } else if (mode == DiLoCoMode::delayed) {
      const Eigen::VectorXd D = part(node.told);
      if (!first) apply(plan, node, fragment, D);
      part(node.told) = mean;
      if (first) take_over(plan, node, fragment);
    } else {
      double& share = node.share[fragment];
      const Eigen::VectorXd D = first ? sent : Eigen::VectorXd(part(node.told) + share * sent);
      apply(plan, node, fragment, D);
      share = 1 / workers;
      if (received.empty())
        part(node.told).setZero();
      else
        part(node.told) = mean - share * sent;
    }
  }

 private:
  static auto segment(const Plan& plan, std::int64_t fragment) {
    const Eigen::Index begin = plan.begins[static_cast<std::size_t>(fragment)];
    return [begin, size = plan.begins[static_cast<std::size_t>(fragment) + 1] - begin](auto& v) {
      return v.segment(begin, size);
    };
  }
  void apply(const Plan& plan, Node& node, std::int64_t fragment, const Eigen::VectorXd& D) const {
    const auto p = static_cast<std::size_t>(fragment);
    detail::step_part(outer, node.outer_memories[p], node.outer.data() + plan.begins[p], D.data(), 0,
                      static_cast<std::uint64_t>(seed));
    take_over(plan, node, fragment);
  }
  /// The worker goes on from the outer parameters, and what it keeps of its own.
  void take_over(const Plan& plan, Node& node, std::int64_t fragment) const {
    const auto part = segment(plan, fragment);
    if (merge == 0)
      part(node.x) = part(node.outer);
    else
      part(node.x) = part(node.outer) + merge * (part(node.x) - part(node.outer));
  }
};

}  // namespace glissade
