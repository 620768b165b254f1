// Closed-form edits: against numpy, the identities between MEMIT, EMMET and ROME, what sequences of edits keep, the
// claims on memorization and stability, and what is refused.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/io/method_state.hpp>
#include <glissade/weights.hpp>

#include <filesystem>
#include <limits>
#include <span>
#include <vector>

#include "support.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using weights_tests::difference;
using weights_tests::matrix;
using weights_tests::normals;
using weights_tests::solved;
using weights_tests::times;
using weights_tests::transposed;

namespace {

constexpr auto memit = EditKind::memit, emmet = EditKind::emmet, rome = EditKind::rome;

MatrixXd scaled_rows(MatrixXd A, double first, double last) {
  A.array().colwise() *= VectorXd::LinSpaced(A.rows(), first, last).array();
  return A;
}

/// R (K' C^-1 K)^-1 K' C^-1
MatrixXd exact_change(const MatrixXd& C, const MatrixXd& K, const MatrixXd& R) {
  const MatrixXd CinvK = solved(C, K);
  return times(R, solved(times(transposed(K), CinvK), transposed(CinvK)));
}

/// 24 outputs, 32 inputs, 6 keys, second moments of 400 keys of sizes 0.2 to 2.
struct Memory {
  MatrixXd C = second_moments(scaled_rows(normals(32, 400, 1), 0.2, 2));
  MatrixXd W = normals(24, 32, 2), K = normals(32, 6, 3), V = normals(24, 6, 4);

  [[nodiscard]] MatrixXd residual() const { return V - times(W, K); }
  [[nodiscard]] MatrixXd edited(const EditOptions& options) const {
    MatrixXd X = W;
    WeightEditor editor(options, C);
    const EditReport report = editor.edit(X, K, V);
    REQUIRE(report.end == EditEnd::written);
    CHECK(report.residual == Approx((times(X, K) - V).norm() / residual().norm()).margin(1e-14));
    return X;
  }
  [[nodiscard]] double cost(const MatrixXd& D) const { return times(times(D, C), transposed(D)).trace(); }
};

}  // namespace

TEST_CASE("edits of weights: what numpy has") {
  const MatrixXd C = second_moments(scaled_rows(matrix(7, 20, 1), 0.2, 2));
  const auto check = [&](const std::string& name, const EditOptions& options, const MatrixXd& K, const MatrixXd& V) {
    for (const bool equilibrate : {true, false}) {
      INFO(name);
      EditOptions with = options;
      with.equilibrate = equilibrate;
      MatrixXd W = matrix(5, 7, 2);
      WeightEditor editor(with, C);
      REQUIRE(editor.edit(W, K, V).end == EditEnd::written);
      CHECK(difference(W, weights_tests::read(name, 5)) <= 1e-12);
    }
  };
  const MatrixXd K = matrix(7, 3, 3), V = matrix(5, 3, 4);
  check("memit", {.kind = memit, .lambda = 2.5}, K, V);
  check("emmet", {.kind = emmet, .relaxation = 0}, K, V);
  check("relaxed", {.kind = emmet}, K, V);
  check("rome", {.kind = rome}, K.leftCols(1), V.leftCols(1));
  check("ridge", {.kind = emmet, .relaxation = 0, .ridge = 0.3}, K, V);
  check("many", {.kind = memit, .lambda = 2.5}, matrix(7, 12, 5), matrix(5, 12, 6));
}

