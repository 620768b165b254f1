// Strassen's multiplication, and one that survives lost and corrupted products of blocks.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/checks.hpp"
#include "product.hpp"

namespace glissade {

/// A product of two sums of blocks, (sum a_i A_i)(sum b_i B_i), where blocks are in the order 11, 12, 21, 22.
struct BlockProduct {
  std::array<int, 4> a;
  std::array<int, 4> b;
};

/// Which products of blocks are computed: Strassen's seven; these and Winograd's; both and two more.
enum class StrassenScheme { strassen, strassen_winograd, with_parity };

/// The products of a scheme: S1 to S7, W1 to W7, then W2 once more and (A21 - A22)(B12 - B22).
[[nodiscard]] inline std::vector<BlockProduct> block_products(StrassenScheme scheme) {
  std::vector<BlockProduct> products{
      {{1, 0, 0, 1}, {1, 0, 0, 1}},   {{0, 0, 1, 1}, {1, 0, 0, 0}},  {{1, 0, 0, 0}, {0, 1, 0, -1}},
      {{0, 0, 0, 1}, {-1, 0, 1, 0}},  {{1, 1, 0, 0}, {0, 0, 0, 1}},  {{-1, 0, 1, 0}, {1, 1, 0, 0}},
      {{0, 1, 0, -1}, {0, 0, 1, 1}},  //
      {{1, 0, 0, 0}, {1, 0, 0, 0}},   {{0, 1, 0, 0}, {0, 0, 1, 0}},  {{1, 1, -1, -1}, {0, 0, 0, 1}},
      {{0, 0, 0, 1}, {1, -1, -1, 1}}, {{0, 0, 1, 1}, {-1, 1, 0, 0}}, {{-1, 0, 1, 1}, {1, -1, 0, 1}},
      {{1, 0, -1, 0}, {0, -1, 0, 1}},  //
      {{0, 1, 0, 0}, {0, 0, 1, 0}},   {{0, 0, 1, -1}, {0, 1, 0, -1}}};
  products.resize(scheme == StrassenScheme::strassen ? 7 : scheme == StrassenScheme::strassen_winograd ? 14 : 16);
  return products;
}

/// How the blocks of C = A B follow from products.
struct BlockDecoding {
  std::array<bool, 4> possible{};  // of C11, C12, C21, C22
  Eigen::MatrixXd coefficients;    // 4 x products: C_q = sum of coefficients(q, k) times product k
  Eigen::MatrixXd relations;       // a basis of those sums of products that vanish, one in each row

  [[nodiscard]] bool complete() const { return possible[0] && possible[1] && possible[2] && possible[3]; }
};

/// Exact, by elimination on whole numbers: a product is a vector of 16 coefficients, of the products A_i B_j. Earlier
/// products are preferred. Those that are lost take no part.
[[nodiscard]] inline BlockDecoding decode_blocks(const std::vector<BlockProduct>& products,
                                                 const std::vector<bool>& lost) {
  const std::size_t p = products.size();
  require("decode_blocks", "lost", static_cast<double>(lost.size()),
          Range{static_cast<double>(p), static_cast<double>(p)});
  using Row = std::vector<std::int64_t>;
  std::vector<Row> rows(16, Row(p + 4, 0));
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j)
      for (std::size_t k = 0; k < p; ++k)
        if (!lost[k]) rows[4 * i + j][k] = products[k].a[i] * products[k].b[j];
  for (std::size_t r = 0; r < 2; ++r)  // C_rc = A_r1 B_1c + A_r2 B_2c
    for (std::size_t c = 0; c < 2; ++c)
      for (std::size_t k = 0; k < 2; ++k) rows[4 * (2 * r + k) + 2 * k + c][p + 2 * r + c] = 1;

  std::vector<std::size_t> pivots;  // the columns, of the first rows
  for (std::size_t col = 0; col < p && pivots.size() < 16; ++col) {
    const std::size_t at = pivots.size();
    std::size_t found = at;
    while (found < 16 && rows[found][col] == 0) ++found;
    if (found == 16) continue;
    std::swap(rows[at], rows[found]);
    for (std::size_t i = 0; i < 16; ++i) {
      const std::int64_t factor = rows[i][col];
      if (i == at || factor == 0) continue;
      std::int64_t divisor = 0;
      for (std::size_t c = 0; c < p + 4; ++c) {
        rows[i][c] = rows[i][c] * rows[at][col] - rows[at][c] * factor;
        divisor = std::gcd(divisor, rows[i][c]);
      }
      if (divisor > 1)
        for (std::int64_t& value : rows[i]) value /= divisor;
    }
    pivots.push_back(col);
  }

