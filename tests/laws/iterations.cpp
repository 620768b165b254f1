// The laws of iterations on problems without a value: whatever the operator does, the end is near, true and at a point
// that was judged good.
#include "support/subjects/iterations.hpp"

#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include "support/spoil.hpp"

#include <cstring>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr int n = 4;

VectorXd start() { return VectorXd::Constant(n, 0.7); }
VectorXd solution() { return VectorXd::LinSpaced(n, 0, n - 1); }

/// What holds at every end: x and the measure are finite and belong together, and there is no value.
template <class Door>
void check_end(const VectorXd& x, const Result& r) {
  INFO(to_string(r.status));
  CHECK(r.status != Status::running);
  CHECK(x.allFinite());
  VectorXd image(x.size());
  Door::formula(x, image);
  CHECK(r.measure == Approx(Door::measure(x, image)).epsilon(1e-12).margin(1e-300));
  CHECK(std::isnan(r.value));
  CHECK(std::isnan(r.gradient_norm));
}

bool same_bits(const VectorXd& a, const VectorXd& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0;
}

}  // namespace

TEST_CASE("laws: an iteration finds the solution") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    INFO(name);
    typename Door::Plain f(Door::formula);
    VectorXd x = start();
    const Result r = Door::run(f, x, method, {.max_iterations = 200'000, .tolerance = 1e-4});
    check_end<Door>(x, r);
    CHECK(r.status == Status::tolerance);
    CHECK(r.measure <= 1e-4);
    CHECK(r.evaluations.operator_value == f.calls);
    CHECK((x - solution()).norm() <= 1e-2);
  });
}

TEST_CASE("laws: an iteration that starts at the solution takes no step") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    INFO(name);
    typename Door::Plain f(Door::formula);
    VectorXd x = solution();
    const Result r = Door::run(f, x, method, {});
    check_end<Door>(x, r);
    CHECK(r.status == Status::tolerance);
    CHECK(r.iterations == 0);
    CHECK(f.calls == 1);
    CHECK(x == solution());
    if constexpr (!requires { Door::Plain::steps(); }) {
      VectorXd nothing(0);
      CHECK(Door::run(f, nothing, method, {}).status == Status::tolerance);
    }
  });
}

TEST_CASE("laws: an iteration without a finite start ends where it began") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    INFO(name);
    for (const double bad : {not_a_number, std::numeric_limits<double>::infinity()}) {
      typename Door::Plain f([=](const VectorXd& x, VectorXd& image) {
        Door::formula(x, image);
        image[1] = bad;
      });
      VectorXd x = start();
      const Result r = Door::run(f, x, method, {});
      CHECK(r.status == Status::non_finite_start);
      CHECK(r.iterations == 0);
      CHECK(f.calls == 1);
      CHECK(x == start());
    }
    typename Door::Plain f(Door::formula);
    VectorXd x = start();
    x[2] = not_a_number;
    CHECK(Door::run(f, x, method, {}).status == Status::non_finite_start);
    typename Door::Plain empty([](const VectorXd&, VectorXd&) {});
    x = start();
    CHECK(Door::run(empty, x, method, {}).status == Status::non_finite_start);
  });
}

TEST_CASE("laws: behind a wall of NaN an iteration keeps the last finite point") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    INFO(name);
    typename Door::Plain f([](const VectorXd& x, VectorXd& image) {
      Door::formula(x, image);
      if (x[3] > 1.5) image.setConstant(not_a_number);
    });
    VectorXd x = start();
    const Result r = Door::run(f, x, method, {.max_iterations = 3000});
    check_end<Door>(x, r);
    CHECK(r.status == Status::non_finite);
    CHECK(x[3] <= 1.5);
  });
}

TEST_CASE("laws: an iteration makes no call beyond the budget") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    INFO(name);
    for (std::int64_t most = 0; most <= 12; ++most) {
      typename Door::Plain f(Door::formula);
      VectorXd x = start();
      const Result r = Door::run(f, x, method, {.tolerance = 1e-14, .max_operator_calls = most});
      CHECK(f.calls <= most);
      CHECK(r.status == (r.measure <= 1e-14 ? Status::tolerance : Status::max_operator_calls));
      if (most == 0)
        CHECK(x == start());
      else
        check_end<Door>(x, r);
    }
  });
}

