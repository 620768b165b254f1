// What the examples on digits share: a small network for handwritten digits, by hand, since the
// examples need gradients and not a framework; and what a race shows besides its table: a progress bar, the curves as a
// file and as a picture.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace digits {

using Eigen::Index;
using Eigen::MatrixXf;
using Eigen::VectorXf;

inline constexpr Index pixels = 64;
inline constexpr Index classes = 10;

/// Pictures as columns, scaled to [0, 1].
struct Data {
  MatrixXf inputs;
  std::vector<Index> labels;

  [[nodiscard]] Index size() const { return inputs.cols(); }
};

/// Random numbers that are the same with every standard library, which std::shuffle and the
/// distributions are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  float uniform(float low, float high) { return low + (high - low) * static_cast<float>(engine_() >> 40) * 0x1p-24F; }
  std::vector<Index> permutation(Index n) {
    std::vector<Index> order(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::size_t j = engine_() % (i + 1);
      order[i] = order[j];
      order[j] = static_cast<Index>(i);
    }
    return order;
  }

 private:
  std::mt19937_64 engine_;
};

inline Data read(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path);
  std::string line;
  std::getline(file, line);
  std::vector<float> values;
  Data data;
  while (std::getline(file, line)) {
    std::istringstream row(line);
    float value = 0;
    char comma = 0;
    for (Index i = 0; i < pixels && row >> value >> comma; ++i) values.push_back(value / 16);
    if (!(row >> value)) throw std::runtime_error(path + ": a row is not 64 pixels and a digit: " + line);
    data.labels.push_back(static_cast<Index>(value));
  }
  data.inputs = Eigen::Map<MatrixXf>(values.data(), pixels, static_cast<Index>(data.labels.size()));
  return data;
}

/// The rows [begin, end) of a shuffled order.
inline Data select(const Data& data, const std::vector<Index>& order, Index begin, Index end) {
  Data part{MatrixXf(pixels, end - begin), {}};
  for (Index i = begin; i < end; ++i) {
    const Index from = order[static_cast<std::size_t>(i)];
    part.inputs.col(i - begin) = data.inputs.col(from);
    part.labels.push_back(data.labels[static_cast<std::size_t>(from)]);
  }
  return part;
}

/// The pictures of the digits below `end`.
inline Data digits_below(const Data& data, Index end) {
  std::vector<Index> kept;
  for (Index i = 0; i < data.size(); ++i)
    if (data.labels[static_cast<std::size_t>(i)] < end) kept.push_back(i);
  return select(data, kept, 0, static_cast<Index>(kept.size()));
}

/// The file that the caller names, or else that of the checkout which the program runs in.
inline std::string data_file(int argc, char** argv) {
  namespace fs = std::filesystem;
  const fs::path file = "examples/data/digits.csv";
  if (argc > 1) return argv[1];
  for (fs::path folder = fs::current_path(); folder != folder.root_path(); folder = folder.parent_path())
    if (fs::exists(folder / file)) return (folder / file).string();
  return file.string();
}

/// Training and test part, always the same ones.
inline std::pair<Data, Data> split(const Data& data, Index training_size) {
  const std::vector<Index> order = Random(2024).permutation(data.size());
  return {select(data, order, 0, training_size), select(data, order, training_size, data.size())};
}

/// 64 pixels - 64 rectified units - 10 classes. Its gradient is an object of the same type.
struct Network {
  static constexpr Index units = 64;

  MatrixXf w1 = MatrixXf::Zero(units, pixels);
  VectorXf b1 = VectorXf::Zero(units);
  MatrixXf w2 = MatrixXf::Zero(classes, units);
  VectorXf b2 = VectorXf::Zero(classes);

  Network() = default;
  explicit Network(Random& random) {
    const auto draw = [&random](MatrixXf& w) {
      const float bound = std::sqrt(6.0F / static_cast<float>(w.cols()));  // He's
      for (float& value : w.reshaped()) value = random.uniform(-bound, bound);
    };
    draw(w1);
    draw(w2);
  }

