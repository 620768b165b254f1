#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/glissade.hpp>

#include <random>
#include <span>

using namespace glissade;

namespace {

using Matrix = Eigen::MatrixXd;

struct Draw {
  std::mt19937_64 random{5};
  std::normal_distribution<double> normal{};
  Matrix matrix(Eigen::Index rows, Eigen::Index cols) {
    return Matrix::NullaryExpr(rows, cols, [&](Eigen::Index, Eigen::Index) { return normal(random); });
  }
};

}  // namespace

TEST_CASE("interpolate weights: ends, middle, and Fisher information") {
  Draw draw;
  const Matrix old = draw.matrix(5, 4), fine = draw.matrix(5, 4);
  const auto plain = [&](double share) {
    Matrix x = fine;
    interpolate_weights(old, x, share);
    return x;
  };
  const auto weighted = [&](const Matrix& fisher, double share) {
    Matrix x = fine;
    interpolate_weights_by_fisher(old, fisher, x, share);
    return x;
  };
  CHECK(plain(0) == fine);
  CHECK(plain(1) == old);
  CHECK(plain(0.5).isApprox((old + fine) / 2, 1e-15));
  CHECK(weighted(Matrix::Ones(5, 4), 0.3).isApprox(plain(0.3), 1e-15));
  CHECK(weighted(Matrix::Zero(5, 4), 0.3).isApprox(fine, 1e-15));
  CHECK(weighted(Matrix::Zero(5, 4), 1) == old);  // 0 / 0
  CHECK(weighted(Matrix::Constant(5, 4, 1e300), 0.3).isApprox(old, 1e-15));
  const Matrix between = weighted(draw.matrix(5, 4).cwiseAbs(), 0.6);
  CHECK((between.array() <= old.cwiseMax(fine).array() + 1e-15).all());
  CHECK((between.array() >= old.cwiseMin(fine).array() - 1e-15).all());
  Matrix x = fine;
  CHECK(message_of([&] { interpolate_weights(old, x, 1.5); }) == "interpolate_weights: share = 1.5, must be in [0, 1]");
  interpolate_weights(old, x, 1.5, true);
  CHECK(x.isApprox(1.5 * old - 0.5 * fine, 1e-15));
  CHECK_THROWS_AS(interpolate_weights(draw.matrix(4, 5), x, 0.5), std::invalid_argument);
  CHECK_THROWS_AS(interpolate_weights_by_fisher(old, -Matrix::Ones(5, 4), x, 0.5), std::invalid_argument);
  Matrix bad = old;
  bad(1, 2) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(interpolate_weights(bad, x, 0.5), std::invalid_argument);
}

