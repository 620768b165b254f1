// The laws of methods on networks: the same run however nodes are carried, messages counted, sums conserved.
#include "support/subjects/node_methods.hpp"

#include "support/catch.hpp"
#include "support/message_of.hpp"

#include <cmath>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr Index nodes = 6, size = 3;

MatrixXd starts(Index n = nodes) {
  MatrixXd rows(n, size);
  for (Index i = 0; i < rows.size(); ++i) rows.data()[i] = RandomKey{5}.normal(static_cast<std::uint64_t>(i));
  return rows;
}

/// f_i(x) = sum_c h_ic (x_c - i - c / 2)^2 / 2 with h_ic in [1, 2], plus noise of the call where `noise` is not 0.
NodeGradient bowls(double noise = 0) {
  return [noise](Index i, std::int64_t call, const VectorXd& x, VectorXd& g) {
    const RandomKey key = RandomKey{11}.derive(static_cast<std::uint64_t>(i));
    const RandomKey of_call = key.derive(static_cast<std::uint64_t>(call));
    double value = 0;
    for (Index c = 0; c < x.size(); ++c) {
      const double h = 1 + key.uniform(static_cast<std::uint64_t>(c));
      const double d = x[c] - static_cast<double>(i) - 0.5 * static_cast<double>(c);
      g[c] = h * d + noise * of_call.normal(static_cast<std::uint64_t>(c));
      value += 0.5 * h * d * d;
    }
    return value;
  };
}

std::vector<std::pair<std::string, Topology>> topologies() {
  return {{"ring", ring_graph(nodes)},
          {"star", star_graph(nodes, 2)},
          {"changing", Topology({line_graph(nodes), grid_graph(2, 3), complete_graph(nodes)}, 2)}};
}

void for_each_network(const std::function<void(const NodeMethodSubject&, const Topology&)>& law) {
  for (const NodeMethodSubject& subject : node_method_subjects())
    for (const auto& named : topologies()) {
      const Topology& topology = named.second;
      if (subject.one_graph && topology.graphs().size() > 1) {
        CHECK(message_of([&] { subject.make(topology, starts()); }).find("the graph must stay the same") !=
              std::string::npos);
        continue;
      }
      INFO(subject.name << ", " << named.first);
      law(subject, topology);
    }
}

Simulation with(Faults faults) { return {std::move(faults)}; }

constexpr std::int64_t many = 90;

}  // namespace

TEST_CASE("laws of node methods: threads change no bit and count the same") {
  for_each_network([](const NodeMethodSubject& subject, const Topology& topology) {
    AnyNetwork one = subject.make(topology, starts());
    CHECK(one.run(bowls(0.1), {.events = many}) == Status::max_iterations);
    CHECK(one.traffic().events == many);
    CHECK(one.traffic().messages > 0);
    CHECK((one.traffic().gradients > 0) == subject.takes_gradients);
    for (const int threads : {1, 2, 3, 0}) {
      AnyNetwork several = subject.make(topology, starts());
      several.run(bowls(0.1), {.events = many}, ThreadedNodes{threads});
      CHECK(several.bytes() == one.bytes());
      CHECK(several.traffic() == one.traffic());
      CHECK(several.time() == one.time());
    }
  });
}

TEST_CASE("laws of node methods: parts are the whole, also where a time ends them") {
  for_each_network([](const NodeMethodSubject& subject, const Topology& topology) {
    AnyNetwork whole = subject.make(topology, starts());
    whole.run(bowls(0.1), {.events = many});
    for (const std::int64_t cut : {0, 1, 2, 7, 89}) {
      AnyNetwork parts = subject.make(topology, starts());
      parts.run(bowls(0.1), {.events = cut});
      CHECK(parts.traffic().events == cut);
      AnyNetwork copy = parts;
      for (AnyNetwork* network : {&parts, &copy}) {
        network->run(bowls(0.1), {.events = many});
        CHECK(network->bytes() == whole.bytes());
        CHECK(network->traffic() == whole.traffic());
      }
    }
    AnyNetwork timed = subject.make(topology, starts());
    timed.run(bowls(0.1), {.time = whole.time() / 2});
    CHECK(timed.time() <= whole.time() / 2);
    CHECK(timed.traffic().events < many);
    timed.run(bowls(0.1), {.events = many});
    CHECK(timed.bytes() == whole.bytes());
  });
}

