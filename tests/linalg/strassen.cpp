// Strassen's product and the one that survives faults: numpy's counts of patterns, relations, syndromes, repairs,
// misuse.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/message_of.hpp"
#include <glissade/linalg/strassen.hpp>

#include <array>
#include <limits>
#include <string>
#include <vector>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

MatrixXd normal(Index rows, Index cols, std::uint64_t seed) {
  return random_normal<double>(rows, cols, RandomKey{seed});
}
MatrixXd times(const MatrixXd& A, const MatrixXd& B) {
  MatrixXd out(A.rows(), B.cols());
  product(A, B, out);
  return out;
}
double error_of(const MatrixXd& C, const MatrixXd& A, const MatrixXd& B) {
  return (C - times(A, B)).norm() / (A.norm() * B.norm());
}

/// The coefficients of a product among the 16 products A_i B_j.
Eigen::VectorXi vector_of(const BlockProduct& product) {
  Eigen::VectorXi v(16);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) v[static_cast<Index>(4 * i + j)] = product.a[i] * product.b[j];
  return v;
}

/// How many patterns of so many lost products leave a block of C unknown.
int undecodable(const std::vector<BlockProduct>& products, std::size_t count) {
  const std::size_t p = products.size();
  std::vector<std::size_t> pattern(count);
  for (std::size_t i = 0; i < count; ++i) pattern[i] = i;
  int bad = 0;
  while (true) {
    std::vector<bool> lost(p, false);
    for (const std::size_t k : pattern) lost[k] = true;
    bad += decode_blocks(products, lost).complete() ? 0 : 1;
    std::size_t i = count;
    while (i > 0 && pattern[i - 1] == p - count + i - 1) --i;
    if (i == 0) return bad;
    ++pattern[i - 1];
    for (; i < count; ++i) pattern[i] = pattern[i - 1] + 1;
  }
}

FaultTolerantProduct::Compute losing(std::vector<int> which) {
  return [which](int k, const MatrixXd& left, const MatrixXd& right, MatrixXd& out) {
    product(left, right, out);
    return std::find(which.begin(), which.end(), k) == which.end();
  };
}
FaultTolerantProduct::Compute spoiling(std::vector<int> which, double by) {
  return [which, by](int k, const MatrixXd& left, const MatrixXd& right, MatrixXd& out) {
    product(left, right, out);
    if (std::find(which.begin(), which.end(), k) != which.end()) out(out.rows() / 2, 0) += by * (k + 1);
    return true;
  };
}

}  // namespace

TEST_CASE("decode_blocks: the patterns that numpy's ranks count") {
  const auto S = block_products(StrassenScheme::strassen), SW = block_products(StrassenScheme::strassen_winograd),
             all = block_products(StrassenScheme::with_parity);
  std::vector<BlockProduct> twice = S;
  twice.insert(twice.end(), S.begin(), S.end());
  const std::array<int, 3> of_SW{0, 2, 40}, of_twice{0, 7, 84}, of_all{0, 0, 7};
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(undecodable(SW, k + 1) == of_SW[k]);
    CHECK(undecodable(twice, k + 1) == of_twice[k]);
    CHECK(undecodable(all, k + 1) == of_all[k]);
  }
  CHECK(undecodable(SW, 4) == 362);
  CHECK(undecodable(all, 4) == 121);
  CHECK(undecodable(S, 1) == 7);
  std::vector<bool> pair(14, false);
  pair[2] = pair[11] = true;  // S3 and W5
  const BlockDecoding without = decode_blocks(SW, pair);
  CHECK(without.possible[0]);
  CHECK_FALSE(without.possible[1]);
}

