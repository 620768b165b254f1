// Gauss and Hermite's rules: exact as far as they promise, and no further.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/models/gauss_hermite.hpp>

using namespace glissade;

namespace {

/// E[X^degree], X of variance 1/2: (degree - 1)!! / 2^(degree / 2).
double moment(int degree) {
  if (degree % 2 != 0) return 0;
  double value = 1;
  for (int k = 1; k < degree; k += 2) value *= k / 2.0;
  return value;
}

double by_rule(const GaussHermite& rule, int degree) {
  return (rule.weights.array() * rule.nodes.array().pow(degree)).sum();
}

}  // namespace

TEST_CASE("gauss_hermite: moments below twice the number of points are exact, the next one is not") {
  for (const int n : {1, 2, 3, 4, 5, 6, 9, 20, 41, 100}) {
    const GaussHermite rule = gauss_hermite(n);
    INFO(n << " points");
    REQUIRE(rule.nodes.size() == n);
    REQUIRE(rule.weights.size() == n);
    CHECK(rule.weights.minCoeff() > 0);
    CHECK(rule.weights.sum() == Approx(1).epsilon(1e-13));
    for (int degree = 1; degree < 2 * n; ++degree) {
      INFO("degree " << degree);
      CHECK(std::abs(by_rule(rule, degree) - moment(degree)) <= 1e-11 * moment(degree + degree % 2));
    }
    if (n <= 20) CHECK(by_rule(rule, 2 * n) < (1 - 1e-6) * moment(2 * n));
  }
}

TEST_CASE("gauss_hermite: nodes fall and lie on both sides of zero alike") {
  for (const int n : {2, 7, 20}) {
    const GaussHermite rule = gauss_hermite(n);
    for (int k = 0; k < n; ++k) {
      CHECK(rule.nodes[k] == -rule.nodes[n - 1 - k]);
      CHECK(rule.weights[k] == rule.weights[n - 1 - k]);
      if (k > 0) CHECK(rule.nodes[k] < rule.nodes[k - 1]);
    }
  }
}

TEST_CASE("gauss_hermite: what is refused") {
  CHECK(message_of([] { static_cast<void>(gauss_hermite(0)); }) == "gauss_hermite: n = 0, must be in [1, 100]");
  CHECK(message_of([] { static_cast<void>(gauss_hermite(101)); }) == "gauss_hermite: n = 101, must be in [1, 100]");
}
