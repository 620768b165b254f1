#include "support/subject.hpp"

#include "laws/textbook.hpp"

using namespace glissade;

namespace {

/// Decay stands behind the projection.
template <class R>
auto with_rate(const R& rule, double rate) {
  return chain(rule, ScaleByLearningRate{rate});
}

}  // namespace

TEST_CASE("laws: low_rank") {
  check_laws(Subject{"galore(ScaleByAdam)", with_rate(galore({.rank = 2, .update_gap = 20}, ScaleByAdam{}), 0.02), 3,
                     nullptr, false});
  check_laws(Subject{
      "galore(Trace), both sides, reset",
      with_rate(
          galore({.rank = 3, .update_gap = 20, .side = ProjectionSide::full, .on_refresh = OnRefresh::reset}, Trace{}),
          0.02),
      3, nullptr, false});
  check_laws(Subject{"galore(Trace), left, randomized",
                     with_rate(galore({.rank = 2,
                                       .update_gap = 20,
                                       .side = ProjectionSide::left,
                                       .randomized = true,
                                       .accuracy = {.oversampling = 1}},
                                      Trace{}),
                               0.02),
                     3, nullptr, false});
  check_laws(Subject{"GaloreAdamW",
                     GaloreAdamW{.learning_rate = 0.02, .weight_decay = 1e-3, .galore = {.rank = 2, .update_gap = 20}},
                     3, nullptr, false, false});
  check_laws(Subject{"online_subspace_descent(ScaleByAdam)",
                     with_rate(online_subspace_descent({.rank = 2, .projector_rate = 0.02}, ScaleByAdam{}), 0.02), 3,
                     nullptr, false});
  check_laws(Subject{"frugal(ScaleByAdam), columns",
                     with_rate(frugal({.density = 0.4, .update_gap = 20, .inactive_scale = 0.1}, ScaleByAdam{}), 0.02),
                     3, nullptr, false});
  check_laws(Subject{
      "frugal(Trace), svd",
      with_rate(
          frugal(
              {.density = 0.4, .update_gap = 20, .projector = FrugalProjector::svd, .inactive_rule = InactiveRule::sgd},
              Trace{}),
          0.02),
      3, nullptr, false});
  check_laws(Subject{"Flora", with_rate(Flora{.rank = 3, .resample_every = 20}, 0.02), 3, nullptr, false});
}
