// Many tensors, different options: groups choose by the tensor's name, where * stands for anything.
#include <glissade/glissade.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

int main() {
  using namespace glissade;

  std::vector<Eigen::MatrixXd> weights(3, Eigen::MatrixXd::Ones(8, 8));
  std::vector<Eigen::VectorXd> biases(3, Eigen::VectorXd::Ones(8));
  Eigen::MatrixXd head = Eigen::MatrixXd::Ones(2, 8);

  // No decay on biases; a small rate and plain momentum for the head; AdamW for the rest.
  auto rule = groups(AdamW{.learning_rate = 0.01, .weight_decay = 0.1},
                     group("bias.*", AdamW{.learning_rate = 0.01, .weight_decay = 0}),
                     group("head", Sgd{.learning_rate = 1e-3, .momentum = 0.9}));
  Optimizer optimizer{rule, named("weight", weights), named("bias", biases), named("head", head)};
  for (std::size_t k = 0; k < optimizer.size(); ++k)
    std::printf("%-9s %s, %zu bytes of state\n", optimizer.tensor(k).name.c_str(), optimizer.tensor(k).shape().c_str(),
                optimizer.state(k).bytes());

  // Without a gradient to follow only decay is left.
  const std::vector<Eigen::MatrixXd> no_weights(3, Eigen::MatrixXd::Zero(8, 8));
  const std::vector<Eigen::VectorXd> no_biases(3, Eigen::VectorXd::Zero(8));
  for (int step = 0; step < 100; ++step) optimizer.step(no_weights, no_biases, Eigen::MatrixXd::Ones(2, 8));
  optimizer.rule().member<1>().learning_rate = 0;  // the second group: the head rests from now on
  const double head_before = head(0, 0);
  optimizer.step(no_weights, no_biases, Eigen::MatrixXd::Ones(2, 8));

  std::printf("weights %.6f, biases %.6f, head %.6f\n", weights[2](0, 0), biases[2](0), head(0, 0));
  const bool decayed = std::abs(weights[2](0, 0) - std::pow(1 - 0.01 * 0.1, 101)) < 1e-12;
  if (decayed && biases[2](0) == 1 && head(0, 0) < 1 && head(0, 0) == head_before) return 0;
  std::fprintf(stderr, "wrong: expected decayed weights, biases of 1 and a head that rests\n");
  return 1;
}
