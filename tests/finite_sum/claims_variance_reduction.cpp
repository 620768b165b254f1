// What is claimed of L-SVRG, Katyusha, PAGE, SPIDER and STORM, in figures. The papers' texts were not at hand: what is
// checked are bounds and equalities that were derived again, in the comments, and figures that were measured.
#include "support/catch.hpp"
#include <glissade/finite_sum/katyusha.hpp>
#include <glissade/finite_sum/loopless_svrg.hpp>
#include <glissade/finite_sum/page.hpp>
#include <glissade/finite_sum/passes.hpp>
#include <glissade/finite_sum/spider.hpp>
#include <glissade/finite_sum/stochastic_model.hpp>
#include <glissade/finite_sum/storm.hpp>
#include <glissade/finite_sum/svrg.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/problems/linear_model.hpp>

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::RidgeRegression;

namespace {

double normal(std::uint64_t stream, Index k) { return RandomKey{stream}.normal(static_cast<std::uint64_t>(k)); }
VectorXd normals(Index n, std::uint64_t stream) {
  return VectorXd::NullaryExpr(n, [=](Index k) { return normal(stream, k); });
}

/// Rows of length 1 whose columns have these scales.
RidgeRegression::Rows unit_rows(Index rows, const VectorXd& scales) {
  RidgeRegression::Rows A(rows, scales.size());
  for (Index i = 0; i < rows; ++i)
    A.row(i) = normals(scales.size(), 100 + static_cast<std::uint64_t>(i)).cwiseProduct(scales).normalized();
  return A;
}

/// A strongly convex quadratic sum, with the constants of its theory.
struct Quadratic {
  RidgeRegression problem;
  VectorXd minimizer;
  double minimum;
  double smoothness;        // of every term
  double strong_convexity;  // of the sum
};
Quadratic quadratic(Index rows, const VectorXd& scales, double regularization) {
  const RidgeRegression problem(unit_rows(rows, scales), normals(rows, 3), regularization);
  const MatrixXd H = problem.features().transpose() * problem.features() / static_cast<double>(rows);
  const double least = Eigen::SelfAdjointEigenSolver<MatrixXd>(H).eigenvalues()[0];
  return {problem, problem.minimizer(), problem.value(problem.minimizer()), 1 + regularization, least + regularization};
}

/// 1 / (1 + exp(y z)): a loss that is not convex.
struct SigmoidLoss {
  static constexpr std::string_view name = "SigmoidRegression";
  static void check(std::string_view, double) {}
  static double sigmoid(double t) { return 1 / (1 + std::exp(-t)); }
  static double value(double z, double y) { return sigmoid(-y * z); }
  static double slope(double z, double y) { return -y * sigmoid(-y * z) * sigmoid(y * z); }
  static constexpr double smoothness = 0.0963;  // 1 / (6 sqrt(3)) is the largest curvature
};
using SigmoidRegression = problems::LinearModel<SigmoidLoss>;
constexpr double smoothness = SigmoidLoss::smoothness + 1e-3;  // of the terms

SigmoidRegression make_regression(Index rows) {
  VectorXd scales = VectorXd::Constant(10, 0.2);
  scales[0] = 1;
  const auto A = unit_rows(rows, scales);
  const VectorXd y = (A.rowwise().sum() + 0.5 * normals(rows, 4)).cwiseSign();
  return {A, y, 1e-3};
}
VectorXd far_start() { return 3 * normals(10, 9); }

/// A problem on which errors of directions are followed.
constexpr Index few = 200;
const SigmoidRegression& small() {
  static const SigmoidRegression made = make_regression(few);
  return made;
}
VectorXd gradient(const VectorXd& x) {
  VectorXd g(x.size());
  small().value_and_gradient(x, g);
  return g;
}
/// The variance of a batch of one: mean |h_i - mean h|^2 of h_i = g_i(x) - kept g_i(y).
double variance(const VectorXd& x, const VectorXd& y, double kept) {
  VectorXd gx(x.size()), gy(x.size()), mean = VectorXd::Zero(x.size());
  double squares = 0;
  for (Index i = 0; i < few; ++i) {
    small().batch_gradient(x, std::array{i}, gx);
    small().batch_gradient(y, std::array{i}, gy);
    gx -= kept * gy;
    mean += gx / few;
    squares += gx.squaredNorm() / few;
  }
  return squares - mean.squaredNorm();
}

/// What the squared errors of a method's directions are over many steps and seeds, and what each was expected to be,
/// given the step before: the differences have mean 0 and are not correlated.
struct Errors {
  double measured = 0;
  double expected = 0;
  double squares = 0;      // of the differences
  std::vector<double> at;  // the mean error at every step

