// Learning one thing after another: a network learns the handwritten digits 0 to 4, then 5 to 9, and forgets the first
// ones, unless a rule holds on to what mattered for them. Prints a table and draws it to continual_digits.svg.
//
//     continual_digits [digits.csv]
//
// To copy it, take digits.hpp along; the file digits.csv is in data/.
#include <glissade/glissade.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "digits.hpp"

namespace {

using namespace glissade;
using digits::Data;
using digits::MatrixXf;

// Without optimization Eigen is a hundred times slower: then this is only a short trial.
#ifdef __OPTIMIZE__
constexpr int steps = 1500;  // for each task
constexpr std::uint64_t seeds = 5;
#else
constexpr int steps = 60;
constexpr std::uint64_t seeds = 1;
#endif
constexpr int look_every = steps / 20;

/// A network whose two tasks have five outputs each, and the layer below in common. Its gradient is one too.
struct Model : digits::Network {
  using Scalar = float;
  using digits::Network::Network;

  void parameters(auto&& visit) const { list(*this, visit); }
  void parameters(auto&& visit) { list(*this, visit); }

  /// The mean loss on digits of one task, or with `gradient` its gradient too.
  double loss_and_gradient(Index task, const Data& data, Model& gradient) const {
    const MatrixXf h = hidden(data.inputs);
    MatrixXf delta = scores(task, h);
    double total = 0;
    for (Index i = 0; i < data.size(); ++i) {
      auto column = delta.col(i).array();
      column -= column.maxCoeff();
      const Index label = data.labels[static_cast<std::size_t>(i)] - 5 * task;
      const float log_sum = std::log(column.exp().sum());
      total += static_cast<double>(log_sum - column(label));
      column = (column - log_sum).exp();
      column(label) -= 1;
    }
    delta /= static_cast<float>(data.size());
    gradient.w2.setZero();
    gradient.b2.setZero();
    gradient.w2.middleRows(5 * task, 5).noalias() = delta * h.transpose();
    gradient.b2.segment(5 * task, 5) = delta.rowwise().sum();
    const MatrixXf back = (h.array() > 0).select(w2.middleRows(5 * task, 5).transpose() * delta, 0.0F);
    gradient.b1 = back.rowwise().sum();
    gradient.w1.noalias() = back * data.inputs.transpose();
    return total / static_cast<double>(data.size());
  }
  [[nodiscard]] double accuracy(Index task, const Data& data) const {
    const MatrixXf all = scores(task, hidden(data.inputs));
    int right = 0;
    for (Index i = 0; i < data.size(); ++i) {
      Index guess = 0;
      all.col(i).maxCoeff(&guess);
      right += guess + 5 * task == data.labels[static_cast<std::size_t>(i)] ? 1 : 0;
    }
    return 100.0 * right / static_cast<double>(data.size());
  }
  /// How much each weight matters: the mean over examples of the squared gradient.
  [[nodiscard]] Model importance(Index task, const Data& data) const {
    Model sum, one;
    for (Index i = 0; i < data.size(); ++i) {
      loss_and_gradient(task, {data.inputs.col(i), {data.labels[static_cast<std::size_t>(i)]}}, one);
      sum.w1 += one.w1.cwiseAbs2() / static_cast<float>(data.size());
      sum.b1 += one.b1.cwiseAbs2() / static_cast<float>(data.size());
      sum.w2 += one.w2.cwiseAbs2() / static_cast<float>(data.size());
      sum.b2 += one.b2.cwiseAbs2() / static_cast<float>(data.size());
    }
    return sum;
  }

 private:
  [[nodiscard]] MatrixXf scores(Index task, const MatrixXf& h) const {
    return (w2.middleRows(5 * task, 5) * h).colwise() + b2.segment(5 * task, 5);
  }
  static void list(auto& self, auto&& visit) {
    visit("w1", self.w1);
    visit("b1", self.b1);
    visit("w2", self.w2);
    visit("b2", self.b2);
  }
};

/// The training and test pictures of both tasks.
struct Tasks {
  Data training[2], test[2];
};
Data digits_from(const Data& data, Index first, Index end) {
  std::vector<Index> order;
  for (Index i = 0; i < data.size(); ++i)
    if (const Index label = data.labels[static_cast<std::size_t>(i)]; label >= first && label < end) order.push_back(i);
  return digits::select(data, order, 0, static_cast<Index>(order.size()));
}

struct Outcome {
  std::vector<double> first = {};  // accuracy on the first task, while the second is learned
  double learned[2] = {};          // of each task when it has just been learned
};

/// Trains on both tasks in turn; step(optimizer, task, number of the step, model, gradient) makes one step.
template <class R, class Step>
Outcome learn(const Tasks& tasks, const R& rule, std::uint64_t seed, Step step) {
  digits::Random random(seed);
  Model model(random), gradient;
  Optimizer optimizer{rule, model};
  Outcome result;
  for (Index task = 0; task < 2; ++task) {
    digits::Batches batches(tasks.training[task], 32, digits::Random(seed + 10));
    for (int t = 0; t < steps; ++t) {
      if (task == 1 && t % look_every == 0) result.first.push_back(model.accuracy(0, tasks.test[0]));
      model.loss_and_gradient(task, batches.next(), gradient);
      step(optimizer, task, t, model, gradient);
    }
    result.learned[task] = model.accuracy(task, tasks.test[task]);
  }
  result.first.push_back(model.accuracy(0, tasks.test[0]));
  return result;
}

struct Method {
  const char* name;
  const char* color;
  std::function<Outcome(std::uint64_t seed)> run;
  std::vector<Outcome> results = {};

