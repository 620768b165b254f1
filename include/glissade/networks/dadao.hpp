// Decentralized optimization without rounds: gradients and gossip by independent clocks.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "graph_spectrum.hpp"
#include "node_method.hpp"

namespace glissade {

/// DADAO: minimizes sum_i f_i(x), f_i of node i, each mu-strongly convex and L-smooth. Every node takes gradients at
/// its own Poisson clock, one per unit of time, and every edge gossips at its own; the rate of convergence per unit of
/// time is that of one machine, about sqrt(mu / L), on every connected graph, and the gossip it takes is lambda =
/// sqrt(2 chi1 chi2) exchanges per unit of time in the whole network.
///
///     nu = mu / 2,  k = sqrt(nu / L),  eta = k / 8,  a = k / 4,  at = k / 8,  th = 1 / (2 k),  bt = 2 chi1 / (lambda
///     k) between its events a node flows (solved exactly):
///         x' = eta (xt - x)   xt' = eta (x - xt)   y' = a (yt - y)   yt' = -th (y + z + nu xt)
///         z' = a (zt - z)     zt' = at (z - zt)
///     gradient of node i:     g = grad f_i(x) - nu x - yt
///         x -= g / (4 L)      xt -= g / (4 sqrt(L nu))               yt += (k / 4 + 1) g
///     gossip of i and j:      m = (y_i + z_i) - (y_j + z_j)
///         z_i -= m / 2        zt_i -= bt m                           the opposite at j
///
/// The sums of z and of zt over all nodes, taken at one time, stay 0, also where nodes are dropped. Of late messages
/// that holds for z + 2 zt, when all have arrived.
///
///     Network network(Dadao{.mu = 0.7, .L = 3.5}, ring_graph(16), Eigen::VectorXd::Zero(5));
///     network.run(node_gradient, {.time = 60});
///
/// Graphs of a topology are those of `period` units of time each, and chi1 and chi2 the largest among them.
///
/// Options: mu > 0, L >= mu (both must be given; mu is at most, L at least every node's); rate_multiplier > 0 (1), of
/// the gossip; seed (0). State of a node: six vectors and the time it has flowed to.
/// Cost: an event of gossip 2 messages, a gradient event one gradient; 36 products per variable to flow. The plan takes
/// the spectrum of the graph, 9 nodes^3 flops.
/// Errors: std::invalid_argument for options out of range and a graph that is not connected.
/// Source: "DADAO: Decoupled Accelerated Decentralized Asynchronous Optimization", 2023, arXiv 2208.00779.
struct Dadao {
  static constexpr std::string_view name = "Dadao";
  static constexpr bool late_messages = true;

  double mu = 0;
  double L = 0;
  double rate_multiplier = 1;
  std::int64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("mu", self.mu, range::positive);
    visit("L", self.L, range::positive);
    visit("rate_multiplier", self.rate_multiplier, range::positive);
    visit("seed", self.seed, range::finite);
  }
  void check() const {
    if (L < mu) reject(name, "L", L, ">= mu = " + to_text(mu));
  }

  struct Node {
    Eigen::VectorXd x, x_tilde, y, y_tilde, z, z_tilde;
    double time = 0;

    static void visit(auto& self, auto&& field) {
      field("x", self.x);
      field("x_tilde", self.x_tilde);
      field("y", self.y);
      field("y_tilde", self.y_tilde);
      field("z", self.z);
      field("z_tilde", self.z_tilde);
      field("time", self.time);
    }
  };

  using Flow = Eigen::Matrix<double, 6, 6>;
  struct Plan {
    Topology topology;
    double rate = 0;  // lambda, of gossip in the whole network
    double nu = 0, k = 0, b = 0;
    Flow flow = Flow::Zero();  // of (x, xt, y, yt, z, zt)
  };

