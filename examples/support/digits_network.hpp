// A small network for handwritten digits, by hand: the examples need gradients, not a framework.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
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

/// Where digits.csv lies: the program's argument, or where the build has it from.
inline std::string data_directory(int argc, char** argv) {
  if (argc > 1) return argv[1];
#ifdef GLISSADE_EXAMPLE_DATA
  return GLISSADE_EXAMPLE_DATA;
#else
  return "examples/data";
#endif
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
