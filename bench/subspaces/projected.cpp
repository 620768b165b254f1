// Projected optimizers: products in panels against Eigen's own, the time of a step against Adam's, the ways to a
// subspace, and the bytes of state for the shapes of a small transformer.
#include "support/race.hpp"
#include <glissade/glissade.hpp>

#include <functional>

namespace {

using namespace glissade;

void products() {
  std::printf("products, float: GFLOP/s                      Eigen   panels    ratio\n");
  for (const Index n : {Index{1024}, Index{2048}})
    for (const Index r : {Index{64}, Index{128}}) {
      const Eigen::MatrixXf G = Eigen::MatrixXf::Random(n, n), P = Eigen::MatrixXf::Random(n, r);
      Eigen::MatrixXf R(n, r), S(r, n), U(n, n);
      const auto view = [](auto& m) { return MatrixView<float>{m.data(), m.rows(), m.cols()}; };
      const auto look = [](const auto& m) { return MatrixView<const float>{m.data(), m.rows(), m.cols()}; };
      const auto s = bench::race({{"G P", [&] { R.noalias() = G * P; }},
                                  {"G P", [&] { multiply(look(G), look(P), view(R)); }},
                                  {"P' G", [&] { S.noalias() = P.transpose() * G; }},
                                  {"P' G", [&] { multiply(look(P).transpose(), look(G), view(S)); }},
                                  {"R P'", [&] { U.noalias() = R * P.transpose(); }},
                                  {"R P'", [&] { multiply(look(R), look(P).transpose(), view(U)); }}},
                                 9, 1);
      const double flops = 2e-9 * static_cast<double>(n * n * r);
      const char* names[] = {"G P", "P' G", "R P'"};
      for (std::size_t k = 0; k < 3; ++k)
        std::printf("  %-6s n = %4ld, r = %3ld %24.1f %8.1f %8.2f\n", names[k], static_cast<long>(n),
                    static_cast<long>(r), flops / s[2 * k], flops / s[2 * k + 1], s[2 * k] / s[2 * k + 1]);
    }
}

/// Seconds of a step without refresh.
template <class R>
double step_seconds(const R& rule, Index n) {
  Eigen::MatrixXf W = Eigen::MatrixXf::Random(n, n);
  const Eigen::MatrixXf G = Eigen::MatrixXf::Random(n, n);
  Optimizer optimizer{chain(rule, ScaleByLearningRate{1e-6}), W};
  optimizer.step(G);
  return bench::race({{"step", [&] { optimizer.step(G); }}}, 5, 1).front();
}

void steps() {
  constexpr Index n = 2048;
  constexpr int rank = 128;
  constexpr int never = 1'000'000;
  const Eigen::MatrixXd G = Eigen::MatrixXf::Random(n, n).cast<double>();
  const auto once = [](const auto& action) {
    const auto begin = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const double exact = once([&] { return leading_subspace(G, rank); });
  const double random = once([&] { return random_leading_subspace(G, rank, RandomKey{1}); });
  const double adam = step_seconds(ScaleByAdam{}, n);
  std::printf("\nsteps on 2048 x 2048 floats, r = 128: ms, times Adam's; refresh: exact %.2f s, randomized %.2f s\n",
              exact, random);
  const auto row = [&](const char* name, double seconds, double refresh) {
    const double all = seconds + refresh / 200;
    std::printf("  %-44s %8.2f %8.2f   with refresh every 200: %8.2f %8.2f\n", name, 1e3 * seconds, seconds / adam,
                1e3 * all, all / adam);
  };
  row("Adam", adam, 0);
  const double galore_step = step_seconds(galore({.rank = rank, .update_gap = never, .randomized = true}), n);
  row("galore(ScaleByAdam), exact", galore_step, exact);
  row("galore(ScaleByAdam), randomized", galore_step, random);
  row("frugal(ScaleByAdam), columns, density 1/4", step_seconds(frugal({.density = 0.25}), n), 0);
  row("frugal(ScaleByAdam), randk, density 1/4",
      step_seconds(frugal({.density = 0.25, .projector = FrugalProjector::randk}), n), 0);
  row("Flora", step_seconds(Flora{.rank = rank}, n), 0);
  row("online_subspace_descent(ScaleByAdam)",
      step_seconds(online_subspace_descent({.rank = rank, .random_start = true}), n), 0);
}

/// What it costs to keep the subspace: Online Subspace Descent beyond GaLore's step, and GaLore's decomposition.
void subspaces() {
  std::printf("\nkeeping the subspace, n x n floats, r = 64: ms\n");
  for (const Index n : {Index{512}, Index{1024}}) {
    const double still = step_seconds(galore({.rank = 64, .update_gap = 1'000'000, .randomized = true}), n);
    const double moving = step_seconds(online_subspace_descent({.rank = 64, .random_start = true}), n);
    const Eigen::MatrixXd G = Eigen::MatrixXf::Random(n, n).cast<double>();
    const auto begin = std::chrono::steady_clock::now();
    const double trace = leading_subspace(G, 64).trace();
    const double svd = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::printf("  n = %4ld: step of P %8.2f, leading_subspace %8.1f, ratio %6.1f (wanted > 10)%s\n",
                static_cast<long>(n), 1e3 * (moving - still), 1e3 * svd, svd / (moving - still),
                std::isfinite(trace) ? "" : "?");
  }
}

/// The bytes of state of an m x n matrix, m >= n, by the formula of the rule's head comment.
using Formula = std::function<Index(Index m, Index n)>;

/// Eight layers, width 512, feed-forward 1376, 32 000 tokens: 58.1 million parameters.
template <class R>
void state(const char* name, const R& rule, const Formula& formula) {
  std::vector<Eigen::MatrixXf> W;
  for (int layer = 0; layer < 8; ++layer) {
    for (int k = 0; k < 4; ++k) W.emplace_back(Eigen::MatrixXf::Zero(512, 512));
    for (int k = 0; k < 2; ++k) W.emplace_back(Eigen::MatrixXf::Zero(1376, 512));
    W.emplace_back(Eigen::MatrixXf::Zero(512, 1376));
  }
  W.emplace_back(Eigen::MatrixXf::Zero(32'000, 512));
  W.emplace_back(Eigen::MatrixXf::Zero(32'000, 512));
  Index expected = 0;
  Index adam = 0;
  for (const auto& w : W) adam += 8 * w.size();
  for (const auto& w : W) expected += formula((std::max)(w.rows(), w.cols()), (std::min)(w.rows(), w.cols()));
  const auto bytes = static_cast<Index>(Optimizer{rule, W}.state_bytes());
  std::printf("  %-42s %12ld %12ld %s %8.3f\n", name, static_cast<long>(bytes), static_cast<long>(expected),
              bytes == expected ? "equal" : "DIFFER", static_cast<double>(bytes) / static_cast<double>(adam));
}

void states() {
  const TensorMask hidden{[](const Tensor& tensor) { return tensor.rows < 32'000; }};
  const auto coded = [](Index size) { return size + size / 256 * 4; };
  constexpr Index r = 128;
  std::printf(
      "\nstate, 8 layers of 4 (512 x 512), 2 (1376 x 512), 1 (512 x 1376), and 2 tables 32000 x 512, float\n"
      "  %-42s %12s %12s %14s\n",
      "", "bytes", "formula", "of Adam's");
  state("Adam", ScaleByAdam{}, [](Index m, Index n) { return 8 * m * n; });
  state("galore, rank 128", galore({.rank = r}), [](Index m, Index n) { return 4 * (n + 2 * m) * r; });
  state("galore, rank 128, without tables", galore({.rank = r, .mask = hidden}),
        [](Index m, Index n) { return m == 32'000 ? 8 * m * n : 4 * (n + 2 * m) * r; });
  state("galore, rank 128, 8-bit moments", galore({.rank = r}, with_state<LogarithmicCode>(ScaleByAdam{})),
        [&](Index m, Index n) { return 4 * n * r + 2 * coded(m * r); });
  state("online_subspace_descent, rank 128", online_subspace_descent({.rank = r}),
        [](Index m, Index n) { return 4 * (3 * n * r + 2 + 2 * m * r); });
  state("frugal, columns, density 1/4", frugal({.density = 0.25}), [](Index m, Index n) { return 2 * m * n; });
  state("frugal, svd, density 1/4", frugal({.density = 0.25, .projector = FrugalProjector::svd}),
        [](Index m, Index n) { return 4 * (n + 2 * m) * (n / 4); });
  state("frugal, density 0", frugal({.density = 0}), [](Index, Index) { return 0; });
  state("Flora, rank 128", Flora{.rank = r}, [](Index m, Index) { return 4 * m * r; });
  state("Flora, rank 4", Flora{.rank = 4}, [](Index m, Index) { return 4 * m * 4; });
}

}  // namespace

int main() {
  products();
  steps();
  subspaces();
  states();
  return 0;
}
