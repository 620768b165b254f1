// OnlineMirrorDescent: what it is with the maps that have names of their own.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/mirror_descent.hpp>
#include <glissade/sets/ball.hpp>
#include <glissade/sets/entropy.hpp>

using namespace glissade;
using Eigen::VectorXd;

namespace {

VectorXd losses(Eigen::Index size, std::uint64_t t) {
  VectorXd v(size);
  for (Eigen::Index i = 0; i < size; ++i) v[i] = RandomKey{1}.derive(t).uniform(static_cast<std::uint64_t>(i));
  return v;
}

}  // namespace

TEST_CASE("online mirror descent: with entropy the weights are multiplied") {
  const VectorXd start = Eigen::Vector4d(0.1, 0.2, 0.3, 0.4);
  OnlineMirrorDescent constant({.learning_rate = 0.3}, start, NegativeEntropy{});
  OnlineMirrorDescent anytime({.rate = MirrorRate::anytime, .learning_rate = 0.3}, start, NegativeEntropy{});
  VectorXd sum = VectorXd::Zero(4);
  for (std::uint64_t t = 1; t <= 300; ++t) {
    const auto weights = [&](double rate) {
      const VectorXd w = start.array() * (-rate * sum.array()).exp();
      return VectorXd(w / w.sum());
    };
    CHECK((constant.play() - weights(0.3)).norm() <= 1e-13);
    CHECK((anytime.play() - weights(0.3 / std::sqrt(static_cast<double>(t)))).norm() <= 1e-13);
    const VectorXd g = losses(4, t);
    sum += g;
    constant.learn(g);
    anytime.learn(g);
  }
  CHECK(constant.rounds() == 300);
}

TEST_CASE("online mirror descent: with the Euclidean map it is projected gradient descent") {
  const Ball ball{.radius = 0.5};
  OnlineMirrorDescent learner({.learning_rate = 0.2}, Eigen::Vector3d(0.1, 0, 0), Euclidean{ball});
  VectorXd x = Eigen::Vector3d(0.1, 0, 0);
  for (std::uint64_t t = 1; t <= 100; ++t) {
    const VectorXd g = losses(3, t).array() - (t % 30 < 15 ? 0.8 : 0.2);
    learner.learn(g);
    x -= 0.2 * g;
    ball.project(x);
    CHECK((learner.play() - x).norm() <= 1e-14);
  }
}

TEST_CASE("online mirror descent: anytime, the best expert is found also after his luck has turned") {
  OnlineMirrorDescent learner({.rate = MirrorRate::anytime, .learning_rate = 2}, Eigen::Vector2d(0.5, 0.5),
                              NegativeEntropy{});
  double paid = 0;
  for (int t = 0; t < 30'000; ++t) {
    const VectorXd g = t < 10'000 ? Eigen::Vector2d(0, 1) : Eigen::Vector2d(1, 0);
    paid += g.dot(learner.play());
    learner.learn(g);
  }
  CHECK(paid - 10'000 <= std::sqrt(30'000) * (std::log(2.0) / 2 + 2));
}

TEST_CASE("online mirror descent: a start outside of the map's set is refused") {
  using Entropic = OnlineMirrorDescent<NegativeEntropy>;
  CHECK(message_of([] { Entropic({}, Eigen::Vector2d(0.5, 0.6)); }).find("start[0] = 0.5, must be") !=
        std::string::npos);
  CHECK(message_of([] { Entropic({}, Eigen::Vector2d(0, 1)); }).find("must be > 0") != std::string::npos);
  CHECK(message_of([] { OnlineMirrorDescent({}, Eigen::Vector2d(2, 0), Euclidean{Ball{}}); }).find("start[0] = 2") !=
        std::string::npos);
  CHECK(message_of([] { OnlineMirrorDescent({.learning_rate = 0}, Eigen::Vector2d(2, 0)); }).find("learning_rate") !=
        std::string::npos);
}