TEST_CASE("decode_blocks: Strassen's formulas, four relations and their syndromes") {
  const auto SW = block_products(StrassenScheme::strassen_winograd);
  const BlockDecoding decoding = decode_blocks(SW, std::vector<bool>(14));
  MatrixXd strassen = MatrixXd::Zero(4, 14), four = MatrixXd::Zero(4, 14);
  strassen.leftCols(7) << 1, 0, 0, 1, -1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, -1, 1, 0, 0, 1, 0;
  CHECK(decoding.coefficients == strassen);
  four << 1, 0, 0, 1, -1, 0, 1, -1, -1, 0, 0, 0, 0, 0,  //
      0, 0, 1, 0, 1, 0, 0, -1, 0, -1, 0, -1, -1, 0,     //
      0, 1, 0, 1, 0, 0, 0, -1, 0, 0, 1, 0, -1, -1,      //
      1, -1, 0, 0, -1, 1, 0, 0, 0, 1, 0, 0, 0, -1;
  REQUIRE(decoding.relations.rows() == 4);
  Eigen::MatrixXi vectors(16, 14);
  for (Index k = 0; k < 14; ++k) vectors.col(k) = vector_of(SW[static_cast<std::size_t>(k)]);
  const MatrixXd exact = vectors.cast<double>();
  CHECK(times(four, exact.transpose().eval()).norm() == 0);
  CHECK(times(decoding.relations, exact.transpose().eval()).norm() == 0);
  // The four span the same relations as those found by elimination.
  MatrixXd both(8, 14);
  both << four, decoding.relations;
  CHECK(thin_svd(both).sigma[3] > 0.1);
  CHECK(thin_svd(both).sigma[4] < 1e-14);

  // Alike up to a factor are only S3 and W5, S7 and W2; with two more products none.
  for (const auto scheme : {StrassenScheme::strassen_winograd, StrassenScheme::with_parity}) {
    const auto products = block_products(scheme);
    const MatrixXd N = decode_blocks(products, std::vector<bool>(products.size())).relations;
    std::vector<std::pair<Index, Index>> alike;
    for (Index i = 0; i < N.cols(); ++i) {
      CHECK(N.col(i).norm() > 0);  // every error is seen
      for (Index j = i + 1; j < N.cols(); ++j)
        if (std::abs(std::abs(N.col(i).dot(N.col(j))) - N.col(i).norm() * N.col(j).norm()) < 1e-12)
          alike.emplace_back(i, j);
    }
    if (scheme == StrassenScheme::with_parity)
      CHECK(alike.empty());
    else
      CHECK(alike == std::vector<std::pair<Index, Index>>{{2, 11}, {6, 8}});
  }
}

TEST_CASE("strassen_product: any size, any number of levels") {
  for (const auto& [m, k, n] :
       {std::array<Index, 3>{1, 1, 1}, {2, 2, 2}, {3, 5, 2}, {17, 33, 9}, {64, 64, 64}, {50, 1, 7}})
    for (const std::int64_t levels : {0, 1, 2, 3}) {
      const MatrixXd A = normal(m, k, 1), B = normal(k, n, 2);
      const MatrixXd C = strassen_product(A, B, {.levels = levels, .cutoff = 1});
      REQUIRE(C.rows() == m);
      REQUIRE(C.cols() == n);
      CHECK(error_of(C, A, B) <= 1e-14);
    }
  // Below the cutoff it is the plain product, to the last bit; parts of matrices serve as well.
  const MatrixXd A = normal(40, 40, 3), B = normal(40, 40, 4);
  CHECK(strassen_product(A, B, {.levels = 5, .cutoff = 21}) == times(A, B));
  CHECK(strassen_product(A, B, {.levels = 5, .cutoff = 20}) != times(A, B));
  const MatrixXd part = A.block(3, 5, 20, 30), other = B.block(2, 1, 30, 10);
  CHECK(strassen_product(A.block(3, 5, 20, 30), B.block(2, 1, 30, 10), {.cutoff = 4}) ==
        strassen_product(part, other, {.cutoff = 4}));
  CHECK(strassen_product(MatrixXd(0, 3), MatrixXd(3, 2)).rows() == 0);
}

