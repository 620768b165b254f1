// Optimal input gain: networks with one hidden layer, trained by a Newton system as small as the number of inputs.
#pragma once

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "../drive/status.hpp"
#include "../linalg/product.hpp"
#include "../linalg/thin_svd.hpp"
#include "../rule/options.hpp"
#include "one_hidden_layer.hpp"

namespace glissade {

/// How the input weights move; see InputGainTrainer.
enum class InputGainMethod { bp, oig_bp, hwo, oig_hwo };

/// Which of the matrices A with A'A = (X'X / patterns)^-1 makes the inputs of oig_hwo; see InputGainTrainer.
enum class Whitening { klt, zca, cholesky };

/// Options of InputGainTrainer.
///
///     method          bp, oig_bp, hwo or oig_hwo (oig_hwo)
///     whitening       of oig_hwo: klt, zca or cholesky (klt); none of them is better in general
///     max_iterations  >= 0 (100): of one call of train
///     tolerance       >= 0 (0: off): train ends where a step lowers the error by at most that part of it
///     rank_cut        in [0, 1) (1e-10): what is smaller, relatively, counts as dependent, in the least squares for
///                     the output weights, in the whitening and in the system of gains
///     max_halvings    >= 0 (12): how often a step that does not lower the error is halved before it is given up
struct InputGainOptions {
  static constexpr std::string_view name = "InputGain";

  InputGainMethod method = InputGainMethod::oig_hwo;
  Whitening whitening = Whitening::klt;
  std::int64_t max_iterations = 100;
  double tolerance = 0;
  double rank_cut = 1e-10;
  std::int64_t max_halvings = 12;

