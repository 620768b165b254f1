// The door: a rule's memory is a value.
#include "support/catch.hpp"
#include "support/laws.hpp"
#include "support/message_of.hpp"
#include <glissade/glissade.hpp>

#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

struct Client {
  VectorXd x;
  RuleState<double> memory;
};

/// As an Optimizer, to the bit, for parameters of type P.
template <class P, class R>
void equals_optimizer(const R& rule, const OptimizerOptions& options = {}) {
  using Vector = Eigen::Matrix<P, Eigen::Dynamic, 1>;
  using Matrix = Eigen::Matrix<P, Eigen::Dynamic, Eigen::Dynamic>;
  Matrix W = laws::matrix(9, 5, 0).cast<float>().template cast<P>(), V = W;
  Vector b = laws::parameters<Vector>(7), c = b;
  Optimizer optimizer{rule, options, W, b};
  RuleState<P> memory;
  for (int t = 1; t <= 6; ++t) {
    const Matrix dW = laws::matrix(9, 5, t).cast<float>().template cast<P>();
    const Vector db = laws::gradients<Vector>(7, t);
    optimizer.step(dW, db);
    step(rule, memory, std::tie(V, c), std::tie(dW, db), options);
    INFO(describe(rule) << ", step " << t);
    REQUIRE(laws::same_bits(W, V));
    REQUIRE(laws::same_bits(b, c));
  }
  CHECK(memory == optimizer.memory());
}

}  // namespace

TEST_CASE("step: clients in a vector that grows, each with a memory of its own") {
  const auto gradient = [](const VectorXd& x, std::size_t k) -> VectorXd {
    return static_cast<double>(k + 1) * (x.array() - 1).matrix();
  };
  std::vector<Client> clients;
  std::vector<VectorXd> alone;
  for (std::size_t k = 0; k < 20; ++k) {
    clients.push_back({VectorXd::Constant(5, static_cast<double>(k)), {}});
    for (std::size_t i = 0; i < clients.size(); ++i)
      step(AdamW{.learning_rate = 0.1}, clients[i].memory, clients[i].x, gradient(clients[i].x, i));
  }
  for (std::size_t k = 0; k < 20; ++k) {
    VectorXd x = VectorXd::Constant(5, static_cast<double>(k));
    Optimizer optimizer{AdamW{.learning_rate = 0.1}, x};
    for (std::size_t t = k; t < 20; ++t) optimizer.step(gradient(x, k));
    CHECK(laws::same_bits(x, clients[k].x));
    CHECK(clients[k].memory.counts.updates == static_cast<std::int64_t>(20 - k));
  }
}

TEST_CASE("step: a copied memory goes its own way") {
  Client first{VectorXd::Ones(5), {}};
  step(Adam{}, first.memory, first.x, VectorXd::Ones(5));
  Client second = first;
  CHECK(second.memory == first.memory);
  const VectorXd before = first.x;
  step(Adam{}, second.memory, second.x, VectorXd::Ones(5));
  CHECK(first.x == before);
  CHECK(!(second.memory == first.memory));
  step(Adam{}, first.memory, first.x, VectorXd::Ones(5));
  CHECK(second.memory == first.memory);
  const Client moved = std::move(second);
  CHECK(moved.memory == first.memory);
  REQUIRE(first.memory.workspace.parameters.size() == 1);
  CHECK(first.memory.workspace.parameters[0] == nullptr);  // no address of the caller's is kept
  CHECK(first.memory.workspace.sources[0].data == nullptr);
}

TEST_CASE("step: equals an Optimizer, whatever the rule and the parameters") {
  equals_optimizer<double>(Adam{});
  equals_optimizer<float>(chain(ClipByGlobalNorm{.max_norm = 0.1}, AdamW{}));
  equals_optimizer<double>(chain(SkipNonFinite{}, Accumulate{.steps = 2}, Sgd{.momentum = 0.9}));
  equals_optimizer<float>(Prodigy{});
  equals_optimizer<double>(chain(galore({.rank = 2, .update_gap = 3}), ScaleByLearningRate{0.1}));
  equals_optimizer<Eigen::bfloat16>(AdamW{}, {.seed = 3, .rounding = Rounding::stochastic});
  equals_optimizer<Eigen::bfloat16>(chain(MasterWeights{}, Lion{.learning_rate = 1e-3}));
  equals_optimizer<double>(AdamW{}, {.maximize = true});
}

