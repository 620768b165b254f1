#pragma once

// The one place where the version is written: CMake and the packages read it from here.
#define GLISSADE_VERSION_MAJOR 0
#define GLISSADE_VERSION_MINOR 1
#define GLISSADE_VERSION_PATCH 0
