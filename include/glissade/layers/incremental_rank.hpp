// Incremental rank updates: one layer for a stream of tasks.
#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "../core/checks.hpp"
#include "../linalg/orthonormal.hpp"
#include "layer.hpp"
#include "merging.hpp"

namespace glissade {

struct IncrementalRankOptions {
  int first_rank;     // r_1 of the first task, in [1, min(m, n)]
  int task_rank = 1;  // r_2 of every later one, in [1, min(m, n)]
  bool bias = true;   // each task has its own
  std::uint64_t seed = 0;
};

/// A linear layer that learns one task after another and forgets none: the weight of a task is a weighted sum of the
/// factors of all tasks before, which never change, and of a few new ones.
///
///     Y = W_t X + bias_t,   W_t = U diag(s_t) V' + u diag(s_t) v'     (s_t: first those of U, then those of u)
///     du = dY (s o v' X)',  dv = X (s o u' dY)',  ds = diag([U u]' dY ([V v]' X)'),  dbias = dY 1,  dX = W_t' dY
///     next_task:  U <- [U u], V <- [V v];  u, v: new orthonormal columns;  s = (0, 1);  bias = 0
///
///     IncrementalRank<float> layer(outputs, inputs, {.first_rank = 11});
///     for (auto& [X, Y, dX, dY] : tasks) {
///       auto gradients = gradients_of(layer);
///       Optimizer optimizer{Adam{}, layer};
///       layer.forward(X, Y);   layer.backward(X, dY, gradients, dX);   optimizer.step(gradients);
///       layer.next_task();       // s grows: an optimizer that is bound to it refuses to go on
///     }
///     layer.forward(0, X, Y);    // the first task, with the bits that it had at its end
///
/// Shapes: u m x r, v n x r, with r = r_1, then r_2; s R_t = r_1 + (t - 1) r_2; bias m, or 0 without; U m x (R_t - r),
/// V n x (R_t - r), past_s those of earlier tasks in a row, past_bias m x (t - 1). X n x b, Y m x b with samples in
/// columns. Outputs are sized before the call. To load a saved layer, build one and call next_task as often.
/// Cost: 2 R b (m + n) flops forward, 2 R b (m + n) + 2 r b (m + n) backward. No m x n array is ever formed. Keeps
/// three arrays of R x b. Memory: R_t (m + n) scalars in all and R_t, with a bias R_t + m, for every task.
/// Errors: std::invalid_argument for shapes, options, tasks that have not begun, and new factors with a column of
/// zeros, which together with selectors of zero get no gradient, and for a next_task where the present one or the new
/// factors are infinite or NaN, before anything is frozen; std::logic_error for backward without forward.
/// Pitfall: a selector scales a factor and cannot mix two, so a task that needs another mixture needs more rank.
/// Source: "Incremental Task Learning with Incremental Rank Updates", 2022, arXiv 2207.09074, and the authors' code.
template <class T>
class IncrementalRank {
 public:
  static constexpr std::string_view name = "IncrementalRank";
  using Scalar = T;
  using Index = Eigen::Index;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  using Input = Eigen::Ref<const Matrix>;
  using Output = Eigen::Ref<Matrix>;
  using OutputVector = Eigen::Ref<Vector>;

  Matrix u, v;     // of the present task, trainable
  Vector s, bias;  // likewise
  Matrix U, V;     // of all tasks before
  Vector past_s;
  Matrix past_bias;

  IncrementalRank(Index outputs, Index inputs, const IncrementalRankOptions& options)
      : m_(outputs), n_(inputs), options_(options) {
    if (m_ < 1 || n_ < 1)
      throw std::invalid_argument("IncrementalRank: a layer of " + shape_text(m_, n_) + ", must be at least 1 x 1");
    const Range allowed{1, static_cast<double>(m_ < n_ ? m_ : n_)};
    require("IncrementalRank", "first_rank", options.first_rank, allowed);
    require("IncrementalRank", "task_rank", options.task_rank, allowed);
    U.resize(m_, 0);
    V.resize(n_, 0);
    past_bias.resize(options.bias ? m_ : 0, 0);
    draw(options.first_rank);
  }

  [[nodiscard]] Index outputs() const { return m_; }
  [[nodiscard]] Index inputs() const { return n_; }
  [[nodiscard]] const IncrementalRankOptions& options() const { return options_; }
  /// Tasks that have begun; the present one is tasks() - 1.
  [[nodiscard]] Index tasks() const { return tasks_; }
  /// R of a task, numbered from 0.
  [[nodiscard]] Index rank(Index task) const { return options_.first_rank + task * options_.task_rank; }
  [[nodiscard]] Index rank() const { return rank(tasks_ - 1); }
  /// All that the layer keeps for all its tasks.
  [[nodiscard]] Index numbers() const {
    return rank() * (m_ + n_) + past_s.size() + s.size() + past_bias.size() + bias.size();
  }

