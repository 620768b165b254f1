// L-SVRG, PAGE, SPIDER, STORM and Katyusha: what they become in special cases, and their formulas, written again.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/method_state.hpp"
#include <glissade/finite_sum/katyusha.hpp>
#include <glissade/finite_sum/loopless_svrg.hpp>
#include <glissade/finite_sum/page.hpp>
#include <glissade/finite_sum/sarah.hpp>
#include <glissade/finite_sum/spider.hpp>
#include <glissade/finite_sum/storm.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/problems/random_data.hpp>

using namespace glissade;
using Eigen::VectorXd;

namespace {

constexpr Index rows = 60;

const problems::LogisticRegression& logistic() {
  static const auto problem = problems::random_logistic({.rows = rows, .columns = 5, .regularization = 0.1, .seed = 1});
  return problem;
}

template <class M>
VectorXd after(const M& method, int steps) {
  VectorXd x = VectorXd::Ones(5);
  auto state = method.init(logistic(), x);
  for (int k = 0; k < steps; ++k) take_step(method, logistic(), x, state);
  return x;
}

VectorXd gradient(const VectorXd& x) {
  VectorXd g;
  logistic().value_and_gradient(x, g);
  return g;
}
VectorXd gradient(const VectorXd& x, std::span<const Index> batch) {
  VectorXd g;
  logistic().batch_gradient(x, batch, g);
  return g;
}

VectorXd descent(double step, int steps) {
  VectorXd x = VectorXd::Ones(5);
  for (int k = 0; k < steps; ++k) x -= step * gradient(x);
  return x;
}

/// The batches of one outer loop.
template <class M>
Batches batches_of(const M& method, std::uint64_t outer) {
  Batches batches;
  batches.begin(rows, method.batching.size, method.batching.order, RandomKey{method.batching.seed}.derive(outer));
  return batches;
}

template <class Check>
void for_each_method(const Check& check) {
  check(LooplessSvrg{.step_size = 0.5, .batching = {.size = 7}});
  check(Page{.step_size = 0.5, .batching = {.size = 7}});
  check(Spider{.step_size = 0.5, .longest_step = 0.3, .batching = {.size = 7}});
  check(Storm{.scale = 0.5, .forgetting = 4, .batching = {.size = 7}});
  check(Katyusha{.smoothness = 0.35, .strong_convexity = 0.1, .batching = {.size = 7}});
  check(Katyusha{.smoothness = 0.35, .batching = {.size = 7}});
}

}  // namespace

TEST_CASE("PAGE with probability 1 and SPIDER with loops of 1 are gradient descent, bit for bit") {
  const VectorXd x = descent(0.4, 20);
  CHECK(after(Page{.step_size = 0.4, .probability = 1, .batching = {.inner_steps = 4}}, 5) == x);
  CHECK(after(Spider{.step_size = 0.4, .longest_step = 0, .batching = {.inner_steps = 1}}, 20) == x);
}

TEST_CASE("a batch of everything makes L-SVRG and PAGE gradient descent") {
  const VectorXd x = descent(0.4, 20);
  for (const double p : {0.0, 0.3, 1.0}) {
    const Batching<1, Order::independent> all{.size = rows, .inner_steps = 4, .order = Order::in_order};
    CHECK((after(LooplessSvrg{.step_size = 0.4, .probability = p, .batching = all}, 5) - x).norm() < 1e-14);
    CHECK((after(Page{.step_size = 0.4, .probability = p, .batching = all}, 5) - x).norm() < 1e-14);
  }
}

TEST_CASE(
    "SPIDER: without a limit it is SARAH, bit for bit; with one no step is longer, and the others are as they are") {
  const Spider method{.step_size = 0.5, .longest_step = 0.2, .batching = {.size = 6, .inner_steps = 25}};
  Spider free = method;
  free.longest_step = 0;
  CHECK(after(free, 3) == after(Sarah{.step_size = 0.5, .batching = {.size = 6, .inner_steps = 25}}, 3));
  VectorXd x = VectorXd::Ones(5) * 4;
  auto state = method.init(logistic(), x);
  int limited = 0, whole = 0;
  for (int k = 0; k < 6; ++k)
    method.step_with(logistic(), x, state, [&](VectorXd& point, const VectorXd& v, double step) {
      CHECK(step * v.norm() <= 0.2 * (1 + 1e-15));
      if (step < 0.5) CHECK(step * v.norm() == Approx(0.2).epsilon(1e-14));
      ++(step < 0.5 ? limited : whole);
      CHECK(step <= 0.5);
      point -= step * v;
    });
  CHECK(limited > 3);
  CHECK(whole > 3);
}

