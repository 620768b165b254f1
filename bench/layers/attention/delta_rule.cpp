// The delta rule over 4096 tokens, h = w = 64: in chunks of 16 to 256 tokens against one token after another, and a
// backward pass. Then time against length.
#include "support/race.hpp"
#include <glissade/layers/attention/delta_rule.hpp>

namespace {

using namespace glissade;
using Eigen::Index;

template <class T>
struct Tokens {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  Matrix Q, K, V, O, dQ, dK, dV;
  Eigen::Matrix<T, Eigen::Dynamic, 1> beta, dbeta;
  Tokens(Index length, Index width)
      : Q(Matrix::Random(length, width)),
        K(Matrix::Random(length, width)),
        V(Matrix::Random(length, width)),
        O(V),
        dQ(Q),
        dK(K),
        dV(V),
        beta((Matrix::Random(length, 1).array() + 1) / 2),
        dbeta(beta) {}
  void forward(DeltaRule<T>& rule) { rule.forward(Q, K, V, beta, O); }
  void backward(DeltaRule<T>& rule) { rule.backward(Q, K, V, beta, V, dQ, dK, dV, dbeta); }
};

template <class T>
void compare(const char* scalar) {
  Tokens<T> tokens(4096, 64);
  DeltaRule<T> recurrent;
  const double one_by_one =
      bench::race({{"", [&] { recurrent.forward_recurrent(tokens.Q, tokens.K, tokens.V, tokens.beta, tokens.O); }}}, 5,
                  1)
          .front();
  std::printf("\n%s, 4096 tokens, h = w = 64\n  token by token     %8.2f ms\n", scalar, 1e3 * one_by_one);
  for (const int chunk : {16, 32, 64, 128, 256}) {
    DeltaRule<T> rule({.chunk = chunk});
    const auto seconds = bench::race({{"", [&] { tokens.forward(rule); }}, {"", [&] { tokens.backward(rule); }}}, 5, 1);
    std::printf("  chunks of %3d      %8.2f ms, %5.2f times faster; backward %8.2f ms\n", chunk, 1e3 * seconds[0],
                one_by_one / seconds[0], 1e3 * seconds[1]);
  }
  DeltaRule<T> rule;
  for (const Index length : {1024, 4096, 16'384, 65'536}) {
    Tokens<T> sized(length, 64);
    const double seconds = bench::race({{"", [&] { sized.forward(rule); }}}, 3, 1).front();
    std::printf("  %6ld tokens      %8.2f ms, %6.1f ns for a token\n", static_cast<long>(length), 1e3 * seconds,
                1e9 * seconds / static_cast<double>(length));
  }
}

}  // namespace

int main() {
  compare<double>("double");
  compare<float>("float");
  return 0;
}
