#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include <glissade/networks/asynchronous_operators.hpp>

#include <limits>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

MatrixXd random(Index rows, Index cols, std::uint64_t seed) {
  const RandomKey key{seed};
  std::uint64_t n = 0;
  return MatrixXd::NullaryExpr(rows, cols, [&](auto&&...) { return key.normal(n++); });
}

/// x = M x + b with known solution.
struct Affine {
  MatrixXd M;
  VectorXd solution;
  [[nodiscard]] BlockOperator of(const std::vector<Index>& sizes = {}) const {
    return affine_operator(M, solution - M * solution, sizes);
  }
};

/// The error after so many updates from zero.
double error_after(const DelayAgnosticFixedPoint& method, const BlockOperator& T, const VectorXd& solution,
                   int updates) {
  auto state = method.init(VectorXd::Zero(solution.size()));
  for (int k = 0; k < updates; ++k) method.step(T, state);
  return (state.x - solution).norm();
}

/// The largest of  |x(k) - x*| - bound(k) |x(0) - x*|  over a run, relative to |x(0) - x*|; counted with what was seen.
double excess(const DelayAgnosticFixedPoint& method, const BlockOperator& T, const VectorXd& solution, double c,
              int updates) {
  auto state = method.init(VectorXd::Zero(solution.size()));
  const double start = method.block_norm(solution);
  double most = -1;
  for (int k = 0; k < updates; ++k) {
    method.step(T, state);
    // rounding errors remain where the bound has become smaller than they are
    most = std::max(most, method.block_norm(state.x - solution) / start - method.guaranteed_factor(state.clock, c));
  }
  return most;
}

const DelaySchedule none{}, ten{.most = 10}, random_100{.kind = DelayKind::uniform, .most = 100, .seed = 3},
    hundred{.most = 100}, growing{.kind = DelayKind::growing};

/// Spd, diagonally dominant, of order 20: gradient steps with one step size contract by 0.922 in the maximum norm.
Affine dominant() {
  MatrixXd A = random(20, 20, 7);
  A = ((A + A.transpose()) / 2).eval();
  A.diagonal().setZero();
  const VectorXd sums = A.cwiseAbs().rowwise().sum();
  A.diagonal() = sums / 0.85;
  const VectorXd margin = A.diagonal() - sums;
  const double step = 0.078 / margin.minCoeff();
  REQUIRE(step <= 1 / A.diagonal().maxCoeff());
  return {MatrixXd::Identity(20, 20) - step * A, random(20, 1, 8)};
}

/// mean_i |A_i x - b_i|^2 / (2 rows) + |x|^2 / 4 + 0.05 |x|_1 over 8 workers.
struct StarLasso {
  static constexpr Index n = 8, d = 10;
  std::vector<MatrixXd> H;
  std::vector<VectorXd> c;
  double mu = std::numeric_limits<double>::infinity(), L = 0;
  VectorXd x, z;  // solution, and that of the operator of proximal gradient

