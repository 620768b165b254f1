// What is found where there is no fixed point: sets that do not meet and linear programs without a solution.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/fixed_point/douglas_rachford.hpp>
#include <glissade/fixed_point/infeasibility.hpp>
#include <glissade/fixed_point/primal_dual.hpp>
#include <glissade/linalg/thin_svd.hpp>
#include <glissade/sets/affine.hpp>
#include <glissade/sets/ball.hpp>
#include <glissade/sets/box.hpp>
#include <glissade/sets/l1.hpp>

#include <Eigen/SparseCore>

#include <cmath>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::Vector2d;
using Eigen::Vector3d;
using Eigen::VectorXd;

namespace {

Stop steps(std::int64_t count) { return {.max_iterations = count, .tolerance = 0}; }

/// In every plane of R^(2 m + 1) the first axis; height 0.
struct Axes {
  void project(VectorXd& x) const {
    for (Index i = 1; i < x.size(); i += 2) x[i] = 0;
    x[x.size() - 1] = 0;
  }
};
/// In plane j the line at angle j; height -1.
struct Lines {
  VectorXd cosine, sine;
  void project(VectorXd& x) const {
    for (Index j = 0; j < cosine.size(); ++j) {
      const double c = cosine[j], s = sine[j];
      const double along = c * x[2 * j] + s * x[2 * j + 1];
      x[2 * j] = along * c;
      x[2 * j + 1] = along * s;
    }
    x[x.size() - 1] = -1;
  }
};

}  // namespace

TEST_CASE("displacement: squared errors of all estimates on 400 planes, as published") {
  constexpr Index planes = 400;
  Lines lines{VectorXd(planes), VectorXd(planes)};
  for (Index j = 0; j < planes; ++j) {
    const double angle = std::pow(10.0, -4 + 4 * static_cast<double>(j) / (static_cast<double>(planes) - 1));
    lines.cosine[j] = std::cos(angle);
    lines.sine[j] = std::sin(angle);
  }
  DouglasRachford T{Axes{}, lines};
  VectorXd start(2 * planes + 1);
  for (Index j = 0; j < planes; ++j)
    start.segment(2 * j, 2) = Vector2d(std::cos(0.7), std::sin(0.7)) / std::sqrt(static_cast<double>(planes));
  start[2 * planes] = 0;
  const VectorXd v = VectorXd::Unit(2 * planes + 1, 2 * planes);

  const auto errors = [&]<class M>(const M& method, std::vector<double>& residual, std::vector<double>& normalized) {
    const DetectInfeasibility<M> detect{.method = method, .tolerance = 1e100, .check_every = 1};
    VectorXd x = start;
    auto state = initial_state(detect, T, x);
    std::int64_t done = 0;
    double harmonic = 0;
    for (const std::int64_t k : {10, 100, 1000, 10'000, 100'000}) {
      resume_fixed_point(T, x, detect, state, steps(k - done));
      while (done < k) harmonic += 1 / static_cast<double>(++done);
      residual.push_back((state.residual_estimate - v).squaredNorm());
      normalized.push_back((state.normalized_estimate - v).squaredNorm());
      if (std::is_same_v<M, Halpern>)
        CHECK(20 * residual.back() <= std::pow((std::sqrt(harmonic + 12) + 1) / (static_cast<double>(k) + 1), 2));
      else
        CHECK(normalized.back() <= 4 / static_cast<double>(k * k));
      CHECK(state.displacement.norm() == std::min(state.residual_estimate.norm(), state.normalized_estimate.norm()));
      CHECK((state.displacement - v).squaredNorm() <= state.displacement.squaredNorm() - 1 + 1e-14);
    }
  };
  const auto near = [](const std::vector<double>& found, const std::vector<double>& published) {
    for (std::size_t i = 0; i < published.size(); ++i) CHECK(found[i] == Approx(published[i]).epsilon(0.06));
  };
  std::vector<double> picard, picard_normalized, halpern, halpern_normalized;
  errors(Picard{}, picard, picard_normalized);
  errors(Halpern{}, halpern, halpern_normalized);
  near(picard, {5.1e-3, 5.4e-4, 5.4e-5, 5.4e-6, 5.4e-7});
  near(picard_normalized, {4.6e-3, 8.4e-5, 1.2e-6, 1.5e-8, 1.4e-10});
  near(halpern, {3.9e-3, 8.3e-5, 1.2e-6, 1.5e-8, 1.35e-10});
  near(halpern_normalized, {8.2e-3, 2.0e-4, 3.0e-6, 4.0e-8, 4.0e-10});
  CHECK(std::log10(picard[3] / picard[1]) / 2 == Approx(-1).margin(0.02));
  CHECK(std::log10(halpern[3] / halpern[1]) / 2 == Approx(-1.86).margin(0.03));
}

