// What diloco_digits.cpp and diloco_digits_mpi.cpp share: handwritten digits, shared out among four workers that train
// the small network of digits.hpp.
#pragma once

#include <glissade/networks.hpp>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "digits.hpp"

namespace digits {

inline constexpr Index workers = 4;

/// All numbers of a network, one after another, and back.
inline Eigen::VectorXd numbers_of(const Network& network) {
  VectorXf all(network.size());
  all << network.w1.reshaped(), network.b1, network.w2.reshaped(), network.b2;
  return all.cast<double>();
}
inline Network network_of(const Eigen::VectorXd& numbers) {
  const VectorXf all = numbers.cast<float>();
  Network network;
  Index at = 0;
  const auto take = [&](auto&& part) {
    part = all.segment(at, part.size());
    at += part.size();
  };
  take(network.w1.reshaped());
  take(network.b1);
  take(network.w2.reshaped());
  take(network.b2);
  return network;
}

/// The loss of worker i in a minibatch of its own pictures, which its number of calls draws: what a network of nodes
/// asks for.
class Workers {
 public:
  explicit Workers(const std::string& file) {
    std::tie(training_, test_) = split(read(file), 1437);
    std::vector<Index> all(training_.labels.size());
    for (std::size_t k = 0; k < all.size(); ++k) all[k] = static_cast<Index>(k);
    for (Index i = 0; i < workers; ++i)
      shares_.push_back(select(training_, all, training_.size() * i / workers, training_.size() * (i + 1) / workers));
  }

  double operator()(Index i, std::int64_t call, const Eigen::VectorXd& x, Eigen::VectorXd& gradient) const {
    const Data& own = shares_[static_cast<std::size_t>(i)];
    const glissade::RandomKey key =
        glissade::RandomKey{1}.derive(static_cast<std::uint64_t>(i)).derive(static_cast<std::uint64_t>(call));
    std::vector<Index> drawn(16);
    for (std::size_t k = 0; k < drawn.size(); ++k)
      drawn[k] = static_cast<Index>(key.bits(k) % static_cast<std::uint64_t>(own.size()));
    Network g;
    const double loss = network_of(x).loss_and_gradient(select(own, drawn, 0, 16), g);
    gradient = numbers_of(g);
    return loss;
  }
  [[nodiscard]] double accuracy(const Eigen::VectorXd& x) const { return 100 * network_of(x).accuracy(test_); }
  [[nodiscard]] static Eigen::VectorXd start() {
    Random random(3);
    return numbers_of(Network(random));
  }

 private:
  Data training_, test_;
  std::vector<Data> shares_;
};

}  // namespace digits
