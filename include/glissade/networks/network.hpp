// A network: a method on the nodes of a graph, with the state of all of them.
#pragma once

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../drive/status.hpp"
#include "node_method.hpp"
#include "simulation.hpp"
#include "threaded_nodes.hpp"

namespace glissade {

namespace detail {

/// A node and how often its function was called.
template <class Node>
struct NodeSlot {
  Node node;
  std::int64_t calls = 0;

  static void visit(auto& self, auto&& field) {
    Node::visit(self.node, field);
    field("gradient_calls", self.calls, std::int64_t{0}, std::int64_t{1} << 53);
  }
};

/// Copies fields to and from bytes, one after another.
struct PackField {
  std::vector<std::byte>& bytes;

  void operator()(std::string_view, const auto& value, auto...) const {
    if constexpr (requires { value.bytes(); })  // an array of a rule's memory
      append(value.data(), value.bytes());
    else if constexpr (requires { value.size(); })
      append(value.data(), static_cast<std::size_t>(value.size()) * sizeof(*value.data()));
    else
      append(&value, sizeof value);
  }
  void append(const void* from, std::size_t count) const {
    const auto* const first = static_cast<const std::byte*>(from);
    bytes.insert(bytes.end(), first, first + count);
  }
};
struct UnpackField {
  std::span<const std::byte>& bytes;

  void operator()(std::string_view, auto& value, auto...) const {
    if constexpr (requires { value.bytes(); })
      take(value.data(), value.bytes());
    else if constexpr (requires { value.size(); })
      take(value.data(), static_cast<std::size_t>(value.size()) * sizeof(*value.data()));
    else
      take(&value, sizeof value);
  }
  void take(void* to, std::size_t count) const {
    if (count > 0) std::memcpy(to, bytes.data(), count);
    bytes = bytes.subspan(count);
  }
};

template <class M>
class ProgramOf final : public NodeProgram {
 public:
  using Slot = NodeSlot<typename M::Node>;
  using Index = Eigen::Index;

  ProgramOf(const M& method, const typename M::Plan& plan, std::vector<Slot>& slots, const NodeGradient& gradient)
      : NodeProgram(M::name, static_cast<Index>(slots.size()), takes_late()),
        method_(method),
        plan_(plan),
        slots_(slots),
        gradient_(gradient) {}

  [[nodiscard]] Event next(std::int64_t number, double time) const override {
    return method_.next(plan_, number, time);
  }
  void local(Index i, const Event& event) override {
    Slot& slot = slots_[static_cast<std::size_t>(i)];
    const NodeGradient counted = [&](Index node, std::int64_t, const Eigen::VectorXd& x, Eigen::VectorXd& gradient) {
      const double value = gradient_(node, slot.calls, x, gradient);
      ++slot.calls;
      if (gradient.size() != x.size())
        throw std::invalid_argument(std::string(M::name) + ": the gradient of node " + std::to_string(node) + " has " +
                                    std::to_string(gradient.size()) + " numbers, x " + std::to_string(x.size()));
      if (!std::isfinite(value) || !gradient.allFinite()) set_non_finite();
      return value;
    };
    method_.local(plan_, slot.node, i, event, counted);
  }
  void message(Index i, const Event& event, Eigen::VectorXd& out) const override {
    method_.message(plan_, slots_[static_cast<std::size_t>(i)].node, i, event, out);
  }
  void receive(Index i, const Event& event, const Eigen::VectorXd& sent, std::span<const Message> received) override {
    method_.receive(plan_, slots_[static_cast<std::size_t>(i)].node, i, event, sent, received);
  }
  void pack(Index i, std::vector<std::byte>& bytes) const override {
    Slot::visit(slots_[static_cast<std::size_t>(i)], PackField{bytes});
  }
  void unpack(Index i, std::span<const std::byte>& bytes) override {
    Slot::visit(slots_[static_cast<std::size_t>(i)], UnpackField{bytes});
  }
  [[nodiscard]] bool non_finite() const override { return non_finite_.load(std::memory_order_relaxed); }
  void set_non_finite() override { non_finite_.store(true, std::memory_order_relaxed); }

 private:
  static constexpr bool takes_late() {
    if constexpr (requires { M::late_messages; })
      return M::late_messages;
    else
      return false;
  }

  const M& method_;
  const typename M::Plan& plan_;
  std::vector<Slot>& slots_;
  const NodeGradient& gradient_;
  std::atomic<bool> non_finite_ = false;
};

}  // namespace detail

/// A start of its own for each node: a row for each.
struct EachFrom {
  Eigen::MatrixXd rows;
};

/// A method on the nodes of a graph, and what all nodes remember: a value that copies, and goes on from a file bit for
/// bit (save and load of io/method_state.hpp).
///
///     Network network(Gossip{}, ring_graph(16), EachFrom{starts});
///     network.run(node_gradient, {.time = 60});                     // in this thread
///     network.run(node_gradient, {.time = 90}, ThreadedNodes{2});   // to the same bits, in two
///
/// node_gradient(i, call, x, g) is the function of node i (node_method.hpp); what is minimized is the sum or mean over
/// nodes, as the method says. Under ThreadedNodes it is called by several threads at once, for different nodes.
///
/// Memory: linear in nodes and edges, unless the method needs the spectrum of the graph.
/// Errors: std::invalid_argument for options out of range, a graph that is not connected, a start or a gradient of
/// another size. What node_gradient throws ends the run; the network was then left in the middle of an event, and
/// refuses to run on: take a copy, or a file, from before.
template <NodeMethod M>
class Network {
 public:
  static constexpr std::string_view name = M::name;
  using Index = Eigen::Index;
  using Node = typename M::Node;

