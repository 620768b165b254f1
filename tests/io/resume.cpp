#include "support/catch.hpp"
#include <glissade/optimizer/rows.hpp>
#include <glissade/rule/groups.hpp>
#include <glissade/rule/masked.hpp>
#include <glissade/rule/master_weights.hpp>
#include <glissade/rules/adafactor.hpp>
#include <glissade/rules/adamw.hpp>
#include <glissade/rules/amsgrad.hpp>
#include <glissade/rules/lion.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/transforms/accumulate.hpp>
#include <glissade/transforms/clip_by_global_norm.hpp>
#include <glissade/transforms/ema.hpp>
#include <glissade/transforms/lookahead.hpp>
#include <glissade/transforms/non_finite.hpp>
#include <glissade/transforms/scale_by_learning_rate.hpp>
#include <glissade/transforms/trace.hpp>

#include "io/support.hpp"

using namespace glissade;
using namespace io_tests;

namespace {

/// Four parameters of different kinds and their gradients: a deterministic function of place and
/// step.
template <class P, int Order>
struct Model {
  using T = compute_t<P>;
  using Matrix = Eigen::Matrix<P, Eigen::Dynamic, Eigen::Dynamic, Order>;
  Matrix weights = Matrix::Zero(7, 5);
  Eigen::Matrix<P, Eigen::Dynamic, 1> bias = Eigen::Matrix<P, Eigen::Dynamic, 1>::Zero(19);
  std::vector<P> gains = std::vector<P>(33, P(0));
  P temperature = P(0);

