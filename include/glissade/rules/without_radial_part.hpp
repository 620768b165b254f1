// Steps without their radial part.
#pragma once

#include <algorithm>
#include <cmath>

#include "../rule/choose.hpp"
#include "../transforms/add_decayed_weights.hpp"

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

/// A matrix's step: the inner direction makes u from the gradient, the radial part is taken out where it has no
/// effect, then decay is added, less of it where something was taken out.
template <class Direction>
struct MatrixWithoutRadialPart {
  static constexpr std::string_view name = "MatrixWithoutRadialPart";
  static constexpr bool turns = false;
  static constexpr int passes = 2;
  Direction inner;
  double delta;
  double decay_ratio;
  double weight_decay;
  double epsilon;

  void fields(const Tensor&, auto&&) const {}
  [[nodiscard]] Tensor within(const Tensor& tensor) const { return tensor; }
  void update(const Step& step, const auto& m) const {
    using T = std::remove_pointer_t<decltype(m.out)>;
    m.run(inner, step, step.count, m.tensor, m.in, m.out, m.parameters);
    const bool projected = project_out(m.in, m.parameters, m.out, m.tensor, delta, epsilon);
    const double decay = weight_decay * (projected ? decay_ratio : 1);
    if (decay == 0) return;
    for (Index i = 0; i < m.tensor.size(); ++i) m.out[i] += static_cast<T>(decay * convert<double>(m.parameters[i]));
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
struct WithoutRadialPart {
  static constexpr std::string_view name = "WithoutRadialPart";
  using Alternatives = std::tuple<detail::MatrixWithoutRadialPart<Direction>, Chain<Direction, AddDecayedWeights>>;
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
      run(detail::MatrixWithoutRadialPart<Direction>{direction, delta, decay_ratio, weight_decay, epsilon});
    else
      run(chain(direction, AddDecayedWeights{weight_decay}));
  }
};

}  // namespace glissade
