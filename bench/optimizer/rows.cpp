// Sparse rows: the time of a step follows the rows that it names, not the table.
//
// Adam on a table of 100 000 rows of 64 floats, rows drawn at random. An exact step makes up for the steps that
// its rows have missed, which in the long run is a dense step for every row and step; Sgd has nothing to make up.
#include "support/race.hpp"
#include <glissade/glissade.hpp>

int main() {
  using namespace glissade;
  using Table = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  constexpr Index entries = 100'000;
  constexpr Index width = 64;
  std::printf("%8s %14s %14s %14s %18s\n", "rows", "lazy Adam", "exact Sgd", "exact Adam", "lazy / dense step");
  std::printf("%8s %14s %14s %14s\n", "", "ns a number", "ns a number", "ns a number");
  for (const Index count : {Index{16}, Index{256}, Index{4096}, Index{32'768}}) {
    Table a = Table::Constant(entries, width, 0.5f);
    Table b = a;
    Table c = a;
    Table d = a;
    const Table gradients = Table::Constant(count, width, 0.25f);
    const Table dense_gradient = Table::Constant(entries, width, 0.25f);
    RowOptimizer lazy{Adam{.learning_rate = 1e-6}, RowUpdates::lazy, a};
    RowOptimizer sgd{Sgd{.learning_rate = 1e-6}, RowUpdates::exact, b};
    RowOptimizer exact{Adam{.learning_rate = 1e-6}, RowUpdates::exact, c};
    Optimizer dense{Adam{.learning_rate = 1e-6}, d};
    std::vector<Index> rows(static_cast<std::size_t>(count));
    std::uint64_t draws = 0;
    const auto draw = [&] {
      for (Index& row : rows) row = static_cast<Index>(RandomKey{1}.uniform(draws++) * static_cast<double>(entries));
    };
    std::vector<double> seconds;
    {
      std::vector<bench::Candidate> candidates{{"lazy", [&] { lazy.step(rows, gradients); }},
                                               {"sgd", [&] { sgd.step(rows, gradients); }},
                                               {"exact", [&] { exact.step(rows, gradients); }},
                                               {"dense", [&] { dense.step(dense_gradient); }}};
      candidates.front().run = [&, first = candidates.front().run] {
        draw();
        first();
      };
      seconds = bench::race(candidates, 15, 1);
    }
    const auto ns = [&](std::size_t k) { return seconds[k] / static_cast<double>(count * width) * 1e9; };
    std::printf("%8ld %14.2f %14.2f %14.2f %18.4f\n", static_cast<long>(count), ns(0), ns(1), ns(2),
                seconds[0] / seconds[3]);
  }
  return 0;
}
