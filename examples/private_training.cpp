// Private training: a classifier learns handwritten digits, and its weights say little of any one picture. Prints how
// the privacy budget is spent on the way, by DP-SGD on random batches and by DP-FTRL on batches in the order of the
// file. A research kernel and not a certified implementation of differential privacy: its noise is floating-point.
//
//     private_training [digits.csv]
//
// The file is in data/.
#include <glissade/glissade.hpp>
#include <glissade/io/csv.hpp>
#include <glissade/privacy.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <numeric>
#include <vector>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr Index classes = 10;
constexpr Index people = 1437;     // to train, one picture each; the others test
constexpr double delta = 1e-4;     // well below 1 / people
constexpr double budget = 3;       // epsilon
constexpr std::uint64_t seed = 1;  // in earnest from std::random_device, and kept secret

/// Pictures as columns, each divided by its own length: nothing is taken from the others. The last row is 1.
struct Pictures {
  MatrixXd inputs;
  std::vector<Index> labels;
};

Pictures prepared(const TableData& table) {
  Pictures pictures{MatrixXd::Ones(table.features.cols() + 1, table.features.rows()), {}};
  for (Index i = 0; i < table.features.rows(); ++i) {
    pictures.inputs.col(i).head(table.features.cols()) =
        table.features.row(i).transpose() / table.features.row(i).norm();
    pictures.labels.push_back(static_cast<Index>(table.targets[i]));
  }
  return pictures;
}

using Weights = Eigen::Map<const MatrixXd>;

/// The gradient of the cross entropy of every picture of the batch, in a column of its own.
MatrixXd gradients_of(const Pictures& pictures, const std::vector<Index>& batch, const VectorXd& w) {
  const Index inputs = pictures.inputs.rows();
  const Weights W(w.data(), classes, inputs);
  MatrixXd gradients(w.size(), static_cast<Index>(batch.size()));
  for (Index k = 0; k < gradients.cols(); ++k) {
    const Index i = batch[static_cast<std::size_t>(k)];
    VectorXd p = W * pictures.inputs.col(i);
    p = (p.array() - p.maxCoeff()).exp();
    p /= p.sum();
    p[pictures.labels[static_cast<std::size_t>(i)]] -= 1;
    Eigen::Map<MatrixXd>(gradients.col(k).data(), classes, inputs).noalias() = p * pictures.inputs.col(i).transpose();
  }
  return gradients;
}

/// Of the pictures that nobody trained on, in percent.
double accuracy(const Pictures& pictures, const VectorXd& w) {
  const Weights W(w.data(), classes, pictures.inputs.rows());
  int right = 0;
  for (Index i = people; i < pictures.inputs.cols(); ++i) {
    Index best = 0;
    (W * pictures.inputs.col(i)).maxCoeff(&best);
    right += best == pictures.labels[static_cast<std::size_t>(i)];
  }
  return 100.0 * right / static_cast<double>(pictures.inputs.cols() - people);
}

/// The smallest noise, in clips, with which `epsilon_of` stays within the budget.
template <class F>
double smallest_noise(F epsilon_of) {
  double low = 0.3, high = 1000;
  while (high / low > 1.0001) (epsilon_of(std::sqrt(low * high)) <= budget ? high : low) = std::sqrt(low * high);
  return high;
}

/// DP-SGD: Adam on noisy gradients of Poisson samples. Returns what epsilon has become; with noise 0 infinity.
double train_by_sampling(const Pictures& pictures, double rate, std::int64_t steps, double noise, VectorXd& w) {
  const DpSgdOptions options{.clip = 1, .noise = noise, .batch = rate * people, .seed = seed};
  RenyiAccountant spent;
  Optimizer optimizer{Adam{.learning_rate = 0.1}, w};
  VectorXd gradient;
  for (std::int64_t t = 0; t < steps; ++t) {
    const std::vector<Index> batch = poisson_sample(people, rate, seed, t);
    private_gradient(options, gradients_of(pictures, batch, w), t, gradient);
    optimizer.step(gradient);
    if (noise == 0) continue;
    spent.add_sampled_gaussian(noise, rate);
    if ((t + 1) % (steps / 6) == 0)
      std::printf("%-8s %6d %10.3f %13.1f\n", "DP-SGD", static_cast<int>(t + 1), spent.epsilon(delta),
                  accuracy(pictures, w));
  }
  return noise > 0 ? spent.epsilon(delta) : std::numeric_limits<double>::infinity();
}