  [[nodiscard]] double mean(const std::function<double(const Outcome&)>& of) const {
    double sum = 0;
    for (const Outcome& result : results) sum += of(result);
    return sum / static_cast<double>(results.size());
  }
};

std::vector<Method> methods_of(const Tasks& tasks) {
  const auto rate = ScaleByLearningRate{0.01};
  return {
      {"Adam alone", "#777",
       [&tasks, rate](std::uint64_t seed) {
         return learn(tasks, chain(ScaleByAdam{}, rate), seed,
                      [](auto& optimizer, Index, int, const Model&, const Model& g) { optimizer.step(g); });
       }},
      {"elastic weights", "#c33",
       [&tasks, rate](std::uint64_t seed) {
         return learn(tasks, chain(ElasticWeightConsolidation{.strength = 30'000}, ScaleByAdam{}, rate), seed,
                      [&](auto& optimizer, Index task, int t, const Model& model, const Model& g) {
                        if (task == 1 && t == 0)
                          optimizer.step(with(WeightImportance(model.importance(0, tasks.training[0]))), g);
                        else
                          optimizer.step(g);
                      });
       }},
      {"synaptic intelligence", "#36c",
       [&tasks, rate](std::uint64_t seed) {
         return learn(tasks, chain(SynapticIntelligence{.strength = 1, .damping = 1e-3}, ScaleByAdam{}, rate), seed,
                      [](auto& optimizer, Index task, int, const Model&, const Model& g) {
                        optimizer.step(with(TaskNumber{task}), g);
                      });
       }},
      {"memory of 50 pictures", "#393",
       [&tasks, rate](std::uint64_t seed) {
         const Data memory = digits::select(tasks.training[0], digits::Random(seed).permutation(50), 0, 50);
         return learn(
             tasks, chain(EpisodicMemory{}, ScaleByAdam{}, rate), seed,
             [&, remembered = Model{}](auto& optimizer, Index task, int, const Model& model, const Model& g) mutable {
               if (task == 0) return optimizer.step(g);
               model.loss_and_gradient(0, memory, remembered);
               optimizer.step(with(MemoryGradient(remembered)), g);
             });
       }},
  };
}

/// Accuracy on the first task from 80 to 100 percent, over the steps on the second.
void draw(const std::vector<Method>& methods, const char* path) {
  std::FILE* file = std::fopen(path, "w");
  if (file == nullptr) return;
  const auto y = [](double percent) { return 350 - 320 * (std::max(percent, 80.0) - 80) / 20; };
  std::fputs(
      "<svg xmlns='http://www.w3.org/2000/svg' width='600' height='400' font-family='sans-serif' font-size='13'>\n"
      "<rect width='600' height='400' fill='white'/>\n",
      file);
  for (int percent = 80; percent <= 100; percent += 5)
    std::fprintf(file, "<path d='M70 %g H540' stroke='#ddd'/><text x='62' y='%g' text-anchor='end'>%d %%</text>\n",
                 y(percent), y(percent) + 4, percent);
  std::fprintf(file,
               "<text x='305' y='380' text-anchor='middle'>%d steps on the digits 5 to 9</text>"
               "<text x='70' y='20'>the digits 0 to 4 that are still told apart</text>\n",
               steps);
  int legend = 150;
  for (const Method& method : methods) {
    std::fprintf(file, "<polyline fill='none' stroke='%s' stroke-width='2' points='", method.color);
    const std::size_t count = method.results.front().first.size();
    for (std::size_t k = 0; k < count; ++k)
      std::fprintf(file, "%.1f,%.1f ", 70 + 470.0 * static_cast<double>(k) / static_cast<double>(count - 1),
                   y(method.mean([k](const Outcome& r) { return r.first[k]; })));
    std::fprintf(file, "'/>\n<text x='360' y='%d' fill='%s'>%s</text>\n", legend, method.color, method.name);
    legend += 18;
  }
  std::fputs("</svg>\n", file);
  std::fclose(file);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto [training, test] = digits::split(digits::read(digits::data_file(argc, argv)), 1437);
    const Tasks tasks{{digits_from(training, 0, 5), digits_from(training, 5, 10)},
                      {digits_from(test, 0, 5), digits_from(test, 5, 10)}};
    std::vector<Method> methods = methods_of(tasks);
    std::printf("%-24s%12s%12s%12s%12s   percent of test pictures, means of %d runs\n", "", "0-4 before", "0-4 after",
                "5-9 after", "forgotten", static_cast<int>(seeds));
    for (Method& method : methods) {
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) method.results.push_back(method.run(seed));
      const double before = method.mean([](const Outcome& r) { return r.learned[0]; });
      const double after = method.mean([](const Outcome& r) { return r.first.back(); });
      std::printf("%-24s%12.1f%12.1f%12.1f%12.1f\n", method.name, before, after,
                  method.mean([](const Outcome& r) { return r.learned[1]; }), before - after);
    }
    draw(methods, "continual_digits.svg");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
