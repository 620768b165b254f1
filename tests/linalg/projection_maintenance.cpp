// Projections that follow a few weights: against numpy, what a projection is, lazy ones, and what is singular or wrong.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/io/method_state.hpp>
#include <glissade/linalg/projection_maintenance.hpp>

#include <array>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

MatrixXd cosines(Index n) {
  return MatrixXd::NullaryExpr(n, n, [&](Index i, Index j) {
    const auto size = static_cast<double>(n);
    return std::sqrt(2 / size) *
           std::cos(std::acos(-1.0) * (static_cast<double>(i) + 0.5) * (static_cast<double>(j) + 0.5) / size);
  });
}
VectorXd list(std::initializer_list<double> values) {
  VectorXd v(static_cast<Index>(values.size()));
  std::copy(values.begin(), values.end(), v.data());
  return v;
}
MatrixXd times(const MatrixXd& A, const MatrixXd& B) {
  MatrixXd out(A.rows(), B.cols());
  product(A, B, out);
  return out;
}
MatrixXd gram(const MatrixXd& A, const VectorXd& w) {
  MatrixXd H(A.rows(), A.rows());
  product_with_transposed(MatrixXd(A * w.asDiagonal()), A, H);
  return H;
}

struct Problem {
  MatrixXd A, U;
  VectorXd l, h;
};
Problem problem(Index m, Index n) {
  Problem made{random_normal<double>(m, n * n, RandomKey{1}), random_orthonormal<double>(n, n, RandomKey{2}),
               VectorXd(n), random_normal<double>(n * n, 1, RandomKey{3})};
  for (Index i = 0; i < n; ++i) made.l[i] = std::exp(RandomKey{4}.normal(static_cast<std::uint64_t>(i)));
  return made;
}
/// B itself.
MatrixXd rows_of(const Problem& p, KroneckerForm form, const VectorXd& l) {
  const Index n = p.U.rows();
  const bool roots = form == KroneckerForm::square_roots;
  const MatrixXd W = times(MatrixXd(p.U * (roots ? VectorXd(l.cwiseSqrt()) : l).asDiagonal()), p.U.transpose().eval());
  const MatrixXd other = roots ? W : MatrixXd::Identity(n, n);
  MatrixXd K(n * n, n * n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) K.block(i * n, j * n, n, n) = W(i, j) * other;
  return times(p.A, K);
}

}  // namespace

TEST_CASE("KroneckerProjection: numpy's projections, before and after eigenvalues change") {
  // From generate_projection_maintenance.py.
  const std::array<std::array<double, 4>, 4> golden{
      {{0.22707352025843233, 0.5143827397796702, 0.82331427742531893, 1.9746618563048917},
       {0.85833057203852281, 0.51503794968786309, -0.44826806078408932, 2.1274465929489113},
       {0.14223598186277894, 0.39759571427286206, 0.6577047127760246, 1.8679521668803076},
       {0.36885332914980135, 0.16004016474931207, -0.19402238652962311, 1.7301704377885108}}};
  MatrixXd A(6, 16);
  VectorXd h(16);
  for (Index j = 0; j < 16; ++j) {
    h[j] = std::sin(static_cast<double>(j) + 1);
    for (Index i = 0; i < 6; ++i) A(i, j) = std::cos(static_cast<double>((i + 1) * (j + 2)));
  }
  for (std::size_t k = 0; k < 4; ++k) {
    const auto form = k < 2 ? KroneckerForm::square_roots : KroneckerForm::left;
    for (const double ratio : {1.0, 100.0}) {
      KroneckerProjection projection({.refactor_ratio = ratio}, form, A, cosines(4), list({1, 2, 0.5, 3}));
      if (k % 2 == 1)
        CHECK(projection.update(list({1, 5, 0.5, 0})) ==
              (ratio > 1 ? MaintenanceStep::low_rank : MaintenanceStep::factorized));
      const VectorXd p = projection.project(h);
      CHECK(p[0] == Approx(golden[k][0]).epsilon(1e-11));
      CHECK(p[7] == Approx(golden[k][1]).epsilon(1e-11));
      CHECK(p[14] == Approx(golden[k][2]).epsilon(1e-11));
      CHECK(p.norm() == Approx(golden[k][3]).epsilon(1e-11));
    }
  }
}

