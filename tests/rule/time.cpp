// What time it is for a rule: calls of step in front of the last gate and in it, updates behind it.
#include "support/catch.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

/// Leaves the update alone and notes the time that its kernel and its finish are told.
template <int Number>
struct Clock {
  static constexpr std::string_view name = "Clock";
  static constexpr bool turns = false;
  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 1;
  static constexpr std::array<NamedScalar, 2> shared{{{Number == 0 ? "kernel of the first" : "kernel of the second"},
                                                      {Number == 0 ? "finish of the first" : "finish of the second"}}};

  [[nodiscard]] auto measure(const Step&) const {
    return [](const auto& u) { return terms(square(widen(u))); };
  }
  void finish(const Totals& totals) const { totals.shared[1] = static_cast<double>(totals.time); }
  [[nodiscard]] auto kernel(const Step& step, const double*) const {
    step.shared(0) = static_cast<double>(step.time);
    return [](auto&) {};
  }
};

}  // namespace

TEST_CASE("time: calls in front of a gate, updates behind it, in finish as in the kernel") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  Optimizer optimizer{chain(Clock<0>{}, Accumulate{.steps = 3}, Clock<1>{}, Sgd{.learning_rate = 0.1}), x};
  for (int t = 0; t < 12; ++t) {
    INFO("call " << t);
    optimizer.step(Eigen::VectorXd::Ones(3));
    CHECK(optimizer.shared("kernel of the first") == t);
    CHECK(optimizer.shared("finish of the first") == t);
    if (t % 3 != 2) continue;
    CHECK(optimizer.shared("kernel of the second") == t / 3);
    CHECK(optimizer.shared("finish of the second") == t / 3);
  }
}

TEST_CASE("time: without a gate calls are updates") {
  Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
  Optimizer optimizer{chain(Clock<0>{}, Clock<1>{}, Sgd{.learning_rate = 0.1}), x};
  for (int t = 0; t < 3; ++t) {
    optimizer.step(Eigen::VectorXd::Ones(3));
    for (const char* part : {"kernel of the first", "finish of the first", "kernel of the second"})
      CHECK(optimizer.shared(part) == t);
  }
}
