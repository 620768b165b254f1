#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/networks/diloco.hpp>
#include <glissade/networks/network.hpp>
#include <glissade/rules/momo.hpp>

#include <cmath>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

using Method = DiLoCo<AdamW>;
using Mode = DiLoCoMode;

/// That of generate_gathered.py.
double bowl(Index i, std::int64_t, const VectorXd& x, VectorXd& g) {
  double value = 0;
  for (Index c = 0; c < x.size(); ++c) {
    const double h = 1 + static_cast<double>((i + 2 * c) % 3) / 2;
    const double d = x[c] - std::sin(static_cast<double>(1 + 3 * i + c));
    g[c] = h * d;
    value += 0.5 * h * d * d;
  }
  return value;
}

/// The end of a run of three workers and `rounds` gatherings, from 0: all their x.
VectorXd end_of(const Method& method, std::int64_t rounds) {
  Network network(method, complete_graph(3), VectorXd::Zero(4));
  network.run(bowl, {.events = rounds});
  VectorXd all(12);
  for (Index i = 0; i < 3; ++i) all.segment(4 * i, 4) = network.x(i);
  return all;
}

/// Logistic regression, 400 samples a worker of one distribution, scales of features e^U(-1.5, 1.5), minibatches of 16.
struct SharedRegression {
  static constexpr Index workers = 4, size = 30, samples = 400, batch = 16;
  std::vector<MatrixXd> rows;  // a sample's features times its label
  std::uint64_t seed;

  explicit SharedRegression(std::uint64_t s) : seed(s) {
    const RandomKey key{s};
    std::uint64_t n = 0;
    VectorXd scales(size), truth(size);
    for (Index c = 0; c < size; ++c) {
      scales[c] = std::exp(3 * key.uniform(n++) - 1.5);
      truth[c] = key.normal(n++);
    }
    n = 1000;
    for (Index i = 0; i < workers; ++i) {
      MatrixXd A(size, samples);
      for (Index k = 0; k < samples; ++k) {
        for (Index c = 0; c < size; ++c) A(c, k) = scales[c] * key.normal(n++);
        const double p = 1 / (1 + std::exp(-truth.dot(A.col(k))));
        if (key.derive(1).uniform(n++) > p) A.col(k) *= -1;
      }
      rows.push_back(A);
    }
  }
  static double add(const VectorXd& row, const VectorXd& x, double weight, VectorXd* g) {
    const double z = row.dot(x), loss = std::max(-z, 0.0) + std::log1p(std::exp(-std::abs(z)));
    if (g != nullptr) *g -= weight / (1 + std::exp(z)) * row;
    return weight * loss;
  }
  [[nodiscard]] NodeGradient gradient() const {
    return [this](Index i, std::int64_t call, const VectorXd& x, VectorXd& g) {
      const RandomKey key =
          RandomKey{seed + 77}.derive(static_cast<std::uint64_t>(i)).derive(static_cast<std::uint64_t>(call));
      double value = 0.5e-3 * x.squaredNorm();
      g = 1e-3 * x;
      for (Index b = 0; b < batch; ++b) {
        const auto k = static_cast<Index>(key.bits(static_cast<std::uint64_t>(b)) % samples);
        value += add(rows[static_cast<std::size_t>(i)].col(k), x, 1.0 / batch, &g);
      }
      return value;
    };
  }
  double loss(const VectorXd& x, VectorXd* g = nullptr) const {
    double value = 0.5e-3 * x.squaredNorm();
    if (g != nullptr) *g = 1e-3 * x;
    for (const MatrixXd& A : rows)
      for (Index k = 0; k < samples; ++k) value += add(A.col(k), x, 1.0 / (workers * samples), g);
    return value;
  }
  /// The least loss, by Newton's method.
  [[nodiscard]] double least() const {
    VectorXd x = VectorXd::Zero(size), g(size);
    for (int step = 0; step < 15; ++step) {
      loss(x, &g);
      MatrixXd hessian = 1e-3 * MatrixXd::Identity(size, size);
      for (const MatrixXd& A : rows) {
        const VectorXd z = A.transpose() * x;
        const VectorXd w = (z.array().exp() + 2 + (-z.array()).exp()).inverse() / (workers * samples);
        hessian += A * w.asDiagonal() * A.transpose();
      }
      x -= hessian.ldlt().solve(g);
    }
    loss(x, &g);
    REQUIRE(g.norm() < 1e-10);
    return loss(x);
  }
};

}  // namespace