TEST_CASE("KroneckerProjection: what a projection is, how many weights an eigenvalue changes") {
  const Problem p = problem(20, 12);
  const VectorXd g = random_normal<double>(144, 1, RandomKey{5});
  for (const auto form : {KroneckerForm::square_roots, KroneckerForm::left}) {
    KroneckerProjection projection({.refactor_ratio = 100}, form, p.A, p.U, p.l);
    VectorXd l = p.l;
    const VectorXd before = projection.inverse().weights();
    l[3] *= 2;
    l[8] *= 0.3;
    REQUIRE(projection.update(l) == MaintenanceStep::low_rank);
    CHECK((projection.inverse().weights().array() != before.array()).count() ==
          (form == KroneckerForm::square_roots ? 2 * 12 * 2 - 4 : 24));
    const VectorXd Ph = projection.project(p.h), Pg = projection.project(g);
    CHECK((projection.project(Ph) - Ph).norm() <= 1e-12 * p.h.norm());
    CHECK(p.h.dot(Pg) == Approx(Ph.dot(g)).epsilon(1e-12));
    CHECK(Ph.norm() <= p.h.norm());
    const MatrixXd B = rows_of(p, form, l);
    CHECK(times(B, p.h - Ph).norm() <= 1e-12 * B.norm() * p.h.norm());
    CHECK(Ph.norm() >= 0.1 * p.h.norm());

    // Woodbury's inverse is the one from scratch, also to the next change and back.
    const KroneckerProjection scratch({}, form, p.A, p.U, l);
    CHECK((projection.inverse().inverse() - scratch.inverse().inverse()).norm() <=
          1e-12 * scratch.inverse().inverse().norm());
    CHECK(projection.inverse().inverse() == MatrixXd(projection.inverse().inverse().transpose()));
    CHECK(projection.update(l) == MaintenanceStep::unchanged);
    CHECK(projection.update(7 * l) == MaintenanceStep::low_rank);  // all of them: the projection is the same
    CHECK((projection.project(p.h) - Ph).norm() <= 1e-12 * p.h.norm());
  }
  const Problem square = problem(9, 3);  // B is invertible
  const KroneckerProjection all({}, KroneckerForm::square_roots, square.A, square.U, square.l);
  CHECK((all.project(square.h) - square.h).norm() <= 1e-10 * square.h.norm());
}

TEST_CASE("KroneckerProjection: the lazier, the fewer updates and the larger the error") {
  const Problem p = problem(60, 30);
  const std::array<double, 5> lazy{0, 0.05, 0.1, 0.2, 0.4};
  const std::array<double, 5> claimed_error{1e-12, 5.3e-3, 1.5e-2, 2.4e-2, 4.8e-2};  // of other draws
  const std::array<int, 5> claimed_updates{60, 57, 42, 27, 3};
  std::vector<KroneckerProjection> lists;
  // Updates are left to Woodbury's formula, so that there is one for each.
  for (const double e : lazy)
    lists.push_back({{.refactor_ratio = 100, .lazy = e}, KroneckerForm::square_roots, p.A, p.U, p.l});
  std::array<int, 5> updates{};
  std::array<double, 5> error{};
  VectorXd l = p.l;
  for (std::uint64_t step = 0; step < 60; ++step) {
    const RandomKey key = RandomKey{6}.derive(step);
    for (std::uint64_t k = 0; k < 3; ++k) l[static_cast<Index>(key.bits(k) % 30)] *= std::exp(0.1 * key.normal(10 + k));
    VectorXd exact;
    for (std::size_t k = 0; k < 5; ++k) {
      const MaintenanceStep done = lists[k].update(l);
      REQUIRE(done != MaintenanceStep::singular);
      updates[k] += done == MaintenanceStep::unchanged ? 0 : 1;
      const VectorXd found = lists[k].project(p.h);
      if (k == 0) exact = found;
      error[k] = std::max(error[k], (found - exact).norm() / p.h.norm());
    }
  }
  const KroneckerProjection scratch({}, KroneckerForm::square_roots, p.A, p.U, l);
  error[0] = (lists[0].project(p.h) - scratch.project(p.h)).norm() / p.h.norm();
  for (std::size_t k = 0; k < 5; ++k) {
    INFO("lazy " << lazy[k] << " error " << error[k] << " updates " << updates[k]);
    CHECK(error[k] <= 2 * claimed_error[k]);
    CHECK(std::abs(updates[k] - claimed_updates[k]) <= 8);
    if (k > 0) CHECK(error[k] > error[k - 1]);
    if (k > 0) CHECK(updates[k] <= updates[k - 1]);
  }
}

