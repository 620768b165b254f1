// Sequential systems evaluated in parallel: exact prefixes, all schemes against the ordinary pass, and the published
// experiments.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/fixed_point/parallel_evaluation.hpp>

#include <array>
#include <cmath>
#include <stdexcept>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using ConstColumns = Eigen::Ref<const MatrixXd>;
using Columns = Eigen::Ref<MatrixXd>;

namespace {

double uniform(const RandomKey& key, std::uint64_t k) { return static_cast<double>(key.bits(k) >> 11) * 0x1p-53; }
double normal(const RandomKey& key, std::uint64_t k) {
  return std::sqrt(-2 * std::log(1 - uniform(key, 2 * k))) * std::cos(2 * 3.141592653589793 * uniform(key, 2 * k + 1));
}
MatrixXd normals(Index rows, Index cols, const RandomKey& key) {
  MatrixXd matrix(rows, cols);
  for (Index i = 0; i < matrix.size(); ++i) matrix(i) = normal(key, static_cast<std::uint64_t>(i));
  return matrix;
}

/// s_t = B_t + A (D_{t-1} .* s_{t-1}): backpropagation through time, with the steps in reverse.
struct Backpropagation {
  MatrixXd A, D, B;
  mutable int calls = 0;

  [[nodiscard]] Index steps() const { return B.cols(); }
  void evaluate(Index begin, Index end, const ConstColumns& s, Columns out) const {
    ++calls;
    for (Index t = begin; t < end; ++t) {
      out.col(t - begin) = B.col(t);
      if (t > 0) out.col(t - begin).noalias() += A * D.col(t - 1).cwiseProduct(s.col(t - 1));
    }
  }
};

/// The network of the published code: softplus units, weights 0.1 N(0, 1), inputs uniform in [0, 1].
Backpropagation network(Index hidden, Index steps, std::uint64_t seed) {
  const RandomKey key{seed};
  const MatrixXd W_h = 0.1 * normals(hidden, hidden, key.derive(1)), W_x = 0.1 * normals(hidden, 1, key.derive(2)),
                 W_o = 0.1 * normals(1, hidden, key.derive(3));
  MatrixXd D(hidden, steps), B(hidden, steps);
  VectorXd h = VectorXd::Zero(hidden), x(steps);
  for (Index t = 0; t < steps; ++t) {
    x[t] = uniform(key.derive(4), static_cast<std::uint64_t>(t));
    const VectorXd before = W_h * h + W_x * x[t];
    h = before.array().exp().log1p();
    const double residual = 2 / static_cast<double>(steps) * ((W_o * h)(0) - x[t]);
    const Index back = steps - 1 - t;
    D.col(back) = 1 / (1 + (-before).array().exp());
    B.col(back) = W_o.transpose() * residual;
  }
  return {W_h.transpose(), D, B};
}

/// The ordinary pass, one column after the other.
template <class System>
MatrixXd in_order(const System& system, Index rows) {
  MatrixXd s = MatrixXd::Zero(rows, system.steps());
  for (Index t = 0; t < system.steps(); ++t) system.evaluate(t, t + 1, s, s.middleCols(t, 1));
  return s;
}

/// Symbols, each the best by tables of those 1, 2 and 7 steps before and by noise that is drawn beforehand.
struct Symbols {
  std::array<MatrixXd, 3> tables;
  MatrixXd noise;
  [[nodiscard]] Index steps() const { return noise.cols(); }
  void evaluate(Index begin, Index end, const ConstColumns& s, Columns out) const {
    for (Index t = begin; t < end; ++t) {
      VectorXd score = noise.col(t);
      const std::array<Index, 3> lags{1, 2, 7};
      for (std::size_t k = 0; k < 3; ++k)
        if (t >= lags[k]) score += tables[k].col(static_cast<Index>(s(0, t - lags[k])));
      Index best = 0;
      score.maxCoeff(&best);
      out(0, t - begin) = static_cast<double>(best);
    }
  }
};

Symbols symbols(double noise, std::uint64_t seed) {
  const RandomKey key{seed};
  Symbols chain{{normals(16, 16, key.derive(1)), normals(16, 16, key.derive(2)), normals(16, 16, key.derive(3))},
                MatrixXd(16, 200)};
  for (Index i = 0; i < chain.noise.size(); ++i)
    chain.noise(i) = -noise * std::log(-std::log(uniform(key.derive(4), static_cast<std::uint64_t>(i)) + 1e-300));
  return chain;
}

}  // namespace

