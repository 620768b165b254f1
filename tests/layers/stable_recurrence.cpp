#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/layers/stable_recurrence.hpp>

#include <limits>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;

namespace {

constexpr RateMap all_maps[] = {RateMap::direct, RateMap::exponential, RateMap::softplus, RateMap::inverse_square};

/// One unit with the rate lambda, a step of 1e-3, and inputs so small that tanh is straight.
StableRecurrence<double> memory_of(double lambda, RateMap map = RateMap::inverse_square) {
  StableRecurrence<double> layer(1, 1, {.rate = {.map = map}, .time_step = 1e-3, .slowest = lambda, .fastest = lambda});
  layer.W(0, 0) = 1;
  return layer;
}

}  // namespace

TEST_CASE("StableRate: how much a small step of theta changes the memory, as in the closed form") {
  struct Row {
    RateMap map;
    double change[4];
  };
  const double rates[] = {1, 0.1, 0.01, 0.0011};
  const Row rows[] = {{RateMap::direct, {1e-3, 0.0101, 0.111, 10}},
                      {RateMap::exponential, {1e-3, 1e-3, 1e-3, 1e-3}},
                      {RateMap::softplus, {6.3e-4, 9.5e-4, 1e-3, 1e-3}},
                      {RateMap::inverse_square, {1.4e-3, 6.2e-4, 2e-4, 6.6e-5}}};
  for (const Row& row : rows) {
    const StableRate rate{.map = row.map};
    for (int i = 0; i < 4; ++i) {
      const double theta = rate.inverse(rates[i]);
      INFO("map " << static_cast<int>(row.map) << ", lambda " << rates[i]);
      CHECK(std::abs(rate(theta) / rate(theta - 1e-3) - 1) == Approx(row.change[i]).epsilon(0.03));
    }
  }
}

TEST_CASE("StableRate: inverse and derivative") {
  for (const RateMap map : all_maps)
    for (const StableRate rate : {StableRate{.map = map}, StableRate{.map = map, .a = 3, .b = 0.2}})
      for (const double lambda : {1e-8, 1e-3, 0.3, 1.0, 1.9}) {
        INFO("map " << static_cast<int>(map) << ", lambda " << lambda);
        const double theta = rate.inverse(lambda);
        CHECK(rate(theta) == Approx(lambda).epsilon(1e-13));
        for (const double sign : {1.0, -1.0}) {
          const double at = sign * theta;
          const double h = 1e-4 * std::max(1.0, std::abs(at));
          const double slope = (rate(at - 2 * h) - rate(at + 2 * h) + 8 * (rate(at + h) - rate(at - h))) / (12 * h);
          CHECK(rate.derivative(at) == Approx(slope).epsilon(1e-8).margin(1e-13 / h));
        }
      }
  const StableRate softplus{.map = RateMap::softplus};
  CHECK(softplus(1e5) == 1e5);
  CHECK(softplus(-1e5) == 0);
  CHECK(softplus.derivative(1e5) == 1);
  CHECK(softplus.inverse(1e5) == 1e5);
}

TEST_CASE("StableRecurrence: an impulse fades as exp(-lambda t)") {
  for (const double lambda : {0.2, 1.0}) {
    auto layer = memory_of(lambda);
    CHECK(layer.rates()(0) == Approx(lambda).epsilon(1e-14));
    MatrixXd X = MatrixXd::Zero(3001, 1), Y(3001, 1);
    X(0, 0) = 1e-4;
    layer.forward(X, Y);
    CHECK(Y(0, 0) == Approx(1e-7));
    CHECK(Y(3000, 0) / Y(0, 0) == Approx(std::exp(-3 * lambda)).epsilon(1e-3 * 3 * lambda));
  }
}

TEST_CASE("StableRecurrence: the rates start evenly in their logarithms") {
  for (const RateMap map : all_maps) {
    const StableRecurrence<double> layer(3, 5, {.rate = {.map = map}, .slowest = 0.001, .fastest = 1});
    const Eigen::VectorXd rates = layer.rates();
    for (Index i = 0; i < 5; ++i)
      CHECK(rates(i) == Approx(std::pow(10, -3 + 0.75 * static_cast<double>(i))).epsilon(1e-12));
  }
}

TEST_CASE("StableRecurrence: without options the rates start from 0.01 to 1") {
  const StableRecurrence<double> layer(3, 5);
  CHECK(layer.rates()(0) == Approx(0.01).epsilon(1e-12));
  CHECK(layer.rates()(4) == Approx(1).epsilon(1e-12));
}

TEST_CASE("StableRecurrence: what cannot be is refused with a sentence") {
  const auto make = [](const StableRecurrenceOptions& options) {
    return message_of([&] { StableRecurrence<double>(2, 3, options); });
  };
  CHECK(make({}).empty());
  CHECK(make({.rate = {.a = 0}}) == "StableRate: a = 0, must be > 0 and finite");
  CHECK(make({.rate = {.map = RateMap{4}}}) == "StableRate: map = 4, must be in [0, 3]");
  CHECK(make({.time_step = 0}) == "StableRecurrence: time_step = 0, must be > 0 and finite");
  CHECK(make({.slowest = 0.5, .fastest = 0.1}) == "StableRecurrence: fastest = 0.1, must be >= 0.5 and finite");
  CHECK(make({.fastest = 3}) == "StableRate::inverse: lambda = 3, must be in (0, 2]");
  CHECK(make({.rate = {.map = RateMap::exponential}, .fastest = 3}).empty());
  CHECK(message_of([] { StableRecurrence<double>(0, 3); }) ==
        "StableRecurrence: inputs and outputs are 0 x 3, must be at least 1 x 1");
  CHECK(message_of([] { static_cast<void>(StableRate{}.inverse(std::numeric_limits<double>::quiet_NaN())); }) ==
        "StableRate::inverse: lambda = nan, must be in (0, 2]");
}
