// What rates of consensus depend on: the spectra of graphs. What needs eigenvalues is a template, here and in the
// methods that ask for a spectrum, so that the solver is compiled only where one of them is used.
#pragma once

#include <Eigen/Eigenvalues>

#include <algorithm>

#include "graph.hpp"

namespace glissade {

/// What rates of consensus depend on, of a connected graph.
struct GraphSpectrum {
  double largest = 0;   // eigenvalue of the Laplacian L
  double smallest = 0;  // that is not 0
  double chi1 = 0;      // |E| / smallest
  double chi2 = 0;      // half of |E| times the largest effective resistance of an edge, at most chi1

  /// largest / smallest >= 1: about so many rounds of gossip reduce disagreement by e.
  [[nodiscard]] double condition() const { return largest / smallest; }
};

/// The spectrum of the Laplacian. For one node all is 0. Cost: 9 nodes^3 flops and memory for nodes^2 numbers.
/// Errors: std::invalid_argument if the graph is not connected.
template <class Matrix = Eigen::MatrixXd>
GraphSpectrum laplacian_spectrum(const Graph& graph) {
  require_connected("laplacian_spectrum", graph);
  const Eigen::Index n = graph.nodes();
  if (n == 1) return {};
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(graph.laplacian());
  const Eigen::VectorXd& values = eigen.eigenvalues();
  const auto edges = static_cast<double>(graph.edges().size());
  GraphSpectrum result{values[n - 1], values[1], edges / values[1], 0};
  const Matrix V = eigen.eigenvectors().rightCols(n - 1);
  for (const Edge& edge : graph.edges()) {
    const Eigen::VectorXd difference = (V.row(edge.i) - V.row(edge.j)).transpose();
    const double resistance = (difference.array().square() / values.tail(n - 1).array()).sum();
    result.chi2 = std::max(result.chi2, edges / 2 * resistance);
  }
  return result;
}

/// I - L / largest: symmetric, rows sum to 1, eigenvalues in [0, 1].
template <class Matrix = Eigen::MatrixXd>
Matrix gossip_matrix(const Graph& graph) {
  const GraphSpectrum s = laplacian_spectrum<Matrix>(graph);
  const Eigen::Index n = graph.nodes();
  if (n == 1) return Matrix::Identity(1, 1);
  return Matrix::Identity(n, n) - graph.laplacian() / s.largest;
}

}  // namespace glissade
