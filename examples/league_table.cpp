// A league of 24 teams whose strengths are known, ranked by the games that they won: Newman's iteration, and Zermelo's,
// which needs many more sweeps. Prints the table and writes the sweeps of both as a picture, league_table.svg.
#include <glissade/fixed_point/ranking.hpp>
#include <glissade/glissade.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

namespace {

using namespace glissade;
using Eigen::VectorXd;

constexpr Index teams = 24;

/// Both curves of the error against the sweeps, on logarithmic axes.
void draw(const std::string& file, const std::vector<double>& newman, const std::vector<double>& zermelo) {
  std::ofstream svg(file);
  const auto x = [&](double sweep) {
    return 70 + 600 * std::log10(sweep) / std::log10(static_cast<double>(zermelo.size()));
  };
  const auto y = [](double error) { return 40 + 320 * (0 - std::log10(std::max(error, 1e-9))) / 9; };
  svg << "<svg xmlns='http://www.w3.org/2000/svg' width='760' height='430' font-family='sans-serif' font-size='14'>\n"
      << "<rect width='760' height='430' fill='white'/>\n<text x='70' y='25'>largest error of a chance to win, by "
         "sweeps "
      << "over all games</text>\n";
  for (int power = 0; power >= -9; power -= 3)
    svg << "<path d='M70 " << y(std::pow(10, power)) << "H670' stroke='#ddd'/><text x='25' y='"
        << y(std::pow(10, power)) + 5 << "'>1e" << power << "</text>\n";
  for (double sweep = 1; sweep < static_cast<double>(zermelo.size()); sweep *= 10)
    svg << "<text x='" << x(sweep) - 10 << "' y='390'>" << sweep << "</text>\n";
  const auto curve = [&](const std::vector<double>& errors, const char* colour, const char* name) {
    svg << "<polyline fill='none' stroke-width='2' stroke='" << colour << "' points='";
    for (std::size_t k = 1; k <= errors.size(); k += std::max<std::size_t>(1, k / 40))
      svg << x(static_cast<double>(k)) << "," << y(errors[k - 1]) << " ";
    svg << "'/><text fill='" << colour << "' x='" << x(static_cast<double>(errors.size())) + 8 << "' y='"
        << y(errors.back()) - 30 << "'>" << name << "</text>\n";
  };
  curve(newman, "#c33", "Newman");
  curve(zermelo, "#36c", "Zermelo");
  svg << "</svg>\n";
}

}  // namespace

int main() {
  // Strengths on the logarithmic scale, some way apart; every pair plays 20 games.
  VectorXd strengths(teams);
  const RandomKey key{7};
  const auto uniform = [&](std::uint64_t k) { return static_cast<double>(key.bits(k) >> 11) * 0x1p-53; };
  std::uint64_t draws = 0;
  for (Index i = 0; i < teams; ++i) strengths[i] = 6 * uniform(draws++) - 3;
  strengths.array() -= strengths.mean();
  Comparisons games(teams);
  std::vector<int> wins(teams, 0);
  for (Index i = 0; i < teams; ++i)
    for (Index j = 0; j < i; ++j)
      for (int game = 0; game < 20; ++game) {
        const bool first = uniform(draws++) < 1 / (1 + std::exp(strengths[j] - strengths[i]));
        games.add_wins(first ? i : j, first ? j : i);
        ++wins[static_cast<std::size_t>(first ? i : j)];
      }

  VectorXd scores = VectorXd::Zero(teams);
  const Ranking ranking{games};
  const Result exact = find_fixed_point(ranking, scores, Picard{}, {.tolerance = 1e-15});
  const auto sweeps = [&](double family) {
    std::vector<double> errors;
    const Ranking operator_of_family{games, {.family = family}};
    VectorXd at = VectorXd::Zero(teams);
    find_fixed_point(operator_of_family, at, Picard{}, {.max_iterations = 100'000, .tolerance = 0},
                     [&](const Record& record) {
                       errors.push_back(ranking.distance(record.x, scores));
                       return errors.back() < 1e-9 ? Flow::stop : Flow::go_on;
                     });
    return errors;
  };
  const std::vector<double> newman = sweeps(0), zermelo = sweeps(1);

  std::vector<Index> order(teams);
  std::iota(order.begin(), order.end(), Index{0});
  std::sort(order.begin(), order.end(), [&](Index i, Index j) { return scores[i] > scores[j]; });
  std::printf("place  team  games won  strength  estimate\n");
  for (std::size_t place = 0; place < order.size(); ++place) {
    const Index i = order[place];
    std::printf("%5d  %4d  %9d  %8.2f  %8.2f\n", static_cast<int>(place) + 1, static_cast<int>(i),
                wins[static_cast<std::size_t>(i)], strengths[i], scores[i]);
  }
  const double error = std::sqrt((scores - strengths).squaredNorm() / static_cast<double>(teams));
  std::printf("root mean square error of a strength %.2f; sweeps to 1e-9: Newman %d, Zermelo %d\n", error,
              static_cast<int>(newman.size()) - 1, static_cast<int>(zermelo.size()) - 1);
  draw("league_table.svg", newman, zermelo);
  std::printf("wrote %s\n", std::filesystem::absolute("league_table.svg").string().c_str());
  return converged(exact.status) && error < 0.4 && newman.size() * 5 < zermelo.size() ? 0 : 1;
}