  const auto ratio = [&](std::size_t row, std::size_t col) {
    return static_cast<double>(rows[row][col]) / static_cast<double>(rows[row][pivots[row]]);
  };
  BlockDecoding decoding;
  decoding.coefficients.setZero(4, static_cast<Eigen::Index>(p));
  for (std::size_t q = 0; q < 4; ++q) {
    decoding.possible[q] = true;
    for (std::size_t i = pivots.size(); i < 16; ++i)
      if (rows[i][p + q] != 0) decoding.possible[q] = false;
    if (!decoding.possible[q]) continue;
    for (std::size_t i = 0; i < pivots.size(); ++i)
      decoding.coefficients(static_cast<Eigen::Index>(q), static_cast<Eigen::Index>(pivots[i])) = ratio(i, p + q);
  }
  std::vector<std::size_t> free_columns;
  for (std::size_t k = 0; k < p; ++k)
    if (!lost[k] && std::find(pivots.begin(), pivots.end(), k) == pivots.end()) free_columns.push_back(k);
  decoding.relations.setZero(static_cast<Eigen::Index>(free_columns.size()), static_cast<Eigen::Index>(p));
  for (std::size_t f = 0; f < free_columns.size(); ++f) {
    const auto row = static_cast<Eigen::Index>(f);
    decoding.relations(row, static_cast<Eigen::Index>(free_columns[f])) = 1;
    for (std::size_t i = 0; i < pivots.size(); ++i)
      decoding.relations(row, static_cast<Eigen::Index>(pivots[i])) = -ratio(i, free_columns[f]);
  }
  return decoding;
}

namespace detail {

using BlockRef = Eigen::Ref<const Eigen::MatrixXd>;

inline auto block_of(auto&& M, std::size_t which) {
  const Eigen::Index rows = M.rows() / 2, cols = M.cols() / 2;
  return M.block(which < 2 ? 0 : rows, which % 2 == 0 ? 0 : cols, rows, cols);
}

/// The one block that a sum consists of, or 4.
inline std::size_t only_block(const std::array<int, 4>& coefficients) {
  std::size_t found = 4;
  for (std::size_t i = 0; i < 4; ++i) {
    if (coefficients[i] == 0) continue;
    if (coefficients[i] != 1 || found != 4) return 4;
    found = i;
  }
  return found;
}

/// The sum of blocks with coefficients of -1, 0 and 1.
inline void sum_of_blocks(const BlockRef& M, const std::array<int, 4>& coefficients, Eigen::MatrixXd& sum) {
  bool first = true;
  for (std::size_t i = 0; i < 4; ++i) {
    if (coefficients[i] == 0) continue;
    const auto part = block_of(M, i);
    if (first)
      sum = coefficients[i] * part;
    else if (coefficients[i] == 1)
      sum += part;
    else
      sum -= part;
    first = false;
  }
}

/// M with rows and columns of zeros, so that both are even.
inline Eigen::MatrixXd made_even(const BlockRef& M) {
  Eigen::MatrixXd even = Eigen::MatrixXd::Zero(M.rows() + M.rows() % 2, M.cols() + M.cols() % 2);
  even.topLeftCorner(M.rows(), M.cols()) = M;
  return even;
}

inline void strassen(const BlockRef& A, const BlockRef& B, Eigen::Ref<Eigen::MatrixXd> C, std::int64_t levels,
                     std::int64_t cutoff, const std::vector<BlockProduct>& products, const BlockDecoding& decoding) {
  if (levels == 0 || std::min({A.rows(), A.cols(), B.cols()}) < 2 * cutoff) {
    C.noalias() = A * B;  // in larger panels than `product`, which is faster where products are large
    return;
  }
  if ((A.rows() | A.cols() | B.cols()) % 2 != 0) {
    Eigen::MatrixXd even(A.rows() + A.rows() % 2, B.cols() + B.cols() % 2);
    strassen(made_even(A), made_even(B), even, levels, cutoff, products, decoding);
    C = even.topLeftCorner(C.rows(), C.cols());
    return;
  }
  Eigen::MatrixXd left, right, part(A.rows() / 2, B.cols() / 2);
  C.setZero();
  for (std::size_t k = 0; k < products.size(); ++k) {
    const std::size_t a = only_block(products[k].a), b = only_block(products[k].b);
    if (a == 4) sum_of_blocks(A, products[k].a, left);
    if (b == 4) sum_of_blocks(B, products[k].b, right);
    const BlockRef L = a == 4 ? BlockRef(left) : BlockRef(block_of(A, a));
    const BlockRef R = b == 4 ? BlockRef(right) : BlockRef(block_of(B, b));
    strassen(L, R, part, levels - 1, cutoff, products, decoding);
    for (std::size_t q = 0; q < 4; ++q) {
      const double c = decoding.coefficients(static_cast<Eigen::Index>(q), static_cast<Eigen::Index>(k));
      if (c != 0) block_of(C, q) += c * part;
    }
  }
}

}  // namespace detail

