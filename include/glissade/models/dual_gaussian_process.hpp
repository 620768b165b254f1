// A Gaussian process learned from a stream, with few inducing points and, where wanted, a memory.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/random.hpp"
#include "../drive/status.hpp"
#include "../linalg/product.hpp"
#include "../rule/options.hpp"
#include "gauss_hermite.hpp"

namespace glissade {

enum class GaussianKernel { squared_exponential, matern52 };

/// gaussian: y = f + noise; bernoulli: y = +1 with probability 1 / (1 + exp(-f)), else -1.
enum class GaussianLikelihood { gaussian, bernoulli };

/// Options of DualGaussianProcess.
///
///     kernel            squared_exponential, signal exp(-r^2 / 2), or matern52, signal (1 + s + s^2 / 3) exp(-s),
///                       s = sqrt(5) r (squared_exponential);   r^2 = sum ((x_i - z_i) / length_i)^2
///     signal            > 0 (1): variance of f
///     length            > 0 (1): of every dimension, where `lengths` does not say
///     lengths           > 0, one for each dimension (none)
///     likelihood        gaussian or bernoulli (gaussian)
///     noise             > 0 (0.01): variance of the noise, of gaussian
///     inducing          >= 1 (50): m, at most as many inducing points
///     move_inducing     whether learn chooses them anew (true)
///     resolution        in (0, 1) (1e-6): points whose variance, given those chosen, is below this part of the signal
///                       are not chosen
///     jitter            >= 0 (1e-10): added to the diagonal of K, a part of the signal
///     natural_steps     >= 1 (2): of each batch; rate in (0, 1] (1): rho
///     memory            >= 0 (0): at most as many examples are remembered, the latest; remember >= 0 (1) of each batch
///     seed              of what is remembered (0)
struct DualGaussianProcessOptions {
  static constexpr std::string_view name = "DualGaussianProcess";

  GaussianKernel kernel = GaussianKernel::squared_exponential;
  double signal = 1, length = 1;
  Eigen::VectorXd lengths = {};
  GaussianLikelihood likelihood = GaussianLikelihood::gaussian;
  double noise = 0.01;
  std::int64_t inducing = 50;
  bool move_inducing = true;
  double resolution = 1e-6;
  double jitter = 1e-10;
  std::int64_t natural_steps = 2;
  double rate = 1;
  std::int64_t memory = 0, remember = 1;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("kernel", self.kernel, range::up_to(GaussianKernel::matern52));
    visit("signal", self.signal, range::positive);
    visit("length", self.length, range::positive);
    visit("likelihood", self.likelihood, range::up_to(GaussianLikelihood::bernoulli));
    visit("noise", self.noise, range::positive);
    visit("inducing", self.inducing, Range{1, 1e5});
    visit("move_inducing", self.move_inducing);
    visit("resolution", self.resolution, range::open_fraction);
    visit("jitter", self.jitter, range::non_negative);
    visit("natural_steps", self.natural_steps, range::at_least_one);
    visit("rate", self.rate, Range{0, 1, true, false});
    visit("memory", self.memory, Range{0, 1e6});
    visit("remember", self.remember, range::non_negative);
    visit("seed", self.seed);
  }
};

/// Of f at some points.
struct GaussianPrediction {
  Eigen::VectorXd mean, variance;
};

