// Projected rules go on from a file bit for bit, between two refreshes and through the next.
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/layers/adaptive_freezing.hpp>
#include <glissade/optimizer/blocks.hpp>
#include <glissade/subspaces/flora.hpp>
#include <glissade/subspaces/frugal.hpp>
#include <glissade/subspaces/galore.hpp>
#include <glissade/subspaces/online_subspace_descent.hpp>
#include <glissade/transforms/scale_by_learning_rate.hpp>

#include "io/support.hpp"

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
  check_resume(rated(Flora{.rank = 2, .resample_every = 7}));
}

TEST_CASE("blocks resume bit for bit, with which of them are at rest") {
  std::vector<Eigen::MatrixXf> W(3, Eigen::MatrixXf::Ones(9, 6)), V = W;
  const auto run = [](auto& optimizer, int first, int last) {
    for (int t = first; t < last; ++t) {
      std::vector<Eigen::MatrixXf> g;
      for (std::uint64_t k = 0; k < 3; ++k)
        g.push_back(normal(9, 6, static_cast<std::uint64_t>(3 * t) + k).cast<float>());
      optimizer.step(g);
    }
  };
  for (const int at : {9, 14}) {  // within a turn, and between two
    BlockOptimizer whole{Adam{.learning_rate = 0.1}, {.switch_every = 7}, named("W", W)};
    run(whole, 0, at);
    BlockOptimizer resumed{Adam{.learning_rate = 0.1}, {.switch_every = 7}, named("W", V)};
    load_bytes(resumed.optimizer(), saved_bytes(whole.optimizer()));
    run(whole, at, 30);
    run(resumed, at, 30);
    for (std::size_t k = 0; k < 3; ++k) CHECK(W[k] == V[k]);
    CHECK(saved_bytes(whole.optimizer()) == saved_bytes(resumed.optimizer()));
    CHECK(header_of(saved_bytes(whole.optimizer())).find("\"state/W.0/first_moment\"") == std::string::npos);
  }
}

TEST_CASE("AdaptiveFreezing resumes bit for bit, with what is frozen") {
  const auto gradients = [](int t) {
    std::vector<Eigen::MatrixXd> g;
    for (std::uint64_t k = 0; k < 4; ++k)
      g.push_back(static_cast<double>(k + 1) * normal(9, 6, static_cast<std::uint64_t>(4 * t) + k));
    return g;
  };
  const Folder folder;
  const std::filesystem::path path = folder / "freezing.safetensors";
  AdaptiveFreezing<> whole{{.begin = 3, .end = 40, .window = 2}};
  for (int t = 0; t < 20; ++t) whole.observe(gradients(t));
  REQUIRE(whole.frozen_count() > 0);
  save(whole, path);
  AdaptiveFreezing<> resumed = whole;
  for (int t = 20; t < 25; ++t) resumed.observe(gradients(t));
  REQUIRE(!(resumed == whole));
  load(resumed, path);
  CHECK(resumed == whole);
  for (int t = 20; t < 60; ++t) {
    whole.observe(gradients(t));
    resumed.observe(gradients(t));
  }
  CHECK(resumed == whole);
  CHECK(whole.frozen_count() == 4);
}
