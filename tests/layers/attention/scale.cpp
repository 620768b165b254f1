#include "support/catch.hpp"
#include <glissade/layers/attention/lora_attention.hpp>

using namespace glissade;

TEST_CASE("LoraAttention: the scale is alpha / r, or alpha / sqrt(r), and alpha is 1 where none is given") {
  const Eigen::MatrixXd W = Eigen::MatrixXd::Ones(9, 8);
  const auto scale = [&](const LoraAttentionOptions& options) {
    return LoraAttention<double>(W, W, W, options).scale();
  };
  CHECK(scale({.rank = 4}) == 0.25);
  CHECK(scale({.rank = 1}) == 1);
  CHECK(scale({.rank = 4, .alpha = 3}) == 0.75);
  CHECK(scale({.rank = 4, .alpha = 3, .rank_stabilized = true}) == 1.5);
  CHECK(scale({.rank = 4, .rank_stabilized = true}) == 0.5);
}