  StarLasso() {
    for (Index i = 0; i < n; ++i) {
      const MatrixXd A = random(20, d, 100 + static_cast<std::uint64_t>(i));
      H.emplace_back(A.transpose() * A / 20 + 0.5 * MatrixXd::Identity(d, d));
      c.emplace_back(A.transpose() * random(20, 1, 200 + static_cast<std::uint64_t>(i)) / 20);
      // by power iterations, of H and of 10 - H
      VectorXd top = VectorXd::Ones(d), low = top;
      for (int k = 0; k < 3000; ++k) {
        top = (H.back() * top).normalized();
        low = (10 * low - H.back() * low).normalized();
      }
      L = std::max(L, top.dot(H.back() * top));
      mu = std::min(mu, low.dot(H.back() * low));
    }
    REQUIRE(L < 10);
    x = VectorXd::Zero(d);
    z = VectorXd::Zero(n * d);
    const StarConsensus star = consensus();
    const BlockOperator T = star.proximal_gradient(gradient());
    for (int k = 0; k < 400; ++k) {
      VectorXd all(n * d), own(d);
      for (Index i = 0; i < n; ++i) {
        T(i, z, own);
        all.segment(i * d, d) = own;
      }
      z = all;
    }
    x = star.solution(z);
  }
  static void soften(VectorXd& v, double step) { v = v.array().sign() * (v.array().abs() - 0.05 * step).max(0.0); }
  [[nodiscard]] StarConsensus consensus() const {
    return {.workers = n, .size = d, .step = 2 / (L + mu), .prox = soften};
  }
  [[nodiscard]] std::function<void(Index, const VectorXd&, VectorXd&)> gradient() const {
    return [this](Index i, const VectorXd& at, VectorXd& g) {
      g = H[static_cast<std::size_t>(i)] * at - c[static_cast<std::size_t>(i)];
    };
  }
  /// The proximal incremental aggregated gradient: the master keeps the last gradient of every worker.
  [[nodiscard]] double aggregated(const DelaySchedule& delays, double step, int updates) const {
    DelayClock clock(delays, n);
    std::vector<VectorXd> points{VectorXd::Zero(d)}, gradients;
    for (Index i = 0; i < n; ++i) gradients.emplace_back(-c[static_cast<std::size_t>(i)]);
    for (int k = 0; k < updates; ++k) {
      const Index i = clock.next(delays);
      const std::int64_t s = clock.read_at(delays, i, 0);
      gradient()(i, points[static_cast<std::size_t>(s)], gradients[static_cast<std::size_t>(i)]);
      VectorXd mean = VectorXd::Zero(d);
      for (const VectorXd& g : gradients) mean += g / static_cast<double>(n);
      VectorXd next = points.back() - step * mean;
      soften(next, step);
      points.push_back(next);
      clock.advance(delays, i, s);
    }
    return (points.back() - x).norm();
  }
};

}  // namespace

TEST_CASE("DelayAgnosticFixedPoint: without delays it is block Gauss-Seidel, with one block Krasnoselskii and Mann") {
  const std::vector<Index> sizes{3, 1, 4};
  const Affine f{random(8, 8, 1) / 12, random(8, 1, 2)};
  const BlockOperator T = f.of(sizes);
  const DelayAgnosticFixedPoint method{.sizes = sizes};
  auto state = method.init(VectorXd::Ones(8));
  VectorXd x = VectorXd::Ones(8), image;
  for (int sweep = 0; sweep < 5; ++sweep) {
    for (Index i = 0, start = 0; i < 3; start += sizes[static_cast<std::size_t>(i)], ++i) {
      image.resize(sizes[static_cast<std::size_t>(i)]);
      T(i, x, image);
      x.segment(start, image.size()) = image;
      method.step(T, state);
      CHECK(state.x == x);
    }
  }
  const std::vector<Index> whole{8};
  const BlockOperator one = f.of(whole);
  const DelayAgnosticFixedPoint averaged{.sizes = whole, .relaxation = 0.5};
  auto single = averaged.init(VectorXd::Ones(8));
  x.setOnes();
  image.resize(8);
  for (int k = 0; k < 5; ++k) {
    one(0, x, image);
    x += 0.5 * (image - x);
    averaged.step(one, single);
    CHECK(single.x == x);
  }
}