TEST_CASE("interpolate weights: the claim that it cuts negative flips at no loss of accuracy") {
  Draw draw;
  const Eigen::Index classes = 6, size = 30, tests = 4000;
  double accuracy[4] = {}, flips[4] = {};
  double old_accuracy = 0, soup_accuracy = 0, soup_flips = 0;
  const double shares[] = {0, 0.3, 0.5, 0.7};
  const int seeds = 5;
  for (int seed = 0; seed < seeds; ++seed) {
    const Matrix means = 0.55 * draw.matrix(size, classes);
    const auto sample = [&](Eigen::Index n, std::vector<int>& labels) {
      Matrix points = draw.matrix(size, n);
      labels.clear();
      for (Eigen::Index i = 0; i < n; ++i) {
        labels.push_back(static_cast<int>(draw.random() % static_cast<std::uint64_t>(classes)));
        points.col(i) += means.col(labels.back());
      }
      return points;
    };
    const auto train = [&](Matrix W, const Matrix& points, const std::vector<int>& labels) {
      Optimizer optimizer{Adam{.learning_rate = 0.02}, W};
      for (int t = 0; t < 300; ++t) {
        Matrix p = W * points;
        p = (p.rowwise() - p.colwise().maxCoeff()).array().exp();
        p = p.array().rowwise() / p.colwise().sum().array();
        for (Eigen::Index i = 0; i < points.cols(); ++i) p(labels[static_cast<std::size_t>(i)], i) -= 1;
        optimizer.step(p * points.transpose() / static_cast<double>(points.cols()) + 1e-3 * W);
      }
      return W;
    };
    const auto answers = [](const Matrix& W, const Matrix& points) {
      std::vector<int> result;
      for (Eigen::Index i = 0; i < points.cols(); ++i) {
        Eigen::Index best = 0;
        (W * points.col(i)).maxCoeff(&best);
        result.push_back(static_cast<int>(best));
      }
      return result;
    };
    std::vector<int> few_labels, more_labels, labels;
    const Matrix few = sample(150, few_labels), more = sample(600, more_labels), points = sample(tests, labels);
    const Matrix old = train(Matrix::Zero(classes, size), few, few_labels);
    const Matrix fine = train(old, more, more_labels);
    Matrix soup = Matrix::Zero(classes, size);  // the mean of eight, each from a draw of the data with replacement
    for (int model = 0; model < 8; ++model) {
      Matrix some(size, 600);
      std::vector<int> some_labels;
      for (Eigen::Index i = 0; i < 600; ++i) {
        const auto from = static_cast<std::size_t>(draw.random() % 600);
        some.col(i) = more.col(static_cast<Eigen::Index>(from));
        some_labels.push_back(more_labels[from]);
      }
      soup += train(old, some, some_labels) / 8;
    }
    const auto right = [&](const std::vector<int>& given) {
      int count = 0;
      for (std::size_t i = 0; i < given.size(); ++i) count += given[i] == labels[i] ? 1 : 0;
      return static_cast<double>(count) / static_cast<double>(tests);
    };
    const std::vector<int> before = answers(old, points);
    old_accuracy += right(before) / seeds;
    for (int k = 0; k < 4; ++k) {
      Matrix merged = fine;
      interpolate_weights(old, merged, shares[k]);
      const std::vector<int> after = answers(merged, points);
      accuracy[k] += right(after) / seeds;
      flips[k] += negative_flip_rate(labels, before, after) / seeds;
    }
    interpolate_weights(old, soup, 0.3);
    soup_accuracy += right(answers(soup, points)) / seeds;
    soup_flips += negative_flip_rate(labels, before, answers(soup, points)) / seeds;
  }
  INFO("old " << old_accuracy << "; accuracy, flips: " << accuracy[0] << ", " << flips[0] << "; " << accuracy[1] << ", "
              << flips[1] << "; " << accuracy[2] << ", " << flips[2] << "; " << accuracy[3] << ", " << flips[3]
              << "; soup " << soup_accuracy << ", " << soup_flips);
  CHECK(accuracy[0] > old_accuracy + 0.01);
  CHECK(flips[2] < 0.5 * flips[0]);
  CHECK(accuracy[2] > accuracy[0] - 0.005);
  for (int k = 1; k < 4; ++k) CHECK(flips[k] < flips[k - 1]);
  CHECK(soup_accuracy > accuracy[1] - 0.005);
  CHECK(soup_flips < 0.75 * flips[0]);
}

TEST_CASE("negative flip rate: right before and wrong now") {
  const std::vector<int> labels{1, 2, 3, 4}, before{1, 2, 0, 0}, now{1, 0, 3, 0};
  CHECK(negative_flip_rate(labels, before, now) == 0.25);
  // What lies behind the spans does not count.
  const std::span<const int> all(labels), old(before), fresh(now);
  CHECK(negative_flip_rate(all.first(1), old.first(1), fresh.first(1)) == 0);
  CHECK(negative_flip_rate(all.first(2), old.first(2), fresh.first(2)) == 0.5);
  CHECK(negative_flip_rate(all.first(3), old.first(3), fresh.first(3)) == 1.0 / 3);
  CHECK_THROWS_AS(negative_flip_rate(labels, before, std::vector<int>{1}), std::invalid_argument);
}
