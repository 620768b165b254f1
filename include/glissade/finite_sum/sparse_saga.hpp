// SAGA for linear models of sparse data.
#pragma once

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "../sets/l1.hpp"
#include "inner_loop.hpp"

namespace glissade {

namespace detail {

/// What a step of SAGA does to a coefficient that the term lacks: x <- T(x),
///
///     T(x) = soft( keep x - step G, step l1 ) / shrink,   keep = 1 - step regularization,  shrink = 1 + step l2
///
/// T is monotone, so a coefficient that is moved on by the same G goes one way; while its sign stays, T is affine, and
/// any number of steps is a power and a geometric sum.
class RepeatedStep {
 public:
  RepeatedStep(double step, double regularization, double l2)
      : step_(step),
        keep_(1 - step * regularization),
        shrink_(1 + step * l2),
        loss_(step * (regularization + l2) / shrink_),
        log_factor_(std::log1p(-loss_)) {}

  /// T(x)
  [[nodiscard]] double once(double x, double gradient, double l1) const {
    const double moved = keep_ * x - step_ * gradient;
    const double threshold = step_ * l1;
    if (moved > threshold) return (moved - threshold) / shrink_;
    if (moved < -threshold) return (moved + threshold) / shrink_;
    return moved == moved ? 0 : moved;
  }
  /// T(T(...(x))), `times` of them, in time that does not depend on how many they are, but for log(times) where x comes
  /// to zero or past it on the way.
  [[nodiscard]] double repeated(double x, double gradient, double l1, std::int64_t times) const {
    while (times > 1) {
      const double side = l1 == 0 || x > 0 || (x == 0 && gradient < -l1) ? 1 : x < 0 || gradient > l1 ? -1 : 0;
      if (side == 0) return x;  // at zero, which the gradient is too weak to leave, or NaN
      const double push = (step_ * gradient + side * step_ * l1) / shrink_;
      const double end = affine(x, push, times);
      if (l1 == 0 || side * end > 0) return end;
      if (!(side * end <= 0)) return end;    // NaN
      std::int64_t same = 0, other = times;  // steps after which the sign is the same, and is not
      while (other - same > 1) {
        const std::int64_t middle = same + (other - same) / 2;
        (side * affine(x, push, middle) > 0 ? same : other) = middle;
      }
      x = once(same > 0 ? affine(x, push, same) : x, gradient, l1);
      times -= same + 1;
    }
    return times == 1 ? once(x, gradient, l1) : x;
  }

 private:
  /// x after `times` steps x <- (1 - loss) x - push.
  [[nodiscard]] double affine(double x, double push, std::int64_t times) const {
    const auto n = static_cast<double>(times);
    if (loss_ == 0) return x - n * push;
    const double lost = -std::expm1(n * log_factor_);
    return x - lost * x - push * (lost / loss_);
  }

  double step_, keep_, shrink_, loss_, log_factor_;
};

/// h = sum of l1_i |x_i| + (l2 / 2) |x|^2, of which L1 and ElasticNet are cases.
class SeparableTerm {
 public:
  SeparableTerm() = default;
  explicit SeparableTerm(const L1& term) : weights_(&term.weight) {}
  explicit SeparableTerm(const ElasticNet& term) : l1_(term.l1), l2_(term.l2) {}
  [[nodiscard]] double l1(std::size_t i) const { return weights_ != nullptr ? (*weights_)[i] : l1_; }
  [[nodiscard]] double l2() const { return l2_; }

 private:
  const PerCoefficient* weights_ = nullptr;
  double l1_ = 0, l2_ = 0;
};

/// The term that plus_term put to a problem.
template <class P>
SeparableTerm separable_term(const P& problem) {
  if constexpr (requires { SeparableTerm(problem.term); })
    return SeparableTerm(problem.term);
  else
    return {};
}
template <class P>
inline constexpr bool has_separable_term = requires(const P& problem) {
  SeparableTerm(problem.term);
};

}  // namespace detail

/// SAGA for linear models of sparse data: a step costs as much as its term has nonzeros, whatever the number of
/// variables; with l1 and elastic net.
///
///     f = mean of loss_i(<a_i, x>) + (r / 2) |x|^2, table s_i = loss_i'(<a_i, x>), G = mean of s_i a_i
///     inner_steps times, j at random:   s = loss_j'(<a_j, x>)
///     x <- prox of step_size h ( x - step_size ( (s - s_j) a_j + G + r x ) )
///     G <- G + (s - s_j) a_j / n,   s_j <- s
///
/// Only the coefficients of a_j are moved, after what they missed since they were moved last, for G stood still there;
/// at the end of the step all of them are. The path is that of Saga with one term per batch, up to rounding, where r
/// is 0: an l2 that goes to h, by ElasticNet, has it both ways.
///
///     const SparseTableData data = read_libsvm_sparse("train.libsvm");
///     const problems::SparseLogisticRegression loss(data.features, data.targets);
///     Result r = minimize(plus_term(loss, L1{.weight = 1e-4}), x, SparseSaga{.step_size = 1.3});
///
/// The objective has value_and_gradient, size, and row, slope and regularization (r) of its terms, as
/// problems/sparse_linear_model.hpp. h is L1 or ElasticNet, put to it by plus_term; another prox does not compile.
/// Value, gradient and measure are as Saga's.
/// Options: step_size > 0 (0.1), about 1 / (3 L), L of the terms, and step_size r < 1; inner_steps >= 0 (0: two
/// passes); seed.
/// State: value, gradient, measure, outer and inner (counts), touched (how often a coefficient was moved), table (n
/// numbers); workspace of three numbers per variable.
/// Cost: per inner step one slope and a few flops per nonzero, and an exponential where there is an l2 or r; per step
/// two passes over the data more, a prox, and all variables once.
/// Errors: std::invalid_argument for options out of range and rows with indices that do not increase or go beyond x.
/// Too large a step_size ends as Status::non_finite.
/// Source: "SAGA: A Fast Incremental Gradient Method With Support for Non-Strongly Convex Composite Objectives", 2014,
/// arXiv 1407.0202; delayed updates: "Minimizing Finite Sums with the Stochastic Average Gradient", 2013, arXiv
/// 1309.2388, section 4.
/// Deviation: r x is taken at x, not from a table.
struct SparseSaga {
  static constexpr std::string_view name = "SparseSaga";
  static constexpr bool honours_prox = true;
  double step_size = 0.1;
  std::int64_t inner_steps = 0;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("inner_steps", self.inner_steps, range::non_negative);
    visit("seed", self.seed);
  }
  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = SparseSaga::name;
    double measure = 0;  // at x
    std::int64_t outer = 0, inner = 0;
    std::int64_t touched = 0;
    Eigen::VectorXd table;
    V mean, scratch;                  // workspace
    std::vector<std::int64_t> moved;  // workspace: how many steps of this loop each coefficient has made

