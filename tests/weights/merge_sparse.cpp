#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/glissade.hpp>

#include <random>

using namespace glissade;

namespace {
std::mt19937_64 random_bits{11};
Eigen::MatrixXd draw(Eigen::Index rows, Eigen::Index cols) {
  std::normal_distribution<double> normal;
  return Eigen::MatrixXd::NullaryExpr(rows, cols, [&](Eigen::Index, Eigen::Index) { return normal(random_bits); });
}
}  // namespace

TEST_CASE("keep largest changes: a projection with as many changes as the share allows") {
  const Eigen::MatrixXd base = draw(8, 25), fine = draw(8, 25);
  const auto kept = [&](double share) {
    Eigen::MatrixXd x = fine;
    keep_largest_changes(base, x, share);
    return x;
  };
  CHECK(kept(1) == fine);
  CHECK(kept(0) == base);
  const Eigen::MatrixXd some = kept(0.1);
  CHECK((some.array() != base.array()).count() == 20);
  const double smallest = (some.array() != base.array()).select((fine - base).array().abs(), 1e9).minCoeff();
  CHECK((some.array() == base.array()).select((fine - base).array().abs(), 0).maxCoeff() <= smallest);
  Eigen::MatrixXd again = some;
  keep_largest_changes(base, again, 0.1);
  CHECK(again == some);
  Eigen::VectorXd ties = Eigen::VectorXd::Ones(4);
  keep_largest_changes(Eigen::VectorXd::Zero(4), ties, 0.5);
  CHECK(ties == Eigen::Vector4d(1, 1, 0, 0));
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> row_major = fine;
  keep_largest_changes(base, row_major, 0.1);
  CHECK(row_major == some);
  CHECK(message_of([&] { keep_largest_changes(base, again, 1.5); }) ==
        "keep_largest_changes: share = 1.5, must be in [0, 1]");
  again(0, 0) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(keep_largest_changes(base, again, 0.1), std::invalid_argument);
}

TEST_CASE("keep largest changes: the claim on the recovery of a sparse shift") {
  const Eigen::VectorXd base = draw(400, 1);
  Eigen::VectorXd truth = base;
  for (Eigen::Index i = 0; i < 20; ++i) truth[20 * i + 7] += i % 2 == 0 ? 1 : -1;
  const Eigen::MatrixXd A = draw(150, 400);
  const Eigen::VectorXd b = A * truth + 0.1 * draw(150, 1);
  const Eigen::MatrixXd H = A.transpose() * A / 150;
  const Eigen::VectorXd c = A.transpose() * b / 150;
  const auto distance = [&](double share, int& found) {
    Eigen::VectorXd x = base;
    Optimizer optimizer{Sgd{.learning_rate = 0.02}, x};
    for (int t = 1; t <= 6000; ++t) {
      optimizer.step(H * x - c);
      if (t % 20 == 0) keep_largest_changes(base, x, share);
    }
    found = 0;
    for (Eigen::Index i = 0; i < 400; ++i) found += truth[i] != base[i] && x[i] != base[i] ? 1 : 0;
    return (x - truth).norm();
  };
  int found = 0;
  const double dense = distance(1, found);
  CHECK(dense > 2.5);
  const double sparse = distance(0.1, found);
  CHECK(found == 20);
  int found_of_few = 0;
  const double few = distance(0.05, found_of_few);  // as many as there are to find
  INFO("dense " << dense << ", share 0.1 " << sparse << ", share 0.05 " << few << ", " << found_of_few << " found");
  CHECK(sparse < 0.2);
  CHECK(found_of_few >= 15);
  CHECK(found_of_few < 20);
  CHECK(few > 5 * sparse);
}

TEST_CASE("breadcrumbs: rows without their extremes, in any order of tasks") {
  const Eigen::MatrixXd base = draw(3, 1000), one = draw(3, 1000), two = draw(3, 1000);
  Eigen::MatrixXd x = base;
  add_breadcrumbs(base, one, x, {.scale = 1, .keep = 1, .leave_out = 0});
  CHECK((x - one).cwiseAbs().maxCoeff() <= 1e-15);
  x = base;
  add_breadcrumbs(base, one, x, {.scale = 0.5});
  for (Eigen::Index r = 0; r < 3; ++r) {
    CHECK((x.row(r).array() != base.row(r).array()).count() == 150);
    std::vector<double> magnitudes;
    for (Eigen::Index k = 0; k < 1000; ++k) magnitudes.push_back(std::abs(one(r, k) - base(r, k)));
    std::sort(magnitudes.rbegin(), magnitudes.rend());
    for (Eigen::Index k = 0; k < 1000; ++k) {
      const double change = one(r, k) - base(r, k);
      const bool kept = std::abs(change) <= magnitudes[6] && std::abs(change) >= magnitudes[155];
      REQUIRE(x(r, k) == base(r, k) + (kept ? 0.5 * change : 0));
    }
  }
  Eigen::MatrixXd y = base;
  add_breadcrumbs(base, two, x);
  add_breadcrumbs(base, two, y);
  add_breadcrumbs(base, one, y, {.scale = 0.5});
  CHECK((x - y).cwiseAbs().maxCoeff() <= 1e-15);
  Eigen::VectorXd v = Eigen::VectorXd::Zero(10);
  add_breadcrumbs(Eigen::VectorXd::Zero(10), Eigen::VectorXd::LinSpaced(10, 1, 10), v,
                  {.scale = 1, .keep = 0.2, .leave_out = 0.1});
  CHECK(v.tail(3) == Eigen::Vector3d(8, 9, 0));
  CHECK(v.head(7) == Eigen::VectorXd::Zero(7));
}
