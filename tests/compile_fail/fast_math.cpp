// expect: glissade needs NaN and infinity
#define __FAST_MATH__ 1
#include <glissade/core/checks.hpp>

int main() {}
