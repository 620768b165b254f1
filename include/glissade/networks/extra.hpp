// Gradient steps between rounds of gossip that end at the solution.
#pragma once

#include "decentralized_gradient.hpp"

namespace glissade {

/// EXTRA, for the sum of f_i of all nodes, on a graph that stays:
///
///     x^1 = W x^0 - a g(x^0),   x^(k+2) = (I + W) x^(k+1) - (I + W) / 2 x^k - a (g(x^(k+1)) - g(x^k))
///
/// with the weights W of Metropolis and g the gradients of every node at its own x. It converges linearly for strongly
/// convex functions with L-Lipschitz gradients and a < 2 lambda_min((I + W) / 2) / L, where the step of
/// DecentralizedGradientDescent leaves a distance of the order of a.
///
/// Options: step_size > 0 (0.1). State: x, and of the round before W x and the gradient.
/// Cost of a round: a gradient of every node, a vector over every edge in both directions.
/// Errors: std::invalid_argument for a graph that is not connected, and a topology of several graphs.
/// Source: "EXTRA: An Exact First-Order Algorithm for Decentralized Consensus Optimization", 2014, arXiv 1404.6264.
struct Extra {
  static constexpr std::string_view name = "Extra";

  double step_size = 0.1;

  static void options(auto& self, auto&& visit) { visit("step_size", self.step_size, range::positive); }

  struct Node {
    Eigen::VectorXd x, gradient;
    Eigen::VectorXd half;  // a g - (I + W) x / 2 of the round before, which this one takes off again; 0 at first
    bool first = true;

    static void visit(auto& self, auto&& field) {
      field("x", self.x);
      field("gradient", self.gradient);
      field("half", self.half);
      field("first", self.first);
    }
  };
  struct Plan {
    Topology topology;
  };

  [[nodiscard]] Plan plan(const Topology& topology, Eigen::Index) const {
    if (topology.graphs().size() > 1)
      throw std::invalid_argument(std::string(name) +
                                  ": the graph must stay the same; for graphs that change there is "
                                  "GradientTracking");
    require_connected(name, topology.graphs().front());
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
    gradient(i, 0, node.x, node.gradient);
  }
  void message(const Plan&, const Node& node, Eigen::Index, const Event&, Eigen::VectorXd& out) const { out = node.x; }
  void receive(const Plan& plan, Node& node, Eigen::Index i, const Event& event, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    Eigen::VectorXd mixed;
    detail::mix(plan.topology.at(event.round), i, sent, received, mixed);
    const Eigen::VectorXd step = step_size * node.gradient;
    if (node.first)
      node.x = mixed - step;
    else
      node.x = sent + mixed - step + node.half;
    node.half = step - (sent + mixed) / 2;
    node.first = false;
  }
};

}  // namespace glissade
