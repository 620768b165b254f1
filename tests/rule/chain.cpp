#include "support/laws.hpp"
#include "support/message_of.hpp"
#include "support/paper_adam.hpp"
#include "support/small_rules.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

template <class... R>
constexpr int passes_of(const Chain<R...>&) {
  return passes<Chain<R...>>;
}

/// Both rules on the same gradients, bit for bit.
template <class A, class B>
void check_same(const A& a, const B& b) {
  MatrixXd x = laws::matrix(9, 5, 0);
  MatrixXd y = x;
  Optimizer first{a, x};
  Optimizer second{b, y};
  for (int t = 1; t <= 10; ++t) {
    first.step(laws::matrix(9, 5, t));
    second.step(laws::matrix(9, 5, t));
  }
  CHECK(laws::same_bits(x, y));
  CHECK(first.state_bytes() == second.state_bytes());
}

}  // namespace

TEST_CASE("chain: passes over memory are one plus the barriers, a constant") {
  STATIC_REQUIRE(passes<Sgd> == 1);
  STATIC_REQUIRE(passes<Chain<>> == 1);
  STATIC_REQUIRE(passes<Chain<ClipByValue, Adam, AddDecayedWeights>> == 1);
  STATIC_REQUIRE(passes<Chain<ClipByGlobalNorm, AdamW>> == 2);
  STATIC_REQUIRE(passes<Chain<AdamW, ClipByGlobalNorm>> == 2);
  STATIC_REQUIRE(passes<Chain<SkipNonFinite, ClipByGlobalNorm, AdamW>> == 3);
  STATIC_REQUIRE(passes<Chain<ClipByGlobalNorm, OwnTrustRatio, ClipByGlobalNorm>> == 4);
  STATIC_REQUIRE(passes<Chain<Accumulate, Adam>> == 1);
  STATIC_REQUIRE(passes<Chain<Chain<ClipByGlobalNorm>, Chain<Chain<OwnTrustRatio>>>> == 3);
  STATIC_REQUIRE(passes<StateIn<Eigen::bfloat16, Chain<OwnTrustRatio, Adam>>> == 2);
  STATIC_REQUIRE(passes<Adafactor> == 4);
  STATIC_REQUIRE(passes<Chain<ClipByGlobalNorm, Adafactor>> == 5);
  STATIC_REQUIRE(passes<Groups<Adam, Adafactor, Sgd>> == 4);  // the worst of the members
  STATIC_REQUIRE(Optimizer<Chain<ClipByGlobalNorm, Lion>, float>::passes == 2);
  CHECK(passes_of(chain(ClipByGlobalNorm{}, Lion{})) == 2);
}

TEST_CASE("chain: a chain of chains equals the flat chain") {
  const ClipByGlobalNorm clip{.max_norm = 0.5};
  const ScaleByAdam adam{};
  const AddDecayedWeights decay{.weight_decay = 0.1};
  const ScaleByLearningRate rate{.learning_rate = 0.1};
  check_same(chain(chain(clip, chain(adam)), chain(chain(chain(decay), rate))), chain(clip, adam, decay, rate));
}

TEST_CASE("chain: a composite in a chain equals its spelled out chain") {
  check_same(chain(ClipByValue{.max_value = 0.5}, AdamW{.learning_rate = 0.1, .weight_decay = 0.1}),
             chain(ClipByValue{.max_value = 0.5}, ScaleByAdam{}, AddDecayedWeights{.weight_decay = 0.1},
                   ScaleByLearningRate{.learning_rate = 0.1}));
}

TEST_CASE("chain: the empty chain and rules that scale") {
  VectorXd x = VectorXd::Zero(5);
  Optimizer nothing{chain(Chain<>{}, Scale{}), x};  // the gradient itself is the update
  nothing.step(VectorXd::Ones(5));
  CHECK((x.array() == 1).all());
  Optimizer half{chain(Scale{.factor = 0.5}, Scale{.factor = -1}), x};
  half.step(VectorXd::Ones(5));
  CHECK((x.array() == 0.5).all());
}

