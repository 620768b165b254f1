// What methods of consensus must know of the spectra of their graphs.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include "graph_spectrum.hpp"
#include "node_method.hpp"

namespace glissade {

/// Bounds of the eigenvalues other than 0 of the Laplacians of all graphs; both 0 where there is one node.
struct ConsensusBounds {
  double largest = 0, smallest = 0;
};

/// Those of the graphs, or what is given in their place, where it is not 0.
/// Cost: 9 nodes^3 flops for each graph.
/// Errors: std::invalid_argument for a graph that is not connected, and for bounds that do not hold.
template <class Matrix = Eigen::MatrixXd>
ConsensusBounds consensus_bounds(std::string_view owner, const Topology& topology, double largest = 0,
                                 double smallest = 0) {
  ConsensusBounds found{0, std::numeric_limits<double>::infinity()};
  for (const Graph& graph : topology.graphs()) {
    require_connected(owner, graph);
    const GraphSpectrum spectrum = laplacian_spectrum<Matrix>(graph);
    found.largest = std::max(found.largest, spectrum.largest);
    found.smallest = std::min(found.smallest, spectrum.smallest);
  }
  if (largest > 0) {
    if (!(largest >= found.largest * (1 - 1e-12)))
      reject(owner, "largest", largest, "at least " + to_text(found.largest) + ", the largest eigenvalue of the graph");
    found.largest = largest;
  }
  if (smallest > 0) {
    if (!(smallest <= found.smallest * (1 + 1e-12)))
      reject(owner, "smallest", smallest,
             "at most " + to_text(found.smallest) + ", the smallest eigenvalue of the graph that is not 0");
    found.smallest = smallest;
  }
  return found;
}

}  // namespace glissade
