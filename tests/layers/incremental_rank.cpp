#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/layers/incremental_rank.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rule/groups.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/schedules/exponential_decay.hpp>

#include <cstring>
#include <vector>

#include "io/support.hpp"

using namespace glissade;
using namespace low_rank_problems;
using Vector = Eigen::VectorXd;
using Incremental = IncrementalRank<double>;

namespace {

/// 6 x 9, of three tasks, with selectors and biases away from where they start.
Incremental layer_of(bool bias = true) {
  Incremental layer(6, 9, {.first_rank = 3, .task_rank = 2, .bias = bias, .seed = 5});
  for (std::uint64_t task = 0; task < 3; ++task) {
    if (task > 0) layer.next_task();
    layer.s = normal(layer.rank(), 1, 10 + task);
    if (bias) layer.bias = normal(6, 1, 20 + task);
  }
  return layer;
}
const Matrix X = normal(9, 4, 3);
const Matrix dY = normal(6, 4, 4);

struct Parts {
  Matrix du, dv, dX;
  Vector ds, dbias;
  explicit Parts(const Incremental& layer)
      : du(layer.u.rows(), layer.u.cols()),
        dv(layer.v.rows(), layer.v.cols()),
        dX(layer.inputs(), 4),
        ds(layer.s.size()),
        dbias(layer.bias.size()) {}
};

bool same_bits(const Matrix& a, const Matrix& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0;
}

/// Six targets: one of rank 4 with singular values 2, then multiples of it with 2 times a unit matrix of rank 1 added.
std::vector<Matrix> targets() {
  std::vector<Matrix> all{2 * orthonormal(24, 4, 1) * orthonormal(30, 4, 2).transpose()};
  for (std::uint64_t t = 1; t < 6; ++t) {
    const Matrix left = normal(24, 1, 10 + t), right = normal(30, 1, 20 + t);
    const double c = 0.5 + RandomKey{3}.uniform(t);
    all.push_back(c * all[0] + 2 * left.normalized() * right.normalized().transpose());
  }
  return all;
}
double error_of(const Matrix& W, const Matrix& target) { return (W - target).norm() / target.norm(); }
const auto decaying = [] { return Adam{.learning_rate = exponential_decay(0.02, 1, 0.997)}; };

}  // namespace

TEST_CASE("IncrementalRank: forward is the weight of the task and its bias") {
  for (const bool bias : {true, false}) {
    Incremental layer = layer_of(bias);
    CHECK(layer.tasks() == 3);
    CHECK(layer.rank() == 7);
    Matrix Y(6, 4);
    for (Index task = 0; task < 3; ++task) {
      Matrix expected = layer.weight(task) * X;
      if (bias) expected.colwise() += task == 2 ? layer.bias : Vector(layer.past_bias.col(task));
      layer.forward(task, X, Y);
      CHECK(Y.isApprox(expected, 1e-13));
    }
    Matrix whole(6, 7), wide(9, 7);
    whole << layer.U, layer.u;
    wide << layer.V, layer.v;
    CHECK(layer.weight(2).isApprox(whole * layer.s.asDiagonal() * wide.transpose(), 1e-13));
    CHECK(layer.weight(1).isApprox(
        whole.leftCols(5) * layer.past_s.segment(3, 5).asDiagonal() * wide.leftCols(5).transpose(), 1e-13));
    CHECK(layer.weight(0).isApprox(whole.leftCols(3) * layer.past_s.head(3).asDiagonal() * wide.leftCols(3).transpose(),
                                   1e-13));
  }
}

