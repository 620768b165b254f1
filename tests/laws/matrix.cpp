#include "support/subjects/matrix.hpp"

#include "support/resume_law.hpp"

TEST_CASE("laws: matrix") {
  for_each_matrix_subject([](const auto& subject) {
    check_laws(subject);
    check_coded_law(subject);
    check_resume_law(subject);
  });
}