  /// Freezes the present task and begins the next with random factors.
  void next_task() {
    check_present();
    freeze();
    draw(options_.task_rank);
  }
  /// The same with factors of one's own: m x r_2 and n x r_2.
  void next_task(const Input& new_u, const Input& new_v) {
    require_shape("IncrementalRank::next_task", "u", new_u, m_, options_.task_rank);
    require_shape("IncrementalRank::next_task", "v", new_v, n_, options_.task_rank);
    check_columns("u", new_u);
    check_columns("v", new_v);
    check_present();
    const Matrix left = new_u, right = new_v;  // they may be u and v
    freeze();
    begin(left, right);
  }

  void forward(const Input& X, Output Y) { forward(tasks_ - 1, X, std::move(Y)); }
  /// As the task was, or is now. What is frozen and what is new are multiplied apart, while a task is trained and ever
  /// after, so that not a bit changes.
  void forward(Index task, const Input& X, Output Y) {
    check_task("IncrementalRank::forward", task);
    check_batch("IncrementalRank::forward", X, Y);
    const Index fresh = width(task);
    const Index fixed = rank(task) - fresh;
    hidden_.resize(rank(task), X.cols());
    product_of_transposed(V.leftCols(fixed), X, hidden_.topRows(fixed));
    product_of_transposed(newest(V, v, task), X, hidden_.bottomRows(fresh));
    scaled_ = hidden_.array().colwise() * selectors(task).array();
    product(U.leftCols(fixed), scaled_.topRows(fixed), Y);
    product(newest(U, u, task), scaled_.bottomRows(fresh), Y, 1, true);
    if (options_.bias) Y.colwise() += task == tasks_ - 1 ? OneVector(bias) : OneVector(past_bias.col(task));
  }

  /// After forward(X, Y) of the present task: the gradients of the loss from that of Y.
  void backward(const Input& X, const Input& dY, Output du, Output dv, OutputVector ds, OutputVector dbias, Output dX) {
    require_shape("IncrementalRank::backward", "dX", dX, n_, X.cols());
    backward(X, dY, du, dv, ds, dbias);
    back_.array().colwise() *= s.array();
    product(V, back_.topRows(V.cols()), dX);
    product(v, back_.bottomRows(v.cols()), dX, 1, true);
  }
  /// The same without the gradient of the input.
  void backward(const Input& X, const Input& dY, Output du, Output dv, OutputVector ds, OutputVector dbias) {
    check_batch("IncrementalRank::backward", X, dY);
    check_gradients("IncrementalRank::backward", du, dv, ds);
    require_shape("IncrementalRank::backward", "dbias", dbias, bias.size(), 1);
    if (hidden_.rows() != rank() || hidden_.cols() != X.cols())
      throw std::logic_error("IncrementalRank::backward: the last forward was of another task or batch");
    const Index fresh = u.cols();
    back_.resize(rank(), X.cols());
    product_of_transposed(U, dY, back_.topRows(U.cols()));
    product_of_transposed(u, dY, back_.bottomRows(fresh));
    ds = hidden_.cwiseProduct(back_).rowwise().sum();
    product_with_transposed(dY, scaled_.bottomRows(fresh), du);
    product_with_transposed(X, back_.bottomRows(fresh), dv);
    dv.array().rowwise() *= s.tail(fresh).array().transpose();
    if (options_.bias) dbias = dY.rowwise().sum();
  }
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients, Output dX) {
    backward(X, dY, gradients["u"], gradients["v"], gradients["s"].col(0), gradient_of_bias(gradients), dX);
  }
  void backward(const Input& X, const Input& dY, LayerGradients<T>& gradients) {
    backward(X, dY, gradients["u"], gradients["v"], gradients["s"].col(0), gradient_of_bias(gradients));
  }

  /// Those of the present task.
  void parameters(auto&& visit) { list(*this, visit); }
  void parameters(auto&& visit) const { list(*this, visit); }
  static void visit(auto& self, auto&& field) {
    list(self, field);
    field("past_u", self.U);
    field("past_v", self.V);
    field("past_s", self.past_s);
    field("past_bias", self.past_bias);
  }

  /// The gradients from that of the whole weight, G = dY X'.
  void project(const Input& G, Output du, Output dv, OutputVector ds) const {
    require_shape("IncrementalRank::project", "G", G, m_, n_);
    check_gradients("IncrementalRank::project", du, dv, ds);
    const auto fresh = s.tail(u.cols());
    Matrix image(m_, V.cols());
    product(G, V, image);
    ds.head(U.cols()) = U.cwiseProduct(image).colwise().sum().transpose();
    product(G, v, du);
    ds.tail(u.cols()) = u.cwiseProduct(du).colwise().sum().transpose();
    product_of_transposed(G, u, dv);
    du.array().rowwise() *= fresh.array().transpose();
    dv.array().rowwise() *= fresh.array().transpose();
  }

