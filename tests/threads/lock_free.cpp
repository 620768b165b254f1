// Threads that share a vector without locks: under the thread sanitizer, no data race.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/networks/asynchronous_operators.hpp>
#include <glissade/networks/hogwild.hpp>
#include <glissade/networks/lock_free_fixed_point.hpp>

using namespace glissade;
using Eigen::Index;
using Eigen::VectorXd;

namespace {

/// Row i: x_i = b_i + sum over 8 places of w x_j / 1.2 / 8 with signs; a contraction by 1 / 1.2 in the maximum norm.
struct Sparse {
  static constexpr Index n = 400, each = 8;
  std::vector<Index> place;
  std::vector<double> weight;
  VectorXd solution = VectorXd::LinSpaced(n, -1, 2), b = VectorXd::Zero(n);

  Sparse() {
    const RandomKey key{1};
    for (Index k = 0; k < n * each; ++k) {
      const auto c = static_cast<std::uint64_t>(k);
      place.push_back(static_cast<Index>(key.uniform(2 * c) * n));
      weight.push_back((key.uniform(2 * c + 1) < 0.5 ? -1 : 1) / 1.2 / each);
    }
    for (Index i = 0; i < n; ++i) b[i] = solution[i] - row(i, [&](Index j) { return solution[j]; });
  }
  [[nodiscard]] double row(Index i, const auto& x) const {
    double sum = 0;
    for (Index k = i * each; k < (i + 1) * each; ++k)
      sum += weight[static_cast<std::size_t>(k)] * x(place[static_cast<std::size_t>(k)]);
    return sum;
  }
  [[nodiscard]] SharedBlockOperator shared() const {
    return [this](Index i, const SharedVector& x, VectorXd& out) {
      out[0] = b[i] + row(i, [&](Index j) { return x.load(j); });
    };
  }
  [[nodiscard]] BlockOperator plain() const {
    return [this](Index i, const VectorXd& x, VectorXd& out) { out[0] = b[i] + row(i, [&](Index j) { return x[j]; }); };
  }
};

/// Terms (a' x - t)^2 / 2 with 5 coefficients each, which one x fits.
struct SparseSquares {
  static constexpr Index terms = 2000, n = 200, each = 5;
  VectorXd solution = VectorXd::LinSpaced(n, -1, 1);

  [[nodiscard]] std::pair<Index, double> entry(Index term, Index k) const {
    const RandomKey key = RandomKey{2}.derive(static_cast<std::uint64_t>(term));
    const auto c = static_cast<std::uint64_t>(k);
    return {std::min<Index>(static_cast<Index>(key.uniform(10 + c) * n), n - 1), key.normal(20 + c)};
  }
  [[nodiscard]] double residual(Index term, const auto& x) const {
    double sum = 0;
    for (Index k = 0; k < each; ++k) {
      const auto e = entry(term, k);
      sum += e.second * (x(e.first) - solution[e.first]);
    }
    return sum;
  }
  [[nodiscard]] SparseTermGradient gradient() const {
    return [this](Index term, const SharedVector& x, SparseEntries& out) {
      const double r = residual(term, [&](Index j) { return x.load(j); });
      for (Index k = 0; k < each; ++k) {
        const auto e = entry(term, k);
        out.emplace_back(e.first, r * e.second);
      }
    };
  }
  [[nodiscard]] double mean_square(const VectorXd& x) const {
    double sum = 0;
    for (Index t = 0; t < terms; ++t) sum += std::pow(residual(t, [&](Index j) { return x[j]; }), 2);
    return sum / terms;
  }
};

}  // namespace

TEST_CASE("LockFreeFixedPoint: one thread has the bits of the serial run, more threads than cores the solution") {
  const Sparse f;
  for (const double r : {1.0, 0.7}) {
    const DelayAgnosticFixedPoint serial{.relaxation = r};
    auto state = serial.init(VectorXd::Zero(f.n));
    for (Index k = 0; k < 7 * f.n; ++k) serial.step(f.plain(), state);
    VectorXd copies = VectorXd::Zero(f.n), loads = copies;
    const LockFreeFixedPoint one{.relaxation = r, .threads = 1};
    CHECK(one.run(f.plain(), copies, {.max_sweeps = 7, .tolerance = 0}).status == Status::max_iterations);
    const Result result = one.run(f.shared(), loads, {.max_sweeps = 7, .tolerance = 0});
    CHECK(result.iterations == 7 * f.n);
    CHECK(copies == state.x);
    CHECK(loads == state.x);
  }
  for (const int threads : {2, 4}) {
    VectorXd x = VectorXd::Zero(f.n);
    LockFreeCounts counts;
    const Result result = LockFreeFixedPoint{.threads = threads}.run(f.shared(), x, {.tolerance = 1e-13}, &counts);
    CHECK(result.status == Status::tolerance);
    CHECK((x - f.solution).cwiseAbs().maxCoeff() < 1e-12);
    CHECK(static_cast<int>(counts.updates.size()) == threads);
    std::int64_t sum = 0;
    for (const std::int64_t own : counts.updates) sum += own;
    CHECK(sum == result.iterations);
  }
}

