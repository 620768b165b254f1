#include "support/catch.hpp"
#include <glissade/core/lanes/stretch.hpp>
#include <glissade/core/random.hpp>

#include <array>
#include <bit>
#include <cstring>
#include <vector>

using namespace glissade;

namespace {

template <class T>
using Bits = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;

template <class T>
Bits<T> bits(T value) {
  return std::bit_cast<Bits<T>>(value);
}

/// The same number, any NaN being like any other.
template <class T>
bool same(T a, T b) {
  return bits(a) == bits(b) || (std::isnan(a) && std::isnan(b));
}

template <class T>
std::vector<T> special_values() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> values{0,
                        1,
                        2,
                        3,
                        T(0.1),
                        Limits::min(),
                        Limits::max(),
                        Limits::epsilon(),
                        Limits::denorm_min(),
                        3 * Limits::denorm_min(),
                        Limits::min() - Limits::denorm_min(),
                        Limits::infinity(),
                        Limits::quiet_NaN()};
  const std::size_t positive = values.size();
  for (std::size_t i = 0; i < positive; ++i) values.push_back(-values[i]);
  return values;
}

/// Special values and random bit patterns: every exponent, subnormals, infinities and NaNs.
template <class T>
std::vector<T> values_of_all_kinds(std::size_t random) {
  std::vector<T> values = special_values<T>();
  for (std::size_t i = 0; i < random; ++i)
    values.push_back(std::bit_cast<T>(static_cast<Bits<T>>(RandomKey{3}.bits(i))));
  while (values.size() % 16 != 0) values.push_back(1);
  return values;
}

/// Lane by lane, then again with every value moved by one place: no result depends on the position.
template <class T, class Of, class Expected, class... In>
void check_lanes(const Of& of, const Expected& expected, const std::vector<T>& first, const In&... more) {
  constexpr std::size_t width = Lane<T>::width;
  const std::size_t size = first.size();
  for (const std::size_t shift : {std::size_t{0}, std::size_t{1}}) {
    std::size_t wrong = 0;
    std::size_t last = 0;
    T got = 0;
    for (std::size_t i = 0; i + width + shift <= size; i += width) {
      T out[width];
      of(Lane<T>::load(first.data() + i + shift), Lane<T>::load(more.data() + i + shift)...).store(out);
      for (std::size_t k = 0; k < width; ++k)
        if (!same(out[k], expected(first[i + shift + k], more[i + shift + k]...))) {
          ++wrong;
          last = i + shift + k;
          got = out[k];
        }
    }
    INFO(wrong << " of " << size << " wrong, the last for " << first[last] << ", which gave " << got);
    CHECK(wrong == 0);
  }
}

template <class T>
std::vector<T> rotated(const std::vector<T>& values, std::size_t by) {
  std::vector<T> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) result[i] = values[(i * 7 + by) % values.size()];
  return result;
}

}  // namespace

