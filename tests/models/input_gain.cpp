// Networks trained by optimal input gains: against numpy, the identities of gains, what each method does not depend on,
// the claim on random data, and what is degenerate or wrong.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/message_of.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/models.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Method = InputGainMethod;

namespace {

constexpr std::array methods{Method::bp, Method::oig_bp, Method::hwo, Method::oig_hwo};
constexpr std::array whitenings{Whitening::klt, Whitening::zca, Whitening::cholesky};

MatrixXd normals(Index rows, Index cols, RandomKey key) { return random_normal<double>(rows, cols, key); }

MatrixXd times(const MatrixXd& A, const MatrixXd& B) {
  MatrixXd out(A.rows(), B.cols());
  product(A, B, out);
  return out;
}
MatrixXd transposed(const MatrixXd& A) { return A.transpose(); }
MatrixXd columns_scaled(MatrixXd A, const VectorXd& by) {
  for (Index j = 0; j < A.cols(); ++j) A.col(j) *= by[j];
  return A;
}
double distance(const MatrixXd& A, const MatrixXd& B) { return (A - B).norm(); }

struct Data {
  MatrixXd X, T;
};

/// Eight inputs of scales 0.1 to 10, of which, unscaled, sines of combinations and one product make two targets.
Data sines(std::uint64_t seed, Index patterns) {
  const RandomKey key{seed};
  Data data{normals(patterns, 8, key.derive(1)), 0.02 * normals(patterns, 2, key.derive(4))};
  const MatrixXd angles = times(data.X, 1.5 / std::sqrt(8.0) * normals(8, 2, key.derive(2)));
  data.T += times(angles.array().sin(), normals(2, 2, key.derive(3)));
  data.T.colwise() += 0.3 * data.X.col(0).cwiseProduct(data.X.col(1));
  for (Index j = 0; j < 8; ++j) data.X.col(j) *= 0.1 * std::pow(100.0, static_cast<double>(j) / 7);
  return data;
}

MatrixXd with_ones(const MatrixXd& X) {
  MatrixXd out = MatrixXd::Ones(X.rows(), X.cols() + 1);
  out.leftCols(X.cols()) = X;
  return out;
}
/// X'X / patterns, with a column of ones in X.
MatrixXd autocorrelation(const MatrixXd& inputs) {
  const MatrixXd X = with_ones(inputs);
  return times(transposed(X), X) / static_cast<double>(X.rows());
}

/// An input weight matrix for other inputs whose nets are the same.
OneHiddenLayer with_weights(const MatrixXd& input_weights, Index outputs) {
  return {input_weights, MatrixXd::Zero(outputs, input_weights.cols()), MatrixXd::Zero(outputs, input_weights.rows())};
}

std::vector<double> errors(InputGainTrainer trainer, int steps) {
  std::vector<double> list{trainer.error()};
  for (int k = 0; k < steps; ++k) {
    trainer.step();
    list.push_back(trainer.error());
  }
  return list;
}
/// Of the first curve, relative, as far as it goes.
double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  REQUIRE(a.size() <= b.size());
  for (std::size_t k = 0; k < a.size(); ++k)
    if (const double difference = std::abs(a[k] - b[k]) / a[k]; !(difference <= largest)) largest = difference;
  return largest;
}

