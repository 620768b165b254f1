// The oracle, through which a method asks an objective; what an objective is: concepts.hpp.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "../core/checks.hpp"
#include "../core/tensors/tensor.hpp"
#include "../sets/l1.hpp"
#include "bounds.hpp"
#include "calls.hpp"
#include "concepts.hpp"
#include "norm.hpp"
#include "symmetric.hpp"

namespace glissade {

/// Asks an objective, counts the calls and keeps to their budgets. Methods see objectives only through it. A call
/// beyond its budget is not made: what it would fill is NaN then and refused() tells which call it was, so that a
/// search ends as on any function without finite values.
template <class F, class V>
class Oracle {
 public:
  explicit Oracle(F& objective) : f_(&objective) { budgets_.fill(std::numeric_limits<double>::infinity()); }

  /// True where value(x) does not cost a gradient as well.
  static constexpr bool has_value = HasValue<F, V>;
  static constexpr bool has_hessian = HasHessian<F, V>;
  static constexpr bool has_hessian_vector = HasHessianVector<F, V>;
  static constexpr bool has_batch_third = HasBatchThird<F, V>;
  static constexpr bool has_prox = HasProx<F, V>;
  static constexpr bool has_l1 = HasL1<F, V>;
  static constexpr bool has_set = HasSet<F, V>;
  static constexpr bool has_box = HasBox<F, V>;
  static constexpr bool has_tangent = HasTangent<F, V>;
  static constexpr bool has_sparse_terms = HasSparseTerms<F>;
  static constexpr bool has_size = HasSize<F, V>;

  /// At most so many calls of a kind, its batches in shares of the sum included.
  void allow(Call call, std::int64_t most) {
    constexpr double slack = 1e-9;  // shares of a sum do not add up exactly
    budgets_[static_cast<std::size_t>(call)] = static_cast<double>(most) * (1 + slack);
  }
  [[nodiscard]] const Evaluations& evaluations() const { return evaluations_; }
  /// The call whose budget stood in the way of the last call that was not made, if there was one.
  [[nodiscard]] std::optional<Call> refused() const { return refused_; }

  [[nodiscard]] double value(const V& x) {
    if constexpr (!has_value) return value_and_gradient(x, scratch_);
    double value = not_a_number;
    ask<has_value, Call::value>(1, [&](auto& f) { value = static_cast<double>(f.value(x)); });
    return value;
  }

  double value_and_gradient(const V& x, V& gradient) {
    static_assert(HasGradient<F, V>,
                  "the objective lacks value_and_gradient(x, gradient), or a call operator "
                  "double(x, gradient), which this method needs");
    static_assert(!GradientCallable<F, V> || !detail::loses_gradient<F>(),
                  "the objective takes its gradient by value or as const: it would fill a copy; take it by reference");
    double value = not_a_number;
    fill<HasGradient<F, V>, Call::value, Call::gradient>("gradient", x.size(), 1, gradient, [&](auto& f) {
      if constexpr (HasGradientMember<F, V>)
        value = static_cast<double>(f.value_and_gradient(x, gradient));
      else
        value = static_cast<double>(f(x, gradient));
    });
    return value;
  }

  /// The value at a trial point, with the gradient where the objective gives no value alone.
  double probe(const V& x, V& gradient) {
    if constexpr (has_value)
      return value(x);
    else
      return value_and_gradient(x, gradient);
  }
  /// The gradient at the point of the last probe.
  void complete_probe(const V& x, V& gradient) {
    if constexpr (has_value) value_and_gradient(x, gradient);
  }

  template <class H>
  void hessian(const V& x, H& hessian) {
    static_assert(has_hessian, "the objective lacks hessian(x, H), which this method needs");
    symmetric<has_hessian, Call::hessian>(x, hessian, [&](auto& f) { f.hessian(x, hessian); });
  }

  void hessian_vector(const V& x, const V& v, V& product) {
    static_assert(has_hessian_vector, "the objective lacks hessian_vector(x, v, Hv), which this method needs");
    fill<has_hessian_vector, Call::hessian_vector>("product", x.size(), 1, product,
                                                   [&](auto& f) { f.hessian_vector(x, v, product); });
  }

