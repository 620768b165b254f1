// The nodes of a network shared out among the processes of an MPI program.
#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <mpi.h>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "simulation.hpp"

namespace glissade {

/// The events of Simulation, to the same bits, by the ranks of a communicator: rank r has the nodes from n r / ranks
/// on. All ranks make the same Network and call run with the same arguments; when it returns all have the state of all
/// nodes and the same traffic, so that any rank may look, or save. Nodes of different ranks talk by messages alone,
/// those of one rank without MPI. MPI_Init must have been called.
///
/// What a node throws on one rank ends the run on all: each throws std::runtime_error with rank, node and text, at the
/// latest 64 events later, until when the failed rank goes on to answer. Thread level MPI_THREAD_SINGLE is enough.
///
/// Cost beside the messages: all ranks walk through all events, and agree every 64 events that none has failed; at the
/// end of a run every rank gets the nodes of the others.
class MpiChannel {
 public:
  explicit MpiChannel(MPI_Comm communicator = MPI_COMM_WORLD) : communicator_(communicator) {
    MPI_Comm_rank(communicator_, &rank_);
    MPI_Comm_size(communicator_, &ranks_);
  }

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int ranks() const { return ranks_; }

  void check(const detail::NodeProgram&) const {}

  void run(detail::NodeProgram& program, const Topology& topology, detail::Progress& progress,
           const Until& until) const {
    Run run(*this, program, topology, progress);
    Event event;
    bool more = true;
    while (more) {
      for (int k = 0; k < 64; ++k) {
        more = detail::next_event(program, progress, until, event);
        if (!more) break;
        run.carry(event);
        detail::count_event(progress, event);
      }
      more = run.agree(more);
    }
    run.share_nodes();
  }

 private:
  using Index = Eigen::Index;
  using Bytes = std::vector<std::byte>;

  struct Run {
    const MpiChannel& channel;
    detail::NodeProgram& program;
    const Topology& topology;
    detail::Progress& progress;
    std::vector<int> owners;            // the rank of every node
    std::vector<Eigen::VectorXd> sent;  // by every node of this rank, and what others have sent
    std::vector<Message> received = {};
    bool stopped = false;    // this rank has failed, or was told so by one that has
    std::string error = {};  // of this rank
    Traffic own = {};

    Run(const MpiChannel& of, detail::NodeProgram& nodes, const Topology& graphs, detail::Progress& at)
        : channel(of), program(nodes), topology(graphs), progress(at) {
      for (int rank = 0; rank < channel.ranks_; ++rank)
        owners.resize(static_cast<std::size_t>(first_of(rank + 1)), rank);
      sent.resize(owners.size());
    }

    [[nodiscard]] Index first_of(int rank) const {
      return program.nodes() * static_cast<Index>(rank) / static_cast<Index>(channel.ranks_);
    }
    [[nodiscard]] int owner(Index node) const { return owners[static_cast<std::size_t>(node)]; }
    [[nodiscard]] bool mine(Index node) const { return owner(node) == channel.rank_; }
    [[nodiscard]] Eigen::VectorXd& sent_by(Index node) { return sent[static_cast<std::size_t>(node)]; }

    /// What a node of this rank does; after a failure nothing, but messages go on.
    template <class Act>
    void act(Index node, const Act& what) {
      if (stopped) return;
      try {
        what();
      } catch (const std::exception& e) {
        error = "node " + std::to_string(node) + ": " + e.what();
      } catch (...) {
        error = "node " + std::to_string(node) + ": an exception that is no std::exception";
      }
      stopped = !error.empty();
    }
    void send(Index i, const Event& event) {
      act(i, [&] {
        program.local(i, event);
        program.message(i, event, sent_by(i));
      });
    }
    void receive(Index i, const Event& event) {
      act(i, [&] { program.receive(i, event, sent_by(i), received); });
    }
    void take(Index from) { received.emplace_back(from, sent_by(from)); }

    void carry(const Event& event) {
      if (event.kind == EventKind::node) {
        if (mine(event.i)) act(event.i, [&] { program.local(event.i, event); });
      } else if (event.kind == EventKind::edge) {
        edge(event);
      } else {
        everywhere(event);
      }
    }

    void edge(const Event& event) {
      const std::pair<Index, Index> both[] = {{event.i, event.j}, {event.j, event.i}};
      for (const auto& [i, other] : both)
        if (mine(i)) {
          send(i, event);
          detail::count_message(own, sent_by(i).size());
        }
      for (const auto& [i, other] : both)
        if (mine(i) && !mine(other)) {
          Bytes out;
          add_message(i, out);
          exchange({{owner(other), std::move(out)}});
        }
      for (const auto& [i, other] : both)
        if (mine(i)) {
          received.clear();
          take(other);
          receive(i, event);
        }
    }

    void everywhere(const Event& event) {
      const Index begin = first_of(channel.rank_), end = first_of(channel.rank_ + 1);
      const Graph& graph = topology.at(event.round);
      const bool all = event.kind == EventKind::gather;
      for (Index i = begin; i < end; ++i) {
        send(i, event);
        const Index numbers = sent_by(i).size();
        detail::count_message(own, numbers, all ? detail::times_gathered(program.nodes(), numbers) : graph.degree(i));
      }
      std::vector<std::pair<int, Bytes>> mail;
      for (int rank = 0; rank < channel.ranks_; ++rank) {
        if (rank == channel.rank_ || first_of(rank) == first_of(rank + 1) || begin == end) continue;
        Bytes out;
        bool any = false;
        for (Index i = begin; i < end; ++i) {
          bool told = all;
          if (!all)
            for (const Index j : graph.neighbors(i)) told = told || owner(j) == rank;
          if (told) add_message(i, out);
          any = any || told;
        }
        if (any) mail.emplace_back(rank, std::move(out));
      }
      exchange(std::move(mail));
      for (Index i = begin; i < end; ++i) {
        received.clear();
        if (all) {
          for (Index j = 0; j < program.nodes(); ++j)
            if (j != i) take(j);
        } else {
          for (const Index j : graph.neighbors(i)) take(j);
        }
        receive(i, event);
      }
    }

