// Entropic transport: another method's solution, a linear program's, the dual, first guesses, resuming.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/learned/sinkhorn.hpp>

#include <filesystem>
#include <limits>

#include "learned/golden.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using learned_golden::cosines;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

VectorXd masses(Index start, Index n) {
  const VectorXd a = VectorXd::Ones(n) + 0.9 * cosines(start, n);
  return a / a.sum();
}
MatrixXd costs_of(Index start, Index n, Index m) {
  const VectorXd numbers = VectorXd::Ones(n * m) + cosines(start, n * m);
  return Eigen::Map<const MatrixXd>(numbers.data(), n, m);
}

double total(const MatrixXd& P) { return P.sum(); }
double cost(const MatrixXd& C, const MatrixXd& P) { return C.cwiseProduct(P).sum(); }
/// KL(P | a b')
double divergence(const MatrixXd& P, const VectorXd& a, const VectorXd& b) {
  double sum = a.sum() * b.sum() - total(P);
  for (Index j = 0; j < P.cols(); ++j)
    for (Index i = 0; i < P.rows(); ++i)
      if (P(i, j) > 0) sum += P(i, j) * std::log(P(i, j) / (a[i] * b[j]));
  return sum;
}

/// Histograms of two bumps on a grid of 100, and others nearby.
struct Bumps {
  MatrixXd C =
      MatrixXd::NullaryExpr(100, 100, [](Index i, Index j) { return std::pow(static_cast<double>(i - j) / 99, 2); });
  static VectorXd histogram(double first, double second) {
    const VectorXd h = VectorXd::NullaryExpr(100, [&](Index i) {
      const double at = static_cast<double>(i) / 99;
      return std::exp(-std::pow((at - first) / 0.1, 2)) + 0.6 * std::exp(-std::pow((at - second) / 0.1, 2)) + 1e-4;
    });
    return h / h.sum();
  }
  static VectorXd nearby(const VectorXd& h, Index start) {
    const VectorXd other = h.cwiseProduct(VectorXd::Ones(100) + 0.05 * std::sqrt(2.0) * cosines(start, 100));
    return other / other.sum();
  }
};

}  // namespace

