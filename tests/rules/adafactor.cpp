#include "support/rule_checks.hpp"

#include <array>

using namespace glissade;
using Eigen::MatrixXd;

namespace {

MatrixXd golden_run(const Adafactor& rule) {
  MatrixXd W(2, 3);
  W << 1, -2, 0.5, 0.25, 0.75, -1;
  Optimizer optimizer{rule, W};
  for (int t = 1; t <= 10; ++t) {
    MatrixXd G(2, 3);
    for (int i = 1; i <= 2; ++i)
      for (int j = 1; j <= 3; ++j)
        G(i - 1, j - 1) = static_cast<double>(i) / j * W(i - 1, j - 1) + std::sin(i + 2 * j + t);
    optimizer.step(G);
  }
  return W;
}

double rms(const MatrixXd& m) { return std::sqrt(m.squaredNorm() / static_cast<double>(m.size())); }

/// Random numbers of an array, the same on every machine.
MatrixXd normal(Index rows, Index cols, std::uint64_t seed) {
  MatrixXd m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = RandomKey{seed}.normal(static_cast<std::uint64_t>(i));
  return m;
}

/// The scaled update of one rule, without steps: x stays at zero.
template <class X>
struct Scaled {
  X u;
  Optimizer<Chain<ScaleByFactoredRms, Scale>, double> optimizer;
  Scaled(Index rows, Index cols, ScaleByFactoredRms rule = {})
      : u(X::Zero(rows, cols)), optimizer(chain(rule, Scale{}), u) {}
  const X& operator()(const MatrixXd& g) {
    u.setZero();
    optimizer.step(g);
    return u;
  }
  [[nodiscard]] MatrixXd second_moment() const {
    const Field& r = optimizer.field("0", "row_mean_square");
    const Field& c = optimizer.field("0", "column_mean_square");
    MatrixXd v(r.size(), c.size());
    double mean = 0;
    for (Index i = 0; i < r.size(); ++i) mean += r[i] / static_cast<double>(r.size());
    for (Index i = 0; i < r.size(); ++i)
      for (Index j = 0; j < c.size(); ++j) v(i, j) = r[i] * c[j] / mean;
    return v;
  }
};

/// b2_t of the rule.
double decay(int t, double exponent = 0.8) { return 1 - std::pow(t, -exponent); }

}  // namespace

TEST_CASE("Adafactor: golden values on a 2 x 3 matrix") {
  MatrixXd plain(2, 3);
  plain << 0.909305150703, -1.927578606282, 0.477339117714, 0.208955378258, 0.674973654607, -0.921873851439;
  MatrixXd smoothed(2, 3);
  smoothed << 0.959261726026, -1.967194014176, 0.48668980265, 0.236463033776, 0.718338635931, -0.970632827594;
  const auto distance = [](const MatrixXd& a, const MatrixXd& b) { return (a - b).cwiseAbs().maxCoeff(); };
  CHECK(distance(golden_run(Adafactor{}), plain) <= 1e-11);
  CHECK(distance(golden_run(Adafactor{.learning_rate = 1e-2, .convention = Convention::torch}), plain) <= 1e-11);
  CHECK(distance(golden_run(Adafactor{.learning_rate = 1e-2, .convention = Convention::optax, .min_dim_to_factor = 1}),
                 plain) <= 1e-11);
  CHECK(distance(golden_run(Adafactor{.beta1 = 0.9}), smoothed) <= 1e-11);
}

TEST_CASE("Adafactor: the factors are the best rank-one approximation in Kullback-Leibler divergence") {
  const Index n = 6;
  const Index m = 5;
  const MatrixXd g = normal(n, m, 1).array().abs() + 0.1;
  const MatrixXd V = g.cwiseAbs2();
  Scaled<MatrixXd> scaled(n, m);
  const MatrixXd u = scaled(g);
  const MatrixXd W = (g.array() / u.array()).square();  // what the rule divided by, squared
  CHECK((W - V.rowwise().sum() * V.colwise().sum() / V.sum()).cwiseAbs().maxCoeff() <= 1e-12 * V.maxCoeff());

  const auto divergence = [&](const MatrixXd& w) {
    return (V.array() * (V.array() / w.array()).log() - V.array() + w.array()).sum();
  };
  const double best = divergence(W);
  double closest = std::numeric_limits<double>::infinity();
  for (std::uint64_t k = 0; k < 20000; ++k) {
    const MatrixXd rows = (0.05 * normal(n, 1, 2 * k + 10)).array().exp();
    const MatrixXd cols = (0.05 * normal(1, m, 2 * k + 11)).array().exp();
    closest = std::min(closest, divergence(W.cwiseProduct(rows * cols)));
  }
  CHECK(closest > best);
}

