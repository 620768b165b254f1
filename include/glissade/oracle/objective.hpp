// What a method may ask of an objective, and the oracle through which it asks.
//
// An objective is a callable or an object with some of these members; x, g, v and Hv are vectors of
// n numbers and H is n x n, all sized before the call, their contents unspecified:
//
//   double f(x, g)                          the value; fills the gradient
//   double value_and_gradient(x, g)         the same as a member
//   double value(x)                         where the value alone is cheaper
//   void hessian(x, H)                      both triangles
//   void hessian_vector(x, v, Hv)
//   Index size()                            a finite sum, the mean of so many terms
//   double batch_value(x, indices)          the mean over some terms; indices: std::span<const Index>
//   batch_gradient(x, indices, g)           the mean of their gradients
//   batch_hessian_vector(x, indices, v, Hv) the mean of their Hessians times v
//   batch_third(x, indices, v, out)         the mean of their third derivatives applied to v twice
//   double sampled_gradient(x, indices, uniform, g)
//                                           as batch_gradient of a likelihood, with labels drawn from the
//                                           model: that of term k by the number uniform(k) in (0, 1)
//   prox(x, step)                           x becomes argmin_z h(z) + ||z - x||^2 / (2 step)
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "../core/checks.hpp"
#include "../drive/status.hpp"

namespace glissade {

using Index = Eigen::Index;

/// The square matrix that belongs to a vector type.
template <class V>
using SquareOf = Eigen::Matrix<typename V::Scalar, V::SizeAtCompileTime, V::SizeAtCompileTime>;

template <class F, class V>
concept HasValue = requires(F& f, const V& x) {
  { f.value(x) } -> std::convertible_to<double>;
};
template <class F, class V>
concept HasGradientMember = requires(F& f, const V& x, V& g) {
  { f.value_and_gradient(x, g) } -> std::convertible_to<double>;
};
template <class F, class V>
concept GradientCallable =
    std::invocable<F&, const V&, V&> && std::convertible_to < std::invoke_result_t<F&, const V&, V&>,
double > ;
template <class F, class V>
concept HasGradient = HasGradientMember<F, V> || GradientCallable<F, V>;
template <class F, class V>
concept HasHessian = requires(F& f, const V& x, SquareOf<V>& H) {
  f.hessian(x, H);
};
template <class F, class V>
concept HasHessianVector = requires(F& f, const V& x, V& Hv) {
  f.hessian_vector(x, x, Hv);
};
template <class F, class V>
concept HasSize = requires(F& f) {
  { f.size() } -> std::convertible_to<Index>;
};
template <class F, class V>
concept HasBatchValue = requires(F& f, const V& x, std::span<const Index> indices) {
  { f.batch_value(x, indices) } -> std::convertible_to<double>;
};
template <class F, class V>
concept HasBatchGradient = requires(F& f, const V& x, std::span<const Index> indices, V& g) {
  f.batch_gradient(x, indices, g);
};
template <class F, class V>
concept HasBatchHessianVector = requires(F& f, const V& x, std::span<const Index> indices, V& Hv) {
  f.batch_hessian_vector(x, indices, x, Hv);
};
template <class F, class V>
concept HasBatchThird = requires(F& f, const V& x, std::span<const Index> indices, V& out) {
  f.batch_third(x, indices, x, out);
};
template <class F, class V>
concept HasSampledGradient = requires(F& f, const V& x, std::span<const Index> indices, double (*uniform)(Index),
                                      V& g) {
  f.sampled_gradient(x, indices, uniform, g);
};
template <class F, class V>
concept HasProx = requires(F& f, V& x) {
  f.prox(x, 1.0);
};

/// Asks an objective, counts the calls and keeps to their budget. Methods see objectives only
/// through it. A call beyond the budget is not made: what it would fill is NaN then and refused()
/// tells why, so that a search ends as on any function without finite values.
template <class F, class V>
class Oracle {
 public:
  explicit Oracle(F& objective) : f_(&objective) {}

