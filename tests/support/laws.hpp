// The laws: what every rule, transform, wrapper and chain obeys. check_laws(subject) runs all.
#pragma once

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/problems.hpp"
#include "support/subject.hpp"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace laws {

using glissade::Index;
using glissade::Optimizer;
using glissade::OptimizerOptions;
using small_problems::test_gradient;
using small_problems::test_parameter;

template <class V>
V parameters(Index size) {
  V x(size);
  for (Index i = 0; i < size; ++i) x[i] = static_cast<typename V::Scalar>(test_parameter(i));
  return x;
}
template <class V>
V gradients(Index size, int t) {
  V g(size);
  for (Index i = 0; i < size; ++i) g[i] = static_cast<typename V::Scalar>(test_gradient(i, t));
  return g;
}
inline Eigen::MatrixXd matrix(Index rows, Index cols, int t) {
  Eigen::MatrixXd m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = t == 0 ? test_parameter(i) : test_gradient(i, t);
  return m;
}

template <class A, class B>
bool same_bits(const A& a, const B& b) {
  return static_cast<std::size_t>(a.size()) == static_cast<std::size_t>(b.size()) &&
         (a.size() == 0 ||
          std::memcmp(a.data(), b.data(), sizeof(*a.data()) * static_cast<std::size_t>(a.size())) == 0);
}

/// The objective falls to a small part of its start on three problems.
template <class R>
void converges(const R& rule) {
  SECTION("converges on a least squares problem") {
    small_problems::LeastSquares p(4, 3);
    Optimizer optimizer{rule, p.W};
    const double start = p.value();
    const double best = 0.3836042;  // the minimum, see the golden trajectories
    for (int t = 0; t < 3000; ++t) optimizer.step(p.gradient());
    CHECK(p.value() - best < 0.02 * (start - best));
  }
  SECTION("converges on a badly scaled bowl") {
    Eigen::VectorXd x = Eigen::VectorXd::Constant(8, 1.5);
    Eigen::VectorXd h(8);
    for (Index i = 0; i < 8; ++i) h[i] = std::pow(10.0, -static_cast<double>(i) / 7);
    Optimizer optimizer{rule, x};
    for (int t = 0; t < 3000; ++t) optimizer.step(h.cwiseProduct(x));
    CHECK(h.dot(x.cwiseAbs2()) < 0.02 * 1.5 * 1.5 * h.sum());
  }
  SECTION("converges on a logistic regression") {
    const Eigen::MatrixXd features = matrix(40, 3, 1);
    const Eigen::VectorXd truth{{1.0, -2.0, 0.5}};
    const Eigen::VectorXd labels = (features * truth).unaryExpr([](double z) { return 1 / (1 + std::exp(-z)); });
    Eigen::VectorXd x = Eigen::VectorXd::Constant(3, 0.1);
    Optimizer optimizer{rule, x};
    const double start = (x - truth).norm();
    for (int t = 0; t < 3000; ++t) {
      const Eigen::VectorXd p = (features * x).unaryExpr([](double z) { return 1 / (1 + std::exp(-z)); });
      optimizer.step(features.transpose() * (p - labels) / 10);
    }
    CHECK((x - truth).norm() < 0.2 * start);
  }
}

/// The textbook formula, 40 steps on a matrix.
template <class R>
void equals_textbook(const Subject<R>& s) {
  if (!s.textbook) return;
  SECTION("equals the textbook") {
    Eigen::MatrixXd x = matrix(5, 7, 0);
    Textbook book{.x = x, .g = {}};
    for (auto& memory : book.s) memory = Eigen::ArrayXXd::Zero(5, 7);
    Optimizer optimizer{s.rule, x};
    for (int t = 1; t <= 40; ++t) {
      const Eigen::MatrixXd g = matrix(5, 7, t);
      book.t = t;
      book.g = g;
      s.textbook(book);
      optimizer.step(g);
      REQUIRE((x.array() - book.x).abs().maxCoeff() <= s.precision * book.x.abs().maxCoeff());
    }
  }
}