TEST_CASE("parallel evaluation: backpropagation by Jacobi sweeps is near after 30 and exact after as many as steps",
          "[slow]") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Backpropagation system = network(128, 100, seed);
    const MatrixXd right = in_order(system, 128);
    MatrixXd s = MatrixXd::Zero(128, 100);
    std::vector<double> errors;
    const Result r = find_fixed_point(system, s, ParallelEvaluation{}, {.tolerance = 0}, [&](const Record& record) {
      errors.push_back((Eigen::Map<const MatrixXd>(record.x.data(), 128, 100) - right).norm() / right.norm());
    });
    CHECK(r.status == Status::tolerance);
    CHECK(r.iterations <= 100);
    CHECK(errors[0] == 1);
    CHECK(errors[5] < 0.5);
    CHECK(errors[30] < 1e-3);
    CHECK((s - right).norm() <= 1e-12 * right.norm());
  }
}

TEST_CASE("parallel evaluation: blocks are exact after as many sweeps as there are, bit for bit for any threads") {
  const Backpropagation system = network(32, 100, 4);
  const MatrixXd right = in_order(system, 32);
  const auto run = [&](const ParallelEvaluation& method, std::int64_t most, std::vector<double>* errors = nullptr) {
    MatrixXd s = MatrixXd::Zero(32, 100);
    find_fixed_point(system, s, method, {.max_iterations = most, .tolerance = 0}, [&](const Record& record) {
      if (errors == nullptr) return;
      errors->push_back((Eigen::Map<const MatrixXd>(record.x.data(), 32, 100) - right).norm() / right.norm());
    });
    return s;
  };
  std::vector<double> errors;
  const ParallelEvaluation mixed{.scheme = EvaluationScheme::jacobi_gauss_seidel, .blocks = 10};
  CHECK(run(mixed, 10, &errors) == right);
  CHECK(errors.size() <= 11);
  CHECK(errors[1] < 0.5);
  for (std::size_t k = 1; k < errors.size(); ++k) CHECK(errors[k] <= errors[k - 1]);
  CHECK(run(mixed, 1).leftCols(10) == right.leftCols(10));
  CHECK(run(mixed, 1).middleCols(10, 10) != right.middleCols(10, 10));
  CHECK(run({.scheme = EvaluationScheme::gauss_seidel}, 1) == right);
  CHECK(run({.scheme = EvaluationScheme::gauss_seidel_jacobi, .blocks = 10}, 1) == right);
  for (const EvaluationScheme scheme : {EvaluationScheme::jacobi, EvaluationScheme::jacobi_gauss_seidel})
    for (const std::int64_t most : {1, 3, 100}) {
      const MatrixXd one = run({.scheme = scheme, .blocks = 7}, most);
      CHECK(run({.scheme = scheme, .blocks = 7, .threads = 4}, most) == one);
      if (most == 100) CHECK(one == right);
    }
}

TEST_CASE("parallel evaluation: truncated backpropagation is a Jacobi sweep") {
  // The gradient of a loss through k steps back only: k applications of the recurrence to every column alone.
  const Backpropagation system = network(8, 20, 5);
  for (const int k : {1, 3, 6}) {
    MatrixXd s = MatrixXd::Zero(8, 20);
    find_fixed_point(system, s, ParallelEvaluation{}, {.max_iterations = k, .tolerance = 0});
    for (Index t = 0; t < 20; ++t) {
      VectorXd g = VectorXd::Zero(8);
      for (Index back = std::max<Index>(t - k + 1, 0); back <= t; ++back)
        g = system.B.col(back) +
            (back > 0 ? VectorXd(system.A * system.D.col(back - 1).cwiseProduct(g)) : VectorXd(g * 0));
      CHECK((s.col(t) - g).norm() <= 1e-14);
    }
  }
}

TEST_CASE("parallel evaluation: a chain of symbols is that of the ordinary pass, its beginning long before") {
  std::int64_t last = 1000;
  for (const double noise : {1.0, 3.0, 10.0}) {
    const Symbols chain = symbols(noise, 7);
    const MatrixXd right = in_order(chain, 1);
    VectorXd s = VectorXd::Zero(200);
    const Result r = find_fixed_point(chain, s, ParallelEvaluation{}, {.tolerance = 0}, [&](const Record& record) {
      const Index exact = std::min<Index>(record.iteration, 200);
      CHECK(record.x.head(exact) == right.leftCols(exact).transpose());
    });
    INFO(noise << ": " << r.iterations << " sweeps");
    CHECK(s == right.transpose());
    CHECK(r.iterations <= last);
    last = r.iterations;
  }
  CHECK(last < 20);
}

