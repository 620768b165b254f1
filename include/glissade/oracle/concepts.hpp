// What may be asked of an objective or operator; below as concepts: F has it for variables V.
//
// An objective is a callable or an object with some of these members; x, g, v and Hv are vectors of
// n numbers and H is n x n, all sized before the call, their contents unspecified, at the first call NaN:
//
//   double f(x, g)                          the value; fills the gradient
//   double value_and_gradient(x, g)         the same as a member
//   double value(x)                         where the value alone is cheaper
//   void hessian(x, H)                      both triangles; where they differ by less than 1e-5 of the largest
//                                           coefficient, as differences or floats may, their mean is taken
//   void hessian_vector(x, v, Hv)
//   Index size()                            a finite sum, the mean of so many terms
//   double batch_value(x, indices)          the mean over some terms; indices: std::span<const Index>
//   batch_gradient(x, indices, g)           the mean of their gradients
//   batch_hessian_vector(x, indices, v, Hv) the mean of their Hessians times v
//   batch_third(x, indices, v, out)         the mean of their third derivatives applied to v twice
//   double sampled_gradient(x, indices, uniform, g)
//                                           as batch_gradient of a likelihood, with labels drawn from the
//                                           model: that of term k by the number uniform(k) in (0, 1)
//   batch_gradients(x, indices, G)          the gradient of every one of these terms, a column of G each
//   double residual_and_gradient(x, i, g)   of a mean of |c_i(x)|: the number c_i(x), and fills its gradient
//   prox_of_term(x, i, step)                x becomes argmin_z f_i(z) + ||z - x||^2 / (2 step), f_i a term of the mean
//   SparseRow row(i), double slope(i, z), double regularization()
//                                           of a sum of loss_i(<a_i, x>) + (regularization / 2) |x|^2: a_i, which
//                                           stays where it lies, and the derivative of loss_i at z
//   prox(x, step)                           x becomes argmin_z h(z) + ||z - x||^2 / (2 step)
//   PerCoefficient l1_weights()             h is the l1 norm with these weights (sets/l1.hpp), which needs no prox
//   project(x)                              x becomes the nearest point of a set, to which the problem is bound
//   project_tangent(x, v)                   v becomes the nearest vector that does not leave the set at x
//   Box box()                               bounds on each coefficient (sets/box.hpp), a set that needs no project
//   constraints(x, c), jacobian(x, J)       m numbers, resized by the objective, and their derivatives, m x n
//   residuals(x, r), jacobian(x, J)         the same of an objective that is half the sum of their squares, or of
//   robust_loss(s)                          RobustValue of what stands in place of the square s of a residual
//   lagrangian_hessian(x, multipliers, H)   the Hessian of f plus multipliers times constraints
//   outputs(x, z), vector_jacobian(x, v, g) of an objective that is a loss of outputs z, resized by the objective: z,
//   and
//                                           v times their Jacobian, J'v
//   double loss(z, u)                       the loss of outputs; fills its gradient u with respect to z
//   double loss(z)                          where the value alone is cheaper
//   batch_outputs(x, indices, z), batch_vector_jacobian(x, indices, v, g)
//                                           the same of some terms of a finite sum, whose outputs z has
//   double batch_loss(z, indices, u), double batch_loss(z, indices)
//                                           the mean loss over these terms, its gradient with respect to z
//
// An operator is a callable
//
//   void F(z, out)                          or T(x, out): fills out, a vector as z
//   double norm(v)                          where not the Euclidean norm is the one in which T is nonexpansive
//   double distance(x, y)                   where the distance of x and T x is not that of a norm
//   bool certifies(v)                       whether the displacement v proves that T has no fixed point
//
// with project and project_tangent where it is bound to a set. Variables other than a vector of doubles are arguments
// of the shape that they have: f(W, gradient_of_W), f(W, b, gradient_of_W, gradient_of_b), T(X, image).
#pragma once

#include <Eigen/Core>

#include <concepts>
#include <span>
#include <type_traits>

#include "../sets/box.hpp"