/// DP-FTRL: the same batches in every pass. Here all of the budget is known before the first step; it is spent in
/// jumps, the larger the more steps a node stands for. With 64 steps and more there would be a node over all of them.
double train_in_order(const Pictures& pictures, std::int64_t batches, std::int64_t passes, VectorXd& w) {
  const auto epsilon_after = [&](std::int64_t steps, double noise) {
    const double squared = training_sensitivity_squared({.steps_per_pass = batches, .steps = steps});
    return zcdp_epsilon_of_best_order(zcdp_of_gaussian(noise, std::sqrt(squared)), delta);
  };
  const std::int64_t steps = batches * passes;
  const double noise = smallest_noise([&](double s) { return epsilon_after(steps, s); });
  DpFtrl learner({.alpha = 0.25,
                  .momentum = 0.5,
                  .clip = 1,
                  .noise = noise,
                  .batch = static_cast<double>(people / batches),
                  .steps = steps,
                  .seed = seed},
                 w);
  std::vector<Index> batch(static_cast<std::size_t>(people / batches));
  for (std::int64_t t = 0; t < steps; ++t) {
    std::iota(batch.begin(), batch.end(), (t % batches) * (people / batches));
    learner.learn(gradients_of(pictures, batch, learner.play()));
    if ((t + 1) % batches == 0)
      std::printf("%-8s %6d %10.3f %13.1f\n", "DP-FTRL", static_cast<int>(t + 1), epsilon_after(t + 1, noise),
                  accuracy(pictures, learner.play()));
  }
  w = learner.play();
  return epsilon_after(steps, noise);
}

std::filesystem::path data_file(int argc, char** argv) {
  const std::filesystem::path file = "examples/data/digits.csv";
  if (argc > 1) return argv[1];
  for (auto folder = std::filesystem::current_path(); folder != folder.root_path(); folder = folder.parent_path())
    if (std::filesystem::exists(folder / file)) return folder / file;
  return file;
}

}  // namespace

int main(int argc, char** argv) try {
  const Pictures pictures = prepared(read_csv(data_file(argc, argv)));
  const VectorXd start = VectorXd::Zero(classes * pictures.inputs.rows());
  std::printf("budget: epsilon = %g at delta = %g, for each of %d people\n\n", budget, delta, static_cast<int>(people));
  std::printf("%-8s %6s %10s %13s\n", "", "step", "epsilon", "test, % right");

  const double rate = 1.0 / 12;
  const std::int64_t steps = 180;
  VectorXd open = start;
  train_by_sampling(pictures, rate, steps, 0, open);
  std::printf("%-8s %6d %10s %13.1f\n", "open", static_cast<int>(steps), "infinite", accuracy(pictures, open));

  VectorXd sampled = start, ordered = start;
  const double noise = smallest_noise([&](double s) {
    RenyiAccountant all;
    all.add_sampled_gaussian(s, rate, steps);
    return all.epsilon(delta);
  });
  const double spent = train_by_sampling(pictures, rate, steps, noise, sampled);
  const double spent_in_order = train_in_order(pictures, 12, 5, ordered);

  if (spent <= budget + 1e-9 && spent_in_order <= budget && accuracy(pictures, sampled) > 70) return 0;
  std::fputs("wrong: a budget was exceeded, or little was learned\n", stderr);
  return 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
