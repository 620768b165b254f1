// Stochastic model-based minimization: its steps against brute force and numpy, its identities, outputs and ends.
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/method_state.hpp"
#include <glissade/finite_sum/stochastic_model.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/problems/blind_deconvolution.hpp>
#include <glissade/problems/phase_retrieval.hpp>
#include <glissade/schedules/inverse_sqrt.hpp>
#include <glissade/schedules/step_decay.hpp>
#include <glissade/sets/ball.hpp>

#include <fstream>
#include <numbers>
#include <sstream>
#include <tuple>

using namespace glissade;
using Eigen::VectorXd;
using problems::BlindDeconvolution;
using problems::PhaseRetrieval;

namespace {

using Subgradient = StochasticModel<SubgradientModel>;
using Clipped = StochasticModel<ClippedModel>;
using ProxLinear = StochasticModel<ProxLinearModel>;
using ProximalPoint = StochasticModel<ProximalPointModel>;

double normal(std::uint64_t stream, Index k) { return RandomKey{stream}.normal(static_cast<std::uint64_t>(k)); }
VectorXd normals(Index n, std::uint64_t stream) {
  return VectorXd::NullaryExpr(n, [=](Index k) { return normal(stream, k); });
}

const problems::PhaseRetrievalInstance<false>& instance() {
  static const auto made = problems::random_phase_retrieval(12, 4, 0, 3);
  return made;
}
const PhaseRetrieval& problem() { return instance().problem; }

/// The points after every step of the method, one step of the model each where inner_steps = 1.
template <class M, class P>
VectorXd after(const M& method, const P& f, VectorXd x, int steps) {
  auto state = method.init(f, x);
  auto oracle = oracle_of(f, x);
  for (int k = 0; k < steps; ++k) method.step(oracle, x, state);
  return x;
}

/// One step of a model at one term.
template <class Model, class P>
VectorXd moved(const P& f, VectorXd x, Index i, double step, const Model& model = {}) {
  auto oracle = oracle_of(f, x);
  VectorXd gradient(x.size());
  model.step(oracle, x, i, step, gradient);
  return x;
}

/// The least value of a function of one number near a start: a grid on [-range, range], then finer ones.
template <class F>
double least_on_grid(const F& f, double range) {
  double best = 0, least = f(0.0), center = 0;
  for (int level = 0; level < 7; ++level, range /= 200) {
    for (int k = -1000; k <= 1000; ++k) {
      const double t = center + range * k / 1000;
      if (f(t) < least) {
        least = f(t);
        best = t;
      }
    }
    center = best;
  }
  return least;
}

/// Of one row each: a single term.
PhaseRetrieval one_phase(const VectorXd& a, double b) { return {a.transpose(), VectorXd::Constant(1, b)}; }

template <class Check>
void for_each_model(const Check& check) {
  check("subgradient", Subgradient{.step_size = 0.02});
  check("clipped", Clipped{.step_size = 0.02});
  check("prox_linear", ProxLinear{.step_size = 0.02});
  check("proximal_point", ProximalPoint{.step_size = 0.02});
}

}  // namespace

TEST_CASE("phase retrieval: the prox of a term is the least value on a fine grid, in all directions") {
  int at_residual_zero = 0;
  for (std::uint64_t k = 0; k < 60; ++k) {
    const VectorXd a = normals(2, 10 * k), x = normals(2, 10 * k + 1);
    const double b = k % 6 == 0 ? 0 : std::pow(normal(10 * k + 2, 0), 2);
    const double step = std::exp(1.5 * normal(10 * k + 3, 0)) / 2;
    const auto objective = [&](const VectorXd& z) {
      return std::abs(std::pow(a.dot(z), 2) - b) + (z - x).squaredNorm() / (2 * step);
    };
    const VectorXd z = moved<ProximalPointModel>(one_phase(a, b), x, 0, step);
    const double reached = objective(z);
    const double grid = least_on_grid([&](double t) { return objective(x + t * a); }, 6);
    CHECK(reached <= grid + 1e-12);
    CHECK(grid <= reached + 1e-6);
    for (int degree = 0; degree < 360; degree += 5)  // nothing is better off the line
      for (const double far : {1e-3, 0.1, 1.0}) {
        const double angle = degree * std::numbers::pi / 180;
        CHECK(objective(z + far * VectorXd{{std::cos(angle), std::sin(angle)}}) >= reached - 1e-12);
      }
    at_residual_zero += std::abs(std::pow(a.dot(z), 2) - b) < 1e-12 ? 1 : 0;
  }
  CHECK(at_residual_zero > 10);
  CHECK(at_residual_zero < 50);
}

