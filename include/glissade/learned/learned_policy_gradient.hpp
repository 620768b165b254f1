// Learned policy gradient: a small recurrent network that takes the place of a reinforcement learning rule.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "../core/random.hpp"
#include "../rule/options.hpp"

namespace glissade {

/// Sizes of a LearnedPolicyGradient.
///
///     embedding_width  >= 1 (16): hidden units of the network that makes a number of a prediction y
///     gru_width        >= 1 (256)
///     target_width     >= 1 (30): the length of y
///     with_lifetime    true: how far training has come, and log of its length, are inputs
struct LearnedPolicyGradientOptions {
  static constexpr std::string_view name = "LearnedPolicyGradient";
  std::int64_t embedding_width = 16;
  std::int64_t gru_width = 256;
  std::int64_t target_width = 30;
  bool with_lifetime = true;

  static void options(auto& self, auto&& visit) {
    visit("embedding_width", self.embedding_width, range::at_least_one);
    visit("gru_width", self.gru_width, range::at_least_one);
    visit("target_width", self.target_width, range::at_least_one);
    visit("with_lifetime", self.with_lifetime);
  }
};

/// What an agent has lived through: a time per column or coefficient.
struct PolicyTrajectory {
  Eigen::VectorXd rewards;
  Eigen::VectorXd done;              // 1 where an episode ended with this step, else 0
  Eigen::VectorXd probabilities;     // of the chosen actions, in [0, 1]
  Eigen::MatrixXd predictions;       // y_t: target_width rows, each column a distribution
  Eigen::MatrixXd next_predictions;  // y_(t+1), of the next observation
  double progress = 0;               // t / T: the part of the agent's updates that is over
  double log_lifetime = 0;           // log T
};

/// What the rule tells the agent.
struct PolicyTargets {
  Eigen::VectorXd pi_hat;     // how to move log pi of each action
  Eigen::MatrixXd log_y_hat;  // logarithms of the distributions that the predictions should be
};

/// A rule of reinforcement learning as a network: what an agent should do more or less often, and what its prediction
/// should be, made from a trajectory read backwards. Its weights are trained in outer loops, by EvolutionTrainer for
/// instance; the environment is the user's.
///
///     phi(y)   = w2'relu(W1 y + b1) + b2
///     x_t      = (r_t, done_t, pi(a_t | s_t), phi(y_t), phi(y_t+1) or 0 where done [, progress, log lifetime])
///     h_t      = GRU(x_t, h_t+1),  h_t+1 = 0 where done and at the end
///       r = sigma(Wr x + br + Ur h),  z = sigma(Wz x + bz + Uz h),  n = tanh(Wn x + bn + r (Un h + cn))
///       GRU = (1 - z) n + z h
///     pi_hat_t = v'relu(h_t) + c,   y_hat_t = softmax(V relu(h_t) + d)
///
///     LearnedPolicyGradient rule({.gru_width = 32});
///     PolicyTargets targets = rule.targets(trajectory);
///
/// The weights are one vector, in this order, matrices column by column: W1, b1, w2, b2, Wr, Wz, Wn, br, bz, bn, Ur,
/// Uz, Un, cn, v, c, V, d. They start as N(0, 1 / columns), vectors b, c, d as 0. Cost per time: 6 gru_width (inputs +
/// gru_width) flops. Errors: std::invalid_argument for options out of range, shapes that do not fit, an empty
/// trajectory and numbers that are not finite, are no probabilities or, in `done`, neither 0 nor 1. Source:
/// "Discovering Reinforcement Learning Algorithms", 2020, arXiv 2007.08794; "Discovering Temporally-Aware Reinforcement
/// Learning Algorithms", 2024, arXiv 2402.05828, whose code was the reference (EmptyJackson/groove). Deviations: there
/// the orthogonal start of flax, and 1e-8 added to probabilities.
template <class Matrix>
class BasicLearnedPolicyGradient {
 public:
  static constexpr std::string_view name = LearnedPolicyGradientOptions::name;
  using Index = Eigen::Index;
  using Vector = Eigen::Matrix<typename Matrix::Scalar, Eigen::Dynamic, 1>;

