// A network goes on from a file bit for bit, whoever wrote it.
#include "support/catch.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/networks.hpp>

#include "io/support.hpp"

using namespace glissade;
using namespace io_tests;
using Eigen::Index;
using Eigen::VectorXd;

namespace {

double bowl(Index i, std::int64_t call, const VectorXd& x, VectorXd& g) {
  g = x.array() - static_cast<double>(i) + 0.01 * static_cast<double>(call % 3);
  return 0.5 * g.squaredNorm();
}

auto fresh(Index nodes = 5, Index size = 3) {
  return Network(Dadao{.mu = 0.5, .L = 2, .seed = 1}, ring_graph(nodes), VectorXd::Ones(size));
}

}  // namespace

TEST_CASE("network state: a run goes on from its file bit for bit") {
  const Folder folder;
  auto whole = fresh();
  whole.run(bowl, {.events = 200});
  for (const std::int64_t cut : {0, 1, 77}) {
    auto first = fresh();
    first.run(bowl, {.events = cut});
    save(first, folder / "network.safetensors");
    auto second = fresh();
    load(second, folder / "network.safetensors");
    CHECK(second.traffic() == first.traffic());
    second.run(bowl, {.events = 200}, ThreadedNodes{2});
    for (Index i = 0; i < 5; ++i) CHECK(second.x(i) == whole.x(i));
    CHECK(second.traffic() == whole.traffic());
    CHECK(second.time() == whole.time());
  }
}

TEST_CASE(
    "network state: so does one whose nodes hold the memories of rules, with something told and not yet applied") {
  const Folder folder;
  const DiLoCo<> method{.inner_steps = 6, .fragments = 2, .sync_delay = 2, .merge = 0.5};
  Network whole(method, complete_graph(3), VectorXd::Ones(5));
  auto first = whole, second = whole;
  whole.run(bowl, {.events = 20});
  first.run(bowl, {.events = 7});
  save(first, folder / "network.safetensors");
  load(second, folder / "network.safetensors");
  second.run(bowl, {.events = 20});
  for (Index i = 0; i < 3; ++i) CHECK(second.x(i) == whole.x(i));
  CHECK(second.traffic() == whole.traffic());
}

TEST_CASE("network state: files of another network, and messages under way, are refused") {
  const Folder folder;
  auto network = fresh();
  network.run(bowl, {.events = 20});
  save(network, folder / "network.safetensors");
  Network gossip(Gossip{}, ring_graph(5), VectorXd::Ones(3));
  CHECK(message_of<std::runtime_error>([&] {
          load(gossip, folder / "network.safetensors");
        }).ends_with("\"method\": is \"Dadao\", expected \"Gossip\""));
  auto longer = fresh(5, 4);
  CHECK(message_of<std::runtime_error>([&] {
          load(longer, folder / "network.safetensors");
        }).ends_with("shape [3], expected [4]"));
  auto smaller = fresh(4);
  CHECK(message_of<std::runtime_error>([&] {
          load(smaller, folder / "network.safetensors");
        }).ends_with("not part of the state"));
  network.run(bowl, {.events = 40},
              Simulation{{.late = [](const Event&, Index, Index) { return std::int64_t{1000}; }}});
  REQUIRE(network.under_way() > 0);
  CHECK(message_of([&] {
          save(network, folder / "network.safetensors");
        }).ends_with("messages are under way, which no file holds"));
}
