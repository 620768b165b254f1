// Mixtures of Gaussians learned point by point: against numpy's covariance form, batch moments, invariances, recall.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/golden_rows.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include <glissade/core/random.hpp>
#include <glissade/io/method_state.hpp>
#include <glissade/models/incremental_mixture.hpp>

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

std::vector<std::vector<double>> golden(const std::string& name) {
  return golden_rows("models/incremental_mixture.csv", name);
}

/// The points of generate_incremental_mixture.py.
VectorXd point(int t) {
  constexpr std::array<std::array<double, 3>, 3> centres{{{0, 0, 0}, {6, 1, -2}, {-3, 5, 2}}};
  const auto& centre = centres[static_cast<std::size_t>(t * t % 3 + (t % 5 == 0 ? 1 : 0))];
  const double a = std::sin((t + 1) * 1.3), b = std::sin((t + 1) * 2.7), c = std::sin((t + 1) * 3.9);
  VectorXd x(3);
  x << centre[0] + 0.9 * a + 0.5 * b * c, centre[1] + 0.9 * b + 0.5 * a, centre[2] + 0.9 * c + 0.5 * a * b;
  return x;
}
VectorXd spread_of_points() {
  VectorXd spread(3);
  spread << 3, 2.5, 2;
  return spread;
}
IncrementalMixture learned(int points, IncrementalMixtureOptions options = {.novelty = 0.01, .delta = 0.5}) {
  IncrementalMixture mixture(options, spread_of_points());
  for (int t = 0; t < points; ++t) REQUIRE(mixture.learn(point(t)).status == Status::running);
  return mixture;
}

VectorXd normal_vector(Index n, RandomKey key) {
  VectorXd x(n);
  for (Index i = 0; i < n; ++i) x[i] = key.normal(static_cast<std::uint64_t>(i));
  return x;
}
MatrixXd normal_matrix(Index n, RandomKey key) { return normal_vector(n * n, key).reshaped(n, n); }
double distance(const MatrixXd& A, const MatrixXd& B) { return (A - B).norm(); }

}  // namespace

TEST_CASE("IncrementalMixture: components, precisions and recall of numpy's covariance form") {
  const IncrementalMixture mixture = learned(300);
  const auto rows = golden("mixture");
  REQUIRE(mixture.components() == static_cast<Index>(rows.size()));
  for (Index j = 0; j < mixture.components(); ++j) {
    const auto& row = rows[static_cast<std::size_t>(j)];
    CHECK(mixture.weight(j) == Approx(row[1]).epsilon(1e-10));
    CHECK(mixture.age(j) == row[2]);
    CHECK(mixture.log_determinant(j) == Approx(row[3]).epsilon(1e-10));
    const VectorXd mean = mixture.mean(j);
    const MatrixXd precision = mixture.precision(j);
    CHECK(distance(mean, Eigen::Map<const VectorXd>(row.data() + 4, 3)) <= 1e-10 * mean.norm());
    CHECK(distance(precision, Eigen::Map<const MatrixXd>(row.data() + 7, 3, 3)) <= 1e-10 * precision.norm());
    CHECK(precision == MatrixXd(precision.transpose()));
  }
  const auto recalls = golden("recall");
  REQUIRE(recalls.size() == 3);
  for (const auto& row : recalls) {
    const VectorXd found = mixture.recall({1}, VectorXd::Constant(1, row[0]));
    REQUIRE(found.size() == 2);
    CHECK(found[0] == Approx(row[1]).epsilon(1e-10));
    CHECK(found[1] == Approx(row[2]).epsilon(1e-10));
  }
}

