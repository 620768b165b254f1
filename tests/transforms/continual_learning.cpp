// Rules against forgetting: elastic weights, synaptic intelligence, memory-aware synapses, A-GEM, the proximal average.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/optimizer/evaluation.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/transforms/elastic_weight_consolidation.hpp>
#include <glissade/transforms/episodic_memory.hpp>
#include <glissade/transforms/proximal_average.hpp>
#include <glissade/transforms/synaptic_intelligence.hpp>

#include <Eigen/QR>

#include <cmath>
#include <vector>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

VectorXd normal(Index size, std::uint64_t stream) {
  const RandomKey key = RandomKey{12}.derive(stream);
  return VectorXd::NullaryExpr(size, [&](Index i) { return key.normal(static_cast<std::uint64_t>(i)); });
}

/// Five quadratic losses with Hessians of one spectrum, turned.
struct Quadratics {
  std::vector<MatrixXd> H;
  std::vector<VectorXd> c;
  explicit Quadratics(std::uint64_t seed, Index n = 10) {
    for (std::uint64_t task = 0; task < 5; ++task) {
      MatrixXd A(n, n);
      for (Index j = 0; j < n; ++j) A.col(j) = normal(n, 1000 * seed + 50 * task + static_cast<std::uint64_t>(j));
      const MatrixXd Q = A.householderQr().householderQ();
      const VectorXd spectrum = VectorXd::NullaryExpr(
          n, [n](Index i) { return std::pow(100.0, -static_cast<double>(i) / static_cast<double>(n - 1)); });
      H.emplace_back(Q * spectrum.asDiagonal() * Q.transpose());
      c.push_back(normal(n, 1000 * seed + 50 * task + 40));
    }
  }
  /// The mean loss of all tasks after they have been learned in turn, over seeds.
  static double mean_loss(double strength, int seeds = 20) {
    double total = 0;
    for (int seed = 0; seed < seeds; ++seed) {
      const Quadratics tasks(static_cast<std::uint64_t>(seed));
      VectorXd x = VectorXd::Zero(10);
      Optimizer optimizer{chain(ElasticWeightConsolidation{.strength = strength}, Sgd{.learning_rate = 0.2}), x};
      for (std::size_t task = 0; task < 5; ++task) {
        for (int t = 0; t < 600; ++t) {
          const VectorXd g = tasks.H[task] * (x - tasks.c[task]);
          if (task > 0 && t == 0)
            optimizer.step(with(WeightImportance(VectorXd(tasks.H[task - 1].diagonal()))), g);
          else
            optimizer.step(g);
        }
      }
      for (std::size_t task = 0; task < 5; ++task)
        total += 0.5 * (x - tasks.c[task]).dot(tasks.H[task] * (x - tasks.c[task])) / 5 / seeds;
    }
    return total;
  }
};

}  // namespace

TEST_CASE("ElasticWeightConsolidation: with the exact diagonal Hessian, the joint optimum") {
  const VectorXd h0 = VectorXd::LinSpaced(5, 0.2, 1), h1 = VectorXd::LinSpaced(5, 1, 0.3), c0 = normal(5, 1),
                 c1 = normal(5, 2);
  VectorXd x = VectorXd::Zero(5);
  Optimizer optimizer{chain(ElasticWeightConsolidation{}, Sgd{.learning_rate = 0.8}), x};
  for (int t = 0; t < 400; ++t) optimizer.step(h0.cwiseProduct(x - c0));
  CHECK((x - c0).norm() <= 1e-14);
  optimizer.step(with(WeightImportance(h0)), h1.cwiseProduct(x - c1));
  for (int t = 0; t < 400; ++t) optimizer.step(h1.cwiseProduct(x - c1));
  const VectorXd joint = (h0.cwiseProduct(c0) + h1.cwiseProduct(c1)).cwiseQuotient(h0 + h1);
  CHECK((x - joint).norm() <= 1e-14);
  // A tensor without a gradient in the step in which the task ends has its anchor too.
  double a = 1, b = 2;
  Optimizer two{chain(ElasticWeightConsolidation{.strength = 3, .decay = 0.5}, Sgd{.learning_rate = 0.1}), a, b};
  two.step(1.0, 1.0);
  two.step(with(WeightImportance(2.0, 4.0)), 1.0, no_gradient);
  two.step(with(WeightImportance(1.0, 1.0)), 0.0, 0.0);
  CHECK(two.field("1", "importance")[0] == 3);
  CHECK(two.field("1", "anchor")[0] == 1.9);
  CHECK(two.field("0", "anchor")[0] == Approx(0.8));
  a = 1;
  two.step(0.0, no_gradient);
  CHECK(a == Approx(1 - 0.1 * 3 * 2 * (1 - 0.8)));
}

