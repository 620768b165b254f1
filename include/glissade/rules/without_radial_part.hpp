// Steps without their radial part.
#pragma once

#include <algorithm>
#include <cmath>

#include "../rule/rule.hpp"

namespace glissade::detail {

/// One row of a matrix in memory: `count` coefficients, `stride` apart.
struct Stretch {
  Index first;
  Index count;
  Index stride;
};

/// The sum of a[i] b[i] over a stretch, in double.
template <class A, class B>
double dot(const A* a, const B* b, const Stretch& s) {
  double sum = 0;
  for (Index i = 0, at = s.first; i < s.count; ++i, at += s.stride)
    sum += convert<double>(a[at]) * convert<double>(b[at]);
  return sum;
}

/// Takes the part along the parameters x out of the direction d, row by row or from the whole matrix,
/// where the gradient g is so orthogonal to x as it is for weights whose scale has no effect:
///
///     max over the rows of |cos(g, x)| < delta / sqrt(length of a row):   d <- d - <n, d> n,  n = x / (|x| + epsilon)
///
/// the same then for the matrix as one row. Returns whether that was so.
template <class T, class P>
bool project_out(const T* g, const P* x, T* d, const Tensor& tensor, double delta, double epsilon) {
  const auto apply = [&](Index rows, auto stretch) {
    double largest = 0;
    for (Index r = 0; r < rows; ++r) {
      const Stretch s = stretch(r);
      const double norms = std::sqrt(dot(g, g, s)) * std::sqrt(dot(x, x, s));
      if (norms > 0) largest = (std::max)(largest, std::abs(dot(g, x, s)) / norms);
    }
    if (!(largest < delta / std::sqrt(static_cast<double>(stretch(0).count)))) return false;
    for (Index r = 0; r < rows; ++r) {
      const Stretch s = stretch(r);
      const double length = std::sqrt(dot(x, x, s)) + epsilon;
      if (length == 0) continue;
      const double along = dot(x, d, s) / (length * length);
      for (Index i = 0, at = s.first; i < s.count; ++i, at += s.stride)
        d[at] = static_cast<T>(static_cast<double>(d[at]) - along * convert<double>(x[at]));
    }
    return true;
  };
  const Index cols = tensor.cols;
  const Index next = tensor.row_major ? 1 : tensor.rows;  // from one coefficient of a row to the next
  return apply(tensor.rows,
               [&](Index r) {
                 return Stretch{tensor.row_major ? r * cols : r, cols, next};
               }) ||
         apply(Index{1}, [&](Index) {
           return Stretch{0, tensor.size(), 1};
         });
}

/// A matrix's step: Direction makes u from the gradient, the radial part is taken out where it has no
/// effect, then decay is added, less of it where something was taken out.
template <class Direction>
struct ProjectedMatrix {
  static constexpr std::string_view name = "ProjectedMatrix";
  static constexpr int passes = 2;
  Direction direction;
  double delta;
  double decay_ratio;
  double weight_decay;
  double epsilon;

  void fields(const Tensor& tensor, auto&& add) const {
    for (std::string_view slot : Direction::slots) add(slot, tensor.rows, tensor.cols);
  }
  template <class T, class P>
  void update(const Step& step, const MatrixUpdate<T, P>& m) const {
    run_direction(step, m, std::make_index_sequence<Direction::slots.size()>{});
    const bool projected = project_out(m.in, m.parameters, m.out, m.tensor, delta, epsilon);
    const double decay = weight_decay * (projected ? decay_ratio : 1);
    if (decay == 0) return;
    for (Index i = 0; i < m.tensor.size(); ++i) m.out[i] += static_cast<T>(decay * convert<double>(m.parameters[i]));
  }

