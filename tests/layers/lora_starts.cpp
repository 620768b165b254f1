#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/layers/lora_starts.hpp>

using namespace glissade;
using namespace low_rank_problems;

TEST_CASE("pissa_layer, olora_layer: the layer is as it was") {
  for (const auto& [rows, cols] : {std::pair{6, 9}, std::pair{9, 6}, std::pair{1, 5}, std::pair{5, 1}}) {
    const Matrix W = normal(rows, cols, 5);
    const LoraOptions options{.rank = std::min({rows, cols, 3}), .alpha = 2};
    for (const auto& layer : {pissa_layer<double>(W, options), olora_layer<double>(W, options)}) {
      CHECK((layer.weight() + layer.scale() * layer.B * layer.A).isApprox(W, 1e-12));
      CHECK(layer.A.rows() == options.rank);
      CHECK_FALSE(layer.merged());
    }
  }
}

TEST_CASE("pissa_layer: the correction is the weight's best approximation, shared between A and B") {
  const Matrix W = normal(6, 9, 5);
  const auto layer = pissa_layer<double>(W, {.rank = 2, .alpha = 3});
  CHECK((layer.A * layer.A.transpose()).isApprox(layer.B.transpose() * layer.B, 1e-12));
  const Eigen::VectorXd sigma = Eigen::JacobiSVD<Matrix>(W).singularValues();
  CHECK(layer.weight().norm() == Approx(sigma.tail(4).norm()).epsilon(1e-12));
  const auto narrow = pissa_layer<float>(W.cast<float>(), {.rank = 2, .alpha = 3});
  CHECK(narrow.weight().isApprox(layer.weight().cast<float>(), 1e-5f));
}

TEST_CASE("olora_layer: the first columns and rows of the QR decomposition") {
  const Matrix W = normal(9, 6, 5);
  const auto layer = olora_layer<double>(W, {.rank = 4, .alpha = 4});  // scale 1
  CHECK((layer.B.transpose() * layer.B).isIdentity(1e-13));
  CHECK((layer.B.transpose() * W).isApprox(layer.A, 1e-13));
  CHECK(layer.A.leftCols(4).isUpperTriangular(1e-13));
  CHECK((layer.B.transpose() * layer.weight()).norm() < 1e-13);
}

TEST_CASE("pissa_layer, olora_layer: what is refused") {
  const Matrix W = normal(6, 9, 5);
  CHECK(message_of([&] { (void)pissa_layer<double>(W, {.rank = 7}); }) ==
        "LoraLayer: rank = 7 for a weight of 6 x 9, must be in [1, 6]");
  CHECK(message_of([&] { (void)olora_layer<double>(W, {.rank = 2, .start = LoraStart::gaussian}); }) ==
        "olora_layer: start is set, must be left alone: the start is the weight's");
  Matrix bad = W;
  bad(0, 0) = std::numeric_limits<double>::infinity();
  CHECK(message_of([&] { (void)pissa_layer<double>(bad, {.rank = 2}); }) == "thin_svd: the matrix is not finite");
}
