// The table of methods: a new method adds one line here and is held to every law.
#pragma once

#include "support/archetypes.hpp"
#include <glissade/finite_sum/ai_sarah.hpp>
#include <glissade/finite_sum/inner_rule.hpp>
#include <glissade/finite_sum/katyusha.hpp>
#include <glissade/finite_sum/loopless_svrg.hpp>
#include <glissade/finite_sum/page.hpp>
#include <glissade/finite_sum/saga.hpp>
#include <glissade/finite_sum/sarah.hpp>
#include <glissade/finite_sum/sophia_g.hpp>
#include <glissade/finite_sum/sparse_saga.hpp>
#include <glissade/finite_sum/spider.hpp>
#include <glissade/finite_sum/stochastic_model.hpp>
#include <glissade/finite_sum/stochastic_oasis.hpp>
#include <glissade/finite_sum/storm.hpp>
#include <glissade/finite_sum/svrg.hpp>
#include <glissade/finite_sum/target_surrogate.hpp>
#include <glissade/learned/structured_proximal.hpp>
#include <glissade/minimize/accelerated_mirror_descent.hpp>
#include <glissade/minimize/bounded/lbfgsb.hpp>
#include <glissade/minimize/bounded/projected_newton.hpp>
#include <glissade/minimize/bounded/spectral_projected_gradient.hpp>
#include <glissade/minimize/composite/owl_qn.hpp>
#include <glissade/minimize/composite/proximal_newton.hpp>
#include <glissade/minimize/curvature/oasis.hpp>
#include <glissade/minimize/curvature/sophia.hpp>
#include <glissade/minimize/from_rule.hpp>
#include <glissade/minimize/gradient_descent.hpp>
#include <glissade/minimize/newton/damped_newton.hpp>
#include <glissade/minimize/newton/lazy_cubic_newton.hpp>
#include <glissade/minimize/newton/lazy_newton.hpp>
#include <glissade/minimize/newton/newton.hpp>
#include <glissade/minimize/newton/trust_region_newton.hpp>
#include <glissade/minimize/proximal_gradient.hpp>
#include <glissade/minimize/quasi_newton/barzilai_borwein.hpp>
#include <glissade/minimize/quasi_newton/bfgs.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/minimize/quasi_newton/nonlinear_cg.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/transforms/clip_by_global_norm.hpp>

#include <type_traits>

/// How near a method gets by itself: to any tolerance, or only as near as its rate lets it.
enum class Reach { minimum, neighborhood };