  explicit BasicLearnedPolicyGradient(const LearnedPolicyGradientOptions& options = {}, std::uint64_t seed = 0)
      : options_(options) {
    visit_options(options_, CheckOption{name, 0});
    layers_ = layout();
    weights_.setZero(layers_.size);
    const RandomKey key{seed};
    for (const Part part : {layers_.W1, layers_.w2, layers_.Wr, layers_.Wz, layers_.Wn, layers_.Ur, layers_.Uz,
                            layers_.Un, layers_.v, layers_.V})
      for (Index i = 0; i < part.rows * part.cols; ++i)
        weights_[part.at + i] =
            key.normal(static_cast<std::uint64_t>(part.at + i)) / std::sqrt(static_cast<double>(part.cols));
  }

  [[nodiscard]] const LearnedPolicyGradientOptions& options() const { return options_; }
  [[nodiscard]] const Vector& weights() const { return weights_; }
  void set_weights(const Eigen::Ref<const Vector>& weights) {
    require_shape(name, "weights", weights, weights_.size(), 1);
    if (!weights.allFinite()) throw std::invalid_argument("LearnedPolicyGradient: a weight is not finite");
    weights_ = weights;
  }

  [[nodiscard]] PolicyTargets targets(const PolicyTrajectory& lived) const {
    check(lived);
    const Index T = lived.rewards.size();
    Matrix inputs(input_size(), T);
    const Vector now = embed(lived.predictions), next = embed(lived.next_predictions);
    inputs.row(0) = lived.rewards;
    inputs.row(1) = lived.done;
    inputs.row(2) = lived.probabilities;
    inputs.row(3) = now;
    inputs.row(4) = next.cwiseProduct((1 - lived.done.array()).matrix());
    if (options_.with_lifetime) {
      inputs.row(5).setConstant(lived.progress);
      inputs.row(6).setConstant(lived.log_lifetime);
    }
    PolicyTargets told{Vector(T), Matrix(options_.target_width, T)};
    Vector h = Vector::Zero(options_.gru_width), r, z, n, active, logits;
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    const auto tanh = [](double x) { return std::tanh(x); };
    for (Index t = T - 1; t >= 0; --t) {
      if (lived.done[t] == 1) h.setZero();
      const auto x = inputs.col(t);
      r = at(layers_.br) + at(layers_.Wr) * x + at(layers_.Ur) * h;
      z = at(layers_.bz) + at(layers_.Wz) * x + at(layers_.Uz) * h;
      r = r.unaryExpr(sigmoid).eval();
      z = z.unaryExpr(sigmoid).eval();
      n = at(layers_.cn) + at(layers_.Un) * h;
      n = n.cwiseProduct(r).eval() + at(layers_.bn) + at(layers_.Wn) * x;
      n = n.unaryExpr(tanh).eval();
      h = n + z.cwiseProduct(h - n).eval();
      active = h.cwiseMax(0);
      told.pi_hat[t] = at(layers_.v).row(0).dot(active) + weights_[layers_.c.at];
      logits = at(layers_.d) + at(layers_.V) * active;
      const double most = logits.maxCoeff();
      told.log_y_hat.col(t) = (logits.array() - (most + std::log((logits.array() - most).exp().sum()))).matrix();
    }
    return told;
  }

  static void visit(auto& self, auto&& field) { field("weights", self.weights_); }

 private:
  struct Part {
    Index at = 0, rows = 0, cols = 0;
  };
  struct Layout {
    Part W1, b1, w2, b2, Wr, Wz, Wn, br, bz, bn, Ur, Uz, Un, cn, v, c, V, d;
    Index size = 0;
  };

  [[nodiscard]] Index input_size() const { return options_.with_lifetime ? 7 : 5; }
  [[nodiscard]] Layout layout() const {
    const Index e = options_.embedding_width, g = options_.gru_width, m = options_.target_width, x = input_size();
    Layout all;
    const auto place = [&all](Part& part, Index rows, Index cols) {
      part = {all.size, rows, cols};
      all.size += rows * cols;
    };
    place(all.W1, e, m);
    place(all.b1, e, 1);
    place(all.w2, 1, e);
    place(all.b2, 1, 1);
    for (Part* part : {&all.Wr, &all.Wz, &all.Wn}) place(*part, g, x);
    for (Part* part : {&all.br, &all.bz, &all.bn}) place(*part, g, 1);
    for (Part* part : {&all.Ur, &all.Uz, &all.Un}) place(*part, g, g);
    place(all.cn, g, 1);
    place(all.v, 1, g);
    place(all.c, 1, 1);
    place(all.V, m, g);
    place(all.d, m, 1);
    return all;
  }
  [[nodiscard]] Eigen::Map<const Matrix> at(const Part& part) const {
    return {weights_.data() + part.at, part.rows, part.cols};
  }
  [[nodiscard]] Vector embed(const Matrix& y) const {
    Matrix hidden = at(layers_.W1) * y;
    hidden.colwise() += at(layers_.b1).col(0);
    hidden = hidden.cwiseMax(0).eval();
    return ((at(layers_.w2) * hidden).array() + weights_[layers_.b2.at]).matrix().transpose();
  }

