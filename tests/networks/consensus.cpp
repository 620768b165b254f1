#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/networks.hpp>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

MatrixXd starts(Index n, std::uint64_t seed = 1) {
  MatrixXd rows(n, 2);
  for (Index i = 0; i < rows.size(); ++i) rows.data()[i] = RandomKey{seed}.normal(static_cast<std::uint64_t>(i));
  return rows;
}

/// |x - mean of the starts|, relative to that of the starts, after every round; up to `rounds` or 1e-6.
template <class M>
std::vector<double> errors(const M& method, const Topology& topology, std::int64_t rounds, double enough = 1e-6,
                           std::uint64_t seed = 1) {
  const MatrixXd first = starts(topology.nodes(), seed);
  const Eigen::RowVectorXd mean = first.colwise().mean();
  const double size = (first.rowwise() - mean).norm();
  Network network(method, topology, EachFrom{first});
  std::vector<double> all{1};
  const NodeGradient none = nullptr;
  for (std::int64_t k = 1; k <= rounds && all.back() > enough; ++k) {
    network.run(none, {.events = k});
    double sum = 0;
    for (Index i = 0; i < topology.nodes(); ++i) sum += (network.x(i).transpose() - mean).squaredNorm();
    all.push_back(std::sqrt(sum) / size);
  }
  return all;
}
template <class M>
std::int64_t rounds_to(const M& method, const Topology& topology, std::int64_t most = 4000) {
  const auto all = errors(method, topology, most);
  return all.back() <= 1e-6 ? static_cast<std::int64_t>(all.size()) - 1 : -1;
}

/// Stars whose hubs take turns.
Topology rotating_star(Index nodes, std::int64_t period) {
  std::vector<Graph> graphs;
  for (Index hub = 0; hub < nodes; ++hub) graphs.push_back(star_graph(nodes, hub));
  return Topology(std::move(graphs), period);
}
/// A ring and `extra` random edges that change every `period` rounds.
Topology ring_and_more(Index nodes, int extra, std::int64_t period) {
  std::vector<Graph> graphs;
  for (std::uint64_t k = 0; k < 64; ++k) {
    std::vector<Edge> edges = ring_graph(nodes).edges();
    std::uint64_t n = 0;
    for (int e = 0; e < extra;) {
      const RandomKey key = RandomKey{9}.derive(k);
      const auto end = [&] { return static_cast<Index>(key.uniform(n++) * static_cast<double>(nodes)); };
      const Edge edge{end(), end()};
      if (edge.i == edge.j) continue;
      edges.push_back(edge);
      ++e;
    }
    graphs.emplace_back(nodes, std::move(edges));
  }
  return Topology(std::move(graphs), period);
}

}  // namespace

TEST_CASE("Gossip: the error falls by 1 - smallest / largest eigenvalue a round") {
  for (const Graph& graph : {ring_graph(16), star_graph(12), grid_graph(3, 5), complete_graph(5)}) {
    const GraphSpectrum spectrum = laplacian_spectrum(graph);
    const auto all = errors(Gossip{}, graph, 100, 1e-12);
    for (std::size_t k = 1; k < all.size(); ++k)
      CHECK(all[k] <= all[k - 1] * (1 - spectrum.smallest / spectrum.largest) + 1e-14);
  }
  // Late messages are taken off what was sent then: the mean stays, and is reached.
  Network network(Gossip{.step = 0.05}, ring_graph(8), EachFrom{starts(8)});
  const VectorXd mean = network.mean();
  const NodeGradient none = nullptr;
  network.run(none, {.events = 1200}, Simulation{{.late = [](const Event& event, Index from, Index to) {
                return event.number < 1180 ? (from + 2 * to) % 3 : 0;
              }}});
  CHECK((network.mean() - mean).norm() <= 1e-13);
  CHECK(network.disagreement() <= 1e-9);
}

TEST_CASE("ChebyshevGossip: its bound holds at every round, and 144 rounds are enough on a ring of 64") {
  const GraphSpectrum spectrum = laplacian_spectrum(ring_graph(64));
  const double root = std::sqrt(spectrum.condition()), b = (root - 1) / (root + 1);
  const auto all = errors(ChebyshevGossip{}, ring_graph(64), 1000);
  for (std::size_t k = 0; k < all.size(); ++k) {
    const auto rounds = static_cast<double>(k);
    CHECK(all[k] <= 2 * std::pow(b, rounds) / (1 + std::pow(b, 2 * rounds)) * (1 + 1e-9));
  }
  CHECK(all.size() - 1 == 144);  // as numpy
  CHECK(errors(ChebyshevGossip{}, complete_graph(9), 3).size() - 1 == 1);
  // a_k is scaled down on the way
  const auto longer = errors(ChebyshevGossip{.largest = 5, .smallest = 0.001}, ring_graph(64), 6000, 1e-13);
  CHECK(longer.back() <= 1e-13);
}

