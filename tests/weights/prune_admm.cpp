// Pruning by ADMM: against numpy and against least squares on the support, the claims on sparsities, what the result
// does not depend on, and what is refused.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/message_of.hpp"
#include <glissade/weights/merge_sparse.hpp>
#include <glissade/weights/prune_admm.hpp>

#include <cmath>
#include <limits>
#include <string>
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

constexpr AdmmUpdate undamped{.damping = 0};

/// 48 outputs, 64 inputs that are correlated and of different sizes, H of 512 samples.
struct Layer {
  MatrixXd W, H;

  explicit Layer(std::uint64_t seed, Index inputs = 64, Index outputs = 48)
      : W(normals(outputs, inputs, seed) / std::sqrt(static_cast<double>(inputs))) {
    const MatrixXd Z = normals(inputs, 8 * inputs, seed + 100), M = normals(inputs, inputs, seed + 200);
    MatrixXd mix = 0.7 / std::sqrt(static_cast<double>(inputs)) * M + MatrixXd::Identity(inputs, inputs);
    const MatrixXd sizes = normals(inputs, 1, seed + 300);
    for (Index i = 0; i < inputs; ++i)
      for (Index j = 0; j < inputs; ++j)
        mix(i, j) *= std::exp(0.8 * sizes(i, 0)) *
                     (1 - 0.9 * static_cast<double>(j) / static_cast<double>(std::max<Index>(inputs - 1, 1)));
    const MatrixXd X = times(mix, Z);
    H = times(X, transposed(X));
  }
  [[nodiscard]] double error(const MatrixXd& other) const {
    const MatrixXd D = other - W;
    return std::sqrt(times(D, H).cwiseProduct(D).sum() / times(W, H).cwiseProduct(W).sum());
  }
  /// Least squares on the support of every output.
  [[nodiscard]] MatrixXd best(const PruningMask& mask) const {
    MatrixXd out = MatrixXd::Zero(W.rows(), W.cols());
    const MatrixXd right = times(W, H);
    for (Index i = 0; i < W.rows(); ++i) {
      std::vector<Index> support;
      for (Index j = 0; j < W.cols(); ++j)
        if (mask(i, j)) support.push_back(j);
      const auto size = static_cast<Index>(support.size());
      MatrixXd A(size, size), b(size, 1);
      for (Index s = 0; s < size; ++s) {
        b(s, 0) = right(i, support[static_cast<std::size_t>(s)]);
        for (Index t = 0; t < size; ++t)
          A(s, t) = H(support[static_cast<std::size_t>(s)], support[static_cast<std::size_t>(t)]);
      }
      const MatrixXd z = solved(A, b);
      for (Index s = 0; s < size; ++s) out(i, support[static_cast<std::size_t>(s)]) = z(s, 0);
    }
    return out;
  }
  /// |(A - B) d| / |B d|: in the coordinates that ADMM works in.
  [[nodiscard]] double distance(const MatrixXd& A, const MatrixXd& B) const {
    const MatrixXd d = H.diagonal().cwiseSqrt().asDiagonal();
    return difference(times(A, d), times(B, d));
  }
  [[nodiscard]] Pruned prune(const AdmmPruning& options, MatrixXd& pruned) const {
    pruned = W;
    const Pruned result = prune_by_admm(pruned, H, options);
    CHECK(result.error == Approx(error(pruned)).epsilon(1e-9));
    CHECK(((pruned.array() == 0) || result.mask).all());  // zeros are exact
    return result;
  }
  [[nodiscard]] MatrixXd updated(const PruningMask& mask, const AdmmUpdate& options) const {
    MatrixXd pruned = W;
    update_pruned(pruned, H, mask, options);
    return pruned;
  }
};

Index gone(const PruningMask& mask) { return mask.size() - mask.count(); }

}  // namespace

