// Backpropagation through a recurrence of T steps and n units: 30 Jacobi sweeps, each one product of matrices, against
// T products of a matrix and a vector in order.
#include "support/race.hpp"
#include <glissade/fixed_point/parallel_evaluation.hpp>

#include <cmath>

namespace {

using Eigen::Index;
using Eigen::MatrixXd;

/// s_t = B_t + A s_{t-1}, the factors of the units taken into A.
struct Recurrence {
  MatrixXd A, B;
  [[nodiscard]] Index steps() const { return B.cols(); }
  void evaluate(Index begin, Index end, const Eigen::Ref<const MatrixXd>& s, Eigen::Ref<MatrixXd> out) const {
    out = B.middleCols(begin, end - begin);
    const Index first = std::max<Index>(begin, 1);
    if (first < end) out.rightCols(end - first).noalias() += A * s.middleCols(first - 1, end - first);
  }
};

}  // namespace

int main() {
  using namespace glissade;
  std::printf("     T    n   in order, ms   30 sweeps, ms   in order / sweeps   error\n");
  for (const Index steps : {1000, 4000, 10000})
    for (const Index units : {64, 128, 256}) {
      const Recurrence recurrence{MatrixXd::Random(units, units) * (0.5 / std::sqrt(static_cast<double>(units))),
                                  MatrixXd::Random(units, steps)};
      MatrixXd ordered(units, steps), s(units, steps);
      const auto in_order = [&] {
        ordered.col(0) = recurrence.B.col(0);
        for (Index t = 1; t < steps; ++t) {
          ordered.col(t) = recurrence.B.col(t);
          ordered.col(t).noalias() += recurrence.A * ordered.col(t - 1);
        }
      };
      const auto sweeps = [&] {
        s.setZero();
        find_fixed_point(recurrence, s, ParallelEvaluation{}, {.max_iterations = 30, .tolerance = 0});
      };
      const std::vector<double> seconds = bench::race({{"in order", in_order}, {"sweeps", sweeps}}, 5, 1);
      std::printf("%6d %4d %14.2f %15.2f %19.2f %7.0e\n", static_cast<int>(steps), static_cast<int>(units),
                  1e3 * seconds[0], 1e3 * seconds[1], seconds[0] / seconds[1], (s - ordered).norm() / ordered.norm());
    }
}
