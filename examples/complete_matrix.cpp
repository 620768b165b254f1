// Distances between 200 towns, of which one in five was measured: the table of their squares has rank 4 at most, and
// that is enough to find the others. Prints how well that does.
#include <glissade/models/matrix_completion.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

int main() {
  using namespace glissade;
  using Eigen::Index;

  // Towns in a square of 100 km; |a - b|^2 = |a|^2 - 2 a'b + |b|^2.
  constexpr Index towns = 200;
  const RandomKey key{2};
  Eigen::MatrixXd places(towns, 2), squares(towns, towns);
  for (Index i = 0; i < places.size(); ++i) places.data()[i] = 100 * key.uniform(static_cast<std::uint64_t>(i));
  for (Index i = 0; i < towns; ++i)
    for (Index j = 0; j < towns; ++j) squares(i, j) = (places.row(i) - places.row(j)).squaredNorm();

  std::vector<MatrixEntry> measured;
  for (Index i = 0; i < towns; ++i)
    for (Index j = 0; j < towns; ++j)
      if (key.derive(1).uniform(static_cast<std::uint64_t>(i * towns + j)) < 0.2)
        measured.push_back({i, j, squares(i, j)});
  std::printf("%zu of %td distances were measured\n\n", measured.size(), towns * towns);
  std::printf("%-28s %12s %6s\n", "", "error, km", "steps");

  // The root of the mean squared error of a distance.
  const auto error_of = [&](const Eigen::MatrixXd& table) {
    return (table.cwiseMax(0).cwiseSqrt() - squares.cwiseSqrt()).norm() / towns;
  };
  double mean = 0;
  for (const MatrixEntry& entry : measured) mean += entry.value / static_cast<double>(measured.size());
  std::printf("%-28s %12.5f\n", "the mean everywhere", error_of(Eigen::MatrixXd::Constant(towns, towns, mean)));

  MatrixCompleter completer({.rank = 4, .max_iterations = 200, .tolerance = 1e-9}, towns, towns, measured);
  const Status status = completer.run();
  const double error = error_of(completer.left() * completer.right().transpose());
  std::printf("%-28s %12.5f %6d\n", "rank 4, alternating", error, static_cast<int>(completer.iterations()));

  std::printf("\nfrom town 0 to town 7: %.3f km, found: %.3f km\n%s\n", std::sqrt(squares(0, 7)),
              std::sqrt(completer(0, 7)), std::string(to_string(status)).c_str());
  if (status == Status::tolerance && error < 1e-3) return 0;
  std::fputs("wrong: the table of squares should be found exactly\n", stderr);
  return 1;
}
