// The learned policy gradient: numpy's numbers, what an end of an episode cuts off, the agent's loss.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/learned/learned_policy_gradient.hpp>

#include <filesystem>
#include <limits>

#include "learned/golden.hpp"

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using learned_golden::cosines;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

MatrixXd distributions(Index start, Index m, Index T) {
  const VectorXd numbers = cosines(start, m * T);
  MatrixXd y = Eigen::Map<const MatrixXd>(numbers.data(), m, T).array().exp();
  for (Index t = 0; t < T; ++t) y.col(t) /= y.col(t).sum();
  return y;
}

PolicyTrajectory lived(Index m, Index T) {
  PolicyTrajectory all{cosines(5, T), VectorXd::Zero(T), cosines(17, T).cwiseAbs2(), distributions(23, m, T),
                       distributions(29, m, T)};
  for (Index t = 1; t < T; t += 3) all.done[t] = 1;
  all.progress = 0.25;
  all.log_lifetime = std::log(400.0);
  return all;
}

}  // namespace

TEST_CASE("learned policy gradient: the numbers of numpy") {
  const auto rows = learned_golden::rows("policy");
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) {
    const Index m = learned_golden::whole(row[2]), T = learned_golden::whole(row[3]);
    LearnedPolicyGradient rule({.embedding_width = learned_golden::whole(row[0]),
                                .gru_width = learned_golden::whole(row[1]),
                                .target_width = m,
                                .with_lifetime = row[4] == 1});
    REQUIRE(rule.weights().size() == learned_golden::whole(row[5]));
    rule.set_weights(cosines(11, rule.weights().size()));
    const PolicyTargets told = rule.targets(lived(m, T));
    CHECK((told.pi_hat - learned_golden::numbers(row, 6, T)).norm() <= 1e-13 * told.pi_hat.norm());
    const VectorXd y = learned_golden::numbers(row, 6 + static_cast<std::size_t>(T), m * T);
    CHECK((told.log_y_hat.array().exp().matrix() - Eigen::Map<const MatrixXd>(y.data(), m, T)).norm() <= 1e-13);
  }
}

TEST_CASE("learned policy gradient: time runs backwards, and an end of an episode cuts it off") {
  const LearnedPolicyGradient rule({.embedding_width = 3, .gru_width = 6, .target_width = 4}, 5);
  const PolicyTrajectory all = lived(4, 7);  // ends at 1 and 4
  const PolicyTargets before = rule.targets(all);
  const auto changed = [&](const PolicyTrajectory& other) {
    const PolicyTargets after = rule.targets(other);
    std::vector<Index> times;
    for (Index t = 0; t < 7; ++t)
      if (after.pi_hat[t] != before.pi_hat[t] || after.log_y_hat.col(t) != before.log_y_hat.col(t)) times.push_back(t);
    return times;
  };
  PolicyTrajectory other = all;
  other.rewards[6] += 1;
  CHECK(changed(other) == std::vector<Index>{5, 6});
  other = all;
  other.rewards[3] += 1;
  CHECK(changed(other) == std::vector<Index>{2, 3});
  other = all;
  other.next_predictions.col(4) = VectorXd::Constant(4, 0.25);  // after the end of an episode
  CHECK(changed(other).empty());
  other.next_predictions.col(3) = VectorXd::Constant(4, 0.25);
  CHECK(changed(other) == std::vector<Index>{2, 3});
  other = all;
  other.progress = 0.5;
  CHECK(changed(other).size() == 7);
  const LearnedPolicyGradient timeless(
      {.embedding_width = 3, .gru_width = 6, .target_width = 4, .with_lifetime = false}, 5);
  CHECK(timeless.targets(other).pi_hat == timeless.targets(all).pi_hat);
}

TEST_CASE("learned policy gradient: the agent's loss and its derivatives") {
  const Index m = 4, T = 5;
  const LearnedPolicyGradient rule({.embedding_width = 3, .gru_width = 6, .target_width = m}, 2);
  const PolicyTargets told = rule.targets(lived(m, T));
  VectorXd log_pi = -cosines(40, T).cwiseAbs();
  const VectorXd numbers = 3 * cosines(50, m * T);
  MatrixXd logits = Eigen::Map<const MatrixXd>(numbers.data(), m, T);
  VectorXd d_log_pi, unused;
  MatrixXd d_logits, also_unused;
  policy_agent_loss(log_pi, logits, told, 0.7, d_log_pi, d_logits);
  const auto loss = [&] { return policy_agent_loss(log_pi, logits, told, 0.7, unused, also_unused); };
  const auto slope = [&](double& at) {
    const double kept = at, h = 1e-5;
    at = kept + h;
    const double ahead = loss();
    at = kept - h;
    const double behind = loss();
    at = kept;
    return (ahead - behind) / (2 * h);
  };
  for (Index t = 0; t < T; ++t) CHECK(std::abs(slope(log_pi[t]) - d_log_pi[t]) <= 1e-9);
  for (Index i = 0; i < m * T; ++i) CHECK(std::abs(slope(logits.data()[i]) - d_logits.data()[i]) <= 1e-9);
  // Predictions that are the targets: no divergence, and nothing to change.
  const double alone = policy_agent_loss(log_pi, told.log_y_hat, told, 0.7, d_log_pi, d_logits);
  CHECK(std::abs(alone - log_pi.dot(told.pi_hat) / T) <= 1e-15);
  CHECK(d_logits.norm() <= 1e-15);
  CHECK(loss() > alone + 0.01);
}

