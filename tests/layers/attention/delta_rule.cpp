#include "support/attention.hpp"
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/layers/attention/delta_rule.hpp>

#include <cmath>
#include <limits>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

VectorXd uniforms(Index size, std::uint64_t stream) {
  return VectorXd::NullaryExpr(size, [=](Index i) { return RandomKey{stream}.uniform(static_cast<std::uint64_t>(i)); });
}
MatrixXd unit_rows(Index rows, Index cols, std::uint64_t stream) {
  return normals(rows, cols, stream).rowwise().normalized();
}
double relative(const MatrixXd& a, const MatrixXd& b) { return (a - b).norm() / b.norm(); }

struct Problem {
  MatrixXd Q = normals(37, 6, 1), K = normals(37, 6, 2), V = normals(37, 5, 3), S = normals(5, 6, 4);
  VectorXd beta = uniforms(37, 5);
};
/// The definition, word for word.
struct Definition {
  MatrixXd O, S;
  Definition(const Problem& p, const DeltaRuleOptions& options) : O(p.V.rows(), p.V.cols()), S(p.S) {
    for (Index t = 0; t < p.Q.rows(); ++t) {
      const VectorXd q = p.Q.row(t) * (options.scale_queries ? 1 / std::sqrt(6.0) : 1.0);
      const VectorXd k = options.normalize_keys ? p.K.row(t).normalized() : p.K.row(t);
      S = (S * (MatrixXd::Identity(6, 6) - p.beta(t) * k * k.transpose()) +
           p.beta(t) * p.V.row(t).transpose() * k.transpose())
              .eval();
      O.row(t) = S * q;
    }
  }
};
const DeltaRuleOptions plain{.normalize_keys = false, .scale_queries = false};

}  // namespace

TEST_CASE("DeltaRule: in chunks or token by token, it is the definition") {
  for (const bool normalize : {true, false})
    for (const bool scale : {true, false}) {
      Problem p;
      if (!normalize) p.K = p.K.rowwise().normalized().eval();
      for (const int chunk : {1, 2, 7, 16, 37, 64}) {
        INFO("chunks of " << chunk);
        DeltaRule<double> rule({.chunk = chunk, .normalize_keys = normalize, .scale_queries = scale});
        const Definition expected(p, rule.options());
        MatrixXd O(37, 5), one_by_one(37, 5);
        rule.forward(p.Q, p.K, p.V, p.beta, p.S, O);
        const MatrixXd S = rule.state();
        CHECK(relative(S, expected.S) <= 2e-15);
        CHECK(relative(O, expected.O) <= 2e-15);
        rule.forward_recurrent(p.Q, p.K, p.V, p.beta, p.S, one_by_one);
        CHECK(relative(O, one_by_one) <= 2e-15);
        CHECK(relative(rule.state(), S) <= 2e-15);
        rule.forward(p.Q, p.K, p.V, p.beta, O);
        rule.forward_recurrent(p.Q, p.K, p.V, p.beta, one_by_one);
        CHECK(relative(O, one_by_one) <= 2e-15);
      }
    }
}

TEST_CASE("DeltaRule: gradients are those of differences, of the first state and from the last too") {
  for (const bool normalize : {true, false}) {
    Problem p;
    p.K *= 0.4;
    DeltaRule<double> rule({.chunk = 8, .normalize_keys = normalize});
    const MatrixXd dO = normals(37, 5, 6), dS = normals(5, 6, 7);
    MatrixXd O(37, 5), dQ(37, 6), dK(37, 6), dV(37, 5), dS_first(5, 6);
    VectorXd dbeta(37);
    const auto loss = [&] {
      rule.forward(p.Q, p.K, p.V, p.beta, p.S, O);
      return O.cwiseProduct(dO).sum() + rule.state().cwiseProduct(dS).sum();
    };
    loss();
    rule.backward(p.Q, p.K, p.V, p.beta, dO, dS, dQ, dK, dV, dbeta, dS_first);
    const auto check = [&](auto& variable, const auto& gradient) {
      double worst = 0;
      for (Index i = 0; i < variable.size(); ++i) {
        double& entry = variable.data()[i];
        const double kept = entry;
        const auto at = [&](double shift) {
          entry = kept + shift;
          return loss();
        };
        const double slope = (at(-2e-3) - at(2e-3) + 8 * (at(1e-3) - at(-1e-3))) / 12e-3;
        entry = kept;
        worst = std::max(worst, std::abs(slope - gradient.data()[i]));
      }
      CHECK(gradient.allFinite());
      CHECK(worst <= 7e-9);
    };
    check(p.Q, dQ);
    check(p.K, dK);
    check(p.V, dV);
    check(p.beta, dbeta);
    check(p.S, dS_first);
    // Without the two states: from zero, and no gradient comes in from the end.
    MatrixXd one = dQ, two = dK, three = dV, none(5, 6);
    VectorXd four = dbeta;
    rule.forward(p.Q, p.K, p.V, p.beta, O);
    rule.backward(p.Q, p.K, p.V, p.beta, dO, one, two, three, four);
    rule.backward(p.Q, p.K, p.V, p.beta, dO, MatrixXd::Zero(5, 6), dQ, dK, dV, dbeta, none);
    CHECK(one == dQ);
    CHECK(two == dK);
    CHECK(three == dV);
    CHECK(four == dbeta);
  }
}

