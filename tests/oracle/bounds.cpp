// Bounds of an objective: who declares them, how they reach a method as numbers, and what is refused.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/proximal_gradient.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/sets/ball.hpp>
#include <glissade/sets/l1.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <tuple>

using namespace glissade;
using Catch::Matchers::ContainsSubstring;
using Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// |x|^2 / 2
struct Square {
  double operator()(const auto& x, auto& gradient) const {
    gradient = x;
    return static_cast<double>(x.squaredNorm()) / 2;
  }
};

/// An objective that says itself where it lives, x_0 >= 1 and x_1 <= -2, and has no projection.
struct Declared : Square {
  Box bounds{.low = Eigen::Vector2d(1, -infinity), .high = Eigen::Vector2d(infinity, -2)};
  [[nodiscard]] const Box& box() const { return bounds; }
};

template <class F, class V>
Bounds<V> bounds_of(F f, const V& x) {
  return Oracle<F, V>(f).box(x);
}

}  // namespace

TEST_CASE("bounds: sets and objectives declare them, and the oracle gives them as numbers") {
  const VectorXd x = VectorXd::Zero(2);
  const auto box = bounds_of(subject_to(Square{}, Box{.low = -1, .high = VectorXd{{2, 3}}}), x);
  CHECK(box.low == VectorXd::Constant(2, -1));
  CHECK(box.high == VectorXd{{2, 3}});
  const auto positive = bounds_of(subject_to(Square{}, NonNegative{}), x);
  CHECK(positive.low == VectorXd::Zero(2));
  CHECK(positive.high == VectorXd::Constant(2, infinity));
  const auto declared = bounds_of(Declared{}, x);
  CHECK(declared.low == VectorXd{{1, -infinity}});
  CHECK(declared.high == VectorXd{{infinity, -2}});
  const auto kept = bounds_of(plus_term(Declared{}, L1{}), x);
  CHECK(kept.low == declared.low);
  const auto none = bounds_of(Square{}, x);
  CHECK(none.low == VectorXd::Constant(2, -infinity));
  CHECK(none.high == VectorXd::Constant(2, infinity));
  CHECK(bounds_of(subject_to(Square{}, WholeSpace{}), x).low == none.low);
  STATIC_REQUIRE_FALSE(HasBox<Square, VectorXd>);
  STATIC_REQUIRE_FALSE(HasBox<decltype(subject_to(Square{}, Ball{})), VectorXd>);
  STATIC_REQUIRE(HasBox<decltype(plus_term(Declared{}, L1{})), VectorXd>);
  STATIC_REQUIRE(HasSet<Declared, VectorXd>);
  STATIC_REQUIRE(HasTangent<Declared, VectorXd>);
}

TEST_CASE("bounds: a box that an objective declares is a set for the methods that honour sets") {
  Declared f;
  VectorXd x = VectorXd::Zero(2);
  const Result r = minimize(f, x, ProximalGradient{});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(x == VectorXd{{1, -2}});
  CHECK(r.evaluations.projection > 0);
  Oracle<Declared, VectorXd> oracle(f);
  VectorXd v{{-3, 4}};
  oracle.project_tangent(x, v);
  CHECK(v == VectorXd::Zero(2));
}

TEST_CASE("bounds: of a matrix, of floats and of several tensors, in the order in which they lie") {
  using RowMajor = Eigen::Matrix<float, 2, 3, Eigen::RowMajor>;
  // Numbered by columns.
  const VectorXd low{{0.1, 2, 3, 4, 5, 6}};
  auto f = subject_to(Square{}, Box{.low = low});
  const auto method = ProximalGradient{};
  RowMajor W = RowMajor::Zero();
  minimize(f, W, method);
  CHECK(W == RowMajor{{0.1F, 3, 5}, {2, 4, 6}});
  with_plain<ProximalGradient>(f, W, [&](auto& shaped, const auto& x) {
    const auto bounds = bounds_of(shaped, x);
    CHECK(bounds.low == VectorXd{{static_cast<double>(0.1F), 3, 5, 2, 4, 6}});
    CHECK(bounds.high == VectorXd::Constant(6, infinity));
  });
  const auto loss = [](const Eigen::MatrixXd& A, const VectorXd& b, Eigen::MatrixXd& dA, VectorXd& db) {
    dA = A;
    db = b;
    return A.squaredNorm() / 2 + b.squaredNorm() / 2;
  };
  Eigen::MatrixXd A = Eigen::MatrixXd::Zero(2, 2);
  VectorXd b = VectorXd::Zero(2);
  auto bound = subject_to(loss, Box{.low = low});
  const Result r = minimize(bound, std::tie(A, b), method);
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(A == Eigen::MatrixXd{{0.1, 3}, {2, 4}});
  CHECK(b == VectorXd{{5, 6}});
  auto positive = subject_to(loss, Box{.high = -1});
  minimize(positive, std::tie(A, b), method);
  CHECK(A == Eigen::MatrixXd::Constant(2, 2, -1));
  CHECK(b == VectorXd::Constant(2, -1));
}