  /// True where value(x) does not cost a gradient as well.
  static constexpr bool has_value = HasValue<F, V>;
  static constexpr bool has_hessian = HasHessian<F, V>;
  static constexpr bool has_hessian_vector = HasHessianVector<F, V>;
  static constexpr bool has_batch_third = HasBatchThird<F, V>;
  static constexpr bool has_prox = HasProx<F, V>;

  void allow(std::int64_t values, std::int64_t gradients, std::int64_t hessians = unlimited,
             std::int64_t products = unlimited) {
    max_values_ = static_cast<double>(values);
    max_gradients_ = static_cast<double>(gradients);
    max_hessians_ = static_cast<double>(hessians);
    max_products_ = static_cast<double>(products);
  }
  [[nodiscard]] const Evaluations& evaluations() const { return evaluations_; }
  /// `running`, or the budget that stood in the way of a call.
  [[nodiscard]] Status refused() const { return refused_; }

  [[nodiscard]] double value(const V& x) {
    if constexpr (has_value) {
      if (!admit(1, 0)) return not_a_number;
      ++evaluations_.value;
      return static_cast<double>(f_->value(x));
    } else {
      return value_and_gradient(x, scratch_);
    }
  }

  double value_and_gradient(const V& x, V& gradient) {
    static_assert(HasGradient<F, V>,
                  "the objective lacks value_and_gradient(x, gradient), or a call operator "
                  "double(x, gradient), which this method needs");
    gradient.resize(x.size());
    if (!admit(1, 1)) {
      gradient.setConstant(not_a_number);
      return not_a_number;
    }
    ++evaluations_.value;
    ++evaluations_.gradient;
    double value = not_a_number;
    if constexpr (HasGradientMember<F, V>)
      value = static_cast<double>(f_->value_and_gradient(x, gradient));
    else if constexpr (GradientCallable<F, V>)
      value = static_cast<double>((*f_)(x, gradient));
    check_size("gradient", gradient.size(), x.size());
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
    hessian.resize(x.size(), x.size());
    if (!admit(0, 0, 1)) {
      hessian.setConstant(not_a_number);
      return;
    }
    ++evaluations_.hessian;
    if constexpr (has_hessian) f_->hessian(x, hessian);
    check_size("Hessian", hessian.rows(), x.size());
    check_size("Hessian", hessian.cols(), x.size());
    check_symmetry(hessian);
  }

  void hessian_vector(const V& x, const V& v, V& product) {
    static_assert(has_hessian_vector, "the objective lacks hessian_vector(x, v, Hv), which this method needs");
    product.resize(x.size());
    if (!admit(0, 0, 0, 1)) {
      product.setConstant(not_a_number);
      return;
    }
    ++evaluations_.hessian_vector;
    if constexpr (has_hessian_vector) f_->hessian_vector(x, v, product);
    check_size("product", product.size(), x.size());
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
    static_assert(HasBatchValue<F, V>, "the objective lacks batch_value(x, indices), which this method needs");
    if (!admit(share(indices), 0)) return not_a_number;
    evaluations_.component_value += static_cast<std::int64_t>(indices.size());
    if constexpr (HasBatchValue<F, V>) return static_cast<double>(f_->batch_value(x, indices));
    return not_a_number;
  }

  void batch_gradient(const V& x, std::span<const Index> indices, V& gradient) {
    static_assert(HasBatchGradient<F, V>,
                  "the objective lacks batch_gradient(x, indices, gradient), which this method needs");
    gradient.resize(x.size());
    if (!admit(0, share(indices))) {
      gradient.setConstant(not_a_number);
      return;
    }
    evaluations_.component_gradient += static_cast<std::int64_t>(indices.size());
    if constexpr (HasBatchGradient<F, V>) f_->batch_gradient(x, indices, gradient);
    check_size("gradient", gradient.size(), x.size());
  }

  void batch_hessian_vector(const V& x, std::span<const Index> indices, const V& v, V& product) {
    static_assert(HasBatchHessianVector<F, V>,
                  "the objective lacks batch_hessian_vector(x, indices, v, Hv), which this method needs");
    product.resize(x.size());
    if (!admit(0, 0, 0, share(indices))) {
      product.setConstant(not_a_number);
      return;
    }
    evaluations_.component_hessian_vector += static_cast<std::int64_t>(indices.size());
    if constexpr (HasBatchHessianVector<F, V>) f_->batch_hessian_vector(x, indices, v, product);
    check_size("product", product.size(), x.size());
  }

