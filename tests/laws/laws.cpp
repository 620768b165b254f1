// The laws themselves, compiled once for all tables of subjects.
#include "support/allocations.hpp"
#include "support/subject.hpp"
#include <glissade/testing/laws.hpp>

#if __has_include(<nlohmann/json.hpp>)
#include "io/support.hpp"
#endif

void check_laws(const laws::Subject& subject) {
  laws::Subject counted = subject;
  counted.expected.allocations = &allocations;
  for (const glissade::Finding& finding : laws::check(counted)) FAIL_CHECK(finding.text());
}

#if __has_include(<nlohmann/json.hpp>)
namespace {

/// Moves every number option within its range. Rates that are callables are the program's own.
void move_options(glissade::AnyRule<double>& rule) {
  for (const glissade::RuleOption& option : rule.options()) {
    const double value = option.value.value_or(0);
    if (value == 0 || !std::isfinite(value) || option.is_whole) continue;  // 0 switches rules on and off
    const glissade::Range& allowed = option.range;
    const double between = allowed.contains(0) || !std::isfinite(allowed.low) ? value / 2 : (value + allowed.low) / 2;
    if (allowed.contains(between)) rule.set(option.full_name(), between);
  }
}

}  // namespace

/// What is saved and loaded goes on bit for bit, whatever options the reader had before.
void check_resume_law(const laws::Subject& subject) {
  INFO(subject.name << " resumes from a file");
  Eigen::MatrixXd x = laws::matrix(9, 5, 0);
  auto b = laws::parameters<Eigen::VectorXd>(7);
  glissade::AnyOptimizer<double> first{subject.in_double, x, b};
  for (int t = 1; t <= 5; ++t) first.step(laws::matrix(9, 5, t), laws::gradients<Eigen::VectorXd>(7, t));
  glissade::AnyRule<double> other = subject.in_double;
  move_options(other);
  Eigen::MatrixXd y = Eigen::MatrixXd::Zero(9, 5);
  Eigen::VectorXd c = Eigen::VectorXd::Zero(7);
  glissade::AnyOptimizer<double> second{other, y, c};
  io_tests::load_bytes(second, io_tests::saved_bytes(first));
  CHECK(io_tests::snapshot(second) == io_tests::snapshot(first));
  for (int t = 6; t <= 10; ++t) {
    first.step(laws::matrix(9, 5, t), laws::gradients<Eigen::VectorXd>(7, t));
    second.step(laws::matrix(9, 5, t), laws::gradients<Eigen::VectorXd>(7, t));
  }
  CHECK(io_tests::snapshot(second) == io_tests::snapshot(first));
}
#else
void check_resume_law(const laws::Subject&) {}
#endif