/// The data and the start of generate_input_gain.py.
Data golden_data() {
  Data data{MatrixXd(30, 3), MatrixXd(30, 2)};
  for (int p = 0; p < 30; ++p) {
    data.X.row(p) << std::sin(1 + 0.7 * p), 0.2 * std::cos(0.4 * p * p), 5 * std::sin(2 + 1.3 * p);
    data.T.row(p) << std::tanh(2 * data.X(p, 0) + 5 * data.X(p, 1)),
        data.X(p, 0) * data.X(p, 2) / 5 + std::cos(data.X(p, 2));
  }
  return data;
}
OneHiddenLayer golden_start(double scale) {
  MatrixXd W(4, 4);
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 4; ++j) W(k, j) = scale * std::sin(1 + 2 * k + 3 * j);
  return with_weights(W, 2);
}
template <std::size_t N>
std::size_t index_of(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto at = std::find(names.begin(), names.end(), name);
  REQUIRE(at != names.end());
  return static_cast<std::size_t>(at - names.begin());
}

}  // namespace
TEST_CASE("InputGain: errors and weights of numpy, for every method and whitening, with halved steps") {
  std::ifstream file(GLISSADE_TEST_DATA "/models/input_gain.csv");
  REQUIRE(file);
  std::string line;
  std::getline(file, line);
  const Data data = golden_data();
  std::optional<InputGainTrainer> trainer;
  int rows = 0;
  for (; std::getline(file, line); ++rows) {
    INFO(line);
    std::stringstream cells(line);
    std::array<std::string, 9> cell;
    for (std::string& text : cell) std::getline(cells, text, ',');
    if (cell[3] == "0") {
      const std::size_t method = index_of(std::array<std::string_view, 4>{"bp", "oig_bp", "hwo", "oig_hwo"}, cell[1]);
      const std::size_t white = index_of(std::array<std::string_view, 3>{"klt", "zca", "cholesky"}, cell[2]);
      trainer.emplace(InputGainOptions{.method = methods[method], .whitening = whitenings[white]},
                      golden_start(std::stod(cell[0])), data.X, data.T);
    } else {
      REQUIRE(trainer->step() == Status::running);
    }
    const MatrixXd& W = trainer->network().input_weights;
    CHECK(trainer->iterations() == std::stoi(cell[3]));
    CHECK(trainer->error() == Approx(std::stod(cell[4])).epsilon(1e-10));
    CHECK(W.norm() == Approx(std::stod(cell[5])).epsilon(1e-10));
    CHECK(W(0, 0) == Approx(std::stod(cell[6])).epsilon(1e-9));
    CHECK(W(3, 1) == Approx(std::stod(cell[7])).epsilon(1e-9));
    CHECK(W(1, 3) == Approx(std::stod(cell[8])).epsilon(1e-9));
  }
  CHECK(rows == 2 * 6 * 9);
}

TEST_CASE("InputGain: the derivative by a gain is the sum of a column's squares, H the one of Gauss and Newton") {
  const Data data = sines(1, 60);
  for (const Method method : {Method::oig_bp, Method::oig_hwo})
    for (const Whitening whitening : whitenings) {
      InputGainTrainer trainer({.method = method, .whitening = whitening}, random_one_hidden_layer(data.X, 2, 5),
                               data.X, data.T);
      for (int k = 0; k < 3; ++k) REQUIRE(trainer.step() == Status::running);
      const GainSystem system = trainer.gain_system();
      const MatrixXd G = trainer.negative_gradient();
      const MatrixXd& A = trainer.transform();
      for (Index m = 0; m < 9; ++m) CHECK(system.descent[m] == Approx(G.col(m).squaredNorm()).epsilon(1e-14));
      CHECK(system.hessian == transposed(system.hessian));

      MatrixXd slopes(120, 9);  // of the outputs, one column for each gain
      for (Index m = 0; m < 9; ++m) {
        const double h = 1e-4 * system.descent[m] / system.hessian(m, m);
        OneHiddenLayer plus = trainer.network(), minus = plus;
        plus.input_weights += h * G.col(m) * A.row(m);
        minus.input_weights -= h * G.col(m) * A.row(m);
        CHECK((minus.error(data.X, data.T) - plus.error(data.X, data.T)) / (2 * h) ==
              Approx(system.descent[m]).epsilon(8e-7));
        const MatrixXd change = plus.predict(data.X) - minus.predict(data.X);
        for (Index k = 0; k < 120; ++k) slopes(k, m) = change.data()[k] / (2 * h);
      }
      const MatrixXd H = times(transposed(slopes), slopes) / 30;
      CHECK(distance(H, system.hessian) <= 1e-6 * H.norm());

      // Newton's gains lower the model by more than the best single factor.
      const VectorXd r = solve_gains(system, 1e-10);
      CHECK(distance(times(system.hessian, r), system.descent) <= 1e-10 * system.descent.norm());
      CHECK(system.descent.dot(r) / 2 >= std::pow(system.descent.sum(), 2) / (2 * system.hessian.sum()));

      const MatrixXd before = trainer.network().input_weights;
      REQUIRE(trainer.step() == Status::running);
      const MatrixXd expected = before + times(columns_scaled(G, r), A);
      CHECK(distance(trainer.network().input_weights, expected) <= 1e-12 * before.norm());
    }
}