  static void options(auto& self, auto&& visit) {
    visit("method", self.method, range::up_to(InputGainMethod::oig_hwo));
    visit("whitening", self.whitening, range::up_to(Whitening::cholesky));
    visit("max_iterations", self.max_iterations, range::non_negative);
    visit("tolerance", self.tolerance, range::non_negative);
    visit("rank_cut", self.rank_cut, range::decay);
    visit("max_halvings", self.max_halvings, Range{0, 1000});
  }
};

/// The quadratic model of the error in the gains r of the inputs: error(0) - d'r + r'H r / 2.
struct GainSystem {
  Eigen::VectorXd descent;  // d
  Eigen::MatrixXd hessian;  // H, of Gauss and Newton: positive semidefinite
};

/// r with H r = d. With s = diag(H)^(-1/2), the eigenvectors of s H s with eigenvalues above cut times the largest; a
/// row of zeros, of an input that changes nothing, has the gain 0.
/// Cost: 9 n^3 flops.
template <class Matrix = Eigen::MatrixXd>
[[nodiscard]] Eigen::VectorXd solve_gains(const GainSystem& system, double cut) {
  const Eigen::VectorXd diagonal = system.hessian.diagonal();
  const Eigen::VectorXd s = (diagonal.array() > 0).select(diagonal.array().rsqrt(), 0.0);
  const Matrix scaled = s.asDiagonal() * system.hessian * s.asDiagonal();
  if (!scaled.allFinite()) return Eigen::VectorXd::Constant(s.size(), std::numeric_limits<double>::quiet_NaN());
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(scaled);
  const Eigen::VectorXd& values = eigen.eigenvalues();
  const double least = cut * values[values.size() - 1];
  const Eigen::VectorXd inverse = (values.array() > std::max(least, 0.0)).select(values.array().inverse(), 0.0);
  Eigen::VectorXd r = s.cwiseProduct(system.descent), parts(s.size());
  product_of_transposed(eigen.eigenvectors(), r, parts);
  parts.array() *= inverse.array();
  product(eigen.eigenvectors(), parts, r);
  return s.cwiseProduct(r);
}

/// Batch training of a network with one hidden layer (one_hidden_layer.hpp), at a price between that of gradient
/// descent and that of a second-order method: Newton's method for one factor, or for one factor per input.
///
///     [W_oi W_oh] = least squares for this W                          output weight optimization (OWO), at the start
///     f'    = O (1 - O),   delta_p = f'_p * (W_oh' (t_p - y_p))        and after every change of W
///     G     = 2 / patterns  sum_p delta_p b_p'                         b = A [x; 1], the inputs that the method sees
///     bp, hwo:          z = sum (t - y) s / sum s^2,  s_p = W_oh (f'_p * G b_p);     step = z G A
///     oig_bp, oig_hwo:  H r = d,  d(m) = sum_k G(k, m)^2,  v_p(i, m) = b_p(m) sum_k W_oh(i, k) f'_p(k) G(k, m),
///                       H(m, u) = 2 / patterns sum_p,i v_p(i, m) v_p(i, u);          step = G diag(r) A
///     W <- W + step, halved while the error that OWO then leaves is larger than before
///
/// bp and oig_bp see the inputs as they are (A = I), hwo and oig_hwo white ones (A'A = R^-1, R = X'X / patterns with a
/// column of ones in X). Then oig_bp does not depend on the units in which inputs are measured, hwo not on any linear
/// map of them. For oig_hwo the choice of A matters: with R = Q L Q', klt is L^-1/2 Q', zca Q L^-1/2 Q', and cholesky
/// the inverse of the lower triangle C with R = C C'. Inputs that depend on others are left out of A.
///
///     OneHiddenLayer start = random_one_hidden_layer(patterns, answers.cols(), 10);
///     InputGainTrainer trainer({.method = InputGainMethod::oig_bp}, start, patterns, answers);
///     trainer.train();
///     Eigen::MatrixXd predicted = trainer.network().predict(patterns);
///
/// train and step return how they ended (drive/status.hpp); whatever that was, the network is the best so far:
///     running             of step: a step was made
///     max_iterations      of train
///     value_tolerance     the last step lowered the error by at most tolerance times it
///     gradient_tolerance  no change of W changes the outputs to first order: a perfect fit, or all units saturated
///     search_failed       no halving lowered the error: rounding errors prevail, or max_halvings is too small
///     non_finite          numbers too large, for the error or for a step
///
/// State, in files (save and load of io/method_state.hpp; to be loaded into a trainer for the same data): the three
/// matrices of the network, error, iterations. It goes on bit for bit.
/// Memory: copies of X and T; hwo and oig_hwo also the white inputs; a step about patterns (3 hidden + inputs) more.
/// Cost of a step, in flops: OWO 2 patterns n^2 + 30 n^3 with n = inputs + 1 + hidden, again with every halving; the
/// gradient 4 patterns hidden (inputs + outputs); the gains 2 patterns outputs (hidden + inputs) inputs. At the start
/// hwo and oig_hwo factorize X, 4 to 20 patterns inputs^2.
/// Errors: std::invalid_argument for options out of range, shapes that do not fit, empty data and numbers that are not
/// finite.
/// Measured (bench/models/input_gain.cpp) on six data sets with inputs of scales 0.1 to 10, errors after 100 steps:
/// oig_bp is below half of bp on three of them and below bp on all, oig_hwo is below hwo on five. All stay far behind
/// LevenbergMarquardt, a step of which takes 25 times as long there. Curves of oig_bp depend on rounding:
/// after 100 steps from starts that differ by 1e-16 errors of oig_bp have differed by up to 6 per cent.
/// Source: "Optimal Input Gain: All You Need to Supercharge a Feed-Forward Neural Network", 2023, arXiv 2303.17732, of
/// which the abstract was at hand: the formulas were derived anew and are checked by tests. Deviations: halvings, and
/// singular values in place of orthogonal least squares. Which A the paper takes is not known.
template <class Matrix>
class BasicInputGainTrainer {
 public:
  static constexpr std::string_view name = InputGainOptions::name;
  using Index = Eigen::Index;
  using Vector = Eigen::Matrix<typename Matrix::Scalar, Eigen::Dynamic, 1>;

  /// Starts from the input weights of a network; its other weights are found at once.
  BasicInputGainTrainer(const InputGainOptions& options, OneHiddenLayer start, const Eigen::Ref<const Matrix>& X,
                        const Eigen::Ref<const Matrix>& T)
      : options_(options), network_(std::move(start)), inputs_(X), targets_(T) {
    visit_options(options_, CheckOption{name, 0});
    require(name, "outputs", static_cast<double>(T.cols()), range::at_least_one);
    require(name, "hidden", static_cast<double>(network_.units()), range::at_least_one);
    if (!network_.input_weights.allFinite()) throw std::invalid_argument("InputGain: the start is not finite");
    network_.fit_outputs(X, T, options_.rank_cut);
    error_ = network_.error(inputs_, targets_);
    white() ? whiten() : take_as_they_are();
  }