TEST_CASE("laws: parts of an iteration are the whole, bit for bit, also where a budget ended them") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    INFO(name);
    std::vector<VectorXd> path;
    {
      typename Door::Plain f(Door::formula);
      VectorXd x = start();
      Door::run(f, x, method, {.max_iterations = 8, .tolerance = 1e-9},
                [&](const Record& record) { path.emplace_back(record.x); });
    }
    const auto last = path.size() - 1;
    REQUIRE(last > 3);
    for (std::size_t cut = 0; cut <= last; ++cut)
      for (const bool by_calls : {false, true}) {
        typename Door::Plain f(Door::formula);
        VectorXd x = start();
        auto state = initial_state(method, f, x);
        const auto most = static_cast<std::int64_t>(cut);
        Stop stop{.tolerance = 1e-9};
        (by_calls ? stop.max_operator_calls : stop.max_iterations) = most;
        const auto done = static_cast<std::size_t>(Door::resume(f, x, method, state, stop).iterations);
        REQUIRE(done <= last);
        CHECK(same_bits(x, path[done]));
        Door::resume(f, x, method, state,
                     {.max_iterations = static_cast<std::int64_t>(last - done), .tolerance = 1e-9});
        CHECK(same_bits(x, path[last]));
      }
    typename Door::Plain f(Door::formula);
    VectorXd x = start(), longer = VectorXd::Zero(n + 1);
    auto state = initial_state(method, f, x);
    CHECK_THAT(message_of([&] { Door::resume(f, longer, method, state, {}); }),
               Catch::Matchers::ContainsSubstring("the state is of 4 variables, x has 5"));
  });
}

TEST_CASE("laws: an exception at any call leaves x and state of an iteration at the last point judged good") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    INFO(name);
    int calls = 0, bad_call = 0;
    const auto formula = [&](const VectorXd& x, VectorXd& image) {
      if (++calls == bad_call) {
        image.setConstant(7);
        throw std::domain_error("the operator's own");
      }
      Door::formula(x, image);
    };
    const Stop stop{.max_iterations = 5, .tolerance = 1e-9};
    std::vector<VectorXd> path;
    const auto keep = [&](const Record& record) { path.emplace_back(record.x); };
    {
      typename Door::Plain f(formula);
      VectorXd x = start();
      Door::run(f, x, method, stop, keep);
    }
    const std::vector<VectorXd> whole = path;
    const int all_calls = calls;
    REQUIRE(all_calls >= 4);
    for (bad_call = 1; bad_call <= all_calls; ++bad_call) {
      typename Door::Plain f(formula);
      VectorXd x = start();
      if (std::is_same_v<Door, doors::GameOnBox> && bad_call == 1) x *= 20;  // outside of its box
      const VectorXd before = x;
      calls = 0;
      path.clear();
      CHECK_THROWS_AS(Door::run(f, x, method, stop, keep), std::domain_error);
      CHECK(same_bits(x, bad_call == 1 ? before : path.back()));
      if (bad_call == 1) continue;

      x = start();
      calls = 0;
      path.clear();
      auto state = initial_state(method, f, x);
      CHECK_THROWS_AS(Door::resume(f, x, method, state, stop, keep), std::domain_error);
      CHECK(same_bits(x, path.back()));
      const auto done = static_cast<std::int64_t>(path.size()) - 1;
      Door::resume(f, x, method, state, {.max_iterations = stop.max_iterations - done, .tolerance = 1e-9});
      CHECK(same_bits(x, whole.back()));
    }
  });
}

TEST_CASE("laws: a step in a loop of one's own is the driver's, and is undone where the operator throws") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    INFO(name);
    bool bad = false;
    typename Door::Plain f([&](const VectorXd& x, VectorXd& image) {
      image.setConstant(7);
      if (bad) throw std::domain_error("the operator's own");
      Door::formula(x, image);
    });
    VectorXd x = start(), y = start();
    Door::run(f, y, method, {.max_iterations = 3, .tolerance = 1e-9});
    auto state = initial_state(method, f, x);
    for (int k = 0; k < 3; ++k) {
      bad = true;
      const VectorXd before = x;
      CHECK_THROWS_AS(take_step(method, f, x, state), std::domain_error);
      CHECK(same_bits(x, before));
      bad = false;
      const Report report = take_step(method, f, x, state);
      CHECK(report.measure == state.measure);
    }
    CHECK(same_bits(x, y));
  });
}

TEST_CASE("laws: an iteration takes no memory after the first steps") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    INFO(name);
    typename Door::Plain f(Door::formula);
    VectorXd x = start();
    auto state = initial_state(method, f, x);
    Oracle<typename Door::Plain, VectorXd> oracle(f);
    for (int k = 0; k < 20; ++k) method.step(oracle, x, state);
    std::size_t taken = 0;
    {
      const NoHeap heap;
      for (int k = 0; k < 4; ++k) method.step(oracle, x, state);
      taken = heap.taken();
    }
    CHECK(taken == 0);
  });
}