TEST_CASE("laws of node methods: messages are counted") {
  for_each_network([](const NodeMethodSubject& subject, const Topology& topology) {
    std::int64_t sent = 0;
    AnyNetwork network = subject.make(topology, starts());
    network.run(bowls(), {.events = many}, with({.repeated = [&](const Event& event, Index from, Index to) {
                  CHECK((from != to && from >= 0 && from < nodes && to >= 0 && to < nodes));
                  CHECK(event.number < many);
                  ++sent;
                  return false;
                }}));
    if (sent > 0) CHECK(network.traffic().messages == sent);  // what is gathered is not told from one to another
    CHECK(network.traffic().bytes >= 8 * network.traffic().messages);
  });
}

TEST_CASE("laws of node methods: what is conserved is, whatever happens to messages") {
  for_each_network([](const NodeMethodSubject& subject, const Topology& topology) {
    if (!subject.conserved) return;
    AnyNetwork network = subject.make(topology, starts());
    const VectorXd before = subject.conserved(network);
    const auto check = [&](const char* what, AnyNetwork at) {
      INFO(what);
      CHECK((subject.conserved(at) - before).norm() <= 1e-11 * (1 + before.norm()));
    };
    network.run(bowls(), {.events = many});
    check("all is well", network);

    AnyNetwork repeated = subject.make(topology, starts());
    repeated.run(bowls(), {.events = many},
                 with({.repeated = [](const Event& event, Index, Index) { return event.number % 3 == 0; }}));
    CHECK(repeated.bytes() == network.bytes());
    CHECK(repeated.traffic().messages > network.traffic().messages);

    if (!subject.late_messages) return;
    AnyNetwork late = subject.make(topology, starts());
    late.run(bowls(), {.events = many}, with({.late = [](const Event& event, Index from, Index to) {
               return event.number < many - 40 ? (7 * from + 3 * to + event.number) % 5 : 0;
             }}));
    CHECK(late.bytes() != network.bytes());
    check("late messages, all of which have arrived", late);
  });
}

TEST_CASE("laws of node methods: late messages are taken, or refused before the first event") {
  for_each_network([](const NodeMethodSubject& subject, const Topology& topology) {
    AnyNetwork network = subject.make(topology, starts());
    const auto late = with({.late = [](const Event&, Index, Index) { return std::int64_t{1}; }});
    if (subject.late_messages) {
      network.run(bowls(), {.events = 20}, late);
      CHECK(network.traffic().events == 20);
    } else {
      CHECK(message_of([&] { network.run(bowls(), {.events = 20}, late); }).ends_with("none may be late"));
      CHECK(network.traffic().events == 0);
      network.run(bowls(), {.events = 20});
    }
  });
}

TEST_CASE("laws of node methods: a node that is gone leaves the others to go on, and stays as it was") {
  for_each_network([](const NodeMethodSubject& subject, const Topology& topology) {
    AnyNetwork network = subject.make(topology, starts());
    network.run(bowls(), {.events = 20});
    const VectorXd left = network.x(1);
    network.run(bowls(), {.events = many}, with({.dropped = [](const Event&, Index node) { return node == 1; }}));
    CHECK(network.x(1) == left);
    CHECK(network.traffic().events == many);
    for (Index i = 0; i < nodes; ++i) CHECK(network.x(i).allFinite());
  });
}