TEST_CASE("IncrementalMixture: one component is the weighted mean and covariance, and stays their inverse") {
  constexpr Index D = 5;
  const MatrixXd mix = normal_matrix(D, RandomKey{1});
  IncrementalMixture mixture({.novelty = 0, .delta = 0.7}, VectorXd::Ones(D));
  // The first point with the start's covariance, and 299 more: C_n = (1 - 1/n)(C + e e'/n).
  VectorXd mean = VectorXd::Zero(D);
  MatrixXd second = MatrixXd::Zero(D, D), C;
  for (std::uint64_t t = 1; t <= 300; ++t) {
    const VectorXd x = mix.lazyProduct(normal_vector(D, RandomKey{2}.derive(t)));
    CHECK(mixture.learn(x).created == (t == 1));
    mean += x;
    second += x.lazyProduct(x.transpose());
  }
  mean /= 300;
  // The covariance of the start counts as one point in 300.
  C = second / 300 - mean.lazyProduct(mean.transpose()) + MatrixXd::Identity(D, D) * (0.49 / 300);
  REQUIRE(mixture.components() == 1);
  CHECK(mixture.weight(0) == 300);
  CHECK(mixture.age(0) == 300);
  CHECK(distance(mixture.mean(0), mean) <= 1e-13 * mean.norm());
  CHECK(distance(mixture.precision(0).lazyProduct(C), MatrixXd::Identity(D, D)) <= 1e-11);
  CHECK(mixture.log_determinant(0) == Approx(std::log(C.partialPivLu().determinant())).epsilon(1e-12));
  CHECK(mixture.log_density(mean) ==
        Approx(-(5 * std::log(2 * std::acos(-1.0)) + std::log(C.partialPivLu().determinant())) / 2).epsilon(1e-11));
  CHECK(mixture.responsibilities(mean)[0] == 1);
}

TEST_CASE("IncrementalMixture: two given components share points as numpy's softmax, none is lost far away") {
  IncrementalMixture mixture({.novelty = 0, .max_components = 3}, VectorXd::Ones(2));
  MatrixXd C(2, 2);
  C << 2, 0.5, 0.5, 1;
  REQUIRE(mixture.add(VectorXd::Zero(2), C, 3));
  REQUIRE(mixture.add(VectorXd::Constant(2, 4), MatrixXd::Identity(2, 2), 1));
  const VectorXd x = VectorXd::Constant(2, 2);
  // q = (2, 2) C^-1 (2, 2)' = 8 / 1.75 and 8.
  const double a = 0.75 * std::exp(-4 / 1.75) / std::sqrt(1.75), b = 0.25 * std::exp(-4);
  CHECK(mixture.responsibilities(x)[0] == Approx(a / (a + b)).epsilon(1e-13));
  CHECK(mixture.log_density(x) == Approx(std::log((a + b) / (2 * std::acos(-1.0)))).epsilon(1e-13));
  const VectorXd far = VectorXd::Constant(2, 1e4);
  CHECK(mixture.responsibilities(far).sum() == Approx(1));
  CHECK(mixture.learn(far).status == Status::running);
  REQUIRE(mixture.add(VectorXd::Zero(2), C));
  CHECK_FALSE(mixture.add(VectorXd::Zero(2), C));

  const IncrementalMixture before = mixture;
  CHECK(mixture.learn(VectorXd::Constant(2, 1e200)).status == Status::non_finite);  // its square overflows
  for (Index j = 0; j < 3; ++j) {
    CHECK(mixture.mean(j) == before.mean(j));
    CHECK(mixture.precision(j) == before.precision(j));
    CHECK(mixture.weight(j) == before.weight(j));
    CHECK(mixture.age(j) == before.age(j));
  }
  CHECK(mixture.log_density(VectorXd::Constant(2, 1e200)) == -std::numeric_limits<double>::infinity());
  IncrementalMixture open({.novelty = 0.1, .max_components = 3}, VectorXd::Ones(2));
  open.learn(VectorXd::Zero(2));
  CHECK(open.learn(VectorXd::Constant(2, 1e200)).created);  // there it makes a component
}

TEST_CASE("IncrementalMixture: a change of coordinates changes means and precisions alike, and no share") {
  const MatrixXd T = normal_matrix(3, RandomKey{3});
  const VectorXd b = normal_vector(3, RandomKey{4});
  IncrementalMixture plain({.novelty = 0, .max_components = 2}, VectorXd::Ones(3)),
      turned({.novelty = 0, .max_components = 2}, VectorXd::Ones(3));
  for (const int t : {0, 1}) {
    const MatrixXd C = MatrixXd::Identity(3, 3) * (1 + t);
    plain.add(point(t), C);
    turned.add(T.lazyProduct(point(t)) + b, MatrixXd(T.lazyProduct(C)).lazyProduct(T.transpose()));
  }
  for (int t = 2; t < 100; ++t) {
    const VectorXd x = point(t), y = T.lazyProduct(x) + b;
    CHECK(distance(plain.responsibilities(x), turned.responsibilities(y)) <= 1e-10);
    plain.learn(x);
    turned.learn(y);
  }
  const double log_volume = std::log(std::abs(T.partialPivLu().determinant()));
  for (Index j = 0; j < 2; ++j) {
    CHECK(distance(turned.mean(j), T.lazyProduct(plain.mean(j)) + b) <= 1e-11 * plain.mean(j).norm());
    const MatrixXd L = plain.precision(j);
    const MatrixXd back = MatrixXd(T.transpose().lazyProduct(turned.precision(j))).lazyProduct(T);
    CHECK(distance(back, L) <= 1e-10 * L.norm());
    CHECK(turned.log_determinant(j) == Approx(plain.log_determinant(j) + 2 * log_volume).epsilon(1e-11));
  }
}