  [[nodiscard]] const InputGainOptions& options() const { return options_; }
  [[nodiscard]] const OneHiddenLayer& network() const { return network_; }
  /// The mean squared error over the patterns.
  [[nodiscard]] double error() const { return error_; }
  [[nodiscard]] std::int64_t iterations() const { return iterations_; }
  /// A: as many rows as inputs that the method sees, inputs + 1 columns.
  [[nodiscard]] const Matrix& transform() const { return transform_; }
  /// G: minus the derivative of the error by weights of the inputs that the method sees, hidden x those.
  [[nodiscard]] Matrix negative_gradient() const { return at().gradient; }
  /// d and H, whatever the method.
  [[nodiscard]] GainSystem gain_system() const { return gain_system(at()); }

  Status train() {
    for (std::int64_t k = 0; k < options_.max_iterations; ++k)
      if (const Status status = step(); status != Status::running) return status;
    return Status::max_iterations;
  }

  /// One step. Where it says other than running or value_tolerance nothing has changed.
  Status step() {
    if (!std::isfinite(error_)) return Status::non_finite;
    const Point point = at();
    if (!point.gradient.allFinite()) return Status::non_finite;
    Matrix change;
    if (options_.method == InputGainMethod::bp || options_.method == InputGainMethod::hwo)
      change = learning_factor(point) * point.gradient;
    else
      change = point.gradient * solve_gains(gain_system(point), options_.rank_cut).asDiagonal();
    change = times(change, transform_);
    if (!change.allFinite()) return Status::non_finite;
    if (change.isZero(0)) return Status::gradient_tolerance;
    OneHiddenLayer trial = network_;
    for (std::int64_t halving = 0; halving <= options_.max_halvings; ++halving) {
      trial.input_weights = network_.input_weights + std::ldexp(1.0, -static_cast<int>(halving)) * change;
      trial.fit_outputs(inputs_, targets_, options_.rank_cut);
      const double error = trial.error(inputs_, targets_);
      if (!(error <= error_)) continue;
      const bool settled = options_.tolerance > 0 && error_ - error <= options_.tolerance * error_;
      std::swap(network_, trial);
      error_ = error;
      ++iterations_;
      return settled ? Status::value_tolerance : Status::running;
    }
    return Status::search_failed;
  }

  static void visit(auto& self, auto&& field) {
    field("input_weights", self.network_.input_weights);
    field("bypass_weights", self.network_.bypass_weights);
    field("output_weights", self.network_.output_weights);
    field("error", self.error_);
    field("iterations", self.iterations_, 0, std::int64_t{1} << 53);
  }

 private:
  /// What a step needs to know of where it begins. It is computed anew, so that it is the same after a load.
  struct Point {
    Matrix residual;  // t - y, patterns x outputs
    Matrix slope;     // f', patterns x hidden
    Matrix gradient;  // G
  };

  [[nodiscard]] bool white() const {
    return options_.method == InputGainMethod::hwo || options_.method == InputGainMethod::oig_hwo;
  }
  [[nodiscard]] double patterns() const { return static_cast<double>(inputs_.rows()); }

  [[nodiscard]] Point at() const {
    Point point;
    const Matrix O = network_.hidden(inputs_);
    point.residual = targets_ - network_.predict(inputs_, O);
    point.slope = O.array() * (1 - O.array());
    Matrix delta(O.rows(), O.cols());
    product(point.residual, network_.output_weights, delta);
    delta.array() *= point.slope.array();
    point.gradient.resize(network_.units(), seen_.cols());
    product_of_transposed(delta, seen_, point.gradient, 2 / patterns());
    return point;
  }

  /// z: the step along G at which the outputs, linear in the step, are nearest to the targets.
  [[nodiscard]] double learning_factor(const Point& point) const {
    Matrix nets(seen_.rows(), network_.units());
    product_with_transposed(seen_, point.gradient, nets);
    nets.array() *= point.slope.array();
    Matrix s(seen_.rows(), network_.outputs());
    product_with_transposed(nets, network_.output_weights, s);
    const double squares = s.squaredNorm();
    return squares > 0 ? point.residual.cwiseProduct(s).sum() / squares : 0;
  }

