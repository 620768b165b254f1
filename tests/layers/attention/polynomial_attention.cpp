#include "support/attention.hpp"
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include <glissade/layers/attention/polynomial_attention.hpp>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;

namespace {

/// Entries of Q and K up to `size`.
struct Problem {
  MatrixXd Q, K, V, dO;
  Problem(Index length, Index h, Index w, double size)
      : Q(normals(length, h, 1)), K(normals(length, h, 2)), V(normals(length, w, 3)), dO(normals(length, w, 4)) {
    Q *= size / Q.cwiseAbs().maxCoeff();
    K *= size / K.cwiseAbs().maxCoeff();
  }
};

struct Attended {
  PolynomialPlan plan;
  MatrixXd O, dQ, dK, dV;
  Attended(const PolynomialAttentionOptions& options, const Problem& p)
      : O(p.V.rows(), p.V.cols()), dQ(p.Q.rows(), p.Q.cols()), dK(p.K.rows(), p.K.cols()), dV(O.rows(), O.cols()) {
    PolynomialAttention<double> attention(options);
    plan = attention.forward(p.Q, p.K, p.V, O);
    REQUIRE(plan.accepted());
    attention.backward(p.Q, p.K, p.V, p.dO, dQ, dK, dV);
  }
};

MatrixXd taylor(const MatrixXd& S, int degree) {
  MatrixXd sum = MatrixXd::Ones(S.rows(), S.cols()), term = sum;
  for (int t = 1; t <= degree; ++t) {
    term = term.cwiseProduct(S) / t;
    sum += term;
  }
  return sum;
}
MatrixXd normalized(const MatrixXd& E) { return E.array().colwise() / E.rowwise().sum().array(); }

/// The weights themselves: with V = I they are the output.
MatrixXd weights(const PolynomialAttentionOptions& options, const MatrixXd& Q, const MatrixXd& K,
                 PolynomialPlan& plan) {
  MatrixXd P(Q.rows(), Q.rows());
  PolynomialAttention<double> attention(options);
  plan = attention.forward(Q, K, MatrixXd::Identity(Q.rows(), Q.rows()), P);
  REQUIRE(plan.accepted());
  return P;
}

}  // namespace

TEST_CASE("PolynomialAttention: weights are Taylor polynomials of the logits, divided by their sums") {
  PolynomialPlan plan;
  for (const auto& [h, degree, rank] :
       {std::tuple{1, 7, 8}, std::tuple{2, 6, 28}, std::tuple{3, 4, 35}, std::tuple{4, 2, 15}, std::tuple{8, 2, 45},
        std::tuple{5, 1, 6}, std::tuple{5, 0, 1}, std::tuple{39, 1, 40}}) {
    const Problem p(100, h, 1, 0.7);
    const MatrixXd P = weights({.beta = 0.6, .degree = degree, .center_keys = false}, p.Q, p.K, plan);
    CHECK(plan.rank == rank);
    CHECK(plan.degree == degree);
    CHECK((P - normalized(taylor(0.6 * p.Q * p.K.transpose(), degree))).cwiseAbs().maxCoeff() < 1e-13);
    CHECK((P.rowwise().sum().array() - 1).abs().maxCoeff() < 1e-13);
  }
}

