// The numbers with which the laws try rules, and the problems of single tests.
#pragma once

#include "support/catch.hpp"
#include "support/problems.hpp"
#include <glissade/glissade.hpp>
#include <glissade/testing/data.hpp>

namespace laws = glissade::laws;
