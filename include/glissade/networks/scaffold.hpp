// Federated averaging that ends in the solution, whatever the clients.
#pragma once

#include "clients.hpp"

namespace glissade {

/// SCAFFOLD: FedAvg whose clients correct their gradients by what all others' are, so that many local steps do not lead
/// away from the solution of all.
///
///     of the round's clients:  y_i = x,  local_steps times  y_i <- y_i - local_rate (grad f_i(y_i) - c_i + c)
///                              c_i' = c_i - c + (x - y_i) / (local_steps local_rate),  or with fresh_controls
///                              c_i' = grad f_i(x)
///     server:                  x <- x + server_rate mean(y_i - x),   c <- c + sum_i (c_i' - c_i) / nodes
///
///     Network network(Scaffold{.local_steps = 5, .local_rate = 0.05}, complete_graph(10), start);
///     network.run(node_gradient, {.events = 200});      // 200 rounds
///
/// c is the mean of all c_i; both begin at 0. Which clients take part is a function of (seed, round), and each node
/// makes the server's step, as in FedAvg (fed_avg.hpp). A node that was gone (Faults) has missed changes of c, which is
/// then not the mean of all c_i to it.
///
/// Options: local_steps >= 1 (5); local_rate > 0 (0.1); server_rate > 0 (1); fresh_controls (false): the paper's option
/// I, with the gradient of the first step; clients_per_round >= 0 (0: all), at most the number of nodes; seed (0).
/// State of a node: x, the server's; y; control c_i, mean_control c, change c_i' - c_i.
/// Cost of a round: local_steps gradients for each of its clients, and 2 messages of twice the variables: x and c to
/// it, y_i and c_i' - c_i from it. Errors: std::invalid_argument for options out of range. Source: "SCAFFOLD:
/// Stochastic Controlled Averaging for Federated Learning", 2020, arXiv 1910.06378, Algorithm 1.
struct Scaffold {
  static constexpr std::string_view name = "Scaffold";

  std::int64_t local_steps = 5;
  double local_rate = 0.1;
  double server_rate = 1;
  bool fresh_controls = false;
  std::int64_t clients_per_round = 0;
  std::int64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("local_steps", self.local_steps, range::at_least_one);
    visit("local_rate", self.local_rate, range::positive);
    visit("server_rate", self.server_rate, range::positive);
    visit("fresh_controls", self.fresh_controls);
    visit("clients_per_round", self.clients_per_round, range::non_negative);
    visit("seed", self.seed, range::finite);
  }

  struct Node {
    Eigen::VectorXd x, y, control, mean_control, change;
    static void visit(auto& self, auto&& field) {
      field("x", self.x);
      field("y", self.y);
      field("control", self.control);
      field("mean_control", self.mean_control);
      field("change", self.change);
    }
  };
  using Plan = ClientPlan;

  [[nodiscard]] Plan plan(const Topology& topology, Eigen::Index size) const {
    return detail::client_plan(name, topology, size, clients_per_round, {}, seed);
  }
  [[nodiscard]] Node init(const Plan&, Eigen::Index, const Eigen::VectorXd& start) const {
    const Eigen::VectorXd zero = Eigen::VectorXd::Zero(start.size());
    return {start, start, zero, zero, zero};
  }
  [[nodiscard]] Event next(const Plan&, std::int64_t number, double) const { return detail::federated_round(number); }
  void local(const Plan& plan, Node& node, Eigen::Index i, const Event& event, const NodeGradient& gradient) const {
    if (!plan.takes_part(i, event)) return;
    Eigen::VectorXd g(node.x.size());
    node.y = node.x;
    for (std::int64_t k = 0; k < local_steps; ++k) {
      gradient(i, 0, node.y, g);
      if (k == 0 && fresh_controls) node.change = g - node.control;
      node.y -= local_rate * (g - node.control + node.mean_control);
    }
    if (!fresh_controls)
      node.change = (node.x - node.y) / (static_cast<double>(local_steps) * local_rate) - node.mean_control;
  }
  void message(const Plan& plan, const Node& node, Eigen::Index i, const Event& event, Eigen::VectorXd& out) const {
    out.resize(plan.takes_part(i, event) ? 2 * node.x.size() : 0);
    if (out.size() > 0) out << node.y, node.change;
  }
  void receive(const Plan& plan, Node& node, Eigen::Index i, const Event&, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    Eigen::VectorXd mean;
    const Eigen::Index clients = detail::gathered_mean(i, sent, received, {}, mean);
    if (clients == 0) return;
    const Eigen::Index size = node.x.size();
    node.x += server_rate * (mean.head(size) - node.x);
    node.mean_control += static_cast<double>(clients) / static_cast<double>(plan.nodes) * mean.tail(size);
    if (sent.size() > 0) node.control += node.change;
  }
};

}  // namespace glissade