TEST_CASE("PolynomialAttention: gradients are the exact ones' formula with these weights") {
  for (const auto& [length, h, w] : {std::tuple{150, 4, 4}, std::tuple{100, 3, 5}, std::tuple{64, 5, 1},
                                     std::tuple{65, 1, 3}, std::tuple{1, 2, 2}}) {
    Problem p(length, h, w, 0.8);
    p.K.rowwise() += 0.3 * normals(1, h, 5).row(0);
    const int degree = length == 1 ? 0 : 3;
    for (const bool center : {false, true}) {
      const Attended result({.degree = degree, .center_keys = center}, p);
      MatrixXd K = p.K;
      if (result.plan.centered) K.rowwise() -= p.K.colwise().mean();
      const double beta = 1 / std::sqrt(h);
      const MatrixXd P = normalized(taylor(beta * p.Q * K.transpose(), degree));
      const auto dense = DenseAttention::of_weights(P, p.Q, p.K, p.V, p.dO, beta);
      CHECK(result.O.isApprox(dense.O, 1e-12));
      CHECK((result.dQ - dense.dQ).norm() <= 1e-12 * (1 + dense.dQ.norm()));
      CHECK((result.dK - dense.dK).norm() <= 1e-12 * (1 + dense.dK.norm()));
      CHECK(result.dV.isApprox(dense.dV, 1e-12));
      PolynomialAttention<double> attention({.degree = degree, .center_keys = center});
      MatrixXd O(length, w), dQ(length, h), dV(length, w);
      attention.forward(p.Q, p.K, p.V, O);
      attention.backward(p.Q, p.K, p.V, p.dO, dQ, dV);
      CHECK(dQ == result.dQ);
      CHECK(dV.isApprox(result.dV, 1e-14));
    }
  }
}

TEST_CASE("PolynomialAttention: the error it states is one, and not much more than there is") {
  PolynomialPlan plan;
  for (const double size : {0.3, 1.0, 1.6})
    for (const int degree : {0, 2, 4, 6}) {
      const Problem p(90, 3, 1, size);
      const MatrixXd P = weights({.degree = degree}, p.Q, p.K, plan);
      const auto dense = DenseAttention::of(p.Q, p.K, p.K, p.K, 1 / std::sqrt(3.0));
      MatrixXd K = p.K;
      if (plan.centered) K.rowwise() -= p.K.colwise().mean();
      CHECK(plan.bound >= (p.Q * K.transpose()).cwiseAbs().maxCoeff() / std::sqrt(3.0));
      CHECK((P.array() / dense.P.array() - 1).abs().maxCoeff() <= plan.error());
    }
  // The worst case of h = 1: all queries -1, keys s and 0. Against the key 0, whose exponential is exactly 1, the
  // weight of the key s is its exponential.
  for (const double s : {0.5, 2.0, 5.0, 12.0})
    for (const int degree : {2, 6, 20}) {
      const MatrixXd Q = -MatrixXd::Ones(30, 1);
      MatrixXd K = MatrixXd::Zero(30, 1);
      K.topRows(3).setConstant(s);
      const MatrixXd P = weights({.beta = 1, .degree = degree, .center_keys = false}, Q, K, plan);
      const double error = std::abs(P(0, 0) / P(0, 29) / std::exp(-s) - 1);
      CHECK(plan.bound == s);
      CHECK(error <= plan.exp_error);
      const double truncation = std::exp(s + (degree + 1) * std::log(s) - std::lgamma(degree + 2.0));
      CHECK(plan.exp_error == Approx(truncation + std::exp(2 * s) * std::numeric_limits<double>::epsilon()));
      if (truncation > 1e-12 * std::exp(2 * s)) CHECK(error >= plan.exp_error / 8);
    }
}

TEST_CASE("PolynomialAttention: the degree is the smallest even one for the bound and the tolerance") {
  const auto error = [](double s, int g) { return std::exp(s) * std::pow(s, g + 1) / std::tgamma(g + 2); };
  int largest = 0;
  for (const double size : {0.05, 0.3, 0.6, 1.0, 1.4})
    for (const double tolerance : {1e-1, 1e-3, 1e-6}) {
      const Problem p(500, 2, 2, size);
      const Attended result({.tolerance = tolerance}, p);
      const int g = result.plan.degree;
      CHECK(g % 2 == 0);
      CHECK(result.plan.exp_error <= tolerance);
      CHECK(result.plan.exp_error == Approx(error(result.plan.bound, g)));
      if (g >= 2) CHECK(error(result.plan.bound, g - 2) > tolerance);
      largest = std::max(largest, g);
      const auto dense = DenseAttention::of(p.Q, p.K, p.V, p.dO, 1 / std::sqrt(2.0));
      CHECK((result.O - dense.O).cwiseAbs().maxCoeff() <= 3 * tolerance * p.V.cwiseAbs().maxCoeff());
    }
  CHECK(largest >= 10);
  // With nothing to see every weight is 1 / L, and degree 0 does it.
  Problem p(10, 2, 2, 1);
  p.Q.setZero();
  CHECK(Attended({.tolerance = 1e-9}, p).plan.degree == 0);
}

