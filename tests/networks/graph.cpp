#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/networks/graph.hpp>
#include <glissade/networks/graph_spectrum.hpp>
#include <glissade/networks/node_method.hpp>

#include <Eigen/LU>

#include <algorithm>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

std::vector<std::pair<const char*, Graph>> graphs() {
  return {
      {"line", line_graph(16)},    {"ring", ring_graph(16)},         {"grid", grid_graph(4, 4)},
      {"star", star_graph(16, 3)}, {"complete", complete_graph(16)}, {"random regular", random_regular_graph(16, 4, 2)},
      {"two", line_graph(2)},      {"one", ring_graph(1)},           {"random", erdos_renyi_graph(16, 0.4, 1)}};
}

}  // namespace

TEST_CASE("graph: neighbors, degrees and the Laplacian belong together") {
  for (const auto& [name, graph] : graphs()) {
    INFO(name);
    MatrixXd adjacency = MatrixXd::Zero(graph.nodes(), graph.nodes());
    for (const Edge& edge : graph.edges()) adjacency(edge.i, edge.j) = adjacency(edge.j, edge.i) = 1;
    for (Index i = 0; i < graph.nodes(); ++i) {
      const auto neighbors = graph.neighbors(i);
      CHECK(std::is_sorted(neighbors.begin(), neighbors.end()));
      CHECK(static_cast<double>(graph.degree(i)) == adjacency.row(i).sum());
      for (const Index j : neighbors) CHECK(adjacency(i, j) == 1);
    }
    CHECK(graph.laplacian() == MatrixXd(adjacency.rowwise().sum().asDiagonal()) - adjacency);
    const MatrixXd X = MatrixXd::Random(graph.nodes(), 3);
    MatrixXd LX;
    graph.laplacian_product(X, LX);
    CHECK((LX - graph.laplacian() * X).norm() <= 1e-13);
  }
}

TEST_CASE("graph: what the factories promise") {
  CHECK(line_graph(5).edges().size() == 4);
  CHECK(ring_graph(5).edges().size() == 5);
  CHECK(ring_graph(2) == line_graph(2));
  CHECK(grid_graph(3, 4).edges().size() == 3 * 3 + 2 * 4);
  CHECK(star_graph(7, 2).degree(2) == 6);
  CHECK(complete_graph(7).edges().size() == 21);
  CHECK(erdos_renyi_graph(9, 0, 1).edges().empty());
  CHECK(erdos_renyi_graph(9, 1, 1) == complete_graph(9));
  CHECK(erdos_renyi_graph(300, 0.1, 5).edges().size() == Approx(0.1 * 300 * 299 / 2).epsilon(0.05));
  CHECK(erdos_renyi_graph(30, 0.3, 5) == erdos_renyi_graph(30, 0.3, 5));
  CHECK_FALSE(erdos_renyi_graph(30, 0.3, 5) == erdos_renyi_graph(30, 0.3, 6));
  for (const Index degree : {1, 2, 3, 4, 9, 19})
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
      const Graph graph = random_regular_graph(20, degree, seed);
      CHECK(graph.edges().size() == static_cast<std::size_t>(10 * degree));
      for (Index i = 0; i < 20; ++i) CHECK(graph.degree(i) == degree);
    }
  CHECK_FALSE(random_regular_graph(20, 3, 1) == random_regular_graph(20, 3, 2));
  CHECK(Graph(4, {{3, 1}, {1, 3}, {0, 1}}) == Graph(4, {{0, 1}, {1, 3}}));
}

