#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/layers/linear.hpp>
#include <glissade/layers/lora.hpp>

using namespace glissade;
using namespace low_rank_problems;

TEST_CASE("LinearLayer: a new one is uniform in +-1/sqrt(n), and differs from seed to seed") {
  const LinearLayer<double> layer(50, 100), other(50, 100, {.seed = 1});
  CHECK(layer.W.cwiseAbs().maxCoeff() <= 0.1);
  CHECK(layer.W.cwiseAbs().maxCoeff() > 0.099);
  CHECK(layer.W.squaredNorm() / 5000 == Approx(0.01 / 3).epsilon(0.05));
  CHECK(layer.bias.size() == 50);
  CHECK(layer.bias.cwiseAbs().maxCoeff() <= 0.1);
  CHECK(layer.bias.cwiseAbs().maxCoeff() > 0.08);
  CHECK(layer.W != other.W);
  CHECK(parameter_count(layer) == 5050);
  CHECK(parameter_count(LinearLayer<double>(50, 100, {.bias = false})) == 5000);
}

TEST_CASE("LinearLayer: what cannot be is refused with a sentence") {
  CHECK(message_of([] { LinearLayer<double>(0, 3); }) == "LinearLayer: a layer of 0 x 3, must be at least 1 x 1");
  CHECK(message_of([] { LinearLayer<double>(Matrix(0, 3)); }) == "LinearLayer: the weight is empty");
  CHECK(message_of([] { LinearLayer<double>(normal(4, 3, 1), Eigen::VectorXd(3)); }) ==
        "LinearLayer: the bias is 3 x 1, must be 4 x 1");
}

TEST_CASE("LoraLayer: a bias stays where the correction is merged, and is no part of it") {
  const Matrix W = normal(6, 9, 1), X = normal(9, 4, 2);
  const Eigen::VectorXd bias = normal(6, 1, 3);
  LoraLayer<double> layer(W, bias, {.rank = 3});
  layer.B = normal(6, 3, 4);
  Matrix apart(6, 4), together(6, 4);
  layer.forward(X, apart);
  CHECK(apart.isApprox(((W + layer.scale() * layer.B * layer.A) * X).colwise() + bias, 1e-13));
  layer.merge();
  layer.forward(X, together);
  CHECK(together.isApprox(apart, 1e-13));
  CHECK(layer.bias == bias);
  CHECK(parameter_count(layer) == 3 * 15);
  CHECK(parameter_count(LoraLayer<double>(W, bias, {.rank = 3, .train_bias = true})) == 3 * 15 + 6);
  CHECK(message_of([&] { LoraLayer<double>(W, Eigen::VectorXd(5), {.rank = 3}); }) ==
        "LoraLayer: the bias is 5 x 1, must be 6 x 1");
}
