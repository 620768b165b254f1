// Target-based surrogates against numpy and in special cases; what their calls count as, and how they end.
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/message_of.hpp"
#include "support/method_state.hpp"
#include <glissade/finite_sum/target_surrogate.hpp>
#include <glissade/minimize/minimize.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Indices = std::span<const Index>;

namespace {

MatrixXd normal(Index rows, Index cols, std::uint64_t seed) {
  const RandomKey key{seed};
  return MatrixXd::NullaryExpr(rows, cols,
                               [&](Index i, Index j) { return key.normal(static_cast<std::uint64_t>(i + j * rows)); });
}

/// How often the loss was asked for, in terms of the sum, and the outputs.
struct Count {
  std::int64_t values = 0, gradients = 0, outputs = 0, products = 0;
};

/// z_i = x_0 tanh(<a_i, (x_1, x_2, x_3)>) with the logistic loss of labels, as in generate_target_surrogate.py.
class OneUnit {
 public:
  static constexpr Index rows = 23;
  OneUnit() : A_(rows, 3), y_(rows) {
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < 3; ++j) A_(i, j) = std::cos(static_cast<double>((i + 1) * (j + 2) * (j + 2)));
      y_[i] = std::cos(5.0 * static_cast<double>(i * i) + 1) > -0.3 ? 1 : -1;
    }
    all_.resize(rows);
    std::iota(all_.begin(), all_.end(), Index{0});
  }
  static Index size() { return rows; }
  void outputs(const VectorXd& x, VectorXd& z) { batch_outputs(x, all_, z); }
  void vector_jacobian(const VectorXd& x, const VectorXd& v, VectorXd& g) { batch_vector_jacobian(x, all_, v, g); }
  double loss(const VectorXd& z, VectorXd& u) { return batch_loss(z, all_, u); }
  double loss(const VectorXd& z) { return batch_loss(z, all_); }

  void batch_outputs(const VectorXd& x, Indices batch, VectorXd& z) {
    count.outputs += static_cast<std::int64_t>(batch.size());
    z.resize(static_cast<Index>(batch.size()));
    for (Index k = 0; k < z.size(); ++k) z[k] = x[0] * std::tanh(A_.row(at(batch, k)).dot(x.tail<3>()));
  }
  void batch_vector_jacobian(const VectorXd& x, Indices batch, const VectorXd& v, VectorXd& g) {
    count.products += static_cast<std::int64_t>(batch.size());
    g.setZero();
    for (Index k = 0; k < v.size(); ++k) {
      const double t = std::tanh(A_.row(at(batch, k)).dot(x.tail<3>()));
      g[0] += t * v[k];
      g.tail<3>() += x[0] * (1 - t * t) * v[k] * A_.row(at(batch, k)).transpose();
    }
  }
  double batch_loss(const VectorXd& z, Indices batch, VectorXd& u) {
    count.gradients += static_cast<std::int64_t>(batch.size());
    for (Index k = 0; k < z.size(); ++k)
      u[k] = -y_[at(batch, k)] / (1 + std::exp(y_[at(batch, k)] * z[k])) / static_cast<double>(batch.size());
    return batch_loss(z, batch);
  }
  double batch_loss(const VectorXd& z, Indices batch) {
    count.values += static_cast<std::int64_t>(batch.size());
    double sum = 0;
    for (Index k = 0; k < z.size(); ++k) sum += std::log1p(std::exp(-y_[at(batch, k)] * z[k]));
    return sum / static_cast<double>(batch.size());
  }
  Count count;

 private:
  static Index at(Indices batch, Index k) { return batch[static_cast<std::size_t>(k)]; }
  MatrixXd A_;
  VectorXd y_;
  std::vector<Index> all_;
};

VectorXd start() { return VectorXd{{0.5, 1, -0.5, 0.25}}; }