TEST_CASE("blind deconvolution: the prox of a term is the least value on a grid of both products") {
  int on_curve = 0, nonconvex = 0;
  for (std::uint64_t k = 0; k < 200; ++k) {
    const double p = 1.5 * normal(7 * k, 0), s = 1.5 * normal(7 * k, 1);
    const double b = k % 8 == 0 ? 0 : normal(7 * k, 2);
    const double L2 = std::exp(normal(7 * k, 3)), R2 = std::exp(normal(7 * k, 4));
    const double step = std::exp(1.2 * normal(7 * k, 5)) / 2;
    const auto objective = [&](double P, double Q) {
      return std::abs(P * Q - b) + ((P - p) * (P - p) / L2 + (Q - s) * (Q - s) / R2) / (2 * step);
    };
    const auto best = problems::detail::prox_of_product(p, s, L2, R2, b, step);
    const double reached = objective(best.P, best.Q);
    // The minimum over Q at fixed P, exactly: at one of two stationary points or at the kink.
    const auto over_Q = [&](double P) {
      double least = std::min(objective(P, s - step * R2 * P), objective(P, s + step * R2 * P));
      if (P != 0) least = std::min(least, objective(P, b / P));
      return least;
    };
    const double grid = least_on_grid(over_Q, 8);
    CHECK(reached <= grid + 1e-12);
    CHECK(grid <= reached + 1e-6);
    on_curve += std::abs(best.P * best.Q - b) < 1e-12 ? 1 : 0;
    nonconvex += step * std::sqrt(L2 * R2) > 1 ? 1 : 0;
  }
  CHECK(on_curve > 60);
  CHECK(on_curve < 180);
  CHECK(nonconvex > 30);
}

TEST_CASE("blind deconvolution: the prox of a term, in the space of its variables; derivatives") {
  const auto made = problems::random_blind_deconvolution(9, 2, 3, 4);
  const auto& f = made.problem;
  CHECK(f.value(made.solution) < 1e-15);
  VectorXd g, q, sum = VectorXd::Zero(5);
  const double value = f.value_and_gradient(made.start, g);
  double values = 0;
  for (Index i = 0; i < 9; ++i) {
    const std::vector<Index> one{i};
    const double c = f.residual_and_gradient(made.start, i, q);
    CHECK(c == f.residual(made.start, i));
    CHECK(f.batch_value(made.start, one) == std::abs(c));
    values += std::abs(c) / 9;
    sum += (c > 0 ? 1.0 : -1.0) / 9 * q;
    for (Index j = 0; j < 5; ++j) {
      VectorXd right = made.start, left = made.start;
      right[j] += 1e-6;
      left[j] -= 1e-6;
      CHECK(q[j] == Approx((f.residual(right, i) - f.residual(left, i)) / 2e-6).epsilon(1e-6).margin(1e-8));
    }
    VectorXd x = made.start;
    f.prox_of_term(x, i, 0.3);
    const auto objective = [&](const VectorXd& z) {
      return std::abs(f.residual(z, i)) + (z - made.start).squaredNorm() / 0.6;
    };
    CHECK(objective(x) < objective(made.start));
    for (std::uint64_t k = 0; k < 300; ++k)
      for (const double far : {1e-4, 1e-2, 0.3, 2.0})
        CHECK(objective(x + far * normals(5, 100 + k)) >= objective(x) - 1e-12);
  }
  CHECK(value == Approx(values).epsilon(1e-14));
  CHECK(f.value(made.start) == Approx(values).epsilon(1e-14));
  CHECK((g - sum).norm() < 1e-14);
  const BlindDeconvolution::Rows rows = BlindDeconvolution::Rows::Ones(3, 2);
  CHECK(message_of([&] { BlindDeconvolution(rows, rows.topRows(2), VectorXd::Ones(3)); }) ==
        "BlindDeconvolution: R has 2 rows, must have 3");
  CHECK(message_of([&] { BlindDeconvolution(rows, rows, VectorXd::Ones(2)); }) ==
        "BlindDeconvolution: b has 2 coefficients, must be 3");
  CHECK(message_of([&] { BlindDeconvolution(rows, rows, VectorXd::Constant(3, std::nan(""))); }) ==
        "BlindDeconvolution: a coefficient of b is not finite");
  CHECK(message_of([&] { static_cast<void>(f.value(rows.col(0))); }) ==
        "BlindDeconvolution: x has 3 coefficients, must be 5");
}

