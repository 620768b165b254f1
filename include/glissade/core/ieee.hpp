// What the library relies on: NaN and infinity are numbers like others, and signed zeros have a sign.
#pragma once

#if (defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)) && \
    !defined(GLISSADE_ALLOW_FAST_MATH)
#error \
    "glissade needs NaN and infinity: compile without -ffast-math, -Ofast and -ffinite-math-only, or define GLISSADE_ALLOW_FAST_MATH, where stop rules, searches and SkipNonFinite may fail and results change from build to build"
#endif
