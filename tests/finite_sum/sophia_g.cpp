// Which terms SophiaG samples labels of.
#include "support/catch.hpp"
#include <glissade/finite_sum/sophia_g.hpp>
#include <glissade/problems/softmax_regression.hpp>

#include <numeric>
#include <set>

using namespace glissade;

TEST_CASE("SophiaG: with curvature_batch 0 every term once, else as many as are asked for, at random") {
  problems::SoftmaxRegression::Rows A(40, 2);
  Eigen::VectorXi y(40);
  for (Index i = 0; i < A.size(); ++i) A.data()[i] = RandomKey{9}.normal(static_cast<std::uint64_t>(i));
  for (Index i = 0; i < 40; ++i) y[i] = static_cast<int>(i % 3);
  const problems::SoftmaxRegression f(A, y, 3);
  const auto terms = [&](Index curvature_batch) {
    Eigen::VectorXd x = f.start();
    const SophiaG method{.period = 1, .curvature_batch = curvature_batch};
    auto oracle = oracle_of(f, x);
    auto state = method.init(oracle, x);
    method.step(oracle, x, state);
    const std::vector<Index> first = state.indices;
    method.step(oracle, x, state);
    CHECK((first == state.indices) == (curvature_batch == 0));
    return state.indices;
  };
  std::vector<Index> all(40);
  std::iota(all.begin(), all.end(), Index{0});
  CHECK(terms(0) == all);
  for (const Index batch : {1, 7, 40}) {
    const std::vector<Index> some = terms(batch);
    CHECK(some.size() == static_cast<std::size_t>(batch));
    for (const Index i : some) CHECK((i >= 0 && i < 40));
    CHECK(some != std::vector<Index>(all.begin(), all.begin() + batch));
  }
}