TEST_CASE("PolynomialAttention: the mean key is subtracted where that lowers the bound, and changes nothing else") {
  Problem p(200, 3, 3, 0.5);
  p.K.rowwise() -= p.K.colwise().mean().eval();
  const double bound = Attended({.degree = 6, .center_keys = false}, p).plan.bound;
  p.K.rowwise() += Eigen::RowVector3d{3, -2, 1};
  const Attended centered({.degree = 6}, p), plain({.degree = 6, .center_keys = false}, p);
  CHECK(centered.plan.bound == Approx(bound).epsilon(1e-12));
  CHECK(plain.plan.bound > 4 * bound);
  CHECK_FALSE(plain.plan.centered);
  const auto dense = DenseAttention::of(p.Q, p.K, p.V, p.dO, 1 / std::sqrt(3.0));
  CHECK((centered.O - dense.O).norm() < 1e-5 * dense.O.norm());
  CHECK((centered.dQ - dense.dQ).norm() < 1e-5 * dense.dQ.norm());
  CHECK((centered.dK - dense.dK).norm() < 1e-5 * dense.dK.norm());
  CHECK((plain.dQ - dense.dQ).norm() > 100 * (centered.dQ - dense.dQ).norm());
  // A plan for other keys leaves what backward needs.
  PolynomialAttention<double> attention({.degree = 6});
  MatrixXd O(200, 3), dQ(200, 3), dK(200, 3), dV(200, 3);
  attention.forward(p.Q, p.K, p.V, O);
  CHECK(attention.plan(p.Q.topRows(90), p.V.topRows(90), 3).accepted());
  attention.backward(p.Q, p.K, p.V, p.dO, dQ, dK, dV);
  CHECK(dQ == centered.dQ);
  CHECK(dK == centered.dK);
  // One key apart from the others: less the mean, it is longer.
  p.K.setConstant(1);
  p.K.row(7).setConstant(-1);
  CHECK_FALSE(Attended({.degree = 6}, p).plan.centered);
}

TEST_CASE("PolynomialAttention: errors fall with the degree and rise with the size of queries and keys") {
  double last_of_size[4] = {};
  for (const double size : {0.5, 1.0, 2.0}) {
    const Problem p(300, 3, 3, size);
    const auto dense = DenseAttention::of(p.Q, p.K, p.V, p.dO, 1 / std::sqrt(3.0));
    double last = 1e300;
    for (int k = 0; k < 4; ++k) {
      const Attended result({.degree = 2 + 2 * k, .center_keys = false}, p);
      const double error =
          (result.dQ - dense.dQ).norm() + (result.dK - dense.dK).norm() + (result.dV - dense.dV).norm();
      CHECK(error < last);
      CHECK(error > last_of_size[k]);
      last = last_of_size[k] = error;
    }
  }
}

