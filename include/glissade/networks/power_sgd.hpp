// The mean of many workers' matrices, to low rank, by messages of that rank.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../core/random.hpp"
#include "../rule/options.hpp"

namespace glissade {

/// PowerSGD: one step of a power iteration a step, which goes on from the last, on the mean of what the workers have
/// (rows x cols each), with error feedback.
///
///     M_i = G_i + E_i
///     P = orthonormal(mean_i M_i Q),   Q = mean_i M_i' P          both means are over messages of rank columns
///     mean G is taken to be P Q',      E_i <- M_i - P Q'
///
/// For an M that stays, P Q' tends to the best approximation of its rank. Of the full rank it is the mean to rounding.
///
///     const PowerSgd method{.rank = 2};
///     auto state = method.init(4, 64, 32);
///     const Eigen::MatrixXd step = method.aggregate(worker_gradients, state);
///
/// Options: rank >= 1 (2); error_feedback (true); seed, of the first Q. State: Q (cols x rank), memory (E_i), bytes:
/// those that workers have sent, 8 rank (rows + cols) each a step, in place of 8 rows cols.
/// Cost: 4 rank rows cols flops per worker and step, and 2 rows rank^2 to orthonormalize (Gram and Schmidt, twice).
/// A column that depends on those before it becomes 0. Errors: std::invalid_argument for options out of range, a number
/// of matrices or a shape that is not that of the state, numbers that are not finite; the state is then as it was.
/// Source: "PowerSGD: Practical Low-Rank Gradient Compression for Distributed Optimization", 2019, arXiv 1905.13727.
struct PowerSgd {
  static constexpr std::string_view name = "PowerSgd";

  Eigen::Index rank = 2;
  bool error_feedback = true;
  std::int64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("rank", self.rank, range::at_least_one);
    visit("error_feedback", self.error_feedback);
    visit("seed", self.seed, range::finite);
  }

  struct State {
    Eigen::MatrixXd Q;
    std::vector<Eigen::MatrixXd> memory;
    std::int64_t bytes = 0;

    static void visit(auto& self, auto&& field) {
      field("Q", self.Q);
      for (std::size_t i = 0; i < self.memory.size(); ++i) field("memory" + std::to_string(i), self.memory[i]);
      field("bytes", self.bytes, std::int64_t{0}, std::int64_t{1} << 53);
    }
  };

  [[nodiscard]] State init(Eigen::Index workers, Eigen::Index rows, Eigen::Index cols) const {
    visit_options(*this, CheckOption{name, 0});
    require(name, "workers", static_cast<double>(workers), range::at_least_one);
    require(name, "rows", static_cast<double>(rows), range::at_least_one);
    require(name, "cols", static_cast<double>(cols), range::at_least_one);
    if (rank > std::min(rows, cols))
      reject(name, "rank", static_cast<double>(rank), "<= " + std::to_string(std::min(rows, cols)));
    const RandomKey key{static_cast<std::uint64_t>(seed)};
    std::uint64_t n = 0;
    State state;
    state.Q = Eigen::MatrixXd::NullaryExpr(cols, rank, [&](Eigen::Index, Eigen::Index) { return key.normal(n++); });
    state.memory.assign(static_cast<std::size_t>(workers), Eigen::MatrixXd::Zero(rows, cols));
    return state;
  }

  /// The mean of the matrices, as all workers know it after the step.
  template <class Matrix>
  Matrix aggregate(const std::vector<Matrix>& gradients, State& state) const {
    const std::size_t n = state.memory.size();
    if (gradients.size() != n)
      throw std::invalid_argument("PowerSgd: " + std::to_string(gradients.size()) + " matrices, must be " +
                                  std::to_string(n) + ", one of each worker");
    const Eigen::Index rows = state.memory[0].rows(), cols = state.memory[0].cols();
    for (std::size_t i = 0; i < n; ++i) {
      if (gradients[i].rows() != rows || gradients[i].cols() != cols)
        throw std::invalid_argument("PowerSgd: the matrix of worker " + std::to_string(i) + " is " +
                                    std::to_string(gradients[i].rows()) + " x " + std::to_string(gradients[i].cols()) +
                                    ", must be " + std::to_string(rows) + " x " + std::to_string(cols));
      if (!gradients[i].allFinite())
        throw std::invalid_argument("PowerSgd: the matrix of worker " + std::to_string(i) + " is not finite");
    }
    const double share = 1 / static_cast<double>(n);
    Matrix P = Matrix::Zero(rows, rank), sent(rows, rank);
    for (std::size_t i = 0; i < n; ++i) {
      state.memory[i] += gradients[i];
      sent.noalias() = state.memory[i] * state.Q;
      P += share * sent;
    }
    orthonormalize(P);
    state.Q.setZero();
    sent.resize(cols, rank);
    for (std::size_t i = 0; i < n; ++i) {
      sent.noalias() = state.memory[i].transpose() * P;
      state.Q += share * sent;
    }
    Matrix mean(rows, cols);
    mean.noalias() = P * state.Q.transpose();
    for (Matrix& memory : state.memory)
      if (error_feedback)
        memory -= mean;
      else
        memory.setZero();
    state.bytes += static_cast<std::int64_t>(n) * 8 * rank * (rows + cols);
    return mean;
  }

 private:
  static void orthonormalize(auto& P) {
    for (Eigen::Index j = 0; j < P.cols(); ++j) {
      const double before = P.col(j).stableNorm();
      for (int twice = 0; twice < 2; ++twice)
        for (Eigen::Index k = 0; k < j; ++k) P.col(j) -= P.col(k).dot(P.col(j)) * P.col(k);
      const double norm = P.col(j).stableNorm();
      if (norm > 1e-14 * before)
        P.col(j) /= norm;
      else
        P.col(j).setZero();
    }
  }
};

}  // namespace glissade
