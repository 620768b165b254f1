// Attention of one head in near-linear time.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include "../../core/checks.hpp"
#include "../../linalg/product.hpp"
#include "polynomial_plan.hpp"
#include "softmax_attention.hpp"

namespace glissade {

/// Attention of one head and its gradient in time linear in the length, for long sequences whose queries and keys
/// are small: exp(S_ij) is replaced by its Taylor polynomial of degree g, which is a product of k features.
///
///     Phi(z): z^a / sqrt(a!) for every multi-index |a| <= g,   Phi(u).Phi(v) = sum_(t <= g) (u.v)^t / t!
///     E1 = Phi(sqrt(beta) Q),  U2 = Phi(sqrt(beta) K),  D = E1 (U2' 1),  U1 = E1 / D:   P ~ U1 U2'
///     O = U1 (U2' V),   rho = rowsum(dO o O),   dV = U2 (U1' dO);   with V+ = (V, 1) and dO+ = (dO, -rho),
///     dQ = beta sum_c dO+_c o (U1 (U2' (V+_c o K))),   dK = beta sum_c V+_c o (U2 (U1' (dO+_c o Q)))
///
///     PolynomialAttention<float> attention({.tolerance = 1e-2});
///     if (const auto plan = attention.forward(Q, K, V, O); plan.accepted())
///       attention.backward(Q, K, V, dO, dQ, dK, dV);
///     else
///       log(plan.text());                                // and SoftmaxAttention does it
///
/// The gradient is the exact one's formula with the approximate P, not the derivative of the approximate O.
/// With |S_ij| <= s the relative error of every exp(S_ij) is at most exp_error = exp(s) s^(g+1) / (g+1)!; the plan adds
/// exp(2 s) units of rounding, which is what float meets first. Even degrees are positive everywhere. O is left as it
/// was when the plan declines, except for `not_positive`.
/// Shapes: Q, K L x h, V and O L x w, tokens in rows; outputs are sized before the call and overlap nothing. No mask.
/// Cost, for w = h: 8 L k h^2 + 16 L k h flops forward and backward; the features are made for 64 tokens at a time, so
/// memory is about 2 k (h + 1)(w + 1) + 64 k + L (w + 2) scalars. The exact form is faster below about L = k h / 3.
/// Nothing is taken from the heap after the first call with a length and a degree.
/// Errors: std::invalid_argument for shapes and options; std::logic_error for a backward without its forward. What
/// cannot be done well is a verdict, not an exception; so is an empty sequence, which is shorter than any rank.
/// Source: "Computational Limits of Low-Rank Adaptation (LoRA) for Transformer-Based Models", 2024, arXiv 2406.03136;
/// the polynomial is that of "Fast Attention Requires Bounded Entries", 2023, arXiv 2302.13214. Deviation: U1 and U2
/// are never held as a whole, so the limit of memory is on k (h + 1)(w + 1), not on k L.
template <class T>
class PolynomialAttention {
 public:
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;

  explicit PolynomialAttention(const PolynomialAttentionOptions& options = {}) : options_(options) {
    constexpr auto owner = "PolynomialAttention";
    if (options.beta) require(owner, "beta", *options.beta, range::positive);
    require(owner, "tolerance", options.tolerance, range::open_fraction);
    if (options.degree) require(owner, "degree", *options.degree, {0, 1000});
    require(owner, "max_bytes", options.max_bytes, range::positive);
  }

  [[nodiscard]] const PolynomialAttentionOptions& options() const { return options_; }
  /// The factor of the logits for heads of this width.
  [[nodiscard]] double beta(Index h) const {
    return options_.beta ? *options_.beta : 1 / std::sqrt(static_cast<double>(h));
  }
  /// Of the last forward.
  [[nodiscard]] const PolynomialPlan& plan() const { return plan_; }