TEST_CASE("graph: spectra known in closed form") {
  constexpr double pi = std::numbers::pi;
  CHECK(laplacian_spectrum(ring_graph(16)).smallest == Approx(2 - 2 * std::cos(pi / 8)));
  CHECK(laplacian_spectrum(ring_graph(16)).largest == Approx(4));
  CHECK(laplacian_spectrum(line_graph(16)).smallest == Approx(2 - 2 * std::cos(pi / 16)));
  CHECK(laplacian_spectrum(star_graph(64)).condition() == Approx(64));
  CHECK(laplacian_spectrum(ring_graph(64)).condition() == Approx(415.345).epsilon(1e-6));
  CHECK(laplacian_spectrum(ring_graph(1)).largest == 0);
  // chi1 and chi2 of DADAO's table
  const struct {
    Graph graph;
    double chi1, chi2;
  } table[] = {{line_graph(16), 390.3, 7.5},
               {ring_graph(16), 105.1, 7.5},
               {grid_graph(4, 4), 40.97, 8.41},
               {star_graph(16), 15, 7.5},
               {complete_graph(16), 7.5, 7.5}};
  for (const auto& row : table) {
    const GraphSpectrum spectrum = laplacian_spectrum(row.graph);
    CHECK(spectrum.chi1 == Approx(row.chi1).epsilon(5e-4));
    CHECK(spectrum.chi2 == Approx(row.chi2).epsilon(5e-4));
    CHECK(spectrum.chi2 <= spectrum.chi1 * (1 + 1e-12));
  }
}

TEST_CASE("graph: matrices of gossip keep the mean and shrink the rest") {
  for (const auto& [name, graph] : graphs()) {
    if (std::string_view(name) == "random") continue;
    INFO(name);
    for (const MatrixXd& W : {gossip_matrix(graph), metropolis_matrix(graph)}) {
      CHECK((W - W.transpose()).norm() == 0);
      CHECK((W.rowwise().sum().array() - 1).matrix().norm() <= 1e-14 * static_cast<double>(graph.nodes()));
      const VectorXd values = Eigen::SelfAdjointEigenSolver<MatrixXd>(W).eigenvalues();
      CHECK(values.maxCoeff() <= 1 + 1e-12);
      CHECK(values[0] > -1);
      for (Index k = 0; k + 1 < values.size(); ++k) CHECK(values[k] < 1 - 1e-4);
      for (Index i = 0; i < W.rows(); ++i)
        for (Index j = 0; j < i; ++j)
          if (std::find(graph.neighbors(i).begin(), graph.neighbors(i).end(), j) == graph.neighbors(i).end())
            CHECK(W(i, j) == 0);
    }
  }
}

TEST_CASE("graph: what is no graph, or not connected, is refused with a sentence") {
  CHECK(message_of([] { Graph(0, {}); }) == "Graph: nodes = 0, must be >= 1 and finite");
  CHECK(message_of([] { Graph(3, {{0, 3}}); }) == "Graph: an end of an edge = 3, must be in [0, 3)");
  CHECK(message_of([] { Graph(3, {{1, 1}}); }) == "Graph: node 1 has an edge to itself");
  CHECK(message_of([] {
          require_connected("X", Graph(7, {{0, 2}, {2, 4}, {1, 3}}));
        }) == "X: the graph is not connected, its parts are {0, 2, 4}, {1, 3}, {5}, {6}");
  CHECK(message_of([] {
          laplacian_spectrum(Graph(11, {{0, 1}, {1, 2}, {2, 3}, {3, 4}}));
        }) == "laplacian_spectrum: the graph is not connected, its parts are {0, 1, 2, 3, ...}, {5}, {6}, {7}, ...");
  require_connected("X", ring_graph(5));
  CHECK(message_of([] { random_regular_graph(5, 3, 1); }) ==
        "random_regular_graph: nodes = 5 times degree = 3, must be even");
  CHECK(message_of([] { random_regular_graph(5, 5, 1); }) == "random_regular_graph: degree = 5, must be in [0, 5)");
  CHECK(message_of([] { erdos_renyi_graph(5, 1.5, 1); }) == "erdos_renyi_graph: probability = 1.5, must be in [0, 1]");
  CHECK(message_of([] { grid_graph(0, 3); }) == "grid_graph: rows = 0, must be >= 1 and finite");
  CHECK(message_of([] {
          Topology({ring_graph(4), ring_graph(5)});
        }) == "Topology: a graph has 5 nodes, the first one 4");
  CHECK(message_of([] { Topology({ring_graph(4)}, 0); }) == "Topology: period = 0, must be >= 1 and finite");
  const Topology changing({ring_graph(4), line_graph(4)}, 3);
  CHECK(changing.at(2) == ring_graph(4));
  CHECK(changing.at(3) == line_graph(4));
  CHECK(changing.at(6) == ring_graph(4));
}
