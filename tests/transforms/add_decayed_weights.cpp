#include "support/laws.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

TEST_CASE("decay: masks by shape and by name") {
  MatrixXd W = MatrixXd::Ones(3, 2);
  MatrixXd E = MatrixXd::Ones(3, 1);
  VectorXd b = VectorXd::Ones(3);
  double s = 1;
  const auto run = [&](const TensorMask& mask) {
    W.setOnes();
    E.setOnes();
    b.setOnes();
    s = 1;
    Optimizer optimizer{AdamW{.learning_rate = 0.5, .weight_decay = 0.5, .mask = mask}, named("W", W),
                        named("embedding", E), named("bias", b), named("gain", s)};
    optimizer.step(MatrixXd::Zero(3, 2), MatrixXd::Zero(3, 1), VectorXd::Zero(3), 0.0);
    return std::array<double, 4>{W(2, 1), E(1, 0), b[0], s};
  };
  using Result = std::array<double, 4>;
  CHECK(run({}) == Result{0.75, 0.75, 0.75, 0.75});
  CHECK(run(matrices_only) == Result{0.75, 0.75, 1, 1});
  CHECK(run([](const Tensor& t) { return t.name != "embedding" && t.rank > 0; }) == Result{0.75, 1, 0.75, 1});
  CHECK(run([](const Tensor& t) { return t.size() == 6; }) == Result{0.75, 1, 1, 1});
}

TEST_CASE("decay: in front of a rule it passes through the moments, behind it not") {
  const VectorXd g = laws::gradients<VectorXd>(9, 1);
  VectorXd x = laws::parameters<VectorXd>(9);
  VectorXd y = x;
  const VectorXd start = x;
  Optimizer l2{
      chain(AddDecayedWeights{.weight_decay = 0.5}, Trace{.momentum = 0.5}, ScaleByLearningRate{.learning_rate = 0.1}),
      x};
  Optimizer decoupled{
      chain(Trace{.momentum = 0.5}, AddDecayedWeights{.weight_decay = 0.5}, ScaleByLearningRate{.learning_rate = 0.1}),
      y};
  for (int t = 0; t < 2; ++t) {
    l2.step(g);
    decoupled.step(g);
  }
  const VectorXd x1 = start - 0.1 * (g + 0.5 * start);
  const VectorXd x2 = x1 - 0.1 * (0.5 * (g + 0.5 * start) + g + 0.5 * x1);
  const VectorXd y1 = (1 - 0.1 * 0.5) * start - 0.1 * g;
  const VectorXd y2 = (1 - 0.1 * 0.5) * y1 - 0.1 * 1.5 * g;
  CHECK((x - x2).cwiseAbs().maxCoeff() <= 1e-15);
  CHECK((y - y2).cwiseAbs().maxCoeff() <= 1e-15);
  CHECK((x2 - y2).cwiseAbs().maxCoeff() > 1e-2);
}

TEST_CASE("decay: may have a schedule") {
  VectorXd x = VectorXd::Ones(2);
  Optimizer optimizer{chain(AddDecayedWeights{.weight_decay = [](std::int64_t t) { return t == 1 ? 0.5 : 0.0; }},
                            ScaleByLearningRate{.learning_rate = 1}),
                      x};
  const VectorXd zero = VectorXd::Zero(2);
  optimizer.step(zero);
  CHECK(x[0] == 1);
  optimizer.step(zero);
  CHECK(x[0] == 0.5);
  optimizer.step(zero);
  CHECK(x[0] == 0.5);
}
