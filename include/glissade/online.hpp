// All of online/: every learner.
#pragma once

#include "online/ac_band.hpp"
#include "online/ada_hedge.hpp"
#include "online/ader.hpp"
#include "online/cbce.hpp"
#include "online/censored_thompson.hpp"
#include "online/exp3.hpp"
#include "online/gradient_descent.hpp"
#include "online/hedge.hpp"
#include "online/learner.hpp"
#include "online/log_weights.hpp"
#include "online/o2nc.hpp"
#include "online/stabl.hpp"
#include "online/streaming_selection.hpp"
#include "online/tsallis_inf.hpp"