TEST_CASE("InputGain: gains of a system that is singular or nearly so") {
  GainSystem system{VectorXd::Zero(3), MatrixXd::Zero(3, 3)};
  system.descent << 2, 1 + 1e-6, 0;
  system.hessian.topLeftCorner(2, 2) << 4, 2 * (1 - 1e-12), 2 * (1 - 1e-12), 1;  // the third input changes nothing
  const VectorXd r = solve_gains(system, 1e-10);
  CHECK(r[0] == Approx(0.25).epsilon(1e-5));
  CHECK(r[1] == Approx(0.5).epsilon(1e-5));
  CHECK(r[2] == 0);
  CHECK(solve_gains(system, 1e-14)[1] > 1e5);
}

TEST_CASE("InputGain: equal gains are the learning factor, G R^-1 the direction of hwo") {
  const Data data = sines(2, 60);
  const MatrixXd R = autocorrelation(data.X);
  for (const Method method : {Method::bp, Method::hwo}) {
    InputGainTrainer trainer({.method = method}, random_one_hidden_layer(data.X, 2, 5), data.X, data.T);
    const OneHiddenLayer before = trainer.network();
    const GainSystem system = trainer.gain_system();
    const double z = system.descent.sum() / system.hessian.sum();
    MatrixXd G = InputGainTrainer({.method = Method::bp}, before, data.X, data.T).negative_gradient();
    for (Index k = 0; k < 5; ++k)
      for (Index j = 0; j < 9; ++j) {  // G is minus the derivative by each weight
        const double h = 1e-5 / std::sqrt(R(j, j));
        OneHiddenLayer plus = before, minus = before;
        plus.input_weights(k, j) += h;
        minus.input_weights(k, j) -= h;
        const double slope = (minus.error(data.X, data.T) - plus.error(data.X, data.T)) / (2 * h);
        CHECK(G(k, j) == Approx(slope).epsilon(1e-5).margin(1e-8));
      }
    if (method == Method::hwo) G = transposed(R.partialPivLu().solve(transposed(G)));
    REQUIRE(trainer.step() == Status::running);
    const MatrixXd step = trainer.network().input_weights - before.input_weights;
    CHECK(distance(step, z * G) <= 1e-11 * step.norm());
  }
}

TEST_CASE("InputGain: white inputs by eigenvectors, symmetric, by a triangle") {
  const Data data = sines(3, 60);
  const MatrixXd R = autocorrelation(data.X);
  const auto transform = [&](Method method, Whitening whitening) {
    return InputGainTrainer({.method = method, .whitening = whitening}, random_one_hidden_layer(data.X, 2, 5), data.X,
                            data.T)
        .transform();
  };
  const MatrixXd I = MatrixXd::Identity(9, 9);
  CHECK(transform(Method::bp, Whitening::klt) == I);
  CHECK(transform(Method::oig_bp, Whitening::zca) == I);
  for (const Whitening whitening : whitenings) {
    const MatrixXd A = transform(Method::oig_hwo, whitening);
    CHECK(distance(times(times(A, R), transposed(A)), I) <= 1e-12);
  }
  const MatrixXd klt = transform(Method::oig_hwo, Whitening::klt), rows = times(klt, transposed(klt));
  CHECK(distance(rows, MatrixXd(rows.diagonal().asDiagonal())) <= 1e-12 * rows.norm());
  const MatrixXd zca = transform(Method::oig_hwo, Whitening::zca);
  CHECK(distance(zca, transposed(zca)) <= 1e-12 * zca.norm());
  CHECK(Eigen::SelfAdjointEigenSolver<MatrixXd>(zca).eigenvalues()[0] > 0);
  const MatrixXd triangle = transform(Method::oig_hwo, Whitening::cholesky);
  CHECK(triangle.isLowerTriangular(1e-14));
  CHECK(triangle.diagonal().minCoeff() > 0);
}

