// This is a research kernel and not a certified implementation of differential privacy: its noise is floating-point.
// All of privacy/: training and sums whose results say little of any one person.
#pragma once

#include "privacy/clipped_sum.hpp"
#include "privacy/dp_ftrl.hpp"
#include "privacy/dp_sgd.hpp"
#include "privacy/gaussian_mechanism.hpp"
#include "privacy/output_perturbation.hpp"
#include "privacy/renyi_accountant.hpp"
#include "privacy/shuffled_sum.hpp"
#include "privacy/tree_noise.hpp"