  [[nodiscard]] GainSystem gain_system(const Point& point) const {
    const Index n = seen_.cols();
    Matrix H = Matrix::Zero(n, n);
    Matrix v(seen_.rows(), n), weighted(network_.units(), n);
    for (Index i = 0; i < network_.outputs(); ++i) {
      weighted = network_.output_weights.row(i).asDiagonal() * point.gradient;
      product(point.slope, weighted, v);
      v.array() *= seen_.array();
      product_of_transposed(v, v, H, 2 / patterns(), true);
    }
    return {point.gradient.colwise().squaredNorm(), (H + H.transpose()) / 2};
  }

  static Matrix times(const Matrix& A, const Matrix& B) {
    Matrix out(A.rows(), B.cols());
    product(A, B, out);
    return out;
  }
  [[nodiscard]] Matrix with_ones() const {
    Matrix X(inputs_.rows(), inputs_.cols() + 1);
    X.leftCols(inputs_.cols()) = inputs_;
    X.col(inputs_.cols()).setOnes();
    return X;
  }
  void take_as_they_are() {
    seen_ = with_ones();
    transform_ = Matrix::Identity(seen_.cols(), seen_.cols());
  }
  /// From factors of X itself: those of X'X have lost half of the digits. hwo, for which A'A is all that matters, takes
  /// the triangle, whose decisions on ranks do not depend on units of measurement.
  void whiten() {
    if (options_.method == InputGainMethod::hwo || options_.whitening == Whitening::cholesky)
      whiten_by_triangle();
    else
      whiten_by_eigenvectors();
  }

  /// X = U S V',  A = sqrt(patterns) S^-1 V', or V in front of it,  b = A x.
  void whiten_by_eigenvectors() {
    const ThinSvd<double> svd = thin_svd(with_ones());
    Index rank = 0;
    while (rank < svd.sigma.size() && svd.sigma[rank] > options_.rank_cut * svd.sigma[0]) ++rank;
    const Matrix V = svd.V.leftCols(rank);
    seen_ = std::sqrt(patterns()) * svd.U.leftCols(rank);
    transform_ = std::sqrt(patterns()) * svd.sigma.head(rank).cwiseInverse().asDiagonal() * V.transpose();
    if (options_.whitening == Whitening::klt) return;
    seen_ = times(seen_, V.transpose());
    transform_ = times(V, transform_);
  }

  /// Gram and Schmidt, twice: column j less its part along those before it is kept unless hardly anything is left.
  void whiten_by_triangle() {
    const Matrix X = with_ones();
    seen_.resize(X.rows(), X.cols());
    transform_ = Matrix::Zero(X.cols(), X.cols());
    Index rank = 0;
    for (Index j = 0; j < X.cols() && rank < X.rows(); ++j) {
      const double length = X.col(j).stableNorm();
      if (!(length > 0)) continue;
      Vector rest = X.col(j) / length;
      Vector row = Vector::Unit(X.cols(), j) / length;  // rest = X row
      for (int pass = 0; pass < 2; ++pass) {
        Vector along(rank);
        product_of_transposed(seen_.leftCols(rank), rest, along);
        product(seen_.leftCols(rank), along, rest, -1, true);
        product_of_transposed(transform_.topRows(rank), along, row, -1, true);
      }
      const double left = rest.norm();
      if (!(left > options_.rank_cut)) continue;
      seen_.col(rank) = rest / left;
      transform_.row(rank) = row / left;
      ++rank;
    }
    seen_ = (std::sqrt(patterns()) * seen_.leftCols(rank)).eval();
    transform_ = (std::sqrt(patterns()) * transform_.topRows(rank)).eval();
  }

  InputGainOptions options_;
  OneHiddenLayer network_;
  Matrix inputs_, targets_;
  Matrix seen_;       // b, a pattern in each row
  Matrix transform_;  // A
  double error_ = 0;
  std::int64_t iterations_ = 0;
};

/// The one there is: a template, so that it is compiled only where it is used.
using InputGainTrainer = BasicInputGainTrainer<Eigen::MatrixXd>;

}  // namespace glissade