TEST_CASE("ADMM pruning: what numpy has") {
  MatrixXd X = matrix(8, 30, 8);
  X.array().colwise() *= VectorXd::LinSpaced(8, 0.3, 3).array();
  const MatrixXd H = times(X, transposed(X)), W = matrix(6, 8, 9);
  const PruningMask given = matrix(6, 8, 10).array() > 0;
  AdmmUpdate update{.rho = 1.3, .iterations = 8};
  MatrixXd A = W;
  update_pruned(A, H, given, update);
  CHECK(difference(A, weights_tests::read("admm_given", 6)) <= 1e-12);
  update.precondition = false;
  update_pruned(A = W, H, given, update);
  CHECK(difference(A, weights_tests::read("admm_plain", 6)) <= 1e-11);
  update = {.rho = 1.3, .iterations = 8};
  const auto check = [&](const std::string& name, PruningScope scope, std::int64_t ramp) {
    INFO(name);
    MatrixXd B = W;
    prune_by_admm(B, H, {.sparsity = 0.6, .scope = scope, .pruning_iterations = ramp, .update = update});
    CHECK(difference(B, weights_tests::read(name, 6)) <= 1e-12);
  };
  check("admm_wanda", PruningScope::matrix, 0);
  check("admm_matrix", PruningScope::matrix, 5);
  check("admm_per_output", PruningScope::per_output, 5);
  check("admm_two_of_four", PruningScope::n_of_m, 5);
}

TEST_CASE("ADMM pruning: least squares on the support, from above and linearly") {
  const Layer layer(1);
  MatrixXd masked, pruned;
  const PruningMask mask =
      layer.prune({.sparsity = 0.6, .pruning_iterations = 0, .update = {.damping = 0, .iterations = 0}}, masked).mask;
  CHECK(difference(masked, mask.select(layer.W, 0.0)) <= 1e-15);
  CHECK(gone(mask) == 1843);  // floor(0.6 * 3072)
  const MatrixXd best = layer.best(mask);
  double last = layer.error(masked), distance = 1;
  INFO("mask only " << last << ", least squares " << layer.error(best));
  std::string errors, distances;
  for (const std::int64_t iterations : {1, 2, 5, 10, 20, 50, 200}) {
    AdmmUpdate options = undamped;
    options.iterations = iterations;
    pruned = layer.updated(mask, options);
    const double error = layer.error(pruned);
    errors += " " + std::to_string(error);
    CHECK(error < last * (1 + 1e-9));
    CHECK(error >= layer.error(best) * (1 - 1e-12));
    CHECK(layer.distance(pruned, best) < distance);
    last = error;
    distance = layer.distance(pruned, best);
    distances += " " + to_text(distance);
    if (iterations == 20) CHECK(error <= 1.001 * layer.error(best));
    if (iterations == 20) CHECK(distance <= 1e-2);
  }
  INFO("errors" << errors << ", distances" << distances);
  CHECK(distance <= 1e-8);
  CHECK(layer.error(masked) > 1.2 * last);
  AdmmUpdate plain = undamped;
  plain.precondition = false;
  CHECK(layer.distance(layer.updated(mask, plain), best) > 0.05);
}

