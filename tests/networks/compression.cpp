#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/subjects/shares_of_least_squares.hpp"
#include <glissade/networks/compressed_gradient.hpp>
#include <glissade/networks/power_sgd.hpp>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

VectorXd random(Index size, std::uint64_t seed) {
  const RandomKey key{seed};
  std::uint64_t n = 0;
  return VectorXd::NullaryExpr(size, [&](Index) { return key.normal(n++); });
}

struct Run {
  double error = 0;  // of the last point
  std::int64_t bytes = 0;
  int steps = 0;  // until the error was below 1e-6, or all
};

Run descend(const SharesOfLeastSquares& f, const CompressedGradientDescent& method, int steps) {
  auto state = method.init(VectorXd::Zero(f.solution.size()), static_cast<Index>(f.H.size()));
  const NodeGradient gradient = f.gradient();
  Run run;
  const double start = f.solution.norm();
  for (int k = 0; k < steps; ++k) {
    if ((state.x - f.solution).norm() > 1e-6 * start) run.steps = k + 1;
    method.step(gradient, state);
  }
  run.error = (state.x - f.solution).norm() / start;
  run.bytes = state.bytes;
  return run;
}

/// All workers have the same minimizer.
SharesOfLeastSquares with_one_minimizer(SharesOfLeastSquares f) {
  for (std::size_t i = 0; i < f.H.size(); ++i) f.c[i] = f.H[i] * f.solution;
  return f;
}

/// Student's t with 5 degrees of freedom, times 1e-3.
VectorXd heavy_tails(Index size) {
  const RandomKey key{77};
  return VectorXd::NullaryExpr(size, [&](Index i) {
    const auto base = static_cast<std::uint64_t>(6 * i);
    double squares = 0;
    for (std::uint64_t k = 1; k < 6; ++k) squares += std::pow(key.normal(base + k), 2);
    return 1e-3 * key.normal(base) / std::sqrt(squares / 5);
  });
}

}  // namespace

TEST_CASE("CompressedGradientDescent: feedback brings the plain rate back on distributed quadratics") {
  const SharesOfLeastSquares f(8, 20, 30, 1), one = with_one_minimizer(f);
  const double eta = 1 / f.L;
  const Run plain = descend(f, {.step_size = eta}, 600), plain_one = descend(one, {.step_size = eta}, 600);
  CHECK(plain.error < 1e-10);
  CHECK(plain.bytes == 600 * 8 * 20 * 8);
  const IntervalQuantizer int4{.p = 0.1, .beta = 0.01, .stochastic = false}, int8{.bits = 8, .stochastic = false};
  struct Case {
    const char* name;
    Compressor compressor;
    std::int64_t bytes;
    double slower;  // how many times as many steps as without compression
  };
  for (const auto& c : {Case{"largest", keep_largest(2), 24, 3}, Case{"random", keep_random(4), 32, 7},
                        Case{"signs", scaled_signs(), 11, 6}, Case{"int4", int4.compressor(), 18, 1.1},
                        Case{"int8", int8.compressor(), 28, 1.1}}) {
    INFO(c.name);
    CompressedGradientDescent method{.step_size = eta, .compressor = c.compressor, .feedback = Feedback::none};
    CHECK(descend(f, method, 600).error > 1e-3);
    method.feedback = Feedback::difference;
    const Run difference = descend(f, method, 600);
    CHECK(difference.error < 1e-12);
    CHECK(difference.steps <= c.slower * plain.steps);
    CHECK(difference.bytes == 600 * 8 * c.bytes);
    method.feedback = Feedback::error;
    const Run error = descend(one, method, 600);
    CHECK(error.error < 1e-12);
    CHECK(error.steps <= c.slower * plain_one.steps);
  }
  // what error feedback leaves on different functions falls with the step
  const auto left = [&](double factor, int steps) {
    return descend(f, {.step_size = factor * eta, .compressor = keep_largest(2), .feedback = Feedback::error}, steps)
        .error;
  };
  const double longer = left(0.2, 1000), shorter = left(0.05, 4000);
  CHECK(shorter < 0.4 * longer);
  CHECK(shorter > 1e-3);
}

