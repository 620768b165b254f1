#include "support/catch.hpp"
#include "support/problems.hpp"
#include <glissade/glissade.hpp>

#include <random>

using namespace glissade;

namespace {

using Vector = Eigen::VectorXd;

Vector clipped(double fraction, const Vector& gradient, double scale = 1) {
  Vector x = Vector::Zero(gradient.size());
  Optimizer optimizer{chain(ClipCoordinates{.fraction = fraction, .scale = scale}, Scale{}), x};
  optimizer.step(gradient);
  return x;
}

Vector some_gradient(Eigen::Index size) {
  return Vector::NullaryExpr(size, [](Eigen::Index i) { return small_problems::test_gradient(i, 3); });
}

}  // namespace

TEST_CASE("clip coordinates: the threshold is an order statistic of all tensors together") {
  const Vector a = some_gradient(5000);
  Eigen::MatrixXd b = 3 * some_gradient(35).reshaped(5, 7);
  std::vector<double> all;
  for (const double v : a) all.push_back(std::abs(v));
  for (const double v : b.reshaped()) all.push_back(std::abs(v));
  std::sort(all.rbegin(), all.rend());
  for (const double fraction : {1e-9, 0.001, 0.1, 0.5, 0.999, 1 - 1e-17 / 2}) {
    if (fraction == 1) continue;
    Vector x = Vector::Zero(5000);
    Eigen::MatrixXd y = Eigen::MatrixXd::Zero(5, 7);
    Optimizer optimizer{chain(ClipCoordinates{.fraction = fraction}, Scale{}), x, y};
    for (int t = 0; t < 2; ++t) optimizer.step(a, b);
    const double threshold = all[static_cast<std::size_t>(std::floor(fraction * 5035))];
    CHECK(optimizer.shared("threshold") == threshold);
    CHECK(x == 2 * a.cwiseMin(threshold).cwiseMax(-threshold));
    CHECK(y == 2 * b.cwiseMin(threshold).cwiseMax(-threshold));
  }
}

TEST_CASE("clip coordinates: nothing, everything, idempotent, homogeneous") {
  const Vector g = some_gradient(100);
  CHECK(clipped(0, g) == g);
  CHECK(clipped(1e-9, g) == g);  // the threshold is the largest
  CHECK(clipped(1, g) == Vector::Zero(100));
  const Vector once = clipped(0.3, g);
  CHECK(clipped(0.3, once) == once);
  CHECK(clipped(0.3, 4 * g) == 4 * once);
  CHECK((once.array() * g.array() >= 0).all());
  CHECK((once.array().abs() <= g.array().abs()).all());
  CHECK(clipped(0.3, g, 0.5).cwiseAbs().maxCoeff() == 0.5 * once.cwiseAbs().maxCoeff());
  CHECK(clipped(0.5, Vector::Constant(10, -2)) == Vector::Constant(10, -2));  // ties
}

TEST_CASE("clip coordinates: one tensor without a gradient, NaN, infinity, a rule used twice") {
  Vector a = Vector::Zero(3), b = Vector::Zero(2);
  const ClipCoordinates rule{.fraction = 0.5};
  Optimizer optimizer{chain(rule, Scale{}), a, b};
  optimizer.step(Eigen::Vector3d(1, 2, 3), no_gradient);
  CHECK(optimizer.shared("threshold") == 2);
  Vector c = Vector::Zero(3);
  Optimizer other{chain(rule, Scale{}), c};
  other.step(Eigen::Vector3d(10, 20, 30));
  CHECK(other.shared("threshold") == 20);
  optimizer.step(no_gradient, Eigen::Vector2d(7, 9));
  CHECK(optimizer.shared("threshold") == 7);
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(clipped(0.5, Eigen::Vector3d(1, -infinity, 3)) == Eigen::Vector3d(1, -3, 3));
  CHECK(clipped(0.5, Eigen::Vector3d(1, infinity - infinity, 3)).array().isNaN().all());
}

TEST_CASE("clip coordinates: the claim on the sharpness of its direction") {
  Vector h = Vector::Ones(1000);
  h.head(10).setConstant(100);
  const Vector gradient = h;  // at theta = 1, of 1/2 theta' H theta
  const auto model = [&](const Vector& u) { return directional_model(gradient, -u, -h.cwiseProduct(u)); };
  const DirectionalModel sgd = model(gradient);
  CHECK(sgd.sharpness == Approx(99.0295).margin(5e-5));
  CHECK(sgd.best_decrease == Approx(509.9).margin(0.05));
  CHECK(model(gradient.cwiseSign()).sharpness == Approx(1.99).epsilon(1e-12));
  for (const double fraction : {0.01, 0.1}) {
    CHECK(model(clipped(fraction, gradient)).sharpness == Approx(1.99).epsilon(1e-12));
    CHECK(model(clipped(fraction, gradient)).best_decrease == Approx(995).epsilon(1e-12));
  }
  CHECK(model(clipped(0.009, gradient)).sharpness == Approx(99.03).margin(5e-3));  // one too few
}

