// The modern Hopfield network: a continuous associative memory.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "../../core/checks.hpp"
#include "../layer.hpp"

namespace glissade {

struct HopfieldOptions {
  std::optional<double> beta = {};  // > 0, large: patterns are told apart; empty: 1 / sqrt(d)
  int max_steps = 100;              // of retrieve, >= 1
  double tolerance = 1e-4;          // of retrieve, >= 0: it ends where no state moves farther than this
};

/// How retrieve has ended.
struct HopfieldRetrieval {
  int steps = 0;
  double change = 0;  // of the state that moved farthest in the last step
  bool converged = false;
};

/// A memory that completes noisy states to the patterns that it stores, with room for exponentially many in d; as a
/// layer, a lookup whose patterns are trained.
///
///     x <- X p,   p = softmax(beta X' x)                    one update, which is attention to the columns of X
///     E(x) = -log(sum exp(beta X' x)) / beta + |x|^2 / 2 + log(N) / beta + M^2 / 2,   M the largest norm of a pattern
///     grad E = x - X p,  so that an update is x - grad E, and never raises E
///     the update's Jacobian:  beta X (diag(p) - p p') X'
///     of the layer Y = X P:  dP = X' dY,  dS = P o (dP - 1 colsum(P o dP)),  dX = dY P' + beta x dS',  dx = beta X dS
///
///     Hopfield<float> memory(X, {.beta = 8});
///     memory.forward(Y, target);    // one update of every column of Y
///     memory.retrieve(Y);           // updates until they stay
///
/// Shapes: X d x N, N >= 1, states d x b in columns; outputs are sized before the call and overlap nothing. A batch may
/// be empty. The parameter is named "patterns".
/// Cost: 4 d N flops and N exponentials for a state and update; backward 4 d N, with the gradient of the states 6 d N.
/// Keeps two arrays of N x b. Logits are taken relative to the largest, so exp never overflows. Nothing is taken from
/// the heap after the first call with a size.
/// Errors: std::invalid_argument for shapes and options; std::logic_error for a backward without its forward.
/// Non-finite input propagates; retrieve ends where a state is NaN and has not converged.
/// Guarantee: 0 <= E <= 2 M^2 in the convex hull of the patterns, where every state is after one update. With
/// D_i = x_i' x_i - max_(j != i) x_i' x_j, one update of x moves it to within
/// 2 (N - 1) exp(-beta (D_i - 2 |x - x_i| M)) M of x_i.
/// Source: "Hopfield Networks is All You Need", 2020, arXiv 2008.02217; the authors' code compares weights and not
/// states to end.
template <class T>
class Hopfield {
 public:
  static constexpr std::string_view name = "Hopfield";
  using Scalar = T;
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  using Input = Eigen::Ref<const Matrix>;
  using InputVector = Eigen::Ref<const Vector>;
  using Output = Eigen::Ref<Matrix>;
  using OutputVector = Eigen::Ref<Vector>;

  Matrix patterns;

  explicit Hopfield(Matrix X, const HopfieldOptions& options = {}) : patterns(std::move(X)), options_(options) {
    if (patterns.size() < 1)
      throw std::invalid_argument("Hopfield: the patterns are " + shape_text(patterns.rows(), patterns.cols()) +
                                  ", must be at least 1 x 1");
    if (options.beta) require(name, "beta", *options.beta, range::positive);
    require(name, "max_steps", options.max_steps, range::at_least_one);
    require(name, "tolerance", options.tolerance, range::non_negative);
  }

  [[nodiscard]] Index inputs() const { return patterns.rows(); }
  [[nodiscard]] Index outputs() const { return patterns.rows(); }
  [[nodiscard]] const HopfieldOptions& options() const { return options_; }
  [[nodiscard]] double beta() const {
    return options_.beta ? *options_.beta : 1 / std::sqrt(static_cast<double>(patterns.rows()));
  }
  /// P of the last forward, N x b: how much of every pattern is in every state.
  [[nodiscard]] const Matrix& weights() const { return P_; }

  /// One update of every column.
  void forward(const Input& states, Output updated) {
    check("Hopfield::forward", states, updated);
    attend(states, P_);
    product(patterns, P_, updated);
  }