  /// The number of terms of a finite sum, at least one.
  [[nodiscard]] Index size() {
    static_assert(HasSize<F, V>, "the objective lacks size(), the number of its terms, which this method needs");
    Index terms = 0;
    if constexpr (HasSize<F, V>) terms = static_cast<Index>(f_->size());
    if (terms < 1) throw std::invalid_argument("objective: size() = " + std::to_string(terms) + ", must be >= 1");
    evaluations_.components = terms;
    return terms;
  }

  [[nodiscard]] double batch_value(const V& x, std::span<const Index> indices) {
    constexpr bool given = HasBatchValue<F, V>;
    static_assert(given, "the objective lacks batch_value(x, indices), which this method needs");
    double value = not_a_number;
    ask<given, Call::batch_value>(indices.size(),
                                  [&](auto& f) { value = static_cast<double>(f.batch_value(x, indices)); });
    return value;
  }

  void batch_gradient(const V& x, std::span<const Index> indices, V& gradient) {
    constexpr bool given = HasBatchGradient<F, V>;
    static_assert(given, "the objective lacks batch_gradient(x, indices, gradient), which this method needs");
    fill<given, Call::batch_gradient>("gradient", x.size(), indices.size(), gradient,
                                      [&](auto& f) { f.batch_gradient(x, indices, gradient); });
  }

  void batch_hessian_vector(const V& x, std::span<const Index> indices, const V& v, V& product) {
    constexpr bool given = HasBatchHessianVector<F, V>;
    static_assert(given, "the objective lacks batch_hessian_vector(x, indices, v, Hv), which this method needs");
    fill<given, Call::batch_hessian_vector>("product", x.size(), indices.size(), product,
                                            [&](auto& f) { f.batch_hessian_vector(x, indices, v, product); });
  }

  void batch_third(const V& x, std::span<const Index> indices, const V& v, V& third) {
    static_assert(has_batch_third, "the objective lacks batch_third(x, indices, v, out), which this method needs");
    fill<has_batch_third, Call::batch_third>("third derivative", x.size(), indices.size(), third,
                                             [&](auto& f) { f.batch_third(x, indices, v, third); });
  }

  template <class Uniform>
  void sampled_gradient(const V& x, std::span<const Index> indices, const Uniform& uniform, V& gradient) {
    constexpr bool given = HasSampledGradient<F, V>;
    static_assert(given, "the objective lacks sampled_gradient(x, indices, uniform, g), which this method needs");
    fill<given, Call::batch_gradient>("gradient", x.size(), indices.size(), gradient,
                                      [&](auto& f) { f.sampled_gradient(x, indices, uniform, gradient); });
  }

  /// The gradient of each of these terms, a column of `gradients` each.
  void batch_gradients(const V& x, std::span<const Index> indices, ColumnsOf<V>& gradients) {
    constexpr bool given = HasBatchGradients<F, V>;
    static_assert(given || HasBatchGradient<F, V>,
                  "the objective lacks batch_gradients(x, indices, G) and batch_gradient(x, indices, gradient), one of "
                  "which this method needs");
    const auto terms = static_cast<Index>(indices.size());
    gradients.resize(x.size(), terms);
    if constexpr (given) {
      if (evaluations_[Call::batch_gradient] == 0) spoil(gradients);
      if (!ask<true, Call::batch_gradient>(indices.size(), [&](auto& f) { f.batch_gradients(x, indices, gradients); }))
        spoil(gradients);
      check_size("gradients", gradients.rows(), x.size());
      check_size("gradients", gradients.cols(), terms);
    } else {
      for (Index k = 0; k < terms; ++k) {
        batch_gradient(x, indices.subspan(static_cast<std::size_t>(k), 1), scratch_);
        gradients.col(k) = scratch_;
      }
    }
  }