TEST_CASE("clip coordinates: the claim on a quadratic of two curvatures") {
  Vector h = Vector::Ones(1000);
  h.head(10).setConstant(1000);
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  const Vector start = Vector::NullaryExpr(1000, [&](Eigen::Index) { return normal(random); });
  const auto best = [&](double fraction) {
    double least = std::numeric_limits<double>::infinity();
    Vector x;
    Optimizer optimizer{chain(ClipCoordinates{.fraction = fraction}, ScaleByLearningRate{}), x = start};
    for (int k = 0; k < 40; ++k) {
      get<1>(optimizer.rule()).learning_rate = 1e-5 * std::pow(3e5, k / 39.0);
      x = start;
      for (int t = 0; t < 200; ++t) optimizer.step(h.cwiseProduct(x));
      const double value = 0.5 * h.dot(x.cwiseAbs2());
      if (value < least) least = value;
    }
    return least;
  };
  const double plain = best(0);
  CHECK(plain > 150);
  CHECK(plain < 400);
  for (const double fraction : {0.01, 0.02, 0.1}) CHECK(best(fraction) < 1e-90);
  CHECK(best(0.5) > 200);
}

TEST_CASE("directional model: eigenvectors, scale, best step and misuse") {
  const Eigen::Vector2d u(0, -3);
  const DirectionalModel m = directional_model(Eigen::Vector2d(1, 2), u, Eigen::Vector2d(0, -15));
  CHECK(m.sharpness == 5);
  CHECK(m.slope == -2);
  CHECK(m.best_step == 0.4);
  CHECK(m.best_decrease == 0.4);
  const DirectionalModel twice = directional_model(Eigen::Vector2d(1, 2), -2 * u, -2 * Eigen::Vector2d(0, -15));
  CHECK(twice.sharpness == 5);
  CHECK(twice.slope == 2);
  CHECK(std::isinf(directional_model(Eigen::Vector2d(1, 2), u, Eigen::Vector2d(0, 15)).best_step));
  CHECK_THROWS_AS(directional_model(u, Eigen::Vector2d(0, 0), u), std::invalid_argument);
  CHECK_THROWS_AS(directional_model(Eigen::Vector3d(1, 2, 3), u, u), std::invalid_argument);
}

TEST_CASE("clip coordinates: a step after one that threw is that of a fresh optimizer") {
  const Vector g = some_gradient(40), h = 3 * some_gradient(70);
  const auto check = [&](const auto& chained) {
    int calls = 0;
    int fails = 0;  // the call that throws; 0: none
    const Schedule rate = [&](std::int64_t) {
      if (++calls == fails) throw std::runtime_error("no rate");
      return 0.5;
    };
    Vector x = Vector::Zero(40), y = Vector::Zero(70);
    Optimizer fresh{chained(rate), x, y};
    calls = 0;
    fresh.step(g, h);
    const int in_a_step = calls;
    REQUIRE(in_a_step >= 2);
    for (int k = 1; k <= in_a_step; ++k) {
      Vector u = Vector::Zero(40), v = Vector::Zero(70);
      Optimizer optimizer{chained(rate), u, v};
      calls = 0;
      fails = k;
      CHECK_THROWS_AS(optimizer.step(100 * g, 100 * h), std::runtime_error);
      fails = 0;
      u.setZero();
      v.setZero();
      optimizer.step(g, h);
      CHECK(u == x);
      CHECK(v == y);
    }
  };
  check([](const Schedule& rate) { return chain(ClipCoordinates{.fraction = 0.3}, ScaleByLearningRate{rate}); });
  check([](const Schedule& rate) {
    return chain(ScaleByLearningRate{rate}, ClipCoordinates{.fraction = 0.3}, ClipCoordinates{.fraction = 0.5},
                 Scale{});
  });
}

TEST_CASE("clip coordinates: twice in a chain is one after the other") {
  const Vector g = some_gradient(40);
  Vector x = Vector::Zero(40);
  Optimizer optimizer{
      chain(ClipCoordinates{.fraction = 0.3, .scale = 0.1}, ClipCoordinates{.fraction = 0.4, .scale = 0.5}, Scale{}),
      x};
  optimizer.step(g);
  CHECK(x == clipped(0.4, clipped(0.3, g, 0.1), 0.5));
}
