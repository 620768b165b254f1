// Gradient steps between rounds of gossip, with the sum of all gradients tracked.
#pragma once

#include "decentralized_gradient.hpp"

namespace glissade {

/// Gradient tracking (DIGing), for the sum of f_i of all nodes, on graphs that may change:
///
///     x^(k+1) = W x^k - a y^k,   y^(k+1) = W y^k + g(x^(k+1)) - g(x^k),   y^0 = g(x^0)
///
/// with the weights W of Metropolis of the round's graph and g the gradients of every node at its own x. The sum of y
/// is that of the gradients at every round, so that it ends at the solution.
///
/// Options: step_size > 0 (0.1). State: x, W y and the gradient of the round before. Cost of a round: a gradient of
/// every node, two vectors over every edge in both directions. Errors: std::invalid_argument for a graph that is not
/// connected. Source: "Achieving Geometric Convergence for Distributed Optimization over Time-Varying Graphs", 2016,
/// arXiv 1607.03218.
struct GradientTracking {
  static constexpr std::string_view name = "GradientTracking";

  double step_size = 0.1;

  static void options(auto& self, auto&& visit) { visit("step_size", self.step_size, range::positive); }

  struct Node {
    Eigen::VectorXd x, y, gradient;  // y: after local that of the round, after receive W y

    static void visit(auto& self, auto&& field) {
      field("x", self.x);
      field("y", self.y);
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
    const Eigen::VectorXd zero = Eigen::VectorXd::Zero(start.size());
    return {start, zero, zero};
  }
  [[nodiscard]] Event next(const Plan&, std::int64_t number, double) const {
    return {.time = static_cast<double>(number + 1), .kind = EventKind::round, .round = number};
  }
  void local(const Plan&, Node& node, Eigen::Index i, const Event&, const NodeGradient& gradient) const {
    Eigen::VectorXd g(node.x.size());
    gradient(i, 0, node.x, g);
    node.y += g - node.gradient;
    node.gradient = g;
  }
  void message(const Plan&, const Node& node, Eigen::Index, const Event&, Eigen::VectorXd& out) const {
    out.resize(2 * node.x.size());
    out << node.x, node.y;
  }
  void receive(const Plan& plan, Node& node, Eigen::Index i, const Event& event, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    Eigen::VectorXd mixed;
    detail::mix(plan.topology.at(event.round), i, sent, received, mixed);
    const Eigen::Index n = node.x.size();
    node.x = mixed.head(n) - step_size * node.y;
    node.y = mixed.tail(n);
  }
};

}  // namespace glissade