  /// The weight of a task, m x n: to be used without this layer.
  [[nodiscard]] Matrix weight(Index task) const {
    check_task("IncrementalRank::weight", task);
    const OneVector scales = selectors(task);
    const Index fixed = rank(task) - width(task);
    Matrix W(m_, n_);
    Matrix left = U.leftCols(fixed).array().rowwise() * scales.head(fixed).array().transpose();
    product_with_transposed(left, V.leftCols(fixed), W);
    left = newest(U, u, task).array().rowwise() * scales.tail(width(task)).array().transpose();
    product_with_transposed(left, newest(V, v, task), W, 1, true);
    return W;
  }

 private:
  using OneVector = Eigen::Ref<const Vector>;

  static void list(auto& self, auto&& visit) {
    visit("u", self.u);
    visit("v", self.v);
    visit("s", self.s);
    if (self.options_.bias) visit("bias", self.bias);
  }
  [[nodiscard]] OutputVector gradient_of_bias(LayerGradients<T>& gradients) {
    if (options_.bias) return gradients["bias"].col(0);
    return bias;  // without entries
  }

  /// What is frozen takes part in every later task, with a factor of 0 at first, which NaN survives.
  void check_present() const {
    constexpr auto where = "IncrementalRank::next_task";
    detail::require_finite(where, "u", u);
    detail::require_finite(where, "v", v);
    detail::require_finite(where, "s", s);
    detail::require_finite(where, "bias", bias);
  }
  static void check_columns(const char* what, const Input& factors) {
    detail::require_finite("IncrementalRank::next_task", std::string("the new ") + what, factors);
    for (Index j = 0; j < factors.cols(); ++j)
      if ((factors.col(j).array() == 0).all())
        throw std::invalid_argument("IncrementalRank::next_task: column " + std::to_string(j) + " of " + what +
                                    " is zero, must not be: it would get no gradient");
  }
  void check_task(const char* where, Index task) const {
    if (task < 0 || task >= tasks_)
      throw std::invalid_argument(std::string(where) + ": task = " + std::to_string(task) + ", must be in [0, " +
                                  std::to_string(tasks_ - 1) + "]");
  }
  void check_batch(const char* where, const Input& X, const Input& Y) const {
    require_shape(where, "X", X, n_, X.cols());
    require_shape(where, "Y", Y, m_, X.cols());
  }
  void check_gradients(const char* where, const Input& du, const Input& dv, const OneVector& ds) const {
    require_shape(where, "du", du, u.rows(), u.cols());
    require_shape(where, "dv", dv, v.rows(), v.cols());
    require_shape(where, "ds", ds, s.size(), 1);
  }

  /// How many factors a task has brought.
  [[nodiscard]] Index width(Index task) const { return task == 0 ? options_.first_rank : options_.task_rank; }
  /// Those factors.
  [[nodiscard]] Input newest(const Matrix& frozen, const Matrix& present, Index task) const {
    if (task == tasks_ - 1) return present;
    return frozen.middleCols(rank(task) - width(task), width(task));
  }
  [[nodiscard]] OneVector selectors(Index task) const {
    if (task == tasks_ - 1) return s;
    return past_s.segment(task * options_.first_rank + task * (task - 1) / 2 * options_.task_rank, rank(task));
  }

  void freeze() {
    const auto append = [](Matrix& all, const Matrix& more) {
      all.conservativeResize(Eigen::NoChange, all.cols() + more.cols());
      all.rightCols(more.cols()) = more;
    };
    append(U, u);
    append(V, v);
    append(past_bias, bias);
    past_s.conservativeResize(past_s.size() + s.size());
    past_s.tail(s.size()) = s;
  }
  void draw(Index count) {
    const RandomKey key = RandomKey{options_.seed}.derive(static_cast<std::uint64_t>(tasks_));
    begin(random_orthonormal<T>(m_, count, key.derive(0)), random_orthonormal<T>(n_, count, key.derive(1)));
  }
  void begin(Matrix left, Matrix right) {
    ++tasks_;
    u = std::move(left);
    v = std::move(right);
    s.setZero(rank());
    s.tail(u.cols()).setOnes();
    bias.setZero(past_bias.rows());
  }

  Index m_;
  Index n_;
  IncrementalRankOptions options_;
  Index tasks_ = 0;
  Matrix hidden_;  // [V v]' X of the last forward
  Matrix scaled_;  // diag(s) of it
  Matrix back_;    // [U u]' dY of the last backward, then diag(s) of it
};

}  // namespace glissade