TEST_CASE("step: initial_state is what the first step begins with") {
  const VectorXd start = laws::parameters<VectorXd>(9);
  VectorXd x = start, y = start;
  const auto rule = chain(Sgd{.learning_rate = 0.1}, Lookahead{.period = 2});
  RuleState<double> memory = initial_state(rule, start), empty;
  CHECK(memory.counts.calls == 0);
  CHECK(memory.states[0].bytes() == 9 * 8);
  for (int t = 1; t <= 5; ++t) {
    step(rule, memory, x, laws::gradients<VectorXd>(9, t));
    step(rule, empty, y, laws::gradients<VectorXd>(9, t));
  }
  CHECK(laws::same_bits(x, y));
  CHECK(memory == empty);
}

TEST_CASE("step: what does not fit is refused before anything is touched") {
  VectorXd x = VectorXd::Ones(5), other = VectorXd::Ones(4);
  RuleState<double> memory;
  CHECK(message_of([&] { step(Adam{.beta1 = 1.2}, memory, x, x); }) == "Adam: beta1 = 1.2, must be in [0, 1)");
  CHECK(message_of([&] { step(Adam{}, memory, x, other); }) ==
        "Optimizer::step: gradient of \"0\" is 4 x 1, its parameter 5 x 1");
  CHECK(memory == RuleState<double>{});
  step(Adam{}, memory, x, VectorXd::Ones(5));
  const RuleState<double> before = memory;
  const VectorXd kept = x;
  CHECK(message_of([&] { step(Adam{}, memory, other, other); }) ==
        "step: parameter \"0\" is 4 x 1, the state was made for 5 x 1");
  CHECK(message_of([&] { step(Adam{}, memory, std::tie(x, other), std::tie(x, other)); }) ==
        "step: more parameters than the 1 that the state was made for");
  CHECK(message_of([&] { step(Lion{}, memory, x, x); }) == "step: the state was made by Adam, not by Lion");
  CHECK(memory == before);
  CHECK(x == kept);
  RuleState<double> of_another;
  VectorXd y = x;
  step(Sgd{}, of_another, y, VectorXd::Ones(5));
  RuleState<double> assigned = memory;
  step(Adam{}, assigned, y, VectorXd::Ones(5));
  assigned = of_another;
  CHECK(message_of([&] { step(Adam{}, assigned, x, x); }) == "step: the state was made by Sgd, not by Adam");
}

TEST_CASE("an Optimizer is neither copied nor moved") {
  using Bound = Optimizer<Adam, double>;
  STATIC_REQUIRE(!std::is_copy_constructible_v<Bound>);
  STATIC_REQUIRE(!std::is_move_constructible_v<Bound>);
  STATIC_REQUIRE(!std::is_copy_assignable_v<Bound>);
  STATIC_REQUIRE(!std::is_move_assignable_v<Bound>);
  STATIC_REQUIRE(std::is_copy_constructible_v<RuleState<double>>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<RuleState<double>>);
}

TEST_CASE("rest and reset of single tensors") {
  VectorXd a = laws::parameters<VectorXd>(9), b = a, alone = a;
  Optimizer optimizer{Adam{.learning_rate = 0.1}, a, b};
  optimizer.step(VectorXd::Ones(9), VectorXd::Ones(9));
  optimizer.rest(0);
  const VectorXd kept = a;
  CHECK(optimizer.state(0).at_rest());
  CHECK(optimizer.state_bytes() == 2 * 9 * 8);
  optimizer.step(VectorXd::Constant(9, std::nan("")), VectorXd::Ones(9));
  CHECK(a == kept);
  optimizer.reset(0);
  a = alone;
  Optimizer fresh{Adam{.learning_rate = 0.1}, alone};
  for (int t = 1; t <= 3; ++t) {
    optimizer.step(laws::gradients<VectorXd>(9, t), no_gradient);
    fresh.step(laws::gradients<VectorXd>(9, t));
  }
  CHECK(laws::same_bits(a, alone));
}