TEST_CASE("laws: an iteration shows its points to observers, without a value") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    INFO(name);
    typename Door::Plain f(Door::formula);
    VectorXd x = start();
    History history;
    const Result r = Door::run(
        f, x, method, {.tolerance = 1e-9, .predicate = [](const Record& record) { return record.iteration == 3; }},
        history);
    CHECK(r.status == Status::stopped_by_predicate);
    CHECK(history.size() == 4);
    CHECK(history.measure.back() == r.measure);
    CHECK(std::isnan(history.value.back()));
    x = start();
    CHECK(Door::run(f, x, method, {.tolerance = 1e-9}, [](const Record& record) {
            return record.iteration == 2 ? Flow::stop : Flow::go_on;
          }).status == Status::stopped_by_observer);
    for (const Stop& stop : {Stop{.gradient_tolerance = 1e-3}, Stop{.value_tolerance = 1}, Stop{.lowest_value = 1}})
      CHECK_THROWS_WITH(Door::run(f, x, method, stop), Catch::Matchers::ContainsSubstring("has no value"));
  });
}

TEST_CASE("laws: an iteration moves matrices, spans, floats and tuples as it moves a vector") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    if constexpr (std::is_same_v<typename Door::Plain, CountedOperator>) {
      INFO(name);
      const Stop stop{.max_iterations = 6, .tolerance = 1e-9};
      VectorXd x = start();
      typename Door::Plain f(Door::formula);
      const Result r = Door::run(f, x, method, stop);
      const auto of_matrix = [](const MatrixXd& at, MatrixXd& image) {
        VectorXd out(n);
        Door::formula(at.reshaped(), out);
        image = out.reshaped(2, 2);
      };
      MatrixXd X = start().reshaped(2, 2);
      CHECK(Door::run(of_matrix, X, method, stop).measure == r.measure);
      CHECK(same_bits(X.reshaped(), x));
      const auto of_two = [](const Eigen::Vector2d& a, const MatrixXd& b, Eigen::Vector2d& image_a, MatrixXd& image_b) {
        VectorXd at(n), out(n);
        at << a, b.reshaped();
        Door::formula(at, out);
        image_a = out.head(2);
        image_b = out.tail(2).transpose();
      };
      Eigen::Vector2d a = start().head(2);
      MatrixXd b = start().tail(2).transpose();
      CHECK(Door::run(of_two, std::tie(a, b), method, stop).measure == r.measure);
      CHECK(same_bits((VectorXd(n) << a, b.reshaped()).finished(), x));
      Eigen::VectorXf x_float = start().cast<float>();
      const auto of_floats = [](const Eigen::VectorXf& at, Eigen::VectorXf& image) {
        VectorXd out(at.size());
        Door::formula(at.cast<double>(), out);
        image = out.cast<float>();
      };
      Door::run(of_floats, x_float, method, stop);
      CHECK((x_float.cast<double>() - x).norm() <= 1e-5);
      Eigen::Vector4d fixed = start();
      const auto of_fixed = [](const Eigen::Vector4d& at, Eigen::Vector4d& image) {
        VectorXd out(n);
        Door::formula(at, out);
        image = out;
      };
      CHECK(Door::run(of_fixed, fixed, method, stop).measure == Approx(r.measure).epsilon(1e-13));
      std::vector<double> values(n, 0.7);
      const auto of_spans = [](std::span<const double> at, std::span<double> image) {
        VectorXd out(n);
        Door::formula(Eigen::Map<const VectorXd>(at.data(), n), out);
        Eigen::Map<VectorXd>(image.data(), n) = out;
      };
      Door::run(of_spans, std::span(values), method, stop);
      CHECK(same_bits(Eigen::Map<VectorXd>(values.data(), n), x));
    }
  });
}

TEST_CASE("laws: every option of an iteration rejects bad values by name, before the first call") {
  for_each_iteration([]<class Door>(const char* name, const auto& method) {
    INFO(name);
    std::size_t options = 1;
    for (std::size_t target = 0; target < options; ++target)
      for (const bool too_high : {false, true}) {
        auto spoiled = method;
        Spoil spoil{target, too_high};
        visit_options(spoiled, spoil);
        options = spoil.seen;
        if (spoil.field.empty()) continue;
        typename Door::Plain f(Door::formula);
        VectorXd x = start();
        const std::string message = message_of([&] { Door::run(f, x, spoiled, {}); });
        CHECK_THAT(message, Catch::Matchers::ContainsSubstring(": " + spoil.field));
        CHECK_THAT(message, Catch::Matchers::ContainsSubstring(", must be "));
        CHECK(f.calls == 0);
      }
  });
}
