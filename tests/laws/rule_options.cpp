// The options of all rules: every member is visited, under a name of its own, or is itself a rule.
#include "support/known_options.hpp"
#include <glissade/glissade.hpp>
#include <glissade/learned.hpp>
#include <glissade/make_optimizer.hpp>

using namespace glissade;

namespace {

void check(const auto& rule) {
  static const std::set<std::string> known = known_options("rule_options.txt");
  check_options_of(rule, known);
}

}  // namespace

TEST_CASE("options: every member of a rule is visited, once and by a name of its own") {
  detail::for_each_named_rule([]<class R>(const char*, std::type_identity<R>) { check(R{}); });
}

TEST_CASE("options: of directions") {
  check(ScaleByAdaBelief{});
  check(ScaleByAdagrad{});
  check(ScaleByAdam{});
  check(ScaleByAdamNc{});
  check(ScaleByAdan{});
  check(ScaleByAdopt{});
  check(ScaleByAmsGrad{});
  check(ScaleByCautiousAdam{});
  check(ScaleByCautiousLion{});
  check(ScaleByFactoredRms{});
  check(ScaleByLaProp{});
  check(ScaleByLion{});
  check(ScaleByMuon{});
  check(ScaleByNAdam{});
  check(ScaleByRAdam{});
  check(ScaleByRms<true>{});
  check(ScaleBySignum{});
  check(ScaleBySophia{});
  check(ScaleByYogi{});
  check(AdafactorMlp{});
  check(MomentumMlp{});
  check(ScaleByWidth{});
}

TEST_CASE("options: of transforms") {
  check(Accumulate{});
  check(AdaptiveClip{});
  check(AddDecayedWeights{0.1});
  check(AddNoise{});
  check(Centralize{});
  check(ClipByGlobalNorm{});
  check(ClipByNorm{});
  check(ClipByRms{});
  check(ClipByValue{});
  check(ClipCoordinates{});
  check(DynamicLossScale{});
  check(Ema{});
  check(Lookahead{});
  check(Scale{});
  check(ScaleByLearningRate{0.1});
  check(ScaleByTrustRatio{});
  check(SkipNonFinite{});
  check(Swa{});
  check(Trace{});
}

TEST_CASE("options: of projections") {
  check(galore({.rank = 2}, ScaleByAdam{}));
  check(online_subspace_descent({.rank = 2}, ScaleByAdam{}));
  check(frugal({.density = 0.5}, ScaleByAdam{}));
  check(Flora{});
  check(FloraAccumulate{});
}
