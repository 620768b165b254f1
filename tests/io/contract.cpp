// The spellings that programs outside of the repository use, word for word: a change here breaks them.
#include "support/catch.hpp"
#include <glissade/glissade.hpp>
#include <glissade/io/safetensors.hpp>
#include <glissade/problems/log_sum_exp.hpp>

#include "io/support.hpp"

using namespace glissade;

TEST_CASE("contract: you have gradients") {
  Eigen::MatrixXf W = Eigen::MatrixXf::Ones(4, 3), dW = W;
  Eigen::VectorXf b = Eigen::VectorXf::Ones(4), db = b;
  Optimizer optimizer{AdamW{.learning_rate = 3e-4, .weight_decay = 0.1}, W, b};
  optimizer.step(dW, db);
  optimizer.rule().learning_rate = 1e-4;
  optimizer.step(dW, db);
  CHECK(optimizer.steps() == 2);
  CHECK(W(0, 0) < 1);

  const io_tests::Folder folder;
  const std::string path = (folder / "run.safetensors").string();
  save(optimizer, path);
  load(optimizer, path);
  CHECK(optimizer.steps() == 2);
}

TEST_CASE("contract: you want your own mixture") {
  auto rule =
      chain(ClipByGlobalNorm{.max_norm = 1.0}, ScaleByLion{.beta1 = 0.9, .beta2 = 0.99},
            AddDecayedWeights{.weight_decay = 0.1}, ScaleByLearningRate{.learning_rate = cosine_decay(3e-4, 10'000)});
  Eigen::MatrixXd W = Eigen::MatrixXd::Ones(4, 3);
  Optimizer optimizer{rule, W};
  optimizer.step(W);
  CHECK(std::abs(W(0, 0) - (1 - 3e-4 * 1.1)) <= 1e-15);
  static_assert(passes<decltype(rule)> == 2);
}

TEST_CASE("contract: groups by name") {
  Eigen::MatrixXd W = Eigen::MatrixXd::Ones(4, 3);
  Eigen::VectorXd b = Eigen::VectorXd::Ones(4);
  Optimizer optimizer{groups(AdamW{.weight_decay = 0.1}, group("*.bias", AdamW{.weight_decay = 0})),
                      named("layer.weight", W), named("layer.bias", b)};
  optimizer.step(Eigen::MatrixXd::Zero(4, 3), Eigen::VectorXd::Zero(4));
  CHECK(W(0, 0) == Approx(1 - 1e-4).epsilon(1e-15));
  CHECK(b[0] == 1);
}

TEST_CASE("contract: you have an objective") {
  auto f = [](const Eigen::VectorXd& x, Eigen::VectorXd& gradient) -> double {
    gradient = x;
    return 0.5 * x.squaredNorm();
  };
  Eigen::VectorXd x = Eigen::VectorXd::Ones(5);
  Result r = minimize(f, x, Lbfgs{.memory = 10}, {.max_iterations = 200, .gradient_tolerance = 1e-9}, ProgressBar{});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(x.norm() <= 1e-9);

  const Eigen::MatrixXd A{{1.0, 0.5}, {-1.0, 0.5}, {0.0, -1.0}};
  const Eigen::VectorXd b = Eigen::VectorXd::Zero(3);
  x = Eigen::VectorXd::Ones(2);
  Result s = minimize(problems::LogSumExp{A, b}, x, LazyNewton{.period = 10}, {.gradient_tolerance = 1e-9});
  CHECK(s.status == Status::gradient_tolerance);
  CHECK(s.gradient_norm <= 1e-9);
  CHECK(!to_string(s.status).empty());

  x = Eigen::VectorXd::Ones(2);
  const Result lifted = minimize(problems::LogSumExp{A, b}, x, Adam{.learning_rate = 0.1}, {.max_iterations = 5});
  CHECK(lifted.iterations == 5);
}