TEST_CASE("ADMM pruning: the claim that weights that go one by one are the better ones to lose") {
  const Layer layer(2);
  std::string table;
  double last = 0;
  for (const double sparsity : {0.5, 0.6, 0.7, 0.8}) {
    MatrixXd pruned;
    const double wanda =
        layer.prune({.sparsity = sparsity, .pruning_iterations = 0, .update = {.iterations = 0}}, pruned).error;
    const double updated = layer.prune({.sparsity = sparsity, .pruning_iterations = 0}, pruned).error;
    const Pruned gradual = layer.prune({.sparsity = sparsity}, pruned);
    CHECK(gone(gradual.mask) == static_cast<Index>(std::floor(sparsity * 3072)));
    MatrixXd magnitude = layer.W;
    keep_largest_changes(MatrixXd(MatrixXd::Zero(48, 64)), magnitude, 1 - sparsity);
    table += "\n" + to_text(sparsity) + ": magnitude " + to_text(layer.error(magnitude)) + ", Wanda " + to_text(wanda) +
             ", updated " + to_text(updated) + ", gradual " + to_text(gradual.error);
    INFO(table);
    CHECK(updated < 0.9 * wanda);
    CHECK(gradual.error < 0.92 * updated);
    CHECK(layer.error(magnitude) > 2 * gradual.error);
    CHECK(gradual.error > last);
    last = gradual.error;
  }
  INFO(table);
  MatrixXd pruned;
  const Pruned rows = layer.prune({.sparsity = 0.6, .scope = PruningScope::per_output}, pruned);
  for (Index i = 0; i < 48; ++i) CHECK(rows.mask.row(i).count() == 64 - 38);
  const Pruned groups = layer.prune({.scope = PruningScope::n_of_m}, pruned);
  const double half = layer.prune({.sparsity = 0.5}, pruned).error;
  for (Index i = 0; i < 48; ++i)
    for (Index j = 0; j < 64; j += 4) CHECK(groups.mask.row(i).segment(j, 4).count() == 2);
  CHECK(groups.error > half);
  CHECK(groups.error < 2 * half);
  const Pruned thirds = layer.prune({.scope = PruningScope::n_of_m, .kept = 3, .group = 16}, pruned);
  for (Index i = 0; i < 48; ++i)
    for (Index j = 0; j < 64; j += 16) CHECK(thirds.mask.row(i).segment(j, 16).count() == 3);
}

TEST_CASE("ADMM pruning: nothing pruned is nothing changed, outputs are apart, units do not matter") {
  const Layer layer(3, 16, 6);
  CHECK(difference(layer.updated(PruningMask::Constant(6, 16, true), {}), layer.W) <= 1e-12);
  CHECK(layer.updated(PruningMask::Constant(6, 16, false), {}).isZero(0));
  PruningMask mask = normals(6, 16, 4).array() > 0;
  const MatrixXd all = layer.updated(mask, {});
  for (Index i = 0; i < 6; ++i) {
    MatrixXd row = layer.W.row(i);
    update_pruned(row, layer.H, mask.row(i));
    CHECK(difference(row, all.row(i)) <= 1e-13);
  }
  // Powers of two leave every bit, and the choice of weights too.
  Layer scaled = layer;
  VectorXd units(16);
  for (Index j = 0; j < 16; ++j) units[j] = std::ldexp(1.0, static_cast<int>(j % 7) - 3);
  scaled.H = units.asDiagonal() * layer.H * units.asDiagonal();
  scaled.W = layer.W * units.cwiseInverse().asDiagonal();
  MatrixXd a, b;
  const Pruned one = layer.prune({.sparsity = 0.7}, a), other = scaled.prune({.sparsity = 0.7}, b);
  CHECK((one.mask == other.mask).all());
  CHECK(a == MatrixXd(b * units.asDiagonal()));
  scaled = layer;
  scaled.H *= 1e-9;
  CHECK((scaled.prune({.sparsity = 0.7}, b).mask == one.mask).all());
  CHECK(difference(a, b) <= 1e-12);

  // Ties go by index: the same number is left.
  MatrixXd equal = MatrixXd::Ones(3, 8);
  const Pruned tied = prune_by_admm(equal, MatrixXd::Identity(8, 8), {.sparsity = 0.55, .pruning_iterations = 0});
  CHECK(gone(tied.mask) == 13);
  CHECK(tied.mask.row(0).count() == 0);
  CHECK(equal.row(2).sum() == Approx(8));

  // An input that is always 0 is the first to go, and keeps its weights where it stays.
  Layer dead = layer;
  dead.H.row(5).setZero();
  dead.H.col(5).setZero();
  dead.W.col(5).setConstant(1e6);
  const Pruned without = dead.prune({.sparsity = 0.5}, a);
  CHECK(without.mask.col(5).count() == 0);
  mask.col(5).setConstant(true);
  a = dead.updated(mask, {});
  CHECK(a.col(5) == dead.W.col(5));
  CHECK(a.allFinite());

  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> W = layer.W.cast<float>();
  const Pruned small = prune_by_admm(W, layer.H, {.sparsity = 0.7});
  CHECK((small.mask == one.mask).all());
  CHECK(small.error == Approx(one.error).epsilon(1e-5));
}

