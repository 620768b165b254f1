// Dual Gaussian processes: against numpy, exact and variational posteriors, order, memory, what is wrong.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/message_of.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/models/dual_gaussian_process.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Options = DualGaussianProcessOptions;
using Process = DualGaussianProcess;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr Index N = 30;

/// The data of generate_dual_gaussian_process.py.
MatrixXd points() {
  return MatrixXd::NullaryExpr(N, 1, [](Index i) { return 4 * std::sin(static_cast<double>(i) + 1); });
}
VectorXd values() {
  const MatrixXd x = points();
  return VectorXd::NullaryExpr(
      N, [&](Index i) { return std::sin(2 * x(i, 0)) + 0.1 * std::cos(7 * static_cast<double>(i)); });
}
VectorXd labels() {
  return values().unaryExpr([](double y) { return y + 0.3 > 0 ? 1.0 : -1.0; });
}
MatrixXd grid() { return VectorXd::LinSpaced(9, -4, 4); }
Options standard() { return {.signal = 1.3, .length = 0.8, .noise = 0.05, .move_inducing = false, .jitter = 0}; }
Options classifier(std::int64_t steps) {
  Options options = standard();
  options.likelihood = GaussianLikelihood::bernoulli;
  options.natural_steps = steps;
  return options;
}

/// Rows of the file that begin with these cells: x, mean, variance.
std::vector<std::array<double, 3>> golden(const std::string& begin) {
  std::ifstream file(GLISSADE_TEST_DATA "/models/dual_gaussian_process.csv");
  std::vector<std::array<double, 3>> found;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(begin + ",", 0) != 0) continue;
    std::stringstream cells(line.substr(begin.size() + 1));
    std::array<double, 3> row{};
    for (double& value : row) {
      std::string cell;
      std::getline(cells, cell, ',');
      value = std::stod(cell);
    }
    found.push_back(row);
  }
  REQUIRE(found.size() == 4);
  return found;
}
/// The largest difference, relative to the signal.
double distance_to(const std::string& name, const Process& process) {
  double largest = 0;
  for (const auto& row : golden(name)) {
    const GaussianPrediction f = process.predict(MatrixXd::Constant(1, 1, row[0]));
    largest = std::max({largest, std::abs(f.mean[0] - row[1]), std::abs(f.variance[0] - row[2])});
  }
  return largest / 1.3;
}
double distance(const Process& a, const Process& b) {
  const MatrixXd at = VectorXd::LinSpaced(21, -5, 5);
  const GaussianPrediction f = a.predict(at), g = b.predict(at);
  return (f.mean - g.mean).norm() + (f.variance - g.variance).norm();
}

}  // namespace

TEST_CASE("DualGaussianProcess: posteriors of numpy, of Titsias, and moved inducing points") {
  for (const auto kernel : {GaussianKernel::squared_exponential, GaussianKernel::matern52}) {
    Options options = standard();
    options.kernel = kernel;
    Process process(options, grid());
    REQUIRE(process.learn(points(), values()) == Status::running);
    CHECK(distance_to(kernel == GaussianKernel::matern52 ? "gaussian,1" : "gaussian,0", process) <= 1e-11);
    if (kernel == GaussianKernel::squared_exponential) CHECK(distance_to("titsias", process) <= 7e-11);
  }
  Process moved(standard(), grid());
  moved.learn(points().topRows(15), values().head(15));
  moved.move(grid().array() + 0.1);
  moved.learn(points().bottomRows(15), values().tail(15));
  CHECK(distance_to("moved", moved) <= 1e-11);
}