  /// Of a mean of |c_i|: the number c_i(x) and its gradient, which count as the gradient of a term.
  double residual_and_gradient(const V& x, Index i, V& gradient) {
    constexpr bool given = HasResidualOfTerm<F, V>;
    static_assert(
        given,
        "the objective lacks residual_and_gradient(x, i, gradient), the number c_i of a mean of |c_i| and its "
        "gradient, which this method needs");
    double residual = not_a_number;
    fill<given, Call::batch_gradient>("gradient", x.size(), 1, gradient, [&](auto& f) {
      residual = static_cast<double>(f.residual_and_gradient(x, i, gradient));
    });
    return residual;
  }
  /// The prox of one term, which counts as its gradient: it takes the place of that.
  void prox_of_term(V& x, Index i, double step) {
    constexpr bool given = HasProxOfTerm<F, V>;
    static_assert(given, "the objective lacks prox_of_term(x, i, step), the prox of a term, which this method needs");
    ask<given, Call::batch_gradient>(1, [&](auto& f) { f.prox_of_term(x, i, step); });
  }

  // Of a sum of functions of <a_i, x>: the rows a_i, which are data and no call; the derivative of term i at z, which
  // counts as the gradient of a term; the factor of |x|^2 / 2.
  [[nodiscard]] SparseRow row(Index i) const requires HasSparseTerms<F> { return f_->row(i); }
  [[nodiscard]] double regularization() const requires HasSparseTerms<F> {
    return static_cast<double>(f_->regularization());
  }
  [[nodiscard]] double slope(Index i, double z) requires HasSparseTerms<F> {
    double slope = not_a_number;
    ask<true, Call::batch_gradient>(1, [&](auto& f) { slope = static_cast<double>(f.slope(i, z)); });
    return slope;
  }

  /// F(z) or T(z).
  void operator_value(const V& z, V& out) {
    static_assert(HasOperator<F, V>, "the operator lacks a call operator void(z, out), which this method needs");
    static_assert(!detail::loses_gradient<F>(),
                  "the operator takes its output by value or as const: it would fill a copy; take it by reference");
    fill<HasOperator<F, V>, Call::operator_value>("value", z.size(), 1, out, [&](auto& f) { f(z, out); });
  }
  /// One call of the operator by other means, for problems that consist of parts: use(problem), which counts as one.
  /// False: it was refused.
  template <class Use>
  bool sweep(const Use& use) {
    return ask<true, Call::operator_value>(1, [&](auto&) { use(problem()); });
  }
  /// The problem as its user handed it over, to ask for its sizes.
  [[nodiscard]] auto& problem() const {
    if constexpr (requires { typename F::Reshaped; })
      return f_->problem();
    else
      return *f_;
  }
  /// The operator's own norm, else the Euclidean one.
  [[nodiscard]] double norm(const V& v) const {
    if constexpr (HasNorm<F, V>)
      return static_cast<double>(f_->norm(v));
    else
      return norm_of(v);
  }
  /// How far the image is from x, of which the residual x - image is known: by the operator's own distance, else by
  /// norm.
  [[nodiscard]] double distance(const V& x, const V& image, const V& residual) const {
    if constexpr (HasDistance<F, V>)
      return static_cast<double>(f_->distance(x, image));
    else
      return norm(residual);
  }

  /// What the operator says of a displacement v that has settled; true where it does not say.
  [[nodiscard]] bool certifies(const V& v) const {
    if constexpr (HasCertificate<F, V>)
      return static_cast<bool>(f_->certifies(v));
    else
      return true;
  }

  /// The nearest point of the set; where there is none, z itself.
  void project(V& z) {
    if constexpr (HasProjectMember<F, V>)
      ask<true, Call::projection>(1, [&](auto& f) { f.project(z); });
    else if constexpr (has_box)
      ask<true, Call::projection>(1, [&](auto& f) { static_cast<const Box&>(f.box()).project(z); });
  }
  /// The nearest vector that does not leave the set at z; where there is no set, v itself.
  void project_tangent(const V& z, V& v) {
    static_assert(has_tangent || !has_set, "the set lacks project_tangent(x, v), which this method needs");
    if constexpr (HasTangentMember<F, V>)
      f_->project_tangent(z, v);
    else if constexpr (has_box)
      static_cast<const Box&>(f_->box()).project_tangent(z, v);
  }
  /// The bounds on the coefficients of x, as numbers; infinite where there are none. Throws std::invalid_argument where
  /// they are not as many as x has coefficients, are crossed or leave no number between them.
  [[nodiscard]] Bounds<V> box(const V& x) const {
    Bounds<V> bounds{V::Constant(x.size(), -std::numeric_limits<typename V::Scalar>::infinity()),
                     V::Constant(x.size(), std::numeric_limits<typename V::Scalar>::infinity())};
    if constexpr (has_box) set_bounds(static_cast<const Box&>(f_->box()), bounds);
    return bounds;
  }

