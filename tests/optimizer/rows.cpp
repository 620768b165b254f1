#include "support/allocations.hpp"
#include "support/laws.hpp"
#include "support/message_of.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
template <class S>
using RowMajor = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

namespace {

constexpr Index entries = 23;
constexpr Index width = 19;

/// The rows of step t, some of them twice, none in order.
std::vector<Index> rows_of(int t) {
  std::vector<Index> rows{(7 * t + 3) % entries, (5 * t) % entries, (11 * t + 1) % entries};
  if (t % 3 == 0) rows.push_back(rows.front());
  if (t % 4 == 0) rows.clear();
  return rows;
}

/// Bit for bit a dense run, row by row at every refresh and as a whole after a flush.
template <class S, class Rule>
void equals_dense(const Rule& rule, OptimizerOptions options = {}) {
  using T = compute_t<S>;
  RowMajor<S> table = laws::matrix(entries, width, 0).template cast<T>().template cast<S>();
  RowMajor<S> dense = table;
  RowOptimizer sparse{rule, RowUpdates::exact, table, options};
  Optimizer reference{rule, options, dense};
  for (int t = 1; t <= 40; ++t) {
    INFO(describe(rule) << ", step " << t);
    const std::vector<Index> rows = rows_of(t);
    const auto count = static_cast<Index>(rows.size());
    const RowMajor<T> gradients = laws::matrix(count, width, t).template cast<T>();
    RowMajor<T> full = RowMajor<T>::Zero(entries, width);
    for (Index i = 0; i < count; ++i) full.row(rows[static_cast<std::size_t>(i)]) += gradients.row(i);
    sparse.refresh(rows);
    for (const Index row : rows) {
      CAPTURE(row, table.row(row), dense.row(row));
      REQUIRE(laws::same_bits(RowMajor<S>(table.row(row)), RowMajor<S>(dense.row(row))));
    }
    sparse.step(rows, gradients);
    reference.step(full);
  }
  Optimizer<Rule, S>& flushed = sparse.flush();
  CHECK(laws::same_bits(table, dense));
  CHECK(flushed.state(0) == reference.state(0));
  CHECK(flushed.memory().counts == reference.memory().counts);
}

}  // namespace

TEST_CASE("rows, exact: a dense run with zero gradients elsewhere, bit for bit") {
  const Schedule falling = [](std::int64_t t) { return 0.1 / static_cast<double>(t + 1); };
  equals_dense<double>(Sgd{.learning_rate = 0.1});
  equals_dense<double>(Sgd{.learning_rate = falling, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01});
  equals_dense<double>(Adagrad{.learning_rate = 0.1, .learning_rate_decay = 0.1});
  equals_dense<double>(Adagrad{.learning_rate = 0.1, .weight_decay = 0.01});
  equals_dense<double>(Adam{.learning_rate = falling});
  equals_dense<float>(AdamW{.learning_rate = 0.1, .weight_decay = 0.1});
  equals_dense<float>(with_state<Eigen::bfloat16>(Adam{.learning_rate = 0.1}));
  equals_dense<Eigen::bfloat16>(AdamW{.learning_rate = 0.1},
                                {.maximize = true, .seed = 5, .rounding = Rounding::stochastic});
}

TEST_CASE("rows, exact: options that change in the middle of a run concern the steps to come") {
  RowMajor<double> table = laws::matrix(entries, width, 0), dense = table;
  RowOptimizer sparse{AdamW{.learning_rate = 0.1}, RowUpdates::exact, table};
  Optimizer reference{AdamW{.learning_rate = 0.1}, dense};
  for (int t = 1; t <= 30; ++t) {
    const std::vector<Index> rows{(7 * t + 3) % entries};
    RowMajor<double> full = RowMajor<double>::Zero(entries, width);
    full.row(rows[0]) = laws::matrix(1, width, t);
    if (t % 10 == 0) sparse.rule().learning_rate = reference.rule().learning_rate = 0.1 / t;
    if (t == 15) sparse.rule().weight_decay = reference.rule().weight_decay = 0.5;
    sparse.step(rows, laws::matrix(1, width, t));
    reference.step(full);
  }
  sparse.flush();
  CHECK(laws::same_bits(table, dense));
}

