// Closed-form edits against the size of the layer: an edit of a batch of keys with the factor that an editor keeps, in
// how many direct ones, which form C + K K' and factorize it, that would be; and what it costs to start.
#include <glissade/weights.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace {

double seconds(const auto& work) {
  double least = 1e300;
  for (int time = 0; time < 3; ++time) {
    const auto start = std::chrono::steady_clock::now();
    work();
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return least;
}

Eigen::MatrixXd normals(Eigen::Index rows, Eigen::Index cols, std::uint64_t seed) {
  const glissade::RandomKey key{seed};
  Eigen::MatrixXd M(rows, cols);
  for (Eigen::Index i = 0; i < M.size(); ++i) M.data()[i] = key.normal(static_cast<std::uint64_t>(i));
  return M;
}

}  // namespace

int main() {
  using namespace glissade;
  using Eigen::Index;
  using Eigen::MatrixXd;
  std::printf(" inputs outputs   keys     start      MEMIT  forgetful  EMMET exact    direct  direct / MEMIT\n");
  for (const auto& [n, m, u] : {std::array<Index, 3>{256, 256, 1},
                                {256, 256, 64},
                                {1024, 1024, 1},
                                {1024, 1024, 64},
                                {1024, 1024, 256},
                                {1024, 1024, 2048}}) {
    const MatrixXd C = second_moments(normals(n, 2 * n, 1)), K = normals(n, u, 2), V = normals(m, u, 3);
    const MatrixXd W = normals(m, n, 4);
    const double start = seconds([&] { const WeightEditor editor({.lambda = 10}, C); });
    const auto edit = [&](const EditOptions& options) {
      WeightEditor editor(options, C);
      MatrixXd X = W;
      return seconds([&] {
        if (editor.edit(X, K, V).end != EditEnd::written) std::printf("not written\n");
      });
    };
    const double memit = edit({.lambda = 10}), forgetful = edit({.lambda = 10, .accumulate_keys = false});
    const double exact = u < n ? edit({.kind = EditKind::emmet, .relaxation = 0, .accumulate_keys = false}) : 0;
    double sum = 0;
    const double direct = seconds([&] {
      MatrixXd S = 10 * C;
      product_with_transposed(K, K, S, 1, true);
      MatrixXd R = V;
      product(W, K, R, -1, true);
      MatrixXd right(W.cols(), W.rows());
      product_with_transposed(K, R, right);
      Eigen::LLT<MatrixXd>(S).solveInPlace(right);
      sum += (W + right.transpose()).sum();
    });
    std::printf("%7td %7td %6td %9.4f  %9.5f  %9.5f    %9.5f %9.5f  %.1f%s\n", n, m, u, start, memit, forgetful, exact,
                direct, direct / memit, sum == 0 ? " " : "");
  }
  return 0;
}
