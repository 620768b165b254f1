// SAGA on sparse data: the path of the dense method, at the cost of the nonzeros.
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/method_state.hpp"
#include <glissade/finite_sum/saga.hpp>
#include <glissade/finite_sum/sparse_saga.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/problems/random_sparse_data.hpp>

#include <array>
#include <string_view>
#include <type_traits>

using namespace glissade;
using Eigen::VectorXd;
using problems::SparseLogisticRegression;

namespace {

constexpr Index columns = 30;

SparseLogisticRegression sparse_problem(double regularization = 0) {
  return problems::random_sparse_logistic(
      {.rows = 80, .columns = columns, .nonzeros = 3, .regularization = regularization, .seed = 2});
}

VectorXd start() {
  VectorXd x(columns);
  for (Index i = 0; i < columns; ++i) x[i] = RandomKey{5}.normal(static_cast<std::uint64_t>(i));
  return x;
}

/// The points after so many inner steps of one outer loop.
template <class M, class P>
VectorXd after(M method, const P& problem, std::int64_t steps, int loops) {
  if constexpr (requires { method.batching; })
    method.batching.inner_steps = steps;
  else
    method.inner_steps = steps;
  VectorXd x = start();
  auto state = method.init(problem, x);
  for (int k = 0; k < loops; ++k) take_step(method, problem, x, state);
  return x;
}

/// The same seed, inner loops of many lengths: the largest difference to the dense method.
template <class Sparse, class Dense>
double difference(const Sparse& sparse, const Dense& dense) {
  double largest = 0;
  for (const std::int64_t steps : {1, 2, 3, 10, 77, 500})
    for (const double step_size : {0.1, 1.0, 4.0}) {
      const VectorXd expected = after(Saga{.step_size = step_size, .batching = {.seed = 9}}, dense, steps, 3);
      const VectorXd x = after(SparseSaga{.step_size = step_size, .seed = 9}, sparse, steps, 3);
      largest = std::max(largest, (x - expected).lpNorm<Eigen::Infinity>());
      // Also which coefficients are zero.
      for (Index i = 0; i < columns; ++i)
        if (std::abs(expected[i]) > 1e-10 || std::abs(x[i]) > 1e-10) CHECK((expected[i] == 0) == (x[i] == 0));
    }
  return largest;
}

}  // namespace

TEST_CASE("SparseSaga: the path of the dense method, with no term, l1, weights and elastic net") {
  const auto sparse = sparse_problem();
  const problems::LogisticRegression dense(Eigen::MatrixXd(sparse.features()), sparse.targets());
  CHECK(difference(sparse, dense) < 1e-10);
  const auto with_term = [&](const auto& term) { return difference(plus_term(sparse, term), plus_term(dense, term)); };
  for (const double weight : {1e-3, 0.01, 0.1, 1.0}) {
    CHECK(with_term(L1{.weight = weight}) < 1e-10);
    CHECK(with_term(ElasticNet{.l1 = weight, .l2 = 0.1}) < 1e-10);
  }
  CHECK(with_term(ElasticNet{.l1 = 0, .l2 = 0.05}) < 1e-10);
  CHECK(with_term(L1{.weight = VectorXd(VectorXd::LinSpaced(columns, 0, 0.05))}) < 1e-10);
  // Some coefficients are zero and some are not, or the thresholds were not tried.
  const VectorXd x = after(SparseSaga{.step_size = 1}, plus_term(sparse, L1{.weight = 0.01}), 500, 3);
  CHECK((x.array() == 0).count() >= 3);
  CHECK((x.array() != 0).count() >= 3);
}