/// Regression and classification from a stream, with uncertainty: what is known of all data are two sums over dual
/// variables of single examples, so that batches may come in any order.
///
///     K = k(Z, Z) + jitter,  R = (K + L2)^-1        L2 (m x m) and l1 (m) begin as zero
///     mean(x) = k_xZ R l1,   var(x) = k_xx - k_xZ (K^-1 - R) k_Zx
///     batch x, y:  choose Z' by pivoted Cholesky of k([Z; x]),   A = K^-1 k(Z, Z');   l1 <- A'l1,  L2 <- A'L2 A
///         natural_steps times, for all examples at once, s1 = s2 = 0 at first:
///             a = d E[log p(y | f)] / d mean,  b = d E[log p(y | f)] / d var     b <= -1e-8
///             (s1, s2) <- (1 - rho) (s1, s2) + rho (a - 2 b mean, -2 b)
///             l1, L2   <- those without the batch, plus k_Zx s1, k_Zx diag(s2) k_xZ
///
/// With gaussian noise and Z at rest the result is Titsias' posterior, whatever the order; with Z at all x the exact
/// one. With `memory`, some examples of each batch are kept, drawn with probabilities as s2 var, and take part in later
/// batches: what they added is taken away and computed anew for the Z and the posterior at hand.
///
///     DualGaussianProcess process({.length = 0.5, .noise = 0.01}, 2);   // of two dimensions
///     process.learn(patterns, targets);                                  // a pattern in each row
///     const GaussianPrediction f = process.predict(patterns);
///
/// learn and move return Status::running, or, with nothing changed, not_convex where K + L2 is not positive definite up
/// to rounding errors (raise jitter or resolution), non_finite where numbers are too large. State, in files (save and
/// load of io/method_state.hpp; options and dimension as they were): count, points, dual, Dual and those of the memory.
/// It goes on bit for bit. Cost, for n examples with the memory: learn natural_steps (3 m^2 n + 2 m^3) flops, and m^2 n
/// for Z; predict m^2 (m + 2 n). Memory: m^2 + m memory. Errors: std::invalid_argument for options, shapes, labels
/// other than -1 and 1, numbers that are not finite, no examples, and inducing points whose K is not positive definite.
/// Source: "Memory-Based Dual Gaussian Processes for Sequential Learning", 2023, arXiv 2306.03566, and the authors'
/// program. Deviation: each remembered example keeps the vector by which it entered l1 and L2, moved along with Z, so
/// that what is taken away is what was added.
template <class Matrix>
class BasicDualGaussianProcess {
 public:
  static constexpr std::string_view name = DualGaussianProcessOptions::name;
  using Index = Eigen::Index;
  using Vector = Eigen::Matrix<typename Matrix::Scalar, Eigen::Dynamic, 1>;

  /// Without inducing points at first.
  BasicDualGaussianProcess(const DualGaussianProcessOptions& options, Index dimensions) : options_(options) {
    visit_options(options_, CheckOption{name, 0});
    require(name, "dimensions", static_cast<double>(dimensions), range::at_least_one);
    if (options_.lengths.size() == 0) options_.lengths.setConstant(dimensions, options_.length);
    require_shape(name, "lengths", options_.lengths, dimensions, 1);
    for (Index i = 0; i < dimensions; ++i)
      require(name, "lengths[" + std::to_string(i) + "]", options_.lengths[i], range::positive);
    const auto m = static_cast<Index>(options_.inducing), kept = static_cast<Index>(options_.memory);
    points_.setZero(m, dimensions);
    l1_.setZero(m);
    L2_.setZero(m, m);
    memory_points_.setZero(kept, dimensions);
    memory_.setZero(kept, 3);
    memory_vectors_.setZero(m, kept);
  }
  /// Starts from inducing points, one in each row.
  BasicDualGaussianProcess(const DualGaussianProcessOptions& options, const Eigen::Ref<const Matrix>& Z)
      : BasicDualGaussianProcess(options, Z.cols()) {
    move(Z);
  }

  [[nodiscard]] const DualGaussianProcessOptions& options() const { return options_; }
  [[nodiscard]] Index dimensions() const { return points_.cols(); }
  [[nodiscard]] Matrix inducing_points() const { return points_.topRows(count_); }
  /// l1 and L2.
  [[nodiscard]] Vector first_dual() const { return l1_.head(count_); }
  [[nodiscard]] Matrix second_dual() const { return L2_.topLeftCorner(count_, count_); }
  [[nodiscard]] Index remembered() const { return static_cast<Index>(memory_count_); }

  /// k(X, Y), a point in each row of either.
  [[nodiscard]] Matrix kernel(const Eigen::Ref<const Matrix>& X, const Eigen::Ref<const Matrix>& Y) const {
    Matrix k(X.rows(), Y.rows());
    const Eigen::RowVectorXd inverse = options_.lengths.cwiseInverse().transpose();
    for (Index j = 0; j < k.cols(); ++j)
      for (Index i = 0; i < k.rows(); ++i) {
        const double square = (X.row(i) - Y.row(j)).cwiseProduct(inverse).squaredNorm();
        const double s = std::sqrt(5 * square);
        k(i, j) = options_.signal * (options_.kernel == GaussianKernel::matern52
                                         ? std::isinf(s) ? 0 : (1 + s + s * s / 3) * std::exp(-s)
                                         : std::exp(-square / 2));
      }
    return k;
  }