  void start() {
    for (Index i = 0; i < weights.size(); ++i) weights.data()[i] = P(static_cast<float>(i % 7) - 2.5f);
    for (Index i = 0; i < bias.size(); ++i) bias[i] = P(std::sin(static_cast<float>(i)));
    for (std::size_t i = 0; i < gains.size(); ++i) gains[i] = P(1.0f / static_cast<float>(i + 1));
    temperature = P(0.7f);
  }
  auto bind(auto rule, OptimizerOptions options = {}) {
    return Optimizer{std::move(rule),
                     options,
                     named("weights", weights),
                     named("bias", bias),
                     named("gains", std::span<P>(gains)),
                     named("temperature", temperature)};
  }
  static T slope(Index i, int step, T x) {
    return T(0.3) * x + static_cast<T>(std::sin(0.7 * static_cast<double>(i) + 1.3 * step));
  }
  void run(auto& optimizer, int first, int last) {
    for (int step = first; step < last; ++step) {
      Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> dw(7, 5);
      for (Index r = 0; r < 7; ++r)
        for (Index c = 0; c < 5; ++c) dw(r, c) = slope(r * 5 + c, step, static_cast<T>(weights(r, c)));
      Eigen::Matrix<T, Eigen::Dynamic, 1> db(19);
      for (Index i = 0; i < 19; ++i) db[i] = slope(i, step, static_cast<T>(bias[i]));
      std::vector<T> dg(33);
      for (std::size_t i = 0; i < 33; ++i) dg[i] = slope(static_cast<Index>(i), step, static_cast<T>(gains[i]));
      const T dt = slope(3, step, static_cast<T>(temperature));
      // One tensor rests now and then, so that the counts of tensors differ.
      if (step % 5 == 3)
        optimizer.step(dw, db, no_gradient, dt);
      else
        optimizer.step(dw, db, dg, dt);
    }
  }
};

/// 20 steps, save, load into a new optimizer with other options and zero parameters, 20 more: the
/// same as 40.
template <class P, int Order = Eigen::ColMajor, class R>
void check_resume(const R& rule, const R& blank = R{}, OptimizerOptions options = {}) {
  const Folder folder;
  const auto path = folder / "run.safetensors";
  Model<P, Order> whole;
  whole.start();
  auto optimizer = whole.bind(rule, options);
  whole.run(optimizer, 0, 20);
  save(optimizer, path);
  const auto at_20 = snapshot(optimizer);
  whole.run(optimizer, 20, 40);

  Model<P, Order> half;
  auto resumed = half.bind(blank);
  load(resumed, path);
  CHECK(snapshot(resumed) == at_20);
  half.run(resumed, 20, 40);
  CHECK(snapshot(resumed) == snapshot(optimizer));
  CHECK(snapshot(resumed) != at_20);
  CHECK(folder.entries() == 1);
}

TEST_CASE("float parameters resume bit for bit") {
  check_resume<float>(Sgd{.learning_rate = 0.05});
  check_resume<float>(Sgd{.learning_rate = 0.05, .momentum = 0.9, .nesterov = true});
  check_resume<float>(Adam{.learning_rate = 0.02, .weight_decay = 0.1});
  check_resume<float>(AdamW{.learning_rate = 0.02, .weight_decay = 0.1});
  check_resume<float>(Lion{.learning_rate = 0.01, .weight_decay = 0.5});
}
TEST_CASE("double parameters resume bit for bit") {
  check_resume<double>(Sgd{.learning_rate = 0.05, .momentum = 0.9});
  check_resume<double>(chain(ClipByGlobalNorm{.max_norm = 0.5}, AdamW{.learning_rate = 0.03}));
}
TEST_CASE("bfloat16 parameters resume bit for bit") {
  check_resume<Eigen::bfloat16>(Sgd{.learning_rate = 0.05, .momentum = 0.9});
  check_resume<Eigen::bfloat16>(Lion{.learning_rate = 0.01, .weight_decay = 0.5});
}
TEST_CASE("half parameters resume bit for bit") { check_resume<Eigen::half>(Adam{.learning_rate = 0.02}); }
TEST_CASE("row-major parameters resume bit for bit") {
  check_resume<float, Eigen::RowMajor>(chain(ClipByGlobalNorm{.max_norm = 0.5}, AdamW{.learning_rate = 0.03}));
}

TEST_CASE("AMSGrad resumes bit for bit in each convention") {
  for (const Convention convention : {Convention::torch, Convention::optax, Convention::paper})
    check_resume<float>(AmsGrad{.learning_rate = 0.02, .decoupled = true, .convention = convention});
}

TEST_CASE("state in bfloat16 resumes bit for bit") {
  check_resume<float>(with_state<Eigen::bfloat16>(Adam{.learning_rate = 0.02}));
}

TEST_CASE("gates, groups and factored state resume bit for bit") {
  // 20 is not a multiple of 3: it is saved in the middle of an accumulation.
  const auto rule = [](double rate, int steps) {
    return chain(SkipNonFinite{}, Accumulate{.steps = steps},
                 groups(Adafactor{.learning_rate = rate}, group("b*", Sgd{.learning_rate = rate, .momentum = 0.9})));
  };
  check_resume<double>(rule(0.02, 3), rule(0.5, 1));
}

TEST_CASE("a masked rule resumes bit for bit, and another one's file is refused") {
  const auto rule = [](double rate, double beta1) {
    return chain(Masked{ScaleByAdam{.beta1 = beta1}, matrices_only}, ScaleByLearningRate{.learning_rate = rate});
  };
  check_resume<float>(rule(0.02, 0.9), rule(0.5, 0.1));
  check_resume<double>(Masked{AdamW{.learning_rate = 0.02}, [](const Tensor& tensor) { return tensor.name != "bias"; }},
                       Masked{AdamW{}, [](const Tensor& tensor) { return tensor.name != "bias"; }});
  check_resume<float>(chain(Masked{chain(Trace{.momentum = 0.5}, ScaleByAdam{}), matrices_only},
                            ScaleByLearningRate{.learning_rate = 0.02}),
                      chain(Masked{chain(Trace{}, ScaleByAdam{}), matrices_only}, ScaleByLearningRate{}));
  CHECK(describe(rule(1, 0)) == "chain(masked(ScaleByAdam), ScaleByLearningRate)");

  Model<float, Eigen::ColMajor> model;
  auto adam = model.bind(rule(0.02, 0.9));
  auto lion = model.bind(chain(Masked{ScaleByLion{}, matrices_only}, ScaleByLearningRate{}));
  CHECK(message_of<std::runtime_error>([&] { load_bytes(lion, saved_bytes(adam)); }) ==
        "run.safetensors: \"rule\": is \"chain(masked(ScaleByAdam), ScaleByLearningRate)\", expected "
        "\"chain(masked(ScaleByLion), ScaleByLearningRate)\"");
  auto vectors = model.bind(
      chain(Masked{ScaleByAdam{}, [](const Tensor& tensor) { return !tensor.is_matrix(); }}, ScaleByLearningRate{}));
  CHECK(message_of<std::runtime_error>([&] { load_bytes(vectors, saved_bytes(adam)); }) ==
        "run.safetensors: \"state/bias/first_moment\": missing, expected F32 [19]");
}

TEST_CASE("a schedule made from a callable resumes with the optimizer's own") {
  const auto rate = [](std::int64_t t) { return 0.1 / static_cast<double>(t + 1); };
  check_resume<double>(Adam{.learning_rate = rate}, Adam{.learning_rate = rate});
}

TEST_CASE("state in 8-bit codes resumes bit for bit, and is refused in the other storage order") {
  check_resume<float>(with_state<LogarithmicCode>(Adam{.learning_rate = 0.02}));
  check_resume<float, Eigen::RowMajor>(with_state<DynamicCode>(Adam{.learning_rate = 0.02}));
  Model<float, Eigen::ColMajor> first;
  first.start();
  auto optimizer = first.bind(with_state<LogarithmicCode>(Adam{.learning_rate = 0.02}));
  first.run(optimizer, 0, 3);
  Model<float, Eigen::RowMajor> second;
  auto other = second.bind(with_state<LogarithmicCode>(Adam{}));
  try {
    load_bytes(other, saved_bytes(optimizer));
    FAIL("was loaded");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()).find("state/weights/first_moment/by_row\": missing") != std::string::npos);
  }
}

