// The table of methods that run on the nodes of a network: a new one adds one line here and is held to every law of
// tests/laws/node_methods.cpp, and of tests/mpi/.
#pragma once

#include <glissade/networks.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// A network whose method is forgotten, so that the laws are compiled once.
class AnyNetwork {
 public:
  using Bytes = std::vector<std::byte>;

  template <class M>
  explicit AnyNetwork(glissade::Network<M> network) : model_(std::make_shared<Model<M>>(std::move(network))) {}
  AnyNetwork(const AnyNetwork& other) : model_(other.model_->clone()) {}
  AnyNetwork& operator=(const AnyNetwork&) = delete;

  template <class Channel = glissade::Simulation>
  glissade::Status run(const glissade::NodeGradient& gradient, const glissade::Until& until,
                       const Channel& channel = {}) {
    return model_->run(gradient, until, AnyChannel(channel));
  }
  /// All that the nodes remember.
  [[nodiscard]] Bytes bytes() const { return model_->bytes(); }
  [[nodiscard]] const glissade::Traffic& traffic() const { return model_->traffic(); }
  [[nodiscard]] double time() const { return model_->time(); }
  [[nodiscard]] const Eigen::VectorXd& x(Eigen::Index i) const { return model_->x(i); }
  /// visit(network) with the type it had.
  [[nodiscard]] const void* network() const { return model_->address(); }
  void save_to(const std::function<void(const void*)>& save) const { save(model_->address()); }

  /// Any channel.
  class AnyChannel {
   public:
    template <class C>
    explicit AnyChannel(const C& channel)
        : check_([&channel](const glissade::detail::NodeProgram& program) { channel.check(program); }),
          run_([&channel](auto&... all) { channel.run(all...); }) {}
    void check(const glissade::detail::NodeProgram& program) const { check_(program); }
    void run(glissade::detail::NodeProgram& program, const glissade::Topology& topology,
             glissade::detail::Progress& progress, const glissade::Until& until) const {
      run_(program, topology, progress, until);
    }

   private:
    std::function<void(const glissade::detail::NodeProgram&)> check_;
    std::function<void(glissade::detail::NodeProgram&, const glissade::Topology&, glissade::detail::Progress&,
                       const glissade::Until&)>
        run_;
  };

 private:
  struct Base {
    virtual ~Base() = default;
    [[nodiscard]] virtual std::shared_ptr<Base> clone() const = 0;
    virtual glissade::Status run(const glissade::NodeGradient& gradient, const glissade::Until& until,
                                 const AnyChannel& channel) = 0;
    [[nodiscard]] virtual Bytes bytes() const = 0;
    [[nodiscard]] virtual const glissade::Traffic& traffic() const = 0;
    [[nodiscard]] virtual double time() const = 0;
    [[nodiscard]] virtual const Eigen::VectorXd& x(Eigen::Index i) const = 0;
    [[nodiscard]] virtual const void* address() const = 0;
  };
  template <class M>
  struct Model final : Base {
    explicit Model(glissade::Network<M> n) : network(std::move(n)) {}
    [[nodiscard]] std::shared_ptr<Base> clone() const override { return std::make_shared<Model>(network); }
    glissade::Status run(const glissade::NodeGradient& gradient, const glissade::Until& until,
                         const AnyChannel& channel) override {
      return network.run(gradient, until, channel);
    }
    [[nodiscard]] Bytes bytes() const override {
      Bytes all;
      for (Eigen::Index i = 0; i < network.nodes(); ++i)
        M::Node::visit(network.node(i), glissade::detail::PackField{all});
      return all;
    }
    [[nodiscard]] const glissade::Traffic& traffic() const override { return network.traffic(); }
    [[nodiscard]] double time() const override { return network.time(); }
    [[nodiscard]] const Eigen::VectorXd& x(Eigen::Index i) const override { return network.x(i); }
    [[nodiscard]] const void* address() const override { return &network; }
    glissade::Network<M> network;
  };
  std::shared_ptr<Base> model_;
};

/// What the laws know of a method.
struct NodeMethodSubject {
  std::string name;
  /// A network on a topology; row i of starts is where node i begins.
  std::function<AnyNetwork(const glissade::Topology&, const Eigen::MatrixXd& starts)> make;
  bool late_messages = false;
  bool takes_gradients = true;
  bool needs_connected = true;
  bool one_graph = false;  // refuses a topology of several
  /// A sum over the nodes that no event changes, whatever messages do; null: there is none.
  std::function<Eigen::VectorXd(const AnyNetwork&)> conserved = nullptr;
};

