// Arow and SecondOrderPerceptron: their matrices against the definition, and what correlated features cost.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/arow.hpp>
#include <glissade/online/second_order_perceptron.hpp>

#include <Eigen/LU>

using namespace glissade;
using Eigen::Matrix4d;
using Eigen::VectorXd;

namespace {

VectorXd normals(Eigen::Index size, RandomKey key) {
  VectorXd v(size);
  for (Eigen::Index i = 0; i < size; ++i) v[i] = key.normal(static_cast<std::uint64_t>(i));
  return v;
}
/// Features that are nearly all alike, labels by what is left of them.
VectorXd correlated(std::uint64_t t) {
  return normals(5, RandomKey{2}.derive(t)) * 0.1 + VectorXd::Ones(5) * RandomKey{3}.normal(t);
}
double label_of(const VectorXd& a) { return a[0] - a[1] + a[2] - a[3] > 0 ? 1 : -1; }

}  // namespace

TEST_CASE("Arow: weights minimize its objective, the covariance is an inverse") {
  for (const bool diagonal : {false, true}) {
    Arow learner({.regularization = 0.3, .diagonal = diagonal}, 4);
    Matrix4d precision = Matrix4d::Identity();
    for (std::uint64_t t = 0; t < 200; ++t) {
      const VectorXd a = normals(4, RandomKey{1}.derive(t)), x = learner.weights();
      const double y = a[0] + a[1] + 0.5 * RandomKey{6}.normal(t) > 0 ? 1 : -1;
      const double margin = y * learner.predict(a);
      CHECK(learner.variance(a) == Approx(a.dot(precision.inverse() * a)).epsilon(1e-10));
      learner.learn(a, y);
      if (margin >= 1) {
        CHECK(learner.weights() == x);
        continue;
      }
      // (x' - x)' Sigma^-1 (x' - x) / 2 + (1 - y <a, x'>)^2 / (2 r)
      const double left = 1 - y * learner.predict(a);
      CHECK((precision * (learner.weights() - x) - left / 0.3 * y * a).norm() <= 1e-9 * (1 + a.norm() / 0.3));
      const Matrix4d grown = a * a.transpose() / 0.3;
      precision += diagonal ? Matrix4d(grown.diagonal().asDiagonal()) : grown;
    }
    CHECK(precision.trace() > 50);
  }
}

TEST_CASE("second-order perceptron: its prediction is that of the definition") {
  SecondOrderPerceptron learner({.regularization = 0.7}, 4);
  Matrix4d A = 0.7 * Matrix4d::Identity();
  VectorXd v = VectorXd::Zero(4);
  int mistakes = 0;
  for (std::uint64_t t = 0; t < 300; ++t) {
    const VectorXd a = normals(4, RandomKey{4}.derive(t));
    const double y = a[0] - 2 * a[3] + RandomKey{5}.normal(t) > 0 ? 1 : -1;
    const double p = v.dot((A + a * a.transpose()).inverse() * a);
    CHECK(learner.predict(a) == Approx(p).epsilon(1e-10).margin(1e-12));
    learner.learn(a, y);
    if (y * p > 0) continue;
    ++mistakes;
    v += y * a;
    A += a * a.transpose();
  }
  CHECK(mistakes > 20);
  CHECK(mistakes < 120);
}

TEST_CASE("second-order perceptron and Arow: fewer mistakes where features are correlated") {
  SecondOrderPerceptron second({.regularization = 0.01}, 5), first({.regularization = 1e9}, 5);
  Arow full({.regularization = 0.01}, 5);
  int of_first = 0, of_second = 0, of_full = 0;
  VectorXd perceptron = VectorXd::Zero(5);
  int of_perceptron = 0;
  for (std::uint64_t t = 0; t < 3000; ++t) {
    const VectorXd a = correlated(t);
    const double y = label_of(a);
    of_first += y * first.predict(a) > 0 ? 0 : 1;
    of_second += y * second.predict(a) > 0 ? 0 : 1;
    of_full += y * full.predict(a) > 0 ? 0 : 1;
    if (y * perceptron.dot(a) <= 0) {
      ++of_perceptron;
      perceptron += y * a;
    }
    first.learn(a, y);
    second.learn(a, y);
    full.learn(a, y);
  }
  INFO("perceptron " << of_first << ", second order " << of_second << ", Arow " << of_full);
  CHECK(of_first == of_perceptron);
  CHECK(of_second * 3 <= of_first);
  CHECK(of_full * 3 <= of_first);
}

TEST_CASE("second-order learners: options and labels that are refused") {
  CHECK(message_of([] { Arow({.regularization = 0}, 2); }).find("regularization = 0") != std::string::npos);
  CHECK(message_of([] { SecondOrderPerceptron({.regularization = -1}, 2); }).find("regularization = -1") !=
        std::string::npos);
  Arow learner({}, 2);
  CHECK(message_of([&] { learner.learn(Eigen::Vector2d(1, 2), 2); }) == "Arow: label = 2, must be -1 or 1");
}
