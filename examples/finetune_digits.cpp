// Fine-tuning: a small network that knows the handwritten digits 0 to 4 learns all ten, with its first
// layer trained as a whole, through low-rank and square corrections, and with projected rules. Prints a
// table and writes the curves to finetune.csv and, where gnuplot is installed, to finetune.png.
//
//     finetune_digits [digits.csv]
//
// To copy it, take digits.hpp along; the file digits.csv is in data/.
#include <glissade/glissade.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "digits.hpp"

namespace {

using namespace glissade;
using digits::MatrixXf;
using race_report::deviation;
using race_report::mean;

// Without optimization Eigen is a hundred times slower: then this is only a short trial.
#ifdef __OPTIMIZE__
constexpr int steps = 1000;
constexpr std::uint64_t seeds = 3;
#else
constexpr int steps = 150;
constexpr std::uint64_t seeds = 1;
#endif
constexpr int accuracy_every = steps / 50;
constexpr int batch_size = 32;
constexpr int training_size = 1437;
constexpr digits::Index old_digits = 5;

/// What every method begins with.
struct Task {
  const digits::Data& training;
  const digits::Data& test;
  digits::Network start;
  std::uint64_t seed;
};

struct Run {
  std::vector<std::pair<int, double>> accuracies = {};  // step and percent of the test pictures
  double training_loss = 0;                             // at the end
  double accuracy = 0;                                  // at the end
  double old_accuracy = 0;                              // of the digits that were known before
  double trainable = 0;
  double state_bytes = 0;   // of the optimizer, at most
  double microseconds = 0;  // of a step with its gradients: the median
};

/// Trains everything above the first layer, and with it whatever makes up that layer:
///
///     forward(x, product)              the layer's output, without its bias
///     step(x, back, gradient)          one step of the optimizer; `back` is the gradient of that output
///     weight()                         the layer as one matrix
template <class O, class Forward, class Step, class Weight>
Run adapt(const Task& task, const digits::Network& network, const O& optimizer, const Forward& forward,
          const Step& step, const Weight& weight) {
  Run run;
  const auto merged = [&] {
    digits::Network copy = network;
    copy.w1 = weight();
    return copy;
  };
  run.accuracies.emplace_back(0, 100 * merged().accuracy(task.test));
  digits::Batches batches(task.training, batch_size, digits::Random(task.seed));
  digits::Network gradient;
  MatrixXf product(network.w1.rows(), batch_size);
  MatrixXf back;
  std::vector<double> times;
  for (int count = 1; count <= steps; ++count) {
    const digits::Data batch = batches.next();
    const auto begin = std::chrono::steady_clock::now();
    forward(batch.inputs, product);
    network.loss_and_gradient_above(product, batch.labels, gradient, back);
    step(batch.inputs, back, gradient);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    times.push_back(took.count());
    run.state_bytes = std::max(run.state_bytes, static_cast<double>(optimizer.state_bytes()));
    if (count % accuracy_every == 0) run.accuracies.emplace_back(count, 100 * merged().accuracy(task.test));
  }
  run.training_loss = merged().loss(task.training);
  run.accuracy = run.accuracies.back().second;
  run.old_accuracy = 100 * merged().accuracy(digits::digits_below(task.test, old_digits));
  for (const Tensor& tensor : optimizer.memory().tensors) run.trainable += static_cast<double>(tensor.size());
  run.microseconds = race_report::median(times);
  return run;
}

/// Adam for what all methods train in full, the second layer and the biases; `rule` for the rest.
template <class R>
auto with_head(const R& rule) {
  return groups(Adam{.learning_rate = cosine_decay(0.01, steps)}, group("w1*", rule));
}

/// The whole matrix w1, by any rule.
template <class R>
Run train_whole(const Task& task, const R& rule) {
  digits::Network network = task.start;
  MatrixXf gradient;
  Optimizer optimizer{with_head(rule), named("w1", network.w1), named("b1", network.b1), named("w2", network.w2),
                      named("b2", network.b2)};
  return adapt(
      task, network, optimizer, [&](const MatrixXf& x, MatrixXf& product) { product.noalias() = network.w1 * x; },
      [&](const MatrixXf& x, const MatrixXf& back, const digits::Network& above) {
        gradient.noalias() = back * x.transpose();
        optimizer.step(gradient, above.b1, above.w2, above.b2);
      },
      [&] { return network.w1; });
}

Run full(const Task& task, const Schedule& rate) { return train_whole(task, Adam{.learning_rate = rate}); }
Run galore_5(const Task& task, const Schedule& rate) {
  return train_whole(task, chain(galore({.rank = 5, .update_gap = 50}, ScaleByAdam{}), ScaleByLearningRate{rate}));
}
Run flora_14(const Task& task, const Schedule& rate) {
  return train_whole(task,
                     chain(ScaleByFactoredRms{}, Flora{.rank = 14, .resample_every = 50}, ScaleByLearningRate{rate}));
}
Run frugal_8(const Task& task, const Schedule& rate) {
  return train_whole(task,
                     chain(frugal({.density = 8 / 64.0, .update_gap = 50}, ScaleByAdam{}), ScaleByLearningRate{rate}));
}

Run lora_4(const Task& task, const Schedule& rate) {
  digits::Network network = task.start;
  LoraLayer<float> layer(network.w1, {.rank = 4, .alpha = 4, .seed = task.seed});
  auto gradients = gradients_of(layer);
  Optimizer optimizer{with_head(Adam{.learning_rate = rate}), named("w1", layer), named("b1", network.b1),
                      named("w2", network.w2), named("b2", network.b2)};
  return adapt(
      task, network, optimizer, [&](const MatrixXf& x, MatrixXf& product) { layer.forward(x, product); },
      [&](const MatrixXf& x, const MatrixXf& back, const digits::Network& above) {
        layer.backward(x, back, gradients);
        optimizer.step(gradients, above.b1, above.w2, above.b2);
      },
      [&]() -> MatrixXf { return layer.weight() + static_cast<float>(layer.scale()) * layer.B * layer.A; });
}

Run mora_4(const Task& task, const Schedule& rate) {
  digits::Network network = task.start;
  Mora<float> mora(network.w1.rows(), network.w1.cols(), {.rank = 4, .maps = MoraMaps::rotation});
  MatrixXf dM(mora.size(), mora.size());
  MatrixXf dX(network.w1.cols(), batch_size);
  Optimizer optimizer{with_head(Adam{.learning_rate = rate}), named("w1.M", mora.M), named("b1", network.b1),
                      named("w2", network.w2), named("b2", network.b2)};
  return adapt(
      task, network, optimizer,
      [&](const MatrixXf& x, MatrixXf& product) {
        product.noalias() = network.w1 * x;
        mora.add_forward(x, product);
      },
      [&](const MatrixXf& x, const MatrixXf& back, const digits::Network& above) {
        mora.backward(x, back, dM, dX);
        optimizer.step(dM, above.b1, above.w2, above.b2);
      },
      [&]() -> MatrixXf { return network.w1 + mora.merged(); });
}

Run aflora_3(const Task& task, const Schedule& rate) {
  digits::Network network = task.start;
  AfloraLayer<float> layer(network.w1, {.rank = 3, .seed = task.seed});
  AfloraLayer<float> gradient = layer;  // of the same shapes
  std::size_t watched = 0;              // bytes that the freezing keeps, at most
  AdaptiveFreezing<float> freezing{{.begin = training_size / batch_size, .end = 3 * steps / 10}};
  Optimizer optimizer{with_head(Adam{.learning_rate = rate}),
                      named("w1.A", layer.A),
                      named("w1.B", layer.B),
                      named("w1.s_d", layer.s_d),
                      named("w1.s_b", layer.s_b),
                      named("b1", network.b1),
                      named("w2", network.w2),
                      named("b2", network.b2)};
  Run run = adapt(
      task, network, optimizer, [&](const MatrixXf& x, MatrixXf& product) { layer.forward(x, product); },
      [&](const MatrixXf& x, const MatrixXf& back, const digits::Network& above) {
        layer.backward(x, back, gradient.A, gradient.B, gradient.s_d, gradient.s_b);
        freezing.observe(gradient.A, gradient.B);
        watched = std::max(watched, freezing.state_bytes());
        freezing.rest(optimizer);
        optimizer.step(gradient.A, gradient.B, gradient.s_d, gradient.s_b, above.b1, above.w2, above.b2);
      },
      [&]() -> MatrixXf {
        return layer.weight() + layer.s_b.asDiagonal() * layer.B * layer.s_d.asDiagonal() * layer.A;
      });
  run.state_bytes += static_cast<double>(watched);
  return run;
}

struct Entrant {
  std::string name;
  Run (*train)(const Task&, const Schedule&);
  double rate;
};

/// The learning rates come from a sweep on six other seeds, for the fewest wrong answers on 360 pictures
/// that were held back from the training pictures; they rank no method.
std::vector<Entrant> entrants() {
  return {
      {"full training", full, 0.015},         {"LoRA, rank 4", lora_4, 0.02},     {"MoRA, 22 x 22", mora_4, 0.015},
      {"AFLoRA, rank 3", aflora_3, 0.05},     {"GaLore, rank 5", galore_5, 0.03}, {"Flora, rank 14", flora_14, 0.03},
      {"FRUGAL, 8 columns", frugal_8, 0.015},
  };
}

/// A network that has seen only the first digits.
digits::Network trained_before(const digits::Data& pictures, std::uint64_t seed) {
  digits::Random random(seed);
  digits::Network network(random);
  digits::Network gradient;
  digits::Batches batches(pictures, batch_size, random);
  Optimizer optimizer{Adam{.learning_rate = cosine_decay(0.01, steps)}, network.w1, network.b1, network.w2, network.b2};
  for (int step = 0; step < steps; ++step) {
    network.loss_and_gradient(batches.next(), gradient);
    optimizer.step(gradient.w1, gradient.b1, gradient.w2, gradient.b2);
  }
  return network;
}

void print_line(const std::string& name, const std::vector<Run>& runs) {
  const auto accuracy = [](const Run& r) { return r.accuracy; };
  std::printf("%-18s %8.4f %8.2f +- %4.2f %11.2f", name.c_str(),
              mean(runs, [](const Run& r) { return r.training_loss; }), mean(runs, accuracy), deviation(runs, accuracy),
              mean(runs, [](const Run& r) { return r.old_accuracy; }));
  if (runs.front().trainable > 0)
    std::printf(" %10.0f %13.0f %7.1f", runs.front().trainable, runs.front().state_bytes,
                mean(runs, [](const Run& r) { return r.microseconds; }));
  std::puts("");
}

/// Percent of wrong answers: the mean over the seeds.
race_report::Curve curve_of(const std::string& name, const std::vector<Run>& runs) {
  race_report::Curve curve{name, {}, {}};
  for (std::size_t k = 0; k < runs.front().accuracies.size(); ++k) {
    curve.steps.push_back(runs.front().accuracies[k].first);
    curve.values.push_back(100 - mean(runs, [&](const Run& r) { return r.accuracies[k].second; }));
  }
  return curve;
}

int finetune(const std::string& file) {
  const auto [training, test] = digits::split(digits::read(file), training_size);
  const digits::Data old_training = digits::digits_below(training, old_digits);
  const digits::Data old_test = digits::digits_below(test, old_digits);
  std::printf(
      "A 64-64-10 network (%lld parameters, float) that was trained on the digits 0 to 4 learns all ten:\n"
      "%lld pictures to train, %lld to test, %d steps with batches of %d, seeds 1 to %d.\n"
      "All methods train the second layer and the biases (714 numbers) with Adam. They differ in the\n"
      "first layer, 64 x 64, where ranks are such that each but full training has about 500 trainable\n"
      "numbers (LoRA, MoRA, AFLoRA) or as much state as Adam has for so many, 4 kB (GaLore, Flora,\n"
      "FRUGAL). The state is given at its largest: AFLoRA's is nearly gone when its matrices are frozen.\n\n",
      static_cast<long long>(digits::Network().size()), static_cast<long long>(training.size()),
      static_cast<long long>(test.size()), steps, batch_size, static_cast<int>(seeds));
  const auto& columns = "%-18s %8s %16s %11s %10s %13s %7s\n";
  std::printf(columns, "", "training", "test accuracy %", "of the old", "trainable", "optimizer", "step");
  std::printf(columns, "method", "loss", "mean +- s.d.", "digits %", "numbers", "state, bytes", "us");

  const std::vector<Entrant> field = entrants();
  race_report::Progress progress((field.size() + 1) * seeds);
  std::vector<Task> tasks;
  std::vector<Run> before;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    progress.begin("training before");
    tasks.push_back({training, test, trained_before(old_training, seed), seed});
    const digits::Network& start = tasks.back().start;
    before.push_back({.training_loss = start.loss(training),
                      .accuracy = 100 * start.accuracy(test),
                      .old_accuracy = 100 * start.accuracy(old_test)});
  }
  progress.hide();
  print_line("before", before);
  std::vector<race_report::Row> rows;
  std::vector<race_report::Curve> curves;
  bool all_learned = true;
  for (const Entrant& entrant : field) {
    std::vector<Run> runs;
    for (const Task& task : tasks) {
      progress.begin(entrant.name);
      runs.push_back(entrant.train(task, cosine_decay(entrant.rate, steps)));
      for (const auto& [step, accuracy] : runs.back().accuracies)
        rows.push_back({entrant.name, task.seed, step, accuracy});
      all_learned = all_learned && runs.back().accuracy > 80;
    }
    progress.hide();
    print_line(entrant.name, runs);
    curves.push_back(curve_of(entrant.name, runs));
  }

  race_report::write_csv("finetune.csv", "test_accuracy", rows);
  race_report::write_plot_script("finetune.gnuplot", "finetune.png",
                                 {"Fine-tuning: a network that knows the digits 0 to 4 learns all ten",
                                  "wrong answers of the test pictures, percent, mean of the seeds",
                                  "set yrange [1.5:60]\nset ytics (2, 3, 5, 10, 20, 50)\n"},
                                 curves);
  std::printf("\nwrote %s\nwrote %s\n%s\n", std::filesystem::absolute("finetune.csv").c_str(),
              std::filesystem::absolute("finetune.gnuplot").c_str(),
              race_report::plot("finetune.gnuplot", "finetune.png").c_str());
  if (!all_learned) std::fputs("finetune_digits: a method ended below 80 % test accuracy\n", stderr);
  return all_learned ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return finetune(digits::data_file(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "finetune_digits: %s\n(usage: finetune_digits [digits.csv])\n", error.what());
    return 1;
  }
}