TEST_CASE("ElasticWeightConsolidation: five tasks in turn end with less than half the loss") {
  const double without = Quadratics::mean_loss(0);
  const double some = Quadratics::mean_loss(0.3), middle = Quadratics::mean_loss(1), much = Quadratics::mean_loss(3);
  INFO(without << ", " << some << ", " << middle << ", " << much);
  CHECK(some < 0.6 * without);
  CHECK(middle < 0.6 * without);
  CHECK(much < 0.7 * without);
}

TEST_CASE("MemoryAwareSynapses: a pull of twice the strength, over all tasks") {
  VectorXd x = normal(4, 3), y = x;
  Optimizer aware{chain(MemoryAwareSynapses{.strength = 0.7}, Sgd{.learning_rate = 0.1}), x};
  Optimizer elastic{chain(ElasticWeightConsolidation{.strength = 1.4}, Sgd{.learning_rate = 0.1}), y};
  for (int t = 0; t < 6; ++t) {
    const VectorXd g = normal(4, static_cast<std::uint64_t>(10 + t)), F = g.cwiseAbs();
    if (t % 3 == 0) {
      aware.step(with(WeightImportance(F)), g);
      elastic.step(with(WeightImportance(F)), g);
    } else {
      aware.step(g);
      elastic.step(g);
    }
    CHECK(x == y);
  }
}

TEST_CASE("SynapticIntelligence: the shares add up to the fall of the loss") {
  for (const bool trapezoid : {false, true}) {
    const VectorXd h = VectorXd::LinSpaced(6, 0.1, 1), c = normal(6, 4);
    VectorXd x = VectorXd::Zero(6);
    const auto loss = [&] { return 0.5 * h.cwiseProduct(x - c).dot(x - c); };
    const double before = loss();
    Optimizer optimizer{chain(SynapticIntelligence{.trapezoid = trapezoid}, Sgd{.learning_rate = 0.01}), x};
    for (int t = 0; t < 500; ++t) optimizer.step(with(TaskNumber{0}), h.cwiseProduct(x - c));
    const double fall = before - loss();
    optimizer.step(with(TaskNumber{0}), h.cwiseProduct(x - c));
    double sum = 0;
    for (Index i = 0; i < 6; ++i) sum += optimizer.field("0", "path")[i];
    INFO(sum / fall);
    if (trapezoid)
      CHECK(sum == Approx(fall).epsilon(1e-12));
    else
      CHECK(sum == Approx(1.0035 * fall).epsilon(0.002));
  }
}

TEST_CASE("SynapticIntelligence: what a change of the task does, tensor by tensor") {
  double a = 1, b = 1;
  Optimizer optimizer{chain(SynapticIntelligence{.strength = 2, .damping = 0.5}, Sgd{.learning_rate = 0.1}), a, b};
  optimizer.step(with(TaskNumber{3}), 1.0, 1.0);
  CHECK(a == 0.9);
  optimizer.step(with(TaskNumber{4}), 2.0, no_gradient);
  // w = 0.1, the way 0.1: Omega = 0.1 / 0.51; the anchor is where it is
  CHECK(optimizer.field("0", "importance")[0] == Approx(0.1 / 0.51));
  CHECK(optimizer.field("0", "path")[0] == 0);
  CHECK(a == Approx(0.9 - 0.2));
  optimizer.step(with(TaskNumber{4}), 0.0, 1.0);
  CHECK(a == Approx(0.7 + 0.1 * 4 * 0.1 / 0.51 * 0.2));
  CHECK(optimizer.field("0", "path")[0] == Approx(0.4));
  CHECK(optimizer.field("1", "importance")[0] == Approx(0.1 / 0.51));  // with its first step in the task
  CHECK(message_of([&] { optimizer.step(0.0, 1.0); }).find("reads \"task\"") != std::string::npos);
  // By trapezoids too the step into another task counts by the gradient before it alone.
  double c = 1;
  Optimizer trapezoids{chain(SynapticIntelligence{.damping = 0.5, .trapezoid = true}, Sgd{.learning_rate = 0.1}), c};
  trapezoids.step(with(TaskNumber{0}), 1.0);
  trapezoids.step(with(TaskNumber{1}), 2.0);
  CHECK(trapezoids.field("0", "importance")[0] == Approx(0.1 / 0.51));
}

