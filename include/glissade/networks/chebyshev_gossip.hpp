// Averages by talking to neighbors, as fast as a fixed graph allows.
#pragma once

#include <utility>

#include "consensus_bounds.hpp"

namespace glissade {

/// Chebyshev's gossip: after K rounds of a graph that stays, x is the best polynomial of degree K of its Laplacian can
/// make of the starts, whatever they are.
///
///     chi = largest / smallest,  c2 = (1 + 1/chi) / (1 - 1/chi),  c3 = 2 / ((1 + 1/chi) largest)
///     u_1 = c2 (u_0 - c3 L u_0),   u_(k+1) = 2 c2 (u_k - c3 L u_k) - u_(k-1);   a_k the same of numbers, L = 0
///     x_k = u_k / a_k
///
///     |x_K - mean| <= 2 b^K / (1 + b^(2 K)) |x_0 - mean|,   b = (sqrt(chi) - 1) / (sqrt(chi) + 1)
///
/// The mean stays what it is. For a graph that changes there is NesterovGossip.
///
/// Options: largest, smallest >= 0 (0: those of the graph): bounds of the eigenvalues of L other than 0. State: u_k,
/// u_(k-1), a_k, a_(k-1), round; scaled down where a_k exceeds 1e100.
/// Cost of a round: a vector over every edge in both directions.
/// Errors: std::invalid_argument for a graph that is not connected, a topology of several graphs, and bounds that do
/// not hold for the graph or are crossed. Source: Chebyshev's iteration as in "Is Consensus Acceleration Possible in
/// Decentralized Optimization over Slowly Time-Varying Networks?", 2023, arXiv 2301.11817.
struct ChebyshevGossip {
  static constexpr std::string_view name = "ChebyshevGossip";

  double largest = 0, smallest = 0;

  static void options(auto& self, auto&& visit) {
    visit("largest", self.largest, range::non_negative);
    visit("smallest", self.smallest, range::non_negative);
  }

  struct Node {
    Eigen::VectorXd x, u, before;
    double a = 1, a_before = 0;
    std::int64_t round = 0;

    static void visit(auto& self, auto&& field) {
      field("x", self.x);
      field("u", self.u);
      field("before", self.before);
      field("a", self.a);
      field("a_before", self.a_before);
      field("round", self.round, std::int64_t{0}, std::int64_t{1} << 53);
    }
  };
  struct Plan {
    double c2 = 1, c3 = 0;
  };

  template <class Matrix = Eigen::MatrixXd>
  [[nodiscard]] Plan plan(const Topology& topology, Eigen::Index) const {
    if (topology.graphs().size() > 1)
      throw std::invalid_argument(std::string(name) +
                                  ": the graph must stay the same; for one that changes there is "
                                  "NesterovGossip");
    const ConsensusBounds bounds = consensus_bounds<Matrix>(name, topology, largest, smallest);
    if (bounds.largest == 0) return {};
    // One eigenvalue alone: a single round makes the mean, and c2 would be infinite.
    const double inverse = bounds.smallest / bounds.largest;
    if (inverse > 1 - 1e-12) return {0, 1 / bounds.largest};
    return {(1 + inverse) / (1 - inverse), 2 / ((1 + inverse) * bounds.largest)};
  }
  [[nodiscard]] Node init(const Plan&, Eigen::Index, const Eigen::VectorXd& start) const {
    return {start, start, Eigen::VectorXd::Zero(start.size())};
  }
  [[nodiscard]] Event next(const Plan&, std::int64_t number, double) const {
    return {.time = static_cast<double>(number + 1), .kind = EventKind::round, .round = number};
  }
  void local(const Plan&, Node&, Eigen::Index, const Event&, const NodeGradient&) const {}
  void message(const Plan&, const Node& node, Eigen::Index, const Event&, Eigen::VectorXd& out) const { out = node.u; }
  void receive(const Plan& plan, Node& node, Eigen::Index, const Event&, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    Eigen::VectorXd moved = sent;  // u - c3 L u
    for (const Message& message : received) moved += plan.c3 * (message.values() - sent);
    if (plan.c2 == 0) {
      node.u = node.x = moved;
    } else {
      const double factor = node.round == 0 ? plan.c2 : 2 * plan.c2;
      const Eigen::VectorXd next = factor * moved - node.before;
      const double a = factor * node.a - node.a_before;
      node.before = node.u;
      node.u = next;
      node.a_before = std::exchange(node.a, a);
      node.x = node.u / node.a;
      if (node.a > 1e100) {
        for (Eigen::VectorXd* v : {&node.u, &node.before}) *v /= a;
        for (double* v : {&node.a, &node.a_before}) *v /= a;
      }
    }
    ++node.round;
  }
};

}  // namespace glissade
