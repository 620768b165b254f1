// State in 8 bits: the codes, their errors, and Adam on top of them.
#include "support/catch.hpp"
#include "support/problems.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

/// Through a code and back, block by block.
template <class C>
Eigen::VectorXf through(const Eigen::VectorXf& values, bool is_signed) {
  Eigen::VectorXf result(values.size());
  std::array<std::uint8_t, detail::code_block> codes{};
  for (Index i = 0; i < values.size(); i += detail::code_block) {
    const Index count = std::min(detail::code_block, values.size() - i);
    const float scale = detail::encode_block<C>(values.data() + i, count, is_signed, codes.data());
    detail::decode_block<C>(codes.data(), count, scale, is_signed, result.data() + i);
  }
  return result;
}

Eigen::VectorXf normals(Index size, std::uint64_t seed) {
  return Eigen::VectorXf::NullaryExpr(
      size, [&](Index i) { return static_cast<float>(RandomKey{seed}.normal(static_cast<std::uint64_t>(i))); });
}

}  // namespace

TEST_CASE("codes: the dynamic code's values") {
  const auto& with_sign = DynamicCode::values(true);
  const auto& without = DynamicCode::values(false);
  CHECK(std::is_sorted(with_sign.begin(), with_sign.end()));
  CHECK(with_sign.front() == -0.99296875f);
  CHECK(with_sign.back() == 1);
  CHECK(with_sign[127] == 0);
  CHECK(with_sign[128] == Approx(5.5e-7));
  CHECK(without[0] == 0);
  CHECK(without[1] == Approx(3.25e-7));
  CHECK(without.back() == 1);
  for (std::size_t k = 0; k < 127; ++k) CHECK(with_sign[k] == -with_sign[254 - k]);
}

TEST_CASE("codes: encoding finds the nearest value") {
  for (const bool is_signed : {true, false})
    for (int k = 0; k < 4000; ++k) {
      const float y = static_cast<float>(std::pow(10.0, -k / 600.0)) * (is_signed && k % 2 == 1 ? -1.0f : 1.0f);
      std::uint8_t code = 0;
      DynamicCode::encode(&y, 1, 1.0f, is_signed, &code);
      const auto& values = DynamicCode::values(is_signed);
      float best = 2;
      for (const float v : values) best = std::min(best, std::abs(v - y));
      const bool kept_positive = !is_signed && code == 1;  // small ones do not become 0
      if (!kept_positive) REQUIRE(std::abs(values[code] - y) == best);
    }
}

TEST_CASE("codes: the claim on relative errors by decades, and on absolute ones") {
  const double bounds[] = {0.0617, 0.1098, 0.181, 0.276, 0.466, 0.711};
  for (const bool is_signed : {true, false})
    for (int decade = 0; decade < 6; ++decade) {
      Eigen::VectorXf y(detail::code_block);
      double relative = 0;
      double absolute = 0;
      for (int part = 0; part < 40; ++part) {
        for (Index i = 0; i < y.size(); ++i)
          y[i] = static_cast<float>(std::pow(10.0, -decade - static_cast<double>(40 * i + part) / (40 * 256)));
        y[0] = 1;
        const Eigen::VectorXf z = through<DynamicCode>(y, is_signed);
        for (Index i = 1; i < y.size(); ++i) {
          const double error = std::abs(static_cast<double>(z[i]) - static_cast<double>(y[i]));
          relative = std::max(relative, error / static_cast<double>(y[i]));
          absolute = std::max(absolute, error);
        }
      }
      INFO((is_signed ? "signed" : "unsigned") << " decade " << decade << ": " << relative << ", " << absolute);
      CHECK(relative <= bounds[decade]);
      CHECK(relative >= 0.4 * bounds[decade]);
      if (!is_signed && decade == 0) CHECK(relative <= 0.0329);
      CHECK(absolute <= 0.00704);
    }
}

TEST_CASE("codes: the claim on normal and chi-square numbers") {
  const Eigen::VectorXf x = normals(1 << 18, 1);
  const Eigen::VectorXf squares = x.cwiseAbs2();
  const auto error = [](const Eigen::VectorXf& a, const Eigen::VectorXf& b) {
    return (a - b).cast<double>().cwiseAbs().mean() / a.cast<double>().cwiseAbs().mean();
  };
  CHECK(error(x, through<DynamicCode>(x, true)) == Approx(0.0107).epsilon(0.03));
  CHECK(error(squares, through<DynamicCode>(squares, false)) == Approx(0.0068).epsilon(0.03));
  CHECK(error(x, through<LogarithmicCode>(x, true)) < 0.04);
  CHECK(error(squares, through<LogarithmicCode>(squares, false)) < 0.04);
  CHECK((through<DynamicCode>(squares, false).array() == 0).count() == (squares.array() == 0).count());
}

