// All of learned/: rules and methods with parts that are trained, and what trains them.
#pragma once

#include "learned/adafactor_mlp.hpp"
#include "learned/evolution_strategy.hpp"
#include "learned/learned_policy_gradient.hpp"
#include "learned/meta_transport.hpp"
#include "learned/momentum_mlp.hpp"
#include "learned/rule_network.hpp"
#include "learned/sinkhorn.hpp"
#include "learned/step_controller.hpp"
#include "learned/structured_proximal.hpp"
#include "learned/width_scaling.hpp"