TEST_CASE("DualGaussianProcess: with inducing points at all data the exact posterior, chosen or given") {
  const MatrixXd x = VectorXd::LinSpaced(14, -4, 4);
  const VectorXd y = (2 * x.col(0)).array().sin();
  Process given(standard(), x);
  given.learn(x, y);
  CHECK(distance_to("spaced", given) <= 7e-13);
  Options options = standard();
  options.move_inducing = true;
  Process chosen(options, 1);
  for (Index i = 0; i < 14; ++i) REQUIRE(chosen.learn(x.row(i), y.segment(i, 1)) == Status::running);
  CHECK(chosen.inducing_points() == x);
  CHECK(distance_to("spaced", chosen) <= 7e-13);

  // Of points some of which nearly coincide, few are chosen.
  const std::array<double, 2> resolutions{1e-6, 1e-3}, most{5e-4, 0.05};
  for (std::size_t k = 0; k < 2; ++k) {
    options.resolution = resolutions[k];
    Process coarse(options, 1);
    for (Index i = 0; i < N; ++i) coarse.learn(points().row(i), values().segment(i, 1));
    INFO(coarse.inducing_points().rows());
    CHECK(coarse.inducing_points().rows() <= 20);
    CHECK(distance_to("exact", coarse) <= most[k]);
  }
}

TEST_CASE("DualGaussianProcess: any split and order of the stream, any order of inducing points") {
  Process at_once(standard(), grid());
  at_once.learn(points(), values());
  Process one_by_one(standard(), grid());
  for (Index k = 0; k < N; ++k) {
    const Index i = (k * 7 + 5) % N;
    one_by_one.learn(points().row(i), values().segment(i, 1));
  }
  CHECK(distance(at_once, one_by_one) <= 2e-10);
  Process turned(standard(), grid().colwise().reverse());
  turned.learn(points().topRows(11), values().head(11));
  turned.learn(points().bottomRows(19), values().tail(19));
  CHECK(distance(at_once, turned) <= 2e-10);

  Process labelled(classifier(30), grid()), reversed(classifier(30), grid().colwise().reverse());
  labelled.learn(points(), labels());
  reversed.learn(points().colwise().reverse(), labels().reverse());
  CHECK(distance(labelled, reversed) <= 1e-9);
}

TEST_CASE("DualGaussianProcess: classification by natural steps of numpy, and how fast they settle") {
  Process end(classifier(60), grid());
  end.learn(points(), labels());
  const std::array<std::int64_t, 5> steps{1, 2, 4, 8, 16};
  const std::array<double, 5> claimed{0.028, 6e-3, 6e-5, 7e-9, 7e-13};  // on other data
  MatrixXd at(4, 1);
  at << -3.3, -0.2, 1.7, 5;
  for (std::size_t k = 0; k < 5; ++k) {
    Process process(classifier(steps[k]), grid());
    REQUIRE(process.learn(points(), labels()) == Status::running);
    CHECK(distance_to("bernoulli," + std::to_string(steps[k]), process) <= 1e-11);
    CHECK((process.predict(at).mean - end.predict(at).mean).cwiseAbs().maxCoeff() <= 3 * claimed[k]);
  }
  Options slow = classifier(60);
  slow.rate = 0.5;
  Process careful(slow, grid());
  careful.learn(points(), labels());
  CHECK(distance(careful, end) <= 1e-9);
}

TEST_CASE("DualGaussianProcess: two dimensions with lengths of their own, and nothing learned") {
  Options options{.noise = 0.01, .inducing = 60};
  options.lengths = VectorXd::Constant(2, 1.5);
  options.lengths[1] = 30;
  Process process(options, 2);
  MatrixXd x(40, 2);
  VectorXd y(40);
  for (Index i = 0; i < 40; ++i) {
    x.row(i) << std::sin(3.0 * static_cast<double>(i)), 20 * std::cos(5.0 * static_cast<double>(i));
    y[i] = x(i, 0) + x(i, 1) / 20;
  }
  const GaussianPrediction before = process.predict(x);
  CHECK(before.mean.norm() == 0);
  CHECK((before.variance.array() == 1).all());
  process.learn(x, y);
  const GaussianPrediction after = process.predict(x);
  CHECK((after.mean - y).cwiseAbs().maxCoeff() <= 0.1);
  CHECK(after.variance.maxCoeff() <= 0.01);
}

