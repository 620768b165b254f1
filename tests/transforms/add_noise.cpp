#include "support/catch.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

using Vector = Eigen::VectorXd;

/// The noise of step t, for eta = 1 and gamma = 0.55.
Vector noise(int t, std::uint64_t seed, Eigen::Index size) {
  Vector x = Vector::Zero(size);
  Optimizer optimizer{chain(AddNoise{.eta = 1}, Scale{}), OptimizerOptions{.seed = seed}, x};
  for (int k = 1; k < t; ++k) optimizer.step(Vector::Zero(size));
  const Vector before = x;
  optimizer.step(Vector::Zero(size));
  return x - before;
}

}  // namespace

TEST_CASE("add noise: mean, variance and kurtosis of the noise, and their fall") {
  const Eigen::Index size = 100'000;
  const double n = static_cast<double>(size);
  for (const int t : {1, 5}) {
    const Vector z = noise(t, 3, size);
    const double variance = std::pow(t, -0.55);
    CHECK(std::abs(z.mean()) <= 4 * std::sqrt(variance / n));
    CHECK(std::abs(z.squaredNorm() / n / variance - 1) <= 4 * std::sqrt(2 / n));
    CHECK(std::abs(z.array().pow(4).mean() / (variance * variance) - 3) <= 4 * std::sqrt(96 / n));
  }
}

TEST_CASE("add noise: independent between steps, seeds, tensors and coefficients; the same again") {
  const Eigen::Index size = 40'000;
  const double bound = 4 / std::sqrt(static_cast<double>(size));
  const auto correlation = [&](const Vector& a, const Vector& b) { return std::abs(a.dot(b) / (a.norm() * b.norm())); };
  const Vector first = noise(1, 3, size);
  CHECK(first == noise(1, 3, size));
  CHECK(first.head(101) == noise(1, 3, 101));
  CHECK(correlation(first, noise(2, 3, size)) < bound);
  CHECK(correlation(first, noise(1, 4, size)) < bound);
  CHECK(correlation(first.head(size - 1), first.tail(size - 1)) < 1.1 * bound);
  Vector a = Vector::Zero(size), b = a;
  Optimizer optimizer{chain(AddNoise{.eta = 1}, Scale{}), OptimizerOptions{.seed = 3}, a, b};
  optimizer.step(a, b);
  CHECK(a == first);
  CHECK(correlation(a, b) < bound);
}

TEST_CASE("add noise: once for a batch that is accumulated from parts") {
  const Eigen::Index size = 40'000;
  Vector x = Vector::Zero(size);
  Optimizer optimizer{chain(Accumulate{.steps = 8}, AddNoise{.eta = 1, .gamma = 0}, Scale{}), x};
  for (int k = 0; k < 8; ++k) optimizer.step(Vector::Zero(size));
  CHECK(std::abs(x.squaredNorm() / static_cast<double>(size) - 1) <= 4 * std::sqrt(2.0 / static_cast<double>(size)));
}

TEST_CASE("add noise: none for eta = 0") {
  Vector x = Vector::Zero(33);
  Optimizer optimizer{chain(AddNoise{.eta = 0}, Scale{}), x};
  const Vector g = Vector::LinSpaced(33, -1, 1);
  optimizer.step(g);
  CHECK(x == g);
}
