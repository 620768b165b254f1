// Every streaming rule against its byte bound: out of cache by default.
//
// usage: PROGRAM [coefficients] [rounds]
// A ratio of 1 is the speed of memory; each rule is compared with a loop that moves the same bytes in
// the same run. Ratios above 1 are noise of the machine.
#include <glissade/glissade.hpp>

#include <cstdlib>

#include "support/byte_bound.hpp"
#include "support/race.hpp"

namespace {

using namespace glissade;

struct Rival {
  const char* name;
  int reads;
  int writes;
};

}  // namespace

int main(int argc, char** argv) {
  const Eigen::Index size = argc > 1 ? std::atol(argv[1]) : Eigen::Index{1} << 26;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  const int repeats = static_cast<int>(std::max<Eigen::Index>(1, (Eigen::Index{1} << 23) / size));

  Eigen::VectorXf x = Eigen::VectorXf::Constant(size, 0.5f);
  Eigen::VectorXf gradient = Eigen::VectorXf::Constant(size, 0.25f);
  std::vector<Eigen::VectorXf> other(3, Eigen::VectorXf::Constant(size, 0.125f));
  float* const streams[] = {gradient.data(), x.data(), other[0].data(), other[1].data(), other[2].data()};

  std::vector<bench::Candidate> candidates;
  std::vector<Rival> rivals;
  // A rule runs right after the bounds of its passes, so that both see the same machine.
  const auto add = [&]<int Reads, int Writes, int Extra>(const char* name, auto& optimizer,
                                                         std::integer_sequence<int, Reads, Writes, Extra>) {
    candidates.push_back({name, [&] {
                            if constexpr (Extra > 0) bench::move_bytes<Extra, 0>(streams, size);
                            bench::move_bytes<Reads, Writes>(streams, size);
                          }});
    candidates.push_back({name, [&] { optimizer.step(gradient); }});
    rivals.push_back({name, Reads + Extra, Writes});
  };
  using Sizes21 = std::integer_sequence<int, 2, 1, 0>;
  using Sizes32 = std::integer_sequence<int, 3, 2, 0>;
  using Sizes43 = std::integer_sequence<int, 4, 3, 0>;
  using Sizes54 = std::integer_sequence<int, 5, 4, 0>;
  using Sizes43After1 = std::integer_sequence<int, 4, 3, 1>;

  Optimizer sgd{Sgd{.learning_rate = 1e-6}, x};
  Optimizer momentum{Sgd{.learning_rate = 1e-6, .momentum = 0.9}, x};
  Optimizer lion{Lion{.learning_rate = 1e-6}, x};
  Optimizer adam{Adam{.learning_rate = 1e-6}, x};
  Optimizer adamw{AdamW{.learning_rate = 1e-6}, x};
  Optimizer amsgrad{AmsGrad{.learning_rate = 1e-6}, x};
  Optimizer clipped{chain(ClipByGlobalNorm{}, AdamW{.learning_rate = cosine_decay(1e-6, 1e6)}), x};
  add("Sgd", sgd, Sizes21{});
  add("Sgd, momentum", momentum, Sizes32{});
  add("Lion", lion, Sizes32{});
  add("Adam", adam, Sizes43{});
  add("AdamW", adamw, Sizes43{});
  add("AmsGrad", amsgrad, Sizes54{});
  add("clip - AdamW - cosine", clipped, Sizes43After1{});

  const std::vector<double> seconds = bench::race(candidates, rounds, repeats);
  std::printf("%ld coefficients, float, one thread, median of %d\n", static_cast<long>(size), rounds);
  std::printf("%-24s %8s %8s %10s %10s %8s\n", "rule", "reads", "writes", "bound ns", "rule ns", "ratio");
  for (std::size_t k = 0; k < rivals.size(); ++k) {
    const double bound = seconds[2 * k] / static_cast<double>(size) * 1e9;
    const double rule = seconds[2 * k + 1] / static_cast<double>(size) * 1e9;
    std::printf("%-24s %8d %8d %10.3f %10.3f %8.2f\n", rivals[k].name, rivals[k].reads, rivals[k].writes, bound,
                rule, bound / rule);
  }
  return 0;
}