TEST_CASE("SparseSaga: with l2 of the terms the path is that of its formula, coefficient by coefficient") {
  const double r = 0.05, step = 1.5, l1 = 0.004;
  const auto problem = sparse_problem(r);
  const problems::LogisticRegression dense(Eigen::MatrixXd(problem.features()), problem.targets());
  VectorXd x = start(), g, mean = VectorXd::Zero(columns);
  Eigen::MatrixXd table(columns, 80);
  for (Index i = 0; i < 80; ++i) {
    dense.batch_gradient(x, std::vector<Index>{i}, g);
    table.col(i) = g;
    mean += g / 80;
  }
  const RandomKey key = RandomKey{3}.derive(0);
  for (std::uint64_t t = 0; t < 300; ++t) {
    const auto j = static_cast<Index>(random_below(key, t, 80));
    dense.batch_gradient(x, std::vector<Index>{j}, g);
    const VectorXd change = g - table.col(j);
    x -= step * (change + mean + r * x);
    L1{.weight = l1}.prox(x, step);
    table.col(j) = g;
    mean += change / 80;
  }
  const VectorXd y = after(SparseSaga{.step_size = step, .seed = 3}, plus_term(problem, L1{.weight = l1}), 300, 1);
  CHECK((x - y).lpNorm<Eigen::Infinity>() < 1e-10);
  CHECK((x - start()).norm() > 1);
}

TEST_CASE("SparseSaga: many steps at once are the steps one after the other") {
  const RandomKey key{11};
  int crossings = 0;
  for (std::uint64_t k = 0; k < 3000; ++k) {
    const auto draw = [&](std::uint64_t place) { return key.derive(k).uniform(place); };
    const double step = std::exp(6 * draw(0) - 5);
    const double regularization = k % 3 == 0 ? 0 : 0.9 * draw(1) / step * std::pow(10, -6 * draw(6));
    const double l2 = k % 2 == 0 ? 0 : draw(2) * std::pow(10, -6 * draw(7));
    const double l1 = k % 5 == 0 ? 0 : draw(3);
    const double gradient = 3 * draw(4) - 1.5;
    double x = k % 7 == 0 ? 0 : 20 * draw(5) - 10;
    const detail::RepeatedStep repeat(step, regularization, l2);
    const double first = x;
    for (std::int64_t times = 1; times <= 40; ++times) {
      const double last = x;
      x = repeat.once(x, gradient, l1);
      crossings += (last > 0) != (x > 0) ? 1 : 0;
      const double scale = std::max({1.0, std::abs(first), std::abs(x)});
      CHECK(std::abs(repeat.repeated(first, gradient, l1, times) - x) <= 1e-12 * scale);
    }
  }
  CHECK(crossings > 300);
  const detail::RepeatedStep repeat(0.1, 0.1, 0.1);
  CHECK(repeat.repeated(3, 1, 1, 0) == 3);
  CHECK(std::isnan(repeat.repeated(std::nan(""), 1, 1, 1000)));
  CHECK(std::isnan(repeat.repeated(1, std::nan(""), 1, 1000)));
}