    static void visit(auto& self, auto&& field) {
      constexpr std::int64_t most = std::int64_t{1} << 53;
      ValueAndGradient<V>::visit(self, field);
      field("measure", self.measure);
      field("outer", self.outer, 0, most);
      field("inner", self.inner, 0, most);
      field("touched", self.touched, 0, most);
      field("table", self.table);
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    using Problem = std::remove_reference_t<decltype(f)>;
    static_assert(Problem::has_sparse_terms,
                  "the objective lacks row(i), slope(i, z) and regularization(), which this method needs");
    static_assert(
        !Problem::has_prox || detail::has_separable_term<std::remove_cvref_t<decltype(f.problem())>>,
        "the objective declares prox(x, step), of which this method honours those of L1 and ElasticNet by plus_term");
    check_method(*this);
    check_step(f);
    auto state = state_at<State<V>>(*this, f, x);
    detail::set_measure(f, x, state, step_size);
    state.table.resize(f.size());
    for (Index i = 0; i < f.size(); ++i) {
      const SparseRow row = f.row(i);
      check_row(i, row, x.size());
      state.table[i] = f.slope(i, row.dot(x));
    }
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    const Index n = f.size();
    check_step(f);
    if (state.table.size() != n)
      throw std::invalid_argument("SparseSaga: the state's table has " + std::to_string(state.table.size()) +
                                  " numbers, must be " + std::to_string(n));
    const auto term = detail::separable_term(f.problem());
    const detail::RepeatedStep repeat(step_size, f.regularization(), term.l2());
    const auto terms = static_cast<double>(n);
    // Formed anew in every outer loop, so that rounding errors do not add up and it need not be saved.
    state.mean.setZero(x.size());
    for (Index i = 0; i < n; ++i) f.row(i).add_to(state.mean, state.table[i] / terms);
    state.moved.assign(static_cast<std::size_t>(x.size()), 0);

    const RandomKey key = RandomKey{seed}.derive(static_cast<std::uint64_t>(state.outer));
    const std::int64_t steps = inner_steps > 0 ? inner_steps : 2 * n;
    std::int64_t done = 0;
    const auto catch_up = [&](std::size_t i) {
      const auto k = static_cast<Index>(i);
      x[k] = repeat.repeated(x[k], state.mean[k], term.l1(i), done - state.moved[i]);
      ++state.touched;
    };
    for (; done < steps; ++done) {
      const auto j =
          static_cast<Index>(random_below(key, static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(n)));
      const SparseRow row = f.row(j);
      for (const int i : row.indices) catch_up(static_cast<std::size_t>(i));
      const double slope = f.slope(j, row.dot(x));
      if (f.refused()) break;
      const double change = slope - state.table[j];
      state.table[j] = slope;
      for (std::size_t k = 0; k < row.indices.size(); ++k) {
        const Index i = row.indices[k];
        const auto place = static_cast<std::size_t>(i);
        const double difference = change * row.values[k];
        x[i] = repeat.once(x[i], difference + state.mean[i], term.l1(place));
        state.mean[i] += difference / terms;
        state.moved[place] = done + 1;
        ++state.touched;
      }
      ++state.inner;
    }
    for (std::size_t i = 0; i < state.moved.size(); ++i) catch_up(i);
    ++state.outer;
    state.value = f.value_and_gradient(x, state.gradient);
    detail::set_measure(f, x, state, step_size);
    return report_of(state);
  }

 private:
  template <class F>
  void check_step(F& f) const {
    require(name, "step_size * regularization", step_size * f.regularization(), range::decay);
  }
  static void check_row(Index i, const SparseRow& row, Index variables) {
    Index last = -1;
    for (const int j : row.indices) {
      if (j <= last || j >= variables)
        reject("objective", "row " + std::to_string(i) + ": index", j,
               Range{static_cast<double>(last + 1), static_cast<double>(variables), false, true}.text());
      last = j;
    }
  }
};

}  // namespace glissade
