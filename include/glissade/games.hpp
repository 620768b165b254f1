// All of games/: the door and every method and learner for games.
#pragma once

#include "games/extragradient.hpp"
#include "games/mirror_descent.hpp"
#include "games/no_regret_optimistic_gradient.hpp"
#include "games/optimistic_gradient.hpp"
#include "games/solve_game.hpp"