TEST_CASE("stochastic models: paths as numpy has them") {
  const auto matrix = [](Index columns, double phase) {
    PhaseRetrieval::Rows A(7, columns);
    for (Index i = 0; i < 7; ++i)
      for (Index j = 0; j < columns; ++j)
        A(i, j) = std::cos(1.3 * static_cast<double>(i * (j + 1)) + 0.7 * static_cast<double>(j) + phase);
    return A;
  };
  VectorXd b(7), c(7);
  for (Index i = 0; i < 7; ++i) {
    b[i] = 1.1 + std::sin(2.0 * static_cast<double>(i));
    c[i] = i == 4 ? 0 : std::sin(1.7 * static_cast<double>(i) + 0.3);
  }
  const PhaseRetrieval phase(matrix(3, 0.2), b);
  const BlindDeconvolution blind(matrix(2, 0.5), matrix(3, 1.9), c);
  std::ifstream file(GLISSADE_TEST_DATA "/finite_sum/stochastic_model.csv");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    INFO(line);
    std::istringstream fields(line);
    std::string of, model, field;
    std::getline(fields, of, ',');
    std::getline(fields, model, ',');
    std::vector<double> numbers;
    while (std::getline(fields, field, ',')) numbers.push_back(std::stod(field));
    const VectorXd expected = Eigen::Map<VectorXd>(numbers.data() + 2, static_cast<Index>(numbers.size()) - 2);
    for_each_model([&](const std::string& name, auto method) {
      if (name != model) return;
      method.step_size = numbers[0];
      method.order = Order::in_order;
      const int passes = static_cast<int>(numbers[1]);
      const VectorXd x = of == "phase" ? after(method, phase, VectorXd{{0.9, -0.4, 0.3}}, passes)
                                       : after(method, blind, VectorXd{{0.8, -0.5, 0.4, 0.6, -0.7}}, passes);
      CHECK((x - expected).norm() <= 1e-10 * (1 + expected.norm()));
    });
  }
  CHECK(lines == 66);
}

TEST_CASE("stochastic models: the clipped step is the prox-linear one, and short steps are those of the subgradient") {
  for (std::uint64_t k = 0; k < 40; ++k) {
    const VectorXd x = normals(4, 50 + k);
    const Index i = static_cast<Index>(k % 12);
    for (const double step : {1e-3, 0.1, 10.0})
      CHECK((moved<ClippedModel>(problem(), x, i, step) - moved<ProxLinearModel>(problem(), x, i, step)).norm() <
            1e-14 * (1 + x.norm()));
    // The distance to the subgradient step is of order step^2: where the step is halved, a quarter.
    const auto distance = [&](double step) {
      return (moved<ProximalPointModel>(problem(), x, i, step) - moved<SubgradientModel>(problem(), x, i, step)).norm();
    };
    CHECK(distance(1e-5) == Approx(4 * distance(5e-6)).epsilon(1e-2));
    CHECK(distance(1e-5) > 0);
    CHECK(moved<ProxLinearModel>(problem(), x, i, 1e-7) == moved<SubgradientModel>(problem(), x, i, 1e-7));
  }
}

TEST_CASE("stochastic models: proximal points never raise their term, and with long steps solve it") {
  const auto blind = problems::random_blind_deconvolution(12, 2, 2, 1).problem;
  for (std::uint64_t k = 0; k < 60; ++k) {
    const VectorXd x = normals(4, 90 + k);
    const Index i = static_cast<Index>(k % 12);
    for (const double step : {1e-4, 1e-2, 1.0, 1e2}) {
      CHECK(std::abs(problem().residual(moved<ProximalPointModel>(problem(), x, i, step), i)) <=
            std::abs(problem().residual(x, i)));
      CHECK(std::abs(blind.residual(moved<ProximalPointModel>(blind, x, i, step), i)) <=
            std::abs(blind.residual(x, i)));
    }
    for (const double step : {1e6, 1e100, 1e300}) {
      CHECK(std::abs(problem().residual(moved<ProximalPointModel>(problem(), x, i, step), i)) < 1e-13);
      CHECK(std::abs(blind.residual(moved<ProximalPointModel>(blind, x, i, step), i)) < 1e-13);
    }
  }
}

