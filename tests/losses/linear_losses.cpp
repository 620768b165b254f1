// Losses of linear predictors: their closed forms against the definitions that they must satisfy.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/losses/linear_losses.hpp>

#include <functional>

using namespace glissade;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

std::vector<PredictionLoss> all_losses() {
  return {{.kind = LinearLoss::hinge},
          {.kind = LinearLoss::absolute},
          {.kind = LinearLoss::epsilon_insensitive, .epsilon = 0.3},
          {.kind = LinearLoss::pinball, .quantile = 0.9},
          {.kind = LinearLoss::squared},
          {.kind = LinearLoss::squared_hinge},
          {.kind = LinearLoss::logistic}};
}
/// The losses once more, as the tables of textbooks have them.
double textbook(const PredictionLoss& loss, double p, double y) {
  switch (loss.kind) {
    case LinearLoss::hinge:
      return std::max(0.0, 1 - y * p);
    case LinearLoss::absolute:
      return std::abs(p - y);
    case LinearLoss::epsilon_insensitive:
      return std::max(0.0, std::abs(p - y) - 0.3);
    case LinearLoss::pinball:
      return std::max(0.9 * (y - p), 0.1 * (p - y));
    case LinearLoss::squared:
      return 0.5 * std::pow(p - y, 2);
    case LinearLoss::squared_hinge:
      return 0.5 * std::pow(std::max(0.0, 1 - y * p), 2);
    case LinearLoss::logistic:
      return std::log(1 + std::exp(-y * p));
  }
  return 0;
}
/// use(loss, p, y, key) for many predictions and labels.
void for_many(int count, const std::function<void(const PredictionLoss&, double, double, RandomKey)>& use) {
  for (const PredictionLoss& loss : all_losses())
    for (int k = 0; k < count; ++k) {
      const RandomKey key = RandomKey{5}.derive(static_cast<std::uint64_t>(k));
      const double sign = key.uniform(1) < 0.5 ? -1 : 1;
      use(loss, 3 * key.normal(1), loss.labels_are_signs() ? sign : 3 * key.normal(2), key.derive(9));
    }
}

}  // namespace

TEST_CASE("linear losses: values are those of textbooks, slopes are subgradients") {
  for_many(300, [](const PredictionLoss& loss, double p, double y, RandomKey key) {
    INFO(static_cast<int>(loss.kind) << " at " << p << ", label " << y);
    CHECK(loss.value(p, y) == Approx(textbook(loss, p, y)).epsilon(1e-13).margin(1e-15));
    const double s = loss.slope(p, y);
    bool below = true;
    for (std::uint64_t k = 0; k < 20; ++k) {
      const double q = p + key.normal(k) * (k < 10 ? 3 : 1e-3);
      below = below && loss.value(q, y) >= loss.value(p, y) + s * (q - p) - 1e-14 * (1 + loss.value(q, y));
    }
    CHECK(below);
  });
}

TEST_CASE("linear losses: Fenchel's inequality, with equality at the slope") {
  for_many(300, [](const PredictionLoss& loss, double p, double y, RandomKey key) {
    INFO(static_cast<int>(loss.kind) << " at " << p << ", label " << y);
    const double s = loss.slope(p, y);
    CHECK(loss.value(p, y) + loss.conjugate(s, y) == Approx(s * p).epsilon(1e-13).margin(1e-13));
    double least = infinite;
    for (std::uint64_t k = 0; k < 20; ++k) {
      const double other = 2 * key.uniform(k) - 1;
      least = std::min(least, loss.value(p, y) + loss.conjugate(other, y) - other * p);
    }
    CHECK(least >= -1e-14 * (1 + std::abs(p)));
  });
  // Where no line of that slope lies below the loss.
  const auto outside = [](LinearLoss kind, double s) {
    return PredictionLoss{.kind = kind, .quantile = 0.9}.conjugate(s, 1);
  };
  for (const LinearLoss kind : {LinearLoss::hinge, LinearLoss::logistic, LinearLoss::squared_hinge})
    CHECK(outside(kind, 0.01) == infinite);
  for (const LinearLoss kind :
       {LinearLoss::hinge, LinearLoss::logistic, LinearLoss::absolute, LinearLoss::epsilon_insensitive})
    CHECK(outside(kind, -1.01) == infinite);
  CHECK(outside(LinearLoss::pinball, 0.11) == infinite);
  CHECK(outside(LinearLoss::pinball, -0.91) == infinite);
  CHECK(outside(LinearLoss::logistic, 0) == 0);
  CHECK(outside(LinearLoss::logistic, -1) == 0);
}

