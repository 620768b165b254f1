// DiLoCo as programs that talk over MPI: four workers train one small network on handwritten digits, shared out among
// the ranks. The first rank also makes the run in simulation, and says whether the bits are the same.
//
//     diloco_digits_mpi [digits.csv]
//
// Start it with mpirun -n 2 diloco_digits_mpi digits.csv, on a cluster with --hostfile.
// To copy it, take digits.hpp along;
// and take digits_workers.hpp along; the file digits.csv is in data/.
#include <glissade/networks.hpp>
#include <glissade/networks/mpi_channel.hpp>

#include <cstdio>
#include <exception>

#include "digits_workers.hpp"

namespace {

using namespace glissade;

int train(const digits::Workers& f) {
  const MpiChannel channel;
  const DiLoCo<AdamW> method{.inner = {.learning_rate = 0.003},
                             .outer = {.learning_rate = 0.4, .momentum = 0.6, .nesterov = true},
                             .inner_steps = 20};
  Network network(method, complete_graph(digits::workers), digits::Workers::start());
  Network alone = network;
  const double begin = MPI_Wtime();
  network.run(f, {.time = 600}, channel);
  const double seconds = MPI_Wtime() - begin;
  if (channel.rank() != 0) return 0;
  alone.run(f, {.time = 600});
  const bool same = alone.mean() == network.mean() && alone.traffic() == network.traffic();
  std::printf("%d ranks: %.2f %% of the test pictures, %lld rounds, %.2f megabytes, %.2f seconds; %s\n",
              channel.ranks(), f.accuracy(network.mean()), static_cast<long long>(network.traffic().events),
              static_cast<double>(network.traffic().bytes) / 1e6, seconds,
              same ? "the bits of the simulation" : "NOT the bits of the simulation");
  return same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int status = 1;
  try {
    status = train(digits::Workers(digits::data_file(argc, argv)));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "diloco_digits_mpi: %s\n(usage: diloco_digits_mpi [digits.csv])\n", error.what());
  }
  MPI_Finalize();
  return status;
}