TEST_CASE("chain: a rule of one's own is a citizen") {
  VectorXd x = laws::parameters<VectorXd>(19);
  Eigen::ArrayXd y = x;
  Eigen::ArrayXd m = Eigen::ArrayXd::Zero(19);
  Eigen::ArrayXd v = m;
  Optimizer optimizer{paper_adam(0.1, 0.9, 0.99), x};
  for (int t = 1; t <= 10; ++t) {
    const Eigen::ArrayXd g = laws::gradients<VectorXd>(19, t);
    optimizer.step(g.matrix());
    m = 0.9 * m + (1 - 0.9) * g;
    v = 0.99 * v + (1 - 0.99) * g * g;
    y -= 0.1 * (v > 0).select(m / v.sqrt(), 0);
  }
  CHECK((x.array() - y).abs().maxCoeff() <= 1e-14);
  CHECK(optimizer.field("0", "second_moment")[3] == Approx(v[3]).epsilon(1e-14));
  CHECK(message_of([&] { static_cast<void>(optimizer.shared("x")); }) ==
        "Optimizer::shared: no \"x\" in chain(ScaleByPaperAdam, ScaleByLearningRate)");
}

TEST_CASE("chain: a barrier over each tensor, with several tensors") {
  MatrixXd W = laws::matrix(70, 80, 0);  // more than one block of a sum
  VectorXd b = laws::parameters<VectorXd>(37);
  VectorXd zero = VectorXd::Zero(5);
  MatrixXd W2 = W;
  VectorXd b2 = b;
  VectorXd zero2 = zero;
  MatrixXd momentum = MatrixXd::Zero(70, 80);
  VectorXd momentum_b = VectorXd::Zero(37);
  VectorXd momentum_zero = zero;
  const auto plain = [](auto& x, auto& m, const auto& g, int t) {
    m = t == 1 ? g : (0.5 * m + g).eval();
    const double ratio = m.norm() > 0 && x.norm() > 0 ? x.norm() / m.norm() : 1;
    x -= 0.1 * ratio * m;
  };
  Optimizer optimizer{chain(Trace{.momentum = 0.5}, OwnTrustRatio{}, ScaleByLearningRate{.learning_rate = 0.1}), W, b,
                      zero};
  for (int t = 1; t <= 5; ++t) {
    const MatrixXd gW = laws::matrix(70, 80, t);
    const auto gb = laws::gradients<VectorXd>(37, t);
    const VectorXd gz = VectorXd::Constant(5, t == 1 ? 0.0 : 1.0);
    optimizer.step(gW, gb, gz);
    plain(W2, momentum, gW, t);
    plain(b2, momentum_b, gb, t);
    plain(zero2, momentum_zero, gz, t);
    CHECK((W - W2).cwiseAbs().maxCoeff() <= 1e-14);
    CHECK((b - b2).cwiseAbs().maxCoeff() <= 1e-14);
    CHECK((zero - zero2).cwiseAbs().maxCoeff() <= 1e-14);
  }
}

TEST_CASE("chain: a barrier behind a barrier, of either kind") {
  VectorXd a = laws::parameters<VectorXd>(4099);
  VectorXd b = laws::parameters<VectorXd>(7);
  VectorXd a2 = a;
  VectorXd b2 = b;
  Optimizer optimizer{chain(OwnTrustRatio{}, ClipByGlobalNorm{.max_norm = 3}, ClipByGlobalNorm{.max_norm = 2},
                            OwnTrustRatio{}, OwnTrustRatio{}, Scale{.factor = 0.5}, ClipByGlobalNorm{.max_norm = 0.25},
                            ScaleByLearningRate{.learning_rate = 1}),
                      a, b};
  STATIC_REQUIRE(decltype(optimizer)::passes == 7);
  const auto trust = [](VectorXd& g, const VectorXd& x) { g *= x.norm() / g.norm(); };
  const auto clip = [](VectorXd& g, VectorXd& h, double most) {
    const double norm = std::sqrt(g.squaredNorm() + h.squaredNorm());
    if (norm <= most) return;
    g *= most / norm;
    h *= most / norm;
  };
  for (int t = 1; t <= 4; ++t) {
    VectorXd g = 100 * laws::gradients<VectorXd>(4099, t);
    VectorXd h = laws::gradients<VectorXd>(7, t);
    optimizer.step(g, h);
    trust(g, a2);
    trust(h, b2);
    clip(g, h, 3);
    clip(g, h, 2);
    trust(g, a2);
    trust(h, b2);
    clip(g *= 0.5, h *= 0.5, 0.25);
    a2 -= g;
    b2 -= h;
    CHECK((a - a2).cwiseAbs().maxCoeff() <= 1e-14);
    CHECK((b - b2).cwiseAbs().maxCoeff() <= 1e-14);
  }
}