TEST_CASE("compressors: what they keep and count, and their contraction") {
  const VectorXd v = random(101, 3);
  VectorXd out;
  double memory = 1;
  CHECK(keep_largest(10)({1}, v, memory, out) == 120);
  CHECK((out.array() != 0).count() == 10);
  CHECK((v - out).cwiseAbs().maxCoeff() <= (out.array() != 0).select(out.cwiseAbs(), 1e9).minCoeff());
  CHECK((v - out).squaredNorm() <= (1 - 10.0 / 101) * v.squaredNorm());
  CHECK(keep_largest(500)({1}, v, memory, out) == 12 * 101);
  CHECK(out == v);
  keep_largest(2)({1}, VectorXd::Ones(4), memory, out);
  CHECK(out == Eigen::Vector4d(1, 1, 0, 0));

  VectorXd mean = VectorXd::Zero(101), counts = mean;
  for (std::uint64_t k = 0; k < 4000; ++k) {
    CHECK(keep_random(25, true)({k}, v, memory, out) == 200);
    mean += out / 4000;
    counts += (out.array() != 0).cast<double>().matrix();
  }
  CHECK(counts.sum() == 4000 * 25);
  // four standard errors: the variance of one draw is v^2 (n / keep - 1)
  CHECK(((mean - v).array().abs() / v.array().abs()).maxCoeff() < 4.5 * std::sqrt((101 / 25.0 - 1) / 4000));
  CHECK(keep_random(500)({3}, v, memory, out) == 808);
  CHECK(out == v);

  CHECK(scaled_signs()({1}, v, memory, out) == 13 + 8);
  CHECK(out.dot(v) == Approx(std::pow(v.lpNorm<1>(), 2) / 101));
  // |v - out|^2 = |v|^2 - |v|_1^2 / n
  CHECK((v - out).squaredNorm() == Approx(v.squaredNorm() - std::pow(v.lpNorm<1>(), 2) / 101));
}

TEST_CASE("majority_signs: three of eight workers cannot turn a vote around") {
  const VectorXd g = random(50, 4);
  MatrixXd votes = g.replicate(1, 8);
  for (const Index liar : {1, 4, 6}) votes.col(liar) = -1000 * g;
  CHECK(majority_signs(votes) == VectorXd(g.array().sign()));
  votes.col(0) *= -1;
  CHECK(majority_signs(votes) == VectorXd::Zero(50));
}

