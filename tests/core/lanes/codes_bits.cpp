// The codes bit by bit: registers against single numbers, every value of a code, ties.
#include "support/laws.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

/// Magnitudes over ten decades, with zeros of both signs and the block's largest value in the middle.
std::vector<float> block(Index count, bool is_signed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  const RandomKey key{3};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double magnitude = 0.9 * std::pow(10.0, -10 * key.uniform(2 * i));
    values[i] = static_cast<float>(is_signed && i % 2 == 1 ? -magnitude : magnitude);
  }
  if (count > 4) {
    values[1] = 0.0f;
    values[2] = is_signed ? -0.0f : 0.0f;
    values[4] = 1.0f;
  }
  return values;
}

template <class C>
std::vector<float> decoded(const std::vector<std::uint8_t>& codes, float scale, bool is_signed) {
  std::vector<float> values(codes.size());
  C::decode(codes.data(), static_cast<Index>(codes.size()), scale, is_signed, values.data());
  return values;
}

}  // namespace

TEMPLATE_TEST_CASE("codes: a coefficient's code does not depend on where in a block it lies", "", DynamicCode,
                   LogarithmicCode) {
  for (const bool is_signed : {false, true})
    for (const Index count : {Index{1}, Index{7}, Index{8}, Index{31}, Index{33}, Index{256}}) {
      const std::vector<float> values = block(count, is_signed);
      std::vector<std::uint8_t> codes(values.size());
      const float scale = glissade::detail::encode_block<TestType>(values.data(), count, is_signed, codes.data());
      const std::vector<float> whole = decoded<TestType>(codes, scale, is_signed);
      for (std::size_t i = 0; i < values.size(); ++i) {
        std::uint8_t alone = 0;
        TestType::encode(&values[i], 1, scale, is_signed, &alone);
        CHECK(alone == codes[i]);
        float value = 0;
        TestType::decode(&alone, 1, scale, is_signed, &value);
        CHECK(value == whole[i]);
      }
    }
}

TEMPLATE_TEST_CASE("codes: every value of the code survives a round trip; zero and the largest are exact", "",
                   DynamicCode, LogarithmicCode) {
  for (const bool is_signed : {false, true}) {
    std::vector<std::uint8_t> codes(256);
    for (std::size_t k = 0; k < 256; ++k) codes[k] = static_cast<std::uint8_t>(k);
    // The signed logarithmic code uses -127 to 127; -128 would be a second zero.
    if (is_signed && std::is_same_v<TestType, LogarithmicCode>) codes[128] = 0;
    for (const float scale : {1.0f, 0.37f, 1024.0f}) {
      const std::vector<float> values = decoded<TestType>(codes, scale, is_signed);
      std::vector<std::uint8_t> again(256);
      const float largest = glissade::detail::encode_block<TestType>(values.data(), 256, is_signed, again.data());
      CHECK(largest == scale);
      CHECK(again == codes);
    }
    const std::vector<float> data = block(256, is_signed);
    std::vector<std::uint8_t> coded(256);
    const float scale = glissade::detail::encode_block<TestType>(data.data(), 256, is_signed, coded.data());
    const std::vector<float> back = decoded<TestType>(coded, scale, is_signed);
    CHECK(back[1] == 0.0f);
    CHECK(back[2] == 0.0f);
    CHECK(back[4] == 1.0f);
  }
}

TEMPLATE_TEST_CASE("codes: a block of zeros, a positive second moment, a poisoned block", "", DynamicCode,
                   LogarithmicCode) {
  std::vector<float> values(40, 0.0f);
  std::vector<std::uint8_t> codes(40, 255);
  CHECK(glissade::detail::encode_block<TestType>(values.data(), 40, true, codes.data()) == 0.0f);
  CHECK(decoded<TestType>(codes, 0.0f, true) == values);
  values[3] = 1.0f;
  values[5] = 1e-30f;  // far below what the code resolves, but not zero
  const float scale = glissade::detail::encode_block<TestType>(values.data(), 40, false, codes.data());
  CHECK(decoded<TestType>(codes, scale, false)[5] > 0);
  CHECK(decoded<TestType>(codes, scale, false)[6] == 0);
  for (const std::uint32_t bits : {0x7f800000u, 0x7fc00000u, 0xffffffffu, 0x7fffffffu}) {
    values[17] = std::bit_cast<float>(bits);
    const float poisoned = glissade::detail::encode_block<TestType>(values.data(), 40, true, codes.data());
    for (const float value : decoded<TestType>(codes, poisoned, true)) CHECK(std::isnan(value));
  }
}

TEST_CASE("codes: the dynamic code is the nearest of its table, ties to the lower") {
  for (const bool is_signed : {false, true}) {
    const auto& table = DynamicCode::values(is_signed);
    CHECK(table.front() == (is_signed ? -0.99296875f : 0.0f));
    CHECK(table.back() == 1.0f);
    const RandomKey key{5};
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      const double power = std::pow(10.0, -8 * key.uniform(2 * i));
      auto x = static_cast<float>(is_signed && key.uniform(2 * i + 1) < 0.5 ? -power : power);
      if (i < 255) x = 0.5f * (table[i] + table[i + 1]);
      std::size_t nearest = 0;
      for (std::size_t k = 1; k < 256; ++k)
        if (0.5f * (table[k - 1] + table[k]) < x) nearest = k;
      if (!is_signed && nearest == 0 && x > 0) nearest = 1;
      std::uint8_t code = 0;
      DynamicCode::encode(&x, 1, 1.0f, is_signed, &code);
      REQUIRE(code == nearest);
    }
  }
}

TEST_CASE("codes: the logarithmic code's relative error, and how far it reaches") {
  const auto worst = [](bool is_signed, double low) {
    double error = 0;
    for (int i = 0; i <= 4000; ++i) {
      const auto x = static_cast<float>(low * std::pow(1 / low, i / 4000.0));
      std::uint8_t byte = 0;
      float back = 0;
      LogarithmicCode::encode(&x, 1, 1.0f, is_signed, &byte);
      LogarithmicCode::decode(&byte, 1, 1.0f, is_signed, &back);
      error = std::max(error, std::abs(static_cast<double>(back) / static_cast<double>(x) - 1));
    }
    return error;
  };
  CHECK(worst(true, 4e-5) <= 0.0626);
  CHECK(worst(false, 1e-9) <= 0.0626);
}
