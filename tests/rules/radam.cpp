#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::check_three_coordinates;

TEST_CASE("RAdam: golden values on three coordinates") {
  check_three_coordinates(RAdam{.learning_rate = 0.1}, 0.440020837255, -1.734599079581, 0.065243984903);
  check_three_coordinates(RAdam{.learning_rate = 0.1, .convention = Convention::optax}, 0.440020833296, -1.734599077100,
                          0.065243981383);
}

TEST_CASE("RAdam: the sixth step is the first one that is rectified, with the factor of the paper") {
  const double betas[][2] = {{0.9, 0.255177}, {0.99, 0.0816792}, {0.999, 0.0258211}, {0.9999, 0.00816501}};
  for (const auto& [beta2, factor] : betas) {
    double x = 0;
    Optimizer optimizer{RAdam{.learning_rate = 1, .beta1 = 0, .beta2 = beta2, .epsilon = 0}, x};
    for (int t = 1; t <= 6; ++t) {
      x = 0;
      optimizer.step(4.0);
      INFO("beta2 " << beta2 << ", step " << t);
      CHECK(std::abs(x + (t < 6 ? 4 : factor)) <= (t < 6 ? 1e-14 : 5e-6 * factor));
    }
  }
  double x = 0;
  Optimizer never{RAdam{.learning_rate = 1, .beta1 = 0, .beta2 = 0.6, .epsilon = 0}, x};
  for (int t = 1; t <= 100; ++t) {
    x = 0;
    never.step(4.0);
    CHECK(std::abs(x + 4) <= 1e-14);
  }
}

TEST_CASE("RAdam: the paper's threshold rectifies a step earlier") {
  // rho_5 lies between 4 and 5 for the customary beta2.
  CHECK(rectification(0.999, 5) == 0);
  CHECK(rectification(0.999, 5, 4) > 0);
  CHECK(rectification(0.999, 4, 4) == 0);
  CHECK(rectification(0.999, 6, 4) == rectification(0.999, 6));
  const auto step_of = [](const RAdam& rule, int t) { return rule_checks::after(rule, t); };
  const RAdam torch{.learning_rate = 0.1}, paper{.learning_rate = 0.1, .threshold = 4};
  CHECK(laws::same_bits(step_of(torch, 4), step_of(paper, 4)));
  CHECK(!laws::same_bits(step_of(torch, 5), step_of(paper, 5)));
}