/// Sizes around the lane's width: nothing outside is touched, and a coefficient does not depend on
/// where it lies.
template <class R, class T>
void sizes(const Subject<R>& s) {
  const Index width = glissade::Lane<glissade::compute_t<T>>::width;
  using V = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  V whole = parameters<V>(100);
  {
    Optimizer optimizer{s.rule, whole};
    for (int t = 1; t <= 3; ++t) optimizer.step(gradients<V>(100, t));
  }
  for (const Index size :
       {Index{0}, Index{1}, width - 1, width, width + 1, 2 * width + 1, Index{15}, Index{16}, Index{17}, Index{33}}) {
    V memory = V::Constant(size + 2, static_cast<T>(7));
    memory.segment(1, size) = parameters<V>(size);
    Eigen::Map<V> x(memory.data() + 1, size);
    Optimizer optimizer{s.rule, x};
    for (int t = 1; t <= 3; ++t) optimizer.step(gradients<V>(size, t));
    INFO("size " << size);
    CHECK(memory[0] == static_cast<T>(7));
    CHECK(memory[size + 1] == static_cast<T>(7));
    if (s.elementwise) CHECK(same_bits(x, whole.head(size)));
  }
}

/// One tensor or its pieces: the same bits, where the rule is elementwise.
template <class R>
void split(const Subject<R>& s) {
  if (!s.elementwise) return;
  SECTION("split invariance") {
    const Index size = 9000;
    auto whole = parameters<Eigen::VectorXd>(size);
    auto pieces = whole;
    Optimizer one{s.rule, whole};
    Optimizer many{s.rule, glissade::named("0", pieces.segment(0, 13)), glissade::named("00", pieces.segment(13, 4098)),
                   pieces.tail(size - 13 - 4098)};
    if constexpr (!requires { s.rule.members; }) {  // groups choose by name
      for (int t = 1; t <= 3; ++t) {
        const auto g = gradients<Eigen::VectorXd>(size, t);
        one.step(g);
        many.step(g.segment(0, 13), g.segment(13, 4098), g.tail(size - 13 - 4098));
      }
      CHECK(same_bits(whole, pieces));
    }
  }
}

template <class R>
void leaves_gradients_alone(const Subject<R>& s) {
  SECTION("never modifies the gradient and keeps no hold of it") {
    Eigen::MatrixXd x = matrix(9, 5, 0);
    Eigen::MatrixXd y = x;
    Optimizer clean{s.rule, x};
    Optimizer careless{s.rule, y};
    Eigen::MatrixXd buffer(9, 5);
    for (int t = 1; t <= 5; ++t) {
      const Eigen::MatrixXd g = matrix(9, 5, t);
      clean.step(g);
      buffer = g;
      careless.step(buffer);
      CHECK(same_bits(buffer, g));
      buffer.setConstant(std::numeric_limits<double>::quiet_NaN());
    }
    CHECK(same_bits(x, y));
  }
}

template <class R>
void maximize(const Subject<R>& s) {
  SECTION("maximize is a run on the negated gradient") {
    Eigen::MatrixXd x = matrix(9, 5, 0);
    Eigen::MatrixXd y = x;
    Optimizer up{s.rule, OptimizerOptions{.maximize = true}, x};
    Optimizer down{s.rule, y};
    for (int t = 1; t <= 5; ++t) {
      const Eigen::MatrixXd g = matrix(9, 5, t);
      up.step(g);
      down.step(-g);
    }
    CHECK(same_bits(x, y));
  }
}