namespace {
/// mean |<a_i, x> - b_i|: convex, with linear residuals.
struct AbsoluteErrors {
  Eigen::MatrixXd A;
  VectorXd b;
  [[nodiscard]] Index size() const { return A.rows(); }
  [[nodiscard]] double residual(const VectorXd& x, Index i) const { return A.row(i).dot(x) - b[i]; }
  double residual_and_gradient(const VectorXd& x, Index i, VectorXd& g) const {
    g = A.row(i);
    return residual(x, i);
  }
  void prox_of_term(VectorXd& x, Index i, double step) const {
    // -a (x+ - x) / step is in the subdifferential: by bisection on the dual, which is in [-1, 1].
    double low = -1, high = 1;
    for (int k = 0; k < 100; ++k) {
      const double u = (low + high) / 2;
      (A.row(i).dot(x - step * u * A.row(i).transpose()) > b[i] ? low : high) = u;
    }
    x -= step * low * A.row(i).transpose();
  }
  double value_and_gradient(const VectorXd& x, VectorXd& g) const {
    double sum = 0;
    g.setZero();
    for (Index i = 0; i < size(); ++i) {
      const double r = residual(x, i);
      sum += std::abs(r);
      g += (r > 0 ? 1.0 : r < 0 ? -1.0 : 0.0) * A.row(i).transpose();
    }
    g /= static_cast<double>(size());
    return sum / static_cast<double>(size());
  }
};
AbsoluteErrors absolute_errors(Index rows, Index columns) {
  AbsoluteErrors f{Eigen::MatrixXd(rows, columns), normals(rows, 5)};
  for (Index i = 0; i < rows; ++i) f.A.row(i) = normals(columns, 20 + static_cast<std::uint64_t>(i));
  return f;
}
}  // namespace

TEST_CASE("stochastic models: of a linear residual the prox-linear step is the prox, and long ones Kaczmarz's") {
  const AbsoluteErrors f = absolute_errors(20, 3);
  for (Index i = 0; i < 20; ++i) {
    const VectorXd x = normals(3, 200 + static_cast<std::uint64_t>(i));
    const VectorXd a = f.A.row(i);
    for (const double step : {1e-3, 0.1, 0.5, 5.0}) {
      const VectorXd y = moved<ProxLinearModel>(f, x, i, step);
      CHECK((y - moved<ProximalPointModel>(f, x, i, step)).norm() < 1e-13);
      // The gradient of the Moreau envelope of the term is at most as long as a.
      CHECK((x - y).norm() / step <= a.norm() * (1 + 1e-12));
    }
    CHECK((moved<ProxLinearModel>(f, x, i, 1e9) - (x - f.residual(x, i) / a.squaredNorm() * a)).norm() < 1e-14);
  }
}

TEST_CASE("stochastic models: without a slope the point stays") {
  const VectorXd x{{0.0, 0.7}};
  for (const double step : {0.1, 1e300}) {
    const auto flat = one_phase(VectorXd{{1.0, 0.0}}, 2);  // <a, x> = 0
    CHECK(moved<SubgradientModel>(flat, x, 0, step) == x);
    CHECK(moved<ClippedModel>(flat, x, 0, step) == x);
    CHECK(moved<ProxLinearModel>(flat, x, 0, step) == x);
    const auto at_zero = one_phase(VectorXd{{1.0, 0.0}}, 0);
    CHECK(moved<ClippedModel>(at_zero, x, 0, step) == x);
    CHECK(moved<ProxLinearModel>(at_zero, x, 0, step) == x);
    CHECK(moved<ProximalPointModel>(at_zero, x, 0, step) == x);
    const auto nothing = one_phase(VectorXd::Zero(2), 2);
    CHECK(moved<ProxLinearModel>(nothing, x, 0, step) == x);
    CHECK(moved<ProximalPointModel>(nothing, x, 0, step) == x);
    const BlindDeconvolution half(Eigen::MatrixXd::Zero(1, 1), Eigen::MatrixXd::Ones(1, 1), VectorXd::Ones(1));
    CHECK(moved<ProximalPointModel>(half, x, 0, step) == x);
    const auto solved = one_phase(VectorXd{{1.0, 2.0}}, 1.4 * 1.4);
    CHECK(moved<SubgradientModel>(solved, x, 0, step) == x);
    CHECK(moved<ProxLinearModel>(solved, x, 0, step) == x);
    CHECK(moved<ProximalPointModel>(solved, x, 0, step) == x);
    // A term below its bound stays, one above goes to where the tangent meets it.
    const VectorXd y{{0.3, 0.4}};
    CHECK(moved(solved, y, 0, step, ClippedModel{.lower_bound = 2}) == y);
  }
  const auto term = one_phase(VectorXd{{1.0, 2.0}}, 1.0);
  const VectorXd y{{0.3, 0.7}};
  const double value = term.residual(y, 0);
  REQUIRE(value > 0.5);
  VectorXd q;
  term.residual_and_gradient(y, 0, q);
  CHECK((moved(term, y, 0, 100, ClippedModel{.lower_bound = 0.5}) - (y - (value - 0.5) / q.squaredNorm() * q)).norm() <
        1e-15);
  // What is not a number is not hidden.
  CHECK_FALSE(moved<ProxLinearModel>(term, VectorXd{{std::nan(""), 1.0}}, 0, 0.1).allFinite());
  CHECK_FALSE(moved<ProximalPointModel>(term, VectorXd{{std::nan(""), 1.0}}, 0, 0.1).allFinite());
}

