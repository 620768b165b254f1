#include "support/subjects/wrappers.hpp"

#include "support/resume_law.hpp"

TEST_CASE("laws: wrappers") {
  for_each_wrapper_subject([](const auto& subject) {
    check_laws(subject);
    check_coded_law(subject);
    check_resume_law(subject);
  });
}