TEST_CASE("MaintainedInverse: any weights, small changes, drift over many updates") {
  const MatrixXd A = random_normal<double>(10, 40, RandomKey{7});
  VectorXd w = VectorXd::Ones(40);
  MaintainedInverse maintained({.refresh_every = 1'000'000}, A, w);
  for (std::uint64_t step = 0; step < 2000; ++step) {
    const RandomKey key = RandomKey{8}.derive(step);
    const auto j = static_cast<Index>(key.bits(0) % 40);
    w[j] = step % 3 == 0 ? w[j] * (1 + 1e-12) : step % 7 == 1 ? 0.0 : std::exp(key.normal(1));
    REQUIRE(maintained.update(w) != MaintenanceStep::singular);
  }
  const MatrixXd H = gram(A, w);
  CHECK((times(H, maintained.inverse()) - MatrixXd::Identity(10, 10)).norm() <= 1e-10);
  CHECK(maintained.weights() == w);

  MaintainedInverse refreshed({.refresh_every = 3}, A, w);
  int factorized = 0;
  for (int step = 0; step < 12; ++step) {
    w[step] += 1;
    factorized += refreshed.update(w) == MaintenanceStep::factorized ? 1 : 0;
  }
  CHECK(factorized == 3);
}

TEST_CASE("MaintainedInverse: a rank that is lost is found out, and nothing changes") {
  MatrixXd A(3, 4);
  A << 1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1;
  const VectorXd w = VectorXd::Ones(4);
  for (const double ratio : {0.0, 100.0}) {
    MaintainedInverse maintained({.refactor_ratio = ratio}, A, w);
    const MatrixXd before = maintained.inverse();
    CHECK(maintained.update(list({1, 0, 0, 1})) == MaintenanceStep::singular);
    CHECK(maintained.inverse() == before);
    CHECK(maintained.weights() == w);
    CHECK(maintained.update(list({1, 0, 1, 1})) != MaintenanceStep::singular);  // the last column is enough
    const MatrixXd H = gram(A, list({1, 0, 1, 1}));
    CHECK((times(H, maintained.inverse()) - MatrixXd::Identity(3, 3)).norm() <= 1e-13);
  }
  const Problem p = problem(10, 4);
  KroneckerProjection projection({}, KroneckerForm::square_roots, p.A, p.U, p.l);
  const VectorXd before = projection.project(p.h);
  CHECK(projection.update(list({1, 1, 0, 0})) == MaintenanceStep::singular);  // 4 columns are left for 10 rows
  CHECK(projection.project(p.h) == before);
  CHECK(projection.eigenvalues() == p.l);
  CHECK_FALSE(std::string(to_string(MaintenanceStep::singular)).empty());
}

