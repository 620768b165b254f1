#include "support/laws.hpp"
#include "support/subjects/rules.hpp"

TEST_CASE("laws: rules") {
  for_each_rule_subject([](const auto& subject) { check_laws(subject); });
}

TEST_CASE("laws: rules as methods") {
  for_each_rule_subject([](const auto& subject) { DYNAMIC_SECTION(subject.name) { laws::lifted(subject); } });
}
