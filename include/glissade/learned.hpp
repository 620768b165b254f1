// All of learned/: rules and methods with parts that are trained, and what trains them.
#pragma once

#include "learned/evolution_strategy.hpp"
#include "learned/learned_policy_gradient.hpp"
#include "learned/meta_transport.hpp"
#include "learned/sinkhorn.hpp"
#include "learned/step_controller.hpp"