TEST_CASE("IncrementalMixture: drift over 20 000 points, and covariances that stay positive definite") {
  constexpr Index D = 4;
  IncrementalMixture mixture({.novelty = 0, .delta = 1}, VectorXd::Ones(D));
  MatrixXd C = MatrixXd::Identity(D, D);
  VectorXd mean;
  for (std::uint64_t t = 0; t < 20'000; ++t) {
    const VectorXd x = normal_vector(D, RandomKey{5}.derive(t));
    mixture.learn(x);
    if (t == 0) {
      mean = x;
      continue;
    }
    const double w = 1 / static_cast<double>(t + 1);
    const VectorXd e = x - mean;
    mean += w * e;
    C = (1 - w) * (C + w * e.lazyProduct(e.transpose())).eval();
  }
  CHECK(distance(mixture.precision(0).lazyProduct(C), MatrixXd::Identity(D, D)) <= 1e-12);

  // D = 1, C = 1, e = 5, w = 1/2: 6.75, where the published recursion gives -2.625.
  IncrementalMixture one({.novelty = 0, .delta = 1}, VectorXd::Ones(1));
  one.learn(VectorXd::Zero(1));
  one.learn(VectorXd::Constant(1, 5));
  CHECK(one.precision(0)(0, 0) == Approx(1 / 6.75).epsilon(1e-14));
  CHECK(one.log_determinant(0) == Approx(std::log(6.75)).epsilon(1e-14));
}

TEST_CASE("IncrementalMixture: the published covariance is followed as printed, and refuses to become indefinite") {
  constexpr Index D = 3;
  IncrementalMixture published({.covariance = MixtureCovariance::published, .novelty = 0, .delta = 1},
                               VectorXd::Ones(D)),
      weighted({.novelty = 0, .delta = 1}, VectorXd::Ones(D));
  REQUIRE(published.add(VectorXd::Zero(D), MatrixXd::Identity(D, D), 10));
  REQUIRE(weighted.add(VectorXd::Zero(D), MatrixXd::Identity(D, D), 10));
  VectorXd mean = VectorXd::Zero(D);
  MatrixXd C = MatrixXd::Identity(D, D);
  for (std::uint64_t t = 0; t < 100; ++t) {
    const VectorXd x = normal_vector(D, RandomKey{9}.derive(t));
    REQUIRE(published.learn(x).status == Status::running);
    weighted.learn(x);
    const double w = 1 / (static_cast<double>(t) + 11);
    const VectorXd step = w * (x - mean);
    mean += step;
    const VectorXd after = x - mean;  // the residual from the new mean
    C = ((1 - w) * C + w * after.lazyProduct(after.transpose()) - step.lazyProduct(step.transpose())).eval();
  }
  CHECK(distance(published.mean(0), mean) <= 1e-13);
  CHECK(distance(published.precision(0).lazyProduct(C), MatrixXd::Identity(D, D)) <= 1e-11);
  CHECK(published.log_determinant(0) == Approx(std::log(C.partialPivLu().determinant())).epsilon(1e-11));
  CHECK(distance(weighted.precision(0).lazyProduct(C), MatrixXd::Identity(D, D)) >= 0.01);

  IncrementalMixture one({.covariance = MixtureCovariance::published, .novelty = 0, .delta = 1}, VectorXd::Ones(1));
  one.learn(VectorXd::Zero(1));
  CHECK(one.learn(VectorXd::Constant(1, 5)).status == Status::not_convex);  // it would be -2.625
  CHECK(one.mean(0)[0] == 0);
  CHECK(one.precision(0)(0, 0) == 1);
  CHECK(one.weight(0) == 1);
  CHECK(one.age(0) == 1);
  CHECK(one.learn(VectorXd::Constant(1, 1)).status == Status::running);
  CHECK(one.precision(0)(0, 0) == Approx(1 / 0.375).epsilon(1e-14));
  CHECK(one.log_determinant(0) == Approx(std::log(0.375)).epsilon(1e-14));
}