/// Linear outputs X x with half the mean of squares.
struct LinearOutputs {
  MatrixXd X;
  VectorXd y;
  Index size() const { return y.size(); }
  void outputs(const VectorXd& x, VectorXd& z) const { z.noalias() = X * x; }
  void vector_jacobian(const VectorXd&, const VectorXd& v, VectorXd& g) const { g.noalias() = X.transpose() * v; }
  double loss(const VectorXd& z, VectorXd& u) const {
    u = (z - y) / static_cast<double>(y.size());
    return 0.5 * (z - y).squaredNorm() / static_cast<double>(y.size());
  }
};

/// sum log cosh x_i + x_i^2 / 20, whose outputs are its variables: no sum, 1.1-smooth.
struct Identity {
  static void outputs(const VectorXd& x, VectorXd& z) { z = x; }
  static void vector_jacobian(const VectorXd&, const VectorXd& v, VectorXd& g) { g = v; }
  static double loss(const VectorXd& z, VectorXd& u) {
    u = z.array().tanh() + 0.1 * z.array();
    return z.array().cosh().log().sum() + 0.05 * z.squaredNorm();
  }
};

constexpr SurrogateDescent plain_step{.steps = 1, .line_search = false, .first_step = 0.7};

template <class M, class F>
VectorXd after(const M& method, F& problem, VectorXd x, int steps) {
  auto state = method.init(problem, x);
  for (int k = 0; k < steps; ++k) REQUIRE(take_step(method, problem, x, state).status == Status::running);
  return x;
}

}  // namespace

TEST_CASE("target surrogate: the points that numpy finds") {
  std::ifstream file(GLISSADE_TEST_DATA "/finite_sum/target_surrogate.csv");
  const std::vector<std::string> schedules{"constant", "inverse_sqrt", "exponential", "armijo"};
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    CAPTURE(line);
    std::stringstream fields(line);
    std::vector<std::string> row;
    for (std::string field; std::getline(fields, field, ',');) row.push_back(field);
    const auto schedule =
        static_cast<TargetSchedule>(std::find(schedules.begin(), schedules.end(), row[1]) - schedules.begin());
    const SurrogateDescent inner{.steps = 6};
    OneUnit f;
    VectorXd x = start();
    const Stop stop{.max_iterations = std::stoi(row[2]), .gradient_tolerance = 0};
    const Result r =
        row[0] == "whole"
            ? minimize(f, x, TargetSurrogate{.step_size = 3, .schedule = schedule, .horizon = 20, .inner = inner}, stop)
            : minimize(f, x,
                       StochasticTargetSurrogate{.step_size = 3,
                                                 .schedule = schedule,
                                                 .horizon = 20,
                                                 .inner = inner,
                                                 .batching = {.size = 5, .order = Order::in_order}},
                       stop);
    CHECK(r.status == Status::max_iterations);
    CHECK(std::abs(r.value - std::stod(row[3])) <= 1e-12);
    for (Index k = 0; k < 4; ++k) CHECK(std::abs(x[k] - std::stod(row[static_cast<std::size_t>(4 + k)])) <= 1e-10);
  }
  CHECK(rows == 44);
}

TEST_CASE("target surrogate: one inner step of fixed length is gradient descent, bit for bit") {
  OneUnit f;
  VectorXd x = start(), z, u(OneUnit::rows), g(4);
  for (int k = 0; k < 7; ++k) {
    f.outputs(x, z);
    f.loss(z, u);
    f.vector_jacobian(x, u, g);
    x -= 0.7 * g;
  }
  CHECK(after(TargetSurrogate{.inner = plain_step}, f, start(), 7) == x);
}

TEST_CASE("target surrogate: on batches one inner step of fixed length is SGD, bit for bit") {
  OneUnit f;
  const StochasticTargetSurrogate method{.inner = plain_step, .batching = {.size = 4, .inner_steps = 9, .seed = 5}};
  VectorXd x = start(), z, u, g(4);
  Batches batches;
  for (std::uint64_t outer = 0; outer < 2; ++outer) {
    batches.begin(OneUnit::rows, 4, Order::reshuffled, RandomKey{5}.derive(outer));
    for (int k = 0; k < 9; ++k) {
      const Indices batch = batches.next();
      f.batch_outputs(x, batch, z);
      u.resize(z.size());
      f.batch_loss(z, batch, u);
      f.batch_vector_jacobian(x, batch, u, g);
      x -= 0.7 * g;
    }
  }
  CHECK(after(method, f, start(), 2) == x);
}