TEST_CASE("Adafactor: updates are larger than desired after a jump, and clipping cures it") {
  // With exponent 1, b2 is 0.999 in step 1000; the second moment is 1 until then.
  const double limits[][2] = {{2, 1.9970}, {10, 9.5390}, {100, 30.15}};
  for (const auto& [k, expected] : limits) {
    Scaled<Eigen::VectorXd> scaled(12, 1, {.decay_exponent = 1});
    Eigen::VectorXd x = Eigen::VectorXd::Ones(12);
    Optimizer clipped{Adafactor{.learning_rate = 1e-3, .decay_exponent = 1, .scale_parameter = false}, x};
    Eigen::VectorXd ones = Eigen::VectorXd::Ones(12);
    for (Index i = 0; i < 12; i += 2) ones[i] = -1;
    for (int t = 1; t < 1000; ++t) {
      scaled(ones);
      clipped.step(ones);
    }
    const double measured = rms(scaled(k * ones));
    INFO("jump " << k);
    CHECK(std::abs(measured - expected) <= (k == 100 ? 5e-3 : 5e-5));
    CHECK(std::abs(measured / (k / std::sqrt(0.999 + 0.001 * k * k)) - 1) <= 1e-12);
    const Eigen::VectorXd before = x;
    clipped.step(k * ones);
    CHECK(std::abs(rms(x - before) / 1e-3 - 1) <= 1e-12);
  }
}

TEST_CASE("Adafactor: a growing memory whose weights sum to one") {
  // Coefficient j sees a unit gradient in step j alone: its second moment is the weight of that step.
  const int steps = 1000;
  for (const double exponent : {0.8, 1.0}) {
    Scaled<Eigen::VectorXd> scaled(steps, 1, {.decay_exponent = exponent});
    for (int t = 1; t <= steps; ++t) {
      scaled(Eigen::VectorXd::Unit(steps, t - 1));
      if (t % 100 != 0) continue;
      const Field& weights = scaled.optimizer.field("0", "second_moment");
      double sum = 0;
      double squares = 0;
      double farthest = 0;
      for (int j = 0; j < t; ++j) {
        sum += weights[j];
        squares += weights[j] * weights[j];
        farthest = std::max(farthest, std::abs(weights[j] * t - 1));
      }
      CHECK(std::abs(sum - 1) <= 1e-12);
      if (exponent == 1) CHECK(farthest <= 1e-12);
      if (exponent < 1 && t == steps) CHECK(std::abs(1 / squares - 449.7) <= 0.05);
    }
  }
}

TEST_CASE("Adafactor: as good as without factoring", "[slow]") {
  const Index outputs = 64;
  const Index inputs = 32;
  const MatrixXd target = normal(outputs, inputs, 1);
  Eigen::VectorXd scale(inputs);
  for (Index i = 0; i < inputs; ++i) scale[i] = 0.3 * std::pow(10.0, static_cast<double>(i) / (inputs - 1));
  const std::array rules{Adafactor{}, Adafactor{.min_dim_to_factor = 1000}, Adafactor{.beta1 = 0.9}};
  std::array<MatrixXd, rules.size()> W;
  W.fill(0.01 * normal(outputs, inputs, 2));
  std::array optimizers{Optimizer{rules[0], W[0]}, Optimizer{rules[1], W[1]}, Optimizer{rules[2], W[2]}};
  for (std::uint64_t t = 0; t < 3000; ++t) {
    const MatrixXd x = scale.asDiagonal() * normal(inputs, 16, 3 * t + 100);
    const MatrixXd noise = 0.1 * normal(outputs, 16, 3 * t + 101);
    for (std::size_t i = 0; i < rules.size(); ++i)
      optimizers[i].step(((W[i] - target) * x + noise) * x.transpose() / 16);
  }
  for (const MatrixXd& w : W) CHECK(((w - target) * scale.asDiagonal()).cwiseAbs2().mean() < 1e-3);
}

TEST_CASE("Adafactor: factoring is exact for squares of rank one") {
  const Index n = 5;
  const Index m = 7;
  const MatrixXd a = normal(n, 1, 1);
  const MatrixXd b = normal(1, m, 2);
  Scaled<MatrixXd> factored(n, m);
  Scaled<MatrixXd> full(n, m, {.min_dim_to_factor = 100});
  for (int t = 1; t <= 20; ++t) {
    const MatrixXd g = std::sin(1.0 + t) * a * b;
    const MatrixXd u = full(g);
    CHECK((factored(g) - u).cwiseAbs().maxCoeff() <= 1e-12 * u.cwiseAbs().maxCoeff());
  }
}

