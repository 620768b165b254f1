#include "support/attention.hpp"
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include <glissade/layers/attention/polynomial_attention.hpp>
#include <glissade/layers/attention/softmax_attention.hpp>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;

namespace {

struct Problem {
  MatrixXd Q, K, V, dO;
  Problem(Index length, Index h, Index w, double size = 1)
      : Q(size * normals(length, h, 1)),
        K(normals(length, h, 2)),
        V(normals(length, w, 3)),
        dO(normals(length, w, 4)) {}
};

template <class T = double>
struct Attended {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  Matrix O, dQ, dK, dV;
  Attended(SoftmaxAttention<T>& attention, const Matrix& Q, const Matrix& K, const Matrix& V, const Matrix& dO)
      : O(V.rows(), V.cols()), dQ(Q.rows(), Q.cols()), dK(K.rows(), K.cols()), dV(V.rows(), V.cols()) {
    attention.forward(Q, K, V, O);
    attention.backward(Q, K, V, dO, dQ, dK, dV);
  }
  Attended(SoftmaxAttention<T>& attention, const Problem& p) : Attended(attention, p.Q, p.K, p.V, p.dO) {}
};

}  // namespace

TEST_CASE("SoftmaxAttention: output and gradients are those of the L x L matrices") {
  for (const auto& [length, h, w] :
       {std::tuple{300, 4, 4}, std::tuple{129, 3, 5}, std::tuple{20, 1, 1}, std::tuple{1, 4, 4}, std::tuple{2, 7, 1}}) {
    for (const std::optional<double> beta : {std::optional<double>{}, std::optional<double>{0.3}}) {
      const Problem p(length, h, w);
      SoftmaxAttention<double> attention({.beta = beta});
      CHECK(attention.beta(h) == beta.value_or(1 / std::sqrt(h)));
      const Attended result(attention, p);
      const auto dense = DenseAttention::of(p.Q, p.K, p.V, p.dO, attention.beta(h));
      CHECK(result.O.isApprox(dense.O, 1e-13));
      CHECK((result.dQ - dense.dQ).norm() <= 1e-12 * (1 + dense.dQ.norm()));
      CHECK((result.dK - dense.dK).norm() <= 1e-12 * (1 + dense.dK.norm()));
      CHECK(result.dV.isApprox(dense.dV, 1e-12));
      MatrixXd dQ(length, h), dV(length, w);
      attention.backward(p.Q, p.K, p.V, p.dO, dQ, dV);
      CHECK(dQ == result.dQ);
      CHECK(dV == result.dV);
    }
  }
}

TEST_CASE("SoftmaxAttention: blocks of any number of rows give the same") {
  const Problem p(200, 4, 3);
  SoftmaxAttention<double> whole({.block_rows = 1000});
  const Attended expected(whole, p);
  for (const int rows : {1, 2, 7, 64, 199, 200, 201}) {
    SoftmaxAttention<double> attention({.block_rows = rows});
    const Attended result(attention, p);
    CHECK(result.O.isApprox(expected.O, 1e-13));
    CHECK(result.dQ.isApprox(expected.dQ, 1e-13));
    CHECK(result.dK.isApprox(expected.dK, 1e-13));
    CHECK(result.dV.isApprox(expected.dV, 1e-13));
  }
}

TEST_CASE("SoftmaxAttention: rows of P sum to 1, rows of dS to 0, and rowsum(P o dP) is rowsum(dO o O)") {
  Problem p(150, 4, 4);
  p.V.col(1).setOnes();
  p.K.col(2).setOnes();
  SoftmaxAttention<double> attention;
  const Attended result(attention, p);
  CHECK((result.O.col(1).array() - 1).abs().maxCoeff() < 1e-14);
  CHECK(result.dQ.col(2).cwiseAbs().maxCoeff() < 1e-14);  // beta dS 1
  CHECK(result.dQ.col(1).cwiseAbs().maxCoeff() > 1e-2);
  const auto dense = DenseAttention::of(p.Q, p.K, p.V, p.dO, 0.5);
  CHECK(dense.P.cwiseProduct(dense.dP).rowwise().sum().isApprox(p.dO.cwiseProduct(result.O).rowwise().sum(), 1e-13));
}

TEST_CASE("SoftmaxAttention: logits of any size do not overflow, in whatever order they come") {
  const Problem p(300, 4, 4, 1e4);
  SoftmaxAttention<double> attention;
  const Attended result(attention, p);
  const auto dense = DenseAttention::of(p.Q, p.K, p.V, p.dO, 0.5);
  CHECK(result.O.isApprox(dense.O, 1e-10));
  CHECK(result.dV.isApprox(dense.dV, 1e-10));
  CHECK(result.dQ.allFinite());
  CHECK(result.dK.allFinite());
}