TEST_CASE("target surrogate: a batch of everything is the whole") {
  OneUnit f;
  const SurrogateDescent inner{.steps = 5};
  for (const TargetSchedule schedule : {TargetSchedule::constant, TargetSchedule::armijo}) {
    const VectorXd whole = after(TargetSurrogate{.step_size = 4, .schedule = schedule, .inner = inner}, f, start(), 6);
    const StochasticTargetSurrogate batches{
        .step_size = 4,
        .schedule = schedule,
        .inner = inner,
        .batching = {.size = OneUnit::rows, .inner_steps = 3, .order = Order::in_order}};
    CHECK((after(batches, f, start(), 2) - whole).norm() <= 1e-12);
  }
}

TEST_CASE("target surrogate: with outputs that are the variables it is gradient descent with step eta") {
  const Identity f;
  const VectorXd x{{3, -2, 0.5}};
  VectorXd u(3);
  Identity::loss(x, u);
  const TargetSurrogate exact{.step_size = 0.6, .inner = {.steps = 200, .gradient_tolerance = 1e-12}};
  CHECK((after(exact, f, x, 1) - (x - 0.6 * u)).norm() <= 1e-8);
}

TEST_CASE("target surrogate: on linear outputs many inner steps are a projected step in their space") {
  const LinearOutputs f{normal(12, 4, 1), normal(12, 1, 2)};
  const VectorXd x = normal(4, 1, 3);
  VectorXd u(12);
  f.loss(f.X * x, u);
  const MatrixXd gram = f.X.transpose() * f.X;
  // Of a mean of 12 terms the step in the space of outputs is 12 eta.
  const VectorXd expected = x - 12 * 0.4 * gram.ldlt().solve(f.X.transpose() * u);
  const TargetSurrogate exact{.step_size = 0.4, .inner = {.steps = 1000, .gradient_tolerance = 1e-13}};
  CHECK((after(exact, f, x, 1) - expected).norm() <= 1e-7);
  // With eta = 1 / L of a squared loss one target gradient is enough.
  const TargetSurrogate newton{.step_size = 1, .inner = exact.inner};
  const VectorXd solution = gram.ldlt().solve(f.X.transpose() * f.y);
  VectorXd unused(12);
  CHECK(f.loss(f.X * after(newton, f, x, 1), unused) - f.loss(f.X * solution, unused) <= 1e-14);
}

TEST_CASE("target surrogate: with eta at most 1 / L the value falls in every step, for any number of inner steps") {
  for (const std::int64_t steps : {1, 3, 30})
    for (const TargetSchedule schedule :
         {TargetSchedule::constant, TargetSchedule::inverse_sqrt, TargetSchedule::armijo}) {
      OneUnit f;
      VectorXd x = start();
      const TargetSurrogate method{.step_size = 4, .schedule = schedule, .inner = {.steps = steps}};
      auto state = method.init(f, x);
      for (int k = 0; k < 25; ++k) {
        const double last = state.value;
        take_step(method, f, x, state);
        CHECK(state.value < last);
      }
    }
}