TEST_CASE("SparseSaga: what is touched are the nonzeros, twice, and in the end all variables once") {
  for (const Index variables : {500, 5000, 50'000}) {
    const auto problem = problems::random_sparse_logistic({.rows = 2000, .columns = variables, .nonzeros = 7});
    VectorXd x = problem.start();
    const SparseSaga method{.step_size = 1.3};
    auto state = method.init(problem, x);
    take_step(method, problem, x, state);
    CHECK(state.inner == 4000);
    CHECK(state.touched == 2 * 7 * 4000 + variables);
  }
}

TEST_CASE("SparseSaga: no memory is taken after the first step, and the state is of n and d numbers") {
  const auto problem = plus_term(problems::random_sparse_logistic({.rows = 20'000, .columns = 5000, .nonzeros = 50}),
                                 L1{.weight = 1e-4});
  VectorXd x = problem.start();
  const SparseSaga method{.step_size = 1.3, .inner_steps = 20'000};
  auto state = method.init(problem, x);
  Oracle<const std::remove_const_t<decltype(problem)>, VectorXd> oracle(problem);
  const double value = state.value;
  method.step(oracle, x, state);
  const std::size_t before = allocations();
  Eigen::internal::set_is_malloc_allowed(false);
  method.step(oracle, x, state);
  Eigen::internal::set_is_malloc_allowed(true);
  CHECK(allocations() == before);
  CHECK(state.touched == 2 * (2 * 20'000 * 50 + 5000));
  CHECK(state.value < 0.9 * value);
  CHECK(state.table.size() + state.mean.size() + state.scratch.size() + state.gradient.size() +
            static_cast<Index>(state.moved.size()) ==
        20'000 + 4 * 5000);
}

TEST_CASE("SparseSaga: a state of which no step has been made can be saved") {
  const auto problem = sparse_problem();
  const auto state = SparseSaga{}.init(problem, start());
  using State = std::remove_const_t<decltype(state)>;
  int ranges = 0;
  State::visit(state, [&](std::string_view name, const auto& value, auto... range) {
    if constexpr (sizeof...(range) == 2) {
      INFO(name);
      const std::array<std::int64_t, 2> ends{static_cast<std::int64_t>(range)...};
      CHECK(value >= ends[0]);
      CHECK(value <= ends[1]);
      ++ranges;
    }
  });
  CHECK(ranges == 3);
}

TEST_CASE("SparseSaga: refuses a bad step, rows and tables, before x is touched") {
  const auto problem = sparse_problem(2);
  VectorXd x = start();
  CHECK(message_of([&] { minimize(problem, x, SparseSaga{.step_size = 0.5}); }) ==
        "SparseSaga: step_size * regularization = 1, must be in [0, 1)");
  CHECK(message_of([&] { minimize(problem, x, SparseSaga{.step_size = -1}); }) ==
        "SparseSaga: step_size = -1, must be > 0 and finite");
  CHECK(message_of([&] { minimize(problem, x, SparseSaga{.inner_steps = -1}); }) ==
        "SparseSaga: inner_steps = -1, must be >= 0 and finite");
  struct Rows {
    std::vector<int> indices;
    std::vector<double> values = {1, 1};
    [[nodiscard]] Index size() const { return 2; }
    [[nodiscard]] SparseRow row(Index) const { return {indices, values}; }
    [[nodiscard]] double slope(Index, double z) const { return z; }
    [[nodiscard]] double regularization() const { return 0; }
    double value_and_gradient(const VectorXd& at, VectorXd& g) const {
      g = at;
      return 0;
    }
  };
  CHECK(message_of([&] {
          minimize(Rows{{4, 30}}, x, SparseSaga{});
        }) == "objective: row 0: index = 30, must be in [5, 30)");
  CHECK(message_of([&] {
          minimize(Rows{{4, 3}}, x, SparseSaga{});
        }) == "objective: row 0: index = 3, must be in [5, 30)");
  CHECK(message_of([&] {
          minimize(Rows{{-1, 3}}, x, SparseSaga{});
        }) == "objective: row 0: index = -1, must be in [0, 30)");
  CHECK(message_of([&] { minimize(plus_term(sparse_problem(), L1{.weight = -1}), x, SparseSaga{}); }) ==
        "L1: weight = -1, must be >= 0 and finite");
  CHECK(message_of([&] { minimize(plus_term(sparse_problem(), L1{.weight = VectorXd::Ones(3)}), x, SparseSaga{}); }) ==
        "L1: weight has 3 numbers, must have 30");
  CHECK(x == start());
  const SparseSaga method{};
  const auto other = sparse_problem();
  auto state = method.init(other, x);
  CHECK(message_of([&] { take_step(SparseSaga{.step_size = 0.5}, problem, x, state); }) ==
        "SparseSaga: step_size * regularization = 1, must be in [0, 1)");
  state.table.conservativeResize(79);
  CHECK(message_of([&] { take_step(method, other, x, state); }) ==
        "SparseSaga: the state's table has 79 numbers, must be 80");
}