template <class R>
void zero_gradient(const Subject<R>& s) {
  SECTION("zero gradients") {
    Eigen::MatrixXd x = matrix(9, 5, 0);
    const Eigen::MatrixXd before = x;
    Optimizer optimizer{s.rule, x};
    for (int t = 1; t <= 6; ++t) optimizer.step(Eigen::MatrixXd::Zero(9, 5));
    CHECK(x.allFinite());
    if (s.rests) CHECK(same_bits(x, before));
    if (s.rests) {
      Eigen::Matrix<float, 9, 5> f = before.cast<float>();
      const Eigen::Matrix<float, 9, 5> kept = f;
      Optimizer narrow{s.rule, f};
      for (int t = 1; t <= 6; ++t) narrow.step(Eigen::Matrix<float, 9, 5>::Zero());
      CHECK(same_bits(f, kept));
    }
  }
}

template <class R>
void reset(const Subject<R>& s) {
  SECTION("a used object equals a fresh one after reset") {
    Eigen::MatrixXd x = matrix(9, 5, 0);
    Optimizer used{s.rule, x};
    for (int t = 1; t <= 5; ++t) used.step(matrix(9, 5, t));
    x = matrix(9, 5, 0);  // before the reset: some rules start from the parameters
    used.reset();
    CHECK(used.steps() == 0);
    Eigen::MatrixXd y = x;
    Optimizer fresh{s.rule, y};
    for (int t = 1; t <= 5; ++t) {
      used.step(matrix(9, 5, 3 * t));
      fresh.step(matrix(9, 5, 3 * t));
    }
    CHECK(same_bits(x, y));
    CHECK(used.state(0) == fresh.state(0));
  }
}

/// What a file holds (io/safetensors.hpp writes these lists) is all that the future depends on.
template <class R>
void resume(const Subject<R>& s) {
  SECTION("resumes bit for bit from parameters, state, counts and shared numbers") {
    Eigen::MatrixXd x = matrix(9, 5, 0);
    Optimizer first{s.rule, x};
    for (int t = 1; t <= 5; ++t) first.step(matrix(9, 5, t));
    Eigen::MatrixXd y = x;
    Optimizer second{s.rule, y};
    second.memory() = first.memory();
    for (int t = 6; t <= 10; ++t) {
      first.step(matrix(9, 5, t));
      second.step(matrix(9, 5, t));
    }
    CHECK(same_bits(x, y));
    CHECK(second.state(0) == first.state(0));
  }
}

template <class R>
void no_allocation(const Subject<R>& s) {
  SECTION("no allocation in step after the first") {
    Eigen::MatrixXd x = matrix(70, 80, 0);
    Eigen::VectorXd b = parameters<Eigen::VectorXd>(37);
    Optimizer optimizer{s.rule, x, b};
    const Eigen::MatrixXd gx = matrix(70, 80, 1);
    const auto gb = gradients<Eigen::VectorXd>(37, 1);
    for (int t = 0; t < 2; ++t) optimizer.step(gx, gb);
    const std::size_t before = allocations();
    for (int t = 0; t < 4; ++t) optimizer.step(gx, gb);
    CHECK(allocations() == before);
  }
}

