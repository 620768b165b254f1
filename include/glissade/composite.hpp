// Methods for bounds, sets and terms with a prox: all of minimize/bounded/ and minimize/composite/, with proximal
// gradients.
#pragma once

#include "minimize/bounded/lbfgsb.hpp"
#include "minimize/bounded/projected_newton.hpp"
#include "minimize/bounded/spectral_projected_gradient.hpp"
#include "minimize/composite/owl_qn.hpp"
#include "minimize/composite/proximal_newton.hpp"
#include "minimize/minimize.hpp"
#include "minimize/proximal_gradient.hpp"
#include "oracle/composite.hpp"
