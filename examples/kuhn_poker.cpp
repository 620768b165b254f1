// Poker with three cards: how an equilibrium is found, how far each way of finding it is from one, and how it plays.
// Prints two tables and draws the first one to kuhn_poker.svg.
#include <glissade/games.hpp>
#include <glissade/problems/sequence_game.hpp>
#include <glissade/schedules/inverse_sqrt.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using namespace glissade;

constexpr int steps = 10'000;
const problems::SequenceGame poker = problems::kuhn_poker();

struct Curve {
  const char* name;
  const char* color;
  std::vector<double> exploitability = {};  // after 1, 2, ... steps
  Eigen::VectorXd last = {};
};

/// Both players improve at the same time; what is shown is how much a best response would win against the last point.
void play(Curve& curve, Schedule step_size, Schedule temperature, double magnet_rate) {
  const MagneticMirrorDescent<DilatedEntropy> method{
      .step_size = step_size, .temperature = temperature, .magnet_rate = magnet_rate, .map = {poker.tree()}};
  curve.last = poker.uniform();
  solve_game(poker, curve.last, method, {.max_iterations = steps, .tolerance = 0}, [&](const Record& record) {
    if (record.iteration > 0) curve.exploitability.push_back(poker.exploitability(record.x));
  });
}

/// Logarithmic axes: 1 to `steps`, 1e-14 to 1.
void draw(const std::vector<Curve>& curves, const char* path) {
  std::FILE* file = std::fopen(path, "w");
  if (file == nullptr) return;
  const auto x = [](double step) { return 70 + 480 * std::log10(step) / std::log10(steps); };
  const auto y = [](double value) { return 30 - 320.0 / 14 * std::log10(std::max(value, 1e-14)); };
  std::fputs(
      "<svg xmlns='http://www.w3.org/2000/svg' width='720' height='400' font-family='sans-serif' "
      "font-size='13'>\n<rect width='720' height='400' fill='white'/>\n",
      file);
  for (int power = 0; power <= 14; power += 2)
    std::fprintf(file, "<path d='M70 %g H550' stroke='#ddd'/><text x='62' y='%g' text-anchor='end'>1e-%d</text>\n",
                 y(std::pow(10, -power)), y(std::pow(10, -power)) + 4, power);
  for (int step = 1; step <= steps; step *= 10)
    std::fprintf(file, "<path d='M%g 30 V350' stroke='#ddd'/><text x='%g' y='368' text-anchor='middle'>%d</text>\n",
                 x(step), x(step), step);
  std::fputs(
      "<text x='310' y='390' text-anchor='middle'>steps</text><text x='70' y='20'>chips that a best response "
      "wins from the last point</text>\n",
      file);
  for (const Curve& curve : curves) {
    std::fprintf(file, "<polyline fill='none' stroke='%s' stroke-width='1.6' points='", curve.color);
    for (double at = 1; at <= steps; at = std::max(at + 1, at * 1.01)) {
      const auto step = static_cast<std::size_t>(at);
      std::fprintf(file, "%.1f,%.1f ", x(at), y(curve.exploitability[step - 1]));
    }
    std::fprintf(file, "'/>\n<text x='556' y='%g' fill='%s'>%s</text>\n", y(curve.exploitability.back()) + 4,
                 curve.color, curve.name);
  }
  std::fputs("</svg>\n", file);
  std::fclose(file);
}

}  // namespace

int main() {
  std::vector<Curve> curves{{"mirror descent", "#c33"}, {"falling temperature", "#36c"}, {"moving magnet", "#393"}};
  const Schedule falling = inverse_sqrt(1, 0, 1);  // 1 / sqrt(t)
  play(curves[0], 0.1, 0, 0);
  play(curves[1], falling, falling, 0);
  play(curves[2], 0.5, 0.2, 0.05);
  draw(curves, "kuhn_poker.svg");

  std::printf("%-8s%22s%22s%22s   chips that a best response wins\n", "steps", curves[0].name, curves[1].name,
              curves[2].name);
  for (std::size_t step = 1; step <= steps; step *= 10)
    std::printf("%-8zu%22.1e%22.1e%22.1e\n", step, curves[0].exploitability[step - 1],
                curves[1].exploitability[step - 1], curves[2].exploitability[step - 1]);

  const Eigen::VectorXd& equilibrium = curves[2].last;
  const Eigen::VectorXd pi = poker.choices(equilibrium);
  std::printf(
      "\nAn equilibrium, worth %.6f chips to the first player (-1/18 = %.6f). How often, in percent:\n"
      "           first player:              second player:\n"
      "card       bets   calls after check   bets after check   calls\n",
      poker.value(equilibrium), -1.0 / 18);
  const char* cards[] = {"jack", "queen", "king"};
  for (int c = 0; c < 3; ++c)
    std::printf("%-8s%7.2f%20.2f%19.2f%8.2f\n", cards[c], 100 * pi[4 * c + 1], 100 * pi[4 * c + 3],
                100 * pi[12 + 4 * c + 1], 100 * pi[12 + 4 * c + 3]);
  if (poker.exploitability(equilibrium) < 1e-9) return 0;
  std::fputs("wrong: no equilibrium was found\n", stderr);
  return 1;
}
