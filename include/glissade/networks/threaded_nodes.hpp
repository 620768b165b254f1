// The nodes of a network shared out among threads.
#pragma once

#include <algorithm>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "../core/tensors/threads.hpp"
#include "simulation.hpp"

namespace glissade {

/// The events of Simulation, to the same bits, by several threads (OpenMP, where the program is compiled with it; else
/// by one). Events of one node or edge are taken in groups that touch no node twice; in rounds all nodes act at once,
/// with a barrier between sending and receiving. Worth it where what a node does takes longer than a barrier, a few
/// microseconds.
///
/// The gradient of the network is called by several threads at once, for different nodes. What it throws ends the run
/// as without threads, where several throw, the exception of the lowest node.
struct ThreadedNodes {
  int threads = 0;  // 0: all that the machine offers

  void check(const detail::NodeProgram&) const { require("ThreadedNodes", "threads", threads, range::non_negative); }

  void run(detail::NodeProgram& program, const Topology& topology, detail::Progress& progress,
           const Until& until) const {
    Run run{program, topology, progress, resolve_threads(threads)};
    run.mail.resize(static_cast<std::size_t>(program.nodes()));
    run.received.resize(static_cast<std::size_t>(program.nodes()));
    run.level_of.resize(static_cast<std::size_t>(program.nodes()), 0);
    Event event;
    while (!program.non_finite() && detail::next_event(program, progress, until, event)) {
      if (event.kind == EventKind::node || event.kind == EventKind::edge) {
        run.window(event, until);
      } else {
        run.everywhere(event);
        detail::count_event(progress, event);
      }
    }
  }

 private:
  using Index = Eigen::Index;

  struct Run {
    detail::NodeProgram& program;
    const Topology& topology;
    detail::Progress& progress;
    int threads;
    std::vector<Eigen::VectorXd> mail = {};
    std::vector<std::vector<Message>> received = {};
    std::vector<std::size_t> level_of = {};  // of the last event of a node in this window
    std::vector<Traffic> counted = {};       // messages of a node in this window
    std::vector<std::vector<Event>> levels = {};
    std::mutex failing{};
    Index failed = -1;
    std::exception_ptr error = nullptr;

    /// body(k), whose exceptions end the run when all others are done.
    template <class Body>
    void for_all(Index count, const Body& body) {
      parallel_for(count, threads, [&](Index k) {
        try {
          body(k);
        } catch (...) {
          const std::lock_guard lock(failing);
          if (error == nullptr || k < failed) {
            failed = k;
            error = std::current_exception();
          }
        }
      });
      if (error != nullptr) std::rethrow_exception(error);
    }

    void send(Index i, const Event& event) {
      program.local(i, event);
      program.message(i, event, mail[static_cast<std::size_t>(i)]);
    }
    void take(Index i, Index from) {
      received[static_cast<std::size_t>(i)].emplace_back(from, mail[static_cast<std::size_t>(from)]);
    }
    void receive(Index i, const Event& event) {
      program.receive(i, event, mail[static_cast<std::size_t>(i)], received[static_cast<std::size_t>(i)]);
    }

    /// A window of events of nodes and edges, level by level: no two of a level touch the same node.
    void window(Event event, const Until& until) {
      constexpr std::size_t most = 1024;
      std::fill(level_of.begin(), level_of.end(), 0);
      counted.assign(level_of.size(), {});
      for (auto& level : levels) level.clear();
      std::size_t depth = 0;
      detail::Progress ahead{progress.time, progress.traffic, {}};
      for (std::size_t k = 0; k < most; ++k) {
        std::size_t& i = level_of[static_cast<std::size_t>(event.i)];
        std::size_t& j = event.kind == EventKind::edge ? level_of[static_cast<std::size_t>(event.j)] : i;
        const std::size_t level = std::max(i, j);
        i = j = level + 1;
        if (levels.size() <= level) levels.emplace_back();
        levels[level].push_back(event);
        depth = std::max(depth, level + 1);
        detail::count_event(ahead, event);
        if (!detail::next_event(program, ahead, until, event)) break;
        if (event.kind != EventKind::node && event.kind != EventKind::edge) break;
      }
      for (std::size_t level = 0; level < depth; ++level)
        for_all(static_cast<Index>(levels[level].size()),
                [&](Index k) { one(levels[level][static_cast<std::size_t>(k)]); });
      progress.time = ahead.time;
      progress.traffic = ahead.traffic;
      for (const Traffic& own : counted) {
        progress.traffic.messages += own.messages;
        progress.traffic.bytes += own.bytes;
      }
    }
    void one(const Event& event) {
      if (event.kind == EventKind::node) {
        program.local(event.i, event);
        return;
      }
      for (const Index i : {event.i, event.j}) {
        send(i, event);
        detail::count_message(counted[static_cast<std::size_t>(i)], mail[static_cast<std::size_t>(i)].size());
      }
      for (const Index i : {event.i, event.j}) {
        received[static_cast<std::size_t>(i)].clear();
        take(i, i == event.i ? event.j : event.i);
        receive(i, event);
      }
    }

    void everywhere(const Event& event) {
      const Index n = program.nodes();
      for_all(n, [&](Index i) { send(i, event); });
      for_all(n, [&](Index i) {
        received[static_cast<std::size_t>(i)].clear();
        if (event.kind == EventKind::round)
          for (const Index j : topology.at(event.round).neighbors(i)) take(i, j);
        else
          for (Index j = 0; j < n; ++j)
            if (j != i) take(i, j);
        receive(i, event);
      });
      for (Index i = 0; i < n; ++i) {
        const Index numbers = mail[static_cast<std::size_t>(i)].size();
        const std::int64_t times =
            event.kind == EventKind::gather ? detail::times_gathered(n, numbers) : topology.at(event.round).degree(i);
        detail::count_message(progress.traffic, numbers, times);
      }
    }
  };
};

}  // namespace glissade
