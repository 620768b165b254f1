// All of fixed_point/: the door, every method and the operators.
#pragma once

#include "fixed_point/anderson.hpp"
#include "fixed_point/bregman_halpern.hpp"
#include "fixed_point/comparisons.hpp"
#include "fixed_point/douglas_rachford.hpp"
#include "fixed_point/find_fixed_point.hpp"
#include "fixed_point/halpern.hpp"
#include "fixed_point/infeasibility.hpp"
#include "fixed_point/parallel_evaluation.hpp"
#include "fixed_point/picard.hpp"
#include "fixed_point/primal_dual.hpp"
#include "fixed_point/ranking.hpp"
