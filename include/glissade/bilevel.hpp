// All of bilevel/: the door and every method for bilevel problems.
#pragma once

#include "bilevel/bo_rep.hpp"
#include "bilevel/solve_bilevel.hpp"