  /// Resizes c to the number of constraints.
  void constraints(const V& x, Eigen::VectorXd& c) {
    constexpr bool given = HasConstraints<F, V>;
    static_assert(given, "the objective lacks constraints(x, c), which this method needs");
    if (!ask<given, Call::constraints>(1, [&](auto& f) { f.constraints(x, c); })) spoil(c);
  }
  void jacobian(const V& x, Eigen::MatrixXd& J) {
    constexpr bool given = HasJacobian<F, V>;
    static_assert(given, "the objective lacks jacobian(x, J), which this method needs");
    if (!ask<given, Call::jacobian>(1, [&](auto& f) { f.jacobian(x, J); })) spoil(J);
    check_size("Jacobian", J.cols(), x.size());
  }
  /// Resizes r to the number of residuals, which must stay what it is; counts as a value.
  void residuals(const V& x, Eigen::VectorXd& r) {
    constexpr bool given = HasResiduals<F, V>;
    static_assert(given,
                  "the objective lacks residuals(x, r), the numbers whose squares are summed, which this method "
                  "needs");
    if (evaluations_[Call::value] < 2) spoil(r);
    if (!ask<given, Call::value>(1, [&](auto& f) { f.residuals(x, r); })) {
      r.setConstant(std::max<Index>(residual_count_, 1), not_a_number);
      return;
    }
    if (residual_count_ < 0) residual_count_ = r.size();
    check_size("vector of residuals", r.size(), residual_count_);
  }
  /// The derivatives of the residuals; counts as a Jacobian and, for they give it, as a gradient.
  void residual_jacobian(const V& x, Eigen::MatrixXd& J) {
    constexpr bool given = HasJacobian<F, V>;
    static_assert(given || !HasResiduals<F, V>,
                  "the objective has residuals(x, r) but lacks jacobian(x, J), which this method needs; "
                  "JacobianByDifferences adds it");
    const Index rows = residual_count_ < 0 ? 1 : residual_count_;
    J.resize(rows, x.size());
    if (evaluations_[Call::jacobian] == 0) spoil(J);
    // Where the residuals were refused their number is not known.
    if ((refused_ && residual_count_ < 0) ||
        !ask<given, Call::gradient, Call::jacobian>(1, [&](auto& f) { f.jacobian(x, J); }))
      spoil(J);
    if (residual_count_ >= 0) check_size("Jacobian", J.rows(), rows);
    check_size("Jacobian", J.cols(), x.size());
  }
  /// rho and its derivatives at the square s of a residual; s itself where the objective has no robust_loss.
  [[nodiscard]] RobustValue robust_loss(double s) const {
    if constexpr (HasRobustLoss<F>)
      return f_->robust_loss(s);
    else
      return {s, 1, 0};
  }
  static constexpr bool has_robust_loss = HasRobustLoss<F>;

  template <class H>
  void lagrangian_hessian(const V& x, const Eigen::VectorXd& multipliers, H& hessian) {
    constexpr bool given = HasLagrangianHessian<F, V>;
    static_assert(given, "the objective lacks lagrangian_hessian(x, multipliers, H), which this method needs");
    symmetric<given, Call::lagrangian_hessian>(x, hessian,
                                               [&](auto& f) { f.lagrangian_hessian(x, multipliers, hessian); });
  }

  /// Names and shapes of the tensors of which x consists.
  [[nodiscard]] std::vector<Tensor> tensors(const V& x) const {
    if constexpr (requires { f_->tensors(); })
      return f_->tensors();
    else
      return {Tensor{"x", x.size()}};
  }

