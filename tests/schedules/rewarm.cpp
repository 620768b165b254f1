// Continued training: what warming up again does to a regression whose truth moves.
#include "support/catch.hpp"
#include <glissade/glissade.hpp>

#include <random>

using namespace glissade;

namespace {

/// Linear regression in 50 dimensions, features N(0, L), noise 1, batches of 4.
struct Regression {
  static constexpr Eigen::Index size = 50;
  Eigen::VectorXd variance = Eigen::VectorXd::NullaryExpr(
      size, [](Eigen::Index i) { return 0.02 * std::pow(50.0, static_cast<double>(i) / (size - 1)); });
  std::mt19937_64 random{7};
  std::normal_distribution<double> normal{};

  Eigen::VectorXd draw() {
    return Eigen::VectorXd::NullaryExpr(size, [&](Eigen::Index) { return normal(random); });
  }
  Eigen::VectorXd gradient(const Eigen::VectorXd& x, const Eigen::VectorXd& truth) {
    Eigen::VectorXd g = Eigen::VectorXd::Zero(size);
    for (int b = 0; b < 4; ++b) {
      const Eigen::VectorXd a = variance.cwiseSqrt().cwiseProduct(draw());
      g += a * (a.dot(x - truth) - normal(random)) / 4;
    }
    return g;
  }
  double excess(const Eigen::VectorXd& x, const Eigen::VectorXd& truth) const {
    return 0.5 * variance.dot((x - truth).cwiseAbs2());
  }
};

struct Course {
  double after_100, after_400, last, upstream_peak, mean_200_to_800;
};

}  // namespace

TEST_CASE("rewarm: learns new data faster, forgets more with a higher peak, and does no good on the same data") {
  Regression problem;
  Course constant_rate{}, half{}, same{}, twice{}, scratch{}, again_constant{}, again_warm{};
  const int seeds = 3;
  for (int seed = 0; seed < seeds; ++seed) {
    const Eigen::VectorXd upstream = problem.draw();
    const Eigen::VectorXd downstream = upstream + 0.5 * problem.draw();
    Eigen::VectorXd pretrained = Eigen::VectorXd::Zero(50);
    Optimizer first{Sgd{.learning_rate = warmup_cosine_decay(0.05, 40, 4000, 0.005)}, pretrained};
    for (int t = 0; t < 4000; ++t) first.step(problem.gradient(pretrained, upstream));

    const auto go_on = [&](Course& course, Eigen::VectorXd x, const Schedule& rate, const Eigen::VectorXd& truth) {
      Optimizer optimizer{Sgd{.learning_rate = rate}, x};
      double peak = 0;
      for (int t = 1; t <= 4000; ++t) {
        optimizer.step(problem.gradient(x, truth));
        const double now = problem.excess(x, truth);
        peak = std::max(peak, problem.excess(x, upstream));
        if (t == 100) course.after_100 += now / seeds;
        if (t == 400) course.after_400 += now / seeds;
        if (t > 200 && t <= 800) course.mean_200_to_800 += now / 600 / seeds;
        if (t == 4000) course.last += now / seeds;
      }
      course.upstream_peak += peak / seeds;
    };
    const auto warm = [](double peak) { return rewarm(0.005, peak, 40, 4000, 0.005); };
    go_on(constant_rate, pretrained, 0.005, downstream);
    go_on(half, pretrained, warm(0.025), downstream);
    go_on(same, pretrained, warm(0.05), downstream);
    go_on(twice, pretrained, warm(0.1), downstream);
    go_on(scratch, Eigen::VectorXd::Zero(50), warmup_cosine_decay(0.05, 40, 4000, 0.005), downstream);
    go_on(again_constant, pretrained, 0.005, upstream);
    go_on(again_warm, pretrained, warm(0.05), upstream);
  }
  INFO("after 100: " << constant_rate.after_100 << ", " << half.after_100 << ", " << same.after_100 << ", "
                     << twice.after_100);
  INFO("after 400: " << constant_rate.after_400 << ", " << half.after_400 << ", " << same.after_400 << ", "
                     << twice.after_400);
  INFO("last: " << constant_rate.last << ", " << half.last << ", " << same.last << ", " << twice.last << ", scratch "
                << scratch.last);
  INFO("upstream peak: " << constant_rate.upstream_peak << ", " << half.upstream_peak << ", " << same.upstream_peak
                         << ", " << twice.upstream_peak);
  INFO("same data: " << again_constant.mean_200_to_800 << ", " << again_warm.mean_200_to_800);
  CHECK(constant_rate.after_100 > 2 * half.after_100);
  CHECK(half.after_100 > same.after_100);
  CHECK(same.after_100 > twice.after_100);
  CHECK(constant_rate.after_400 > 3 * same.after_400);
  CHECK(constant_rate.last > 3 * same.last);
  CHECK(same.last < 1.3 * scratch.last);
  CHECK(constant_rate.upstream_peak < half.upstream_peak);
  CHECK(half.upstream_peak < same.upstream_peak);
  CHECK(same.upstream_peak < twice.upstream_peak);
  CHECK(again_warm.mean_200_to_800 > 4 * again_constant.mean_200_to_800);
}
