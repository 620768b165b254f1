// Averages by talking to neighbors, with momentum, on graphs that may change.
#pragma once

#include <cmath>

#include "consensus_bounds.hpp"

namespace glissade {

/// Gossip with Nesterov's momentum: about sqrt(chi) rounds in place of chi, chi = largest / smallest, on a graph that
/// stays and on graphs that change seldom or little; on graphs that change at will it may not converge at all, where
/// Gossip does.
///
///     x+ = y - L y / largest,   y = x+ + (1 - s) / (1 + s) (x+ - x),   s = 1 / sqrt(chi)
///
/// With E = x'L x / 2 + smallest / 2 |x + (x+ - x) / s - mean|^2, a round of one graph takes E to (1 - s) E or less,
/// and a change of graphs raises it by at most the largest generalized eigenvalue of the new Laplacian and the old one.
/// So graphs that change after 2 sqrt(chi) ln(that) rounds or later keep half of the rate. The mean stays what it is.
///
/// Options: largest, smallest >= 0 (0: those of the graphs): bounds for all graphs, of the eigenvalues of L other than
/// 0; restart_every >= 0: after so many rounds y = x (0: never). State: x, y.
/// Cost of a round: a vector over every edge in both directions.
/// Errors: std::invalid_argument for a graph that is not connected, and bounds that do not hold for all or are crossed.
/// Source: "Is Consensus Acceleration Possible in Decentralized Optimization over Slowly Time-Varying Networks?", 2023,
/// arXiv 2301.11817, of which the abstract was at hand; the two classes of changes were derived anew, and are tested.
struct NesterovGossip {
  static constexpr std::string_view name = "NesterovGossip";

  double largest = 0, smallest = 0;
  std::int64_t restart_every = 0;

  static void options(auto& self, auto&& visit) {
    visit("largest", self.largest, range::non_negative);
    visit("smallest", self.smallest, range::non_negative);
    visit("restart_every", self.restart_every, range::non_negative);
  }

  struct Node {
    Eigen::VectorXd x, y;

    static void visit(auto& self, auto&& field) {
      field("x", self.x);
      field("y", self.y);
    }
  };
  struct Plan {
    double step = 0, momentum = 0;
  };

  template <class Matrix = Eigen::MatrixXd>
  [[nodiscard]] Plan plan(const Topology& topology, Eigen::Index) const {
    const ConsensusBounds bounds = consensus_bounds<Matrix>(name, topology, largest, smallest);
    if (bounds.largest == 0) return {};
    const double s = std::sqrt(bounds.smallest / bounds.largest);
    return {1 / bounds.largest, (1 - s) / (1 + s)};
  }
  [[nodiscard]] Node init(const Plan&, Eigen::Index, const Eigen::VectorXd& start) const { return {start, start}; }
  [[nodiscard]] Event next(const Plan&, std::int64_t number, double) const {
    return {.time = static_cast<double>(number + 1), .kind = EventKind::round, .round = number};
  }
  void local(const Plan&, Node& node, Eigen::Index, const Event& event, const NodeGradient&) const {
    if (restart_every > 0 && event.round % restart_every == 0) node.y = node.x;
  }
  void message(const Plan&, const Node& node, Eigen::Index, const Event&, Eigen::VectorXd& out) const { out = node.y; }
  void receive(const Plan& plan, Node& node, Eigen::Index, const Event&, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    Eigen::VectorXd next = sent;
    for (const Message& message : received) next += plan.step * (message.values() - sent);
    node.y = next + plan.momentum * (next - node.x);
    node.x = next;
  }
};

}  // namespace glissade
