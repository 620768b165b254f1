// Labels of random data follow the model that they are said to follow.
#include "support/catch.hpp"
#include <glissade/problems/random_data.hpp>

using namespace glissade;

TEST_CASE("random_logistic: labels have the probability of the model, on either side of the plane") {
  for (const double steepness : {0.5, 5.0}) {
    const problems::LogisticData data{.rows = 20'000, .columns = 3, .steepness = steepness, .seed = 4};
    const auto problem = problems::random_logistic(data);
    Eigen::VectorXd w(3);
    for (Eigen::Index j = 0; j < 3; ++j) w[j] = RandomKey{4}.derive(1).normal(static_cast<std::uint64_t>(j));
    double more[2] = {0, 0}, variance[2] = {0, 0};
    for (Eigen::Index i = 0; i < data.rows; ++i) {
      const double z = problem.features().row(i).dot(w);
      const double p = 1 / (1 + std::exp(-steepness * z));
      more[z > 0] += (problem.targets()[i] == 1 ? 1 : 0) - p;
      variance[z > 0] += p * (1 - p);
    }
    for (const int side : {0, 1}) {
      INFO("steepness " << steepness << ", side " << side);
      CHECK(variance[side] > 300);
      CHECK(std::abs(more[side]) <= 4 * std::sqrt(variance[side]));
    }
  }
}

TEST_CASE("random_logistic: without steepness labels are signs of noisy products") {
  const auto share = [](double noise) {
    const problems::LogisticData data{.rows = 5'000, .columns = 3, .steepness = 0, .noise = noise, .seed = 5};
    const auto problem = problems::random_logistic(data);
    Eigen::VectorXd w(3);
    for (Eigen::Index j = 0; j < 3; ++j) w[j] = RandomKey{5}.derive(1).normal(static_cast<std::uint64_t>(j));
    int wrong = 0;
    for (Eigen::Index i = 0; i < data.rows; ++i)
      wrong += problem.features().row(i).dot(w) * problem.targets()[i] < 0 ? 1 : 0;
    return wrong / 5000.0;
  };
  CHECK(share(0) == 0);
  CHECK(share(0.1) > 0.005);
  CHECK(share(0.1) < 0.15);
  CHECK(share(100) == Approx(0.5).margin(0.04));
}
