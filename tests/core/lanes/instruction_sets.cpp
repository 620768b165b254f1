// What a lane computes does not depend on the registers or on fused multiply-add: these numbers are the same for every
// target and compiler.
#include "support/catch.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;

namespace {

/// FNV-1a of the parameters' bits after 200 steps with gradients that are exact in float.
template <class T, class R>
std::uint64_t checksum(const R& rule) {
  Eigen::Matrix<T, Eigen::Dynamic, 1> x(37), g(37);
  const auto number = [](Index i, int t) {
    const auto bits = RandomKey{9}.derive(static_cast<std::uint64_t>(t)).bits(static_cast<std::uint64_t>(i));
    return static_cast<T>(static_cast<std::int32_t>(bits >> 44) - (1 << 19)) / static_cast<T>(1 << 19);
  };
  for (Index i = 0; i < 37; ++i) x[i] = number(i, 0);
  Optimizer optimizer{rule, x};
  for (int t = 1; t <= 200; ++t) {
    for (Index i = 0; i < 37; ++i) g[i] = number(i, t);
    optimizer.step(g);
  }
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto* bytes = reinterpret_cast<const unsigned char*>(x.data());
  for (std::size_t i = 0; i < 37 * sizeof(T); ++i) hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
  return hash;
}

// No rate or correction of these is computed: nothing is left to the C library and to contraction.
const AmsGrad roots{.learning_rate = 0.01, .weight_decay = 0.1, .convention = Convention::paper};
const Sgd products{.learning_rate = 0.01, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1};

}  // namespace

TEST_CASE("instruction sets: roots, quotients, products and sums have the same bits everywhere") {
  CHECK(checksum<float>(roots) == 0x7eb1618c684bae4aULL);
  CHECK(checksum<double>(roots) == 0xaf7e6c29e7020e6dULL);
  CHECK(checksum<float>(products) == 0xd811bbba6da142aeULL);
  CHECK(checksum<double>(products) == 0x1f6bdf8bdc6ba88dULL);
}