namespace glissade {

using Index = Eigen::Index;

/// What stands in place of a square s, with its derivatives: rho(s), rho'(s), rho''(s).
struct RobustValue {
  double value;
  double slope;
  double curvature;
};

/// The square matrix that belongs to a vector type.
template <class V>
using SquareOf = Eigen::Matrix<typename V::Scalar, V::SizeAtCompileTime, V::SizeAtCompileTime>;

/// A matrix with a column for every term of a batch.
template <class V>
using ColumnsOf = Eigen::Matrix<typename V::Scalar, V::SizeAtCompileTime, Eigen::Dynamic>;

template <class F, class V>
concept HasValue = requires(F& f, const V& x) {
  { f.value(x) } -> std::convertible_to<double>;
};
template <class F, class V>
concept HasGradientMember = requires(F& f, const V& x, V& g) {
  { f.value_and_gradient(x, g) } -> std::convertible_to<double>;
};
template <class F, class V>
concept GradientCallable = requires(F& f, const V& x, V& g) {
  { f(x, g) } -> std::convertible_to<double>;
};
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
concept HasBatchGradients = requires(F& f, const V& x, std::span<const Index> indices, ColumnsOf<V>& G) {
  f.batch_gradients(x, indices, G);
};
/// A mean of absolute values of numbers c_i(x).
template <class F, class V>
concept HasResidualOfTerm = requires(F& f, const V& x, Index i, V& g) {
  { f.residual_and_gradient(x, i, g) } -> std::convertible_to<double>;
};
/// A mean of terms each of which has a prox of its own.
template <class F, class V>
concept HasProxOfTerm = requires(F& f, V& x, Index i) {
  f.prox_of_term(x, i, 1.0);
};
/// A vector most of whose coefficients are zero, as it lies in somebody's memory: `values` of the coefficients
/// `indices`, which increase.
struct SparseRow {
  std::span<const int> indices;
  std::span<const double> values;