TEST_CASE("rows, exact: state that has become subnormal is flushed when a dense run flushes it") {
  // Moments fade below the smallest normal number, and squares are so small at once.
  const auto equals = [](const auto& rule, float size) {
    RowMajor<float> table = RowMajor<float>::Ones(4, width), dense = table;
    RowOptimizer sparse{rule, RowUpdates::exact, table};
    Optimizer reference{rule, dense};
    for (int t = 1; t <= 1100; ++t) {
      const std::vector<Index> rows{t % 300 == 7 ? Index{0} : t <= 3 ? Index{1} : Index{2}};
      const RowMajor<float> g = RowMajor<float>::Constant(1, width, size);
      RowMajor<float> full = RowMajor<float>::Zero(4, width);
      full.row(rows[0]) = g;
      sparse.step(rows, g);
      reference.step(full);
    }
    auto& flushed = sparse.flush();
    CHECK(laws::same_bits(table, dense));
    CHECK(flushed.state(0) == reference.state(0));
  };
  equals(Adam{.learning_rate = 0.1}, 1e-4F);
  equals(Adagrad{.learning_rate = 0.1}, 1e-20F);
  equals(Sgd{.learning_rate = 0.1, .momentum = 0.9}, 1.0F);
}

TEST_CASE("rows, lazy: what a rule does with a row's own gradients alone") {
  const auto follow = [](const auto& rule, const auto& update) {
    RowMajor<double> table = laws::matrix(entries, width, 0), x = table;
    std::array<RowMajor<double>, 2> s{RowMajor<double>::Zero(entries, width), RowMajor<double>::Zero(entries, width)};
    RowOptimizer sparse{rule, RowUpdates::lazy, table};
    for (int t = 1; t <= 40; ++t) {
      const std::vector<Index> rows{(7 * t + 3) % entries, (7 * t + 4) % entries};
      const RowMajor<double> gradients = laws::matrix(2, width, t);
      sparse.step(rows, gradients);
      for (Index i = 0; i < 2; ++i)
        for (Index j = 0; j < width; ++j) {
          const Index row = rows[static_cast<std::size_t>(i)];
          update(x(row, j), gradients(i, j), s[0](row, j), s[1](row, j), t);
        }
      REQUIRE((table - x).cwiseAbs().maxCoeff() <= 1e-13);
    }
  };
  follow(Sgd{.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.01},
         [](double& x, double g, double& b, double&, int) {
           b = 0.9 * b + g + 0.01 * x;
           x -= 0.1 * b;
         });
  follow(Adagrad{.learning_rate = 0.1, .learning_rate_decay = 0.1}, [](double& x, double g, double& s, double&, int t) {
    s += g * g;
    if (g != 0) x -= 0.1 / (1 + 0.1 * (t - 1)) * g / (std::sqrt(s) + 1e-10);
  });
  follow(AdamW{.learning_rate = 0.1, .weight_decay = 0.1}, [](double& x, double g, double& m, double& v, int t) {
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    x -= 0.1 * (m / (1 - std::pow(0.9, t)) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8) + 0.1 * x);
  });
}

TEST_CASE("rows, lazy: rows without a gradient rest, bias corrections count all steps") {
  RowMajor<double> table = laws::matrix(entries, width, 0);
  RowMajor<double> x = table;
  RowMajor<double> m = RowMajor<double>::Zero(entries, width);
  RowMajor<double> v = m;
  RowOptimizer sparse{Adam{.learning_rate = 0.1}, RowUpdates::lazy, table};
  for (int t = 1; t <= 40; ++t) {
    std::vector<Index> rows = rows_of(t);
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    const RowMajor<double> gradients = laws::matrix(static_cast<Index>(rows.size()), width, t);
    sparse.step(rows, gradients);
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (Index j = 0; j < width; ++j) {
        const double g = gradients(static_cast<Index>(i), j);
        double& mj = m(rows[i], j);
        double& vj = v(rows[i], j);
        mj = 0.9 * mj + 0.1 * g;
        vj = 0.999 * vj + 0.001 * g * g;
        x(rows[i], j) -= 0.1 * mj / (1 - std::pow(0.9, t)) / (std::sqrt(vj / (1 - std::pow(0.999, t))) + 1e-8);
      }
    CHECK(table.isApprox(x, 1e-13));
  }
  CHECK(sparse.steps() == 40);
}

