#include "support/catch.hpp"
#include "support/laws.hpp"
#include <glissade/glissade.hpp>

#include <bit>
#include <vector>

using namespace glissade;

namespace {

constexpr std::size_t width = Lane<float>::width;

template <class S>
std::uint16_t bits_of(S value) {
  return Eigen::numext::bit_cast<std::uint16_t>(value);
}
template <class S>
S from_bits(std::uint32_t bits) {
  return Eigen::numext::bit_cast<S>(static_cast<std::uint16_t>(bits));
}

/// The value of 16 bits with `exponent_bits` of them, from the definition.
double decode(std::uint32_t bits, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const auto exponent = static_cast<int>((bits >> mantissa_bits) & ((1u << exponent_bits) - 1));
  const auto mantissa = static_cast<double>(bits & ((1u << mantissa_bits) - 1));
  const double sign = (bits & 0x8000u) != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1)
    return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp(1 + std::ldexp(mantissa, -mantissa_bits), exponent - bias);
}

/// Round to nearest, ties to even, by arithmetic on exact doubles and not on bits.
double nearest(float x, int exponent_bits) {
  const auto value = static_cast<double>(x);
  if (!std::isfinite(x) || x == 0) return value;
  const int mantissa_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = std::max(std::ilogb(value), 1 - bias);
  const double spacing = std::ldexp(1, exponent - mantissa_bits);
  const double rounded = std::nearbyint(value / spacing) * spacing;
  const double overflow = std::ldexp(1, bias + 1);
  return std::abs(rounded) >= overflow ? std::copysign(std::numeric_limits<double>::infinity(), value) : rounded;
}

template <class S>
constexpr int exponent_bits = std::is_same_v<S, Eigen::half> ? 5 : 8;

std::vector<float> floats_of_all_kinds(std::size_t random) {
  std::vector<float> values;
  const auto add = [&](std::uint32_t bits) {
    values.push_back(std::bit_cast<float>(bits));
    values.push_back(std::bit_cast<float>(bits | 0x80000000u));
  };
  // Around every 16-bit value and every tie: for bfloat16 by the upper half, for half by bit 12.
  for (std::uint32_t high = 0; high < 0x8000u; ++high)
    for (const std::uint32_t low : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) add(high << 16 | low);
  for (std::uint32_t step = 0; step < 0x40000u; ++step) add(0x33000000u + step * 0x1000u);
  for (std::size_t i = 0; i < random; ++i) add(static_cast<std::uint32_t>(RandomKey{5}.bits(i) & 0x7fffffffu));
  while (values.size() % (2 * width) != 0) values.push_back(0);
  return values;
}

/// The values, stored `Count` neighbouring lanes at a time to two arrays, to the second one from its end backwards.
template <std::size_t Count, class S>
std::vector<S> stored(const std::vector<float>& values, std::size_t array) {
  std::vector<S> out[2] = {std::vector<S>(values.size()), std::vector<S>(values.size())};
  for (std::size_t i = 0; i < values.size(); i += Count * width) {
    const std::size_t back = values.size() - Count * width - i;
    Lane<float> lanes[Count][2];
    for (std::size_t j = 0; j < Count; ++j) {
      lanes[j][0] = Lane<float>::load(values.data() + i + j * width);
      lanes[j][1] = Lane<float>::load(values.data() + back + j * width);
    }
    S* const targets[] = {out[0].data() + i, out[1].data() + back};
    detail::store_lanes<2>(targets, 0, lanes);
  }
  return out[array];
}

}  // namespace

