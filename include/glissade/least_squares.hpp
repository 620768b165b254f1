// Nonlinear least squares: residuals as objectives, robust losses, methods, the covariance of a solution.
#pragma once

#include "minimize/least_squares/covariance.hpp"
#include "minimize/least_squares/damped_qr.hpp"
#include "minimize/least_squares/gauss_newton.hpp"
#include "minimize/least_squares/levenberg_marquardt.hpp"
#include "minimize/least_squares/trust_region.hpp"
#include "minimize/minimize.hpp"
#include "oracle/composite.hpp"
#include "oracle/least_squares.hpp"
#include "oracle/residuals.hpp"
#include "oracle/robust_losses.hpp"
