// LoRA.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "../core/checks.hpp"
#include "../core/random.hpp"
#include "../rule/groups.hpp"
#include "../rule/schedule.hpp"
#include "layer.hpp"
#include "merging.hpp"

namespace glissade {

/// How A and B start; the layer's output is the same as without them. PiSSA and OLoRA, which start from the weight, are
/// in layers/lora_starts.hpp.
enum class LoraStart {
  kaiming,   // A uniform in +-1/sqrt(n), B = 0
  gaussian,  // A normal with standard deviation 1/r, B = 0
  embedding  // A = 0, B standard normal
};

struct LoraOptions {
  int rank;                      // in [1, min(m, n)]
  double alpha = 1;              // > 0, a normal number of the scalar
  bool rank_stabilized = false;  // rsLoRA: the scale is alpha / sqrt(r), else alpha / r
  LoraStart start = LoraStart::kaiming;
  std::uint64_t seed = 0;
  bool train_bias = false;  // the bias is a parameter: the one that is given, or else zeros
};

/// A linear layer with a frozen weight and a trainable correction of low rank, for those who adapt a model with
/// r (m + n) parameters instead of m n.
///
///     Y = W X + s B (A X) + bias 1'                  s = alpha / r, or alpha / sqrt(r)
///     dB = s dY (A X)',   dA = (s B' dY) X',   dbias = dY 1,   dX = W' dY + A' (s B' dY)
///     merge:  W <- W + s B A                         unmerge:  W <- W - s B A
///
///     LoraLayer<float> layer(W, {.rank = 8, .alpha = 16});
///     auto gradients = gradients_of(layer);
///     Optimizer optimizer{lora_plus(AdamW{}, 16), layer};
///     layer.forward(X, Y);   layer.backward(X, dY, gradients, dX);   optimizer.step(gradients);
///
/// Shapes: W m x n, A r x n, B m x r, bias m, or 0 for a layer without, X n x b with samples in columns, Y m x b.
/// Outputs are sized before the call. The bias is frozen unless train_bias; its gradient is in LayerGradients alone. A
/// and B may be given another rank, both at once; s follows. A mask (n x b; zeros, and 1 / (1 - p) elsewhere: see
/// dropout_mask) drops inputs of the correction alone; the same is given to forward and backward.
/// Cost: 2 m n b + 2 r b (m + n) flops forward; backward 4 r b (m + n) and, for dX, 2 m n b. No m x n array is ever
/// formed. The layer keeps two r x b arrays of workspace, with a mask one of n x b, and a copy of A and B for unmerge.
/// While it is merged, forward is W X alone, backward is refused, and so is unmerge if a bit of A or B changed. Merging
/// and unmerging does not restore W's bits: doing both 1000 times moves weights of size 1 by up to 2e-5 in float, by
/// 5e-7 where s B A is small against W. For the old bits keep a copy.
/// Errors: std::invalid_argument for shapes and options, and for a merge of what is infinite or NaN, or would make W
/// so, before W is touched; std::logic_error for what a merged layer refuses, for a backward without its forward, and
/// for one with A = 0 and B = 0, which no gradient would ever move.
/// Source: "LoRA: Low-Rank Adaptation of Large Language Models", 2021, arXiv 2106.09685; rsLoRA 2023, arXiv 2312.03732.
template <class T>
class LoraLayer {
 public:
  static constexpr std::string_view name = "LoraLayer";
  using Scalar = T;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  using Index = Eigen::Index;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;

  Matrix A;
  Matrix B;
  Vector bias;  // m, or 0: none

  LoraLayer(Matrix weight, const LoraOptions& options) : LoraLayer(std::move(weight), Vector(), options) {}
  LoraLayer(Matrix weight, Vector bias_of_outputs, const LoraOptions& options)
      : bias(std::move(bias_of_outputs)), weight_(std::move(weight)), options_(options) {
    const Index m = weight_.rows();
    const Index n = weight_.cols();
    if (m < 1 || n < 1) throw std::invalid_argument("LoraLayer: the weight is empty");
    const double most = static_cast<double>(m < n ? m : n);
    if (!(options.rank >= 1 && options.rank <= most))
      throw std::invalid_argument("LoraLayer: rank = " + std::to_string(options.rank) + " for a weight of " +
                                  shape_text(m, n) + ", must be in [1, " + to_text(most) + "]");
    detail::require_positive<T>("LoraLayer", "alpha", options.alpha);
    require("LoraLayer", "start", options.start, LoraStart::embedding);
    if (bias.size() > 0) require_shape("LoraLayer", "the bias", bias, m, 1);
    if (options.train_bias && bias.size() == 0) bias.setZero(m);
    begin();
  }