TEST_CASE("rows: of a column-major table the columns") {
  Eigen::MatrixXd table = laws::matrix(width, entries, 0);
  RowMajor<double> other = table.transpose();
  RowOptimizer columns{Adam{}, RowUpdates::exact, table};
  RowOptimizer rows{Adam{}, RowUpdates::exact, other};
  for (int t = 1; t <= 10; ++t) {
    const Eigen::MatrixXd g = laws::matrix(width, static_cast<Index>(rows_of(t).size()), t);
    columns.step(rows_of(t), g);
    rows.step(rows_of(t), g.transpose());
  }
  columns.flush();
  rows.flush();
  CHECK((table.array() == other.transpose().array()).all());
}

TEST_CASE("rows: a run goes on after its optimizer was copied over") {
  RowMajor<double> a = laws::matrix(entries, width, 0);
  RowOptimizer first{Adam{}, RowUpdates::exact, a};
  for (int t = 1; t <= 10; ++t) first.step(rows_of(t), laws::matrix(static_cast<Index>(rows_of(t).size()), width, t));
  first.flush();
  RowMajor<double> b = a;
  RowOptimizer second{Adam{}, RowUpdates::exact, b};
  second.flush().memory() = first.flush().memory();
  second.restart();
  for (int t = 11; t <= 20; ++t) {
    const Eigen::MatrixXd g = laws::matrix(static_cast<Index>(rows_of(t).size()), width, t);
    first.step(rows_of(t), g);
    second.step(rows_of(t), g);
  }
  first.flush();
  second.flush();
  CHECK(laws::same_bits(a, b));
}

TEST_CASE("rows: what cannot be is refused before anything is touched") {
  RowMajor<double> table = laws::matrix(entries, width, 0);
  const RowMajor<double> before = table;
  RowOptimizer sparse{AdamW{}, RowUpdates::exact, table};
  const std::vector<Index> rows{1, entries};
  const std::vector<Index> good{1, 2};
  CHECK(message_of([&] { sparse.step(rows, laws::matrix(2, width, 1)); }) ==
        "RowOptimizer: row 23, must be in [0, 23)");
  CHECK(message_of([&] { sparse.refresh(std::vector<Index>{-1}); }) == "RowOptimizer: row -1, must be in [0, 23)");
  CHECK(message_of([&] { sparse.step(good, laws::matrix(3, width, 1)); }) ==
        "RowOptimizer::step: gradients are 3 x 19 for 2 rows of length 19");
  sparse.rule().beta1 = 1.5;
  CHECK(message_of([&] { sparse.step(good, laws::matrix(2, width, 1)); }) == "AdamW: beta1 = 1.5, must be in [0, 1)");
  CHECK(laws::same_bits(table, before));
  CHECK(sparse.steps() == 0);
}

TEST_CASE("rows: no allocation in step after the first") {
  RowMajor<float> table = RowMajor<float>::Ones(entries, width);
  const RowMajor<float> g = RowMajor<float>::Ones(3, width);
  const std::vector<Index> rows{5, 2, 9};
  RowOptimizer sparse{Adam{}, RowUpdates::exact, table};
  for (int t = 0; t < 2; ++t) sparse.step(rows, g);
  const std::size_t before = allocations();
  for (int t = 0; t < 4; ++t) sparse.step(rows, g);
  CHECK(allocations() == before);
}
