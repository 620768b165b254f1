// All of losses/.
#pragma once

#include "losses/advantages.hpp"
#include "losses/linear_losses.hpp"
#include "losses/ppo.hpp"
