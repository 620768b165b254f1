// The learner: in a game it is the method, and against anybody it is safe.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/games/no_regret_optimistic_gradient.hpp>
#include <glissade/games/optimistic_gradient.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/problems/worst_case_game.hpp>

#include <Eigen/SVD>

#include <functional>
#include <limits>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

const double half_side = std::sqrt(0.5);
const Box square{.low = -half_side, .high = half_side};  // of diameter 2

/// Regret / (D sqrt T) against losses <g, x>, where the adversary sees the play first.
double regret_after(int rounds, const std::function<VectorXd(int, const VectorXd&)>& adversary) {
  NoRegretOptimisticGradient player({}, VectorXd::Zero(2), square);
  VectorXd sum = VectorXd::Zero(2);
  double paid = 0;
  bool inside = true;
  for (int t = 1; t <= rounds; ++t) {
    const VectorXd g = adversary(t, player.play());
    inside = inside && player.play().cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= half_side;
    paid += g.dot(player.play());
    sum += g;
    player.learn(g);
  }
  CHECK(inside);
  CHECK(player.switched());
  return (paid + half_side * sum.lpNorm<1>()) / (2 * std::sqrt(rounds));
}

}  // namespace

TEST_CASE("no regret: against adversaries regret is at most 2 D sqrt T") {
  const auto flips = [](int t, const VectorXd&) { return VectorXd::Constant(2, t % 2 == 0 ? -half_side : half_side); };
  const auto follower = [](int, const VectorXd& x) {
    return VectorXd(x.unaryExpr([](double v) { return v >= 0 ? half_side : -half_side; }));
  };
  const auto random = [](int t, const VectorXd&) {
    return VectorXd(VectorXd::NullaryExpr(2, [t](Eigen::Index i) {
      return RandomKey{1}.derive(static_cast<std::uint64_t>(t)).uniform(static_cast<std::uint64_t>(i)) < 0.5
                 ? half_side
                 : -half_side;
    }));
  };
  struct Case {
    int rounds;
    double ratio;
  };
  for (const Case& c : {Case{1000, 1.42}, Case{4000, 1.46}, Case{16'000, 1.48}}) {
    CHECK(regret_after(c.rounds, flips) == Approx(c.ratio).margin(0.0051));
    CHECK(regret_after(c.rounds, follower) == Approx(c.ratio).margin(0.0101));
    CHECK(regret_after(c.rounds, random) <= 2);
  }
}

TEST_CASE("no regret: two learners in the worst-case game are the accelerated method, and never switch") {
  const Eigen::Index n = 20;
  const problems::WorstCaseGame game(n);
  const double diameter = 2 * (game.start() - game.solution()).norm();
  const NoRegretOptions options{.step_size = 0.3, .lipschitz = game.lipschitz(), .diameter = diameter};
  NoRegretOptimisticGradient first(options, game.start().head(n), problems::WorstCaseGame::bounds());
  NoRegretOptimisticGradient second(options, game.start().tail(n), problems::WorstCaseGame::bounds());
  VectorXd together = game.start(), gradient(2 * n), z(2 * n);
  double apart = 0;
  const AcceleratedOptimisticGradient method{.step_size = 0.3};
  const auto boxed = subject_to(game, problems::WorstCaseGame::bounds());
  auto state = method.init(boxed, together);
  Oracle<const decltype(boxed), VectorXd> oracle(boxed);
  for (int t = 0; t < 20'000; ++t) {
    z << first.play(), second.play();
    apart = std::max(apart, (z - together).cwiseAbs().maxCoeff());
    game(z, gradient);
    first.learn(gradient.head(n));
    second.learn(gradient.tail(n));
    method.step(oracle, together, state);
  }
  CHECK(apart <= 1e-12);
  CHECK_FALSE(first.switched());
  CHECK_FALSE(second.switched());
}

TEST_CASE("no regret: the switch never occurs in random monotone games") {
  double most = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed)
    for (const double part : {0.1, 0.3, 0.49})
      for (const bool boxed : {false, true}) {
        const Eigen::Index n = 6;
        const auto fill = [&](std::uint64_t stream, auto&& numbers) {
          for (Eigen::Index k = 0; k < numbers.size(); ++k)
            numbers.data()[k] = RandomKey{seed}.derive(stream).normal(static_cast<std::uint64_t>(k));
        };
        MatrixXd S(n, n), B(n, 2);
        VectorXd c(n), start(n);
        fill(1, S);
        fill(2, B);
        fill(3, c);
        fill(4, start);
        MatrixXd M = S - S.transpose();
        for (Eigen::Index k = 0; k < 2; ++k) M += 0.3 * (B.col(k) * B.col(k).transpose());
        const double L = Eigen::JacobiSVD<MatrixXd>(M).singularValues()[0];
        // Without a box the solution is known.
        const double diameter = boxed ? 2 * std::sqrt(6.0) : 2 * start.norm();
        const Box box{.low = boxed ? -1 : -1e300, .high = boxed ? 1 : 1e300};
        NoRegretOptimisticGradient player({.step_size = part / L, .lipschitz = L, .diameter = diameter}, start, box);
        for (int t = 0; t < 4000; ++t) player.learn(M * player.play() + (boxed ? c : VectorXd::Zero(n)));
        CHECK_FALSE(player.switched());
        most = std::max(most, player.variation() / std::pow(L * diameter, 2));
      }
  CHECK(most < 1);
  CHECK(most > 0.1);
}

TEST_CASE("no regret: when the switch occurs, what is played then, and that it is for good") {
  NoRegretOptions options{.step_size = 0.3, .switch_constant = 3.5};
  VectorXd g = Eigen::Vector2d(0.6, 0);
  NoRegretOptimisticGradient player(options, Eigen::Vector2d(0.1, 0.2));
  const VectorXd start = player.play();

  // A large constant part is no variation.
  VectorXd base = start - 0.3 * g, play = base - 0.3 * g + (start - base) / 3;
  player.learn(g);
  CHECK((player.play() - play).norm() <= 1e-15);
  CHECK(player.variation() == 0);
  base += (start - base) / 3 - 0.3 * g;
  play = base - 0.3 * g + (start - base) / 4;
  player.learn(g);
  CHECK((player.play() - play).norm() <= 1e-15);
  CHECK(player.variation() == 0);

  g = Eigen::Vector2d(-0.6, 0);
  player.learn(g);
  base += (start - base) / 4 - 0.3 * g;
  CHECK(player.variation() == Approx(1.44));
  CHECK_FALSE(player.switched());
  player.learn(-g);
  base += (start - base) / 5 + 0.3 * g;
  CHECK_FALSE(player.switched());
  player.learn(g);
  CHECK(player.switched());
  CHECK(player.variation() == Approx(4.32));
  const double step = std::min(0.3, 2 / std::sqrt(5.32));
  base -= step * g;
  CHECK((player.play() - (base - step * g)).norm() <= 1e-15);
  for (int k = 0; k < 100; ++k) player.learn(k % 2 == 0 ? g : VectorXd(-g));
  CHECK(player.switched());
  const VectorXd before = player.play();
  player.learn(VectorXd::Zero(2));
  CHECK((player.play() - before).norm() <= 2 * 2 / std::sqrt(player.variation()));

  options.switch_constant = std::numeric_limits<double>::infinity();
  NoRegretOptimisticGradient never(options, start);
  for (int k = 0; k < 1000; ++k) never.learn(k % 2 == 0 ? g : VectorXd(-g));
  CHECK_FALSE(never.switched());
  CHECK(never.rounds() == 1000);
  CHECK(NoRegretOptions{.step_size = 0.1, .lipschitz = 3, .diameter = 5}.threshold() == 900);
}

TEST_CASE("no regret: what cannot be used is refused and changes nothing") {
  const auto said = [](const NoRegretOptions& options, const VectorXd& start = VectorXd::Zero(2)) {
    return message_of([&] { NoRegretOptimisticGradient player(options, start); });
  };
  CHECK(said({.step_size = 0}) == "NoRegretOptimisticGradient: step_size = 0, must be > 0 and finite");
  CHECK(said({.step_size = 0.5}) == "NoRegretOptimisticGradient: step_size = 0.5, must be < 1 / (2 lipschitz)");
  CHECK(said({.lipschitz = -1}) == "NoRegretOptimisticGradient: lipschitz = -1, must be > 0 and finite");
  CHECK(said({.diameter = 0}) == "NoRegretOptimisticGradient: diameter = 0, must be > 0 and finite");
  CHECK(said({.switch_constant = -1}) == "NoRegretOptimisticGradient: switch_constant = -1, must be >= 0");
  CHECK(said({}, Eigen::Vector2d(0, 1 / 0.0)) ==
        "NoRegretOptimisticGradient: start[1] = inf, must be in [-1.7976931348623157e+308, 1.7976931348623157e+308]");
  CHECK(message_of([] { NoRegretOptimisticGradient player({}, VectorXd::Zero(2), Box{.low = 1, .high = 0}); }) ==
        "Box: low = 1, must be <= high = 0");
  NoRegretOptimisticGradient player({}, Eigen::Vector2d(3, 0.1), square);
  CHECK(player.play() == Eigen::Vector2d(half_side, 0.1));
  player.learn(Eigen::Vector2d(1, 1));
  const VectorXd play = player.play();
  CHECK(message_of([&] { player.learn(VectorXd::Zero(3)); }) ==
        "NoRegretOptimisticGradient: gradient has 3 coefficients, must have 2");
  CHECK(!message_of([&] { player.learn(Eigen::Vector2d(0, std::nan(""))); }).empty());
  CHECK(player.play() == play);
  CHECK(player.rounds() == 1);
}