TEST_CASE("IncrementalMixture: a point that makes no component takes no memory from the heap") {
  IncrementalMixture mixture = learned(100, {.novelty = 0.01, .delta = 0.5, .max_components = 4});
  const VectorXd x = point(100);
  {
    const NoHeap watch;
    for (int k = 0; k < 5; ++k) mixture.learn(x);
    CHECK(watch.taken() == 0);
  }
  CHECK(mixture.components() == 4);
}

TEST_CASE("IncrementalMixture: recall of a linear map, of everything and of nothing") {
  IncrementalMixture mixture({.novelty = 0}, VectorXd::Ones(3));
  for (std::uint64_t t = 0; t < 4000; ++t) {
    VectorXd x = normal_vector(3, RandomKey{6}.derive(t));
    x[2] = 2 * x[0] - x[1] + 1;
    mixture.learn(x);
  }
  VectorXd known(2);
  known << 0.4, -0.3;
  CHECK(mixture.recall({0, 1}, known)[0] == Approx(2.1).epsilon(1e-3));
  VectorXd swapped(2);
  swapped << -0.3, 0.4;
  CHECK(mixture.recall({1, 0}, swapped)[0] == Approx(mixture.recall({0, 1}, known)[0]).epsilon(1e-13));
  CHECK(mixture.recall({0, 1, 2}, VectorXd::Zero(3)).size() == 0);
  CHECK(distance(mixture.recall({}, VectorXd(0)), mixture.mean(0)) <= 1e-15);
}

TEST_CASE("IncrementalMixture: when components come and go") {
  CHECK(learned(300, {.novelty = 0}).components() == 1);
  CHECK(learned(12, {.novelty = 1}).components() == 12);
  CHECK(learned(300, {.novelty = 0.01, .delta = 0.5, .max_components = 2}).components() == 2);
  IncrementalMixture mixture({.novelty = 0.01, .delta = 0.5, .min_weight = 3, .min_age = 20}, spread_of_points());
  int created = 0, removed = 0;
  for (int t = 0; t < 300; ++t) {
    const MixtureReport report = mixture.learn(point(t));
    created += report.created ? 1 : 0;
    removed += report.removed;
  }
  CHECK(removed >= 1);
  CHECK(mixture.components() == created - removed);
  for (Index j = 0; j < mixture.components(); ++j) CHECK((mixture.weight(j) >= 3 || mixture.age(j) <= 20));
}

TEST_CASE("IncrementalMixture: goes on from a file bit for bit") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_incremental_mixture.safetensors";
  IncrementalMixture whole = learned(100);
  save(whole, path);
  IncrementalMixture loaded = learned(0);
  load(loaded, path);
  std::filesystem::remove(path);
  for (int t = 100; t < 300; ++t) {
    whole.learn(point(t));
    loaded.learn(point(t));
  }
  REQUIRE(loaded.components() == whole.components());
  for (Index j = 0; j < whole.components(); ++j) {
    CHECK(loaded.mean(j) == whole.mean(j));
    CHECK(loaded.precision(j) == whole.precision(j));
    CHECK(loaded.log_determinant(j) == whole.log_determinant(j));
    CHECK(loaded.weight(j) == whole.weight(j));
  }
}

TEST_CASE("chi_square_quantile: as scipy's, and ends") {
  const auto rows = golden("chi");
  REQUIRE(rows.size() == 30);
  for (const auto& row : rows) {
    INFO(row[0] << " " << row[1]);
    CHECK(chi_square_quantile(row[0], row[1]) == Approx(row[2]).epsilon(1e-10));
    CHECK(chi_square_tail(row[2], row[1]) == Approx(row[0]).epsilon(1e-9));
  }
  CHECK(std::isinf(chi_square_quantile(0, 3)));
  CHECK(chi_square_quantile(1, 3) == 0);
  CHECK(message_of([] { (void)chi_square_quantile(1.5, 3); }) == "chi_square_quantile: tail = 1.5, must be in [0, 1]");
  CHECK(message_of([] { (void)chi_square_quantile(0.5, 0); }) ==
        "chi_square_quantile: degrees = 0, must be > 0 and finite");
}

