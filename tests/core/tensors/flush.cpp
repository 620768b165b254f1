// Subnormal numbers do not stay in the state.
#include "support/catch.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rule/master_weights.hpp>
#include <glissade/rules/adam.hpp>

#include <bit>
#include <cmath>
#include <limits>

using namespace glissade;

namespace {

constexpr float least = std::numeric_limits<float>::min();

Index subnormal(const Field& field) {
  Index found = 0;
  const double bound =
      field.type() == ScalarType::float64 ? std::numeric_limits<double>::min() : static_cast<double>(least);
  for (Index i = 0; i < field.size(); ++i) found += field[i] != 0 && std::abs(field[i]) < bound;
  return found;
}

/// Steps with a gradient of zero from a warm start to the 256th that follows the first subnormal number.
template <class R, class X>
void decay(const R& rule, X x) {
  Optimizer optimizer{rule, x};
  X g = X::Constant(x.size(), typename X::Scalar(0.1f));
  optimizer.step(g);
  g.setZero();
  Index found = 0;
  for (int t = 2; t % 256 != 1 || found == 0; ++t) {
    REQUIRE(t < 20'000);
    optimizer.step(g);
    Index now = 0;
    for (const Fields& fields : optimizer.state(0).links)
      for (const Field& field : fields) now += subnormal(field);
    if (t % 256 == 0) CHECK(now == 0);
    found += now;
  }
  CHECK(found > 0);
}

}  // namespace

TEST_CASE("flush: only subnormal numbers change, and keep their sign", "[core]") {
  using glissade::detail::without_subnormal;
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float x : {1.0f, -least, least, -0.0f, infinity})
    CHECK(std::bit_cast<std::uint32_t>(without_subnormal(x)) == std::bit_cast<std::uint32_t>(x));
  CHECK(std::isnan(without_subnormal(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::bit_cast<std::uint32_t>(without_subnormal(-least / 2)) == 0x80000000u);
  CHECK(std::bit_cast<std::uint32_t>(without_subnormal(least / 2)) == 0);
  CHECK(without_subnormal(std::numeric_limits<double>::denorm_min()) == 0.0);
  CHECK(without_subnormal(Eigen::bfloat16(least / 2)) == Eigen::bfloat16(0.0f));
  CHECK(without_subnormal(Eigen::bfloat16(least)) == Eigen::bfloat16(least));
  CHECK(without_subnormal(Eigen::half(1e-7f)) == Eigen::half(1e-7f));
}

TEST_CASE("flush: moments of zero gradients do not stay subnormal", "[core]") {
  decay(Adam{}, Eigen::VectorXf(Eigen::VectorXf::Ones(5)));
  decay(Adam{}, Eigen::VectorXd(Eigen::VectorXd::Ones(5)));
  decay(with_state<Eigen::bfloat16>(Adam{}), Eigen::VectorXf(Eigen::VectorXf::Ones(5)));
}

TEST_CASE("flush: parameters kept unrounded stay", "[core]") {
  Eigen::VectorXf x = Eigen::VectorXf::Constant(3, least / 4);
  const Eigen::VectorXf before = x, g = Eigen::VectorXf::Zero(3);
  Optimizer optimizer{Adam{}, x};
  for (int t = 0; t < 600; ++t) optimizer.step(g);
  CHECK((x.array() == before.array()).all());

  Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, 1> narrow(3);
  narrow.setConstant(Eigen::bfloat16(least / 4));
  const auto kept = narrow;
  Optimizer master{chain(MasterWeights{}, Adam{}), narrow};
  Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, 1> zero(3);
  zero.setConstant(Eigen::bfloat16(0.0f));
  for (int t = 0; t < 600; ++t) master.step(zero);
  for (Index i = 0; i < 3; ++i) CHECK(narrow[i] == kept[i]);
}
