// AFLoRA.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "../core/checks.hpp"
#include "../core/random.hpp"
#include "layer.hpp"
#include "merging.hpp"

namespace glissade {

struct AfloraOptions {
  int rank;                 // in [1, min(m, n)]; 4 in the paper
  double rank_scale = 0.1;  // > 0, a normal number of the scalar: where every entry of s_d starts
  std::uint64_t seed = 0;   // of A and B
};

/// A linear layer with a frozen weight and a trainable correction of low rank whose matrices can be frozen during
/// training, until r + m entries of two vectors are all that is trained.
///
///     Y = W X + diag(s_b) B diag(s_d) A X
///     with C = dY (diag(s_d) A X)', D = B' diag(s_b) dY:
///     ds_b = (C o B) 1,  dB = diag(s_b) C,  ds_d = (D o A X) 1,  dA = diag(s_d) D X',  dX = W' dY + A' diag(s_d) D
///     merge:  W <- W + diag(s_b) B diag(s_d) A         unmerge:  W <- W - diag(s_b) B diag(s_d) A
///     start:  A uniform in +-sqrt(6 / n), B in +-sqrt(6 / r), s_d = 0.1, s_b = 0: the layer's output is unchanged
///
///     AfloraLayer<float> layer(W, {.rank = 4});
///     auto gradients = gradients_of(layer);
///     Optimizer optimizer{AdamW{}, layer};
///     AdaptiveFreezing<float> freezing{{.begin = 100, .end = 600}};
///     layer.forward(X, Y);   layer.backward(X, dY, gradients, dX);
///     freezing.observe(gradients["A"], gradients["B"]);   freezing.rest(optimizer);   optimizer.step(gradients);
///
/// Shapes: W m x n, A r x n, B m x r, s_d r, s_b m, X n x b with samples in columns, Y m x b. Outputs are sized before
/// the call.
/// Cost: 2 m n b + 2 r b (m + n) flops forward; backward 4 r b (m + n) and, for dX, 2 m n b. Where both matrices are
/// frozen, backward_vectors saves 2 r b n of these. No m x n array is ever formed, nor an m x b one. The layer keeps
/// three r x b and two m x r arrays of workspace. While it is merged, forward is W X alone, backward is refused, and so
/// is unmerge if a bit of A, B, s_d or s_b changed; a copy of them is kept for that. Merging and unmerging does not
/// restore W's bits.
/// Errors: std::invalid_argument for shapes and options, and for a merge of what is infinite or NaN, or would make W
/// so, before W is touched; std::logic_error for what a merged layer refuses, and for a backward without its forward.
/// Pitfall: until s_b has left zero, A, B and s_d have no gradient.
/// Source: "AFLoRA: Adaptive Freezing of Low Rank Adaptation in Parameter Efficient Fine-Tuning of Large Models", 2024,
/// arXiv 2403.13269, equation 1, and the authors' code.
template <class T>
class AfloraLayer {
 public:
  static constexpr std::string_view name = "AfloraLayer";
  using Scalar = T;
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;
  using OutputVector = Eigen::Ref<Vector>;

  Matrix A, B;
  Vector s_d, s_b;

  AfloraLayer(Matrix weight, const AfloraOptions& options) : weight_(std::move(weight)), options_(options) {
    const Index m = weight_.rows();
    const Index n = weight_.cols();
    if (m < 1 || n < 1) throw std::invalid_argument("AfloraLayer: the weight is empty");
    require("AfloraLayer", "rank", options.rank, Range{1, static_cast<double>(m < n ? m : n)});
    detail::require_positive<T>("AfloraLayer", "rank_scale", options.rank_scale);
    const RandomKey key{options.seed};
    draw(A, options.rank, n, key.derive(0));
    draw(B, m, options.rank, key.derive(1));
    s_d.setConstant(options.rank, static_cast<T>(options.rank_scale));
    s_b.setZero(m);
    merged_factors_ = {A, B, s_d, s_b};
  }

  [[nodiscard]] Index inputs() const { return weight_.cols(); }
  [[nodiscard]] Index outputs() const { return weight_.rows(); }
  [[nodiscard]] const Matrix& weight() const { return weight_; }
  [[nodiscard]] const AfloraOptions& options() const { return options_; }
  [[nodiscard]] bool merged() const { return merged_; }

  void forward(const Input& X, Output Y) {
    check_batch("AfloraLayer::forward", X, Y);
    product(weight_, X, Y);
    if (merged_) return;
    hidden_.resize(A.rows(), X.cols());
    product(A, X, hidden_);
    scaled_ = hidden_.array().colwise() * s_d.array();
    scaled_B_ = B.array().colwise() * s_b.array();
    product(scaled_B_, scaled_, Y, 1, true);
  }

