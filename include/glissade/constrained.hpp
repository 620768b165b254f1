// Minimization subject to equations: the door and every method.
#pragma once

#include "constrained/adasketch_newton.hpp"
#include "minimize/minimize.hpp"
