// Traps that other libraries fell into, as far as the laws do not hold them all already.
#include "support/catch.hpp"
#include "support/laws.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

/// Zero gradients on 16-bit parameters: nothing moves, nothing becomes NaN.
template <class P, class R>
void rests(const R& rule) {
  using Vector = Eigen::Matrix<P, Eigen::Dynamic, 1>;
  Vector x = laws::parameters<Eigen::VectorXf>(19).cast<P>();
  const Vector before = x;
  Optimizer optimizer{rule, x};
  for (int t = 0; t < 5; ++t) optimizer.step(Vector(Eigen::VectorXf::Zero(19).cast<P>()));
  CHECK(laws::same_bits(x, before));
}
template <class R>
void rests_in_16_bits(const R& rule) {
  rests<Eigen::half>(rule);
  rests<Eigen::bfloat16>(rule);
  rests<Eigen::half>(with_state<Eigen::half>(rule));
}

}  // namespace

TEST_CASE("traps: half precision and zero gradients give no 0 / 0") {
  rests_in_16_bits(Adam{});
  rests_in_16_bits(Adamax{});
  rests_in_16_bits(Adan{});
  rests_in_16_bits(AdaBelief{});
  rests_in_16_bits(RmsProp{.centered = true});
}

TEST_CASE("traps: caution changes the update and leaves the momentum as it is") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  auto y = x;
  Optimizer plain{Lion{}, x};
  Optimizer careful{CautiousLion{}, y};
  Optimizer adam{Adam{}, x};
  Optimizer careful_adam{CautiousAdamW{}, y};
  for (int t = 1; t <= 10; ++t) {
    const auto g = laws::gradients<Eigen::VectorXd>(23, t);
    plain.step(g);
    careful.step(g);
    adam.step(g);
    careful_adam.step(g);
  }
  for (Index i = 0; i < 23; ++i) {
    CHECK(careful.field("0", "momentum")[i] == plain.field("0", "momentum")[i]);
    for (const char* name : {"first_moment", "second_moment"})
      CHECK(careful_adam.field("0", name)[i] == adam.field("0", name)[i]);
  }
}

TEST_CASE("traps: rows of zeros are no NaN for AdamP and SGDP") {
  Eigen::MatrixXd x = Eigen::MatrixXd::Ones(4, 3);
  x.row(1).setZero();
  Eigen::MatrixXd g = Eigen::MatrixXd::Ones(4, 3);
  g.row(2).setZero();
  Eigen::MatrixXd y = x;
  Optimizer adamp{AdamP{.weight_decay = 0.1}, x};
  Optimizer sgdp{SgdP{.weight_decay = 0.1}, y};
  for (int t = 0; t < 5; ++t) {
    adamp.step(g);
    sgdp.step(g);
  }
  CHECK(x.allFinite());
  CHECK(y.allFinite());
  x.setZero();
  adamp.step(Eigen::MatrixXd::Zero(4, 3));
  CHECK(x.allFinite());
}

TEST_CASE("traps: matrices of one row, one column and one number") {
  for (const auto& [rows, cols] : {std::pair<Index, Index>{1, 1}, {1, 6}, {6, 1}}) {
    Eigen::MatrixXd a = laws::matrix(rows, cols, 0), b = a, c = a;
    Optimizer one{Adafactor{}, a};
    Optimizer two{AdamP{}, b};
    Optimizer three{chain(Centralize{}, AdaptiveClip{}, Sgd{}), c};
    for (int t = 1; t <= 12; ++t) {
      const Eigen::MatrixXd g = laws::matrix(rows, cols, t);
      one.step(g);
      two.step(g);
      three.step(g);
    }
    CHECK(a.allFinite());
    CHECK(b.allFinite());
    CHECK(c.allFinite());
  }
}

TEST_CASE("traps: a tensor that came late counts its own steps") {
  // Its first step is Adam's first: the learning rate, however many steps others have made.
  Eigen::VectorXd often = Eigen::VectorXd::Zero(2), late = often;
  Optimizer optimizer{Adam{.learning_rate = 0.1, .epsilon = 0}, often, late};
  for (int t = 0; t < 50; ++t) optimizer.step(Eigen::Vector2d(1, -2), no_gradient);
  optimizer.step(Eigen::Vector2d(1, -2), Eigen::Vector2d(3, -4));
  CHECK(std::abs(late[0] + 0.1) <= 1e-15);
  CHECK(std::abs(late[1] - 0.1) <= 1e-15);
}

TEST_CASE("traps: decay that only the schedule multiplies is decay over the peak rate") {
  // The decoupled decay of the source, x <- x - eta (alpha d + w x), with eta a schedule from 1 downwards.
  const double alpha = 0.02;
  const double w = 0.01;
  const auto eta = cosine_decay(1, 50);
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Eigen::VectorXd y = x;
  Optimizer ours{AdamW{.learning_rate = cosine_decay(alpha, 50), .weight_decay = w / alpha}, x};
  Eigen::VectorXd direction = Eigen::VectorXd::Zero(23);
  Optimizer adam{chain(ScaleByAdam{}, Scale{}), direction};
  for (int t = 1; t <= 40; ++t) {
    const auto g = laws::gradients<Eigen::VectorXd>(23, t);
    ours.step(g);
    direction.setZero();
    adam.step(g);
    y -= eta(t - 1) * (alpha * direction + w * y);
  }
  CHECK((x - y).cwiseAbs().maxCoeff() <= 1e-14);
}

