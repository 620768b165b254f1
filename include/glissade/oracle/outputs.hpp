// The oracle of objectives that are a loss of outputs; what they are: concepts.hpp.
#pragma once

#include "objective.hpp"

namespace glissade {

/// Asks an objective loss(outputs(x)) for its parts, through its oracle. Outputs and products with their Jacobian are
/// counted as such, a loss as a value and, where it gives one, a gradient of the objective; batches in terms.
template <class F, class V>
class LossOfOutputs {
  using Vector = Eigen::VectorXd;
  using Indices = std::span<const Index>;

 public:
  explicit LossOfOutputs(Oracle<F, V>& oracle) : f_(oracle) {}

  /// Resizes z to the number of outputs, which must be `expected` where that is known.
  void outputs(const V& x, Vector& z, Index expected = -1) const {
    constexpr bool given = HasOutputs<F, V>;
    static_assert(given,
                  "the objective lacks outputs(x, z), the numbers of which its loss is taken, which this method "
                  "needs");
    resized<given, Call::outputs>(1, z, expected, [&](auto& f) { f.outputs(x, z); });
  }
  void batch_outputs(const V& x, Indices indices, Vector& z, Index expected = -1) const {
    constexpr bool given = HasBatchOutputs<F, V>;
    static_assert(given, "the objective lacks batch_outputs(x, indices, z), which this method needs");
    resized<given, Call::batch_outputs>(indices.size(), z, expected, [&](auto& f) { f.batch_outputs(x, indices, z); });
  }

  void vector_jacobian(const V& x, const Vector& v, V& product) const {
    constexpr bool given = HasVectorJacobian<F, V>;
    static_assert(given,
                  "the objective lacks vector_jacobian(x, v, product), the product of v with the Jacobian of its "
                  "outputs, which this method needs");
    f_.template fill<given, Call::vector_jacobian>("product", x.size(), 1, product,
                                                   [&](auto& f) { f.vector_jacobian(x, v, product); });
  }
  void batch_vector_jacobian(const V& x, Indices indices, const Vector& v, V& product) const {
    constexpr bool given = HasBatchVectorJacobian<F, V>;
    static_assert(given, "the objective lacks batch_vector_jacobian(x, indices, v, product), which this method needs");
    f_.template fill<given, Call::batch_vector_jacobian>("product", x.size(), indices.size(), product, [&](auto& f) {
      f.batch_vector_jacobian(x, indices, v, product);
    });
  }

  /// The loss; fills its gradient.
  double loss(const Vector& z, Vector& gradient) const {
    constexpr bool given = HasLoss<F>;
    static_assert(given, "the objective lacks loss(z, gradient), the loss of its outputs, which this method needs");
    double value = not_a_number;
    f_.template fill<given, Call::value, Call::gradient>(
        what, z.size(), 1, gradient, [&](auto& f) { value = static_cast<double>(f.loss(z, gradient)); });
    return value;
  }
  double batch_loss(const Vector& z, Indices indices, Vector& gradient) const {
    constexpr bool given = HasBatchLoss<F>;
    static_assert(given, "the objective lacks batch_loss(z, indices, gradient), which this method needs");
    double value = not_a_number;
    f_.template fill<given, Call::batch_value, Call::batch_gradient>(
        what, z.size(), indices.size(), gradient,
        [&](auto& f) { value = static_cast<double>(f.batch_loss(z, indices, gradient)); });
    return value;
  }

  /// The loss alone; where the objective gives none, with a gradient that nobody needs.
  [[nodiscard]] double loss_value(const Vector& z, Vector& unused) const {
    if constexpr (!HasLossValue<F>) return loss(z, unused);
    double value = not_a_number;
    f_.template ask<HasLossValue<F>, Call::value>(1, [&](auto& f) { value = static_cast<double>(f.loss(z)); });
    return value;
  }
  [[nodiscard]] double batch_loss_value(const Vector& z, Indices indices, Vector& unused) const {
    if constexpr (!HasBatchLossValue<F>) return batch_loss(z, indices, unused);
    double value = not_a_number;
    f_.template ask<HasBatchLossValue<F>, Call::batch_value>(
        indices.size(), [&](auto& f) { value = static_cast<double>(f.batch_loss(z, indices)); });
    return value;
  }

 private:
  static constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
  static constexpr const char* what = "gradient of the loss";

  /// Of outputs, whose number the objective knows: NaN where the call is refused.
  template <bool given, Call kind, class Make>
  void resized(std::size_t terms, Vector& z, Index expected, const Make& make) const {
    if (f_.evaluations()[kind] == 0) z.setConstant(not_a_number);
    if (!f_.template ask<given, kind>(terms, make)) z.setConstant(expected < 0 ? 1 : expected, not_a_number);
    if (expected >= 0) f_.check_size("vector of outputs", z.size(), expected);
  }

  Oracle<F, V>& f_;
};

}  // namespace glissade
