// Mirror descent for games, the published experiments at full length: a falling temperature and a moving magnet on
// rock, paper, scissors for unequal stakes and on Kuhn poker, and games of common payoff.
#include <glissade/core/random.hpp>
#include <glissade/games/mirror_descent.hpp>
#include <glissade/problems/matrix_game.hpp>
#include <glissade/problems/sequence_game.hpp>
#include <glissade/schedules/inverse_sqrt.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace {

using namespace glissade;

template <class Map, class F>
void exploitabilities(const char* name, const MagneticMirrorDescent<Map>& method, const F& game) {
  Eigen::VectorXd z = game.uniform();
  const auto start = std::chrono::steady_clock::now();
  std::printf("%-36s", name);
  std::int64_t next = 10;
  const Result r = solve_game(game, z, method, {.max_iterations = 100'000, .tolerance = 0}, [&](const Record& record) {
    if (record.iteration < next) return;
    std::printf(" %9.3g", game.exploitability(record.x));
    next *= 10;
  });
  // A run may end before, where a step changes nothing.
  for (; next <= 100'000; next *= 10) std::printf(" %9.3g", game.exploitability(z));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf(" %9.2f\n", 1e6 * seconds.count() / static_cast<double>(r.iterations));
}

/// Steps of both players at once, from random strategies. Where two actions are nearly as good, the end takes longer.
void common_payoff(double step_size) {
  int pure = 0;
  double least = 0;
  constexpr int runs = 150, actions = 10;
  for (std::uint64_t seed = 0; seed < runs; ++seed) {
    const auto uniform = [&](std::uint64_t stream, auto& numbers) {
      for (Index k = 0; k < numbers.size(); ++k)
        numbers.data()[k] = RandomKey{seed}.derive(stream).uniform(static_cast<std::uint64_t>(k));
    };
    Eigen::MatrixXd payoff(actions, actions);
    Eigen::VectorXd z(2 * actions);
    uniform(1, payoff);
    uniform(2, z);
    z.head(actions) /= z.head(actions).sum();
    z.tail(actions) /= z.tail(actions).sum();
    const problems::MatrixGame game(payoff, payoff);
    double last = game.value(z);
    const MagneticMirrorDescent<> method{.step_size = step_size, .map = {game.sizes()}};
    solve_game(game, z, method, {.max_iterations = 2000, .tolerance = 0}, [&](const Record& record) {
      const double value = game.value(record.x);
      least = std::min(least, value - last);
      last = value;
    });
    if (game.exploitability(z) < 1e-6 && std::min(z.head(actions).maxCoeff(), z.tail(actions).maxCoeff()) > 1 - 1e-6)
      ++pure;
  }
  std::printf("%-36g %9.1e %6d of %d\n", step_size, least, pure, runs);
}

}  // namespace

int main() {
  const Schedule falling = inverse_sqrt(1, 0, 1);
  const auto stones = problems::perturbed_rock_paper_scissors();
  const auto poker = problems::kuhn_poker();
  std::printf("%-36s %9s %9s %9s %9s %9s %9s\n", "exploitability after steps", "10", "100", "1000", "10000", "100000",
              "us/step");
  exploitabilities<NegativeEntropy>("rock paper scissors, falling",
                                    {.step_size = falling, .temperature = falling, .map = {stones.sizes()}}, stones);
  exploitabilities<NegativeEntropy>("rock paper scissors, moving magnet",
                                    {.step_size = 0.1, .temperature = 1, .magnet_rate = 0.05, .map = {stones.sizes()}},
                                    stones);
  exploitabilities<DilatedEntropy>("Kuhn poker, falling",
                                   {.step_size = falling, .temperature = falling, .map = {poker.tree()}}, poker);
  exploitabilities<DilatedEntropy>("Kuhn poker, moving magnet",
                                   {.step_size = 0.5, .temperature = 0.2, .magnet_rate = 0.05, .map = {poker.tree()}},
                                   poker);
  std::printf("\n%-36s %9s %s\n", "common payoff, step size", "least gain", "pure at the end");
  for (const double step_size : {0.1, 1.0, 10.0}) common_payoff(step_size);
}