TEST_CASE("InputGain: oig_bp does not depend on units of measurement, hwo on no linear map of the inputs") {
  for (const std::uint64_t seed : {0U, 2U}) {
    const Data data = sines(seed, 300);
    const OneHiddenLayer start = random_one_hidden_layer(data.X, 2, 8);
    VectorXd halves(9), S(9);
    for (Index j = 0; j < 9; ++j) {
      halves[j] = std::ldexp(1.0, static_cast<int>(j * 5 % 8 * 2 - 7));  // 2^-7 to 2^7
      S[j] = 0.01 * std::pow(1e4, static_cast<double>(j * 3 % 8) / 7);   // 0.01 to 100
    }
    halves[8] = S[8] = 1;
    const auto scaled_errors = [&](Method method, const VectorXd& scales, int steps) {
      const MatrixXd X = columns_scaled(data.X, scales);
      const MatrixXd W = columns_scaled(start.input_weights, scales.cwiseInverse());
      return errors({{.method = method}, with_weights(W, 2), X, data.T}, steps);
    };
    const auto plain = errors({{.method = Method::oig_bp}, start, data.X, data.T}, 60);
    CHECK(scaled_errors(Method::oig_bp, halves, 60) == plain);  // every bit
    // Later the curves part, as fast as those of two starts that differ by a rounding error.
    CHECK(largest_difference(scaled_errors(Method::oig_bp, S, 10), plain) <= 4e-13);
    const auto of_bp = errors({{.method = Method::bp}, start, data.X, data.T}, 10);
    CHECK(largest_difference(of_bp, scaled_errors(Method::bp, S, 10)) >= 1e-4);

    const MatrixXd mix = normals(8, 8, RandomKey{seed}.derive(5));
    MatrixXd W = start.input_weights;
    W.leftCols(8) = transposed(transposed(mix).partialPivLu().solve(transposed(W.leftCols(8))));
    const MatrixXd mixed = times(data.X, transposed(mix));
    const auto hwo = errors({{.method = Method::hwo}, start, data.X, data.T}, 60);
    CHECK(largest_difference(hwo, errors({{.method = Method::hwo}, with_weights(W, 2), mixed, data.T}, 60)) <= 5e-13);
    CHECK(largest_difference(errors({{.method = Method::oig_bp}, with_weights(W, 2), mixed, data.T}, 10), plain) >=
          1e-3);
  }
}

TEST_CASE("OneHiddenLayer: residuals are orthogonal to inputs and units, random units are neither flat nor steep") {
  const Data data = sines(4, 100);
  OneHiddenLayer network = random_one_hidden_layer(data.X, 2, 7, 3);
  const MatrixXd nets = times(with_ones(data.X), transposed(network.input_weights));
  for (Index k = 0; k < 7; ++k) {
    CHECK(nets.col(k).mean() == Approx(0.5));
    CHECK(nets.col(k).squaredNorm() / 100 == Approx(1.25));
  }
  CHECK(network.input_weights == random_one_hidden_layer(data.X, 2, 7, 3).input_weights);
  CHECK(network.input_weights != random_one_hidden_layer(data.X, 2, 7, 4).input_weights);
  const double unfitted = network.error(data.X, data.T);
  CHECK(unfitted == Approx(data.T.squaredNorm() / 100));
  network.fit_outputs(data.X, data.T);
  const MatrixXd residual = data.T - network.predict(data.X);
  CHECK(residual.squaredNorm() / 100 == Approx(network.error(data.X, data.T)));
  CHECK(network.error(data.X, data.T) < unfitted);
  const MatrixXd X = with_ones(data.X), O = network.hidden(data.X);
  CHECK(times(transposed(X), residual).norm() <= 1e-12 * X.norm() * residual.norm());
  CHECK(times(transposed(O), residual).norm() <= 1e-12 * O.norm() * residual.norm());
  const MatrixXd output = network.output_weights;  // the net of one unit, by hand
  CHECK(O(3, 2) == Approx(1 / (1 + std::exp(-nets(3, 2)))));
  const MatrixXd y = times(X, transposed(network.bypass_weights)) + times(O, transposed(output));
  CHECK(distance(network.predict(data.X), y) <= 1e-12 * y.norm());
}

