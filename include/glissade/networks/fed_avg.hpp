// Federated averaging, and servers that do more than average.
#pragma once

#include "../rule/chain.hpp"
#include "../rules/adagrad.hpp"
#include "../rules/adam.hpp"
#include "../rules/yogi.hpp"
#include "clients.hpp"

namespace glissade {

/// FedAvg: in every round some clients take steps of gradient descent from the server's x, and the server averages.
/// With `proximal` it is FedProx, with a server of momentum FedAvgM, with fed_adam and its like FedOpt.
///
///     of the round's clients:  y_i = x,  local_steps times
///                              y_i <- y_i - local_rate (grad f_i(y_i) + proximal (y_i - x))
///     server:                  x <- server(x, x - sum_i w_i y_i)              Sgd of rate 1: the weighted mean
///
///     Network network(FedAvg<>{.local_steps = 5, .clients_per_round = 10}, complete_graph(30), start);
///     network.run(node_gradient, {.events = 50});      // 50 rounds
///     Eigen::VectorXd solution = network.x(0);
///
/// Where clients differ it does not end in the solution, unless local_steps is 1: Scaffold does (scaffold.hpp).
///
/// Which clients take part is a function of (seed, round). There is no server among the nodes: each hears the answers
/// and makes the server's step, to the same bits. Messages are counted as with one, x to every client of the round and
/// its answer: 2 a client. A node that was gone (Faults) comes back with the x it had, and takes the server's step from
/// there. The graph is not used.
///
/// Options: local_steps >= 1 (5); local_rate > 0 (0.1); proximal >= 0 (0); clients_per_round >= 0 (0: all), at most the
/// number of nodes; weights > 0, of each node, scaled to the sum 1 over the round's (none: equal); server, a rule that
/// reads no loss (Sgd, rate 1); seed (0).
/// State of a node: x, server, the memory of the server's rule. x is the server's after a round.
/// Cost of a round: local_steps gradients and 2 messages for each of its clients.
/// Errors: std::invalid_argument for options out of range.
/// Source: "Communication-Efficient Learning of Deep Networks from Decentralized Data", 2017, arXiv 1602.05629;
/// FedProx: "Federated Optimization in Heterogeneous Networks", 2020, arXiv 1812.06127; FedOpt: "Adaptive Federated
/// Optimization", 2021, arXiv 2003.00295.
template <class Server = Sgd>
struct FedAvg {
  static constexpr std::string_view name = "FedAvg";
  using Node = ClientNode;
  using Plan = ClientPlan;

  std::int64_t local_steps = 5;
  double local_rate = 0.1;
  double proximal = 0;
  std::int64_t clients_per_round = 0;
  Eigen::VectorXd weights = {};
  std::int64_t seed = 0;
  Server server = detail::default_server<Server>();

  static void options(auto& self, auto&& visit) {
    visit("local_steps", self.local_steps, range::at_least_one);
    visit("local_rate", self.local_rate, range::positive);
    visit("proximal", self.proximal, range::non_negative);
    visit("clients_per_round", self.clients_per_round, range::non_negative);
    visit("weights", self.weights);
    visit("seed", self.seed, range::finite);
    visit("server", self.server);
  }
  void check() const { detail::check_outer_rule(name, "server", server); }
  template <class Other>
  [[nodiscard]] FedAvg<Other> with(Other other) const {
    return {local_steps, local_rate, proximal, clients_per_round, weights, seed, std::move(other)};
  }

  [[nodiscard]] Plan plan(const Topology& topology, Eigen::Index size) const {
    return detail::client_plan(name, topology, size, clients_per_round, weights, seed);
  }
  [[nodiscard]] Node init(const Plan& plan, Eigen::Index, const Eigen::VectorXd& start) const {
    return detail::client_node(plan, server, start);
  }
  [[nodiscard]] Event next(const Plan&, std::int64_t number, double) const { return detail::federated_round(number); }
  void local(const Plan& plan, Node& node, Eigen::Index i, const Event& event, const NodeGradient& gradient) const {
    if (!plan.takes_part(i, event)) return;
    Eigen::VectorXd g(node.x.size());
    for (std::int64_t k = 0; k < local_steps; ++k) {
      gradient(i, 0, node.x, g);
      if (proximal > 0) g += proximal * (node.x - node.server);
      node.x -= local_rate * g;
    }
  }
  void message(const Plan& plan, const Node& node, Eigen::Index i, const Event& event, Eigen::VectorXd& out) const {
    detail::client_message(plan, node, i, event, out);
  }
  void receive(const Plan& plan, Node& node, Eigen::Index i, const Event&, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    detail::client_receive(plan, server, node, i, sent, received, seed);
  }
};

/// The servers of FedOpt, with Delta = mean of the clients - x:
///
///     m <- beta1 m + (1 - beta1) Delta,   x <- x + rate m / (sqrt(v) + tau)          no bias is corrected
///     fed_adagrad:  beta1 = 0,  v <- v + Delta^2                             v begins at tau^2
///     fed_adam:     v <- beta2 v + (1 - beta2) Delta^2                         v begins at 0
///     fed_yogi:     v <- v - (1 - beta2) Delta^2 sign(v - Delta^2)             v begins at tau^2
///
/// In the paper v of fed_adam begins at tau^2, too.
[[nodiscard]] inline auto fed_adagrad(const Schedule& rate, double tau = 1e-3) {
  return chain(ScaleByAdagrad{.initial_accumulator = tau * tau, .epsilon = tau}, ScaleByLearningRate{rate});
}
[[nodiscard]] inline auto fed_adam(const Schedule& rate, double beta1 = 0.9, double beta2 = 0.99, double tau = 1e-3) {
  return chain(ScaleByAdam{.beta1 = beta1, .beta2 = beta2, .epsilon = tau, .bias_corrected = false},
               ScaleByLearningRate{rate});
}
[[nodiscard]] inline auto fed_yogi(const Schedule& rate, double beta1 = 0.9, double beta2 = 0.99, double tau = 1e-3) {
  return chain(ScaleByYogi{.beta1 = beta1, .beta2 = beta2, .epsilon = tau, .initial_accumulator = tau * tau},
               ScaleByLearningRate{rate});
}

}  // namespace glissade
