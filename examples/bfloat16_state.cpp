// Half the memory: AdamW keeps its moments in bfloat16 and still computes in float.
#include <glissade/glissade.hpp>

#include <cstdio>

namespace {

using glissade::AdamW;
using glissade::cosine_decay;
using glissade::Optimizer;
using glissade::with_state;

struct Outcome {
  double bytes;
  double loss;
};

/// Fits 400 weights to 500 noisy values, nearly to the end.
template <class R>
Outcome fit(const R& rule, const Eigen::MatrixXf& x, const Eigen::VectorXf& y) {
  Eigen::VectorXf weights = Eigen::VectorXf::Zero(x.cols());
  Optimizer optimizer{rule, weights};
  const auto rows = static_cast<float>(x.rows());
  for (int step = 0; step < 500; ++step) optimizer.step(x.transpose() * (x * weights - y) / rows);
  return {static_cast<double>(optimizer.state_bytes()), static_cast<double>((x * weights - y).squaredNorm() / rows)};
}

}  // namespace

int main() {
  const Eigen::MatrixXf x = Eigen::MatrixXf::Random(500, 400);
  const Eigen::VectorXf y = x * Eigen::VectorXf::Random(400) + Eigen::VectorXf::Random(500);

  // beta2 = 0.99 rather than 0.999: bfloat16 has 8 bits, so a second moment that should fall by a
  // thousandth in a step would be rounded back to where it was.
  const AdamW rule{.learning_rate = cosine_decay(0.02, 500), .beta2 = 0.99};
  const Outcome full = fit(rule, x, y);
  const Outcome half = fit(with_state<Eigen::bfloat16>(rule), x, y);

  std::printf("state in float:    %5.0f bytes, loss %.6f\n", full.bytes, full.loss);
  std::printf("state in bfloat16: %5.0f bytes, loss %.6f\n", half.bytes, half.loss);
  const double difference = half.loss / full.loss - 1;
  std::printf("difference of the loss: %+.2f %%\n", 100 * difference);
  if (half.bytes == full.bytes / 2 && difference < 0.02) return 0;
  std::fprintf(stderr, "wrong: expected half the bytes and a loss within 2 %%\n");
  return 1;
}
