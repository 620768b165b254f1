// Incremental mixtures: nanoseconds a point against the dimension, by rank-one updates and with a factorization of the
// covariance for each point, as powers of the dimension; and handwritten digits as a stream that is seen once.
#include <glissade/core/random.hpp>
#include <glissade/io/csv.hpp>
#include <glissade/models/incremental_mixture.hpp>

#include <Eigen/Cholesky>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <vector>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// What the rank-one formulas replace: C itself, factorized for each point.
struct CovarianceForm {
  VectorXd mean;
  MatrixXd C;
  double count = 1;
  double log_determinant = 0, square = 0;

  void learn(const VectorXd& x) {
    const VectorXd e = x - mean;
    const Eigen::LLT<MatrixXd> factors(C);
    log_determinant = 2 * std::log(factors.matrixLLT().diagonal().prod());
    square = e.dot(factors.solve(e));
    const double w = 1 / ++count;
    mean += w * e;
    C = (1 - w) * (C + w * e * e.transpose());
  }
};

void slopes() {
  std::printf("one component, microseconds a point\n    D   rank-one  factorized  ratio   slopes\n");
  double last[2] = {0, 0};
  for (const Index D : {50, 100, 200, 400, 800}) {
    const Index points = std::max<Index>(12, 4'000'000 / (D * D));
    MatrixXd data(D, points);
    for (Index i = 0; i < data.size(); ++i) data.data()[i] = RandomKey{1}.normal(static_cast<std::uint64_t>(i));
    double time[2] = {1e300, 1e300};
    double difference = 0;
    for (int repeat = 0; repeat < 3; ++repeat) {
      IncrementalMixture mixture({.novelty = 0, .delta = 1, .max_components = 1}, VectorXd::Ones(D));
      mixture.learn(data.col(0));
      time[0] = std::min(time[0], seconds_of([&] {
                           for (Index t = 1; t < points; ++t) mixture.learn(data.col(t));
                         }));
      CovarianceForm other{data.col(0), MatrixXd::Identity(D, D)};
      time[1] = std::min(time[1], seconds_of([&] {
                           for (Index t = 1; t < points; ++t) other.learn(data.col(t));
                         }));
      difference = (other.C * mixture.precision(0) - MatrixXd::Identity(D, D)).norm();
    }
    for (double& t : time) t *= 1e6 / static_cast<double>(points - 1);
    std::printf("%5td %10.2f %11.2f %6.1f", D, time[0], time[1], time[1] / time[0]);
    if (last[0] > 0) std::printf("    %.2f %.2f", std::log2(time[0] / last[0]), std::log2(time[1] / last[1]));
    std::printf("%s   |C L - I| = %.0e\n", last[0] > 0 ? "" : "             ", difference);
    last[0] = time[0];
    last[1] = time[1];
  }
}

/// Pixels and ten indicators of the label as one vector; the label is recalled from the pixels.
void digits() {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../examples/data/digits.csv";
  const TableData data = read_csv(path);
  const Index n = data.features.rows(), pixels = data.features.cols(), train = 1437;
  MatrixXd points = MatrixXd::Zero(pixels + 10, n);
  points.topRows(pixels) = data.features.transpose() / 16;
  for (Index t = 0; t < n; ++t) points(pixels + static_cast<Index>(data.targets[t]), t) = 1;
  const MatrixXd seen = points.leftCols(train);
  const VectorXd mean = seen.rowwise().mean();
  const VectorXd deviation = (seen.colwise() - mean).rowwise().norm() / std::sqrt(static_cast<double>(train));
  const VectorXd spread = deviation.cwiseMax(0.1);  // some pixels are always white
  std::vector<Index> known(static_cast<std::size_t>(pixels));
  std::iota(known.begin(), known.end(), Index{0});
  std::printf("\n%td digits seen once, %td to test, %td dimensions\nnovelty delta  components  accuracy  us a point\n",
              train, n - train, pixels + 10);
  for (const double novelty : {0.0, 1e-6, 1e-3})
    for (const double delta : {0.3, 1.0}) {
      IncrementalMixture mixture({.novelty = novelty, .delta = delta, .max_components = 60}, spread);
      const double time = seconds_of([&] {
        for (Index t = 0; t < train; ++t) mixture.learn(points.col(t));
      });
      int right = 0;
      for (Index t = train; t < n; ++t) {
        Index guess = 0;
        mixture.recall(known, points.col(t).head(pixels)).maxCoeff(&guess);
        right += guess == static_cast<Index>(data.targets[t]) ? 1 : 0;
      }
      std::printf("%7.0e %5.1f %11td %9.3f %11.1f\n", novelty, delta, mixture.components(),
                  right / static_cast<double>(n - train), 1e6 * time / static_cast<double>(train));
    }
}

}  // namespace

int main() {
  slopes();
  digits();
  return 0;
}
