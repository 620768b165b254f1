// Accelerated mirror descent: its inequality at every step, and against plain mirror descent.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/minimize/accelerated_mirror_descent.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/proximal_gradient.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/sets/ball.hpp>
#include <glissade/sets/box.hpp>
#include <glissade/sets/entropy.hpp>
#include <glissade/sets/simplex.hpp>

#include <cmath>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// |A x - b|^2 / 2 of Gaussian numbers.
struct Squares {
  MatrixXd A;
  VectorXd b;
  Squares(Index rows, Index cols, std::uint64_t seed) : A(rows, cols), b(rows) {
    const RandomKey key{seed};
    std::uint64_t draw = 0;
    for (Index i = 0; i < A.size(); ++i) A.data()[i] = key.normal(draw++);
    for (double& number : b) number = key.normal(draw++);
  }
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    const VectorXd residual = A * x - b;
    gradient = A.transpose() * residual;
    return residual.squaredNorm() / 2;
  }
  [[nodiscard]] double largest_entry() const {
    double largest = 0;
    for (Index j = 0; j < A.cols(); ++j) largest = std::max(largest, (A.transpose() * A.col(j)).cwiseAbs().maxCoeff());
    return largest;
  }
};

Stop steps(std::int64_t count) { return {.max_iterations = count, .gradient_tolerance = 0}; }

}  // namespace

TEST_CASE("AcceleratedMirrorDescent: 100 x 200 on the simplex: the bound at every step, ahead of mirror descent") {
  const Index n = 200;
  const Squares f(100, n, 1);
  const double L = f.largest_entry();
  VectorXd best = VectorXd::Constant(n, 1.0 / n), gradient(n);
  const Result exact = minimize(subject_to(f, Simplex{}), best, ProximalGradient{}, {.gradient_tolerance = 1e-9});
  REQUIRE(exact.status == Status::gradient_tolerance);
  const double divergence = NegativeEntropy{}.divergence(best, VectorXd::Constant(n, 1.0 / n));
  CHECK(divergence <= std::log(static_cast<double>(n)));

  VectorXd x = VectorXd::Constant(n, 1.0 / n);
  std::vector<double> gap;
  double worst = 0;
  minimize(f, x, AcceleratedMirrorDescent<NegativeEntropy>{.lipschitz = L}, steps(1000), [&](const Record& record) {
    gap.push_back(record.value - exact.value);
    if (record.iteration == 0) return;
    const double k = static_cast<double>(record.iteration) + 1;  // x_{k+1} after k + 1 steps: k + 2
    CHECK(gap.back() <= 4 * L * divergence / (k * k) * (1 + 1e-12));
    worst = std::max(worst, gap.back() * k * k / (4 * L * std::log(static_cast<double>(n))));
    CHECK(record.x.sum() == Approx(1).epsilon(1e-12));
    CHECK(record.x.minCoeff() >= 0);
  });
  INFO("largest share of the bound: " << worst);
  CHECK(worst <= 0.21);
  // z' = argmin <grad f(z), z> + L D(z; z_k)
  VectorXd z = VectorXd::Constant(n, 1.0 / n), dual(n);
  NegativeEntropy{}.gradient(z, dual);
  for (int k = 1; k <= 1000; ++k) {
    f(z, gradient);
    dual -= gradient / L;
    NegativeEntropy{}.mirror(dual, z);
    if (k != 10 && k != 100 && k != 1000) continue;
    const double plain = f(z, gradient) - exact.value;
    INFO(k << ": " << gap[static_cast<std::size_t>(k)] << " against " << plain);
    CHECK(gap[static_cast<std::size_t>(k)] <= (k == 100 ? 0.5 : 1) * plain);
  }
}