  /// The difference in standard deviations.
  [[nodiscard]] double deviation() const { return (measured - expected) / std::sqrt(squares); }
};
/// next(error, x, y, step): the expectation of |v - gradient(x)|^2 at x, after a step from y with an error.
template <class M, class Next>
Errors errors_of(M method, const Next& next) {
  constexpr int seeds = 60;
  Errors out;
  out.at.resize(static_cast<std::size_t>(method.batching.inner_steps));
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    method.batching.seed = seed;
    VectorXd x = far_start(), last;
    auto state = method.init(small(), x);
    double error = 0, last_step = 0;
    std::size_t k = 0;
    method.step_with(small(), x, state, [&](VectorXd& point, const VectorXd& v, double step) {
      const double now = (v - gradient(point)).squaredNorm();
      if (k > 0) {
        const double expected = next(error, point, last, last_step);
        out.measured += now;
        out.expected += expected;
        out.squares += (now - expected) * (now - expected);
      }
      out.at[k++] += now / seeds;
      error = now;
      last = point;
      last_step = step;
      point -= step * v;
    });
  }
  return out;
}

}  // namespace

TEST_CASE("L-SVRG: distance and snapshot's errors fall in the mean at least as fast as the theory has it") {
  // With D = mean |g_i(s) - g_i(x*)|^2 and steps a <= 1 / (6 L):
  //   E |v|^2 <= 4 L (f - f*) + 2 D,   E |x+ - x*|^2 <= (1 - a mu) |x - x*|^2 - 2 a (f - f*) + a^2 E |v|^2,
  //   E D+ <= (1 - p) D + 2 L p (f - f*),   so that E Phi+ <= max(1 - a mu, 1 - p / 2) Phi, Phi = |x - x*|^2 + 4 a^2 D
  //   / p
  const auto q = quadratic(60, VectorXd::Ones(5), 0.02);
  const MatrixXd A = q.problem.features();
  const double step = 1 / (6 * q.smoothness);
  for (const double p : {1.0 / 60, 0.1, 0.5}) {
    constexpr int steps = 600, seeds = 100;
    std::vector<double> mean(steps + 1, 0.0);
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      const LooplessSvrg method{.step_size = step, .probability = p, .batching = {.inner_steps = steps, .seed = seed}};
      VectorXd x = 3 * normals(5, 6);
      auto state = method.init(q.problem, x);
      const auto potential = [&](const VectorXd& point) {
        const VectorXd away = state.snapshot - q.minimizer;  // g_i(s) - g_i(x*) = (<a_i, away>) a_i + r away
        const VectorXd along = A * away;
        const double r = q.problem.regularization();
        const double D = along.squaredNorm() / 60 * (1 + 2 * r) + r * r * away.squaredNorm();
        return (point - q.minimizer).squaredNorm() + 4 * step * step / p * D;
      };
      mean[0] += potential(x) / seeds;
      std::size_t k = 0;
      method.step_with(q.problem, x, state, [&](VectorXd& point, const VectorXd& v, double length) {
        point -= length * v;
        mean[++k] += potential(point) / seeds;
      });
    }
    const double rate = std::max(1 - step * q.strong_convexity, 1 - p / 2);
    for (std::size_t k = 0; k <= steps; k += 20)
      CHECK(mean[k] <= std::pow(rate, static_cast<double>(k)) * mean[0] * (1 + 1e-12));
  }
}

