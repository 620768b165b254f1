// LoRA gradient of an attention head (forward and backward, queries, keys and values adapted): exact against the
// polynomial form, from 1 Ki to 32 Ki tokens; slopes of time against length, and the length from which the latter is
// faster.
#include "support/race.hpp"
#include <glissade/layers/attention/lora_attention.hpp>

#include <cmath>

namespace {

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;

/// Weights such that the largest entry of X W is 1, for a head of width h and tokens of width 8.
LoraAttention<double> head_for(const MatrixXd& X, Index h, int degree) {
  const auto scaled = [&] {
    const MatrixXd W = MatrixXd::Random(X.cols(), h);
    return MatrixXd(W / (X * W).cwiseAbs().maxCoeff());
  };
  LoraAttention<double> head(scaled(), scaled(), scaled(),
                             {.rank = 2, .beta = 1 / static_cast<double>(h), .degree = degree});
  for (auto* factors : {&head.query, &head.key, &head.value}) factors->B.setConstant(0.01);
  return head;
}

double largest_difference(const LoraAttention<double>& head, const std::vector<MatrixXd>& exact) {
  const MatrixXd* gradients[] = {&head.query.dA, &head.query.dB, &head.key.dA,
                                 &head.key.dB,   &head.value.dA, &head.value.dB};
  double difference = 0, size = 0;
  for (std::size_t k = 0; k < exact.size(); ++k) {
    difference = std::max(difference, (*gradients[k] - exact[k]).cwiseAbs().maxCoeff());
    size = std::max(size, exact[k].cwiseAbs().maxCoeff());
  }
  return difference / size;
}

/// Short runs thrice after a warm-up, long ones once.
double seconds_of(const std::function<void()>& run, bool is_short) {
  if (is_short) return bench::race({{"", run}}, 3, 1).front();
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double slope(const std::vector<double>& lengths, const std::vector<double>& seconds) {
  const std::size_t n = lengths.size();
  double x = 0, y = 0, xx = 0, xy = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const double a = std::log(lengths[k]), b = std::log(seconds[k]);
    x += a, y += b, xx += a * a, xy += a * b;
  }
  const double count = static_cast<double>(n);
  return (count * xy - x * y) / (count * xx - x * x);
}

/// Where the lines through neighbouring lengths cross, in logarithms; extrapolated if they never do.
double crossover(const std::vector<double>& lengths, const std::vector<double>& exact,
                 const std::vector<double>& fast) {
  const auto gain = [&](std::size_t k) { return std::log(exact[k] / fast[k]); };
  std::size_t k = 0;
  while (k + 2 < lengths.size() && gain(k + 1) < 0) ++k;
  return lengths[k] * std::pow(lengths[k + 1] / lengths[k], -gain(k) / (gain(k + 1) - gain(k)));
}

void compare(Index h, const std::vector<int>& degrees, const std::vector<Index>& sizes) {
  std::vector<double> lengths, exact;
  std::vector<std::vector<double>> fast(degrees.size());
  std::printf("\nh = %ld: seconds, double\n  %8s %10s", static_cast<long>(h), "length", "exact");
  for (const int degree : degrees) std::printf("   degree %d   ratio    error", degree);
  std::printf("\n");
  for (const Index length : sizes) {
    const MatrixXd X = MatrixXd::Random(length, 8), dO = MatrixXd::Random(length, h);
    MatrixXd O(length, h);
    const auto run = [&](LoraAttention<double>& head) {
      if (!head.forward(X, O)) std::printf("%s\n", head.plan().text().c_str());
      head.backward(X, dO);
    };
    lengths.push_back(static_cast<double>(length));
    std::vector<MatrixXd> gradients;
    for (std::size_t k = 0; k < degrees.size(); ++k) {
      std::srand(1);
      LoraAttention<double> head = head_for(X, h, degrees[k]);
      if (k == 0) {
        exact.push_back(seconds_of([&] { run(head); }, length <= 4096));
        gradients = {head.query.dA, head.query.dB, head.key.dA, head.key.dB, head.value.dA, head.value.dB};
        std::printf("  %8ld %10.4f", static_cast<long>(length), exact.back());
      }
      head.set_form(AttentionForm::polynomial);
      fast[k].push_back(seconds_of([&] { run(head); }, length <= 8192));
      std::printf(" %10.4f %7.1f  %7.1e", fast[k].back(), exact.back() / fast[k].back(),
                  largest_difference(head, gradients));
    }
    std::printf("\n");
  }
  std::printf("  slope of time: exact %.2f (wanted > 1.7)", slope(lengths, exact));
  for (std::size_t k = 0; k < degrees.size(); ++k)
    std::printf("; degree %d %.2f (wanted < 1.3), faster from L = %.0f", degrees[k], slope(lengths, fast[k]),
                crossover(lengths, exact, fast[k]));
  std::printf("\n");
}

}  // namespace

int main() {
  compare(4, {4, 8}, {512, 1024, 2048, 4096, 8192});
  compare(8, {2, 4}, {1024, 2048, 4096, 8192, 16'384, 32'768});
  return 0;
}