 private:
  template <class T, class P, std::size_t... S>
  void run_direction(const Step& step, const MatrixUpdate<T, P>& m, std::index_sequence<S...>) const {
    using L = Lane<T>;
    const auto kernel = direction.kernel(step);
    for (Index i = 0; i < m.tensor.size(); i += L::width) {
      const Index count = (std::min)(Index{L::width}, m.tensor.size() - i);
      if (count == L::width) {
        L u = L::load(m.in + i);
        L values[sizeof...(S)] = {L::load(m.fields[S] + i)...};
        kernel(u, u, values[S]...);
        u.store(m.out + i);
        (values[S].store(m.fields[S] + i), ...);
      } else {  // the tail, padded with zeros
        alignas(64) T tail[sizeof...(S) + 1][std::size_t{L::width}] = {};
        for (Index j = 0; j < count; ++j) tail[sizeof...(S)][j] = m.in[i + j];
        for (Index j = 0; j < count; ++j) ((tail[S][j] = m.fields[S][i + j]), ...);
        L u = L::load(tail[sizeof...(S)]);
        L values[sizeof...(S)] = {L::load(tail[S])...};
        kernel(u, u, values[S]...);
        u.store(tail[sizeof...(S)]);
        (values[S].store(tail[S]), ...);
        for (Index j = 0; j < count; ++j) m.out[i + j] = tail[sizeof...(S)][j];
        for (Index j = 0; j < count; ++j) ((m.fields[S][i + j] = tail[S][j]), ...);
      }
    }
  }
};

/// Of vectors: the direction as it is.
template <class Direction>
struct ProjectedVector {
  static constexpr std::string_view name = "ProjectedVector";
  Direction direction;
  double weight_decay;

  static constexpr auto slots = Direction::slots;
  static constexpr auto non_negative = [] {
    std::array<bool, slots.size()> result{};
    for (std::size_t s = 0; s < slots.size(); ++s) result[s] = slot_is_non_negative<Direction>(s);
    return result;
  }();
  [[nodiscard]] auto kernel(const Step& step) const {
    return [inner = direction.kernel(step), decay = weight_decay](auto& u, const auto& x, auto&... slot) {
      inner(u, x, slot...);
      u += decay * x;
    };
  }
};

}  // namespace glissade::detail

namespace glissade {

/// A direction whose radial part is taken out of matrices where it has no effect on the loss, as before a
/// normalization, and decoupled decay with it.
///
///     u <- Direction(u);  of a matrix, where |cos(row of gradient, row of x)| < delta / sqrt(columns) for
///     every row, u <- u - <n, u> n row by row, n = x / (|x| + epsilon);  else the same for the matrix as one row
///     u <- u + weight_decay x,  times decay_ratio where something was taken out
///
/// State: that of Direction. A matrix costs two passes and some that do arithmetic one by one.
/// Source: "AdamP: Slowing Down the Slowdown for Momentum Optimizers on Scale-invariant Weights", 2020,
/// arXiv 2006.08217; the test of the whole matrix and epsilon are from the authors' code.
template <class Direction>
struct Projected {
  static constexpr std::string_view name = "Projected";
  using Alternatives = std::tuple<detail::ProjectedMatrix<Direction>, detail::ProjectedVector<Direction>>;
  Direction direction = {};
  double delta = 0.1;        // >= 0
  double decay_ratio = 0.1;  // in [0, 1]
  double weight_decay = 0;   // >= 0
  double epsilon = 1e-8;     // >= 0: added to |x|

  static void options(auto& self, auto&& visit) {
    Direction::options(self.direction, visit);
    visit("delta", self.delta, range::non_negative);
    visit("decay_ratio", self.decay_ratio, range::fraction);
    visit("weight_decay", self.weight_decay, range::non_negative);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  void select(const Tensor& tensor, auto&& run) const {
    if (tensor.is_matrix())
      run(detail::ProjectedMatrix<Direction>{direction, delta, decay_ratio, weight_decay, epsilon});
    else
      run(detail::ProjectedVector<Direction>{direction, weight_decay});
  }
};

}  // namespace glissade