TEST_CASE("averages and master weights resume bit for bit") {
  check_resume<float>(chain(Adam{.learning_rate = 0.02}, Lookahead{.period = 3}, Ema{.decay = 0.9}));
  check_resume<Eigen::bfloat16>(chain(MasterWeights{}, Adam{.learning_rate = 0.02}));
}

TEST_CASE("a table of rows is saved after a flush and goes on") {
  using Table = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto run = [](auto& optimizer, int first, int last) {
    for (int t = first; t < last; ++t) {
      const std::vector<Index> rows{t % 5, (3 * t + 1) % 5};
      optimizer.refresh(rows);
      optimizer.step(rows, Table::Constant(2, 4, std::sin(static_cast<float>(t))));
    }
  };
  Table a = Table::Constant(5, 4, 1.0f);
  RowOptimizer first{Adam{.learning_rate = 0.02}, RowUpdates::exact, a};
  run(first, 0, 7);
  const auto bytes = saved_bytes(first.flush());
  Table b = Table::Zero(5, 4);
  RowOptimizer second{Adam{}, RowUpdates::exact, b};
  load_bytes(second.flush(), bytes);
  second.restart();
  run(first, 7, 20);
  run(second, 7, 20);
  CHECK(saved_bytes(first.flush()) == saved_bytes(second.flush()));
  CHECK(a == b);
}

TEST_CASE("stochastic rounding and ascent resume bit for bit") {
  check_resume<Eigen::bfloat16>(Adam{.learning_rate = 1e-3}, {},
                                {.maximize = true, .seed = 0xffff'ffff'ffff'ffff, .rounding = Rounding::stochastic});
}

TEST_CASE("a program with the other storage order goes on from the same matrix") {
  Model<float, Eigen::ColMajor> first;
  first.start();
  auto optimizer = first.bind(Adam{.learning_rate = 0.02});
  first.run(optimizer, 0, 20);
  Model<float, Eigen::RowMajor> second;
  auto resumed = second.bind(Adam{});
  load_bytes(resumed, saved_bytes(optimizer));
  CHECK(second.weights == first.weights);
  CHECK(saved_bytes(resumed) == saved_bytes(optimizer));
  first.run(optimizer, 20, 40);
  second.run(resumed, 20, 40);
  CHECK(second.weights == first.weights);
  CHECK(saved_bytes(resumed) == saved_bytes(optimizer));
}

}  // namespace