TEMPLATE_TEST_CASE("codes: zero, the largest, powers of two, and a second time", "", DynamicCode, LogarithmicCode) {
  Eigen::VectorXf x = normals(1000, 2);  // the last block is not full
  for (Index b = 0; b < 1000; b += detail::code_block) x[b] = 7;
  x[3] = 0;
  for (const bool is_signed : {true, false}) {
    if (!is_signed) x = x.cwiseAbs().eval();
    const Eigen::VectorXf once = through<TestType>(x, is_signed);
    for (Index b = 0; b < 1000; b += detail::code_block) CHECK(once[b] == 7);
    CHECK(once[3] == 0);
    CHECK(through<TestType>(once, is_signed) == once);
    CHECK(through<TestType>(Eigen::VectorXf(1024 * x), is_signed) == 1024 * once);
    CHECK(through<TestType>(Eigen::VectorXf::Zero(300), is_signed) == Eigen::VectorXf::Zero(300));
  }
}

TEMPLATE_TEST_CASE("codes: what is not finite poisons its block alone", "", DynamicCode, LogarithmicCode) {
  Eigen::VectorXf x = Eigen::VectorXf::Ones(600);
  x[300] = std::numeric_limits<float>::infinity();
  const Eigen::VectorXf y = through<TestType>(x, true);
  CHECK(y.head(256) == x.head(256));
  CHECK(y.segment(256, 256).array().isNaN().all());
  CHECK(y.tail(88) == x.tail(88));
}

TEMPLATE_TEST_CASE("codes: infinity in an array without a sign is kept apart", "", DynamicCode, LogarithmicCode) {
  const float infinity = std::numeric_limits<float>::infinity();
  Eigen::VectorXf x = Eigen::VectorXf::LinSpaced(600, 0, 3);
  x[0] = x[300] = x[310] = infinity;
  const Eigen::VectorXf y = through<TestType>(x, false);
  for (Index i = 0; i < 600; ++i) {
    CAPTURE(i);
    if (x[i] == infinity)
      CHECK(y[i] == infinity);
    else
      CHECK(std::abs(y[i] - x[i]) <= 0.08f * x[i]);
  }
  // Over and over, nothing drifts.
  Eigen::VectorXf often = y;
  for (int k = 0; k < 1000; ++k) often = through<TestType>(often, false);
  for (Index i = 0; i < 600; ++i) CHECK((often[i] == y[i] || std::abs(often[i] - y[i]) <= 1e-4f * y[i]));
  CHECK(through<TestType>(Eigen::VectorXf::Constant(256, infinity), false) == Eigen::VectorXf::Constant(256, infinity));
  Eigen::VectorXf alone = Eigen::VectorXf::Zero(256);
  alone[9] = infinity;
  CHECK(through<TestType>(alone, false) == alone);
  x[301] = std::nanf("");
  CHECK(through<TestType>(x, false).segment(256, 256).array().isNaN().all());
}

TEMPLATE_TEST_CASE("codes: a small second moment beside a large one divides nothing by zero", "", DynamicCode,
                   LogarithmicCode) {
  Eigen::VectorXf x = Eigen::VectorXf::Zero(512);
  Eigen::VectorXf g = Eigen::VectorXf::Constant(512, 1e-4f);
  g[5] = 100;
  Optimizer optimizer{with_state<TestType>(Adam{.learning_rate = 1e-3}), x};
  for (int t = 0; t < 50; ++t) optimizer.step(g);
  CHECK(x.allFinite());
  CHECK(x.cwiseAbs().maxCoeff() <= 50 * 1.2e-3f);
  CHECK(optimizer.state_bytes() == 2 * (512 + 2 * 4));
}

namespace {

/// One gradient of 1e20 in a block, then ordinary ones: the others go on as with moments in float.
template <class C, class R>
void overflow_stays_alone(const R& rule) {
  INFO(describe(rule));
  Eigen::VectorXf x = Eigen::VectorXf::Zero(512), y = x;
  Optimizer wide{rule, x};
  Optimizer coded{with_state<C>(rule), y};
  for (int t = 0; t < 50; ++t) {
    Eigen::VectorXf g = Eigen::VectorXf::Constant(512, t % 3 == 0 ? -0.5f : 1.0f);
    if (t == 0) g[7] = 1e20f;
    wide.step(g);
    coded.step(g);
  }
  CHECK(y.allFinite());
  CHECK(std::abs(x[7]) < 1);
  CHECK(std::abs(y[7]) < 1);
  // The first moments beside it lose what they held of its step, as a block has one scale.
  for (const Index i : {0, 6, 8, 255}) CHECK(std::abs(y[i] - x[i]) <= 0.5f * std::abs(x[i]));
  for (const Index i : {256, 511}) CHECK(std::abs(y[i] - x[i]) <= 0.05f * std::abs(x[i]));
}

}  // namespace