TEST_CASE("InputGain: gains halve the error of bp on at least two of three data sets, and do not fall behind hwo") {
  int halves = 0, as_good = 0;
  for (const std::uint64_t seed : {0U, 1U, 2U}) {
    const Data data = sines(seed, 800);
    const OneHiddenLayer start = random_one_hidden_layer(data.X, 2, 10, seed);
    std::array<double, 4> last{};
    for (std::size_t k = 0; k < 4; ++k) {
      const auto curve = errors({{.method = methods[k]}, start, data.X, data.T}, 99);
      CHECK(std::is_sorted(curve.rbegin(), curve.rend()));
      last[k] = curve.back();
    }
    halves += last[1] < 0.5 * last[0] ? 1 : 0;
    as_good += last[3] <= last[2] ? 1 : 0;
  }
  CHECK(halves >= 2);
  CHECK(as_good >= 2);
}

TEST_CASE("InputGain: goes on from a file bit for bit") {
  const Data data = sines(5, 60);
  const auto path = std::filesystem::temp_directory_path() / "glissade_input_gain.safetensors";
  for (const Method method : methods) {
    const InputGainOptions options{.method = method};
    InputGainTrainer whole(options, random_one_hidden_layer(data.X, 2, 5), data.X, data.T);
    for (int k = 0; k < 4; ++k) whole.step();
    save(whole, path);
    InputGainTrainer loaded(options, random_one_hidden_layer(data.X, 2, 5, 9), data.X, data.T);
    load(loaded, path);
    CHECK(loaded.error() == whole.error());
    CHECK(loaded.iterations() == 4);
    for (int k = 0; k < 4; ++k) {
      whole.step();
      loaded.step();
    }
    CHECK(loaded.network().input_weights == whole.network().input_weights);
    CHECK(loaded.network().bypass_weights == whole.network().bypass_weights);
    CHECK(loaded.network().output_weights == whole.network().output_weights);
    CHECK(loaded.error() == whole.error());
    CHECK(loaded.iterations() == 8);
  }
  std::filesystem::remove(path);
}

TEST_CASE("InputGain: inputs that depend on others, constant ones and ones that are zero") {
  const Data data = sines(6, 100);
  const OneHiddenLayer start = random_one_hidden_layer(data.X, 2, 6);
  Data more{MatrixXd(100, 11), data.T};
  more.X.leftCols(8) = data.X;
  more.X.col(8).setConstant(3);
  more.X.col(9) = data.X.col(0) - 2 * data.X.col(5);
  more.X.col(10).setZero();
  MatrixXd W = MatrixXd::Zero(6, 12);
  W.leftCols(8) = start.input_weights.leftCols(8);
  W.col(11) = start.input_weights.col(8);
  const OneHiddenLayer wide = with_weights(W, 2);
  // What they add to the span of the inputs is nothing: hwo does not see them.
  CHECK(largest_difference(errors({{.method = Method::hwo}, start, data.X, data.T}, 30),
                           errors({{.method = Method::hwo}, wide, more.X, more.T}, 30)) <= 1e-11);
  for (const Method method : methods)
    for (const Whitening whitening : whitenings) {
      INFO(static_cast<int>(method) << " " << static_cast<int>(whitening));
      InputGainTrainer trainer({.method = method, .whitening = whitening}, wide, more.X, more.T);
      const double before = trainer.error();
      const bool reduced = method == Method::hwo || (method == Method::oig_hwo && whitening != Whitening::zca);
      CHECK(trainer.transform().rows() == (reduced ? 9 : 12));
      for (int k = 0; k < 20; ++k) REQUIRE(trainer.step() == Status::running);
      CHECK(trainer.error() < 0.99 * before);
      CHECK(trainer.network().input_weights.allFinite());
      CHECK(trainer.network().input_weights.col(10).isZero(0));  // of the zeros
      CHECK(trainer.network().bypass_weights.norm() < 1e3);
    }
}