TEST_CASE("NesterovGossip: the energy falls by 1 - s in every round, whatever graph comes next") {
  for (const Topology& topology : {Topology(ring_graph(16)), rotating_star(16, 1), rotating_star(16, 10),
                                   ring_and_more(16, 3, 1), ring_and_more(16, 3, 20)}) {
    const ConsensusBounds bounds = consensus_bounds("test", topology);
    const double s = std::sqrt(bounds.smallest / bounds.largest);
    const MatrixXd first = starts(16);
    const Eigen::RowVectorXd mean = first.colwise().mean();
    Network network(NesterovGossip{}, topology, EachFrom{first});
    const auto points = [&] {
      MatrixXd x(16, 2);
      for (Index i = 0; i < 16; ++i) x.row(i) = network.x(i);
      return x;
    };
    const auto energy = [&](const Graph& graph, const MatrixXd& x, const MatrixXd& v) {
      MatrixXd Lx;
      graph.laplacian_product(x, Lx);
      return 0.5 * (x.rowwise() - mean).cwiseProduct(Lx).sum() +
             0.5 * bounds.smallest * (v.rowwise() - mean).squaredNorm();
    };
    MatrixXd x = first, v = first;
    const NodeGradient none = nullptr;
    for (std::int64_t k = 0; k < 300; ++k) {
      const double before = energy(topology.at(k), x, v);
      network.run(none, {.events = k + 1});
      const MatrixXd next = points();
      v = x + (next - x) / s;
      x = next;
      CHECK(energy(topology.at(k), x, v) <= (1 - s) * before * (1 + 1e-9) + 1e-28);
    }
  }
}

TEST_CASE("NesterovGossip: faster on graphs that change seldom or little, lost on those that change at will") {
  const auto plain = [](const Topology& topology) { return rounds_to(Gossip{}, topology); };
  const auto nesterov = [](const Topology& topology) { return rounds_to(NesterovGossip{}, topology); };
  CHECK(nesterov(ring_graph(64)) == Approx(306).epsilon(0.1));
  // hubs that change every p rounds: 1, 2, 10
  CHECK(plain(rotating_star(64, 1)) == Approx(260).epsilon(0.1));
  CHECK(nesterov(rotating_star(64, 1)) == -1);  // not in 4000 rounds
  CHECK(plain(rotating_star(64, 2)) == Approx(375).epsilon(0.1));
  CHECK(nesterov(rotating_star(64, 2)) == Approx(113).epsilon(0.1));
  CHECK(plain(rotating_star(64, 10)) == Approx(665).epsilon(0.1));
  CHECK(nesterov(rotating_star(64, 10)) == Approx(123).epsilon(0.1));
  // a ring that stays, and 8 edges that change every round
  CHECK(10 * nesterov(ring_and_more(64, 8, 1)) < 8 * plain(ring_and_more(64, 8, 1)));
  CHECK(2 * nesterov(ring_and_more(64, 8, 10)) < plain(ring_and_more(64, 8, 10)));
}

TEST_CASE("consensus: bounds that do not hold, and graphs that change, are refused with a sentence") {
  const auto refused = [](const auto& method, const Topology& topology) {
    return message_of([&] { Network(method, topology, VectorXd::Zero(1)); });
  };
  CHECK(refused(Gossip{.step = 0.6}, ring_graph(4)).starts_with("Gossip: step = 0.6, must be below 0.5"));
  CHECK(refused(ChebyshevGossip{.largest = 3}, ring_graph(4))
            .starts_with("ChebyshevGossip: largest = 3, must be at least"));
  CHECK(refused(NesterovGossip{.smallest = 2.5}, ring_graph(4))
            .starts_with("NesterovGossip: smallest = 2.5, must be at"));
  CHECK(refused(ChebyshevGossip{}, rotating_star(4, 2)) ==
        "ChebyshevGossip: the graph must stay the same; for one that changes there is NesterovGossip");
  CHECK(refused(NesterovGossip{.restart_every = -1}, ring_graph(4)) ==
        "NesterovGossip: restart_every = -1, must be >= 0 and finite");
}