TEST_CASE("IncrementalRank: gradients are those of differences and of the whole weight's gradient") {
  Incremental layer = layer_of();
  Matrix x = X, Y(6, 4);
  Parts g(layer);
  const auto loss = [&] { return layer.forward(x, Y), Y.cwiseProduct(dY).sum(); };
  loss();
  layer.backward(x, dY, g.du, g.dv, g.ds, g.dbias, g.dX);
  const auto check = [&](auto& variable, const auto& gradient) {
    for (Index i = 0; i < variable.size(); ++i) {
      double& entry = variable.data()[i];
      const double kept = entry;
      entry = kept + 1e-5;
      const double up = loss();
      entry = kept - 1e-5;
      const double down = loss();
      entry = kept;
      CHECK((up - down) / 2e-5 == Approx(gradient.data()[i]).epsilon(1e-7).margin(1e-7));
    }
  };
  check(layer.u, g.du);
  check(layer.v, g.dv);
  check(layer.s, g.ds);
  check(layer.bias, g.dbias);
  check(x, g.dX);

  const Matrix G = dY * X.transpose();
  Parts whole(layer);
  layer.project(G, whole.du, whole.dv, whole.ds);
  CHECK(whole.du.isApprox(g.du, 1e-12));
  CHECK(whole.dv.isApprox(g.dv, 1e-12));
  CHECK(whole.ds.isApprox(g.ds, 1e-12));
  for (Index j = 0; j < 5; ++j) CHECK(g.ds[j] == Approx(layer.U.col(j).dot(G * layer.V.col(j))).epsilon(1e-12));
  CHECK(g.du.isApprox(G * layer.v * layer.s.tail(2).asDiagonal(), 1e-12));
  CHECK(g.dv.isApprox(G.transpose() * layer.u * layer.s.tail(2).asDiagonal(), 1e-12));
  CHECK(g.dX.isApprox(layer.weight(2).transpose() * dY, 1e-12));
}

TEST_CASE("IncrementalRank: maps, blocks and rows will do") {
  Incremental layer = layer_of();
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> by_rows = X;
  Matrix larger(9, 8), Y(6, 4), two(6, 4);
  larger.middleCols(2, 4) = X;
  std::vector<double> memory(24);
  layer.forward(X, Y);
  layer.forward(by_rows, two);
  CHECK(two == Y);
  layer.forward(larger.middleCols(2, 4), Eigen::Map<Matrix>(memory.data(), 6, 4));
  CHECK(Eigen::Map<Matrix>(memory.data(), 6, 4).isApprox(Y, 1e-15));
  Parts a(layer), b(layer);
  Matrix all(6, 5);
  layer.backward(X, dY, a.du, a.dv, a.ds, a.dbias, a.dX);
  layer.backward(larger.middleCols(2, 4), dY, all.middleCols(1, 2), b.dv, b.ds, b.dbias);
  CHECK(all.middleCols(1, 2).isApprox(a.du, 1e-15));
  CHECK(b.ds.isApprox(a.ds, 1e-15));
}

TEST_CASE("IncrementalRank: new factors are orthonormal, old selectors start at zero, new ones at one") {
  Incremental layer(6, 9, {.first_rank = 3, .task_rank = 2});
  CHECK(layer.s == Vector::Ones(3));
  CHECK((layer.u.transpose() * layer.u).isApprox(Matrix::Identity(3, 3), 1e-14));
  const Matrix first = layer.u;
  layer.next_task();
  CHECK(layer.U == first);
  CHECK(layer.s == Vector{{0.0, 0.0, 0.0, 1.0, 1.0}});
  CHECK((layer.v.transpose() * layer.v).isApprox(Matrix::Identity(2, 2), 1e-14));
  CHECK(layer.bias == Vector::Zero(6));
}

TEST_CASE("IncrementalRank: without its new factors a task is the one before; ranks are bounded by R") {
  Incremental layer = layer_of();
  layer.s << layer.past_s.segment(3, 5), Vector::Zero(2);
  CHECK(layer.weight(2).isApprox(layer.weight(1), 1e-12));
  Incremental wide(20, 30, {.first_rank = 4, .task_rank = 2});
  wide.next_task();
  wide.s = normal(6, 1, 1);
  for (Index task = 0; task < 2; ++task) {
    const Vector sigma = Eigen::JacobiSVD<Matrix>(wide.weight(task)).singularValues();
    CHECK(sigma[wide.rank(task)] <= 1e-13 * sigma[0]);
    CHECK(sigma[wide.rank(task) - 1] > 1e-4 * sigma[0]);
  }
}

