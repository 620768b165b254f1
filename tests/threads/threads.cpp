// Results do not depend on the number of threads.
#include "support/laws.hpp"
#include "support/small_rules.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
using Eigen::VectorXd;

namespace {

constexpr Index size = 100'003;  // many units of work and a tail

/// Three steps of a rule on a vector and a matrix with 1, 2 and 3 threads: parameters and state.
template <class R>
void check_threads(const R& rule, OptimizerOptions options = {}) {
  struct Run {
    VectorXd x;
    Eigen::MatrixXd W;
    std::vector<TensorState> states;
  };
  const auto run = [&](int threads) {
    Run r{laws::parameters<VectorXd>(size), laws::matrix(301, 201, 0), {}};
    options.threads = threads;
    Optimizer optimizer{rule, options, r.x, r.W};
    for (int t = 1; t <= 3; ++t) optimizer.step(laws::gradients<VectorXd>(size, t), laws::matrix(301, 201, t));
    r.states = {optimizer.state(0), optimizer.state(1)};
    return r;
  };
  const Run one = run(1);
  for (const int threads : {2, 3, 0}) {
    const Run many = run(threads);
    INFO(threads << " threads");
    CHECK(laws::same_bits(one.x, many.x));
    CHECK(laws::same_bits(one.W, many.W));
    CHECK(one.states == many.states);
  }
}

}  // namespace

TEST_CASE("threads: the program is compiled with OpenMP") {
#ifdef _OPENMP
  CHECK(resolve_threads(3) == 3);
  CHECK(resolve_threads(0) >= 1);
  CHECK(resolve_threads(100'000) == most_threads);
  std::vector<int> seen(100'000);
  parallel_for(100'000, 3, [&](Index i) { ++seen[static_cast<std::size_t>(i)]; });
  CHECK(std::all_of(seen.begin(), seen.end(), [](int count) { return count == 1; }));
#else
  FAIL("no OpenMP");
#endif
}

TEST_CASE("threads: elementwise rules") {
  check_threads(AdamW{.learning_rate = 0.1});
  check_threads(Lion{.learning_rate = 0.1, .weight_decay = 0.1});
}

TEST_CASE("threads: an update too large for the caches, between two passes") {
  const Index large = (Index{1} << 22) + 37;
  const Eigen::VectorXf start = Eigen::VectorXf::LinSpaced(large, -1, 2), g = Eigen::VectorXf::LinSpaced(large, 3, -1);
  const auto step = [&](int threads) {
    Eigen::VectorXf x = start;
    Optimizer optimizer{chain(Scale{.factor = 2}, ScaleByTrustRatio{}, ScaleByLearningRate{.learning_rate = 0.1}),
                        OptimizerOptions{.threads = threads}, x};
    optimizer.step(g);
    return x;
  };
  const Eigen::VectorXf one = step(1);
  const double ratio = start.cast<double>().norm() / (2 * g).cast<double>().norm();
  const Eigen::VectorXd expected = start.cast<double>() - 0.2 * ratio * g.cast<double>();
  CHECK((one.cast<double>() - expected).cwiseAbs().maxCoeff() < 1e-6);
  CHECK(laws::same_bits(one, step(2)));
}

TEST_CASE("threads: sums over all tensors and over each") {
  check_threads(chain(ClipByGlobalNorm{.max_norm = 0.5}, AdamW{.learning_rate = 0.1}));
  check_threads(chain(OwnTrustRatio{}, ScaleByIndex{}, ClipByGlobalNorm{.max_norm = 0.5}, Scale{.factor = -1}));
}

TEST_CASE("threads: gates") {
  check_threads(chain(SkipNonFinite{}, Accumulate{.steps = 2}, Sgd{.learning_rate = 0.1, .momentum = 0.9}));
}

TEST_CASE("threads: noise and an order statistic") {
  check_threads(chain(ClipCoordinates{.fraction = 0.1}, AddNoise{}, Scale{.factor = -1}));
}

TEST_CASE("threads: Adafactor") { check_threads(Adafactor{}); }

TEST_CASE("threads: stochastic rounding") {
  using Brain = Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, 1>;
  const auto run = [](int threads) {
    Brain x = laws::parameters<Eigen::VectorXf>(size).cast<Eigen::bfloat16>();
    Optimizer optimizer{Sgd{.learning_rate = 1e-3},
                        OptimizerOptions{.threads = threads, .seed = 5, .rounding = Rounding::stochastic}, x};
    for (int t = 1; t <= 3; ++t) optimizer.step(laws::gradients<Eigen::VectorXf>(size, t));
    return x;
  };
  const Brain one = run(1);
  for (const int threads : {2, 3}) CHECK(laws::same_bits(one, run(threads)));
}