  [[nodiscard]] Index size() const { return w1.size() + b1.size() + w2.size() + b2.size(); }

  [[nodiscard]] MatrixXf hidden(const MatrixXf& x) const { return ((w1 * x).colwise() + b1).cwiseMax(0.0F); }
  [[nodiscard]] MatrixXf logits(const MatrixXf& h) const { return (w2 * h).colwise() + b2; }

  [[nodiscard]] double loss(const Data& data) const {
    MatrixXf scores = logits(hidden(data.inputs));
    return cross_entropy(scores, data.labels);
  }

  double loss_and_gradient(const Data& data, Network& gradient) const {
    MatrixXf back;
    const double loss = loss_and_gradient_above(w1 * data.inputs, data.labels, gradient, back);
    gradient.w1.noalias() = back * data.inputs.transpose();
    return loss;
  }

  /// The loss where something else stands in for w1 x, its gradient in all but w1, and `back`, that
  /// in the stand-in.
  double loss_and_gradient_above(const MatrixXf& product, const std::vector<Index>& labels, Network& gradient,
                                 MatrixXf& back) const {
    const MatrixXf h = (product.colwise() + b1).cwiseMax(0.0F);
    MatrixXf delta = logits(h);
    const double loss = cross_entropy(delta, labels);
    delta /= static_cast<float>(product.cols());
    gradient.w2.noalias() = delta * h.transpose();
    gradient.b2 = delta.rowwise().sum();
    back = (h.array() > 0).select(w2.transpose() * delta, 0.0F);
    gradient.b1 = back.rowwise().sum();
    return loss;
  }

  [[nodiscard]] double accuracy(const Data& data) const {
    const MatrixXf scores = logits(hidden(data.inputs));
    int right = 0;
    for (Index i = 0; i < data.size(); ++i) {
      Index guess = 0;
      scores.col(i).maxCoeff(&guess);
      right += guess == data.labels[static_cast<std::size_t>(i)] ? 1 : 0;
    }
    return right / static_cast<double>(data.size());
  }

 private:
  /// The mean loss; the scores become its derivative, before the division by the number of rows.
  static double cross_entropy(MatrixXf& scores, const std::vector<Index>& labels) {
    double total = 0;
    for (Index i = 0; i < scores.cols(); ++i) {
      auto column = scores.col(i).array();
      const Index label = labels[static_cast<std::size_t>(i)];
      column -= column.maxCoeff();
      const double score = static_cast<double>(column(label));
      column = column.exp();
      const float sum = column.sum();
      total += std::log(static_cast<double>(sum)) - score;
      column /= sum;
      column(label) -= 1;
    }
    return total / static_cast<double>(scores.cols());
  }
};

/// Batches without end: every epoch in a new order.
class Batches {
 public:
  Batches(const Data& data, Index size, Random random) : data_(data), size_(size), random_(random) {}
  Data next() {
    if (at_ + size_ > static_cast<Index>(order_.size())) {
      order_ = random_.permutation(data_.size());
      at_ = 0;
    }
    at_ += size_;
    return select(data_, order_, at_ - size_, at_);
  }

 private:
  const Data& data_;
  Index size_;
  Random random_;
  std::vector<Index> order_;
  Index at_ = 0;
};

}  // namespace digits

namespace race_report {

namespace fs = std::filesystem;

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The mean of of(run) over the runs, and the standard deviation.
template <class Run, class F>
double mean(const std::vector<Run>& runs, const F& of) {
  double total = 0;
  for (const Run& run : runs) total += of(run);
  return total / static_cast<double>(runs.size());
}
template <class Run, class F>
double deviation(const std::vector<Run>& runs, const F& of) {
  const double middle = mean(runs, of);
  return std::sqrt(mean(runs, [&](const Run& run) { return std::pow(of(run) - middle, 2); }));
}

/// Shown on a terminal only: in a file or a pipe it would be noise.
class Progress {
 public:
  explicit Progress(std::size_t total) : total_(total), shown_(isatty(STDOUT_FILENO) == 1) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { hide(); }