  [[nodiscard]] Index inputs() const { return weight_.cols(); }
  [[nodiscard]] Index outputs() const { return weight_.rows(); }
  [[nodiscard]] const Matrix& weight() const { return weight_; }
  [[nodiscard]] const LoraOptions& options() const { return options_; }
  [[nodiscard]] bool merged() const { return merged_; }
  [[nodiscard]] double scale() const {
    const double r = static_cast<double>(A.rows());
    return options_.alpha / (options_.rank_stabilized ? std::sqrt(r) : r);
  }

  void forward(const Input& X, Output Y) {
    check_batch("LoraLayer::forward", X, Y);
    apply_weight(X, Y);
    if (merged_) return;
    masks_ = false;
    correct(X, Y);
  }
  void forward(const Input& X, const Input& mask, Output Y) {
    check_batch("LoraLayer::forward", X, Y);
    require_shape("LoraLayer::forward", "mask", mask, X.rows(), X.cols());
    check_training("LoraLayer::forward with a mask");
    apply_weight(X, Y);
    masks_ = true;
    masked_ = X.cwiseProduct(mask);
    correct(masked_, Y);
  }

  /// After forward(X, Y): the gradients of the loss from that of Y.
  void backward(const Input& X, const Input& dY, Output dA, Output dB, Output dX) {
    require_shape("LoraLayer::backward", "dX", dX, weight_.cols(), X.cols());
    backward(X, dY, dA, dB);
    product_of_transposed(weight_, dY, dX);
    product_of_transposed(A, back_, dX, 1, true);
  }
  /// The same without the gradient of the input: the first layer needs none.
  void backward(const Input& X, const Input& dY, Output dA, Output dB) {
    back(X, dY, dA, dB, false);
    product_with_transposed(back_, X, dA);
  }
  void backward(const Input& X, const Input& mask, const Input& dY, Output dA, Output dB, Output dX) {
    require_shape("LoraLayer::backward", "mask", mask, weight_.cols(), X.cols());
    require_shape("LoraLayer::backward", "dX", dX, weight_.cols(), X.cols());
    back(X, dY, dA, dB, true);
    masked_ = X.cwiseProduct(mask);
    product_with_transposed(back_, masked_, dA);
    product_of_transposed(A, back_, dX);
    dX.array() *= mask.array();
    product_of_transposed(weight_, dY, dX, 1, true);
  }
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients, Output dX) {
    check_bias_gradient(gradients);
    backward(X, dY, gradients["A"], gradients["B"], dX);
    if (options_.train_bias) gradients["bias"] = dY.rowwise().sum();
  }
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients) {
    check_bias_gradient(gradients);
    backward(X, dY, gradients["A"], gradients["B"]);
    if (options_.train_bias) gradients["bias"] = dY.rowwise().sum();
  }

  void parameters(auto&& visit) { list(*this, visit); }
  void parameters(auto&& visit) const { list(*this, visit); }
  static void visit(auto& self, auto&& field) {
    list(self, field);
    if (!self.options_.train_bias && self.bias.size() > 0) field("bias", self.bias);
    field("weight", self.weight_);
    field("merged_A", self.merged_A_);
    field("merged_B", self.merged_B_);
    field("merged", self.merged_);
  }

  /// The gradients of A and B from that of the whole weight, G = dY X'.
  void project(const Input& G, Output dA, Output dB) const {
    check_factors("LoraLayer::project");
    require_shape("LoraLayer::project", "G", G, weight_.rows(), weight_.cols());
    require_shape("LoraLayer::project", "dA", dA, A.rows(), A.cols());
    require_shape("LoraLayer::project", "dB", dB, B.rows(), B.cols());
    product_with_transposed(G, A, dB, scale());
    product_of_transposed(B, G, dA, scale());
  }

  void merge() {
    if (merged_) throw std::logic_error("LoraLayer::merge: the layer is merged already");
    check_factors("LoraLayer::merge");
    Matrix A_now = A, B_now = B;
    detail::merge_product("LoraLayer::merge", weight_, static_cast<T>(scale()), B_now, A_now);
    merged_A_.swap(A_now);
    merged_B_.swap(B_now);
    hidden_.resize(0, 0);
    merged_ = true;
  }
  void unmerge() {
    if (!merged_) throw std::logic_error("LoraLayer::unmerge: the layer is not merged");
    if (!detail::equal_bits(A, merged_A_) || !detail::equal_bits(B, merged_B_))
      throw std::logic_error("LoraLayer::unmerge: A or B changed while the layer was merged");
    product(B, A, weight_, -scale(), true);
    merged_ = false;
  }

 private:
  static void list(auto& self, auto&& visit) {
    visit("A", self.A);
    visit("B", self.B);
    if (self.options_.train_bias) visit("bias", self.bias);
  }
  void apply_weight(const Input& X, Output& Y) const {
    product(weight_, X, Y);
    if (bias.size() > 0) Y.colwise() += bias;
  }
  void check_bias_gradient(const LayerGradients<T>& gradients) const {
    if (options_.train_bias)
      require_shape("LoraLayer::backward", "the gradient of the bias", gradients["bias"], bias.size(), 1);
  }
  void check_factors(const char* where) const {
    require_shape(where, "A", A, A.rows(), weight_.cols());
    require_shape(where, "B", B, weight_.rows(), A.rows());
  }
  void check_batch(const char* where, const Input& X, const Input& Y) const {
    require_shape(where, "X", X, weight_.cols(), X.cols());
    require_shape(where, "Y", Y, weight_.rows(), X.cols());
    if (options_.train_bias || bias.size() > 0) require_shape(where, "bias", bias, weight_.rows(), 1);
    if (!merged_) check_factors(where);
  }
  void check_training(const char* where) const {
    if (merged_) throw std::logic_error(std::string(where) + ": the layer is merged, unmerge it first");
  }

  /// What all forms of backward share: dB, and s B' dY.
  void back(const Input& X, const Input& dY, const Output& dA, Output& dB, bool masks) {
    check_training("LoraLayer::backward");
    check_batch("LoraLayer::backward", X, dY);
    require_shape("LoraLayer::backward", "dA", dA, A.rows(), A.cols());
    require_shape("LoraLayer::backward", "dB", dB, B.rows(), B.cols());
    if (hidden_.cols() != X.cols())
      throw std::logic_error("LoraLayer::backward: forward was called with " + std::to_string(hidden_.cols()) +
                             " samples, backward with " + std::to_string(X.cols()));
    if (hidden_.rows() != A.rows()) throw std::logic_error("LoraLayer::backward: the rank changed after forward");
    if (masks_ != masks) throw std::logic_error("LoraLayer::backward: forward and backward must have the same mask");
    if (A.isZero(0) && B.isZero(0)) throw std::logic_error("LoraLayer::backward: A and B are zero, and would stay so");
    product_with_transposed(dY, hidden_, dB, scale());
    back_.resize(A.rows(), X.cols());
    product_of_transposed(B, dY, back_, scale());
  }
  /// Y <- Y + s B (A X)
  void correct(const Input& X, Output& Y) {
    hidden_.resize(A.rows(), X.cols());
    product(A, X, hidden_);
    product(B, hidden_, Y, scale(), true);
  }

  void begin() {
    const Index m = weight_.rows();
    const Index n = weight_.cols();
    const Index r = options_.rank;
    A.setZero(r, n);
    B.setZero(m, r);
    merged_A_ = A;
    merged_B_ = B;
    const RandomKey key{options_.seed};
    const auto fill = [](Matrix& matrix, const auto& draw) {
      for (Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = static_cast<T>(draw(static_cast<std::uint64_t>(i)));
    };
    switch (options_.start) {
      case LoraStart::kaiming: {
        const double bound = 1 / std::sqrt(static_cast<double>(n));
        return fill(A, [&](std::uint64_t i) { return bound * (2 * key.uniform(i) - 1); });
      }
      case LoraStart::gaussian:
        return fill(A, [&](std::uint64_t i) { return key.normal(i) / static_cast<double>(r); });
      case LoraStart::embedding:
        return fill(B, [&](std::uint64_t i) { return key.normal(i); });
    }
  }

  Matrix weight_;
  LoraOptions options_;
  bool merged_ = false;
  bool masks_ = false;          // the last forward had a mask
  Matrix hidden_;               // A X of the last forward
  Matrix back_;                 // s B' dY of the last backward
  Matrix masked_;               // X o mask
  Matrix merged_A_, merged_B_;  // what was merged
};