TEST_CASE("IncrementalRank: six tasks are learned and none forgotten, one factorization forgets them") {
  const std::vector<Matrix> T = targets();
  const Matrix I = Matrix::Identity(30, 30);
  Incremental layer(24, 30, {.first_rank = 4, .bias = false});
  std::vector<Matrix> outputs;
  Matrix Y(24, 30);
  for (std::size_t task = 0; task < 6; ++task) {
    if (task > 0) layer.next_task();
    Optimizer optimizer{decaying(), named("u", layer.u), named("v", layer.v), named("s", layer.s)};
    Matrix du = layer.u, dv = layer.v;
    Vector ds = layer.s, none(0);
    for (int t = 0; t < 3000; ++t) {
      layer.forward(I, Y);
      layer.backward(I, Y - T[task], du, dv, ds, none);
      optimizer.step(du, dv, ds);
    }
    layer.forward(I, Y);
    outputs.push_back(Y);
    INFO("task " << task);
    CHECK(error_of(Y, T[task]) < 5e-6);
  }
  for (std::size_t task = 0; task < 6; ++task) {
    layer.forward(static_cast<Index>(task), I, Y);
    CHECK(same_bits(Y, outputs[task]));
  }
  CHECK(layer.numbers() == 525);
  CHECK(6 * T[0].size() == 4320);

  Matrix U = orthonormal(24, 5, 1), V = orthonormal(30, 5, 2);
  for (const Matrix& target : T) {
    Optimizer optimizer{decaying(), U, V};
    for (int t = 0; t < 3000; ++t) {
      const Matrix G = U * V.transpose() - target;
      optimizer.step(G * V, G.transpose() * U);
    }
    CHECK(error_of(U * V.transpose(), target) < 5e-3);
  }
  for (std::size_t task = 0; task < 5; ++task) CHECK(error_of(U * V.transpose(), T[task]) > 0.3);
}

TEST_CASE("IncrementalRank: the bits of old tasks stay while new ones are trained, for any batch and in float") {
  IncrementalRank<float> layer(37, 50, {.first_rank = 5, .task_rank = 3});
  std::vector<Eigen::MatrixXf> inputs, outputs;
  for (const Index batch : {1, 2, 7, 64})
    inputs.push_back(normal(50, batch, static_cast<std::uint64_t>(batch)).cast<float>());
  for (Index task = 0; task < 4; ++task) {
    if (task > 0) layer.next_task();
    layer.u += normal(37, layer.u.cols(), 5).cast<float>();
    layer.s += normal(layer.s.size(), 1, 6).cast<float>();
    layer.bias += normal(37, 1, 7).cast<float>();
    for (const Eigen::MatrixXf& x : inputs) layer.forward(x, outputs.emplace_back(37, x.cols()));
  }
  for (Index task = 0; task < 4; ++task)
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Eigen::MatrixXf Y(37, inputs[i].cols());
      layer.forward(task, inputs[i], Y);
      const Eigen::MatrixXf& before = outputs[static_cast<std::size_t>(task) * inputs.size() + i];
      CHECK(std::memcmp(Y.data(), before.data(), sizeof(float) * static_cast<std::size_t>(Y.size())) == 0);
    }
}

TEST_CASE("IncrementalRank: an optimizer of the last task refuses to go on with the next") {
  Incremental layer(6, 9, {.first_rank = 2, .task_rank = 2});
  Optimizer optimizer{Adam{}, named("u", layer.u), named("v", layer.v), named("s", layer.s)};
  layer.next_task();
  const Matrix before = layer.u;
  CHECK(message_of([&] { optimizer.step(layer.u, layer.v, layer.s); }) ==
        "Optimizer::step: parameter \"s\" is now 4 x 1, was bound as 2 x 1");
  CHECK(layer.u == before);
}

