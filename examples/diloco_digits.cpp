// Four workers train one small network on handwritten digits, each with a quarter of the pictures: they tell each other
// every gradient, or now and then where they have come to (DiLoCo). Prints a table of accuracy against what was sent.
//
//     diloco_digits [digits.csv]
//
// To copy it, take digits.hpp along;
// and take digits_workers.hpp along; the file digits.csv is in data/. Over MPI: diloco_digits_mpi.cpp.
#include <glissade/networks.hpp>

#include <chrono>
#include <cstdio>
#include <exception>

#include "digits_workers.hpp"

namespace {

using namespace glissade;
using Clock = std::chrono::steady_clock;

// Without optimization Eigen is a hundred times slower: then this is only a short trial.
#ifdef __OPTIMIZE__
constexpr double steps = 600;
constexpr double least = 88;
#else
constexpr double steps = 60;
constexpr double least = 0;
#endif

/// `steps` steps of each worker, in one thread and in two: a line of the table. Returns whether the workers have
/// learned, and both runs the same.
template <class M>
bool train(const char* name, const M& method, const digits::Workers& f) {
  Network network(method, complete_graph(digits::workers), digits::Workers::start());
  Network threaded = network;
  const auto begin = Clock::now();
  network.run(f, {.time = steps});
  const auto middle = Clock::now();
  threaded.run(f, {.time = steps}, ThreadedNodes{2});
  const std::chrono::duration<double> one = middle - begin, two = Clock::now() - middle;
  const Traffic& traffic = network.traffic();
  std::printf("%-34s %8.2f %8lld %10.2f %8.2f %8.2f\n", name, f.accuracy(network.mean()),
              static_cast<long long>(traffic.events), static_cast<double>(traffic.bytes) / 1e6, one.count(),
              two.count());
  return f.accuracy(network.mean()) >= least && threaded.mean() == network.mean() && threaded.traffic() == traffic;
}

int table(const digits::Workers& f) {
  const AdamW adamw{.learning_rate = 0.003};
  const auto diloco = [&](DiLoCoMode mode, std::int64_t fragments, std::int64_t delay) {
    return DiLoCo<AdamW>{.inner = adamw,
                         .outer = {.learning_rate = 0.4, .momentum = 0.6, .nesterov = true},
                         .inner_steps = 20,
                         .mode = mode,
                         .fragments = fragments,
                         .sync_delay = delay};
  };
  std::printf("%-34s %8s %8s %10s %8s %8s\n", "four workers, 600 steps of each", "test, %", "rounds", "megabytes",
              "seconds", "2 thr.");
  bool good = true;
  // A step of rate 1 leaves the gradient as what was found: AdamW outside is then AdamW with the mean gradient of all.
  const DiLoCo<Sgd, AdamW> every{.inner = {.learning_rate = 1}, .outer = adamw, .inner_steps = 1};
  good &= train("every gradient", every, f);
  good &= train("DiLoCo, every 20 steps", diloco(DiLoCoMode::standard, 1, 0), f);
  good &= train("in 5 fragments, 3 steps late", diloco(DiLoCoMode::standard, 5, 3), f);
  good &= train("eager, messages have 20 steps", diloco(DiLoCoMode::eager, 1, 0), f);
  good &= train("delayed, messages have 20 steps", diloco(DiLoCoMode::delayed, 1, 0), f);
  if (!good) std::fputs("diloco_digits: workers have not learned, or threads have changed the run\n", stderr);
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return table(digits::Workers(digits::data_file(argc, argv)));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "diloco_digits: %s\n(usage: diloco_digits [digits.csv])\n", error.what());
    return 1;
  }
}
