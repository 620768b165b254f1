// A lasso of 250 x 500 with columns of norm 1, 50 causes and weight 0.1: how far above the least value ISTA, FISTA and
// sixteen unrolled steps are that an evolution strategy has trained on other problems of the kind; after more steps the
// trained method goes on as FISTA.
#include <glissade/composite.hpp>
#include <glissade/glissade.hpp>
#include <glissade/learned.hpp>
#include <glissade/sets.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double weight = 0.1;

struct Squares {
  MatrixXd W;
  VectorXd target;
  double step = 0;  // 0.9999 / L

  double operator()(const VectorXd& x, VectorXd& g) const {
    const VectorXd residual = W * x - target;
    g.noalias() = W.transpose() * residual;
    return residual.squaredNorm() / 2;
  }
};

Squares lasso(RandomKey key) {
  Squares f{MatrixXd(250, 500), {}};
  for (Index i = 0; i < f.W.size(); ++i) f.W.data()[i] = key.normal(static_cast<std::uint64_t>(i));
  f.W.colwise().normalize();
  VectorXd x = VectorXd::Zero(500), v = VectorXd::Ones(500);
  for (std::uint64_t k = 0; k < 50; ++k)
    x[static_cast<Index>(500 * key.derive(1).uniform(k))] = key.derive(2).normal(k);
  f.target = f.W * x;
  double norm = 1;
  for (int k = 0; k < 60; ++k) {
    v = f.W.transpose() * VectorXd(f.W * v);
    norm = v.norm();
    v /= norm;
  }
  f.step = 0.9999 / (1.01 * norm);
  return f;
}

double after(const Squares& f, const auto& method, std::int64_t steps) {
  VectorXd x = VectorXd::Zero(500), g;
  minimize(plus_term(f, L1{.weight = weight}), x, method, {.max_iterations = steps, .gradient_tolerance = 1e-13});
  return f(x, g) + weight * x.lpNorm<1>();
}

}  // namespace

int main() {
  constexpr Index unrolled_steps = 16;
  std::vector<Squares> training;
  for (std::uint64_t k = 0; k < 16; ++k) training.push_back(lasso(RandomKey{1}.derive(k)));
  const auto start = std::chrono::steady_clock::now();
  EvolutionTrainer trainer(Adam{.learning_rate = 0.03}, VectorXd::Zero(2 * unrolled_steps), {.pairs = 8, .sigma = 0.1});
  const EvolutionObjective f = [&](const VectorXd& weights, RandomKey key) {
    const Squares& problem = training[static_cast<std::size_t>(16 * key.uniform(0))];
    const double value = after(problem, unrolled(problem.step, weights), unrolled_steps);
    return std::log(std::min(value, 1e3));
  };
  for (int t = 0; t < 150; ++t) {
    trainer.rule().learning_rate = t < 100 ? 0.03 : 0.01;
    trainer.step(f);
  }
  std::printf("trained in %.1f s; mean excess over the least value on 20 other problems\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  std::printf("steps       ISTA      FISTA    trained\n");
  std::vector<Squares> others;
  std::vector<double> least;
  for (std::uint64_t k = 0; k < 20; ++k) {
    others.push_back(lasso(RandomKey{2}.derive(k)));
    least.push_back(after(others.back(), ProximalGradient{}, 5000));
  }
  for (const std::int64_t steps : {4, 8, 16, 24, 32, 64}) {
    double ista = 0, fista = 0, trained = 0;
    for (std::size_t k = 0; k < others.size(); ++k) {
      const double s = others[k].step;
      ista += (after(others[k], StructuredProximal{.step_size = s}, steps) - least[k]) / 20;
      fista += (after(others[k], unrolled(s, {}), steps) - least[k]) / 20;
      trained += (after(others[k], unrolled(s, trainer.parameters()), steps) - least[k]) / 20;
    }
    std::printf("%5d %10.2e %10.2e %10.2e\n", static_cast<int>(steps), ista, fista, trained);
  }
  return 0;
}
