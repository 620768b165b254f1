// Mirror descent for games: its guarantee at every step, its published instances, its limits and what it refuses.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/method_state.hpp"
#include <glissade/core/random.hpp>
#include <glissade/games/mirror_descent.hpp>
#include <glissade/problems/matrix_game.hpp>
#include <glissade/problems/sequence_game.hpp>
#include <glissade/schedules/inverse_sqrt.hpp>

#include <Eigen/SVD>

#include <array>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::MatrixGame;
using problems::SequenceGame;

namespace {

const Schedule one_over_root = inverse_sqrt(1, 0, 1);

template <class Map>
using Mmd = MagneticMirrorDescent<Map>;

MatrixXd uniforms(Eigen::Index rows, Eigen::Index cols, std::uint64_t stream) {
  MatrixXd out(rows, cols);
  for (Eigen::Index k = 0; k < out.size(); ++k)
    out.data()[k] = RandomKey{stream}.uniform(static_cast<std::uint64_t>(k));
  return out;
}
MatrixXd normals(Eigen::Index rows, Eigen::Index cols, std::uint64_t stream) {
  MatrixXd out(rows, cols);
  for (Eigen::Index k = 0; k < out.size(); ++k) out.data()[k] = RandomKey{stream}.normal(static_cast<std::uint64_t>(k));
  return out;
}
VectorXd policy(Eigen::Index n, std::uint64_t stream) {
  const VectorXd weights = uniforms(n, 1, stream);
  return weights / weights.sum();
}

/// The points of a run after the given numbers of steps.
template <class Map, class F>
std::vector<VectorXd> points_at(const Mmd<Map>& method, const F& game, VectorXd z,
                                const std::vector<std::int64_t>& steps) {
  std::vector<VectorXd> points;
  auto state = method.init(game, z);
  Oracle<const F, VectorXd> oracle(game);
  for (const std::int64_t until : steps) {
    while (state.updates < until) method.step(oracle, z, state);
    points.push_back(z);
  }
  return points;
}

/// max over z' of <-F(z), z' - z> - alpha (psi(z') - psi(z)): of the game regularized by psi, 0 at its solution.
double saddle_gap(const SequenceGame& game, const VectorXd& z, double alpha) {
  const DilatedEntropy psi{game.tree()};
  VectorXd cost(z.size()), best(z.size());
  game(z, cost);
  VectorXd dual = -cost / alpha;
  psi.mirror(dual, best);
  return cost.dot(z - best) - alpha * (psi.value(best) - psi.value(z));
}

}  // namespace

