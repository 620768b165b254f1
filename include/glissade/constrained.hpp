// Problems under equations and inequalities: the door and every method.
#pragma once

#include "constrained/adasketch_newton.hpp"
#include "constrained/project_and_forget.hpp"
#include "minimize/minimize.hpp"