  void check(const PolicyTrajectory& lived) const {
    const Index T = lived.rewards.size(), m = options_.target_width;
    if (T == 0) throw std::invalid_argument("LearnedPolicyGradient: the trajectory is empty");
    require_shape(name, "done", lived.done, T, 1);
    require_shape(name, "probabilities", lived.probabilities, T, 1);
    require_shape(name, "predictions", lived.predictions, m, T);
    require_shape(name, "next_predictions", lived.next_predictions, m, T);
    require(name, "progress", lived.progress, range::finite);
    require(name, "log_lifetime", lived.log_lifetime, range::finite);
    for (Index t = 0; t < T; ++t) {
      const std::string at = "[" + std::to_string(t) + "]";
      require(name, "rewards" + at, lived.rewards[t], range::finite);
      require(name, "probabilities" + at, lived.probabilities[t], range::fraction);
      if (lived.done[t] != 0 && lived.done[t] != 1) reject(name, "done" + at, lived.done[t], "0 or 1");
      for (const Matrix* y : {&lived.predictions, &lived.next_predictions})
        if (!(y->col(t).minCoeff() >= 0) || !(std::abs(y->col(t).sum() - 1) <= 1e-6))
          throw std::invalid_argument("LearnedPolicyGradient: a prediction at time " + std::to_string(t) +
                                      " is not a distribution");
    }
  }

  LearnedPolicyGradientOptions options_;
  Layout layers_;
  Vector weights_;
};

/// The one there is: a template, so that it is compiled only where it is used.
using LearnedPolicyGradient = BasicLearnedPolicyGradient<Eigen::MatrixXd>;

/// The loss of an agent that follows a learned rule, with its derivatives; the targets are taken for constants.
///
///     mean over t of log pi(a_t | s_t) pi_hat_t  +  coefficient  mean over t of KL(y_t, y_hat_t),   y_t = softmax(l_t)
///
/// d_log_probabilities and d_logits become the derivatives by log pi and by l.
/// Errors: std::invalid_argument for shapes, a coefficient that is negative and numbers that are not finite; then the
/// derivatives are as they were.
inline double policy_agent_loss(const Eigen::Ref<const Eigen::VectorXd>& log_probabilities,
                                const Eigen::Ref<const Eigen::MatrixXd>& logits, const PolicyTargets& targets,
                                double coefficient, Eigen::VectorXd& d_log_probabilities, Eigen::MatrixXd& d_logits) {
  constexpr std::string_view name = "policy_agent_loss";
  const Eigen::Index T = targets.pi_hat.size();
  require_shape(name, "log_probabilities", log_probabilities, T, 1);
  require_shape(name, "logits", logits, targets.log_y_hat.rows(), T);
  require(name, "coefficient", coefficient, range::non_negative);
  if (T == 0) throw std::invalid_argument("policy_agent_loss: there are no targets");
  if (!log_probabilities.allFinite() || !logits.allFinite())
    throw std::invalid_argument("policy_agent_loss: a logarithm of a probability or a logit is not finite");
  const auto count = static_cast<double>(T);
  d_log_probabilities = targets.pi_hat / count;
  d_logits.resize(logits.rows(), T);
  double loss = d_log_probabilities.dot(log_probabilities);
  Eigen::ArrayXd log_y;
  for (Eigen::Index t = 0; t < T; ++t) {
    const double most = logits.col(t).maxCoeff();
    log_y = logits.col(t).array() - (most + std::log((logits.col(t).array() - most).exp().sum()));
    const Eigen::ArrayXd apart = log_y - targets.log_y_hat.col(t).array();
    const double divergence = (log_y.exp() * apart).sum();
    loss += coefficient / count * divergence;
    d_logits.col(t) = (coefficient / count * log_y.exp() * (apart - divergence)).matrix();
  }
  return loss;
}

}  // namespace glissade
