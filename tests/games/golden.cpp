// Methods for games against points that generate_golden.py has found in numpy.
#include "support/catch.hpp"
#include <glissade/games/extragradient.hpp>
#include <glissade/games/mirror_descent.hpp>
#include <glissade/games/optimistic_gradient.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/problems/matrix_game.hpp>
#include <glissade/problems/sequence_game.hpp>
#include <glissade/schedules/inverse_sqrt.hpp>

#include <fstream>
#include <functional>
#include <map>
#include <sstream>

using namespace glissade;
using Eigen::VectorXd;

namespace {

/// The point after so many steps.
using Run = std::function<VectorXd(std::int64_t)>;

VectorXd run(const auto& method, const auto& game, VectorXd z, std::int64_t steps) {
  solve_game(game, z, method, {.max_iterations = steps, .tolerance = 0});
  return z;
}

std::map<std::string, Run> all_runs() {
  const auto affine = [](const VectorXd& z, VectorXd& out) {
    const Eigen::Matrix4d M{{1, 2, -0.5, 0.25}, {-2, 0.5, 1, -0.75}, {0.5, -1, 0, 1.5}, {-0.25, 0.75, -1.5, 0}};
    out = M * z + Eigen::Vector4d(0.5, -1, 0.25, 2);
  };
  std::map<std::string, Run> runs;
  const auto add = [&](const std::string& name, const auto& method) {
    const VectorXd start = Eigen::Vector4d(0.3, -0.2, 0.9, -0.6);
    const auto boxed = subject_to(affine, Box{.low = -0.4, .high = 0.5});
    runs[name] = [=](std::int64_t steps) { return run(method, affine, start, steps); };
    runs[name + " on a box"] = [=](std::int64_t steps) { return run(method, boxed, start, steps); };
  };
  add("Extragradient", Extragradient{.step_size = 0.15});
  add("Extragradient anchored", Extragradient{.step_size = 0.15, .anchored = true});
  add("OptimisticGradient", OptimisticGradient{.step_size = 0.15});
  add("AcceleratedOptimisticGradient", AcceleratedOptimisticGradient{.step_size = 0.15});
  runs["MagneticMirrorDescent"] = [](std::int64_t steps) {
    const auto game = problems::perturbed_rock_paper_scissors();
    MagneticMirrorDescent<> method{.step_size = inverse_sqrt(0.7, 0, 1),
                                   .temperature = inverse_sqrt(0.5, 0, 1),
                                   .magnet_rate = 0.1,
                                   .map = {game.sizes()},
                                   .magnet = VectorXd(6)};
    method.magnet << 0.2, 0.2, 0.6, 1.0 / 3, 1.0 / 3, 1.0 / 3;
    VectorXd start(6);
    start << 0.5, 0.3, 0.2, 0.25, 0.25, 0.5;
    return run(method, game, start, steps);
  };
  runs["Kuhn poker"] = [](std::int64_t steps) {
    const auto game = problems::kuhn_poker();
    const MagneticMirrorDescent<DilatedEntropy> method{
        .step_size = inverse_sqrt(1, 0, 1), .temperature = inverse_sqrt(1, 0, 1), .map = {game.tree()}};
    return run(method, game, game.uniform(), steps);
  };
  return runs;
}

}  // namespace

TEST_CASE("games: points of methods are those found in numpy") {
  const std::map<std::string, Run> runs = all_runs();
  std::map<std::string, int> met;
  std::ifstream in(std::string(GLISSADE_TEST_DATA) + "/games/golden.csv");
  REQUIRE(in.good());
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name, field;
    std::getline(fields, name, ',');
    std::getline(fields, field, ',');
    const std::int64_t steps = std::stoll(field);
    std::vector<double> numbers;
    while (std::getline(fields, field, ',')) numbers.push_back(std::stod(field));
    INFO(line);
    REQUIRE(runs.contains(name));
    ++met[name];
    const VectorXd expected = Eigen::Map<VectorXd>(numbers.data(), static_cast<Eigen::Index>(numbers.size()));
    const VectorXd z = runs.at(name)(steps);
    REQUIRE(z.size() == expected.size());
    CHECK((z - expected).cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 1e-13);
  }
  for (const auto& [name, run] : runs) {
    INFO(name);
    CHECK(met[name] >= 3);
  }
}
