// The laws of rules: what every rule, transform and chain obeys, and a check that a rule of yours does too.
//
//     for (const Finding& finding : check_rule(chain(MyRule{}, ScaleByLearningRate{0.01})))
//       std::puts(finding.text().c_str());
//
// No finding means that all laws hold: the rule converges on three small problems (a chain needs a learning rate that
// suits them: 3000 steps have to do); does the same in tensors of any size and memory layout, in one piece or many, for
// permuted and mirrored coefficients, in float as in double, with moments in 8 bits, with any number of threads; makes
// no huge step where squares vanish, nor another one where gradients lie among the parameters; takes no memory from the
// heap after its first steps; leaves gradients alone, and parameters without a gradient; forgets all with reset() and
// goes on bit for bit from what it has kept; refuses every option out of its range; is as a method what it is as an
// optimizer; and has no member that is misspelt and would be ignored.
//
// The laws are compiled once, against rules whose type is forgotten; a rule costs what four optimizers cost to compile.
// Nothing here needs a test framework.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "convergence.hpp"
#include "data.hpp"
#include "equivariance.hpp"
#include "extremes.hpp"
#include "findings.hpp"
#include "subject.hpp"

namespace glissade {

namespace laws {

/// The textbook formula, 40 steps on a matrix.
inline void equals_textbook(const Subject& s, Findings& found) {
  Eigen::MatrixXd x = matrix(5, 7, 0);
  Textbook book{.x = x, .g = {}};
  for (auto& memory : book.s) memory = Eigen::ArrayXXd::Zero(5, 7);
  AnyOptimizer<double> optimizer{s.in_double, x};
  for (int t = 1; t <= 40; ++t) {
    const Eigen::MatrixXd g = matrix(5, 7, t);
    book.t = t;
    book.g = g;
    s.expected.textbook(book);
    optimizer.step(g);
    const double error = (x.array() - book.x).abs().maxCoeff();
    const double bound = s.expected.precision * book.x.abs().maxCoeff();
    if (error <= bound) continue;
    return found.expect(false, "after step " + std::to_string(t) + " the distance is " + too_much(error, bound));
  }
}

/// Sizes around the lane's width: nothing outside is touched, and a coefficient does not depend on where it lies.
template <class T>
void sizes(const Subject& s, const AnyRule<T>& rule, Findings& found) {
  const Index width = Lane<compute_t<T>>::width;
  using V = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  V whole = parameters<V>(100);
  {
    AnyOptimizer<T> optimizer{rule, whole};
    for (int t = 1; t <= 3; ++t) optimizer.step(gradients<V>(100, t));
  }
  for (const Index size :
       {Index{0}, Index{1}, width - 1, width, width + 1, 2 * width + 1, Index{15}, Index{16}, Index{17}, Index{33}}) {
    V memory = V::Constant(size + 2, static_cast<T>(7));
    memory.segment(1, size) = parameters<V>(size);
    Eigen::Map<V> x(memory.data() + 1, size);
    AnyOptimizer<T> optimizer{rule, x};
    for (int t = 1; t <= 3; ++t) optimizer.step(gradients<V>(size, t));
    found.expect(memory[0] == static_cast<T>(7) && memory[size + 1] == static_cast<T>(7),
                 "memory beside " + std::to_string(size) + " coefficients has changed");
    found.expect(!s.expected.elementwise || same_bits(x, whole.head(size)),
                 std::to_string(size) + " coefficients move otherwise than as part of 100");
  }
}

/// One tensor or its pieces: the same bits.
inline void split(const Subject& s, Findings& found) {
  const Index size = 9000;
  auto whole = parameters<Eigen::VectorXd>(size);
  auto pieces = whole;
  AnyOptimizer<double> one{s.in_double, whole};
  AnyOptimizer<double> many{s.in_double, named("0", pieces.segment(0, 13)), named("00", pieces.segment(13, 4098)),
                            pieces.tail(size - 13 - 4098)};
  for (int t = 1; t <= 3; ++t) {
    const auto g = gradients<Eigen::VectorXd>(size, t);
    one.step(g);
    many.step(g.segment(0, 13), g.segment(13, 4098), g.tail(size - 13 - 4098));
  }
  found.expect(same_bits(whole, pieces), "a vector moves otherwise in three pieces than in one");
}

inline void leaves_gradients_alone(const Subject& s, Findings& found) {
  Eigen::MatrixXd x = matrix(9, 5, 0);
  Eigen::MatrixXd y = x;
  AnyOptimizer<double> clean{s.in_double, x};
  AnyOptimizer<double> careless{s.in_double, y};
  Eigen::MatrixXd buffer(9, 5);
  for (int t = 1; t <= 5; ++t) {
    const Eigen::MatrixXd g = matrix(9, 5, t);
    clean.step(g);
    buffer = g;
    careless.step(buffer);
    found.expect(same_bits(buffer, g), "the gradient has changed in step " + std::to_string(t));
    buffer.setConstant(std::numeric_limits<double>::quiet_NaN());
  }
  found.expect(same_bits(x, y), "a gradient is looked at after the step");
}

inline void maximize(const Subject& s, Findings& found) {
  Eigen::MatrixXd x = matrix(9, 5, 0);
  Eigen::MatrixXd y = x;
  AnyOptimizer<double> up{s.in_double, OptimizerOptions{.maximize = true}, x};
  AnyOptimizer<double> down{s.in_double, y};
  for (int t = 1; t <= 5; ++t) {
    const Eigen::MatrixXd g = matrix(9, 5, t);
    up.step(g);
    down.step(-g);
  }
  found.expect(same_bits(x, y), "with maximize, parameters are not those of the negated gradient");
}

inline void zero_gradient(const Subject& s, Findings& found) {
  Eigen::MatrixXd x = matrix(9, 5, 0);
  const Eigen::MatrixXd before = x;
  AnyOptimizer<double> optimizer{s.in_double, x};
  for (int t = 1; t <= 6; ++t) optimizer.step(Eigen::MatrixXd::Zero(9, 5));
  found.expect(x.allFinite(), "parameters are not finite after zero gradients");
  if (!s.expected.rests) return;
  found.expect(same_bits(x, before), "parameters have moved without a gradient");
  Eigen::Matrix<float, 9, 5> f = before.cast<float>();
  const Eigen::Matrix<float, 9, 5> kept = f;
  AnyOptimizer<float> narrow{s.in_float, f};
  for (int t = 1; t <= 6; ++t) narrow.step(Eigen::Matrix<float, 9, 5>::Zero());
  found.expect(same_bits(f, kept), "parameters in float have moved without a gradient");
}

inline void reset(const Subject& s, Findings& found) {
  Eigen::MatrixXd x = matrix(9, 5, 0);
  AnyOptimizer<double> used{s.in_double, x};
  for (int t = 1; t <= 5; ++t) used.step(matrix(9, 5, t));
  x = matrix(9, 5, 0);  // before the reset: some rules start from the parameters
  used.reset();
  found.expect(used.steps() == 0, "there are " + std::to_string(used.steps()) + " steps after reset");
  Eigen::MatrixXd y = x;
  AnyOptimizer<double> fresh{s.in_double, y};
  for (int t = 1; t <= 5; ++t) {
    used.step(matrix(9, 5, 3 * t));
    fresh.step(matrix(9, 5, 3 * t));
  }
  found.expect(same_bits(x, y), "parameters differ from those of a fresh optimizer");
  found.expect(used.state(0) == fresh.state(0), "state differs from that of a fresh optimizer");
}

/// What a file holds is all that the future depends on.
inline void resume(const Subject& s, Findings& found) {
  Eigen::MatrixXd x = matrix(9, 5, 0);
  AnyOptimizer<double> first{s.in_double, x};
  for (int t = 1; t <= 5; ++t) first.step(matrix(9, 5, t));
  Eigen::MatrixXd y = x;
  AnyOptimizer<double> second{s.in_double, y};
  second.continue_from(first);
  for (int t = 6; t <= 10; ++t) {
    first.step(matrix(9, 5, t));
    second.step(matrix(9, 5, t));
  }
  found.expect(same_bits(x, y), "parameters differ after five steps more");
  found.expect(second.state(0) == first.state(0), "state differs after five steps more");
}

inline void no_allocation(const Subject& s, Findings& found) {
  Eigen::MatrixXd x = matrix(70, 80, 0);
  Eigen::VectorXd b = parameters<Eigen::VectorXd>(37);
  AnyOptimizer<double> optimizer{s.in_double, x, b};
  const Eigen::MatrixXd gx = matrix(70, 80, 1);
  const auto gb = gradients<Eigen::VectorXd>(37, 1);
  for (int t = 0; t < 2; ++t) optimizer.step(gx, gb);
  const std::size_t before = s.expected.allocations();
  for (int t = 0; t < 4; ++t) optimizer.step(gx, gb);
  const std::size_t more = s.expected.allocations() - before;
  found.expect(more == 0, std::to_string(more) + " allocations in steps 3 to 6");
}

/// A matrix in every kind of memory, with gradients in every other.
inline void matrix_layouts(const Subject& s, Findings& found) {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  constexpr Index rows = 9;
  constexpr Index cols = 5;
  Eigen::MatrixXd dense = matrix(rows, cols, 0);
  Eigen::Matrix<double, rows, cols> fixed = dense;
  Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic> array = dense;
  Eigen::MatrixXd larger = Eigen::MatrixXd::Constant(rows, cols + 4, 7);
  larger.middleCols(2, cols) = dense;
  std::vector<double> memory(dense.data(), dense.data() + dense.size());
  Eigen::Map<Eigen::MatrixXd> map(memory.data(), rows, cols);
  RowMajor row_major = dense;
  AnyOptimizer<double> a{s.in_double, dense};
  AnyOptimizer<double> b{s.in_double, fixed};
  AnyOptimizer<double> c{s.in_double, array};
  AnyOptimizer<double> d{s.in_double, larger.middleCols(2, cols)};
  AnyOptimizer<double> e{s.in_double, map};
  AnyOptimizer<double> f{s.in_double, row_major};
  for (int t = 1; t <= 5; ++t) {
    const Eigen::MatrixXd g = matrix(rows, cols, t);
    const RowMajor other_order = g;
    Eigen::MatrixXd around = Eigen::MatrixXd::Constant(rows + 3, cols + 2, 7);
    around.block(2, 1, rows, cols) = g;
    using Steps = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
    std::vector<double> apart(static_cast<std::size_t>(2 * (rows + 1) * cols), 7);
    Eigen::Map<Eigen::MatrixXd, 0, Steps> strided(apart.data(), rows, cols, Steps(2 * (rows + 1), 2));
    strided = g;
    const Eigen::MatrixXd turned = g.transpose();
    a.step(g);
    b.step(other_order);
    c.step(1.0 * g);
    d.step(around.block(2, 1, rows, cols));
    e.step(strided);
    f.step(turned.transpose());
  }
  found.expect(same_bits(dense, fixed), "a matrix of fixed size, gradients in the other storage order");
  found.expect(same_bits(dense, array), "an array, gradients as expressions");
  found.expect(same_bits(dense, Eigen::MatrixXd(larger.middleCols(2, cols))),
               "columns of a matrix, gradients in a block");
  found.expect(same_bits(dense, map), "a map, gradients with strides");
  found.expect((larger.leftCols(2).array() == 7).all() && (larger.rightCols(2).array() == 7).all(),
               "columns beside those of the parameter have changed");
  if (s.expected.elementwise)
    found.expect((dense.array() == row_major.array()).all(), "the other storage order");
  else  // sums follow the storage order
    found.expect(dense.isApprox(row_major, 1e-14), "the other storage order");
}

inline void vector_layouts(const Subject& s, Findings& found) {
  Eigen::VectorXd column = parameters<Eigen::VectorXd>(21);
  Eigen::RowVectorXd row = column.transpose();
  std::vector<double> vector(column.data(), column.data() + column.size());
  std::array<double, 21> span_memory{};
  std::copy(vector.begin(), vector.end(), span_memory.begin());
  AnyOptimizer<double> a{s.in_double, column};
  AnyOptimizer<double> b{s.in_double, row};
  AnyOptimizer<double> c{s.in_double, vector};
  AnyOptimizer<double> d{s.in_double, std::span<double>(span_memory)};
  for (int t = 1; t <= 5; ++t) {
    const auto gradient = gradients<Eigen::VectorXd>(21, t);
    const Eigen::VectorXd backwards = gradient.reverse();
    a.step(gradient);
    b.step(gradient.transpose());
    c.step(backwards.reverse());
    d.step(std::vector<double>(gradient.data(), gradient.data() + 21));
  }
  found.expect(same_bits(column, row), "a row");
  found.expect(same_bits(column, vector), "a vector of the standard library, gradients with a negative stride");
  found.expect(same_bits(column, span_memory), "a span");
}

/// float follows double, and bfloat16 parameters follow float as far as they can.
inline void storage_types(const Subject& s, Findings& found) {
  const Index size = 37;
  auto x = parameters<Eigen::VectorXd>(size);
  auto f = parameters<Eigen::VectorXf>(size);
  using Brain = Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, 1>;
  Brain b = parameters<Eigen::VectorXf>(size).cast<Eigen::bfloat16>();
  AnyOptimizer<double> in_double{s.in_double, x};
  AnyOptimizer<float> in_float{s.in_float, f};
  AnyOptimizer<Eigen::bfloat16> in_brain{s.in_bfloat16, b};
  for (int t = 1; t <= 4; ++t) {
    in_double.step(gradients<Eigen::VectorXd>(size, t));
    const auto g = gradients<Eigen::VectorXf>(size, t);
    in_float.step(g);
    in_brain.step(g);
  }
  const double narrow = (f.cast<double>() - x).cwiseAbs().maxCoeff();
  const double narrower = (b.cast<float>().cast<double>() - x).cwiseAbs().maxCoeff();
  found.expect(narrow < 1e-5, "the distance of float from double is " + too_much(narrow, 1e-5));
  found.expect(narrower < 3e-2, "the distance of bfloat16 from double is " + too_much(narrower, 3e-2));
}

/// Moments in 8-bit codes lead where moments in float do: a whole block of codes and a part of one.
inline void coded_state(const Subject& s, Findings& found) {
  const Eigen::MatrixXf start = matrix(20, 15, 0).cast<float>();
  Eigen::MatrixXf x = start;
  Eigen::MatrixXf y = start;
  AnyOptimizer<float> wide{s.in_float, x};
  AnyOptimizer<float> coded{*s.in_codes, y};
  for (int t = 1; t <= 20; ++t) {
    const Eigen::MatrixXf g = matrix(20, 15, t).cast<float>();
    wide.step(g);
    coded.step(g);
  }
  const float distance = (y - x).norm();
  const float bound = 0.25f * (x - start).norm();
  found.expect(distance <= bound,
               "the distance from float is " + too_much(static_cast<double>(distance), static_cast<double>(bound)));
}

/// The number of threads changes no bit, neither of parameters nor of state. Without OpenMP there is one.
inline void threads(const Subject& s, Findings& found) {
  Eigen::MatrixXd x = matrix(201, 101, 0);  // more than one thread's share of work
  Eigen::MatrixXd y = x;
  AnyOptimizer<double> alone{s.in_double, x};
  AnyOptimizer<double> shared{s.in_double, OptimizerOptions{.threads = 3}, y};
  for (int t = 1; t <= 2; ++t) {
    const Eigen::MatrixXd g = matrix(201, 101, t);
    alone.step(g);
    shared.step(g);
  }
  found.expect(same_bits(x, y), "three threads make other parameters than one");
  found.expect(alone.state(0) == shared.state(0), "three threads make other state than one");
}

/// Every option of every rule at values just outside its range: refused with the right message, before anything has
/// changed.
inline void rejects_bad_options(const Subject& s, Findings& found) {
  const auto message_of = [](const auto& action) -> std::string {
    try {
      action();
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "no exception";
  };
  for (const RuleOption& option : s.in_double.options())
    for (const bool too_high : {false, true}) {
      const double end = too_high ? option.range.high : option.range.low;
      if (std::isinf(end) && option.is_whole) continue;
      const double bad = std::isinf(end) ? std::numeric_limits<double>::quiet_NaN()
                                         : end + (too_high ? 1 : -1) * (std::max)(1.0, std::abs(end));
      AnyRule<double> rule = s.in_double;
      rule.assign(option.full_name(), bad);
      const std::string start = option.owner.substr(0, option.owner.find('#')) + ": " + option.name + " = ";
      const auto check = [&](const std::string& message) {
        found.expect(message.starts_with(start), message + ", in place of " + start + "...");
        found.expect(message.find("must be " + option.range.text()) != std::string::npos,
                     message + ", which does not say " + option.range.text());
      };
      Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
      check(message_of([&] { AnyOptimizer<double> optimizer{rule, x}; }));

      AnyOptimizer<double> later{s.in_double, x};
      later.assign(option.full_name(), bad);
      check(message_of([&] { later.step(x); }));
      found.expect((x.array() == 1).all() && later.steps() == 0, "a step that was refused has changed something");
    }
}

/// A tensor without a gradient is left alone, and its own step count stands still.
inline void absent_gradients(const Subject& s, Findings& found) {
  auto x = parameters<Eigen::VectorXd>(20);
  auto y = x;
  const auto other = x;
  auto alone = x;
  AnyOptimizer<double> both{s.in_double, named("0", x), y};
  AnyOptimizer<double> one{s.in_double, named("0", alone)};
  for (int t = 1; t <= 4; ++t) {
    const auto g = gradients<Eigen::VectorXd>(20, t);
    both.step(g, no_gradient);
    one.step(g);
  }
  found.expect(same_bits(x, alone), "the other tensor moves otherwise than alone");
  found.expect(same_bits(y, other), "it has moved");
}

/// Minimizing with a rule is the optimizer's loop.
inline void lifted(const Subject& s, Findings& found) {
  const FirstOrder f = [](const Eigen::VectorXd& x, Eigen::VectorXd& g) {
    g = x + gradients<Eigen::VectorXd>(x.size(), 1);
    return 0.5 * g.squaredNorm();
  };
  Eigen::VectorXd y = parameters<Eigen::VectorXd>(21), g(21);
  const Trajectory path = s.minimize(f, y, 5);
  AnyOptimizer<double> optimizer{s.in_double, named("x", y)};
  for (std::size_t t = 0; t < path.x.size(); ++t) {
    f(y, g);
    optimizer.step(g);
    found.expect(same_bits(path.x[t], y), "the point differs after step " + std::to_string(t + 1));
  }
  found.expect(path.state == optimizer.state(0), "the state differs");
  found.expect(path.value == f(y, g), "the value is not that of the point");
}

/// All laws that fit what is expected of the subject.
[[nodiscard]] inline std::vector<Finding> check(const Subject& s) {
  Findings found(s);
  found.hold("members", [&] {
    for (const std::string& mistake : s.mistakes) found.expect(false, mistake);
  });
  if (s.expected.passes)
    found.hold("passes over memory", [&] {
      found.expect(s.in_double.passes() == *s.expected.passes,
                   std::to_string(s.in_double.passes()) + ", must be " + std::to_string(*s.expected.passes));
    });
  if (s.expected.converges) converges(s, found);
  if (s.expected.textbook) found.hold("equals the textbook", [&] { equals_textbook(s, found); });
  found.hold("sizes, double", [&] { sizes(s, s.in_double, found); });
  found.hold("sizes, float", [&] { sizes(s, s.in_float, found); });
  if (s.expected.elementwise && !s.by_name) found.hold("split invariance", [&] { split(s, found); });
  found.hold("never modifies the gradient and keeps no hold of it", [&] { leaves_gradients_alone(s, found); });
  found.hold("gradients that are parameters", [&] { gradients_that_are_parameters(s, found); });
  found.hold("tiny gradients, double", [&] { tiny_gradients(s.in_double, found); });
  found.hold("huge gradients, double", [&] { huge_gradients(s.in_double, found); });
  found.hold("huge gradients, float", [&] { huge_gradients(s.in_float, found); });
  found.hold("tiny gradients, float", [&] { tiny_gradients(s.in_float, found); });
  found.hold("maximize is a run on the negated gradient", [&] { maximize(s, found); });
  found.hold("zero gradients", [&] { zero_gradient(s, found); });
  found.hold("a used object equals a fresh one after reset", [&] { reset(s, found); });
  found.hold("resumes bit for bit from parameters, state, counts and shared numbers", [&] { resume(s, found); });
  if (s.expected.allocations != nullptr)
    found.hold("no allocation in step after the first", [&] { no_allocation(s, found); });
  found.hold("all layouts of a matrix agree", [&] { matrix_layouts(s, found); });
  found.hold("all layouts of a vector agree", [&] { vector_layouts(s, found); });
  found.hold("float and bfloat16 parameters", [&] { storage_types(s, found); });
  if (s.in_codes && s.expected.in_codes) {
    found.hold("state in 8-bit codes", [&] { coded_state(s, found); });
    found.hold("overflow beside others in 8-bit codes", [&] { overflow_in_codes(s, found); });
  }
  if (s.expected.elementwise)
    found.hold("permutations and signs",
               [&] { found.expect(is_equivariant(s.in_double), "permuted and mirrored coefficients move otherwise"); });
  found.hold("the number of threads changes nothing", [&] { threads(s, found); });
  found.hold("every option's bad values are rejected with the right message", [&] { rejects_bad_options(s, found); });
  if (s.expected.elementwise)
    found.hold("a tensor without gradient is left alone", [&] { absent_gradients(s, found); });
  found.hold("lifted to a method it is the optimizer's loop, bit for bit", [&] { lifted(s, found); });
  return std::move(found.all);
}

}  // namespace laws

/// The laws that a rule or chain breaks; none where it is as good as those of the library.
template <class R>
[[nodiscard]] std::vector<Finding> check_rule(const R& rule, RuleExpectations expected = {}) {
  static_assert(Rule<R>, "check_rule takes a rule: a kernel, update, select or chain as rule/rule.hpp describes them");
  return laws::check(laws::subject_of<true>(glissade::describe(rule), rule, std::move(expected)));
}

}  // namespace glissade
