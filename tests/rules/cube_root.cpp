#include "support/catch.hpp"
#include <glissade/rules/cube_root.hpp>

#include <cmath>
#include <limits>

using glissade::Lane;

TEMPLATE_TEST_CASE("cube root: every size, zero, infinity and NaN", "", float, double) {
  using L = Lane<TestType>;
  using Limits = std::numeric_limits<TestType>;
  const auto root = [](TestType a) { return glissade::detail::cube_root(L(a)).scalar(); };
  const double decades = std::log10(static_cast<double>(Limits::max())) - 1e-6;
  for (double e = -decades + 3; e <= decades; e += decades / 5000) {
    const auto a = static_cast<TestType>(std::pow(10.0, e));
    const double exact = std::cbrt(static_cast<double>(a));
    REQUIRE(std::abs(static_cast<double>(root(a)) / exact - 1) <= 3 * static_cast<double>(Limits::epsilon()));
  }
  CHECK(root(0) == 0);
  CHECK(root(Limits::infinity()) == Limits::infinity());
  CHECK(root(Limits::max()) == Approx(std::cbrt(static_cast<double>(Limits::max()))));
  CHECK(std::isnan(root(Limits::quiet_NaN())));
  CHECK(std::isfinite(root(Limits::denorm_min())));
}