TEST_CASE("SynapticIntelligence: its options where nothing is said") {
  const SynapticIntelligence rule;
  CHECK(rule.strength == 1);
  CHECK(rule.damping == 0.1);
  CHECK_FALSE(rule.trapezoid);
}

TEST_CASE("EpisodicMemory: a gradient loses what would undo the memory, and nothing else") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    VectorXd x = VectorXd::Zero(4), y = VectorXd::Zero(3);
    const VectorXd g = normal(4, 2 * seed), h = normal(3, 2 * seed + 1), r = normal(4, 100 + seed),
                   s = normal(3, 200 + seed);
    Optimizer optimizer{chain(EpisodicMemory{}, Sgd{.learning_rate = 1}), x, y};
    optimizer.step(with(MemoryGradient(r, s)), g, h);
    const double inner = g.dot(r) + h.dot(s);
    const VectorXd u = -x, v = -y;
    if (inner >= 0) {
      CHECK(u == g);
      CHECK(v == h);
    } else {
      CHECK(std::abs(u.dot(r) + v.dot(s)) <= 1e-14);
      CHECK(u.dot(g) + v.dot(h) >= 0);
      CHECK((u - (g - inner / (r.squaredNorm() + s.squaredNorm()) * r)).norm() <= 1e-14);
    }
    x.setZero();
    optimizer.step(-r, h);  // no memory in this step
    CHECK(x == r);
    x.setZero();
    optimizer.step(with(MemoryGradient(VectorXd::Zero(4), no_gradient)), g, no_gradient);
    CHECK(x == -g);
  }
  VectorXd down = VectorXd::Zero(4), up = down;
  const VectorXd g = normal(4, 1), r = -g + normal(4, 2);
  Optimizer climbs{chain(EpisodicMemory{}, Sgd{.learning_rate = 1}), OptimizerOptions{.maximize = true}, up};
  Optimizer falls{chain(EpisodicMemory{}, Sgd{.learning_rate = 1}), down};
  climbs.step(with(MemoryGradient(r)), g);
  falls.step(with(MemoryGradient(-r)), -g);
  CHECK(up == down);
  VectorXd huge = VectorXd::Zero(2);
  Optimizer large{chain(EpisodicMemory{}, Sgd{.learning_rate = 1}), huge};
  large.step(with(MemoryGradient(Eigen::Vector2d(1e160, 0))), Eigen::Vector2d(-1, 1));
  CHECK(std::abs(huge[0]) <= 1e-16);
  CHECK(huge[1] == -1);
}

TEST_CASE("ProximalAverage: the normalised mean of all policies, newest first, and a new phase") {
  VectorXd x = normal(3, 5);
  const double beta = 0.889;
  Optimizer optimizer{chain(Adam{.learning_rate = 0.1}, ProximalAverage{.decay = beta}), x};
  VectorXd sum = x;
  double weight = 1;
  for (int t = 0; t < 30; ++t) {
    if (t == 17) {
      sum = x;
      weight = 1;
    }
    optimizer.step(with(PhaseNumber{t < 17 ? 2 : 3}), normal(3, static_cast<std::uint64_t>(60 + t)));
    sum = beta * sum + x;
    weight = beta * weight + 1;
    CHECK((VectorXd(evaluation_parameters(optimizer, 0)) - sum / weight).norm() <= 1e-13);
  }
  CHECK(weight == Approx((1 - std::pow(beta, 14)) / (1 - beta)));
  optimizer.step(normal(3, 99));  // the phase stays
  sum = beta * sum + x;
  CHECK((VectorXd(evaluation_parameters(optimizer, 0)) - sum / (beta * weight + 1)).norm() <= 1e-13);
}
