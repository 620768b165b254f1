// What every rule of the catalogue makes of a vector and a matrix in 200 steps, as a hash of the parameters' bits. Run
// for several targets and compared (sh cmake/run.sh targets): results do not depend on the instruction set.
#include <glissade/make_optimizer.hpp>

#include <cinttypes>
#include <cmath>
#include <cstdio>

namespace {

using namespace glissade;

/// A number in [-1, 1) with 20 bits, exact in every type.
double number(std::uint64_t stream, Index i) {
  const auto bits = RandomKey{9}.derive(stream).bits(static_cast<std::uint64_t>(i));
  return static_cast<double>(static_cast<std::int32_t>(bits >> 44) - (1 << 19)) / (1 << 19);
}

template <class X>
void fill(X& x, std::uint64_t stream) {
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<typename X::Scalar>(number(stream, i));
}

/// FNV-1a.
template <class X>
void mix(std::uint64_t& hash, const X& x) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(x.data());
  for (std::size_t i = 0; i < static_cast<std::size_t>(x.size()) * sizeof(typename X::Scalar); ++i)
    hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
}

template <class T>
void print_hash(const std::string& name, const char* scalar) {
  Eigen::Matrix<T, Eigen::Dynamic, 1> x(37), dx(37);
  Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> W(7, 5), dW(7, 5);
  fill(x, 0);
  fill(W, 1);
  const auto optimizer = make_optimizer<T>(name, {}, x, W);
  for (std::uint64_t t = 1; t <= 200; ++t) {
    fill(dx, 2 * t);
    fill(dW, 2 * t + 1);
    if (name == "polyak_step" || name == "momo")
      optimizer->step(with(std::ldexp(1.0, -static_cast<int>(t / 16))), dx, dW);
    else if (name == "tag")
      optimizer->step(with(TaskNumber{static_cast<std::int64_t>(t / 64)}), dx, dW);
    else
      optimizer->step(dx, dW);
  }
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  mix(hash, x);
  mix(hash, W);
  std::printf("%s %s %016" PRIx64 "\n", name.c_str(), scalar, hash);
}

}  // namespace

int main() {
  for (const std::string& name : optimizer_names()) {
    // The products of these are Eigen's, whose sums depend on the registers.
    if (name == "muon" || name == "galore_adamw") continue;
    print_hash<float>(name, "float");
    print_hash<double>(name, "double");
  }
}