TEST_CASE("DiLoCo: what the definition gives, of all kinds") {
  const Method base{.inner = {.learning_rate = 0.05, .weight_decay = 0.01},
                    .outer = {.learning_rate = 0.4, .momentum = 0.9, .nesterov = true},
                    .inner_steps = 6};
  // tests/networks/generate_gathered.py
  const auto same = [](const VectorXd& x, const std::vector<double>& expected) {
    for (Index k = 0; k < x.size(); ++k)
      CHECK(x[k] == Approx(expected[static_cast<std::size_t>(k) % expected.size()]).epsilon(1e-12));
  };
  Method method = base;
  same(end_of(method, 5), {0.5485714753018067, 0.5822383968675449, 0.15902519497263143, -0.5197130053273663});
  method.mode = Mode::delayed;
  same(end_of(method, 5), {0.4566178157666384, 0.46447364002290126, 0.26744281763272726, -0.449758994422961});
  method.mode = Mode::eager;
  same(end_of(method, 5), {0.8929204887323553, 0.9332818917883151, 0.25387122408207646, -0.8496582635169684,
                           -0.14897060393004055, -0.12195575241300077, -0.35118320847537055, 0.17511527703664326,
                           0.860423798811129, 0.9402780997422607, 0.46970656787819587, -0.7955842697159838});
  method.fragments = 2;
  method.merge = 0.25;
  same(end_of(method, 7), {0.5866429870667289, 0.5947084968779631, 0.16223268472919342, -0.6961884858433778,
                           -0.1867139372826775, -0.1894553863988665, -0.2658605242392294, 0.4275527014207962,
                           0.5694726871848463, 0.5982873653440899, 0.47969059095700595, -0.6238213693095798});
  method = base;
  method.fragments = method.sync_delay = 2;
  method.merge = 0.5;
  same(end_of(method, 7), {0.5503023911138547, 0.5576394052259491, 0.14781365719742134, -0.4673642280032347,
                           -0.28869517693603947, -0.2930880025451083, -0.12228242614351019, 0.11611681010016009,
                           0.5270237386146135, 0.5626263064238972, 0.3131632419107849, -0.4350264289927739});
}

TEST_CASE("DiLoCo: applied at once is better than eager, and eager better than a round later") {
  const auto gaps = [](double outer_rate) {
    std::array<double, 3> mean{};
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const SharedRegression f(seed);
      const double least = f.least();
      for (const Mode mode : {Mode::standard, Mode::delayed, Mode::eager}) {
        const Method method{.inner = {.learning_rate = 0.005},
                            .outer = {.learning_rate = outer_rate, .momentum = 0.9, .nesterov = true},
                            .inner_steps = 20,
                            .mode = mode};
        Network network(method, complete_graph(4), VectorXd::Zero(SharedRegression::size));
        network.run(f.gradient(), {.events = 100});
        mean[static_cast<std::size_t>(mode)] += (f.loss(network.mean()) - least) / 5;
      }
    }
    return mean;
  };
  const auto [standard, delayed, eager] = gaps(0.4);
  CAPTURE(standard, delayed, eager);
  CHECK(standard < 0.75 * eager);
  CHECK(eager < 0.75 * delayed);
  CHECK(standard < 0.006);
  CHECK(delayed < 0.03);
}