TEST_CASE("AcceleratedMirrorDescent: with the Euclidean map the bound of Nesterov holds on a set and without") {
  MatrixXd A(3, 3);
  A << 1, 0.2, 0, 0, 0.1, 0, 0, 0, 0.03;
  Squares f(3, 3, 1);
  f.A = A;
  const VectorXd best{{-1, 10, 33}};
  f.b = A * best;
  const double L = (A.transpose() * A).norm();
  const auto check = [&](const auto& problem, const auto& method, double least, const VectorXd& end) {
    VectorXd x = VectorXd::Zero(3);
    minimize(problem, x, method, steps(3000), [&](const Record& record) {
      if (record.iteration == 0) return;
      const double k = static_cast<double>(record.iteration) + 1;
      CHECK(record.value - least <= 2 * L * end.squaredNorm() / (k * k) + 1e-13);
    });
  };
  check(f, AcceleratedMirrorDescent<>{.lipschitz = L}, 0, best);
  const Ball ball{.radius = 3};
  VectorXd inside = VectorXd::Zero(3);
  const Result exact = minimize(subject_to(f, ball), inside, ProximalGradient{}, {.gradient_tolerance = 1e-13});
  check(subject_to(f, ball), AcceleratedMirrorDescent<>{.lipschitz = L}, exact.value, inside);
  check(f, AcceleratedMirrorDescent<Euclidean<Ball>>{.lipschitz = L, .map = {ball}}, exact.value, inside);
  // The objective's set and that of the map are the same: the same path.
  VectorXd x = VectorXd::Zero(3), y = x;
  minimize(subject_to(f, ball), x, AcceleratedMirrorDescent<>{.lipschitz = L}, steps(50));
  minimize(f, y, AcceleratedMirrorDescent<Euclidean<Ball>>{.lipschitz = L, .map = {ball}}, steps(50));
  CHECK(x == y);
}

TEST_CASE("AcceleratedMirrorDescent: the path is that of the formulas") {
  const Squares f(6, 4, 9);
  const double L = f.largest_entry();
  VectorXd x = VectorXd::Constant(4, 0.25), z = x, gradient(4);
  std::vector<VectorXd> path;
  VectorXd moved = x;
  minimize(f, moved, AcceleratedMirrorDescent<NegativeEntropy>{.lipschitz = L}, steps(12),
           [&](const Record& record) { path.emplace_back(record.x); });
  for (std::size_t k = 0; k < 12; ++k) {
    const double theta = 2 / (static_cast<double>(k) + 2);
    f(VectorXd((1 - theta) * x + theta * z), gradient);
    z = z.array() * (-gradient.array() / (theta * L)).exp();
    z /= z.sum();
    x = (1 - theta) * x + theta * z;
    CHECK((path[k + 1] - x).norm() <= 1e-13);
  }
}

TEST_CASE("AcceleratedMirrorDescent: a declared set is the map's, or that is an error") {
  const Squares f(10, 5, 3);
  const double L = f.largest_entry();
  VectorXd x = VectorXd::Constant(5, 0.2), y = x;
  minimize(subject_to(f, Simplex{}), x, AcceleratedMirrorDescent<NegativeEntropy>{.lipschitz = L}, steps(50));
  minimize(f, y, AcceleratedMirrorDescent<NegativeEntropy>{.lipschitz = L}, steps(50));
  CHECK(x == y);
  x.setConstant(0.2);
  CHECK_THAT(message_of([&] {
               minimize(subject_to(f, Box{.low = 0.15, .high = 0.3}), x,
                        AcceleratedMirrorDescent<NegativeEntropy>{.lipschitz = L}, steps(50));
             }),
             Catch::Matchers::ContainsSubstring("out of the objective's set"));
  x.setConstant(0.3);
  CHECK_THAT(message_of([&] { minimize(f, x, AcceleratedMirrorDescent<NegativeEntropy>{.lipschitz = L}); }),
             Catch::Matchers::ContainsSubstring("away from the set of the map"));
  x[1] = 0;
  CHECK_THAT(message_of([&] { minimize(f, x, AcceleratedMirrorDescent<NegativeEntropy>{.lipschitz = L}); }),
             Catch::Matchers::ContainsSubstring("NegativeEntropy: z[1] = 0, must be > 0"));
  x[1] = std::nan("");
  CHECK(minimize(f, x, AcceleratedMirrorDescent<NegativeEntropy>{.lipschitz = L}).status == Status::non_finite_start);
}

TEST_CASE("AcceleratedMirrorDescent: two gradients per step; restarts make it faster where the minimum is strong") {
  Squares f(40, 20, 5);
  f.b = f.A * VectorXd::LinSpaced(20, 1, 20) / 210;  // the least value is 0, within the simplex
  VectorXd x = VectorXd::Constant(20, 0.05);
  const double L = f.largest_entry();
  const Result r = minimize(f, x, AcceleratedMirrorDescent<NegativeEntropy>{.lipschitz = L}, steps(10));
  CHECK(r.evaluations.gradient == 2 + 2 * 9);

  const auto gap = [&](Restart restart) {
    x.setConstant(0.05);
    return minimize(f, x, AcceleratedMirrorDescent<NegativeEntropy>{.lipschitz = L, .restart = restart}, steps(500))
        .value;
  };
  const double none = gap(Restart::none);
  INFO(none << " " << gap(Restart::function) << " " << gap(Restart::gradient));
  CHECK(gap(Restart::function) <= 0.1 * none);
  CHECK(gap(Restart::gradient) <= 0.1 * none);
}
