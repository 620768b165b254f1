// Merging several models: against numpy, the identities between the rules, the claim on breadcrumbs, what is refused.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/weights/merge_models.hpp>
#include <glissade/weights/merge_tasks.hpp>

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "support.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using weights_tests::difference;
using weights_tests::matrix;
using weights_tests::normals;

namespace {

using Models = std::vector<MatrixXd>;

std::span<const MatrixXd> all(const Models& models) { return models; }

}  // namespace

TEST_CASE("TIES and slerp: what numpy has") {
  const Models tasks{matrix(5, 8, 12), matrix(5, 8, 13), matrix(5, 8, 14)};
  MatrixXd x = matrix(5, 8, 11);
  merge_ties(all(tasks), x, {.scale = 0.5, .keep = 0.4});
  CHECK(difference(x, weights_tests::read("ties", 5)) <= 1e-15);
  x = 3 * matrix(5, 8, 12);
  slerp_weights(matrix(5, 8, 11), x, 0.3);
  CHECK(difference(x, weights_tests::read("slerp", 5)) <= 1e-14);
}

TEST_CASE("task arithmetic, DARE and TIES: one task is the task, nothing dropped is the sum") {
  const MatrixXd base = normals(6, 50, 1), one = normals(6, 50, 2), two = normals(6, 50, 3);
  MatrixXd sum = base, x = base;
  add_task(base, one, sum);
  CHECK(difference(sum, one) <= 1e-15);
  add_task(base, two, sum, 0.5);
  CHECK(difference(sum, one + 0.5 * (two - base)) <= 1e-15);
  add_task(base, two, x, 0.5);
  add_task(base, one, x);
  CHECK(difference(x, sum) <= 1e-15);  // in any order
  add_task(base, one, x, -1);
  add_task(base, two, x, -0.5);
  CHECK(difference(x, base) <= 1e-14);

  add_dare(base, one, x = base, {.drop = 0});
  CHECK(difference(x, one) <= 1e-15);
  add_breadcrumbs(base, one, x = base, {.scale = 1, .keep = 1, .leave_out = 0});
  CHECK(difference(x, one) <= 1e-15);
  merge_ties(all({one}), x = base, {.keep = 1});
  CHECK(difference(x, one) <= 1e-15);
  merge_ties(all({one, one}), x = base, {.keep = 0.1});
  MatrixXd sparse = one;
  keep_largest_changes(base, sparse, 0.1);
  CHECK(difference(x, sparse) <= 1e-15);
  merge_ties(all({one, two}), x = base, {.keep = 0});
  CHECK(x == base);
  // Opposite changes of one size cancel, of unequal size the larger one wins.
  const MatrixXd ones = MatrixXd::Ones(6, 50), zero = MatrixXd::Zero(6, 50);
  merge_ties(all({ones, -ones}), x = zero, {.keep = 1});
  CHECK(x == zero);
  merge_ties(all({ones, -3 * ones, -4 * ones}), x = zero, {.keep = 1});
  CHECK(x == -3.5 * ones);

  // DARE keeps a tenth, ten times as large, and which is a function of the seed: right in the mean.
  MatrixXd mean = MatrixXd::Zero(6, 50);
  Index kept = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    add_dare(base, one, x = base, {.seed = seed});
    kept += (x.array() != base.array()).count();
    mean += (x - base) / 4000;
  }
  CHECK(static_cast<double>(kept) / (4000 * 300) == Approx(0.1).epsilon(0.01));
  CHECK(difference(mean, one - base) < 0.06);  // 3 / sqrt(4000) = 0.047 in the mean
  MatrixXd again = base;
  add_dare(base, one, again, {.seed = 3999});
  CHECK(again == x);
  CHECK(((x - base).array() == 0 || ((x - base) - 10 * (one - base)).array().abs() <= 1e-13).all());
}

