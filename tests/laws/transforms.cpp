#include "support/subjects/transforms.hpp"

#include "support/resume_law.hpp"

TEST_CASE("laws: transforms") {
  for_each_transform_subject([](const auto& subject) {
    check_laws(subject);
    check_resume_law(subject);
  });
}
