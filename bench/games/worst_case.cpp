// Residuals on the worst-case game of 200 variables: 1 / t of the anchored methods against 1 / sqrt t of the others, up
// to the number of iterations where these become linear.
#include <glissade/games/extragradient.hpp>
#include <glissade/games/optimistic_gradient.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/problems/worst_case_game.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using namespace glissade;

constexpr std::size_t shown[] = {0, 10, 100, 300, 1000, 3000, 10'000, 30'000, 99'999};

template <class M>
void run(const char* name, const M& method, const problems::WorstCaseGame& game) {
  Eigen::VectorXd z = game.start();
  History history;
  const Result r =
      solve_game(subject_to(game, game.bounds()), z, method, {.max_iterations = 100'000, .tolerance = 0}, history);
  double most = 0;
  for (std::size_t t = 0; t < history.size(); ++t) most = std::max(most, static_cast<double>(t) * history.measure[t]);
  std::printf("%-32s", name);
  for (const std::size_t t : shown) std::printf(" %7.3g", history.measure[t]);
  std::printf("   %6.0f  %6.2f  %9lld\n", most, most * 0.3 / (game.start() - game.solution()).norm(),
              static_cast<long long>(r.evaluations.operator_value));
}

}  // namespace

int main() {
  const problems::WorstCaseGame game;
  std::printf("L = %.5f, |z_0 - z*| = %.1f, step size 0.3\n%-32s", game.lipschitz(),
              (game.start() - game.solution()).norm(), "residual after");
  for (const std::size_t t : shown) std::printf(" %7zu", t);
  std::printf("  max t r  by |z_0 - z*| / eta   calls\n");
  run("OptimisticGradient", OptimisticGradient{.step_size = 0.3}, game);
  run("Extragradient", Extragradient{.step_size = 0.3}, game);
  run("AcceleratedOptimisticGradient", AcceleratedOptimisticGradient{.step_size = 0.3}, game);
  run("Extragradient, anchored", Extragradient{.step_size = 0.3, .anchored = true}, game);
}
