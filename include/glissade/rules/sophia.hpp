// Sophia, for loops that estimate the diagonal of the Hessian themselves.
#pragma once

#include <cmath>
#include <stdexcept>
#include <string>

#include "../optimizer/optimizer.hpp"
#include "../rule/chain.hpp"
#include "../transforms/add_decayed_weights.hpp"
#include "../transforms/scale_by_learning_rate.hpp"

namespace glissade {

/// The direction of Sophia: the running mean of the update over a given diagonal curvature, at most 1.
///
///     m <- beta1 m + (1 - beta1) u
///     u <- clip( m / max(gamma h, epsilon), -1, 1 )
///
/// The curvature h is not touched by steps: update_curvature(optimizer, ...) folds in an estimate. Where it is not
/// positive, u is the sign of m.
/// State: first_moment m, curvature h (the parameter's shape; 0 at the start).
/// Cost: 6 flops with one division a coefficient; reads 3 numbers and writes 2. The quotient is formed only where it is
/// below 1, so that tiny h cannot overflow it.
/// Source: see Sophia.
struct ScaleBySophia {
  static constexpr std::string_view name = "ScaleBySophia";
  double beta1 = 0.96;     // in [0, 1)
  double gamma = 0.01;     // > 0; 0.01 with Hutchinson's, 0.05 with Gauss-Newton-Bartlett estimates
  double epsilon = 1e-12;  // >= 0

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "curvature"};

  static void options(auto& self, auto&& visit) {
    visit("beta1", self.beta1, range::decay);
    visit("gamma", self.gamma, range::positive);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  [[nodiscard]] auto kernel(const Step&) const {
    return [b1 = beta1, c = gamma, e = epsilon](auto& u, const auto&, auto& m, const auto& h) {
      using L = std::remove_cvref_t<decltype(u)>;
      m = b1 * m + (1 - b1) * u;
      const L bound = max(c * h, L(e));
      u = select(abs(m) >= bound, sign(m), m / bound);
    };
  }
};

/// Sophia: momentum preconditioned by a diagonal curvature that the user refreshes now and then, with steps of at most
/// the learning rate in every coordinate.
///
///     m <- beta1 m + (1 - beta1) g
///     x <- (1 - learning_rate weight_decay) x - learning_rate clip( m / max(gamma h, epsilon), -1, 1 )
///
///     Optimizer optimizer{Sophia{.learning_rate = 1e-3}, W};
///     if (t % 10 == 0) update_curvature(optimizer, 0.99, estimate);   // h <- 0.99 h + 0.01 estimate
///     optimizer.step(gradient);
///
/// gamma is tuned by unclipped_fraction(optimizer), which should be 0.1 to 0.5. SophiaH and SophiaG are methods that
/// estimate by themselves.
/// State: first_moment m, curvature h (the parameter's shape).
/// Cost: 8 flops with one division a coefficient; reads 4 and writes 3 numbers.
/// Errors: std::invalid_argument for options out of range. Non-finite gradients propagate.
/// Source: "Sophia: A Scalable Stochastic Second-order Optimizer for Language Model Pre-training", 2023, arXiv
/// 2305.14342, Algorithm 3, without bias correction.
struct Sophia {
  static constexpr std::string_view name = "Sophia";
  Schedule learning_rate = 1e-3;  // >= 0
  double beta1 = 0.96;            // in [0, 1)
  double gamma = 0.01;            // > 0
  double epsilon = 1e-12;         // >= 0
  double weight_decay = 0;        // >= 0, decoupled

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("beta1", self.beta1, range::decay);
    visit("gamma", self.gamma, range::positive);
    visit("epsilon", self.epsilon, range::non_negative);
    visit("weight_decay", self.weight_decay, range::non_negative);
  }
  [[nodiscard]] auto chain() const {
    return glissade::chain(ScaleBySophia{beta1, gamma, epsilon},
                           When{weight_decay != 0, AddDecayedWeights{weight_decay}},
                           ScaleByLearningRate{learning_rate});
  }
};

