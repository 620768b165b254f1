// Frozen, freeze and Masked.
#include "support/laws.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

TEST_CASE("freeze: named tensors keep every bit and have no state, others are as without it") {
  MatrixXd W = laws::matrix(9, 5, 0);
  MatrixXd E = laws::matrix(7, 5, 0);
  E(0, 0) = -0.0;
  E(1, 1) = std::numeric_limits<double>::denorm_min();
  const MatrixXd before = E;
  MatrixXd reference = W;
  Optimizer frozen{freeze("encoder.*", AdamW{.learning_rate = 0.1}), named("head", W), named("encoder.0", E)};
  Optimizer alone{AdamW{.learning_rate = 0.1}, reference};
  for (int t = 1; t <= 5; ++t) {
    frozen.step(laws::matrix(9, 5, t), laws::matrix(7, 5, t));
    alone.step(laws::matrix(9, 5, t));
  }
  CHECK(laws::same_bits(E, before));
  CHECK(laws::same_bits(W, reference));
  CHECK(frozen.state(1).bytes() == 0);
  CHECK(frozen.state(0).bytes() == 2 * 45 * sizeof(double));
}

TEST_CASE("masked: the rule where the mask holds, elsewhere the update passes") {
  MatrixXd W = laws::matrix(9, 5, 0);
  VectorXd b = laws::parameters<VectorXd>(9);
  MatrixXd W2 = W;
  VectorXd b2 = b;
  Optimizer masked{chain(Masked{ScaleByAdam{}, matrices_only}, ScaleByLearningRate{.learning_rate = 0.1}), W, b};
  Optimizer adam{Adam{.learning_rate = 0.1}, W2};
  Optimizer sgd{Sgd{.learning_rate = 0.1}, b2};
  for (int t = 1; t <= 5; ++t) {
    masked.step(laws::matrix(9, 5, t), laws::gradients<VectorXd>(9, t));
    adam.step(laws::matrix(9, 5, t));
    sgd.step(laws::gradients<VectorXd>(9, t));
  }
  CHECK(laws::same_bits(W, W2));
  CHECK(laws::same_bits(b, b2));
  CHECK(masked.state(1).bytes() == 0);
}
