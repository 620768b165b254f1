// The worst-case instance of first-order methods for games, and what holds exactly for accelerated optimistic gradient.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/games/extragradient.hpp>
#include <glissade/games/optimistic_gradient.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/problems/worst_case_game.hpp>

#include <Eigen/SVD>

#include <algorithm>
#include <limits>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::WorstCaseGame;

namespace {

/// Residuals after 0, 1, 2, ... iterations.
template <class M, class F>
std::vector<double> residuals(const M& method, const F& game, VectorXd z, std::int64_t iterations) {
  History history;
  solve_game(game, z, method, {.max_iterations = iterations, .tolerance = 0}, history);
  return history.measure;
}
double largest_by_t(const std::vector<double>& r) {
  double most = 0;
  for (std::size_t t = 0; t < r.size(); ++t) most = std::max(most, static_cast<double>(t) * r[t]);
  return most;
}

/// A random monotone affine operator M z + c of n variables, a positive semidefinite part and a skew one.
struct AffineGame {
  MatrixXd M;
  VectorXd c;

  AffineGame(Eigen::Index n, std::uint64_t seed) : M(n, n), c(n) {
    const RandomKey key{seed};
    MatrixXd B(n, n), S(n, n);
    for (Eigen::Index k = 0; k < n * n; ++k) {
      B.data()[k] = key.derive(1).normal(static_cast<std::uint64_t>(k));
      S.data()[k] = key.derive(2).normal(static_cast<std::uint64_t>(k));
    }
    for (Eigen::Index k = 0; k < n; ++k) c[k] = key.derive(3).normal(static_cast<std::uint64_t>(k));
    M = S - S.transpose();
    // The part that is not skew has low rank for some seeds, and is missing for others.
    const auto rank = static_cast<Eigen::Index>(seed % static_cast<std::uint64_t>(n));
    for (Eigen::Index k = 0; k < rank; ++k) M += 0.5 * (B.col(k) * B.col(k).transpose());
  }
  [[nodiscard]] double lipschitz() const { return Eigen::JacobiSVD<MatrixXd>(M).singularValues()[0]; }
  void operator()(const VectorXd& z, VectorXd& out) const { out = M * z + c; }
};
VectorXd random_point(Eigen::Index n, std::uint64_t seed) {
  VectorXd z(n);
  for (Eigen::Index k = 0; k < n; ++k) z[k] = RandomKey{seed}.derive(9).normal(static_cast<std::uint64_t>(k));
  return z;
}

/// Whether the potential of the analysis falls by what it must, at every step from the second on.
template <class F>
bool potential_falls(const F& game, double lipschitz, double eta, VectorXd z, int steps) {
  const AcceleratedOptimisticGradient method{.step_size = eta};
  Oracle<const F, VectorXd> oracle(game);
  oracle.project(z);
  auto state = method.init(oracle, z);
  const double q = std::pow(eta * lipschitz, 2);
  double last = 0;
  bool falls = true;
  VectorXd at_base(z.size());
  for (int k = 1; k <= steps; ++k) {
    const VectorXd used = state.image, base = state.base;
    method.step(oracle, z, state);
    const double t = k + 1;  // base is now z_t, made of the gradient `used` and of z_{t-1}
    const double pull = k == 1 ? 0.0 : 1 / t;
    const VectorXd normal = base - eta * used + pull * (state.anchor - base) - state.base;
    game(state.base, at_base);
    const VectorXd b = eta * at_base, b_half = eta * used, sum = b + normal, rest = b_half - b;
    const double potential =
        t * (t + 1) / 2 * (sum.squaredNorm() + rest.squaredNorm()) + t * sum.dot(state.base - state.anchor);
    const double s = t - 1;
    if (k > 1) {
      const double left =
          potential + ((1 - 4 * q) * s - 4 * q) / (4 * q) * (s + 1) * rest.squaredNorm() + (s + 1) * rest.dot(sum);
      falls = falls && left <= last + 1e-11 * (1 + std::abs(last));
    }
    last = potential;
  }
  return falls;
}

}  // namespace