TEST_CASE("PolynomialAttention: it declines with a reason and leaves the output alone") {
  const auto declined = [](const Problem& p, const PolynomialAttentionOptions& options) {
    PolynomialAttention<double> attention(options);
    MatrixXd O = MatrixXd::Constant(p.V.rows(), p.V.cols(), 7), dQ = p.Q, dK = p.K, dV = p.V;
    const PolynomialPlan plan = attention.forward(p.Q, p.K, p.V, O);
    CHECK_FALSE(plan.accepted());
    CHECK(attention.plan().verdict == plan.verdict);
    if (plan.verdict != PolynomialVerdict::not_positive) CHECK((O.array() == 7).all());
    CHECK(message_of<std::logic_error>([&] { attention.backward(p.Q, p.K, p.V, p.dO, dQ, dK, dV); }) ==
          "PolynomialAttention::backward: no forward was accepted before");
    return plan;
  };
  Problem p(494, 8, 8, 0.2);
  const PolynomialPlan rank = declined(p, {.degree = 4});
  CHECK(rank.verdict == PolynomialVerdict::rank);
  CHECK(rank.text() == "declined: degree 4, rank 495 exceeds the length 494");
  CHECK(PolynomialAttention<double>({.degree = 4}).plan(normals(495, 8, 1), normals(495, 8, 2), 8).accepted());
  CHECK(declined(p, {.degree = 8}).rank == 12870);
  CHECK(declined(p, {.degree = 1000}).rank > 1e15);

  const PolynomialPlan memory = declined(p, {.degree = 2, .max_bytes = 1e4});
  CHECK(memory.verdict == PolynomialVerdict::memory);
  CHECK(memory.bytes > 8 * 2 * 45 * 72);
  CHECK_THAT(memory.text(), Catch::Matchers::ContainsSubstring("declined: degree 2, rank 45 takes"));
  CHECK(PolynomialAttention<double>({.degree = 2, .max_bytes = memory.bytes}).plan(p.Q, p.K, 8).accepted());

  const Problem large(400, 1, 1, 5);
  const PolynomialPlan precision = declined(large, {});
  CHECK(precision.verdict == PolynomialVerdict::precision);
  CHECK(precision.exp_error > 1e-3 / 2);
  PolynomialAttention<float> narrow;
  const Problem middle(400, 1, 1, 2.5);
  CHECK(narrow.plan(middle.Q.cast<float>(), middle.K.cast<float>(), 1).verdict == PolynomialVerdict::precision);
  CHECK(PolynomialAttention<double>().plan(middle.Q, middle.K, 1).accepted());

  Problem one_sided(300, 4, 4, 4);
  one_sided.K.setConstant(2);
  const PolynomialPlan odd = declined(one_sided, {.degree = 3, .center_keys = false});
  CHECK(odd.verdict == PolynomialVerdict::not_positive);
  CHECK(odd.text() == "declined: degree 3, rank 35 makes a row of weights with a sum <= 0");

  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Problem broken = p;
    broken.Q(3, 3) = bad;
    CHECK(declined(broken, {}).text() == "declined: a query or a key is not finite");
    broken = p;
    broken.K(3, 3) = bad;
    CHECK(declined(broken, {.degree = 2}).verdict == PolynomialVerdict::not_finite);
  }

  const Attended fine({.degree = 2}, p);
  CHECK(fine.plan.text() == "degree 2, rank 45: relative error of the attention at most " + to_text(fine.plan.error()));
  // After an accepted forward a declined one takes the gradient away.
  PolynomialAttention<double> attention({.degree = 2});
  MatrixXd O(494, 8), dQ(494, 8), dK(494, 8), dV(494, 8), short_O(20, 8);
  attention.forward(p.Q, p.K, p.V, O);
  CHECK_FALSE(attention.forward(p.Q.topRows(20), p.K.topRows(20), p.V.topRows(20), short_O).accepted());
  CHECK_THROWS_AS(attention.backward(p.Q, p.K, p.V, p.dO, dQ, dK, dV), std::logic_error);
}