TEMPLATE_TEST_CASE("lane storage: every 16-bit value survives a round trip", "", Eigen::bfloat16, Eigen::half) {
  using S = TestType;
  std::size_t wrong = 0;
  for (std::uint32_t start = 0; start < 0x10000u; start += width) {
    S in[width];
    S out[width];
    float values[width];
    for (std::uint32_t k = 0; k < width; ++k) in[k] = from_bits<S>(start + k);
    const auto lane = load_lane<float>(in);
    lane.store(values);
    store_lane(out, lane);
    for (std::uint32_t k = 0; k < width; ++k) {
      const double expected = decode(start + k, exponent_bits<S>);
      const bool loaded = std::isnan(expected) ? std::isnan(values[k])
                                               : static_cast<double>(values[k]) == expected &&
                                                     std::signbit(values[k]) == std::signbit(expected);
      const bool stored = std::isnan(expected) ? std::isnan(static_cast<float>(out[k])) : bits_of(out[k]) == start + k;
      wrong += loaded && stored ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("lane storage: narrowing rounds to the nearest, ties to even", "", Eigen::bfloat16, Eigen::half) {
  using S = TestType;
  const std::vector<float> values = floats_of_all_kinds(1'000'000);
  for (const std::vector<S>& out :
       {stored<1, S>(values, 0), stored<1, S>(values, 1), stored<2, S>(values, 0), stored<2, S>(values, 1)}) {
    std::size_t wrong = 0;
    float last = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float x = values[i];
      const double expected = nearest(x, exponent_bits<S>);
      const double got = decode(bits_of(out[i]), exponent_bits<S>);
      const bool right = std::isnan(x) ? std::isnan(got) : got == expected && std::signbit(got) == std::signbit(x);
      if (!right) {
        ++wrong;
        last = x;
      }
    }
    INFO(wrong << " of " << values.size() << " wrong, the last for " << last);
    CHECK(wrong == 0);
  }
}

TEST_CASE("lane storage: double lanes in float memory and back") {
  constexpr std::size_t wide = Lane<double>::width;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    double in[wide];
    float stored[wide];
    double back[wide];
    for (std::size_t k = 0; k < wide; ++k) in[k] = 1e3 * RandomKey{1}.normal(i * wide + k);
    store_lane(stored, Lane<double>::load(in));
    load_lane<double>(stored).store(back);
    for (std::size_t k = 0; k < wide; ++k) {
      CHECK(stored[k] == static_cast<float>(in[k]));
      CHECK(back[k] == static_cast<double>(stored[k]));
    }
  }
}

TEST_CASE("stochastic rounding: unbiased, between the neighbours, exact where it can be") {
  const int draws = 100'000;
  for (const float x : {1.003F, -1.003F, 3.14159F, 1e-3F, 1e30F, -7.7e-20F, 1e-40F}) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const double low = decode(bits >> 16, 8);
    const double high = decode((bits >> 16) + 1, 8);
    const double p = (static_cast<double>(x) - low) / (high - low);
    int up = 0;
    int elsewhere = 0;
    for (int i = 0; i < draws; ++i) {
      const auto noise = static_cast<std::uint32_t>(RandomKey{7}.bits(static_cast<std::uint64_t>(i)) >> 48);
      const double rounded = decode(bits_of(round_stochastically(x, noise)), 8);
      up += rounded == high ? 1 : 0;
      elsewhere += rounded != high && rounded != low ? 1 : 0;
    }
    INFO(x);
    CHECK(elsewhere == 0);
    CHECK(std::abs(static_cast<double>(up) / draws - p) <= 4 * std::sqrt(p * (1 - p) / draws));
    if (x == 1.003F) CHECK(std::abs(p - 0.384) <= 1e-5);
  }
  for (std::uint32_t high = 0; high < 0x10000u; ++high) {
    const auto x = std::bit_cast<float>(high << 16);
    const auto rounded = round_stochastically(x, 0xffffu);
    if (std::isnan(x) ? !std::isnan(static_cast<float>(rounded)) : bits_of(rounded) != high) FAIL("bits " << high);
  }
}

TEST_CASE("stochastic rounding: all 2^16 noises together are exact, and nothing finite becomes infinite") {
  for (const float x : {1.003F, -2.5e-3F}) {
    double sum = 0;
    for (std::uint32_t noise = 0; noise < 0x10000u; ++noise) sum += decode(bits_of(round_stochastically(x, noise)), 8);
    CHECK(sum / 0x10000 == static_cast<double>(x));
  }
  const float largest = std::numeric_limits<float>::max();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const std::uint32_t noise : {0u, 1u, 0x8000u, 0xffffu}) {
    CHECK(std::isfinite(static_cast<float>(round_stochastically(largest, noise))));
    CHECK(std::isfinite(static_cast<float>(round_stochastically(-largest, noise))));
    CHECK(static_cast<float>(round_stochastically(infinity, noise)) == infinity);
    CHECK(static_cast<float>(round_stochastically(-infinity, noise)) == -infinity);
    // The first of these is a NaN by its low bits alone.
    for (const std::uint32_t bits : {0x7f800001u, 0xff80ffffu, 0x7fc00000u, 0x7fffffffu})
      CHECK(std::isnan(static_cast<float>(round_stochastically(std::bit_cast<float>(bits), noise))));
  }
}

