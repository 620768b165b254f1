// Small models and regressions on data: greedy sparse regression, least absolute deviations.
#pragma once

#include "models/greedy_lasso.hpp"
#include "models/least_absolute_deviations.hpp"
