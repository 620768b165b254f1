// Your own mixture: rules in a chain run one after another on the same update, fused into as few
// passes over memory as possible. This one survives gradients that are NaN or a thousand times too
// large.
#include <glissade/glissade.hpp>

#include <cstdio>
#include <limits>

int main() {
  using namespace glissade;

  auto rule = chain(SkipNonFinite{}, ClipByGlobalNorm{.max_norm = 1.0}, ScaleByLion{.beta1 = 0.9, .beta2 = 0.99},
                    AddDecayedWeights{.weight_decay = 1e-3, .mask = matrices_only},
                    ScaleByLearningRate{.learning_rate = cosine_decay(0.02, 1000)});

  const Eigen::MatrixXf target = Eigen::MatrixXf::Random(20, 10);
  const Eigen::VectorXf target_bias = Eigen::VectorXf::Random(20);
  Eigen::MatrixXf weight = Eigen::MatrixXf::Zero(20, 10);
  Eigen::VectorXf bias = Eigen::VectorXf::Zero(20);

  Optimizer optimizer{rule, weight, bias};
  for (int call = 1; call <= 1000; ++call) {
    float factor = 1;
    if (call % 50 == 0) factor = 1000;
    if (call % 100 == 0) factor = std::numeric_limits<float>::quiet_NaN();
    optimizer.step(factor * (weight - target), factor * (bias - target_bias));
  }

  const float error = (weight - target).lpNorm<Eigen::Infinity>();
  const float bias_error = (bias - target_bias).lpNorm<Eigen::Infinity>();
  std::printf("%d passes over memory a step\n", optimizer.passes);
  std::printf("1000 calls, %d steps: the others had a gradient that is not finite\n",
              static_cast<int>(optimizer.steps()));
  std::printf("largest error: weight %.2g, bias %.2g\n", static_cast<double>(error), static_cast<double>(bias_error));
  if (optimizer.steps() == 990 && error < 0.01F && bias_error < 0.01F) return 0;
  std::fprintf(stderr, "wrong: expected 990 steps and errors below 0.01\n");
  return 1;
}