TEST_CASE("InputGain: saturated units stand still; where all are, nothing moves") {
  const Data data = sines(7, 100);
  OneHiddenLayer start = random_one_hidden_layer(data.X, 2, 4);
  const auto saturate = [&](Index unit, double net) {
    start.input_weights.row(unit).setZero();
    start.input_weights(unit, 8) = net;
  };
  saturate(1, 800);
  saturate(3, -800);
  for (const Method method : methods) {
    InputGainTrainer trainer({.method = method}, start, data.X, data.T);
    const double before = trainer.error();
    CHECK(trainer.step() == Status::running);
    CHECK(trainer.error() < before);
    CHECK(trainer.network().input_weights.row(1) == start.input_weights.row(1));
    CHECK(trainer.network().input_weights.row(3) == start.input_weights.row(3));
    CHECK(trainer.network().input_weights.row(0) != start.input_weights.row(0));
  }
  saturate(0, 800);
  saturate(2, -800);
  for (const Method method : methods) {
    InputGainTrainer trainer({.method = method}, start, data.X, data.T);
    CHECK(trainer.train() == Status::gradient_tolerance);
    CHECK(trainer.iterations() == 0);
    CHECK(trainer.network().input_weights == start.input_weights);
  }
}

TEST_CASE("InputGain: how training ends") {
  const Data data = golden_data();
  const InputGainOptions zca{.method = Method::oig_hwo, .whitening = Whitening::zca};
  InputGainTrainer halving(zca, golden_start(5), data.X, data.T);
  REQUIRE(halving.step() == Status::running);
  InputGainOptions without = zca;
  without.max_halvings = 0;
  InputGainTrainer stuck(without, halving.network(), data.X, data.T);
  const OneHiddenLayer before = stuck.network();
  CHECK(stuck.step() == Status::search_failed);  // the full step makes the error larger
  CHECK(stuck.network().input_weights == before.input_weights);
  CHECK(stuck.network().output_weights == before.output_weights);
  CHECK(stuck.iterations() == 0);

  InputGainTrainer short_run({.method = Method::oig_bp, .max_iterations = 3}, golden_start(1), data.X, data.T);
  CHECK(short_run.train() == Status::max_iterations);
  CHECK(short_run.train() == Status::max_iterations);
  CHECK(short_run.iterations() == 6);

  // From 0.2923 to 0.2695, 0.2527, 0.2403: 7.8, 6.2, 4.9 per cent.
  InputGainTrainer tolerant({.method = Method::oig_bp, .tolerance = 0.055}, golden_start(1), data.X, data.T);
  CHECK(tolerant.train() == Status::value_tolerance);
  CHECK(tolerant.iterations() == 3);

  // As many units as patterns: a perfect fit at once.
  const Data few{data.X.topRows(5), data.T.topRows(5)};
  InputGainTrainer perfect({}, random_one_hidden_layer(few.X, 2, 6), few.X, few.T);
  CHECK(perfect.error() <= 1e-24);
  perfect.train();
  CHECK(perfect.error() <= 1e-24);
  for (const Method method : methods)  // fewer patterns than inputs
    for (const Whitening whitening : whitenings) {
      const Data two{data.X.topRows(2), data.T.topRows(2)};
      InputGainTrainer wide({.method = method, .whitening = whitening}, golden_start(1), two.X, two.T);
      wide.train();
      CHECK(wide.error() <= 1e-24);
      CHECK(wide.network().input_weights.allFinite());
    }

  OneHiddenLayer steep = golden_start(1);  // infinity less infinity
  steep.input_weights.setConstant(1e308);
  steep.input_weights.col(2) *= -1;
  Data far = data;
  far.X.setConstant(1e10);
  InputGainTrainer lost({}, steep, far.X, far.T);
  CHECK(std::isnan(lost.error()));
  CHECK(lost.train() == Status::non_finite);

  Data large = data;
  large.T *= 1e200;
  InputGainTrainer infinite({}, golden_start(1), large.X, large.T);
  CHECK(infinite.train() == Status::non_finite);
  CHECK(infinite.iterations() == 0);
}

