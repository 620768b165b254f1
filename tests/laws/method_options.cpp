// The options of all methods that minimize and of searches: every member is visited, defaults and ranges are the known
// ones.
#include "support/known_options.hpp"
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
#include <glissade/minimize/gradient_descent.hpp>
#include <glissade/minimize/least_squares/gauss_newton.hpp>
#include <glissade/minimize/least_squares/levenberg_marquardt.hpp>
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
#include <glissade/rules/sgd.hpp>

#include <set>
#include <string>

using namespace glissade;

namespace {

void check(const auto& method) {
  static const std::set<std::string> known = known_options("method_options.txt");
  check_options_of(method, known);
}

}  // namespace

TEST_CASE("options: of the searches") {
  check(Armijo{});
  check(StrongWolfe{});
  check(Polyak{});
}

TEST_CASE("options: of the methods that minimize") {
  check(GradientDescent{});
  check(BarzilaiBorwein{});
  check(NonlinearCg{});
  check(Lbfgs{});
  check(Bfgs{});
  check(LevenbergMarquardt{});
  check(GaussNewton{});
  check(Newton{});
  check(TrustRegionNewton{});
  check(LazyNewton{});
  check(LazyCubicNewton{});
  check(DampedNewton{});
  check(LbfgsB{});
  check(SpectralProjectedGradient{});
  check(ProjectedNewton{});
  check(StructuredProximal{});
  check(OwlQn{});
  check(ProximalNewton{});
  check(ProximalGradient{});
  check(AcceleratedMirrorDescent{});
  check(Oasis{});
  check(SophiaH{});
}

TEST_CASE("options: of the methods for finite sums") {
  check(StochasticOasis{});
  check(SophiaG{});
  check(Svrg{});
  check(Sarah{});
  check(Saga{});
  check(SarahPlus{});
  check(LooplessSvrg{});
  check(Page{});
  check(Spider{});
  check(Storm{});
  check(Katyusha{});
  check(SparseSaga{});
  check(StochasticModel<ProxLinearModel>{});
  check(StochasticModel<ClippedModel>{});
  check(TargetSurrogate{});
  check(StochasticTargetSurrogate{});
  check(AiSarah{});
}

TEST_CASE("options: of a rule within a method the method's are visited, the rule's where it is run") {
  const auto inner = with_rule(Sarah{}, Sgd{});
  std::set<const void*> of_inner, of_method;
  visit_options(inner, [&](auto, const auto& option, const Range& = {}) { of_inner.insert(&option); });
  visit_options(inner.method, [&](auto, const auto& option, const Range& = {}) { of_method.insert(&option); });
  CHECK(of_inner == of_method);
}

TEST_CASE("options: ranges that hang on another option") {
  const auto refused = [](const auto& method) {
    try {
      check_method(method);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(refused(StrongWolfe{.sufficient_decrease = 0.4, .curvature = 0.3}) ==
        "StrongWolfe: curvature = 0.3, must be in (0.4, 1)");
  CHECK(refused(GradientDescent{.search = StrongWolfe{.sufficient_decrease = 0.3, .curvature = 0.3}}) ==
        "StrongWolfe: curvature = 0.3, must be in (0.3, 1)");
  CHECK(refused(Newton{.search = StrongWolfe{.sufficient_decrease = 0.3, .curvature = 0.2}}) ==
        "StrongWolfe: curvature = 0.2, must be in (0.3, 1)");
  CHECK(refused(StrongWolfe{.sufficient_decrease = 0.3, .curvature = 0.31}).empty());
  CHECK(refused(TrustRegionNewton{.initial_radius = 1, .max_radius = 0.5}) ==
        "TrustRegionNewton: initial_radius = 1, must be in [0, 0.5]");
  CHECK(refused(TrustRegionNewton{.max_radius = 1}).empty());
  CHECK(refused(LazyCubicNewton{.max_constant = 0.5}) == "LazyCubicNewton: constant = 1, must be in (0, 0.5]");
  CHECK(refused(LazyCubicNewton{.adaptive = false, .max_constant = 0.5}).empty());
  CHECK(refused(LazyCubicNewton{.hessian_lipschitz = 0.5, .max_constant = 0.5}).empty());
  CHECK(refused(Oasis{.initial_learning_rate = 1, .largest_learning_rate = 0.5}) ==
        "Oasis: initial_learning_rate = 1, must be in (0, 0.5]");
  CHECK(refused(StochasticOasis{.largest_learning_rate = 1e-4}) ==
        "StochasticOasis: initial_learning_rate = 0.001, must be in (0, 1e-04]");
  CHECK(refused(LbfgsB{.sufficient_decrease = 0.3, .curvature = 0.3}) ==
        "LbfgsB: curvature = 0.3, must be in (0.3, 1)");
  CHECK(refused(Oasis{.learning_rate = 0.1, .largest_learning_rate = 1e-4}).empty());
}
