#include <glissade/glissade.hpp>

int version_seen_by_second();
int version_seen_by_second() { return GLISSADE_VERSION_MINOR; }