  /// After forward(states, updated): the gradients of the loss from that of `updated`.
  void backward(const Input& states, const Input& d_updated, LayerGradients<T>& gradients, Output d_states) {
    require_shape("Hopfield::backward", "the gradient of the states", d_states, patterns.rows(), states.cols());
    backward(states, d_updated, gradients);
    product(patterns, dS_, d_states, beta());
  }
  /// The same without the gradient of the states.
  void backward(const Input& states, const Input& d_updated, LayerGradients<T>& gradients) {
    constexpr auto where = "Hopfield::backward";
    check(where, states, d_updated);
    Matrix& d_patterns = gradients["patterns"];
    require_shape(where, "the gradient of the patterns", d_patterns, patterns.rows(), patterns.cols());
    if (P_.rows() != patterns.cols() || P_.cols() != states.cols())
      throw std::logic_error("Hopfield::backward: forward was called with " + std::to_string(P_.cols()) +
                             " states, backward with " + std::to_string(states.cols()));
    through_softmax(d_updated);
    product_with_transposed(d_updated, P_, d_patterns);
    product_with_transposed(states, dS_, d_patterns, beta(), true);
  }

  /// Updates every column until none moves farther than the tolerance.
  HopfieldRetrieval retrieve(Output states) {
    check("Hopfield::retrieve", states, states);
    next_.resize(states.rows(), states.cols());
    HopfieldRetrieval report;
    while (report.steps < options_.max_steps) {
      forward(states, next_);
      report.change = 0;
      for (Index j = 0; j < states.cols(); ++j) {
        const double moved = static_cast<double>((next_.col(j) - states.col(j)).norm());
        if (!(moved <= report.change)) report.change = moved;  // NaN as well
        if (std::isnan(moved)) break;
      }
      states = next_;
      ++report.steps;
      report.converged = report.change <= options_.tolerance;
      if (!(report.change > options_.tolerance)) break;
    }
    return report;
  }

  /// E of one state.
  double energy(const InputVector& state) {
    check("Hopfield::energy", state, state);
    logits_.resize(patterns.cols(), 1);
    product_of_transposed(patterns, state, logits_, beta());
    const double largest = static_cast<double>(logits_.maxCoeff());
    double sum = 0;
    for (Index i = 0; i < logits_.size(); ++i) sum += std::exp(static_cast<double>(logits_(i)) - largest);
    double norm = 0;
    for (Index i = 0; i < patterns.cols(); ++i)
      norm = std::max(norm, static_cast<double>(patterns.col(i).squaredNorm()));
    const double count = static_cast<double>(patterns.cols());
    return (std::log(count / sum) - largest) / beta() + (static_cast<double>(state.squaredNorm()) + norm) / 2;
  }
  /// grad E of one state.
  void energy_gradient(const InputVector& state, OutputVector gradient) {
    check("Hopfield::energy_gradient", state, gradient);
    attend(state, logits_);
    product(patterns, logits_, gradient, -1);
    gradient += state;
  }
  /// The update's Jacobian at a state times a direction. It is symmetric.
  void jacobian_product(const InputVector& state, const InputVector& direction, OutputVector image) {
    check("Hopfield::jacobian_product", state, direction);
    check("Hopfield::jacobian_product", state, image);
    attend(state, logits_);
    slopes_.resize(patterns.cols(), 1);
    product_of_transposed(patterns, direction, slopes_);
    const T mean = logits_.cwiseProduct(slopes_).sum();
    slopes_.array() = logits_.array() * (slopes_.array() - mean);
    product(patterns, slopes_, image, beta());
  }

  void parameters(auto&& visit) { visit("patterns", patterns); }
  void parameters(auto&& visit) const { visit("patterns", patterns); }
  static void visit(auto& self, auto&& field) { field("patterns", self.patterns); }

 private:
  void check(const char* where, const auto& states, const auto& others) const {
    require_shape(where, "a matrix of states", states, patterns.rows(), states.cols());
    require_shape(where, "what belongs to the states", others, patterns.rows(), states.cols());
  }

  void attend(const auto& states, Matrix& P) {
    P.resize(patterns.cols(), states.cols());
    product_of_transposed(patterns, states, P, beta());
    for (Index j = 0; j < P.cols(); ++j) {
      const T largest = P.col(j).maxCoeff();
      P.col(j).array() = (P.col(j).array() - largest).exp();
      P.col(j) /= P.col(j).sum();
    }
  }
  /// dS = P o (dP - 1 colsum(P o dP)) for dP = X' dY.
  void through_softmax(const Input& dY) {
    dS_.resize(P_.rows(), P_.cols());
    product_of_transposed(patterns, dY, dS_);
    for (Index j = 0; j < dS_.cols(); ++j) {
      const T mean = P_.col(j).dot(dS_.col(j));
      dS_.col(j).array() = P_.col(j).array() * (dS_.col(j).array() - mean);
    }
  }

  HopfieldOptions options_;
  Matrix P_;   // of the last forward
  Matrix dS_;  // of the last backward
  Matrix next_;
  Matrix logits_, slopes_;  // of one state
};

}  // namespace glissade
