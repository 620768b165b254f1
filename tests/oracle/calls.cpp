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

namespace {

/// Two constraints, x_0^2 = 1 and x_0 x_1 = 2, and a sum of three terms c_k x_0 with their gradients.
struct Constrained {
  static constexpr std::array<double, 3> slopes{1, 2, 6};
  static Index size() { return 3; }
  static void batch_gradients(const VectorXd&, std::span<const Index> indices, Eigen::MatrixXd& G) {
    for (std::size_t k = 0; k < indices.size(); ++k)
      G.col(static_cast<Index>(k)) << slopes[static_cast<std::size_t>(indices[k])], 0;
  }
  static void constraints(const VectorXd& x, VectorXd& c) {
    c.resize(2);
    c << x[0] * x[0] - 1, x[0] * x[1] - 2;
  }
  static void jacobian(const VectorXd& x, Eigen::MatrixXd& J) {
    J.resize(2, 2);
    J << 2 * x[0], 0, x[1], x[0];
  }
  static void lagrangian_hessian(const VectorXd&, const VectorXd& multipliers, Eigen::MatrixXd& H) {
    H << 2 * multipliers[0], multipliers[1], multipliers[1], 0;
  }
};

/// The same terms, one gradient at a time.
struct OneByOne {
  static Index size() { return 3; }
  static void batch_gradient(const VectorXd&, std::span<const Index> indices, VectorXd& g) {
    g << Constrained::slopes[static_cast<std::size_t>(indices[0])], 0;
  }
};

}  // namespace

TEST_CASE("calls: a gradient of every term, in one call or one by one, is counted in terms") {
  const VectorXd x = VectorXd::Ones(2);
  const std::array<Index, 2> batch{2, 0};
  Eigen::MatrixXd G, H;
  Constrained all;
  Oracle<Constrained, VectorXd> oracle(all);
  oracle.batch_gradients(x, batch, G);
  OneByOne single;
  Oracle<OneByOne, VectorXd> slow(single);
  slow.batch_gradients(x, batch, H);
  CHECK(G == (Eigen::MatrixXd(2, 2) << 6, 1, 0, 0).finished());
  CHECK(G == H);
  CHECK(oracle.evaluations().component_gradient == 2);
  CHECK(slow.evaluations().component_gradient == 2);
  CHECK(slow.evaluations().gradients() == Approx(2.0 / 3));
  slow.allow(Call::gradient, 1);
  slow.batch_gradients(x, batch, H);
  CHECK(H.col(0).allFinite());
  CHECK(H.col(1).hasNaN());
}

TEST_CASE("calls: constraints, their Jacobian and the Hessian of a Lagrangian are counted and kept within budgets") {
  const VectorXd x{{3, 5}}, multipliers{{2, 7}};
  VectorXd c;
  Eigen::MatrixXd J, H;
  Constrained f;
  Oracle<Constrained, VectorXd> oracle(f);
  oracle.constraints(x, c);
  oracle.jacobian(x, J);
  oracle.lagrangian_hessian(x, multipliers, H);
  CHECK(c == VectorXd{{8, 13}});
  CHECK(J == (Eigen::MatrixXd(2, 2) << 6, 0, 5, 3).finished());
  CHECK(H == (Eigen::MatrixXd(2, 2) << 4, 7, 7, 0).finished());
  CHECK(oracle.evaluations().constraints == 1);
  CHECK(oracle.evaluations().jacobian == 1);
  CHECK(oracle.evaluations().lagrangian_hessian == 1);
  oracle.allow(Call::constraints, 1);
  oracle.constraints(x, c);
  CHECK(c.hasNaN());
  CHECK(oracle.refused() == Call::constraints);
}

namespace {

/// A rotation in a norm of its own, on a set.
struct Rotation {
  int values = 0;
  void operator()(const VectorXd& z, VectorXd& out) {
    ++values;
    out << z[1], -z[0];
  }
  static double norm(const VectorXd& v) { return 10 * v.norm(); }
  static void project(VectorXd& z) { z = z.cwiseMax(0); }
};

}  // namespace

TEST_CASE("calls: values of operators and projections are counted, and a sweep is one value") {
  Rotation rotation;
  const VectorXd z{{3, -4}};
  VectorXd out, at = z;
  Oracle<Rotation, VectorXd> oracle(rotation);
  oracle.operator_value(z, out);
  CHECK(out == VectorXd{{-4, -3}});
  CHECK(oracle.norm(z) == 50);
  oracle.project(at);
  CHECK(at == VectorXd{{3, 0}});
  CHECK(oracle.sweep([](Rotation& f) { f.values += 5; }));
  CHECK(rotation.values == 6);
  CHECK(oracle.evaluations().operator_value == 2);
  CHECK(oracle.evaluations().projection == 1);
  oracle.allow(Call::operator_value, 2);
  CHECK_FALSE(oracle.sweep([](Rotation& f) { f.values += 5; }));
  CHECK(rotation.values == 6);
  oracle.operator_value(z, out);
  CHECK(out.hasNaN());
}