TEST_CASE("perturbed rock, paper, scissors: the published equilibria, after so many iterations") {
  struct Case {
    double alpha;
    std::array<double, 3> equilibrium;
    int iterations;
    double rate;
  };
  const auto game = problems::perturbed_rock_paper_scissors();
  const NegativeEntropy entropy{game.sizes()};
  for (const Case& c : {Case{0.5, {0.29813319, 0.41382045, 0.28804635}, 45, 0.648},
                        Case{0.2, {0.22364492, 0.47798817, 0.29836691}, 270, 0.926},
                        Case{0.1, {0.17347803, 0.48630324, 0.34021873}, 1084, 0.981},
                        Case{0.05, {0.15174470, 0.46794775, 0.38030755}, 4351, 0.995}}) {
    INFO(c.alpha);
    const Mmd<NegativeEntropy> method{.step_size = c.alpha, .temperature = c.alpha, .map = entropy};
    VectorXd solution = game.uniform();
    const Result r = solve_game(game, solution, method, {.max_iterations = 100'000, .tolerance = 1e-13});
    CHECK(r.status == Status::tolerance);
    for (int player = 0; player < 2; ++player)
      for (int i = 0; i < 3; ++i)
        CHECK(std::abs(solution[3 * player + i] - c.equilibrium[static_cast<std::size_t>(i)]) <= 0.51e-8);

    // D(z*; z_t) <= (1 + eta alpha)^(-t) D(z*; z_0) at every t.
    VectorXd z = game.uniform();
    auto state = method.init(game, z);
    Oracle<const MatrixGame, VectorXd> oracle(game);
    const double first = entropy.divergence(solution, z);
    double distance = first, bound = first;
    bool below = true;
    int t = 0;
    for (; distance >= 1e-10 && t < 10'000; ++t) {
      method.step(oracle, z, state);
      distance = entropy.divergence(solution, z);
      bound /= 1 + c.alpha * c.alpha;
      below = below && distance <= bound;
    }
    CHECK(below);
    CHECK(t == c.iterations);
    CHECK(std::pow(distance / first, 1.0 / t) == Approx(c.rate).margin(0.02));
  }
}

TEST_CASE("perturbed rock, paper, scissors: with a falling temperature, a moving magnet, and with neither") {
  const auto game = problems::perturbed_rock_paper_scissors();
  const NegativeEntropy entropy{game.sizes()};
  const auto exploitabilities = [&](const Mmd<NegativeEntropy>& method, const VectorXd& start,
                                    const std::vector<std::int64_t>& steps) {
    std::vector<double> values;
    for (const VectorXd& z : points_at(method, game, start, steps)) values.push_back(game.exploitability(z));
    return values;
  };
  const auto annealed = exploitabilities({.step_size = one_over_root, .temperature = one_over_root, .map = entropy},
                                         game.uniform(), {10, 100, 1000, 10'000, 100'000});
  CHECK(annealed[0] == Approx(0.105).margin(5.1e-4));
  CHECK(annealed[1] == Approx(0.0342).margin(5.1e-5));
  CHECK(annealed[2] == Approx(0.00516).margin(5.1e-6));
  CHECK(annealed[3] == Approx(0.00157).margin(5.1e-6));
  CHECK(annealed[4] == Approx(0.000496).margin(5.1e-7));
  const auto magnet = exploitabilities({.step_size = 0.1, .temperature = 1, .magnet_rate = 0.05, .map = entropy},
                                       game.uniform(), {20'000});
  CHECK(magnet[0] == Approx(5.9e-6).margin(5.1e-8));
  // Multiplicative weights circle away from the equilibrium.
  VectorXd start = game.uniform();
  start.head(3) << 0.5, 0.3, 0.2;
  const auto plain = exploitabilities({.step_size = 0.1, .map = entropy}, start, {10, 100, 1000, 10'000});
  CHECK(plain[0] == Approx(0.161).margin(5.1e-4));
  CHECK(plain[1] == Approx(0.090).margin(5.1e-4));
  CHECK(plain[2] == Approx(0.103).margin(5.1e-4));
  CHECK(plain[3] == Approx(0.306).margin(5.1e-4));
}

TEST_CASE("Kuhn poker: what uniform play is worth and how far regularized games are solved") {
  const SequenceGame game = problems::kuhn_poker();
  const VectorXd uniform = game.uniform();
  CHECK(game.value(uniform) == Approx(0.125).epsilon(1e-14));
  CHECK(game.exploitability(uniform) == Approx(11.0 / 24).epsilon(1e-14));

  const DilatedEntropy psi{game.tree()};
  const VectorXd magnet = least_point(psi, game.dimension());
  struct Case {
    double alpha, at_start, at_start_of_least, at_1000;
  };
  for (const Case& c : {Case{0.5, 0.127, 0.128, 1e-15}, Case{0.2, 0.266, 0.282, 4.7e-10},
                        Case{0.1, 0.443, 0.455, 1.7e-3}, Case{0.05, 0.621, 0.636, 7.2e-2}}) {
    INFO(c.alpha);
    CHECK(saddle_gap(game, uniform, c.alpha) == Approx(c.at_start).margin(5.1e-4));
    CHECK(saddle_gap(game, magnet, c.alpha) == Approx(c.at_start_of_least).margin(5.1e-4));
    const Mmd<DilatedEntropy> method{.step_size = c.alpha / 4, .temperature = c.alpha, .map = psi, .magnet = magnet};
    const auto points = points_at(method, game, uniform, {1000, 3000});
    const double gap = saddle_gap(game, points[0], c.alpha);
    if (c.alpha == 0.5)
      CHECK(std::abs(gap) < 4e-15);
    else
      CHECK(gap == Approx(c.at_1000).epsilon(0.03));
    if (c.alpha == 0.1) CHECK(saddle_gap(game, points[1], c.alpha) == Approx(8.3e-8).epsilon(0.03));
  }
}

TEST_CASE("Kuhn poker: with a falling temperature the last point is an equilibrium") {
  const SequenceGame game = problems::kuhn_poker();
  const DilatedEntropy psi{game.tree()};
  const Mmd<DilatedEntropy> method{.step_size = one_over_root,
                                   .temperature = one_over_root,
                                   .map = psi,
                                   .magnet = least_point(psi, game.dimension())};
  const VectorXd z = points_at(method, game, game.uniform(), {30'000})[0];
  CHECK(game.exploitability(z) == Approx(2.8e-3).margin(5.1e-5));
  CHECK(game.value(z) == Approx(-1.0 / 18).margin(2 * 2.9e-3));
}

TEST_CASE("Euclidean mirror descent with a magnet is linear on a random matrix") {
  const MatrixGame game(normals(10, 8, 3));
  const double L = Eigen::JacobiSVD<MatrixXd>(game.payoff()).singularValues()[0];
  const double alpha = 0.5, eta = alpha / (L * L);
  const Euclidean map{game.set()};
  const Mmd<Euclidean<Repeated<Simplex>>> method{.step_size = eta, .temperature = alpha, .map = map};
  VectorXd solution = game.uniform();
  CHECK(solve_game(game, solution, method, {.max_iterations = 100'000, .tolerance = 1e-14}).measure <= 1e-13);

  // From another point to the same solution: the magnet stays where it was.
  Mmd<Euclidean<Repeated<Simplex>>> from_corner = method;
  from_corner.magnet = game.uniform();
  VectorXd z = VectorXd::Zero(18);
  z[0] = z[10] = 1;
  auto state = from_corner.init(game, z);
  Oracle<const MatrixGame, VectorXd> oracle(game);
  const double first = (z - solution).squaredNorm();
  double bound = first, distance = first;
  bool below = true;
  int t = 0;
  for (; distance > 1e-24 && t < 20'000; ++t) {
    from_corner.step(oracle, z, state);
    distance = (z - solution).squaredNorm();
    bound /= 1 + eta * alpha;
    below = below && distance <= bound + 1e-25;
  }
  CHECK(below);
  CHECK(distance <= 1e-24);
  CHECK(std::pow(distance / first, 1.0 / t) <= 1 / (1 + eta * alpha));
}

TEST_CASE("a game of common payoff: multiplicative steps of both players never lose") {
  int pure = 0, soon = 0, runs = 0;
  double worst = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    for (const double eta : {0.1, 1.0, 10.0}) {
      const MatrixXd payoff = uniforms(10, 10, 100 + seed);
      const MatrixGame game(payoff, payoff);
      const Mmd<NegativeEntropy> method{.step_size = eta, .map = {game.sizes()}};
      VectorXd z(20);
      z << policy(10, 200 + seed), policy(10, 300 + seed);
      auto state = method.init(game, z);
      Oracle<const MatrixGame, VectorXd> oracle(game);
      double last = game.value(z);
      for (int t = 0; t < 2000; ++t) {
        method.step(oracle, z, state);
        const double value = game.value(z);
        worst = std::min(worst, value - last);
        last = value;
      }
      if (eta != 10) continue;
      // In the end a pure point, where neither can gain alone; later where two actions are nearly as good.
      ++runs;
      const auto is_pure = [&] {
        return z.head(10).maxCoeff() > 1 - 1e-6 && z.tail(10).maxCoeff() > 1 - 1e-6 && game.exploitability(z) < 1e-6;
      };
      soon += is_pure() ? 1 : 0;
      while (!is_pure() && state.updates < 30'000) method.step(oracle, z, state);
      pure += is_pure() ? 1 : 0;
    }
  CHECK(worst >= -2e-15);
  CHECK(pure == runs);
  CHECK(soon >= 45);
}

TEST_CASE("steps at a decision: identities") {
  const Eigen::Index n = 6;
  const VectorXd pi = policy(n, 1), rho = policy(n, 2), q = normals(n, 1, 3);
  const auto normalized = [](VectorXd weights) { return VectorXd(weights / weights.sum()); };
  const auto near = [](const VectorXd& a, const VectorXd& b, double tolerance) {
    return (a - b).cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= tolerance;
  };
  // Without a temperature: exponentiated gradient.
  const VectorXd exponentiated = normalized(pi.array() * (0.7 * q.array()).exp());
  CHECK(near(mdd_step(pi, q, 0.7), exponentiated, 4e-15));
  CHECK(near(mmd_step(pi, rho, q, 0.7, 0), exponentiated, 4e-15));
  // The closed form.
  const double eta = 0.4, alpha = 2.5;
  const VectorXd logs = (pi.array().log() + eta * alpha * rho.array().log() + eta * q.array()) / (1 + eta * alpha);
  const VectorXd step = mmd_step(pi, rho, q, eta, alpha);
  CHECK(near(step, normalized(logs.array().exp()), 4e-15));
  CHECK(step.sum() == Approx(1).epsilon(1e-14));
  // A constant changes nothing: at q = const the geometric mean with weights 1 and eta alpha.
  CHECK(near(mmd_step(pi, rho, q.array() + 1e3, eta, alpha), step, 1e-12));
  const double share = eta * alpha / (1 + eta * alpha);
  const VectorXd mean = normalized(pi.array().pow(1 - share) * rho.array().pow(share));
  CHECK(near(mmd_step(pi, rho, VectorXd::Constant(n, -4), eta, alpha), mean, 4e-15));
  CHECK(near(mmd_step(pi, rho, VectorXd::Constant(n, 1e300), 1e10, eta * alpha / 1e10), mean, 4e-15));
  // A large temperature at the same product forgets q.
  CHECK(near(mmd_step(pi, rho, q, eta / 1e9, alpha * 1e9), mean, 1e-8));
  // The fixed point: log pi = log rho + q / alpha - const.
  VectorXd at = pi;
  for (int k = 0; k < 200; ++k) at = mmd_step(at, rho, q, eta, alpha);
  const VectorXd rest = at.array().log() - rho.array().log() - q.array() / alpha;
  CHECK(rest.maxCoeff() - rest.minCoeff() <= 1e-12);
  // Names of actions do not matter.
  CHECK(near(mmd_step(pi.reverse(), rho.reverse(), q.reverse(), eta, alpha), step.reverse(), 4e-15));
  // What comes out may go in again, also where it is very unlikely.
  VectorXd certain = mdd_step(pi, 1e6 * q, 1);
  CHECK(certain.minCoeff() > 0);
  CHECK(certain.sum() == Approx(1));
  CHECK(mdd_step(certain, q, 1).allFinite());
  CHECK(mdd_step(VectorXd(0), VectorXd(0), 1).size() == 0);
}

TEST_CASE("steps at a decision are those of the method, with one information set also those on a tree") {
  const Eigen::Index n = 5;
  const VectorXd q = normals(n, 1, 8), start = policy(n, 9), rho = policy(n, 10);
  const auto cost = [&](const VectorXd&, VectorXd& out) { out = -q; };
  const Mmd<NegativeEntropy> method{.step_size = 0.3, .temperature = 0.8, .magnet = rho};
  const Mmd<DilatedEntropy> on_tree{
      .step_size = 0.3, .temperature = 0.8, .map = {Treeplex{.information_sets = {{-1, 0, n}}}}, .magnet = rho};
  VectorXd z = start, x = start, pi = start;
  auto state = method.init(cost, z);
  auto state_on_tree = on_tree.init(cost, x);
  for (int k = 0; k < 20; ++k) {
    take_step(method, cost, z, state);
    take_step(on_tree, cost, x, state_on_tree);
    pi = mmd_step(pi, rho, q, 0.3, 0.8);
    CHECK((z - pi).cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 4e-15);
    CHECK((x - pi).cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 4e-15);
  }
}

TEST_CASE("mirror descent keeps as a logarithm what is lost as a probability") {
  // The first action is bad for 3000 steps and the only good one afterwards.
  int calls = 0;
  const auto cost = [&](const VectorXd&, VectorXd& out) { out << (calls++ < 3000 ? 1.0 : -1.0), 0.0; };
  VectorXd z = VectorXd::Constant(2, 0.5);
  const Mmd<NegativeEntropy> method{.step_size = 1};
  auto state = method.init(cost, z);
  for (int k = 0; k < 3000; ++k) take_step(method, cost, z, state);
  CHECK(z[0] == 0);
  CHECK(state.dual[0] == Approx(-3000));
  for (int k = 0; k < 3000; ++k) take_step(method, cost, z, state);
  CHECK(z[0] == Approx(0.5).epsilon(1e-9));
}

TEST_CASE("mirror descent: the measure is the step that would come next, by the step size") {
  const auto game = problems::perturbed_rock_paper_scissors();
  const Mmd<NegativeEntropy> method{
      .step_size = 0.3, .temperature = 0.2, .map = {game.sizes()}, .magnet = game.uniform()};
  VectorXd z(6);
  z << policy(3, 5), policy(3, 6);
  const VectorXd before = z;
  auto state = method.init(game, z);
  const double announced = state.measure;
  take_step(method, game, z, state);
  CHECK(announced == Approx((z - before).norm() / 0.3).epsilon(1e-12));
  CHECK(state.measure < announced);
}

TEST_CASE("mirror descent goes on from what its state names, bit for bit") {
  const SequenceGame game = problems::kuhn_poker();
  const Mmd<DilatedEntropy> method{
      .step_size = one_over_root, .temperature = one_over_root, .magnet_rate = 0.1, .map = {game.tree()}};
  VectorXd z = game.uniform();
  auto state = initial_state(method, game, z);
  resume_game(game, z, method, state, {.max_iterations = 7, .tolerance = 0});
  VectorXd y = z;
  auto other = initial_state(method, game, game.uniform());
  copy_state(state, other);
  resume_game(game, z, method, state, {.max_iterations = 9, .tolerance = 0});
  resume_game(game, y, method, other, {.max_iterations = 9, .tolerance = 0});
  CHECK(z == y);
  VectorXd whole = game.uniform();
  solve_game(game, whole, method, {.max_iterations = 16, .tolerance = 0});
  CHECK(whole == z);
}

TEST_CASE("mirror descent: every option is visited") {
  std::vector<std::string_view> names;
  const Mmd<NegativeEntropy> method;
  visit_options(method, [&](std::string_view name, auto&&, auto&&...) { names.push_back(name); });
  CHECK(names == std::vector<std::string_view>{"step_size", "temperature", "magnet_rate", "map", "magnet"});
}

TEST_CASE("mirror descent refuses what is no strategy") {
  using Catch::Matchers::ContainsSubstring;
  const auto game = problems::perturbed_rock_paper_scissors();
  const Mmd<NegativeEntropy> method{.map = {game.sizes()}};
  const auto said = [&](VectorXd z, const Mmd<NegativeEntropy>& m) {
    return message_of([&] { solve_game(game, z, m); });
  };
  VectorXd z = game.uniform();
  z[1] = 0.4;
  CHECK_THAT(said(z, method), ContainsSubstring("MagneticMirrorDescent: z[0] = 0.333"));
  CHECK_THAT(said(z, method), ContainsSubstring("to be in the set of the map"));
  z[1] = 0;
  CHECK_THAT(said(z, method), ContainsSubstring("NegativeEntropy: z[1] = 0, must be > 0"));
  Mmd<NegativeEntropy> bad = method;
  bad.magnet = VectorXd::Constant(5, 0.2);
  CHECK(said(game.uniform(), bad) == "MagneticMirrorDescent: magnet has 5 coefficients, must have 6");
  bad.magnet = 2 * game.uniform();
  CHECK_THAT(said(game.uniform(), bad), ContainsSubstring("MagneticMirrorDescent: magnet[0] = 0.666"));
  bad.magnet[4] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(said(game.uniform(), bad), ContainsSubstring("MagneticMirrorDescent: magnet[4] = nan, must be"));
  bad = method;
  bad.map.sizes = {3, 2};
  CHECK_THAT(said(game.uniform(), bad), ContainsSubstring("NegativeEntropy: sizes"));
  bad = method;
  bad.temperature = [](std::int64_t t) { return 2.0 - static_cast<double>(t); };
  CHECK(said(game.uniform(), bad) == "MagneticMirrorDescent: temperature(3) = -1, must be >= 0 and finite");
  bad = method;
  bad.step_size = 0;
  CHECK(message_of([&] { static_cast<void>(bad.init(game, game.uniform())); }) ==
        "MagneticMirrorDescent: step_size = 0, must be > 0 and finite");
  // The step functions.
  const VectorXd pi = policy(3, 1);
  CHECK(message_of([&] { static_cast<void>(mmd_step(pi, policy(2, 1), pi, 1, 1)); }) ==
        "mmd_step: rho is 2 x 1, must be 3 x 1");
  CHECK_THAT(message_of([&] { static_cast<void>(mdd_step(Eigen::Vector2d(1, 0), Eigen::Vector2d(1, 0), 1)); }),
             ContainsSubstring("mmd_step: pi[1] = 0, must be > 0"));
  CHECK_THAT(message_of([&] { static_cast<void>(mdd_step(pi, pi / 0.0, 1)); }), ContainsSubstring("q[0] = inf"));
  CHECK_THAT(message_of([&] { static_cast<void>(mdd_step(pi, pi, 0)); }), ContainsSubstring("step_size = 0"));
}