TEST_CASE("IncrementalRank: a layer is saved and goes on bit for bit") {
  const auto bound = [](Incremental& l) {
    return Optimizer{freeze("past.*", Adam{.learning_rate = 0.1}),
                     named("past.U", l.U),
                     named("past.V", l.V),
                     named("past.s", l.past_s),
                     named("past.bias", l.past_bias),
                     named("u", l.u),
                     named("v", l.v),
                     named("s", l.s),
                     named("bias", l.bias)};
  };
  const auto train = [](Incremental& l, auto& optimizer) {
    Parts g(l);
    Matrix Y(6, 4);
    for (int t = 0; t < 5; ++t) {
      l.forward(X, Y);
      l.backward(X, Y - dY, g.du, g.dv, g.ds, g.dbias);
      optimizer.step(no_gradient, no_gradient, no_gradient, no_gradient, g.du, g.dv, g.ds, g.dbias);
    }
  };
  Incremental layer = layer_of(), copy(6, 9, {.first_rank = 3, .task_rank = 2});
  copy.next_task();
  copy.next_task();
  auto first = bound(layer);
  train(layer, first);
  auto second = bound(copy);
  io_tests::load_bytes(second, io_tests::saved_bytes(first));
  train(layer, first);
  train(copy, second);
  Matrix a(6, 4), b(6, 4);
  for (Index task = 0; task < 3; ++task) {
    layer.forward(task, X, a);
    copy.forward(task, X, b);
    CHECK(same_bits(a, b));
  }
}

TEST_CASE("IncrementalRank: what cannot be is refused with a sentence") {
  const auto make = [](IncrementalRankOptions options) { return message_of([&] { Incremental(5, 40, options); }); };
  CHECK(make({.first_rank = 6}) == "IncrementalRank: first_rank = 6, must be in [1, 5]");
  CHECK(make({.first_rank = 0}) == "IncrementalRank: first_rank = 0, must be in [1, 5]");
  CHECK(make({.first_rank = 1, .task_rank = 0}) == "IncrementalRank: task_rank = 0, must be in [1, 5]");
  CHECK(message_of([] { Incremental(0, 4, {.first_rank = 1}); }) ==
        "IncrementalRank: a layer of 0 x 4, must be at least 1 x 1");

  Incremental layer = layer_of();
  const Matrix left = normal(6, 2, 1), right = normal(9, 2, 2), zeros = Matrix::Zero(9, 2);
  CHECK(message_of([&] { layer.next_task(left, zeros); }) ==
        "IncrementalRank::next_task: column 0 of v is zero, must not be: it would get no gradient");
  CHECK(message_of([&] { layer.next_task(right, right); }) == "IncrementalRank::next_task: u is 9 x 2, must be 6 x 2");
  CHECK(layer.tasks() == 3);
  layer.next_task(left, right);
  CHECK(layer.u == left);
  CHECK(layer.tasks() == 4);

  Matrix Y(6, 4), none(9, 0), noY(6, 0);
  Parts g(layer);
  CHECK_THROWS_AS(layer.backward(X, dY, g.du, g.dv, g.ds, g.dbias), std::logic_error);  // before forward
  CHECK(message_of([&] { layer.forward(4, X, Y); }) == "IncrementalRank::forward: task = 4, must be in [0, 3]");
  CHECK(message_of([&] { layer.forward(none, noY); }).empty());
  CHECK(message_of([&] { layer.forward(Matrix::Ones(8, 4), Y); }) ==
        "IncrementalRank::forward: X is 8 x 4, must be 9 x 4");
  layer.forward(1, X, Y);
  CHECK_THROWS_AS(layer.backward(X, dY, g.du, g.dv, g.ds, g.dbias), std::logic_error);  // of another task
  layer.forward(X, Y);
  CHECK(message_of([&] { layer.backward(X, dY, g.du, g.du, g.ds, g.dbias); }) ==
        "IncrementalRank::backward: dv is 6 x 2, must be 9 x 2");
}