  void begin(const std::string& what) {
    if (!shown_) return;
    constexpr std::size_t width = 40;
    const std::size_t full = width * begun_++ / total_;
    std::printf("\r\033[K[%s%s] %s", std::string(full, '#').c_str(), std::string(width - full, '.').c_str(),
                what.c_str());
    std::fflush(stdout);
  }
  void hide() const {
    if (shown_) std::fputs("\r\033[K", stdout);
  }

 private:
  std::size_t total_;
  std::size_t begun_ = 0;
  bool shown_;
};

struct Row {
  std::string rule;
  std::uint64_t seed;
  int step;
  double value;
};

inline void write_csv(const fs::path& path, const std::string& value, const std::vector<Row>& rows) {
  std::ofstream file(path);
  file.precision(9);
  file << "rule,seed,step," << value << '\n';
  for (const Row& row : rows) file << row.rule << ',' << row.seed << ',' << row.step << ',' << row.value << '\n';
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

/// What one rule has reached by each step.
struct Curve {
  std::string rule;
  std::vector<int> steps;
  std::vector<double> values;
};

struct Axes {
  std::string title;
  std::string value;
  std::string settings;  // of gnuplot, for the axis of values
};

/// A script that draws one line a rule, with its data inside.
inline void write_plot_script(const fs::path& script, const fs::path& picture, const Axes& axes,
                              const std::vector<Curve>& curves) {
  const char* const colours[] = {"#7f7f7f", "#e6a117", "#1f77b4", "#17becf", "#1b7837",
                                 "#5aae61", "#b8d94c", "#d62728", "#e377c2", "#6a3d9a"};
  std::ofstream file(script);
  file << "# gnuplot " << script.filename().string() << "   draws " << picture.filename().string() << R"gnuplot(
if (strstrt(GPVAL_TERMINALS, "pngcairo") > 0) {
  set terminal pngcairo size 1200,700 font "Sans,12"
} else {
  set terminal png size 1200,700
}
set logscale y
set grid ytics xtics linetype 1 linecolor "#e4e4e4" linewidth 1
set border 3
set tics nomirror
set mytics 1
set key outside right center Left reverse samplen 2.5 spacing 1.6
set xlabel "step"
)gnuplot"
       << "set output \"" << picture.filename().string() << "\"\n"
       << "set title \"" << axes.title << "\"\nset ylabel \"" << axes.value << "\"\n"
       << axes.settings;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    file << "$curve" << i << " << EOD\n";
    for (std::size_t k = 0; k < curves[i].steps.size(); ++k)
      file << curves[i].steps[k] << ' ' << curves[i].values[k] << '\n';
    file << "EOD\n";
  }
  file << "plot";
  for (std::size_t i = 0; i < curves.size(); ++i)
    file << (i == 0 ? " \\\n  $curve" : ", \\\n  $curve") << i << " with lines linewidth 2.5 linecolor \""
         << colours[i % std::size(colours)] << "\" title \"" << curves[i].rule << '"';
  file << '\n';
  file.close();
  if (!file) throw std::runtime_error("cannot write " + script.string());
}

/// Runs gnuplot in the current directory; says in one line what came of it.
inline std::string plot(const fs::path& script, const fs::path& picture) {
  if (std::system("command -v gnuplot >/dev/null 2>&1") != 0)
    return "no picture: gnuplot is not installed; later: gnuplot " + script.filename().string();
  if (std::system(("gnuplot " + script.filename().string()).c_str()) != 0)
    return "no picture: gnuplot could not draw " + script.string();
  return "wrote " + fs::absolute(picture).string();
}

}  // namespace race_report
