// What is known of single sets and proxes, and what holds for the types of coefficients.
#include "support/no_heap.hpp"
#include <glissade/sets/affine.hpp>
#include <glissade/sets/ball.hpp>
#include <glissade/sets/box.hpp>
#include <glissade/sets/cones.hpp>
#include <glissade/sets/groups.hpp>
#include <glissade/sets/l1.hpp>
#include <glissade/sets/l1_ball.hpp>
#include <glissade/sets/largest.hpp>
#include <glissade/sets/logarithms.hpp>
#include <glissade/sets/permutahedron.hpp>
#include <glissade/sets/segments.hpp>
#include <glissade/sets/simplex.hpp>
#include <glissade/sets/spectra.hpp>
#include <glissade/sets/total_variation.hpp>

#include "sets/points.hpp"

using namespace subjects;

namespace {

template <class S>
VectorXd on(const S& set, VectorXd x) {
  set.project(x);
  return x;
}

/// set.project of rows, of segments, of what has gaps, by rows: all are that of the plain vector.
template <class S>
void check_expressions(const S& set) {
  Random random(1);
  for (int k = 0; k < 10; ++k) {
    const VectorXd x = random.normal(6), expected = on(set, x);
    Eigen::MatrixXd room = Eigen::MatrixXd::Constant(3, 6, 7);
    room.row(1) = x.transpose();
    set.project(room.row(1));
    check_same(room.row(1).transpose(), expected);
    CHECK((room.row(0).array() == 7).all());
    CHECK((room.row(2).array() == 7).all());
    VectorXd longer = VectorXd::Constant(9, 7);
    longer.segment(2, 6) = x;
    auto segment = longer.segment<6>(2);
    set.project(segment);
    check_same(longer.segment(2, 6), expected);
    CHECK((longer[1] == 7 && longer[8] == 7));
    std::vector<double> gaps(12, 7);
    Eigen::Map<VectorXd, 0, Eigen::InnerStride<2>> map(gaps.data(), 6);
    map = x;
    set.project(map);
    check_same(map, expected);
    CHECK(gaps[1] == 7);
    Eigen::Map<VectorXd> plain(gaps.data(), 6);
    plain = x;
    set.project(plain);
    check_same(plain, expected);
  }
}
/// The same of a matrix: by rows, with gaps, an array.
template <class S>
void check_matrices(const S& set) {
  using Eigen::MatrixXd;
  Random random(2);
  for (int k = 0; k < 10; ++k) {
    VectorXd x = random.normal(6);
    const MatrixXd X = Eigen::Map<MatrixXd>(x.data(), 2, 3);
    MatrixXd expected = X;
    set.project(expected);
    set.project(x);
    CHECK(Eigen::Map<VectorXd>(expected.data(), 6) == x);
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> by_rows = X;
    set.project(by_rows);
    CHECK(by_rows == expected);
    MatrixXd room = MatrixXd::Constant(4, 5, 7);
    room.block(1, 2, 2, 3) = X;
    set.project(room.block(1, 2, 2, 3));
    CHECK(room.block(1, 2, 2, 3) == expected);
    CHECK((room.row(0).array() == 7).all());
    CHECK((room.row(3).array() == 7).all());
    Eigen::ArrayXXd array = X;
    set.project(array);
    CHECK(array.matrix() == expected);
    Eigen::MatrixXf narrow = X.cast<float>();
    set.project(narrow);
    CHECK((narrow.cast<double>() - expected).cwiseAbs().maxCoeff() <= 1e-6);
  }
}

}  // namespace

TEST_CASE("sets: any writable expression, coefficients by columns") {
  const VectorXd u = six(0.5, 1, 0.25, 2, 0.75, 1);
  check_expressions(Box{.low = -u, .high = 0.25 * u});
  check_expressions(Simplex{});
  check_expressions(Repeated{Simplex{}, {2, 4}});
  check_expressions(product_of(Part{Ball{}, 2}, Part{NonNegative{}, 4}));
  check_expressions(Permutahedron{.point = u});
  check_matrices(Box{.low = -u, .high = 0.25 * u});
  check_matrices(L1Ball{.weights = u});
  check_matrices(Ball{.radius = 0.5, .center = u});
}