TEST_CASE("learned policy gradient: weights from a seed, and from a file") {
  const LearnedPolicyGradientOptions small{.embedding_width = 3, .gru_width = 6, .target_width = 4};
  const LearnedPolicyGradient rule(small, 2), same(small, 2);
  LearnedPolicyGradient other(small, 3);
  CHECK(rule.weights() == same.weights());
  CHECK(rule.weights() != other.weights());
  const auto path = std::filesystem::temp_directory_path() / "glissade_lpg.safetensors";
  save(rule, path);
  load(other, path);
  std::filesystem::remove(path);
  CHECK(rule.weights() == other.weights());
  CHECK(other.targets(lived(4, 3)).pi_hat == rule.targets(lived(4, 3)).pi_hat);
  // phi 16 (30 + 1) + 17; inputs 3 (256 (7 + 1)); 3 256^2 + 256; 257; 30 257
  CHECK(LearnedPolicyGradient().weights().size() == 513 + 6144 + 196'864 + 257 + 7710);
}

TEST_CASE("learned policy gradient: bad input is refused") {
  LearnedPolicyGradient rule({.embedding_width = 3, .gru_width = 4, .target_width = 4});
  const auto refused = [&](const auto& spoil) {
    PolicyTrajectory all = lived(4, 3);
    spoil(all);
    return message_of([&] { (void)rule.targets(all); });
  };
  using P = PolicyTrajectory;
  CHECK(refused([](P&) {}).empty());
  CHECK(refused([](P& all) { all = lived(4, 0); }) == "LearnedPolicyGradient: the trajectory is empty");
  CHECK(refused([](P& all) { all.done.resize(2); }) == "LearnedPolicyGradient: done is 2 x 1, must be 3 x 1");
  CHECK(refused([](P& all) { all.predictions.resize(3, 3); }) ==
        "LearnedPolicyGradient: predictions is 3 x 3, must be 4 x 3");
  CHECK(refused([](P& all) { all.done[1] = 0.5; }) == "LearnedPolicyGradient: done[1] = 0.5, must be 0 or 1");
  CHECK(refused([](P& all) { all.probabilities[2] = 1.5; }) ==
        "LearnedPolicyGradient: probabilities[2] = 1.5, must be in [0, 1]");
  CHECK(refused([](P& all) { all.rewards[0] = not_a_number; }).find("LearnedPolicyGradient: rewards[0] = nan") == 0);
  CHECK(refused([](P& all) { all.log_lifetime = not_a_number; }).find("LearnedPolicyGradient: log_lifetime = nan") ==
        0);
  CHECK(refused([](P& all) { all.next_predictions(1, 1) += 0.1; }) ==
        "LearnedPolicyGradient: a prediction at time 1 is not a distribution");
  CHECK(refused([](P& all) { all.predictions(0, 2) = not_a_number; }) ==
        "LearnedPolicyGradient: a prediction at time 2 is not a distribution");
  CHECK(message_of([] { LearnedPolicyGradient({.gru_width = 0}); }) ==
        "LearnedPolicyGradient: gru_width = 0, must be >= 1 and finite");
  CHECK(message_of([&] { rule.set_weights(VectorXd::Zero(3)); }).find("LearnedPolicyGradient: weights is 3 x 1") == 0);
  const VectorXd weights = rule.weights();
  CHECK(message_of([&] { rule.set_weights(weights * not_a_number); }) ==
        "LearnedPolicyGradient: a weight is not finite");
  CHECK(rule.weights() == weights);
  const PolicyTargets told = rule.targets(lived(4, 3));
  VectorXd d = VectorXd::Zero(3);
  MatrixXd D;
  CHECK(message_of([&] { policy_agent_loss(d, MatrixXd::Zero(4, 2), told, 1, d, D); }) ==
        "policy_agent_loss: logits is 4 x 2, must be 4 x 3");
  CHECK(message_of([&] { policy_agent_loss(d, MatrixXd::Zero(4, 3), told, -1, d, D); }) ==
        "policy_agent_loss: coefficient = -1, must be >= 0 and finite");
  CHECK(message_of([&] { policy_agent_loss(d, MatrixXd::Constant(4, 3, not_a_number), told, 1, d, D); }) ==
        "policy_agent_loss: a logarithm of a probability or a logit is not finite");
}