  /// What forward would do for values of this width, found in O(L h): the degree, its cost and its error.
  PolynomialPlan plan(const Input& Q, const Input& K, Index value_width) {
    detail::require_attention_shapes("PolynomialAttention::plan", Q, K, K, K);
    require("PolynomialAttention::plan", "value_width", static_cast<double>(value_width), range::at_least_one);
    PolynomialPlan plan;
    plan.length = static_cast<double>(Q.rows());
    planned_center_.setZero(K.cols());
    const double query = largest_norm(Q);
    double key = largest_norm(K);
    if (options_.center_keys && K.rows() > 0) {
      planned_center_ = K.template cast<double>().colwise().mean();
      const double centered = largest_norm(K);
      plan.centered = centered < key;
      if (plan.centered)
        key = centered;
      else
        planned_center_.setZero();
    }
    plan.bound = beta(Q.cols()) * query * key;
    if (!std::isfinite(plan.bound)) {
      plan.verdict = PolynomialVerdict::not_finite;
      return plan;
    }
    const double h = static_cast<double>(Q.cols());
    detail::choose_degree(plan, h, static_cast<double>(std::numeric_limits<T>::epsilon()), options_);
    plan.is_faster = 2 * plan.length > plan.rank * h;
    const double w = static_cast<double>(value_width);
    const double sums = h * (w + 1) + w;
    plan.bytes = sizeof(Step) * plan.rank + sizeof(T) * (plan.rank * (block + 2 * sums) + block * (2 * sums + h));
    if (!plan.accepted()) return plan;
    if (plan.rank > plan.length)
      plan.verdict = PolynomialVerdict::rank;
    else if (plan.bytes > options_.max_bytes)
      plan.verdict = PolynomialVerdict::memory;
    return plan;
  }

  PolynomialPlan forward(const Input& Q, const Input& K, const Input& V, Output O) {
    detail::require_attention_shapes("PolynomialAttention::forward", Q, K, V, O);
    ready_ = false;
    plan_ = plan(Q, K, V.cols());
    if (!plan_.accepted()) return plan_;
    begin(Q, V.cols());
    const View sums = view(key_sums_, k_, w_ + 1);
    sums.flat().setZero();
    for_each_block([&](Index j, Index b) {
      const View features = features_of(K, j, b, true);
      const View values = view(panel_, b, w_ + 1);
      map(values).leftCols(w_) = V.middleRows(j, b);
      map(values).col(w_).setOnes();
      multiply(features.transpose(), values, sums, 1, true);
    });
    bool positive = true;
    for_each_block([&](Index i, Index b) {
      const View features = features_of(Q, i, b, false);
      const View image = view(image_, b, w_ + 1);
      multiply(features, sums, image);
      const auto sum = map(image).col(w_).array();
      positive = positive && (sum > T(0)).all();
      inverse_sum_.segment(i, b) = sum.inverse();
      O.middleRows(i, b) = map(image).leftCols(w_);
      scale_rows(O.middleRows(i, b), inverse_sum_.segment(i, b));
    });
    if (!positive) {
      plan_.verdict = PolynomialVerdict::not_positive;
      return plan_;
    }
    O_ = O;
    ready_ = true;
    return plan_;
  }

  /// After an accepted forward with the same Q, K and V: the gradients of the loss from that of O.
  void backward(const Input& Q, const Input& K, const Input& V, const Input& dO, Output dQ, Output dK, Output dV) {
    require_shape("PolynomialAttention::backward", "dK", dK, Q.rows(), Q.cols());
    back(Q, K, V, dO, dQ, &dK, dV);
  }
  /// The same without the gradient of the keys.
  void backward(const Input& Q, const Input& K, const Input& V, const Input& dO, Output dQ, Output dV) {
    back(Q, K, V, dO, dQ, nullptr, dV);
  }

 private:
  using Column = Eigen::Array<T, Eigen::Dynamic, 1>;
  using View = MatrixView<T>;
  static constexpr Index block = 64;  // tokens at a time

  static View view(std::vector<T>& values, Index rows, Index cols) { return {values.data(), rows, cols}; }
  static auto map(const View& view) { return Eigen::Map<Matrix>(view.data, view.rows, view.cols); }
  static void scale_rows(auto&& matrix, const auto& factors) {
    for (Index c = 0; c < matrix.cols(); ++c) matrix.col(c).array() *= factors;
  }
  template <class Use>
  void for_each_block(const Use& use) const {
    for (Index i = 0; i < length_; i += block) use(i, (std::min)(block, length_ - i));
  }