  [[nodiscard]] double dot(const auto& x) const {
    double sum = 0;
    for (std::size_t k = 0; k < indices.size(); ++k) sum += values[k] * x[indices[k]];
    return sum;
  }
  /// out += factor * this
  void add_to(auto& out, double factor) const {
    for (std::size_t k = 0; k < indices.size(); ++k) out[indices[k]] += factor * values[k];
  }
};

/// A finite sum of functions of one number each, that along a sparse vector.
template <class F>
concept HasSparseTerms = requires(F& f, Index i) {
  { f.row(i) } -> std::convertible_to<SparseRow>;
  { f.slope(i, 1.0) } -> std::convertible_to<double>;
  { f.regularization() } -> std::convertible_to<double>;
};
template <class F, class V>
concept HasOperator = requires(F& f, const V& x, V& out) {
  { f(x, out) } -> std::same_as<void>;
};
template <class F, class V>
concept HasNorm = requires(F& f, const V& x) {
  { f.norm(x) } -> std::convertible_to<double>;
};
/// Whether a displacement v of an operator, x - T x where it has settled, proves that there is no fixed point.
template <class F, class V>
concept HasCertificate = requires(F& f, const V& v) {
  { f.certifies(v) } -> std::convertible_to<bool>;
};
template <class F, class V>
concept HasDistance = requires(F& f, const V& x) {
  { f.distance(x, x) } -> std::convertible_to<double>;
};
template <class F, class V>
class Oracle;

/// What an objective declares and a method honours or refuses. Of an oracle: whether its objective has one.
template <class F, class V>
inline constexpr bool has_l1 = requires(F& f) {
  { f.l1_weights() } -> std::convertible_to<const PerCoefficient&>;
};
template <class F, class V>
inline constexpr bool has_l1<Oracle<F, V>, V> = has_l1<F, V>;
template <class F, class V>
concept HasL1 = has_l1<F, V>;
template <class F, class V>
concept HasProxMember = requires(F& f, V& x) {
  f.prox(x, 1.0);
};
/// A term with a prox, which an l1 norm has whether it says so or not.
template <class F, class V>
inline constexpr bool has_prox = HasProxMember<F, V> || HasL1<F, V>;
template <class F, class V>
inline constexpr bool has_prox<Oracle<F, V>, V> = has_prox<F, V>;
template <class F, class V>
concept HasProx = has_prox<F, V>;
template <class F, class V>
inline constexpr bool has_box = requires(F& f) {
  { f.box() } -> std::convertible_to<const Box&>;
};
template <class F, class V>
inline constexpr bool has_box<Oracle<F, V>, V> = has_box<F, V>;
template <class F, class V>
concept HasBox = has_box<F, V>;
template <class F, class V>
concept HasProjectMember = requires(F& f, V& x) {
  f.project(x);
};
/// A set with a projection, which a box has whether it says so or not.
template <class F, class V>
inline constexpr bool has_set = HasProjectMember<F, V> || HasBox<F, V>;
template <class F, class V>
inline constexpr bool has_set<Oracle<F, V>, V> = has_set<F, V>;
template <class F, class V>
concept HasSet = has_set<F, V>;
/// A prox or a projection of several tensors at once; the last part of a prox is its step.
template <class F, class... Parts>
concept HasJointProx = requires(F& f, Parts&... parts) {
  f.prox(parts...);
};
template <class F, class... Parts>
concept HasJointProject = requires(F& f, Parts&... parts) {
  f.project(parts...);
};
template <class F, class V>
concept HasTangentMember = requires(F& f, const V& x, V& v) {
  f.project_tangent(x, v);
};
template <class F, class V>
concept HasTangent = HasTangentMember<F, V> || HasBox<F, V>;
template <class F, class V>
inline constexpr bool has_constraints = requires(F& f, const V& x, Eigen::VectorXd& c) {
  f.constraints(x, c);
};
template <class F, class V>
inline constexpr bool has_constraints<Oracle<F, V>, V> = has_constraints<F, V>;
template <class F, class V>
concept HasConstraints = has_constraints<F, V>;
template <class F, class V>
concept HasJacobian = requires(F& f, const V& x, Eigen::MatrixXd& J) {
  f.jacobian(x, J);
};
template <class F, class V>
concept HasResiduals = requires(F& f, const V& x, Eigen::VectorXd& r) {
  f.residuals(x, r);
};
/// Of an objective that is a loss of outputs.
template <class F, class V>
concept HasOutputs = requires(F& f, const V& x, Eigen::VectorXd& z) {
  f.outputs(x, z);
};
template <class F, class V>
concept HasVectorJacobian = requires(F& f, const V& x, const Eigen::VectorXd& v, V& product) {
  f.vector_jacobian(x, v, product);
};
template <class F>
concept HasLoss = requires(F& f, const Eigen::VectorXd& z, Eigen::VectorXd& u) {
  { f.loss(z, u) } -> std::convertible_to<double>;
};
template <class F>
concept HasLossValue = requires(F& f, const Eigen::VectorXd& z) {
  { f.loss(z) } -> std::convertible_to<double>;
};
template <class F, class V>
concept HasBatchOutputs = requires(F& f, const V& x, std::span<const Index> indices, Eigen::VectorXd& z) {
  f.batch_outputs(x, indices, z);
};
template <class F, class V>
concept HasBatchVectorJacobian = requires(F& f, const V& x, std::span<const Index> indices, const Eigen::VectorXd& v,
                                          V& product) {
  f.batch_vector_jacobian(x, indices, v, product);
};
template <class F>
concept HasBatchLoss = requires(F& f, const Eigen::VectorXd& z, std::span<const Index> indices, Eigen::VectorXd& u) {
  { f.batch_loss(z, indices, u) } -> std::convertible_to<double>;
};
template <class F>
concept HasBatchLossValue = requires(F& f, const Eigen::VectorXd& z, std::span<const Index> indices) {
  { f.batch_loss(z, indices) } -> std::convertible_to<double>;
};
/// Of an objective made of residuals: rho and its derivatives at the square of one (robust_losses.hpp).
template <class F>
concept HasRobustLoss = requires(F& f) {
  { f.robust_loss(1.0) } -> std::convertible_to<RobustValue>;
};
/// What a wrapper that passes on values and derivatives alone would lose: it refuses such a problem.
template <class F, class V>
concept DeclaresMore = HasProx<F, V> || HasSet<F, V> || HasConstraints<F, V> || HasRobustLoss<F>;
template <class F, class V>
concept HasLagrangianHessian = requires(F& f, const V& x, const Eigen::VectorXd& multipliers, SquareOf<V>& H) {
  f.lagrangian_hessian(x, multipliers, H);
};

namespace detail {

/// The second argument of a call operator or function that is not a template.
template <class F>
struct SecondArgument {};
template <class C, class R, class A, class B>
struct SecondArgument<R (C::*)(A, B)> : std::type_identity<B> {};
template <class C, class R, class A, class B>
struct SecondArgument<R (C::*)(A, B) const> : std::type_identity<B> {};
template <class C, class R, class A, class B>
struct SecondArgument<R (C::*)(A, B) noexcept> : std::type_identity<B> {};
template <class C, class R, class A, class B>
struct SecondArgument<R (C::*)(A, B) const noexcept> : std::type_identity<B> {};
template <class R, class A, class B>
struct SecondArgument<R (*)(A, B)> : std::type_identity<B> {};

/// Cannot be filled: a copy, or const.
template <class G>
inline constexpr bool is_lost =
    std::is_const_v<std::remove_reference_t<G>> ||
    (!std::is_reference_v<G> &&
     std::is_base_of_v<Eigen::PlainObjectBase<std::remove_cvref_t<G>>, std::remove_cvref_t<G>>);

/// A callable whose gradient argument cannot be filled. Of a generic lambda that is not known before it is called.
template <class F>
constexpr bool loses_gradient() {
  if constexpr (requires { typename SecondArgument<decltype(&F::operator())>::type; })
    return is_lost<typename SecondArgument<decltype(&F::operator())>::type>;
  else if constexpr (requires { typename SecondArgument<std::decay_t<F>>::type; })
    return is_lost<typename SecondArgument<std::decay_t<F>>::type>;
  else
    return false;
}

template <class F>
inline constexpr bool is_oracle = false;
template <class F, class V>
inline constexpr bool is_oracle<Oracle<F, V>> = true;

}  // namespace detail

}  // namespace glissade
