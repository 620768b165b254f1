// An objective of what its user holds, a matrix, several tensors or a vector of floats, as one of the flat vector that
// methods move.
#pragma once

#include <Eigen/Core>

#include <concepts>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/tensors/parameters.hpp"
#include "concepts.hpp"

namespace glissade {

/// The objective F of tensors P... as one of their coefficients, one after another in a vector V. Its members are those
/// that F has for arguments of these types; Hessians and the like are those of a single vector. All values are copied
/// once in each direction per call.
template <class F, class V, class P>
class Shaped;
template <class F, class V, class... P>
class Shaped<F, V, std::tuple<P...>> {
  using Indices = std::span<const Index>;
  using First = std::tuple_element_t<0, std::tuple<P...>>;
  static constexpr bool one_vector = [] {
    if constexpr (sizeof...(P) == 1 && EigenDense<First>)
      return First::ColsAtCompileTime == 1;
    else
      return false;
  }();

  static constexpr bool gradient_member = requires(F & f, const P&... x, P&... g) {
    { f.value_and_gradient(x..., g...) } -> std::convertible_to<double>;
  };
  static constexpr bool gradient_call = requires(F & f, const P&... x, P&... g) {
    { f(x..., g...) } -> std::convertible_to<double>;
  };
  static constexpr bool operator_call = requires(F & f, const P&... x, P&... out) {
    { f(x..., out...) } -> std::same_as<void>;
  };

 public:
  using Reshaped = F;

  /// x: the shapes, in `tensors` with their names.
  Shaped(F& objective, std::tuple<P...> x, std::vector<Tensor> tensors)
      : f_(objective), x_(std::move(x)), out_(x_), tensors_(std::move(tensors)) {
    // What the objective does not fill shows.
    V nothing = V::Constant(size_of(), static_cast<typename V::Scalar>(std::numeric_limits<double>::quiet_NaN()));
    unflatten_parameters(nothing, out_);
  }
  [[nodiscard]] const std::vector<Tensor>& tensors() const { return tensors_; }
  [[nodiscard]] F& problem() const { return f_; }

  double value_and_gradient(const V& x, V& gradient) requires(gradient_member || gradient_call) {
    unflatten_parameters(x, x_);
    const double value = std::apply(
        [&](P&... g) {
          return with_x([&](const P&... at) {
            if constexpr (gradient_member)
              return static_cast<double>(f_.value_and_gradient(at..., g...));
            else
              return static_cast<double>(f_(at..., g...));
          });
        },
        out_);
    collect("gradient", gradient);
    return value;
  }
  double value(const V& x) requires requires(F& f, const P&... at) {
    { f.value(at...) } -> std::convertible_to<double>;
  }
  {
    unflatten_parameters(x, x_);
    return with_x([&](const P&... at) { return static_cast<double>(f_.value(at...)); });
  }
  void operator()(const V& x, V& image) requires operator_call {
    unflatten_parameters(x, x_);
    std::apply([&](P&... out) { with_x([&](const P&... at) { f_(at..., out...); }); }, out_);
    collect("value", image);
  }
  double norm(const V& v) requires requires(F& f, const P&... at) {
    { f.norm(at...) } -> std::convertible_to<double>;
  }
  {
    unflatten_parameters(v, x_);
    return with_x([&](const P&... at) { return static_cast<double>(f_.norm(at...)); });
  }
  double distance(const V& x, const V& y) requires requires(F& f, const P&... at) {
    { f.distance(at..., at...) } -> std::convertible_to<double>;
  }
  {
    unflatten_parameters(x, x_);
    auto other = x_;
    unflatten_parameters(y, other);
    return std::apply(
        [&](const P&... to) {
          return with_x([&](const P&... from) { return static_cast<double>(f_.distance(from..., to...)); });
        },
        other);
  }
  bool certifies(const V& v) requires requires(F& f, const P&... at) {
    { f.certifies(at...) } -> std::convertible_to<bool>;
  }
  {
    unflatten_parameters(v, x_);
    return with_x([&](const P&... at) { return static_cast<bool>(f_.certifies(at...)); });
  }
  void prox(V& x, double step) requires requires(F& f, P&... at) { f.prox(at..., step); }
  {
    in_place(x, [&](P&... at) { f_.prox(at..., step); });
  }
  void project(V& x) requires requires(F& f, P&... at) { f.project(at...); }
  {
    in_place(x, [&](P&... at) { f_.project(at...); });
  }
  void project_tangent(const V& x, V& v) requires requires(F& f, const P&... at, P&... w) {
    f.project_tangent(at..., w...);
  }
  {
    unflatten_parameters(x, x_);
    unflatten_parameters(v, out_);
    std::apply([&](P&... w) { with_x([&](const P&... at) { f_.project_tangent(at..., w...); }); }, out_);
    collect("tangent", v);
  }

