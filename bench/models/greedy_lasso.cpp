// Orthogonal matching pursuit against the size of the data: seconds, and in how many products A'r that would be, which
// no selection can do without.
#include <glissade/models.hpp>

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

}  // namespace

int main() {
  using namespace glissade;
  using Eigen::Index;
  std::printf("   rows columns selected   pursuit      A'r  products per selection\n");
  for (const auto& [m, n, k] :
       {std::array<Index, 3>{200, 1000, 20}, {1000, 5000, 20}, {1000, 5000, 100}, {2000, 20'000, 50}}) {
    const RandomKey key{1};
    Eigen::MatrixXd A(m, n);
    for (Index i = 0; i < A.size(); ++i) A.data()[i] = key.normal(static_cast<std::uint64_t>(i));
    Eigen::VectorXd y = A.leftCols(k).rowwise().sum();
    for (Index i = 0; i < m; ++i) y[i] += key.derive(1).normal(static_cast<std::uint64_t>(i));
    Index selected = 0;
    const double pursuit =
        seconds([&] { selected = static_cast<Index>(orthogonal_matching_pursuit(A, y, k).support.size()); });
    Eigen::VectorXd products(n);
    double sum = 0;
    const double product = seconds([&] {
      products.noalias() = A.transpose() * y;
      sum += products.sum();
    });
    std::printf("%7td %7td %8td %9.4f %8.5f  %.2f%s\n", m, n, selected, pursuit, product,
                pursuit / product / static_cast<double>(selected), sum == 0 ? " " : "");
  }
  return 0;
}