    /// A message as bytes: node, number of numbers, numbers; -1 where this rank has stopped.
    void add_message(Index i, Bytes& out) {
      const std::int64_t head[] = {i, stopped ? -1 : static_cast<std::int64_t>(sent_by(i).size())};
      append(out, head, sizeof head);
      if (stopped) return;
      append(out, sent_by(i).data(), static_cast<std::size_t>(head[1]) * sizeof(double));
    }
    static void append(Bytes& out, const void* from, std::size_t count) {
      const auto* const first = static_cast<const std::byte*>(from);
      out.insert(out.end(), first, first + count);
    }
    void read_messages(const Bytes& in) {
      for (std::size_t at = 0; at < in.size();) {
        std::int64_t head[2];
        std::memcpy(head, in.data() + at, sizeof head);
        at += sizeof head;
        stopped = stopped || head[1] < 0;
        if (head[1] < 0) continue;
        Eigen::VectorXd& values = sent_by(head[0]);
        values.resize(head[1]);
        const std::size_t count = static_cast<std::size_t>(head[1]) * sizeof(double);
        if (count > 0) std::memcpy(values.data(), in.data() + at, count);
        at += count;
      }
    }

    /// Sends to some ranks and receives from the same ones: who has something for another rank is told something by it.
    /// A piece of the most bytes is followed by another one.
    void exchange(std::vector<std::pair<int, Bytes>> mail) {
      std::vector<MPI_Request> requests;
      for (const auto& [rank, bytes] : mail)
        for (std::size_t at = 0; at <= bytes.size(); at += piece)
          MPI_Isend(bytes.data() + at, static_cast<int>(std::min(bytes.size() - at, piece)), MPI_BYTE, rank, tag,
                    channel.communicator_, &requests.emplace_back());
      Bytes in;
      for (const auto& part : mail) {
        in.clear();
        int count = 0;
        do {
          MPI_Status status;
          MPI_Probe(part.first, tag, channel.communicator_, &status);
          MPI_Get_count(&status, MPI_BYTE, &count);
          const std::size_t at = in.size();
          in.resize(at + static_cast<std::size_t>(count));
          MPI_Recv(in.data() + at, count, MPI_BYTE, part.first, tag, channel.communicator_, MPI_STATUS_IGNORE);
        } while (static_cast<std::size_t>(count) == piece);
        read_messages(in);
      }
      MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
    }

    /// Whether all go on; throws what one of them has to tell.
    bool agree(bool more) {
      int mine[3] = {error.empty() ? channel.ranks_ : channel.rank_, more ? 1 : 0, program.non_finite() ? 0 : 1};
      int least[3];
      MPI_Allreduce(mine, least, 3, MPI_INT, MPI_MIN, channel.communicator_);
      if (least[0] < channel.ranks_) {
        int size = static_cast<int>(error.size());
        MPI_Bcast(&size, 1, MPI_INT, least[0], channel.communicator_);
        error.resize(static_cast<std::size_t>(size));
        MPI_Bcast(error.data(), size, MPI_CHAR, least[0], channel.communicator_);
        throw std::runtime_error(std::string(program.name()) + ": rank " + std::to_string(least[0]) + ", " + error);
      }
      if (least[2] == 0) program.set_non_finite();
      return least[1] == 1 && least[2] == 1;
    }

    /// All ranks get the nodes and the counts of all.
    void share_nodes() {
      std::int64_t counts[] = {own.messages, own.bytes};
      MPI_Allreduce(MPI_IN_PLACE, counts, 2, MPI_INT64_T, MPI_SUM, channel.communicator_);
      progress.traffic.messages += counts[0];
      progress.traffic.bytes += counts[1];
      for (int rank = 0; rank < channel.ranks_; ++rank) {
        Bytes bytes;
        if (rank == channel.rank_)
          for (Index i = first_of(rank); i < first_of(rank + 1); ++i) program.pack(i, bytes);
        std::int64_t size = static_cast<std::int64_t>(bytes.size());
        MPI_Bcast(&size, 1, MPI_INT64_T, rank, channel.communicator_);
        bytes.resize(static_cast<std::size_t>(size));
        for (std::size_t at = 0; at < bytes.size(); at += piece)
          MPI_Bcast(bytes.data() + at, static_cast<int>(std::min(bytes.size() - at, piece)), MPI_BYTE, rank,
                    channel.communicator_);
        std::span<const std::byte> rest(bytes);
        if (rank != channel.rank_)
          for (Index i = first_of(rank); i < first_of(rank + 1); ++i) program.unpack(i, rest);
      }
    }

    static constexpr int tag = 20;
    static constexpr std::size_t piece = std::size_t{1} << 30;
  };

  MPI_Comm communicator_;
  int rank_ = 0;
  int ranks_ = 1;
};

}  // namespace glissade
