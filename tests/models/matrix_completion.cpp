// Matrices from some of their entries: against numpy, the digits of the claim, identities, and what is wrong.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/golden_rows.hpp"
#include "support/message_of.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/models/matrix_completion.hpp>
#include <glissade/models/soft_impute.hpp>

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

MatrixXd times(const MatrixXd& A, const MatrixXd& B) {
  MatrixXd out(A.rows(), B.cols());
  product(A, B, out);
  return out;
}

struct Problem {
  MatrixXd M;
  std::vector<MatrixEntry> entries;
};

/// Singular values linspace(1, 2, k) sqrt(m n), the problem of generate_matrix_completion.py.
Problem problem(Index m, Index n, Index k, double share, std::uint64_t seed) {
  const RandomKey key{seed};
  const VectorXd sigma = VectorXd::LinSpaced(k, 1, 2) * std::sqrt(static_cast<double>(m * n));
  const MatrixXd U = random_orthonormal<double>(m, k, key.derive(1)) * sigma.asDiagonal();
  Problem made{times(U, random_orthonormal<double>(n, k, key.derive(2)).transpose().eval()), {}};
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i < m; ++i)
      if (key.derive(3).uniform(static_cast<std::uint64_t>(i + m * j)) < share)
        made.entries.push_back({i, j, made.M(i, j)});
  return made;
}

MatrixXd answer(const MatrixCompleter& completer) {
  return times(completer.left(), completer.right().transpose().eval());
}
double error(const MatrixCompleter& completer, const MatrixXd& M) { return (answer(completer) - M).norm() / M.norm(); }

std::vector<std::vector<double>> golden(const std::string& name) {
  return golden_rows("models/matrix_completion.csv", name);
}

}  // namespace

TEST_CASE("MatrixCompletion: errors of numpy, and the digits of the claim") {
  const Problem made = problem(200, 150, 5, 0.3, 0);
  // Of another draw, at sweeps 1, 5, ..., 25.
  const std::array<std::array<double, 7>, 3> claimed{{{1.4e-1, 1.3e-3, 2.0e-5, 3.5e-7, 6.3e-9, 1.2e-10, 2.4e-12},
                                                      {3.0e-1, 7.3e-3, 4.0e-4, 2.9e-5, 2.7e-6, 2.6e-7, 2.7e-8},
                                                      {1.6e-1, 1.3e-3, 1.7e-5, 2.4e-7, 3.6e-9, 5.4e-11, 8.6e-13}}};
  const auto rows = golden("alternating");
  REQUIRE(rows.size() == 4 * 7);
  std::array<double, 7> exact{};
  for (std::size_t variant = 0; variant < 4; ++variant) {
    const auto inner = static_cast<std::int64_t>(rows[7 * variant][0]);
    MatrixCompleter completer({.rank = 5, .inner_iterations = inner, .tolerance = 0, .start_iterations = 200}, 200, 150,
                              made.entries);
    for (std::size_t k = 0; k < 7; ++k) {
      const auto& row = rows[7 * variant + k];
      while (completer.iterations() < static_cast<std::int64_t>(row[1])) REQUIRE(completer.step() == Status::running);
      const double reached = error(completer, made.M);
      INFO("inner " << inner << " sweep " << row[1]);
      CHECK(reached == Approx(row[2]).epsilon(1e-6).margin(1e-15));
      if (variant == 0) exact[k] = reached;
      if (variant == 2) CHECK(reached <= 5 * exact[k]);
      if (variant < 3) {
        CHECK(reached <= 4.1 * claimed[variant][k]);
        CHECK(reached >= claimed[variant][k] / 4.1);
      } else {
        CHECK(reached == Approx(exact[k]).epsilon(0.02));
      }
    }
    if (inner == 2) CHECK(std::pow(error(completer, made.M) / exact[1], 1.0 / 20) == Approx(0.35).epsilon(0.1));
    // c products with a matrix and its transpose, and two for where it starts; both ways.
    const auto each = inner == 0 ? 0 : 2 * (2 * inner + 1);
    CHECK(completer.products() == 25 * each * static_cast<std::int64_t>(made.entries.size()));
  }
}