TEST_CASE("DeltaRule: 4096 tokens in float, in chunks as token by token") {
  using M = Eigen::MatrixXf;
  const M Q = normals(4096, 64, 1).cast<float>(), K = normals(4096, 64, 2).cast<float>(),
          V = normals(4096, 64, 3).cast<float>();
  const Eigen::VectorXf beta = uniforms(4096, 4).cast<float>();
  DeltaRule<float> rule;
  M O(4096, 64), one_by_one(4096, 64);
  rule.forward(Q, K, V, beta, O);
  rule.forward_recurrent(Q, K, V, beta, one_by_one);
  DeltaRule<double> in_double;
  MatrixXd exact(4096, 64);
  in_double.forward(Q.cast<double>(), K.cast<double>(), V.cast<double>(), beta.cast<double>(), exact);
  CHECK(relative(O.cast<double>(), exact) <= 4.5e-7);
  CHECK(relative(one_by_one.cast<double>(), exact) <= 4.5e-7);
  CHECK(relative(O.cast<double>(), one_by_one.cast<double>()) <= 6e-7);
}

TEST_CASE("DeltaRule: the last write wins, and orthonormal keys are recalled as by linear attention") {
  DeltaRule<double> rule(plain);
  const MatrixXd key = unit_rows(1, 6, 1);
  const MatrixXd K = key.replicate(2, 1);
  const MatrixXd V = (MatrixXd(2, 3) << 1, 1, 1, 2, 2, 2).finished();
  MatrixXd O(2, 3);
  rule.forward(K, K, V, VectorXd::Ones(2), O);
  CHECK(relative(O, V) <= 1e-15);

  const MatrixXd orthonormal = random_orthonormal<double>(8, 8, RandomKey{2});
  const MatrixXd values = normals(8, 3, 3);
  MatrixXd recalled(8, 3);
  rule.forward(orthonormal, orthonormal, values, VectorXd::Ones(8), recalled);
  CHECK(relative(rule.state(), values.transpose() * orthonormal) <= 1e-14);
  CHECK(relative(recalled, values) <= 1e-14);
}

TEST_CASE("DeltaRule: without writing nothing changes; affine in the values and the first state") {
  const Problem p;
  DeltaRule<double> rule({.chunk = 8});
  MatrixXd O(37, 5), from_values(37, 5), from_state(37, 5);
  rule.forward(p.Q, p.K, p.V, VectorXd::Zero(37), p.S, O);
  CHECK(rule.state() == p.S);
  CHECK(relative(O, p.Q * p.S.transpose() / std::sqrt(6.0)) <= 1e-15);

  rule.forward(p.Q, p.K, p.V, p.beta, p.S, O);
  rule.forward(p.Q, p.K, p.V, p.beta, from_values);
  rule.forward(p.Q, p.K, MatrixXd::Zero(37, 5), p.beta, p.S, from_state);
  CHECK(relative(from_values + from_state, O) <= 1e-14);
  rule.forward(p.Q, p.K, -2 * p.V, p.beta, from_state);
  CHECK(relative(from_state, -2 * from_values) <= 1e-14);

  MatrixXd zero_keys(37, 5);
  rule.forward(p.Q, MatrixXd::Zero(37, 6), p.V, p.beta, p.S, zero_keys);
  CHECK(rule.state() == p.S);
}

TEST_CASE("DeltaRule: beta = 2 reflects the state, which keeps its norm") {
  const Problem p;
  DeltaRule<double> rule({.chunk = 8, .allow_negative = true});
  MatrixXd O(37, 5);
  rule.forward(p.Q, p.K, MatrixXd::Zero(37, 5), VectorXd::Constant(37, 2), p.S, O);
  CHECK(rule.state().norm() == Approx(p.S.norm()).epsilon(1e-13));
  CHECK(relative(rule.state(), p.S) > 0.1);
}

