// Averages by talking to neighbors.
#pragma once

#include <utility>

#include "consensus_bounds.hpp"

namespace glissade {

/// laplacian: every edge has the same weight, `step`, or 1 / largest eigenvalue of all graphs' Laplacians where it is
/// 0. metropolis: 1 / (1 + max(degree_i, degree_j)); no spectrum is needed, so memory and time are linear in the edges.
enum class GossipWeights { laplacian, metropolis };

/// Gossip: every node moves towards its neighbors, until all have the mean of the starts, which no round changes.
///
///     x_i <- x_i + sum over neighbors j of  w_ij (x_j - x_i)        all at once, round by round
///
/// The error falls by 1 - smallest / largest eigenvalue a round (weights of the Laplacian), for graphs that change
/// too. Late messages, and dropped nodes, leave the sum over the nodes that take part as it is; where messages are late
/// by d rounds, steps above about 1 / (d largest eigenvalue) diverge.
///
/// Options: weights (laplacian); step >= 0 (0: see GossipWeights), below 2 / largest eigenvalue. State: x.
/// Cost of a round: a vector over every edge in both directions.
/// Errors: std::invalid_argument for a graph that is not connected (of a topology, each; metropolis takes any).
/// Source: Boyd, Ghosh, Prabhakar and Shah, Randomized gossip algorithms, 2006; Xiao and Boyd, Fast linear iterations
/// for distributed averaging, 2004.
struct Gossip {
  static constexpr std::string_view name = "Gossip";
  static constexpr bool late_messages = true;

  GossipWeights weights = GossipWeights::laplacian;
  double step = 0;

  static void options(auto& self, auto&& visit) {
    visit("weights", self.weights, range::up_to(GossipWeights::metropolis));
    visit("step", self.step, range::non_negative);
  }

  struct Node {
    Eigen::VectorXd x;
    static void visit(auto& self, auto&& field) { field("x", self.x); }
  };
  struct Plan {
    Topology topology;
    double step = 0;
  };

  template <class Matrix = Eigen::MatrixXd>
  [[nodiscard]] Plan plan(const Topology& topology, Eigen::Index) const {
    double used = step;
    if (weights == GossipWeights::laplacian) {
      const double largest = consensus_bounds<Matrix>(name, topology).largest;
      if (used == 0 && largest > 0) used = 1 / largest;
      if (!(used * largest < 2))
        reject(name, "step", step, "below " + to_text(2 / largest) + ", 2 / the largest eigenvalue of the Laplacian");
    }
    return {topology, used};
  }
  [[nodiscard]] Node init(const Plan&, Eigen::Index, const Eigen::VectorXd& start) const { return {start}; }
  [[nodiscard]] Event next(const Plan&, std::int64_t number, double) const {
    return {.time = static_cast<double>(number + 1), .kind = EventKind::round, .round = number};
  }
  void local(const Plan&, Node&, Eigen::Index, const Event&, const NodeGradient&) const {}
  void message(const Plan&, const Node& node, Eigen::Index, const Event&, Eigen::VectorXd& out) const { out = node.x; }
  void receive(const Plan& plan, Node& node, Eigen::Index i, const Event& event, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    const Graph& graph = plan.topology.at(event.round);
    for (const Message& message : received) {
      const double w = weights == GossipWeights::laplacian ? plan.step : metropolis_weight(graph, i, message.from());
      node.x += w * (message.values() - sent);
    }
  }
};

}  // namespace glissade
