// Pruning by ADMM against least squares on the support of each output: seconds, how many times as long, and how much
// larger the error of the outputs is, after 20 iterations without damping; and with masks that are chosen on the way.
#include <glissade/weights.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

double seconds(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

MatrixXd normals(Index rows, Index cols, std::uint64_t seed) {
  const RandomKey key{seed};
  MatrixXd M(rows, cols);
  for (Index i = 0; i < M.size(); ++i) M.data()[i] = key.normal(static_cast<std::uint64_t>(i));
  return M;
}

MatrixXd least_squares(const MatrixXd& W, const MatrixXd& H, const PruningMask& mask) {
  MatrixXd out = MatrixXd::Zero(W.rows(), W.cols());
  const MatrixXd right = W * H;
  std::vector<Index> support;
  for (Index i = 0; i < W.rows(); ++i) {
    support.clear();
    for (Index j = 0; j < W.cols(); ++j)
      if (mask(i, j)) support.push_back(j);
    const MatrixXd A = H(support, support);
    const VectorXd b = right.row(i)(support).transpose();
    const VectorXd z = A.llt().solve(b);
    for (std::size_t s = 0; s < support.size(); ++s) out(i, support[s]) = z[static_cast<Index>(s)];
  }
  return out;
}

double error(const MatrixXd& W, const MatrixXd& H, const MatrixXd& pruned) {
  const MatrixXd D = pruned - W, DH = D * H, WH = W * H;
  return std::sqrt(DH.cwiseProduct(D).sum() / WH.cwiseProduct(W).sum());
}

}  // namespace

int main() {
  std::printf(" inputs outputs      ADMM  exact  exact / ADMM  error / least   gradual  its error / least\n");
  for (const auto& [n, m] :
       {std::array<Index, 2>{64, 64}, {128, 128}, {256, 256}, {512, 512}, {256, 1024}, {1024, 1024}, {2048, 2048}}) {
    MatrixXd mix = MatrixXd::Identity(n, n) + 0.7 / std::sqrt(static_cast<double>(n)) * normals(n, n, 1);
    for (Index j = 0; j < n; ++j) mix.col(j) *= 1 - 0.9 * static_cast<double>(j) / static_cast<double>(n - 1);
    const MatrixXd X =
        normals(n, 1, 2).array().unaryExpr([](double g) { return std::exp(0.8 * g); }).matrix().asDiagonal() *
        (mix * normals(n, 8 * n, 3));
    const MatrixXd H = X * X.transpose(), W = normals(m, n, 4) / std::sqrt(static_cast<double>(n));
    MatrixXd wanda = W, pruned = W, gradual = W, exact;
    const PruningMask mask =
        prune_by_admm(wanda, H, {.sparsity = 0.6, .pruning_iterations = 0, .update = {.iterations = 0}}).mask;
    const double admm = seconds([&] { update_pruned(pruned, H, mask, {.damping = 0}); });
    const double least = seconds([&] { exact = least_squares(W, H, mask); });
    const double chosen = seconds([&] { prune_by_admm(gradual, H, {.sparsity = 0.6}); });
    const double best = error(W, H, exact);
    std::printf("%7td %7td %9.4f %6.3f %13.1f %14.5f %9.4f %18.3f\n", n, m, admm, least, least / admm,
                error(W, H, pruned) / best, chosen, error(W, H, gradual) / best);
  }
  return 0;
}
