// The lasso and l1 logistic regression: time until f + h is within 1e-8, relatively, of its least value, with the
// loosest tolerance (a power of ten) that leads there. bench/minimize/composite.py times scikit-learn on the same data.
#include "support/race.hpp"
#include <glissade/composite.hpp>
#include <glissade/problems/linear_model.hpp>
#include <glissade/sets/l1.hpp>

#include <cmath>
#include <random>
#include <string>
#include <utility>

namespace {

using namespace glissade;
using Eigen::VectorXd;
using Rows = problems::LogisticRegression::Rows;

/// Uniform in [-1, 1], neighbouring columns alike; ten columns matter.
std::pair<Rows, VectorXd> data(Eigen::Index m, Eigen::Index n) {
  std::mt19937 generator(1);
  const auto uniform = [&] { return static_cast<double>(generator()) / 2147483648.0 - 1; };
  Rows A(m, n);
  VectorXd b(m);
  for (Eigen::Index i = 0; i < m; ++i) {
    double last = 0;
    for (Eigen::Index j = 0; j < n; ++j) last = A(i, j) = 0.5 * last + uniform();
    b[i] = uniform();
    for (Eigen::Index k = 0; k < 10; ++k) b[i] += (k % 2 == 0 ? 1.0 : -1.0) * A(i, k * (n / 10));
  }
  return {A, b};
}

template <class F>
void race_on(const char* name, const F& f, Eigen::Index n) {
  VectorXd x = VectorXd::Zero(n), gradient(n);
  f.value_and_gradient(x, gradient);
  for (const double share : {0.1, 0.01}) {
    const L1 term{.weight = share * gradient.cwiseAbs().maxCoeff()};
    const auto whole = plus_term(f, term);
    const auto value = [&] { return f.value(x) + term.value(x); };
    x.setZero();
    minimize(whole, x, ProximalNewton{}, {.max_iterations = 100, .gradient_tolerance = 1e-12});
    const double least = value();
    const auto zeros = (x.array() == 0).count();
    const auto timed = [&](const char* method_name, const auto& method) {
      double tolerance = 0.1;
      const auto run = [&] {
        x.setZero();
        minimize(whole, x, method, {.max_iterations = 20'000, .gradient_tolerance = tolerance});
      };
      for (; tolerance > 1e-14; tolerance /= 10) {
        run();
        if (value() - least <= 1e-8 * least) break;
      }
      const double seconds = bench::race({{method_name, run}}, 5, 1)[0];
      std::printf("%-9s %5.2f %-17s %10.2f ms   gap %.1e, %d of %d zero, least %.12g\n", name, share, method_name,
                  1e3 * seconds, (value() - least) / least, static_cast<int>(zeros), static_cast<int>(n), least);
    };
    timed("OwlQn", OwlQn{});
    timed("ProximalNewton", ProximalNewton{});
    timed("ProximalGradient", ProximalGradient{});
  }
}

}  // namespace

int main() {
  const Eigen::Index m = 5000, n = 200;
  auto [A, b] = data(m, n);
  race_on("lasso", problems::RidgeRegression(A, b), n);
  race_on("logistic", problems::LogisticRegression(A, b.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; })), n);
}
