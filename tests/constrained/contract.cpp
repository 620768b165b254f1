// What holds for AdaSketchNewton whatever the objective does: resumed runs, exceptions, numbers that are not finite,
// constraints that are too many, redundant, contradictory or of the wrong size.
#include "support/catch.hpp"
#include "support/compiled_once.hpp"
#include "support/message_of.hpp"
#include "support/spoil.hpp"
#include <glissade/constrained.hpp>
#include <glissade/io/method_state.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

#include "objective.hpp"

using namespace glissade;
using namespace constrained_problems;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr Sketch kinds[] = {Sketch::exact, Sketch::gaussian, Sketch::kaczmarz, Sketch::block};

Objective objective(std::string_view name) { return Objective(named(name)); }
VectorXd start(std::string_view name) { return named(name).start(); }

bool same_bits(const VectorXd& a, const VectorXd& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0;
}

Result run(Objective& f, VectorXd& x, const AdaSketchNewton& method = {}, const Stop& stop = {.max_iterations = 50}) {
  auto state = method.init(f, x);
  return resume(f, x, method, state, stop);
}

/// Linear constraints A x = b on four variables, with f = ||x||^2 / 2.
Objective linear(const MatrixXd& A, const VectorXd& b) {
  Objective f;
  f.gradient_of = [](const VectorXd& x, VectorXd& g) {
    g = x;
    return 0.5 * x.squaredNorm();
  };
  f.constraints_of = [=](const VectorXd& x, VectorXd& c) { c = A * x - b; };
  f.jacobian_of = [=](const VectorXd&, MatrixXd& jacobian) { jacobian = A; };
  f.hessian_of = [](const VectorXd& x, const VectorXd&, MatrixXd& H) { H.setIdentity(x.size(), x.size()); };
  return f;
}

}  // namespace

TEST_CASE("constrained: parts are the whole, bit for bit, also from a file") {
  const auto file = std::filesystem::temp_directory_path() / "glissade_constrained_state.safetensors";
  for (const Sketch kind : kinds) {
    INFO("sketch " << static_cast<int>(kind));
    const AdaSketchNewton method{.sketch = kind, .max_sketches = 2000, .seed = 7};
    Objective f = objective("HS27");
    VectorXd whole = start("HS27");
    run(f, whole, method, {.max_iterations = 8, .gradient_tolerance = 1e-9});
    for (const std::int64_t cut : {0, 1, 3, 7}) {
      VectorXd x = start("HS27"), y = x;
      auto state = method.init(f, x);
      resume(f, x, method, state, {.max_iterations = cut, .gradient_tolerance = 1e-9});
      save(state, x, file);
      auto other = method.init(f, y);
      load(other, y, file);
      CHECK(same_bits(x, y));
      resume(f, y, method, other, {.max_iterations = 8 - cut, .gradient_tolerance = 1e-9});
      CHECK(same_bits(y, whole));
    }
  }
  std::filesystem::remove(file);
}

TEST_CASE("constrained: another seed draws other sketches, the same seed the same") {
  const auto end = [](std::uint64_t seed) {
    Objective f = objective("HS27");
    VectorXd x = start("HS27");
    run(f, x, {.sketch = Sketch::gaussian, .max_sketches = 500, .seed = seed}, {.max_iterations = 3});
    return x;
  };
  CHECK(same_bits(end(1), end(1)));
  CHECK_FALSE(same_bits(end(1), end(2)));
}

TEST_CASE("constrained: an exception at any call leaves x and state at the last point judged good") {
  const AdaSketchNewton method;
  Objective counted = objective("HS7");
  VectorXd x = start("HS7");
  std::vector<VectorXd> path{x};
  std::vector<VectorXd> multipliers;
  auto state = method.init(counted, x);
  multipliers.push_back(state.multipliers);
  const int before_steps = counted.calls;
  for (int k = 0; k < 5; ++k) {
    REQUIRE(take_step(method, counted, x, state).status == Status::running);
    path.push_back(x);
    multipliers.push_back(state.multipliers);
  }
  for (int bad_call = before_steps + 1; bad_call <= counted.calls; ++bad_call) {
    Objective f = objective("HS7");
    f.bad_call = bad_call;
    VectorXd at = start("HS7");
    auto own = method.init(f, at);
    CHECK(message_of<std::domain_error>([&] {
            resume(f, at, method, own, {.max_iterations = 5, .gradient_tolerance = 0});
          }) == "the objective's own");
    const auto found = std::find(path.begin(), path.end(), at);
    REQUIRE(found != path.end());
    CHECK(own.multipliers == multipliers[static_cast<std::size_t>(found - path.begin())]);
    VectorXd g;
    CHECK(own.value == named("HS7").value_and_gradient(at, g));
    CHECK(own.gradient == g);
  }
}

TEST_CASE("constrained: redundant and contradictory constraints are said to be so") {
  MatrixXd A(2, 4);
  A << 1, 2, 3, 4, 2, 4, 6, 8;
  for (const VectorXd& b : {VectorXd(Eigen::Vector2d(1, 2)), VectorXd(Eigen::Vector2d(1, 3))})
    for (const Sketch kind : kinds) {
      Objective f = linear(A, b);
      VectorXd x = VectorXd::Ones(4);
      const Result r = run(f, x, {.sketch = kind});
      CHECK(r.status == Status::singular_constraints);
      CHECK(x == VectorXd::Ones(4));
    }
  A(1, 0) = 0;
  Objective f = linear(A, Eigen::Vector2d(1, 2));
  VectorXd x = VectorXd::Ones(4);
  CHECK(run(f, x).status == Status::gradient_tolerance);
  CHECK((A * x - Eigen::Vector2d(1, 2)).norm() <= 1e-6);
}

