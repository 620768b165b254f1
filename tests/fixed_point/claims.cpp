// What the papers claim of iterations for fixed points, and what is true of it.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/fixed_point/bregman_halpern.hpp>
#include <glissade/fixed_point/halpern.hpp>
#include <glissade/fixed_point/picard.hpp>
#include <glissade/sets/entropy.hpp>

#include <cmath>
#include <numbers>
#include <vector>

using namespace glissade;
using Eigen::Vector2d;
using Eigen::VectorXd;

namespace {

using Single = Eigen::Matrix<double, 1, 1>;

struct Rotation {
  double angle;
  void operator()(const Vector2d& x, Vector2d& image) const {
    image = {std::cos(angle) * x[0] - std::sin(angle) * x[1], std::sin(angle) * x[0] + std::cos(angle) * x[1]};
  }
};

/// Without an end of its own.
Stop steps(std::int64_t count) { return {.max_iterations = count, .tolerance = 0}; }

}  // namespace

TEST_CASE("averages: of a contraction by c they fall like t^(-4 (1 - c)), which is no acceleration") {
  for (const double c : {0.3, 0.5, 0.7, 0.9, 0.99}) {
    INFO(c);
    const auto T = [=](const Single& x, Single& image) { image = c * x; };
    const KrasnoselskiiMann averages{.relaxation = inverse_steps(2)};
    Single x(1.0);
    auto state = initial_state(averages, T, x);
    resume_fixed_point(T, x, averages, state, steps(10'000));
    const double early = std::log(x[0] * x[0] / 2);
    resume_fixed_point(T, x, averages, state, steps(90'000));
    const double slope = (std::log(x[0] * x[0] / 2) - early) / std::log(10.0);
    CHECK(slope == Approx(-4 * (1 - c)).margin(1e-3));
  }
  const auto T = [](const Single& x, Single& image) { image = 0.9 * x; };
  Single x(1.0);
  find_fixed_point(T, x, Picard{}, steps(100));
  CHECK(x[0] == Approx(2.656e-5).epsilon(1e-3));
}

TEST_CASE("averages: they do not bring a rotation to rest, Halpern does") {
  Vector2d x(1, 0);
  find_fixed_point(Rotation{0.1}, x, KrasnoselskiiMann{.relaxation = inverse_steps(2)}, steps(100'000));
  CHECK(x.norm() == Approx(0.907).margin(5e-4));
  x = {1, 0};
  find_fixed_point(Rotation{0.1}, x, Halpern{}, steps(100'000));
  CHECK(x.norm() <= 2e-4);
}

TEST_CASE("averages: with a weight of 1 they are Picard, bit for bit") {
  Vector2d x(1, 0.3), y = x;
  const auto T = [](const Vector2d& at, Vector2d& image) { image = {std::cos(at[1]), std::sin(at[0]) / 2}; };
  find_fixed_point(T, x, KrasnoselskiiMann{.relaxation = 1}, steps(20));
  find_fixed_point(T, y, Picard{}, steps(20));
  CHECK((x - y).norm() <= 1e-15);
}

TEST_CASE("Halpern: of every rotation (k + 1) |x - T x| is at most 2, and 2 exactly of a half turn") {
  for (const double angle : {1e-3, 0.1, 1.0, std::numbers::pi / 2, 2.5, std::numbers::pi}) {
    INFO(angle);
    Vector2d x(0.6, -0.8);
    double largest = 0, last = 0;
    find_fixed_point(Rotation{angle}, x, Halpern{}, steps(10'000), [&](const Record& record) {
      last = static_cast<double>(record.iteration + 1) * record.measure;
      largest = std::max(largest, last);
    });
    CHECK(largest <= 2 * (1 + 1e-12));
    if (angle == std::numbers::pi) CHECK(last == Approx(2).epsilon(1e-9));
  }
}

TEST_CASE("Halpern: of a translation x_k is x_0 - k v / 2") {
  const VectorXd v{{0.3, -1.7, 2e-3}}, start{{5, 1, -2}};
  const auto T = [&](const VectorXd& x, VectorXd& image) { image = x - v; };
  VectorXd x = start;
  find_fixed_point(T, x, Halpern{}, steps(1000), [&](const Record& record) {
    const double k = static_cast<double>(record.iteration);
    REQUIRE((record.x - (start - k / 2 * v)).norm() <= 1e-13 * (1 + k));
  });
}

TEST_CASE("Halpern: of I - (2 / L) grad f the residual is 2 |grad f| / L, within 2 R / (k + 1)") {
  // f = sum l_i x_i^2 / 2, l from 1e-6 to 1
  const VectorXd l = VectorXd::LinSpaced(20, -6, 0).unaryExpr([](double e) { return std::pow(10.0, e); });
  const auto T = [&](const VectorXd& x, VectorXd& image) { image = x - 2 * l.cwiseProduct(x); };
  VectorXd x = VectorXd::Ones(20);
  const double radius = x.norm();
  find_fixed_point(T, x, Halpern{}, steps(2000), [&](const Record& record) {
    const double gradient = l.cwiseProduct(record.x).norm();
    REQUIRE(2 * gradient == Approx(record.measure));
    REQUIRE(record.measure <= 2 * radius / static_cast<double>(record.iteration + 1) * (1 + 1e-12));
  });
}

TEST_CASE("Halpern: under noise the residual grows like the root of k, and falls again like 1 / k without") {
  const double size = 1e-2;
  const RandomKey key{7};
  std::int64_t calls = 0;
  const auto T = [&](const Vector2d& x, Vector2d& image) {
    Rotation{1}(x, image);
    const auto draw = static_cast<std::uint64_t>(2 * calls++);
    if (calls <= 1000)
      image += size / std::sqrt(2.0) * Vector2d(2 * key.uniform(draw) - 1, 2 * key.uniform(draw + 1) - 1);
  };
  Vector2d x(1, 0);
  std::vector<double> measure;
  find_fixed_point(T, x, Halpern{}, steps(20'000), [&](const Record& record) { measure.push_back(record.measure); });
  REQUIRE(measure.size() == 20'001);
  // Of a rotation nothing is forgotten: noise e adds up to e sqrt(k) / 3 of the mean square.
  for (std::size_t k = 100; k < 1000; ++k)
    REQUIRE(measure[k] <= 2 / static_cast<double>(k + 1) + size * (1 + std::sqrt(static_cast<double>(k))));
  // The last noise came into x_1000; what it left decays like 1 / k too.
  const double left = 2 + 1001 * measure[1000];
  for (std::size_t k = 1001; k <= 20'000; ++k) REQUIRE(static_cast<double>(k + 1) * measure[k] <= left);
  CHECK(measure[20'000] <= measure[1000] / 10);
}

TEST_CASE("BregmanHalpern: with the Euclidean map it is Halpern, bit for bit") {
  Vector2d x(1, 0.3), y = x;
  find_fixed_point(Rotation{2}, x, BregmanHalpern<>{}, steps(100));
  find_fixed_point(Rotation{2}, y, Halpern{}, steps(100));
  CHECK(x == y);
}

TEST_CASE("BregmanHalpern: with the entropy it mixes logarithms, and ends where a mirror step rests") {
  // T: a mirror step of <c, x> + sum x log x, whose least point is the softmax of -c.
  const VectorXd c{{0.3, -1, 2, 0.5}};
  const auto normalize = [](VectorXd& x) { x /= x.sum(); };
  const auto T = [&](const VectorXd& x, VectorXd& image) {
    image = (x.array().log() * 0.5 - 0.5 * c.array()).exp();
    normalize(image);
  };
  VectorXd x = VectorXd::Constant(4, 0.25), expected = x, image(4);
  const VectorXd start = x;
  for (int k = 0; k < 10; ++k) {
    T(expected, image);
    const double weight = 1 / (k + 2.0);
    expected = (weight * start.array().log() + (1 - weight) * image.array().log()).exp();
    normalize(expected);
  }
  find_fixed_point(T, x, BregmanHalpern<NegativeEntropy>{}, steps(10));
  CHECK((x - expected).norm() <= 1e-14);
  VectorXd end = (-c).array().exp();
  normalize(end);
  find_fixed_point(T, x = start, BregmanHalpern<NegativeEntropy>{}, {.max_iterations = 100'000, .tolerance = 1e-5});
  CHECK((x - end).norm() <= 1e-4);
  VectorXd edge{{0, 0.5, 0.25, 0.25}};
  CHECK_THROWS_WITH(find_fixed_point(T, edge, BregmanHalpern<NegativeEntropy>{}),
                    Catch::Matchers::ContainsSubstring("NegativeEntropy: z[0] = 0, must be > 0"));
}
