#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/glissade.hpp>
#include <glissade/layers/lora.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::MatrixXf;

namespace {

MatrixXd normals(Eigen::Index rows, Eigen::Index cols, std::uint64_t stream) {
  return MatrixXd::NullaryExpr(rows, cols, [=](Eigen::Index i, Eigen::Index j) {
    return RandomKey{stream}.normal(static_cast<std::uint64_t>(i * cols + j));
  });
}

/// m = 6, n = 9, r = 3, alpha = 5, a batch of 4, and B away from zero.
LoraLayer<double> layer_of(bool stabilized = false) {
  LoraLayer<double> layer(normals(6, 9, 1), {.rank = 3, .alpha = 5, .rank_stabilized = stabilized});
  layer.B = normals(6, 3, 2);
  return layer;
}
const MatrixXd X = normals(9, 4, 3);
const MatrixXd dY = normals(6, 4, 4);

/// d<dY, Y> by central differences with respect to `entry`.
template <class Loss>
double difference(double& entry, const Loss& loss) {
  const double kept = entry;
  const double h = 1e-5;
  entry = kept + h;
  const double up = loss();
  entry = kept - h;
  const double down = loss();
  entry = kept;
  return (up - down) / (2 * h);
}
template <class Loss>
void check_gradient_of(MatrixXd& variable, const MatrixXd& gradient, const Loss& loss) {
  for (Eigen::Index i = 0; i < variable.size(); ++i)
    CHECK(difference(variable.data()[i], loss) == Approx(gradient.data()[i]).epsilon(1e-7).margin(1e-7));
}

}  // namespace

TEST_CASE("LoraLayer: forward is W X + s B A X, with s of LoRA and of rsLoRA") {
  for (const bool stabilized : {false, true}) {
    auto layer = layer_of(stabilized);
    const double s = stabilized ? 5 / std::sqrt(3.0) : 5.0 / 3;
    CHECK(layer.scale() == Approx(s).epsilon(1e-15));
    MatrixXd Y(6, 4);
    layer.forward(X, Y);
    CHECK(Y.isApprox((layer.weight() + s * layer.B * layer.A) * X, 1e-13));
  }
}

TEST_CASE("LoraLayer: gradients are those of differences, with a mask and without") {
  auto layer = layer_of();
  MatrixXd x = X, Y(6, 4), dA(3, 9), dB(6, 3), dX(9, 4);
  SECTION("without") {
    const auto loss = [&] { return layer.forward(x, Y), Y.cwiseProduct(dY).sum(); };
    loss();
    layer.backward(x, dY, dA, dB, dX);
    check_gradient_of(layer.A, dA, loss);
    check_gradient_of(layer.B, dB, loss);
    check_gradient_of(x, dX, loss);
  }
  SECTION("with") {
    const MatrixXd mask = dropout_mask<double>(9, 4, 0.4, RandomKey{7});
    CHECK((mask.array() == 0).count() > 5);
    const auto loss = [&] { return layer.forward(x, mask, Y), Y.cwiseProduct(dY).sum(); };
    loss();
    layer.backward(x, mask, dY, dA, dB, dX);
    check_gradient_of(layer.A, dA, loss);
    check_gradient_of(layer.B, dB, loss);
    check_gradient_of(x, dX, loss);
  }
}

TEST_CASE("LoraLayer: backward equals the projection of the whole gradient; maps, blocks and rows will do") {
  auto layer = layer_of();
  MatrixXd Y(6, 4), dA(3, 9), dB(6, 3), wholeA(3, 9), wholeB(6, 3);
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> by_rows = X;
  MatrixXd larger(9, 8);
  larger.middleCols(2, 4) = X;
  layer.forward(by_rows, Y);
  CHECK(Y.isApprox((layer.weight() + layer.scale() * layer.B * layer.A) * X, 1e-13));
  MatrixXd out(8, 20);
  const Eigen::Map<const MatrixXd> map(X.data(), 9, 4);
  layer.forward(map, out.block(1, 0, 6, 4));
  CHECK(out.block(1, 0, 6, 4) == Y);
  layer.backward(larger.middleCols(2, 4), dY, dA, dB);
  std::vector<double> memory(27);
  layer.backward(map, Eigen::Map<const MatrixXd>(dY.data(), 6, 4), Eigen::Map<MatrixXd>(memory.data(), 3, 9),
                 out.block(1, 10, 6, 3));
  CHECK(Eigen::Map<MatrixXd>(memory.data(), 3, 9) == dA);
  CHECK(out.block(1, 10, 6, 3) == dB);
  layer.project(dY * X.transpose(), wholeA, wholeB);
  CHECK(dA.isApprox(wholeA, 1e-12));
  CHECK(dB.isApprox(wholeB, 1e-12));
}