TEST_CASE("DelayAgnosticFixedPoint: blocks in another order are the same run, and a copy goes on bit for bit") {
  // service times decide who writes: those of worker i go with it only where they are not drawn by its number
  const DelaySchedule speeds{.kind = DelayKind::service, .speeds = {1, 3.1, 0.7}, .random_times = false};
  const DelaySchedule permuted{.kind = DelayKind::service, .speeds = {0.7, 1, 3.1}, .random_times = false};
  Eigen::PermutationMatrix<3> P;
  P.indices() << 1, 2, 0;  // the old 0 is the new 1
  const Affine f{random(3, 3, 5) / 6, random(3, 1, 6)};
  const MatrixXd PM = P * f.M * P.transpose();
  const Affine g{PM, P * f.solution};
  const double a = error_after({.delays = speeds}, f.of(), f.solution, 40);
  CHECK(a == Approx(error_after({.delays = permuted}, g.of(), g.solution, 40)).epsilon(1e-12));
  CHECK(a != Approx(error_after({.delays = speeds}, g.of(), g.solution, 40)).epsilon(1e-6));

  const Affine h = dominant();
  for (const DelaySchedule& delays :
       {random_100, growing, DelaySchedule{.kind = DelayKind::service, .speeds = {1, 2, 50, 0.1}, .seed = 4}}) {
    const DelayAgnosticFixedPoint method{.sizes = {5, 5, 5, 5}, .delays = delays};
    const BlockOperator T = h.of(method.sizes);
    auto state = method.init(VectorXd::Zero(20));
    for (int k = 0; k < 77; ++k) method.step(T, state);
    auto copy = state;
    for (int k = 0; k < 200; ++k) method.step(T, state);
    for (int k = 0; k < 200; ++k) method.step(T, copy);
    CHECK(state.x == copy.x);
    CHECK(state.clock.largest_delay == copy.clock.largest_delay);
  }
}

TEST_CASE("DelayAgnosticFixedPoint: what is read is as old as the schedule says") {
  // T writes the number of the update; what it reads is when it was written
  const auto ages = [](const DelaySchedule& delays, int updates) {
    const DelayAgnosticFixedPoint method{.delays = delays, .own_block_current = false};
    auto state = method.init(VectorXd::Zero(4));
    std::vector<VectorXd> past{state.x};
    std::int64_t largest = 0;
    for (int k = 0; k < updates; ++k) {
      const BlockOperator T = [&](Index i, const VectorXd& read, VectorXd& image) {
        for (Index j = 0; j < 4; ++j) {
          const auto s = static_cast<std::size_t>(state.clock.read_at(delays, i, j));
          CHECK(read[j] == past[s][j]);
          largest = std::max(largest, k - static_cast<std::int64_t>(s));
        }
        image[0] = k + 1;
      };
      method.step(T, state);
      past.push_back(state.x);
    }
    CHECK(state.clock.largest_delay == largest);
    return largest;
  };
  CHECK(ages(none, 50) == 0);
  CHECK(ages(ten, 50) == 10);
  CHECK(ages({.kind = DelayKind::uniform, .most = 7}, 100) == 7);
  CHECK(ages(growing, 301) == 150);
  CHECK(ages({.kind = DelayKind::service, .speeds = {1, 10, 10, 10}, .random_times = false}, 93) == 30);
}

TEST_CASE("DelayAgnosticFixedPoint: its inequality holds at every update") {
  const std::vector<Index> sizes{5, 5, 5, 5};
  // The contraction factor: sums of spectral norms of blocks. Orthogonal blocks, so that they are known.
  MatrixXd M(20, 20);
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 4; ++j) {
      const VectorXd v = random(5, 1, static_cast<std::uint64_t>(10 + 4 * i + j)).normalized();
      M.block(5 * i, 5 * j, 5, 5) = 0.2415 * (MatrixXd::Identity(5, 5) - 2 * v * v.transpose());
    }
  const Affine f{M, random(20, 1, 9)};
  const double c = 4 * 0.2415;  // 0.966
  for (const double r : {0.5, 1.0})
    for (const DelaySchedule& delays :
         {none, ten, random_100, hundred, growing, DelaySchedule{.most = 10, .order = UpdateOrder::random},
          DelaySchedule{.kind = DelayKind::service, .speeds = {1, 2, 3, 40}}})
      for (const bool own : {true, false}) {
        const DelayAgnosticFixedPoint method{
            .sizes = sizes, .relaxation = r, .delays = delays, .own_block_current = own};
        CHECK(excess(method, f.of(sizes), f.solution, c, 2000) <= 1e-13);
      }

  const StarLasso star;
  for (const std::int64_t D : {0, 40, 200}) {
    const DelayAgnosticFixedPoint method{
        .sizes = star.consensus().sizes(), .delays = {.most = D}, .own_block_current = false};
    const double contraction = 1 - star.consensus().step * star.mu;
    CHECK(excess(method, star.consensus().proximal_gradient(star.gradient()), star.z, contraction, 3000) <= 1e-13);
  }
}

