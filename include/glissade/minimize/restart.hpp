// When a method with momentum begins anew.
#pragma once

namespace glissade {

/// What ends the momentum of an accelerated method, which then goes on from where it is as from a start: on a function
/// that is strongly convex near its minimum this makes the method linear without knowing how strongly.
///
///     function   the value has risen
///     gradient   the step led uphill: <gradient of the step, x_new - x> > 0
///
/// Source: "Adaptive Restart for Accelerated Gradient Schemes", 2015, arXiv 1204.3982.
enum class Restart { none, function, gradient };

}  // namespace glissade