TEST_CASE("IntervalQuantizer: the rule finds an interval that is good for large gradients") {
  const VectorXd g = heavy_tails(200'000);
  const double largest = g.cwiseAbs().maxCoeff();
  VectorXd sorted = g.cwiseAbs();
  std::sort(sorted.data(), sorted.data() + sorted.size());
  const VectorXd large = sorted.tail(2000);  // the share p
  for (const int bits : {4, 5, 6}) {
    const auto error = [&](double gamma) {
      VectorXd q;
      IntervalQuantizer{.bits = bits, .stochastic = false}.quantize({}, large, gamma, q);
      return (q - large).cwiseAbs().mean();
    };
    double gamma = 1;
    for (int k = 0; k < 60; ++k) gamma = IntervalQuantizer{.bits = bits, .p = 1e-2, .beta = 0.02}.next(g, gamma);
    for (int k = 0; k < 60; ++k) gamma = IntervalQuantizer{.bits = bits, .p = 1e-2}.next(g, gamma);
    double best = error(1);
    for (double other = 0.02; other < 1; other += 0.01) best = std::min(best, error(other));
    CHECK(error(gamma) < 1.3 * best);
    CHECK(error(gamma) < error(1));
    const auto place = static_cast<Index>((1 - 1e-2 / (std::ldexp(1.0, bits) - 1)) * 200'000);
    CHECK(std::abs(gamma - sorted[place] / largest) <= 2e-3);
  }
}

TEST_CASE("IntervalQuantizer: levels, identities, unbiased rounding") {
  const VectorXd v = random(2000, 5);
  const IntervalQuantizer nearest{.stochastic = false};
  VectorXd q, again;
  nearest.quantize({}, v, 1, q);
  CHECK((q - v).cwiseAbs().maxCoeff() <= v.cwiseAbs().maxCoeff() / 14 * (1 + 1e-12));
  nearest.quantize({}, q, 1, again);
  CHECK((q - again).cwiseAbs().maxCoeff() < 1e-14);
  nearest.quantize({}, -v, 1, again);
  CHECK(again == -q);
  nearest.quantize({}, 8 * v, 1, again);
  CHECK(again == 8 * q);
  nearest.quantize({}, VectorXd::Zero(3), 1, again);
  CHECK(again == VectorXd::Zero(3));

  const IntervalQuantizer stochastic{};
  const double c = 0.7 * v.cwiseAbs().maxCoeff(), h = 2 * c / 14;
  const VectorXd inside = v.cwiseMax(-c).cwiseMin(c);
  VectorXd mean = VectorXd::Zero(2000);
  double variance = 0;
  for (std::uint64_t k = 0; k < 400; ++k) {
    stochastic.quantize({k * 977}, v, 0.7, q);
    mean += q / 400;
    variance += (q - inside).squaredNorm() / 2000 / 400;
  }
  double expected = 0;
  for (const double x : inside) {
    const double t = x / h, part = t - std::floor(t);
    expected += h * h * part * (1 - part) / 2000;
  }
  CHECK(variance == Approx(expected).epsilon(0.01));
  CHECK((mean - inside).norm() / std::sqrt(2000 * expected / 400) == Approx(1).epsilon(0.1));
  CHECK(message_of([] { static_cast<void>(IntervalQuantizer{.bits = 1}.compressor()); }) ==
        "IntervalQuantizer: bits = 1, must be in [2, 8]");
}

TEST_CASE("PowerSgd: the best approximation, the mean at full rank, and feedback that loses nothing") {
  // U diag(s) V' with reflections
  const auto reflection = [](const VectorXd& v) {
    return MatrixXd(MatrixXd::Identity(v.size(), v.size()) - 2 * v * v.transpose() / v.squaredNorm());
  };
  const VectorXd s = VectorXd::LinSpaced(8, 0, 7).unaryExpr([](double k) { return std::pow(2.0, -k); });
  MatrixXd M = MatrixXd::Zero(12, 8);
  M.diagonal() = s;
  M = reflection(random(12, 6)) * M * reflection(random(8, 7));
  std::vector<MatrixXd> parts;
  for (std::uint64_t i = 0; i < 4; ++i) {
    const VectorXd noise = random(96, 10 + i);
    parts.push_back(noise.reshaped(12, 8));
  }
  const MatrixXd excess = (parts[0] + parts[1] + parts[2] + parts[3]) / 4 - M;
  for (MatrixXd& part : parts) part -= excess;  // their mean is M

  const PowerSgd two{.rank = 2, .error_feedback = false};
  auto state = two.init(4, 12, 8);
  MatrixXd P;
  for (int k = 0; k < 60; ++k) P = two.aggregate(parts, state);
  CHECK((M - P).norm() == Approx(s.tail(6).norm()).epsilon(1e-9));
  CHECK(state.bytes == 60 * 4 * 8 * 2 * 20);

  const PowerSgd full{.rank = 8};
  auto whole = full.init(4, 12, 8);
  CHECK((full.aggregate(parts, whole) - M).norm() < 1e-13);

  // sums: what was sent and what is kept are all that there was
  const PowerSgd kept{.rank = 2};
  auto memory = kept.init(4, 12, 8);
  MatrixXd sum = MatrixXd::Zero(12, 8);
  for (int k = 0; k < 50; ++k) sum += kept.aggregate(parts, memory);
  MatrixXd mean = MatrixXd::Zero(12, 8);
  for (const MatrixXd& E : memory.memory) mean += E / 4;
  CHECK((sum + mean - 50 * M).norm() < 1e-11);
  CHECK((sum / 50 - M).norm() < 0.2 * s.tail(6).norm());
  parts.pop_back();
  CHECK(message_of([&] { kept.aggregate(parts, memory); }) == "PowerSgd: 3 matrices, must be 4, one of each worker");
  CHECK(message_of([] { static_cast<void>(PowerSgd{.rank = 3}.init(1, 2, 9)); }) == "PowerSgd: rank = 3, must be <= 2");
}

TEST_CASE("CompressedGradientDescent: without compression it is gradient descent, and bad numbers change nothing") {
  const SharesOfLeastSquares f(3, 4, 9, 2);
  const CompressedGradientDescent method{.step_size = 0.1};
  auto state = method.init(VectorXd::Zero(4), 3);
  VectorXd x = VectorXd::Zero(4);
  for (int k = 0; k < 20; ++k) {
    VectorXd sum = VectorXd::Zero(4), g(4);
    for (Index i = 0; i < 3; ++i) {
      f.gradient()(i, k, x, g);
      sum += g;
    }
    x -= 0.1 / 3 * sum;
    method.step(f.gradient(), state);
    CHECK((state.x - x).norm() <= 1e-14);
  }
  const auto before = state;
  const NodeGradient nan = [](Index i, std::int64_t, const VectorXd&, VectorXd& g) {
    g.setConstant(i == 2 ? std::nan("") : 1.0);
    return 0.0;
  };
  const NodeGradient throws = [](Index i, std::int64_t, const VectorXd&, VectorXd& g) -> double {
    if (i == 2) throw std::runtime_error("no");
    g.setOnes();
    return 0;
  };
  CHECK(method.step(nan, state).status == Status::non_finite);
  CHECK_THROWS_AS(method.step(throws, state), std::runtime_error);
  CHECK(state.x == before.x);
  CHECK(state.memory == before.memory);
  CHECK(state.steps == before.steps);
  CHECK(message_of([] { static_cast<void>(CompressedGradientDescent{.step_size = 0}.init(VectorXd::Zero(1), 1)); }) ==
        "CompressedGradientDescent: step_size = 0, must be > 0 and finite");
  CHECK(message_of([] {
          static_cast<void>(CompressedGradientDescent{.feedback = Feedback{3}}.init(VectorXd::Zero(1), 1));
        }) == "CompressedGradientDescent: feedback = 3, must be in [0, 2]");
}