  /// Moves what is known to other inducing points, one in each row.
  Status move(const Eigen::Ref<const Matrix>& Z) {
    require(name, "inducing points", static_cast<double>(Z.rows()), Range{1, static_cast<double>(options_.inducing)});
    require_shape(name, "Z", Z, Z.rows(), dimensions());
    check_finite("Z", Z);
    if (Eigen::LLT<Matrix>(own_kernel(Z)).info() != Eigen::Success)
      throw std::invalid_argument("DualGaussianProcess: the kernel of the inducing points is not positive definite");
    Known known = recall();
    if (!move(known, Z)) return Status::not_convex;
    keep(known);
    return Status::running;
  }

  /// Learns a batch, an example in each row of X.
  Status learn(const Eigen::Ref<const Matrix>& X, const Eigen::Ref<const Vector>& y) {
    check(X, y);
    const Index n = X.rows(), old = remembered();
    Known known = recall();
    if (options_.move_inducing && !move(known, chosen(known.Z, X))) return Status::not_convex;
    if (known.Z.rows() == 0)
      throw std::invalid_argument("DualGaussianProcess: there are no inducing points, and move_inducing is false");

    Matrix points(old + n, dimensions());
    points << memory_points_.topRows(old), X;
    Vector labels(old + n), s1 = Vector::Zero(old + n), s2 = s1;
    labels << memory_.col(0).head(old), y;
    s1.head(old) = memory_.col(1).head(old);
    s2.head(old) = memory_.col(2).head(old);
    const Matrix Kx = kernel(known.Z, points);

    // What is known without these examples.
    product(known.vectors, Vector(s1.head(old)), known.l1, -1, true);
    product_with_transposed(Matrix(known.vectors * s2.head(old).asDiagonal()), known.vectors, known.L2, -1, true);
    const auto with_sites = [&](Known& all) {
      product(Kx, s1, all.l1, 1, true);
      const Matrix half = Kx * s2.cwiseSqrt().asDiagonal();
      product_with_transposed(half, half, all.L2, 1, true);
    };
    GaussianPrediction f;
    for (std::int64_t step = 0; step < options_.natural_steps; ++step) {
      Known all = known;
      with_sites(all);
      if (!posterior(all, Kx, f)) return Status::not_convex;
      for (Index i = 0; i < old + n; ++i) {
        const auto [a, b] = slopes(labels[i], f.mean[i], f.variance[i]);
        s1[i] += options_.rate * (a - 2 * b * f.mean[i] - s1[i]);
        s2[i] += options_.rate * (-2 * b - s2[i]);
      }
    }
    Known all = known;
    with_sites(all);
    if (!all.l1.allFinite() || !all.L2.allFinite()) return Status::non_finite;
    if (!posterior(all, Kx, f)) return Status::not_convex;
    all.vectors = Kx.leftCols(old);
    keep(all);
    memory_.col(1).head(old) = s1.head(old);
    memory_.col(2).head(old) = s2.head(old);
    remember(points, labels, s1, s2, f.variance, Kx);
    ++batches_;
    return Status::running;
  }

  /// Mean and variance of f, a point in each row; NaN where K + L2 is not positive definite.
  [[nodiscard]] GaussianPrediction predict(const Eigen::Ref<const Matrix>& X) const {
    require_shape(name, "X", X, X.rows(), dimensions());
    check_finite("X", X);
    const Known known = recall();
    GaussianPrediction f;
    if (!posterior(known, kernel(known.Z, X), f)) {
      f.mean.setConstant(X.rows(), std::numeric_limits<double>::quiet_NaN());
      f.variance = f.mean;
    }
    return f;
  }

  static void visit(auto& self, auto&& field) {
    field("count", self.count_, 0, self.options_.inducing);
    field("points", self.points_);
    field("first_dual", self.l1_);
    field("second_dual", self.L2_);
    field("memory_count", self.memory_count_, 0, self.options_.memory);
    field("memory_next", self.memory_next_, 0, self.options_.memory);
    field("memory_points", self.memory_points_);
    field("memory", self.memory_);
    field("memory_vectors", self.memory_vectors_);
    field("batches", self.batches_, 0, std::int64_t{1} << 53);
  }

 private:
  /// What is in use of the state.
  struct Known {
    Matrix Z;
    Vector l1;
    Matrix L2, vectors;  // of the memory, one in each column
  };

