// What federated methods share: which clients take part in a round, and what a server makes of their answers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "../rules/sgd.hpp"
#include "gathering.hpp"

namespace glissade {

/// The place of i in an order of 0 ... n - 1 that the key draws: a network of Feistel on the least square of a power of
/// two that holds n, walked until it is below n. With 8 rounds pairs of few nodes would not be drawn alike.
[[nodiscard]] inline Eigen::Index permuted(const RandomKey& key, Eigen::Index i, Eigen::Index n) {
  int half = 1;
  while (half < 31 && (Eigen::Index{1} << (2 * half)) < n) ++half;
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  auto place = static_cast<std::uint64_t>(i);
  do {
    std::uint64_t left = place >> half, right = place & mask;
    for (std::uint64_t round = 0; round < 16; ++round)
      left = std::exchange(right, left ^ (key.derive(round).bits(right) & mask));
    place = left << half | right;
  } while (place >= static_cast<std::uint64_t>(n));
  return static_cast<Eigen::Index>(place);
}

/// What all clients know.
struct ClientPlan {
  Eigen::Index nodes = 0;
  Eigen::Index clients = 0;  // of a round
  Eigen::Index shared = 0;   // numbers that go to the server, the first ones of x
  Eigen::VectorXd weights;
  RandomKey key;

  /// Whether a client takes part in a round: a function of the seed, the round and the client.
  [[nodiscard]] bool takes_part(Eigen::Index i, const Event& round) const {
    return clients == nodes || permuted(key.derive(static_cast<std::uint64_t>(round.number)), i, nodes) < clients;
  }
};

/// A client, which keeps for itself all of x but the first numbers.
struct ClientNode {
  Eigen::VectorXd x;
  Eigen::VectorXd server;           // the first numbers as the server has them
  RuleState<double> server_memory;  // of its rule: every client sees what the server sees

  static void visit(auto& self, auto&& field) {
    field("x", self.x);
    field("server", self.server);
    RuleState<double>::visit(self.server_memory, detail::with_prefix("server_rule/", field));
  }
};

namespace detail {

inline ClientPlan client_plan(std::string_view owner, const Topology& topology, Eigen::Index shared,
                              std::int64_t clients_per_round, const Eigen::VectorXd& weights, std::int64_t seed) {
  const Eigen::Index nodes = topology.nodes();
  if (clients_per_round > nodes)
    reject(owner, "clients_per_round", static_cast<double>(clients_per_round),
           "at most the number of nodes, " + std::to_string(nodes));
  if (weights.size() != 0 && weights.size() != nodes)
    throw std::invalid_argument(std::string(owner) + ": weights has " + std::to_string(weights.size()) +
                                " numbers, must have " + std::to_string(nodes) + ", one for each node, or none");
  for (Eigen::Index i = 0; i < weights.size(); ++i)
    require(owner, "weights[" + std::to_string(i) + "]", weights[i], range::positive);
  return {nodes, clients_per_round == 0 ? nodes : clients_per_round, shared, weights,
          RandomKey{static_cast<std::uint64_t>(seed)}};
}

template <Rule Server>
ClientNode client_node(const ClientPlan& plan, const Server& server, const Eigen::VectorXd& start) {
  return {start, start.head(plan.shared), memory_of_part(server, plan.shared, start.data())};
}
inline Event federated_round(std::int64_t number) {
  return {.time = static_cast<double>(number + 1), .kind = EventKind::gather};
}
inline void client_message(const ClientPlan& plan, const ClientNode& node, Eigen::Index i, const Event& event,
                           Eigen::VectorXd& out) {
  if (plan.takes_part(i, event))
    out = node.x.head(plan.shared);
  else
    out.resize(0);
}
/// The server's step: its gradient is its own numbers less the mean of the clients'.
template <Rule Server>
void client_receive(const ClientPlan& plan, const Server& server, ClientNode& node, Eigen::Index i,
                    const Eigen::VectorXd& sent, std::span<const Message> received, std::int64_t seed) {
  Eigen::VectorXd mean;
  if (gathered_mean(i, sent, received, plan.weights, mean) > 0) {
    mean = node.server - mean;
    step_part(server, node.server_memory, node.server.data(), mean.data(), 0, static_cast<std::uint64_t>(seed));
  }
  node.x.head(plan.shared) = node.server;
}

/// The rule of a server that takes the mean of its clients, unless another one is given.
template <Rule Server>
Server default_server() {
  if constexpr (std::is_same_v<Server, Sgd>)
    return Sgd{.learning_rate = 1};
  else
    return {};
}

}  // namespace detail

/// A federated method with another rule at the server: with_server(FedAvg<>{.local_steps = 5}, fed_yogi(0.1)).
template <template <class> class M, class Old, Rule Server>
[[nodiscard]] M<Server> with_server(const M<Old>& method, Server server) {
  return method.template with<Server>(std::move(server));
}

}  // namespace glissade
