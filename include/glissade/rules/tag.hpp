// A rule for tasks that come one after another.
#pragma once

#include <algorithm>
#include <cmath>

#include "../rule/moments.hpp"

namespace glissade {

/// Task-based accumulated gradients, for models that learn tasks one after another and are not to forget: RMSProp,
/// Adagrad or Adam whose denominator holds the second moments of earlier tasks too, each weighed by how little its
/// gradients agree with the present ones.
///
///     M_t <- beta1 M_t + (1 - beta1) g,   V_t <- beta2 V_t + (1 - beta2) g^2   (adagrad: V_t + g^2)
///     a_k = exp(-alignment cos(M_t, M_k)) for tasks k < t,   a_t = exp(-alignment)
///     D = V_0 for t = 0, else a_t V_t + sum over k < t of a_k V_k
///     x <- x - learning_rate u / (sqrt(D / c2) + epsilon),   u = g, c2 = 1;   adam: u = M_t / (1 - beta1^n),
///                                                            c2 = 1 - beta2^n, n steps into the task
///
///     Optimizer optimizer{Tag{.learning_rate = 1e-2, .tasks = 5}, W, b};
///     optimizer.step(with(Task{2}), dW, db);
///
/// Cosines are of each tensor by itself, and 0 where one of the two is zero. From the second task on the step is longer
/// by exp(alignment / 2) where earlier tasks do not matter, so the learning rate is tuned for that.
/// State, for every tensor of size n: first_moments and second_moments (n x tasks: those of a task's own are a column),
/// steps (tasks x 1). Cost: 2 n numbers per task that has been, and 9 flops per coefficient and task.
/// Errors: std::invalid_argument for options out of range, for a step that is not told its task and for a task not
/// below `tasks`. Non-finite gradients propagate. Source: "TAG: Task-based Accumulated Gradients for Lifelong
/// learning", 2021, arXiv 2105.05155, and the authors' code, whose correction for adam starts anew with every epoch:
/// here with every task.
struct Tag {
  static constexpr std::string_view name = "Tag";
  static constexpr bool turns = true;
  enum class Base { rms, adagrad, adam };
  Schedule learning_rate = 1e-2;  // >= 0
  int tasks = 10;                 // in [1, 1000]: how many there can be
  Base base = Base::rms;
  double alignment = 5;   // in [0, 80]: b in the paper
  double beta1 = 0.9;     // in [0, 1)
  double beta2 = 0.99;    // in [0, 1); 0.999 is customary with adam
  double epsilon = 1e-8;  // >= 0

  static constexpr int passes = 2;
  static constexpr std::array<Argument, 1> arguments{{{Task::name}}};

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("tasks", self.tasks, Range{1, 1000});
    visit("base", self.base, Range{0, 2});
    visit("alignment", self.alignment, Range{0, 80});
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  void check_told(const ToldNumbers& told) const {
    require(name, Task::name, told.value(Task::name), Range{0, static_cast<double>(tasks - 1)});
  }
  void fields(const Tensor& tensor, auto&& add) const {
    add("first_moments", tensor.size(), tasks);
    add("second_moments", tensor.size(), tasks);
    add("steps", tasks, 1);
  }

  template <class T, class P>
  void update(const Step& step, const MatrixUpdate<T, P>& m) const {
    using Array = Eigen::Array<T, Eigen::Dynamic, 1>;
    const auto task = static_cast<Index>(step.argument(Task::name));
    const Index size = m.tensor.size();
    const auto column = [&](std::size_t field, Index k) { return Eigen::Map<Array>(m.fields[field] + k * size, size); };
    const Eigen::Map<const Array> g(m.in, size);
    Eigen::Map<Array> out(m.out, size), M = column(0, task), V = column(1, task);
    const double n = static_cast<double>(m.fields[2][task] += T(1));
    M = static_cast<T>(beta1) * M + static_cast<T>(1 - beta1) * g;
    if (base == Base::adagrad)
      V += g.square();
    else
      V = static_cast<T>(beta2) * V + static_cast<T>(1 - beta2) * g.square();

    m.workspace.reserve(static_cast<std::size_t>(size) * sizeof(T));
    Eigen::Map<Array> D(reinterpret_cast<T*>(m.workspace.data()), size);
    D = task == 0 ? T(1) * V : static_cast<T>(std::exp(-alignment)) * V;
    for (Index k = 0; k < task; ++k)
      if (m.fields[2][k] > T(0)) D += static_cast<T>(std::exp(-alignment * cosine(M, column(0, k)))) * column(1, k);

    const bool adam = base == Base::adam;
    const double rate = -learning_rate(step.time) * (adam ? 1 / (1 - std::pow(beta1, n)) : 1);
    const double root = adam ? 1 / std::sqrt(1 - std::pow(beta2, n)) : 1;
    for (Index i = 0; i < size; ++i) {
      const T down = std::sqrt(D[i]) * static_cast<T>(root);
      // A coefficient of which no square is left rests.
      out[i] = down == T(0) && epsilon < 1e-15
                   ? T(0)
                   : static_cast<T>(rate) * (adam ? M[i] : g[i]) / (down + static_cast<T>(epsilon));
    }
  }

 private:
  /// Of the angle between two vectors, 0 where one is zero.
  template <class A, class B>
  [[nodiscard]] static double cosine(const A& a, const B& b) {
    const double large_a = static_cast<double>(a.abs().maxCoeff()), large_b = static_cast<double>(b.abs().maxCoeff());
    if (!(large_a > 0 && large_b > 0)) return 0;
    const auto x = a.template cast<double>() / large_a, y = b.template cast<double>() / large_b;
    return (x * y).sum() / std::sqrt(x.square().sum() * y.square().sum());
  }
};

}  // namespace glissade