template <class R>
void layouts(const Subject<R>& s) {
  SECTION("all layouts agree") {
    constexpr Index rows = 9;
    constexpr Index cols = 5;
    Eigen::MatrixXd dense = matrix(rows, cols, 0);
    Eigen::Matrix<double, rows, cols> fixed = dense;
    Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic> array = dense;
    Eigen::MatrixXd larger = Eigen::MatrixXd::Constant(rows, cols + 4, 7);
    larger.middleCols(2, cols) = dense;
    std::vector<double> memory(dense.data(), dense.data() + dense.size());
    Eigen::Map<Eigen::MatrixXd> map(memory.data(), rows, cols);
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> row_major = dense;
    Optimizer a{s.rule, dense};
    Optimizer b{s.rule, fixed};
    Optimizer c{s.rule, array};
    Optimizer d{s.rule, larger.middleCols(2, cols)};
    Optimizer e{s.rule, map};
    Optimizer f{s.rule, row_major};
    for (int t = 1; t <= 5; ++t) {
      const Eigen::MatrixXd g = matrix(rows, cols, t);
      const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> other_order = g;
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
    CHECK(same_bits(dense, fixed));
    CHECK(same_bits(dense, array));
    CHECK(same_bits(dense, Eigen::MatrixXd(larger.middleCols(2, cols))));
    CHECK(same_bits(dense, map));
    CHECK((larger.leftCols(2).array() == 7).all());
    CHECK((larger.rightCols(2).array() == 7).all());
    if (s.elementwise)
      CHECK((dense.array() == row_major.array()).all());
    else  // sums follow the storage order
      CHECK(dense.isApprox(row_major, 1e-14));

    Eigen::VectorXd column = parameters<Eigen::VectorXd>(21);
    Eigen::RowVectorXd row = column.transpose();
    std::vector<double> vector(column.data(), column.data() + column.size());
    std::array<double, 21> span_memory{};
    std::copy(vector.begin(), vector.end(), span_memory.begin());
    Optimizer g{s.rule, column};
    Optimizer h{s.rule, row};
    Optimizer i{s.rule, vector};
    Optimizer j{s.rule, std::span<double>(span_memory)};
    for (int t = 1; t <= 5; ++t) {
      const auto gradient = gradients<Eigen::VectorXd>(21, t);
      const Eigen::VectorXd backwards = gradient.reverse();
      g.step(gradient);
      h.step(gradient.transpose());
      i.step(backwards.reverse());
      j.step(std::vector<double>(gradient.data(), gradient.data() + 21));
    }
    CHECK(same_bits(column, row));
    CHECK(same_bits(column, vector));
    CHECK(same_bits(column, span_memory));
  }
}

/// float follows double, and bfloat16 parameters follow float as far as they can.
template <class R>
void storage_types(const Subject<R>& s) {
  SECTION("float and bfloat16 parameters") {
    const Index size = 37;
    auto x = parameters<Eigen::VectorXd>(size);
    auto f = parameters<Eigen::VectorXf>(size);
    using Brain = Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, 1>;
    Brain b = parameters<Eigen::VectorXf>(size).cast<Eigen::bfloat16>();
    Optimizer in_double{s.rule, x};
    Optimizer in_float{s.rule, f};
    Optimizer in_brain{s.rule, b};
    for (int t = 1; t <= 4; ++t) {
      in_double.step(gradients<Eigen::VectorXd>(size, t));
      const auto g = gradients<Eigen::VectorXf>(size, t);
      in_float.step(g);
      in_brain.step(g);
    }
    CHECK((f.cast<double>() - x).cwiseAbs().maxCoeff() < 1e-5);
    CHECK((b.cast<float>().cast<double>() - x).cwiseAbs().maxCoeff() < 3e-2);
  }
}

/// Moments in 8-bit codes lead where moments in float do: a whole block of codes and a part of one.
template <class R>
void coded_state(const Subject<R>& s) {
  SECTION("state in 8-bit codes") {
    const Eigen::MatrixXf start = matrix(20, 15, 0).cast<float>();
    Eigen::MatrixXf x = start;
    Eigen::MatrixXf y = start;
    Optimizer wide{s.rule, x};
    Optimizer coded{glissade::with_state<glissade::LogarithmicCode>(s.rule), y};
    for (int t = 1; t <= 20; ++t) {
      const Eigen::MatrixXf g = matrix(20, 15, t).cast<float>();
      wide.step(g);
      coded.step(g);
    }
    INFO((y - x).norm() << " of " << (x - start).norm());
    CHECK((y - x).norm() <= 0.25f * (x - start).norm());
  }
}

/// Coefficients are treated alike: permuting them, or turning the signs of some, permutes and turns the result and
/// changes no bit.
template <class R>
void equivariance(const R& rule) {
  const Index size = 23;
  auto x = parameters<Eigen::VectorXd>(size);
  const auto turn = [&](const Eigen::VectorXd& v) -> Eigen::VectorXd {
    Eigen::VectorXd turned(size);
    for (Index i = 0; i < size; ++i) turned[i] = (i % 3 == 1 ? -1 : 1) * v[(7 * i + 5) % size];
    return turned;
  };
  Eigen::VectorXd y = turn(x);
  Optimizer plain{rule, x};
  Optimizer turned{rule, y};
  for (int t = 1; t <= 30; ++t) {
    const auto g = gradients<Eigen::VectorXd>(size, t);
    plain.step(g);
    turned.step(turn(g));
  }
  CHECK(same_bits(turn(x), y));
}

/// The number of threads changes no bit, neither of parameters nor of state.
template <class R>
void threads([[maybe_unused]] const Subject<R>& s) {
#ifdef _OPENMP
  SECTION("the number of threads changes nothing") {
    Eigen::MatrixXd x = matrix(201, 101, 0);  // more than one thread's share of work
    Eigen::MatrixXd y = x;
    Optimizer alone{s.rule, x};
    Optimizer shared{s.rule, OptimizerOptions{.threads = 3}, y};
    for (int t = 1; t <= 2; ++t) {
      const Eigen::MatrixXd g = matrix(201, 101, t);
      alone.step(g);
      shared.step(g);
    }
    CHECK(same_bits(x, y));
    CHECK(alone.state(0) == shared.state(0));
  }
#endif
}

/// Sets every number option of every rule to values just outside its range.
struct SpoilOption {
  std::size_t target;
  bool too_high;
  std::size_t seen = 0;
  std::string owner = {}, field = {}, bound = {};

  double spoil(std::string_view name, const glissade::Range& allowed, double value) {
    if (seen++ != target) return value;
    field = name;
    bound = allowed.text();
    const double end = too_high ? allowed.high : allowed.low;
    if (std::isinf(end)) return std::numeric_limits<double>::quiet_NaN();
    return end + (too_high ? 1 : -1) * std::max(1.0, std::abs(end));
  }
  void operator()(std::string_view name, double& value, const glissade::Range& allowed) {
    value = spoil(name, allowed, value);
  }
  void operator()(std::string_view name, int& value, const glissade::Range& allowed) {
    const double bad = spoil(name, allowed, value);
    value = std::isnan(bad) ? value : static_cast<int>(bad);
    if (std::isnan(bad)) field.clear();
  }
  void operator()(std::string_view name, glissade::Schedule& value, const glissade::Range& allowed) {
    if (value.constant()) value = spoil(name, allowed, *value.constant());
  }
  void operator()(std::string_view name, std::optional<glissade::Schedule>& value, const glissade::Range& allowed) {
    if (!value) value = 0.0;
    value = spoil(name, allowed, *value->constant());
  }
  template <class E>
  requires std::is_enum_v<E>
  void operator()(std::string_view name, E& value, const glissade::Range& allowed) {
    value = static_cast<E>(static_cast<int>(spoil(name, allowed, static_cast<double>(value))));
  }
  void operator()(std::string_view, std::uint64_t&) {}
  void operator()(std::string_view, bool&) {}
  void operator()(std::string_view, glissade::TensorMask&) {}
};

template <class R>
void rejects_bad_options(const Subject<R>& s) {
  SECTION("every option's bad values are rejected with the right message") {
    for (std::size_t target = 0;; ++target) {
      std::size_t options = 0;
      for (const bool too_high : {false, true}) {
        R rule = s.rule;
        SpoilOption spoil{target, too_high};
        for_each_rule(rule, [&](auto& r) {
          const std::size_t before = spoil.seen;
          glissade::visit_options(r, spoil);
          if (before <= target && target < spoil.seen) spoil.owner = std::remove_cvref_t<decltype(r)>::name;
        });
        options = spoil.seen;
        if (target >= options || spoil.field.empty()) continue;
        Eigen::VectorXd x = Eigen::VectorXd::Ones(3);
        std::string message;
        const auto attempt = [&](auto&& action) {
          try {
            action();
          } catch (const std::invalid_argument& error) {
            message = error.what();
          }
        };
        attempt([&] { Optimizer optimizer{rule, x}; });
        INFO(message);
        CHECK(message.find(spoil.owner + ": " + spoil.field + " = ") == 0);
        CHECK(message.find("must be " + spoil.bound) != std::string::npos);

        Optimizer later{s.rule, x};
        later.rule() = rule;
        message.clear();
        attempt([&] { later.step(x); });
        CHECK(message.find(spoil.owner + ": " + spoil.field + " = ") == 0);
        CHECK((x.array() == 1).all());
        CHECK(later.steps() == 0);
      }
      if (target >= options) break;
    }
  }
}

/// A tensor without a gradient is left alone, and its own step count stands still.
template <class R>
void absent_gradients(const Subject<R>& s) {
  if (!s.elementwise) return;
  SECTION("a tensor without gradient is left alone") {
    auto x = parameters<Eigen::VectorXd>(20);
    auto y = x;
    auto other = x;
    auto alone = x;
    Optimizer both{s.rule, glissade::named("0", x), y};
    Optimizer one{s.rule, glissade::named("0", alone)};
    for (int t = 1; t <= 4; ++t) {
      const auto g = gradients<Eigen::VectorXd>(20, t);
      both.step(g, glissade::no_gradient);
      one.step(g);
    }
    CHECK(same_bits(x, alone));
    CHECK(same_bits(y, other));
  }
}

/// Minimizing with a rule is the optimizer's loop.
template <class R>
void lifted(const Subject<R>& s) {
  SECTION("lifted to a method it is the optimizer's loop, bit for bit") {
    const auto f = [](const Eigen::VectorXd& x, Eigen::VectorXd& g) {
      g = x + gradients<Eigen::VectorXd>(x.size(), 1);
      return 0.5 * g.squaredNorm();
    };
    auto x = parameters<Eigen::VectorXd>(21);
    Eigen::VectorXd y = x, g(21);
    const glissade::Lifted method{s.rule};
    auto state = method.init(f, x);
    Optimizer optimizer{s.rule, glissade::named("x", y)};
    for (int t = 1; t <= 5; ++t) {
      method.step(f, x, state);
      f(y, g);
      optimizer.step(g);
      CHECK(same_bits(x, y));
    }
    CHECK(state.engine.states[0] == optimizer.state(0));
    CHECK(state.value == f(y, g));
  }
}

}  // namespace laws

template <class R>
void check_laws(const Subject<R>& s) {
  DYNAMIC_SECTION(s.name) {
    SECTION("passes over memory") { CHECK(glissade::passes<R> == s.passes); }
    laws::converges(s.rule);
    laws::equals_textbook(s);
    SECTION("sizes, double") { laws::sizes<R, double>(s); }
    SECTION("sizes, float") { laws::sizes<R, float>(s); }
    laws::split(s);
    laws::leaves_gradients_alone(s);
    laws::maximize(s);
    laws::zero_gradient(s);
    laws::reset(s);
    laws::resume(s);
    laws::no_allocation(s);
    laws::layouts(s);
    laws::storage_types(s);
    if (s.elementwise) SECTION("permutations and signs") {
        laws::equivariance(s.rule);
      }
    laws::threads(s);
    laws::rejects_bad_options(s);
    laws::absent_gradients(s);
    laws::lifted(s);
  }
}

/// Not for chains: an instantiation more of every rule in them, which have been through it.
template <class R>
void check_coded_law(const Subject<R>& s) {
  DYNAMIC_SECTION(s.name) { laws::coded_state(s); }
}
