// The searches on functions of one variable.
#include "support/catch.hpp"
#include <glissade/minimize/line/search.hpp>

#include <algorithm>
#include <functional>
#include <vector>

using namespace glissade;

namespace {

using V = Eigen::Matrix<double, 1, 1>;

struct Phi {
  std::function<double(double)> value_of;
  std::function<double(double)> slope_of;
  int calls = 0;
  double value_and_gradient(const V& x, V& g) {
    ++calls;
    g[0] = slope_of(x[0]);
    return value_of(x[0]);
  }
};

/// Functions of More and Thuente's tests, 1994, section 5.
std::vector<Phi> functions() {
  const auto yanai = [](double a1, double a2) {
    const auto gamma = [](double a) { return std::sqrt(1 + a * a) - a; };
    const double g1 = gamma(a1), g2 = gamma(a2);
    return Phi{[=](double t) { return g1 * std::hypot(1 - t, a2) + g2 * std::hypot(t, a1); },
               [=](double t) { return -g1 * (1 - t) / std::hypot(1 - t, a2) + g2 * t / std::hypot(t, a1); }};
  };
  return {
      {[](double t) { return -t / (t * t + 2); }, [](double t) { return (t * t - 2) / ((t * t + 2) * (t * t + 2)); }},
      {[](double t) { return std::pow(t + 0.004, 5) - 2 * std::pow(t + 0.004, 4); },
       [](double t) { return 5 * std::pow(t + 0.004, 4) - 8 * std::pow(t + 0.004, 3); }},
      yanai(0.001, 0.001),
      yanai(0.01, 0.001),
      yanai(0.001, 0.01)};
}

template <class S>
double run(Phi& phi, const S& search, double first, double& value, V& gradient, auto... most) {
  V x(0.0);
  Oracle<Phi, V> f(phi);
  ValueAndGradient<V> at;
  at.value = f.value_and_gradient(x, at.gradient);
  const V direction(1.0);
  LineScratch<V> scratch;
  Line line(f, x, at, direction, scratch);
  const double length = search(line, first, most...);
  value = at.value;
  gradient = at.gradient;
  CHECK(x[0] == length);
  return length;
}

}  // namespace

TEST_CASE("StrongWolfe: both conditions hold from any first trial") {
  for (const double c2 : {0.9, 0.1, 1e-3})
    for (Phi& phi : functions())
      for (const double first : {1e-3, 1e-1, 1e1, 1e3}) {
        const StrongWolfe search{.sufficient_decrease = 1e-4, .curvature = c2};
        double value = 0;
        V gradient;
        phi.calls = 0;
        const double a = run(phi, search, first, value, gradient);
        REQUIRE(a > 0);
        CHECK(value <= phi.value_of(0) + 1e-4 * a * phi.slope_of(0));
        CHECK(std::abs(gradient[0]) <= c2 * std::abs(phi.slope_of(0)));
        CHECK(value == phi.value_of(a));
        CHECK(phi.calls <= 25);
      }
}

TEST_CASE("StrongWolfe: the next trial is the minimum of the cubic through two points, in either direction") {
  for (const double way : {1.0, -1.0}) {
    // Least at 1 after a maximum at -1.
    const auto point = [way](double t) { return detail::LinePoint{way * t, t * t * t - 3 * t, way * (3 * t * t - 3)}; };
    const auto next = [&](double best, double other, bool bracketed, double trial) {
      detail::WolfeInterval interval{point(best), point(other), bracketed};
      return way * interval.update(point(trial), way > 0 ? 0.2 : -4, way > 0 ? 4 : -0.2);
    };
    INFO(way);
    CHECK(next(-0.9, 1.7, true, 0) == Approx(1).epsilon(1e-14));      // lower and steeper: of trial and other end
    CHECK(next(-0.9, -0.9, false, 0) == 4);                           // the same, without another end: as far as may be
    CHECK(next(0, 2, true, 0.5) == Approx(1).epsilon(1e-14));         // lower and flatter: of trial and best
    CHECK(next(0, 0, false, 0.5) == Approx(2).epsilon(1e-14));        // the same, without another end: the secant
    CHECK(next(0, 0, false, 1.5) == Approx(2.0 / 3).epsilon(1e-14));  // beyond a minimum: the secant, which is farther
    CHECK(next(0, 0, false, 2.5) == Approx(0.8).epsilon(1e-14));      // higher: the mean with the parabola's 0.6
  }
}

