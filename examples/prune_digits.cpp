// Pruning: a network that reads handwritten digits loses most of its weights, without training. Which ones, and what
// the rest become, is found by ADMM, and compared with dropping the smallest. Prints a table and draws it to
// prune_digits.svg.
//
//     prune_digits [digits.csv]
//
// To copy it, take digits.hpp along; the file digits.csv is in data/.
#include <glissade/glissade.hpp>
#include <glissade/weights.hpp>

#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "digits.hpp"

namespace {

using namespace glissade;
using digits::Data;
using digits::MatrixXf;
using digits::Network;
using Eigen::MatrixXd;

// Without optimization Eigen is a hundred times slower: then this is only a short trial.
#ifdef __OPTIMIZE__
constexpr int steps = 1000;
constexpr std::uint64_t seeds = 5;
#else
constexpr int steps = 150;
constexpr std::uint64_t seeds = 1;
#endif
constexpr std::array sparsities{0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};

Network trained(const Data& training, std::uint64_t seed) {
  digits::Random random(seed);
  Network network(random), gradient;
  digits::Batches batches(training, 32, random);
  Optimizer optimizer{Adam{.learning_rate = cosine_decay(0.01, steps)}, network.w1, network.b1, network.w2, network.b2};
  for (int step = 0; step < steps; ++step) {
    network.loss_and_gradient(batches.next(), gradient);
    optimizer.step(gradient.w1, gradient.b1, gradient.w2, gradient.b2);
  }
  return network;
}

/// Both layers, the second for what the first one, already pruned, gives it.
template <class Prune>
Network pruned(Network network, const Data& training, const Prune& prune) {
  prune(network.w1, second_moments(training.inputs.cast<double>()));
  prune(network.w2, second_moments(network.hidden(training.inputs).cast<double>()));
  return network;
}

struct Method {
  const char* name;
  const char* color;
  void (*prune)(MatrixXf& weights, const MatrixXd& H, double sparsity);
  std::vector<double> accuracies = std::vector<double>(sparsities.size());  // percent, the mean of the seeds
};

std::vector<Method> methods() {
  return {
      {"the smallest", "#777",
       [](MatrixXf& W, const MatrixXd&, double sparsity) {
         keep_largest_changes(MatrixXf(MatrixXf::Zero(W.rows(), W.cols())), W, 1 - sparsity);
       }},
      {"Wanda", "#c33",
       [](MatrixXf& W, const MatrixXd& H, double sparsity) {
         prune_by_admm(W, H, {.sparsity = sparsity, .pruning_iterations = 0, .update = {.iterations = 0}});
       }},
      {"Wanda, then ADMM", "#36c",
       [](MatrixXf& W, const MatrixXd& H, double sparsity) {
         prune_by_admm(W, H, {.sparsity = sparsity, .pruning_iterations = 0});
       }},
      {"ADMM, one by one", "#393",
       [](MatrixXf& W, const MatrixXd& H, double sparsity) { prune_by_admm(W, H, {.sparsity = sparsity}); }},
  };
}

/// Accuracies from 0 to 100 percent over the share of weights that are gone.
void draw(const std::vector<Method>& entrants, const char* path) {
  std::FILE* file = std::fopen(path, "w");
  if (file == nullptr) return;
  const auto y = [](double percent) { return 350 - 3.2 * percent; };
  const auto x = [](double sparsity) { return 70 + 470 * (sparsity - sparsities.front()) / 0.6; };
  std::fputs(
      "<svg xmlns='http://www.w3.org/2000/svg' width='600' height='400' font-family='sans-serif' font-size='13'>\n"
      "<rect width='600' height='400' fill='white'/>\n",
      file);
  for (int percent = 0; percent <= 100; percent += 20)
    std::fprintf(file, "<path d='M70 %g H540' stroke='#ddd'/><text x='62' y='%g' text-anchor='end'>%d %%</text>\n",
                 y(percent), y(percent) + 4, percent);
  for (const double sparsity : sparsities)
    std::fprintf(file, "<text x='%g' y='368' text-anchor='middle'>%.0f %%</text>\n", x(sparsity), 100 * sparsity);
  std::fputs(
      "<text x='305' y='388' text-anchor='middle'>weights that are gone</text>"
      "<text x='70' y='20'>test pictures that are read right</text>\n",
      file);
  int legend = 230;
  for (const Method& method : entrants) {
    std::fprintf(file, "<polyline fill='none' stroke='%s' stroke-width='2' points='", method.color);
    for (std::size_t k = 0; k < sparsities.size(); ++k)
      std::fprintf(file, "%.1f,%.1f ", x(sparsities[k]), y(method.accuracies[k]));
    std::fprintf(file, "'/>\n<path d='M90 %d h24' stroke='%s' stroke-width='2'/><text x='122' y='%d'>%s</text>\n",
                 legend - 4, method.color, legend, method.name);
    legend += 18;
  }
  std::fputs("</svg>\n", file);
  std::fclose(file);
}

int run(const std::string& data) {
  const auto [training, test] = digits::split(digits::read(data), 1437);
  std::vector<Method> entrants = methods();
  double dense = 0, two_of_four = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const Network network = trained(training, seed);
    const double part = 100 / static_cast<double>(seeds);
    dense += part * network.accuracy(test);
    for (Method& method : entrants)
      for (std::size_t k = 0; k < sparsities.size(); ++k)
        method.accuracies[k] += part * pruned(network, training, [&](MatrixXf& W, const MatrixXd& H) {
                                         method.prune(W, H, sparsities[k]);
                                       }).accuracy(test);
    two_of_four += part * pruned(network, training, [](MatrixXf& W, const MatrixXd& H) {
                            prune_by_admm(W, H, {.scope = PruningScope::n_of_m});
                          }).accuracy(test);
  }
  std::printf("Percent of test pictures read right by a 64-64-10 network, mean of %d; all its weights: %.1f.\n\n%-20s",
              static_cast<int>(seeds), dense, "gone without training");
  for (const double sparsity : sparsities) std::printf("%6.0f %%", 100 * sparsity);
  std::puts("");
  for (const Method& method : entrants) {
    std::printf("%-21s", method.name);
    for (const double accuracy : method.accuracies) std::printf("%8.1f", accuracy);
    std::puts("");
  }
  std::printf("\nADMM with 2 weights of every 4 left: %.1f\n", two_of_four);
  draw(entrants, "prune_digits.svg");
  return entrants.back().accuracies[4] > entrants.front().accuracies[4] ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(digits::data_file(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "prune_digits: %s\n(usage: prune_digits [digits.csv])\n", error.what());
    return 1;
  }
}
