#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/layers/aflora.hpp>

#include <vector>

using namespace glissade;
using namespace low_rank_problems;
using Vector = Eigen::VectorXd;

namespace {

/// m = 6, n = 9, r = 3, a batch of 4, and vectors away from where they start.
AfloraLayer<double> layer_of() {
  AfloraLayer<double> layer(normal(6, 9, 1), {.rank = 3, .seed = 2});
  layer.s_d = normal(3, 1, 5);
  layer.s_b = normal(6, 1, 6);
  return layer;
}
Matrix merged(const AfloraLayer<double>& layer) {
  return layer.weight() + layer.s_b.asDiagonal() * layer.B * layer.s_d.asDiagonal() * layer.A;
}
const Matrix X = normal(9, 4, 3);
const Matrix dY = normal(6, 4, 4);

struct Parts {
  Matrix A = Matrix(3, 9), B = Matrix(6, 3), X = Matrix(9, 4);
  Vector s_d = Vector(3), s_b = Vector(6);
};

}  // namespace

TEST_CASE("AfloraLayer: forward is W X + diag(s_b) B diag(s_d) A X, and W X at the start") {
  AfloraLayer<double> layer = layer_of();
  Matrix Y(6, 4);
  layer.forward(X, Y);
  CHECK(Y.isApprox(merged(layer) * X, 1e-13));

  const Matrix W = normal(50, 100, 1);
  AfloraLayer<double> fresh(W, {.rank = 20});
  CHECK(merged(fresh) == W);
  CHECK(fresh.s_d == Vector::Constant(20, 0.1));
  CHECK(fresh.A.cwiseAbs().maxCoeff() <= std::sqrt(0.06));
  CHECK(fresh.A.cwiseAbs().maxCoeff() > 0.99 * std::sqrt(0.06));
  CHECK(fresh.A.squaredNorm() / 2000 == Approx(0.06 / 3).epsilon(0.1));
  CHECK(fresh.B.cwiseAbs().maxCoeff() <= std::sqrt(0.3));
  CHECK(fresh.B.squaredNorm() / 1000 == Approx(0.3 / 3).epsilon(0.1));
}

TEST_CASE("AfloraLayer: gradients are those of differences") {
  AfloraLayer<double> layer = layer_of();
  Matrix x = X, Y(6, 4);
  Parts g;
  const auto loss = [&] { return layer.forward(x, Y), Y.cwiseProduct(dY).sum(); };
  loss();
  layer.backward(x, dY, g.A, g.B, g.s_d, g.s_b, g.X);
  const auto check = [&](auto& variable, const auto& gradient) {
    double worst = 0;
    for (Index i = 0; i < variable.size(); ++i) {
      double& entry = variable.data()[i];
      const double kept = entry;
      entry = kept + 1e-5;
      const double up = loss();
      entry = kept - 1e-5;
      const double down = loss();
      entry = kept;
      worst = std::max(worst, std::abs((up - down) / 2e-5 - gradient.data()[i]));
    }
    CHECK(worst < 4e-9);
  };
  check(layer.A, g.A);
  check(layer.B, g.B);
  check(layer.s_d, g.s_d);
  check(layer.s_b, g.s_b);
  check(x, g.X);
}

TEST_CASE("AfloraLayer: with s_b = 0 only s_b has a gradient") {
  AfloraLayer<double> layer(normal(6, 9, 1), {.rank = 3});
  Matrix Y(6, 4);
  Parts g;
  layer.forward(X, Y);
  CHECK(Y == layer.weight() * X);
  layer.backward(X, dY, g.A, g.B, g.s_d, g.s_b, g.X);
  CHECK(g.A.isZero(0));
  CHECK(g.B.isZero(0));
  CHECK(g.s_d.isZero(0));
  CHECK((g.s_b.array() != 0).all());
  CHECK(g.X.isApprox(layer.weight().transpose() * dY, 1e-14));
}

TEST_CASE("AfloraLayer: maps, blocks and rows will do; frozen matrices need no gradient") {
  AfloraLayer<double> layer = layer_of();
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> by_rows = X;
  Matrix larger(9, 8), Y(6, 4), two(6, 4), all(6, 5);
  larger.middleCols(2, 4) = X;
  std::vector<double> memory(24);
  layer.forward(X, Y);
  layer.forward(by_rows, two);
  CHECK(two == Y);
  layer.forward(larger.middleCols(2, 4), Eigen::Map<Matrix>(memory.data(), 6, 4));
  CHECK(Eigen::Map<Matrix>(memory.data(), 6, 4).isApprox(Y, 1e-14));
  Parts a, b, c;
  layer.backward(X, dY, a.A, a.B, a.s_d, a.s_b, a.X);
  layer.backward(larger.middleCols(2, 4), dY, b.A, all.middleCols(1, 3), b.s_d, b.s_b);
  CHECK(all.middleCols(1, 3).isApprox(a.B, 1e-14));
  CHECK(b.A.isApprox(a.A, 1e-14));
  layer.backward_vectors(X, dY, c.s_d, c.s_b, c.X);
  CHECK(c.s_d == a.s_d);
  CHECK(c.s_b == a.s_b);
  CHECK(c.X == a.X);
}

TEST_CASE("AfloraLayer: merged, it is one matrix; out again, the old one within rounding") {
  AfloraLayer<double> layer = layer_of();
  const Matrix W = layer.weight();
  const Matrix expected = merged(layer);
  Matrix apart(6, 4), together(6, 4);
  layer.forward(X, apart);
  layer.merge();
  CHECK(layer.weight().isApprox(expected, 1e-14));
  layer.forward(X, together);
  CHECK(together.isApprox(apart, 1e-12));
  layer.unmerge();
  CHECK(layer.weight().isApprox(W, 1e-14));
}

TEST_CASE("AfloraLayer: what cannot be is refused with a sentence") {
  const auto make = [](AfloraOptions options) {
    return message_of([&] { AfloraLayer<double>(Matrix::Ones(5, 40), options); });
  };
  CHECK(make({.rank = 6}) == "AfloraLayer: rank = 6, must be in [1, 5]");
  CHECK(make({.rank = 0}) == "AfloraLayer: rank = 0, must be in [1, 5]");
  CHECK(make({.rank = 2, .rank_scale = 0}) == "AfloraLayer: rank_scale = 0, must be > 0 and finite");
  CHECK(message_of([] { AfloraLayer<double>(Matrix(0, 3), {.rank = 1}); }) == "AfloraLayer: the weight is empty");
  AfloraLayer<double> layer = layer_of();
  Matrix Y(6, 4), none(9, 0), noY(6, 0);
  Parts g;
  CHECK(message_of([&] { layer.forward(none, noY); }).empty());
  CHECK(message_of([&] { layer.forward(Matrix::Ones(8, 4), Y); }) == "AfloraLayer::forward: X is 8 x 4, must be 9 x 4");
  CHECK_THROWS_AS(layer.backward(X, dY, g.A, g.B, g.s_d, g.s_b), std::logic_error);  // before forward
  CHECK_THROWS_AS(layer.unmerge(), std::logic_error);
  layer.forward(X, Y);
  CHECK(message_of([&] { layer.backward(X, dY, g.B, g.B, g.s_d, g.s_b); }) ==
        "AfloraLayer::backward: dA is 6 x 3, must be 3 x 9");
  layer.merge();
  CHECK_THROWS_AS(layer.merge(), std::logic_error);
  CHECK_THROWS_AS(layer.backward(X, dY, g.A, g.B, g.s_d, g.s_b), std::logic_error);
}