  Network(M method, Topology topology, const Eigen::VectorXd& start)
      : Network(
            std::move(method), std::move(topology), [&](Index) -> const Eigen::VectorXd& { return start; },
            start.size()) {}
  Network(M method, Topology topology, const EachFrom& starts)
      : Network(
            std::move(method), checked(std::move(topology), starts.rows.rows()),
            [&](Index i) { return Eigen::VectorXd(starts.rows.row(i)); }, starts.rows.cols()) {}

  /// Runs to a number of events or a time, counted from the network's start. Returns max_iterations, or non_finite
  /// where a value or a gradient was not finite: then that event was finished and is the last one. `channel` carries
  /// messages: Simulation, ThreadedNodes or MpiChannel.
  template <class Channel = Simulation>
  Status run(const NodeGradient& gradient, const Until& until, Channel&& channel = {}) {
    if (broken_)
      throw std::logic_error(
          std::string(M::name) +
          ": an exception left this network in the middle of an event; begin with a copy, or a file, "
          "from before it");
    if (until.events == Until{}.events && until.time == Until{}.time)
      throw std::invalid_argument(std::string(M::name) +
                                  ": a run ends at a number of events or at a time; neither was "
                                  "given");
    detail::ProgramOf<M> program(method_, plan_, slots_, gradient);
    channel.check(program);
    broken_ = true;
    channel.run(program, topology_, progress_, until);
    broken_ = false;
    progress_.traffic.gradients = 0;
    for (const auto& slot : slots_) progress_.traffic.gradients += slot.calls;
    return program.non_finite() ? Status::non_finite : Status::max_iterations;
  }

  [[nodiscard]] Index nodes() const { return topology_.nodes(); }
  [[nodiscard]] const Node& node(Index i) const { return slots_.at(static_cast<std::size_t>(i)).node; }
  [[nodiscard]] const Eigen::VectorXd& x(Index i) const { return node(i).x; }
  [[nodiscard]] Eigen::VectorXd mean() const {
    Eigen::VectorXd sum = x(0);
    for (Index i = 1; i < nodes(); ++i) sum += x(i);
    return sum / static_cast<double>(nodes());
  }
  /// The root of the mean of |x_i - mean|^2.
  [[nodiscard]] double disagreement() const {
    const Eigen::VectorXd m = mean();
    double sum = 0;
    for (Index i = 0; i < nodes(); ++i) sum += (x(i) - m).squaredNorm();
    return std::sqrt(sum / static_cast<double>(nodes()));
  }
  [[nodiscard]] double time() const { return progress_.time; }
  [[nodiscard]] const Traffic& traffic() const { return progress_.traffic; }
  /// Messages that are late and still on their way.
  [[nodiscard]] std::size_t under_way() const { return progress_.pending.size(); }
  [[nodiscard]] const M& method() const { return method_; }
  [[nodiscard]] const typename M::Plan& plan() const { return plan_; }
  [[nodiscard]] const Topology& topology() const { return topology_; }

  static void visit(auto& self, auto&& field) {
    if (self.under_way() > 0)
      throw std::invalid_argument(std::string(name) + ": " + std::to_string(self.under_way()) +
                                  " messages are under way, which no file holds");
    constexpr std::int64_t most = std::int64_t{1} << 53;
    field("time", self.progress_.time);
    field("events", self.progress_.traffic.events, std::int64_t{0}, most);
    field("gradients", self.progress_.traffic.gradients, std::int64_t{0}, most);
    field("messages", self.progress_.traffic.messages, std::int64_t{0}, most);
    field("bytes", self.progress_.traffic.bytes, std::int64_t{0}, most);
    for (std::size_t i = 0; i < self.slots_.size(); ++i) {
      const std::string prefix = "node" + std::to_string(i) + "/";
      std::remove_cvref_t<decltype(self.slots_[i])>::visit(self.slots_[i],
                                                           [&](std::string_view part, auto& value, auto... bounds) {
                                                             field(prefix + std::string(part), value, bounds...);
                                                           });
    }
  }

 private:
  template <class Start>
  Network(M&& method, Topology&& topology, const Start& start, Index size)
      : method_(std::move(method)), topology_(std::move(topology)), plan_(planned(method_, topology_, size)) {
    for (Index i = 0; i < nodes(); ++i) {
      const Eigen::VectorXd& first = start(i);
      if (!first.allFinite())
        throw std::invalid_argument(std::string(M::name) + ": the start of node " + std::to_string(i) +
                                    " is not finite");
      slots_.push_back({method_.init(plan_, i, first)});
    }
  }
  static typename M::Plan planned(const M& method, const Topology& topology, Index size) {
    visit_options(method, CheckOption{M::name, 0});
    if constexpr (requires { method.check(); }) method.check();
    return method.plan(topology, size);
  }
  static Topology checked(Topology&& topology, Index rows) {
    if (rows != topology.nodes())
      throw std::invalid_argument(std::string(M::name) + ": starts has " + std::to_string(rows) + " rows, must have " +
                                  std::to_string(topology.nodes()) + ", one for each node");
    return std::move(topology);
  }

  M method_;
  Topology topology_;
  typename M::Plan plan_;
  std::vector<detail::NodeSlot<Node>> slots_;
  detail::Progress progress_;
  bool broken_ = false;
};

}  // namespace glissade
