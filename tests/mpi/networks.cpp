// The laws of node methods over MPI, a program of its own: run by mpirun with 1, 2 and 4 ranks. Every rank makes the
// run in simulation too, and compares. Exit status 0: all is the same to the bit.
#include "support/subjects/node_methods.hpp"
#include <glissade/networks/mpi_channel.hpp>
#if __has_include(<nlohmann/json.hpp>)
#include <glissade/io/method_state.hpp>
#endif

#include <cmath>
#include <filesystem>
#include <iostream>
#include <stdexcept>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr Index nodes = 7, size = 3;
int failures = 0;

void check(bool good, const std::string& what) {
  if (good) return;
  ++failures;
  std::cerr << "failed: " << what << "\n";
}

NodeGradient bowls(const std::function<void(Index, std::int64_t)>& before) {
  return [before](Index i, std::int64_t call, const VectorXd& x, VectorXd& g) {
    before(i, call);
    const RandomKey key = RandomKey{11}.derive(static_cast<std::uint64_t>(i)).derive(static_cast<std::uint64_t>(call));
    g = 1.5 * (x.array() - static_cast<double>(i) + 0.1 * key.normal(0));
    return g.squaredNorm() / 3;
  };
}

template <class Error>
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

void check_method(const NodeMethodSubject& subject, const Topology& topology, const MpiChannel& channel) {
  const auto good = bowls([](Index, std::int64_t) {});
  const MatrixXd starts =
      MatrixXd::NullaryExpr(nodes, size, [](Index i, Index c) { return std::sin(static_cast<double>(1 + 3 * i + c)); });
  AnyNetwork alone = subject.make(topology, starts), together = alone;
  for (const std::int64_t events : {1, 90, 333}) {
    alone.run(good, {.events = events});
    together.run(good, {.events = events}, channel);
    check(alone.bytes() == together.bytes(), subject.name + ": nodes differ");
    check(alone.traffic() == together.traffic(), subject.name + ": messages are counted otherwise");
    check(alone.time() == together.time(), subject.name + ": times differ");
  }
  // Every rank has all that the nodes of the others remember: it could go on alone.
  alone.run(good, {.events = 400});
  together.run(good, {.events = 400});
  check(alone.bytes() == together.bytes(), subject.name + ": nodes of other ranks have forgotten something");
  if (!subject.takes_gradients) return;
  // One node fails, on one rank: all are told.
  AnyNetwork fails = subject.make(topology, starts);
  const auto burns = bowls([](Index i, std::int64_t call) {
    if (i == nodes - 1 && call == 5) throw std::domain_error("it burns");
  });
  const std::string said = message_of<std::runtime_error>([&] { fails.run(burns, {.events = 5000}, channel); });
  check(said == std::string(subject.name.substr(0, subject.name.find(','))) + ": rank " +
                    std::to_string(channel.ranks() - 1) + ", node 6: it burns",
        subject.name + ": " + said);
  AnyNetwork not_finite = subject.make(topology, starts);
  const auto nan = bowls([](Index, std::int64_t) {});
  const NodeGradient bad = [&](Index i, std::int64_t call, const VectorXd& x, VectorXd& g) {
    return nan(i, call, x, g) + (i == 2 && call == 4 ? std::nan("") : 0.0);
  };
  check(not_finite.run(bad, {.events = 5000}, channel) == Status::non_finite, subject.name + ": not told of NaN");
}

/// A run of all ranks is saved by one of them, and goes on from the file.
void check_checkpoint([[maybe_unused]] const MpiChannel& channel) {
#if __has_include(<nlohmann/json.hpp>)
  const auto file = std::filesystem::temp_directory_path() / "glissade_mpi_checkpoint.safetensors";
  const auto good = bowls([](Index, std::int64_t) {});
  const auto fresh = [] { return Network(Dadao{.mu = 0.5, .L = 4}, ring_graph(nodes), VectorXd::Ones(size)); };
  auto whole = fresh(), first = fresh(), second = fresh();
  whole.run(good, {.events = 333});
  first.run(good, {.events = 90}, channel);
  if (channel.rank() == 0) save(first, file);
  MPI_Barrier(MPI_COMM_WORLD);
  load(second, file);
  second.run(good, {.events = 333}, channel);
  for (Index i = 0; i < nodes; ++i) check(second.x(i) == whole.x(i), "a run from a checkpoint differs");
  check(second.traffic() == whole.traffic(), "a run from a checkpoint counts otherwise");
  MPI_Barrier(MPI_COMM_WORLD);
  if (channel.rank() == 0) std::filesystem::remove(file);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  {
    const MpiChannel channel;
    for (const NodeMethodSubject& subject : node_method_subjects()) {
      check_method(subject, ring_graph(nodes), channel);
      if (!subject.one_graph)
        check_method(subject, Topology({star_graph(nodes, 3), complete_graph(nodes)}, 5), channel);
    }
    check_checkpoint(channel);
    if (channel.rank() == 0) std::cout << channel.ranks() << " ranks: " << failures << " failures\n";
  }
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
