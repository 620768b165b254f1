// Kinds of calls: how they are named, counted and refused.
#include "support/catch.hpp"
#include <glissade/oracle/objective.hpp>

#include <array>
#include <set>
#include <string>

using namespace glissade;
using Eigen::VectorXd;

namespace {

/// Ten equal terms, f(x) = x_0.
struct TenTerms {
  static Index size() { return 10; }
  static double value(const VectorXd& x) { return x[0]; }
  static double value_and_gradient(const VectorXd& x, VectorXd& g) {
    g.setOnes();
    return x[0];
  }
  static void hessian_vector(const VectorXd&, const VectorXd&, VectorXd& Hv) { Hv.setZero(); }
  static double batch_value(const VectorXd& x, std::span<const Index>) { return x[0]; }
  static void batch_gradient(const VectorXd&, std::span<const Index>, VectorXd& g) { g.setOnes(); }
  static void batch_hessian_vector(const VectorXd&, std::span<const Index>, const VectorXd&, VectorXd& Hv) {
    Hv.setZero();
  }
  static void prox(VectorXd&, double) {}
};

}  // namespace

TEST_CASE("calls: every kind has a name and a count of its own") {
  std::set<std::string> names;
  Evaluations e;
  for (std::size_t k = 0; k < detail::call_kinds.size(); ++k) {
    const auto call = static_cast<Call>(k);
    names.insert(std::string(to_string(call)));
    CHECK(e[call] == 0);
    ++e[call];
    CHECK(e[call] == 1);
  }
  CHECK(names.size() == detail::call_kinds.size());
  CHECK(to_string(Call::hessian_vector) == "hessian_vector");
  CHECK(to_string(Call::batch_third) == "batch_third");
  CHECK(e.gradient == 1);
  CHECK(e.component_third == 1);
  e.components = 4;
  CHECK(e.values() == 1.25);
  CHECK(e.gradients() == 1.25);
  CHECK(e.hessian_vectors() == 1.25);
  CHECK(e.whole(Call::batch_gradient) == 1.25);
  CHECK(e.whole(Call::hessian) == 1);
  CHECK(e.whole(Call::batch_third) == 0.25);
}

TEST_CASE("calls: a batch takes its share of the budget of the whole, and the kind of budget is told") {
  TenTerms terms;
  const VectorXd x = VectorXd::Zero(2);
  VectorXd out;
  const std::array<Index, 5> half{0, 1, 2, 3, 4};
  const auto refused = [&](Call call, auto&& ask) {
    Oracle<TenTerms, VectorXd> f(terms);
    f.allow(call, 1);
    ask(f);
    ask(f);
    CHECK_FALSE(f.refused());
    ask(f);
    return f.refused() == call;
  };
  CHECK(refused(Call::value, [&](auto& f) { static_cast<void>(f.batch_value(x, half)); }));
  CHECK(refused(Call::gradient, [&](auto& f) { f.batch_gradient(x, half, out); }));
  CHECK(refused(Call::hessian_vector, [&](auto& f) { f.batch_hessian_vector(x, half, x, out); }));
  CHECK(out.array().isNaN().all());
}

TEST_CASE("calls: a call of two kinds is refused for the first that is spent, and not counted") {
  TenTerms terms;
  const VectorXd x = VectorXd::Zero(2);
  VectorXd g;
  Oracle<TenTerms, VectorXd> f(terms);
  f.allow(Call::value, 2);
  f.allow(Call::gradient, 1);
  f.value_and_gradient(x, g);
  CHECK(f.value(x) == 0);
  CHECK(std::isnan(f.value_and_gradient(x, g)));
  CHECK(f.refused() == Call::value);
  CHECK(g.array().isNaN().all());
  CHECK(f.evaluations().value == 2);
  CHECK(f.evaluations().gradient == 1);
}

TEST_CASE("calls: what has no budget is only counted") {
  TenTerms terms;
  VectorXd x = VectorXd::Zero(2);
  Oracle<TenTerms, VectorXd> f(terms);
  for (int k = 0; k < 100; ++k) f.prox(x, 1);
  CHECK_FALSE(f.refused());
  CHECK(f.evaluations().prox == 100);
}