TEST_CASE("sets: the tangent cone of rounded bounds, float") {
  // 0.1 and 0.7 are no floats: x is at what they were rounded to.
  const Box box{.low = 0.1, .high = 0.7};
  Eigen::Vector3f x(-1, 0.3f, 2), v(-1, -1, 1);
  box.project(x);
  box.project_tangent(x, v);
  CHECK(v == Eigen::Vector3f(0, -1, 0));
  Eigen::VectorXf y = Eigen::VectorXf::Random(100) + Eigen::VectorXf::Constant(100, 5), d = y;
  const Ball ball{.radius = 0.3};
  ball.project(y);
  ball.project_tangent(y, d);
  CHECK(std::abs(d.dot(y)) <= 1e-5f * d.norm());
}

TEST_CASE("sets: projections of doubles take nothing from the heap") {
  const Box box{.low = -1, .high = 1};
  const Ball ball;
  const Simplex simplex;
  const L1Ball l1_ball;
  const SecondOrderCone cone;
  const TotalVariation1d variation;
  const LInfinity largest_one;
  const Repeated players{Simplex{}, {100, 200}};
  Random random(3);
  const VectorXd x = 3 * random.normal(300);
  VectorXd y = x;
  Eigen::Matrix<float, 8, 1> fixed = Eigen::Matrix<float, 8, 1>::Constant(3);
  const NoHeap no_heap;
  simplex.project(y);
  y = x;
  box.project(y);
  ball.project(y);
  y = x;
  l1_ball.project(y);
  y = x;
  cone.project(y);
  y = x;
  variation.prox(y, 0.1);
  largest_one.prox(y, 1);
  players.project(y);
  simplex.project(fixed);
  CHECK(no_heap.taken() == 0);
}

TEST_CASE("simplex: many coefficients, and data that take Newton's iteration long") {
  Random random(4);
  const auto sorted = [](const VectorXd& v, double total) -> VectorXd {  // the textbook's
    VectorXd u = v;
    std::sort(u.begin(), u.end(), std::greater<>());
    long double sum = 0, t = 0;
    for (Index j = 0; j < u.size(); ++j) {
      sum += static_cast<long double>(u[j]);
      const long double next = (sum - static_cast<long double>(total)) / static_cast<long double>(j + 1);
      if (static_cast<long double>(u[j]) > next) t = next;
    }
    return (v.array() - static_cast<double>(t)).cwiseMax(0.0);
  };
  std::vector<VectorXd> points{random.normal(100000), 1e-6 * random.normal(100000), VectorXd::Zero(100000)};
  VectorXd slow(400);  // every pass drops the last of those that are left
  double sum = 0;
  slow[0] = 0;
  for (Index k = 1; k < 400; ++k) {
    slow[k] = (sum - 1) / static_cast<double>(k) + 1e-7 / static_cast<double>(k * k);
    sum += slow[k];
  }
  points.push_back(slow);
  points.push_back(-VectorXd::LinSpaced(3000, 0, 80).array().exp().log1p());
  for (const VectorXd& v : points) {
    const VectorXd x = on(Simplex{}, v);
    CHECK(largest(x - sorted(v, 1)) <= 1e-13);
    CompensatedSum exact;
    for (const double a : x) exact.add(a);
    CHECK(std::abs(exact.value() - 1) <= 1e-15);
    CHECK(on(Simplex{}, x) == x);
    // A large offset of all changes no digit that the offset has not taken.
    const VectorXd moved = v.array() + 1024, back = moved.array() - 1024;
    CHECK(largest(on(Simplex{}, moved) - on(Simplex{}, back)) <= 1e-15);
    CHECK(largest(on(CappedSimplex{.total = 1, .upper = 1}, v) - x) <= 1e-12);
    CHECK(largest(on(L1Ball{}, v.cwiseAbs()) - on(Simplex{}, v.cwiseAbs())) <= (v.cwiseAbs().sum() >= 1 ? 1e-14 : 1));
    CHECK(largest(on(L1Ball{.weights = VectorXd::Constant(v.size(), 2.0)}, v) - on(L1Ball{.radius = 0.5}, v)) <= 1e-13);
  }
}