TEST_CASE("IncrementalMixture: refuses options out of range and what is wrong, and is then what it was") {
  const auto option = [](const IncrementalMixtureOptions& options) {
    return message_of([&] { IncrementalMixture(options, VectorXd::Ones(2)); });
  };
  CHECK(option({.covariance = static_cast<MixtureCovariance>(2)}) ==
        "IncrementalMixture: covariance = 2, must be in [0, 1]");
  CHECK(option({.novelty = 1.5}) == "IncrementalMixture: novelty = 1.5, must be in [0, 1]");
  CHECK(option({.delta = 0}) == "IncrementalMixture: delta = 0, must be > 0 and finite");
  CHECK(option({.max_components = 0}) == "IncrementalMixture: max_components = 0, must be in [1, 1e+05]");
  CHECK(option({.min_weight = -1}) == "IncrementalMixture: min_weight = -1, must be >= 0 and finite");
  CHECK(option({.min_age = not_a_number}) == "IncrementalMixture: min_age = nan, must be >= 0 and finite");
  CHECK(message_of([] { IncrementalMixture({}, VectorXd(0)); }) ==
        "IncrementalMixture: dimensions = 0, must be >= 1 and finite");
  CHECK(message_of([] { IncrementalMixture({}, VectorXd::Zero(2)); }) ==
        "IncrementalMixture: spread[0] = 0, must be > 0 and finite");

  IncrementalMixture empty = learned(0);
  const std::string nothing = "IncrementalMixture: nothing has been learned yet";
  CHECK(message_of([&] { (void)empty.recall({0}, VectorXd::Zero(1)); }) == nothing);
  CHECK(message_of([&] { (void)empty.log_density(VectorXd::Zero(3)); }) == nothing);
  CHECK(message_of([&] { (void)empty.responsibilities(VectorXd::Zero(3)); }) == nothing);

  IncrementalMixture mixture = learned(50);
  const IncrementalMixture before = mixture;
  const auto refused = [&](auto&& action) { return message_of([&] { action(mixture); }); };
  VectorXd bad = VectorXd::Zero(3);
  bad[1] = not_a_number;
  CHECK(refused([&](auto& m) { m.learn(bad); }) == "IncrementalMixture: x[1] = nan, must be finite");
  CHECK(refused([&](auto& m) { m.learn(VectorXd::Zero(2)); }) == "IncrementalMixture: x is 2 x 1, must be 3 x 1");
  CHECK(refused([&](auto& m) { (void)m.log_density(bad); }) == "IncrementalMixture: x[1] = nan, must be finite");
  CHECK(refused([&](auto& m) { m.add(VectorXd::Zero(3), MatrixXd::Identity(2, 2)); }) ==
        "IncrementalMixture: covariance is 2 x 2, must be 3 x 3");
  CHECK(refused([&](auto& m) { m.add(VectorXd::Zero(3), MatrixXd::Ones(3, 3)); }) ==
        "IncrementalMixture: the covariance is not symmetric and positive definite");
  MatrixXd skew = MatrixXd::Identity(3, 3);
  skew(0, 2) = 0.5;
  CHECK(refused([&](auto& m) { m.add(VectorXd::Zero(3), skew); }) ==
        "IncrementalMixture: the covariance is not symmetric and positive definite");
  CHECK(refused([&](auto& m) { m.add(VectorXd::Zero(3), MatrixXd::Identity(3, 3), 0.5); }) ==
        "IncrementalMixture: weight = 0.5, must be >= 1 and finite");
  CHECK(refused([&](auto& m) { (void)m.recall({3}, VectorXd::Zero(1)); }) ==
        "IncrementalMixture: known coordinate = 3, must be in [0, 3)");
  CHECK(refused([&](auto& m) {
          (void)m.recall({1, 1}, VectorXd::Zero(2));
        }) == "IncrementalMixture: known coordinate = 1, must be named once");
  CHECK(refused([&](auto& m) { (void)m.recall({1}, VectorXd::Zero(2)); }) ==
        "IncrementalMixture: values is 2 x 1, must be 1 x 1");
  CHECK(refused([&](auto& m) { (void)m.recall({1}, bad.segment(1, 1)); }) ==
        "IncrementalMixture: values has one that is not finite");
  CHECK(mixture.components() == before.components());
  for (Index j = 0; j < mixture.components(); ++j) {
    CHECK(mixture.mean(j) == before.mean(j));
    CHECK(mixture.precision(j) == before.precision(j));
  }
}