TEST_CASE(
    "stochastic models: terms are taken once in a pass in a new order, as they lie, or drawn; steps by schedule") {
  const VectorXd start = instance().start;
  for (const Order order : {Order::reshuffled, Order::in_order, Order::independent})
    for (const int schedule : {0, 1, 2}) {
      Subgradient method{.step_size = 0.01, .inner_steps = schedule == 0 ? 0 : 17, .order = order, .seed = 6};
      if (schedule == 1) method.step_size = inverse_sqrt(0.05, 0, 1);
      if (schedule == 2) method.step_size = step_decay(0.05, 5, 0.5);
      const int steps = schedule == 0 ? 12 : 17;
      VectorXd x = start, g;
      int k = 0;
      for (std::uint64_t outer = 0; outer < 3; ++outer) {
        Batches batches;
        batches.begin(12, 1, order, RandomKey{6}.derive(outer));
        std::vector<int> seen(12, 0);
        for (int t = 0; t < steps; ++t, ++k) {
          const Index i = batches.next()[0];
          ++seen[static_cast<std::size_t>(i)];
          problem().batch_gradient(x, std::vector<Index>{i}, g);
          const double a = schedule == 0 ? 0.01 : schedule == 1 ? 0.05 / std::sqrt(k + 1) : 0.05 * std::pow(0.5, k / 5);
          x -= a * g;
        }
        const auto [least, most] = std::minmax_element(seen.begin(), seen.end());
        if (schedule == 0) CHECK((*least == 1 && *most == 1) == (order != Order::independent));
      }
      CHECK((after(method, problem(), start, 3) - x).norm() < 1e-14);
    }
}

TEST_CASE("stochastic models: the average is weighted by the steps, and so is what is drawn") {
  const VectorXd start = instance().start;
  const double lengths[] = {0.01, 0.02, 0.005, 0.04, 0.01};
  ProxLinear method{.step_size = [&](std::int64_t k) { return lengths[k]; }, .inner_steps = 5};
  std::vector<VectorXd> points{start};
  VectorXd mean = VectorXd::Zero(4);
  for (std::int64_t k = 1; k <= 5; ++k) {
    ProxLinear part = method;
    part.inner_steps = k;
    points.push_back(after(part, problem(), start, 1));
    mean += lengths[k - 1] / 0.085 * points[static_cast<std::size_t>(k) - 1];
  }
  method.output = ModelOutput::average;
  CHECK((after(method, problem(), start, 1) - mean).norm() < 1e-15);
  // The same two inner steps at a time as all at once: the iterates go on beneath the average.
  auto state = method.init(problem(), start);
  method.output = ModelOutput::drawn;
  std::vector<int> drawn(5, 0);
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    method.seed = seed;
    method.order = Order::in_order;
    ProxLinear part = method;
    part.output = ModelOutput::last;
    const VectorXd x = after(method, problem(), start, 1);
    if (seed == 0)
      for (std::int64_t k = 1; k <= 5; ++k) {
        part.inner_steps = k;
        points[static_cast<std::size_t>(k)] = after(part, problem(), start, 1);
      }
    for (std::size_t k = 0; k < 5; ++k) drawn[k] += x == points[k] ? 1 : 0;
  }
  for (std::size_t k = 0; k < 5; ++k) {
    const double p = lengths[k] / 0.085;
    CHECK(std::abs(drawn[k] - 4000 * p) < 5 * std::sqrt(4000 * p * (1 - p)));
  }
  CHECK(drawn[0] + drawn[1] + drawn[2] + drawn[3] + drawn[4] == 4000);
}

