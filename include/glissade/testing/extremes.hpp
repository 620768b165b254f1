// The laws of rules at the ends of the number range, and of gradients that lie where parameters do.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "data.hpp"
#include "findings.hpp"
#include "subject.hpp"

namespace glissade::laws {

/// The same rule without any epsilon, as far as it may be 0.
template <class T>
AnyRule<T> without_epsilon(AnyRule<T> rule) {
  for (const RuleOption& option : rule.options()) {
    if (option.name.find("epsilon") == std::string::npos || option.is_whole) continue;
    try {
      rule.set(option.full_name(), 0);
    } catch (const std::invalid_argument&) {
    }
  }
  return rule;
}

/// How far parameters get in six steps, every second one with gradients of about `size`, which fall by a factor of 30;
/// infinite if they get no numbers.
template <class T>
double farthest(const AnyRule<T>& rule, double size) {
  using V = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  V x = parameters<V>(19);
  const V start = x;
  AnyOptimizer<T> optimizer{rule, x};
  double most = 0;
  for (int t = 1; t <= 6; ++t) {
    const double now = t % 2 == 0 ? 0 : size * std::pow(30.0, -(t - 1) / 2);
    optimizer.step(V(static_cast<T>(now) * gradients<V>(19, t)));
    if (!x.allFinite()) return std::numeric_limits<double>::infinity();
    most = (std::max)(most, static_cast<double>((x - start).cwiseAbs().maxCoeff()));
  }
  return most;
}

/// Squares vanish before what they are squares of: gradients that are next to nothing make no larger steps than
/// ordinary ones, with the epsilons as they come and without.
template <class T>
void tiny_gradients(const AnyRule<T>& as_it_comes, Findings& found) {
  for (const bool bare : {false, true}) {
    const AnyRule<T> rule = bare ? without_epsilon(as_it_comes) : as_it_comes;
    const double bound = 10 * farthest(rule, 1);
    for (int exponent = 5; exponent < -std::numeric_limits<T>::min_exponent10 + 6; exponent += bare ? 2 : 7) {
      const double size = std::pow(10.0, -exponent);
      const double distance = farthest(rule, size);
      found.expect(distance <= bound, "gradients of " + to_text(size) + (bare ? " without epsilon" : "") +
                                          " lead as far as " + too_much(distance, bound));
    }
  }
}

/// Gradients whose squares overflow leave numbers behind.
template <class T>
void huge_gradients(const AnyRule<T>& rule, Findings& found) {
  const double size = std::pow(10.0, std::numeric_limits<T>::max_exponent10 * 0.6);
  found.expect(std::isfinite(farthest(rule, size)), "gradients of " + to_text(size) + " leave no numbers");
}

/// A gradient whose square overflows: with state in 8 bits it makes no other coefficient of its block NaN either.
inline void overflow_in_codes(const Subject& s, Findings& found) {
  Eigen::VectorXf x = parameters<Eigen::VectorXf>(300), y = x;
  AnyOptimizer<float> wide{s.in_float, x};
  AnyOptimizer<float> coded{*s.in_codes, y};
  for (int t = 1; t <= 6; ++t) {
    Eigen::VectorXf g = gradients<Eigen::VectorXf>(300, t);
    if (t == 1) g[7] = 1e20f;
    wide.step(g);
    coded.step(g);
  }
  for (Index i = 0; i < 300; ++i)
    found.expect(!std::isfinite(x[i]) || std::isfinite(y[i]),
                 "coefficient " + std::to_string(i) + " is no number after a gradient of 1e20");
}

/// A step is simultaneous: gradients may be other parameters, or lie across their own.
inline void gradients_that_are_parameters(const Subject& s, Findings& found) {
  Eigen::VectorXd memory = parameters<Eigen::VectorXd>(64), other = memory;
  const auto bound = [](Eigen::VectorXd& all) {
    return std::pair(Eigen::Map<Eigen::VectorXd>(all.data(), 30), Eigen::Map<Eigen::VectorXd>(all.data() + 33, 30));
  };
  auto [a, b] = bound(memory);
  auto [c, d] = bound(other);
  AnyOptimizer<double> aliased{s.in_double, named("0", a), named("1", b)};
  AnyOptimizer<double> apart{s.in_double, named("0", c), named("1", d)};
  for (int t = 1; t <= 4; ++t) {
    const Eigen::VectorXd before = other;
    aliased.step(b, Eigen::Map<const Eigen::VectorXd>(memory.data() + 31, 30));
    apart.step(before.segment(33, 30), before.segment(31, 30));
  }
  found.expect(same_bits(memory, other), "gradients that lie in parameters are read after these have moved");
}

}  // namespace glissade::laws