TEST_CASE("L-SVRG: the snapshot is the point before the step, and each coin is thrown with its probability") {
  for (const double p : {1.0, 0.2}) {
    const LooplessSvrg method{.step_size = 0.5, .probability = p, .batching = {.size = 3, .inner_steps = 400}};
    Batches batches = batches_of(method, 0);
    VectorXd x = VectorXd::Ones(5), snapshot = x, last = x;
    VectorXd y = x;
    auto state = method.init(logistic(), y);
    int renewed = 0;
    method.step_with(logistic(), y, state, [&](VectorXd& point, const VectorXd& v, double step) {
      const auto batch = batches.next();
      const VectorXd expected = gradient(point, batch) - gradient(snapshot, batch) + gradient(snapshot);
      CHECK((v - expected).norm() < 1e-14);
      if (state.snapshot == point) {  // it is the snapshot from now on
        snapshot = point;
        ++renewed;
      } else {
        CHECK(state.snapshot == snapshot);
      }
      point -= step * v;
    });
    CHECK(std::abs(renewed - 400 * p) <= (p == 1 ? 0 : 40));  // 5 standard deviations
  }
}

TEST_CASE("PAGE: the direction is the gradient with the given probability, else moved by the batch's difference") {
  const Page method{.step_size = 0.5, .probability = 0.2, .batching = {.size = 3, .inner_steps = 400}};
  Batches batches = batches_of(method, 0);
  VectorXd x = VectorXd::Ones(5), last, direction;
  auto state = method.init(logistic(), x);
  int whole = 0;
  method.step_with(logistic(), x, state, [&](VectorXd& point, const VectorXd& v, double step) {
    if (last.size() == 0) {
      CHECK(v == gradient(point));
    } else if (v == gradient(point)) {
      ++whole;
    } else {
      const auto batch = batches.next();
      CHECK((v - direction - gradient(point, batch) + gradient(last, batch)).norm() < 1e-14);
    }
    last = point;
    direction = v;
    point -= step * v;
  });
  CHECK(std::abs(whole - 80) <= 40);
}

TEST_CASE("STORM: its formula; with a = 1 it is SGD, bit for bit") {
  for (const double forgetting : {0.0, 3.0, 1e9}) {
    const Storm method{
        .scale = 0.5, .offset = 0.2, .forgetting = forgetting, .batching = {.size = 3, .inner_steps = 50, .seed = 4}};
    VectorXd x = VectorXd::Ones(5), v;
    double squares = 0;
    for (std::uint64_t outer = 0; outer < 3; ++outer) {
      Batches batches = batches_of(method, outer);
      if (outer == 0) {
        v = gradient(x, batches.next());
        squares = v.squaredNorm();
      }
      for (int t = 0; t < 50; ++t) {
        const double step = 0.5 / std::cbrt(0.2 + squares);
        const VectorXd last = x;
        x -= step * v;
        const auto batch = batches.next();
        const VectorXd g = gradient(x, batch);
        squares += g.squaredNorm();
        const double a = std::min(1.0, forgetting * step * step);
        v = a == 1 ? g : VectorXd(g + (1 - a) * (v - gradient(last, batch)));
      }
    }
    const VectorXd y = after(method, 3);
    CHECK((x - y).norm() < 1e-13);
    if (forgetting > 1e6) CHECK(x == y);
  }
}