  [[nodiscard]] Known recall() const {
    return {points_.topRows(count_), l1_.head(count_), L2_.topLeftCorner(count_, count_),
            memory_vectors_.topLeftCorner(count_, remembered())};
  }
  void keep(const Known& known) {
    count_ = known.Z.rows();
    points_.setZero();
    points_.topRows(count_) = known.Z;
    l1_.setZero();
    l1_.head(count_) = known.l1;
    L2_.setZero();
    L2_.topLeftCorner(count_, count_) = (known.L2 + known.L2.transpose()) / 2;
    memory_vectors_.setZero();
    memory_vectors_.topLeftCorner(count_, remembered()) = known.vectors;
  }

  static void check_finite(std::string_view what, const Eigen::Ref<const Matrix>& X) {
    for (Index j = 0; j < X.cols(); ++j)
      for (Index i = 0; i < X.rows(); ++i)
        if (!std::isfinite(X(i, j)))
          reject(name, std::string(what) + "(" + std::to_string(i) + ", " + std::to_string(j) + ")", X(i, j), "finite");
  }
  void check(const Eigen::Ref<const Matrix>& X, const Eigen::Ref<const Vector>& y) const {
    require(name, "examples", static_cast<double>(X.rows()), range::at_least_one);
    require_shape(name, "X", X, X.rows(), dimensions());
    require_shape(name, "y", y, X.rows(), 1);
    check_finite("X", X);
    check_finite("y", y);
    if (options_.likelihood == GaussianLikelihood::bernoulli)
      for (Index i = 0; i < y.size(); ++i)
        if (std::abs(y[i]) != 1) reject(name, "y[" + std::to_string(i) + "]", y[i], "-1 or 1");
  }

  [[nodiscard]] Matrix own_kernel(const Matrix& Z) const {
    Matrix K = kernel(Z, Z);
    K.diagonal().array() += options_.jitter * options_.signal;
    return K;
  }

  [[nodiscard]] bool move(Known& known, const Matrix& Z) const {
    if (Z.rows() == known.Z.rows() && Z == known.Z) return true;
    if (known.Z.rows() == 0) {
      known = {Z, Vector::Zero(Z.rows()), Matrix::Zero(Z.rows(), Z.rows()), Matrix(Z.rows(), 0)};
      return true;
    }
    const Eigen::LLT<Matrix> factors(own_kernel(known.Z));
    if (factors.info() != Eigen::Success) return false;
    Matrix A = factors.solve(kernel(known.Z, Z));
    for (Index j = 0; j < Z.rows(); ++j)  // points that stay keep what they have to the last bit
      for (Index i = 0; i < known.Z.rows(); ++i)
        if (Z.row(j) == known.Z.row(i)) A.col(j) = Vector::Unit(known.Z.rows(), i);
    Known moved{Z, Vector(Z.rows()), Matrix(Z.rows(), Z.rows()), Matrix(Z.rows(), known.vectors.cols())};
    Matrix half(known.Z.rows(), Z.rows());
    product(known.L2, A, half);
    product_of_transposed(A, half, moved.L2);
    product_of_transposed(A, known.l1, moved.l1);
    product_of_transposed(A, known.vectors, moved.vectors);
    known = std::move(moved);
    return true;
  }

  /// Of the points at hand and the new ones, those that a Cholesky factorization with pivots takes first.
  [[nodiscard]] Matrix chosen(const Matrix& Z, const Eigen::Ref<const Matrix>& X) const {
    Matrix all(Z.rows() + X.rows(), X.cols());
    all << Z, X;
    const Index n = all.rows(), most = std::min(static_cast<Index>(options_.inducing), n);
    Vector left = Vector::Constant(n, options_.signal);
    Matrix factor = Matrix::Zero(most, n);
    std::vector<Index> order;
    while (static_cast<Index>(order.size()) < most) {
      Index pivot = 0;
      if (!(left.maxCoeff(&pivot) > options_.resolution * options_.signal)) break;
      const auto k = static_cast<Index>(order.size());
      const Matrix column = kernel(all, all.row(pivot));
      const double root = std::sqrt(left[pivot]);
      Vector along(n);
      product_of_transposed(factor.topRows(k), Vector(factor.col(pivot).head(k)), along);
      factor.row(k) = (column - along).transpose() / root;
      left -= factor.row(k).transpose().cwiseAbs2();
      left[pivot] = 0;
      order.push_back(pivot);
    }
    std::sort(order.begin(), order.end());  // points at hand stay in their order
    Matrix points(static_cast<Index>(order.size()), all.cols());
    for (std::size_t i = 0; i < order.size(); ++i) points.row(static_cast<Index>(i)) = all.row(order[i]);
    return points;
  }

