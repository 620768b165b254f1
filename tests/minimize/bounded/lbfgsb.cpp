#include <glissade/minimize/bounded/lbfgsb.hpp>
#include <glissade/minimize/minimize.hpp>

#include <cstdio>

#include "minimize/bounded/problems.hpp"
using namespace glissade;
TEST_CASE("LbfgsB: scipy") {
  std::vector<double> ratios, all;
  for (auto& c : bounded::read_cases()) {
    INFO(c.name);
    double near = 0, calls = 0;
    bool inside = true;
    const auto f = [&](const Eigen::VectorXd& x, Eigen::VectorXd& g) {
      ++calls;
      inside = inside && (x.array() >= c.low.array()).all() && (x.array() <= c.high.array()).all();
      const double v = c.problem.formula(x, g);
      if (near == 0 && bounded::is_near(c, v)) near = calls;
      return v;
    };
    Eigen::VectorXd x = c.start;
    const Result r =
        minimize(subject_to(f, c.problem.bounds), x, LbfgsB{}, {.max_iterations = 5000, .gradient_tolerance = 1e-6});
    std::printf("%-22s %.10g %s near %g (%g) all %g (%g) it %d measure %.1e %d bound\n", c.name.c_str(), r.value,
                converged(r.status) ? "ok" : std::string(to_string(r.status)).c_str(), near, c.calls, calls,
                c.all_calls, int(r.iterations), r.measure,
                int((x.array() == c.low.array() || x.array() == c.high.array()).count()));
    CHECK(inside);
    CHECK(bounded::is_near(c, r.value));
    ratios.push_back(near / c.calls);
    all.push_back(calls / c.all_calls);
  }
  std::printf("median %g %g\n", bounded::median_of(ratios), bounded::median_of(all));
}
