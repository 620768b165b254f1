// The contract of methods that run on the nodes of a network. Everything that an author has to know is on this page.
//
// A network is nodes, a graph, and a clock of events. An event touches one node, the two ends of an edge, all nodes and
// their neighbors, or all nodes at once. Every node that it touches does three things:
//
//     local      what it does alone, with a gradient of its function if it needs one
//     message    what it tells the others that the event touches: one vector
//     receive    what it does with what they have told
//
// All nodes of an event have sent before any of them receives, and messages come in the order of their senders, so that
// a run is the same to the bit whether the nodes take turns in one thread (Simulation), are shared out among threads
// (ThreadedNodes) or live in several programs (MpiChannel). For the same reason a method reads nothing but the plan,
// its own node and the event, and draws random numbers from keys of (seed, event, node).
//
// A method is an aggregate of options with
//
//    static constexpr std::string_view name = "Gossip";
//    static void options(auto& self, auto&& visit);
//    struct Node { ...; static void visit(auto& self, auto&& field); };
//    struct Plan { ... };
//    Plan plan(const Topology& topology, Index size) const;
//    Node init(const Plan&, Index i, const VectorXd& start) const;
//    Event next(const Plan&, std::int64_t number, double time) const;
//    void local(const Plan&, Node&, Index i, const Event&, const NodeGradient&) const;
//    void message(const Plan&, const Node&, Index i, const Event&, VectorXd& out) const;
//    void receive(const Plan&, Node&, Index i, const Event&, const VectorXd& sent, std::span<const Message>) const;
//
// - options, as a rule has it; `void check() const`, which may be left out, checks them against each other.
// - Node: all that a node remembers, its fields visited as in drive/method.hpp, and among them a vector x, what it
// offers
//   as solution.
// - Plan: what all nodes know, the same on all of them, such as constants of the graphs; size is the number of
// variables.
// - next: event `number`, after an event at `time`: its kind, nodes and time; a pure function.
// - receive: `sent` is what this node has sent at that event.
// - `static constexpr bool late_messages = true`, which may be left out: receive may be called several times for one
//   event, each time with other messages, also after later events. What it does is a sum over messages, and uses
//   `sent`.
//
// It is a node method as soon as it has these; tests/laws/node_methods.cpp holds it to the laws.
#pragma once

#include <Eigen/Core>

#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../rule/options.hpp"
#include "graph.hpp"

namespace glissade {

/// The graphs of a network whose edges change: graph k is that of `period` rounds, or unit of time, then the next one
/// is, and after the last one the first. All have the same nodes. One graph converts to a topology that stays.
class Topology {
 public:
  Topology(Graph graph) : graphs_{std::move(graph)} {}  // NOLINT: a graph is a topology
  explicit Topology(std::vector<Graph> graphs, std::int64_t period = 1) : graphs_(std::move(graphs)), period_(period) {
    require("Topology", "graphs", static_cast<double>(graphs_.size()), range::at_least_one);
    require("Topology", "period", static_cast<double>(period), range::at_least_one);
    for (const Graph& graph : graphs_)
      if (graph.nodes() != nodes())
        throw std::invalid_argument("Topology: a graph has " + std::to_string(graph.nodes()) +
                                    " nodes, the first one " + std::to_string(nodes()));
  }

  [[nodiscard]] Eigen::Index nodes() const { return graphs_.front().nodes(); }
  [[nodiscard]] const std::vector<Graph>& graphs() const { return graphs_; }
  [[nodiscard]] std::int64_t period() const { return period_; }
  /// The graph of a round.
  [[nodiscard]] const Graph& at(std::int64_t round) const {
    return graphs_[static_cast<std::size_t>(round / period_) % graphs_.size()];
  }

 private:
  std::vector<Graph> graphs_;
  std::int64_t period_ = 1;
};

enum class EventKind {
  node,   // node i alone
  edge,   // nodes i and j
  round,  // all nodes, each tells its neighbors in the graph
  gather  // all nodes, each tells all others
};

struct Event {
  std::int64_t number = 0;  // from 0
  double time = 0;
  EventKind kind = EventKind::node;
  Eigen::Index i = 0, j = 0;
  std::int64_t round = 0;  // of a round: the graph is that of the topology at this number
};

/// What a node was told: another node's vector, which lives as long as the call.
class Message {
 public:
  Message(Eigen::Index from, const Eigen::VectorXd& values) : from_(from), values_(&values) {}
  [[nodiscard]] Eigen::Index from() const { return from_; }
  [[nodiscard]] const Eigen::VectorXd& values() const { return *values_; }

