// FtrlProximal: AdaGrad where it has no penalties, exact zeros where it has, and the minimizer that it keeps.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/ftrl_proximal.hpp>

using namespace glissade;
using Eigen::VectorXd;

namespace {

VectorXd normals(Eigen::Index size, RandomKey key) {
  VectorXd v(size);
  for (Eigen::Index i = 0; i < size; ++i) v[i] = key.normal(static_cast<std::uint64_t>(i));
  return v;
}

}  // namespace

TEST_CASE("FTRL-Proximal: without penalties and beta it is AdaGrad from the origin") {
  FtrlProximal learner({.learning_rate = 0.3, .beta = 0}, 6);
  VectorXd x = VectorXd::Zero(6), n = VectorXd::Zero(6);
  for (std::uint64_t t = 0; t < 500; ++t) {
    VectorXd g = normals(6, RandomKey{1}.derive(t));
    g[static_cast<Eigen::Index>(t % 6)] = 0;
    learner.learn(g);
    n += g.cwiseAbs2();
    for (Eigen::Index i = 0; i < 6; ++i)
      if (n[i] > 0) x[i] -= 0.3 * g[i] / std::sqrt(n[i]);
    REQUIRE((learner.play() - x).norm() <= 1e-13 * static_cast<double>(t + 1));
  }
}

TEST_CASE("FTRL-Proximal: the play minimizes all that was added up") {
  const FtrlProximalOptions options{.learning_rate = 0.2, .beta = 0.7, .l1 = 0.8, .l2 = 0.4};
  FtrlProximal learner(options, 5);
  std::vector<VectorXd> gradients, plays, sigmas;
  VectorXd n = VectorXd::Zero(5);
  int zeros = 0;
  for (std::uint64_t t = 0; t < 40; ++t) {
    const VectorXd g = normals(5, RandomKey{2}.derive(t)) * 0.3;
    gradients.push_back(g);
    plays.push_back(learner.play());
    sigmas.emplace_back(((n + g.cwiseAbs2()).cwiseSqrt() - n.cwiseSqrt()) / 0.2);
    n += g.cwiseAbs2();
    learner.learn(g);
    const auto objective = [&](const VectorXd& x) {
      double sum = 0.8 * x.lpNorm<1>() + (0.7 / 0.2 + 0.4) * x.squaredNorm() / 2;
      for (std::size_t s = 0; s < gradients.size(); ++s)
        sum += gradients[s].dot(x) + sigmas[s].dot((x - plays[s]).cwiseAbs2()) / 2;
      return sum;
    };
    const double least = objective(learner.play());
    for (std::uint64_t k = 0; k < 10; ++k)
      CHECK(least <= objective(learner.play() + std::pow(0.1, k) * normals(5, RandomKey{3}.derive(k))) + 1e-12);
    zeros += static_cast<int>((learner.play().array() == 0).count());
  }
  CHECK(zeros > 10);
  CHECK(zeros < 190);
}

TEST_CASE("FTRL-Proximal: a feature that does not matter keeps a weight of exactly 0, others do not") {
  FtrlProximal learner({.learning_rate = 0.5, .l1 = 40}, 10);
  int mistakes = 0;
  for (std::uint64_t t = 0; t < 4000; ++t) {
    const VectorXd a = normals(10, RandomKey{4}.derive(t));
    const double y = a[0] - 2 * a[1] + 0.1 * RandomKey{5}.normal(t) > 0 ? 1 : -1;
    if (t >= 2000 && learner.predict(a) * y <= 0) ++mistakes;
    learner.learn(a, y);
  }
  CHECK(learner.play()[0] > 0.5);
  CHECK(learner.play()[1] < -1);
  CHECK(learner.play().tail(8).lpNorm<1>() == 0);
  CHECK(mistakes < 100);
}

TEST_CASE("FTRL-Proximal: an example is its gradient") {
  const PredictionLoss loss{.kind = LinearLoss::absolute};
  FtrlProximal by_examples({.loss = loss}, 3), by_gradients({}, 3);
  for (std::uint64_t t = 0; t < 50; ++t) {
    const VectorXd a = normals(3, RandomKey{6}.derive(t));
    const double y = RandomKey{7}.normal(t);
    by_gradients.learn(loss.slope(by_gradients.play().dot(a), y) * a);
    by_examples.learn(a, y);
    CHECK(by_examples.play() == by_gradients.play());
  }
  CHECK(by_examples.rounds() == 50);
}

TEST_CASE("FTRL-Proximal: options that are refused, and gradients of every size") {
  CHECK(message_of([] { FtrlProximal({.learning_rate = 0}, 2); }).find("learning_rate = 0") != std::string::npos);
  CHECK(message_of([] { FtrlProximal({.l1 = -1}, 2); }).find("l1 = -1") != std::string::npos);
  CHECK(message_of([] { FtrlProximal({.loss = {.quantile = 0}}, 2); }).find("quantile = 0") != std::string::npos);
  FtrlProximal learner({.beta = 0}, 3);
  learner.learn(Eigen::Vector3d(1e-300, 1e300, 0));
  CHECK(learner.play().isApprox(Eigen::Vector3d(-0.5, -0.5, 0), 1e-15));
}
