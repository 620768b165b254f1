// Which rules turn the update into a step: what chains are refused by if none does, or two do.
#include "support/catch.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

/// Whether R leaves the update pointing where it did, and says so.
template <class... R>
constexpr bool none_turns = (... && (detail::traits_of<R>::turns_at_most == 0));
/// Whether R makes a step of it, and says so.
template <class... R>
constexpr bool all_turn = (... &&
                           (detail::traits_of<R>::turns_at_least == 1 && detail::traits_of<R>::turns_at_most == 1));

}  // namespace

TEST_CASE("turns: directions do not") {
  CHECK(none_turns<ScaleByAdaBelief, ScaleByAdagrad, ScaleByAdam, ScaleByAdamNc, ScaleByAdamax, ScaleByAdan>);
  CHECK(none_turns<ScaleByAdopt, ScaleByAmsGrad, ScaleByCautiousAdam, ScaleByCautiousLion, ScaleByFactoredRms>);
  CHECK(none_turns<ScaleByLaProp, ScaleByLion, ScaleByMuon, ScaleByNAdam, ScaleByRAdam, ScaleByRms<true>>);
  CHECK(none_turns<ScaleByRms<false>, ScaleBySignum, ScaleBySophia, ScaleByYogi>);
}

TEST_CASE("turns: transforms do not") {
  CHECK(none_turns<Accumulate, AdaptiveClip, AddDecayedWeights, AddNoise, Centralize, ClipByGlobalNorm, ClipByNorm>);
  CHECK(none_turns<ClipByRms, ClipByValue, ClipCoordinates, DynamicLossScale, Flora, FloraAccumulate, Trace>);
  CHECK(none_turns<MasterWeights, ScaleByTrustRatio, SkipNonFinite, ThrowNonFinite>);
}

TEST_CASE("turns: rates do") { CHECK(all_turn<ScaleByLearningRate, Sgd, Adam, AdamW, Lion, Adafactor, Muon>); }