TEST_CASE("constrained: numbers that are not finite end the run at the last finite point") {
  for (const double bad : {not_a_number, std::numeric_limits<double>::infinity()}) {
    Objective f = objective("HS7");
    f.constraints_of = [=](const VectorXd&, VectorXd& c) { c = VectorXd::Constant(1, bad); };
    VectorXd x = start("HS7");
    CHECK(run(f, x).status == Status::non_finite_start);
    CHECK(x == start("HS7"));

    f = objective("HS7");
    f.jacobian_of = [=](const VectorXd& at, MatrixXd& jacobian) { jacobian = MatrixXd::Constant(1, at.size(), bad); };
    CHECK(run(f, x).status == Status::non_finite_start);

    f = objective("HS7");
    f.hessian_of = [=](const VectorXd& at, const VectorXd&, MatrixXd& H) {
      H = bad * MatrixXd::Identity(at.size(), at.size());
    };
    CHECK(run(f, x).status == Status::non_finite_hessian);
    CHECK(x == start("HS7"));

    int calls = 0, most = std::numeric_limits<int>::max();
    f = objective("HS7");
    f.constraints_of = [&, own = f.constraints_of](const VectorXd& at, VectorXd& c) {
      own(at, c);
      if (++calls > most) c[0] = bad;
    };
    run(f, x, {}, {.max_iterations = 1});
    most = std::exchange(calls, 0);
    x = start("HS7");
    const Result r = run(f, x);
    CHECK(r.status == Status::search_failed);
    CHECK(r.iterations == 1);
    CHECK(x.allFinite());
    CHECK(std::isfinite(r.measure));
    x = start("HS7");
  }
}

TEST_CASE("constrained: no call of the gradient beyond the budget") {
  for (std::int64_t most = 0; most <= 12; ++most) {
    Objective f = objective("HS7");
    int calls = 0;
    f.gradient_of = [&calls, own = f.gradient_of](const VectorXd& at, VectorXd& g) { return ++calls, own(at, g); };
    VectorXd x = start("HS7");
    const Result r = minimize(f, x, AdaSketchNewton{}, {.gradient_tolerance = 1e-14, .max_gradient_calls = most});
    CHECK(calls <= most);
    CHECK(x.allFinite());
    if (most < 12) CHECK(r.status == Status::max_gradient_calls);
  }
}

TEST_CASE("constrained: constraints of a wrong number or size are refused with both numbers") {
  using Catch::Matchers::Contains;
  const auto message = [](Objective f) {
    VectorXd x = VectorXd::Ones(4);
    const std::string text = message_of([&] { run(f, x); });
    CHECK(x == VectorXd::Ones(4));
    return text;
  };
  CHECK(message(linear(MatrixXd::Ones(5, 4), VectorXd::Ones(5))) ==
        "AdaSketchNewton: number of constraints = 5, must be in [1, 4]");
  CHECK(message(linear(MatrixXd(0, 4), VectorXd(0))) ==
        "AdaSketchNewton: number of constraints = 0, must be in [1, 4]");
  const MatrixXd A = MatrixXd::Identity(2, 4);
  Objective f = linear(A, VectorXd::Zero(2));
  f.jacobian_of = [](const VectorXd&, MatrixXd& jacobian) { jacobian = MatrixXd::Identity(3, 4); };
  CHECK(message(f) == "AdaSketchNewton: the Jacobian has 3 rows, must have 2, one for each constraint");
  f.jacobian_of = [](const VectorXd&, MatrixXd& jacobian) { jacobian = MatrixXd::Identity(2, 3); };
  CHECK_THAT(message(f), Contains("its Jacobian has size 3, must be 4"));
  f = linear(A, VectorXd::Zero(2));
  f.constraints_of = [calls = 0](const VectorXd& x, VectorXd& c) mutable { c = x.head(++calls > 1 ? 3 : 2); };
  CHECK(message(f) == "AdaSketchNewton: 3 constraints, must be 2 as at the start");
  f = linear(A, VectorXd::Zero(2));
  f.jacobian_of = [calls = 0](const VectorXd&, MatrixXd& jacobian) mutable {
    jacobian = MatrixXd::Identity(++calls > 1 ? 3 : 2, 4);
  };
  CHECK(message(f) == "AdaSketchNewton: the Jacobian has 3 rows, must have 2, one for each constraint");
  f = linear(A, VectorXd::Zero(2));
  VectorXd x = VectorXd::Ones(4);
  CHECK(message_of([&] { run(f, x, {.block_size = 7}); }) == "AdaSketchNewton: block_size = 7, must be in [0, 6]");
}

TEST_CASE("constrained: every option out of its range is named before the objective is asked") {
  for (std::size_t target = 0; target < 16; ++target)
    for (const bool too_high : {false, true}) {
      AdaSketchNewton method;
      Spoil spoil{target, too_high};
      visit_options(method, spoil);
      if (spoil.field.empty()) continue;
      if (spoil.field == "first_multiplier")  // any finite number
        method.first_multiplier = too_high ? std::numeric_limits<double>::infinity() : not_a_number;
      INFO(spoil.field);
      Objective f = objective("HS7");
      VectorXd x = start("HS7");
      CHECK_THAT(message_of([&] { run(f, x, method); }),
                 Catch::Matchers::Contains("AdaSketchNewton: " + spoil.field + " = "));
      CHECK(f.calls == 0);
    }
  std::size_t options = 0;
  const AdaSketchNewton all_defaults;
  visit_options(all_defaults, [&](auto&&...) { ++options; });
  const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = all_defaults;
  CHECK(options == 16);
  CHECK(static_cast<const void*>(&a) != static_cast<const void*>(&p));
}
