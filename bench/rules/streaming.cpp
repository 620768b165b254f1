// Every streaming rule against its byte bound: out of cache by default.
//
// usage: PROGRAM [coefficients] [rounds] [part of a name]
// A ratio of 1 is the speed of memory; each rule is compared with a loop that moves the same bytes in the same
// passes, in turn with it. Ratios above 1 are noise of the machine.
#include "support/byte_bound.hpp"
#include "support/race.hpp"
#include <glissade/glissade.hpp>

#include <cstdlib>
#include <string>

namespace {

using namespace glissade;

/// Numbers a coefficient that each pass reads and writes: reads, writes, reads, writes, ...
template <int... ReadsAndWrites>
struct Passes {
  static constexpr int reads = 0;
  static constexpr int writes = 0;
  static void run(float* const*, Eigen::Index) {}
};
template <int Reads, int Writes, int... Rest>
struct Passes<Reads, Writes, Rest...> {
  static constexpr int reads = Reads + Passes<Rest...>::reads;
  static constexpr int writes = Writes + Passes<Rest...>::writes;
  static void run(float* const* streams, Eigen::Index size) {
    bench::move_bytes<Reads, Writes>(streams, size);
    Passes<Rest...>::run(streams, size);
  }
};

class Table {
 public:
  Table(Eigen::Index size, int rounds, std::string only) : size_(size), rounds_(rounds), only_(std::move(only)) {
    for (std::size_t k = 0; k < memory_.size(); ++k) streams_[k] = memory_[k].data();
    std::printf("%ld coefficients, float, one thread, median of %d\n", static_cast<long>(size), rounds);
    std::printf("%-28s %8s %8s %10s %10s %8s\n", "rule", "reads", "writes", "bound ns", "rule ns", "ratio");
  }

  template <class R, int... N>
  void add(const char* name, const R& rule, Passes<N...>) {
    if (std::string(name).find(only_) == std::string::npos) return;
    Optimizer optimizer{rule, memory_[1]};
    const int repeats = static_cast<int>(std::max<Eigen::Index>(1, (Eigen::Index{1} << 23) / size_));
    const std::vector<double> seconds = bench::race(
        {{"bound", [&] { Passes<N...>::run(streams_.data(), size_); }}, {name, [&] { optimizer.step(memory_[0]); }}},
        rounds_, repeats);
    const double scale = 1e9 / static_cast<double>(size_);
    std::printf("%-28s %8d %8d %10.3f %10.3f %8.2f\n", name, Passes<N...>::reads, Passes<N...>::writes,
                seconds[0] * scale, seconds[1] * scale, seconds[0] / seconds[1]);
    std::fflush(stdout);
  }

 private:
  Eigen::Index size_;
  int rounds_;
  std::string only_;
  std::vector<Eigen::VectorXf> memory_{6, Eigen::VectorXf::Constant(size_, 0.25f)};  // gradient, parameters, others
  std::array<float*, 6> streams_{};
};

constexpr double rate = 1e-6;

void rules_of_one_pass(Table& table) {
  table.add("Sgd", Sgd{.learning_rate = rate}, Passes<2, 1>{});
  table.add("Sgd, momentum", Sgd{.learning_rate = rate, .momentum = 0.9}, Passes<3, 2>{});
  table.add("Lion", Lion{.learning_rate = rate}, Passes<3, 2>{});
  table.add("Signum", Signum{.learning_rate = rate}, Passes<3, 2>{});
  table.add("Adagrad", Adagrad{.learning_rate = rate}, Passes<3, 2>{});
  table.add("RmsProp", RmsProp{.learning_rate = rate}, Passes<3, 2>{});
  table.add("RmsProp, centered, momentum", RmsProp{.learning_rate = rate, .momentum = 0.9, .centered = true},
            Passes<5, 4>{});
  table.add("Adadelta", Adadelta{.learning_rate = rate}, Passes<4, 3>{});
  table.add("Adam", Adam{.learning_rate = rate}, Passes<4, 3>{});
  table.add("AdamW", AdamW{.learning_rate = rate}, Passes<4, 3>{});
  table.add("AmsGrad", AmsGrad{.learning_rate = rate}, Passes<5, 4>{});
  table.add("AdamNc", AdamNc{.learning_rate = rate}, Passes<4, 3>{});
  table.add("Adamax", Adamax{.learning_rate = rate}, Passes<4, 3>{});
  table.add("NAdam", NAdam{.learning_rate = rate}, Passes<4, 3>{});
  table.add("RAdam", RAdam{.learning_rate = rate}, Passes<4, 3>{});
  table.add("Rprop", Rprop{.learning_rate = rate}, Passes<4, 3>{});
  table.add("Asgd", Asgd{.learning_rate = rate}, Passes<3, 2>{});
  table.add("AdaBelief", AdaBelief{.learning_rate = rate}, Passes<4, 3>{});
  table.add("Adan", Adan{.learning_rate = rate}, Passes<6, 5>{});
  table.add("Adopt", Adopt{.learning_rate = rate}, Passes<4, 3>{});
  table.add("LaProp", LaProp{.learning_rate = rate}, Passes<4, 3>{});
  table.add("Madgrad", Madgrad{.learning_rate = rate}, Passes<5, 3>{});
  table.add("ScheduleFreeSgd", ScheduleFreeSgd{.learning_rate = rate}, Passes<3, 2>{});
  table.add("ScheduleFreeAdamW", ScheduleFreeAdamW{.learning_rate = rate}, Passes<4, 3>{});
  table.add("Yogi", Yogi{.learning_rate = rate}, Passes<4, 3>{});
}

void rules_of_two_passes(Table& table) {
  table.add("clip - AdamW - cosine", chain(ClipByGlobalNorm{}, AdamW{.learning_rate = cosine_decay(rate, 1e6)}),
            Passes<1, 0, 4, 3>{});
  table.add("Lamb", Lamb{.learning_rate = rate}, Passes<4, 3, 2, 1>{});
  table.add("Lars", Lars{.learning_rate = rate}, Passes<2, 0, 3, 2>{});
  table.add("CautiousAdamW", CautiousAdamW{.learning_rate = rate}, Passes<3, 2, 4, 1>{});
  table.add("CautiousLion", CautiousLion{.learning_rate = rate}, Passes<2, 0, 3, 2>{});
  table.add("Prodigy", Prodigy{}, Passes<6, 3, 3, 1>{});
}

}  // namespace

int main(int argc, char** argv) {
  Table table(argc > 1 ? std::atol(argv[1]) : Eigen::Index{1} << 26, argc > 2 ? std::atoi(argv[2]) : 7,
              argc > 3 ? argv[3] : "");
  rules_of_one_pass(table);
  rules_of_two_passes(table);
  return 0;
}
