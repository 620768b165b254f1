// The law of files: what is saved and loaded goes on bit for bit, whatever options the reader had before.
#pragma once

#include "support/laws.hpp"

#if __has_include(<nlohmann/json.hpp>)
#include "io/support.hpp"

/// Moves every number option within its range. Rates that are callables are the program's own, as are masks.
struct MoveOption {
  template <class V>
  void operator()(std::string_view, V& value, const glissade::Range& allowed = glissade::range::any) const {
    if constexpr (std::is_same_v<V, double>)
      value = moved(value, allowed);
    else if constexpr (std::is_same_v<V, glissade::Schedule>)
      value = value.constant() ? glissade::Schedule(moved(*value.constant(), allowed)) : value;
  }
  static double moved(double value, const glissade::Range& allowed) {
    if (value == 0 || !std::isfinite(value)) return value;  // switches rules on and off
    const double between = allowed.contains(0) || !std::isfinite(allowed.low) ? value / 2 : (value + allowed.low) / 2;
    return allowed.contains(between) ? between : value;
  }
};

template <class R>
void check_resume_law(const Subject<R>& s) {
  DYNAMIC_SECTION(s.name << " resumes from a file") {
    Eigen::MatrixXd x = laws::matrix(9, 5, 0);
    auto b = laws::parameters<Eigen::VectorXd>(7);
    glissade::Optimizer first{s.rule, x, b};
    for (int t = 1; t <= 5; ++t) first.step(laws::matrix(9, 5, t), laws::gradients<Eigen::VectorXd>(7, t));
    R other = s.rule;
    for_each_rule(other, [](auto& rule) { glissade::visit_options(rule, MoveOption{}); });
    Eigen::MatrixXd y = Eigen::MatrixXd::Zero(9, 5);
    Eigen::VectorXd c = Eigen::VectorXd::Zero(7);
    glissade::Optimizer second{other, y, c};
    io_tests::load_bytes(second, io_tests::saved_bytes(first));
    CHECK(io_tests::snapshot(second) == io_tests::snapshot(first));
    for (int t = 6; t <= 10; ++t) {
      first.step(laws::matrix(9, 5, t), laws::gradients<Eigen::VectorXd>(7, t));
      second.step(laws::matrix(9, 5, t), laws::gradients<Eigen::VectorXd>(7, t));
    }
    CHECK(io_tests::snapshot(second) == io_tests::snapshot(first));
  }
}
#else
void check_resume_law(const auto&) {}
#endif