TEST_CASE("bounds: a problem of several tensors keeps its prox beside its bounds") {
  struct Loss {
    double operator()(const VectorXd& a, const VectorXd& b, VectorXd& da, VectorXd& db) const {
      da = a;
      db = b;
      return 0;
    }
    static void prox(VectorXd& a, VectorXd& b, double step) {
      a.array() -= step;
      b.array() += step;
    }
  };
  const auto parts = std::tuple(VectorXd(VectorXd::Zero(1)), VectorXd(VectorXd::Zero(2)));
  auto f = subject_to(Loss{}, NonNegative{});
  Shaped<decltype(f), VectorXd, std::remove_const_t<decltype(parts)>> shaped(f, parts, {{"a", 1}, {"b", 2}});
  STATIC_REQUIRE(HasProx<decltype(shaped), VectorXd>);
  STATIC_REQUIRE(HasBox<decltype(shaped), VectorXd>);
  VectorXd x = VectorXd::Zero(3);
  shaped.prox(x, 0.5);
  CHECK(x == VectorXd{{-0.5, 0.5, 0.5}});
}

TEST_CASE("bounds: what does not fit or leaves nothing is refused before x moves") {
  const VectorXd start = VectorXd::Constant(2, 9);
  VectorXd x = start;
  const auto message = [&](const Box& box) {
    Declared f;
    f.bounds = box;
    const std::string by_oracle = message_of([&] { bounds_of(f, x); });
    const std::string by_run = message_of([&] { minimize(f, x, ProximalGradient{}); });
    CHECK(by_run == by_oracle);
    CHECK(x == start);
    return by_oracle;
  };
  CHECK_THAT(message({.low = 1, .high = 0}), ContainsSubstring("Box: low = 1, must be <= high = 0"));
  CHECK_THAT(message({.low = VectorXd{{0, 2}}, .high = 1}), ContainsSubstring("Box: low[1] = 2, must be <= high = 1"));
  CHECK_THAT(message({.high = VectorXd::Zero(3)}), ContainsSubstring("Box: high has 3 numbers, must have 2"));
  CHECK_THAT(message({.low = std::nan("")}), ContainsSubstring("Box: low = nan"));
  Declared f;
  f.bounds = {.low = infinity};
  CHECK_THAT(message_of([&] { bounds_of(f, x); }), ContainsSubstring("Box: low = inf, must be finite or -inf"));
  f.bounds = {.high = -infinity};
  CHECK_THAT(message_of([&] { bounds_of(f, x); }), ContainsSubstring("Box: high = -inf, must be finite or inf"));
  Eigen::MatrixXf W = Eigen::MatrixXf::Zero(2, 2);
  auto shaped = subject_to(Square{}, Box{.low = VectorXd::Zero(3)});
  CHECK_THAT(message_of([&] { minimize(shaped, W, ProximalGradient{}); }),
             ContainsSubstring("Box: low has 3 numbers, must have 4"));
}

TEST_CASE("bounds: nearest points and steps within them") {
  const Bounds<VectorXd> bounds{VectorXd{{-1, -infinity, 0.1}}, VectorXd{{1, infinity, 0.1}}};
  VectorXd x{{-4, 7, std::nan("")}};
  bounds.project(x);
  CHECK(x.head(2) == VectorXd{{-1, 7}});
  CHECK(x[2] != x[2]);
  CHECK_FALSE(bounds.contains(x));
  x[2] = 0.1;
  CHECK(bounds.contains(x));
  VectorXd step;
  bounds.gradient_step(x, VectorXd{{5, 5, 5}}, step);
  CHECK(step == VectorXd{{0, -5, 0}});
  bounds.gradient_step(x, VectorXd{{-5, -5, -5}}, step);
  CHECK(step == VectorXd{{2, 5, 0}});
  bounds.gradient_step(x, VectorXd{{0, std::nan(""), 0}}, step);
  CHECK(step[1] != step[1]);
}
