// MoRA.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "../core/checks.hpp"
#include "layer.hpp"
#include "merging.hpp"

namespace glissade {

/// The maps around MoRA's square matrix. With q its size, n inputs and m outputs:
enum class MoraMaps {
  sharing,            // z_j: sum of the inputs j, j + q, ...;  y_i = z_(i mod q). The default; for large ranks
  contiguous,         // z_j: sum of the j-th of q groups of neighbours;  y_i = z of its group
  contiguous_cyclic,  // groups of neighbours in, i mod q out
  cyclic_contiguous,  // the other way
  truncation,         // the first q inputs; the first q outputs
  decoupling,         // the matrix works on one block of q inputs after another
  rotation            // the same on blocks that are rotated by an angle that grows with their number; for small ranks
};

struct MoraOptions {
  int rank;  // >= 1: as many trainable parameters as LoRA of this rank has, or a few less
  MoraMaps maps = MoraMaps::sharing;
};

/// A linear layer's trainable correction by one square matrix M between two fixed maps: with as many parameters as LoRA
/// of rank r, of a rank up to q = floor(sqrt((m + n) r)).
///
///     dy = decompress(M compress(x))
///     dM = dZ Z',  dX = compress'(M' dZ),   Z = compress(X),  dZ = decompress'(dY)
///     decoupling, rotation:  dy = (M R_0 x^(0); M R_1 x^(1); ...), blocks of q inputs, cut or repeated to m entries;
///     R_t turns the pairs (j, j + q/2) by t 10000^(-2 j / q), and is the identity for decoupling
///
/// Where q does not divide n, blocks and cyclic sums go round: the first inputs count twice.
///
///     Mora<float> mora(outputs, inputs, {.rank = 8});
///     mora.add_forward(X, Y);   mora.backward(X, dY, dM, dX);   Optimizer optimizer{AdamW{}, mora.M};
///
/// Shapes: M q x q, zero at first; X n x b, Y m x b. q is even for rotation.
/// Cost: 2 q^2 b flops forward, 4 q^2 b backward, times ceil(n / q) for decoupling and rotation; n + m scalars per
/// sample for the maps. Takes memory from the heap for Z, unless it is given a workspace.
/// Errors: std::invalid_argument for shapes, a rank below 1, a size q above min(m, n), and where merged() is not
/// finite.
/// Source: "MoRA: High-Rank Updating for Parameter-Efficient Fine-Tuning", 2024, arXiv 2405.12130, and the authors'
/// code. Deviation: q is rounded down, as in the paper; the code may exceed LoRA's number of parameters.
template <class T>
class Mora {
 public:
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;

  /// What the maps make, q x b each: to be kept by those who want nothing from the heap.
  struct Workspace {
    Matrix compressed, image;
  };

  Matrix M;

  Mora(Index outputs, Index inputs, const MoraOptions& options) : m_(outputs), n_(inputs), maps_(options.maps) {
    if (m_ < 1 || n_ < 1)
      throw std::invalid_argument("Mora: a layer of " + shape_text(m_, n_) + ", must be at least 1 x 1");
    require("Mora", "maps", maps_, MoraMaps::rotation);
    require("Mora", "rank", options.rank, range::at_least_one);
    q_ = static_cast<Index>(std::sqrt(static_cast<double>(m_ + n_) * options.rank));
    if (maps_ == MoraMaps::rotation) q_ -= q_ % 2;
    if (q_ < 1 || q_ > std::min(m_, n_))
      throw std::invalid_argument("Mora: rank = " + std::to_string(options.rank) + " makes a matrix of size " +
                                  std::to_string(q_) + " for a layer of " + shape_text(m_, n_) + ", must be in [1, " +
                                  std::to_string(std::min(m_, n_)) + "]");
    M.setZero(q_, q_);
  }

  [[nodiscard]] Index size() const { return q_; }
  [[nodiscard]] Index outputs() const { return m_; }
  [[nodiscard]] Index inputs() const { return n_; }

  /// Y <- Y + dy of every column.
  void add_forward(const Input& X, Output Y) const {
    Workspace workspace;
    add_forward(X, Y, workspace);
  }
  void add_forward(const Input& X, Output Y, Workspace& workspace) const {
    check("Mora::add_forward", X, Y);
    auto& [compressed, image] = workspace;
    image.resize(q_, X.cols());
    for (Index t = 0; t < blocks(); ++t) {
      compress(X, t, compressed);
      product(M, compressed, image);
      for_each_output(t, [&](Index y, Index z) { Y.row(y) += workspace.image.row(z); });
    }
  }

  /// dM <- the gradient of M; dX <- dX + that of the input through the correction.
  void backward(const Input& X, const Input& dY, Output dM, Output dX) const {
    Workspace workspace;
    backward(X, dY, dM, dX, workspace);
  }
  void backward(const Input& X, const Input& dY, Output dM, Output dX, Workspace& workspace) const {
    require_shape("Mora::backward", "dX", dX, n_, X.cols());
    back(X, dY, dM, &dX, workspace);
  }
  /// The same without the gradient of the input.
  void backward(const Input& X, const Input& dY, Output dM, Workspace& workspace) const {
    back(X, dY, dM, nullptr, workspace);
  }