TEST_CASE("edits of weights: a relaxed EMMET is MEMIT, whose limit is EMMET, which is ROME for one key") {
  Memory memory;
  const auto edited = [&](EditKind kind, double lambda, double relaxation) {
    return memory.edited({.kind = kind, .lambda = lambda, .relaxation = relaxation});
  };
  CHECK(difference(edited(emmet, 1, 0.7), edited(memit, 0.7, 0)) <= 1e-12);

  const MatrixXd exact = edited(emmet, 1, 0), D = exact - memory.W;
  CHECK((times(exact, memory.K) - memory.V).norm() <= 1e-13 * memory.residual().norm());
  double last = 0;
  for (const double lambda : {1e-2, 1e-4, 1e-6}) {
    const double distance = (edited(memit, lambda, 0) - exact).norm() / D.norm();
    INFO(lambda << ": " << distance);
    if (last > 0) CHECK(distance == Approx(last / 100).epsilon(0.05));
    CHECK(distance < 0.1 * lambda);
    last = distance;
  }

  // Least cost among all exact changes, and the value of the cost.
  const MatrixXd R = memory.residual();
  const MatrixXd S = times(transposed(memory.K), solved(memory.C, memory.K));
  CHECK(memory.cost(D) == Approx(times(R, solved(S, transposed(R))).trace()).epsilon(1e-12));
  CHECK(difference(D, exact_change(memory.C, memory.K, R)) <= 1e-13);
  const MatrixXd projected = orthonormalized(memory.K);
  for (const double size : {1e-3, 1.0}) {
    MatrixXd E = size * normals(24, 32, 7);
    E -= times(times(E, projected), transposed(projected));
    CHECK(times(E, memory.K).norm() <= 1e-13 * E.norm());
    CHECK(memory.cost(D + E) > memory.cost(D));
  }
  // The gradient of MEMIT's objective is zero at its change.
  const MatrixXd soft = edited(memit, 3, 0);
  const MatrixXd gradient =
      times(soft - memory.W, 3 * memory.C) + times(times(soft, memory.K) - memory.V, transposed(memory.K));
  CHECK(gradient.norm() <= 1e-13 * times(R, transposed(memory.K)).norm());

  // The scale of C does not matter to exact changes.
  Memory scaled = memory;
  scaled.C *= 1e5;
  CHECK(difference(scaled.edited({.kind = emmet, .relaxation = 0}), exact) <= 1e-12);

  memory.K = memory.K.col(0).eval();
  memory.V = memory.V.col(0).eval();
  const MatrixXd one = memory.edited({.kind = rome});
  CHECK(difference(memory.edited({.kind = emmet, .relaxation = 0}), one) == 0);
  const MatrixXd q = solved(memory.C, memory.K);
  const MatrixXd by_hand = memory.W + times(memory.residual(), transposed(q)) / times(transposed(q), memory.K)(0, 0);
  CHECK(difference(one, by_hand) <= 1e-14);
}

TEST_CASE("edits of weights: the claim that lambda trades memory for preservation") {
  const Memory memory;
  double last = 0;
  std::vector<double> errors;
  for (const double lambda : {1.0, 10.0, 100.0, 1e4}) {
    const MatrixXd W = memory.edited({.lambda = lambda});
    errors.push_back((times(W, memory.K) - memory.V).norm() / memory.residual().norm());
    const double cost = memory.cost(W - memory.W);
    if (last > 0) CHECK(cost < last);
    last = cost;
  }
  INFO(errors[0] << ' ' << errors[1] << ' ' << errors[2] << ' ' << errors[3]);
  // In six draws in numpy .019 to .028, .15 to .20, .56 to .62, .983 to .992.
  CHECK(errors[0] == Approx(0.024).margin(0.008));
  CHECK(errors[1] == Approx(0.175).margin(0.04));
  CHECK(errors[2] == Approx(0.58).margin(0.05));
  CHECK(errors[3] == Approx(0.988).margin(0.006));
}

TEST_CASE(
    "edits of weights: edits one after another are one, and without accumulation later ones damage earlier ones") {
  const Memory memory;
  const auto one_by_one = [&](const EditOptions& options, Index width) {
    MatrixXd W = memory.W;
    WeightEditor editor(options, memory.C);
    for (Index j = 0; j < 6; j += width)
      REQUIRE(editor.edit(W, memory.K.middleCols(j, width), memory.V.middleCols(j, width)).end == EditEnd::written);
    return W;
  };
  const auto error = [&](const MatrixXd& W) {
    return (times(W, memory.K) - memory.V).norm() / memory.residual().norm();
  };
  for (const EditOptions options : {EditOptions{.lambda = 3}, EditOptions{.kind = emmet, .relaxation = 0.5},
                                    EditOptions{.kind = emmet, .relaxation = 0}}) {
    EditOptions forgetful = options;
    forgetful.accumulate_keys = false;
    const MatrixXd batch = memory.edited(options);
    for (const Index width : {1, 2, 3}) {
      CHECK(difference(one_by_one(options, width) - memory.W, batch - memory.W) <= 1e-12);
      CHECK(difference(one_by_one(forgetful, width) - memory.W, batch - memory.W) > 0.05);
    }
    CHECK(memory.edited(forgetful) == batch);
  }
  const EditOptions original{.kind = rome, .accumulate_keys = false};
  const MatrixXd damaged = one_by_one(original, 1);
  INFO("sequential ROME leaves " << error(damaged));
  CHECK(error(damaged) == Approx(0.55).margin(0.25));  // .35 to .80 in six draws in numpy
  CHECK((times(damaged, memory.K.col(5)) - memory.V.col(5)).norm() <= 1e-13 * memory.residual().norm());
  CHECK(error(one_by_one({.kind = rome}, 1)) <= 1e-12);
}

