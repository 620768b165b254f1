// Gradients of any size: the same subspaces, and nothing that is not a number.
#include "support/catch.hpp"
#include <glissade/layers/adapters.hpp>
#include <glissade/layers/lora_starts.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/muon.hpp>
#include <glissade/subspaces/frugal.hpp>
#include <glissade/subspaces/galore.hpp>
#include <glissade/subspaces/online_subspace_descent.hpp>

#include <vector>

using namespace glissade;

namespace {

template <class T>
DenseMatrix<T> normal(Eigen::Index rows, Eigen::Index cols, int seed) {
  return random_normal<T>(rows, cols, RandomKey{static_cast<std::uint64_t>(seed)});
}

/// Powers of two from the least to the largest at which a normal matrix has normal numbers.
template <class T>
std::vector<T> sizes() {
  constexpr int least = std::numeric_limits<T>::min_exponent + 12, most = std::numeric_limits<T>::max_exponent - 8;
  std::vector<T> all;
  for (const int exponent : {least, least / 2 - 8, least / 4, most / 4, most / 2 + 8, most})
    all.push_back(std::ldexp(T(1), exponent));
  return all;
}

/// The projector after some steps with gradients of this size.
template <class T, class Rule>
DenseMatrix<T> projector_after(const Rule& rule, T size, Eigen::Index rows, Eigen::Index cols) {
  DenseMatrix<T> W = DenseMatrix<T>::Zero(rows, cols);
  Optimizer optimizer{chain(rule, ScaleByLearningRate{0.0}), W};
  for (int t = 1; t < 8; ++t) optimizer.step(size * normal<T>(rows, cols, t));
  CHECK(W.allFinite());
  const auto P = optimizer.field("0", "projector").template as<T>();
  return Eigen::Map<const DenseMatrix<T>>(P, 5, 3);
}

}  // namespace

TEMPLATE_TEST_CASE("online_subspace_descent: the projector does not depend on the gradients' size", "", float, double) {
  using T = TestType;
  for (const ProjectorRule rule : {ProjectorRule::adam, ProjectorRule::sgd})
    for (const Eigen::Index rows : {5, 9}) {
      const auto after = [&](T size) {
        return projector_after<T>(
            online_subspace_descent({.rank = 3, .projector_rate = 0.05, .projector_rule = rule}, Chain<>{}), size, rows,
            14 - rows);
      };
      const DenseMatrix<T> P = after(1);
      for (const T size : sizes<T>()) {
        INFO(size);
        CHECK((after(size) - P).norm() <= 1000 * std::numeric_limits<T>::epsilon());
      }
      // Where they are subnormal they have few digits; where the image overflows the projector rests.
      CHECK(after(std::numeric_limits<T>::denorm_min() * 4).allFinite());
      CHECK(after(std::numeric_limits<T>::max() / 4).allFinite());
    }
}

TEMPLATE_TEST_CASE("galore and frugal: subspaces do not depend on the gradients' size", "", float, double) {
  using T = TestType;
  for (const bool randomized : {false, true}) {
    const auto after = [&](T size) {
      const DenseMatrix<T> P =
          projector_after<T>(galore({.rank = 3, .update_gap = 2, .randomized = randomized}, Chain<>{}), size, 9, 5);
      return DenseMatrix<T>(P * P.transpose());
    };
    const DenseMatrix<T> plain = after(1);
    for (const T size : sizes<T>()) {
      INFO(size);
      CHECK((after(size) - plain).norm() <= 100 * std::numeric_limits<T>::epsilon());
    }
  }
  // What lies beside the subspace.
  const auto step = [](T size) {
    DenseMatrix<T> W = DenseMatrix<T>::Zero(9, 5);
    Optimizer optimizer{
        chain(
            frugal({.density = 0.4, .projector = FrugalProjector::svd, .inactive_rule = InactiveRule::sgd}, Chain<>{}),
            ScaleByLearningRate{1 / static_cast<double>(size)}),
        W};
    const DenseMatrix<T> G = size * normal<T>(9, 5, 1);
    optimizer.step(G);
    return W;
  };
  const DenseMatrix<T> W = step(std::ldexp(T(1), std::numeric_limits<T>::max_exponent - 4));
  const DenseMatrix<T> V = step(std::ldexp(T(1), std::numeric_limits<T>::max_exponent / 2));
  CHECK((W - V).norm() <= 100 * std::numeric_limits<T>::epsilon() * V.norm());
}

TEMPLATE_TEST_CASE("Muon: orthogonalizes matrices of any size", "", float, double) {
  using T = TestType;
  const std::array<double, 3> torchs{3.4445, -4.775, 2.0315};
  std::vector<T> workspace(100);
  const auto orthogonalized = [&](DenseMatrix<T> X, bool torch) {
    orthogonalize_by_newton_schulz<T>({X.data(), X.rows(), X.cols()}, torchs, 5, 0, torch, workspace.data());
    return X;
  };
  const DenseMatrix<T> X = normal<T>(3, 5, 1);
  for (const bool torch : {true, false}) {
    const DenseMatrix<T> plain = orthogonalized(X, torch);
    for (const T size : sizes<T>()) {
      INFO(size);
      CHECK((orthogonalized(size * X, torch) - plain).norm() <= 100 * std::numeric_limits<T>::epsilon());
    }
    CHECK(orthogonalized(DenseMatrix<T>::Constant(3, 5, std::numeric_limits<T>::denorm_min()), torch).allFinite());
    CHECK(orthogonalized(DenseMatrix<T>::Zero(3, 5), torch).isZero(0));
  }
}

TEMPLATE_TEST_CASE("recompressed and olora_layer: factors of any size", "", float, double) {
  using T = TestType;
  const Adapter<T> adapter{normal<T>(7, 4, 1), normal<T>(4, 9, 2), -0.5};
  const Recompressed<T> plain = recompressed(adapter, 2);
  const auto W = [](const Adapter<T>& a) { return DenseMatrix<T>(static_cast<T>(a.scale) * a.B * a.A); };
  const DenseMatrix<T> product = W(plain.adapter);
  CHECK((W(adapter) - product).norm() == Approx(plain.error).epsilon(1e-5));
  for (const T size : sizes<T>()) {
    INFO(size);
    for (const T of_B : {size, T(1) / size}) {
      const Recompressed<T> other = recompressed(Adapter<T>{of_B * adapter.B, adapter.A / of_B, -0.5}, 2);
      CHECK((W(other.adapter) - product).norm() <= 100 * std::numeric_limits<T>::epsilon() * product.norm());
      CHECK(other.error == Approx(plain.error).epsilon(1e-5));
    }
    const Recompressed<T> scaled = recompressed(Adapter<T>{size * adapter.B, adapter.A, -0.5}, 2);
    CHECK((W(scaled.adapter) / size - product).norm() <= 100 * std::numeric_limits<T>::epsilon() * product.norm());
    CHECK(scaled.error / static_cast<double>(size) == Approx(plain.error).epsilon(1e-5));
    const DenseMatrix<T> V = normal<T>(6, 8, 3);
    const LoraLayer<T> layer = olora_layer<T>(V, {.rank = 3}), large = olora_layer<T>(size * V, {.rank = 3});
    CHECK((large.B - layer.B).norm() <= 100 * std::numeric_limits<T>::epsilon());
    CHECK((large.A / size - layer.A).norm() <= 100 * std::numeric_limits<T>::epsilon() * layer.A.norm());
  }
}