TEST_CASE("stochastic models: beneath average and drawn points the iterates go on as they would") {
  const VectorXd start = instance().start;
  for (const ModelOutput output : {ModelOutput::average, ModelOutput::drawn}) {
    const ProxLinear plain{.step_size = 0.03};
    ProxLinear method = plain;
    method.output = output;
    VectorXd x = start;
    auto state = method.init(problem(), x);
    for (int k = 0; k < 4; ++k) take_step(method, problem(), x, state);
    CHECK(state.iterate == after(plain, problem(), start, 4));
    CHECK(x != state.iterate);
    CHECK(state.weight == Approx(0.03 * 48).epsilon(1e-14));
  }
}

TEST_CASE("stochastic models: every point lies in the set") {
  const auto in_ball = subject_to(problem(), Ball{.radius = 0.5});
  for_each_model([&](const std::string& name, auto method) {
    INFO(name);
    for (const ModelOutput output : {ModelOutput::last, ModelOutput::average, ModelOutput::drawn}) {
      method.output = output;
      VectorXd x = instance().start;
      const Result r = minimize(in_ball, x, method, {.max_iterations = 5});
      CHECK(r.status == Status::max_iterations);
      CHECK(x.norm() <= 0.5 * (1 + 1e-15));
      CHECK(r.evaluations.projection >= 60);
    }
  });
  // After every step of the model, not at the end of a pass alone.
  const ProxLinear method{.step_size = 0.1, .order = Order::in_order};
  VectorXd x = 0.5 * instance().start.normalized();
  const VectorXd y = after(method, in_ball, x, 1);
  for (Index i = 0; i < 12; ++i) {
    x = moved<ProxLinearModel>(problem(), x, i, 0.1);
    if (x.norm() > 0.5) x *= 0.5 / x.norm();
  }
  CHECK((x - y).norm() < 1e-14);
}

TEST_CASE("stochastic models: resume bit for bit, count, and take no memory") {
  for_each_model([&](const std::string& name, auto method) {
    INFO(name);
    for (const ModelOutput output : {ModelOutput::last, ModelOutput::drawn}) {
      method.output = output;
      VectorXd x = instance().start;
      auto state = method.init(problem(), x);
      for (int k = 0; k < 3; ++k) take_step(method, problem(), x, state);
      VectorXd y = x;
      auto fresh = method.init(problem(), VectorXd(VectorXd::Zero(4)));
      copy_state(state, fresh);
      for (int k = 0; k < 3; ++k) {
        take_step(method, problem(), x, state);
        take_step(method, problem(), y, fresh);
      }
      CHECK(x == y);
      CHECK(state.outer == 6);
      CHECK(state.inner == 72);

      auto f = oracle_of(problem(), x);
      method.step(f, x, state);
      const std::size_t before = allocations();
      Eigen::internal::set_is_malloc_allowed(false);
      method.step(f, x, state);
      Eigen::internal::set_is_malloc_allowed(true);
      CHECK(allocations() == before);
      CHECK(f.evaluations().component_gradient == 24);
      CHECK(f.evaluations().component_value == (name == "clipped" ? 24 : 0));
      CHECK(state.value == problem().value_and_gradient(x, y));
      CHECK(state.gradient == y);
    }
    auto other = method;
    other.seed = 1;
    CHECK(after(method, problem(), instance().start, 2) == after(method, problem(), instance().start, 2));
    CHECK(after(method, problem(), instance().start, 2) != after(other, problem(), instance().start, 2));
  });
}