TEST_CASE("capped simplex: its corners, and all that its bounds allow") {
  const VectorXd u = six(0.5, 1, 0.25, 2, 0.75, 1);
  CHECK(on(CappedSimplex{.total = u.sum(), .upper = u}, VectorXd::Zero(6)) == u);
  CHECK(on(CappedSimplex{.total = 3, .upper = 1}, six(9, -9, 10, 11, -12, 0)) == six(1, 0, 1, 1, 0, 0));
  CHECK(largest(on(CappedSimplex{.total = 3, .upper = 100}, u) - on(Simplex{.total = 3}, u)) <= 1e-15);
}

TEST_CASE("total variation: its identities") {
  Random random(5);
  const auto denoised = [](VectorXd y, double lambda) {
    TotalVariation1d{}.prox(y, lambda);
    return y;
  };
  for (const Index n : {1, 2, 3, 10, 1000}) {
    VectorXd y = 3 * random.normal(n);
    if (n == 10) y = y.array().round();
    const double mean = y.mean();
    VectorXd same = y;
    TotalVariation1d{.weight = 0}.prox(same, 1);
    CHECK(same == y);
    CHECK(largest(denoised(y, 1e-15) - y) <= 4e-15);
    CHECK(largest(denoised(y, 1e6).array() - mean) <= 1e-14);
    if (n == 1) CHECK(denoised(y, 0.5) == y);
    for (const double lambda : {0.01, 0.4, 2.0, 30.0}) {
      const VectorXd x = denoised(y, lambda);
      CHECK(std::abs(x.mean() - mean) <= 1e-13);
      CHECK(largest(denoised(y.array() + 17, lambda) - VectorXd(x.array() + 17)) <= 1e-12);
      CHECK(largest(denoised(-y, lambda) + x) <= 1e-12);
      CHECK(largest(denoised(y.reverse(), lambda).reverse() - x) <= 1e-12);
      // Running sums of y - x stay within lambda and are there wherever x jumps: what the dual says.
      double sum = 0;
      int wrong = 0;
      for (Index k = 0; k + 1 < n; ++k) {
        sum += y[k] - x[k];
        wrong += std::abs(sum) > lambda + 1e-11;
        if (x[k + 1] != x[k]) wrong += std::abs(sum + std::copysign(lambda, x[k + 1] - x[k])) > 1e-11;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("permutahedron: its corners and its center") {
  const VectorXd w = six(3, 1.5, 1.5, 0, -1, -4);
  CHECK(on(Permutahedron{.point = w}, six(6, 5, 4, 3, 2, 1) * 100) == w);
  CHECK(on(Permutahedron{.point = w.reverse()}, six(1, 2, 3, 4, 5, 6) * 1e6) == w.reverse());
  CHECK(largest(on(Permutahedron{.point = w}, VectorXd::Constant(6, 1e6)) - VectorXd::Constant(6, w.mean())) <= 1e-15);
  CHECK(on(Permutahedron{.point = 2}, w) == VectorXd::Constant(6, 2));
  // Of (1, 0, ..., 0) it is the simplex.
  Random random(6);
  for (int k = 0; k < 20; ++k) {
    const VectorXd x = random.normal(6);
    CHECK(largest(on(Permutahedron{.point = VectorXd::Unit(6, 3)}, x) - on(Simplex{}, x)) <= 1e-15);
    const VectorXd near = on(Permutahedron{.point = w}, x), large = on(Permutahedron{.point = w}, x.array() + 64);
    CHECK(largest(near - large) <= 1e-13);
  }
}

TEST_CASE("matrices: the nuclear and the spectral norm, the semidefinite cone") {
  Random random(7);
  for (int k = 0; k < 10; ++k) {
    VectorXd x = random.normal(12);
    const Eigen::MatrixXd X = Eigen::Map<Eigen::MatrixXd>(x.data(), 4, 3);
    const VectorXd sigma = X.jacobiSvd().singularValues();
    CHECK(NuclearNorm{.weight = 2}.value(X) == Approx(2 * sigma.sum()));
    CHECK(SpectralNorm{.weight = 2}.value(X) == Approx(2 * sigma[0]));
    Eigen::MatrixXd low = X;
    NuclearNorm{}.prox(low, (sigma[1] + sigma[2]) / 2);
    CHECK(low.jacobiSvd().singularValues()[2] <= 1e-14);
    CHECK(low.jacobiSvd().singularValues()[1] == Approx((sigma[1] - sigma[2]) / 2));
    const Eigen::MatrixXd S = X.transpose() * X;
    Eigen::MatrixXd P = S, N = -S;
    PositiveSemidefinite{}.project(P);
    PositiveSemidefinite{}.project(N);
    CHECK(P == (S + S.transpose()) / 2);
    CHECK(N.cwiseAbs().maxCoeff() <= 1e-15 * S.norm());
    // Moreau's: what is cut away is the projection of -X on the same cone.
    Eigen::MatrixXd up = X.topRows(3) + X.topRows(3).transpose(), down = -up;
    const Eigen::MatrixXd whole = up;
    PositiveSemidefinite{}.project(up);
    PositiveSemidefinite{}.project(down);
    CHECK((up - down - whole).norm() <= 1e-14 * whole.norm());
    CHECK(up == up.transpose());
  }
  for (int k = 0; k < 10; ++k) {  // the second-order cone is its own dual
    const VectorXd x = random.normal(6);
    CHECK(largest(on(SecondOrderCone{}, x) - on(SecondOrderCone{}, -x) - x) <= 1e-15 * (1 + largest(x)));
  }
}

TEST_CASE("logarithms: Lambert's function of exponentials of any size") {
  for (double a = -60; a < 60; a += 0.37) {
    const double w = lambert_of_exp(a);
    INFO(a);
    CHECK(std::abs(w + std::log(w) - a) <= 4e-16 * (1 + std::abs(a)) + 1e-16);
  }
  CHECK(lambert_of_exp(1) == 1);
  CHECK(lambert_of_exp(-745) == Approx(std::exp(-745.0)));
  CHECK(lambert_of_exp(-infinity) == 0);
  CHECK(lambert_of_exp(infinity) == infinity);
  CHECK(lambert_of_exp(1e300) == Approx(1e300));
  CHECK(std::isnan(lambert_of_exp(not_a_number)));
}

TEST_CASE("values: at points where they are known") {
  const VectorXd x = six(1, -2, 0, 0.5, 4, -3);
  CHECK(L1{.weight = 2}.value(x) == 21);
  CHECK(ElasticNet{.l1 = 2, .l2 = 4}.value(x) == 21 + 2 * 30.25);
  CHECK(L0{.weight = 3}.value(x) == 15);
  CHECK(Huber{.delta = 2, .weight = 3}.value(x) == 3 * (0.25 + 1 + 0 + 0.0625 + 3 + 2));
  CHECK(GroupNorm{.weight = 2, .sizes = {2, 2, 2}}.value(x) == Approx(2 * (std::sqrt(5.0) + 0.5 + 5)));
  CHECK(GroupNorm{}.value(1e200 * x) == Approx(1e200 * x.norm()));
  CHECK(SparseGroupNorm{.l1 = 1, .l2 = 2, .sizes = {6}}.value(x) == Approx(10.5 + 2 * x.norm()));
  CHECK(LInfinity{.weight = 2}.value(-x) == 8);
  CHECK(Max{.weight = 2}.value(x) == 8);
  CHECK(Max{.weight = 2}.value(-x) == 6);
  CHECK(TotalVariation1d{.weight = 2}.value(x) == 2 * (3 + 2 + 0.5 + 3.5 + 7));
  CHECK(LogBarrier{.weight = 2}.value(Eigen::Vector2d(1, std::exp(1.0))) == -2);
  CHECK(LogBarrier{}.value(x) == infinity);
  CHECK(XLogX{.weight = 2}.value(Eigen::Vector3d(1, 0, std::exp(1.0))) == Approx(2 * std::exp(1.0)));
  CHECK(XLogX{}.value(x) == infinity);
  CHECK(Exponential{.weight = 2}.value(Eigen::Vector2d(0, 1)) == Approx(2 + 2 * std::exp(1.0)));
}