// A thousand additions of 1e-3 to 1 in bfloat16: each is lost when rounded to nearest.
using Brain = Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, 1>;

TEST_CASE("stochastic rounding: small updates of bfloat16 parameters are lost without and kept with it") {
  const Index runs = 10'000;
  const auto add_up = [](Rounding rounding) {
    Brain x = Eigen::VectorXf::Ones(runs).cast<Eigen::bfloat16>();
    Optimizer optimizer{Sgd{.learning_rate = 1e-3}, OptimizerOptions{.rounding = rounding}, x};
    const Eigen::VectorXf g = Eigen::VectorXf::Constant(runs, -1);
    for (int t = 0; t < 1000; ++t) optimizer.step(g);
    return Eigen::VectorXd(x.cast<float>().cast<double>());
  };
  CHECK((add_up(Rounding::nearest).array() == 1).all());
  const Eigen::VectorXd x = add_up(Rounding::stochastic);
  const double mean = x.mean();
  const double deviation = std::sqrt((x.array() - mean).square().mean());
  CHECK(std::abs(mean - 2) <= 4 * 0.084 / std::sqrt(static_cast<double>(runs)));
  CHECK(std::abs(deviation - 0.084) <= 4 * 0.084 / std::sqrt(2.0 * static_cast<double>(runs)));
}

TEST_CASE("stochastic rounding: a coefficient's noise depends on its place, the seed and the step, not on the size") {
  const auto run = [](Index size, std::uint64_t seed) {
    Brain x = laws::parameters<Eigen::VectorXf>(size).cast<Eigen::bfloat16>();
    Optimizer optimizer{Sgd{.learning_rate = 1e-2}, OptimizerOptions{.seed = seed, .rounding = Rounding::stochastic},
                        x};
    for (int t = 1; t <= 5; ++t) optimizer.step(laws::gradients<Eigen::VectorXf>(size, t));
    return x;
  };
  const Brain whole = run(5000, 1);
  for (const Index size : {Index{1}, Index{15}, Index{16}, Index{37}, Index{4097}})
    CHECK(laws::same_bits(run(size, 1), Brain(whole.head(size))));
  CHECK(laws::same_bits(run(5000, 1), whole));
  CHECK_FALSE(laws::same_bits(run(5000, 2), whole));

  // Equal coefficients with equal gradients part ways, in any two places and in any two steps.
  Brain x = Eigen::VectorXf::Ones(4096).cast<Eigen::bfloat16>();
  Optimizer optimizer{Sgd{.learning_rate = 0x1p-8}, OptimizerOptions{.rounding = Rounding::stochastic}, x};
  Eigen::VectorXf up = Eigen::VectorXf::Zero(4096);
  for (int t = 0; t < 2; ++t) {
    x.setConstant(Eigen::bfloat16(1.0F));
    optimizer.step(Eigen::VectorXf::Constant(4096, -1.0F));  // half a spacing
    const Eigen::VectorXf now = (x.cast<float>().array() > 1.0F).cast<float>();
    for (const Index apart : {Index{1}, Index{4}, Index{16}, Index{1024}}) {
      const float same = (now.head(4096 - apart).array() == now.tail(4096 - apart).array()).cast<float>().mean();
      CHECK(std::abs(same - 0.5F) <= 4 * 0.5F / std::sqrt(static_cast<float>(4096 - apart)));
    }
    if (t == 1) CHECK(std::abs((now.array() == up.array()).cast<float>().mean() - 0.5F) <= 4 * 0.5F / 64);
    up = now;
  }
}