TEST_CASE("sinkhorn: the solution that Newton's method finds") {
  const auto rows = learned_golden::rows("transport");
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) {
    const Index n = learned_golden::whole(row[0]), m = learned_golden::whole(row[1]);
    const double epsilon = row[2];
    const MatrixXd C = costs_of(31, n, m);
    const VectorXd a = masses(37, n), b = masses(41, m);
    const auto found = sinkhorn({C, a, b}, {.epsilon = epsilon, .tolerance = 1e-14, .max_iterations = 100'000});
    CHECK(found.status == Status::tolerance);
    const VectorXd f = found.f.array() - found.f.mean();
    CHECK((f - learned_golden::numbers(row, 4, n)).norm() <= 1e-12);
    const MatrixXd P = transport_plan(C, found.f, found.g, epsilon);
    const VectorXd expected = learned_golden::numbers(row, 4 + static_cast<std::size_t>(n), n * m);
    CHECK((P - Eigen::Map<const MatrixXd>(expected.data(), n, m)).norm() <= 1e-13);
    CHECK(std::abs(transport_dual({C, a, b}, found.f, found.g, epsilon) - row[3]) <= 1e-14);
  }
}

TEST_CASE("sinkhorn: a linear program as epsilon falls, without overflow") {
  const double least = learned_golden::rows("program").at(0).at(0);
  const MatrixXd C = costs_of(43, 5, 5);
  const VectorXd a = masses(47, 5), b = masses(53, 5);
  for (const double epsilon : {0.1, 0.01, 1e-3, 1e-4}) {
    CAPTURE(epsilon);
    const auto found = sinkhorn({C, a, b}, {.epsilon = epsilon, .tolerance = 1e-9, .max_iterations = 1'000'000});
    REQUIRE(found.status == Status::tolerance);
    const double above = cost(C, transport_plan(C, found.f, found.g, epsilon)) - least;
    CHECK(above >= -1e-8);
    CHECK(above <= epsilon * std::log(25.0) + 1e-8);
    if (epsilon <= 1e-3) CHECK(above <= 1e-6);  // the vertex is alone: the rest is exponentially small
  }
}

TEST_CASE("sinkhorn: rows are exact, the dual never falls, and at the end it is the minimum") {
  const Bumps bumps;
  const VectorXd a = Bumps::histogram(0.2, 0.6), b = Bumps::histogram(0.35, 0.65);
  const TransportProblem problem{bumps.C, a, b};
  SinkhornSolution found = sinkhorn(problem, {.max_iterations = 1});
  double last = transport_dual(problem, found.f, found.g, 0.01);
  while (found.status != Status::tolerance) {
    resume_sinkhorn(problem, found, {.max_iterations = 1});
    const double dual = transport_dual(problem, found.f, found.g, 0.01);
    CHECK(dual >= last - 1e-15);
    last = dual;
  }
  const MatrixXd P = transport_plan(bumps.C, found.f, found.g, 0.01);
  CHECK((P.rowwise().sum() - a).lpNorm<1>() <= 1e-14);
  const double error = (P.colwise().sum().transpose() - b).lpNorm<1>();
  CHECK(error <= 1e-6);
  CHECK(std::abs(error - found.marginal_error) <= 1e-14);
  CHECK(std::abs(cost(bumps.C, P) + 0.01 * divergence(P, a, b) - last) <= 1e-7);
}

TEST_CASE("sinkhorn: as many iterations as in numpy, fewer from the solution of a problem nearby") {
  const auto counts = learned_golden::rows("iterations").at(0);
  const Bumps bumps;
  const VectorXd a = Bumps::histogram(0.2, 0.6), b = Bumps::histogram(0.35, 0.65);
  const VectorXd near_a = Bumps::nearby(a, 3), near_b = Bumps::nearby(b, 8);
  const auto first = sinkhorn({bumps.C, a, b});
  const auto cold = sinkhorn({bumps.C, near_a, near_b}), warm = sinkhorn({bumps.C, near_a, near_b}, {}, first.f);
  CHECK(static_cast<double>(first.iterations) == counts[0]);
  CHECK(static_cast<double>(cold.iterations) == counts[1]);
  CHECK(static_cast<double>(warm.iterations) == counts[2]);
  CHECK(3 * warm.iterations <= 2 * cold.iterations);
  // A shift of the guess changes neither the count nor the plan.
  const auto shifted = sinkhorn({bumps.C, near_a, near_b}, {}, first.f.array() + 0.25);
  CHECK(shifted.iterations == warm.iterations);
  CHECK((transport_plan(bumps.C, shifted.f, shifted.g, 0.01) - transport_plan(bumps.C, warm.f, warm.g, 0.01)).norm() <=
        1e-12);
}

TEST_CASE("sinkhorn: the order of points does not matter, nor do points without mass") {
  const MatrixXd C = costs_of(31, 6, 5);
  VectorXd a = masses(37, 6), b = masses(41, 5);
  const SinkhornOptions options{.epsilon = 0.1, .tolerance = 1e-12};
  const MatrixXd turned = C.reverse();
  const VectorXd turned_a = a.reverse(), turned_b = b.reverse();
  const auto found = sinkhorn({C, a, b}, options), other = sinkhorn({turned, turned_a, turned_b}, options);
  CHECK(other.iterations == found.iterations);
  CHECK((other.f.reverse() - found.f).norm() <= 1e-13);
  a[2] = b[0] = 0;
  a /= a.sum();
  b /= b.sum();
  MatrixXd smaller(5, 4);
  smaller << C.topRightCorner(2, 4), C.bottomRightCorner(3, 4);
  VectorXd smaller_a(5), smaller_f(5), gradient, g;
  smaller_a << a.head(2), a.tail(3);
  const VectorXd smaller_b = b.tail(4);
  const auto masked = sinkhorn({C, a, b}, options), plain = sinkhorn({smaller, smaller_a, smaller_b}, options);
  CHECK(masked.status == Status::tolerance);
  CHECK(masked.iterations == plain.iterations);
  CHECK((masked.f[2] == -infinite && masked.g[0] == -infinite));
  smaller_f << masked.f.head(2), masked.f.tail(3);
  CHECK((smaller_f - plain.f).norm() <= 1e-13);
  const MatrixXd P = transport_plan(C, masked.f, masked.g, 0.1);
  CHECK((P.row(2).sum() == 0 && P.col(0).sum() == 0));
  CHECK(std::abs(transport_dual({C, a, b}, masked.f, masked.g, 0.1) -
                 transport_dual({smaller, smaller_a, smaller_b}, plain.f, plain.g, 0.1)) <= 1e-14);
  const auto again = sinkhorn({C, a, b}, options, masked.f);
  CHECK(again.iterations <= 2);
  const double loss = transport_loss({C, a, b}, masked.f, 0.1, g, gradient);
  CHECK(std::abs(loss + transport_dual({C, a, b}, masked.f, masked.g, 0.1)) <= 1e-12);
  CHECK(gradient[2] == 0);
  CHECK(gradient.norm() <= 1e-11);
}

TEST_CASE("sinkhorn: masses need not be 1; what a guess loses has P1 - a as its derivative") {
  const MatrixXd C = costs_of(31, 6, 5);
  const VectorXd a = 3 * masses(37, 6), b = 3 * masses(41, 5);
  const auto found = sinkhorn({C, a, b}, {.epsilon = 0.2, .tolerance = 1e-13});
  const MatrixXd P = transport_plan(C, found.f, found.g, 0.2);
  CHECK((P.rowwise().sum() - a).norm() <= 1e-14);
  CHECK(std::abs(cost(C, P) + 0.2 * divergence(P, a, b) - transport_dual({C, a, b}, found.f, found.g, 0.2)) <= 1e-12);
  VectorXd f = cosines(3, 6), g, gradient, unused;
  const double loss = transport_loss({C, a, b}, f, 0.2, g, gradient);
  CHECK(std::abs(loss + transport_dual({C, a, b}, f, g, 0.2)) <= 1e-13 * std::abs(loss));
  for (Index i = 0; i < 6; ++i) {
    const double kept = f[i];
    f[i] = kept + 1e-5;
    const double ahead = transport_loss({C, a, b}, f, 0.2, g, unused);
    f[i] = kept - 1e-5;
    const double behind = transport_loss({C, a, b}, f, 0.2, g, unused);
    f[i] = kept;
    CHECK(std::abs((ahead - behind) / 2e-5 - gradient[i]) <= 1e-8);
  }
}

TEST_CASE("sinkhorn: goes on bit for bit, also from a file") {
  const MatrixXd C = costs_of(31, 6, 5);
  const VectorXd a = masses(37, 6), b = masses(41, 5);
  const SinkhornOptions all{.epsilon = 0.02, .tolerance = 1e-12},
      some{.epsilon = 0.02, .tolerance = 1e-12, .max_iterations = 7};
  const auto whole = sinkhorn({C, a, b}, all);
  auto parts = sinkhorn({C, a, b}, some), loaded = sinkhorn({C, a, b}, {.max_iterations = 0});
  CHECK(parts.status == Status::max_iterations);
  CHECK(parts.iterations == 7);
  const auto path = std::filesystem::temp_directory_path() / "glissade_sinkhorn.safetensors";
  save(parts, path);
  load(loaded, path);
  std::filesystem::remove(path);
  for (auto* each : {&parts, &loaded}) {
    resume_sinkhorn({C, a, b}, *each, all);
    CHECK(each->status == Status::tolerance);
    CHECK(each->iterations == whole.iterations);
    CHECK((each->f == whole.f && each->g == whole.g));
  }
}

TEST_CASE("sinkhorn: bad input is refused, and overflow is an end") {
  const MatrixXd C = costs_of(31, 3, 2);
  const VectorXd a = masses(37, 3), b = masses(41, 2);
  const auto refused = [&](const MatrixXd& costs, const VectorXd& from, const VectorXd& to,
                           const SinkhornOptions& options = {}, const VectorXd& start = {}) {
    return message_of([&] { (void)sinkhorn({costs, from, to}, options, start); });
  };
  CHECK(refused(C, a, b).empty());
  CHECK(refused(C, a, b, {.epsilon = 0}) == "Sinkhorn: epsilon = 0, must be > 0 and finite");
  CHECK(refused(C, a, b, {.tolerance = 0}) == "Sinkhorn: tolerance = 0, must be > 0 and finite");
  CHECK(refused(C, a, b, {.max_iterations = -1}) == "Sinkhorn: max_iterations = -1, must be >= 0 and finite");
  CHECK(refused(C, b, b) == "Sinkhorn: a is 2 x 1, must be 3 x 1");
  CHECK(refused(C, a, a) == "Sinkhorn: b is 3 x 1, must be 2 x 1");
  CHECK(refused(MatrixXd(0, 2), VectorXd(), b) == "Sinkhorn: the costs are empty");
  CHECK(refused(C * not_a_number, a, b) == "Sinkhorn: a cost is not finite");
  CHECK(refused(C, a, VectorXd::Constant(2, 0.25)) ==
        "Sinkhorn: sum of b = 0.5, must be that of a, " + to_text(a.sum()));
  VectorXd wrong = a;
  wrong[1] = -0.1;
  CHECK(refused(C, wrong, b) == "Sinkhorn: a[1] = -0.1, must be >= 0 and finite");
  wrong[1] = not_a_number;
  CHECK(refused(C, wrong, b) == "Sinkhorn: a[1] = nan, must be >= 0 and finite");
  CHECK(refused(C, VectorXd::Zero(3), VectorXd::Zero(2)) == "Sinkhorn: sum of a = 0, must be > 0 and finite");
  CHECK(refused(C, a, b, {}, VectorXd::Zero(2)) == "Sinkhorn: f is 2 x 1, must be 3 x 1");
  CHECK(refused(C, a, b, {}, VectorXd::Constant(3, not_a_number)) ==
        "Sinkhorn: f has a coefficient that is not finite where a is positive");
  const MatrixXd huge = 1e300 * C;
  const auto found = sinkhorn({huge, a, b}, {.epsilon = 1e-10});
  CHECK(found.status == Status::non_finite);
  CHECK(found.iterations == 0);
  CHECK(found.f == VectorXd::Zero(3));
}
