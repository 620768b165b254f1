// Work of the methods for finite sums in passes over the data, counted in two ways.
#pragma once

#include "../oracle/calls.hpp"

namespace glissade {

/// Passes by work: gradients, Hessian-vector products and third derivatives of terms, each as one; an inner step of
/// SVRG or SARAH costs two gradients per term, one of AI-SARAH four products per term.
constexpr double work_passes(const Evaluations& e) {
  return static_cast<double>(e.gradient) +
         e.share(e.component_gradient + e.component_hessian_vector + e.component_third);
}

/// Passes as the authors of AI-SARAH count for their figures: the terms that were looked at, whatever was
/// computed of them. For methods that take two gradients of a term in an inner step: SVRG and the SARAH family.
constexpr double published_passes(const Evaluations& e) {
  const double terms = static_cast<double>(e.component_gradient) / 2;
  return static_cast<double>(e.gradient) + (e.components == 0 ? 0.0 : terms / static_cast<double>(e.components));
}

}  // namespace glissade