TEST_CASE("InputGain: refuses options out of range and data that do not fit") {
  const Data data = golden_data();
  const auto refused = [&](const InputGainOptions& options, const MatrixXd& X, const MatrixXd& T,
                           const OneHiddenLayer& start) {
    return message_of<std::invalid_argument>([&] { InputGainTrainer(options, start, X, T); });
  };
  const auto option = [&](const InputGainOptions& options) {
    return refused(options, data.X, data.T, golden_start(1));
  };
  CHECK(option({.method = static_cast<Method>(4)}) == "InputGain: method = 4, must be in [0, 3]");
  CHECK(option({.whitening = static_cast<Whitening>(-1)}) == "InputGain: whitening = -1, must be in [0, 2]");
  CHECK(option({.max_iterations = -1}) == "InputGain: max_iterations = -1, must be >= 0 and finite");
  CHECK(option({.tolerance = -1}) == "InputGain: tolerance = -1, must be >= 0 and finite");
  CHECK(option({.rank_cut = 1}) == "InputGain: rank_cut = 1, must be in [0, 1)");
  CHECK(option({.max_halvings = -1}) == "InputGain: max_halvings = -1, must be in [0, 1000]");
  const auto refused_data = [&](const MatrixXd& X, const MatrixXd& T) { return refused({}, X, T, golden_start(1)); };
  CHECK(refused_data(data.X.leftCols(2), data.T) == "OneHiddenLayer::fit_outputs: X is 30 x 2, must be 30 x 3");
  CHECK(refused_data(data.X, data.T.topRows(7)) == "OneHiddenLayer::fit_outputs: T is 7 x 2, must be 30 x 2");
  CHECK(refused_data(data.X, MatrixXd(30, 0)) == "InputGain: outputs = 0, must be >= 1 and finite");
  CHECK(refused_data(MatrixXd(0, 3), MatrixXd(0, 2)) ==
        "OneHiddenLayer::fit_outputs: X has no rows, must have a pattern in each");
  CHECK(refused({}, data.X, data.T, with_weights(MatrixXd(0, 4), 2)) ==
        "InputGain: hidden = 0, must be >= 1 and finite");
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  MatrixXd X = data.X, T = data.T, W = golden_start(1).input_weights;
  X(3, 1) = nan;
  T(4, 0) = std::numeric_limits<double>::infinity();
  W(1, 1) = nan;
  CHECK(refused_data(X, data.T).find("OneHiddenLayer::fit_outputs: X(3, 1) = nan, must be ") == 0);
  CHECK(refused_data(data.X, T).find("OneHiddenLayer::fit_outputs: T(4, 0) = inf, must be ") == 0);
  CHECK(refused({}, data.X, data.T, with_weights(W, 2)) == "InputGain: the start is not finite");

  const auto random = [](const MatrixXd& inputs, Index outputs, Index hidden) {
    return message_of<std::invalid_argument>([&] { (void)random_one_hidden_layer(inputs, outputs, hidden); });
  };
  CHECK(random(data.X, 0, 3) == "random_one_hidden_layer: outputs = 0, must be >= 1 and finite");
  CHECK(random(data.X, 1, 0) == "random_one_hidden_layer: hidden = 0, must be >= 1 and finite");
  CHECK(random(MatrixXd(0, 3), 1, 1) == "random_one_hidden_layer: patterns = 0, must be >= 1 and finite");
  CHECK(random(MatrixXd(3, 0), 1, 1) == "random_one_hidden_layer: inputs = 0, must be >= 1 and finite");
  CHECK(random(X, 1, 1).find("random_one_hidden_layer: X(3, 1) = nan, must be ") == 0);
  const OneHiddenLayer constant = random_one_hidden_layer(MatrixXd::Constant(20, 2, 0.1), 1, 5);
  CHECK(constant.input_weights.allFinite());
  CHECK(constant.input_weights.norm() < 100);
  const OneHiddenLayer network = golden_start(1);
  CHECK(message_of<std::invalid_argument>([&] { (void)network.predict(data.X.leftCols(2)); }) ==
        "OneHiddenLayer::hidden: X is 30 x 2, must be 30 x 3");
  CHECK(message_of<std::invalid_argument>([&] { (void)network.error(data.X, data.T.leftCols(1)); }) ==
        "OneHiddenLayer::error: T is 30 x 1, must be 30 x 2");
}