TEST_CASE("traps: the options of Rprop, Yogi, Lars and RmsProp that stand for other libraries") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  Optimizer rprop{Rprop{.convention = Convention::optax}, x};
  rprop.step(Eigen::Vector3d(1, -1, 0));
  CHECK(x == Eigen::VectorXd::Ones(3));  // a step late
  rprop.step(Eigen::Vector3d(1, -1, 0));
  CHECK(x == Eigen::Vector3d(1 - 0.01, 1 + 0.01, 1));
  Eigen::VectorXd z = Eigen::VectorXd::Ones(1);
  Optimizer yogi{Yogi{.both_start = true}, z};
  yogi.step(Eigen::VectorXd::Zero(1));
  CHECK(z[0] < 1);  // its momentum does not start at 0
  Optimizer start{RmsProp{.initial_accumulator = 4}, z};
  CHECK(start.field("0", "mean_square")[0] == 4);
  Optimizer tensorflow{RmsProp{.convention = Convention::tensorflow}, z};
  CHECK(tensorflow.field("0", "mean_square")[0] == 1);
}

namespace {

/// How far the parameters of a rule get, from 0.5, with these gradients.
template <class T, class R>
double farthest(const R& rule, std::initializer_list<double> gradients) {
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  Vector x = Vector::Constant(5, T(0.5));
  Optimizer optimizer{rule, x};
  double most = 0;
  for (const double g : gradients) {
    optimizer.step(Vector(Vector::Constant(5, static_cast<T>(g))));
    if (!x.allFinite()) return std::numeric_limits<double>::infinity();
    most = std::max(most, static_cast<double>((x.array() - T(0.5)).abs().maxCoeff()));
  }
  return most;
}

}  // namespace

TEST_CASE("traps: what is left of a gradient whose square has vanished makes no step") {
  CHECK(farthest<float>(AmsGrad{.convention = Convention::paper}, {1e-22}) == 0);
  CHECK(farthest<double>(AmsGrad{.convention = Convention::paper}, {1e-170}) == 0);
  CHECK(farthest<float>(Adam{.epsilon = 0}, {1e-23, 0, 0}) == 0);
  CHECK(farthest<float>(Adam{.epsilon = 0, .epsilon_root = 1e-60}, {1e-23, 0, 0}) == 0);
  CHECK(farthest<float>(Madgrad{.epsilon = 0}, {1e-30}) == 0);
  // Half holds no second moment below 6e-8, bfloat16 in doubles none below 1e-40.
  CHECK(farthest<float>(with_state<Eigen::half>(Adam{}), {2e-4, 0, 1e-9, 1e-12}) <= 5e-3);
  CHECK(farthest<double>(with_state<Eigen::bfloat16>(Adam{.epsilon = 0}), {1e-30, 0, 1e-32}) <= 5e-3);
  CHECK(farthest<double>(with_state<float>(Adam{.epsilon = 0}), {1e-24, 0, 1e-40}) <= 5e-3);
  CHECK(farthest<double>(with_state<LogarithmicCode>(Adam{.epsilon = 0}), {1e-30, 0, 1e-32}) <= 5e-3);
  for (const double g : {1e-18, 3e-19, 1e-19, 3e-20, 1e-20, 1e-21})
    CHECK(farthest<float>(with_state<LogarithmicCode>(Adam{.epsilon = 0}), {g, g / 3, g / 9, g / 27, g / 81}) <= 6e-3);
}

TEST_CASE("traps: an epsilon below the numbers of the scalar gives no 0 / 0") {
  CHECK(farthest<float>(Adadelta{.epsilon = 1e-300}, {0, 0}) == 0);
  CHECK(farthest<float>(Adafactor{.epsilon1 = 1e-300}, {0, 0}) == 0);
  Eigen::MatrixXf W = Eigen::MatrixXf::Constant(3, 2, 0.5f);
  Optimizer factored{Adafactor{.epsilon1 = 1e-300}, W};
  factored.step(Eigen::MatrixXf::Zero(3, 2));
  CHECK(W == Eigen::MatrixXf::Constant(3, 2, 0.5f));
  Eigen::MatrixXf g = Eigen::MatrixXf::Ones(3, 2);
  g.row(1).setZero();
  factored.step(g);
  CHECK(W.allFinite());
  CHECK(W.row(1) == Eigen::RowVector2f::Constant(0.5f));
}

TEST_CASE("traps: a ratio beyond the range of float is no infinity") {
  CHECK(farthest<float>(Lars{.learning_rate = 1}, {1e-39}) < 1);
  CHECK(farthest<float>(chain(ScaleByTrustRatio{}, ScaleByLearningRate{1.0}), {1e-39, 1e-44}) < 2);
}

TEST_CASE("traps: squares that overflow") {
  CHECK(farthest<float>(Yogi{}, {1e20, 0, 0, 1e20, 1}) < 1);
  CHECK(farthest<double>(Yogi{}, {1e160, 0, 0, 1e160, 1}) < 1);
  CHECK(farthest<float>(RmsProp{.centered = true}, {1e21, 1e21, 1}) < 1);
  Eigen::MatrixXf W = Eigen::MatrixXf::Constant(3, 2, 0.5f);
  Optimizer factored{Adafactor{}, W};
  for (int t = 0; t < 3; ++t) factored.step(Eigen::MatrixXf::Constant(3, 2, 1e25f));
  CHECK(W.allFinite());
  // Moments in half saturate: a gradient of 1e6 does not stop Adam for ever.
  Eigen::VectorXf x = Eigen::VectorXf::Zero(3);
  Optimizer half{with_state<Eigen::half>(Adam{.learning_rate = 0.1}), x};
  half.step(Eigen::VectorXf::Constant(3, 1e6f));
  for (int t = 0; t < 2000; ++t) half.step(Eigen::VectorXf::Constant(3, 100));
  CHECK(x.allFinite());
  const Eigen::VectorXf before = x;
  half.step(Eigen::VectorXf::Constant(3, 100));
  CHECK((before - x).minCoeff() > 0.01f);
}
