#include "support/resume_law.hpp"
#include "support/subjects/rules.hpp"

TEST_CASE("laws: rules") {
  for_each_rule_subject([](const auto& subject) {
    check_laws(subject);
    check_coded_law(subject);
    check_resume_law(subject);
  });
}

TEST_CASE("laws: rules as methods") {
  for_each_rule_subject([](const auto& subject) { DYNAMIC_SECTION(subject.name) { laws::lifted(subject); } });
}
