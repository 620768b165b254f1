// All of models/: small models, regressions and searches with a method of their own.
#pragma once

#include "models/alternating_enumeration.hpp"
#include "models/chi_square.hpp"
#include "models/dual_gaussian_process.hpp"
#include "models/gauss_hermite.hpp"
#include "models/greedy_lasso.hpp"
#include "models/incremental_mixture.hpp"
#include "models/input_gain.hpp"
#include "models/least_absolute_deviations.hpp"
#include "models/matrix_completion.hpp"
#include "models/observed_entries.hpp"
#include "models/one_hidden_layer.hpp"
#include "models/soft_impute.hpp"
