// MoRA.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "../core/checks.hpp"
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
/// sample for the maps. Takes memory from the heap for Z.
/// Errors: std::invalid_argument for shapes, a rank below 1, a size q above min(m, n), and where merged() is not
/// finite. Source: "MoRA: High-Rank Updating for Parameter-Efficient Fine-Tuning", 2024, arXiv 2405.12130, and the
/// authors' code. Deviation: q is rounded down, as in the paper; the code may exceed LoRA's number of parameters.
template <class T>
class Mora {
 public:
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;

  Matrix M;

  Mora(Index outputs, Index inputs, const MoraOptions& options) : m_(outputs), n_(inputs), maps_(options.maps) {
    if (m_ < 1 || n_ < 1)
      throw std::invalid_argument("Mora: a layer of " + shape_text(m_, n_) + ", must be at least 1 x 1");
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
    check("Mora::add_forward", X, Y);
    for (Index t = 0; t < blocks(); ++t) {
      const Matrix image = M * compress(X, t);
      add_decompressed(image, t, Y);
    }
  }

  /// dM <- the gradient of M; dX <- dX + that of the input through the correction.
  void backward(const Input& X, const Input& dY, Output dM, Output dX) const {
    check("Mora::backward", X, dY);
    require_shape("Mora::backward", "dM", dM, q_, q_);
    require_shape("Mora::backward", "dX", dX, n_, X.cols());
    dM.setZero();
    for (Index t = 0; t < blocks(); ++t) {
      const Matrix dZ = gather(dY, t);
      dM.noalias() += dZ * compress(X, t).transpose();
      const Matrix back = M.transpose() * dZ;
      scatter(back, t, dX);
    }
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
    if (X.cols() < 1) throw std::invalid_argument(std::string(where) + ": the batch is empty");
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

  [[nodiscard]] Matrix compress(const Input& X, Index t) const {
    Matrix Z = Matrix::Zero(q_, X.cols());
    for_each_input(t, [&](Index z, Index x) { Z.row(z) += X.row(x); });
    rotate(Z, t, false);
    return Z;
  }
  void scatter(Matrix dZ, Index t, Output dX) const {
    rotate(dZ, t, true);
    for_each_input(t, [&](Index z, Index x) { dX.row(x) += dZ.row(z); });
  }
  void add_decompressed(const Matrix& image, Index t, Output Y) const {
    for_each_output(t, [&](Index y, Index z) { Y.row(y) += image.row(z); });
  }
  [[nodiscard]] Matrix gather(const Input& dY, Index t) const {
    Matrix dZ = Matrix::Zero(q_, dY.cols());
    for_each_output(t, [&](Index y, Index z) { dZ.row(z) += dY.row(y); });
    return dZ;
  }

  Index m_;
  Index n_;
  Index q_ = 0;
  MoraMaps maps_;
};

}  // namespace glissade