TEST_CASE("Adafactor: factoring is exact for a single row or column") {
  for (const bool row : {false, true}) {
    const Index n = row ? 1 : 9;
    const Index m = row ? 9 : 1;
    Scaled<MatrixXd> factored(n, m);
    Scaled<MatrixXd> full(n, m, {.min_dim_to_factor = 100});
    for (int t = 1; t <= 20; ++t) {
      const MatrixXd g = normal(n, m, static_cast<std::uint64_t>(t));
      const MatrixXd u = full(g);
      CHECK((factored(g) - u).cwiseAbs().maxCoeff() <= 1e-12 * u.cwiseAbs().maxCoeff());
    }
  }
}

TEST_CASE("Adafactor: row and column sums of the approximation are those of the running mean") {
  Scaled<MatrixXd> scaled(5, 7);
  MatrixXd mean = MatrixXd::Zero(5, 7);
  for (int t = 1; t <= 20; ++t) {
    const MatrixXd g = normal(5, 7, static_cast<std::uint64_t>(t));
    scaled(g);
    mean = decay(t) * mean + (1 - decay(t)) * g.cwiseAbs2();
  }
  const MatrixXd v = scaled.second_moment();
  CHECK((v.rowwise().sum() - mean.rowwise().sum()).cwiseAbs().maxCoeff() <= 1e-13 * mean.sum());
  CHECK((v.colwise().sum() - mean.colwise().sum()).cwiseAbs().maxCoeff() <= 1e-13 * mean.sum());
}

TEST_CASE("Adafactor: the first update of a vector is its sign") {
  Scaled<Eigen::VectorXd> scaled(9, 1);
  const MatrixXd g = normal(9, 1, 1);
  CHECK((scaled(g) - MatrixXd(g.cwiseSign())).cwiseAbs().maxCoeff() <= 1e-14);
}

TEST_CASE("Adafactor: the loss's scale does not matter, nor the order of rows and columns") {
  const Eigen::PermutationMatrix<5> rows{Eigen::Matrix<int, 5, 1>{2, 0, 4, 1, 3}};
  const Eigen::PermutationMatrix<7> cols{Eigen::Matrix<int, 7, 1>{6, 2, 0, 4, 1, 3, 5}};
  MatrixXd x = laws::matrix(5, 7, 0);
  MatrixXd scaled = x;
  MatrixXd turned = rows * x * cols;
  Optimizer a{Adafactor{}, x};
  Optimizer b{Adafactor{}, scaled};
  Optimizer c{Adafactor{}, turned};
  for (int t = 1; t <= 20; ++t) {
    const MatrixXd g = normal(5, 7, static_cast<std::uint64_t>(t));
    a.step(g);
    b.step(1024 * g);
    c.step(MatrixXd(rows * g * cols));
  }
  CHECK((x - scaled).cwiseAbs().maxCoeff() <= 1e-13);
  CHECK((rows * x * cols - turned).cwiseAbs().maxCoeff() <= 1e-13);
}

TEST_CASE("Adafactor: the update never exceeds its bound, small updates stay small, zeros stay zero") {
  MatrixXd x = laws::matrix(6, 4, 0);
  Optimizer optimizer{Adafactor{}, x};
  MatrixXd before = x;
  const auto step = [&](const MatrixXd& g) {
    before = x;
    optimizer.step(g);
    return rms(x - before) /
           (std::max(1e-3, rms(before)) * std::min(1e-2, 1 / std::sqrt(static_cast<double>(optimizer.steps()))));
  };
  for (std::uint64_t t = 1; t <= 50; ++t) CHECK(step(normal(6, 4, t)) <= 1 + 1e-12);
  CHECK(step(100 * normal(6, 4, 51)) <= 1 + 1e-12);
  CHECK(step(1e-3 * normal(6, 4, 52)) <= 1e-2);
  CHECK(step(MatrixXd::Zero(6, 4)) == 0);
  CHECK(x.allFinite());
}