TEST_CASE("LoraLayer: every start leaves the layer as it was") {
  for (const auto& [rows, cols] : {std::pair{6, 9}, std::pair{9, 6}, std::pair{1, 5}, std::pair{5, 1}}) {
    const MatrixXd W = normals(rows, cols, 5);
    for (const auto start : {LoraStart::kaiming, LoraStart::gaussian, LoraStart::embedding}) {
      const LoraLayer<double> layer(W, {.rank = std::min({rows, cols, 3}), .alpha = 2, .start = start, .seed = 3});
      CHECK((layer.weight() + layer.scale() * layer.B * layer.A).isApprox(W, 1e-12));
      CHECK(layer.A.norm() + layer.B.norm() > 0);
    }
  }
  const LoraLayer<double> kaiming(normals(50, 100, 1), {.rank = 20});
  CHECK(kaiming.A.cwiseAbs().maxCoeff() <= 0.1);
  CHECK(kaiming.A.cwiseAbs().maxCoeff() > 0.099);
  CHECK(kaiming.A.squaredNorm() / 2000 == Approx(0.01 / 3).epsilon(0.1));
}

TEST_CASE("LoraLayer: merged, it is one matrix; out again, the old one within rounding") {
  auto layer = layer_of();
  const MatrixXd W = layer.weight();
  MatrixXd apart(6, 4), merged(6, 4);
  layer.forward(X, apart);
  layer.merge();
  layer.forward(X, merged);
  CHECK(merged.isApprox(apart, 1e-12));
  layer.unmerge();
  CHECK(layer.weight().isApprox(W, 1e-14));

  LoraLayer<float> narrow(normals(64, 64, 1).cast<float>(), {.rank = 8, .alpha = 16});
  narrow.B = normals(64, 8, 2).cast<float>();
  const MatrixXf before = narrow.weight();
  for (int i = 0; i < 1000; ++i) {
    narrow.merge();
    narrow.unmerge();
  }
  CHECK((narrow.weight() - before).cwiseAbs().maxCoeff() <= 2e-5f);
  CHECK(narrow.weight() != before);  // which is why the documentation speaks of a copy
  narrow.A *= 1e-3f;
  const MatrixXf middle = narrow.weight();
  for (int i = 0; i < 1000; ++i) {
    narrow.merge();
    narrow.unmerge();
  }
  CHECK((narrow.weight() - middle).cwiseAbs().maxCoeff() <= 5e-7f);
  CHECK(narrow.weight() != middle);
}

TEST_CASE("LoraLayer: merged, it takes no training") {
  auto layer = layer_of();
  MatrixXd Y(6, 4), dA(3, 9), dB(6, 3);
  layer.forward(X, Y);
  const MatrixXd W = layer.weight();
  layer.merge();
  layer.B(2, 1) += 1e-9;
  CHECK(message_of<std::logic_error>([&] { layer.unmerge(); }) ==
        "LoraLayer::unmerge: A or B changed while the layer was merged");
  CHECK(layer.merged());
  layer.B = normals(6, 3, 2);
  const MatrixXd A = layer.A;
  layer.A.setZero(2, 9);
  CHECK_THROWS_AS(layer.unmerge(), std::logic_error);
  layer.A = A;
  layer.unmerge();
  CHECK(layer.weight().isApprox(W, 1e-14));
  CHECK_THROWS_AS(layer.backward(X, dY, dA, dB), std::logic_error);  // forward was before merging
}

TEST_CASE("LoraLayer: with the rank min(m, n) and B = I every update is one of A") {
  for (const auto& [rows, cols] : {std::pair{6, 9}, std::pair{9, 6}}) {
    const MatrixXd W = normals(rows, cols, 5), update = normals(rows, cols, 6);
    LoraLayer<double> layer(W, {.rank = 6, .alpha = 4});
    if (rows <= cols) {
      layer.B.setIdentity();
      layer.A = update / layer.scale();
    } else {
      layer.A.setIdentity();
      layer.B = update / layer.scale();
    }
    layer.merge();
    CHECK(layer.weight().isApprox(W + update, 1e-14));
  }
}