namespace node_method_tables {

template <class M>
NodeMethodSubject subject_of(const char* name, const M& method) {
  NodeMethodSubject subject{name, [method](const glissade::Topology& topology, const Eigen::MatrixXd& starts) {
                              return AnyNetwork(glissade::Network(method, topology, glissade::EachFrom{starts}));
                            }};
  if constexpr (requires { M::late_messages; }) subject.late_messages = M::late_messages;
  return subject;
}
/// A federated method with two thirds of the nodes in a round, at least one.
template <class M>
NodeMethodSubject federated_subject(const char* name, M method) {
  NodeMethodSubject subject{name, [method](const glissade::Topology& topology, const Eigen::MatrixXd& starts) mutable {
                              method.clients_per_round = std::max<std::int64_t>(1, 2 * topology.nodes() / 3);
                              return AnyNetwork(glissade::Network(method, topology, glissade::EachFrom{starts}));
                            }};
  subject.needs_connected = false;
  return subject;
}
/// The sum over the nodes of what `part` makes of each.
template <class M, class Part>
auto sum_over_nodes(const Part& part) {
  return [part](const AnyNetwork& any) {
    const auto& network = *static_cast<const glissade::Network<M>*>(any.network());
    Eigen::VectorXd sum = part(network.plan(), network.node(0), network.time());
    for (Eigen::Index i = 1; i < network.nodes(); ++i) sum += part(network.plan(), network.node(i), network.time());
    return sum;
  };
}

}  // namespace node_method_tables

inline std::vector<NodeMethodSubject> node_method_subjects() {
  using namespace glissade;
  using namespace node_method_tables;
  std::vector<NodeMethodSubject> all;

  for (const GossipWeights weights : {GossipWeights::laplacian, GossipWeights::metropolis}) {
    auto& gossip = all.emplace_back(
        subject_of(weights == GossipWeights::laplacian ? "Gossip" : "Gossip, metropolis", Gossip{.weights = weights}));
    gossip.takes_gradients = false;
    gossip.needs_connected = weights == GossipWeights::laplacian;
    gossip.conserved = sum_over_nodes<Gossip>([](const auto&, const auto& node, double) { return node.x; });
  }

  const auto of_x = [](const auto&, const auto& node, double) { return node.x; };
  all.push_back(subject_of("ChebyshevGossip", ChebyshevGossip{}));
  all.back().takes_gradients = false;
  all.back().one_graph = true;
  all.back().conserved = sum_over_nodes<ChebyshevGossip>(of_x);
  all.push_back(subject_of("NesterovGossip", NesterovGossip{.restart_every = 30}));
  all.back().takes_gradients = false;
  all.back().conserved = sum_over_nodes<NesterovGossip>(of_x);

  all.push_back(subject_of("DecentralizedGradientDescent", DecentralizedGradientDescent{}));
  all.push_back(subject_of("Extra", Extra{}));
  all.back().one_graph = true;
  all.push_back(subject_of("GradientTracking", GradientTracking{.step_size = 0.05}));
  all.back().conserved = sum_over_nodes<GradientTracking>(
      [](const auto&, const auto& node, double) { return Eigen::VectorXd(node.y - node.gradient); });
  for (const std::int64_t steps : {1, 0, 3})
    all.push_back(subject_of(steps == 1   ? "AdomPlus"
                             : steps == 0 ? "AdomPlus, many steps"
                                          : "AdomPlus, 3 steps",
                             AdomPlus{.mu = 0.5, .L = 4, .gossip_steps = steps}));
  all.push_back(subject_of("Dadao", Dadao{.mu = 0.5, .L = 4, .seed = 3}));
  all.back().conserved = sum_over_nodes<Dadao>([](const Dadao::Plan& plan, Dadao::Node node, double time) {
    Dadao::flow_to(plan, node, time);
    return Eigen::VectorXd(node.z + 2 * node.z_tilde);
  });

  for (const DiLoCoMode mode : {DiLoCoMode::standard, DiLoCoMode::delayed, DiLoCoMode::eager}) {
    const bool standard = mode == DiLoCoMode::standard;
    all.push_back(subject_of(standard                    ? "DiLoCo, streaming"
                             : mode == DiLoCoMode::eager ? "DiLoCo, eager"
                                                         : "DiLoCo, delayed",
                             DiLoCo<>{.inner = {.learning_rate = 0.02},
                                      .inner_steps = 6,
                                      .mode = mode,
                                      .fragments = mode == DiLoCoMode::delayed ? 1 : 3,
                                      .sync_delay = standard ? 1 : 0,
                                      .merge = standard ? 0.25 : 0.0}));
    all.back().needs_connected = false;
  }

  all.push_back(federated_subject("FedAvg", FedAvg<>{.local_steps = 2, .proximal = 0.1}));
  all.push_back(federated_subject("FedSim", FedSim<>{.shared = 2, .server = {.momentum = 0.5}}));
  all.push_back(federated_subject("FedAlt", FedAlt<>{.shared = 1, .personal_steps = 1, .shared_steps = 2}));
  all.push_back(federated_subject("Scaffold", Scaffold{.local_steps = 2}));
  return all;
}