TEMPLATE_TEST_CASE("codes: a gradient whose square overflows costs one coefficient", "", DynamicCode, LogarithmicCode) {
  overflow_stays_alone<TestType>(RmsProp{.learning_rate = 1e-3});
  overflow_stays_alone<TestType>(Adagrad{.learning_rate = 1e-3});
  overflow_stays_alone<TestType>(Adopt{.learning_rate = 1e-3});
}

TEST_CASE("codes: the claim that Adam with 8-bit state follows Adam on a noisy quadratic", "[slow]") {
  const Index size = 4096;
  const Eigen::VectorXf h = Eigen::VectorXf::NullaryExpr(
      size, [](Index i) { return static_cast<float>(std::pow(10.0, -2 + 2 * static_cast<double>(i) / (size - 1))); });
  const Schedule rate = linear_decay(0.01, 2000);
  Eigen::VectorXf x = Eigen::VectorXf::Ones(size), y = x, z = x;
  Optimizer wide{Adam{.learning_rate = rate}, x};
  Optimizer dynamic{with_state<DynamicCode>(Adam{.learning_rate = rate}), y};
  Optimizer logarithmic{with_state<LogarithmicCode>(Adam{.learning_rate = rate}), z};
  const auto loss = [&](const Eigen::VectorXf& w) { return 0.5 * static_cast<double>(h.dot(w.cwiseAbs2())); };
  for (int t = 1; t <= 2000; ++t) {
    const Eigen::VectorXf noise = 0.1f * normals(size, static_cast<std::uint64_t>(t));
    wide.step(h.cwiseProduct(x) + noise);
    dynamic.step(h.cwiseProduct(y) + noise);
    logarithmic.step(h.cwiseProduct(z) + noise);
    if (t != 100 && t != 500 && t != 1000 && t != 2000) continue;
    INFO("step " << t << ": float " << loss(x) << ", dynamic " << loss(y) << ", logarithmic " << loss(z));
    CHECK(std::abs(loss(y) / loss(x) - 1) <= 0.02);
    CHECK(loss(z) / loss(x) <= 1.3);  // coarser near the largest of a block, where the momentum lies
  }
  CHECK(loss(x) == Approx(0.535).epsilon(0.05));
}

TEMPLATE_TEST_CASE("codes: arrays start at their initial values", "", DynamicCode, LogarithmicCode) {
  for (const Index size : {Index{5}, Index{256}, Index{600}}) {
    Eigen::VectorXf x = Eigen::VectorXf::Ones(size);
    const Eigen::VectorXf g = Eigen::VectorXf::Constant(size, 0.5f);
    Optimizer adagrad{with_state<TestType>(Adagrad{.learning_rate = 1, .initial_accumulator = 0.75}), x};
    adagrad.step(g);
    CHECK((x.array() - 0.5f).abs().maxCoeff() <= 1e-6f);  // 0.5 / sqrt(0.75 + 0.25)

    Eigen::VectorXd y = Eigen::VectorXd::Ones(size);
    Optimizer rprop{with_state<TestType>(Rprop{.learning_rate = 0.125}), y};
    rprop.step(g.cast<double>());
    CHECK((y.array() - 0.875).abs().maxCoeff() <= 1e-6);
  }
}

TEST_CASE("codes: a start at the parameters is not coded, in double not even rounded") {
  Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(300, 1, 2) / 3;
  const Eigen::VectorXd before = x;
  Optimizer optimizer{with_state<LogarithmicCode>(Madgrad{}), x};
  CHECK(optimizer.field("0", "start").type() == ScalarType::float64);
  CHECK(optimizer.field("0", "gradient_sum").type() == ScalarType::bytes);
  for (int t = 0; t < 3; ++t) optimizer.step(Eigen::VectorXd::Zero(300));
  CHECK((x - before).cwiseAbs().maxCoeff() <= 1e-16);
  Eigen::VectorXf y = before.cast<float>();
  Optimizer lookahead{with_state<LogarithmicCode>(chain(Sgd{.learning_rate = 0.5}, Lookahead{.period = 2})), y};
  for (int t = 0; t < 2; ++t) lookahead.step(Eigen::VectorXf::Ones(300));
  CHECK((y.cast<double>() - before).array().isApprox(Eigen::ArrayXd::Constant(300, -0.5), 1e-6));
}
