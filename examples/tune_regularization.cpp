// A penalty for each of 30 measurements, learned: logistic regression on one third of the data, the penalties judged by
// a second third, the outcome by the last. Prints a table: the learned penalties are the best on the second third, but
// thirty numbers are many for so little data, and on the last third one common penalty does as well or better.
//
//     tune_regularization [breast_cancer.csv]
//
// The file is in data/.
#include <glissade/bilevel.hpp>
#include <glissade/io/csv.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>

namespace {

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// The mean of log(1 + exp(-label * <row, y>)).
struct Sample {
  MatrixXd rows;  // times their labels

  [[nodiscard]] double loss(const VectorXd& y) const { return (-(rows * y)).array().exp().log1p().mean(); }
  [[nodiscard]] double accuracy(const VectorXd& y) const { return ((rows * y).array() > 0).cast<double>().mean(); }
  [[nodiscard]] VectorXd gradient(const VectorXd& y) const {
    const VectorXd wrong = 1 / (1 + (rows * y).array().exp());
    return -rows.transpose() * wrong / static_cast<double>(rows.rows());
  }
  [[nodiscard]] VectorXd hessian_vector(const VectorXd& y, const VectorXd& v) const {
    const Eigen::ArrayXd wrong = 1 / (1 + (rows * y).array().exp());
    const VectorXd weighted = wrong * (1 - wrong) * (rows * v).array();
    return rows.transpose() * weighted / static_cast<double>(rows.rows());
  }
};

/// x: logarithms of the penalties, y: weights of the measurements.
struct Penalties {
  Sample train, validation;

  [[nodiscard]] VectorXd lower_start() const { return VectorXd::Zero(train.rows.cols()); }
  void upper_gradients(const VectorXd& x, const VectorXd& y, std::uint64_t, VectorXd& f_x, VectorXd& f_y) const {
    f_x.setZero(x.size());
    f_y = validation.gradient(y);
  }
  void lower_gradient(const VectorXd& x, const VectorXd& y, std::uint64_t, VectorXd& out) const {
    out = train.gradient(y) + (x.array().exp() * y.array()).matrix();
  }
  void lower_hessian_vector(const VectorXd& x, const VectorXd& y, const VectorXd& v, std::uint64_t,
                            VectorXd& out) const {
    out = train.hessian_vector(y, v) + (x.array().exp() * v.array()).matrix();
  }
  void lower_mixed_vector(const VectorXd& x, const VectorXd& y, const VectorXd& v, std::uint64_t, VectorXd& out) const {
    out = x.array().exp() * y.array() * v.array();
  }
};

/// Weights trained to the end with given penalties.
VectorXd trained(const Penalties& problem, const VectorXd& x) {
  VectorXd y = problem.lower_start(), gradient(y.size());
  for (int k = 0; k < 5000; ++k) {
    problem.lower_gradient(x, y, 0, gradient);
    y -= 0.3 * gradient;
  }
  return y;
}

/// The file that the caller names, or else that of the checkout which the program runs in.
std::filesystem::path data_file(int argc, char** argv) {
  const std::filesystem::path file = "examples/data/breast_cancer.csv";
  if (argc > 1) return argv[1];
  for (auto folder = std::filesystem::current_path(); folder != folder.root_path(); folder = folder.parent_path())
    if (std::filesystem::exists(folder / file)) return folder / file;
  return file;
}

}  // namespace

int main(int argc, char** argv) {
  TableData data = read_csv(data_file(argc, argv));
  standardize(data.features);
  const MatrixXd signed_rows = signs_of(data.targets).asDiagonal() * data.features;
  const auto third = [&](Index first) {
    MatrixXd rows((signed_rows.rows() - first + 2) / 3, signed_rows.cols());
    for (Index i = 0; i < rows.rows(); ++i) rows.row(i) = signed_rows.row(first + 3 * i);
    return Sample{rows};
  };
  const Penalties problem{third(0), third(1)};
  const Sample test = third(2);

  std::printf("%-28s %10s %10s %10s %9s\n", "penalties", "training", "validation", "test", "accuracy");
  const auto show = [&](const char* name, const VectorXd& x) {
    const VectorXd y = trained(problem, x);
    std::printf("%-28s %10.4f %10.4f %10.4f %9.3f\n", name, problem.train.loss(y), problem.validation.loss(y),
                test.loss(y), test.accuracy(y));
    return problem.validation.loss(y);
  };
  const Index n = signed_rows.cols();
  double best = 1;
  for (const double common : {1.0, 0.1, 0.01, 0.001}) {
    char name[40];
    std::snprintf(name, sizeof name, "%g for all", common);
    best = std::min(best, show(name, VectorXd::Constant(n, std::log(common))));
  }
  VectorXd x = VectorXd::Constant(n, std::log(0.01));
  const BoRep method{.upper_step = 0.02, .lower_step = 0.3, .lower_steps = 10, .system_step = 0.3};
  solve_bilevel(problem, x, method, {.max_iterations = 1000, .tolerance = 0});
  if (show("learned, one for each", x) < best) return 0;
  std::fputs("wrong: learned penalties are no better than the best common one\n", stderr);
  return 1;
}
