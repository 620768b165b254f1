// What lazy Hessians save: period n against period 1, M tuned for each, on the soft maximum (5 n terms,
// smoothness 0.05) to f - f* < 1e-8. Units are gradients and n times Hessians. Arguments: the dimensions.
// Ends with 1 where a claim fails: 8 times fewer units from n = 100 on, and the more the larger n is. Of the wall time
// it only says whether the saving grows, for that depends on what else the machine does.
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/newton/lazy_cubic_newton.hpp>
#include <glissade/minimize/newton/lazy_newton.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "../tests/support/soft_max.hpp"

namespace {

using Eigen::VectorXd;

struct Work {
  double units = std::numeric_limits<double>::infinity();
  double seconds = 0;
  double constant = 0;
  std::int64_t iterations = 0;
};

template <class M>
Work tuned(const test_functions::SoftMax& f, int period) {
  Work best;
  const double minimum = f.minimum();
  // What is already worse than the best is given up.
  for (const double constant : {100.0, 30.0, 300.0, 10.0, 1000.0}) {
    VectorXd x = VectorXd::Ones(f.A.cols());
    const auto units = [&](const glissade::Evaluations& calls) {
      return calls.gradients() + static_cast<double>(x.size() * calls.hessian);
    };
    bool done = false;
    const auto begin = std::chrono::steady_clock::now();
    const auto r = glissade::minimize(
        f, x, M{.period = period, .adaptive = false, .constant = constant},
        {.max_iterations = 5000, .gradient_tolerance = 0, .predicate = [&](const glissade::Record& k) {
           done = k.value - minimum < 1e-8;
           return done || units(k.evaluations) >= best.units;
         }});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (done && units(r.evaluations) < best.units) best = {units(r.evaluations), took.count(), constant, r.iterations};
  }
  return best;
}

struct Saving {
  double units;
  double time;
};

template <class M>
Saving compare(int d) {
  const test_functions::SoftMax f(5 * d, d, 0.05, 1);
  const Work lazy = tuned<M>(f, d);
  const Work eager = tuned<M>(f, 1);
  std::printf("%-16s %5d | %6ld %9.0f %8.3f %6.0f | %6ld %9.0f %8.3f %6.0f | %6.1f %6.1f\n", M::name.data(), d,
              static_cast<long>(eager.iterations), eager.units, eager.seconds, eager.constant,
              static_cast<long>(lazy.iterations), lazy.units, lazy.seconds, lazy.constant, eager.units / lazy.units,
              eager.seconds / lazy.seconds);
  std::fflush(stdout);
  return {eager.units / lazy.units, eager.seconds / lazy.seconds};
}

}  // namespace

int main(int count, char** values) {
  std::vector<int> dimensions{100, 200, 400};
  if (count > 1) dimensions.clear();
  for (int i = 1; i < count; ++i) dimensions.push_back(std::atoi(values[i]));
  std::printf("%-16s %5s | %-32s | %-32s | %s\n", "", "", "period 1", "period d", "period 1 / period d");
  std::printf("%-16s %5s | %6s %9s %8s %6s | %6s %9s %8s %6s | %6s %6s\n", "method", "d", "steps", "units", "s", "M",
              "steps", "units", "s", "M", "units", "time");
  std::array<Saving, 2> last{};
  bool holds = true;
  bool faster = true;
  for (const int d : dimensions) {
    const std::array<Saving, 2> now{compare<glissade::LazyNewton>(d), compare<glissade::LazyCubicNewton>(d)};
    for (std::size_t i = 0; i < 2; ++i) {
      holds = holds && now[i].units > last[i].units && (d < 100 || now[i].units >= 8);
      faster = faster && now[i].time > last[i].time;
    }
    last = now;
  }
  std::printf("units: the claim %s; wall time: the saving %s with d\n", holds ? "holds" : "FAILS",
              faster ? "grows" : "does not grow");
  return holds ? 0 : 1;
}
