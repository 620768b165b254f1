// All of online/: every learner.
#pragma once

#include "online/arow.hpp"
#include "online/cocob.hpp"
#include "online/coin_betting.hpp"
#include "online/dual_averaging.hpp"
#include "online/ftrl_proximal.hpp"
#include "online/gradient_descent.hpp"
#include "online/implicit_ftrl.hpp"
#include "online/importance_aware.hpp"
#include "online/learner.hpp"
#include "online/mirror_descent.hpp"
#include "online/passive_aggressive.hpp"
#include "online/second_order_perceptron.hpp"