TEST_CASE("target surrogate: calls of the loss and of the outputs are counted apart, and budgets are of the loss") {
  OneUnit f;
  VectorXd x = start();
  const TargetSurrogate method{.step_size = 4, .inner = {.steps = 5}};
  Result r = minimize(f, x, method, {.max_iterations = 8, .gradient_tolerance = 0});
  CHECK(r.evaluations.value == 9);
  CHECK(r.evaluations.gradient == 9);
  CHECK(f.count.gradients == 9 * OneUnit::rows);
  CHECK(f.count.outputs == r.evaluations.outputs * OneUnit::rows);
  CHECK(f.count.products == r.evaluations.vector_jacobian * OneUnit::rows);
  CHECK(r.evaluations.vector_jacobian == 9 + 8 * 4);  // the first of each step is known
  CHECK(r.evaluations.outputs > 8 * 5);

  f.count = {};
  x = start();
  r = minimize(f, x, method, {.gradient_tolerance = 0, .max_gradient_calls = 4});
  CHECK(r.status == Status::max_gradient_calls);
  CHECK(r.iterations == 3);
  CHECK(f.count.gradients == 4 * OneUnit::rows);

  f.count = {};
  x = start();
  const TargetSurrogate search{.step_size = 100, .schedule = TargetSchedule::armijo, .inner = {.steps = 2}};
  r = minimize(f, x, search, {.max_iterations = 3, .gradient_tolerance = 0});
  CHECK(r.evaluations.gradient == 4);  // trials ask for the value alone
  CHECK(r.evaluations.value > 10);
  CHECK(f.count.values == r.evaluations.value * OneUnit::rows);

  f.count = {};
  x = start();
  const StochasticTargetSurrogate stochastic{.step_size = 4, .inner = {.steps = 3}, .batching = {.size = 5}};
  r = minimize(f, x, stochastic, {.max_iterations = 2, .gradient_tolerance = 0});
  CHECK(r.evaluations.gradient == 3);
  CHECK(r.evaluations.component_gradient == 2 * OneUnit::rows);
  CHECK(r.evaluations.component_value == 2 * OneUnit::rows);
  CHECK(r.evaluations.gradients() == 5);
  CHECK(f.count.gradients == 5 * OneUnit::rows);
  CHECK(f.count.outputs == r.evaluations.component_outputs + 3 * OneUnit::rows);
  CHECK(f.count.products == r.evaluations.component_vector_jacobian + 3 * OneUnit::rows);
  x = start();
  r = minimize(f, x, stochastic, {.gradient_tolerance = 0, .max_gradient_calls = 6});
  CHECK(r.evaluations.gradients() <= 6);
  CHECK(r.iterations == 2);
}

TEST_CASE("target surrogate: a search in the space of outputs takes gradients where a loss gives no value alone") {
  VectorXd x{{3, -2, 0.5}};
  const TargetSurrogate search{.step_size = 100, .schedule = TargetSchedule::armijo};
  const Result r = minimize(Identity{}, x, search, {.max_iterations = 3, .gradient_tolerance = 0});
  CHECK(r.evaluations.gradient == r.evaluations.value);
  CHECK(r.evaluations.gradient > 10);
}

TEST_CASE("target surrogate: the same points where the variables are several tensors") {
  struct Split {
    OneUnit f;
    static VectorXd joined(const VectorXd& a, const VectorXd& w) { return (VectorXd(4) << a, w).finished(); }
    static void part(const VectorXd& g, VectorXd& da, VectorXd& dw) {
      da = g.head(1);
      dw = g.tail(3);
    }
    static Index size() { return OneUnit::rows; }
    void outputs(const VectorXd& a, const VectorXd& w, VectorXd& z) { f.outputs(joined(a, w), z); }
    void vector_jacobian(const VectorXd& a, const VectorXd& w, const VectorXd& v, VectorXd& da, VectorXd& dw) {
      VectorXd g(4);
      f.vector_jacobian(joined(a, w), v, g);
      part(g, da, dw);
    }
    double loss(const VectorXd& z, VectorXd& u) { return f.loss(z, u); }
    double loss(const VectorXd& z) { return f.loss(z); }
    void batch_outputs(const VectorXd& a, const VectorXd& w, Indices batch, VectorXd& z) {
      f.batch_outputs(joined(a, w), batch, z);
    }
    void batch_vector_jacobian(const VectorXd& a, const VectorXd& w, Indices batch, const VectorXd& v, VectorXd& da,
                               VectorXd& dw) {
      VectorXd g(4);
      f.batch_vector_jacobian(joined(a, w), batch, v, g);
      part(g, da, dw);
    }
    double batch_loss(const VectorXd& z, Indices batch, VectorXd& u) { return f.batch_loss(z, batch, u); }
    double batch_loss(const VectorXd& z, Indices batch) { return f.batch_loss(z, batch); }
  };
  const StochasticTargetSurrogate method{.schedule = TargetSchedule::armijo, .batching = {.size = 5}};
  const Stop stop{.max_iterations = 3, .gradient_tolerance = 0};
  OneUnit plain;
  VectorXd x = start();
  const Result one = minimize(plain, x, method, stop);
  Split split;
  VectorXd a = start().head(1), w = start().tail(3);
  const Result two = minimize(split, std::tie(a, w), method, stop);
  CHECK(Split::joined(a, w) == x);
  CHECK(one.value == two.value);
  CHECK(one.evaluations == two.evaluations);
}