TEST_CASE("chain: rules before a gate live by every call, those behind it by what comes through") {
  VectorXd x = VectorXd::Zero(19);
  VectorXd y = x;
  const auto rate = [](std::int64_t t) { return 1.0 / static_cast<double>(t + 1); };
  const auto decay = [](std::int64_t t) { return 0.01 * static_cast<double>(t); };
  Optimizer optimizer{
      chain(Trace{.momentum = 0.5, .dampening = 0.25}, AddDecayedWeights{.weight_decay = decay}, Accumulate{.steps = 3},
            Trace{.momentum = 0.25, .dampening = 0.5}, ScaleByLearningRate{.learning_rate = rate}),
      x};
  VectorXd before = VectorXd::Zero(19);
  VectorXd behind = before;
  VectorXd sum = before;
  int emitted = 0;
  for (int t = 1; t <= 12; ++t) {
    const auto g = laws::gradients<VectorXd>(19, t);
    optimizer.step(g);
    before = t == 1 ? g : (0.5 * before + 0.75 * g).eval();
    sum += before + decay(t - 1) * y;
    if (t % 3 == 0) {
      ++emitted;
      behind = emitted == 1 ? (sum / 3).eval() : (0.25 * behind + 0.5 * sum / 3).eval();
      y -= rate(emitted - 1) * behind;
      sum.setZero();
    }
    CHECK((x - y).cwiseAbs().maxCoeff() <= 1e-14);
    CHECK(optimizer.steps() == emitted);
  }
}

TEST_CASE("chain: a gate behind a barrier") {
  VectorXd x = VectorXd::Zero(2);
  Optimizer optimizer{chain(ClipByGlobalNorm{.max_norm = 1}, Accumulate{.steps = 2}, ClipByGlobalNorm{.max_norm = 0.25},
                            ScaleByLearningRate{.learning_rate = 1}),
                      x};
  optimizer.step(VectorXd{{0.0, 10.0}});
  CHECK((x.array() == 0).all());
  optimizer.step(VectorXd{{0.0, -0.5}});  // the mean of 1 and -0.5
  CHECK(x[0] == 0);
  CHECK(x[1] == -0.25);
}

TEST_CASE("chain: indexed rules know where a coefficient lies") {
  for (const Index size : {Index{1}, Index{17}, Index{4096}, Index{20'483}}) {
    VectorXd x = VectorXd::Zero(size);
    Optimizer optimizer{ScaleByIndex{}, x};
    optimizer.step(VectorXd::Ones(size));
    CHECK(x == VectorXd::LinSpaced(size, 0, static_cast<double>(size - 1)).array().round().matrix());
  }
}

TEST_CASE("chain: numbers of a tensor, and arrays that start at the parameters") {
  VectorXd x = laws::parameters<VectorXd>(19);
  VectorXd y = VectorXd::Constant(3, 5);
  const VectorXd start = x;
  Optimizer optimizer{chain(ReturnToStart{}, ScaleByLearningRate{.learning_rate = 1}), x, y};
  for (Index i = 0; i < 19; ++i) CHECK(optimizer.field("0", "start")[i] == start[i]);
  CHECK(optimizer.field("1", "start")[2] == 5);
  CHECK(optimizer.field("0", "ones")[18] == 1);
  CHECK(optimizer.field("0", "pull")[0] == 0.25);
  CHECK(optimizer.state(0).bytes() == 19 * 16 + 16);

  optimizer.step(VectorXd::Constant(19, -1), VectorXd::Constant(3, 1));
  optimizer.step(VectorXd::Zero(19), no_gradient);
  // x - start = 1, then 1 - 0.5
  CHECK((x - start - VectorXd::Constant(19, 0.5)).cwiseAbs().maxCoeff() <= 1e-15);
  CHECK((y.array() == 4).all());
  CHECK(optimizer.field("0", "pull")[0] == 1);
  CHECK(optimizer.field("0", "calls")[0] == 2);
  CHECK(optimizer.field("1", "calls")[0] == 1);
  CHECK(optimizer.field("0", "ones")[18] == 3);

  optimizer.reset();
  CHECK(optimizer.field("0", "start")[0] == x[0]);
  CHECK(optimizer.field("0", "pull")[0] == 0.25);
}

TEST_CASE("chains and wrapped rules are rules") {
  using namespace glissade;
  STATIC_REQUIRE(Rule<Adam>);
  STATIC_REQUIRE(Rule<ScaleByAdam>);
  STATIC_REQUIRE(Rule<decltype(chain(ClipByGlobalNorm{}, Adam{}))>);
  STATIC_REQUIRE(Rule<decltype(with_state<Eigen::half>(Adam{}))>);
  STATIC_REQUIRE(Rule<decltype(groups(Adam{}, group("*", Sgd{})))>);
  STATIC_REQUIRE_FALSE(Rule<int>);
  STATIC_REQUIRE_FALSE(Rule<Schedule>);
}