  /// Of the rows of Z minus the center; NaN or infinite if an entry is.
  double largest_norm(const Input& Z) {
    squares_.setZero(Z.rows());
    for (Index j = 0; j < Z.cols(); ++j)
      squares_ += (Z.col(j).array().template cast<double>() - planned_center_(j)).square();
    // A maximum may pass over NaN, a sum does not.
    if (!std::isfinite(squares_.sum())) return std::numeric_limits<double>::infinity();
    return squares_.size() > 0 ? std::sqrt(squares_.maxCoeff()) : 0;
  }

  void begin(const Input& Q, Index width) {
    if (h_ != Q.cols() || degree_ != plan_.degree) make_table(Q.cols(), plan_.degree);
    center_ = planned_center_;
    length_ = Q.rows();
    w_ = width;
    k_ = static_cast<Index>(plan_.rank);
    const Index most = h_ * (w_ + 1) + w_;
    const auto grow = [](std::vector<T>& values, Index size) {
      if (values.size() < static_cast<std::size_t>(size)) values.resize(static_cast<std::size_t>(size));
    };
    grow(features_, block * k_);
    grow(panel_, block * most);
    grow(image_, block * most);
    grow(tokens_, block * h_);
    grow(key_sums_, k_ * most);
    grow(query_sums_, k_ * most);
    minus_rho_.resize(block);
    inverse_sum_.resize(length_);
    O_.resize(length_, w_);
  }

  /// Every feature but the first is an earlier one times a coordinate: the last that its monomial contains.
  void make_table(Index h, int degree) {
    const T root = static_cast<T>(std::sqrt(beta(h)));
    table_.assign(1, {});
    std::vector<int> power{0};  // of that coordinate
    std::size_t begin = 0;
    for (int t = 1; t <= degree; ++t) {
      const std::size_t end = table_.size();
      for (std::size_t a = begin; a < end; ++a)
        for (Index j = table_[a].coordinate; j < h; ++j) {
          power.push_back(j == table_[a].coordinate ? power[a] + 1 : 1);
          table_.push_back({static_cast<Index>(a), j, root / std::sqrt(static_cast<T>(power.back()))});
        }
      begin = end;
    }
    h_ = h;
    degree_ = degree;
  }

  /// Phi(sqrt(beta) z) of b tokens; leaves the tokens, minus the center if they are keys, in tokens_.
  View features_of(const Input& Z, Index first, Index b, bool keys) {
    auto tokens = map(view(tokens_, b, h_));
    tokens = Z.middleRows(first, b);
    if (keys)
      for (Index j = 0; j < h_; ++j) tokens.col(j).array() -= static_cast<T>(center_(j));
    const View features = view(features_, b, k_);
    auto F = map(features);
    F.col(0).setOnes();
    for (Index a = 1; a < k_; ++a) {
      const Step& step = table_[static_cast<std::size_t>(a)];
      F.col(a) = step.factor * F.col(step.parent).cwiseProduct(tokens.col(step.coordinate));
    }
    return features;
  }

  /// Z_c o tokens for every column c of Z, then last o tokens: rows of Z and tokens multiplied in all pairs.
  void make_pairs(const auto& Z, const auto& last, auto pairs) {
    const auto tokens = map(view(tokens_, Z.rows(), h_));
    for (Index c = 0; c <= w_; ++c)
      for (Index j = 0; j < h_; ++j) {
        if (c < w_)
          pairs.col(c * h_ + j) = Z.col(c).cwiseProduct(tokens.col(j));
        else
          pairs.col(c * h_ + j) = last.cwiseProduct(tokens.col(j));
      }
  }
  /// sum_c Z_c o image_c, with `last` for the last one.
  void contract(const auto& Z, const auto& last, const auto& image, auto result) const {
    for (Index j = 0; j < h_; ++j) {
      result.col(j) = last.cwiseProduct(image.col(w_ * h_ + j));
      for (Index c = 0; c < w_; ++c) result.col(j) += Z.col(c).cwiseProduct(image.col(c * h_ + j));
    }
  }