  void prox(V& x, double step) {
    static_assert(has_prox, "the objective lacks prox(x, step), which this method needs");
    ask<has_prox, Call::prox>(1, [&](auto& f) {
      if constexpr (!HasProxMember<F, V>)
        L1{.weight = f.l1_weights()}.prox(x, step);
      else if constexpr (std::is_void_v<decltype(f.prox(x, step))>)
        f.prox(x, step);
      else
        x = V(f.prox(x, step));
    });
  }
  /// The weights of the l1 term, one for each coefficient of x; 0 where there is none. Throws std::invalid_argument
  /// where they are not as many, negative or not finite.
  [[nodiscard]] V l1_weights(const V& x) const {
    V weights = V::Zero(x.size());
    if constexpr (has_l1) {
      const PerCoefficient& given = f_->l1_weights();
      given.require_in(L1::name, "weight", range::non_negative);
      given.require_size(L1::name, "weight", static_cast<std::size_t>(x.size()));
      for (Index i = 0; i < x.size(); ++i)
        weights[i] = static_cast<typename V::Scalar>(given[static_cast<std::size_t>(i)]);
    }
    return weights;
  }

 private:
  template <class, class>
  friend class LossOfOutputs;  // outputs.hpp

  static constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
  template <class M>
  static void spoil(M& matrix) {
    matrix.setConstant(static_cast<typename M::Scalar>(not_a_number));
  }

  /// A call of these kinds, of so many terms where it is of a batch: counted and made, or refused. What the objective
  /// does not give is not compiled, so that the sentence about that is the only error.
  template <bool given, Call... kinds, class Make>
  EIGEN_ALWAYS_INLINE bool ask(std::size_t terms, const Make& make) {
    const auto count = static_cast<std::int64_t>(terms);
    if (!(admit<kinds>(count) && ...)) return false;
    ((evaluations_[kinds] += count), ...);
    if constexpr (given) make(*f_);
    return true;
  }

  /// The same for a call that fills a vector of so many numbers, with NaN where it is refused. At the first call of a
  /// kind it holds NaN beforehand: what the objective does not fill shows.
  template <bool given, Call... kinds, class Vector, class Make>
  EIGEN_ALWAYS_INLINE void fill(const char* what, Index size, std::size_t terms, Vector& out, const Make& make) {
    out.resize(size);
    if ((false || ... || (evaluations_[kinds] == 0))) spoil(out);
    if (ask<given, kinds...>(terms, make))
      check_size(what, out.size(), size);
    else
      spoil(out);
  }

  /// The same for a call that fills a symmetric matrix.
  template <bool given, Call kind, class H, class Make>
  void symmetric(const V& x, H& hessian, const Make& make) {
    hessian.resize(x.size(), x.size());
    if (evaluations_[kind] == 0) spoil(hessian);
    if (!ask<given, kind>(1, make)) return spoil(hessian);
    check_size("Hessian", hessian.rows(), x.size());
    check_size("Hessian", hessian.cols(), x.size());
    detail::symmetrize(hessian);
  }

  template <Call call>
  bool admit(std::int64_t count) {
    constexpr const detail::CallKind& kind = detail::kind_of(call);
    double calls = static_cast<double>(count);
    if constexpr (kind.is_batch()) {
      if (evaluations_.components == 0) evaluations_.components = size();
      calls = evaluations_.share(count);
    }
    if (!(evaluations_.whole(call) + calls > budgets_[static_cast<std::size_t>(kind.whole)])) return true;
    refused_ = kind.whole;
    return false;
  }

  static void check_size(const char* what, Index found, Index expected) {
    if (found != expected)
      throw std::invalid_argument("objective: its " + std::string(what) + " has size " + std::to_string(found) +
                                  ", must be " + std::to_string(expected));
  }

  F* f_;
  V scratch_;
  Index residual_count_ = -1;  // not known before the first call
  Evaluations evaluations_;
  std::array<double, detail::call_kinds.size()> budgets_;
  std::optional<Call> refused_;
};

/// An oracle stays what it is, any other objective gets one for this call.
///
///     auto&& f = oracle_of(objective, x);
template <class F, class V>
decltype(auto) oracle_of(F&& objective, const V&) {
  using Plain = std::remove_reference_t<F>;
  if constexpr (detail::is_oracle<Plain>)
    return static_cast<Plain&>(objective);
  else
    return Oracle<Plain, V>(objective);
}

}  // namespace glissade
