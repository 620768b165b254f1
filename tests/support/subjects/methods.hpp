// The table of methods: a new method adds one line here and is held to every law.
#pragma once

#include <glissade/finite_sum/ai_sarah.hpp>
#include <glissade/finite_sum/inner_rule.hpp>
#include <glissade/finite_sum/saga.hpp>
#include <glissade/finite_sum/sarah.hpp>
#include <glissade/finite_sum/svrg.hpp>
#include <glissade/method/lifted.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/solve/barzilai_borwein.hpp>
#include <glissade/solve/damped_newton.hpp>
#include <glissade/solve/gradient_descent.hpp>
#include <glissade/solve/lazy_cubic_newton.hpp>
#include <glissade/solve/lazy_newton.hpp>
#include <glissade/solve/lbfgs.hpp>
#include <glissade/solve/newton.hpp>
#include <glissade/solve/nonlinear_cg.hpp>
#include <glissade/solve/oasis.hpp>
#include <glissade/solve/trust_region_newton.hpp>

#include "support/archetypes.hpp"

/// Calls law.operator()<Archetype>(name, method): the archetype is all that the method may use.
template <class Law>
void for_each_method(const Law& law) {
  using namespace glissade;
  law.template operator()<FirstOrder>("GradientDescent", GradientDescent{});
  law.template operator()<FirstOrder>("GradientDescent, StrongWolfe", GradientDescent{.search = StrongWolfe{}});
  law.template operator()<FirstOrder>("BarzilaiBorwein", BarzilaiBorwein{});
  law.template operator()<FirstOrder>("NonlinearCg", NonlinearCg{});
  law.template operator()<FirstOrder>("Lbfgs", Lbfgs{.memory = 3});
  law.template operator()<FirstOrder>("Lifted Adam", Lifted{Adam{.learning_rate = 0.1}});
  law.template operator()<SecondOrder>("Newton", Newton{});
  law.template operator()<SecondOrder>("TrustRegionNewton", TrustRegionNewton{});
  law.template operator()<Products>("TrustRegionNewton, products", TrustRegionNewton{});
  law.template operator()<SecondOrder>("LazyNewton", LazyNewton{.period = 3});
  law.template operator()<SecondOrder>("LazyNewton, fixed", LazyNewton{.period = 2, .adaptive = false, .constant = 5});
  law.template operator()<SecondOrder>("LazyCubicNewton", LazyCubicNewton{.period = 3});
  law.template operator()<SecondOrder>("LazyCubicNewton, fixed",
                                       LazyCubicNewton{.period = 2, .adaptive = false, .constant = 20});
  law.template operator()<SecondOrder>("DampedNewton, universal", DampedNewton{});
  law.template operator()<SecondOrder>("DampedNewton, aicn", DampedNewton{.kind = Damping::aicn, .constant = 10});
  law.template operator()<SecondOrder>("DampedNewton, grls", DampedNewton{.kind = Damping::grls, .grid_points = 30});
  law.template operator()<Products>("Oasis", Oasis{.initial_learning_rate = 0.1});
  law.template operator()<EqualTerms>("Svrg", Svrg{.step_size = 0.5, .batch_size = 2});
  law.template operator()<EqualTerms>("Saga", Saga{.step_size = 0.5, .batch_size = 2});
  law.template operator()<EqualTerms>("Sarah", Sarah{.step_size = 0.5, .batch_size = 2});
  law.template operator()<EqualTerms>("SarahPlus", SarahPlus{.step_size = 0.5, .batch_size = 2});
  law.template operator()<EqualTerms>("Svrg, by a rule", with_rule(Svrg{.batch_size = 2}, Sgd{.learning_rate = 0.5}));
  law.template operator()<EqualTermsWithProducts>("AiSarah", AiSarah{.batch_size = 2});
}