TEST_CASE("LockFreeFixedPoint: blocks, exceptions and numbers that are not finite in any thread") {
  const Sparse f;
  const std::vector<Index> sizes{150, 1, 249};
  const BlockOperator blocks = [&](Index i, const VectorXd& x, VectorXd& out) {
    const Index start = i == 0 ? 0 : i == 1 ? 150 : 151;
    for (Index k = 0; k < out.size(); ++k) out[k] = f.b[start + k] + f.row(start + k, [&](Index j) { return x[j]; });
  };
  VectorXd x = VectorXd::Zero(f.n);
  CHECK(LockFreeFixedPoint{.sizes = sizes, .threads = 3}.run(blocks, x, {.tolerance = 1e-13}).status ==
        Status::tolerance);
  CHECK((x - f.solution).cwiseAbs().maxCoeff() < 1e-12);

  std::atomic<int> calls = 0;
  const BlockOperator throws = [&](Index i, const VectorXd& at, VectorXd& out) {
    if (i == 2 && ++calls > 5) throw std::runtime_error("no");
    blocks(i, at, out);
  };
  const BlockOperator nan = [&](Index i, const VectorXd& at, VectorXd& out) {
    blocks(i, at, out);
    if (i == 2 && ++calls > 5) out[0] = std::nan("");
  };
  x.setZero();
  const LockFreeFixedPoint method{.sizes = sizes, .threads = 2};
  CHECK_THROWS_AS(method.run(throws, x), std::runtime_error);
  CHECK(x == VectorXd::Zero(f.n));
  calls = 0;
  CHECK(method.run(nan, x).status == Status::non_finite);
  CHECK(x.allFinite());
  CHECK(message_of([&] { LockFreeFixedPoint{.relaxation = 2}.run(blocks, x); }) ==
        "LockFreeFixedPoint: relaxation = 2, must be in (0, 1]");
}

TEST_CASE("Hogwild: one thread has the bits of serial steps, several fit as well") {
  const SparseSquares f;
  const Hogwild serial{.step_size = 0.05, .decay = 0.9, .threads = 1, .seed = 3};
  VectorXd expected = VectorXd::Zero(f.n);
  double eta = 0;
  for (int epoch = 0; epoch < 2; ++epoch) {
    eta = 0.05 * std::pow(0.9, epoch);
    for (Index draw = 0; draw < f.terms; ++draw) {
      const Index t = serial.term(epoch, draw, f.terms);
      const double r = f.residual(t, [&](Index j) { return expected[j]; });
      for (Index k = 0; k < f.each; ++k) {
        const auto e = f.entry(t, k);
        expected[e.first] -= eta * (r * e.second);
      }
    }
  }
  VectorXd x = VectorXd::Zero(f.n), parts = x;
  CHECK(serial.run(f.gradient(), f.terms, x, {.begin = 0, .end = 2}).iterations == 2 * f.terms);
  CHECK(x == expected);
  serial.run(f.gradient(), f.terms, parts, {.begin = 0, .end = 1});
  serial.run(f.gradient(), f.terms, parts, {.begin = 1, .end = 2});
  CHECK(parts == expected);

  const double start = f.mean_square(VectorXd::Zero(f.n));
  for (const int threads : {1, 2, 4})
    for (const bool lose : {true, false}) {
      const Hogwild method{.step_size = 0.1, .decay = 0.98, .threads = threads, .lose_writes = lose};
      x.setZero();
      CHECK(method.run(f.gradient(), f.terms, x, {.begin = 0, .end = 40}).iterations == 40 * f.terms);
      CHECK(f.mean_square(x) < 1e-6 * start);
    }
  const SparseTermGradient throws = [](Index t, const SharedVector&, SparseEntries&) {
    if (t > 1000) throw std::runtime_error("no");
  };
  const SparseTermGradient outside = [](Index, const SharedVector&, SparseEntries& out) { out.emplace_back(200, 1.0); };
  const SparseTermGradient nan = [](Index, const SharedVector&, SparseEntries& out) {
    out.emplace_back(0, std::nan(""));
  };
  const VectorXd before = x;
  const Hogwild two{.threads = 2};
  CHECK_THROWS_AS(two.run(throws, f.terms, x, {}), std::runtime_error);
  CHECK(message_of([&] { two.run(outside, f.terms, x, {}); }) == "Hogwild: index = 200, must be in [0, 200)");
  CHECK(two.run(nan, f.terms, x, {}).status == Status::non_finite);
  CHECK(x == before);
}