TEST_CASE("parallel evaluation: a dense chain, in which every step reads all before it") {
  // s_t = tanh(B_t + sum_{u < t} A_{t u} s_u), as in a network of layers that are all connected.
  struct Dense {
    MatrixXd A, B;
    [[nodiscard]] Index steps() const { return B.cols(); }
    void evaluate(Index begin, Index end, const ConstColumns& s, Columns out) const {
      for (Index t = begin; t < end; ++t) {
        out.col(t - begin) = B.col(t);
        for (Index u = 0; u < t; ++u) out.col(t - begin) += A(t, u) * s.col(u).reverse();
        out.col(t - begin) = out.col(t - begin).array().tanh();
      }
    }
  };
  const Dense dense{0.3 * normals(40, 40, RandomKey{21}), normals(6, 40, RandomKey{22})};
  const MatrixXd right = in_order(dense, 6);
  for (const ParallelEvaluation& method :
       {ParallelEvaluation{}, ParallelEvaluation{.blocks = 5, .threads = 2},
        ParallelEvaluation{.scheme = EvaluationScheme::gauss_seidel},
        ParallelEvaluation{.scheme = EvaluationScheme::jacobi_gauss_seidel, .blocks = 8},
        ParallelEvaluation{.scheme = EvaluationScheme::gauss_seidel_jacobi, .blocks = 8}}) {
    MatrixXd s = MatrixXd::Zero(6, 40);
    const Result r = find_fixed_point(dense, s, method, {.tolerance = 0}, [&](const Record& record) {
      if (method.scheme == EvaluationScheme::jacobi)
        CHECK(Eigen::Map<const MatrixXd>(record.x.data(), 6, 40).leftCols(std::min<Index>(record.iteration, 40)) ==
              right.leftCols(std::min<Index>(record.iteration, 40)));
    });
    CHECK(r.status == Status::tolerance);
    CHECK(r.iterations <= (method.scheme == EvaluationScheme::jacobi                ? 40
                           : method.scheme == EvaluationScheme::jacobi_gauss_seidel ? 8
                                                                                    : 1));
    CHECK(s == right);
  }
}

TEST_CASE("parallel evaluation: what is known is not evaluated again, and a start nearby saves sweeps") {
  struct Counted {
    Backpropagation system;
    Index columns = 0;
    [[nodiscard]] Index steps() const { return system.steps(); }
    void evaluate(Index begin, Index end, const ConstColumns& s, Columns out) {
      columns += end - begin;
      system.evaluate(begin, end, s, out);
    }
  } counted{network(4, 12, 6)};
  MatrixXd s = MatrixXd::Zero(4, 12);
  const Result cold = find_fixed_point(counted, s, ParallelEvaluation{}, {.tolerance = 0});
  CHECK(counted.columns <= 12 * 13 / 2);
  counted.columns = 0;
  const Result warm = find_fixed_point(counted, s, ParallelEvaluation{}, {.tolerance = 0});
  CHECK(warm.iterations == 0);
  CHECK(counted.columns == 12);
  CHECK(warm.iterations < cold.iterations);
  counted.columns = 0;
  const Result passes = find_fixed_point(
      counted, s, ParallelEvaluation{.scheme = EvaluationScheme::gauss_seidel_jacobi, .blocks = 3}, {.tolerance = 0});
  CHECK(passes.evaluations.operator_value == 3);
}

TEST_CASE("parallel evaluation: budgets, exceptions and sizes") {
  using Catch::Matchers::ContainsSubstring;
  const Backpropagation system = network(4, 12, 8);
  MatrixXd s = MatrixXd::Zero(4, 12);
  for (const EvaluationScheme scheme : {EvaluationScheme::jacobi, EvaluationScheme::gauss_seidel_jacobi}) {
    s.setZero();
    system.calls = 0;
    const Result r = find_fixed_point(system, s, ParallelEvaluation{.scheme = scheme, .blocks = 2},
                                      {.tolerance = 0, .max_operator_calls = 5});
    CHECK(r.status == Status::max_operator_calls);
    CHECK(r.evaluations.operator_value == 5);
  }
  struct Throws {
    [[nodiscard]] static Index steps() { return 6; }
    static void evaluate(Index begin, Index end, const ConstColumns&, Columns out) {
      if (begin <= 3 && 3 < end) throw std::domain_error("the system's own");
      out.setOnes();
    }
  } throws;
  VectorXd v = VectorXd::Zero(6);
  for (const std::int64_t threads : {1, 3})
    CHECK_THROWS_AS(find_fixed_point(throws, v, ParallelEvaluation{.blocks = 3, .threads = threads}),
                    std::domain_error);
  CHECK(v.norm() == 0);
  VectorXd odd = VectorXd::Zero(13);
  CHECK_THAT(message_of([&] { find_fixed_point(system, odd, ParallelEvaluation{}); }),
             ContainsSubstring("s has 13 coefficients, must have a multiple of steps() = 12"));
  CHECK_THAT(message_of([&] { find_fixed_point(system, s, ParallelEvaluation{.blocks = 13}); }),
             ContainsSubstring("ParallelEvaluation: blocks = 13, must be in [1, 12]"));
}
