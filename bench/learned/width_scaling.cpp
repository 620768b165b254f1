// The coordinate check: by how much what the second hidden layer of a ReLU network sees changes in five steps, against
// the width; plain, and with scaled hidden matrices, output weights that start as 0 and an output over the width.
#include <glissade/glissade.hpp>
#include <glissade/learned.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;

MatrixXd normal(std::uint64_t seed, Index rows, Index cols) {
  const RandomKey key{seed};
  return MatrixXd::NullaryExpr(rows, cols,
                               [&](Index i, Index j) { return key.normal(static_cast<std::uint64_t>(i + rows * j)); });
}

template <class R>
double change(const R& rule, Index width, bool scaled) {
  const Index inputs = 16, samples = 8;
  const MatrixXd X = normal(1, inputs, samples), T = normal(2, 1, samples);
  const auto w = static_cast<double>(width);
  MatrixXd W1 = normal(3, width, inputs) / 4, W2 = normal(4, width, width) / std::sqrt(w);
  MatrixXd W3 = scaled ? MatrixXd(MatrixXd::Zero(1, width)) : MatrixXd(normal(5, 1, width) / std::sqrt(w));
  const double out = scaled ? 1 / w : 1;
  const auto hidden = [](const Tensor& t) { return t.name == "hidden"; };
  Optimizer optimizer{chain(rule, ScaleByWidth{.multiplier = scaled ? 1 : w, .hidden = hidden}), named("input", W1),
                      named("hidden", W2), named("output", W3)};
  MatrixXd start, seen, first, second, error, d1, d2;
  for (int t = 0; t <= 5; ++t) {
    first = (W1 * X).cwiseMax(0);
    seen = W2 * first;
    if (t == 0) start = seen;
    second = seen.cwiseMax(0);
    error = (out * W3 * second - T) * (2.0 / samples) * out;
    d2 = (seen.array() > 0).select(W3.transpose() * error, 0.0);
    d1 = (first.array() > 0).select(W2.transpose() * d2, 0.0);
    if (t < 5) optimizer.step(d1 * X.transpose(), d2 * first.transpose(), error * second.transpose());
  }
  return (seen - start).cwiseAbs().mean();
}

template <class R>
void table(const char* name, const R& rule) {
  for (const bool scaled : {false, true}) {
    std::printf("%-14s %-7s", name, scaled ? "scaled" : "plain");
    double first = 0, last = 0;
    for (const Index width : {64, 128, 256, 512, 1024, 2048}) {
      last = change(rule, width, scaled);
      if (width == 64) first = last;
      std::printf(" %8.4f", last);
      std::fflush(stdout);
    }
    std::printf("   width^%.2f\n", std::log(last / first) / std::log(32.0));
  }
}

}  // namespace

int main() {
  std::printf("change at width              64      128      256      512     1024     2048\n");
  table("Adam", Adam{.learning_rate = 0.01});
  table("AdafactorMlp", AdafactorMlp{.step_multiplier = 0.01});
  table("MomentumMlp", MomentumMlp{.step_multiplier = 0.01});
  const Index width = 1024;
  MatrixXd W = normal(1, width, width);
  const MatrixXd g = normal(2, width, width);
  const auto nanoseconds = [&](const auto& rule) {
    Optimizer optimizer{rule, W};
    optimizer.step(g);
    const auto start = std::chrono::steady_clock::now();
    for (int t = 0; t < 3; ++t) optimizer.step(g);
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / 3 /
           static_cast<double>(W.size());
  };
  std::printf("ns per coefficient: Adam %.1f, AdafactorMlp %.0f, MomentumMlp %.0f\n", nanoseconds(Adam{}),
              nanoseconds(AdafactorMlp{}), nanoseconds(MomentumMlp{}));
  return 0;
}
