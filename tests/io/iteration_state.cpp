// Every iteration of the table goes on from a file, bit for bit.
#include "support/catch.hpp"
#include "support/subjects/iterations.hpp"
#include <glissade/io/method_state.hpp>

#include <cstring>

#include "io/support.hpp"

using namespace glissade;
using namespace io_tests;
using Eigen::VectorXd;

TEST_CASE("method state: every iteration goes on from its file bit for bit") {
  const Folder folder;
  for_each_iteration([&]<class Door>(const char* name, const auto& method) {
    for (const std::int64_t cut : {0, 1, 4}) {
      INFO(name << ", cut at " << cut);
      typename Door::Plain f(Door::formula);
      VectorXd whole = VectorXd::Constant(4, 0.7), x = whole, y = whole;
      const Result all = Door::run(f, whole, method, {.max_iterations = 9, .tolerance = 1e-9});
      auto state = initial_state(method, f, x);
      const Result first = Door::resume(f, x, method, state, {.max_iterations = cut, .tolerance = 1e-9});
      save(state, x, folder / "state.safetensors");

      auto other = initial_state(method, f, y);
      load(other, y, folder / "state.safetensors");
      const Result rest =
          Door::resume(f, y, method, other, {.max_iterations = 9 - first.iterations, .tolerance = 1e-9});
      CHECK(first.iterations + rest.iterations == all.iterations);
      CHECK(std::memcmp(y.data(), whole.data(), 4 * sizeof(double)) == 0);
      CHECK(rest.measure == all.measure);
    }
  });
}
