// Every method of the table goes on from a file, bit for bit.
#include "support/catch.hpp"
#include "support/subjects/methods.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/minimize/minimize.hpp>

#include "io/support.hpp"

using namespace glissade;
using namespace io_tests;
using Eigen::VectorXd;

TEST_CASE("method state: every method goes on from its file bit for bit") {
  const Folder folder;
  for_each_method([&]<class A>(const char* name, const auto& method, Reach) {
    const auto begin = [] { return VectorXd(VectorXd::Constant(4, 0.7)); };
    for (const std::int64_t cut : {0, 1, 2, 3, 5}) {
      INFO(name << ", cut at " << cut);
      A f(formulas::smooth);
      VectorXd whole = begin();
      const Result all = minimize(f, whole, method, {.max_iterations = 8, .gradient_tolerance = 1e-3});

      VectorXd x = begin();
      auto state = method.init(f, x);
      const Result first = resume(f, x, method, state, {.max_iterations = cut, .gradient_tolerance = 1e-3});
      save(state, x, folder / "state.safetensors");

      VectorXd y = begin();
      auto other = method.init(f, y);
      load(other, y, folder / "state.safetensors");
      CHECK(y == x);
      const Result rest =
          resume(f, y, method, other, {.max_iterations = 8 - first.iterations, .gradient_tolerance = 1e-3});
      CHECK(first.iterations + rest.iterations == all.iterations);
      CHECK(std::memcmp(y.data(), whole.data(), 4 * sizeof(double)) == 0);
      CHECK(rest.value == all.value);
    }
  });
}

TEST_CASE("method state: another method's file, or another number of variables, is refused") {
  const Folder folder;
  FirstOrder f(formulas::smooth);
  VectorXd x = VectorXd::Constant(4, 0.7);
  auto state = Lbfgs{.memory = 3}.init(f, x);
  save(state, x, folder / "state.safetensors");
  auto other = NonlinearCg{}.init(f, x);
  CHECK(message_of<std::runtime_error>([&] {
          load(other, folder / "state.safetensors");
        }).ends_with("\"method\": is \"Lbfgs\", expected \"NonlinearCg\""));
  VectorXd y = VectorXd::Zero(5);
  auto longer = Lbfgs{.memory = 3}.init(f, y);
  CHECK(message_of<std::runtime_error>([&] {
          load(longer, y, folder / "state.safetensors");
        }).ends_with("shape [4], expected [5]"));
  auto more = Lbfgs{.memory = 5}.init(f, x);
  CHECK(message_of<std::runtime_error>([&] {
          load(more, x, folder / "state.safetensors");
        }).ends_with("\"state/s\": shape [4, 3], expected [4, 5]"));
}

TEST_CASE("method state: whole numbers have ranges that a double holds, and lie in them") {
  constexpr std::int64_t most = std::int64_t{1} << 53;
  int ranges = 0;
  for_each_method([&]<class A>(const char* name, const auto& method, Reach) {
    A f(formulas::smooth);
    VectorXd x = VectorXd::Constant(4, 0.7);
    auto state = method.init(f, x);
    const auto check = [&] {
      std::remove_reference_t<decltype(state)>::visit(state, [&](const auto& field, const auto& value, auto... bounds) {
        using T = std::remove_cvref_t<decltype(value)>;
        INFO(name << ", " << field);
        if constexpr (std::is_same_v<T, std::int64_t> && sizeof...(bounds) == 2) {
          const std::int64_t ends[] = {static_cast<std::int64_t>(bounds)...};
          CHECK(ends[0] <= value);
          CHECK(value <= ends[1]);
          CHECK(ends[1] <= most);
          ++ranges;
        }
      });
    };
    check();
    resume(f, x, method, state, {.max_iterations = 3, .gradient_tolerance = 1e-3});
    check();
  });
  CHECK(ranges > 60);
}
