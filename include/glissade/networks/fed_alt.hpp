// Federated learning of a model of which each client keeps a part to itself.
#pragma once

#include "clients.hpp"

namespace glissade {

namespace detail {

/// Rates and penalty of a client's steps.
struct ClientSteps {
  Eigen::Index shared = 0;
  double shared_rate = 0, personal_rate = 0, personal_l2 = 0;

  /// From x along the gradient there, in the shared numbers, the client's own, or both.
  void step(Eigen::Index i, Eigen::VectorXd& x, Eigen::VectorXd& g, bool in_shared, bool in_personal,
            const NodeGradient& gradient) const {
    gradient(i, 0, x, g);
    const Eigen::Index own = x.size() - shared;
    if (in_personal && personal_l2 > 0) g.tail(own) += personal_l2 * x.tail(own);
    if (in_shared) x.head(shared) -= shared_rate * g.head(shared);
    if (in_personal) x.tail(own) -= personal_rate * g.tail(own);
  }
};

inline void check_shared(std::string_view owner, Eigen::Index shared, Eigen::Index size) {
  if (shared > size)
    reject(owner, "shared", static_cast<double>(shared), "at most the number of variables, " + std::to_string(size));
}

}  // namespace detail

/// FedSim: minimizes sum_i w_i f_i(u, v_i) where all clients share u, the first numbers of x, and each has a v_i that
/// it never sends: in every round some clients step in both at once, and the server averages u.
///
///     of the round's clients:  u_i = u,  local_steps times, at one point,
///                              u_i <- u_i - shared_rate grad_u f_i
///                              v_i <- v_i - personal_rate (grad_v f_i + personal_l2 v_i)
///     server:                  u <- server(u, u - sum_i w_i u_i)
///
///     Network network(FedSim<>{.shared = 20, .clients_per_round = 10}, complete_graph(30), start);
///     network.run(node_gradient, {.events = 50});      // node_gradient in all of (u, v_i)
///     Eigen::VectorXd mine = network.x(3);             // u and v_3
///
/// Which of FedSim and FedAlt is better: see FedAlt.
/// With shared_rate 0 each client learns v_i alone. Clients that take no part in a round keep their v_i.
///
/// Options: shared >= 0 (must be given; all numbers: FedAvg), at most the number of variables; local_steps >= 1 (5);
/// shared_rate, personal_rate >= 0 (0.1); personal_l2 >= 0 (0); clients_per_round, weights, server, seed as in FedAvg
/// (fed_avg.hpp), where the count of messages and the randomness are said too.
/// State of a node: x = (u, v_i), server, the memory of the server's rule.
/// Cost of a round: local_steps gradients and 2 messages of `shared` numbers for each of its clients.
/// Errors: std::invalid_argument for options out of range.
/// Source: "Federated Learning with Partial Model Personalization", 2022, arXiv 2204.03809, Algorithms 2 and 3.
template <class Server = Sgd>
struct FedSim {
  static constexpr std::string_view name = "FedSim";
  using Node = ClientNode;
  using Plan = ClientPlan;

  std::int64_t shared = -1;
  std::int64_t local_steps = 5;
  double shared_rate = 0.1;
  double personal_rate = 0.1;
  double personal_l2 = 0;
  std::int64_t clients_per_round = 0;
  Eigen::VectorXd weights = {};
  std::int64_t seed = 0;
  Server server = detail::default_server<Server>();

  static void options(auto& self, auto&& visit) {
    visit("shared", self.shared, range::non_negative);
    visit("local_steps", self.local_steps, range::at_least_one);
    visit("shared_rate", self.shared_rate, range::non_negative);
    visit("personal_rate", self.personal_rate, range::non_negative);
    visit("personal_l2", self.personal_l2, range::non_negative);
    visit("clients_per_round", self.clients_per_round, range::non_negative);
    visit("weights", self.weights);
    visit("seed", self.seed, range::finite);
    visit("server", self.server);
  }
  void check() const { detail::check_outer_rule(name, "server", server); }
  template <class Other>
  [[nodiscard]] FedSim<Other> with(Other other) const {
    return {shared,  local_steps, shared_rate,     personal_rate, personal_l2, clients_per_round,
            weights, seed,        std::move(other)};
  }