TEST_CASE("MatrixCompletion: how many entries are enough") {
  const auto reached = [](double share, std::int64_t inner_iterations, std::int64_t sweeps) {
    const Problem made = problem(200, 150, 5, share, 0);
    const MatrixCompletion options{
        .rank = 5, .max_iterations = sweeps, .inner_iterations = inner_iterations, .tolerance = 1e-15};
    MatrixCompleter completer(options, 200, 150, made.entries);
    completer.run();
    return error(completer, made.M);
  };
  CHECK(reached(0.1, 0, 40) > 0.1);    // 1.7 entries for each degree of freedom
  CHECK(reached(0.1, 2, 60) <= 1e-3);  // rough solves move with care
  CHECK(reached(0.2, 2, 40) <= 1e-9);
  CHECK(reached(0.3, 2, 60) <= 1e-14);
}

TEST_CASE("MatrixCompletion: identities") {
  const Problem full = problem(30, 20, 3, 1, 1);
  const MatrixXd span = times(full.M, random_normal<double>(20, 3, RandomKey{5}));
  MatrixCompleter at_once({.rank = 3, .inner_iterations = 0}, 30, 20, full.entries, span);
  CHECK(at_once.step() == Status::tolerance);
  CHECK(error(at_once, full.M) <= 1e-14);

  const Problem made = problem(40, 30, 3, 0.5, 2);
  const MatrixXd U = random_normal<double>(40, 3, RandomKey{6}), turn = random_normal<double>(3, 3, RandomKey{7});
  const MatrixCompletion exact{.rank = 3, .inner_iterations = 0, .tolerance = 0};
  MatrixCompletion rough = exact;
  rough.inner_iterations = 6;
  MatrixCompleter a(exact, 40, 30, made.entries, U), b(exact, 40, 30, made.entries, times(U, turn)),
      c(rough, 40, 30, made.entries, U);
  double last = 1;
  for (int sweep = 0; sweep < 8; ++sweep) {
    for (MatrixCompleter* each : {&a, &b, &c}) REQUIRE(each->step() == Status::running);
    CHECK((answer(a) - answer(b)).norm() <= 1e-11 * made.M.norm());  // the span is all that matters
    CHECK((answer(a) - answer(c)).norm() <= 1e-9 * made.M.norm());   // k steps are exact
    CHECK(a.relative_residual() <= last);
    last = a.relative_residual();
    double squares = 0, all = 0;
    for (const MatrixEntry& e : made.entries) {
      squares += std::pow(e.value - a(e.row, e.col), 2);
      all += e.value * e.value;
    }
    CHECK(last == Approx(std::sqrt(squares / all)).epsilon(1e-10));
  }
  const MatrixXd V = a.right();
  CHECK((times(V.transpose().eval(), V) - MatrixXd::Identity(3, 3)).norm() <= 1e-13);

  // Rows and columns in another order, entries too; a power of two as unit.
  std::vector<MatrixEntry> moved;
  for (const MatrixEntry& e : made.entries)
    moved.push_back({(e.row * 7 + 3) % 40, (e.col * 11 + 1) % 30, std::ldexp(e.value, 900)});
  std::reverse(moved.begin(), moved.end());
  MatrixXd U_moved(40, 3);
  for (Index i = 0; i < 40; ++i) U_moved.row((i * 7 + 3) % 40) = U.row(i);
  MatrixCompletion two = exact;
  two.inner_iterations = 2;
  MatrixCompleter plain(two, 40, 30, made.entries, U), other(two, 40, 30, moved, U_moved);
  for (int sweep = 0; sweep < 5; ++sweep) {
    plain.step();
    other.step();
  }
  for (Index i = 0; i < 40; ++i)
    for (Index j = 0; j < 30; ++j)
      CHECK(std::ldexp(other((i * 7 + 3) % 40, (j * 11 + 1) % 30), -900) ==
            Approx(plain(i, j)).epsilon(1e-9).margin(1e-10));
}