/// C = A B by Strassen's algorithm: 7 products of half the size in place of 8, `levels` times.
///
///     Eigen::MatrixXd P = strassen_product(D, D, {.levels = 2});
///
/// Blocks smaller than `cutoff` are not divided. Odd sizes are filled up with zeros. Against Eigen's product on one
/// core (bench/linalg/strassen.cpp) it takes as long at n = 1024 and 2048, 0.9 of its time at 4096. Errors of
/// C are bounded by the norms of A and B, not coefficient by coefficient as those of the plain product.
struct StrassenLevels {
  std::int64_t levels = 1;   // >= 0
  std::int64_t cutoff = 64;  // >= 1
};
[[nodiscard]] inline Eigen::MatrixXd strassen_product(const Eigen::Ref<const Eigen::MatrixXd>& A,
                                                      const Eigen::Ref<const Eigen::MatrixXd>& B,
                                                      const StrassenLevels& options = {}) {
  constexpr std::string_view name = "strassen_product";
  require(name, "levels", static_cast<double>(options.levels), range::non_negative);
  require(name, "cutoff", static_cast<double>(options.cutoff), range::at_least_one);
  require_shape(name, "B", B, A.cols(), B.cols());
  const std::vector<BlockProduct> products = block_products(StrassenScheme::strassen);
  Eigen::MatrixXd C(A.rows(), B.cols());
  detail::strassen(A, B, C, options.levels, options.cutoff, products, decode_blocks(products, std::vector<bool>(7)));
  return C;
}

/// What is done about a fault: find out which product it was and do without it, computing again only what must be; or
/// compute all of C again; or nothing.
enum class FaultAction { locate_and_repair, recompute, report };

/// How a fault-tolerant product ended.
enum class ProductStatus { sound, repaired, recomputed, corrupted, undecodable };

/// A sentence about how a product ended.
constexpr std::string_view to_string(ProductStatus status) {
  switch (status) {
    case ProductStatus::sound:
      return "No product was lost, and all relations between the products hold.";
    case ProductStatus::repaired:
      return "The product does without those that were lost or wrong.";
    case ProductStatus::recomputed:
      return "Products, or all of C, had to be computed again.";
    case ProductStatus::corrupted:
      return "Relations between the products do not hold: some are wrong. C was not written.";
    case ProductStatus::undecodable:
      return "Too many products are lost. C was not written.";
  }
  return "Unknown status.";
}

struct ProductReport {
  ProductStatus status = ProductStatus::sound;
  std::vector<int> faults;  // the products that were lost or found wrong, from 0
  double residual = 0;      // the largest norm of a relation, as a part of |A| |B|
};

