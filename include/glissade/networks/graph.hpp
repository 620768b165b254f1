// Who is connected to whom: the graphs of networks.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../core/checks.hpp"
#include "../core/random.hpp"

namespace glissade {

/// An undirected edge between two different nodes.
struct Edge {
  Eigen::Index i = 0, j = 0;

  friend bool operator==(const Edge&, const Edge&) = default;
};

/// An undirected graph without loops and double edges: a value of size O(nodes + edges). Edges are kept sorted, with
/// i < j, so that two graphs of the same edges are the same whatever order these came in.
///
///     Graph graph = ring_graph(16);
///     Eigen::MatrixXd L = graph.laplacian();
///
/// Errors: std::invalid_argument for no nodes, an end of an edge that is no node, an edge from a node to itself.
class Graph {
 public:
  using Index = Eigen::Index;

  Graph(Index nodes, std::vector<Edge> edges) : edges_(std::move(edges)), begin_(checked_size(nodes) + 1, 0) {
    for (Edge& edge : edges_) {
      for (const Index end : {edge.i, edge.j})
        if (end < 0 || end >= nodes)
          reject("Graph", "an end of an edge", static_cast<double>(end), "in [0, " + std::to_string(nodes) + ")");
      if (edge.i == edge.j)
        throw std::invalid_argument("Graph: node " + std::to_string(edge.i) + " has an edge to itself");
      if (edge.i > edge.j) std::swap(edge.i, edge.j);
    }
    const auto key = [](const Edge& edge) { return std::pair(edge.i, edge.j); };
    std::sort(edges_.begin(), edges_.end(), [&](const Edge& a, const Edge& b) { return key(a) < key(b); });
    edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
    list_neighbors();
  }

  [[nodiscard]] Index nodes() const { return static_cast<Index>(begin_.size()) - 1; }
  [[nodiscard]] const std::vector<Edge>& edges() const { return edges_; }
  /// Those of a node, in rising order.
  [[nodiscard]] std::span<const Index> neighbors(Index node) const {
    const auto k = static_cast<std::size_t>(node);
    return std::span(neighbors_).subspan(begin_[k], begin_[k + 1] - begin_[k]);
  }
  [[nodiscard]] Index degree(Index node) const { return static_cast<Index>(neighbors(node).size()); }

  /// LX = L X with the Laplacian L = D - A; X has a row for each node. Cost: edges times columns.
  void laplacian_product(const Eigen::Ref<const Eigen::MatrixXd>& X, Eigen::MatrixXd& LX) const {
    LX.resize(X.rows(), X.cols());
    for (Index i = 0; i < nodes(); ++i) {
      LX.row(i) = static_cast<double>(degree(i)) * X.row(i);
      for (const Index j : neighbors(i)) LX.row(i) -= X.row(j);
    }
  }
  [[nodiscard]] Eigen::MatrixXd laplacian() const {
    Eigen::MatrixXd L;
    laplacian_product(Eigen::MatrixXd::Identity(nodes(), nodes()), L);
    return L;
  }

  /// The part that each node is in, numbered from 0 by their smallest nodes.
  [[nodiscard]] std::vector<Index> components() const {
    std::vector<Index> part(static_cast<std::size_t>(nodes()), -1), open;
    Index next = 0;
    for (Index i = 0; i < nodes(); ++i) {
      if (part[static_cast<std::size_t>(i)] >= 0) continue;
      open.assign(1, i);
      part[static_cast<std::size_t>(i)] = next;
      while (!open.empty()) {
        const Index at = open.back();
        open.pop_back();
        for (const Index j : neighbors(at)) {
          if (part[static_cast<std::size_t>(j)] >= 0) continue;
          part[static_cast<std::size_t>(j)] = next;
          open.push_back(j);
        }
      }
      ++next;
    }
    return part;
  }

  friend bool operator==(const Graph& a, const Graph& b) { return a.nodes() == b.nodes() && a.edges_ == b.edges_; }

