// An inner rule may be a chain of rules that each have a memory.
#include "support/catch.hpp"
#include <glissade/core/random.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/subspaces/frugal.hpp>
#include <glissade/subspaces/galore.hpp>
#include <glissade/transforms/scale_by_learning_rate.hpp>
#include <glissade/transforms/trace.hpp>

using namespace glissade;
using Eigen::MatrixXd;

namespace {

/// Twenty steps with gradients that never settle.
template <class R>
MatrixXd after(const R& rule) {
  MatrixXd x = MatrixXd::Zero(4, 7);
  Optimizer optimizer{chain(rule, ScaleByLearningRate{0.1}), x};
  for (std::uint64_t t = 0; t < 20; ++t)
    optimizer.step(MatrixXd::NullaryExpr(
        4, 7, [&](Index i, Index j) { return RandomKey{t}.normal(static_cast<std::uint64_t>(i + 4 * j)); }));
  return x;
}

}  // namespace

TEST_CASE("an inner chain of two rules with memories, in the whole space, is the chain outside of it") {
  // Linear in the gradients, so that an orthonormal basis makes no difference.
  const auto two = chain(Trace{.momentum = 0.9}, Trace{.momentum = 0.5});
  const MatrixXd expected = after(two);
  REQUIRE((expected - after(Trace{.momentum = 0.9})).norm() > 0.1);
  CHECK((after(galore({.rank = 4, .update_gap = 1000, .scale = 1}, two)) - expected).norm() <= 1e-12);
  CHECK((after(frugal({.density = 1, .update_gap = 1000}, two)) - expected).norm() <= 1e-12);
  const auto three = chain(two, Trace{.momentum = 0.2});
  CHECK((after(galore({.rank = 4, .update_gap = 1000, .scale = 1}, three)) - after(three)).norm() <= 1e-12);
}