TEST_CASE("edits of weights: a linear associative memory edited 1000 times") {
  const Index n = 40;
  const MatrixXd C = second_moments(normals(n, 200, 1)), truth = normals(3, n, 2), K = normals(n, 1000, 3);
  const MatrixXd V = times(truth, K) + 0.1 * normals(3, 1000, 4), start = normals(3, n, 5);
  const auto sequence = [&](const EditOptions& options) {
    MatrixXd W = start;
    WeightEditor editor(options, C);
    for (Index j = 0; j < 1000; ++j) editor.edit(W, K.col(j), V.col(j));
    return W;
  };
  MatrixXd batch = start;
  REQUIRE(WeightEditor({.lambda = 1}, C).edit(batch, K, V).end == EditEnd::written);  // more keys than inputs
  const MatrixXd all = sequence({.lambda = 1});
  CHECK(difference(all - start, batch - start) <= 1e-11);
  CHECK(difference(all, truth) < 0.03);  // it has learned what the keys have in common
  const MatrixXd forgetful = sequence({.lambda = 1, .accumulate_keys = false});
  const MatrixXd last_only = sequence({.kind = rome, .accumulate_keys = false});
  INFO("distance to the truth, relative: " << difference(all, truth) << ", forgetful " << difference(forgetful, truth)
                                           << ", ROME " << difference(last_only, truth));
  CHECK(difference(forgetful, truth) > 3 * difference(all, truth));
  CHECK(difference(last_only, truth) > 3 * difference(all, truth));

  // As many exact facts as there are inputs: those written first are still there, and there is no room for another.
  MatrixXd W = MatrixXd::Zero(2, 64);
  const MatrixXd facts = normals(64, 64, 6), answers = normals(2, 64, 7);
  WeightEditor editor({.kind = rome}, MatrixXd::Identity(64, 64));
  for (Index j = 0; j < 64; ++j) REQUIRE(editor.edit(W, facts.col(j), answers.col(j)).end == EditEnd::written);
  CHECK(difference(times(W, facts), answers) <= 1e-10);
  const MatrixXd full = W;
  CHECK(editor.edit(W, normals(64, 1, 8), normals(2, 1, 9)).end == EditEnd::dependent_keys);
  CHECK(W == full);
}

TEST_CASE("edits of weights: the claim on stability where second moments are nearly singular") {
  const Index n = 40;
  MatrixXd samples = normals(n, 200, 1);
  for (Index i = 0; i < n; ++i) samples.row(i) *= std::pow(10.0, -5 * static_cast<double>(i) / (n - 1));
  const MatrixXd Q = orthonormalized(normals(n, n, 2));
  const MatrixXd diagonal = second_moments(samples), C = times(times(Q, diagonal), transposed(Q));
  const MatrixXd symmetric = (C + transposed(C)) / 2, R = normals(5, 4, 3), K = normals(n, 4, 4);
  const auto relative_error = [&](const MatrixXd& moments, const MatrixXd& keys, bool equilibrate) {
    MatrixXd D = MatrixXd::Zero(5, n);
    REQUIRE(WeightEditor({.kind = emmet, .relaxation = 0, .equilibrate = equilibrate}, moments).add(D, keys, R).end ==
            EditEnd::written);
    return difference(D, exact_change(moments, keys, R));
  };
  const double plain = relative_error(symmetric, K, false), scaled = relative_error(symmetric, K, true);
  INFO("plain " << plain << ", equilibrated " << scaled);
  CHECK(plain <= 1e-6);
  CHECK(scaled <= 1e-6);
  // Where only units of measurement differ, equilibration gives all digits.
  CHECK(relative_error(diagonal, scaled_rows(K, 1, 1e-5), true) <= 1e-12);
  VectorXd units(n);
  for (Index i = 0; i < n; ++i) units[i] = std::pow(10.0, -static_cast<double>(i) / 4);
  const MatrixXd graded = units.asDiagonal() * second_moments(normals(n, 200, 5)) * units.asDiagonal();
  CHECK(relative_error(graded, MatrixXd(units.asDiagonal() * K), true) <= 1e-12);
  CHECK(message_of([&] { WeightEditor({.equilibrate = false}, graded); }).find("singular up to rounding") !=
        std::string::npos);
  CHECK(message_of([&] { WeightEditor({}, graded); }).empty());
}