TEST_CASE("FaultTolerantProduct: nothing is wrong, for every scheme and any size") {
  for (const auto scheme : {StrassenScheme::strassen, StrassenScheme::strassen_winograd, StrassenScheme::with_parity})
    for (const auto& [m, k, n] : {std::array<Index, 3>{1, 1, 1}, {5, 3, 8}, {64, 64, 64}}) {
      const MatrixXd A = normal(m, k, 1), B = normal(k, n, 2);
      MatrixXd C;
      const ProductReport report = FaultTolerantProduct{.scheme = scheme}(A, B, C);
      CHECK(report.status == ProductStatus::sound);
      CHECK(report.faults.empty());
      CHECK(report.residual <= 1e-15);
      CHECK(error_of(C, A, B) <= 1e-14);
    }
  MatrixXd C;  // levels within each product
  const MatrixXd A = normal(70, 50, 3), B = normal(50, 60, 4);
  const FaultTolerantProduct deep{.levels = 2, .cutoff = 4};
  CHECK(deep(A, B, C).status == ProductStatus::sound);
  CHECK(error_of(C, A, B) <= 1e-14);
  CHECK(deep(MatrixXd::Zero(4, 4), MatrixXd::Zero(4, 4), C).status == ProductStatus::sound);
  CHECK(C.norm() == 0);
}

TEST_CASE("FaultTolerantProduct: any one or two products may be lost") {
  const MatrixXd A = normal(11, 10, 5), B = normal(10, 13, 6);
  const auto check = [&](StrassenScheme scheme, std::vector<int> lost, ProductStatus expected) {
    MatrixXd C;
    const ProductReport report = FaultTolerantProduct{.scheme = scheme}(A, B, C, losing(lost));
    INFO(lost[0] << " " << lost.back());
    CHECK(report.status == expected);
    CHECK(report.faults == lost);
    CHECK(error_of(C, A, B) <= 1e-14);
  };
  for (int i = 0; i < 16; ++i) {
    check(StrassenScheme::with_parity, {i}, ProductStatus::repaired);
    if (i < 14) check(StrassenScheme::strassen_winograd, {i}, ProductStatus::repaired);
    for (int j = i + 1; j < 16; ++j) {
      check(StrassenScheme::with_parity, {i, j}, ProductStatus::repaired);
      const bool bad = (i == 2 && j == 11) || (i == 6 && j == 8);
      if (j < 14)
        check(StrassenScheme::strassen_winograd, {i, j}, bad ? ProductStatus::recomputed : ProductStatus::repaired);
    }
  }
  check(StrassenScheme::strassen, {4}, ProductStatus::recomputed);

  MatrixXd C = MatrixXd::Constant(2, 2, 7);
  const FaultTolerantProduct honest{.scheme = StrassenScheme::strassen, .on_fault = FaultAction::report};
  const ProductReport report = honest(A, B, C, losing({0, 3}));
  CHECK(report.status == ProductStatus::undecodable);
  CHECK(report.faults == std::vector<int>{0, 3});
  CHECK(C == MatrixXd::Constant(2, 2, 7));
  const FaultTolerantProduct again{.on_fault = FaultAction::recompute};
  CHECK(again(A, B, C, losing({3})).status == ProductStatus::recomputed);
  CHECK(C == times(A, B));
}

