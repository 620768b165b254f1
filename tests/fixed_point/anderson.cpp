// Anderson acceleration: its identities and its table.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include <glissade/core/random.hpp>
#include <glissade/fixed_point/anderson.hpp>
#include <glissade/fixed_point/picard.hpp>

#include <Eigen/Eigenvalues>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

Stop steps(std::int64_t count) { return {.max_iterations = count, .tolerance = 0}; }

MatrixXd gaussian(Index rows, Index cols, std::uint64_t seed) {
  const RandomKey key{seed};
  MatrixXd A(rows, cols);
  for (Index i = 0; i < A.size(); ++i) A.data()[i] = key.normal(static_cast<std::uint64_t>(i));
  return A;
}

bool same_bits(const VectorXd& a, const VectorXd& b) {
  return std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0;
}

/// Not linear, a contraction in most of the space.
void smooth(const VectorXd& x, VectorXd& image) {
  for (Index i = 0; i < x.size(); ++i)
    image[i] = 0.9 * std::sin(x[(i + 1) % x.size()]) + 0.05 * x[i] + 0.1 * static_cast<double>(i);
}

}  // namespace

TEST_CASE("Anderson: a linear map in 5 dimensions is solved after 6 accelerated steps") {
  const MatrixXd A = 0.4 * gaussian(5, 5, 3);
  const VectorXd b = gaussian(5, 1, 4);
  const auto T = [&](const VectorXd& x, VectorXd& image) { image = A * x + b; };
  for (const AndersonKind kind : {AndersonKind::type_two, AndersonKind::type_one}) {
    VectorXd x = VectorXd::Zero(5);
    std::vector<double> measure;
    find_fixed_point(T, x, Anderson{.memory = 10, .kind = kind, .regularization = 0, .safeguard = 1e10}, steps(6),
                     [&](const Record& record) {
                       measure.push_back(record.measure);
                       CHECK(record.evaluations.operator_value == record.iteration + 1);
                     });
    REQUIRE(measure.size() == 7);
    CHECK(measure[5] >= 1e-3);
    CHECK(measure[6] <= (kind == AndersonKind::type_two ? 1e-12 : 1e-10));
  }
}

TEST_CASE("Anderson: type two without regularization is GMRES") {
  // One step behind: x_{k+1} = T of the GMRES iterate x_k, so that its residual is A r_k.
  const MatrixXd A = 0.3 * gaussian(8, 8, 5);
  const VectorXd b = gaussian(8, 1, 6);
  const auto T = [&](const VectorXd& x, VectorXd& image) { image = A * x + b; };
  const MatrixXd M = MatrixXd::Identity(8, 8) - A;
  for (const int k : {1, 2, 3, 5}) {
    VectorXd x = VectorXd::Zero(8);
    find_fixed_point(T, x, Anderson{.memory = 20, .regularization = 0, .safeguard = 1e10}, steps(k + 1));
    // The least residual over the Krylov space of k dimensions.
    MatrixXd K(8, k);
    K.col(0) = b;
    for (int j = 1; j < k; ++j) K.col(j) = M * K.col(j - 1);
    const MatrixXd image = M * K;
    const VectorXd residual = b - image * (image.transpose() * image).ldlt().solve(image.transpose() * b);
    CHECK((b - M * x).norm() == Approx((A * residual).norm()).epsilon(1e-6));
  }
}

TEST_CASE("Anderson: on a quadratic with condition 4e3 more memory is faster, and all are faster than Picard") {
  const Index d = 100;
  const MatrixXd B = gaussian(d, d, 1) / std::sqrt(static_cast<double>(d));
  const MatrixXd Q = B.transpose() * B + 1e-3 * MatrixXd::Identity(d, d);
  const VectorXd values = Eigen::SelfAdjointEigenSolver<MatrixXd>(Q, Eigen::EigenvaluesOnly).eigenvalues();
  const double step = 2 / (values[0] + values[d - 1]);
  const VectorXd b = gaussian(d, 1, 2);
  const auto T = [&](const VectorXd& x, VectorXd& image) { image = x - step * (Q * x - b); };
  const auto residual = [&](const auto& method) {
    VectorXd x = VectorXd::Zero(d);
    return find_fixed_point(T, x, method, {.tolerance = 0, .max_operator_calls = 500}).measure / step / b.norm();
  };
  const double picard = residual(Picard{});
  const double five = residual(Anderson{.memory = 5}), ten = residual(Anderson{.memory = 10}),
               twenty = residual(Anderson{.memory = 20});
  INFO(picard << " " << five << " " << ten << " " << twenty);
  CHECK(five <= picard / 2);
  CHECK(ten <= five / 2);
  CHECK(twenty <= ten / 2);
  CHECK(twenty <= picard / 100);
}

TEST_CASE("Anderson: without memory it is Picard, bit for bit") {
  VectorXd x = VectorXd::LinSpaced(4, -1, 2), y = x;
  find_fixed_point(smooth, x, Anderson{.memory = 0}, steps(30));
  find_fixed_point(smooth, y, Picard{}, steps(30));
  CHECK(same_bits(x, y));
}

