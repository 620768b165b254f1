// Work of the methods for finite sums in passes over the data, counted in two ways.
#pragma once

#include "../drive/status.hpp"

namespace glissade {

/// Passes by work: gradients, Hessian-vector products and third derivatives of terms, each as one; an inner step of
/// SVRG or SARAH costs two gradients a term, one of AI-SARAH four products.
constexpr double work_passes(const Evaluations& e) {
  const auto terms = e.component_gradient + e.component_hessian_vector + e.component_third;
  return static_cast<double>(e.gradient) +
         (e.components == 0 ? 0.0 : static_cast<double>(terms) / static_cast<double>(e.components));
}

/// Passes as the authors of AI-SARAH count for their figures: terms looked at, whatever is computed of them. Of
/// methods with two gradients a term and inner step: SVRG and the SARAH family.
constexpr double published_passes(const Evaluations& e) {
  const double terms = static_cast<double>(e.component_gradient) / 2;
  return static_cast<double>(e.gradient) + (e.components == 0 ? 0.0 : terms / static_cast<double>(e.components));
}

}  // namespace glissade