TEST_CASE("ADMM pruning: what is refused, with nothing changed") {
  const Layer layer(4, 8, 3);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  MatrixXd W = layer.W;
  const auto refused = [&](const AdmmPruning& options, const MatrixXd& H) {
    std::string message = message_of([&] { prune_by_admm(W, H, options); });
    CHECK(W == layer.W);
    return message;
  };
  const auto option = [&](const AdmmPruning& options) { return refused(options, layer.H); };
  CHECK(option({.sparsity = 1}) == "AdmmPruning: sparsity = 1, must be in [0, 1)");
  CHECK(option({.scope = static_cast<PruningScope>(3)}) == "AdmmPruning: scope = 3, must be in [0, 2]");
  CHECK(option({.pruning_iterations = 21}) == "AdmmPruning: pruning_iterations = 21, must be in [0, 20]");
  CHECK(option({.scope = PruningScope::n_of_m, .kept = 0}) == "AdmmPruning: kept = 0, must be >= 1 and finite");
  CHECK(option({.scope = PruningScope::n_of_m, .group = 3}) ==
        "AdmmPruning: group = 3, must be above kept = 2 and divide the number of inputs, 8");
  CHECK(option({.scope = PruningScope::n_of_m, .kept = 4}) ==
        "AdmmPruning: group = 4, must be above kept = 4 and divide the number of inputs, 8");
  CHECK(option({.update = {.damping = -1}}) == "AdmmPruning: damping = -1, must be >= 0 and finite");
  CHECK(option({.update = {.rho = 0}}) == "AdmmPruning: rho = 0, must be > 0 and finite");
  CHECK(option({.pruning_iterations = 0, .update = {.iterations = -1}}) ==
        "AdmmPruning: pruning_iterations = 0, must be in [0, -1]");
  CHECK(refused({}, MatrixXd::Identity(7, 7)) == "AdmmPruning: H is 7 x 7, must be 8 x 8");
  const std::string indefinite = "AdmmPruning: H is not symmetric and positive semidefinite";
  MatrixXd H = layer.H;
  H(1, 2) *= 1.1;
  CHECK(refused({}, H) == indefinite);
  CHECK(refused({}, -layer.H) == indefinite);
  H = MatrixXd::Constant(8, 8, -0.9);
  H.diagonal().setOnes();
  CHECK(refused({}, H) == "AdmmPruning: H is not positive semidefinite, or too large");
  H(1, 1) = nan;
  CHECK(refused({}, H) == "AdmmPruning: weights or H that are infinite or NaN");
  CHECK(message_of([&] { update_pruned(W, layer.H, PruningMask::Constant(3, 7, true)); }) ==
        "AdmmUpdate: the mask is 3 x 7, must be 3 x 8");
  CHECK(message_of([&] { update_pruned(W, layer.H, PruningMask::Constant(3, 8, true), {.iterations = -1}); }) ==
        "AdmmUpdate: iterations = -1, must be >= 0 and finite");
  MatrixXd none(0, 8);
  CHECK(message_of([&] { prune_by_admm(none, layer.H); }) == "AdmmPruning: there are no weights");
  W(1, 1) = nan;
  CHECK(message_of([&] { prune_by_admm(W, layer.H); }) == "AdmmPruning: weights or H that are infinite or NaN");
}