TEST_CASE("MatrixCompletion: rows with few entries or none, a rank that is too large, zeros") {
  const Problem made = problem(40, 30, 2, 0.6, 3);
  std::vector<MatrixEntry> few;
  for (const MatrixEntry& e : made.entries)
    if (e.row != 4 && e.col != 9 && (e.row != 6 || e.col < 2)) few.push_back(e);
  few.push_back({6, 28, made.M(6, 28)});
  for (const std::int64_t inner : {0, 2, 20}) {
    for (const std::int64_t rank : {2, 5, 30}) {
      INFO(inner << " " << rank);
      MatrixCompleter completer({.rank = rank, .max_iterations = 30, .inner_iterations = inner}, 40, 30, few);
      const Status status = completer.run();
      CHECK((status == Status::tolerance || status == Status::max_iterations));
      CHECK(answer(completer).allFinite());
      CHECK(answer(completer).row(4).norm() == 0);
      CHECK(answer(completer).col(9).norm() <= 1e-13 * made.M.norm());
      CHECK(answer(completer).norm() <= 3 * made.M.norm());
      if (rank == 2) CHECK(completer.short_columns() == 1);
      if (rank == 5) CHECK(completer.short_rows() == 2);
      if (rank == 2) CHECK(completer(0, 0) == Approx(made.M(0, 0)).epsilon(1e-6));
    }
  }
  const std::vector<MatrixEntry> zeros{{0, 0, 0.0}, {2, 1, 0.0}};
  MatrixCompleter nothing({.rank = 2}, 3, 4, zeros);
  CHECK(nothing.run() == Status::tolerance);
  CHECK(answer(nothing).norm() == 0);
}

TEST_CASE("MatrixCompletion: goes on from a file bit for bit") {
  const Problem made = problem(40, 30, 3, 0.5, 4);
  const auto path = std::filesystem::temp_directory_path() / "glissade_matrix_completion.safetensors";
  MatrixCompleter whole({.rank = 3}, 40, 30, made.entries);
  for (int k = 0; k < 3; ++k) whole.step();
  save(whole, path);
  MatrixCompleter loaded({.rank = 3, .seed = 7}, 40, 30, made.entries);
  load(loaded, path);
  std::filesystem::remove(path);
  CHECK(loaded.relative_residual() == whole.relative_residual());
  for (int k = 0; k < 3; ++k) {
    whole.step();
    loaded.step();
  }
  CHECK(loaded.left() == whole.left());
  CHECK(loaded.right() == whole.right());
  CHECK(loaded.relative_residual() == whole.relative_residual());
  CHECK(loaded.iterations() == 6);
  CHECK(loaded.products() == whole.products());
}

TEST_CASE("SoftImpute: against numpy, and what makes a minimum") {
  const Problem made = problem(20, 15, 2, 0.6, 1);
  const auto rows = golden("soft");
  REQUIRE(rows.size() == 6);
  for (const auto& row : rows) {
    const SoftImputeFit fit = soft_impute(
        20, 15, made.entries, {.lambda = row[0], .max_iterations = static_cast<std::int64_t>(row[1]), .tolerance = 0});
    CHECK(fit.Z.norm() == Approx(row[2]).epsilon(1e-10));
    CHECK(fit.Z(0, 0) == Approx(row[3]).epsilon(1e-8));
    CHECK(fit.Z(7, 3) == Approx(row[4]).epsilon(1e-8));
    CHECK(fit.rank == static_cast<Index>(row[5]));
    CHECK(fit.status == Status::max_iterations);
  }
  // The residual R is a subgradient: lambda U V' and what is orthogonal to it, not longer than lambda.
  const SoftImputeFit fit =
      soft_impute(20, 15, made.entries, {.lambda = 4, .max_iterations = 5000, .tolerance = 1e-13});
  CHECK(fit.status == Status::tolerance);
  MatrixXd R = MatrixXd::Zero(20, 15);
  for (const MatrixEntry& e : made.entries) R(e.row, e.col) = e.value - fit.Z(e.row, e.col);
  CHECK(R.norm() == Approx(fit.residual_norm));
  CHECK(thin_svd(R).sigma[0] == Approx(4).epsilon(1e-8));
  CHECK(R.cwiseProduct(fit.Z).sum() == Approx(4 * fit.nuclear_norm).epsilon(1e-8));
  CHECK(fit.nuclear_norm == Approx(thin_svd(fit.Z).sigma.sum()));

  const SoftImputeFit warm = soft_impute(20, 15, made.entries, {.lambda = 4}, fit.Z);
  CHECK(warm.iterations == 1);
  CHECK((warm.Z - fit.Z).norm() <= 1e-11 * fit.Z.norm());
  std::vector<MatrixEntry> large = made.entries;
  for (MatrixEntry& e : large) e.value = std::ldexp(e.value, 800);
  const SoftImputeFit scaled = soft_impute(20, 15, large, {.lambda = std::ldexp(4.0, 800), .max_iterations = 9});
  const SoftImputeFit unit = soft_impute(20, 15, made.entries, {.lambda = 4, .max_iterations = 9});
  CHECK(scaled.Z == MatrixXd(times_power_of_two(unit.Z, 800)));
  CHECK(scaled.residual_norm == std::ldexp(unit.residual_norm, 800));
}

