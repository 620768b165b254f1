// Accelerated decentralized optimization in rounds.
#pragma once

#include <cmath>

#include "consensus_bounds.hpp"

namespace glissade {

/// ADOM+, for the sum of f_i of all nodes, each mu-strongly convex and L-smooth, on graphs that may change: rounds of
/// order chi sqrt(L / mu). With W = L_graph / largest, chi = largest / smallest, tau1 = 1 / (sqrt(L/mu) + 1/2),
/// tau2 = sqrt(mu/L), s2 = tau2 / (16 chi), s1 = 1 / (1/s2 + 1/2), eta = 1 / (L tau2), al = nu = mu/2, be = 1 / (2 L),
/// de = 1 / (17 L), ga = nu / (14 s2 chi^2), th = nu / (4 s2), ze = 1/2:
///
///     xg = tau1 x + (1 - tau1) xf,   yg, zg the same of y, z with s1;   g = grad f_i(xg)
///     x+ = x + eta al (xg - x+) - eta (g - nu xg - y+)
///     y+ = y + th be (g - nu xg - y+) - th (x+ + (yg + zg) / nu)          solved for both together
///     mt = ga/nu (yg + zg) + m,  z+ = z + ga de (zg - z) - W mt,  m+ = (I - W) mt
///     xf = xg + tau2 (x+ - x),   yf = yg + s2 (y+ - y),   zf = zg - ze W (yg + zg)
///
/// With gossip_steps > 1 every iteration is so many rounds, and I - W becomes (I - W)^gossip_steps.
///
/// Options: mu > 0, L >= mu (both must be given); gossip_steps >= 0 (1; 0: ceil(chi ln 2), after which chi counts as
/// 2). State: seven vectors and what is mixed. Cost of an iteration: a gradient of every node; of a round: two vectors
/// over every edge in both directions. Errors: std::invalid_argument for a graph that is not connected, and options out
/// of range. Source: "Lower Bounds and Optimal Algorithms for Smooth and Strongly Convex Decentralized Optimization
/// Over Time-Varying Networks", 2021, arXiv 2106.04469, in the explicit form of DADAO's authors' code.
struct AdomPlus {
  static constexpr std::string_view name = "AdomPlus";

  double mu = 0;
  double L = 0;
  std::int64_t gossip_steps = 1;

  static void options(auto& self, auto&& visit) {
    visit("mu", self.mu, range::positive);
    visit("L", self.L, range::positive);
    visit("gossip_steps", self.gossip_steps, range::non_negative);
  }
  void check() const {
    if (L < mu) reject(name, "L", L, ">= mu = " + to_text(mu));
  }

  struct Node {
    Eigen::VectorXd x, xf, y, yf, z, zf, m, gradient, start_of_mixing, mixed;  // the last two: (mt, yg + zg)

    static void visit(auto& self, auto&& field) {
      field("x", self.x);
      field("xf", self.xf);
      field("y", self.y);
      field("yf", self.yf);
      field("z", self.z);
      field("zf", self.zf);
      field("m", self.m);
      field("gradient", self.gradient);
      field("start_of_mixing", self.start_of_mixing);
      field("mixed", self.mixed);
    }
  };
  struct Plan {
    double inverse_largest = 0;
    std::int64_t steps = 1;
    double tau1 = 0, tau2 = 0, s1 = 0, s2 = 0, eta = 0, al = 0, nu = 0, be = 0, de = 0, ga = 0, th = 0, ze = 0.5;
  };

  template <class Matrix = Eigen::MatrixXd>
  [[nodiscard]] Plan plan(const Topology& topology, Eigen::Index) const {
    const ConsensusBounds bounds = consensus_bounds<Matrix>(name, topology);
    Plan p;
    double chi = 1;
    if (bounds.largest > 0) {
      p.inverse_largest = 1 / bounds.largest;
      chi = bounds.largest / bounds.smallest;
    }
    p.steps = gossip_steps;
    if (gossip_steps == 0) {
      p.steps = static_cast<std::int64_t>(std::ceil(chi * std::log(2.0)));
      chi = 2;
    }
    p.tau1 = 1 / (std::sqrt(L / mu) + 0.5);
    p.tau2 = std::sqrt(mu / L);
    p.s2 = p.tau2 / (16 * chi);
    p.s1 = 1 / (1 / p.s2 + 0.5);
    p.eta = 1 / (L * p.tau2);
    p.al = p.nu = mu / 2;
    p.be = 1 / (2 * L);
    p.de = 1 / (17 * L);
    p.ga = p.nu / (14 * p.s2 * chi * chi);
    p.th = p.nu / (4 * p.s2);
    return p;
  }
  [[nodiscard]] Node init(const Plan&, Eigen::Index, const Eigen::VectorXd& start) const {
    const Eigen::VectorXd zero = Eigen::VectorXd::Zero(start.size()), both = Eigen::VectorXd::Zero(2 * start.size());
    return {start, start, zero, zero, zero, zero, zero, zero, both, both};
  }
  [[nodiscard]] Event next(const Plan&, std::int64_t number, double) const {
    return {.time = static_cast<double>(number + 1), .kind = EventKind::round, .round = number};
  }
  void local(const Plan& p, Node& node, Eigen::Index i, const Event& event, const NodeGradient& gradient) const {
    if (event.round % p.steps != 0) return;
    const Eigen::VectorXd xg = p.tau1 * node.x + (1 - p.tau1) * node.xf;
    gradient(i, 0, xg, node.gradient);
    const Eigen::VectorXd sum = p.s1 * (node.y + node.z) + (1 - p.s1) * (node.yf + node.zf);
    node.start_of_mixing << (p.ga / p.nu) * sum + node.m, sum;
    node.mixed = node.start_of_mixing;
  }
  void message(const Plan&, const Node& node, Eigen::Index, const Event&, Eigen::VectorXd& out) const {
    out = node.mixed;
  }
  void receive(const Plan& p, Node& node, Eigen::Index, const Event& event, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    for (const Message& message : received) node.mixed += p.inverse_largest * (message.values() - sent);
    if (event.round % p.steps != p.steps - 1) return;
    const Eigen::Index n = node.x.size();
    const Eigen::VectorXd W = node.start_of_mixing - node.mixed;  // of mt and of yg + zg
    const Eigen::VectorXd xg = p.tau1 * node.x + (1 - p.tau1) * node.xf;
    const Eigen::VectorXd yg = p.s1 * node.y + (1 - p.s1) * node.yf;
    const Eigen::VectorXd zg = p.s1 * node.z + (1 - p.s1) * node.zf;
    const Eigen::VectorXd& g = node.gradient;
    const double c1 = (1 + p.eta * p.al) / ((1 + p.th * p.be) * (1 + p.eta * p.al) + p.th * p.eta);
    const double c5 = 1 / (1 + p.eta * p.al);
    const Eigen::VectorXd y = c1 * (node.y + g * (p.th * p.be + p.eta * p.th * c5) -
                                    xg * (p.th * (p.be * p.nu + p.eta * (p.nu + p.al) * c5)) - node.x * (p.th * c5) -
                                    (p.th / p.nu) * (yg + zg));
    const Eigen::VectorXd x = c5 * (node.x + p.eta * p.al * xg - p.eta * (g - p.nu * xg - y));
    node.z += p.ga * p.de * (zg - node.z) - W.head(n);
    node.m = node.mixed.head(n);
    node.xf = xg + p.tau2 * (x - node.x);
    node.yf = yg + p.s2 * (y - node.y);
    node.zf = zg - p.ze * W.tail(n);
    node.x = x;
    node.y = y;
  }
};

}  // namespace glissade
