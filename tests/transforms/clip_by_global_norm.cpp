#include "support/laws.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// The clipped update itself: parameters start at zero and nothing else is done to it.
template <class X>
X clipped(const X& g, double max_norm) {
  X x = X::Zero(g.rows(), g.cols());
  Optimizer optimizer{chain(ClipByGlobalNorm{.max_norm = max_norm}, Scale{}), x};
  optimizer.step(g);
  return x;
}

}  // namespace

TEST_CASE("clip by global norm: the result has the smaller of the norms, and the direction stays") {
  for (const double scale : {1e-300, 1e-3, 1.0, 37.0, 1e100}) {
    const VectorXd g = scale * laws::gradients<VectorXd>(4999, 1);
    for (const double max_norm : {1e-5, 1.0, 50.0, 1e6}) {
      const VectorXd u = clipped(g, max_norm);
      INFO("scale " << scale << ", max_norm " << max_norm);
      CHECK(std::abs(u.stableNorm() / std::min(g.stableNorm(), max_norm) - 1) <= 1e-14);
      CHECK((u / u.stableNorm() - g / g.stableNorm()).cwiseAbs().maxCoeff() <= 1e-15);
      CHECK((clipped(u, max_norm) - u).cwiseAbs().maxCoeff() <= 1e-15 * u.cwiseAbs().maxCoeff());
    }
  }
}

TEST_CASE("clip by global norm: an update within the bound is not touched, not even its last bit") {
  const VectorXd g{{3.0, 4.0}};
  CHECK(clipped(g, 5.0) == g);
  CHECK(clipped(g, 5.0000001) == g);
  // Optax's form: the bound is met exactly, where torch stays 1e-6 / N below it.
  CHECK(std::abs(clipped(g, 2.5).norm() - 2.5) <= 5e-16);
  CHECK((clipped(g, 1e-4) - g * (1e-4 / 5)).cwiseAbs().maxCoeff() <= 1e-19);
}

TEST_CASE("clip by global norm: clipping commutes with scaling") {
  const VectorXd g = laws::gradients<VectorXd>(33, 1);
  CHECK((clipped(VectorXd(8 * g), 8.0) - 8 * clipped(g, 1.0)).cwiseAbs().maxCoeff() == 0);
}

TEST_CASE("clip by global norm: of a matrix it is the Frobenius norm") {
  const MatrixXd u = clipped(MatrixXd(MatrixXd::Identity(4, 4)), 1.0);
  CHECK(std::abs(u.norm() - 1) <= 1e-15);
  CHECK((u - 0.5 * MatrixXd::Identity(4, 4)).cwiseAbs().maxCoeff() <= 1e-16);
}

TEST_CASE("clip by global norm: one norm of all tensors, those without gradient left out") {
  MatrixXd W = MatrixXd::Zero(2, 2);
  VectorXd b = VectorXd::Zero(3);
  double s = 0;
  Optimizer optimizer{chain(ClipByGlobalNorm{.max_norm = 1}, Scale{}), W, b, s};
  const MatrixXd gW = MatrixXd::Constant(2, 2, 2);  // 16
  const VectorXd gb = VectorXd{{4.0, 4.0, -1.0}};   // 33
  optimizer.step(gW, gb, std::sqrt(32.0));          // 81 in all
  CHECK((W - gW / 9).cwiseAbs().maxCoeff() <= 1e-15);
  CHECK((b - gb / 9).cwiseAbs().maxCoeff() <= 1e-15);
  CHECK(std::abs(s - std::sqrt(32.0) / 9) <= 1e-15);
  W.setZero();
  b.setZero();
  optimizer.step(gW, no_gradient, 3.0);  // 25
  CHECK((W - gW / 5).cwiseAbs().maxCoeff() <= 1e-15);
  CHECK((b.array() == 0).all());
}

TEST_CASE("clip by global norm: floats whose squares overflow or vanish") {
  const Eigen::VectorXf large = Eigen::VectorXf::Constant(100, 3e20F);
  CHECK((clipped(large, 1.0).array() - 0.1F).abs().maxCoeff() <= 1e-8F);
  const Eigen::VectorXf tiny = Eigen::VectorXf::Constant(100, 1e-30F);
  CHECK(clipped(tiny, 1.0) == tiny);
  CHECK((clipped(tiny, 1e-30).array() / 1e-31F - 1).abs().maxCoeff() <= 2e-7F);
}

