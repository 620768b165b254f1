// All of models/: small models, regressions and searches with a method of their own.
#pragma once

#include "models/alternating_enumeration.hpp"
#include "models/greedy_lasso.hpp"
#include "models/input_gain.hpp"
#include "models/least_absolute_deviations.hpp"
#include "models/one_hidden_layer.hpp"