/// Calls law.operator()<Archetype>(name, method, reach): the archetype is all that the method may use.
template <class Law>
void for_each_method(const Law& law) {
  using namespace glissade;
  const auto run = [&law]<class A>(std::type_identity<A>, const char* name, const auto& method,
                                   Reach reach = Reach::minimum) { law.template operator()<A>(name, method, reach); };
  constexpr std::type_identity<FirstOrder> first_order;
  constexpr std::type_identity<SecondOrder> second_order;
  constexpr std::type_identity<Products> products;
  constexpr std::type_identity<EqualTerms> sum;
  constexpr std::type_identity<EqualTermsWithProducts> sum_with_products;
  run(first_order, "GradientDescent", GradientDescent{});
  run(std::type_identity<WithValue>{}, "GradientDescent, values alone", GradientDescent{});
  run(std::type_identity<Callable>{}, "GradientDescent, StrongWolfe, callable",
      GradientDescent{.search = StrongWolfe{}});
  run(first_order, "GradientDescent, Polyak", GradientDescent{.search = Polyak{.lowest = 0}});
  run(first_order, "BarzilaiBorwein", BarzilaiBorwein{});
  run(first_order, "NonlinearCg", NonlinearCg{});
  run(first_order, "Lbfgs", Lbfgs{.memory = 3});
  run(std::type_identity<WithValue>{}, "Lbfgs, Armijo, values alone", Lbfgs{.memory = 3, .search = Armijo{}});
  run(first_order, "Bfgs", Bfgs{});
  run(std::type_identity<WithValue>{}, "Bfgs, scaled, Armijo, values alone",
      Bfgs{.search = Armijo{}, .scaled_start = true});
  run(first_order, "Lifted Adam", Lifted{Adam{.learning_rate = 0.1}});
  run(first_order, "Lifted Sgd, still at first",
      Lifted{Sgd{.learning_rate = [](std::int64_t t) { return t < 3 ? 0.0 : 0.8; }}});
  run(second_order, "Newton", Newton{});
  run(second_order, "TrustRegionNewton", TrustRegionNewton{});
  run(products, "TrustRegionNewton, products", TrustRegionNewton{});
  run(second_order, "LazyNewton", LazyNewton{.period = 3});
  run(second_order, "LazyNewton, period 1, bad first constant", LazyNewton{.period = 1, .constant = 1e-6});
  run(second_order, "LazyNewton, fixed", LazyNewton{.period = 2, .adaptive = false, .constant = 5});
  run(second_order, "LazyCubicNewton", LazyCubicNewton{.period = 3});
  run(second_order, "LazyCubicNewton, bad first constant", LazyCubicNewton{.period = 4, .constant = 1e-6});
  run(second_order, "LazyCubicNewton, fixed", LazyCubicNewton{.period = 2, .adaptive = false, .constant = 20});
  run(second_order, "DampedNewton, universal", DampedNewton{});
  run(second_order, "DampedNewton, newton", DampedNewton{.kind = Damping::newton}, Reach::neighborhood);
  run(second_order, "DampedNewton, aicn", DampedNewton{.kind = Damping::aicn, .constant = 10});
  run(second_order, "DampedNewton, root", DampedNewton{.kind = Damping::root, .constant = 1});
  run(second_order, "DampedNewton, greedy", DampedNewton{.kind = Damping::greedy, .grid_points = 30});
  run(second_order, "DampedNewton, grls", DampedNewton{.kind = Damping::grls, .grid_points = 30});
  run(second_order, "DampedNewton, armijo", DampedNewton{.kind = Damping::armijo, .tau = 0.25});
  run(products, "Oasis", Oasis{.initial_learning_rate = 0.1});
  run(products, "SophiaH", SophiaH{.learning_rate = 0.05, .gamma = 1, .period = 2}, Reach::neighborhood);
  run(std::type_identity<EqualTermsWithLabels>{}, "SophiaG",
      SophiaG{.learning_rate = 0.05, .gamma = 1, .period = 2, .curvature_batch = 4}, Reach::neighborhood);
  run(sum_with_products, "StochasticOasis", StochasticOasis{.initial_learning_rate = 0.1, .batching = {.size = 2}});
  run(sum, "Svrg", Svrg{.step_size = 0.5, .batching = {.size = 2}});
  run(sum, "Saga", Saga{.step_size = 0.5, .batching = {.size = 2}});
  run(std::type_identity<EqualTermsWithProx>{}, "Saga, prox", Saga{.step_size = 0.5, .batching = {.size = 2}});
  run(sum, "Sarah", Sarah{.step_size = 0.5, .batching = {.size = 2}});
  run(sum, "SarahPlus", SarahPlus{.step_size = 0.5, .batching = {.size = 2}});
  run(std::type_identity<EqualTermsWithProx>{}, "SarahPlus, prox",
      SarahPlus{.step_size = 0.5, .batching = {.size = 2}});
  run(std::type_identity<EqualTermsOnSet>{}, "Svrg, set", Svrg{.step_size = 0.5, .batching = {.size = 2}});
  run(sum, "LooplessSvrg", LooplessSvrg{.step_size = 0.5, .batching = {.size = 2}});
  run(sum, "Page", Page{.step_size = 0.5, .batching = {.size = 2}});
  run(sum, "Spider", Spider{.step_size = 0.5, .batching = {.size = 2}});
  run(sum, "Storm", Storm{.scale = 0.05, .batching = {.size = 2}});
  run(std::type_identity<EqualTermsWithProx>{}, "Katyusha, prox",
      Katyusha{.smoothness = 1.1, .strong_convexity = 0.1, .batching = {.size = 2}});
  run(sum, "Katyusha, without strong convexity", Katyusha{.smoothness = 1.1, .batching = {.size = 2}});
  run(sum, "StochasticModel, subgradient", StochasticModel<SubgradientModel>{.step_size = 0.5});
  constexpr std::type_identity<EqualTermsWithModels> models;
  run(models, "StochasticModel, clipped",
      StochasticModel<ClippedModel>{.model = {.lower_bound = -1e6}, .step_size = 0.5});
  run(models, "StochasticModel, prox-linear", StochasticModel<ProxLinearModel>{.step_size = 0.5});
  run(models, "StochasticModel, proximal point",
      StochasticModel<ProximalPointModel>{.step_size = 0.5, .order = Order::independent});
  run(std::type_identity<LossOfVariables>{}, "TargetSurrogate", TargetSurrogate{.step_size = 0.8});
  run(std::type_identity<LossOfVariables>{}, "TargetSurrogate, armijo",
      TargetSurrogate{.step_size = 10, .schedule = TargetSchedule::armijo, .inner = {.steps = 2}});
  run(std::type_identity<EqualLossesOfVariables>{}, "StochasticTargetSurrogate",
      StochasticTargetSurrogate{.step_size = 0.8, .schedule = TargetSchedule::constant, .batching = {.size = 2}});
  run(std::type_identity<SparseTerms>{}, "SparseSaga", SparseSaga{.step_size = 0.08});
  run(sum, "Svrg, by a rule", with_rule(Svrg{.batching = {.size = 2}}, Sgd{.learning_rate = 0.5}));
  run(sum, "Saga, by a rule", with_rule(Saga{.batching = {.size = 2}}, Sgd{.learning_rate = 0.5}));
  run(sum, "Sarah, by a chain",
      with_rule(Sarah{.batching = {.size = 2}}, chain(ClipByGlobalNorm{1.0}, Sgd{.learning_rate = 0.5})));
  run(sum, "SarahPlus, by a rule", with_rule(SarahPlus{.batching = {.size = 2}}, Sgd{.learning_rate = 0.5}));
  run(sum_with_products, "AiSarah", AiSarah{.batching = {.size = 2}});
  run(std::type_identity<EqualTermsWithThird>{}, "AiSarah, third derivatives", AiSarah{.batching = {.size = 2}});
  run(sum_with_products, "AiSarah, by a rule", with_rule(AiSarah{.batching = {.size = 2}}, Sgd{.learning_rate = 0.5}));
  run(first_order, "ProximalGradient, plain", ProximalGradient{.accelerated = false});
  run(std::type_identity<WithProx>{}, "ProximalGradient, plain, prox", ProximalGradient{.accelerated = false});
  run(std::type_identity<WithValue>{}, "ProximalGradient, accelerated, values alone", ProximalGradient{});
  run(std::type_identity<OnSet>{}, "ProximalGradient, accelerated, set",
      ProximalGradient{.restart = Restart::function});
  run(std::type_identity<WithProx>{}, "ProximalGradient, accelerated, fixed step",
      ProximalGradient{.step_size = 0.8, .restart = Restart::none});
  run(first_order, "AcceleratedMirrorDescent", AcceleratedMirrorDescent<>{.lipschitz = 1.1});
  run(std::type_identity<OnSet>{}, "AcceleratedMirrorDescent, set, restart",
      AcceleratedMirrorDescent<>{.lipschitz = 1.1, .restart = Restart::gradient});
  run(first_order, "LbfgsB", LbfgsB{.memory = 3});
  run(std::type_identity<WithBounds>{}, "LbfgsB, far bounds, values alone", LbfgsB{.memory = 3});
  run(std::type_identity<OnSet>{}, "SpectralProjectedGradient, set", SpectralProjectedGradient{});
  run(std::type_identity<WithBoundsAndHessian>{}, "ProjectedNewton, far bounds", ProjectedNewton{});
  run(std::type_identity<WithL1>{}, "OwlQn, l1 of weight 0", OwlQn{.memory = 3});
  run(std::type_identity<WithL1>{}, "StructuredProximal, l1 of weight 0", StructuredProximal{.step_size = 0.8});
  run(std::type_identity<WithL1AndHessian>{}, "ProximalNewton, l1 of weight 0", ProximalNewton{});
}
