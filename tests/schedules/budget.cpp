#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/schedules/budget.hpp>
#include <glissade/schedules/polynomial_decay.hpp>

#include <vector>

using namespace glissade;

TEST_CASE("budget: the schedule at the share of the budget that is spent, in whole steps") {
  const BudgetSchedule rate(linear_decay(1, 10), 10, 5.0);
  CHECK(rate(0) == 1);
  CHECK(rate(0.49) == 1);
  CHECK(rate(0.5) == 0.9);
  CHECK(rate(2.5) == 0.5);
  CHECK(rate(4.999) == Approx(0.1));
  CHECK(rate(5) == 0);
  CHECK(rate(1e300) == 0);
  CHECK_FALSE(rate.spent(4.999));
  CHECK(rate.spent(5));
}

TEST_CASE("budget: a method of twice the time makes half the steps and sees the same rates over time") {
  const BudgetSchedule rate(linear_decay(1, 1000), 1000, 64);
  ReferenceClock clock{{{"fast", 0.25}, {"slow", 0.5}}};
  const auto run = [&](const char* kind) {
    clock.elapsed = 0;
    std::vector<double> rates;
    for (; !rate.spent(clock.elapsed); clock.charge(kind)) rates.push_back(rate(clock.elapsed));
    return rates;
  };
  const auto fast = run("fast");
  const auto slow = run("slow");
  CHECK(fast.size() == 256);
  REQUIRE(slow.size() == 128);
  for (std::size_t k = 0; k < slow.size(); ++k) CHECK(slow[k] == fast[2 * k]);
}

TEST_CASE("budget: parts of a batch, kinds that are free, kinds that are not known") {
  ReferenceClock clock{{{"step", 2}, {"hessian", 0}}};
  clock.charge("step", 0.25);
  clock.charge("hessian");
  CHECK(clock.elapsed == 0.5);
  CHECK(message_of([&] { clock.charge("newton"); }) == "ReferenceClock: no time for steps of kind \"newton\"");
  CHECK(message_of([&] { clock.charge("step", 0); }) == "ReferenceClock: units = 0, must be > 0 and finite");
  CHECK(clock.elapsed == 0.5);
}

TEST_CASE("budget: bad arguments are refused by name") {
  CHECK(message_of([] { BudgetSchedule(1.0, 0, 1); }) == "BudgetSchedule: steps = 0, must be >= 1 and finite");
  CHECK(message_of([] { BudgetSchedule(1.0, 1, 0); }) == "BudgetSchedule: budget = 0, must be > 0 and finite");
  CHECK(message_of([] { static_cast<void>(BudgetSchedule(1.0, 1, 1)(-1)); }) ==
        "BudgetSchedule: elapsed = -1, must be >= 0 and finite");
}