TEST_CASE("target surrogate: a run goes on from what its state names, bit for bit") {
  const auto check = [](const auto& method) {
    OneUnit f;
    VectorXd x = start();
    auto state = method.init(f, x);
    for (int k = 0; k < 3; ++k) take_step(method, f, x, state);
    VectorXd y = x;
    const VectorXd elsewhere = VectorXd::Zero(4);
    auto other = method.init(f, elsewhere);
    copy_state(state, other);
    for (int k = 0; k < 3; ++k) {
      take_step(method, f, x, state);
      take_step(method, f, y, other);
    }
    CHECK(x == y);
    CHECK(state.value == other.value);
    VectorXd whole = start();
    minimize(f, whole, method, {.max_iterations = 6, .gradient_tolerance = 0});
    CHECK(whole == x);
  };
  for (const TargetSchedule schedule :
       {TargetSchedule::constant, TargetSchedule::inverse_sqrt, TargetSchedule::exponential, TargetSchedule::armijo}) {
    check(TargetSurrogate{.step_size = 30, .schedule = schedule, .inner = {.steps = 4}});
    check(StochasticTargetSurrogate{
        .step_size = 30, .schedule = schedule, .inner = {.steps = 4}, .batching = {.size = 4, .seed = 3}});
  }
}

TEST_CASE("target surrogate: what is not finite, an exception, and outputs that change in number") {
  struct Wall : Identity {
    int losses = 0;
    int kind = 0;
    void outputs(const VectorXd& x, VectorXd& z) const {
      z = x;
      if (kind == 3 && losses > 2) z.conservativeResize(2);
    }
    static void vector_jacobian(const VectorXd&, const VectorXd& v, VectorXd& g) {
      g = v.array().isNaN().select(0, v);  // which hides what is not finite
    }
    double loss(const VectorXd& z, VectorXd& u) {
      const double value = Identity::loss(z, u);
      if (++losses > 2 && kind == 1) u[1] = std::numeric_limits<double>::quiet_NaN();
      if (losses > 2 && kind == 2) throw std::runtime_error("no");
      return value;
    }
  };
  const VectorXd begin{{3, -2, 0.5}};
  const TargetSurrogate method{.step_size = 0.5, .inner = {.steps = 2}};
  const VectorXd one = [&] {
    Wall f;
    return after(method, f, begin, 1);
  }();
  Wall f;
  f.kind = 1;
  VectorXd x = begin;
  const Result r = minimize(f, x, method);
  CHECK(r.status == Status::non_finite);
  CHECK(x == one);
  f.kind = 2;
  f.losses = 0;
  x = begin;
  CHECK_THROWS_AS(minimize(f, x, method), std::runtime_error);
  CHECK(x == one);
  f.kind = 3;
  f.losses = 0;
  x = begin;
  CHECK(message_of([&] { minimize(f, x, method, {.gradient_tolerance = 0}); }) ==
        "objective: its vector of outputs has size 2, must be 3");
}