/// For dropout with probability p: 0, or 1 / (1 - p), for every input of every sample.
template <class T>
[[nodiscard]] Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> dropout_mask(Eigen::Index rows, Eigen::Index cols,
                                                                            double p, RandomKey key) {
  require("dropout_mask", "p", p, range::decay);
  Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> mask(rows, cols);
  for (Eigen::Index i = 0; i < mask.size(); ++i)
    mask.data()[i] = static_cast<T>(key.uniform(static_cast<std::uint64_t>(i)) < p ? 0 : 1 / (1 - p));
  return mask;
}

/// LoRA+: the rule, with a rate `ratio` times as large for tensors whose name matches the pattern, the matrices B.
/// Source: "LoRA+: Efficient Low Rank Adaptation of Large Models", 2024, arXiv 2402.12354; about 16 there.
template <class R>
[[nodiscard]] auto lora_plus(R rule, double ratio, std::string pattern = "*B") {
  require("lora_plus", "ratio", ratio, range::at_least_one);
  R faster = rule;
  if (const auto rate = rule.learning_rate.constant())
    faster.learning_rate = ratio * *rate;
  else
    faster.learning_rate = [rate = rule.learning_rate, ratio](std::int64_t step) { return ratio * rate(step); };
  return groups(std::move(rule), group(std::move(pattern), std::move(faster)));
}

}  // namespace glissade
