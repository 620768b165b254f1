// All of constrained/.
#pragma once

#include "constrained/project_and_forget.hpp"