  /// Bounds in the order of the coefficients in V, as the scalars of P hold them.
  Box box() requires HasBox<F, V> {
    const Box& given = f_.box();
    given.check();
    given.require_size(static_cast<std::size_t>(size_of()));
    return {.low = as_they_lie(given.low), .high = as_they_lie(given.high)};
  }

  /// Weights in the order of the coefficients in V.
  PerCoefficient l1_weights() requires HasL1<F, V> {
    const PerCoefficient& given = f_.l1_weights();
    given.require_size("L1", "weight", static_cast<std::size_t>(size_of()));
    return as_they_lie(given);
  }

  Index size() requires requires(F& f) {
    { f.size() } -> std::convertible_to<Index>;
  }
  { return static_cast<Index>(f_.size()); }
  double batch_value(const V& x, Indices indices) requires requires(F& f, const P&... at) {
    { f.batch_value(at..., indices) } -> std::convertible_to<double>;
  }
  {
    unflatten_parameters(x, x_);
    return with_x([&](const P&... at) { return static_cast<double>(f_.batch_value(at..., indices)); });
  }
  void batch_gradient(const V& x, Indices indices, V& gradient) requires requires(F& f, const P&... at, P&... g) {
    f.batch_gradient(at..., indices, g...);
  }
  {
    unflatten_parameters(x, x_);
    std::apply([&](P&... g) { with_x([&](const P&... at) { f_.batch_gradient(at..., indices, g...); }); }, out_);
    collect("gradient", gradient);
  }

  double residual_and_gradient(const V& x, Index i, V& gradient) requires requires(F& f, const P&... at, P&... g) {
    { f.residual_and_gradient(at..., i, g...) } -> std::convertible_to<double>;
  }
  {
    unflatten_parameters(x, x_);
    const double residual = std::apply(
        [&](P&... g) {
          return with_x([&](const P&... at) { return static_cast<double>(f_.residual_and_gradient(at..., i, g...)); });
        },
        out_);
    collect("gradient", gradient);
    return residual;
  }
  void prox_of_term(V& x, Index i, double step) requires requires(F& f, P&... at) { f.prox_of_term(at..., i, step); }
  {
    in_place(x, [&](P&... at) { f_.prox_of_term(at..., i, step); });
  }