TEST_CASE("FaultTolerantProduct: a product that is wrong is found and repaired, also while another is lost") {
  const MatrixXd A = normal(12, 12, 7), B = normal(12, 12, 8);
  for (const double size : {1e-6, 1.0, 1e12})
    for (int i = 0; i < 16; ++i) {
      MatrixXd C;
      INFO(i << " " << size);
      ProductReport report = FaultTolerantProduct{}(A, B, C, spoiling({i}, size));
      CHECK(report.status == ProductStatus::repaired);
      CHECK(report.faults == std::vector<int>{i});
      CHECK(report.residual > 1e-10);
      CHECK(error_of(C, A, B) <= 1e-14);
      if (i >= 14) continue;
      report = FaultTolerantProduct{.scheme = StrassenScheme::strassen_winograd}(A, B, C, spoiling({i}, size));
      const bool pair = i == 2 || i == 11 || i == 6 || i == 8;
      CHECK(report.status == (pair ? ProductStatus::recomputed : ProductStatus::repaired));
      CHECK(report.faults == std::vector<int>{i});
      CHECK(error_of(C, A, B) <= 1e-14);
    }
  MatrixXd C;
  const auto lost_and_wrong = [&](int k, const MatrixXd& left, const MatrixXd& right, MatrixXd& out) {
    product(left, right, out);
    if (k == 5) out(0, 0) += 1;
    if (k == 9) out(1, 1) = not_a_number;  // counts as lost
    return k != 13;
  };
  ProductReport report = FaultTolerantProduct{}(A, B, C, lost_and_wrong);
  CHECK(report.faults.size() == 3);
  CHECK(error_of(C, A, B) <= 1e-14);

  report = FaultTolerantProduct{}(A, B, C, spoiling({1, 4, 12}, 1));  // too many to tell
  CHECK(report.status == ProductStatus::recomputed);
  CHECK(C == times(A, B));
  C.setConstant(7);
  report = FaultTolerantProduct{.on_fault = FaultAction::report}(A, B, C, spoiling({1}, 1));
  CHECK(report.status == ProductStatus::corrupted);
  CHECK(C == MatrixXd::Constant(12, 12, 7));
  report = FaultTolerantProduct{.on_fault = FaultAction::recompute}(A, B, C, spoiling({1}, 1));
  CHECK(report.status == ProductStatus::recomputed);
  CHECK(C == times(A, B));
}

TEST_CASE("FaultTolerantProduct: refuses options out of range and matrices that do not fit, C stays as it was") {
  const MatrixXd A = normal(4, 6, 1), B = normal(6, 2, 2);
  MatrixXd C = MatrixXd::Constant(4, 2, 7);
  const auto refused = [&](const FaultTolerantProduct& multiply, const MatrixXd& left, const MatrixXd& right) {
    return message_of([&] { multiply(left, right, C); });
  };
  CHECK(refused({.scheme = static_cast<StrassenScheme>(3)}, A, B) ==
        "FaultTolerantProduct: scheme = 3, must be in [0, 2]");
  CHECK(refused({.check_tolerance = 0}, A, B) == "FaultTolerantProduct: check_tolerance = 0, must be > 0 and finite");
  CHECK(refused({.on_fault = static_cast<FaultAction>(-1)}, A, B) ==
        "FaultTolerantProduct: on_fault = -1, must be in [0, 2]");
  CHECK(refused({.levels = -1}, A, B) == "FaultTolerantProduct: levels = -1, must be >= 0 and finite");
  CHECK(refused({.cutoff = 0}, A, B) == "FaultTolerantProduct: cutoff = 0, must be >= 1 and finite");
  CHECK(refused({}, A, A) == "FaultTolerantProduct: B is 4 x 6, must be 6 x 6");
  MatrixXd bad = A;
  bad(1, 1) = not_a_number;
  CHECK(refused({}, bad, B) == "FaultTolerantProduct: A has a coefficient that is not finite");
  CHECK(refused({}, A.transpose(), bad) == "FaultTolerantProduct: B has a coefficient that is not finite");
  CHECK(message_of<std::runtime_error>([&] {
          FaultTolerantProduct{}(A, B, C, [](int k, const MatrixXd&, const MatrixXd&, MatrixXd&) -> bool {
            if (k == 9) throw std::runtime_error("unplugged");
            return true;
          });
        }) == "unplugged");
  CHECK(C == MatrixXd::Constant(4, 2, 7));
  CHECK(message_of([&] { (void)strassen_product(A, A); }) == "strassen_product: B is 4 x 6, must be 6 x 6");
  CHECK(message_of([&] { (void)strassen_product(A, B, {.levels = -1}); }) ==
        "strassen_product: levels = -1, must be >= 0 and finite");
  CHECK(message_of([&] { (void)strassen_product(A, B, {.cutoff = 0}); }) ==
        "strassen_product: cutoff = 0, must be >= 1 and finite");
  CHECK_FALSE(std::string(to_string(ProductStatus::corrupted)).empty());
}