TEST_CASE("LoraLayer: A and B may be given another rank, and the scale follows") {
  auto layer = layer_of();
  layer.A = normals(2, 9, 7);
  layer.B = normals(6, 2, 8);
  CHECK(layer.scale() == 2.5);
  MatrixXd Y(6, 4), dA(2, 9), dB(6, 2), wholeA(2, 9), wholeB(6, 2);
  layer.forward(X, Y);
  CHECK(Y.isApprox((layer.weight() + 2.5 * layer.B * layer.A) * X, 1e-13));
  layer.backward(X, dY, dA, dB);
  layer.project(dY * X.transpose(), wholeA, wholeB);
  CHECK(dA.isApprox(wholeA, 1e-12));
  CHECK(dB.isApprox(wholeB, 1e-12));
  layer.B.setZero(6, 3);
  CHECK(message_of([&] { layer.forward(X, Y); }) == "LoraLayer::forward: B is 6 x 3, must be 6 x 2");
  layer.A = normals(3, 9, 7);
  MatrixXd dA3(3, 9), dB3(6, 3);
  CHECK(message_of<std::logic_error>([&] { layer.backward(X, dY, dA3, dB3); }) ==
        "LoraLayer::backward: the rank changed after forward");
}

TEST_CASE("LoraLayer: alpha and s enter a first step of SGD by s^2, and one of Adam by s") {
  // At B = 0 the layer moves by s dB A. A step of Adam is -rate, whatever the size of the gradient.
  const auto moved = [](double alpha, bool stabilized, const auto& rule) {
    LoraLayer<double> layer(normals(6, 9, 1), {.rank = 3, .alpha = alpha, .rank_stabilized = stabilized});
    MatrixXd Y(6, 4), dA(3, 9), dB(6, 3);
    layer.forward(X, Y);
    layer.backward(X, dY, dA, dB);
    CHECK(dA.norm() == 0);
    Optimizer optimizer{rule, layer.A, layer.B};
    optimizer.step(dA, dB);
    return MatrixXd(layer.scale() * layer.B * layer.A);
  };
  const double ratio = 7 / (2 / std::sqrt(3.0)) / std::sqrt(3.0) / std::sqrt(3.0);  // of 7 / 3 to 2 / sqrt(3)
  const Sgd sgd{.learning_rate = 0.1};
  const Adam adam{.learning_rate = 0.1, .epsilon = 0};
  CHECK(moved(7, false, sgd).isApprox(ratio * ratio * moved(2, true, sgd), 1e-12));
  CHECK(moved(7, false, adam).isApprox(ratio * moved(2, true, adam), 1e-12));
}

TEST_CASE("LoraLayer: B M and M^-1 A are the same layer") {
  auto layer = layer_of();
  MatrixXd before(6, 4), after(6, 4);
  layer.forward(X, before);
  const MatrixXd M = normals(3, 3, 9);
  layer.B = (layer.B * M).eval();
  layer.A = M.inverse() * layer.A;
  layer.forward(X, after);
  CHECK(after.isApprox(before, 1e-12));
}

TEST_CASE("LoraLayer: the first step of LoRA shrinks with the rank, that of rsLoRA does not") {
  const Eigen::Index n = 256;
  const auto size_of_step = [&](int rank, bool stabilized) {
    double sum = 0;
    for (std::uint64_t draw = 0; draw < 20; ++draw) {
      LoraLayer<double> layer(MatrixXd::Zero(n, n), {.rank = rank, .rank_stabilized = stabilized, .seed = draw});
      layer.A *= std::sqrt(3.0);  // variance 1 / n
      const MatrixXd G = normals(n, n, 100 + draw);
      const MatrixXd x = normals(n, 1, 200 + draw);
      MatrixXd dA(rank, n), dB(n, rank);
      layer.project(G, dA, dB);
      const MatrixXd moved = layer.scale() * dB * (layer.A * x);
      sum += static_cast<double>(n) * moved.norm() / (G * x).norm() / 20;
    }
    return sum;
  };
  // Rank, LoRA, rsLoRA.
  for (const auto& [rank, plain, stabilized] :
       {std::tuple{16, 0.252, 4.03}, std::tuple{64, 0.0356, 2.28}, std::tuple{256, 0.0056, 1.42}}) {
    const double formula = std::sqrt(1 + static_cast<double>(n + 1) / rank);
    for (const double expected : {stabilized, formula})
      CHECK(size_of_step(rank, true) == Approx(expected).epsilon(0.1));
    for (const double expected : {plain, formula / rank})
      CHECK(size_of_step(rank, false) == Approx(expected).epsilon(0.1));
  }
}

