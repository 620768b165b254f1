// The driver on a kind of problem that has neither a value nor a gradient: x = T x, by repetition.
#include "support/catch.hpp"
#include <glissade/drive/drive.hpp>
#include <glissade/drive/history.hpp>

#include <limits>

using namespace glissade;
using Eigen::VectorXd;

namespace {

struct FixedPoint {
  static constexpr bool has_value = false;
  static constexpr double Stop::*tolerance = &Stop::tolerance;
  static constexpr Status solved = Status::tolerance;
  static void check(const Stop&) {}
};

/// x <- T x.
struct Repetition {
  static constexpr std::string_view name = "Repetition";
  static void options(auto&, auto&&) {}

  template <class V>
  struct State : OperatorValue<V> {};

  template <class F, class V>
  State<V> init(F& f, const V& x) const {
    State<V> state;
    look(f, x, state);
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    x = state.image;
    look(f, x, state);
    return report_of(state);
  }

 private:
  template <class F, class V>
  static void look(F& f, const V& x, State<V>& state) {
    f.operator_value(x, state.image);
    state.measure = (x - state.image).norm();
  }
};

void cosines(const VectorXd& x, VectorXd& image) { image = x.array().cos(); }

}  // namespace

TEST_CASE("driver: what is measured ends a run, without a value or a gradient") {
  VectorXd x = VectorXd::LinSpaced(3, -1, 2);
  History history;
  const Result r = drive_from_start<FixedPoint>(cosines, x, Repetition{}, {.tolerance = 1e-10}, history);
  CHECK(r.status == Status::tolerance);
  CHECK(r.measure <= 1e-10);
  CHECK(r.measure == (x - VectorXd(x.array().cos())).norm());
  CHECK(std::isnan(r.value));
  CHECK(std::isnan(r.gradient_norm));
  CHECK((x.array() - 0.7390851332151607).abs().maxCoeff() < 1e-9);
  CHECK(r.evaluations.operator_value == r.iterations + 1);
  CHECK(history.measure.back() == r.measure);
  CHECK(std::isnan(history.gradient_norm.back()));
}

TEST_CASE("driver: rules about values do not hold where there is none") {
  VectorXd x = VectorXd::Ones(1);
  const Stop stop{.max_iterations = 5, .tolerance = 0, .value_tolerance = 1, .lowest_value = 1};
  CHECK(drive_from_start<FixedPoint>(cosines, x, Repetition{}, stop).status == Status::max_iterations);
}

TEST_CASE("driver: a measure that is not finite is no place to start from, or to go to") {
  const double infinity = std::numeric_limits<double>::infinity();
  VectorXd x = VectorXd::Ones(1);
  const auto bad = [&](const VectorXd&, VectorXd& image) { image[0] = infinity; };
  CHECK(drive_from_start<FixedPoint>(bad, x, Repetition{}, {}).status == Status::non_finite_start);
  const auto doubled = [](const VectorXd& at, VectorXd& image) { image = 2 * at; };
  const Result r = drive_from_start<FixedPoint>(doubled, x, Repetition{}, {});
  CHECK(r.status == Status::non_finite);
  CHECK(std::isfinite(r.measure));
  CHECK(x.allFinite());
}

TEST_CASE("driver: goes on from a state, bit for bit, within a budget of calls") {
  VectorXd x = VectorXd::Constant(2, 0.3), y = x;
  const Repetition method;
  drive_from_start<FixedPoint>(cosines, x, method, {.max_iterations = 7});
  auto f = oracle_of(cosines, y);
  auto state = method.init(f, y);
  const Result r = drive_from_state<FixedPoint>(cosines, y, method, state, {.max_operator_calls = 3});
  CHECK(r.status == Status::max_operator_calls);
  CHECK(r.iterations == 3);
  drive_from_state<FixedPoint>(cosines, y, method, state, {.max_iterations = 4});
  CHECK(x == y);
}
