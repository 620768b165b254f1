// Three of forty candidate causes make up a quantity that was read 120 times, and every fifth reading is garbage. Which
// three? A fit of all forty blames everything a little; one that selects by squares is led astray by the garbage; one
// that selects by absolute values leaves the garbage alone.
#include <glissade/models/greedy_lasso.hpp>

#include <Eigen/QR>

#include <cstdio>
#include <string>
#include <vector>

int main() {
  using namespace glissade;
  using Eigen::Index;

  constexpr Index readings = 120, causes = 40;
  const RandomKey key{4};
  Eigen::MatrixXd A(readings, causes);
  for (Index i = 0; i < A.size(); ++i) A.data()[i] = key.normal(static_cast<std::uint64_t>(i));
  Eigen::VectorXd truth = Eigen::VectorXd::Zero(causes);
  truth[5] = 2;
  truth[17] = -1.5;
  truth[30] = 1;
  Eigen::VectorXd y = A * truth;
  for (Index i = 0; i < readings; ++i) {
    const auto counter = static_cast<std::uint64_t>(i);
    y[i] += 0.01 * key.derive(1).normal(counter);
    if (key.derive(2).uniform(counter) < 0.2) y[i] = 50 * key.derive(3).normal(counter);
  }

  std::printf("%-30s %8s   %s\n", "", "error", "causes, as they were found");
  const auto report = [&](const char* what, const Eigen::VectorXd& x, const std::vector<Index>& support) {
    std::printf("%-30s %8.4f  ", what, (x - truth).norm());
    for (const Index j : support) std::printf(" %td", j);
    std::printf("\n");
  };
  report("least squares, all causes", A.colPivHouseholderQr().solve(y), {});
  const GreedyLassoFit squares = orthogonal_matching_pursuit(A, y, 3);
  report("three, by squares", squares.x, squares.support);
  // lambda: what a cause must take off the sum of |y - A x| to be one.
  const GreedyLassoFit fit = greedy_lasso(A, y, {.kind = GreedyKind::least_absolute_l0, .lambda = 20});
  report("by absolute values", fit.x, fit.support);

  std::printf("\n%s\n", std::string(to_string(fit.end)).c_str());
  if (fit.support == std::vector<Index>{5, 17, 30} && (fit.x - truth).norm() < 0.01) return 0;
  std::fputs("wrong: the causes are 5, 17 and 30\n", stderr);
  return 1;
}
