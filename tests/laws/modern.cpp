#include "support/subjects/modern.hpp"

#include "support/resume_law.hpp"

TEST_CASE("laws: modern rules") {
  for_each_modern_subject([](const auto& subject) {
    check_laws(subject);
    check_coded_law(subject);
    check_resume_law(subject);
  });
}