TEST_CASE("SoftmaxAttention: float is double within rounding; what is not finite propagates") {
  Problem p(300, 4, 4);
  SoftmaxAttention<double> exact;
  SoftmaxAttention<float> narrow;
  const Attended expected(exact, p);
  const Attended<float> result(narrow, p.Q.cast<float>(), p.K.cast<float>(), p.V.cast<float>(), p.dO.cast<float>());
  CHECK(result.O.cast<double>().isApprox(expected.O, 2e-6));
  CHECK(result.dQ.cast<double>().isApprox(expected.dQ, 2e-6));
  CHECK(result.dK.cast<double>().isApprox(expected.dK, 2e-6));
  CHECK(result.dV.cast<double>().isApprox(expected.dV, 2e-6));
  p.Q(5, 1) = std::numeric_limits<double>::quiet_NaN();
  const Attended broken(exact, p);
  CHECK(broken.O.row(5).array().isNaN().all());
  CHECK(broken.O.topRows(5) == expected.O.topRows(5));
}

TEST_CASE("SoftmaxAttention: maps, blocks and rows will do, in and out") {
  const Problem p(70, 4, 3);
  SoftmaxAttention<double> attention;
  const Attended expected(attention, p);
  MatrixXd in(72, 20), out(72, 20);
  in.block(1, 2, 70, 4) = p.Q;
  in.block(1, 8, 70, 4) = p.K;
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> V = p.V;
  const Eigen::Map<const MatrixXd> dO(p.dO.data(), 70, 3);
  attention.forward(in.block(1, 2, 70, 4), in.block(1, 8, 70, 4), V, out.block(1, 0, 70, 3));
  attention.backward(in.block(1, 2, 70, 4), in.block(1, 8, 70, 4), V, dO, out.block(1, 3, 70, 4),
                     out.block(1, 8, 70, 4), out.block(1, 12, 70, 3));
  CHECK(out.block(1, 0, 70, 3).isApprox(expected.O, 1e-14));
  CHECK(out.block(1, 3, 70, 4).isApprox(expected.dQ, 1e-14));
  CHECK(out.block(1, 8, 70, 4).isApprox(expected.dK, 1e-14));
  CHECK(out.block(1, 12, 70, 3).isApprox(expected.dV, 1e-14));
}

TEST_CASE("SoftmaxAttention: nothing from the heap after the first call") {
  for (const Index h : {Index{1}, Index{8}, Index{64}}) {
    const Problem p(200, h, h);
    SoftmaxAttention<double> attention;
    Attended first(attention, p);
    const NoHeap watch;
    attention.forward(p.Q, p.K, p.V, first.O);
    attention.backward(p.Q, p.K, p.V, p.dO, first.dQ, first.dK, first.dV);
    attention.backward(p.Q, p.K, p.V, p.dO, first.dQ, first.dV);
    CHECK(watch.taken() == 0);
  }
}

TEST_CASE("SoftmaxAttention: what cannot be is refused with a sentence") {
  CHECK(message_of([] { SoftmaxAttention<double>({.beta = 0}); }) ==
        "SoftmaxAttention: beta = 0, must be > 0 and finite");
  CHECK(message_of([] { SoftmaxAttention<double>({.block_rows = 0}); }) ==
        "SoftmaxAttention: block_rows = 0, must be >= 1 and finite");
  const Problem p(6, 4, 3);
  MatrixXd O(6, 3), dQ(6, 4), dK(6, 4), dV(6, 3), narrow(6, 2);
  SoftmaxAttention<double> attention;
  CHECK(message_of([&] { attention.forward(p.Q, p.V, p.V, O); }) ==
        "SoftmaxAttention::forward: K is 6 x 3, must be 6 x 4");
  const MatrixXd thin(6, 0);
  CHECK(message_of([&] { attention.forward(thin, thin, p.V, O); }) ==
        "SoftmaxAttention::forward: Q is 6 x 0, must have columns");
  CHECK(message_of([&] { attention.forward(p.Q, p.K, normals(5, 3, 1), O); }) ==
        "SoftmaxAttention::forward: V is 5 x 3, must be 6 x 3");
  CHECK(message_of([&] { attention.forward(p.Q, p.K, p.V, narrow); }) ==
        "SoftmaxAttention::forward: O is 6 x 2, must be 6 x 3");
  CHECK(message_of<std::logic_error>([&] { attention.backward(p.Q, p.K, p.V, p.dO, dQ, dK, dV); }) ==
        "SoftmaxAttention::backward: the last forward made an output of 0 x 0, not of 6 x 3");
  attention.forward(p.Q, p.K, p.V, O);
  CHECK_THROWS_AS(attention.backward(p.Q, p.K, p.V, p.dO, dQ, narrow, dV), std::invalid_argument);
  CHECK_THROWS_AS(attention.backward(p.Q, p.K, p.V, p.dO, narrow, dK, dV), std::invalid_argument);
  CHECK_THROWS_AS(attention.backward(p.Q, p.K, p.V, p.dO, dQ, dK, narrow), std::invalid_argument);
  CHECK_THROWS_AS(attention.backward(p.Q, p.K, p.V, narrow, dQ, dK, dV), std::invalid_argument);
}

TEST_CASE("SoftmaxAttention: a sequence may be empty") {
  MatrixXd none(0, 4), no_values(0, 3), dQ(0, 4), dK(0, 4), dV(0, 3);
  SoftmaxAttention<double> attention;
  attention.forward(none, none, no_values, no_values);
  attention.backward(none, none, no_values, no_values, dQ, dK, dV);
  PolynomialAttention<double> polynomial;
  CHECK(polynomial.forward(none, none, no_values, no_values).verdict == PolynomialVerdict::rank);
}
