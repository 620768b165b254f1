// What noise buys and what a training has spent, against scipy, published values and the definitions; sums through a
// shuffler, and minimizers with noise. The numbers are of generate_privacy.py.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/message_of.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/privacy.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

using namespace glissade;

namespace {
bool near(double a, double b, double relative) { return std::abs(a - b) <= relative * std::abs(b); }
}  // namespace

TEST_CASE("Gaussian mechanism: delta as scipy has it, and noise and epsilon are its inverses") {
  for (const auto& [epsilon, noise, delta] : {std::array{0.0, 1.0, 3.829249225480263e-01},
                                              {0.5, 2.0, 5.244032328766973e-02},
                                              {1.0, 4.0, 2.924272104856314e-06},
                                              {4.0, 1.0, 4.712241200793141e-05},
                                              {10.0, 0.5, 9.940202816118226e-06},
                                              {30.0, 0.5, 9.662106682977498e-46},
                                              {200.0, 0.05, 4.801023843516736e-01}}) {
    CAPTURE(epsilon, noise);
    CHECK(near(gaussian_delta(epsilon, noise), delta, 1e-11));
    CHECK(near(gaussian_delta(epsilon, 3 * noise, 3), delta, 1e-11));
    const double back = gaussian_noise(epsilon, delta);
    CHECK(near(back, noise, 1e-10));
    CHECK(gaussian_delta(epsilon, back) <= delta);
    CHECK(near(gaussian_noise(epsilon, delta, 7), 7 * back, 1e-14));
    const double spent = gaussian_epsilon(delta, noise);
    CHECK(std::abs(spent - epsilon) <= 1e-9);
    CHECK(gaussian_delta(spent, noise) <= delta);
  }
  CHECK(gaussian_epsilon(0.5, 10) == 0);
  // e^epsilon overflows, the two terms cancel to 30 digits, and delta still falls.
  CHECK(gaussian_delta(1000, 1) == 0);
  CHECK(gaussian_delta(1000, 0.02) > gaussian_delta(1001, 0.02));
  CHECK(near(gaussian_delta(0, 1e12), 1e-12 / std::sqrt(2 * std::numbers::pi), 1e-12));
}

TEST_CASE("Gaussian mechanism: the three routes to epsilon, and the classic noise is larger") {
  const double exact = gaussian_epsilon(1e-5, 1);
  CHECK(std::abs(exact - 4.377) < 1e-3);
  CHECK(std::abs(zcdp_epsilon(zcdp_of_gaussian(1), 1e-5) - 5.2985) < 5e-5);
  double best = 1e300;
  for (int k = 11; k < 1000; ++k) best = std::min(best, renyi_epsilon(0.05 * k, 0.1 * k, 1e-5));
  CHECK(std::abs(best - 4.7285) < 5e-5);
  CHECK(std::abs(zcdp_epsilon_of_best_order(0.5, 1e-5) - best) < 1e-3);
  for (const double rho : {1e-8, 1e-3, 1.0, 1e3})
    for (const double delta : {1e-12, 1e-5, 0.5}) {
      CAPTURE(rho, delta);
      const double epsilon = gaussian_epsilon(delta, std::sqrt(0.5 / rho));
      CHECK(epsilon <= zcdp_epsilon_of_best_order(rho, delta));
      CHECK(zcdp_epsilon_of_best_order(rho, delta) <= zcdp_epsilon(rho, delta));
    }
  for (const double epsilon : {0.01, 0.3, 1.0}) {
    const double classic = std::sqrt(2 * std::log(1.25e5)) / epsilon;
    CHECK(gaussian_noise(epsilon, 1e-5) < classic);
  }
  CHECK(gaussian_noise(10, 1e-5) > std::sqrt(2 * std::log(1.25e5)) / 10);  // where it promises too much
}

