// A rule that runs another one on a smaller array: the first columns of a matrix.
#include "support/catch.hpp"
#include "support/laws.hpp"
#include <glissade/glissade.hpp>

#include <algorithm>

using namespace glissade;

namespace {

template <class Inner>
struct FirstColumnsOfMatrix {
  static constexpr int passes = 2;
  Index count;
  std::int64_t period;
  Inner inner;

  Tensor within(const Tensor& tensor) const {
    Tensor small = tensor;
    small.cols = count;
    return small;
  }
  void fields(const Tensor&, auto&& add) const { add("seen", 1, 1); }
  void update(const Step& step, const auto& m) const {
    using T = typename std::remove_cvref_t<decltype(m)>::Scalar;
    const Index size = m.tensor.rows * count;
    m.workspace.reserve(static_cast<std::size_t>(size) * sizeof(T));
    T* const small = reinterpret_cast<T*>(m.workspace.data());
    std::copy_n(m.in, size, small);
    m.fields[0][0] += 1;
    const bool restarts = period > 0 && step.count > 1 && (step.count - 1) % period == 0;
    if (restarts) m.restart(inner, within(m.tensor));
    m.run(inner, step, period > 0 ? (step.count - 1) % period + 1 : step.count, within(m.tensor), small, m.out);
    for (Index i = size; i < m.tensor.size(); ++i) m.out[i] = 0 * m.in[i];
  }
};

template <class Inner>
struct FirstColumns {
  static constexpr std::string_view name = "FirstColumns";
  using Alternatives = std::tuple<FirstColumnsOfMatrix<Inner>, Inner>;
  Index count;
  std::int64_t period;
  Inner inner;
  void select(const Tensor& tensor, auto&& run) const {
    if (tensor.is_matrix())
      run(FirstColumnsOfMatrix<Inner>{count, period, inner});
    else
      run(inner);
  }
};
template <class Inner>
FirstColumns(Index, std::int64_t, Inner) -> FirstColumns<Inner>;

/// Steps of the rule within on 9 x 7, of which it sees 3 columns, against steps on those columns alone.
template <class P, class Inner>
void equals_the_rule_on_the_columns(const Inner& inner) {
  using Matrix = Eigen::Matrix<P, Eigen::Dynamic, Eigen::Dynamic>;
  Matrix x = laws::matrix(9, 7, 0).cast<P>();
  Matrix y = x.leftCols(3);
  const Matrix before = x;
  Optimizer within{FirstColumns{3, 0, inner}, x};
  Optimizer alone{inner, y};
  for (int t = 1; t <= 10; ++t) {
    const Matrix g = laws::matrix(9, 7, t).cast<P>();
    within.step(g);
    alone.step(g.leftCols(3));
  }
  CHECK(x.leftCols(3) == y);
  CHECK(x.rightCols(4) == before.rightCols(4));
  CHECK(within.field("0", "seen")[0] == 10);
}

}  // namespace

TEST_CASE("subspace: any rule runs within, whatever its state and its passes") {
  equals_the_rule_on_the_columns<double>(Adam{});
  equals_the_rule_on_the_columns<float>(with_state<Eigen::bfloat16>(Adam{}));
  equals_the_rule_on_the_columns<float>(with_state<LogarithmicCode>(AmsGrad{}));
  equals_the_rule_on_the_columns<double>(chain(ClipByNorm{.max_norm = 0.1}, NAdam{}));
  equals_the_rule_on_the_columns<double>(CautiousAdamW{.weight_decay = 0});
  equals_the_rule_on_the_columns<double>(chain(Centralize{}, ScaleByAdam{}, ScaleByLearningRate{0.1}));
}

TEST_CASE("subspace: rules before and behind it see the whole matrix") {
  Eigen::MatrixXd x = laws::matrix(9, 7, 0);
  Eigen::MatrixXd y = x;
  const auto around = [](const auto& middle) {
    return chain(ClipByNorm{.max_norm = 0.1}, middle, AddDecayedWeights{0.1}, Centralize{}, ScaleByLearningRate{0.1});
  };
  Optimizer within{around(FirstColumns{7, 0, ScaleByAdam{}}), x};
  Optimizer alone{around(ScaleByAdam{}), y};
  for (int t = 1; t <= 10; ++t) {
    within.step(laws::matrix(9, 7, t));
    alone.step(laws::matrix(9, 7, t));
  }
  CHECK(x == y);
}

TEST_CASE("subspace: the rule within begins anew every period") {
  Eigen::MatrixXd x = laws::matrix(9, 7, 0);
  Eigen::MatrixXd y = x;
  Optimizer within{FirstColumns{7, 4, NAdam{}}, x};
  for (int period = 0; period < 3; ++period) {
    Optimizer fresh{NAdam{}, y};
    for (int t = 1; t <= 4; ++t) {
      within.step(laws::matrix(9, 7, 4 * period + t));
      fresh.step(laws::matrix(9, 7, 4 * period + t));
    }
    CHECK(x == y);
  }
}

TEST_CASE("subspace: a matrix rule right before a barrier over all tensors, on several matrices") {
  const auto rule = chain(Centralize{}, ClipByGlobalNorm{.max_norm = 0.5}, ScaleByLearningRate{1.0});
  Eigen::MatrixXd A = laws::matrix(6, 4, 0), B = laws::matrix(5, 3, 0);
  const Eigen::MatrixXd A0 = A, B0 = B, gA = laws::matrix(6, 4, 1), gB = laws::matrix(5, 3, 2);
  Optimizer optimizer{rule, A, B};
  optimizer.step(gA, gB);
  const Eigen::MatrixXd cA = gA.colwise() - gA.rowwise().mean(), cB = gB.colwise() - gB.rowwise().mean();
  const double norm = std::sqrt(cA.squaredNorm() + cB.squaredNorm());
  REQUIRE(norm > 0.5);
  CHECK((A - (A0 - 0.5 / norm * cA)).norm() < 1e-5);
  CHECK((B - (B0 - 0.5 / norm * cB)).norm() < 1e-5);
}

TEST_CASE("Restarted: a rule begins anew every so many updates of the tensor") {
  Eigen::VectorXd x = laws::parameters<Eigen::VectorXd>(21);
  Eigen::VectorXd y = x;
  Optimizer restarted{chain(Restarted{4, ScaleByAdam{}}, ScaleByLearningRate{1e-3}), x};
  for (int period = 0; period < 3; ++period) {
    Optimizer fresh{Adam{}, y};
    for (int t = 1; t <= 4; ++t) {
      const auto g = laws::gradients<Eigen::VectorXd>(21, 4 * period + t);
      restarted.step(g);
      fresh.step(g);
    }
    CHECK(x == y);
  }
}

TEST_CASE("subspace: a projector of one column is found by that column alone") {
  double memory[] = {0, 1, 0, 0};
  const MatrixView<double> column{memory, 2, 1};
  CHECK_FALSE(detail::is_unset(column));
  memory[1] = 0;
  memory[2] = 1;
  CHECK(detail::is_unset(column));
}