TEST_CASE("DiLoCo: what it is at its ends") {
  const auto run = [](const auto& method, Index workers, std::int64_t events, const NodeGradient& f = bowl) {
    Network network(method, complete_graph(workers), VectorXd::Ones(4));
    network.run(f, {.events = events});
    return network;
  };
  const NodeGradient alike = [](Index, std::int64_t call, const VectorXd& x, VectorXd& g) {
    return bowl(call % 3, call, x, g);
  };
  for (const std::int64_t events : {1, 2, 9}) {
    Method method{.inner = {.learning_rate = 0.05}, .inner_steps = 4}, eager = method;
    eager.mode = Mode::eager;
    // One worker: eager is standard, to the bit. Workers that are alike stay together, but eager ones lag behind.
    CHECK(run(method, 1, events).x(0) == run(eager, 1, events).x(0));
    const auto a = run(method, 3, events, alike), b = run(eager, 3, events, alike);
    CHECK(a.disagreement() <= 1e-15);
    CHECK(b.disagreement() <= 1e-15);
    CHECK(((a.x(1) - b.x(1)).norm() <= 1e-13) == (events == 1));
    // The bytes of parts are those of the whole, in shorter messages.
    Method parts = method;
    parts.fragments = 2;
    CHECK(run(parts, 3, 2 * events).traffic().bytes == run(method, 3, events).traffic().bytes);
    CHECK(run(parts, 3, 2 * events).time() == run(method, 3, events).time());
  }
  // One inner step of gradient descent, and the mean as it is: gradient descent on the mean of all functions.
  const DiLoCo<Sgd> synchronous{.inner = {.learning_rate = 0.1}, .outer = {.learning_rate = 1}, .inner_steps = 1};
  VectorXd x = VectorXd::Ones(4), g(4), sum(4);
  for (int step = 0; step < 7; ++step) {
    sum.setZero();
    for (Index i = 0; i < 3; ++i) {
      bowl(i, 0, x, g);
      sum += g;
    }
    x -= 0.1 * sum / 3;
  }
  CHECK((run(synchronous, 3, 7).x(2) - x).norm() <= 1e-14);
  // A worker that was gone for some rounds comes back to the others.
  Network network(Method{.inner = {.learning_rate = 0.05}, .inner_steps = 4}, complete_graph(3), VectorXd::Ones(4));
  network.run(bowl, {.events = 10}, Simulation{{.dropped = [](const Event&, Index i) { return i == 1; }}});
  const double apart = network.disagreement();
  network.run(bowl, {.events = 300});
  CHECK(apart > 0.1);
  CHECK(network.disagreement() < 1e-3 * apart);
}

TEST_CASE("DiLoCo: rules that read the loss are told it inside, and bad options are refused") {
  Network polyak(DiLoCo<Momo>{.inner = {.learning_rate = 1}, .inner_steps = 5}, complete_graph(2), VectorXd::Ones(4));
  polyak.run(bowl, {.events = 20});
  CHECK(polyak.mean().allFinite());
  CHECK((polyak.mean() - VectorXd::Ones(4)).norm() > 0.1);

  const auto refused = [](const auto& method) {
    return message_of([&] { Network(method, complete_graph(3), VectorXd::Zero(4)); });
  };
  CHECK(refused(DiLoCo<Sgd, Momo>{}).ends_with("must be a rule that does not read the loss"));
  CHECK(refused(Method{.inner = {.beta1 = 1.5}}) == "AdamW: beta1 = 1.5, must be in [0, 1)");
  CHECK(refused(Method{.outer = {.learning_rate = -1}}) == "Sgd: learning_rate = -1, must be >= 0 and finite");
  CHECK(refused(Method{.inner_steps = 0}) == "DiLoCo: inner_steps = 0, must be >= 1 and finite");
  CHECK(refused(Method{.inner_steps = 5, .fragments = 2}) ==
        "DiLoCo: inner_steps = 5, must be a multiple of fragments = 2");
  CHECK(refused(Method{.fragments = 5}) == "DiLoCo: fragments = 5, must be at most the number of variables, 4");
  CHECK(refused(Method{.inner_steps = 6, .fragments = 2, .sync_delay = 3}) ==
        "DiLoCo: sync_delay = 3, must be below inner_steps / fragments = 3");
  CHECK(refused(Method{.mode = Mode::eager, .sync_delay = 1}) ==
        "DiLoCo: sync_delay = 1, must be 0 but in standard mode");
  CHECK(refused(Method{.merge = 1.5}) == "DiLoCo: merge = 1.5, must be in [0, 1]");
}
