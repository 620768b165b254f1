#include "support/laws.hpp"
#include "support/subjects/rules.hpp"

TEST_CASE("laws: rules") {
  for_each_rule_subject([](const auto& subject) { check_laws(subject); });
}