  void batch_third(const V& x, std::span<const Index> indices, const V& v, V& third) {
    static_assert(has_batch_third, "the objective lacks batch_third(x, indices, v, out), which this method needs");
    third.resize(x.size());
    evaluations_.component_third += static_cast<std::int64_t>(indices.size());
    if constexpr (has_batch_third) f_->batch_third(x, indices, v, third);
    check_size("third derivative", third.size(), x.size());
  }

  template <class Uniform>
  void sampled_gradient(const V& x, std::span<const Index> indices, const Uniform& uniform, V& gradient) {
    static_assert(HasSampledGradient<F, V>,
                  "the objective lacks sampled_gradient(x, indices, uniform, g), which this method needs");
    gradient.resize(x.size());
    if (!admit(0, share(indices))) {
      gradient.setConstant(not_a_number);
      return;
    }
    evaluations_.component_gradient += static_cast<std::int64_t>(indices.size());
    if constexpr (HasSampledGradient<F, V>) f_->sampled_gradient(x, indices, uniform, gradient);
    check_size("gradient", gradient.size(), x.size());
  }

  void prox(V& x, double step) {
    static_assert(HasProx<F, V>, "the objective lacks prox(x, step), which this method needs");
    ++evaluations_.prox;
    if constexpr (HasProx<F, V>) {
      if constexpr (std::is_void_v<decltype(f_->prox(x, step))>)
        f_->prox(x, step);
      else
        x = V(f_->prox(x, step));
    }
  }

 private:
  static constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
  static constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

  double share(std::span<const Index> indices) {
    if (evaluations_.components == 0) evaluations_.components = size();
    return static_cast<double>(indices.size()) / static_cast<double>(evaluations_.components);
  }

  bool admit(double values, double gradients, double hessians = 0, double products = 0) {
    constexpr double slack = 1e-9;  // shares of a sum do not add up exactly
    if (values > 0 && evaluations_.values() + values > max_values_ * (1 + slack))
      refused_ = Status::max_value_calls;
    else if (gradients > 0 && evaluations_.gradients() + gradients > max_gradients_ * (1 + slack))
      refused_ = Status::max_gradient_calls;
    else if (hessians > 0 && static_cast<double>(evaluations_.hessian) + hessians > max_hessians_)
      refused_ = Status::max_hessian_calls;
    else if (products > 0 && evaluations_.hessian_vectors() + products > max_products_ * (1 + slack))
      refused_ = Status::max_product_calls;
    else
      return true;
    return false;
  }

  static void check_size(const char* what, Index found, Index expected) {
    if (found != expected)
      throw std::invalid_argument("objective: its " + std::string(what) + " has size " + std::to_string(found) +
                                  ", must be " + std::to_string(expected));
  }

  template <class H>
  static void check_symmetry(const H& hessian) {
    double largest = 0;
    double difference = 0;
    for (Index j = 0; j < hessian.cols(); ++j)
      for (Index i = j; i < hessian.rows(); ++i) {
        largest = std::max(largest, std::abs(hessian(i, j)));
        difference = std::max(difference, std::abs(hessian(i, j) - hessian(j, i)));
      }
    if (difference > 1e-8 * largest)
      throw std::invalid_argument("objective: its Hessian is not symmetric: max |H - H'| = " + to_text(difference) +
                                  ", max |H| = " + to_text(largest));
  }

  F* f_;
  V scratch_;
  Evaluations evaluations_;
  double max_values_ = std::numeric_limits<double>::infinity();
  double max_gradients_ = std::numeric_limits<double>::infinity();
  double max_hessians_ = std::numeric_limits<double>::infinity();
  double max_products_ = std::numeric_limits<double>::infinity();
  Status refused_ = Status::running;
};

namespace detail {
template <class F>
inline constexpr bool is_oracle = false;
template <class F, class V>
inline constexpr bool is_oracle<Oracle<F, V>> = true;
}  // namespace detail

/// An oracle stays what it is, any other objective gets one for this call: so the init and step of a
/// method take both.
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
