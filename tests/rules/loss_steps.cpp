// Rules whose step comes from the loss, from the gradients' agreement or from the way so far.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/minimize/from_rule.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/distance_over_gradients.hpp>
#include <glissade/rules/hypergradient_sgd.hpp>
#include <glissade/rules/momo.hpp>
#include <glissade/rules/polyak_step.hpp>
#include <glissade/rules/sgd.hpp>

#include <cmath>
#include <limits>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

VectorXd eigenvalues() {
  return VectorXd::NullaryExpr(50, [](Eigen::Index i) { return std::pow(100.0, static_cast<double>(i) / 49) / 100; });
}
double value(const VectorXd& x) { return 0.5 * eigenvalues().cwiseProduct(x).dot(x); }

/// The value after 1000 steps from ones.
template <class R>
double after_thousand(const R& rule) {
  VectorXd x = VectorXd::Ones(50);
  Optimizer optimizer{rule, x};
  for (int t = 0; t < 1000; ++t) optimizer.step(eigenvalues().cwiseProduct(x));
  return value(x);
}

/// Batches of one of 40 equations that all hold at the solution; the mean squared error after some passes.
template <class Step>
double interpolate(int passes, const Step& step) {
  const RandomKey key{3};
  const auto normal = [&](Eigen::Index rows, Eigen::Index cols, std::uint64_t stream) {
    return MatrixXd(MatrixXd::NullaryExpr(rows, cols, [&](Eigen::Index i, Eigen::Index j) {
      return key.derive(stream).normal(static_cast<std::uint64_t>(i + rows * j));
    }));
  };
  const MatrixXd A = normal(40, 10, 1);
  const VectorXd b = A * normal(10, 1, 2);
  VectorXd x = VectorXd::Zero(10);
  for (int t = 0; t < 40 * passes; ++t) {
    const auto i = static_cast<Eigen::Index>(key.derive(4).uniform(static_cast<std::uint64_t>(t)) * 40);
    const double r = A.row(i).dot(x) - b[i];
    step(x, 0.5 * r * r, VectorXd(r * A.row(i).transpose()));
  }
  return (A * x - b).squaredNorm() / 40;
}

}  // namespace

TEST_CASE("PolyakStep: exact on a norm, cut off, bounded below, over all tensors") {
  VectorXd x = VectorXd::LinSpaced(3, 1, 3);
  double b = 2;
  const VectorXd x0 = x;
  Optimizer optimizer{PolyakStep{.learning_rate = infinite}, x, b};
  for (int t = 0; t < 5; ++t) {  // of |(x, b)|^2 / 2 half the way is left
    const VectorXd g = x;
    optimizer.step(with(0.5 * (g.squaredNorm() + b * b)), g, b);
  }
  CHECK((x - x0 / 32).norm() <= 1e-16);
  CHECK(std::abs(b - 2.0 / 32) <= 1e-16);
  CHECK(optimizer.shared("rate") == Approx(0.5).epsilon(1e-14));

  x = x0;
  Optimizer cut{PolyakStep{.learning_rate = 0.125, .lower_bound = 1}, x};
  cut.step(with(8.0), x0);
  CHECK(x == x0 - 0.125 * x0);
  const VectorXd before = x;
  cut.step(with(0.5), x0);  // below the bound
  CHECK(x == before);
  cut.step(with(2.0), x0);
  CHECK((x - (before - x0 / 14)).norm() <= 1e-16);
  cut.step(with(2.0), VectorXd::Zero(3));
  CHECK(x.allFinite());
  cut.step(with(std::numeric_limits<double>::quiet_NaN()), x0);
  CHECK(x.array().isNaN().all());

  VectorXd far = 1e200 * x0;  // whose square is not a number of doubles
  Optimizer scaled{PolyakStep{.learning_rate = infinite, .scale = 0.5}, far};
  scaled.step(with(1e200), VectorXd(1e200 * x0));
  CHECK((far / 1e200 - x0).norm() <= 1e-15);
  CHECK(scaled.shared("rate") == Approx(2 / 14e200));
  CHECK(message_of([&] {
          Optimizer{PolyakStep{.learning_rate = 0}, x};
        }) == "PolyakStep: learning_rate = 0, must be > 0");
}