TEST_CASE("Anderson: a step is that of the formula, with its regularization and relaxation") {
  const Index n = 4;
  for (const AndersonKind kind : {AndersonKind::type_two, AndersonKind::type_one})
    for (const double relaxation : {1.0, 0.6}) {
      const Anderson method{
          .memory = 2, .kind = kind, .regularization = 0.05, .relaxation = relaxation, .safeguard = 1e10};
      VectorXd x = VectorXd::LinSpaced(n, -1, 2);
      auto state = initial_state(method, smooth, x);
      std::vector<VectorXd> points{x}, residuals{state.residual};
      for (int k = 0; k < 5; ++k) {
        const Index count = std::min(k, 2);
        MatrixXd S(n, count), Y(n, count);
        for (Index j = 0; j < count; ++j) {
          const auto newer = static_cast<std::size_t>(k - j);
          S.col(j) = points[newer] - points[newer - 1];
          Y.col(j) = residuals[newer] - residuals[newer - 1];
        }
        const VectorXd g = state.residual;
        const MatrixXd& left = kind == AndersonKind::type_one ? S : Y;
        const MatrixXd normal = left.transpose() * Y + 0.05 * left.norm() * Y.norm() * MatrixXd::Identity(count, count);
        const VectorXd w = normal.partialPivLu().solve(left.transpose() * g);
        const VectorXd expected = relaxation * (x - g - (S - Y) * w) + (1 - relaxation) * (x - S * w);
        take_step(method, smooth, x, state);
        CHECK((x - expected).norm() <= 1e-12);
        points.push_back(x);
        residuals.push_back(state.residual);
      }
    }
}

TEST_CASE("Anderson: columns that depend on others get no weight, and weights that explode are not used") {
  detail::PivotedLeastSquares problem;
  problem.resize(3, 3);
  problem.A << 1, 2, 1, 1, 2, 0, 0, 0, 1;
  problem.b << 3, 1, 2;
  CHECK(problem.solve() == 2);
  CHECK(problem.solution[0] == 0);
  CHECK((problem.solution - VectorXd{{0, 0.5, 2}}).norm() <= 1e-14);
  CHECK(problem.b.norm() <= 1e-14);
  problem.A.setZero();
  CHECK(problem.solve() == 0);
  CHECK(problem.solution.isZero());
  // Residuals that hardly change call for weights of 1e12: Picard's steps instead.
  const auto drift = [](const VectorXd& x, VectorXd& image) { image = x.array() - 1 - 1e-12 * x.array(); };
  VectorXd x = VectorXd::Constant(1, 1), y = x;
  find_fixed_point(drift, x, Anderson{.regularization = 0, .safeguard = 1e10}, steps(4));
  find_fixed_point(drift, y, Picard{}, steps(4));
  CHECK(same_bits(x, y));
}

TEST_CASE("Anderson: a translation of the space translates the path") {
  const VectorXd shift{{0.5, -2, 1, 4}};  // whose sums are nearly exact
  const auto shifted = [&](const VectorXd& x, VectorXd& image) {
    VectorXd out(4);
    smooth(x - shift, out);
    image = out + shift;
  };
  for (const AndersonKind kind : {AndersonKind::type_two, AndersonKind::type_one})
    for (const double relaxation : {1.0, 0.7}) {
      const Anderson method{.memory = 3, .kind = kind, .relaxation = relaxation};
      VectorXd x = VectorXd::LinSpaced(4, -1, 2), y = x + shift;
      find_fixed_point(smooth, x, method, steps(8));
      find_fixed_point(shifted, y, method, steps(8));
      CHECK((y - shift - x).norm() <= 1e-9);
    }
}

TEST_CASE("Anderson: where acceleration leads astray the safeguard goes back to the plain step") {
  // |x| with slope 0.99 on one side: a kink, across which the secant leads far away.
  const auto T = [](const VectorXd& x, VectorXd& image) {
    image[0] = x[0] > 1 ? x[0] - 1e-3 * (x[0] - 1) : x[0] < -1 ? x[0] + 0.5 : 0.5 * x[0];
  };
  for (const double factor : {1.0, 2.0}) {
    VectorXd x = VectorXd::Constant(1, -7.25);
    double last = std::numeric_limits<double>::infinity();
    const Result r = find_fixed_point(T, x, Anderson{.memory = 2, .safeguard = factor}, {.tolerance = 1e-12},
                                      [&](const Record& record) {
                                        CHECK(record.measure <= std::max(factor, 1.0) * last * (1 + 1e-12));
                                        last = record.measure;
                                      });
    CHECK(r.status == Status::tolerance);
  }
  // Steps that are refused cost a call, and the step is Picard's.
  const auto wild = [](const VectorXd& x, VectorXd& image) { image[0] = std::cos(10 * x[0]) + 0.5 * x[0]; };
  VectorXd x = VectorXd::Constant(1, 0.3);
  auto state = initial_state(Anderson{.safeguard = 1e-6}, wild, x);
  std::int64_t refused = 0;
  for (int k = 0; k < 20; ++k) {
    const VectorXd image = state.image;
    Oracle<decltype(wild), VectorXd> oracle(wild);
    Anderson{.safeguard = 1e-6}.step(oracle, x, state);
    if (oracle.evaluations().operator_value == 1) continue;
    ++refused;
    CHECK(x == image);
    CHECK(state.count == 0);
  }
  CHECK(refused == 10);
}
