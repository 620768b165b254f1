#include "support/rule_checks.hpp"

TEST_CASE("Adadelta: golden values on three coordinates") {
  rule_checks::check_three_coordinates(glissade::Adadelta{}, 0.958282243371, -1.980322994036, 0.425661619112);
}