TEST_CASE("PolyakStep and Momo: models that can fit all batches need no learning rate") {
  PolyakStep polyak{.learning_rate = infinite};
  RuleState<double> of_polyak, of_momo, of_sgd;
  CHECK(interpolate(100, [&](VectorXd& x, double loss, const VectorXd& g) {
          step(polyak, of_polyak, with(loss), x, g);
        }) <= 1e-20);
  const Momo momo{.learning_rate = 1e6, .beta = 0.5};
  CHECK(interpolate(100, [&](VectorXd& x, double loss, const VectorXd& g) { step(momo, of_momo, with(loss), x, g); }) <=
        1e-6);
  CHECK(!(interpolate(100, [&](VectorXd& x, double, const VectorXd& g) {
            step(Sgd{.learning_rate = 0.3, .momentum = 0.5, .dampening = 0.5}, of_sgd, x, g);
          }) <= 1e10));
}

TEST_CASE("Momo: its formulas, and PolyakStep without momentum") {
  VectorXd x = VectorXd::LinSpaced(4, -1, 2), y = x, expected = x;
  Optimizer optimizer{Momo{.learning_rate = 0.4, .beta = 0.8, .lower_bound = 0.1}, x};
  VectorXd d = VectorXd::Zero(4);
  double f = 0, c = 0;
  bool cut = false, free = false;
  for (int t = 0; t < 30; ++t) {
    const VectorXd g = VectorXd::LinSpaced(4, 1, 3).cwiseProduct(expected);
    const double loss = 0.5 * g.dot(expected) + 0.3;
    const double beta = t == 0 ? 0 : 0.8;
    d = beta * d + (1 - beta) * g;
    f = beta * f + (1 - beta) * loss;
    c = beta * c + (1 - beta) * g.dot(expected);
    const double model = std::max(f + d.dot(expected) - c - 0.1, 0.0) / d.squaredNorm();
    cut = cut || model > 0.4;
    free = free || model < 0.4;
    optimizer.step(with(loss), VectorXd(VectorXd::LinSpaced(4, 1, 3).cwiseProduct(x)));
    expected -= std::min(0.4, model) * d;
    CHECK((x - expected).norm() <= 1e-12 * (1 + expected.norm()));
  }
  CHECK(cut);
  CHECK(free);
  Optimizer polyak{PolyakStep{.learning_rate = 0.4}, x};
  y = x;
  Optimizer momo{Momo{.learning_rate = 0.4, .beta = 0}, y};
  for (int t = 0; t < 10; ++t) {
    const VectorXd g = x, h = y;
    polyak.step(with(0.5 * g.squaredNorm()), g);
    momo.step(with(0.5 * h.squaredNorm()), h);
    CHECK((x - y).norm() <= 1e-14);
  }
}

TEST_CASE("HypergradientSgd and DistanceOverGradients: no learning rate has to be found") {
  // The same formulas, coded apart.
  CHECK(after_thousand(Sgd{.learning_rate = 1e-3}) == Approx(2.282634009613019).epsilon(1e-9));
  CHECK(after_thousand(HypergradientSgd{}) == Approx(0.003513304546027689).epsilon(1e-6));
  CHECK(after_thousand(DistanceOverGradients{}) == Approx(1.97505535748323e-05).epsilon(1e-6));
  CHECK(after_thousand(DistanceOverGradients{.initial_distance = 1e-3}) ==
        Approx(1.5665612021692754e-08).epsilon(1e-6));
  CHECK(after_thousand(LayerwiseDistanceOverGradients{}) == Approx(1.97505535748323e-05).epsilon(1e-6));
}

TEST_CASE("HypergradientSgd: the rate follows successive gradients and stops at 0") {
  VectorXd x = VectorXd::Zero(2);
  Optimizer optimizer{HypergradientSgd{.learning_rate = 0.5, .hyper_rate = 0.25}, x};
  optimizer.step(Eigen::Vector2d(1, 2));
  CHECK(optimizer.shared("rate") == 0.5);
  optimizer.step(Eigen::Vector2d(2, 1));
  CHECK(optimizer.shared("rate") == 1.5);
  optimizer.step(Eigen::Vector2d(-4, -8));
  CHECK(optimizer.shared("rate") == 0);
  const VectorXd before = x;
  optimizer.step(Eigen::Vector2d(1, 1));
  CHECK(x == before);
}

TEST_CASE("LayerwiseDistanceOverGradients: every tensor has its own distance") {
  VectorXd x = VectorXd::Ones(3), small = 1e-3 * x, alone = small;
  Optimizer both{LayerwiseDistanceOverGradients{}, x, small};
  Optimizer one{LayerwiseDistanceOverGradients{}, alone};
  VectorXd large = VectorXd::Ones(3), together = small;
  Optimizer joint{DistanceOverGradients{}, large, together};
  for (int t = 0; t < 50; ++t) {
    both.step(VectorXd(x), VectorXd(small));
    one.step(VectorXd(alone));
    joint.step(VectorXd(large), VectorXd(together));
  }
  CHECK(small == alone);
  CHECK(small != together);
}