TEMPLATE_TEST_CASE("lane: square roots are correctly rounded", "", float, double) {
  using T = TestType;
  check_lanes<T>([](Lane<T> a) { return sqrt(a); }, [](T a) { return std::sqrt(a); }, values_of_all_kinds<T>(200'000));
}

TEMPLATE_TEST_CASE("lane: sign, absolute value and negation", "", float, double) {
  using T = TestType;
  const auto values = values_of_all_kinds<T>(50'000);
  check_lanes<T>([](Lane<T> a) { return sign(a); },
                 [](T a) { return std::isnan(a) ? a
                                  : a > 0       ? T(1)
                                  : a < 0       ? T(-1)
                                                : T(0); }, values);
  check_lanes<T>([](Lane<T> a) { return abs(a); }, [](T a) { return std::abs(a); }, values);
  check_lanes<T>([](Lane<T> a) { return -a; }, [](T a) { return -a; }, values);
}

TEMPLATE_TEST_CASE("lane: minimum and maximum pass NaN on", "", float, double) {
  using T = TestType;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const auto either_nan = [](T a, T b) { return std::isnan(a) || std::isnan(b); };
  std::vector<T> a;
  std::vector<T> b;
  for (const T x : special_values<T>())
    for (const T y : special_values<T>())
      if (x != 0 || y != 0) {  // of two zeros either may come out
        a.push_back(x);
        b.push_back(y);
      }
  while (a.size() % 16 != 0) {
    a.push_back(1);
    b.push_back(2);
  }
  check_lanes<T>([](Lane<T> x, Lane<T> y) { return min(x, y); },
                 [&](T x, T y) { return either_nan(x, y) ? nan
                                        : x < y          ? x
                                                         : y; }, a, b);
  check_lanes<T>([](Lane<T> x, Lane<T> y) { return max(x, y); },
                 [&](T x, T y) { return either_nan(x, y) ? nan
                                        : x > y          ? x
                                                         : y; }, a, b);
  for (const T zero : {T(0), T(-0.0)}) {
    CHECK(min(Lane<T>(zero), Lane<T>(-zero)).scalar() == 0);
    CHECK(max(Lane<T>(zero), Lane<T>(-zero)).scalar() == 0);
  }
}

TEMPLATE_TEST_CASE("lane: comparisons, masks and select", "", float, double) {
  using T = TestType;
  using L = Lane<T>;
  const auto a = values_of_all_kinds<T>(20'000);
  const auto b = rotated(a, 11);
  const auto pick = [](bool condition) { return condition ? T(1) : T(2); };
  check_lanes<T>([](L x, L y) { return select(x < y, L(1), L(2)); }, [&](T x, T y) { return pick(x < y); }, a, b);
  check_lanes<T>([](L x, L y) { return select(x > y, L(1), L(2)); }, [&](T x, T y) { return pick(x > y); }, a, b);
  check_lanes<T>([](L x, L y) { return select(x <= y, L(1), L(2)); }, [&](T x, T y) { return pick(x <= y); }, a, b);
  check_lanes<T>([](L x, L y) { return select(x >= y, L(1), L(2)); }, [&](T x, T y) { return pick(x >= y); }, a, b);
  check_lanes<T>([](L x, L) { return select(x == x, L(1), L(2)); }, [&](T x, T) { return pick(!std::isnan(x)); }, a, b);
  check_lanes<T>([](L x, L) { return select(is_nan(x), L(1), L(2)); }, [&](T x, T) { return pick(std::isnan(x)); }, a,
                 b);
  check_lanes<T>([](L x, L) { return select(is_finite(x), L(1), L(2)); },
                 [&](T x, T) { return pick(std::isfinite(x)); }, a, b);
  check_lanes<T>([](L x, L y) { return select((x < L(0)) & (y < L(0)), x, y); },
                 [](T x, T y) { return x < 0 && y < 0 ? x : y; }, a, b);
  check_lanes<T>([](L x, L y) { return select((x < L(0)) | (y < L(0)), x, y); },
                 [](T x, T y) { return x < 0 || y < 0 ? x : y; }, a, b);
  check_lanes<T>([](L x, L y) { return select(!(x < y), x, y); }, [](T x, T y) { return !(x < y) ? x : y; }, a, b);
}

TEMPLATE_TEST_CASE("lane: arithmetic rounds after every operation", "", float, double) {
  using T = TestType;
  using L = Lane<T>;
  std::vector<T> a;
  std::vector<T> b;
  std::vector<T> c;
  for (std::uint64_t i = 0; i < 160'000; ++i) {
    a.push_back(static_cast<T>(RandomKey{1}.normal(i)));
    b.push_back(static_cast<T>(RandomKey{2}.normal(i)));
    c.push_back(static_cast<T>(RandomKey{3}.normal(i)));
  }
  // volatile keeps the compiler from fusing the expected value.
  const auto product = [](T x, T y) {
    volatile T rounded = x * y;
    return T(rounded);
  };
  check_lanes<T>([](L x, L y, L z) { return x * y + z; }, [&](T x, T y, T z) { return product(x, y) + z; }, a, b, c);
  check_lanes<T>([](L x, L y, L z) { return z - x * y; }, [&](T x, T y, T z) { return z - product(x, y); }, a, b, c);
  check_lanes<T>([](L x, L y, L z) { return x * y - z; }, [&](T x, T y, T z) { return product(x, y) - z; }, a, b, c);
  check_lanes<T>([](L x, L y, L z) { return 0.9 * x + (1 - 0.9) * y * z; },
                 [&](T x, T y, T z) { return product(T(0.9), x) + product(product(T(1 - 0.9), y), z); }, a, b, c);
  check_lanes<T>([](L x, L y, L z) { return square(x) / y + square(z); },
                 [&](T x, T y, T z) {
                   volatile T quotient = product(x, x) / y;
                   return T(quotient) + product(z, z);
                 },
                 a, b, c);
  check_lanes<T>(
      [](L x, L y, L z) {
        L r = x;
        r += y;
        r *= z;
        r -= x;
        r /= y;
        return r;
      },
      [&](T x, T y, T z) {
        volatile T sum = x + y;
        volatile T rest = product(sum, z) - x;
        return T(rest) / y;
      },
      a, b, c);
}

TEMPLATE_TEST_CASE("lane: sums of squares in double", "", float, double) {
  using T = TestType;
  constexpr std::size_t width = Lane<T>::width;
  const T large = std::is_same_v<T, float> ? T(3e20) : T(1e100);
  T in[width];
  for (std::size_t k = 0; k < width; ++k) in[k] = (k % 2 == 0 ? 1 : -1) * (large + static_cast<T>(k));
  const auto wide = widen(Lane<T>::load(in));
  const auto other = widen(Lane<T>(2));
  double value[width], squares[width], sum[width], difference[width], absolute[width], product[width];
  wide.store(value);
  square(wide).store(squares);
  (wide + other).store(sum);
  (wide - other).store(difference);
  abs(wide).store(absolute);
  (wide * other).store(product);
  for (std::size_t k = 0; k < width; ++k) {
    const auto x = static_cast<double>(in[k]);
    CHECK(value[k] == x);
    CHECK(squares[k] == x * x);
    CHECK(sum[k] == x + 2);
    CHECK(difference[k] == x - 2);
    CHECK(absolute[k] == std::abs(x));
    CHECK(product[k] == 2 * x);
  }
}

TEMPLATE_TEST_CASE("lane: a function over a stretch of memory touches nothing else", "", float, double) {
  using T = TestType;
  for (Index size = 0; size <= 2 * Lane<T>::width + 1; ++size) {
    std::vector<T> in(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<T>(i + 1);
    std::vector<T> out(in.size() + 1, T(-7));
    transform_lanes<T>(
        size, out.data(), [](Lane<T> a, Lane<T> b) { return a + 2 * b; }, in.data(), in.data());
    for (std::size_t i = 0; i < in.size(); ++i) CHECK(out[i] == 3 * in[i]);
    CHECK(out.back() == -7);
  }
}

TEMPLATE_TEST_CASE("lane: what is streamed past the caches is what would have been stored", "", float, double) {
  using T = TestType;
  const std::vector<T> values = values_of_all_kinds<T>(1000);
  alignas(64) std::array<T, 16> streamed{};
  for (std::size_t i = 0; i + Lane<T>::width <= values.size(); i += Lane<T>::width) {
    Lane<T>::load(values.data() + i).stream(streamed.data());
    Lane<T>::end_stream();
    for (std::size_t k = 0; k < Lane<T>::width; ++k) CHECK(bits(streamed[k]) == bits(values[i + k]));
  }
}
