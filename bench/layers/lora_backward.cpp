// Gradients of LoRA's factors: LoraLayer::backward against the gradient of the whole weight followed by its projection.
#include "support/race.hpp"
#include <glissade/layers/lora.hpp>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXf;

void compare(Index m, Index n, Index batch) {
  const Index least = std::min(m, n);
  std::printf("\n%ld x %ld, batch %ld, float: ms\n  %6s %10s %10s %8s\n", static_cast<long>(m), static_cast<long>(n),
              static_cast<long>(batch), "rank", "factors", "whole", "ratio");
  for (const Index rank : {Index{4}, Index{16}, least / 16, least / 8, least / 4, least / 2, least}) {
    LoraLayer<float> layer(MatrixXf::Random(m, n), {.rank = static_cast<int>(rank), .alpha = 8});
    layer.B.setRandom();
    const MatrixXf X = MatrixXf::Random(n, batch), dY = MatrixXf::Random(m, batch);
    MatrixXf Y(m, batch), G(m, n), dA(rank, n), dB(m, rank), wholeA(rank, n), wholeB(m, rank);
    layer.forward(X, Y);
    const auto s = bench::race({{"factors", [&] { layer.backward(X, dY, dA, dB); }},
                                {"whole",
                                 [&] {
                                   G.noalias() = dY * X.transpose();
                                   layer.project(G, wholeA, wholeB);
                                 }}},
                               7, 1);
    std::printf("  %6ld %10.3f %10.3f %8.2f%s\n", static_cast<long>(rank), 1e3 * s[0], 1e3 * s[1], s[1] / s[0],
                dA.isApprox(wholeA, 1e-3f) && dB.isApprox(wholeB, 1e-3f) ? "" : "  differ");
  }
}

}  // namespace

int main() {
  std::printf("ratio > 1 is wanted up to a rank of min(m, n) / 4\n");
  compare(1024, 1024, 256);
  compare(1024, 1024, 2048);
  compare(512, 2048, 512);
  return 0;
}