  [[nodiscard]] Plan plan(const Topology& topology, Eigen::Index size) const {
    detail::check_shared(name, shared, size);
    return detail::client_plan(name, topology, shared, clients_per_round, weights, seed);
  }
  [[nodiscard]] Node init(const Plan& plan, Eigen::Index, const Eigen::VectorXd& start) const {
    return detail::client_node(plan, server, start);
  }
  [[nodiscard]] Event next(const Plan&, std::int64_t number, double) const { return detail::federated_round(number); }
  void local(const Plan& plan, Node& node, Eigen::Index i, const Event& event, const NodeGradient& gradient) const {
    if (!plan.takes_part(i, event)) return;
    const detail::ClientSteps steps{shared, shared_rate, personal_rate, personal_l2};
    Eigen::VectorXd g(node.x.size());
    for (std::int64_t k = 0; k < local_steps; ++k) steps.step(i, node.x, g, true, true, gradient);
  }
  void message(const Plan& plan, const Node& node, Eigen::Index i, const Event& event, Eigen::VectorXd& out) const {
    detail::client_message(plan, node, i, event, out);
  }
  void receive(const Plan& plan, Node& node, Eigen::Index i, const Event&, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    detail::client_receive(plan, server, node, i, sent, received, seed);
  }
};

/// FedAlt: FedSim whose clients step in their own part first, then in the shared one.
///
///     of the round's clients:  u_i = u
///                              personal_steps times  v_i <- v_i - personal_rate (grad_v f_i(u, v_i) + personal_l2 v_i)
///                              shared_steps times    u_i <- u_i - shared_rate grad_u f_i(u_i, v_i)
///     server:                  u <- server(u, u - sum_i w_i u_i)
///
///     Network network(FedAlt<>{.shared = 20, .clients_per_round = 10}, complete_graph(30), start);
///     network.run(node_gradient, {.events = 50});
///
/// A round takes personal_steps + shared_steps gradients. For as many rounds of 5 steps each it is better than FedSim
/// where what belongs to u and to v_i correlates little (tests/networks/federated.cpp); for as many gradients FedSim
/// with 10 steps was better there, with a fifth of the loss above the least. With personal_steps 0 or no v_i it is
/// FedAvg.
///
/// Options: personal_steps, shared_steps >= 0 (5); else, and State, Cost, Errors and Source: as of FedSim.
template <class Server = Sgd>
struct FedAlt {
  static constexpr std::string_view name = "FedAlt";
  using Node = ClientNode;
  using Plan = ClientPlan;

  std::int64_t shared = -1;
  std::int64_t personal_steps = 5;
  std::int64_t shared_steps = 5;
  double shared_rate = 0.1;
  double personal_rate = 0.1;
  double personal_l2 = 0;
  std::int64_t clients_per_round = 0;
  Eigen::VectorXd weights = {};
  std::int64_t seed = 0;
  Server server = detail::default_server<Server>();

  static void options(auto& self, auto&& visit) {
    visit("shared", self.shared, range::non_negative);
    visit("personal_steps", self.personal_steps, range::non_negative);
    visit("shared_steps", self.shared_steps, range::non_negative);
    visit("shared_rate", self.shared_rate, range::non_negative);
    visit("personal_rate", self.personal_rate, range::non_negative);
    visit("personal_l2", self.personal_l2, range::non_negative);
    visit("clients_per_round", self.clients_per_round, range::non_negative);
    visit("weights", self.weights);
    visit("seed", self.seed, range::finite);
    visit("server", self.server);
  }
  void check() const { detail::check_outer_rule(name, "server", server); }
  template <class Other>
  [[nodiscard]] FedAlt<Other> with(Other other) const {
    return {shared,      personal_steps,    shared_steps, shared_rate, personal_rate,
            personal_l2, clients_per_round, weights,      seed,        std::move(other)};
  }

  [[nodiscard]] Plan plan(const Topology& topology, Eigen::Index size) const {
    detail::check_shared(name, shared, size);
    return detail::client_plan(name, topology, shared, clients_per_round, weights, seed);
  }
  [[nodiscard]] Node init(const Plan& plan, Eigen::Index, const Eigen::VectorXd& start) const {
    return detail::client_node(plan, server, start);
  }
  [[nodiscard]] Event next(const Plan&, std::int64_t number, double) const { return detail::federated_round(number); }
  void local(const Plan& plan, Node& node, Eigen::Index i, const Event& event, const NodeGradient& gradient) const {
    if (!plan.takes_part(i, event)) return;
    const detail::ClientSteps steps{shared, shared_rate, personal_rate, personal_l2};
    Eigen::VectorXd g(node.x.size());
    for (std::int64_t k = 0; k < personal_steps; ++k) steps.step(i, node.x, g, false, true, gradient);
    for (std::int64_t k = 0; k < shared_steps; ++k) steps.step(i, node.x, g, true, false, gradient);
  }
  void message(const Plan& plan, const Node& node, Eigen::Index i, const Event& event, Eigen::VectorXd& out) const {
    detail::client_message(plan, node, i, event, out);
  }
  void receive(const Plan& plan, Node& node, Eigen::Index i, const Event&, const Eigen::VectorXd& sent,
               std::span<const Message> received) const {
    detail::client_receive(plan, server, node, i, sent, received, seed);
  }
};

}  // namespace glissade