TEST_CASE("Katyusha: with fewer terms than the condition number, a fraction of SVRG's passes, and its own rate") {
  VectorXd scales(10);
  for (Index i = 0; i < 10; ++i) scales[i] = std::pow(10.0, -0.22 * static_cast<double>(i));
  const auto q = quadratic(100, scales, 1e-6);
  const double condition = q.smoothness / q.strong_convexity;
  REQUIRE(condition > 8000);
  const VectorXd zero = VectorXd::Zero(10);
  const double first = q.problem.value(zero) - q.minimum;
  std::vector<double> gaps;  // at the end of every outer loop
  const auto passes = [&](const auto& method) {
    gaps.clear();
    VectorXd x = zero;
    const Stop stop{.max_iterations = 1000, .gradient_tolerance = 0, .predicate = [&](const Record& record) {
                      gaps.push_back((record.value - q.minimum) / first);
                      return gaps.back() <= 1e-10;
                    }};
    const Result r = minimize(q.problem, x, method, stop);
    return r.status == Status::stopped_by_predicate ? work_passes(r.evaluations) : 1e9;
  };
  // Measured: 621 to 626 passes, and 1774 to 1779 with the best of many steps, 1.2 / L; at 1.5 / L it diverges.
  double svrg = 1e9;
  for (const double step : {0.7, 1.0, 1.2}) svrg = std::min(svrg, passes(Svrg{.step_size = step / q.smoothness}));
  CHECK(svrg < 2500);
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const Katyusha method{
        .smoothness = q.smoothness, .strong_convexity = q.strong_convexity, .batching = {.seed = seed}};
    CHECK(passes(method) <= 0.4 * svrg);
    const double inner = 200, per_loop = std::pow(1 + std::sqrt(1 / (3 * condition * inner)), -inner);
    for (std::size_t k = 0; k < gaps.size(); ++k)
      CHECK(gaps[k] <= std::pow(per_loop, static_cast<double>(k)) * (1 + 1e-12));
  }
}

namespace {
constexpr Index batch = 5;
/// Of independent errors that are as expected the sums differ by few standard deviations and few percent.
void check_recursion(const Errors& errors) {
  CHECK(std::abs(errors.deviation()) < 4);
  CHECK(errors.measured == Approx(errors.expected).epsilon(0.03));
}
}  // namespace

TEST_CASE("PAGE: the direction's error is what its recursion says") {
  // v+ - gradient(x+) is 0 with probability p, else v - gradient(x) plus the mean of b independent terms of mean 0:
  //   E |v+ - gradient(x+)|^2 = (1 - p) ( |v - gradient(x)|^2 + variance(g_i(x+) - g_i(x)) / b )
  const double p = 0.1;
  const Page method{.step_size = 2 / smoothness, .probability = p, .batching = {.size = batch, .inner_steps = 60}};
  const Errors errors = errors_of(method, [&](double error, const VectorXd& x, const VectorXd& y, double) {
    return (1 - p) * (error + variance(x, y, 1) / batch);
  });
  check_recursion(errors);
  // As the steps shorten so does the error.
  CHECK(errors.at[59] < 0.1 * *std::max_element(errors.at.begin(), errors.at.end()));
}

TEST_CASE("SPIDER: the direction's error is what its recursion says, and bounded by the length of the steps") {
  // As PAGE's with p = 0. The variance is at most L^2 |x+ - x|^2, so that after k steps it is at most k L^2 l^2 / b.
  const double longest = 0.5;
  const Spider method{.step_size = 2 / smoothness,
                      .longest_step = longest,
                      .batching = {.size = batch, .inner_steps = 60, .order = Order::independent}};
  const Errors errors = errors_of(method, [&](double error, const VectorXd& x, const VectorXd& y, double) {
    return error + variance(x, y, 1) / batch;
  });
  check_recursion(errors);
  CHECK(errors.at[0] < 1e-30);
  for (std::size_t k = 1; k < errors.at.size(); ++k)
    CHECK(errors.at[k] <= static_cast<double>(k) * std::pow(smoothness * longest, 2) / batch);
}

TEST_CASE("STORM: the direction's error is what its recursion says") {
  //   E |v+ - gradient(x+)|^2 = (1 - a)^2 |v - gradient(x)|^2 + variance(g_i(x+) - (1 - a) g_i(x)) / b
  const double forgetting = 0.03;
  const Storm method{
      .scale = 1, .offset = 1, .forgetting = forgetting, .batching = {.size = batch, .inner_steps = 100}};
  check_recursion(errors_of(method, [&](double error, const VectorXd& x, const VectorXd& y, double step) {
    const double kept = 1 - std::min(1.0, forgetting * step * step);
    return kept * kept * error + variance(x, y, kept) / batch;
  }));
}