 private:
  static std::size_t checked_size(Index nodes) {
    require("Graph", "nodes", static_cast<double>(nodes), range::at_least_one);
    return static_cast<std::size_t>(nodes);
  }
  void list_neighbors() {
    for (const Edge& edge : edges_)
      for (const Index end : {edge.i, edge.j}) ++begin_[static_cast<std::size_t>(end) + 1];
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
    neighbors_.resize(2 * edges_.size());
    std::vector<std::size_t> next(begin_.begin(), begin_.end() - 1);
    // Sorted edges list the smaller neighbors of every node before the larger ones.
    for (const Edge& edge : edges_) neighbors_[next[static_cast<std::size_t>(edge.j)]++] = edge.i;
    for (const Edge& edge : edges_) neighbors_[next[static_cast<std::size_t>(edge.i)]++] = edge.j;
  }

  std::vector<Edge> edges_;
  std::vector<std::size_t> begin_;  // of the neighbors of a node, and the end of the last one's
  std::vector<Index> neighbors_;
};

/// Throws std::invalid_argument that names the parts of a graph that is not connected.
inline void require_connected(std::string_view owner, const Graph& graph) {
  const std::vector<Eigen::Index> part = graph.components();
  const Eigen::Index parts = *std::max_element(part.begin(), part.end()) + 1;
  if (parts == 1) return;
  constexpr Eigen::Index shown = 4;
  std::string text;
  for (Eigen::Index p = 0; p < std::min(parts, shown); ++p) {
    text += p == 0 ? "{" : ", {";
    Eigen::Index listed = 0;
    for (std::size_t i = 0; i < part.size(); ++i)
      if (part[i] == p && ++listed <= shown) text += (listed == 1 ? "" : ", ") + std::to_string(i);
    text += listed > shown ? ", ...}" : "}";
  }
  throw std::invalid_argument(std::string(owner) + ": the graph is not connected, its parts are " + text +
                              (parts > shown ? ", ..." : ""));
}

/// 0 - 1 - ... - (nodes - 1).
inline Graph line_graph(Eigen::Index nodes) {
  std::vector<Edge> edges;
  for (Eigen::Index i = 0; i + 1 < nodes; ++i) edges.push_back({i, i + 1});
  return {nodes, std::move(edges)};
}
/// A line with its ends joined.
inline Graph ring_graph(Eigen::Index nodes) {
  std::vector<Edge> edges;
  for (Eigen::Index i = 0; i + 1 < nodes; ++i) edges.push_back({i, i + 1});
  if (nodes > 2) edges.push_back({0, nodes - 1});
  return {nodes, std::move(edges)};
}
/// Node r cols + c has its neighbors left, right, above and below.
inline Graph grid_graph(Eigen::Index rows, Eigen::Index cols) {
  require("grid_graph", "rows", static_cast<double>(rows), range::at_least_one);
  require("grid_graph", "cols", static_cast<double>(cols), range::at_least_one);
  std::vector<Edge> edges;
  for (Eigen::Index r = 0; r < rows; ++r)
    for (Eigen::Index c = 0; c < cols; ++c) {
      if (c + 1 < cols) edges.push_back({r * cols + c, r * cols + c + 1});
      if (r + 1 < rows) edges.push_back({r * cols + c, (r + 1) * cols + c});
    }
  return {rows * cols, std::move(edges)};
}
/// All others are connected with one node, the hub.
inline Graph star_graph(Eigen::Index nodes, Eigen::Index hub = 0) {
  std::vector<Edge> edges;
  for (Eigen::Index i = 0; i < nodes; ++i)
    if (i != hub) edges.push_back({hub, i});
  return {nodes, std::move(edges)};
}
inline Graph complete_graph(Eigen::Index nodes) {
  std::vector<Edge> edges;
  for (Eigen::Index i = 0; i < nodes; ++i)
    for (Eigen::Index j = i + 1; j < nodes; ++j) edges.push_back({i, j});
  return {nodes, std::move(edges)};
}
/// Every pair is an edge with a probability in [0, 1], independently. It need not be connected. Cost: nodes^2 / 2.
inline Graph erdos_renyi_graph(Eigen::Index nodes, double probability, std::uint64_t seed) {
  require("erdos_renyi_graph", "probability", probability, range::fraction);
  const RandomKey key{seed};
  std::vector<Edge> edges;
  std::uint64_t pair = 0;
  for (Eigen::Index i = 0; i < nodes; ++i)
    for (Eigen::Index j = i + 1; j < nodes; ++j)
      if (key.uniform(pair++) < probability) edges.push_back({i, j});
  return {nodes, std::move(edges)};
}
/// Every node has `degree` neighbors, nodes times degree even: stubs are paired at random, and pairs that are loops or
/// double edges exchange ends with random other pairs until there are none. For degree >= 3 it is connected with high
/// probability. Errors: std::invalid_argument where no such graph exists.
inline Graph random_regular_graph(Eigen::Index nodes, Eigen::Index degree, std::uint64_t seed) {
  require("random_regular_graph", "degree", static_cast<double>(degree),
          Range{0, static_cast<double>(nodes), false, true});
  if (nodes % 2 == 1 && degree % 2 == 1)
    throw std::invalid_argument("random_regular_graph: nodes = " + std::to_string(nodes) +
                                " times degree = " + std::to_string(degree) + ", must be even");
  if (2 * degree > nodes - 1) {  // those that have no edge make such a graph of fewer neighbors
    const Graph other = random_regular_graph(nodes, nodes - 1 - degree, seed);
    std::vector<Edge> edges = complete_graph(nodes).edges();
    std::erase_if(edges, [&](const Edge& edge) {
      const auto neighbors = other.neighbors(edge.i);
      return std::binary_search(neighbors.begin(), neighbors.end(), edge.j);
    });
    return {nodes, std::move(edges)};
  }
  const RandomKey key{seed};
  std::uint64_t counter = 0;
  const auto draw = [&](std::size_t count) {
    return std::min(static_cast<std::size_t>(key.uniform(counter++) * static_cast<double>(count)), count - 1);
  };
  std::vector<Edge> pairs;
  for (std::uint64_t attempt = 0; attempt < 1000; ++attempt) {
    std::vector<Eigen::Index> stubs;
    for (Eigen::Index i = 0; i < nodes; ++i) stubs.insert(stubs.end(), static_cast<std::size_t>(degree), i);
    for (std::size_t k = stubs.size(); k > 1; --k) std::swap(stubs[k - 1], stubs[draw(k)]);
    pairs.clear();
    for (std::size_t k = 0; k + 1 < stubs.size(); k += 2) pairs.push_back({stubs[k], stubs[k + 1]});
    for (int sweep = 0; sweep < 100; ++sweep) {
      std::vector<std::pair<Edge, std::size_t>> sorted;
      for (std::size_t k = 0; k < pairs.size(); ++k)
        sorted.push_back({{std::min(pairs[k].i, pairs[k].j), std::max(pairs[k].i, pairs[k].j)}, k});
      std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
        return std::pair(std::pair(a.first.i, a.first.j), a.second) <
               std::pair(std::pair(b.first.i, b.first.j), b.second);
      });
      bool good = true;
      for (std::size_t s = 0; s < sorted.size(); ++s) {
        const auto& [edge, k] = sorted[s];
        if (edge.i != edge.j && (s == 0 || !(sorted[s - 1].first == edge))) continue;
        good = false;
        std::swap(pairs[k].j, pairs[draw(pairs.size())].j);
      }
      if (good) return {nodes, std::move(pairs)};
    }
  }
  throw std::invalid_argument("random_regular_graph: no graph with nodes = " + std::to_string(nodes) +
                              ", degree = " + std::to_string(degree) + " was found");
}

/// w_ij of Metropolis: 1 / (1 + max(degree_i, degree_j)) for an edge. Nodes need to know their neighbors' degrees
/// alone. Source: Xiao and Boyd, Fast linear iterations for distributed averaging, 2004.
inline double metropolis_weight(const Graph& graph, Eigen::Index i, Eigen::Index j) {
  return 1.0 / static_cast<double>(1 + std::max(graph.degree(i), graph.degree(j)));
}
/// Symmetric and doubly stochastic: w_ii = 1 - sum_j w_ij.
inline Eigen::MatrixXd metropolis_matrix(const Graph& graph) {
  Eigen::MatrixXd W = Eigen::MatrixXd::Identity(graph.nodes(), graph.nodes());
  for (const Edge& edge : graph.edges()) {
    const double w = metropolis_weight(graph, edge.i, edge.j);
    W(edge.i, edge.j) += w;
    W(edge.j, edge.i) += w;
    W(edge.i, edge.i) -= w;
    W(edge.j, edge.j) -= w;
  }
  return W;
}

}  // namespace glissade