namespace {
/// Blind deconvolution of two vectors that are two arguments.
struct OfTwo {
  const BlindDeconvolution& f;
  static VectorXd joined(const VectorXd& w, const VectorXd& z) {
    VectorXd x(w.size() + z.size());
    x << w, z;
    return x;
  }
  static void split(const VectorXd& x, VectorXd& w, VectorXd& z) {
    w = x.head(w.size());
    z = x.tail(z.size());
  }
  [[nodiscard]] Index size() const { return f.size(); }
  double value_and_gradient(const VectorXd& w, const VectorXd& z, VectorXd& gw, VectorXd& gz) const {
    VectorXd g;
    const double value = f.value_and_gradient(joined(w, z), g);
    split(g, gw, gz);
    return value;
  }
  double residual_and_gradient(const VectorXd& w, const VectorXd& z, Index i, VectorXd& gw, VectorXd& gz) const {
    VectorXd g;
    const double residual = f.residual_and_gradient(joined(w, z), i, g);
    split(g, gw, gz);
    return residual;
  }
  void prox_of_term(VectorXd& w, VectorXd& z, Index i, double step) const {
    VectorXd x = joined(w, z);
    f.prox_of_term(x, i, step);
    split(x, w, z);
  }
};
}  // namespace

TEST_CASE("stochastic models: several tensors are one vector") {
  const auto made = problems::random_blind_deconvolution(9, 2, 3, 4);
  const auto check = [&](const auto& method) {
    VectorXd x = made.start, w = x.head(2), z = x.tail(3);
    const Result r = minimize(made.problem, x, method, {.max_iterations = 3});
    const Result s = minimize(OfTwo{made.problem}, std::tie(w, z), method, {.max_iterations = 3});
    CHECK(OfTwo::joined(w, z) == x);
    CHECK(r.value == s.value);
    CHECK(x != made.start);
  };
  check(ProxLinear{.step_size = 0.05});
  check(ProximalPoint{.step_size = 0.05});
}

TEST_CASE("stochastic models: no end is called success that is none") {
  // At a kink the subgradient stays long however near the minimum is.
  const AbsoluteErrors f = absolute_errors(21, 3);
  VectorXd x = VectorXd::Zero(3);
  const ProxLinear method{.step_size = inverse_sqrt(0.3, 0, 1)};
  const Result r = minimize(f, x, method, {.max_iterations = 3000});
  CHECK(r.status == Status::max_iterations);
  CHECK(r.gradient_norm > 1e-2);
  const auto away = [&](const VectorXd& z) {  // the slope along 2000 directions
    double least = 1;
    VectorXd g(3);
    const double here = f.value_and_gradient(z, g);
    for (std::uint64_t k = 0; k < 2000; ++k)
      least = std::min(least, (f.value_and_gradient(z + 0.01 * normals(3, 3000 + k).normalized(), g) - here) / 0.01);
    return least;
  };
  CHECK(away(x) > -0.05);
  CHECK(away(VectorXd::Zero(3)) < -0.3);

  // Solved exactly, all terms vanish and the subgradient with them.
  const auto small = problems::random_phase_retrieval(3, 1, 0, 2);
  VectorXd y = small.start * 1.5;
  const Result s = minimize(small.problem, y, ProximalPoint{.step_size = 10.0}, {.max_iterations = 50});
  CHECK(s.value < 1e-15);

  VectorXd z = instance().start;
  const Result t = minimize(problem(), z, Subgradient{.step_size = 1e3});
  CHECK(t.status == Status::non_finite);
  CHECK(z.allFinite());
  CHECK(t.value == problem().value(z));
}

TEST_CASE("stochastic models reject bad options, at the step where a schedule goes wrong too") {
  VectorXd x = instance().start;
  const auto says = [&](const auto& method) { return message_of([&] { minimize(problem(), x, method); }); };
  CHECK(says(ProxLinear{.step_size = 0}) == "StochasticModel: step_size = 0, must be > 0 and finite");
  CHECK(says(ProxLinear{.inner_steps = -1}) == "StochasticModel: inner_steps = -1, must be >= 0 and finite");
  CHECK(says(Clipped{.model = {.lower_bound = std::nan("")}}).starts_with("StochasticModel: model.lower_bound = nan"));
  CHECK(x == instance().start);
  const auto falling = [](std::int64_t k) { return k < 14 ? 0.1 : -0.1; };
  const VectorXd first = after(ProxLinear{.step_size = falling}, problem(), x, 1);
  CHECK(says(ProxLinear{.step_size = falling}) == "StochasticModel: step_size(14) = -0.1, must be > 0 and finite");
  CHECK(x == first);
}