TEST_CASE("displacement: of a translation it is exact at once, for every method") {
  const Vector3d v(0.25, -1, 3);
  const auto T = [&](const Vector3d& x, Vector3d& image) { image = x - v; };
  const auto found = [&]<class M>(const M& method, double relative) {
    INFO(M::name);
    Vector3d x(1, 2, -0.5);
    auto state = initial_state(method, T, x);
    const Result r = resume_fixed_point(T, x, method, state, {.max_iterations = 1000});
    CHECK(r.status == Status::infeasible);
    CHECK(r.evaluations.operator_value == 40);
    CHECK((state.displacement - v).norm() <= relative);
    CHECK((state.normalized_estimate - v).norm() <= relative);
  };
  found(DetectInfeasibility<Picard>{}, 1e-13);
  Vector3d x(1, 2, -0.5);
  CHECK(find_fixed_point(T, x, DetectInfeasibility<Picard>{.tolerance = 4}, {.max_iterations = 100}).status ==
        Status::max_iterations);
  found(DetectInfeasibility<Halpern>{}, 1e-13);
  found(DetectInfeasibility<KrasnoselskiiMann>{.method = {.relaxation = 0.25}}, 1e-13);
  found(DetectInfeasibility<KrasnoselskiiMann>{.method = {.relaxation = inverse_steps(2)}}, 1e-13);
}