TEST_CASE("DualGaussianProcess: what is remembered of a stream is brought up to date") {
  Process end(classifier(60), grid());
  end.learn(points(), labels());
  double error[2];
  for (const int with : {0, 1}) {
    Options options = classifier(2);
    options.memory = with == 1 ? N : 0;
    options.remember = 5;
    Process process(options, grid());
    for (Index i = 0; i < N; i += 5) {
      REQUIRE(process.learn(points().middleRows(i, 5), labels().segment(i, 5)) == Status::running);
      CHECK(process.remembered() == (with == 1 ? i + 5 : 0));
    }
    error[with] = distance(process, end);
    CHECK(process.second_dual() == MatrixXd(process.second_dual().transpose()));
  }
  INFO(error[0] << " " << error[1]);
  CHECK(error[1] < 0.1 * error[0]);

  // Few inducing points that move along a stream from left to right.
  Options options{.length = 0.5, .noise = 0.01, .inducing = 12, .memory = 30, .remember = 3};
  Process process(options, 1);
  for (Index batch = 0; batch < 10; ++batch) {
    const double left = -3 + 0.6 * static_cast<double>(batch);
    const MatrixXd x = VectorXd::LinSpaced(8, left, left + 0.6);
    REQUIRE(process.learn(x, x.col(0).array().sin()) == Status::running);
    CHECK(process.inducing_points().rows() <= 12);
    CHECK(process.remembered() == 3 * (batch + 1));
  }
  const MatrixXd at = VectorXd::LinSpaced(50, -3, 3);
  CHECK((process.predict(at).mean.array() - at.col(0).array().sin()).abs().maxCoeff() <= 0.03);
}

TEST_CASE("DualGaussianProcess: an example that is remembered counts once") {
  Options options = standard();
  options.memory = 5;
  options.remember = 2;
  Process with(options, grid()), without(standard(), grid());
  for (Index i = 0; i < N; i += 5) {
    with.learn(points().middleRows(i, 5), values().segment(i, 5));
    without.learn(points().middleRows(i, 5), values().segment(i, 5));
  }
  CHECK(with.remembered() == 5);
  CHECK(distance(with, without) <= 2e-10);

  // Where all is remembered, a move loses nothing: it is as if all had been learned there.
  options.memory = options.remember = 10;
  const MatrixXd there = grid().array() + 0.3;
  Process moved(options, grid()), at_once(standard(), there);
  moved.learn(points().topRows(10), values().head(10));
  REQUIRE(moved.move(there) == Status::running);
  Process projected = moved;
  moved.learn(points().middleRows(10, 1), values().segment(10, 1));
  at_once.learn(points().topRows(11), values().head(11));
  CHECK(distance(moved, at_once) <= 2e-10);
  CHECK(distance(projected, at_once) >= 1e-3);
}

TEST_CASE("DualGaussianProcess: goes on from a file bit for bit") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_dual_gaussian_process.safetensors";
  Options options = classifier(2);
  options.move_inducing = true;
  options.jitter = 1e-10;
  options.inducing = 8;
  options.memory = 4;
  Process whole(options, 1);
  for (Index i = 0; i < 15; i += 5) whole.learn(points().middleRows(i, 5), labels().segment(i, 5));
  save(whole, path);
  Process loaded(options, 1);
  load(loaded, path);
  std::filesystem::remove(path);
  for (Index i = 15; i < N; i += 5) {
    REQUIRE(whole.learn(points().middleRows(i, 5), labels().segment(i, 5)) == Status::running);
    loaded.learn(points().middleRows(i, 5), labels().segment(i, 5));
  }
  CHECK(loaded.first_dual() == whole.first_dual());
  CHECK(loaded.second_dual() == whole.second_dual());
  CHECK(loaded.inducing_points() == whole.inducing_points());
  CHECK(loaded.remembered() == 4);
  CHECK(distance(loaded, whole) == 0);
}