TEST_CASE("Adafactor: momentum can be switched on in mid-run, the second moments stay") {
  MatrixXd x = laws::matrix(6, 4, 0);
  Optimizer optimizer{Adafactor{}, x};
  for (int t = 1; t <= 3; ++t) optimizer.step(laws::matrix(6, 4, t));
  const Field rows = optimizer.field("0", "row_mean_square");
  optimizer.rule().beta1 = 0.9;
  optimizer.rule().learning_rate = 0.0;
  optimizer.step(laws::matrix(6, 4, 4));
  const Eigen::VectorXd mean = laws::matrix(6, 4, 4).cwiseAbs2().rowwise().mean();
  for (Index i = 0; i < 6; ++i)
    CHECK(std::abs(optimizer.field("0", "row_mean_square")[i] - (decay(4) * rows[i] + (1 - decay(4)) * mean[i])) <=
          1e-15);
  CHECK(optimizer.field("0", "momentum").size() == 24);
}

TEST_CASE("Adafactor: parameters that start at zero move") {
  MatrixXd x = MatrixXd::Zero(4, 3);
  Optimizer optimizer{Adafactor{}, x};
  optimizer.step(normal(4, 3, 1));
  CHECK(rms(x) >= 1e-3 * 1e-2 * 0.5);
}

TEST_CASE("Adafactor: state is rows plus columns, and the whole only where that is asked for") {
  MatrixXd x = laws::matrix(50, 40, 0);
  Eigen::VectorXd b = laws::parameters<Eigen::VectorXd>(40);
  CHECK(Optimizer(Adafactor{}, x, b).state_bytes() == 8 * (50 + 40 + 40));
  CHECK(Optimizer(Adafactor{.beta1 = 0.9}, x, b).state_bytes() == 8 * (50 + 40 + 40 + 2000 + 40));
  CHECK(Optimizer(Adafactor{.convention = Convention::optax}, x, b).state_bytes() == 8 * (2000 + 40));
}

TEST_CASE("Adafactor: float follows double") {
  CHECK(rule_checks::float_distance(Adafactor{}) <= 2e-6);
  CHECK(rule_checks::float_distance(Adafactor{.beta1 = 0.9}) <= 2e-6);
}

TEST_CASE("Adafactor: what decays is decay times x, in each convention by another rate") {
  const Eigen::VectorXd start = Eigen::Vector3d(2, -3, 0.5), g = Eigen::Vector3d(1, 0.5, -2);
  for (const Convention convention : {Convention::paper, Convention::torch, Convention::optax})
    for (const double beta1 : {0.0, 0.5})
      for (const double rate : {0.05, 0.01}) {
        const auto after = [&](double decay) {
          Eigen::VectorXd x = start;
          Optimizer optimizer{
              Adafactor{.learning_rate = rate, .beta1 = beta1, .weight_decay = decay, .convention = convention}, x};
          optimizer.step(g);
          return x;
        };
        const double root_mean_square = std::sqrt(13.25 / 3);
        const double decay = convention == Convention::paper   ? 0.1 * rate * root_mean_square
                             : convention == Convention::torch ? 0.1 * rate
                                                               : 0.1;
        INFO(static_cast<int>(convention) << ", beta1 " << beta1 << ", rate " << rate);
        CHECK((after(0) - after(0.1) - decay * start).norm() <= 1e-14);
      }
}

TEST_CASE("Adafactor: the relative step is flat at first and falls as 1 / sqrt(t)") {
  // Coefficients and gradients are all the same: U is 1 in the mean, and x shrinks by its own size times the rate.
  const auto rate_at = [](const Adafactor& rule, std::int64_t t) {
    MatrixXd x = MatrixXd::Constant(3, 2, 5);
    Optimizer optimizer{rule, x};
    optimizer.memory().counts = {t - 1, t - 1};
    optimizer.memory().states[0].counts = {t - 1, t - 1};
    optimizer.step(MatrixXd::Ones(3, 2));
    CHECK(x.isApproxToConstant(x(0, 0), 1e-14));
    return (5 - x(0, 0)) / 5;
  };
  for (const std::int64_t t : {1, 100, 9'999, 10'001, 40'000, 1'000'000, 100'000'000}) {
    INFO("t = " << t);
    const double falling = 1 / std::sqrt(static_cast<double>(t));
    CHECK(rate_at(Adafactor{}, t) == Approx(std::min(1e-2, falling)));
    CHECK(rate_at(Adafactor{.warmup_init = true}, t) == Approx(std::min(1e-6 * static_cast<double>(t), falling)));
    CHECK(rate_at(Adafactor{.convention = Convention::torch}, t) == Approx(std::min(1e-2, falling)));
    CHECK(rate_at(Adafactor{.learning_rate = 0.5, .convention = Convention::torch}, t) ==
          Approx(std::min(0.5, falling)));
    CHECK(rate_at(Adafactor{.learning_rate = 0.5}, t) == Approx(0.5));
  }
}
