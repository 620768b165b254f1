#include "support/attention.hpp"
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/layers/attention/hopfield.hpp>
#include <glissade/layers/attention/softmax_attention.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// Patterns on the sphere of radius sqrt(d).
MatrixXd on_sphere(Index d, Index count, std::uint64_t stream) {
  return std::sqrt(static_cast<double>(d)) * normals(d, count, stream).colwise().normalized();
}
VectorXd updated(Hopfield<double>& memory, const VectorXd& state) {
  VectorXd next(state.size());
  memory.forward(state, next);
  return next;
}
double largest_norm(const MatrixXd& X) { return X.colwise().norm().maxCoeff(); }
/// x_i' x_i - max_(j != i) x_i' x_j
VectorXd separations(const MatrixXd& X) {
  MatrixXd G = X.transpose() * X;
  const VectorXd own = G.diagonal();
  G.diagonal().setConstant(-std::numeric_limits<double>::infinity());
  return own - G.colwise().maxCoeff().transpose();
}

}  // namespace

TEST_CASE("Hopfield: an update never raises the energy, which is in [0, 2 M^2] in the hull of the patterns") {
  for (const double beta : {0.3, 2.0}) {
    const MatrixXd X = normals(8, 20, 1);
    Hopfield<double> memory(X, {.beta = beta});
    const double M = largest_norm(X);
    for (std::uint64_t start = 0; start < 200; ++start) {
      VectorXd state = 3 * normals(8, 1, 10 + start);
      double before = memory.energy(state);
      for (int step = 0; step < 20; ++step) {
        state = updated(memory, state);
        const double energy = memory.energy(state);
        CHECK(energy <= before + 1e-13 * M * M);
        CHECK(energy >= -1e-13 * M * M);
        CHECK(energy <= 2 * M * M);
        before = energy;
      }
    }
  }
}

TEST_CASE("Hopfield: gradient and Jacobian are those of differences, and an update is x - grad E") {
  const MatrixXd X = normals(6, 9, 2);
  Hopfield<double> memory(X, {.beta = 0.7});
  VectorXd state = normals(6, 1, 3), gradient(6), image(6);
  memory.energy_gradient(state, gradient);
  CHECK((updated(memory, state) - (state - gradient)).norm() <= 1e-14);
  for (Index i = 0; i < 6; ++i) {
    memory.jacobian_product(state, VectorXd::Unit(6, i), image);
    const double kept = state(i);
    const auto energy_at = [&](double shift) {
      state(i) = kept + shift;
      return memory.energy(state);
    };
    const auto update_at = [&](double shift) {
      state(i) = kept + shift;
      return updated(memory, state);
    };
    constexpr double h = 1e-3;
    const double slope = (energy_at(-2 * h) - energy_at(2 * h) + 8 * (energy_at(h) - energy_at(-h))) / (12 * h);
    const VectorXd column = (update_at(-2 * h) - update_at(2 * h) + 8 * (update_at(h) - update_at(-h))) / (12 * h);
    state(i) = kept;
    CHECK(gradient(i) == Approx(slope).margin(1e-9));
    CHECK((image - column).norm() <= 1e-9);
  }
}

TEST_CASE("Hopfield: one update comes as near to a pattern as the theorem says") {
  const MatrixXd X = on_sphere(40, 500, 4);
  const VectorXd separation = separations(X);
  const double M = largest_norm(X);
  for (const double beta : {0.25, 1.0}) {
    Hopfield<double> memory(X, {.beta = beta});
    for (const double noise : {0.0, 0.05, 0.1}) {
      const MatrixXd starts = X + noise * normals(40, 500, 5);
      MatrixXd ends(40, 500);
      memory.forward(starts, ends);
      std::vector<double> ratios;
      for (Index i = 0; i < 500; ++i) {
        const double margin = separation(i) - 2 * (starts.col(i) - X.col(i)).norm() * M;
        const double bound = 2 * 499 * std::exp(-beta * margin) * M;
        const double error = (ends.col(i) - X.col(i)).norm();
        CHECK(error <= bound + 1e-13);
        ratios.push_back(error / bound);
      }
      std::nth_element(ratios.begin(), ratios.begin() + 250, ratios.end());
      if (noise == 0 && beta == 0.25) CHECK(ratios[250] < 0.1);
    }
  }
}

TEST_CASE("Hopfield: what 2000 patterns leave of an error falls exponentially with the dimension") {
  struct Row {
    Index d;
    double error;
  };
  for (const Row row : {Row{10, 0.33}, Row{20, 5.6e-3}, Row{30, 1.9e-5}, Row{40, 4.5e-8}, Row{60, 7e-14}}) {
    const MatrixXd X = on_sphere(row.d, 2000, 6);
    const Index queries = 300;
    const MatrixXd starts = X.leftCols(queries) + 0.2 * normals(row.d, queries, 7);
    MatrixXd ends(row.d, queries);
    Hopfield<double> memory(X, {.beta = 1});
    memory.forward(starts, ends);
    const VectorXd errors = (ends - X.leftCols(queries)).colwise().norm() / std::sqrt(static_cast<double>(row.d));
    INFO("d = " << row.d << ": " << errors.mean() << ", at most " << errors.maxCoeff());
    CHECK(errors.mean() <= 2 * row.error);
    CHECK(errors.mean() >= row.error / 5);
    CHECK((errors.maxCoeff() < 0.1) == (row.d >= 20));
  }
}