/// C = A B from more products of blocks than are needed, so that some may be lost or wrong: where products are computed
/// by machines that fail or stay away, or on hardware that is not trusted.
///
///     C_q = sum of coefficients of the products that are there, exact ones by elimination (decode_blocks)
///     wrong ones: relations r_a = sum N_ak P_k, which should be 0, are N_ak E where product k is off by E: k is the
///         column of N that fits all of them;  columns that are alike: those products are computed again
///
///     FaultTolerantProduct multiply{.scheme = StrassenScheme::with_parity};
///     const ProductReport report = multiply(D, D, D);
///
/// scheme             products  one lost or wrong  two lost          relations
/// strassen                  7  none               none              0
/// strassen_winograd        14  all                89 of 91          4; S3 or W5, and S7 or W2, cannot be told apart
/// with_parity              16  all                all of 120        6; every product can be told from the others
///
/// Options: scheme (with_parity); check_tolerance > 0 (1e-10): relations whose norm is at most this part of |A| |B|
/// (Frobenius) hold; on_fault (locate_and_repair); levels >= 0 (0) and cutoff >= 1 (64) of strassen_product within
/// each product.
/// compute(k, left, right, out): the user's way to have product k computed, false where it is lost; none: here. What is
/// computed again is computed here. Products that are not finite count as lost.
/// Cost: 14 or 16 products of half the size in place of 8, 1.75 or 2 times a plain product, 2.2 or 2.7 measured at n =
/// 1024 (bench/linalg/strassen.cpp). Memory: all of them.
/// Errors: std::invalid_argument for options, shapes, and numbers that are not finite in A and B. An exception of
/// compute leaves C as it was.
/// Source: "Fault-Tolerant Strassen-Like Matrix Multiplication", 2022, arXiv 2210.04441, of which the abstract was at
/// hand: relations and additional products were found by exhaustive search and need not be the authors'.
struct FaultTolerantProduct {
  static constexpr std::string_view name = "FaultTolerantProduct";
  using MatrixXd = Eigen::MatrixXd;
  using Compute = std::function<bool(int, const MatrixXd& left, const MatrixXd& right, MatrixXd& out)>;

  StrassenScheme scheme = StrassenScheme::with_parity;
  double check_tolerance = 1e-10;
  FaultAction on_fault = FaultAction::locate_and_repair;
  std::int64_t levels = 0;
  std::int64_t cutoff = 64;

  ProductReport operator()(const Eigen::Ref<const MatrixXd>& A, const Eigen::Ref<const MatrixXd>& B, MatrixXd& C,
                           const Compute& compute = {}) const {
    check(A, B);
    const MatrixXd even_A = detail::made_even(A), even_B = detail::made_even(B);
    const std::vector<BlockProduct> products = block_products(scheme);
    const std::size_t p = products.size();
    std::vector<MatrixXd> results(p);
    std::vector<bool> lost(p, false);
    ProductReport report;
    MatrixXd left, right;
    const auto compute_here = [&](std::size_t k) {
      detail::sum_of_blocks(even_A, products[k].a, left);
      detail::sum_of_blocks(even_B, products[k].b, right);
      results[k] = strassen_product(left, right, {levels, cutoff});
    };
    for (std::size_t k = 0; k < p; ++k) {
      if (!compute) {
        compute_here(k);
        continue;
      }
      detail::sum_of_blocks(even_A, products[k].a, left);
      detail::sum_of_blocks(even_B, products[k].b, right);
      results[k].setZero(left.rows(), right.cols());
      const bool there = compute(static_cast<int>(k), left, right, results[k]);
      lost[k] =
          !there || results[k].rows() != left.rows() || results[k].cols() != right.cols() || !results[k].allFinite();
    }
    for (std::size_t k = 0; k < p; ++k)
      if (lost[k]) report.faults.push_back(static_cast<int>(k));
    if (!report.faults.empty()) report.status = ProductStatus::repaired;

    BlockDecoding decoding = decode_blocks(products, lost);
    if (!decoding.complete()) {
      if (on_fault == FaultAction::report) {
        report.status = ProductStatus::undecodable;
        return report;
      }
      for (std::size_t k = 0; k < p; ++k)
        if (lost[k]) compute_here(k);
      lost.assign(p, false);
      decoding = decode_blocks(products, lost);
      report.status = ProductStatus::recomputed;
    }

    const double allowed = check_tolerance * A.norm() * B.norm();
    std::vector<MatrixXd> errors = relations_of(decoding, results);
    report.residual = largest(errors);
    const bool wrong = report.residual > allowed;
    if (A.norm() * B.norm() > 0) report.residual /= A.norm() * B.norm();
    if (wrong) {
      if (on_fault == FaultAction::report) {
        report.status = ProductStatus::corrupted;
        return report;
      }
      if (on_fault == FaultAction::recompute ||
          !repair(products, lost, results, errors, allowed, decoding, compute_here, report))
        return recomputed(A, B, C, report);
    } else if (report.status == ProductStatus::repaired && on_fault == FaultAction::recompute) {
      return recomputed(A, B, C, report);
    }

    MatrixXd whole = MatrixXd::Zero(even_A.rows(), even_B.cols());
    for (std::size_t q = 0; q < 4; ++q)
      for (std::size_t k = 0; k < p; ++k) {
        const double c = decoding.coefficients(static_cast<Eigen::Index>(q), static_cast<Eigen::Index>(k));
        if (c != 0) detail::block_of(whole, q) += c * results[k];
      }
    C = whole.topLeftCorner(A.rows(), B.cols());
    return report;
  }

