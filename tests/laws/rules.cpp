#include "support/subjects/rules.hpp"

#include "support/resume_law.hpp"

TEST_CASE("laws: rules") {
  for_each_rule_subject([](const auto& subject) {
    check_laws(subject);
    check_coded_law(subject);
    check_resume_law(subject);
  });
}