TEST_CASE("DeltaRule: two halves with the state carried over are the whole") {
  const Problem p;
  DeltaRule<double> rule({.chunk = 8});
  MatrixXd whole(37, 5), halves(37, 5);
  rule.forward(p.Q, p.K, p.V, p.beta, whole);
  const MatrixXd S = rule.state();
  rule.forward(p.Q.topRows(16), p.K.topRows(16), p.V.topRows(16), p.beta.head(16), halves.topRows(16));
  rule.forward(p.Q.bottomRows(21), p.K.bottomRows(21), p.V.bottomRows(21), p.beta.tail(21), rule.state(),
               halves.bottomRows(21));
  CHECK(halves == whole);  // 16 is a multiple of the chunk
  CHECK(rule.state() == S);
}

TEST_CASE("DeltaRule: recalls better than linear attention, and exactly after more passes") {
  struct Row {
    Index keys;
    double delta, linear, after_passes;  // the last one: its decimal logarithm
  };
  for (const Row row :
       {Row{16, 0.33, 0.44, -9}, Row{32, 0.52, 0.69, -3.5}, Row{64, 0.76, 0.98, -0.4}, Row{96, 0.90, 1.21, 0}}) {
    INFO(row.keys << " keys");
    double delta = 0, linear = 0, repeated = 0;
    constexpr int draws = 10;
    DeltaRule<double> rule(plain);
    for (std::uint64_t draw = 0; draw < draws; ++draw) {
      const MatrixXd K = unit_rows(row.keys, 64, 10 + draw), V = normals(row.keys, 64, 30 + draw);
      const VectorXd ones = VectorXd::Ones(row.keys);
      MatrixXd O(row.keys, 64);
      rule.forward(K, K, V, ones, O);
      delta += relative(K * rule.state().transpose(), V) / draws;
      linear += relative(K * (K.transpose() * V), V) / draws;
      for (int pass = 0; pass < 30; ++pass) rule.forward(K, K, V, ones, rule.state(), O);
      repeated += std::log10(relative(K * rule.state().transpose(), V)) / draws;
    }
    CAPTURE(delta, linear, repeated);
    CHECK(delta == Approx(row.delta).margin(0.05));
    CHECK(linear == Approx(row.linear).margin(0.06));
    CHECK(repeated <= row.after_passes);
  }
}

TEST_CASE("DeltaRule: an empty sequence leaves the state; what cannot be is refused with a sentence") {
  const Problem p;
  DeltaRule<double> rule;
  MatrixXd none(0, 6), no_values(0, 5), dQ(0, 6), dK(0, 6), dV(0, 5), dS(5, 6);
  VectorXd nothing(0), dbeta(0);
  rule.forward(none, none, no_values, nothing, p.S, no_values);
  CHECK(rule.state() == p.S);
  rule.backward(none, none, no_values, nothing, no_values, p.S, dQ, dK, dV, dbeta, dS);
  CHECK(dS == p.S);

  CHECK(message_of([] { DeltaRule<double>({.chunk = 0}); }) == "DeltaRule: chunk = 0, must be >= 1 and finite");
  MatrixXd O = MatrixXd::Constant(37, 5, 7);
  VectorXd beta = p.beta;
  beta(3) = 1.5;
  CHECK(message_of([&] { rule.forward(p.Q, p.K, p.V, beta, O); }) ==
        "DeltaRule::forward: beta(3) = 1.5, must be in [0, 1]");
  MatrixXd allowed(37, 5);
  DeltaRule<double>({.allow_negative = true}).forward(p.Q, p.K, p.V, beta, allowed);
  beta(3) = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of([&] { rule.forward_recurrent(p.Q, p.K, p.V, beta, O); }) ==
        "DeltaRule::forward_recurrent: beta(3) = nan, must be in [0, 1]");
  CHECK(message_of([&] { rule.forward(p.Q, p.V, p.V, p.beta, O); }) ==
        "DeltaRule::forward: K is 37 x 5, must be 37 x 6");
  CHECK(message_of([&] { rule.forward(p.Q, p.K, p.V, p.beta, p.K, O); }) ==
        "DeltaRule::forward: S is 37 x 6, must be 5 x 6");
  CHECK((O.array() == 7).all());
  MatrixXd q(37, 6), k(37, 6), v(37, 5);
  rule.forward_recurrent(p.Q, p.K, p.V, p.beta, O);
  CHECK(message_of<std::logic_error>([&] { rule.backward(p.Q, p.K, p.V, p.beta, O, q, k, v, beta); }) ==
        "DeltaRule::backward: no forward in chunks had 37 x 6 keys before");
}
