// The options of all methods and searches: every member is visited, and each range is what its comment says.
#include "support/catch.hpp"
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
#include <glissade/minimize/quasi_newton/barzilai_borwein.hpp>
#include <glissade/minimize/quasi_newton/bfgs.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/minimize/quasi_newton/nonlinear_cg.hpp>
#include <glissade/rules/sgd.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace glissade;

namespace {

// How many members an aggregate has: a binding of another number does not compile.
template <class T>
std::size_t members(const T& t) {
  [[maybe_unused]] const auto& [a] = t;
  return 1;
}
template <class T>
std::size_t members_2(const T& t) {
  [[maybe_unused]] const auto& [a, b] = t;
  return 2;
}
template <class T>
std::size_t members_3(const T& t) {
  [[maybe_unused]] const auto& [a, b, c] = t;
  return 3;
}
template <class T>
std::size_t members_4(const T& t) {
  [[maybe_unused]] const auto& [a, b, c, d] = t;
  return 4;
}
template <class T>
std::size_t members_5(const T& t) {
  [[maybe_unused]] const auto& [a, b, c, d, e] = t;
  return 5;
}
template <class T>
std::size_t members_6(const T& t) {
  [[maybe_unused]] const auto& [a, b, c, d, e, f] = t;
  return 6;
}
template <class T>
std::size_t members_7(const T& t) {
  [[maybe_unused]] const auto& [a, b, c, d, e, f, g] = t;
  return 7;
}
template <class T>
std::size_t members_9(const T& t) {
  [[maybe_unused]] const auto& [a, b, c, d, e, f, g, h, i] = t;
  return 9;
}
template <class T>
std::size_t members_11(const T& t) {
  [[maybe_unused]] const auto& [a, b, c, d, e, f, g, h, i, j, k] = t;
  return 11;
}

/// "name range" of every option.
template <class M>
std::vector<std::string> options_of(const M& method, std::size_t expected) {
  INFO(M::name);
  std::vector<std::string> texts;
  std::set<const void*> places;
  visit_options(method, [&](std::string_view name, const auto& option, const Range& range = range::any) {
    texts.push_back(std::string(name) + (range.text() == "a number" ? "" : " " + range.text()));
    places.insert(&option);
  });
  CHECK(texts.size() == expected);
  CHECK(places.size() == expected);
  for (const void* place : places)
    CHECK((place >= static_cast<const void*>(&method) && place < static_cast<const void*>(&method + 1)));
  return texts;
}

/// The members of a method with its batching's in place of that.
template <class M>
std::size_t with_batching(const M& method, std::size_t own) {
  return own - 1 + members_4(method.batching);
}

using Texts = std::vector<std::string>;

Texts batching(Texts texts) {
  for (const char* text :
       {"batching.size >= 1 and finite", "batching.inner_steps >= 0 and finite", "batching.order", "batching.seed"})
    texts.emplace_back(text);
  return texts;
}

}  // namespace

TEST_CASE("options: of the searches") {
  CHECK(options_of(Armijo{}, members_3(Armijo{})) ==
        Texts{"sufficient_decrease in (0, 0.5)", "shrink in (0, 1)", "max_trials >= 1 and finite"});
  CHECK(options_of(StrongWolfe{}, members_3(StrongWolfe{})) ==
        Texts{"sufficient_decrease in (0, 0.5)", "curvature in (0, 1)", "max_trials >= 1 and finite"});
  CHECK(options_of(Polyak{}, members(Polyak{})) ==
        Texts{"lowest in [-1.7976931348623157e+308, 1.7976931348623157e+308]"});
}

