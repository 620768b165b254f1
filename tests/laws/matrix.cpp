#include "support/laws.hpp"
#include "support/subjects/matrix.hpp"

TEST_CASE("laws: matrix") {
  for_each_matrix_subject([](const auto& subject) { check_laws(subject); });
}
