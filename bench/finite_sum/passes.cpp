// Passes over the data to a gap of 1e-8: the SARAH family and SVRG, each with the best of a grid of steps and inner
// lengths, next to methods without a step size.
// The count by work includes products with the Hessian; the published one counts terms looked at.
#include "support/finite_sum.hpp"
#include <glissade/finite_sum/ai_sarah.hpp>
#include <glissade/finite_sum/saga.hpp>
#include <glissade/finite_sum/sarah.hpp>
#include <glissade/finite_sum/svrg.hpp>
#include <glissade/io/csv.hpp>
#include <glissade/minimize/curvature/oasis.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/problems/random_data.hpp>

#include <cstdio>
#include <filesystem>

namespace {

using namespace glissade;
using problems::LogisticRegression;

constexpr double tolerance = 1e-8;

struct Best {
  bench::Effort effort;
  double step = 0;
  std::int64_t inner = 0;
  int reached = 0, tried = 0;
};

template <class M>
void tuned(const char* name, const LogisticRegression& problem, double minimum, M method, double smoothness,
           double most) {
  Best best;
  const std::int64_t per_pass = problem.size() / method.batching.size;
  for (const std::int64_t inner : {per_pass, 2 * per_pass})
    for (double factor = 0.125; factor <= 512; factor *= 2) {
      method.step_size = factor / smoothness;
      method.batching.inner_steps = inner;
      const bench::Effort effort = bench::effort(problem, method, minimum, tolerance, most);
      ++best.tried;
      if (std::isinf(effort.work)) continue;
      ++best.reached;
      if (effort.work < best.effort.work) best = {effort, factor, inner / per_pass, best.reached, best.tried};
    }
  if (best.reached == 0)
    std::printf("%-12s more than %g passes with each of %d settings\n", name, most, best.tried);
  else
    std::printf("%-12s %8.1f %10.1f %9.3f   step %g / L, inner %lld passes; %d of %d settings get there\n", name,
                best.effort.work, best.effort.published, best.effort.seconds, best.step,
                static_cast<long long>(best.inner), best.reached, best.tried);
}

template <class M>
void untuned(const char* name, const LogisticRegression& problem, double minimum, const M& method) {
  const bench::Effort effort = bench::effort(problem, method, minimum, tolerance, 3000);
  std::printf("%-12s %8.1f %10.1f %9.3f   as it is\n", name, effort.work, effort.published, effort.seconds);
}

void compare(const char* title, const LogisticRegression& problem, std::int64_t batch, double most) {
  const double minimum = bench::minimum_of(problem);
  const double smoothness = 0.25 * problem.features().rowwise().squaredNorm().maxCoeff() + problem.regularization();
  std::printf(
      "\n%s: n = %lld, d = %lld, regularization %.1e, batches of %lld, minimum %.6f\n"
      "method        by work  published   seconds\n",
      title, static_cast<long long>(problem.size()), static_cast<long long>(problem.dimension()),
      problem.regularization(), static_cast<long long>(batch), minimum);
  tuned("SVRG", problem, minimum, Svrg{.batching = {.size = batch}}, smoothness, most);
  tuned("SAGA", problem, minimum, Saga{.batching = {.size = batch}}, smoothness, most);
  tuned("SARAH", problem, minimum, Sarah{.batching = {.size = batch}}, smoothness, most);
  for (const double gamma : {0.125, 0.03125})
    tuned(gamma == 0.125 ? "SARAH+ 1/8" : "SARAH+ 1/32", problem, minimum,
          SarahPlus{.gamma = gamma, .batching = {.size = batch}}, smoothness, most);
  untuned("AI-SARAH", problem, minimum, AiSarah{.batching = {.size = batch}});
  untuned("L-BFGS", problem, minimum, Lbfgs{});
  untuned("OASIS", problem, minimum, Oasis{.warm_start = 10});
}

}  // namespace

int main() {
  const auto data = std::filesystem::path(__FILE__).parent_path() / "../../examples/data/breast_cancer.csv";
  TableData table = read_csv(data);
  standardize(table.features);
  const LogisticRegression cancer(table.features, signs_of(table.targets),
                                  1.0 / static_cast<double>(table.targets.size()));
  compare("breast cancer, standardized", cancer, 16, 1000);
  compare("synthetic, rows of length 1",
          problems::random_logistic({.rows = 100'000, .columns = 50, .regularization = 1e-5, .seed = 1}), 64, 100);
  return 0;
}