TEST_CASE("the worst-case game is the one that its matrices say") {
  for (const Eigen::Index n : {1, 2, 3, 8}) {
    const WorstCaseGame game(n);
    MatrixXd A = MatrixXd::Zero(n, n);
    for (Eigen::Index i = 0; i < n; ++i) {
      A(i, n - 1 - i) = 0.25;
      if (n - 2 - i >= 0) A(i, n - 2 - i) = -0.25;
    }
    MatrixXd M = MatrixXd::Zero(2 * n, 2 * n);
    M.topLeftCorner(n, n) = 2 * A.transpose() * A;
    M.topRightCorner(n, n) = -A.transpose();
    M.bottomLeftCorner(n, n) = A;
    VectorXd c = VectorXd::Constant(2 * n, -0.25);
    c.head(n - 1).setZero();
    const VectorXd z = random_point(2 * n, 7);
    VectorXd out(2 * n);
    game(z, out);
    CHECK((out - (M * z + c)).cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 1e-15);
    game(game.solution(), out);
    CHECK(out.cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 1e-15);
    CHECK(game.lipschitz() == Approx(Eigen::JacobiSVD<MatrixXd>(M).singularValues()[0]).epsilon(1e-14));
  }
  CHECK(WorstCaseGame().lipschitz() == Approx(0.80887).margin(5.1e-6));
  CHECK((WorstCaseGame().start() - WorstCaseGame().solution()).norm() == Approx(581.6).margin(0.051));
  CHECK(message_of([] { WorstCaseGame(0); }) == "WorstCaseGame: n = 0, must be >= 1");
  VectorXd z(3), out(4);
  CHECK(message_of([&] { WorstCaseGame(2)(z, out); }) == "WorstCaseGame: z has 3 coefficients, must be 4");
}

