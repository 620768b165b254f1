// The options of games, fixed points, constrained and bilevel methods, learners and nodes: every member is visited,
// defaults and ranges are the known ones.
#include "support/known_options.hpp"
#include <glissade/bilevel/bo_rep.hpp>
#include <glissade/constrained/adasketch_newton.hpp>
#include <glissade/constrained/project_and_forget.hpp>
#include <glissade/fixed_point/anderson.hpp>
#include <glissade/fixed_point/bregman_halpern.hpp>
#include <glissade/fixed_point/infeasibility.hpp>
#include <glissade/fixed_point/parallel_evaluation.hpp>
#include <glissade/fixed_point/picard.hpp>
#include <glissade/games/extragradient.hpp>
#include <glissade/games/mirror_descent.hpp>
#include <glissade/games/optimistic_gradient.hpp>
#include <glissade/learned/evolution_strategy.hpp>
#include <glissade/learned/step_controller.hpp>
#include <glissade/networks/adom_plus.hpp>
#include <glissade/networks/chebyshev_gossip.hpp>
#include <glissade/networks/compression.hpp>
#include <glissade/networks/dadao.hpp>
#include <glissade/networks/decentralized_gradient.hpp>
#include <glissade/networks/diloco.hpp>
#include <glissade/networks/extra.hpp>
#include <glissade/networks/fed_alt.hpp>
#include <glissade/networks/fed_avg.hpp>
#include <glissade/networks/gossip.hpp>
#include <glissade/networks/gradient_tracking.hpp>
#include <glissade/networks/nesterov_gossip.hpp>
#include <glissade/networks/power_sgd.hpp>
#include <glissade/networks/scaffold.hpp>
#include <glissade/online.hpp>

using namespace glissade;

namespace {

void check(const auto& method) {
  static const std::set<std::string> known = known_options("iteration_options.txt");
  check_options_of(method, known);
}

}  // namespace

TEST_CASE("options: of the methods for games and fixed points") {
  check(Extragradient{});
  check(OptimisticGradient{});
  check(AcceleratedOptimisticGradient{});
  check(MagneticMirrorDescent<>{});
  check(Anderson{});
  check(BregmanHalpern<>{});
  check(DetectInfeasibility<>{});
  check(ParallelEvaluation{});
  check(KrasnoselskiiMann{});
}

TEST_CASE("options: of constrained and bilevel methods") {
  check(AdaSketchNewton{});
  check(ProjectAndForget{});
  check(BoRep{});
}

TEST_CASE("options: of learners") {
  check(AderOptions{});
  check(ArowOptions{});
  check(CensoredThompsonOptions{});
  check(CocobOptions{});
  check(CoinBettingOptions{});
  check(DelayedDualAveragingOptions{});
  check(Exp3Options{});
  check(FtrlProximalOptions{});
  check(OnlineGradientDescentOptions{});
  check(HedgeOptions{});
  check(ImplicitFtrlOptions{});
  check(ImportanceAwareOptions{});
  check(OnlineToNonConvexOptions{});
  check(PassiveAggressiveOptions{});
  check(SecondOrderPerceptronOptions{});
  check(StablOptions{});
  check(StreamingSelectionOptions{});
  check(TsallisInfOptions{});
  check(EvolutionOptions{});
  check(StepControllerOptions{});
}

TEST_CASE("options: of methods of nodes") {
  check(AdomPlus{});
  check(ChebyshevGossip{});
  check(IntervalQuantizer{});
  check(Dadao{});
  check(DecentralizedGradientDescent{});
  check(DiLoCo<>{});
  check(Extra{});
  check(FedSim<>{});
  check(FedAlt<>{});
  check(FedAvg<>{});
  check(Gossip{});
  check(GradientTracking{});
  check(NesterovGossip{});
  check(PowerSgd{});
  check(Scaffold{});
}