TEST_CASE("STORM: its direction is nearer to the gradient than momentum of the same weights and batches") {
  // Momentum m <- a g_S(x) + (1 - a) m looks back at gradients of other points. Squared errors of 200 steps from the
  // 50th on, 20 seeds, measured for these three: 0.25, 0.17 and 0.76 times those of momentum.
  constexpr int steps = 200, seeds = 20;
  double best_storm = 1e9, best_momentum = 1e9, least_ratio = 1;
  for (const double forgetting : {0.01, 0.03, 0.1}) {
    double storm = 0, momentum = 0;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      const Storm method{.scale = 1,
                         .offset = 1,
                         .forgetting = forgetting,
                         .batching = {.size = batch, .inner_steps = steps, .seed = seed}};
      Batches batches;
      batches.begin(few, batch, Order::independent, RandomKey{seed}.derive(0));
      VectorXd x = far_start(), m, g(10);
      auto state = method.init(small(), x);
      int k = 0;
      double a = 1;
      method.step_with(small(), x, state, [&](VectorXd& point, const VectorXd& v, double step) {
        small().batch_gradient(point, batches.next(), g);
        m = k == 0 ? g : VectorXd(a * g + (1 - a) * m);
        if (k == 0) CHECK(v == m);
        a = std::min(1.0, forgetting * step * step);
        if (++k > 50) {
          storm += (v - gradient(point)).squaredNorm();
          momentum += (m - gradient(point)).squaredNorm();
        }
        point -= step * v;
      });
    }
    CHECK(storm < 0.8 * momentum);
    least_ratio = std::min(least_ratio, storm / momentum);
    best_storm = std::min(best_storm, storm);
    best_momentum = std::min(best_momentum, momentum);
  }
  CHECK(least_ratio < 0.2);
  CHECK(best_storm < 0.75 * best_momentum);  // each with the weights that suit it
}

TEST_CASE("PAGE and SPIDER: with the steps of theory a quarter of gradient descent's work, and SGD never arrives") {
  // A gradient of 1e-4, 1000 terms. Measured: gradient descent with step 1 / L, L of the terms, 208 passes; PAGE 48 to
  // 52, SPIDER 42. The sum is smoother than its terms, so that longer steps than those of theory serve it: gradient
  // descent with 16 / L takes 16 passes, SPIDER at best 13 and PAGE 16.
  const SigmoidRegression problem = make_regression(1000);
  constexpr double tolerance = 1e-4;
  VectorXd x = far_start(), g(10), h(10);
  // It is not convex.
  problem.value_and_gradient(-VectorXd::Ones(10), g);
  problem.value_and_gradient(-VectorXd::Ones(10) + 1e-4 * VectorXd::Unit(10, 0), h);
  CHECK((h[0] - g[0]) / 1e-4 < -1e-2);
  const auto descent = [&](double step) {
    x = far_start();
    problem.value_and_gradient(x, g);
    int gradients = 1;
    for (; g.norm() > tolerance && gradients < 1000; ++gradients) {
      x -= step * g;
      problem.value_and_gradient(x, g);
    }
    return gradients;
  };
  const int whole = descent(1 / smoothness);
  CHECK(whole > 190);
  CHECK(descent(16 / smoothness) < 20);
  const auto work = [&](const auto& method) {
    x = far_start();
    const Result r = minimize(problem, x, method, {.gradient_tolerance = tolerance, .max_gradient_calls = 400});
    return r.status == Status::gradient_tolerance ? work_passes(r.evaluations) : 1e9;
  };
  const double p = 32.0 / 1032;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    CHECK(work(Page{.step_size = 1 / (smoothness * (1 + std::sqrt((1 - p) / (p * 32)))),
                    .batching = {.size = 32, .seed = seed}}) < 0.26 * whole);
    CHECK(work(Spider{.step_size = 0.5 / smoothness, .longest_step = 0, .batching = {.size = 32, .seed = seed}}) <
          0.26 * whole);
  }
  using Sgd = StochasticModel<SubgradientModel>;
  for (const double step : {0.003, 0.01, 0.03, 0.1})
    for (const bool falling : {false, true}) {
      Sgd method{.step_size = step / smoothness, .order = Order::independent};
      if (falling)
        method.step_size = [=](std::int64_t k) {
          return 10 * step / smoothness / std::sqrt(1 + 1e-3 * static_cast<double>(k));
        };
      CHECK(work(method) == 1e9);
    }
}
