#include <glissade/glissade.hpp>

int version_seen_by_second();

// Linking fails where a header defines something that is neither inline nor a template.
int main() { return version_seen_by_second() == GLISSADE_VERSION_MINOR ? 0 : 1; }
