// needs: Liblbfgs
// Calls of the function by L-BFGS and by liblbfgs: generalized Rosenbrock, same start, memory and tolerance.
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>

#include <cstdio>
#include <lbfgs.h>

namespace {

using Eigen::VectorXd;

/// sum 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2
double rosenbrock(const double* x, double* g, Eigen::Index n) {
  double value = 0;
  for (Eigen::Index i = 0; i < n; ++i) g[i] = 0;
  for (Eigen::Index i = 0; i + 1 < n; ++i) {
    const double a = x[i + 1] - x[i] * x[i];
    const double b = 1 - x[i];
    value += 100 * a * a + b * b;
    g[i] += -400 * a * x[i] - 2 * b;
    g[i + 1] += 200 * a;
  }
  return value;
}

constexpr double tolerance = 1e-8;  // ||g|| <= tolerance max(1, ||x||)

struct Theirs {
  int calls = 0;
  static lbfgsfloatval_t evaluate(void* self, const lbfgsfloatval_t* x, lbfgsfloatval_t* g, const int n,
                                  const lbfgsfloatval_t) {
    ++static_cast<Theirs*>(self)->calls;
    return rosenbrock(x, g, n);
  }
};

VectorXd start(Eigen::Index n, int variant) {
  VectorXd x(n);
  for (Eigen::Index i = 0; i < n; ++i)
    x[i] = (i % 2 == 0 ? -1.2 : 1.0) + 0.01 * variant * static_cast<double>((i * 7) % 5 - 2);
  return x;
}

}  // namespace

int main() {
  std::printf("generalized Rosenbrock to ||g|| <= 1e-8 max(1, ||x||), sums over ten starts\n");
  std::printf("%6s %8s %16s %16s %8s\n", "n", "memory", "liblbfgs calls", "glissade calls", "ratio");
  bool good = true;
  for (const Eigen::Index n : {10, 100, 512})
    for (const int memory : {6, 10}) {
      double theirs = 0, ours = 0;
      for (int variant = 0; variant < 10; ++variant) {
        lbfgs_parameter_t parameters;
        lbfgs_parameter_init(&parameters);
        parameters.m = memory;
        parameters.epsilon = tolerance;
        VectorXd x = start(n, variant);
        Theirs counter;
        const int code =
            lbfgs(static_cast<int>(n), x.data(), nullptr, &Theirs::evaluate, nullptr, &counter, &parameters);
        if (code != LBFGS_SUCCESS) std::printf("liblbfgs ended with %d\n", code);
        theirs += counter.calls;

        VectorXd y = start(n, variant);
        const glissade::Result r = glissade::minimize(
            [](const VectorXd& at, VectorXd& g) { return rosenbrock(at.data(), g.data(), at.size()); }, y,
            glissade::Lbfgs{.memory = memory}, {.gradient_tolerance = 0, .predicate = [](const glissade::Record& k) {
                                                  return k.gradient_norm <= tolerance * std::max(1.0, k.x.norm());
                                                }});
        if (r.status != glissade::Status::stopped_by_predicate)
          std::printf("glissade: %s\n", std::string(to_string(r.status)).c_str());
        ours += static_cast<double>(r.evaluations.value);
      }
      std::printf("%6ld %8d %16.0f %16.0f %8.3f\n", static_cast<long>(n), memory, theirs, ours, ours / theirs);
      good = good && ours <= 1.1 * theirs;
    }
  std::printf("%s\n", good ? "no more than 1.1 times everywhere" : "MORE THAN 1.1 TIMES");
  return good ? 0 : 1;
}