namespace detail {

inline Field* find_field(TensorState& state, std::string_view name) {
  for (Fields& fields : state.links)
    for (Field& field : fields)
      if (field.name() == name) return &field;
  return nullptr;
}
inline const Field* find_field(const TensorState& state, std::string_view name) {
  return find_field(const_cast<TensorState&>(state), name);
}

/// Throws unless the tensor has a curvature of the estimate's shape that can be computed with.
template <class E>
void check_curvature(const TensorState& state, const std::string& tensor, const E& estimate) {
  const Field* field = find_field(state, "curvature");
  if (field == nullptr) throw std::invalid_argument("update_curvature: \"" + tensor + "\" has no curvature");
  if (field->type() == ScalarType::bytes)
    throw std::invalid_argument("update_curvature: the curvature of \"" + tensor + "\" is stored in codes");
  if (estimate.rows() != field->rows() || estimate.cols() != field->cols())
    throw std::invalid_argument("update_curvature: estimate of \"" + tensor + "\" is " +
                                std::to_string(estimate.rows()) + " x " + std::to_string(estimate.cols()) +
                                ", its parameter " + std::to_string(field->rows()) + " x " +
                                std::to_string(field->cols()));
}

/// h <- beta2 h + (1 - beta2) estimate.
template <class E>
void fold_curvature(TensorState& state, double beta2, const E& estimate) {
  Field& field = *find_field(state, "curvature");
  const auto fold = [&](auto* h) {
    using S = std::remove_pointer_t<decltype(h)>;
    for (Index i = 0; i < field.rows(); ++i)
      for (Index j = 0; j < field.cols(); ++j) {
        S& value = h[field.row_major() ? i * field.cols() + j : j * field.rows() + i];
        value = convert<S>(beta2 * convert<double>(value) + (1 - beta2) * static_cast<double>(estimate(i, j)));
      }
  };
  switch (field.type()) {
    case ScalarType::float32:
      return fold(field.as<float>());
    case ScalarType::float64:
      return fold(field.as<double>());
    case ScalarType::bfloat16:
      return fold(field.as<Eigen::bfloat16>());
    case ScalarType::float16:
      return fold(field.as<Eigen::half>());
    case ScalarType::int64:
    case ScalarType::bytes:
      return;
  }
}

/// How many coordinates of a tensor the last step did not clip, and how many there are.
inline std::array<Index, 2> count_unclipped(const TensorState& state, double gamma, double epsilon) {
  const Field* m = find_field(state, "first_moment");
  const Field* h = find_field(state, "curvature");
  if (m == nullptr || h == nullptr) return {0, 0};
  Index unclipped = 0;
  for (Index i = 0; i < m->size(); ++i)
    if (std::abs((*m)[i]) < (std::max)(gamma * (*h)[i], epsilon)) ++unclipped;
  return {unclipped, m->size()};
}

}  // namespace detail

/// Folds estimates of the Hessian's diagonal into the curvature of an optimizer with Sophia in it, one for each
/// parameter, of its shape: h <- beta2 h + (1 - beta2) estimate. Customary before the first step and every 10th.
/// Throws std::invalid_argument for beta2 outside [0, 1), another shape or number of estimates, a rule without
/// curvature, and state in 8-bit codes, before anything is touched.
template <class R, class P, class... E>
void update_curvature(Optimizer<R, P>& optimizer, double beta2, const Eigen::DenseBase<E>&... estimates) {
  require("update_curvature", "beta2", beta2, range::decay);
  if (sizeof...(E) != optimizer.size())
    throw std::invalid_argument("update_curvature: " + std::to_string(sizeof...(E)) + " estimates for " +
                                std::to_string(optimizer.size()) + " parameters");
  auto& engine = optimizer.engine();
  std::size_t k = 0;
  ((detail::check_curvature(engine.states[k], engine.tensors[k].name, estimates.derived()), ++k), ...);
  k = 0;
  ((detail::fold_curvature(engine.states[k++], beta2, estimates.derived())), ...);
}

/// The fraction of coordinates that the last step of an optimizer with Sophia did not clip, by each tensor's own gamma
/// and epsilon.
template <class R, class P>
double unclipped_fraction(const Optimizer<R, P>& optimizer) {
  Index unclipped = 0;
  Index all = 0;
  const auto links = detail::flatten<void>(optimizer.rule());
  for (std::size_t k = 0; k < optimizer.size(); ++k) {
    const auto look = [&](const auto& leaf) {
      if constexpr (std::is_same_v<typename std::remove_cvref_t<decltype(leaf)>::Rule, ScaleBySophia>) {
        const auto counts = detail::count_unclipped(optimizer.state(k), leaf.rule->gamma, leaf.rule->epsilon);
        unclipped += counts[0];
        all += counts[1];
      }
    };
    detail::choose_leaves(links, detail::Site(optimizer.tensor(k)),
                          [&](const auto& leaves) { detail::for_each_item(leaves, look); });
  }
  return all == 0 ? 0 : static_cast<double>(unclipped) / static_cast<double>(all);
}

}  // namespace glissade
