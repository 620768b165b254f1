// All of linalg/: decompositions and products that the methods need.
#pragma once

#include "linalg/convex_inverse.hpp"
#include "linalg/cubic_model.hpp"
#include "linalg/diagonal_estimate.hpp"
#include "linalg/frobenius.hpp"
#include "linalg/modified_cholesky.hpp"
#include "linalg/negative_curvature.hpp"
#include "linalg/orthonormal.hpp"
#include "linalg/pivoted_solver.hpp"
#include "linalg/product.hpp"
#include "linalg/projection_maintenance.hpp"
#include "linalg/shifted_solver.hpp"
#include "linalg/strassen.hpp"
#include "linalg/thin_svd.hpp"
