// Gradient descent by workers that send compressed gradients.
#pragma once

#include <utility>

#include "../drive/status.hpp"
#include "compression.hpp"
#include "node_method.hpp"

namespace glissade {

/// What becomes of what compression left out. none: it is lost. error: a worker adds it to its next gradient.
/// difference: workers send the compressed change of their gradient since the last message, and the master keeps sums.
enum class Feedback { none, error, difference };

/// Minimizes mean_i f_i(x) over n workers, each of which sends its gradient compressed.
///
///     none           c_i = C(g_i)                                  d = mean c_i
///     error          c_i = C(g_i + e_i),  e_i <- g_i + e_i - c_i   d = mean c_i
///     difference     e_i <- e_i + C(g_i - e_i)                     d = mean e_i
///     x <- x - eta d
///
/// Without feedback a biased compressor stops short of the minimum. With `error` the plain rate comes back where all
/// f_i have one minimizer, and elsewhere a distance of the order of eta is left; with `difference` it comes back for
/// different f_i too. Both need |v - C(v)|^2 <= (1 - a) |v|^2 for some a > 0 (keep_largest, keep_random, scaled_signs,
/// quantizers with clipping and nearest rounding).
///
///     const CompressedGradientDescent method{.step_size = 0.1, .compressor = keep_largest(10)};
///     auto state = method.init(start, 16);
///     for (int k = 0; k < 100; ++k) method.step(node_gradient, state);
///
/// node_gradient(i, call, x, g) as of networks (node_method.hpp), call = completed steps.
/// Options: step_size eta (> 0); compressor; feedback (difference); seed.
/// State: x; memory (n columns e_i); numbers (what compressors remember, of each worker); steps; bytes, of all messages
/// to the master. A report has the mean of the f_i and the norm of the mean gradient, at the x before the step.
/// Cost of a step: n gradients, n compressions.
/// Errors: std::invalid_argument for options out of range and gradients of another size. What node_gradient throws
/// leaves the state as it was, and so do numbers that are not finite, with Status::non_finite.
/// Source: error: "Sparsified SGD with Memory", 2018, arXiv 1809.07599; "Error Feedback Fixes SignSGD and other
/// Gradient Compression Schemes", 2019, arXiv 1901.09847; difference: "EF21: A New, Simpler, Theoretically Better, and
/// Practically Faster Error Feedback", 2021, arXiv 2106.05203.
struct CompressedGradientDescent {
  static constexpr std::string_view name = "CompressedGradientDescent";

  double step_size = 0.1;
  Compressor compressor = no_compression();
  Feedback feedback = Feedback::difference;
  std::int64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("step_size", self.step_size, range::positive);
    visit("feedback", self.feedback, range::up_to(Feedback::difference));
    visit("seed", self.seed, range::finite);
  }

  struct State {
    Eigen::VectorXd x;
    Eigen::MatrixXd memory;
    Eigen::VectorXd numbers;
    std::int64_t steps = 0, bytes = 0;
    Eigen::MatrixXd gradients;           // workspace
    Eigen::VectorXd g, sent, direction;  // workspace

    static void visit(auto& self, auto&& field) {
      constexpr std::int64_t most = std::int64_t{1} << 53;
      field("x", self.x);
      field("memory", self.memory);
      field("numbers", self.numbers);
      field("steps", self.steps, std::int64_t{0}, most);
      field("bytes", self.bytes, std::int64_t{0}, most);
    }
  };

  [[nodiscard]] State init(const Eigen::VectorXd& x, Eigen::Index workers) const {
    visit_options(*this, CheckOption{name, 0});
    require(name, "workers", static_cast<double>(workers), range::at_least_one);
    if (!compressor) throw std::invalid_argument("CompressedGradientDescent: compressor is empty");
    State state;
    state.x = x;
    state.memory.setZero(x.size(), workers);
    state.numbers.setOnes(workers);
    return state;
  }

  Report step(const NodeGradient& gradient, State& state) const {
    const Eigen::Index n = state.memory.cols(), size = state.x.size();
    state.gradients.resize(size, n);
    state.g.resize(size);
    double value = 0;
    for (Eigen::Index i = 0; i < n; ++i) {
      value += gradient(i, state.steps, state.x, state.g) / static_cast<double>(n);
      if (state.g.size() != size)
        throw std::invalid_argument("CompressedGradientDescent: the gradient of worker " + std::to_string(i) + " has " +
                                    std::to_string(state.g.size()) + " numbers, x " + std::to_string(size));
      state.gradients.col(i) = state.g;
    }
    state.direction = state.gradients.rowwise().mean();
    const double norm = state.direction.norm();
    if (!std::isfinite(value) || !state.gradients.allFinite())
      return {.value = value, .status = Status::non_finite, .gradient_norm = norm};
    const RandomKey key = RandomKey{static_cast<std::uint64_t>(seed)}.derive(static_cast<std::uint64_t>(state.steps));
    state.direction.setZero();
    for (Eigen::Index i = 0; i < n; ++i) {
      if (feedback == Feedback::error) state.gradients.col(i) += state.memory.col(i);
      if (feedback == Feedback::difference) state.gradients.col(i) -= state.memory.col(i);
      state.g = state.gradients.col(i);
      state.bytes += compressor(key.derive(static_cast<std::uint64_t>(i)), state.g, state.numbers[i], state.sent);
      if (feedback == Feedback::error) state.memory.col(i) = state.g - state.sent;
      if (feedback == Feedback::difference) {
        state.memory.col(i) += state.sent;
        state.direction += state.memory.col(i);
      } else {
        state.direction += state.sent;
      }
    }
    state.x -= step_size / static_cast<double>(n) * state.direction;
    ++state.steps;
    return {.measure = norm, .value = value, .gradient_norm = norm};
  }
};

}  // namespace glissade
