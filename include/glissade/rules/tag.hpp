// A rule for tasks that come one after another.
#pragma once

#include <algorithm>
#include <cmath>

#include "../core/lanes/stretch.hpp"
#include "../rule/moments.hpp"
#include "../rule/rule.hpp"

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
///     optimizer.step(with(TaskNumber{2}), dW, db);
///
/// Cosines are of each tensor by itself, and 0 where one of the two is zero. From the second task on the step is longer
/// by exp(alignment / 2) where earlier tasks do not matter, so the learning rate is tuned for that.
/// State, for every tensor of size n: first_moments and second_moments (n x tasks: those of a task's own are a column),
/// steps (tasks x 1).
/// Cost: 2 n numbers per task that has been, and 9 flops per coefficient and task.
/// Errors: std::invalid_argument for options out of range, for a step that is not told its task and for a task not
/// below `tasks`. Non-finite gradients propagate.
/// Source: "TAG: Task-based Accumulated Gradients for Lifelong learning", 2021, arXiv 2105.05155, and the authors'
/// code, whose correction for adam starts anew with every epoch: here with every task.
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
  static constexpr std::array<Argument, 1> arguments{{{TaskNumber::name}}};

  static void options(auto& self, auto&& visit) {
    visit("learning_rate", self.learning_rate, range::non_negative);
    visit("tasks", self.tasks, Range{1, 1000});
    visit("base", self.base, range::up_to(Base::adam));
    visit("alignment", self.alignment, Range{0, 80});
    visit("beta1", self.beta1, range::decay);
    visit("beta2", self.beta2, range::decay);
    visit("epsilon", self.epsilon, range::non_negative);
  }
  void check_told(const ToldNumbers& told) const {
    require(name, TaskNumber::name, told.value(TaskNumber::name), Range{0, static_cast<double>(tasks - 1)});
  }
  void fields(const Tensor& tensor, auto&& add) const {
    add("first_moments", tensor.size(), tasks);
    add("second_moments", tensor.size(), tasks);
    add("steps", tasks, 1);
  }

  template <class T, class P>
  void update(const Step& step, const MatrixUpdate<T, P>& m) const {
    using L = Lane<T>;
    const auto task = static_cast<Index>(step.argument(TaskNumber::name));
    const Index size = m.tensor.size();
    T* const M = m.fields[0] + task * size;
    T* const V = m.fields[1] + task * size;
    const auto n = static_cast<double>(m.fields[2][task] += T(1));
    transform_lanes<T>(
        size, M, [b = beta1](L g, L mean) { return b * mean + (1 - b) * g; }, m.in, M);
    const bool adds = base == Base::adagrad;
    transform_lanes<T>(
        size, V, [old = adds ? 1 : beta2, now = adds ? 1 : 1 - beta2](L g, L v) { return old * v + now * square(g); },
        m.in, V);

    m.workspace.reserve(static_cast<std::size_t>(size) * sizeof(T));
    T* const D = reinterpret_cast<T*>(m.workspace.data());
    transform_lanes<T>(
        size, D, [weight = task == 0 ? 1 : std::exp(-alignment)](L v) { return weight * v; }, V);
    for (Index k = 0; k < task; ++k) {
      if (!(m.fields[2][k] > T(0))) continue;
      const double weight = std::exp(-alignment * cosine(M, m.fields[0] + k * size, size));
      transform_lanes<T>(
          size, D, [weight](L sum, L v) { return sum + weight * v; }, D, m.fields[1] + k * size);
    }
    const bool adam = base == Base::adam;
    const double rate =
        learning_rate(step.time) * (adam ? 1 / bias_correction(beta1, static_cast<std::int64_t>(n)) : 1);
    const double root = adam ? 1 / std::sqrt(bias_correction(beta2, static_cast<std::int64_t>(n))) : 1;
    transform_lanes<T>(
        size, m.out, [rate, root, e = epsilon](L u, L sum) { return -(rate * over_root(u, root * sqrt(sum), e)); },
        adam ? M : m.in, D);
  }

 private:
  /// Of the angle between two vectors, 0 where one is zero; summed in one order on every processor.
  template <class T>
  [[nodiscard]] static double cosine(const T* a, const T* b, Index size) {
    double large_a = 0, large_b = 0;
    for (Index i = 0; i < size; ++i) {
      large_a = (std::max)(large_a, std::abs(static_cast<double>(a[i])));
      large_b = (std::max)(large_b, std::abs(static_cast<double>(b[i])));
    }
    if (!(large_a > 0 && large_b > 0)) return 0;
    using Wide = Lane<double>;
    alignas(64) double sums[3][stripe] = {};
    for (Index i = 0; i < size; i += stripe) {
      alignas(64) double x[stripe] = {}, y[stripe] = {};
      for (Index j = 0; j < (std::min)(stripe, size - i); ++j) {
        x[j] = static_cast<double>(a[i + j]) / large_a;
        y[j] = static_cast<double>(b[i + j]) / large_b;
      }
      for (Index j = 0; j < stripe; j += Wide::width) {
        const Wide u = Wide::load(x + j), v = Wide::load(y + j);
        (Wide::load(sums[0] + j) + u * v).store(sums[0] + j);
        (Wide::load(sums[1] + j) + u * u).store(sums[1] + j);
        (Wide::load(sums[2] + j) + v * v).store(sums[2] + j);
      }
    }
    return sum_stripe(sums[0]) / std::sqrt(sum_stripe(sums[1]) * sum_stripe(sums[2]));
  }
};

}  // namespace glissade