TEST_CASE("edits of weights: float weights, storage orders, an editor that goes on from a file") {
  const Memory memory;
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> W = memory.W.cast<float>();
  WeightEditor editor({.kind = emmet, .relaxation = 0}, memory.C);
  const EditReport report = editor.edit(W, memory.K, memory.V);
  CHECK(report.residual < 1e-6);
  CHECK(report.residual > 1e-9);
  CHECK(difference(W.cast<double>(), memory.edited({.kind = emmet, .relaxation = 0})) <= 1e-6);

  for (const EditOptions options : {EditOptions{.lambda = 3}, EditOptions{.kind = emmet, .relaxation = 0}}) {
    const auto path = std::filesystem::temp_directory_path() / "glissade_weight_editor.safetensors";
    MatrixXd X = memory.W, Y;
    WeightEditor first(options, memory.C);
    first.edit(X, memory.K.leftCols(2), memory.V.leftCols(2));
    save(first, path);
    WeightEditor second(options, MatrixXd::Identity(32, 32));
    load(second, path);
    std::filesystem::remove(path);
    Y = X;
    first.edit(X, memory.K.rightCols(4), memory.V.rightCols(4));
    second.edit(Y, memory.K.rightCols(4), memory.V.rightCols(4));
    CHECK(X == Y);
    CHECK(difference(X, memory.edited(options)) <= 1e-12);
  }
}

TEST_CASE("edits of weights: spread over layers, nothing is missing at the end, and a failure leaves all as it was") {
  // Three layers add to one stream, and the last looks at it.
  const MatrixXd h = normals(12, 2, 1), wanted = normals(12, 2, 2);
  std::vector<MatrixXd> weights;
  std::vector<WeightEditor> editors;
  for (std::uint64_t i = 0; i < 3; ++i) {
    weights.push_back(0.1 * normals(12, 12, 3 + i));
    editors.emplace_back(EditOptions{.kind = emmet, .relaxation = 0}, second_moments(normals(12, 100, 6 + i)));
  }
  const auto stream = [&](std::size_t end) {
    MatrixXd x = h;
    for (std::size_t i = 0; i < end; ++i) x += times(weights[i], MatrixXd(x.array().tanh()));
    return x;
  };
  const auto keys = [&](std::size_t i) -> MatrixXd { return stream(i).array().tanh(); };
  const auto residual = [&]() -> MatrixXd { return wanted - stream(3); };
  const auto before = weights;
  const double missing = residual().norm();
  CHECK(spread_edit(std::span(editors), std::span(weights), keys, residual) == EditEnd::written);
  CHECK(residual().norm() <= 1e-13 * missing);
  for (std::size_t i = 0; i < 3; ++i) CHECK((weights[i] - before[i]).norm() > 0.1);

  const auto edited = weights;
  const auto twice = [&](std::size_t i) -> MatrixXd { return i == 2 ? MatrixXd(MatrixXd::Ones(12, 2)) : keys(i); };
  std::vector<WeightEditor> fresh = editors;
  for (WeightEditor& editor : fresh)
    editor = WeightEditor({.kind = emmet, .relaxation = 0}, MatrixXd::Identity(12, 12));
  CHECK(spread_edit(std::span(fresh), std::span(weights), twice, residual) == EditEnd::dependent_keys);
  CHECK(weights == edited);
  const auto throws = [&](std::size_t i) -> MatrixXd { return i == 1 ? throw std::runtime_error("no") : keys(i); };
  CHECK_THROWS_AS(spread_edit(std::span(fresh), std::span(weights), throws, residual), std::runtime_error);
  CHECK(weights == edited);
  CHECK(spread_edit(std::span(fresh), std::span(weights), keys, [&] { return MatrixXd(normals(12, 2, 9)); }) ==
        EditEnd::written);  // nothing of what failed is remembered
  CHECK_THROWS_AS(spread_edit(std::span(fresh).first(1), std::span(weights), keys, residual), std::invalid_argument);
}