 private:
  void check(const Eigen::Ref<const MatrixXd>& A, const Eigen::Ref<const MatrixXd>& B) const {
    require(name, "scheme", scheme, StrassenScheme::with_parity);
    require(name, "check_tolerance", check_tolerance, range::positive);
    require(name, "on_fault", on_fault, FaultAction::report);
    require(name, "levels", static_cast<double>(levels), range::non_negative);
    require(name, "cutoff", static_cast<double>(cutoff), range::at_least_one);
    require_shape(name, "B", B, A.cols(), B.cols());
    if (!A.allFinite()) throw std::invalid_argument("FaultTolerantProduct: A has a coefficient that is not finite");
    if (!B.allFinite()) throw std::invalid_argument("FaultTolerantProduct: B has a coefficient that is not finite");
  }

  static std::vector<MatrixXd> relations_of(const BlockDecoding& decoding, const std::vector<MatrixXd>& results) {
    std::vector<MatrixXd> errors;
    for (Eigen::Index a = 0; a < decoding.relations.rows(); ++a) {
      MatrixXd sum = MatrixXd::Zero(results[0].rows(), results[0].cols());
      for (std::size_t k = 0; k < results.size(); ++k) {
        const double c = decoding.relations(a, static_cast<Eigen::Index>(k));
        if (c != 0) sum += c * results[k];
      }
      errors.push_back(std::move(sum));
    }
    return errors;
  }
  static double largest(const std::vector<MatrixXd>& errors) {
    double most = 0;
    for (const MatrixXd& error : errors) most = std::max(most, error.norm());
    return most;
  }

  /// Whether product k being off by some E explains all relations.
  static bool explains(const BlockDecoding& decoding, std::size_t k, const std::vector<MatrixXd>& errors,
                       double allowed) {
    const Eigen::VectorXd column = decoding.relations.col(static_cast<Eigen::Index>(k));
    const double square = column.squaredNorm();
    if (!(square > 0)) return false;
    MatrixXd E = MatrixXd::Zero(errors[0].rows(), errors[0].cols());
    for (std::size_t a = 0; a < errors.size(); ++a) E += column[static_cast<Eigen::Index>(a)] / square * errors[a];
    for (std::size_t a = 0; a < errors.size(); ++a)
      if (!((errors[a] - column[static_cast<Eigen::Index>(a)] * E).norm() <= allowed + 1e-13 * E.norm())) return false;
    return true;
  }

  /// Finds the product that is wrong and does without it. False: no single one explains what is seen.
  bool repair(const std::vector<BlockProduct>& products, std::vector<bool>& lost, std::vector<MatrixXd>& results,
              const std::vector<MatrixXd>& errors, double allowed, BlockDecoding& decoding, const auto& compute_here,
              ProductReport& report) const {
    std::vector<std::size_t> suspects;
    for (std::size_t k = 0; k < products.size(); ++k)
      if (!lost[k] && explains(decoding, k, errors, allowed)) suspects.push_back(k);
    if (suspects.empty()) return false;
    if (suspects.size() == 1) {
      lost[suspects[0]] = true;
      report.faults.push_back(static_cast<int>(suspects[0]));
      const BlockDecoding without = decode_blocks(products, lost);
      if (without.complete() && largest(relations_of(without, results)) <= allowed) {
        decoding = without;
        if (report.status == ProductStatus::sound) report.status = ProductStatus::repaired;
        return true;
      }
    }
    for (const std::size_t k : suspects) {
      const MatrixXd before = results[k];
      compute_here(k);
      if (suspects.size() > 1 && (results[k] - before).norm() > allowed) report.faults.push_back(static_cast<int>(k));
      lost[k] = false;
    }
    decoding = decode_blocks(products, lost);
    report.status = ProductStatus::recomputed;
    return largest(relations_of(decoding, results)) <= allowed;
  }

  ProductReport recomputed(const Eigen::Ref<const MatrixXd>& A, const Eigen::Ref<const MatrixXd>& B, MatrixXd& C,
                           ProductReport& report) const {
    report.status = ProductStatus::recomputed;
    C = strassen_product(A, B, {levels, cutoff});
    return report;
  }
};

}  // namespace glissade