TEST_CASE("DelayAgnosticFixedPoint: diagonally dominant gradients converge for all delays, others at short ones") {
  const Affine f = dominant();
  const std::vector<Index> sizes{5, 5, 5, 5};
  const auto after = [&](const DelaySchedule& delays) {
    return error_after({.sizes = sizes, .delays = delays}, f.of(sizes), f.solution, 6000) / f.solution.norm();
  };
  CHECK(f.M.cwiseAbs().rowwise().sum().maxCoeff() == Approx(0.922));
  CHECK_FALSE(weights_for_all_delays(f.M).empty());
  for (const DelaySchedule& delays : {none, ten, random_100}) CHECK(after(delays) < 1e-14);
  CHECK(after(hundred) < 1e-9);
  CHECK(after(growing) < 0.05);
  CHECK(after(growing) > 1e-9);  // sublinearly

  // 0.1 I + 1 1', steps 1 / L by single coefficients
  const MatrixXd A = 0.1 * MatrixXd::Identity(8, 8) + MatrixXd::Ones(8, 8);
  const auto slow = [&](std::int64_t delay, double factor) {
    const Affine g{MatrixXd::Identity(8, 8) - factor / 8.1 * A, VectorXd::LinSpaced(8, -1, 2)};
    CHECK(weights_for_all_delays(g.M).empty());
    return error_after({.delays = {.most = delay}}, g.of(), g.solution, 20'000);
  };
  CHECK(slow(0, 1) < 1e-10);
  CHECK(slow(5, 1) < 1e-10);
  CHECK(slow(20, 1) > 1e50);
  CHECK(slow(80, 1) > 1e50);
  for (const std::int64_t delay : {0, 5, 20, 80}) CHECK(slow(delay, 0.125) < 0.1);
}

TEST_CASE("DelayAgnosticFixedPoint: a star of workers at its full step, where aggregated gradients diverge") {
  const StarLasso f;
  const StarConsensus star = f.consensus();
  const BlockOperator gradient = star.proximal_gradient(f.gradient());
  std::vector<Eigen::PartialPivLU<MatrixXd>> factors;
  for (const MatrixXd& H : f.H) factors.emplace_back(MatrixXd::Identity(f.d, f.d) + H);
  StarConsensus unit = star;
  unit.step = 1;
  const BlockOperator admm = unit.admm([&](Index i, VectorXd& v, double) {
    v = factors[static_cast<std::size_t>(i)].solve(v + f.c[static_cast<std::size_t>(i)]).eval();
  });
  const auto error = [&](const BlockOperator& T, const StarConsensus& master, const DelaySchedule& delays, bool own,
                         int updates) {
    const DelayAgnosticFixedPoint method{.sizes = star.sizes(), .delays = delays, .own_block_current = own};
    auto state = method.init(VectorXd::Zero(f.n * f.d));
    for (int k = 0; k < updates; ++k) method.step(T, state);
    return (master.solution(state.x) - f.x).norm();
  };
  const DelaySchedule equal{.kind = DelayKind::service, .speeds = std::vector<double>(8, 1.0)};
  DelaySchedule unequal = equal;
  for (std::size_t i = 0; i < 8; ++i) unequal.speeds[i] = std::pow(100.0, static_cast<double>(i) / 7);
  CHECK(error(gradient, star, equal, true, 100) < 2.5e-2);
  CHECK(error(gradient, star, equal, true, 1000) < 1e-14);
  CHECK(error(gradient, star, unequal, true, 1000) < 1.1e-2);
  CHECK(error(gradient, star, unequal, true, 6000) < 1e-10);
  CHECK(error(gradient, star, {.most = 40}, false, 1000) < 2e-5);
  CHECK(error(gradient, star, {.most = 40}, false, 12'000) < 1e-14);
  CHECK(error(gradient, star, {.most = 200}, false, 1000) < 0.085);
  CHECK(error(gradient, star, {.most = 200}, false, 12'000) < 1e-12);
  CHECK(error(admm, unit, {.most = 40}, true, 1000) < 2e-8);
  CHECK(error(admm, unit, {.most = 200}, true, 1000) < 0.052);
  CHECK(error(admm, unit, {.most = 200}, true, 12'000) < 4e-12);
  CHECK(error(admm, unit, unequal, true, 6000) < 5e-5);
  // aggregated gradients: 1e97 at the step of the star, at rest with 0.03 of it
  CHECK(f.aggregated(equal, star.step, 6000) > 1e50);
  CHECK(f.aggregated(equal, 0.03 * star.step, 6000) < 1e-10);
}

TEST_CASE("DelayAgnosticFixedPoint: a network that is defined by its energy, inferred without rounds") {
  // E(z) = sum_v |z_v|^2 / 2 - <f_v, z_v> + sum over edges (u, v) of log cosh(z_u - z_v): a step of 1 / (1 + degree)
  // of one node after another contracts by 1 - 1 / (1 + largest degree).
  constexpr Index nodes = 30, features = 3;
  std::vector<std::vector<Index>> neighbors(nodes);
  const auto join = [&](Index u, Index v) {
    neighbors[static_cast<std::size_t>(u)].push_back(v);
    neighbors[static_cast<std::size_t>(v)].push_back(u);
  };
  for (Index v = 0; v < nodes; ++v) join(v, (v + 1) % nodes);
  for (Index v = 0; v < nodes / 2; v += 2) join(v, v + nodes / 2);
  const VectorXd f = 3 * random(nodes * features, 1, 11);
  const BlockGradientStep step{.sizes = std::vector<Index>(nodes, features),
                               .steps = {0.25},
                               .gradient = [&](Index v, const VectorXd& z, VectorXd& g) {
                                 const Eigen::Array3d own = z.segment<3>(3 * v).array();
                                 Eigen::Array3d sum = own - f.segment<3>(3 * v).array();
                                 for (const Index u : neighbors[static_cast<std::size_t>(v)])
                                   sum += (own - z.segment<3>(3 * u).array()).tanh();
                                 g = sum;
                               }};
  const BlockOperator T = step.operator_for(nodes * features);
  VectorXd synchronous = VectorXd::Zero(nodes * features), next = synchronous, image(3);
  for (int k = 0; k < 300; ++k) {
    for (Index v = 0; v < nodes; ++v) {
      T(v, synchronous, image);
      next.segment<3>(3 * v) = image;
    }
    synchronous = next;
  }
  std::vector<double> speeds;
  for (Index v = 0; v < nodes; ++v) speeds.push_back(1 + 9 * RandomKey{12}.uniform(static_cast<std::uint64_t>(v)));
  for (const DelaySchedule& delays :
       {random_100, DelaySchedule{.kind = DelayKind::uniform, .most = 60, .order = UpdateOrder::random, .seed = 1},
        DelaySchedule{.kind = DelayKind::service, .speeds = speeds}}) {
    const DelayAgnosticFixedPoint method{.sizes = step.sizes, .delays = delays};
    VectorXd z = VectorXd::Constant(nodes * features, -2.0);
    const Result result = method.run(T, z, {.tolerance = 1e-13});
    CHECK(result.status == Status::tolerance);
    CHECK((z - synchronous).cwiseAbs().maxCoeff() < 1e-11);
  }
}

TEST_CASE("weights_for_all_delays: there are some exactly where the spectral radius of |M| is below 1") {
  const MatrixXd M = random(12, 12, 20);
  // the radius of |M|, by power iterations
  VectorXd v = VectorXd::Ones(12);
  double radius = 0;
  for (int k = 0; k < 500; ++k) {
    const VectorXd w = M.cwiseAbs() * v;
    radius = w.norm();
    v = w / radius;
  }
  CHECK(weights_for_all_delays(1.001 / radius * M).empty());
  const auto w = weights_for_all_delays(0.999 / radius * M);
  REQUIRE(w.size() == 12);
  const Affine f{0.999 / radius * M, random(12, 1, 21)};
  // the factor that these weights promise, kept at every update
  const DelayAgnosticFixedPoint method{.delays = random_100, .weights = w};
  const double c = 1 - 1 / *std::max_element(w.begin(), w.end());
  CHECK(excess(method, f.of(), f.solution, c, 3000) <= 1e-13);
}

TEST_CASE("DelayAgnosticFixedPoint: no allocation, and what is not allowed") {
  const Affine f = dominant();
  const DelayAgnosticFixedPoint method{.delays = random_100};
  const BlockOperator T = f.of();
  auto state = method.init(VectorXd::Zero(20));
  method.step(T, state);
  {
    const NoHeap guard;
    for (int k = 0; k < 300; ++k) method.step(T, state);
    CHECK(guard.taken() == 0);
  }
  const VectorXd before = state.x;
  const BlockOperator throws = [](Index, const VectorXd&, VectorXd&) { throw std::runtime_error("no"); };
  const BlockOperator nan = [](Index, const VectorXd&, VectorXd& out) { out.setConstant(std::nan("")); };
  const BlockOperator two = [](Index, const VectorXd&, VectorXd& out) { out.setZero(2); };
  const auto updates = state.clock.updates;
  CHECK_THROWS_AS(method.step(throws, state), std::runtime_error);
  CHECK(method.step(nan, state).status == Status::non_finite);
  CHECK(message_of([&] { method.step(two, state); }).find("has 2 coefficients, the block 1") != std::string::npos);
  CHECK(state.x == before);
  CHECK(state.clock.updates == updates);

  VectorXd x = VectorXd::Zero(20);
  CHECK(method.run(nan, x).status == Status::non_finite_start);
  const Result spent = method.run(T, x, {.max_updates = 31, .tolerance = 0});
  CHECK(spent.status == Status::max_iterations);
  CHECK(spent.iterations == 31);
  const auto refused = [&](const DelayAgnosticFixedPoint& m) {
    return message_of([&] { static_cast<void>(m.init(x)); });
  };
  CHECK(refused({.relaxation = 0}) == "DelayAgnosticFixedPoint: relaxation = 0, must be in (0, 1]");
  CHECK(refused({.sizes = {5, 5}}) == "DelayAgnosticFixedPoint: the blocks have 10 coefficients, x has 20");
  CHECK(refused({.delays = {.most = -1}}) == "DelaySchedule: most = -1, must be >= 0 and finite");
  CHECK(refused({.delays = {.kind = DelayKind{4}}}) == "DelaySchedule: kind = 4, must be in [0, 3]");
  CHECK(refused({.delays = {.order = UpdateOrder{-1}}}) == "DelaySchedule: order = -1, must be in [0, 1]");
  CHECK(refused({.sizes = {20}, .weights = {0}}) == "DelayAgnosticFixedPoint: weights = 0, must be > 0 and finite");
  CHECK(refused({.delays = {.kind = DelayKind::growing, .most = 3}}).find("DelaySchedule: most = 3") == 0);
  CHECK(refused({.sizes = {10, 10}, .delays = {.kind = DelayKind::service, .speeds = {1}}}) ==
        "DelaySchedule: speeds has 1 numbers, must have 2, one for each block");
  CHECK(message_of([&] { static_cast<void>(StarConsensus{.workers = 2, .size = 3}.proximal_gradient({})); }) ==
        "StarConsensus: step = 0, must be > 0 and finite");
}
