// Every iteration on a problem without a value goes on from a file, bit for bit; points of every shape are saved.
#include "support/catch.hpp"
#include "support/subjects/iterations.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/rules/adam.hpp>

#include <cstring>
#include <tuple>

#include "io/support.hpp"

using namespace glissade;
using namespace io_tests;
using Eigen::VectorXd;

TEST_CASE("method state: every iteration goes on from its file bit for bit") {
  const Folder folder;
  for_each_iteration([&]<class Door>(const char* name, const auto& method) {
    for (const std::int64_t cut : {0, 1, 2, 5}) {
      INFO(name << ", cut at " << cut);
      typename Door::Plain f(Door::formula);
      VectorXd whole = VectorXd::Constant(4, 0.7), x = whole, y = whole;
      const Result all = Door::run(f, whole, method, {.max_iterations = 8, .tolerance = 1e-9});

      auto state = initial_state(method, f, x);
      const Result first = Door::resume(f, x, method, state, {.max_iterations = cut, .tolerance = 1e-9});
      save(state, x, folder / "state.safetensors");
      auto other = initial_state(method, f, y);
      load(other, y, folder / "state.safetensors");
      CHECK(y == x);
      const Result rest =
          Door::resume(f, y, method, other, {.max_iterations = 8 - first.iterations, .tolerance = 1e-9});
      CHECK(first.iterations + rest.iterations == all.iterations);
      CHECK(std::memcmp(y.data(), whole.data(), 4 * sizeof(double)) == 0);
      CHECK(rest.measure == all.measure);
    }
  });
}

TEST_CASE("method state: a matrix, several tensors of floats and their rule's state go on from a file bit for bit") {
  const Folder folder;
  const auto f = [](const Eigen::MatrixXf& W, const Eigen::VectorXf& b, Eigen::MatrixXf& dW, Eigen::VectorXf& db) {
    dW = W.array().sinh();
    db = b.array().tanh();
    return static_cast<double>(W.array().cosh().sum()) + static_cast<double>(b.array().cosh().log().sum());
  };
  const Lifted method{Adam{.learning_rate = 0.1}};
  Eigen::MatrixXf W = Eigen::MatrixXf::Constant(2, 3, 1), whole_W = W, next_W = W;
  Eigen::VectorXf b = Eigen::VectorXf::LinSpaced(3, -1, 1), whole_b = b, next_b = b;
  minimize(f, std::tie(whole_W, whole_b), method, {.max_iterations = 6});

  auto state = initial_state(method, f, std::tie(W, b));
  resume(f, std::tie(W, b), method, state, {.max_iterations = 2});
  save(state, std::tie(W, b), folder / "state.safetensors");
  auto next = initial_state(method, f, std::tie(next_W, next_b));
  load(next, std::tie(next_W, next_b), folder / "state.safetensors");
  CHECK(next_W == W);
  CHECK(next_b == b);
  resume(f, std::tie(next_W, next_b), method, next, {.max_iterations = 4});
  CHECK(next_W == whole_W);
  CHECK(next_b == whole_b);

  Eigen::VectorXd of_doubles = VectorXd::Zero(9);
  CHECK_THROWS_AS(load(next, of_doubles, folder / "state.safetensors"), std::runtime_error);
  CHECK(of_doubles.norm() == 0);
}
