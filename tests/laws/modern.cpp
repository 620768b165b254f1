#include "support/laws.hpp"
#include "support/subjects/modern.hpp"

TEST_CASE("laws: modern rules") {
  for_each_modern_subject([](const auto& subject) { check_laws(subject); });
}
