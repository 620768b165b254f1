// All of losses/: every loss.
#pragma once

#include "losses/linear_losses.hpp"