TEST_CASE("LoRA+: B moves `ratio` times as fast") {
  auto layer = layer_of();
  const MatrixXd A = layer.A, B = layer.B;
  Optimizer optimizer{lora_plus(Sgd{.learning_rate = 0.1}, 16), named("A", layer.A), named("B", layer.B)};
  optimizer.step(MatrixXd::Ones(3, 9), MatrixXd::Ones(6, 3));
  CHECK((layer.A - A).isApprox(MatrixXd::Constant(3, 9, -0.1), 1e-12));
  CHECK((layer.B - B).isApprox(MatrixXd::Constant(6, 3, -1.6), 1e-12));
  CHECK_THROWS_AS(lora_plus(Sgd{}, 0.5), std::invalid_argument);
}

TEST_CASE("LoRA+: also where the rate is a schedule") {
  auto layer = layer_of();
  const MatrixXd A = layer.A, B = layer.B;
  const auto rate = [](std::int64_t step) { return step == 0 ? 0.1 : 0.03; };
  Optimizer optimizer{lora_plus(Sgd{.learning_rate = rate}, 4), named("A", layer.A), named("B", layer.B)};
  for (const double moved : {0.1, 0.13}) {
    optimizer.step(MatrixXd::Ones(3, 9), MatrixXd::Ones(6, 3));
    CHECK((layer.A - A).isApprox(MatrixXd::Constant(3, 9, -moved), 1e-12));
    CHECK((layer.B - B).isApprox(MatrixXd::Constant(6, 3, -4 * moved), 1e-12));
  }
}

TEST_CASE("LoraLayer: what cannot be is refused with a sentence") {
  const auto make = [](LoraOptions options) {
    return message_of([&] { LoraLayer<double>(MatrixXd::Ones(5, 40), options); });
  };
  CHECK(make({.rank = 8}) == "LoraLayer: rank = 8 for a weight of 5 x 40, must be in [1, 5]");
  CHECK(make({.rank = 0}) == "LoraLayer: rank = 0 for a weight of 5 x 40, must be in [1, 5]");
  CHECK(make({.rank = 2, .alpha = 0}) == "LoraLayer: alpha = 0, must be > 0 and finite");
  CHECK(make({.rank = 2, .start = LoraStart{3}}) == "LoraLayer: start = 3, must be in [0, 2]");
  CHECK(message_of([] { LoraLayer<double>(MatrixXd::Ones(1, 7), {.rank = 2}); }) ==
        "LoraLayer: rank = 2 for a weight of 1 x 7, must be in [1, 1]");
  CHECK(message_of([] { LoraLayer<double>(MatrixXd::Ones(7, 1), {.rank = 2}); }) ==
        "LoraLayer: rank = 2 for a weight of 7 x 1, must be in [1, 1]");
  CHECK(message_of([] { LoraLayer<double>(MatrixXd::Ones(0, 3), {.rank = 1}); }) == "LoraLayer: the weight is empty");
  auto layer = layer_of();
  MatrixXd Y(6, 4), dA(3, 9), dB(6, 3);
  CHECK_THROWS_AS(layer.forward(MatrixXd::Ones(8, 4), Y), std::invalid_argument);
  CHECK_THROWS_AS(layer.backward(X, dY, dA, dB), std::logic_error);  // before forward
  CHECK_THROWS_AS(layer.unmerge(), std::logic_error);
  const MatrixXd mask = MatrixXd::Ones(9, 4);
  MatrixXd dX(9, 4);
  layer.forward(X, mask, Y);
  CHECK(message_of<std::logic_error>([&] { layer.backward(X, dY, dA, dB, dX); }) ==
        "LoraLayer::backward: forward and backward must have the same mask");
  layer.forward(X, Y);
  CHECK_THROWS_AS(layer.backward(X, mask, dY, dA, dB, dX), std::logic_error);
  CHECK_THROWS_AS(layer.backward(X, dY, dA, dB, Y), std::invalid_argument);
  CHECK_THROWS_AS(layer.backward(X, dY, dB, dA), std::invalid_argument);
  auto dead = layer;
  dead.A.setZero();
  dead.backward(X, dY, dA, dB);
  dead.B.setZero();
  CHECK(message_of<std::logic_error>([&] { dead.backward(X, dY, dA, dB); }) ==
        "LoraLayer::backward: A and B are zero, and would stay so");
  layer.merge();
  CHECK_THROWS_AS(layer.merge(), std::logic_error);
  CHECK_THROWS_AS(layer.backward(X, dY, dA, dB), std::logic_error);
}