TEST_CASE("MatrixCompletion: refuses options out of range and entries that are wrong") {
  const std::vector<MatrixEntry> good{{0, 0, 1.0}, {2, 1, 2.0}, {1, 3, 3.0}};
  const auto refused = [&](const MatrixCompletion& options, Index rows, const std::vector<MatrixEntry>& entries) {
    return message_of([&] { MatrixCompleter(options, rows, 4, entries); });
  };
  const auto entry = [&](const MatrixEntry& e) { return refused({}, 3, {{0, 0, 1.0}, e}); };
  CHECK(refused({}, 3, good).empty());
  CHECK(refused({.rank = 0}, 3, good) == "MatrixCompletion: rank = 0, must be >= 1 and finite");
  CHECK(refused({.rank = 4}, 3, good) == "MatrixCompletion: rank = 4, must be in [1, 3]");
  CHECK(refused({.max_iterations = -1}, 3, good) == "MatrixCompletion: max_iterations = -1, must be >= 0 and finite");
  CHECK(refused({.inner_iterations = -1}, 3, good) ==
        "MatrixCompletion: inner_iterations = -1, must be >= 0 and finite");
  CHECK(refused({.tolerance = not_a_number}, 3, good) == "MatrixCompletion: tolerance = nan, must be >= 0 and finite");
  CHECK(refused({.incoherence = 0}, 3, good) == "MatrixCompletion: incoherence = 0, must be > 0 and finite");
  CHECK(refused({.start_iterations = -1}, 3, good) ==
        "MatrixCompletion: start_iterations = -1, must be >= 0 and finite");
  CHECK(refused({}, 0, good) == "MatrixCompletion: rows = 0, must be >= 1 and finite");
  CHECK(refused({}, 3, {}) == "MatrixCompletion: entries = 0, must be >= 1 and finite");
  CHECK(entry({3, 0, 1.0}) == "MatrixCompletion: row of entry 1 = 3, must be in [0, 3)");
  CHECK(entry({0, -1, 1.0}) == "MatrixCompletion: column of entry 1 = -1, must be in [0, 4)");
  CHECK(entry({0, 1, not_a_number}) == "MatrixCompletion: value of entry 1 = nan, must be finite");
  CHECK(entry({0, 0, 1.0}) == "MatrixCompletion: entry (0, 0) is there twice, must be once");
  const auto start = [&](const MatrixXd& U) { return message_of([&] { MatrixCompleter({}, 3, 4, good, U); }); };
  CHECK(start(MatrixXd::Ones(3, 2)) == "MatrixCompletion: U is 3 x 2, must be 3 x 1");
  CHECK(start(MatrixXd::Constant(3, 1, not_a_number)) == "MatrixCompletion: U has a coefficient that is not finite");
  const auto soft = [&](const SoftImpute& options, const MatrixXd& Z) {
    return message_of([&] { (void)soft_impute(3, 4, good, options, Z); });
  };
  CHECK(soft({.lambda = -1}, {}) == "SoftImpute: lambda = -1, must be >= 0 and finite");
  CHECK(soft({.tolerance = -1}, {}) == "SoftImpute: tolerance = -1, must be >= 0 and finite");
  CHECK(soft({.max_iterations = -1}, {}) == "SoftImpute: max_iterations = -1, must be >= 0 and finite");
  CHECK(soft({}, MatrixXd::Ones(3, 3)) == "SoftImpute: start is 3 x 3, must be 3 x 4");
  CHECK(soft({}, MatrixXd::Constant(3, 4, not_a_number)) == "SoftImpute: start has a coefficient that is not finite");
}
