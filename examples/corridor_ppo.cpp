// Reinforcement learning: a policy learns by proximal policy optimization to walk down a slippery corridor, with a
// network of numbers in a table, and comes near the best policy there is, which is known. Prints what it earns.
#include <glissade/glissade.hpp>
#include <glissade/losses.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr Index cells = 12;   // the last one is the goal
constexpr double slip = 0.2;  // how often a step goes the other way
constexpr double step_cost = 0.02;
constexpr double discount = 0.98;
constexpr Index batch = 512;  // steps
constexpr int iterations = 60;

/// Where an action (0: back, 1: forward) leads; a door in the middle throws back to the start when it is missed.
Index next_cell(Index cell, bool forward) {
  if (!forward && cell == cells / 2) return 0;
  return std::clamp<Index>(cell + (forward ? 1 : -1), 0, cells - 1);
}
/// The value of the first cell for the best policy, by value iteration.
double best_value() {
  VectorXd v = VectorXd::Zero(cells);
  for (int sweep = 0; sweep < 2000; ++sweep)
    for (Index cell = 0; cell + 1 < cells; ++cell) {
      const auto worth = [&](Index to) { return to + 1 == cells ? 1 : discount * v[to]; };
      const double back = worth(next_cell(cell, false)), forward = worth(next_cell(cell, true));
      v[cell] = std::max((1 - slip) * forward + slip * back, (1 - slip) * back + slip * forward) - step_cost;
    }
  return v[0];
}
/// The same for a policy: the probability of going forward in each cell.
double value_of(const VectorXd& forward_probability) {
  VectorXd v = VectorXd::Zero(cells);
  for (int sweep = 0; sweep < 2000; ++sweep)
    for (Index cell = 0; cell + 1 < cells; ++cell) {
      const auto worth = [&](Index to) { return to + 1 == cells ? 1 : discount * v[to]; };
      const double p = (1 - slip) * forward_probability[cell] + slip * (1 - forward_probability[cell]);
      v[cell] = p * worth(next_cell(cell, true)) + (1 - p) * worth(next_cell(cell, false)) - step_cost;
    }
  return v[0];
}

struct Policy {
  MatrixXd logits = MatrixXd::Zero(2, cells);
  VectorXd values = VectorXd::Zero(cells);
};
VectorXd log_probabilities(const MatrixXd& logits, Index cell) {
  const double largest = logits.col(cell).maxCoeff();
  return logits.col(cell).array() - largest - std::log((logits.col(cell).array() - largest).exp().sum());
}

}  // namespace

int main() {
  Policy policy;
  Optimizer optimizer{chain(Adam{.learning_rate = 0.03}, ProximalAverage{.decay = 0.889}),
                      named("logits", policy.logits), named("values", policy.values)};
  AdvantageNormalizer normalizer(0.9);
  const PpoOptions options{.entropy_coefficient = 0.003};
  const RandomKey key{1};
  std::uint64_t draws = 0;
  const double best = best_value();
  std::printf("the best policy earns %.4f from the first cell\n\niteration   earns   cut off\n", best);

  Index cell = 0;
  double earned = 0;
  for (int iteration = 1; iteration <= iterations; ++iteration) {
    // A batch of steps by the present policy; first[t] is 1 where an episode begins.
    std::vector<Index> cells_seen, actions;
    VectorXd rewards(batch), values(batch + 1), log_behaviour(batch), first = VectorXd::Zero(batch + 1);
    for (Index t = 0; t < batch; ++t) {
      const VectorXd log_pi = log_probabilities(policy.logits, cell);
      const Index action = key.uniform(draws++) < std::exp(log_pi[1]) ? 1 : 0;
      const bool slips = key.uniform(draws++) < slip;
      cells_seen.push_back(cell);
      actions.push_back(action);
      log_behaviour[t] = log_pi[action];
      values[t] = policy.values[cell];
      cell = next_cell(cell, (action == 1) != slips);
      rewards[t] = (cell + 1 == cells ? 1 : 0) - step_cost;
      if (cell + 1 == cells) {
        first[t + 1] = 1;
        cell = 0;
      }
    }
    values[batch] = policy.values[cell];
    VectorXd advantages(batch), returns(batch);
    generalized_advantages(rewards, values, first, discount, 0.95, advantages, returns);
    normalizer.normalize(advantages);

    // Four epochs over it. The proximal policy is the mean of the latest ones: PPO-EWMA.
    PpoDiagnostics shown;
    for (int epoch = 0; epoch < 4; ++epoch) {
      const MatrixXd proximal = evaluation_parameters(optimizer, 0);
      VectorXd log_pi(batch), log_proximal(batch), now(batch), slope(batch), value_slope(batch);
      for (Index t = 0; t < batch; ++t) {
        const auto k = static_cast<std::size_t>(t);
        log_pi[t] = log_probabilities(policy.logits, cells_seen[k])[actions[k]];
        log_proximal[t] = log_probabilities(proximal, cells_seen[k])[actions[k]];
        now[t] = policy.values[cells_seen[k]];
      }
      ppo_policy_loss(options, log_pi, log_behaviour, log_proximal, advantages, slope, &shown);
      ppo_value_loss(options, now, values.head(batch), returns, value_slope);
      MatrixXd of_logits = MatrixXd::Zero(2, cells);
      VectorXd of_values = VectorXd::Zero(cells);
      for (Index t = 0; t < batch; ++t) {
        const auto k = static_cast<std::size_t>(t);
        VectorXd back = -slope[t] * log_probabilities(policy.logits, cells_seen[k]).array().exp();
        back[actions[k]] += slope[t];
        of_logits.col(cells_seen[k]) += back;
        of_values[cells_seen[k]] += value_slope[t];
      }
      for (Index c = 0; c + 1 < cells; ++c) {
        VectorXd of_entropy = VectorXd::Zero(2);
        ppo_entropy_loss(options, policy.logits.col(c), of_entropy);
        of_logits.col(c) += of_entropy / static_cast<double>(cells);
      }
      optimizer.step(of_logits, of_values);
    }
    VectorXd forward(cells);
    for (Index c = 0; c < cells; ++c) forward[c] = std::exp(log_probabilities(policy.logits, c)[1]);
    earned = value_of(forward);
    if (iteration % 10 == 0 || iteration == 1)
      std::printf("%9d%8.4f%8.1f %%\n", iteration, earned, 100 * shown.clip_fraction);
  }
  if (earned > best - 0.02) return 0;
  std::fputs("wrong: the policy is far from the best one\n", stderr);
  return 1;
}
