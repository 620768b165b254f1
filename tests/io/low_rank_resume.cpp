// Projected rules go on from a file bit for bit, between two refreshes and through the next.
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include <glissade/layers/adaptive_freezing.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/subspaces/badam.hpp>
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
  check_resume(rated(frugal({.density = 0.5, .update_gap = 7, .projector = FrugalProjector::block})));
  check_resume(rated(badam({.switch_block_every = 7}, ScaleByAdam{})));
  check_resume(rated(Flora{.rank = 2, .resample_every = 7}));
}

TEST_CASE("AdaptiveFreezing resumes bit for bit, with what is frozen") {
  const auto rule = chain(AdaptiveFreezing{.begin = 3, .end = 40, .window = 2}, Adam{.learning_rate = 0.1});
  std::vector<Eigen::MatrixXf> W(4, Eigen::MatrixXf::Ones(9, 6)), V = W;
  Eigen::VectorXf b = Eigen::VectorXf::Ones(5), c = b;
  const auto run = [](auto& optimizer, int first, int last) {
    for (int t = first; t < last; ++t) {
      std::vector<Eigen::MatrixXf> g;
      for (std::uint64_t k = 0; k < 4; ++k)
        g.push_back(static_cast<float>(k + 1) * normal(9, 6, static_cast<std::uint64_t>(4 * t) + k).cast<float>());
      optimizer.step(g, normal(5, 1, static_cast<std::uint64_t>(t)).cast<float>());
    }
  };
  Optimizer whole{rule, named("W", W), named("b", b)};
  const std::string fresh = saved_bytes(whole);
  CHECK(header_of(fresh).find("\"state/W.0/retired\"") != std::string::npos);
  std::size_t largest = fresh.size();
  double frozen = 0;
  while (frozen < 4) {
    const double before = frozen;
    const int t = static_cast<int>(whole.steps());
    REQUIRE(t < 40);
    run(whole, t, t + 1);
    frozen = whole.shared("frozen");
    if (frozen == before) continue;
    const std::string bytes = saved_bytes(whole);
    CHECK(bytes.size() < largest);  // what is frozen has no state in the file either
    largest = bytes.size();
    Optimizer resumed{rule, named("W", V), named("b", c)};
    load_bytes(resumed, bytes);
    CHECK(snapshot(resumed) == snapshot(whole));
    run(resumed, t + 1, 45);
    Optimizer again{rule, named("W", W), named("b", b)};  // the same on the other parameters
    load_bytes(again, bytes);
    run(again, t + 1, 45);
    CHECK(snapshot(resumed) == snapshot(again));
    load_bytes(whole, bytes);
  }
  load_bytes(whole, fresh);  // and back: nothing is frozen
  CHECK(saved_bytes(whole) == fresh);
  CHECK(whole.shared("frozen") == 0);
  CHECK(whole.state(0).retired == 0);

  // A file in which a frozen tensor has a state, or another one none.
  Eigen::MatrixXf U = Eigen::MatrixXf::Zero(9, 6);
  Optimizer small{rule, named("U", U)};
  std::string bytes = saved_bytes(small);
  const std::string header = header_of(bytes);
  const std::string key = "\"state/U/retired\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[";
  const std::size_t at = 8 + header.size() + std::stoul(header.substr(header.find(key) + key.size()));
  bytes[at] = 7;
  CHECK(message_of<std::runtime_error>([&] { load_bytes(small, bytes); }).find("not part of the optimizer") !=
        std::string::npos);
  bytes[at + 7] = '\x80';
  CHECK(message_of<std::runtime_error>([&] { load_bytes(small, bytes); }).find("\"state/U/retired\": -") !=
        std::string::npos);
}