TEST_CASE("laws of node methods: an exception of a node ends the run, and the network is not run on by mistake") {
  for_each_network([](const NodeMethodSubject& subject, const Topology& topology) {
    if (!subject.takes_gradients) return;
    const NodeGradient throws = [good = bowls()](Index i, std::int64_t call, const VectorXd& x, VectorXd& g) {
      if (i >= 2 && call >= 3) throw std::runtime_error("node " + std::to_string(i) + " burns");
      return good(i, call, x, g);
    };
    const auto attempt = [&](AnyNetwork& network, const auto& channel) {
      return message_of<std::runtime_error>([&] { network.run(throws, {.events = 400}, channel); });
    };
    AnyNetwork one = subject.make(topology, starts()), two = one;
    CHECK(attempt(one, Simulation{}).ends_with(" burns"));
    CHECK(attempt(two, ThreadedNodes{2}).ends_with(" burns"));
    CHECK(message_of<std::logic_error>([&] { one.run(bowls(), {.events = 500}); }).find("middle of an event") !=
          std::string::npos);
  });
}

TEST_CASE("laws of node methods: a gradient that is not finite, or of another size, is told") {
  for_each_network([](const NodeMethodSubject& subject, const Topology& topology) {
    if (!subject.takes_gradients) return;
    const NodeGradient bad = [good = bowls()](Index i, std::int64_t call, const VectorXd& x, VectorXd& g) {
      const double value = good(i, call, x, g);
      if (i == 3 && call == 2) g[1] = std::numeric_limits<double>::quiet_NaN();
      return value;
    };
    AnyNetwork network = subject.make(topology, starts()), threaded = network, longer = network;
    CHECK(network.run(bad, {.events = 400}) == Status::non_finite);
    CHECK(network.traffic().events < 400);
    CHECK(threaded.run(bad, {.events = 5000}, ThreadedNodes{2}) == Status::non_finite);
    CHECK(threaded.traffic().events < 5000);
    const NodeGradient long_one = [](Index, std::int64_t, const VectorXd&, VectorXd& g) {
      g = VectorXd::Zero(size + 1);
      return 0.0;
    };
    CHECK(message_of([&] { longer.run(long_one, {.events = 50}); }).find("has 4 numbers, x 3") != std::string::npos);
  });
}

TEST_CASE("laws of node methods: one node, and two") {
  for (const NodeMethodSubject& subject : node_method_subjects())
    for (const Index n : {1, 2}) {
      INFO(subject.name << ", " << n << " nodes");
      AnyNetwork network = subject.make(line_graph(n), starts(n));
      network.run(bowls(), {.events = 50});
      CHECK(network.traffic().events == 50);
      CHECK((network.traffic().messages == 0) == (n == 1));
      for (Index i = 0; i < n; ++i) CHECK(network.x(i).allFinite());
    }
}

TEST_CASE("laws of node methods: graphs in parts are refused by name, starts of another number too") {
  for (const NodeMethodSubject& subject : node_method_subjects()) {
    INFO(subject.name);
    const Graph parts(nodes, {{0, 1}, {1, 2}, {3, 4}, {4, 5}});
    const std::string said = message_of([&] { subject.make(parts, starts()); });
    if (subject.needs_connected)
      CHECK(said.ends_with("the graph is not connected, its parts are {0, 1, 2}, {3, 4, 5}"));
    else
      CHECK(said.empty());
    CHECK(message_of([&] {
            subject.make(ring_graph(nodes), starts(5));
          }).ends_with("starts has 5 rows, must have 6, one for each node"));
    MatrixXd bad = starts();
    bad(4, 1) = std::numeric_limits<double>::infinity();
    CHECK(message_of([&] { subject.make(ring_graph(nodes), bad); }).ends_with("the start of node 4 is not finite"));
    AnyNetwork network = subject.make(ring_graph(nodes), starts());
    CHECK(message_of([&] { network.run(bowls(), {}); }).find("at a number of events or at a time") !=
          std::string::npos);
    CHECK(message_of([&] { network.run(bowls(), {.events = 1}, ThreadedNodes{-1}); }) ==
          "ThreadedNodes: threads = -1, must be >= 0 and finite");
  }
}
