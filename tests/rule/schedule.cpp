#include "support/allocations.hpp"
#include "support/catch.hpp"
#include <glissade/rule/schedule.hpp>

#include <memory>

using glissade::Schedule;

namespace {
double half_life(std::int64_t t) { return 1.0 / static_cast<double>(1 << t); }
}  // namespace

TEST_CASE("schedule: from a number of any type") {
  CHECK(Schedule(0.25)(7) == 0.25);
  CHECK(Schedule(0.25F)(0) == 0.25);
  CHECK(Schedule(3)(1'000'000'000'000) == 3);
  CHECK(*Schedule(0.25).constant() == 0.25);
}

TEST_CASE("schedule: from a lambda, a function and a callable of double") {
  const Schedule lambda = [](std::int64_t t) { return 2.0 * static_cast<double>(t); };
  CHECK(lambda(0) == 0);
  CHECK(lambda(21) == 42);
  CHECK_FALSE(lambda.constant().has_value());
  const Schedule function = &half_life;
  CHECK(function(3) == 0.125);
  const Schedule smooth = [](double t) { return t + 0.5; };
  CHECK(smooth(2) == 2.5);
  const Schedule whole = [](auto t) { return static_cast<int>(t); };
  CHECK(whole(5) == 5);
}

TEST_CASE("schedule: copies share the callable and allocate nothing") {
  const auto counter = std::make_shared<int>(0);
  const Schedule original = [counter](std::int64_t) { return static_cast<double>(++*counter); };
  CHECK(counter.use_count() == 2);
  const std::size_t before = allocations();
  const Schedule copy = original;  // NOLINT: the copy is what is tested
  Schedule assigned = 1.0;
  assigned = copy;
  Schedule moved = std::move(assigned);
  const double values = copy(0) + original(0) + moved(0);
  CHECK(allocations() == before);
  CHECK(values == 1 + 2 + 3);
  CHECK(counter.use_count() == 2);
}

TEST_CASE("schedule: a number replaces a callable") {
  Schedule schedule = [](std::int64_t) { return 1.0; };
  schedule = 0.5;
  CHECK(schedule(3) == 0.5);
  CHECK(schedule.constant().has_value());
}
