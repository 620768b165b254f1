// Mending a classifier in use: a network that reads handwritten digits has made mistakes, and they are corrected
// without training, by edits of its last layer or by a codebook in front of it. Prints a table: which mistakes are
// mended, and what becomes of all other pictures.
//
//     edit_digits [digits.csv]
//
// To copy it, take digits.hpp along; the file digits.csv is in data/.
#include <glissade/glissade.hpp>
#include <glissade/weights.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

#include "digits.hpp"

namespace {

using namespace glissade;
using digits::Data;
using digits::Network;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Without optimization Eigen is a hundred times slower: then training is short, and more goes wrong.
#ifdef __OPTIMIZE__
constexpr int steps = 1000;
#else
constexpr int steps = 150;
#endif
constexpr Index training_size = 400;
constexpr Index in_use_size = 700;
constexpr double margin = 1;  // by which the right answer is to lead

Network trained(const Data& training) {
  digits::Random random(1);
  Network network(random), gradient;
  digits::Batches batches(training, 32, random);
  Optimizer optimizer{Adam{.learning_rate = cosine_decay(0.01, steps)}, network.w1, network.b1, network.w2, network.b2};
  for (int step = 0; step < steps; ++step) {
    network.loss_and_gradient(batches.next(), gradient);
    optimizer.step(gradient.w1, gradient.b1, gradient.w2, gradient.b2);
  }
  return network;
}

/// The network with a codebook around its last layer.
struct Model {
  Network network;
  Grace patches{{.radius = 1}, Network::units, digits::classes};

  /// What goes into the last layer, and what comes out.
  [[nodiscard]] MatrixXd keys(const Data& data) const { return network.hidden(data.inputs).cast<double>(); }
  [[nodiscard]] MatrixXd scores(const Data& data) const {
    const Eigen::MatrixXf h = network.hidden(data.inputs);
    MatrixXd scores = network.logits(h).cast<double>();
    patches.apply(h, scores);
    return scores;
  }
  [[nodiscard]] std::vector<Index> wrong(const Data& data) const {
    const MatrixXd all = scores(data);
    std::vector<Index> places;
    for (Index i = 0; i < data.size(); ++i) {
      Index guess = 0;
      all.col(i).maxCoeff(&guess);
      if (guess != data.labels[static_cast<std::size_t>(i)]) places.push_back(i);
    }
    return places;
  }
  [[nodiscard]] double accuracy(const Data& data) const {
    return 100 - 100 * static_cast<double>(wrong(data).size()) / static_cast<double>(data.size());
  }
};

/// The scores with which the label leads, and no other score changed.
MatrixXd wanted(const Model& model, const Data& data) {
  MatrixXd scores = model.scores(data);
  for (Index i = 0; i < data.size(); ++i) {
    const Index label = data.labels[static_cast<std::size_t>(i)];
    scores.col(i)[label] = scores.col(i).maxCoeff() + margin;
  }
  return scores;
}

/// Exact or soft edits of the last layer, all mistakes at once or one after another.
Model edited(Model model, const Data& mistakes, const MatrixXd& moments, const EditOptions& options, bool at_once) {
  WeightEditor editor(options, moments);
  const auto edit = [&](const Data& some) {
    MatrixXd outputs = wanted(model, some);
    outputs.colwise() -= model.network.b2.cast<double>();  // the layer without its bias
    if (const EditEnd end = editor.edit(model.network.w2, model.keys(some), outputs).end; end != EditEnd::written)
      std::printf("%s\n", std::string(to_string(end)).c_str());
  };
  if (at_once) {
    edit(mistakes);
    return model;
  }
  std::vector<Index> order(mistakes.labels.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
  for (Index i = 0; i < mistakes.size(); ++i) edit(digits::select(mistakes, order, i, i + 1));
  return model;
}

/// A key for every mistake, or for some of one digit.
Model patched(Model model, const Data& mistakes, double radius) {
  model.patches = Grace({.radius = radius}, Network::units, digits::classes);
  const MatrixXd keys = model.keys(mistakes), values = wanted(model, mistakes);
  for (Index i = 0; i < mistakes.size(); ++i)
    model.patches.edit(keys.col(i), mistakes.labels[static_cast<std::size_t>(i)], values.col(i));
  return model;
}

int run(const std::string& file) {
  const Data all = digits::read(file);
  const std::vector<Index> order = digits::Random(2024).permutation(all.size());
  const Index end = training_size + in_use_size;
  const Data training = digits::select(all, order, 0, training_size);
  const Data in_use = digits::select(all, order, training_size, end);
  const Data elsewhere = digits::select(all, order, end, all.size());

  const Model model{trained(training)};
  const std::vector<Index> wrong = model.wrong(in_use);
  std::vector<Index> right;
  for (Index i = 0; i < in_use.size(); ++i)
    if (!std::binary_search(wrong.begin(), wrong.end(), i)) right.push_back(i);
  const Data mistakes = digits::select(in_use, wrong, 0, static_cast<Index>(wrong.size()));
  const Data others = digits::select(in_use, right, 0, static_cast<Index>(right.size()));
  const MatrixXd moments = second_moments(model.keys(training));

  std::printf(
      "A network that has learned from %td pictures is wrong on %td of %td that it meets in use.\n"
      "Percent right after these mistakes have been mended, without training:\n\n"
      "%-34s%10s%12s%12s%10s\n",
      training_size, mistakes.size(), in_use.size(), "", "mistakes", "the others", "elsewhere", "keys");
  const auto line = [&](const char* name, const Model& mended) {
    std::printf("%-34s%10.1f%12.1f%12.1f%10td\n", name, mended.accuracy(mistakes), mended.accuracy(others),
                mended.accuracy(elsewhere), mended.patches.size());
    return mended.accuracy(mistakes);
  };
  line("as it was", model);
  constexpr double ridge = 1e-3;  // some units never fire
  line("ROME, one after another",
       edited(model, mistakes, moments, {.kind = EditKind::rome, .ridge = ridge, .accumulate_keys = false}, false));
  const double exact = line("ROME that remembers its edits",
                            edited(model, mistakes, moments, {.kind = EditKind::rome, .ridge = ridge}, false));
  line("MEMIT, lambda 1", edited(model, mistakes, moments, {.lambda = 1, .ridge = ridge}, true));
  line("MEMIT, lambda 10", edited(model, mistakes, moments, {.lambda = 10, .ridge = ridge}, true));
  line("MEMIT, lambda 100", edited(model, mistakes, moments, {.lambda = 100, .ridge = ridge}, true));
  line("GRACE, radius 0.5", patched(model, mistakes, 0.5));
  const double codebook = line("GRACE, radius 1", patched(model, mistakes, 1));
  line("GRACE, radius 1.5", patched(model, mistakes, 1.5));
  line("GRACE, radius 2", patched(model, mistakes, 2));
  return exact > 99 && codebook > 99 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(digits::data_file(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "edit_digits: %s\n(usage: edit_digits [digits.csv])\n", error.what());
    return 1;
  }
}