  /// Mean and variance where k_Zx = Kx. False: K or K + L2 is not positive definite.
  [[nodiscard]] bool posterior(const Known& known, const Matrix& Kx, GaussianPrediction& f) const {
    const Index m = known.Z.rows();
    const Eigen::LLT<Matrix> prior(own_kernel(known.Z));
    if (prior.info() != Eigen::Success) return false;
    const Eigen::LLT<Matrix> factors(own_kernel(known.Z) + known.L2);
    if (!known.L2.allFinite() || factors.info() != Eigen::Success) return false;
    Matrix before = Kx, after(m, Kx.cols() + 1);
    prior.matrixL().solveInPlace(before);
    after << Kx, known.l1;
    factors.matrixL().solveInPlace(after);
    const Matrix V = after.leftCols(Kx.cols());
    f.variance = (V.colwise().squaredNorm() - before.colwise().squaredNorm()).transpose().array() + options_.signal;
    f.variance = f.variance.cwiseMax(0);
    f.mean.resize(V.cols());
    product_of_transposed(V, Vector(after.col(Kx.cols())), f.mean);
    return true;
  }

  struct Slopes {
    double by_mean, by_variance;
  };
  [[nodiscard]] Slopes slopes(double y, double mean, double variance) const {
    if (options_.likelihood == GaussianLikelihood::gaussian)
      return {(y - mean) / options_.noise, -1 / (2 * options_.noise)};
    Slopes sum{0, 0};
    for (Index k = 0; k < quadrature_.nodes.size(); ++k) {
      const double f = mean + std::sqrt(2 * variance) * quadrature_.nodes[k], weight = quadrature_.weights[k];
      const double wrong = 1 / (1 + std::exp(y * f));
      sum.by_mean += weight * y * wrong;
      sum.by_variance -= weight * wrong * (1 - wrong) / 2;
    }
    sum.by_variance = std::min(sum.by_variance, -1e-8);
    return sum;
  }

  /// Some of the new examples, drawn without replacement, in place of the oldest.
  void remember(const Matrix& points, const Vector& labels, const Vector& s1, const Vector& s2, const Vector& variance,
                const Matrix& vectors) {
    if (options_.memory == 0) return;
    const RandomKey key = RandomKey{options_.seed}.derive(static_cast<std::uint64_t>(batches_));
    std::vector<std::pair<double, Index>> draws;  // the largest log(u) / weight are a weighted draw
    for (Index i = remembered(); i < labels.size(); ++i)
      draws.emplace_back(std::log(key.uniform(static_cast<std::uint64_t>(i - remembered()))) /
                             std::max(s2[i] * variance[i], std::numeric_limits<double>::min()),
                         i);
    std::sort(draws.begin(), draws.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    const auto most = static_cast<std::size_t>(std::min(options_.remember, options_.memory));
    for (std::size_t k = 0; k < std::min(most, draws.size()); ++k) {
      const Index i = draws[k].second, at = memory_next_;
      memory_points_.row(at) = points.row(i);
      memory_.row(at) << labels[i], s1[i], s2[i];
      memory_vectors_.col(at).head(count_) = vectors.col(i);
      memory_next_ = (memory_next_ + 1) % options_.memory;
      memory_count_ = std::min(memory_count_ + 1, options_.memory);
    }
  }

  DualGaussianProcessOptions options_;
  std::int64_t count_ = 0;
  Matrix points_;  // inducing ones, the first count_ of as many as there may be
  Vector l1_;
  Matrix L2_;
  std::int64_t memory_count_ = 0, memory_next_ = 0, batches_ = 0;
  Matrix memory_points_, memory_;  // memory_: y, s1, s2
  Matrix memory_vectors_;          // by which they entered l1 and L2
  GaussHermite quadrature_ = gauss_hermite(20);
};

/// The one there is: a template, so that it is compiled only where it is used.
using DualGaussianProcess = BasicDualGaussianProcess<Eigen::MatrixXd>;

}  // namespace glissade
