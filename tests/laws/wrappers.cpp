#include "support/laws.hpp"
#include "support/subjects/wrappers.hpp"

TEST_CASE("laws: wrappers") {
  for_each_wrapper_subject([](const auto& subject) { check_laws(subject); });
}
