// The clock of events in one thread, and what may go wrong with messages.
#pragma once

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "node_method.hpp"

namespace glissade {

/// What goes wrong in a simulation; what is not set does not happen. All are functions of their arguments alone.
struct Faults {
  /// A node that is gone at an event: it takes no part in it, and an edge event of its edges does not take place.
  std::function<bool(const Event&, Eigen::Index node)> dropped = {};
  /// After how many more events a message arrives; 0: in time. For methods with late_messages.
  std::function<std::int64_t(const Event&, Eigen::Index from, Eigen::Index to)> late = {};
  /// A message that arrives twice. It is known by its event and sender, and taken once.
  std::function<bool(const Event&, Eigen::Index from, Eigen::Index to)> repeated = {};
};

namespace detail {

/// The next event, or none where the run ends.
inline bool next_event(const NodeProgram& program, const Progress& progress, const Until& until, Event& event) {
  if (progress.traffic.events >= until.events) return false;
  event = program.next(progress.traffic.events, progress.time);
  event.number = progress.traffic.events;
  return event.time <= until.time;
}
inline void count_event(Progress& progress, const Event& event) {
  ++progress.traffic.events;
  progress.time = event.time;
}
/// What is gathered goes to the middle and once more from there; one node alone, and who is silent, sends nothing.
inline std::int64_t times_gathered(Eigen::Index present, Eigen::Index numbers) {
  return present > 1 && numbers > 0 ? 2 : 0;
}
inline void count_message(Traffic& traffic, Eigen::Index numbers, std::int64_t times = 1) {
  traffic.messages += times;
  traffic.bytes += times * numbers * std::int64_t{sizeof(double)};
}

/// Memory for the messages of an event.
struct Mail {
  std::vector<Eigen::VectorXd> sent;  // by every node
  std::vector<Message> received;      // by one node
};

}  // namespace detail

/// Nodes take turns in this thread. The same seed gives the same run on every machine.
struct Simulation {
  Faults faults = {};

  void check(const detail::NodeProgram& program) const {
    if (faults.late && !program.takes_late_messages())
      throw std::invalid_argument(std::string(program.name()) +
                                  ": needs all messages of an event at once, none may be late");
  }

  void run(detail::NodeProgram& program, const Topology& topology, detail::Progress& progress,
           const Until& until) const {
    detail::Mail mail;
    mail.sent.resize(static_cast<std::size_t>(program.nodes()));
    Event event;
    while (!program.non_finite() && detail::next_event(program, progress, until, event)) {
      carry(program, topology, event, mail, progress);
      detail::count_event(progress, event);
      deliver(program, event.number, progress, mail);
    }
  }

 private:
  using Index = Eigen::Index;

  [[nodiscard]] bool gone(const Event& event, Index node) const {
    return faults.dropped && faults.dropped(event, node);
  }

  void carry(detail::NodeProgram& program, const Topology& topology, const Event& event, detail::Mail& mail,
             detail::Progress& progress) const {
    const Index n = program.nodes();
    const auto send = [&](Index i) {
      program.local(i, event);
      program.message(i, event, mail.sent[static_cast<std::size_t>(i)]);
    };
    switch (event.kind) {
      case EventKind::node:
        if (!gone(event, event.i)) program.local(event.i, event);
        return;
      case EventKind::edge:
        if (gone(event, event.i) || gone(event, event.j)) return;
        send(event.i);
        send(event.j);
        for (const auto& [to, from] : {std::pair(event.i, event.j), std::pair(event.j, event.i)}) {
          mail.received.clear();
          post(event, from, to, mail, progress);
          receive(program, to, event, mail);
        }
        return;
      case EventKind::round:
      case EventKind::gather:
        for (Index i = 0; i < n; ++i)
          if (!gone(event, i)) send(i);
        if (event.kind == EventKind::gather) count_gathered(event, mail, progress.traffic);
        for (Index i = 0; i < n; ++i) {
          if (gone(event, i)) continue;
          mail.received.clear();
          if (event.kind == EventKind::round) {
            for (const Index j : topology.at(event.round).neighbors(i))
              if (!gone(event, j)) post(event, j, i, mail, progress);
          } else {
            for (Index j = 0; j < n; ++j)
              if (j != i && !gone(event, j)) arrive(event, j, i, mail, progress);
          }
          receive(program, i, event, mail);
        }
        return;
    }
  }

  void count_gathered(const Event& event, const detail::Mail& mail, Traffic& traffic) const {
    const auto n = static_cast<Index>(mail.sent.size());
    Index present = 0;
    for (Index i = 0; i < n; ++i) present += gone(event, i) ? 0 : 1;
    for (Index i = 0; i < n; ++i) {
      const Index numbers = mail.sent[static_cast<std::size_t>(i)].size();
      if (!gone(event, i)) detail::count_message(traffic, numbers, detail::times_gathered(present, numbers));
    }
  }
  void post(const Event& event, Index from, Index to, detail::Mail& mail, detail::Progress& progress) const {
    const bool twice = faults.repeated && faults.repeated(event, from, to);
    detail::count_message(progress.traffic, mail.sent[static_cast<std::size_t>(from)].size(), twice ? 2 : 1);
    arrive(event, from, to, mail, progress);
    if (twice) arrive(event, from, to, mail, progress);
  }
  void arrive(const Event& event, Index from, Index to, detail::Mail& mail, detail::Progress& progress) const {
    const Eigen::VectorXd& values = mail.sent[static_cast<std::size_t>(from)];
    const std::int64_t late = faults.late ? faults.late(event, from, to) : 0;
    if (late > 0)
      progress.pending.push_back(
          {event.number + late, event, to, from, mail.sent[static_cast<std::size_t>(to)], values});
    else if (mail.received.empty() || mail.received.back().from() != from)
      mail.received.emplace_back(from, values);
  }
  static void receive(detail::NodeProgram& program, Index to, const Event& event, detail::Mail& mail) {
    program.receive(to, event, mail.sent[static_cast<std::size_t>(to)], mail.received);
  }

  /// What was late until now, in the order of sending.
  void deliver(detail::NodeProgram& program, std::int64_t now, detail::Progress& progress, detail::Mail& mail) const {
    auto& pending = progress.pending;
    if (pending.empty()) return;
    const auto later =
        std::stable_partition(pending.begin(), pending.end(), [&](const detail::Pending& p) { return p.due <= now; });
    for (auto p = pending.begin(); p != later; ++p) {
      const bool again = p != pending.begin() && std::prev(p)->event.number == p->event.number &&
                         std::prev(p)->from == p->from && std::prev(p)->to == p->to;
      if (again) continue;
      mail.received.assign(1, Message(p->from, p->values));
      program.receive(p->to, p->event, p->sent, mail.received);
    }
    pending.erase(pending.begin(), later);
  }
};

}  // namespace glissade
