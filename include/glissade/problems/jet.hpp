// The number that carries its derivatives, for the reference problems: see oracle/jet.hpp.
#pragma once

#include "../oracle/jet.hpp"

namespace glissade::problems {

using glissade::Jet;
using glissade::value_of;

}  // namespace glissade::problems