  void back(const Input& Q, const Input& K, const Input& V, const Input& dO, Output& dQ, Output* dK, Output& dV) {
    constexpr auto where = "PolynomialAttention::backward";
    detail::require_attention_shapes(where, Q, K, V, dO);
    require_shape(where, "dQ", dQ, Q.rows(), Q.cols());
    require_shape(where, "dV", dV, V.rows(), V.cols());
    if (!ready_) throw std::logic_error("PolynomialAttention::backward: no forward was accepted before");
    if (Q.rows() != length_ || Q.cols() != h_ || V.cols() != w_)
      throw std::logic_error("PolynomialAttention::backward: the last forward had Q of " + shape_text(length_, h_) +
                             " and V of " + shape_text(length_, w_));
    const Index pairs = h_ * (w_ + 1);
    const T beta = static_cast<T>(this->beta(h_));
    const auto ones = Eigen::Matrix<T, Eigen::Dynamic, 1>::Ones(block);

    const View key_sums = view(key_sums_, k_, pairs);
    key_sums.flat().setZero();
    for_each_block([&](Index j, Index b) {
      const View features = features_of(K, j, b, true);
      const View panel = view(panel_, b, pairs);
      make_pairs(V.middleRows(j, b), ones.head(b), map(panel));
      multiply(features.transpose(), panel, key_sums, 1, true);
    });

    const View query_sums = view(query_sums_, k_, w_ + (dK != nullptr ? pairs : 0));
    query_sums.flat().setZero();
    for_each_block([&](Index i, Index b) {
      const View features = features_of(Q, i, b, false);
      const View image = view(image_, b, pairs);
      multiply(features, key_sums, image);
      const auto inverse = inverse_sum_.segment(i, b);
      minus_rho_.head(b) = -dO.middleRows(i, b).cwiseProduct(O_.middleRows(i, b)).rowwise().sum();
      contract(dO.middleRows(i, b), minus_rho_.head(b), map(image), dQ.middleRows(i, b));
      scale_rows(dQ.middleRows(i, b), beta * inverse);
      const View panel = view(panel_, b, query_sums.cols);
      map(panel).leftCols(w_) = dO.middleRows(i, b);
      if (dK != nullptr) make_pairs(dO.middleRows(i, b), minus_rho_.head(b), map(panel).rightCols(pairs));
      scale_rows(map(panel), inverse);
      multiply(features.transpose(), panel, query_sums, 1, true);
    });

    for_each_block([&](Index j, Index b) {
      const View features = features_of(K, j, b, true);
      const View image = view(image_, b, query_sums.cols);
      multiply(features, query_sums, image);
      dV.middleRows(j, b) = map(image).leftCols(w_);
      if (dK == nullptr) return;
      contract(V.middleRows(j, b), ones.head(b), map(image).rightCols(pairs), dK->middleRows(j, b));
      dK->middleRows(j, b) *= beta;
    });
  }

  struct Step {
    Index parent = 0;
    Index coordinate = 0;
    T factor = 1;
  };

  PolynomialAttentionOptions options_;
  PolynomialPlan plan_;
  bool ready_ = false;
  Index length_ = 0;
  Index h_ = 0;
  Index w_ = 0;
  Index k_ = 0;
  int degree_ = -1;
  std::vector<Step> table_;
  Eigen::RowVectorXd planned_center_, center_;  // of the last plan and forward; zero where keys are taken as they are
  Eigen::ArrayXd squares_;
  Matrix O_;                                          // of the last forward
  Column inverse_sum_;                                // 1 / D
  Eigen::Matrix<T, Eigen::Dynamic, 1> minus_rho_;     // of a block
  std::vector<T> features_, panel_, image_, tokens_;  // of a block of tokens
  std::vector<T> key_sums_, query_sums_;              // U2' (V+_c o K); U1' dO and U1' (dO+_c o Q)
};

}  // namespace glissade
