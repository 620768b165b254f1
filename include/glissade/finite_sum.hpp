// Methods for the mean of many terms, all of them: what the umbrella header has and what it has not.
#pragma once

#include "finite_sum/ai_sarah.hpp"
#include "finite_sum/batching.hpp"
#include "finite_sum/gauss_newton_bartlett.hpp"
#include "finite_sum/inner_loop.hpp"
#include "finite_sum/inner_rule.hpp"
#include "finite_sum/passes.hpp"
#include "finite_sum/saga.hpp"
#include "finite_sum/sarah.hpp"
#include "finite_sum/sophia_g.hpp"
#include "finite_sum/sparse_saga.hpp"
#include "finite_sum/stochastic_oasis.hpp"
#include "finite_sum/svrg.hpp"