TEST_CASE("linear losses: the implicit step minimizes its objective") {
  double excess = 0;
  for_many(300, [&](const PredictionLoss& loss, double pbar, double y, RandomKey key) {
    for (const double c : {1e-8, 0.01, 1.0, 37.0, 1e8}) {
      INFO(static_cast<int>(loss.kind) << " at " << pbar << ", label " << y << ", c = " << c);
      const double s = loss.prox_slope(pbar, y, c), q = pbar - s * c;
      // phi(q) + (q - pbar)^2 / (2 c), less its minimum, which duality bounds from below by that of the conjugate.
      const double primal = loss.value(q, y) + s * s * c / 2, dual = s * pbar - s * s * c / 2 - loss.conjugate(s, y);
      CHECK(primal - dual <= 1e-14 * (1 + std::abs(s * pbar) + s * s * c));
      excess = std::max(excess, (primal - dual) / (1 + std::abs(s * pbar) + s * s * c));
      for (std::uint64_t k = 0; k < 4; ++k) {
        const double other = q + std::sqrt(c) * key.normal(k);
        CHECK(primal <= (loss.value(other, y) + std::pow(other - pbar, 2) / (2 * c)) * (1 + 1e-14) + 1e-14);
      }
    }
    CHECK(loss.prox_slope(pbar, y, 0) == loss.slope(pbar, y));
  });
  CHECK(excess <= 4e-15);
}

TEST_CASE("linear losses: the logistic step, for every length") {
  const PredictionLoss loss{.kind = LinearLoss::logistic};
  double worst = 0;
  for (int k = -20; k <= 20; ++k)
    for (const double start : {-1e6, -700.0, -40.0, -5.49, -1.0, 0.0, 0.3, 5.0, 40.0, 700.0}) {
      const double c = std::exp(k), tau = -loss.prox_slope(start, 1, c), m = start + c * tau;
      CHECK(tau >= 0);
      CHECK(tau <= 1);
      worst = std::max(worst, std::abs(tau - 1 / (1 + std::exp(m))) / (1 + c * tau * (1 - tau)) * c /
                                  (std::abs(m) + std::abs(start) + 1));
    }
  CHECK(worst <= 4e-15);
  CHECK(-loss.prox_slope(-5.49, 1, 38.4) ==
        Approx(0.18208989439642473).epsilon(1e-13));  // where clipped Newton steps circle
  CHECK(loss.prox_slope(0.3, -1, 1e300) >= 0);
  CHECK(loss.prox_slope(-1e300, 1, 1e290) == -1);
  CHECK(std::isnan(loss.prox_slope(std::nan(""), 1, 1)));
}

TEST_CASE("linear losses: large margins neither overflow nor vanish; NaN stays") {
  const PredictionLoss logistic{.kind = LinearLoss::logistic};
  CHECK(logistic.value(-800, 1) == 800);
  CHECK(logistic.value(700, 1) == Approx(std::exp(-700)).epsilon(1e-12));
  CHECK(logistic.slope(-800, 1) == -1);
  CHECK(logistic.slope(700, 1) == Approx(-std::exp(-700)).epsilon(1e-12));
  for (const PredictionLoss& loss : all_losses()) {
    INFO(static_cast<int>(loss.kind));
    CHECK(std::isnan(loss.value(std::nan(""), 1)));
    CHECK(std::isnan(loss.slope(std::nan(""), 1)));
    CHECK(std::isnan(loss.prox_slope(std::nan(""), 1, 1)));
  }
}

TEST_CASE("linear losses: labels and options that are refused") {
  for (const PredictionLoss& loss : all_losses()) {
    CHECK(message_of([&] { loss.require_label("Learner", std::nan("")); }) ==
          "Learner: label = nan, must be " + range::finite.text());
    CHECK(message_of([&] { loss.require_label("Learner", 1); }).empty());
    CHECK(message_of([&] { loss.require_label("Learner", 0); }) ==
          (loss.labels_are_signs() ? "Learner: label = 0, must be -1 or 1" : ""));
  }
  CHECK(message_of([] { PredictionLoss{.quantile = 1}.check(); }) == "PredictionLoss: quantile = 1, must be in (0, 1)");
  CHECK(message_of([] { PredictionLoss{.epsilon = -1}.check(); }).find("epsilon = -1") != std::string::npos);
}
