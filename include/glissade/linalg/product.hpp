// Products of large matrices without memory from the heap.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <type_traits>

namespace glissade {

/// A matrix that lies somewhere, in either storage order. T may be const.
template <class T>
struct MatrixView {
  using Index = Eigen::Index;
  T* data;
  Index rows;
  Index cols;
  bool row_major = false;
  Index stride = 0;  // from one column, or row, to the next; 0: they lie without gaps

  [[nodiscard]] MatrixView transpose() const { return {data, cols, rows, !row_major, stride}; }
  [[nodiscard]] Index size() const { return rows * cols; }
  [[nodiscard]] Index outer_stride() const { return stride != 0 ? stride : row_major ? cols : rows; }
  [[nodiscard]] T& operator()(Index i, Index j) const {
    return data[row_major ? i * outer_stride() + j : i + j * outer_stride()];
  }
  /// All coefficients in storage order, where there are no gaps.
  [[nodiscard]] auto flat() const {
    using Plain = Eigen::Array<std::remove_const_t<T>, Eigen::Dynamic, 1>;
    return Eigen::Map<std::conditional_t<std::is_const_v<T>, const Plain, Plain>>(data, size());
  }
  operator MatrixView<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols, row_major, stride}; }
};

/// The matrix that an Eigen object holds, or a block of one.
template <class M>
[[nodiscard]] auto view_of_matrix(M& matrix) {
  using T = std::remove_pointer_t<decltype(matrix.data())>;
  return MatrixView<T>{matrix.data(), matrix.rows(), matrix.cols(), bool(M::IsRowMajor), matrix.outerStride()};
}

namespace detail {

/// Eigen copies blocks of both factors to the stack while a block takes at most EIGEN_STACK_ALLOCATION_LIMIT
/// bytes, 128 KiB by default, and to the heap beyond. Blocks of these extents stay on the stack.
inline constexpr Eigen::Index panel_depth = 256;
template <class T>
inline constexpr Eigen::Index panel_width = static_cast<Eigen::Index>(128 * 1024 / sizeof(T)) / panel_depth;

/// multiply for factors in these orders and C by columns.
template <bool RowMajorA, bool RowMajorB, class T>
void multiply_panels(MatrixView<const T> A, MatrixView<const T> B, MatrixView<T> C, double factor, bool add) {
  constexpr int order_of_A = RowMajorA ? Eigen::RowMajor : Eigen::ColMajor;
  constexpr int order_of_B = RowMajorB ? Eigen::RowMajor : Eigen::ColMajor;
  using Stride = Eigen::OuterStride<>;
  using MapA = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, order_of_A>, 0, Stride>;
  using MapB = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, order_of_B>, 0, Stride>;
  const MapA a(A.data, A.rows, A.cols, Stride(A.outer_stride()));
  const MapB b(B.data, B.rows, B.cols, Stride(B.outer_stride()));
  Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>, 0, Stride> c(C.data, C.rows, C.cols,
                                                                            Stride(C.outer_stride()));
  if (!add)
    for (Eigen::Index j = 0; j < C.cols; ++j) std::fill_n(C.data + j * C.outer_stride(), C.rows, T(0));
  const T scale = static_cast<T>(factor);
  constexpr Eigen::Index width = panel_width<T>;
  for (Eigen::Index k = 0; k < A.cols; k += panel_depth) {
    const Eigen::Index deep = (std::min)(panel_depth, A.cols - k);
    for (Eigen::Index j = 0; j < C.cols; j += width) {
      const Eigen::Index wide = (std::min)(width, C.cols - j);
      for (Eigen::Index i = 0; i < C.rows; i += width) {
        const Eigen::Index high = (std::min)(width, C.rows - i);
        auto target = c.block(i, j, high, wide);
        const auto left = a.block(i, k, high, deep);
        const auto right = b.block(k, j, deep, wide);
        if (high == 1 || wide == 1)  // where Eigen would copy the scaled factor to the heap
          target += scale * left.lazyProduct(right);
        else
          target.noalias() += (scale * left) * right;
      }
    }
  }
}

/// multiply where all orders are known: nothing else is compiled.
template <bool RowMajorA, bool RowMajorB, bool RowMajorC, class T>
void multiply_in_orders(std::type_identity_t<MatrixView<const T>> A, std::type_identity_t<MatrixView<const T>> B,
                        MatrixView<T> C, double factor, bool add) {
  if constexpr (RowMajorC)
    multiply_panels<!RowMajorB, !RowMajorA, T>(B.transpose(), A.transpose(), C.transpose(), factor, add);
  else
    multiply_panels<RowMajorA, RowMajorB, T>(A, B, C, factor, add);
}

template <class M>
inline constexpr bool is_row_major = bool(std::remove_cvref_t<M>::IsRowMajor);

}  // namespace detail

/// C <- factor A B, or C <- C + factor A B with `add`, in panels so small that Eigen needs no heap. C may not
/// overlap A or B. In programs compiled with OpenMP Eigen shares out large panels among its own threads, which takes
/// memory from the heap.
template <class T>
void multiply(std::type_identity_t<MatrixView<const T>> A, std::type_identity_t<MatrixView<const T>> B, MatrixView<T> C,
              double factor = 1, bool add = false) {
  if (C.row_major) return multiply(B.transpose(), A.transpose(), C.transpose(), factor, add);
  if (A.row_major && B.row_major)
    detail::multiply_panels<true, true, T>(A, B, C, factor, add);
  else if (A.row_major)
    detail::multiply_panels<true, false, T>(A, B, C, factor, add);
  else if (B.row_major)
    detail::multiply_panels<false, true, T>(A, B, C, factor, add);
  else
    detail::multiply_panels<false, false, T>(A, B, C, factor, add);
}

/// The same for Eigen objects, blocks among them: C <- factor A B, or C <- C + factor A B with `add`. Cheaper to
/// compile than `multiply`: of four pairs of orders only those that occur.
void product(const auto& A, const auto& B, auto&& C, double factor = 1, bool add = false) {
  using detail::is_row_major;
  detail::multiply_in_orders<is_row_major<decltype(A)>, is_row_major<decltype(B)>, is_row_major<decltype(C)>>(
      view_of_matrix(A), view_of_matrix(B), view_of_matrix(C), factor, add);
}
/// A' B
void product_of_transposed(const auto& A, const auto& B, auto&& C, double factor = 1, bool add = false) {
  using detail::is_row_major;
  detail::multiply_in_orders<!is_row_major<decltype(A)>, is_row_major<decltype(B)>, is_row_major<decltype(C)>>(
      view_of_matrix(A).transpose(), view_of_matrix(B), view_of_matrix(C), factor, add);
}
/// A B'
void product_with_transposed(const auto& A, const auto& B, auto&& C, double factor = 1, bool add = false) {
  using detail::is_row_major;
  detail::multiply_in_orders<is_row_major<decltype(A)>, !is_row_major<decltype(B)>, is_row_major<decltype(C)>>(
      view_of_matrix(A), view_of_matrix(B).transpose(), view_of_matrix(C), factor, add);
}

}  // namespace glissade