  template <class H>
  void hessian(const V& x, H& hessian) requires(one_vector&& HasHessian<F, First>) {
    unflatten_parameters(x, x_);
    SquareOf<First> H_of_x(x.size(), x.size());
    H_of_x.setConstant(std::numeric_limits<typename First::Scalar>::quiet_NaN());
    f_.hessian(std::get<0>(std::as_const(x_)), H_of_x);
    hessian = H_of_x.template cast<typename H::Scalar>();
  }
  void hessian_vector(const V& x, const V& v, V& product) requires(one_vector&& HasHessianVector<F, First>) {
    along(x, v, "product", product,
          [&](const First& at, const First& direction, First& out) { f_.hessian_vector(at, direction, out); });
  }
  void batch_gradients(const V& x, Indices indices,
                       ColumnsOf<V>& gradients) requires(one_vector&& HasBatchGradients<F, First>) {
    unflatten_parameters(x, x_);
    ColumnsOf<First> columns(x.size(), static_cast<Index>(indices.size()));
    f_.batch_gradients(std::get<0>(std::as_const(x_)), indices, columns);
    gradients = columns.template cast<typename V::Scalar>();
  }
  void batch_hessian_vector(const V& x, Indices indices, const V& v,
                            V& product) requires(one_vector&& HasBatchHessianVector<F, First>) {
    along(x, v, "product", product, [&](const First& at, const First& direction, First& out) {
      f_.batch_hessian_vector(at, indices, direction, out);
    });
  }
  void batch_third(const V& x, Indices indices, const V& v, V& third) requires(one_vector&& HasBatchThird<F, First>) {
    along(x, v, "third derivative", third,
          [&](const First& at, const First& direction, First& out) { f_.batch_third(at, indices, direction, out); });
  }
  template <class Uniform>
  void sampled_gradient(const V& x, Indices indices, const Uniform& uniform,
                        V& gradient) requires(one_vector&& HasSampledGradient<F, First>) {
    unflatten_parameters(x, x_);
    f_.sampled_gradient(std::get<0>(std::as_const(x_)), indices, uniform, std::get<0>(out_));
    collect("gradient", gradient);
  }
  void constraints(const V& x, Eigen::VectorXd& c) requires(one_vector&& HasConstraints<F, First>) {
    unflatten_parameters(x, x_);
    f_.constraints(std::get<0>(std::as_const(x_)), c);
  }
  void jacobian(const V& x, Eigen::MatrixXd& J) requires(one_vector&& HasJacobian<F, First>) {
    unflatten_parameters(x, x_);
    f_.jacobian(std::get<0>(std::as_const(x_)), J);
  }
  void residuals(const V& x, Eigen::VectorXd& r) requires(one_vector&& HasResiduals<F, First>) {
    unflatten_parameters(x, x_);
    f_.residuals(std::get<0>(std::as_const(x_)), r);
  }
  void outputs(const V& x, Eigen::VectorXd& z) requires requires(F& f, const P&... at) { f.outputs(at..., z); }
  {
    unflatten_parameters(x, x_);
    with_x([&](const P&... at) { f_.outputs(at..., z); });
  }
  void vector_jacobian(const V& x, const Eigen::VectorXd& v, V& product) requires
      requires(F& f, const P&... at, P&... g) {
    f.vector_jacobian(at..., v, g...);
  }
  {
    unflatten_parameters(x, x_);
    std::apply([&](P&... g) { with_x([&](const P&... at) { f_.vector_jacobian(at..., v, g...); }); }, out_);
    collect("product", product);
  }
  void batch_outputs(const V& x, Indices indices, Eigen::VectorXd& z) requires requires(F& f, const P&... at) {
    f.batch_outputs(at..., indices, z);
  }
  {
    unflatten_parameters(x, x_);
    with_x([&](const P&... at) { f_.batch_outputs(at..., indices, z); });
  }
  void batch_vector_jacobian(const V& x, Indices indices, const Eigen::VectorXd& v, V& product) requires
      requires(F& f, const P&... at, P&... g) {
    f.batch_vector_jacobian(at..., indices, v, g...);
  }
  {
    unflatten_parameters(x, x_);
    std::apply([&](P&... g) { with_x([&](const P&... at) { f_.batch_vector_jacobian(at..., indices, v, g...); }); },
               out_);
    collect("product", product);
  }
  double loss(const Eigen::VectorXd& z, Eigen::VectorXd& u) requires HasLoss<F> { return f_.loss(z, u); }
  double loss(const Eigen::VectorXd& z) requires HasLossValue<F> { return f_.loss(z); }
  double batch_loss(const Eigen::VectorXd& z, Indices indices, Eigen::VectorXd& u) requires HasBatchLoss<F> {
    return f_.batch_loss(z, indices, u);
  }
  double batch_loss(const Eigen::VectorXd& z, Indices indices) requires HasBatchLossValue<F> {
    return f_.batch_loss(z, indices);
  }
  RobustValue robust_loss(double s) requires HasRobustLoss<F> { return f_.robust_loss(s); }

 private:
  /// What is given by columns, one tensor after another.
  PerCoefficient as_they_lie(const PerCoefficient& bounds) {
    std::size_t number = 0, i = 0;
    for_each_parameter(x_, number, {}, [&]<class S>(std::size_t, const std::string&, const TensorView<S>& view, auto) {
      for (Index c = 0; c < view.cols; ++c)
        for (Index r = 0; r < view.rows; ++r)
          view.data[view.row_major ? r * view.cols + c : c * view.rows + r] = static_cast<S>(bounds[i++]);
    });
    V flat(size_of());
    flatten_parameters(x_, flat);
    return flat;
  }
  [[nodiscard]] Index size_of() const {
    Index total = 0;
    for (const Tensor& tensor : tensors_) total += tensor.size();
    return total;
  }
  template <class Use>
  decltype(auto) with_x(const Use& use) {
    return std::apply(use, std::as_const(x_));
  }
  template <class Use>
  void in_place(V& x, const Use& use) {
    unflatten_parameters(x, x_);
    std::apply(use, x_);
    check_parameter_shapes("point", x_, tensors_);
    flatten_parameters(x_, x);
  }
  /// What is asked for along a direction v.
  template <class Use>
  void along(const V& x, const V& v, const char* what, V& to, const Use& use) {
    unflatten_parameters(x, x_);
    const First direction = v.template cast<typename First::Scalar>();
    use(std::get<0>(std::as_const(x_)), direction, std::get<0>(out_));
    collect(what, to);
  }
  void collect(const char* what, V& to) {
    check_parameter_shapes(what, out_, tensors_);
    flatten_parameters(out_, to);
  }

  F& f_;
  std::tuple<P...> x_;
  std::tuple<P...> out_;
  std::vector<Tensor> tensors_;
};

}  // namespace glissade