  /// The correction as a matrix, m x n: to be added to a weight. It is refused if it is infinite or NaN.
  [[nodiscard]] Matrix merged() const {
    detail::require_finite("Mora::merged", "M", M);
    Matrix delta = Matrix::Zero(m_, n_);
    add_forward(Matrix::Identity(n_, n_), delta);
    detail::require_finite("Mora::merged", "the correction", delta);
    return delta;
  }

 private:
  void check(const char* where, const Input& X, const Input& Y) const {
    require_shape(where, "X", X, n_, X.cols());
    require_shape(where, "Y", Y, m_, X.cols());
    require_shape(where, "M", M, q_, q_);
  }

  [[nodiscard]] bool by_blocks() const { return maps_ == MoraMaps::decoupling || maps_ == MoraMaps::rotation; }
  /// How often M is applied.
  [[nodiscard]] Index blocks() const { return by_blocks() ? (n_ + q_ - 1) / q_ : 1; }

  /// The group of coefficient i where `count` are divided into q groups of neighbours, the first ones one longer.
  [[nodiscard]] Index group(Index i, Index count) const {
    const Index size = count / q_;
    const Index longer = count - size * q_;
    return i < longer * (size + 1) ? i / (size + 1) : longer + (i - longer * (size + 1)) / size;
  }

  /// Calls use(z, x) for every pair: z_z sums x_x, in block t.
  template <class Use>
  void for_each_input(Index t, const Use& use) const {
    switch (maps_) {
      case MoraMaps::sharing:
      case MoraMaps::cyclic_contiguous:
        for (Index i = 0; i < (n_ + q_ - 1) / q_ * q_; ++i) use(i % q_, i < n_ ? i : i - n_);
        return;
      case MoraMaps::contiguous:
      case MoraMaps::contiguous_cyclic:
        for (Index i = 0; i < n_; ++i) use(group(i, n_), i);
        return;
      case MoraMaps::truncation:
        for (Index i = 0; i < q_; ++i) use(i, i);
        return;
      case MoraMaps::decoupling:
      case MoraMaps::rotation:
        for (Index i = t * q_; i < (t + 1) * q_; ++i) use(i - t * q_, i < n_ ? i : i - n_);
        return;
    }
  }
  /// Calls use(y, z) for every pair: y_y is z_z of block t.
  template <class Use>
  void for_each_output(Index t, const Use& use) const {
    switch (maps_) {
      case MoraMaps::sharing:
      case MoraMaps::contiguous_cyclic:
        for (Index i = 0; i < m_; ++i) use(i, i % q_);
        return;
      case MoraMaps::contiguous:
      case MoraMaps::cyclic_contiguous:
        for (Index i = 0; i < m_; ++i) use(i, group(i, m_));
        return;
      case MoraMaps::truncation:
        for (Index i = 0; i < q_; ++i) use(i, i);
        return;
      case MoraMaps::decoupling:
      case MoraMaps::rotation:
        for (Index begin = t * q_; begin < m_; begin += blocks() * q_)
          for (Index i = begin; i < std::min(begin + q_, m_); ++i) use(i, i - begin);
        return;
    }
  }

  /// Turns the pairs of a block; `back` the other way.
  void rotate(Matrix& Z, Index t, bool back) const {
    if (maps_ != MoraMaps::rotation) return;
    const Index half = q_ / 2;
    for (Index j = 0; j < half; ++j) {
      const double angle =
          static_cast<double>(t) * std::pow(10000.0, -2.0 * static_cast<double>(j) / static_cast<double>(q_));
      const T c = static_cast<T>(std::cos(angle));
      const T s = static_cast<T>(back ? -std::sin(angle) : std::sin(angle));
      for (Index k = 0; k < Z.cols(); ++k) {
        const T a = Z(j, k);
        const T b = Z(j + half, k);
        Z(j, k) = a * c - b * s;
        Z(j + half, k) = b * c + a * s;
      }
    }
  }

  void compress(const Input& X, Index t, Matrix& Z) const {
    Z.setZero(q_, X.cols());
    for_each_input(t, [&](Index z, Index x) { Z.row(z) += X.row(x); });
    rotate(Z, t, false);
  }
  void back(const Input& X, const Input& dY, Output& dM, Output* dX, Workspace& workspace) const {
    check("Mora::backward", X, dY);
    require_shape("Mora::backward", "dM", dM, q_, q_);
    dM.setZero();
    Matrix& Z = workspace.compressed;
    Matrix& dZ = workspace.image;
    for (Index t = 0; t < blocks(); ++t) {
      compress(X, t, Z);
      dZ.setZero(q_, dY.cols());
      for_each_output(t, [&](Index y, Index z) { dZ.row(z) += dY.row(y); });
      product_with_transposed(dZ, Z, dM, 1, true);
      if (dX == nullptr) continue;
      product_of_transposed(M, dZ, Z);
      rotate(Z, t, true);
      for_each_input(t, [&](Index z, Index x) { dX->row(x) += Z.row(z); });
    }
  }

