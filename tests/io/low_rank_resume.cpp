// Projected rules go on from a file bit for bit, between two refreshes and through the next.
#include "support/catch.hpp"
#include <glissade/core/optimizer.hpp>
#include <glissade/low_rank/flora.hpp>
#include <glissade/low_rank/frugal.hpp>
#include <glissade/low_rank/galore.hpp>
#include <glissade/low_rank/online_subspace_descent.hpp>
#include <glissade/transforms/scale_by_learning_rate.hpp>

#include "io/support.hpp"
#include "support/low_rank_problems.hpp"

using namespace glissade;
using namespace io_tests;
using low_rank_problems::normal;

namespace {

template <class R>
void check_resume(const R& rule) {
  Eigen::MatrixXf W = normal(9, 6, 1).cast<float>(), V = Eigen::MatrixXf::Zero(9, 6);
  Eigen::VectorXf b = normal(5, 1, 2).cast<float>(), c = Eigen::VectorXf::Zero(5);
  const auto run = [](auto& optimizer, int first, int last) {
    for (int t = first; t < last; ++t)
      optimizer.step(normal(9, 6, static_cast<std::uint64_t>(t)).cast<float>(),
                     normal(5, 1, static_cast<std::uint64_t>(t)).cast<float>());
  };
  Optimizer whole{rule, named("W", W), named("b", b)};
  run(whole, 0, 10);
  Optimizer resumed{rule, named("W", V), named("b", c)};
  load_bytes(resumed, saved_bytes(whole));
  run(whole, 10, 20);
  run(resumed, 10, 20);
  CHECK(W == V);
  CHECK(b == c);
  CHECK(saved_bytes(whole) == saved_bytes(resumed));
}

}  // namespace

TEST_CASE("projected rules resume bit for bit") {
  const auto rated = [](const auto& rule) { return chain(rule, ScaleByLearningRate{0.1}); };
  check_resume(rated(galore({.rank = 2, .update_gap = 7})));
  check_resume(rated(galore({.rank = 2, .update_gap = 7, .on_refresh = OnRefresh::reset, .randomized = true})));
  check_resume(rated(online_subspace_descent({.rank = 2})));
  check_resume(rated(frugal({.density = 0.5, .update_gap = 7})));
  check_resume(rated(frugal({.density = 0.5, .update_gap = 7, .projector = FrugalProjector::random})));
  check_resume(rated(frugal({.density = 0.5, .update_gap = 7, .projector = FrugalProjector::block})));
  check_resume(rated(badam({.switch_block_every = 7}, ScaleByAdam{})));
  check_resume(rated(Flora{.rank = 2, .resample_every = 7}));
}
