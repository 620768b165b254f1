#include "support/laws.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
using Eigen::VectorXf;
template <class S>
using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;

namespace {

/// 16-bit parameters with master weights are a float run, rounded after every step.
template <class S, class Rule>
void equals_float_run_rounded(const Rule& rule, Index size) {
  Vector<S> narrow = laws::parameters<VectorXf>(size).template cast<S>();
  VectorXf wide = narrow.template cast<float>();
  Optimizer master{chain(MasterWeights{}, rule), narrow};
  Optimizer reference{rule, wide};
  for (int t = 1; t <= 30; ++t) {
    const auto g = laws::gradients<VectorXf>(size, t);
    master.step(g);
    reference.step(g);
    REQUIRE(laws::same_bits(narrow, Vector<S>(wide.template cast<S>())));
  }
  const Field& copy = master.field("0", "master_parameters");
  CHECK(std::memcmp(copy.data(), wide.data(), copy.bytes()) == 0);
}

}  // namespace

TEST_CASE("master weights: 16-bit parameters are a float run, rounded") {
  for (const Index size : {Index{1}, Index{37}, Index{9000}}) {
    equals_float_run_rounded<Eigen::bfloat16>(AdamW{.learning_rate = 1e-3, .weight_decay = 0.1}, size);
    equals_float_run_rounded<Eigen::half>(Sgd{.learning_rate = 1e-3, .momentum = 0.9}, size);
    equals_float_run_rounded<Eigen::bfloat16>(chain(ClipByGlobalNorm{.max_norm = 0.1}, Adam{.learning_rate = 1e-3}),
                                              size);
    equals_float_run_rounded<Eigen::bfloat16>(chain(ScaleByAdam{}, ScaleByTrustRatio{}, ScaleByLearningRate{1e-3}),
                                              size);
  }
}

TEST_CASE("master weights: a matrix rule sees the copy too") {
  using Matrix = Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, Eigen::Dynamic>;
  Matrix narrow = laws::matrix(20, 30, 0).cast<float>().cast<Eigen::bfloat16>();
  Eigen::MatrixXf wide = narrow.cast<float>();
  Optimizer master{chain(Adafactor{}, MasterWeights{}), narrow};
  Optimizer reference{Adafactor{}, wide};
  for (int t = 1; t <= 10; ++t) {
    const Eigen::MatrixXf g = laws::matrix(20, 30, t).cast<float>();
    master.step(g);
    reference.step(g);
    REQUIRE(laws::same_bits(narrow, Matrix(wide.cast<Eigen::bfloat16>())));
  }
}

TEST_CASE("master weights: a thousand steps of 1e-3 arrive; without them bfloat16 stays at 1") {
  Vector<Eigen::bfloat16> with = Vector<Eigen::bfloat16>::Constant(1, Eigen::bfloat16(1.0f));
  Vector<Eigen::bfloat16> without = with;
  Optimizer master{chain(MasterWeights{}, Sgd{.learning_rate = 1e-3}), with};
  Optimizer plain{Sgd{.learning_rate = 1e-3}, without};
  const VectorXf g = VectorXf::Constant(1, -1);
  for (int t = 0; t < 1000; ++t) {
    master.step(g);
    plain.step(g);
  }
  CHECK(static_cast<float>(with[0]) == 2.0f);
  CHECK(static_cast<float>(without[0]) == 1.0f);
}

TEST_CASE("master weights: parameters of float are their own") {
  auto x = laws::parameters<VectorXf>(37);
  VectorXf y = x;
  Optimizer master{chain(MasterWeights{}, Adam{}), x};
  Optimizer plain{Adam{}, y};
  for (int t = 1; t <= 5; ++t) {
    master.step(laws::gradients<VectorXf>(37, t));
    plain.step(laws::gradients<VectorXf>(37, t));
  }
  CHECK(laws::same_bits(x, y));
  CHECK(master.state_bytes() == plain.state_bytes());
}