TEST_CASE("Katyusha: its formula, written out") {
  const double L = 0.35;
  for (const double sigma : {0.1, 1e-3, 0.0}) {
    const Katyusha method{.smoothness = L, .strong_convexity = sigma, .batching = {.size = 3, .inner_steps = 30}};
    VectorXd snapshot = VectorXd::Ones(5), y = snapshot, z = snapshot;
    for (std::uint64_t outer = 0; outer < 4; ++outer) {
      Batches batches = batches_of(method, outer);
      const double t1 =
          sigma > 0 ? std::min(std::sqrt(30 * sigma / (3 * L)), 0.5) : 2 / (static_cast<double>(outer) + 4);
      const double a = 1 / (3 * t1 * L);
      const VectorXd mu = gradient(snapshot);
      VectorXd sum = VectorXd::Zero(5);
      double weights = 0;
      for (int j = 0; j < 30; ++j) {
        const VectorXd point = t1 * z + 0.5 * snapshot + (1 - t1 - 0.5) * y;
        const auto batch = batches.next();
        const VectorXd v = mu + gradient(point, batch) - gradient(snapshot, batch);
        z -= a * v;
        y = point - v / (3 * L);
        const double weight = std::pow(1 + a * sigma, j);
        sum += weight * y;
        weights += weight;
      }
      snapshot = sum / weights;
    }
    CHECK((after(method, 4) - snapshot).norm() < 1e-12);
    CHECK((snapshot - VectorXd::Ones(5)).norm() > 0.1);
  }
}

TEST_CASE("later finite-sum methods: converge, count, stop, resume; a seed is a path") {
  for_each_method([&](const auto& method) {
    DYNAMIC_SECTION(method.name) {
      VectorXd x = VectorXd::Ones(5);
      const bool slow = method.name == "Storm";  // whose steps shorten
      const double tolerance = slow ? 1e-2 : 1e-6;
      const Result r = minimize(logistic(), x, method, {.max_iterations = 3000, .gradient_tolerance = tolerance});
      CHECK(r.status == Status::gradient_tolerance);
      CHECK(r.value == logistic().value(x));
      CHECK(r.gradient_norm == Approx(gradient(x).norm()).epsilon(1e-12));
      VectorXd y = x;
      CHECK(minimize(logistic(), y, method, {.gradient_tolerance = 2 * tolerance}).iterations == 0);
      CHECK(y == x);

      y.setOnes();
      const Result s = minimize(logistic(), y, method, {.gradient_tolerance = 0, .max_gradient_calls = 20});
      CHECK(s.status == Status::max_gradient_calls);
      CHECK(s.evaluations.gradients() <= 20 * (1 + 1e-9));

      y.setOnes();
      auto state = method.init(logistic(), y);
      for (int k = 0; k < 3; ++k) take_step(method, logistic(), y, state);
      VectorXd z = y;
      auto fresh = method.init(logistic(), VectorXd(VectorXd::Zero(5)));
      copy_state(state, fresh);
      for (int k = 0; k < 3; ++k) take_step(method, logistic(), y, state);
      for (int k = 0; k < 3; ++k) take_step(method, logistic(), z, fresh);
      CHECK(y == z);

      auto other = method;
      CHECK(after(method, 2) == after(method, 2));
      other.batching.seed = 1;
      CHECK(after(method, 2) != after(other, 2));
    }
  });
}

TEST_CASE("later finite-sum methods reject bad options") {
  VectorXd x = VectorXd::Ones(5);
  const auto says = [&](const auto& method) { return message_of([&] { minimize(logistic(), x, method); }); };
  CHECK(says(LooplessSvrg{.probability = 2}) == "LooplessSvrg: probability = 2, must be in [0, 1]");
  CHECK(says(LooplessSvrg{.step_size = 0}) == "LooplessSvrg: step_size = 0, must be > 0 and finite");
  CHECK(says(Page{.probability = -1}) == "Page: probability = -1, must be in [0, 1]");
  CHECK(says(Page{.batching = {.size = 61}}) == "Page: batching.size = 61, must be in [1, 60]");
  CHECK(says(Spider{.longest_step = -1}) == "Spider: longest_step = -1, must be >= 0 and finite");
  CHECK(says(Storm{.offset = 0}) == "Storm: offset = 0, must be > 0 and finite");
  CHECK(says(Storm{.scale = 0}) == "Storm: scale = 0, must be > 0 and finite");
  CHECK(says(Storm{.forgetting = -1}) == "Storm: forgetting = -1, must be >= 0 and finite");
  CHECK(says(Katyusha{.smoothness = 0}) == "Katyusha: smoothness = 0, must be > 0 and finite");
  CHECK(says(Katyusha{.strong_convexity = -1}) == "Katyusha: strong_convexity = -1, must be >= 0 and finite");
  CHECK(x == VectorXd::Ones(5));
}
