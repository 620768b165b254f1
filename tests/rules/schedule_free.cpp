#include "support/rule_checks.hpp"

using namespace glissade;

TEST_CASE("schedule-free SGD: golden values of x on three coordinates") {
  small_problems::ThreeCoordinates p;
  Optimizer optimizer{ScheduleFreeSgd{.learning_rate = 0.1}, p.x};
  for (int t = 1; t <= 20; ++t) optimizer.step(p.gradient(t));
  const Eigen::Array3d expected{0.291988990135, -1.726236204019, -0.056212114843};
  CHECK((evaluation_parameters(optimizer, 0).col(0) - expected).abs().maxCoeff() <= 1e-11);
}

TEST_CASE("schedule-free SGD: with momentum 1 gradients are taken at the plain mean of z") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Eigen::VectorXd z = x;
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(23);
  Optimizer optimizer{ScheduleFreeSgd{.learning_rate = 0.1, .momentum = 1}, x};
  for (int t = 1; t <= 20; ++t) {
    const auto g = laws::gradients<Eigen::VectorXd>(23, t);
    optimizer.step(g);
    z -= 0.1 * g;
    mean += (z - mean) / t;
    CHECK((x - mean).norm() <= 1e-13);
  }
}

TEST_CASE("schedule-free SGD: keeps the bound D G / sqrt(T) on |x|") {
  const double momenta[] = {0, 0.5, 0.9, 0.98, 1};
  const double measured[] = {0.01906, 0.00546, 0.00129, 0.00021, 0.01345};
  for (std::size_t i = 0; i < 5; ++i) {
    double y = 1;
    Optimizer optimizer{ScheduleFreeSgd{.learning_rate = 1 / std::sqrt(1000), .momentum = momenta[i]}, y};
    for (int t = 0; t < 1000; ++t) optimizer.step(y > 0 ? 1.0 : y < 0 ? -1.0 : 0.0);
    INFO(momenta[i]);
    const double value = std::abs(evaluation_parameters(optimizer, 0)(0, 0));
    CHECK(value <= 1 / std::sqrt(1000));
    CHECK(std::abs(value - measured[i]) <= 1e-5);

    // The sum of ten of them: D and G are sqrt(10), the rate is the same.
    Eigen::VectorXd ten = Eigen::VectorXd::Ones(10);
    Optimizer wide{ScheduleFreeSgd{.learning_rate = 1 / std::sqrt(1000), .momentum = momenta[i]}, ten};
    for (int t = 0; t < 1000; ++t) wide.step(ten.cwiseSign());
    const double sum = evaluation_parameters(wide, 0).abs().sum();
    CHECK(sum <= 10 / std::sqrt(1000));
    CHECK(std::abs(sum - 10 * measured[i]) <= 1e-4);
  }
}

TEST_CASE("schedule-free SGD: with momentum 0 the parameter is SGD's and the solution the mean of all") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Eigen::VectorXd y = x, mean = Eigen::VectorXd::Zero(23);
  Optimizer averaging{ScheduleFreeSgd{.learning_rate = 0.1, .momentum = 0}, x};
  Optimizer plain{Sgd{.learning_rate = 0.1}, y};
  for (int t = 1; t <= 20; ++t) {
    averaging.step(laws::gradients<Eigen::VectorXd>(23, t));
    plain.step(laws::gradients<Eigen::VectorXd>(23, t));
    mean += (y - mean) / t;
    CHECK((evaluation_parameters(averaging, 0).matrix() - mean).norm() <= 1e-13);
  }
  CHECK(laws::same_bits(x, y));
}

TEST_CASE("schedule-free: a warm-up from a rate of zero is harmless") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  const Eigen::VectorXd before = x;
  Optimizer optimizer{ScheduleFreeAdamW{.learning_rate = [](std::int64_t t) { return 0.01 * static_cast<double>(t); }},
                      x};
  optimizer.step(laws::gradients<Eigen::VectorXd>(23, 1));
  CHECK(laws::same_bits(x, before));
  optimizer.step(laws::gradients<Eigen::VectorXd>(23, 2));
  CHECK(x.allFinite());
}

TEST_CASE("evaluation_parameters: the parameter's shape, inside any chain, and refused elsewhere") {
  Eigen::MatrixXd a = laws::matrix(5, 7, 0);
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> b = a;
  Optimizer optimizer{chain(ClipByValue{.max_value = 0.5}, ScheduleFreeAdamW{}), a, b};
  for (int t = 1; t <= 5; ++t) optimizer.step(laws::matrix(5, 7, t), laws::matrix(5, 7, t));
  const Eigen::ArrayXXd x = evaluation_parameters(optimizer, 0);
  CHECK(x.rows() == 5);
  CHECK(x.cols() == 7);
  CHECK((x == evaluation_parameters(optimizer, 1)).all());
  CHECK((x != a.array()).any());
  Optimizer plain{Adam{}, a};
  CHECK_THROWS_AS(evaluation_parameters(plain, 0), std::invalid_argument);
}

TEST_CASE("schedule-free: iterates weigh with the largest rate so far, also where the rate falls") {
  for (const double step_power : {0.0, 1.0}) {
    auto y = laws::parameters<Eigen::VectorXd>(23);
    Eigen::VectorXd z = y, x = y;
    const auto rate = [](std::int64_t t) { return 0.2 / static_cast<double>(t < 5 ? 6 - t : t - 2); };  // up, then down
    Optimizer optimizer{ScheduleFreeSgd{.learning_rate = rate, .rate_power = 3, .step_power = step_power}, y};
    double sum = 0, largest = 0;
    for (int t = 1; t <= 20; ++t) {
      const auto g = laws::gradients<Eigen::VectorXd>(23, t);
      optimizer.step(g);
      largest = std::max(largest, rate(t - 1));
      const double weight = std::pow(t, step_power) * std::pow(largest, 3);
      sum += weight;
      z -= rate(t - 1) * g;
      x += weight / sum * (z - x);
      CHECK((evaluation_parameters(optimizer, 0).matrix() - x).norm() <= 1e-12);
    }
  }
}