TEST_CASE("breadcrumbs: the claim that merging many tasks costs no accuracy") {
  // Rows of 400 with 40 true shifts, noise, and two outliers each.
  const MatrixXd base = normals(10, 400, 1);
  std::string table;
  double first = 0;
  for (const int tasks : {1, 4, 16}) {
    MatrixXd truth = MatrixXd::Zero(10, 400), plain = base, crumbs = base;
    for (int task = 0; task < tasks; ++task) {
      const RandomKey key = RandomKey{77}.derive(static_cast<std::uint64_t>(task));
      MatrixXd shift = MatrixXd::Zero(10, 400);
      for (Index r = 0; r < 10; ++r)
        for (std::uint64_t k = 0, at = 1000 * static_cast<std::uint64_t>(r); k < 40; ++k, at += 3)
          shift(r, static_cast<Index>(key.bits(at) % 400)) =
              (0.5 + key.uniform(at + 1)) * (key.uniform(at + 2) < 0.5 ? -1 : 1);
      MatrixXd model = base + shift + 0.15 * normals(10, 400, 500 + static_cast<std::uint64_t>(task));
      for (Index r = 0; r < 10; ++r)
        for (std::uint64_t k = 0, at = 100'000 + 10 * static_cast<std::uint64_t>(r); k < 2; ++k, at += 2)
          model(r, static_cast<Index>(key.bits(at) % 400)) += key.uniform(at + 1) < 0.5 ? -8 : 8;
      truth += shift;
      add_task(base, model, plain);
      add_breadcrumbs(base, model, crumbs, {.scale = 1});
    }
    const double error = difference(crumbs - base, truth);
    table += "\n" + std::to_string(tasks) + ": plain " + std::to_string(difference(plain - base, truth)) +
             ", breadcrumbs " + std::to_string(error);
    INFO(table);
    CHECK(error < 0.35);
    CHECK(difference(plain - base, truth) > 1.5);
    if (first == 0) first = error;
    CHECK(error == Approx(first).epsilon(0.1));
  }
}

TEST_CASE("means of models: of one it is the model, Fisher information decides, slerp keeps the length") {
  const MatrixXd a = normals(4, 6, 1), b = normals(4, 6, 2), c = normals(4, 6, 3), ones = MatrixXd::Ones(4, 6);
  MatrixXd x = MatrixXd::Constant(4, 6, std::nan(""));  // what the target was does not matter
  average_weights(all({a}), x);
  CHECK(x == a);
  average_weights(all({a, b, c}), x);
  CHECK(difference(x, (a + b + c) / 3) <= 1e-15);
  MatrixXd y = x;
  merge_by_fisher(all({a, b, c}), all({ones, ones, ones}), y);
  CHECK(difference(x, y) <= 1e-15);
  merge_by_fisher(all({a, b, c}), all({0 * ones, 0 * ones, 0 * ones}), y);
  CHECK(difference(x, y) <= 1e-15);
  merge_by_fisher(all({a, b}), all({ones, 3 * ones}), y, std::vector<double>{1, 2});
  CHECK(difference(y, (a + 6 * b) / 7) <= 1e-15);
  merge_by_fisher(all({a, b}), all({1e300 * ones, 0 * ones}), y, std::vector<double>{1e-10, 5});
  CHECK(difference(y, a) <= 1e-15);
  // Two models against the old one with Fisher information are interpolate_weights_by_fisher.
  MatrixXd F = normals(4, 6, 4).cwiseAbs(), z = b;
  interpolate_weights_by_fisher(a, F, z, 0.3);
  merge_by_fisher(all({a, b}), all({F, ones}), y, std::vector<double>{0.3, 0.7});
  CHECK(difference(y, z) <= 1e-14);

  const MatrixXd unit_a = a / a.norm(), unit_b = b / b.norm();
  for (const double share : {0.0, 0.25, 0.5, 1.0}) {
    slerp_weights(unit_a, x = unit_b, share);
    CHECK(x.norm() == Approx(1).epsilon(1e-14));
    const double angle = std::acos(unit_a.cwiseProduct(unit_b).sum());
    CHECK(std::acos(std::min(1.0, x.cwiseProduct(unit_b).sum())) == Approx(share * angle).margin(1e-7));
  }
  slerp_weights(a, x = b, 0);
  CHECK(difference(x, b) <= 1e-15);
  slerp_weights(a, x = b, 1);
  CHECK(difference(x, a) <= 1e-15);
  slerp_weights(2 * a, x = a, 0.5);  // on one line
  CHECK(difference(x, 1.5 * a) <= 1e-15);
  slerp_weights(0 * a, x = a, 0.25);
  CHECK(difference(x, 0.75 * a) <= 1e-15);
  Eigen::MatrixXf small = b.cast<float>();
  slerp_weights(a, small, 0.5);
  slerp_weights(a, x = b, 0.5);
  CHECK(difference(small.cast<double>(), x) <= 1e-6);
}

TEST_CASE("merging several models: what is refused, with nothing changed") {
  const MatrixXd a = MatrixXd::Ones(2, 3), wide = MatrixXd::Ones(2, 4), nan = std::nan("") * a;
  MatrixXd x = 2 * a;
  const auto refused = [&](const auto& action) {
    std::string message = message_of(action);
    CHECK(x == 2 * a);
    return message;
  };
  CHECK(refused([&] { add_task(a, a, x, std::nan("")); }).find("add_task: scale = nan") == 0);
  CHECK(refused([&] { add_task(a, wide, x); }) == "add_task: weights of 2 x 3 and 2 x 4, must be of one shape");
  CHECK(refused([&] { add_task(a, nan, x); }) == "add_task: weights that are infinite or NaN");
  CHECK(refused([&] { add_task(-a, 1e300 * a, x, 1e300); }) == "add_task: the new weights would be infinite or NaN");
  CHECK(refused([&] { add_dare(a, 2 * a, x, {.drop = 1}); }) == "add_dare: drop = 1, must be in [0, 1)");
  CHECK(refused([&] { add_dare(a, nan, x); }) == "add_dare: weights that are infinite or NaN");
  CHECK(refused([&] { add_dare(-a, 1e300 * a, x, {.scale = 1e300, .drop = 0}); }) ==
        "add_dare: the new weights would be infinite or NaN");
  CHECK(refused([&] { merge_ties(all({}), x); }) == "merge_ties: there are no tasks");
  CHECK(refused([&] {
          merge_ties(all({a, wide}), x);
        }) == "merge_ties: weights of 2 x 4 and 2 x 3, must be of one shape");
  CHECK(refused([&] { merge_ties(all({a}), x, {.keep = 2}); }) == "merge_ties: keep = 2, must be in [0, 1]");
  CHECK(refused([&] { merge_ties(all({1e300 * a}), x, {.scale = 1e300, .keep = 1}); }) ==
        "merge_ties: the new weights would be infinite or NaN");
  CHECK(refused([&] { average_weights(all({}), x); }) == "average_weights: there are no models");
  CHECK(refused([&] { average_weights(all({a, nan}), x); }) == "average_weights: weights that are infinite or NaN");
  CHECK(refused([&] { average_weights(all({wide}), x); }) ==
        "average_weights: weights of 2 x 4 and 2 x 3, must be of one shape");
  CHECK(refused([&] {
          merge_by_fisher(all({a, a}), all({a}), x);
        }) == "merge_by_fisher: 2 models, 1 informations and 0 shares, must be as many and at least one");
  CHECK(refused([&] { merge_by_fisher(all({a}), all({-a}), x); }) ==
        "merge_by_fisher: fisher = -1, must be >= 0 and finite");
  CHECK(refused([&] { merge_by_fisher(all({a}), all({a}), x, std::vector<double>{0}); }) ==
        "merge_by_fisher: sum of shares = 0, must be > 0 and finite");
  CHECK(refused([&] { merge_by_fisher(all({a}), all({a}), x, std::vector<double>{-1}); }) ==
        "merge_by_fisher: share = -1, must be >= 0 and finite");
  CHECK(refused([&] { slerp_weights(a, x, 1.1); }) == "slerp_weights: share = 1.1, must be in [0, 1]");
  CHECK(refused([&] { slerp_weights(-a, x, 0.5); }) ==
        "slerp_weights: the weights point in opposite directions, there is no one arc");
  CHECK(refused([&] { slerp_weights(nan, x, 0.5); }) == "slerp_weights: weights that are infinite or NaN");
}