TEST_CASE("Hopfield: three kinds of fixed points") {
  const MatrixXd X = normals(20, 50, 8);
  const VectorXd mean = X.rowwise().mean();
  const auto end_of = [&](double beta) {
    Hopfield<double> memory(X, {.beta = beta, .max_steps = 10000, .tolerance = 1e-12});
    VectorXd state = X.col(0);
    CHECK(memory.retrieve(state).converged);
    return state;
  };
  CHECK((end_of(1e-3) - mean).norm() <= 7e-4);
  CHECK((end_of(0.1) - mean).norm() <= 0.08);
  CHECK((end_of(1) - X.col(0)).norm() <= 9e-5);
  CHECK((end_of(8) - X.col(0)).norm() <= 1e-12);
}

TEST_CASE("Hopfield: the nearest pattern, the mean, rotations, orders and duplicates") {
  const MatrixXd X = normals(6, 9, 9);
  const VectorXd state = normals(6, 1, 10);
  Index best = 0;
  (X.transpose() * state).maxCoeff(&best);
  Hopfield<double> sharp(X, {.beta = 1e4});
  CHECK(updated(sharp, state) == X.col(best));
  Hopfield<double> flat(X, {.beta = 1e-12});
  CHECK((updated(flat, state) - X.rowwise().mean()).norm() <= 1e-10);

  Hopfield<double> memory(X);
  CHECK(memory.beta() == 1 / std::sqrt(6.0));
  const VectorXd next = updated(memory, state);
  CHECK(memory.weights().sum() == Approx(1).epsilon(1e-14));
  CHECK((memory.weights().array() > 0).all());
  const MatrixXd R = random_orthonormal<double>(6, 6, RandomKey{11});
  Hopfield<double> rotated(R * X);
  CHECK((updated(rotated, R * state) - R * next).norm() <= 1e-14);
  Hopfield<double> reversed(X.rowwise().reverse());
  CHECK((updated(reversed, state) - next).norm() <= 1e-14);

  MatrixXd thrice(6, 11);
  thrice << X, X.col(4), X.col(4);
  Hopfield<double> repeated(thrice);
  VectorXd logits = X.transpose() * state / std::sqrt(6.0);
  logits(4) += std::log(3.0);
  const VectorXd weights = logits.array().exp() / logits.array().exp().sum();
  CHECK((updated(repeated, state) - X * weights).norm() <= 1e-14);
}

TEST_CASE("Hopfield: an update of all states is attention whose keys and values are the patterns") {
  const MatrixXd X = normals(6, 9, 12), states = normals(6, 9, 13);
  MatrixXd Y(6, 9), O(9, 6);
  Hopfield<double> memory(X, {.beta = 0.8});
  memory.forward(states, Y);
  SoftmaxAttention<double> attention({.beta = 0.8});
  attention.forward(states.transpose(), X.transpose(), X.transpose(), O);
  CHECK((Y.transpose() - O).cwiseAbs().maxCoeff() <= 1e-14);
}

TEST_CASE("Hopfield: retrieve ends where nothing moves, after max_steps, and at NaN") {
  const MatrixXd X = on_sphere(20, 10, 14);
  Hopfield<double> memory(X, {.beta = 1, .max_steps = 50, .tolerance = 1e-10});
  MatrixXd states = X + 0.3 * normals(20, 10, 15);
  const auto report = memory.retrieve(states);
  CHECK(report.converged);
  CHECK(report.change <= 1e-10);
  CHECK(report.steps > 1);
  CHECK(report.steps < 10);
  CHECK((states - X).cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 2e-5);

  Hopfield<double> one_step(X, {.beta = 1, .max_steps = 1, .tolerance = 0});
  states = X + 0.3 * normals(20, 10, 15);
  const MatrixXd starts = states;
  MatrixXd once(20, 10);
  one_step.forward(starts, once);
  const auto cut = one_step.retrieve(states);
  CHECK(states == once);
  CHECK(cut.steps == 1);
  CHECK_FALSE(cut.converged);
  CHECK(cut.change == Approx((once - starts).colwise().norm().maxCoeff()).epsilon(1e-14));

  states(3, 4) = std::numeric_limits<double>::quiet_NaN();
  const auto lost = memory.retrieve(states);
  CHECK(std::isnan(lost.change));
  CHECK(lost.steps == 1);
  CHECK_FALSE(lost.converged);
  MatrixXd none(20, 0);
  CHECK(memory.retrieve(none).converged);
}

TEST_CASE("Hopfield: large logits do not overflow; what cannot be is refused with a sentence") {
  Hopfield<double> large(1e160 * normals(3, 4, 16).cwiseAbs(), {.beta = 1});
  CHECK(updated(large, VectorXd::Constant(3, 1e100)).allFinite());
  CHECK(message_of([] { Hopfield<double>(MatrixXd(3, 0)); }) ==
        "Hopfield: the patterns are 3 x 0, must be at least 1 x 1");
  CHECK(message_of([] { Hopfield<double>(MatrixXd::Ones(3, 2), {.beta = 0}); }) ==
        "Hopfield: beta = 0, must be > 0 and finite");
  CHECK(message_of([] { Hopfield<double>(MatrixXd::Ones(3, 2), {.max_steps = 0}); }) ==
        "Hopfield: max_steps = 0, must be >= 1 and finite");
  Hopfield<double> memory(MatrixXd::Ones(3, 2));
  MatrixXd narrow(2, 4);
  CHECK(message_of([&] { memory.retrieve(narrow); }) ==
        "Hopfield::retrieve: a matrix of states is 2 x 4, must be 3 x 4");
}