TEST_CASE("StrongWolfe: a wall of infinite values is the end of the interval") {
  Phi phi{[](double t) { return t >= 1 ? std::numeric_limits<double>::infinity() : -std::log1p(-t) - 3 * t; },
          [](double t) { return 1 / (1 - t) - 3; }};
  double value = 0;
  V gradient;
  const double a = run(phi, StrongWolfe{.curvature = 0.1}, 100, value, gradient);
  CHECK(a == Approx(2.0 / 3).epsilon(0.1));
  CHECK(phi.calls <= 20);
}

TEST_CASE("StrongWolfe: no trial is longer than the longest step, which is taken at once where it is still too short") {
  for (Phi& phi : functions())
    for (const double most : {1e-4, 0.01, 0.5, 3.0, 20.0})
      for (const double share : {1.0, 0.1}) {
        double longest = 0;
        Phi counted{[&](double t) {
                      longest = std::max(longest, t);
                      return phi.value_of(t);
                    },
                    phi.slope_of};
        double value = 0;
        V gradient;
        const StrongWolfe search{.sufficient_decrease = 1e-3, .curvature = 0.1};
        const double length = run(counted, search, share * most, value, gradient, most);
        INFO(most << " " << share << ": " << length);
        CHECK(longest <= most);
        const double slope = phi.slope_of(0);
        CHECK(value <= phi.value_of(0) + 1e-3 * length * slope);
        const bool flat = std::abs(gradient[0]) <= 0.1 * std::abs(slope);
        CHECK((flat || (length == most && gradient[0] < 0)));
        if (length == most) CHECK(counted.calls <= 5);
      }
}

TEST_CASE("searches: no step along a direction that does not descend") {
  Phi up{[](double t) { return t; }, [](double) { return 1.0; }};
  Phi wrong{[](double t) { return t; }, [](double) { return -1.0; }};
  double value = 0;
  V gradient;
  CHECK(run(up, StrongWolfe{}, 1, value, gradient) == 0);
  CHECK(run(up, Armijo{}, 1, value, gradient) == 0);
  CHECK(up.calls == 2);
  CHECK(run(wrong, StrongWolfe{}, 1, value, gradient) == 0);
  CHECK(run(wrong, Armijo{.max_trials = 7}, 1, value, gradient) == 0);
  CHECK(wrong.calls <= 1 + 40 + 1 + 7);
}

TEST_CASE("Armijo: takes the first trial that is low enough") {
  Phi phi{[](double t) { return (t - 1) * (t - 1); }, [](double t) { return 2 * (t - 1); }};
  double value = 0;
  V gradient;
  // (a - 1)^2 <= 1 - 2 c a holds for a <= 2 - 2 c.
  CHECK(run(phi, Armijo{.sufficient_decrease = 0.25, .shrink = 0.5}, 4, value, gradient) == 1);
  CHECK(run(phi, Armijo{.sufficient_decrease = 0.25}, 4, value, gradient) == 1);  // halved where nothing is said
  CHECK(run(phi, Armijo{.sufficient_decrease = 0.25, .shrink = 0.75}, 2, value, gradient) == 1.5);
  CHECK(run(phi, Armijo{.sufficient_decrease = 0.26, .shrink = 0.75}, 2, value, gradient) == 1.125);
}

TEST_CASE("searches: differences below rounding are judged by their slopes") {
  // At 1e-9 from the minimum of 1 + t^2 the values of all trials are equal.
  Phi phi{[](double t) { return 1 + (t - 1e-9) * (t - 1e-9); }, [](double t) { return 2 * (t - 1e-9); }};
  double value = 0;
  V gradient;
  CHECK(run(phi, Armijo{}, 1e-9, value, gradient) == 1e-9);
  CHECK(run(phi, StrongWolfe{}, 1e-9, value, gradient) == 1e-9);
  Phi flat{[](double) { return 1.0; }, [](double) { return -1.0; }};
  CHECK(run(flat, Armijo{}, 1, value, gradient) == 0);
  CHECK(run(flat, StrongWolfe{}, 1, value, gradient) == 0);
}

TEST_CASE("Polyak: the step of the known minimum") {
  Phi phi{[](double t) { return (t - 1) * (t - 1) + 5; }, [](double t) { return 2 * (t - 1); }};
  double value = 0;
  V gradient;
  CHECK(run(phi, Polyak{.lowest = 5}, 1, value, gradient) == 0.5);
  CHECK(run(phi, Polyak{.lowest = 7}, 1, value, gradient) == 0);
}
