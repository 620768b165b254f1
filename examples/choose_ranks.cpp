// Choosing ranks: a network that knows the handwritten digits 0 to 4 learns all ten through a low-rank correction of
// each of its two weight matrices. How high the ranks should be, and how strong the corrections, is found by training
// with a few of the 320 choices; what a choice is worth is the loss on pictures that were held back, and a price for
// each trainable number.
//
//     choose_ranks [digits.csv]
//
// To copy it, take digits.hpp along; the file digits.csv is in data/.
#include <glissade/glissade.hpp>
#include <glissade/models/alternating_enumeration.hpp>

#include <cstdio>
#include <exception>
#include <vector>

#include "digits.hpp"

namespace {

using namespace glissade;
using digits::MatrixXf;
using Numbers = std::vector<std::int64_t>;

// Without optimization Eigen is a hundred times slower: then this is only a short trial.
#ifdef __OPTIMIZE__
constexpr int steps = 200;
#else
constexpr int steps = 10;
#endif
constexpr digits::Index batch_size = 32;
constexpr double price = 1e-4;  // of a trainable number, in units of the loss

/// A weight with a correction of low rank, as a layer for its own gradient.
struct Corrected {
  LoraLayer<float> layer;
  MatrixXf dA, dB;

  Corrected(const MatrixXf& weight, std::int64_t rank, double alpha)
      : layer(weight, {.rank = static_cast<int>(rank), .alpha = alpha, .seed = 1}) {}
  [[nodiscard]] float scale() const { return static_cast<float>(layer.scale()); }
  [[nodiscard]] MatrixXf weight() const { return layer.weight() + scale() * layer.B * layer.A; }
  void take(const MatrixXf& gradient) {
    dA = scale() * layer.B.transpose() * gradient;
    dB = scale() * gradient * layer.A.transpose();
  }
};

/// The network after training with these ranks, and how many numbers were trained.
digits::Network trained(const digits::Network& start, const digits::Data& pictures, const Numbers& choice,
                        digits::Index& trainable) {
  const double strength = static_cast<double>(1 << choice[2]);
  Corrected first(start.w1, choice[0], strength * static_cast<double>(choice[0]));
  Corrected second(start.w2, choice[1], strength * static_cast<double>(choice[1]));
  digits::Network network = start, gradient;
  Optimizer optimizer{Adam{.learning_rate = cosine_decay(0.01, steps)},
                      first.layer.A,
                      first.layer.B,
                      second.layer.A,
                      second.layer.B,
                      network.b1,
                      network.b2};
  digits::Batches batches(pictures, batch_size, digits::Random(1));
  for (int step = 0; step < steps; ++step) {
    network.w1 = first.weight();
    network.w2 = second.weight();
    network.loss_and_gradient(batches.next(), gradient);
    first.take(gradient.w1);
    second.take(gradient.w2);
    optimizer.step(first.dA, first.dB, second.dA, second.dB, gradient.b1, gradient.b2);
  }
  network.w1 = first.weight();
  network.w2 = second.weight();
  trainable = 0;
  for (const Tensor& tensor : optimizer.memory().tensors) trainable += tensor.size();
  return network;
}

int choose(const std::string& file) {
  const auto all = digits::split(digits::read(file), 1437);
  const auto parts = digits::split(all.first, 1077);
  const digits::Data &training = parts.first, &held_back = parts.second, &test = all.second;
  digits::Random random(1);
  digits::Network start(random), gradient;
  const digits::Data known = digits::digits_below(training, 5);
  digits::Batches batches(known, batch_size, random);
  Optimizer optimizer{Adam{.learning_rate = cosine_decay(0.01, steps)}, start.w1, start.b1, start.w2, start.b2};
  for (int step = 0; step < steps; ++step) {
    start.loss_and_gradient(batches.next(), gradient);
    optimizer.step(gradient.w1, gradient.b1, gradient.w2, gradient.b2);
  }

  const auto worth = [&](const Numbers& choice) {
    digits::Index trainable = 0;
    const digits::Network network = trained(start, training, choice, trainable);
    return network.loss(held_back) + price * static_cast<double>(trainable);
  };
  const auto show = [&](const char* what, const Numbers& choice, double value) {
    digits::Index trainable = 0;
    const digits::Network network = trained(start, training, choice, trainable);
    std::printf("%-22s %7d %7d %9d %10d %9.4f %8.4f %8.2f\n", what, static_cast<int>(choice[0]),
                static_cast<int>(choice[1]), 1 << choice[2], static_cast<int>(trainable), network.loss(held_back),
                value, 100 * network.accuracy(test));
  };
  std::printf("%-22s %7s %7s %9s %10s %9s %8s %8s\n", "", "rank 1", "rank 2", "strength", "trainable", "held back",
              "worth", "test %");
  const Numbers low{1, 1, 0}, high{8, 8, 4}, middle{4, 4, 0};
  const EnumeratedNumbers found = alternating_enumeration(worth, low, high, {}, middle);
  show("start", middle, found.known.at(middle));
  show("found", found.x, found.value);
  std::printf("%d of 320 choices were tried. %s\n", static_cast<int>(found.evaluations), to_string(found.end).data());
#ifdef __OPTIMIZE__
  Numbers x = low, best = low;
  double least = worth(low);
  for (x[0] = low[0]; x[0] <= high[0]; ++x[0])
    for (x[1] = low[1]; x[1] <= high[1]; ++x[1])
      for (x[2] = low[2]; x[2] <= high[2]; ++x[2])
        if (const double value = worth(x); value < least) {
          least = value;
          best = x;
        }
  show("best of all", best, least);
#endif
  return found.value <= found.known.at(middle) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return choose(digits::data_file(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "choose_ranks: %s\n(usage: choose_ranks [digits.csv])\n", error.what());
    return 1;
  }
}
