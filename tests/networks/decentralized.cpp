#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/subjects/shares_of_least_squares.hpp"
#include <glissade/networks.hpp>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

TEST_CASE("decentralized gradient steps: one node is gradient descent, bit for bit") {
  const SharesOfLeastSquares f(1, 5, 20, 3);
  const double a = 0.2;
  VectorXd x = VectorXd::Ones(5), g(5);
  Network dgd(DecentralizedGradientDescent{.step_size = a}, line_graph(1), x);
  Network tracking(GradientTracking{.step_size = a}, line_graph(1), x);
  for (std::int64_t k = 1; k <= 50; ++k) {
    f.gradient()(0, k, x, g);
    x -= a * g;
    dgd.run(f.gradient(), {.events = k});
    tracking.run(f.gradient(), {.events = k});
    CHECK(dgd.x(0) == x);
    CHECK((tracking.x(0) - x).norm() <= 1e-14);
  }
}

TEST_CASE("decentralized gradient steps: Extra and GradientTracking end at the solution, plain steps near it") {
  const SharesOfLeastSquares f(16, 5, 20, 1);
  const auto error = [&](const auto& method, const Topology& topology, std::int64_t rounds) {
    Network network(method, topology, VectorXd::Zero(5));
    network.run(f.gradient(), {.events = rounds});
    return std::sqrt(f.mean_square_error(network));
  };
  CHECK(error(Extra{.step_size = 0.2}, grid_graph(4, 4), 1500) <= 1e-12);
  CHECK(error(Extra{.step_size = 0.2}, ring_graph(16), 1500) <= 1e-10);
  CHECK(error(GradientTracking{.step_size = 0.05}, grid_graph(4, 4), 3000) <= 1e-12);
  CHECK(error(GradientTracking{.step_size = 0.02}, Topology({line_graph(16), star_graph(16), grid_graph(4, 4)}, 1),
              3000) <= 1e-8);
  // The distance that is left is of the order of the step.
  const double far = error(DecentralizedGradientDescent{.step_size = 0.02}, grid_graph(4, 4), 3000);
  const double near = error(DecentralizedGradientDescent{.step_size = 0.005}, grid_graph(4, 4), 12000);
  CHECK(far > 1e-4);
  CHECK(near / far == Approx(0.25).epsilon(0.15));
}

TEST_CASE("Dadao: an eighth of the messages of AdomPlus, with one round of gossip an iteration or with many") {
  const SharesOfLeastSquares f(16, 5, 20, 1);
  for (const Graph& graph : {line_graph(16), ring_graph(16), grid_graph(4, 4), star_graph(16), complete_graph(16)}) {
    const auto run = [&](const auto& method, std::int64_t at_once) {
      Network network(method, graph, VectorXd::Zero(5));
      std::int64_t k = at_once;
      for (; k < 40'000; k += at_once) {
        network.run(f.gradient(), {.events = k});
        if (f.mean_square_error(network) <= 1e-6) break;
      }
      CHECK(k < 40'000);
      return network.traffic();
    };
    const Traffic free = run(Dadao{.mu = f.mu, .L = f.L}, 50), rounds = run(AdomPlus{.mu = f.mu, .L = f.L}, 20),
                  many = run(AdomPlus{.mu = f.mu, .L = f.L, .gossip_steps = 0}, 20);
    CHECK(8 * free.messages < rounds.messages);
    CHECK(8 * free.messages < many.messages);
    CHECK(free.gradients < many.gradients);
  }
}

TEST_CASE("AdomPlus: bad constants are refused") {
  const auto refused = [](const AdomPlus& method) {
    return message_of([&] { Network(method, ring_graph(3), VectorXd::Zero(1)); });
  };
  CHECK(refused({}) == "AdomPlus: mu = 0, must be > 0 and finite");
  CHECK(refused({.mu = 1, .L = 0.5}) == "AdomPlus: L = 0.5, must be >= mu = 1");
  CHECK(refused({.mu = 1, .L = 2, .gossip_steps = -1}) == "AdomPlus: gossip_steps = -1, must be >= 0 and finite");
}