TEST_CASE("KroneckerProjection: goes on from a file bit for bit") {
  const Problem p = problem(14, 5);
  const auto path = std::filesystem::temp_directory_path() / "glissade_projection.safetensors";
  const ProjectionMaintenance options{.refresh_every = 4, .lazy = 0.01};
  KroneckerProjection whole(options, KroneckerForm::left, p.A, p.U, p.l), loaded = whole;
  VectorXd l = p.l;
  const auto advance = [&](KroneckerProjection& projection, int from, int to) {
    for (int step = from; step < to; ++step) {
      l = p.l;
      l[step % 5] *= 1 + 0.1 * step;
      REQUIRE(projection.update(l) != MaintenanceStep::singular);
    }
  };
  advance(whole, 0, 6);
  save(whole, path);
  load(loaded, path);
  std::filesystem::remove(path);
  advance(whole, 6, 20);
  advance(loaded, 6, 20);
  CHECK(loaded.inverse().inverse() == whole.inverse().inverse());
  CHECK(loaded.eigenvalues() == whole.eigenvalues());
  CHECK(loaded.project(p.h) == whole.project(p.h));
}

TEST_CASE("KroneckerProjection: refuses options out of range and what does not fit, and is then what it was") {
  const Problem p = problem(6, 3);
  const auto refused = [&](const ProjectionMaintenance& options, const MatrixXd& A, const MatrixXd& U,
                           const VectorXd& l) {
    return message_of([&] { KroneckerProjection(options, KroneckerForm::left, A, U, l); });
  };
  CHECK(refused({.refactor_ratio = -1}, p.A, p.U, p.l) ==
        "ProjectionMaintenance: refactor_ratio = -1, must be >= 0 and finite");
  CHECK(refused({.refresh_every = 0}, p.A, p.U, p.l) ==
        "ProjectionMaintenance: refresh_every = 0, must be >= 1 and finite");
  CHECK(refused({.lazy = not_a_number}, p.A, p.U, p.l) == "ProjectionMaintenance: lazy = nan, must be >= 0 and finite");
  CHECK(refused({}, p.A.leftCols(8), p.U, p.l) == "KroneckerProjection: A is 6 x 8, must be 6 x 9");
  CHECK(refused({}, p.A, p.U.leftCols(2), p.l) == "KroneckerProjection: U is 3 x 2, must be 3 x 3");
  CHECK(refused({}, p.A, 2 * p.U, p.l) == "KroneckerProjection: U is not orthonormal");
  CHECK(refused({}, p.A, MatrixXd::Constant(3, 3, not_a_number), p.l) == "KroneckerProjection: U is not orthonormal");
  CHECK(refused({}, p.A, p.U, p.l.head(2)) == "KroneckerProjection: eigenvalues is 2 x 1, must be 3 x 1");
  CHECK(refused({}, p.A, p.U, list({1, -1, 1})) == "KroneckerProjection: eigenvalues[1] = -1, must be >= 0 and finite");
  CHECK(refused({}, MatrixXd(0, 9), p.U, p.l) == "ProjectionMaintenance: rows of A = 0, must be >= 1 and finite");
  CHECK(refused({}, MatrixXd::Ones(2, 9), p.U, p.l) ==
        "ProjectionMaintenance: A diag(weights) A' is singular up to rounding errors");
  CHECK(refused({}, MatrixXd::Constant(2, 9, not_a_number), p.U, p.l) ==
        "ProjectionMaintenance: A has a coefficient that is not finite");

  KroneckerProjection projection({}, KroneckerForm::left, p.A, p.U, p.l);
  const VectorXd before = projection.project(p.h);
  CHECK(message_of([&] {
          projection.update(list({1, not_a_number, 1}));
        }) == "KroneckerProjection: eigenvalues[1] = nan, must be >= 0 and finite");
  CHECK(message_of([&] { (void)projection.project(p.h.head(8)); }) == "KroneckerProjection: h is 8 x 1, must be 9 x 1");
  CHECK(projection.project(p.h) == before);
  MaintainedInverse plain({}, MatrixXd::Identity(2, 2), VectorXd::Ones(2));
  CHECK(message_of([&] {
          plain.update(list({1, -2}));
        }) == "ProjectionMaintenance: weights[1] = -2, must be >= 0 and finite");
  CHECK(message_of([&] { plain.update(list({1})); }) == "ProjectionMaintenance: weights is 1 x 1, must be 2 x 1");
}
