// Gradient steps between rounds of gossip.
#pragma once

#include "node_method.hpp"

namespace glissade {

namespace detail {

/// v_i + sum_j w_ij (v_j - v_i) with the weights of Metropolis: a row of W v.
inline void mix(const Graph& graph, Eigen::Index i, const Eigen::VectorXd& own, std::span<const Message> received,
                Eigen::VectorXd& out) {
  out = own;
  for (const Message& message : received) out += metropolis_weight(graph, i, message.from()) * (message.values() - own);
}

}  // namespace detail

/// Decentralized gradient descent, for the sum of f_i of all nodes:
///
///     x_i <- sum_j w_ij x_j - a grad f_i(x_i)          W: weights of Metropolis, of the graph of the round
///
/// With a constant step a it ends near the solution, at a distance of the order of a; Extra ends there.
///
/// Options: step_size > 0 (0.1). State: x. Cost of a round: a gradient of every node, a vector over every edge in both
/// directions.
/// Errors: std::invalid_argument for a graph that is not connected.
/// Source: Nedic and Ozdaglar, Distributed subgradient methods for multi-agent optimization, 2009.
struct DecentralizedGradientDescent {
  static constexpr std::string_view name = "DecentralizedGradientDescent";

  double step_size = 0.1;

  static void options(auto& self, auto&& visit) { visit("step_size", self.step_size, range::positive); }

  struct Node {
    Eigen::VectorXd x, gradient;  // at x, of this round

    static void visit(auto& self, auto&& field) {
      field("x", self.x);
      field("gradient", self.gradient);
    }
  };
  struct Plan {
    Topology topology;
  };

  [[nodiscard]] Plan plan(const Topology& topology, Eigen::Index) const {
    for (const Graph& graph : topology.graphs()) require_connected(name, graph);
    return {topology};
  }
  [[nodiscard]] Node init(const Plan&, Eigen::Index, const Eigen::VectorXd& start) const {
    return {start, Eigen::VectorXd::Zero(start.size())};
  }
  [[nodiscard]] Event next(const Plan&, std::int64_t number, double) const {
    return {.time = static_cast<double>(number + 1), .kind = EventKind::round, .round = number};
  }
  void local(const Plan&, Node& node, Eigen::Index i, const Event&, const NodeGradient& gradient) const {
    gradient(i, 0, node.x, node.gradient);
  }
  void message(const Plan&, const Node& node, Eigen::Index, const Event&, Eigen::VectorXd& out) const { out = node.x; }
  void receive(const Plan& plan, Node& node, Eigen::Index i, const Event& event, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    detail::mix(plan.topology.at(event.round), i, sent, received, node.x);
    node.x -= step_size * node.gradient;
  }
};

}  // namespace glissade