TEST_CASE("DualGaussianProcess: refuses options out of range and data that are wrong, and is then what it was") {
  const auto option = [](const Options& options, Index dimensions = 2) {
    return message_of([&] { Process(options, dimensions); });
  };
  CHECK(option({.kernel = static_cast<GaussianKernel>(2)}) == "DualGaussianProcess: kernel = 2, must be in [0, 1]");
  CHECK(option({.signal = 0}) == "DualGaussianProcess: signal = 0, must be > 0 and finite");
  CHECK(option({.length = -1}) == "DualGaussianProcess: length = -1, must be > 0 and finite");
  CHECK(option({.lengths = VectorXd::Ones(3)}) == "DualGaussianProcess: lengths is 3 x 1, must be 2 x 1");
  CHECK(option({.lengths = VectorXd::Zero(2)}) == "DualGaussianProcess: lengths[0] = 0, must be > 0 and finite");
  CHECK(option({.noise = 0}) == "DualGaussianProcess: noise = 0, must be > 0 and finite");
  CHECK(option({.inducing = 0}) == "DualGaussianProcess: inducing = 0, must be in [1, 1e+05]");
  CHECK(option({.resolution = 1}) == "DualGaussianProcess: resolution = 1, must be in (0, 1)");
  CHECK(option({.jitter = not_a_number}) == "DualGaussianProcess: jitter = nan, must be >= 0 and finite");
  CHECK(option({.natural_steps = 0}) == "DualGaussianProcess: natural_steps = 0, must be >= 1 and finite");
  CHECK(option({.rate = 0}) == "DualGaussianProcess: rate = 0, must be in (0, 1]");
  CHECK(option({.memory = -1}) == "DualGaussianProcess: memory = -1, must be in [0, 1e+06]");
  CHECK(option({.remember = -1}) == "DualGaussianProcess: remember = -1, must be >= 0 and finite");
  CHECK(option({}, 0) == "DualGaussianProcess: dimensions = 0, must be >= 1 and finite");

  Process process(classifier(2), grid());
  process.learn(points(), labels());
  const Process before = process;
  const auto refused = [&](const MatrixXd& X, const VectorXd& y) { return message_of([&] { process.learn(X, y); }); };
  MatrixXd bad = points();
  bad(3, 0) = not_a_number;
  CHECK(refused(bad, labels()) == "DualGaussianProcess: X(3, 0) = nan, must be finite");
  CHECK(refused(points(), values()).find("DualGaussianProcess: y[0] = ") == 0);
  CHECK(refused(points(), labels().head(3)) == "DualGaussianProcess: y is 3 x 1, must be 30 x 1");
  CHECK(refused(MatrixXd::Ones(3, 2), labels().head(3)) == "DualGaussianProcess: X is 3 x 2, must be 3 x 1");
  CHECK(refused(MatrixXd(0, 1), VectorXd(0)) == "DualGaussianProcess: examples = 0, must be >= 1 and finite");
  CHECK(message_of([&] { (void)process.predict(bad); }) == "DualGaussianProcess: X(3, 0) = nan, must be finite");
  CHECK(message_of([&] { (void)process.predict(MatrixXd::Ones(1, 2)); }) ==
        "DualGaussianProcess: X is 1 x 2, must be 1 x 1");
  CHECK(message_of([&] { process.move(MatrixXd::Ones(2, 1)); }) ==
        "DualGaussianProcess: the kernel of the inducing points is not positive definite");
  CHECK(message_of([&] { process.move(MatrixXd(0, 1)); }) ==
        "DualGaussianProcess: inducing points = 0, must be in [1, 50]");
  CHECK(message_of([&] { process.move(bad); }) == "DualGaussianProcess: Z(3, 0) = nan, must be finite");
  CHECK(distance(process, before) == 0);

  Options at_rest = standard();
  Process nothing(at_rest, 1);
  CHECK(message_of([&] { nothing.learn(points(), values()); }) ==
        "DualGaussianProcess: there are no inducing points, and move_inducing is false");
  at_rest.noise = 1e-300;
  Process far(at_rest, grid());
  CHECK(far.learn(points(), values() * 1e200) != Status::running);
  CHECK(far.first_dual().norm() == 0);
  CHECK(far.second_dual().norm() == 0);
}
