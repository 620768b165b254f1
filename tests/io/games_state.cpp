// Learners and methods for games go on from a file, bit for bit.
#include "support/catch.hpp"
#include <glissade/games/mirror_descent.hpp>
#include <glissade/games/no_regret_optimistic_gradient.hpp>
#include <glissade/io/method_state.hpp>

#include "io/support.hpp"

using namespace glissade;
using namespace io_tests;
using Eigen::VectorXd;

TEST_CASE("games: a learner goes on from a file, before and after its switch") {
  const Folder folder;
  const auto path = folder / "player.safetensors";
  const NoRegretOptions options{.switch_constant = 5};
  const Box square{.low = -1, .high = 1};
  const VectorXd start = Eigen::Vector3d(0.5, -0.2, 0.1);
  const auto gradient = [](int t) { return VectorXd(Eigen::Vector3d(std::sin(t), std::cos(2 * t), 0.5) / 2); };
  for (const int cut : {0, 1, 4, 30}) {
    NoRegretOptimisticGradient whole(options, start, square), part = whole;
    for (int t = 0; t < 40; ++t) whole.learn(gradient(t));
    for (int t = 0; t < cut; ++t) part.learn(gradient(t));
    CHECK(part.switched() == (cut == 30));
    save(part, path);
    NoRegretOptimisticGradient other(options, VectorXd::Zero(3), square);
    load(other, path);
    CHECK(other.play() == part.play());
    for (int t = cut; t < 40; ++t) other.learn(gradient(t));
    CHECK(other.play() == whole.play());
    CHECK(other.variation() == whole.variation());
    CHECK(other.rounds() == 40);
    CHECK(other.switched());
  }
  NoRegretOptimisticGradient smaller(options, VectorXd::Zero(2));
  CHECK_THROWS_WITH(load(smaller, path), Catch::Matchers::ContainsSubstring("shape [3], expected [2]"));
  CHECK(smaller.play() == VectorXd::Zero(2));
}

TEST_CASE("games: mirror descent goes on from a file") {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  const auto game = [](const VectorXd& z, VectorXd& out) { out << -z[2], z[3], z[0], -z[1]; };
  const MagneticMirrorDescent<> method{
      .step_size = 0.2, .temperature = 0.3, .magnet_rate = 0.1, .map = {.sizes = {2, 2}}};
  VectorXd whole(4), z(4), y = VectorXd::Constant(4, 0.5);
  whole << 0.3, 0.7, 0.6, 0.4;
  z = whole;
  solve_game(game, whole, method, {.max_iterations = 20, .tolerance = 0});
  auto state = initial_state(method, game, z);
  resume_game(game, z, method, state, {.max_iterations = 9, .tolerance = 0});
  save(state, z, path);
  auto other = initial_state(method, game, y);
  load(other, y, path);
  resume_game(game, y, method, other, {.max_iterations = 11, .tolerance = 0});
  CHECK(y == whole);
}