TEST_CASE("options: of the methods that minimize") {
  CHECK(options_of(GradientDescent{}, members(GradientDescent{})) == Texts{"search"});
  CHECK(options_of(BarzilaiBorwein{}, members_5(BarzilaiBorwein{})) ==
        Texts{"kind", "window in [1, 100]", "sufficient_decrease in (0, 0.5)", "shrink in (0, 1)",
              "max_trials >= 1 and finite"});
  CHECK(options_of(NonlinearCg{}, members_2(NonlinearCg{})) == Texts{"beta", "search"});
  CHECK(options_of(Lbfgs{}, members_2(Lbfgs{})) == Texts{"memory in [1, 1000]", "search"});
  CHECK(options_of(Bfgs{}, members_3(Bfgs{})) == Texts{"search", "curvature_floor in [0, 1)", "scaled_start"});
  CHECK(options_of(LevenbergMarquardt{}, members_4(LevenbergMarquardt{})) ==
        Texts{"initial_radius > 0 and finite", "accept in [0, 0.25)", "acceleration >= 0 and finite",
              "max_trials >= 1 and finite"});
  CHECK(options_of(GaussNewton{}, members_3(GaussNewton{})) ==
        Texts{"initial_radius > 0 and finite", "accept in [0, 0.25)", "max_trials >= 1 and finite"});
  CHECK(options_of(Newton{}, members_2(Newton{})) == Texts{"search", "indefinite"});
  CHECK(options_of(TrustRegionNewton{}, members_4(TrustRegionNewton{})) ==
        Texts{"initial_radius >= 0 and finite", "max_radius > 0 and finite", "accept in [0, 0.25)",
              "saddle_products >= 0 and finite"});
  const Texts lazy{"period >= 0 and finite",
                   "adaptive",
                   "constant > 0 and finite",
                   "hessian_lipschitz >= 0 and finite",
                   "accept in (0, 0.23]",
                   "max_constant > 0 and finite",
                   "form"};
  CHECK(options_of(LazyNewton{}, members_7(LazyNewton{})) == lazy);
  CHECK(options_of(LazyCubicNewton{}, members_7(LazyCubicNewton{})) == lazy);
  CHECK(options_of(DampedNewton{}, members_11(DampedNewton{})) ==
        Texts{"kind", "constant > 0 and finite", "q in [2, 4]", "sigma > 0 and finite",
              "beta in [0.6666666666666666, 1]", "c > 1 and finite", "grid_low in (0, 1)", "grid_points in [2, 1e+09]",
              "tau in (0, 0.5]", "pseudo_inverse_cut in [0, 1)", "max_trials >= 1 and finite"});
}

TEST_CASE("options: of the methods between bounds") {
  CHECK(options_of(LbfgsB{}, members_4(LbfgsB{})) == Texts{"memory in [1, 1000]", "sufficient_decrease in (0, 0.5)",
                                                           "curvature in (0, 1)", "max_trials >= 1 and finite"});
  CHECK(options_of(SpectralProjectedGradient{}, members_3(SpectralProjectedGradient{})) ==
        Texts{"window in [1, 100]", "sufficient_decrease in (0, 0.5)", "max_trials >= 1 and finite"});
  CHECK(options_of(ProjectedNewton{}, members_4(ProjectedNewton{})) ==
        Texts{"near > 0 and finite", "sufficient_decrease in (0, 0.5)", "shrink in (0, 1)",
              "max_trials >= 1 and finite"});
}

TEST_CASE("options: of the methods for an l1 norm") {
  CHECK(options_of(StructuredProximal{}, members_6(StructuredProximal{})) ==
        Texts{"step_size > 0 and finite", "P", "A", "B", "b1", "b2"});
  CHECK(options_of(OwlQn{}, members_4(OwlQn{})) == Texts{"memory in [1, 1000]", "sufficient_decrease in (0, 0.5)",
                                                         "shrink in (0, 1)", "max_trials >= 1 and finite"});
  CHECK(options_of(ProximalNewton{}, members_4(ProximalNewton{})) ==
        Texts{"sufficient_decrease in (0, 0.5)", "shrink in (0, 1)", "max_trials >= 1 and finite",
              "max_sweeps >= 1 and finite"});
}

TEST_CASE("options: of the methods that estimate the curvature") {
  const Texts oasis{"learning_rate >= 0 and finite",
                    "initial_learning_rate > 0 and finite",
                    "largest_learning_rate > 0 and finite",
                    "beta1 in [0, 1)",
                    "beta2 in [0, 1)",
                    "truncation > 0 and finite",
                    "weight_decay >= 0 and finite",
                    "warm_start >= 1 and finite"};
  Texts with_seed = oasis;
  with_seed.emplace_back("seed");
  CHECK(options_of(Oasis{}, members_9(Oasis{})) == with_seed);
  CHECK(options_of(StochasticOasis{}, with_batching(StochasticOasis{}, members_9(StochasticOasis{}))) ==
        batching(oasis));
  const Texts sophia{"learning_rate >= 0 and finite",
                     "beta1 in [0, 1)",
                     "beta2 in [0, 1)",
                     "gamma > 0 and finite",
                     "epsilon >= 0 and finite",
                     "weight_decay >= 0 and finite",
                     "period >= 1 and finite",
                     "seed"};
  Texts hutchinson = sophia, gauss_newton = sophia;
  hutchinson.emplace_back("probe");
  gauss_newton.emplace_back("curvature_batch >= 0 and finite");
  CHECK(options_of(SophiaH{}, members_9(SophiaH{})) == hutchinson);
  CHECK(options_of(SophiaG{}, members_9(SophiaG{})) == gauss_newton);
}