TEST_CASE("Renyi accountant: divergences as quadrature has them, and published budgets") {
  CHECK(near(sampled_gaussian_divergence(2, 1.1, 0.01), 1.285100816052e-04, 1e-10));
  CHECK(near(sampled_gaussian_divergence(8, 1.1, 256.0 / 60'000), 9.834106177995e-05, 1e-10));
  CHECK(near(sampled_gaussian_divergence(16, 2, 0.1), 4.529183908362e-02, 1e-10));
  CHECK(near(sampled_gaussian_divergence(5, 1, 0.5), 1.657893866440, 1e-10));
  CHECK(near(sampled_gaussian_divergence(3, 4, 1e-5), 9.674175211022e-12, 1e-10));
  CHECK(sampled_gaussian_divergence(7, 2, 0) == 0);
  CHECK(near(sampled_gaussian_divergence(7, 2, 1), 7 / 8.0, 1e-15));
  CHECK(near(sampled_gaussian_divergence(7, 2, 1 - 1e-12), 7 / 8.0, 1e-10));
  CHECK(near(sampled_gaussian_divergence(4096, 0.01, 0.1), 4096 * 5000 + 4096 * std::log(0.1) / 4095, 1e-12));
  CHECK(std::isinf(sampled_gaussian_divergence(9, 1e-200, 0.1)));

  RenyiAccountant mnist, other, gaussian;
  mnist.add_sampled_gaussian(1.1, 256.0 / 60'000, 14'062);
  CHECK(std::abs(mnist.epsilon(1e-5) - 2.597) < 5e-4);
  other.add_sampled_gaussian(4, 0.01, 10'000);
  CHECK(std::abs(other.epsilon(1e-5) - 1.0355) < 5e-5);
  gaussian.add_gaussian(1);
  CHECK(std::abs(gaussian.epsilon(1e-5) - 4.752728) < 5e-5);  // of whole orders
}

TEST_CASE("Renyi accountant: what is spent adds up, step by step and over a file") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_privacy_accountant.safetensors";
  RenyiAccountant once, apart, loaded;
  CHECK(once.epsilon(1e-5) == 0);
  once.add_sampled_gaussian(2, 0.25, 30);
  once.add_zcdp(0.01);
  double before = 0;
  for (int t = 0; t < 30; ++t) {
    if (t == 11) apart.add_zcdp(0.01);
    if (t == 17) {
      save(apart, path);
      load(loaded, path);
      apart = loaded;
    }
    apart.add_sampled_gaussian(2, 0.25);
    CHECK(apart.epsilon(1e-6) > before);
    before = apart.epsilon(1e-6);
  }
  std::filesystem::remove(path);
  CHECK(near(apart.epsilon(1e-6), once.epsilon(1e-6), 1e-13));
  RenyiAccountant all = once;
  all.add_sampled_gaussian(1e-200, 0.5);
  CHECK(std::isinf(all.epsilon(0.1)));
}

TEST_CASE("accountants: what is out of range is said, and nothing is spent") {
  CHECK(message_of([] { (void)gaussian_delta(-1, 1); }) == "gaussian_delta: epsilon = -1, must be >= 0 and finite");
  CHECK(message_of([] { (void)gaussian_noise(1, 0); }) == "gaussian_noise: delta = 0, must be in (0, 1)");
  CHECK(message_of([] { (void)gaussian_noise(1, 0.1, 0); }) ==
        "gaussian_noise: sensitivity = 0, must be > 0 and finite");
  CHECK(message_of([] { (void)gaussian_epsilon(0.1, 0); }) == "gaussian_epsilon: noise = 0, must be > 0 and finite");
  CHECK(message_of([] { (void)zcdp_epsilon(-1, 0.1); }) == "zcdp_epsilon: rho = -1, must be >= 0 and finite");
  CHECK(message_of([] { (void)renyi_epsilon(1, 1, 0.1); }) == "renyi_epsilon: order = 1, must be > 1 and finite");
  CHECK(message_of([] { (void)sampled_gaussian_divergence(1, 1, 0.1); }) ==
        "sampled_gaussian_divergence: order = 1, must be in [2, 1e+06]");
  RenyiAccountant spent;
  CHECK(message_of([&] { spent.add_sampled_gaussian(1, 1.5); }) == "RenyiAccountant: rate = 1.5, must be in [0, 1]");
  CHECK(message_of([&] { spent.add_sampled_gaussian(0, 0.5); }) ==
        "RenyiAccountant: noise = 0, must be > 0 and finite");
  CHECK(message_of([&] { spent.add_gaussian(1, -1); }) == "RenyiAccountant: steps = -1, must be >= 0 and finite");
  CHECK(message_of([&] { (void)spent.epsilon(1); }) == "RenyiAccountant: delta = 1, must be in (0, 1)");
  CHECK(spent.epsilon(0.1) == 0);
}

TEST_CASE("shuffled sums: the exact number of coins") {
  CHECK(shuffle_coins(1, 1e-6, 32) == 73'114);
  CHECK(std::abs(fair_binomial_delta(73'114, 32, 1) - 9.99909e-7) < 6e-12);
  CHECK(std::abs(fair_binomial_delta(73'113, 32, 1) - 1.00010e-6) < 6e-12);
  const double published = 180 * 1024 * std::log(2e6) / 1000;  // of one person among 1000
  CHECK(std::abs(std::log10(fair_binomial_delta(1000 * static_cast<std::int64_t>(published), 32, 1)) + 146.2) < 0.5);
  // the definition, with Pascal's triangle
  for (const int n : {1, 2, 7, 40})
    for (const int g : {1, 3, 8})
      for (const double epsilon : {0.0, 0.3, 2.0}) {
        CAPTURE(n, g, epsilon);
        std::vector<double> p{1};
        for (int row = 1; row <= n; ++row) {
          p.push_back(0);
          for (std::size_t k = p.size() - 1; k > 0; --k) p[k] = (p[k] + p[k - 1]) / 2;
          p[0] /= 2;
        }
        double delta = 0;
        for (int k = 0; k <= n; ++k)
          delta += std::max(0.0, p[static_cast<std::size_t>(k)] -
                                     (k < g ? 0 : std::exp(epsilon) * p[static_cast<std::size_t>(k - g)]));
        CHECK(std::abs(fair_binomial_delta(n, g, epsilon) - delta) <= 1e-13);
      }
  for (const double epsilon : {0.5, 4.0})
    for (const std::int64_t g : {1, 10}) {
      const std::int64_t coins = shuffle_coins(epsilon, 1e-5, g);
      CHECK(fair_binomial_delta(coins, g, epsilon) <= 1e-5);
      CHECK(fair_binomial_delta(coins - 1, g, epsilon) > 1e-5);
    }
  CHECK(message_of([] { (void)shuffle_coins(0, 0.1, 1); }) == "shuffle_coins: epsilon = 0, must be > 0 and finite");
  CHECK(message_of([] { (void)fair_binomial_delta(0, 1, 1); }) ==
        "fair_binomial_delta: coins = 0, must be in [1, 1e+12]");
}

TEST_CASE("shuffled sums: unbiased, with the variance that is said") {
  const Eigen::Matrix<double, 5, 1> few(0.0, 0.013, 0.5, 0.77, 1.0);
  const ShuffledSumOptions options{.range = 2, .levels = 8, .coins = 70, .seed = 3};
  double predicted = 0;
  for (const double x : few) {
    const double part = x * 4 - std::floor(x * 4);
    predicted += (70 / 4.0 + part * (1 - part)) / 16;
  }
  const int draws = 100'000;
  double mean = 0, square = 0;
  for (int t = 0; t < draws; ++t) {
    const double error = shuffled_sum(options, few, t) - few.sum();
    mean += error / draws;
    square += error * error / draws;
  }
  CHECK(std::abs(mean) < 4 * std::sqrt(predicted / draws));
  CHECK(std::abs(square / predicted - 1) < 4 * std::sqrt(2.0 / draws));

  // 1000 persons in 32 levels: the noise is 4.2 levels, not 25.6
  Eigen::VectorXd many(1000);
  for (Eigen::Index i = 0; i < many.size(); ++i) many[i] = RandomKey{9}.uniform(static_cast<std::uint64_t>(i));
  const ShuffledSumOptions thousand{.range = 1, .levels = 32, .coins = 74, .seed = 4};
  double spread = 0;
  for (int t = 0; t < 200; ++t) spread += std::pow(shuffled_sum(thousand, many, t) - many.sum(), 2) / 200;
  CHECK(std::abs(spread / 18.2 - 1) < 4 * std::sqrt(2.0 / 200));
}

TEST_CASE("shuffled sums: of vectors coordinate by coordinate, cut at the range, and checked") {
  Eigen::MatrixXd vectors(2, 50);
  for (Eigen::Index i = 0; i < 50; ++i) vectors.col(i) << 0.01 * static_cast<double>(i) - 0.4, i == 7 ? 1e9 : -1.0;
  const ShuffledSumOptions options{.range = 0.5, .levels = 16, .coins = 3, .seed = 3};
  Eigen::VectorXd sum, mean = Eigen::VectorXd::Zero(2);
  const int draws = 3000;
  for (int t = 0; t < draws; ++t) {
    shuffled_sum(options, vectors, t, sum);
    mean += sum / draws;
  }
  // the coordinates that lie outside count as -0.5 and 0.5
  const double deviation = std::sqrt(50 * (3 + 1) / 4.0) / 16 / std::sqrt(static_cast<double>(draws));
  CHECK(std::abs(mean[0] - vectors.row(0).sum()) < 4 * deviation);
  CHECK(std::abs(mean[1] - (0.5 - 49 * 0.5)) < 4 * deviation);
  CHECK(message_of([&] { (void)shuffled_sum({.levels = 0}, vectors.col(0), 0); }) ==
        "ShuffledSum: levels = 0, must be in [1, 1e+05]");
  vectors(1, 1) = std::nan("");
  const Eigen::VectorXd before = sum;
  CHECK(message_of([&] { shuffled_sum(options, vectors, 0, sum); }) == "ShuffledSum: a value is NaN");
  CHECK(sum == before);
}

namespace {

/// Ridge regression of users: the mean of |y - A w|^2 / (2 m) + lambda |w|^2 / 2 over those that are kept.
struct Ridge {
  std::vector<Eigen::MatrixXd> H;  // of each user: A'A / m + lambda I and A'y / m
  std::vector<Eigen::VectorXd> r;

  Ridge(int users, Eigen::Index d, Eigen::Index m, double lambda, RandomKey key) {
    for (int i = 0; i < users; ++i) {
      Eigen::MatrixXd A = Eigen::MatrixXd::Zero(m, d + 1);
      for (Eigen::Index k = 0; k < A.size(); ++k)
        A.data()[k] = key.derive(static_cast<std::uint64_t>(i)).normal(static_cast<std::uint64_t>(k));
      A.col(d) += A.leftCols(d).rowwise().sum();  // the targets of w = 1, with noise of 1
      H.push_back(A.leftCols(d).transpose() * A.leftCols(d) / static_cast<double>(m));
      H.back().diagonal().array() += lambda;
      r.push_back(A.leftCols(d).transpose() * A.col(d) / static_cast<double>(m));
    }
  }
  [[nodiscard]] Eigen::VectorXd minimizer(const std::vector<Eigen::Index>& deleted) const {
    Eigen::MatrixXd all = Eigen::MatrixXd::Zero(H[0].rows(), H[0].cols());
    Eigen::VectorXd right = Eigen::VectorXd::Zero(all.rows());
    for (std::size_t i = 0; i < H.size(); ++i)
      if (std::find(deleted.begin(), deleted.end(), static_cast<Eigen::Index>(i)) == deleted.end()) {
        all += H[i];
        right += r[i];
      }
    return Eigen::LLT<Eigen::MatrixXd>(all).solve(right);
  }
  [[nodiscard]] Eigen::MatrixXd gradients(const Eigen::VectorXd& w) const {
    Eigen::MatrixXd g(w.size(), static_cast<Eigen::Index>(H.size()));
    for (Eigen::Index i = 0; i < g.cols(); ++i)
      g.col(i) = H[static_cast<std::size_t>(i)] * w - r[static_cast<std::size_t>(i)];
    return g;
  }
};

}  // namespace

TEST_CASE(
    "output perturbation: no deletion moves the minimizer beyond its bound, which falls with the items of a user") {
  const double lambda = 0.5;
  std::vector<double> logs;
  for (const Eigen::Index m : {1, 4, 16, 64, 256}) {
    double moved = 0;
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const Ridge ridge(40, 5, m, lambda, RandomKey{seed}.derive(static_cast<std::uint64_t>(m)));
      const Eigen::VectorXd w = ridge.minimizer({});
      const Eigen::MatrixXd g = ridge.gradients(w);
      for (Eigen::Index i = 0; i < 40; ++i)
        for (const std::vector<Eigen::Index>& deleted :
             {std::vector<Eigen::Index>{i}, {i / 2, i / 2 + 7, 39}, {i / 4, 12, 13, 20, 21, 22, 23, 33, 34, 35}}) {
          const double far = (ridge.minimizer(deleted) - w).norm();
          const double bound = deletion_bound(g, deleted, lambda);
          REQUIRE(far <= bound);
          REQUIRE(bound <=
                  (1 + 1e-12) * deletion_sensitivity_bound(g, static_cast<std::int64_t>(deleted.size()), lambda));
          if (deleted.size() == 1) moved = std::max(moved, far);
        }
    }
    logs.push_back(std::log(moved));
  }
  double slope = 0;  // of ln moved by ln m, least squares
  for (int k = 0; k < 5; ++k) slope += (k - 2) * logs[static_cast<std::size_t>(k)] / 10 / std::log(4.0);
  CAPTURE(logs, slope);
  CHECK(slope < -0.5);
  CHECK(slope > -0.7);
}

TEST_CASE("output perturbation: sensitivity of the worst case, and noise of its size") {
  CHECK(minimizer_sensitivity(0.5, 3, 40) == 0.3);
  CHECK(std::abs(minimizer_sensitivity(0.5, 3, 40, 1e-4) - 0.34) < 1e-14);
  // it is reached: losses lambda w^2 / 2 +- G w on the line
  const double lambda = 0.5, G = 3;
  CHECK(std::abs((G * 40 / 40 - G * 38 / 40) / lambda - minimizer_sensitivity(lambda, G, 40)) < 1e-14);

  Eigen::VectorXd w = Eigen::VectorXd::Constant(20'000, 5);
  const double noise = perturb_output(w, 1, 1e-5, 0.3, 8);
  CHECK(noise == gaussian_noise(1, 1e-5, 0.3));
  CHECK(std::abs((w.array() - 5).square().mean() / (noise * noise) - 1) < 4 * std::sqrt(2.0 / 20'000));
  CHECK(std::abs(w.mean() - 5) < 4 * noise / std::sqrt(20'000.0));

  w[3] = std::nan("");
  const Eigen::VectorXd others = w.tail(100);
  CHECK(message_of([&] { perturb_output(w, 1, 1e-5, 0.3, 8); }) == "perturb_output: w is not finite");
  CHECK(message_of([&] { perturb_output(w, 1, 2, 0.3, 8); }) == "gaussian_noise: delta = 2, must be in (0, 1)");
  CHECK(w.tail(100) == others);
  const Eigen::MatrixXd g = Eigen::MatrixXd::Ones(2, 3);
  CHECK(message_of([&] {
          (void)deletion_bound(g, std::vector<Eigen::Index>{1, 1}, 1);
        }) == "deletion_bound: deleted = 1, must be in [2, 2]");
  CHECK(message_of([&] {
          (void)deletion_bound(g, std::vector<Eigen::Index>{0, 1, 2}, 1);
        }) == "deletion_bound: number of deleted users = 3, must be < 3");
  CHECK(message_of([&] { (void)deletion_sensitivity_bound(g, 3, 1); }) ==
        "deletion_sensitivity_bound: k = 3, must be in [0, 2]");
  CHECK(message_of([] { (void)minimizer_sensitivity(0, 1, 4); }) ==
        "minimizer_sensitivity: lambda = 0, must be > 0 and finite");
}