TEST_CASE("displacement: a rotation that also moves is told by averages and by Halpern") {
  // Turns the plane and lifts it: v = (0, 0, 1).
  const auto T = [](const Vector3d& x, Vector3d& image) {
    image = {std::cos(2.0) * x[0] - std::sin(2.0) * x[1], std::sin(2.0) * x[0] + std::cos(2.0) * x[1], x[2] - 1};
  };
  const auto run = [&](const auto& method) {
    Vector3d x(1, 1, 0);
    auto state = initial_state(method, T, x);
    const Result r = resume_fixed_point(T, x, method, state, {.max_iterations = 20'000});
    return std::pair(r.status, (state.displacement - Vector3d::UnitZ()).norm());
  };
  CHECK(run(DetectInfeasibility<Halpern>{}).first == Status::infeasible);
  CHECK(run(DetectInfeasibility<Halpern>{}).second <= 1e-3);
  CHECK(run(DetectInfeasibility<KrasnoselskiiMann>{}).first == Status::infeasible);
  CHECK(run(DetectInfeasibility<KrasnoselskiiMann>{}).second <= 1e-3);
}

TEST_CASE("displacement: slow convergence is not taken for a displacement") {
  // Sublinear: |x - T x| = x^2 falls like 1 / k^2; and linear.
  const auto slow = [](const VectorXd& x, VectorXd& image) { image = x.array() - x.array().abs() * x.array(); };
  const auto linear = [](const VectorXd& x, VectorXd& image) { image = 0.999 * x; };
  const auto hardly = [](const VectorXd& x, VectorXd& image) { image = (1 - 1e-6) * x; };
  const auto check = [](const auto& T) {
    VectorXd x = VectorXd::Constant(2, 0.9);
    const Result r = find_fixed_point(T, x, DetectInfeasibility<Picard>{.tolerance = 1e-9},
                                      {.max_iterations = 20'000, .tolerance = 1e-7});
    CHECK(r.status == (r.iterations == 20'000 ? Status::max_iterations : Status::tolerance));
    x.setConstant(0.9);
    CHECK(find_fixed_point(T, x, DetectInfeasibility<Halpern>{.check_every = 1}, {.max_iterations = 20'000}).status !=
          Status::infeasible);
  };
  check(slow);
  check(linear);
  check(hardly);
}

TEST_CASE("displacement: the operator has the last word, and says it of the other estimate as well") {
  struct Judge {
    Vector3d v;
    std::vector<Vector3d>* asked;
    bool yes;
    void operator()(const Vector3d& x, Vector3d& image) const { image = x - v; }
    bool certifies(const Vector3d& claimed) const {
      asked->push_back(claimed);
      return yes && asked->size() % 2 == 0;
    }
  };
  std::vector<Vector3d> asked;
  Vector3d x(0, 0, 0);
  const DetectInfeasibility<Picard> method{.check_every = 5};
  const Stop stop{.max_iterations = 50};
  CHECK(find_fixed_point(Judge{{1, 0, 0}, &asked, false}, x, method, stop).status == Status::max_iterations);
  CHECK(asked.size() == 14);  // twice from the fourth check on
  asked.clear();
  CHECK(find_fixed_point(Judge{{1, 0, 0}, &asked, true}, x, method, stop).status == Status::infeasible);
  CHECK(asked.size() == 2);
  // The same where x is a matrix, of which the operator has a norm as well.
  struct OfMatrix {
    double* norms;
    void operator()(const MatrixXd& X, MatrixXd& image) const { image = X.array() - 1; }
    double norm(const MatrixXd& X) const { return ++*norms, 2 * X.norm(); }
    bool certifies(const MatrixXd&) const { return false; }
  };
  double norms = 0;
  MatrixXd X = MatrixXd::Zero(2, 2);
  const Result r = find_fixed_point(OfMatrix{&norms}, X, method, stop);
  CHECK(r.status == Status::max_iterations);
  CHECK(r.measure == Approx(4));
  CHECK(norms > 50);
}

TEST_CASE("DouglasRachford: a point of both sets, and the gap where there is none") {
  const Ball ball{.radius = 1};
  const auto halfspace = [](double offset) { return Halfspace{.normal = Vector3d(-1, -2, -2), .offset = -offset}; };
  Vector3d x(3, 3, -4);
  DouglasRachford meet{ball, halfspace(2.7)};  // 0.9 from the origin
  CHECK(find_fixed_point(meet, x, DetectInfeasibility<Picard>{}).status == Status::tolerance);
  meet.solution(x);
  CHECK(x.norm() <= 1 + 1e-12);
  CHECK(x.dot(Vector3d(1, 2, 2)) >= 2.7 - 1e-5);

  DouglasRachford apart{ball, halfspace(4.5)};  // 1.5 from it: a - b = -(1, 2, 2) / 6
  x = {3, 3, -4};
  const DetectInfeasibility<Halpern> method;
  auto state = initial_state(method, apart, x);
  CHECK(resume_fixed_point(apart, x, method, state, {.max_iterations = 100'000}).status == Status::infeasible);
  CHECK((state.displacement + Vector3d(1, 2, 2) / 6).norm() <= 2e-3);
}

TEST_CASE("DouglasRachford: of functions its fixed points are minima of their sum") {
  // |x - a|^2 / 2 by its own prox, and |x|_1 / 2: the soft threshold of a.
  struct Square {
    Vector3d a;
    void prox(Vector3d& x, double step) const { x = (x + step * a) / (1 + step); }
  };
  const Vector3d a(2, -0.3, -1);
  for (const double step : {0.3, 1.0, 5.0}) {
    DouglasRachford T{L1{.weight = 0.5}, Square{a}, step};
    Vector3d x(0, 0, 0);
    CHECK(find_fixed_point(T, x, Picard{}, {.tolerance = 1e-11}).status == Status::tolerance);
    T.solution(x);
    CHECK((x - Vector3d(1.5, 0, -0.5)).norm() <= 1e-9);
    // x - p + q of single numbers, far from it.
    x.setConstant(4);
    Vector3d image;
    T(x, image);
    const double p = 4 - 0.5 * std::min(step, 8.0);
    CHECK(image[0] == Approx(4 - p + (2 * p - 4 + step * a[0]) / (1 + step)));
  }
  DouglasRachford bad{L1{}, Square{a}, 0.0};
  Vector3d x(0, 0, 0);
  CHECK_THROWS_WITH(find_fixed_point(bad, x, Picard{}),
                    Catch::Matchers::ContainsSubstring("DouglasRachford: step = 0, must be > 0"));
}

TEST_CASE("PrimalDual: solves a linear program, dense or sparse") {
  // min -x1 - 2 x2, x1 + x2 + s1 = 4, x2 + s2 = 3: x = (1, 3), value -7, dual (-1, -1).
  MatrixXd A(2, 4);
  A << 1, 1, 1, 0, 0, 1, 0, 1;
  const VectorXd b{{4, 3}}, c{{-1, -2, 0, 0}};
  const auto check = [&](auto T) {
    VectorXd z = T.start();
    CHECK(find_fixed_point(T, z, DetectInfeasibility<Picard>{}, {.tolerance = 1e-10}).status == Status::tolerance);
    CHECK((T.primal(z) - VectorXd{{1, 3, 0, 0}}).norm() <= 1e-8);
    CHECK((T.dual(z) - VectorXd{{-1, -1}}).norm() <= 1e-8);
    // The norm is that of M.
    const VectorXd w = VectorXd::LinSpaced(6, -1, 2);
    MatrixXd M = MatrixXd::Zero(6, 6);
    M.diagonal().head(4).setConstant(1 / T.primal_step());
    M.diagonal().tail(2).setConstant(1 / T.dual_step());
    M.topRightCorner(4, 2) = A.transpose();
    M.bottomLeftCorner(2, 4) = A;
    CHECK(T.norm(w) == Approx(std::sqrt(w.dot(M * w))).epsilon(1e-12));
    CHECK(T.norm(1e200 * w) == Approx(1e200 * T.norm(w)));
  };
  check(PrimalDual(c, A, b));
  check(PrimalDual(c, A, b, 0.1));
  check(PrimalDual(c, Eigen::SparseMatrix<double>(A.sparseView()), b));
}

TEST_CASE("PrimalDual: nonexpansive in its norm") {
  MatrixXd A(2, 3);
  A << 1, -2, 0.5, 3, 0, 1;
  PrimalDual T(VectorXd{{1, -1, 0.5}}, A, VectorXd{{1, 2}});
  CHECK(T.primal_step() * thin_svd(A).sigma[0] == Approx(0.9).epsilon(1e-6));
  const RandomKey key{11};
  std::uint64_t draw = 0;
  for (int k = 0; k < 200; ++k) {
    VectorXd z(5), w(5), a(5), b(5);
    for (Index i = 0; i < 5; ++i) z[i] = 3 * key.normal(draw++), w[i] = 3 * key.normal(draw++);
    T(z, a);
    T(w, b);
    CHECK(T.norm(a - b) <= T.norm(z - w) * (1 + 1e-12));
  }
}

TEST_CASE("PrimalDual: the smallest program without a solution is told from the first step on") {
  // x1 + x2 = -1, x >= 0
  const MatrixXd A = MatrixXd::Ones(1, 2);
  PrimalDual T(VectorXd{{1, 2}}, A, VectorXd::Constant(1, -1));
  const double sigma = T.dual_step();
  VectorXd z = T.start(), image(3);
  auto state = initial_state(Picard{}, T, z);
  for (int k = 0; k < 5; ++k) {
    CHECK((state.residual - VectorXd{{0, 0, sigma}}).norm() <= 1e-14);
    CHECK(z[2] == Approx(-k * sigma));
    CHECK(T.farkas_violation(state.residual) == 0);
    take_step(Picard{}, T, z, state);
  }
  z = T.start();
  const DetectInfeasibility<Picard> detect{.check_every = 1};
  auto found = initial_state(detect, T, z);
  const Result r = resume_fixed_point(T, z, detect, found);
  CHECK(r.status == Status::infeasible);
  CHECK(r.evaluations.operator_value <= 5);
  CHECK(found.displacement[2] == Approx(sigma));
  CHECK(check_farkas(A, VectorXd::Constant(1, -1), VectorXd::Constant(1, -1)) == 0);
  CHECK(std::isinf(check_farkas(A, VectorXd::Constant(1, -1), VectorXd::Constant(1, 1))));
}

TEST_CASE("PrimalDual: a program without a least value shows a direction in which it falls") {
  // min -x1 - x2, x1 - x2 = 0
  MatrixXd A(1, 2);
  A << 1, -1;
  const VectorXd c{{-1, -1}};
  PrimalDual T(c, A, VectorXd::Zero(1));
  VectorXd z = T.start();
  const DetectInfeasibility<Halpern> detect;
  auto state = initial_state(detect, T, z);
  CHECK(resume_fixed_point(T, z, detect, state).status == Status::infeasible);
  CHECK(T.unbounded_violation(state.displacement) <= 1e-6);
  CHECK(std::isinf(T.farkas_violation(state.displacement)));
  CHECK(check_unbounded(A, c, VectorXd{{1, 1}}) == 0);
  CHECK(check_unbounded(A, c, VectorXd{{3, 1}}) == 0.5);
  CHECK(check_unbounded(A, c, VectorXd{{-0.5, 1.5}}) == 2);
  CHECK(check_unbounded(MatrixXd(MatrixXd::Zero(1, 2)), c, VectorXd{{-0.5, 1.5}}) == 0.5);
  CHECK(std::isinf(check_unbounded(A, c, VectorXd{{-1, -1}})));
}

TEST_CASE("PrimalDual: of a random program without a solution the last difference is a Farkas ray") {
  const Index m = 20, n = 40;
  const RandomKey key{6};
  std::uint64_t draw = 0;
  MatrixXd A(m, n);
  VectorXd b(m), c(n);
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i < m - 1; ++i) A(i, j) = key.normal(draw++);
  for (Index j = 0; j < n; ++j) A(m - 1, j) = -A.col(j).head(m - 1).sum() - 0.1 * std::abs(key.normal(draw++));
  for (Index i = 0; i < m; ++i) b[i] = key.normal(draw++);
  b.array() += (1 - b.sum()) / static_cast<double>(m);
  for (Index j = 0; j < n; ++j) c[j] = std::abs(key.normal(draw++));
  CHECK(check_farkas(A, b, VectorXd::Ones(m)) == 0);

  PrimalDual T(c, A, b);
  const DetectInfeasibility<Picard> picard{.tolerance = 1e100, .check_every = 1000};
  const DetectInfeasibility<Halpern> halpern{.tolerance = 1e100, .check_every = 1000};
  VectorXd z = T.start(), w = T.start();
  auto state = initial_state(picard, T, z);
  auto anchored = initial_state(halpern, T, w);
  std::vector<double> violation;
  for (const std::int64_t more : {1000, 9000, 90'000, 100'000}) {
    resume_fixed_point(T, z, picard, state, steps(more));
    resume_fixed_point(T, w, halpern, anchored, steps(more));
    violation.push_back(T.farkas_violation(state.residual));
  }
  INFO(violation[0] << " " << violation[1] << " " << violation[2] << " " << violation[3]);
  CHECK(violation[1] <= 0.1);
  CHECK(violation[2] <= 1e-3 * violation[1]);
  CHECK(violation[3] <= 1e-3 * violation[2]);  // linear in the end
  // The others only fall like 1 / k.
  for (const double other : {T.farkas_violation(state.normalized_estimate), T.farkas_violation(anchored.residual),
                             T.farkas_violation(anchored.normalized_estimate)}) {
    CHECK(other >= 1e-5);
    CHECK(other <= 5e-3);
  }
  z = T.start();
  const DetectInfeasibility<Picard> detect;
  auto found = initial_state(detect, T, z);
  CHECK(resume_fixed_point(T, z, detect, found, {.max_iterations = 200'000}).status == Status::infeasible);
  CHECK(T.farkas_violation(found.displacement) <= 1e-6);
}

TEST_CASE("PrimalDual: what does not fit is refused by name") {
  const MatrixXd A = MatrixXd::Ones(2, 3);
  const VectorXd two = VectorXd::Ones(2), three = VectorXd::Ones(3);
  CHECK(message_of([&] { PrimalDual(two, A, two); }) == "PrimalDual: c is 2 x 1, must be 3 x 1");
  CHECK(message_of([&] { PrimalDual(three, A, three); }) == "PrimalDual: b is 3 x 1, must be 2 x 1");
  CHECK(message_of([&] { PrimalDual(three, A, two, -1.0); }) ==
        "PrimalDual: primal_step = -1, must be >= 0 and finite");
  CHECK_THAT(message_of([&] { PrimalDual(three, A, two, 1.0, 1.0); }),
             Catch::Matchers::ContainsSubstring("PrimalDual: primal_step dual_step |A|^2 = 6"));
  CHECK(message_of([&] { PrimalDual(VectorXd(three / 0.0), A, two); }) == "PrimalDual: c, A or b is not finite");
}