TEST_CASE("worst case of 40 variables: residuals to two digits, and the order 1 / t") {
  const WorstCaseGame plain(20);
  const auto game = subject_to(plain, WorstCaseGame::bounds());
  const double distance = (plain.start() - plain.solution()).norm();
  CHECK(distance == Approx(53.4).margin(0.051));

  const auto accelerated = residuals(AcceleratedOptimisticGradient{.step_size = 0.3}, game, plain.start(), 20'000);
  CHECK(accelerated[100] == Approx(1.1).margin(0.051));
  CHECK(accelerated[300] == Approx(0.89).margin(0.0051));
  CHECK(accelerated[1000] == Approx(0.091).margin(0.00051));
  CHECK(largest_by_t(accelerated) == Approx(1.93 * distance / 0.3).epsilon(0.005));

  const auto optimistic = residuals(OptimisticGradient{.step_size = 0.3}, game, plain.start(), 1000);
  CHECK(optimistic[100] == Approx(1.1).margin(0.051));
  CHECK(optimistic[300] == Approx(1.0).margin(0.051));
  CHECK(optimistic[1000] == Approx(0.90).margin(0.0051));

  // In the end the plain method is linear and overtakes: what the comment on the method says.
  const auto late = residuals(OptimisticGradient{.step_size = 1}, game, plain.start(), 20'000);
  const auto late_accelerated = residuals(AcceleratedOptimisticGradient{.step_size = 1}, game, plain.start(), 20'000);
  CHECK(late.back() == Approx(1.7e-5).margin(5.1e-7));
  CHECK(late_accelerated.back() == Approx(2.7e-3).margin(5.1e-5));
}

TEST_CASE("worst case of 200 variables: the table of residuals, up to 30000 iterations") {
  const WorstCaseGame plain;
  const auto game = subject_to(plain, WorstCaseGame::bounds());
  struct Row {
    std::size_t iterations;
    double plainly, faster;
  };
  const std::vector<Row> table{{0, 2.51, 2.51},    {10, 2.50, 2.51},   {100, 2.48, 2.47},     {300, 2.46, 2.41},
                               {1000, 2.42, 2.17}, {3000, 2.34, 1.25}, {10'000, 2.19, 0.157}, {30'000, 1.94, 0.114}};
  const auto check = [&](const std::vector<double>& r, double Row::*expected) {
    for (const Row& row : table) {
      if (row.iterations >= r.size()) break;
      INFO(row.iterations);
      CHECK(r[row.iterations] == Approx(row.*expected).margin(row.*expected < 1 ? 0.00051 : 0.0051));
    }
  };
  check(residuals(OptimisticGradient{.step_size = 0.3}, game, plain.start(), 30'000), &Row::plainly);
  check(residuals(Extragradient{.step_size = 0.3}, game, plain.start(), 3000), &Row::plainly);
  check(residuals(Extragradient{.step_size = 0.3, .anchored = true}, game, plain.start(), 3000), &Row::faster);
  const auto accelerated = residuals(AcceleratedOptimisticGradient{.step_size = 0.3}, game, plain.start(), 30'000);
  check(accelerated, &Row::faster);
  CHECK(largest_by_t(accelerated) == Approx(3850).epsilon(0.005));
}

TEST_CASE("accelerated optimistic gradient: the potential falls as it must, with and without a box") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    INFO(seed);
    const AffineGame game(6, seed);
    const double L = game.lipschitz();
    const VectorXd z = random_point(6, seed);
    const double eta = (seed % 2 == 0 ? 0.49 : 0.2) / L;
    CHECK(potential_falls(game, L, eta, z, 60));
    CHECK(potential_falls(subject_to(game, Box{.low = -0.4, .high = 0.5}), L, eta, z, 60));
  }
}

TEST_CASE("accelerated optimistic gradient: identities") {
  using Method = AcceleratedOptimisticGradient;
  const AffineGame game(6, 4);
  const double L = game.lipschitz();
  const VectorXd start = random_point(6, 4);

  // What moves the problem and the start moves all points.
  const VectorXd shift = random_point(6, 99);
  const auto moved = [&](const VectorXd& z, VectorXd& out) { game(z - shift, out); };
  VectorXd z = start, w = start + shift;
  const Stop stop{.max_iterations = 50, .tolerance = 0};
  solve_game(game, z, Method{.step_size = 0.4 / L}, stop);
  solve_game(moved, w, Method{.step_size = 0.4 / L}, stop);
  CHECK((w - shift - z).cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 1e-12);

  // A solution is not left.
  const VectorXd solution = random_point(6, 44);
  const auto at_rest = [&](const VectorXd& at, VectorXd& out) { out = game.M * (at - solution); };
  z = solution;
  const Method method{.step_size = 0.4 / L};
  auto state = method.init(at_rest, z);
  for (int k = 0; k < 50; ++k) take_step(method, at_rest, z, state);
  CHECK(z == solution);

  // A skew operator: |F(z_t)| (t + 1) stays bounded, also for the anchored extragradient method.
  const auto skew = [](const VectorXd& at, VectorXd& out) { out << at[1], -at[0], 0.3 * at[3], -0.3 * at[2]; };
  const VectorXd corner = VectorXd::Constant(4, 1);
  CHECK(largest_by_t(residuals(Method{.step_size = 0.4}, skew, corner, 20'000)) <= 4 * corner.norm() / 0.4);
  CHECK(largest_by_t(residuals(Extragradient{.step_size = 0.4, .anchored = true}, skew, corner, 20'000)) <=
        4 * corner.norm() / 0.4);

  // The first step of the anchored extragradient method is one of the plain method.
  z = w = start;
  solve_game(game, z, Extragradient{.step_size = 0.4 / L}, {.max_iterations = 1});
  solve_game(game, w, Extragradient{.step_size = 0.4 / L, .anchored = true}, {.max_iterations = 1});
  CHECK(z == w);
}

TEST_CASE(
    "accelerated optimistic gradient: another step size leaves count and anchor, and a start is drawn into the set") {
  const AffineGame game(6, 5);
  const double L = game.lipschitz();
  AcceleratedOptimisticGradient method{.step_size = 0.4 / L};
  VectorXd z = random_point(6, 5);
  const VectorXd start = z;
  auto state = initial_state(method, game, z);
  resume_game(game, z, method, state, {.max_iterations = 7, .tolerance = 0});
  method.step_size = 0.1 / L;
  const VectorXd base = state.base + (state.anchor - state.base) / 9 - method.step_size * state.image;
  const VectorXd next = base + (start - base) / 10 - method.step_size * state.image;
  resume_game(game, z, method, state, {.max_iterations = 1, .tolerance = 0});
  CHECK(state.updates == 8);
  CHECK(state.anchor == start);
  CHECK((z - next).cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 1e-14);

  const auto boxed = subject_to(game, Box{.low = -0.1, .high = 0.1});
  z = start;
  auto inside = method.init(boxed, z);
  CHECK(inside.anchor.cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 0.1);
}

TEST_CASE("the tangent residual is at least the natural one, and both vanish at a solution only") {
  const Box box{.low = -0.5, .high = 0.5};
  struct NaturalBox {
    Box box;
    void project(VectorXd& x) const { box.project(x); }
  };
  int larger = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const AffineGame game(6, seed);
    VectorXd z = random_point(6, seed);
    box.project(z);
    z[0] = 0.5;
    z[1] = -0.5;
    const auto measured = [&](const auto& problem) {
      VectorXd at = z;
      return solve_game(problem, at, OptimisticGradient{}, {.max_iterations = 0, .tolerance = 0}).measure;
    };
    const double tangent = measured(subject_to(game, box)), natural = measured(subject_to(game, NaturalBox{box}));
    VectorXd out(6);
    game(z, out);
    VectorXd left = -out;
    for (int i = 0; i < 6; ++i)
      if ((z[i] == 0.5 && left[i] > 0) || (z[i] == -0.5 && left[i] < 0)) left[i] = 0;
    CHECK(tangent == Approx(left.norm()).epsilon(1e-14));
    VectorXd nearest = z - out;
    box.project(nearest);
    CHECK(natural == Approx((z - nearest).norm()).epsilon(1e-14));
    CHECK(natural <= tangent);
    larger += tangent > natural * 1.01 ? 1 : 0;
  }
  CHECK(larger > 10);
}