  /// After forward(X, Y): the gradients of the loss from that of Y.
  void backward(const Input& X, const Input& dY, Output dA, Output dB, OutputVector ds_d, OutputVector ds_b,
                Output dX) {
    require_shape("AfloraLayer::backward", "dX", dX, weight_.cols(), X.cols());
    backward(X, dY, dA, dB, ds_d, ds_b);
    input_gradient(dY, dX);
  }
  /// The same without the gradient of the input: the first layer needs none.
  void backward(const Input& X, const Input& dY, Output dA, Output dB, OutputVector ds_d, OutputVector ds_b) {
    require_shape("AfloraLayer::backward", "dA", dA, A.rows(), A.cols());
    require_shape("AfloraLayer::backward", "dB", dB, B.rows(), B.cols());
    back("AfloraLayer::backward", X, dY, ds_d, ds_b);
    product_with_transposed(back_, X, dA);
    dB = outer_.array().colwise() * s_b.array();
  }
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients, Output dX) {
    backward(X, dY, gradients["A"], gradients["B"], gradients["s_d"].col(0), gradients["s_b"].col(0), dX);
  }
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients) {
    backward(X, dY, gradients["A"], gradients["B"], gradients["s_d"].col(0), gradients["s_b"].col(0));
  }
  /// The same where A and B are frozen.
  void backward_vectors(const Input& X, const Input& dY, OutputVector ds_d, OutputVector ds_b, Output dX) {
    require_shape("AfloraLayer::backward_vectors", "dX", dX, weight_.cols(), X.cols());
    back("AfloraLayer::backward_vectors", X, dY, ds_d, ds_b);
    input_gradient(dY, dX);
  }

  void parameters(auto&& visit) { list(*this, visit); }
  void parameters(auto&& visit) const { list(*this, visit); }
  static void visit(auto& self, auto&& field) {
    list(self, field);
    field("weight", self.weight_);
    field("merged_A", self.merged_factors_.A);
    field("merged_B", self.merged_factors_.B);
    field("merged_s_d", self.merged_factors_.s_d);
    field("merged_s_b", self.merged_factors_.s_b);
    field("merged", self.merged_);
  }

  void merge() {
    if (merged_) throw std::logic_error("AfloraLayer::merge: the layer is merged already");
    check_factors("AfloraLayer::merge");
    detail::require_finite("AfloraLayer::merge", "s_d", s_d);
    detail::require_finite("AfloraLayer::merge", "s_b", s_b);
    Factors now{A, B, s_d, s_b};
    detail::merge_product("AfloraLayer::merge", weight_, T{1}, scaled(), A);
    merged_factors_ = std::move(now);
    hidden_.resize(0, 0);
    merged_ = true;
  }
  void unmerge() {
    if (!merged_) throw std::logic_error("AfloraLayer::unmerge: the layer is not merged");
    const Factors& then = merged_factors_;
    if (!detail::equal_bits(A, then.A) || !detail::equal_bits(B, then.B) || !detail::equal_bits(s_d, then.s_d) ||
        !detail::equal_bits(s_b, then.s_b))
      throw std::logic_error("AfloraLayer::unmerge: A, B, s_d or s_b changed while the layer was merged");
    product(scaled(), A, weight_, -1, true);
    merged_ = false;
  }

 private:
  struct Factors {
    Matrix A, B;
    Vector s_d, s_b;
  };

  static void list(auto& self, auto&& visit) {
    visit("A", self.A);
    visit("B", self.B);
    visit("s_d", self.s_d);
    visit("s_b", self.s_b);
  }
  /// diag(s_b) B diag(s_d)
  [[nodiscard]] Matrix scaled() const {
    return (B.array().colwise() * s_b.array()).rowwise() * s_d.array().transpose();
  }

  void check_factors(const char* where) const {
    require_shape(where, "A", A, A.rows(), weight_.cols());
    require_shape(where, "B", B, weight_.rows(), A.rows());
    require_shape(where, "s_d", s_d, A.rows(), 1);
    require_shape(where, "s_b", s_b, weight_.rows(), 1);
  }
  void check_batch(const char* where, const Input& X, const Input& Y) const {
    require_shape(where, "X", X, weight_.cols(), X.cols());
    require_shape(where, "Y", Y, weight_.rows(), X.cols());
    if (!merged_) check_factors(where);
  }

  /// Kaiming's uniform random numbers with gain sqrt(2).
  static void draw(Matrix& matrix, Index rows, Index cols, RandomKey key) {
    const double bound = std::sqrt(6.0 / static_cast<double>(cols));
    matrix.resize(rows, cols);
    for (Index i = 0; i < matrix.size(); ++i)
      matrix.data()[i] = static_cast<T>(bound * (2 * key.uniform(static_cast<std::uint64_t>(i)) - 1));
  }

  /// What all forms of backward share: the gradients of the vectors, C and diag(s_d) D.
  void back(const char* where, const Input& X, const Input& dY, OutputVector& ds_d, OutputVector& ds_b) {
    if (merged_) throw std::logic_error(std::string(where) + ": the layer is merged, unmerge it first");
    check_batch(where, X, dY);
    require_shape(where, "ds_d", ds_d, s_d.size(), 1);
    require_shape(where, "ds_b", ds_b, s_b.size(), 1);
    if (hidden_.cols() != X.cols())
      throw std::logic_error(std::string(where) + ": forward was called with " + std::to_string(hidden_.cols()) +
                             " samples, backward with " + std::to_string(X.cols()));
    if (hidden_.rows() != A.rows()) throw std::logic_error(std::string(where) + ": the rank changed after forward");
    outer_.resize(B.rows(), B.cols());
    product_with_transposed(dY, scaled_, outer_);
    back_.resize(A.rows(), X.cols());
    product_of_transposed(scaled_B_, dY, back_);
    ds_b = outer_.cwiseProduct(B).rowwise().sum();
    ds_d = back_.cwiseProduct(hidden_).rowwise().sum();
    back_.array().colwise() *= s_d.array();
  }
  void input_gradient(const Input& dY, Output& dX) const {
    product_of_transposed(weight_, dY, dX);
    product_of_transposed(A, back_, dX, 1, true);
  }

  Matrix weight_;
  AfloraOptions options_;
  bool merged_ = false;
  Factors merged_factors_;  // what was merged
  Matrix hidden_;           // A X of the last forward
  Matrix scaled_;           // diag(s_d) of it
  Matrix scaled_B_;         // diag(s_b) B of the last forward
  Matrix outer_;            // C of the last backward
  Matrix back_;             // diag(s_d) D of the last backward
};

}  // namespace glissade
