// Events of networks: how many a second, what a message costs beside its numbers, what a node takes of memory, and two
// threads against one where the program is built with OpenMP. Medians.
//
// usage: PROGRAM [nodes] [runs]
#include "support/race.hpp"
#include <glissade/networks.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <malloc.h>
#include <vector>

namespace {

using namespace glissade;
using bench::median;
using Eigen::Index;

/// Seconds for `events` more events of a network, the median of several runs.
template <class Network, class Channel>
double seconds(Network& network, const NodeGradient& f, std::int64_t events, int runs, const Channel& channel) {
  std::vector<double> times;
  for (int r = 0; r <= runs; ++r) {
    const auto begin = std::chrono::steady_clock::now();
    network.run(f, {.events = network.traffic().events + events}, channel);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (r > 0) times.push_back(took.count());  // the first one warms up
  }
  return median(times);
}

double heap() {
  const auto info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

double nothing(Index, std::int64_t, const Eigen::VectorXd&, Eigen::VectorXd& g) {
  g.setZero();
  return 0;
}

/// A gradient of n^2 products.
double product(Index i, std::int64_t, const Eigen::VectorXd& x, Eigen::VectorXd& g) {
  for (Index r = 0; r < x.size(); ++r) {
    double sum = 0;
    for (Index c = 0; c < x.size(); ++c) sum += x[c] / static_cast<double>(1 + (r + c + i) % 7);
    g[r] = x[r] + 1e-3 * sum / static_cast<double>(x.size());
  }
  return 0;
}

void gossip(Index nodes, int runs) {
  std::printf("Gossip, metropolis weights, random regular graph of degree 4\n%8s %8s %14s %14s %14s\n", "nodes",
              "numbers", "rounds / s", "messages / s", "bytes a node");
  for (const Index n : {nodes / 10, nodes})
    for (const Index size : {1, 16, 256}) {
      const double before = heap();
      Network network(Gossip{.weights = GossipWeights::metropolis}, random_regular_graph(n, 4, 1),
                      Eigen::VectorXd::Ones(size));
      const double bytes = (heap() - before) / static_cast<double>(n);
      const double took = seconds(network, nothing, 10, runs, Simulation{}) / 10;
      std::printf("%8ld %8ld %14.1f %14.3g %14.0f\n", static_cast<long>(n), static_cast<long>(size), 1 / took,
                  4 * static_cast<double>(n) / took, bytes);
    }
}

void single_events(int runs) {
  std::printf("\nDadao, ring of 64, one number: events of one node or two\n%14s %14s\n", "events / s", "ns an event");
  Network network(Dadao{.mu = 0.5, .L = 4}, ring_graph(64), Eigen::VectorXd::Ones(1));
  const double took = seconds(network, nothing, 20'000, runs, Simulation{}) / 20'000;
  std::printf("%14.3g %14.1f\n", 1 / took, took * 1e9);

  std::printf("\na message of Gossip beside its numbers: ring of 1000\n%8s %14s %18s\n", "numbers", "ns a message",
              "ns of the sum alone");
  for (const Index size : {1, 64, 4096}) {
    Network ring(Gossip{.weights = GossipWeights::metropolis}, ring_graph(1000), Eigen::VectorXd::Ones(size));
    const double all = seconds(ring, nothing, 20, runs, Simulation{}) / (20 * 2 * 1000);
    std::vector<Eigen::VectorXd> x(1000, Eigen::VectorXd::Ones(size)), y = x;
    std::vector<double> times;
    for (int r = 0; r <= runs; ++r) {
      const auto begin = std::chrono::steady_clock::now();
      for (int k = 0; k < 20; ++k) {
        for (std::size_t i = 0; i < 1000; ++i) y[i] = x[i];
        for (std::size_t i = 0; i < 1000; ++i)
          for (const std::size_t j : {(i + 1) % 1000, (i + 999) % 1000}) x[i] += 1.0 / 3 * (y[j] - y[i]);
      }
      const std::chrono::duration<double> t = std::chrono::steady_clock::now() - begin;
      times.push_back(t.count() / (20 * 2 * 1000));
    }
    std::printf("%8ld %14.1f %18.1f\n", static_cast<long>(size), all * 1e9, median(times) * 1e9);
  }
}

void threads(int runs) {
  std::printf("\nThreadedNodes: two threads against one\n%-44s %10s %10s %10s\n", "", "1, ms", "2, ms", "speed-up");
  const auto line = [&](const char* name, auto network, std::int64_t events) {
    auto other = network;
    const auto more = [events](auto& any, int count) {
      any.run(product, {.events = any.traffic().events + events}, ThreadedNodes{count});
    };
    const std::vector<double> times =
        bench::race({{"1", [&] { more(network, 1); }}, {"2", [&] { more(other, 2); }}}, runs, 1);
    const double one = times[0], two = times[1];
    std::printf("%-44s %10.2f %10.2f %10.2f\n", name, one * 1e3, two * 1e3, one / two);
  };
  const Eigen::VectorXd start = Eigen::VectorXd::Ones(64);
  // Where others use the cores, OMP_WAIT_POLICY=passive keeps threads from waiting busily for one that has none.
  line("DiLoCo, 8 workers, 50 steps of 64^2 products",
       Network(DiLoCo<Sgd>{.inner = {.learning_rate = 0.01}}, complete_graph(8), start), 4);
  line("Dadao, ring of 64, 64^2 products a gradient", Network(Dadao{.mu = 0.5, .L = 4}, ring_graph(64), start), 4096);
  line("Gossip, 10 000 nodes, 64 numbers",
       Network(Gossip{.weights = GossipWeights::metropolis}, random_regular_graph(10'000, 4, 1), start), 10);
}

}  // namespace

int main(int argc, char** argv) {
  const Index nodes = argc > 1 ? std::atol(argv[1]) : 10'000;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 7;
  gossip(nodes, runs);
  single_events(runs);
  threads(runs);
}
