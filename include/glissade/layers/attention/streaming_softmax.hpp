// Softmax-weighted sums of values that arrive block by block.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "../../core/checks.hpp"
#include "../../linalg/product.hpp"

namespace glissade {

/// Means of values with softmax weights, for those whose logits and values come in blocks, in any order and from
/// several places, and are never all there at once. Every row has its own logits.
///
///     of each row: m largest logit, l = sum_j exp(s_j - m), a = sum_j exp(s_j - m) v_j         result a / l
///     add:    n = max(m, block's), then  l <- exp(m - n) l + sum_j exp(s_j - n),   a the same with v_j,   m <- n
///     merge:  n = max(m1, m2),   l = exp(m1 - n) l1 + exp(m2 - n) l2,   a the same
///
///     StreamingSoftmax<float> sums(X.rows(), V.cols());
///     sums.add(X, V);                  // logits of all rows for the values in the rows of V
///     StreamingSoftmax<float> others(X.rows(), V.cols());
///     others.add(Y, target);   sums.merge(others);
///     sums.result(O);
///
/// merge is associative and commutative up to rounding, and the result is that of the whole softmax up to rounding,
/// however the values are cut into blocks. Logits may have any size: exp is taken of differences that are not positive.
/// A logit of minus infinity leaves its value out; a row without any other, or without any block, has no result: NaN.
/// Shapes: logits b x c, values c x w, results b x w.
/// State: m and l of b, a of b x w.
/// Cost: 2 b c w flops and b c exponentials for a block; b w flops for a merge. Nothing is taken from the heap after
/// the first block of a size.
/// Errors: std::invalid_argument for shapes. NaN propagates.
/// Source: "Online normalizer calculation for softmax", 2018, arXiv 1805.02867, algorithm 3 and section 3.1.
template <class T>
class StreamingSoftmax {
 public:
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Column = Eigen::Array<T, Eigen::Dynamic, 1>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;

  StreamingSoftmax() = default;
  StreamingSoftmax(Index rows, Index width) { reset(rows, width); }

  [[nodiscard]] Index rows() const { return sums_.rows(); }
  [[nodiscard]] Index width() const { return sums_.cols(); }
  /// log sum_j exp(s_j) of every row; minus infinity where nothing was added.
  [[nodiscard]] auto log_sum() const { return largest_ + total_.log(); }

  /// Forgets all.
  void reset(Index rows, Index width) {
    if (rows < 0 || width < 0)
      throw std::invalid_argument("StreamingSoftmax: rows and width are " + shape_text(rows, width) +
                                  ", must not be negative");
    largest_.setConstant(rows, -std::numeric_limits<T>::infinity());
    total_.setZero(rows);
    sums_.setZero(rows, width);
  }

  void add(const Input& logits, const Input& values) {
    check(logits, values);
    weights_ = logits;
    add_weights(values);
  }
  /// The same without a copy: the logits are overwritten.
  void add_in_place(Output logits, const Input& values) {
    check(logits, values);
    raise(logits);
    product(logits, values, sums_, 1, true);
  }

  void merge(const StreamingSoftmax& other) {
    require_shape("StreamingSoftmax::merge", "the other", other.sums_, rows(), width());
    raised_ = largest_.max(other.largest_);
    factor_ = factor(other.largest_);
    // Before this one's are scaled: the other may be this one.
    scaled_ = other.sums_.array().colwise() * factor_;
    other_total_ = other.total_ * factor_;
    factor_ = factor(largest_);
    total_ = total_ * factor_ + other_total_;
    sums_.array().colwise() *= factor_;
    sums_ += scaled_;
    largest_ = raised_;
  }

  void result(Output O) const {
    require_shape("StreamingSoftmax::result", "O", O, rows(), width());
    O = sums_.array().colwise() / total_;
  }

 private:
  void check(const auto& logits, const auto& values) const {
    require_shape("StreamingSoftmax::add", "logits", logits, rows(), logits.cols());
    require_shape("StreamingSoftmax::add", "values", values, logits.cols(), width());
  }
  void add_weights(const Input& values) {
    raise(weights_);
    product(weights_, values, sums_, 1, true);
  }
  /// exp(m - n); 1 where both are minus infinity and their difference is NaN.
  [[nodiscard]] auto factor(const Column& m) const { return (m == raised_).select(T(1), (m - raised_).exp()); }
  /// Logits become weights relative to the largest of all so far, and so does what was summed.
  void raise(auto&& P) {
    raised_ = largest_;
    for (Index j = 0; j < P.cols(); ++j) raised_ = raised_.max(P.col(j).array());
    factor_ = factor(largest_);
    total_ *= factor_;
    sums_.array().colwise() *= factor_;
    for (Index j = 0; j < P.cols(); ++j) {
      P.col(j).array() =
          (P.col(j).array() == -std::numeric_limits<T>::infinity()).select(T(0), (P.col(j).array() - raised_).exp());
      total_ += P.col(j).array();
    }
    largest_ = raised_;
  }

  Column largest_, total_;  // m and l
  Matrix sums_;             // a
  Matrix weights_, scaled_;
  Column raised_, factor_, other_total_;
};

}  // namespace glissade