TEST_CASE("PolynomialAttention: maps, blocks, rows and float will do") {
  const Problem p(70, 3, 2, 0.8);
  const Attended expected({.degree = 4}, p);
  MatrixXd in(72, 20), out(72, 20);
  in.block(1, 2, 70, 3) = p.Q;
  in.block(1, 8, 70, 3) = p.K;
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> V = p.V;
  const Eigen::Map<const MatrixXd> dO(p.dO.data(), 70, 2);
  PolynomialAttention<double> attention({.degree = 4});
  attention.forward(in.block(1, 2, 70, 3), in.block(1, 8, 70, 3), V, out.block(1, 0, 70, 2));
  attention.backward(in.block(1, 2, 70, 3), in.block(1, 8, 70, 3), V, dO, out.block(1, 3, 70, 3),
                     out.block(1, 8, 70, 3), out.block(1, 12, 70, 2));
  CHECK(out.block(1, 0, 70, 2).isApprox(expected.O, 1e-14));
  CHECK(out.block(1, 3, 70, 3).isApprox(expected.dQ, 1e-13));
  CHECK(out.block(1, 8, 70, 3).isApprox(expected.dK, 1e-13));
  CHECK(out.block(1, 12, 70, 2).isApprox(expected.dV, 1e-13));

  PolynomialAttention<float> narrow({.degree = 4});
  Eigen::MatrixXf O(70, 2), dQ(70, 3), dK(70, 3), dV(70, 2);
  narrow.forward(p.Q.cast<float>(), p.K.cast<float>(), p.V.cast<float>(), O);
  narrow.backward(p.Q.cast<float>(), p.K.cast<float>(), p.V.cast<float>(), p.dO.cast<float>(), dQ, dK, dV);
  CHECK(O.cast<double>().isApprox(expected.O, 3e-6));
  CHECK(dQ.cast<double>().isApprox(expected.dQ, 3e-6));
  CHECK(dK.cast<double>().isApprox(expected.dK, 3e-6));
  CHECK(dV.cast<double>().isApprox(expected.dV, 3e-6));
}

TEST_CASE("PolynomialAttention: nothing from the heap once the length and the degree were there") {
  for (const auto& [h, degree] : {std::pair{8, 4}, std::pair{1, 4}, std::pair{3, 6}}) {
    const Problem p(600, h, h, 0.5);
    PolynomialAttention<double> attention({.degree = degree});
    MatrixXd O(600, h), dQ(600, h), dK(600, h), dV(600, h);
    attention.forward(p.Q, p.K, p.V, O);
    const NoHeap watch;
    attention.forward(p.Q, p.K, p.V, O);
    attention.backward(p.Q, p.K, p.V, p.dO, dQ, dK, dV);
    attention.backward(p.Q, p.K, p.V, p.dO, dQ, dV);
    CHECK(watch.taken() == 0);
  }
}

TEST_CASE("PolynomialAttention: what cannot be is refused with a sentence") {
  const auto make = [](const PolynomialAttentionOptions& options) {
    return message_of([&] { PolynomialAttention<double>{options}; });
  };
  CHECK(make({.beta = -1}) == "PolynomialAttention: beta = -1, must be > 0 and finite");
  CHECK(make({.tolerance = 1}) == "PolynomialAttention: tolerance = 1, must be in (0, 1)");
  CHECK(make({.degree = -1}) == "PolynomialAttention: degree = -1, must be in [0, 1000]");
  CHECK(make({.max_bytes = 0}) == "PolynomialAttention: max_bytes = 0, must be > 0 and finite");
  const Problem p(6, 1, 2, 0.3);
  MatrixXd O(6, 2), dQ(6, 1), dK(6, 1), dV(6, 2), other(5, 2);
  PolynomialAttention<double> attention;
  CHECK(message_of([&] { attention.forward(p.Q, p.V, p.V, O); }) ==
        "PolynomialAttention::forward: K is 6 x 2, must be 6 x 1");
  CHECK_THROWS_AS(attention.forward(p.Q, p.K, p.V, other), std::invalid_argument);
  CHECK_THROWS_AS(attention.plan(p.Q, p.K, 0), std::invalid_argument);
  REQUIRE(attention.forward(p.Q, p.K, p.V, O).accepted());
  CHECK_THROWS_AS(attention.backward(p.Q, p.K, p.V, other, dQ, dK, dV), std::invalid_argument);
  CHECK_THROWS_AS(attention.backward(p.Q, p.K, p.V, p.dO, dQ, other, dV), std::invalid_argument);
  CHECK(message_of<std::logic_error>([&] {
          attention.backward(p.Q.topRows(5), p.K.topRows(5), p.V.topRows(5), p.dO.topRows(5), dQ.topRows(5),
                             dV.topRows(5));
        }) == "PolynomialAttention::backward: the last forward had Q of 6 x 1 and V of 6 x 2");
}