TEST_CASE("edits of weights: what is refused, with nothing changed") {
  const Memory memory;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto made = [&](const EditOptions& options, const MatrixXd& C) {
    return message_of([&] { WeightEditor(options, C); });
  };
  CHECK(made({.kind = static_cast<EditKind>(3)}, memory.C) == "WeightEditor: kind = 3, must be in [0, 2]");
  CHECK(made({.lambda = 0}, memory.C) == "WeightEditor: lambda = 0, must be > 0 and finite");
  CHECK(made({.relaxation = -1}, memory.C) == "WeightEditor: relaxation = -1, must be >= 0 and finite");
  CHECK(made({.ridge = nan}, memory.C) == "WeightEditor: ridge = nan, must be >= 0 and finite");
  CHECK(made({.rank_cut = 1}, memory.C) == "WeightEditor: rank_cut = 1, must be in [0, 1)");
  CHECK(made({}, MatrixXd(3, 2)) == "WeightEditor: the second moments are 3 x 2, must be square and not empty");
  CHECK(made({}, MatrixXd(0, 0)) == "WeightEditor: the second moments are 0 x 0, must be square and not empty");
  MatrixXd C = memory.C;
  C(3, 1) += 0.1;
  CHECK(made({}, C) == "WeightEditor: the second moments are not symmetric");
  C(3, 1) = nan;
  CHECK(made({}, C) == "WeightEditor: second moments that are infinite or NaN");
  const MatrixXd few = second_moments(normals(32, 31, 1));
  const std::string singular = "WeightEditor: the second moments are not positive definite, or singular up to rounding";
  for (const bool equilibrate : {true, false}) {
    CHECK(made({.equilibrate = equilibrate}, few).find(singular) == 0);
    CHECK(made({.equilibrate = equilibrate}, MatrixXd::Zero(4, 4)).find(singular) == 0);
    CHECK(made({.equilibrate = equilibrate}, -memory.C).find(singular) == 0);
    CHECK(made({.ridge = 0.01, .equilibrate = equilibrate}, few).empty());
  }
  CHECK(message_of([] { (void)second_moments(MatrixXd(4, 0)); }) == "second_moments: there are no keys");
  CHECK(message_of([&] { (void)second_moments(MatrixXd::Constant(4, 2, nan)); }) ==
        "second_moments: keys that are infinite or NaN");

  MatrixXd W = memory.W;
  WeightEditor editor({.kind = emmet, .relaxation = 0}, memory.C);
  const auto refused = [&](const MatrixXd& K, const MatrixXd& V) { return message_of([&] { editor.edit(W, K, V); }); };
  CHECK(refused(MatrixXd(32, 0), MatrixXd(24, 0)) == "WeightEditor: there are no keys or no outputs");
  CHECK(refused(memory.K.topRows(31), memory.V) == "WeightEditor: K is 31 x 6, must be 32 x 6");
  CHECK(refused(memory.K, memory.V.leftCols(5)) == "WeightEditor: V is 24 x 5, must be 24 x 6");
  const std::string bad = "WeightEditor: weights, keys or values that are infinite or NaN";
  CHECK(refused(MatrixXd::Constant(32, 6, nan), memory.V) == bad);
  CHECK(refused(memory.K, MatrixXd::Constant(24, 6, nan)) == bad);
  MatrixXd wrong = memory.W;
  wrong(2, 2) = nan;
  CHECK(message_of([&] { editor.edit(wrong, memory.K, memory.V); }) == bad);
  MatrixXd narrow = MatrixXd::Zero(24, 31);
  CHECK(message_of([&] { editor.edit(narrow, memory.K, memory.V); }) == "WeightEditor: W is 24 x 31, must be 24 x 32");
  CHECK(message_of([&] { WeightEditor({.kind = rome}, memory.C).edit(W, memory.K, memory.V); }) ==
        "WeightEditor: rome with 6 keys, must be one; emmet writes batches");

  MatrixXd K = memory.K;
  K.col(4) = 2 * K.col(1) - K.col(0);
  CHECK(editor.edit(W, K, memory.V).end == EditEnd::dependent_keys);
  K.col(4).setZero();
  CHECK(editor.edit(W, K, memory.V).end == EditEnd::dependent_keys);
  CHECK(editor.edit(W, 1e-300 * memory.K, 1e300 * memory.V).end == EditEnd::non_finite);
  CHECK(W == memory.W);
  CHECK(WeightEditor({.kind = emmet}, memory.C).edit(wrong = W, K, memory.V).end == EditEnd::written);
  // What was refused is not remembered.
  REQUIRE(editor.edit(W, memory.K, memory.V).end == EditEnd::written);
  CHECK(W == memory.edited({.kind = emmet, .relaxation = 0}));
  for (const EditEnd end : {EditEnd::written, EditEnd::dependent_keys, EditEnd::non_finite})
    CHECK(to_string(end) != "Unknown end.");
}
