// Training errors of networks with 8 inputs of scales 0.1 to 10, 10 units and 2 outputs on 800 patterns, after 20 and
// 100 steps, and the time of 100 steps: the methods of InputGainTrainer, and Levenberg-Marquardt on all 128 weights.
#include <glissade/least_squares.hpp>
#include <glissade/models.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr Index patterns = 800, inputs = 8, units = 10, outputs = 2;

struct Data {
  MatrixXd X, T;
};

/// The targets are sines of combinations of the inputs before they are scaled, and a product of two.
Data sines(std::uint64_t seed) {
  const RandomKey key{seed};
  Data data{random_normal<double>(patterns, inputs, key.derive(1)),
            0.02 * random_normal<double>(patterns, outputs, key.derive(4))};
  const MatrixXd angles = data.X * (1.5 / std::sqrt(8.0) * random_normal<double>(inputs, 2, key.derive(2)));
  data.T += angles.array().sin().matrix() * random_normal<double>(2, outputs, key.derive(3));
  data.T.colwise() += 0.3 * data.X.col(0).cwiseProduct(data.X.col(1));
  for (Index j = 0; j < inputs; ++j) data.X.col(j) *= 0.1 * std::pow(100.0, static_cast<double>(j) / 7);
  return data;
}

/// y - t for every pattern and output; x holds the columns of all three matrices of weights.
struct Residuals {
  const Data& data;

  static VectorXd packed(const OneHiddenLayer& network) {
    VectorXd x(units * (inputs + 1) + outputs * (inputs + 1 + units));
    x << network.input_weights.reshaped(), network.bypass_weights.reshaped(), network.output_weights.reshaped();
    return x;
  }
  static OneHiddenLayer unpacked(const VectorXd& x) {
    constexpr Index first = units * (inputs + 1), second = outputs * (inputs + 1);
    return {x.head(first).reshaped(units, inputs + 1), x.segment(first, second).reshaped(outputs, inputs + 1),
            x.tail(outputs * units).reshaped(outputs, units)};
  }
  void residuals(const VectorXd& x, VectorXd& r) const { r = (unpacked(x).predict(data.X) - data.T).reshaped(); }
  void jacobian(const VectorXd& x, MatrixXd& J) const {
    const OneHiddenLayer network = unpacked(x);
    const MatrixXd O = network.hidden(data.X), slope = O.array() * (1 - O.array());
    MatrixXd ones(patterns, inputs + 1);
    ones << data.X, VectorXd::Ones(patterns);
    J.setZero(patterns * outputs, x.size());
    for (Index i = 0; i < outputs; ++i) {
      auto rows = J.middleRows(i * patterns, patterns);
      for (Index m = 0; m <= inputs; ++m) {
        for (Index k = 0; k < units; ++k)
          rows.col(m * units + k) = network.output_weights(i, k) * slope.col(k).cwiseProduct(ones.col(m));
        rows.col(units * (inputs + 1) + m * outputs + i) = ones.col(m);
      }
      for (Index k = 0; k < units; ++k) rows.col((units + outputs) * (inputs + 1) + k * outputs + i) = O.col(k);
    }
  }
};

struct Row {
  std::string method;
  std::vector<double> errors;
  double seconds = 0;
};

}  // namespace

int main() {
  constexpr std::array names{"bp", "oig_bp", "hwo", "oig_hwo"};
  constexpr std::array whitenings{"klt", "zca", "cholesky"};
  std::vector<Row> rows{{"start", {}}};
  for (std::size_t k = 0; k < 4; ++k) rows.push_back({names[k], {}});
  rows[4].method += " klt";
  for (std::size_t k : {1U, 2U}) rows.push_back({"oig_hwo " + std::string(whitenings[k]), {}});
  rows.push_back({"oig_bp, 500 and 2500", {}});
  rows.push_back({"LevenbergMarquardt", {}});
  constexpr std::uint64_t sets = 6;
  for (std::uint64_t seed = 0; seed < sets; ++seed) {
    const Data data = sines(seed);
    OneHiddenLayer start = random_one_hidden_layer(data.X, outputs, units, seed);
    start.fit_outputs(data.X, data.T);
    rows[0].errors.insert(rows[0].errors.end(), 2, start.error(data.X, data.T));
    const auto race = [&](Row& row, const InputGainOptions& options, int first, int last) {
      const auto begin = std::chrono::steady_clock::now();
      InputGainTrainer trainer(options, start, data.X, data.T);
      for (int step = 0; step < first; ++step) trainer.step();
      row.errors.push_back(trainer.error());
      for (int step = first; step < last; ++step) trainer.step();
      row.errors.push_back(trainer.error());
      row.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    for (std::size_t k = 0; k < 4; ++k) race(rows[k + 1], {.method = static_cast<InputGainMethod>(k)}, 20, 100);
    race(rows[5], {.whitening = Whitening::zca}, 20, 100);
    race(rows[6], {.whitening = Whitening::cholesky}, 20, 100);
    race(rows[7], {.method = InputGainMethod::oig_bp}, 500, 2500);
    Row& row = rows.back();
    const Residuals problem{data};
    VectorXd x = Residuals::packed(start);
    const auto begin = std::chrono::steady_clock::now();
    minimize(problem, x, LevenbergMarquardt{}, {.max_iterations = 100, .gradient_tolerance = 0}, [&](const Record& at) {
      if (at.iteration == 20) row.errors.push_back(Residuals::unpacked(at.x).error(data.X, data.T));
    });
    row.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    row.errors.push_back(Residuals::unpacked(x).error(data.X, data.T));
  }
  std::printf("mean squared error after 20 and 100 steps, %d data sets; milliseconds\n\n", static_cast<int>(sets));
  for (const Row& row : rows) {
    std::printf("%-20s", row.method.c_str());
    for (std::size_t k = 0; k < row.errors.size(); k += 2)
      std::printf(" %6.3f %6.3f |", row.errors[k], row.errors[k + 1]);
    std::printf(" %7.1f\n", 1e3 * row.seconds / static_cast<double>(sets));
  }
  return 0;
}