TEST_CASE("options: of the methods for finite sums") {
  const auto check = [](const auto& method, std::size_t own, const Texts& texts) {
    CHECK(options_of(method, with_batching(method, own)) == texts);
  };
  check(Svrg{}, members_2(Svrg{}), batching({"step_size > 0 and finite"}));
  check(Sarah{}, members_2(Sarah{}), batching({"step_size > 0 and finite"}));
  check(Saga{}, members_2(Saga{}), batching({"step_size > 0 and finite"}));
  check(SarahPlus{}, members_3(SarahPlus{}), batching({"step_size > 0 and finite", "gamma in (0, 1)"}));
  check(LooplessSvrg{}, members_3(LooplessSvrg{}), batching({"step_size > 0 and finite", "probability in [0, 1]"}));
  check(Page{}, members_3(Page{}), batching({"step_size > 0 and finite", "probability in [0, 1]"}));
  check(Spider{}, members_3(Spider{}), batching({"step_size > 0 and finite", "longest_step >= 0 and finite"}));
  check(Storm{}, members_4(Storm{}),
        batching({"scale > 0 and finite", "offset > 0 and finite", "forgetting >= 0 and finite"}));
  check(Katyusha{}, members_3(Katyusha{}), batching({"smoothness > 0 and finite", "strong_convexity >= 0 and finite"}));
  CHECK(options_of(SparseSaga{}, members_3(SparseSaga{})) ==
        Texts{"step_size > 0 and finite", "inner_steps >= 0 and finite", "seed"});
  const Texts of_models{"step_size > 0 and finite", "output", "inner_steps >= 0 and finite", "order", "seed"};
  const StochasticModel<ProxLinearModel> prox_linear;
  CHECK(options_of(prox_linear, members_6(prox_linear) - 1) == of_models);
  const StochasticModel<ClippedModel> clipped;
  Texts with_bound{"model.lower_bound in [-1.7976931348623157e+308, 1.7976931348623157e+308]"};
  with_bound.insert(with_bound.end(), of_models.begin(), of_models.end());
  CHECK(options_of(clipped, members_6(clipped) - 1 + members(clipped.model)) == with_bound);
  const Texts of_surrogates{"step_size > 0 and finite",
                            "schedule in [0, 3]",
                            "horizon > 0 and finite",
                            "inner.steps >= 1 and finite",
                            "inner.line_search",
                            "inner.first_step > 0 and finite",
                            "inner.sufficient_decrease in (0, 1)",
                            "inner.shrink in (0, 1)",
                            "inner.grow > 1 and finite",
                            "inner.gradient_tolerance >= 0 and finite",
                            "inner.smallest_step > 0 and finite",
                            "inner.max_trials >= 1 and finite"};
  const std::size_t of_inner = members_9(SurrogateDescent{}) - 1;
  CHECK(options_of(TargetSurrogate{}, members_4(TargetSurrogate{}) + of_inner) == of_surrogates);
  check(StochasticTargetSurrogate{}, members_5(StochasticTargetSurrogate{}) + of_inner, batching(of_surrogates));
  Texts ai_sarah = batching({"gamma in (0, 1)", "beta in [0, 1)"});
  ai_sarah.emplace_back("drop_third");
  check(AiSarah{}, members_4(AiSarah{}), ai_sarah);
  // Of a rule within a method the method's are visited here, the rule's where it is run.
  const auto inner = with_rule(Sarah{}, Sgd{});
  CHECK(options_of(inner, with_batching(inner.method, members_2(inner.method))) ==
        batching({"step_size > 0 and finite"}));
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
