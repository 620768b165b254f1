#include "support/subjects/low_rank.hpp"

#include "support/resume_law.hpp"

TEST_CASE("laws: low_rank") {
  for_each_low_rank_subject([](const auto& subject) {
    check_laws(subject);
    check_coded_law(subject);
    check_resume_law(subject);
  });
}