TEST_CASE("clip by global norm: zero stays zero, and a norm that is not finite shows everywhere") {
  CHECK((clipped(VectorXd(VectorXd::Zero(5)), 1.0).array() == 0).all());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(clipped(VectorXd{{1.0, nan}}, 1.0).array().isNaN().all());
  CHECK(clipped(VectorXd{{1.0, infinity}}, 1.0).array().isNaN().all());
  CHECK(clipped(VectorXd{{1.0, -infinity}}, 1.0).array().isNaN().all());
}

TEST_CASE("clip by global norm: torch's convention, and the norm to be read") {
  for (const double scale : {0.1, 10.0}) {
    const Eigen::VectorXd g = scale * Eigen::VectorXd{{3, 4}};
    Eigen::VectorXd x = Eigen::VectorXd::Zero(2), y = x;
    Optimizer torch{chain(ClipByGlobalNorm{.max_norm = 2, .convention = Convention::torch}, Scale{}), x};
    Optimizer optax{chain(ClipByGlobalNorm{.max_norm = 2}, Scale{}), y};
    torch.step(g);
    optax.step(g);
    const double norm = 5 * scale;
    CHECK(torch.shared("norm") == Approx(norm).epsilon(1e-15));
    CHECK(optax.shared("norm") == torch.shared("norm"));
    CHECK((x - g * std::min(1.0, 2 / (norm + 1e-6))).norm() <= 1e-15);
    CHECK((y - g * std::min(1.0, 2 / norm)).norm() <= 1e-15);
    if (norm > 2) CHECK((x - y).norm() > 1e-9);
  }
}

TEST_CASE("norms: over the whole range of double") {
  const auto direction = [](const auto& rule, double scale) {
    Eigen::VectorXd x = Eigen::VectorXd::Constant(4, 2);
    Eigen::VectorXd g(4);
    g << 3 * scale, -4 * scale, 0, 0;
    Optimizer optimizer{chain(rule, ScaleByLearningRate{1.0}), x};
    optimizer.step(g);
    return Eigen::VectorXd(2 - x.array());
  };
  for (const double scale : {1.0, 1e160, 1e200, 1e307}) {
    CAPTURE(scale);
    CHECK((direction(ClipByGlobalNorm{.max_norm = 0.5}, scale) - Eigen::Vector4d(0.3, -0.4, 0, 0)).norm() < 1e-15);
    CHECK((direction(ClipByNorm{.max_norm = 0.5}, scale) - Eigen::Vector4d(0.3, -0.4, 0, 0)).norm() < 1e-15);
    CHECK((direction(ClipByRms{.max_rms = 0.25}, scale) - Eigen::Vector4d(0.3, -0.4, 0, 0)).norm() < 1e-15);
    CHECK((direction(AdaptiveClip{.clipping = 0.1}, scale) - Eigen::Vector4d(0.24, -0.32, 0, 0)).norm() < 1e-15);
  }
  for (const double scale : {1e-300, 1e-200, 1e-160, 1.0, 1e160, 1e200, 1e307}) {
    CAPTURE(scale);
    CHECK((direction(ScaleByTrustRatio{}, scale) - Eigen::Vector4d(2.4, -3.2, 0, 0)).norm() < 1e-13);
    CHECK((direction(ScaleByLars{.trust_coefficient = 1}, scale) - Eigen::Vector4d(2.4, -3.2, 0, 0)).norm() < 1e-13);
  }
  Eigen::MatrixXd W = Eigen::MatrixXd::Constant(2, 2, 2), G(2, 2);
  G << 3e200, -4e200, 3, -4;
  Optimizer units{chain(AdaptiveClip{.clipping = 0.1}, ScaleByLearningRate{1.0}), W};
  units.step(G);
  const double bound = 0.1 * std::sqrt(8.0);
  CHECK(W(0, 0) == Approx(2 - 0.6 * bound));
  CHECK(W(1, 1) == Approx(2 + 0.8 * bound));
}