  Index m_;
  Index n_;
  Index q_ = 0;
  MoraMaps maps_;
};

/// A linear layer with a frozen weight and MoRA's correction, for those who adapt a model with as many parameters as
/// LoRA has and want a rank of more than that.
///
///     Y = W X + decompress(M compress(X))
///     dM as in Mora,   dX = W' dY + compress'(M' decompress'(dY))
///     merge:  W <- W + the correction              unmerge:  W <- W - the correction
///
///     MoraLayer<float> layer(W, {.rank = 8});
///     auto gradients = gradients_of(layer);
///     Optimizer optimizer{AdamW{}, layer};
///     layer.forward(X, Y);   layer.backward(X, dY, gradients, dX);   optimizer.step(gradients);
///
/// Shapes: W m x n, X n x b with samples in columns, Y m x b. Outputs are sized before the call. The layer starts as W
/// alone.
/// Cost: 2 m n b flops more than Mora forward and, for dX, backward; keeps two q x b arrays of workspace. While it is
/// merged, forward is W X alone, backward is refused, and so is unmerge if a bit of M changed; merge and unmerge form
/// the correction, m x n.
/// Errors: as Mora's and, for what a merged layer refuses and for a backward without its forward, std::logic_error.
/// Source: that of Mora.
template <class T>
class MoraLayer {
 public:
  static constexpr std::string_view name = "MoraLayer";
  using Scalar = T;
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;

  Mora<T> correction;

  MoraLayer(Matrix weight, const MoraOptions& options)
      : correction(weight.rows(), weight.cols(), options), weight_(std::move(weight)), merged_M_(correction.M) {}

  [[nodiscard]] Index inputs() const { return weight_.cols(); }
  [[nodiscard]] Index outputs() const { return weight_.rows(); }
  [[nodiscard]] const Matrix& weight() const { return weight_; }
  [[nodiscard]] bool merged() const { return merged_; }

  void forward(const Input& X, Output Y) {
    check("MoraLayer::forward", X, Y);
    product(weight_, X, Y);
    if (merged_) return;
    correction.add_forward(X, Y, workspace_);
    samples_ = X.cols();
  }

  /// After forward(X, Y): the gradients of the loss from that of Y.
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients, Output dX) {
    check_training(X, dY, gradients);
    require_shape("MoraLayer::backward", "dX", dX, weight_.cols(), X.cols());
    product_of_transposed(weight_, dY, dX);
    correction.backward(X, dY, gradients["M"], dX, workspace_);
  }
  /// The same without the gradient of the input: the first layer needs none.
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients) {
    check_training(X, dY, gradients);
    correction.backward(X, dY, gradients["M"], workspace_);
  }

  void parameters(auto&& visit) { visit("M", correction.M); }
  void parameters(auto&& visit) const { visit("M", correction.M); }
  static void visit(auto& self, auto&& field) {
    field("M", self.correction.M);
    field("weight", self.weight_);
    field("merged_M", self.merged_M_);
    field("merged", self.merged_);
  }

  void merge() {
    if (merged_) throw std::logic_error("MoraLayer::merge: the layer is merged already");
    detail::require_finite("MoraLayer::merge", "W", weight_);
    Matrix sum = weight_ + correction.merged();
    detail::require_finite("MoraLayer::merge", "W with the correction", sum);
    merged_M_ = correction.M;
    weight_.swap(sum);
    samples_ = none;
    merged_ = true;
  }
  void unmerge() {
    if (!merged_) throw std::logic_error("MoraLayer::unmerge: the layer is not merged");
    if (!detail::equal_bits(correction.M, merged_M_))
      throw std::logic_error("MoraLayer::unmerge: M changed while the layer was merged");
    weight_ -= correction.merged();
    merged_ = false;
  }

 private:
  static constexpr Index none = -1;

  void check(const char* where, const Input& X, const Input& Y) const {
    require_shape(where, "X", X, weight_.cols(), X.cols());
    require_shape(where, "Y", Y, weight_.rows(), X.cols());
    if (!merged_) require_shape(where, "M", correction.M, correction.size(), correction.size());
  }
  void check_training(const Input& X, const Input& dY, const LayerGradients<T>& gradients) const {
    constexpr auto where = "MoraLayer::backward";
    if (merged_) throw std::logic_error("MoraLayer::backward: the layer is merged, unmerge it first");
    check(where, X, dY);
    require_shape(where, "the gradient of M", gradients["M"], correction.size(), correction.size());
    if (samples_ != X.cols())
      throw std::logic_error("MoraLayer::backward: no forward was called with " + std::to_string(X.cols()) +
                             " samples before");
  }

  Matrix weight_;
  bool merged_ = false;
  Index samples_ = none;  // of the last forward
  Matrix merged_M_;       // what was merged
  typename Mora<T>::Workspace workspace_;
};

}  // namespace glissade