  template <class Matrix = Eigen::MatrixXd>
  [[nodiscard]] Plan plan(const Topology& topology, Eigen::Index) const {
    Plan plan{topology};
    double chi1 = 0, chi2 = 0;
    for (const Graph& graph : topology.graphs()) {
      const GraphSpectrum spectrum = laplacian_spectrum<Matrix>(graph);
      chi1 = std::max(chi1, spectrum.chi1);
      chi2 = std::max(chi2, spectrum.chi2);
    }
    plan.rate = rate_multiplier * std::sqrt(2 * chi1 * chi2);
    plan.nu = mu / 2;
    plan.k = std::sqrt(plan.nu / L);
    if (plan.rate > 0) plan.b = 2 * chi1 / (plan.rate * plan.k);
    const double eta = plan.k / 8, a = plan.k / 4, at = plan.k / 8, th = 1 / (2 * plan.k);
    Flow& M = plan.flow;
    M(0, 0) = M(1, 1) = -eta;
    M(0, 1) = M(1, 0) = eta;
    M(2, 2) = M(4, 4) = -a;
    M(2, 3) = M(4, 5) = a;
    M(3, 1) = -th * plan.nu;
    M(3, 2) = M(3, 4) = -th;
    M(5, 4) = at;
    M(5, 5) = -at;
    return plan;
  }
  [[nodiscard]] Node init(const Plan&, Eigen::Index, const Eigen::VectorXd& start) const {
    const Eigen::VectorXd zero = Eigen::VectorXd::Zero(start.size());
    return {start, start, zero, zero, zero, zero};
  }
  [[nodiscard]] Event next(const Plan& plan, std::int64_t number, double time) const {
    const RandomKey key = RandomKey{static_cast<std::uint64_t>(seed)}.derive(static_cast<std::uint64_t>(number));
    const auto nodes = static_cast<double>(plan.topology.nodes());
    const double all = nodes + plan.rate;
    Event event{.time = time - std::log(key.uniform(0)) / all};
    if (key.uniform(1) * all < nodes) {
      event.i = pick(key, plan.topology.nodes());
    } else {
      const auto& edges = plan.topology.at(static_cast<std::int64_t>(event.time)).edges();
      const Edge& edge = edges[static_cast<std::size_t>(pick(key, static_cast<Eigen::Index>(edges.size())))];
      event.kind = EventKind::edge;
      event.i = edge.i;
      event.j = edge.j;
    }
    return event;
  }
  void local(const Plan& plan, Node& node, Eigen::Index i, const Event& event, const NodeGradient& gradient) const {
    flow_to(plan, node, event.time);
    if (event.kind != EventKind::node) return;
    Eigen::VectorXd g(node.x.size());
    gradient(i, 0, node.x, g);
    g -= plan.nu * node.x + node.y_tilde;
    node.x -= g / (4 * L);
    node.x_tilde -= g / (4 * std::sqrt(L * plan.nu));
    node.y_tilde += (plan.k / 4 + 1) * g;
  }
  void message(const Plan&, const Node& node, Eigen::Index, const Event&, Eigen::VectorXd& out) const {
    out = node.y + node.z;
  }
  void receive(const Plan& plan, Node& node, Eigen::Index, const Event&, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    for (const Message& message : received) {
      node.z -= (sent - message.values()) / 2;
      node.z_tilde -= plan.b * (sent - message.values());
    }
  }

  /// What a node would be at a later time without further events.
  static void flow_to(const Plan& plan, Node& node, double time) {
    const double span = time - node.time;
    node.time = time;
    if (!(span > 0)) return;
    const Flow E = exponential(span * plan.flow);
    Eigen::Matrix<double, 6, 1> v;
    for (Eigen::Index c = 0; c < node.x.size(); ++c) {
      v << node.x[c], node.x_tilde[c], node.y[c], node.y_tilde[c], node.z[c], node.z_tilde[c];
      v = (E * v).eval();
      node.x[c] = v[0];
      node.x_tilde[c] = v[1];
      node.y[c] = v[2];
      node.y_tilde[c] = v[3];
      node.z[c] = v[4];
      node.z_tilde[c] = v[5];
    }
  }

 private:
  static Eigen::Index pick(const RandomKey& key, Eigen::Index count) {
    return std::min(static_cast<Eigen::Index>(key.uniform(2) * static_cast<double>(count)), count - 1);
  }
  /// e^A: Taylor's series for A / 2^s, whose norm is at most 1/4, squared s times.
  static Flow exponential(const Flow& A) {
    const double size = A.cwiseAbs().rowwise().sum().maxCoeff();
    const int s = size > 0.25 ? std::ilogb(size) + 3 : 0;
    const Flow small = std::ldexp(1.0, -s) * A;
    Flow E = Flow::Identity();
    for (int n = 12; n > 0; --n) E = (Flow::Identity() + small * E / n).eval();
    for (int k = 0; k < s; ++k) E = (E * E).eval();
    return E;
  }
};

}  // namespace glissade
