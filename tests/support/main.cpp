// Catch2 2 compiles its runner here, once for all programs; Catch2 3 brings a library with it.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
