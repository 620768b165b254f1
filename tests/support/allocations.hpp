// Counts the heap allocations of this program.
#pragma once

#include <cstddef>

std::size_t allocations();