 private:
  Eigen::Index from_;
  const Eigen::VectorXd* values_;
};

/// The value of the function of node i at x, and its gradient; `call` counts the calls of this node from 0, so that a
/// function that draws a minibatch draws the same one wherever and however often the run is made.
using NodeGradient =
    std::function<double(Eigen::Index i, std::int64_t call, const Eigen::VectorXd& x, Eigen::VectorXd& gradient)>;

template <class M>
concept NodeMethod = std::copyable<M> && std::default_initializable<typename M::Node> &&
    requires(const M& method, const Topology& topology, const typename M::Plan& plan, typename M::Node& node,
             const typename M::Node& same, const Event& event, const NodeGradient& gradient, Eigen::VectorXd& out,
             std::span<const Message> received) {
  { M::name } -> std::convertible_to<std::string_view>;
  { method.plan(topology, Eigen::Index{1}) } -> std::same_as<typename M::Plan>;
  { method.init(plan, Eigen::Index{0}, out) } -> std::same_as<typename M::Node>;
  { method.next(plan, std::int64_t{0}, 0.0) } -> std::same_as<Event>;
  method.local(plan, node, Eigen::Index{0}, event, gradient);
  method.message(plan, same, Eigen::Index{0}, event, out);
  method.receive(plan, node, Eigen::Index{0}, event, out, received);
  { same.x } -> std::convertible_to<const Eigen::VectorXd&>;
};

/// What a run has cost. A message is one vector from one node to one other node, or to the middle where all are
/// gathered and once more from there: `gather` of n nodes counts 2 n. There an empty vector is no message, so that of
/// n clients of which m take part a round counts 2 m, as a server would send and receive them; one node sends none.
struct Traffic {
  std::int64_t events = 0;
  std::int64_t gradients = 0;  // calls of NodeGradient
  std::int64_t messages = 0;
  std::int64_t bytes = 0;  // of the numbers in them, 8 each

  friend bool operator==(const Traffic&, const Traffic&) = default;
};

namespace detail {

/// The nodes of a run with the types forgotten, for what carries events and messages.
class NodeProgram {
 public:
  virtual ~NodeProgram() = default;
  [[nodiscard]] virtual Event next(std::int64_t number, double time) const = 0;
  virtual void local(Eigen::Index i, const Event& event) = 0;
  virtual void message(Eigen::Index i, const Event& event, Eigen::VectorXd& out) const = 0;
  virtual void receive(Eigen::Index i, const Event& event, const Eigen::VectorXd& sent,
                       std::span<const Message> received) = 0;
  /// The state of a node as bytes, and back.
  virtual void pack(Eigen::Index i, std::vector<std::byte>& bytes) const = 0;
  virtual void unpack(Eigen::Index i, std::span<const std::byte>& bytes) = 0;
  /// Whether a value or a gradient was not finite.
  [[nodiscard]] virtual bool non_finite() const = 0;
  virtual void set_non_finite() = 0;

  [[nodiscard]] Eigen::Index nodes() const { return nodes_; }
  [[nodiscard]] bool takes_late_messages() const { return late_; }
  [[nodiscard]] std::string_view name() const { return name_; }

 protected:
  NodeProgram(std::string_view name, Eigen::Index nodes, bool late) : name_(name), nodes_(nodes), late_(late) {}
  NodeProgram(const NodeProgram&) = default;
  NodeProgram& operator=(const NodeProgram&) = default;

 private:
  std::string_view name_;
  Eigen::Index nodes_;
  bool late_;
};

/// A message on its way.
struct Pending {
  std::int64_t due = 0;  // it is received after the event of this number
  Event event;
  Eigen::Index to = 0, from = 0;
  Eigen::VectorXd sent, values;
};

/// Where a run stands, apart from the nodes.
struct Progress {
  double time = 0;
  Traffic traffic;
  std::vector<Pending> pending;
};

}  // namespace detail

/// When a run ends: as soon as one of these is reached. Counts are those of the network since its start.
struct Until {
  std::int64_t events = std::numeric_limits<std::int64_t>::max();
  double time = std::numeric_limits<double>::infinity();  // no event after it takes place
};

}  // namespace glissade