TEST_CASE("target surrogate: a batch whose loss or its gradient is not finite ends the run where the step began") {
  struct Infinite : OneUnit {
    bool in_gradient = false;
    int batches = 0;
    double batch_loss(const VectorXd& z, Indices batch, VectorXd& u) {
      const double value = OneUnit::batch_loss(z, batch, u);
      if (++batches != 3) return value;
      if (in_gradient) u[0] = std::numeric_limits<double>::quiet_NaN();
      return in_gradient ? value : std::numeric_limits<double>::infinity();
    }
    void batch_vector_jacobian(const VectorXd& x, Indices batch, const VectorXd& v, VectorXd& g) {
      OneUnit::batch_vector_jacobian(x, batch, v.array().isNaN().select(0, v), g);
    }
  };
  for (const bool in_gradient : {false, true}) {
    Infinite f;
    f.in_gradient = in_gradient;
    VectorXd x = start();
    const Result r = minimize(f, x, StochasticTargetSurrogate{.batching = {.size = 5}}, {.max_iterations = 3});
    CHECK(r.status == Status::non_finite);
    CHECK(r.iterations == 0);
    CHECK(x == start());
  }
}

TEST_CASE("target surrogate: an inner step that cannot lower the surrogate ends the run") {
  const LinearOutputs f{1e4 * normal(12, 4, 1), normal(12, 1, 2)};
  VectorXd x = VectorXd::Zero(4);
  const Result r = minimize(f, x, TargetSurrogate{.inner = {.max_trials = 20}});
  CHECK(r.status == Status::search_failed);
  CHECK(r.iterations == 0);
  CHECK(x == VectorXd::Zero(4));
}

TEST_CASE("target surrogate: bad options are refused by name") {
  OneUnit f;
  const auto says = [&](const auto& method) {
    VectorXd x = start();
    return message_of([&] { minimize(f, x, method); });
  };
  CHECK(says(TargetSurrogate{.step_size = 0}) == "TargetSurrogate: step_size = 0, must be > 0 and finite");
  CHECK(says(TargetSurrogate{.schedule = static_cast<TargetSchedule>(4)}) ==
        "TargetSurrogate: schedule = 4, must be in [0, 3]");
  CHECK(says(TargetSurrogate{.inner = {.steps = 0}}) == "TargetSurrogate: inner.steps = 0, must be >= 1 and finite");
  CHECK(says(TargetSurrogate{.inner = {.sufficient_decrease = 1}}) ==
        "TargetSurrogate: inner.sufficient_decrease = 1, must be in (0, 1)");
  CHECK(says(TargetSurrogate{.inner = {.grow = 1}}) == "TargetSurrogate: inner.grow = 1, must be > 1 and finite");
  CHECK(says(StochasticTargetSurrogate{.horizon = -1}) ==
        "StochasticTargetSurrogate: horizon = -1, must be > 0 and finite");
  CHECK(says(StochasticTargetSurrogate{.batching = {.size = 24}}) ==
        "StochasticTargetSurrogate: batching.size = 24, must be in [1, 23]");
}

TEST_CASE("target surrogate: steps do not allocate after the first") {
  const auto check = [](const auto& method) {
    OneUnit problem;
    VectorXd x = start();
    auto state = method.init(problem, x);
    auto f = oracle_of(problem, x);
    for (int k = 0; k < 2; ++k) method.step(f, x, state);
    const std::size_t before = allocations();
    Eigen::internal::set_is_malloc_allowed(false);
    for (int k = 0; k < 3; ++k) method.step(f, x, state);
    Eigen::internal::set_is_malloc_allowed(true);
    CHECK(allocations() == before);
  };
  check(TargetSurrogate{.schedule = TargetSchedule::armijo});
  check(StochasticTargetSurrogate{.batching = {.size = 4, .inner_steps = 7, .order = Order::independent}});
  check(StochasticTargetSurrogate{.schedule = TargetSchedule::armijo, .batching = {.size = OneUnit::rows}});
}
