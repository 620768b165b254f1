#include "support/laws.hpp"
#include "support/message_of.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
const double not_a_number = std::numeric_limits<double>::quiet_NaN();
const double infinity = std::numeric_limits<double>::infinity();
}  // namespace

TEST_CASE("skip non-finite: a bad step changes nothing, wherever the bad coefficient is") {
  MatrixXd W = laws::matrix(9, 5, 0);
  VectorXd b = laws::parameters<VectorXd>(5000);
  Optimizer optimizer{chain(SkipNonFinite{}, Adam{.learning_rate = 0.1}), W, b};
  const MatrixXd gW = laws::matrix(9, 5, 1);
  const auto gb = laws::gradients<VectorXd>(5000, 1);
  optimizer.step(gW, gb);
  const MatrixXd W1 = W;
  const VectorXd b1 = b;
  const TensorState moments_W = optimizer.state(0);
  const TensorState moments_b = optimizer.state(1);
  int skipped = 0;
  for (const double bad : {not_a_number, infinity, -infinity})
    for (const Index at : {Index{0}, Index{7}, Index{4095}, Index{4096}, Index{4999}}) {
      VectorXd g = gb;
      g[at] = bad;
      optimizer.step(gW, g);
      ++skipped;
      CHECK(laws::same_bits(W, W1));
      CHECK(laws::same_bits(b, b1));
      CHECK(optimizer.state(0).links == moments_W.links);
      CHECK(optimizer.state(1).links == moments_b.links);
      CHECK(optimizer.steps() == 1);
      CHECK(optimizer.state(1).counts.updates == 1);
      CHECK(optimizer.shared("skipped") == skipped);
      CHECK(optimizer.shared("consecutively_skipped") == skipped);
    }
  VectorXd huge = VectorXd::Constant(5000, std::numeric_limits<double>::max());
  optimizer.step(gW, huge);  // large is not infinite
  CHECK(optimizer.steps() == 2);
  CHECK(optimizer.shared("skipped") == skipped);
  CHECK(optimizer.shared("consecutively_skipped") == 0);
}

TEST_CASE("skip non-finite: a run with bad steps equals the run without them") {
  auto x = laws::parameters<VectorXd>(19);
  VectorXd y = x;
  const auto rule =
      chain(SkipNonFinite{}, AdamW{.learning_rate = [](std::int64_t t) { return 0.1 / static_cast<double>(t + 1); }});
  Optimizer disturbed{rule, x};
  Optimizer clean{rule, y};
  for (int t = 1; t <= 10; ++t) {
    if (t % 3 == 0) disturbed.step(VectorXd::Constant(19, not_a_number));
    disturbed.step(laws::gradients<VectorXd>(19, t));
    clean.step(laws::gradients<VectorXd>(19, t));
  }
  CHECK(laws::same_bits(x, y));
}

TEST_CASE("skip non-finite: after so many in a row the next bad one is let through") {
  VectorXd x = VectorXd::Zero(2);
  Optimizer optimizer{chain(SkipNonFinite{.max_consecutive = 2}, ScaleByLearningRate{.learning_rate = 1}), x};
  const VectorXd good{{1.0, 1.0}};
  const VectorXd bad{{1.0, not_a_number}};
  for (int round = 0; round < 3; ++round) {
    optimizer.step(bad);
    optimizer.step(bad);
    CHECK(x[0] == -round);
    optimizer.step(good);  // any good one starts the count again
    CHECK(x[0] == -round - 1);
  }
  CHECK(x.allFinite());
  for (int t = 0; t < 2; ++t) optimizer.step(bad);
  CHECK(x.allFinite());
  CHECK(optimizer.steps() == 3);
  optimizer.step(bad);
  CHECK(x[0] == -4);
  CHECK(std::isnan(x[1]));
  CHECK(optimizer.steps() == 4);
  CHECK(optimizer.shared("skipped") == 9);  // bad steps in all, this one among them
}

TEST_CASE("throw non-finite: the tensor is named, and nothing is touched") {
  MatrixXd W = laws::matrix(9, 5, 0);
  VectorXd b = laws::parameters<VectorXd>(7);
  Optimizer optimizer{chain(ThrowNonFinite{}, Adam{.learning_rate = 0.1}), named("W", W), named("bias", b)};
  const MatrixXd gW = laws::matrix(9, 5, 1);
  const auto gb = laws::gradients<VectorXd>(7, 1);
  for (int t = 0; t < 3; ++t) optimizer.step(gW, gb);
  const MatrixXd W1 = W;
  const VectorXd b1 = b;
  const TensorState before_W = optimizer.state(0);
  const TensorState before_b = optimizer.state(1);

  VectorXd bad = gb;
  bad[3] = not_a_number;
  bad[6] = -infinity;
  CHECK(message_of<std::domain_error>([&] { optimizer.step(gW, bad); }) ==
        "ThrowNonFinite: the gradient of \"bias\" has 2 coefficients that are infinite or NaN");
  CHECK(message_of<std::domain_error>([&] { optimizer.step(infinity * MatrixXd::Ones(9, 5), bad); }) ==
        "ThrowNonFinite: the gradient of \"W\" has 45 coefficients that are infinite or NaN");
  CHECK(laws::same_bits(W, W1));
  CHECK(laws::same_bits(b, b1));
  CHECK(optimizer.state(0) == before_W);
  CHECK(optimizer.state(1) == before_b);
  CHECK(optimizer.steps() == 3);
  CHECK(optimizer.shared("rejected") == 2);

  // And it goes on as if nothing had been.
  optimizer.step(gW, gb);
  MatrixXd V = laws::matrix(9, 5, 0);
  VectorXd c = laws::parameters<VectorXd>(7);
  Optimizer clean{Adam{.learning_rate = 0.1}, V, c};
  for (int t = 0; t < 4; ++t) clean.step(gW, gb);
  CHECK(laws::same_bits(W, V));
  CHECK(laws::same_bits(b, c));
}

TEST_CASE("non-finite gates and an absent gradient") {
  VectorXd x = VectorXd::Zero(2);
  VectorXd y = VectorXd::Zero(2);
  Optimizer optimizer{chain(ThrowNonFinite{}, ScaleByLearningRate{.learning_rate = 1}), x, y};
  optimizer.step(VectorXd::Ones(2), no_gradient);
  CHECK(x[0] == -1);
  CHECK(y[0] == 0);
  optimizer.step(no_gradient, no_gradient);
  CHECK(x[0] == -1);
}
