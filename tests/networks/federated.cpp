#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/networks/fed_alt.hpp>
#include <glissade/networks/fed_avg.hpp>
#include <glissade/networks/network.hpp>
#include <glissade/networks/scaffold.hpp>

#include <Eigen/Cholesky>

#include <cmath>
#include <map>
#include <utility>
#include <vector>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// Those of generate_gathered.py.
double coupled(Index i, std::int64_t, const VectorXd& x, VectorXd& g) {
  double value = 0.15 * x.sum() * x.sum();
  for (Index c = 0; c < x.size(); ++c) {
    const double h = 1 + static_cast<double>((i + 2 * c) % 3) / 2;
    const double d = x[c] - std::sin(static_cast<double>(1 + 3 * i + c));
    g[c] = h * d + 0.3 * x.sum();
    value += 0.5 * h * d * d;
  }
  return value;
}

/// f_0(x) = x^2 / 2, f_1(x) = 10 (x - 1)^2 / 2: the sum is least at 10 / 11.
double parabolas(Index i, std::int64_t, const VectorXd& x, VectorXd& g) {
  const double a = i == 0 ? 1 : 10, b = i == 0 ? 0 : 1;
  g[0] = a * (x[0] - b);
  return 0.5 * a * (x[0] - b) * (x[0] - b);
}

template <class M>
auto after(const M& method, Index nodes, const NodeGradient& f, std::int64_t rounds, Index size = 4) {
  Network network(method, line_graph(nodes), VectorXd::Zero(size));
  network.run(f, {.events = rounds});
  return network;
}
template <class M>
double end_of_parabolas(const M& method, std::int64_t rounds) {
  return after(method, 2, parabolas, rounds, 1).x(0)[0];
}

void same(const auto& network, const std::vector<double>& expected) {
  VectorXd all(12);
  for (Index i = 0; i < 3; ++i) all.segment(4 * i, 4) = network.x(i);
  for (Index k = 0; k < 12; ++k)
    CHECK(all[k] == Approx(expected[static_cast<std::size_t>(k) % expected.size()]).epsilon(1e-12));
}

/// y = X u + Z v_i + 0.5 N with Z = c X_first5 + sqrt(1 - c^2) N; f_i is half the mean of squares.
struct SharedAndPersonal {
  static constexpr Index clients = 30, samples = 40, shared = 20, own = 5;
  std::vector<MatrixXd> rows;
  std::vector<VectorXd> targets;

  SharedAndPersonal(double c, std::uint64_t seed) {
    const RandomKey key{seed};
    std::uint64_t n = 0;
    const auto normal = [&](Index r, Index k) {
      return MatrixXd(MatrixXd::NullaryExpr(r, k, [&](Index, Index) { return key.normal(n++); }));
    };
    const VectorXd u = normal(shared, 1);
    for (Index i = 0; i < clients; ++i) {
      MatrixXd A(samples, shared + own);
      A.leftCols(shared) = normal(samples, shared);
      A.rightCols(own) = c * A.leftCols(own) + std::sqrt(1 - c * c) * normal(samples, own);
      const VectorXd v = normal(own, 1);
      targets.emplace_back(A.leftCols(shared) * u + A.rightCols(own) * v + 0.5 * normal(samples, 1));
      rows.push_back(A);
    }
  }
  [[nodiscard]] NodeGradient gradient() const {
    return [this](Index i, std::int64_t, const VectorXd& x, VectorXd& g) {
      const auto k = static_cast<std::size_t>(i);
      const VectorXd r = rows[k] * x - targets[k];
      g.noalias() = rows[k].transpose() * r / static_cast<double>(samples);
      return r.squaredNorm() / (2 * samples);
    };
  }
  /// The mean loss above the least one, by elimination of all v_i.
  [[nodiscard]] double gap(const auto& network) const {
    MatrixXd S = MatrixXd::Zero(shared, shared);
    VectorXd s = VectorXd::Zero(shared);
    const auto eliminated = [&](std::size_t k, auto&& use) {
      const MatrixXd Z = rows[k].rightCols(own), X = rows[k].leftCols(shared);
      const Eigen::LLT<MatrixXd> inner(Z.transpose() * Z);
      use(X, Z, inner);
    };
    for (std::size_t k = 0; k < rows.size(); ++k)
      eliminated(k, [&](const MatrixXd& X, const MatrixXd& Z, const auto& inner) {
        const MatrixXd P = X - Z * inner.solve(Z.transpose() * X);
        S += P.transpose() * P;
        s += P.transpose() * targets[k];
      });
    const VectorXd u = S.ldlt().solve(s);
    double sum = 0;
    for (std::size_t k = 0; k < rows.size(); ++k)
      eliminated(k, [&](const MatrixXd& X, const MatrixXd& Z, const auto& inner) {
        const VectorXd rest = targets[k] - X * u;
        const VectorXd least = rest - Z * inner.solve(Z.transpose() * rest);
        sum += (rows[k] * network.x(static_cast<Index>(k)) - targets[k]).squaredNorm() - least.squaredNorm();
      });
    return sum / (2 * samples * clients);
  }
};

}  // namespace

TEST_CASE("federated: what the definitions give") {
  // tests/networks/generate_gathered.py
  const VectorXd weights = VectorXd::LinSpaced(3, 10, 30);
  const Sgd momentum{.learning_rate = 0.8, .momentum = 0.5};
  const FedSim<> sim{
      .shared = 2, .local_steps = 3, .personal_rate = 0.15, .personal_l2 = 0.1, .weights = weights, .server = momentum};
  same(after(sim, 3, coupled, 4), {0.216366350185493, 0.4639165316130841, 0.08484592291793734, -0.6618654159575479,
                                   0.216366350185493, 0.4639165316130841, -0.31575704072310573, 0.5284999711623891,
                                   0.216366350185493, 0.4639165316130841, 0.2410531649595979, -0.5749552691594465});
  const FedAlt<> alternating{.shared = 2,
                             .personal_steps = 2,
                             .shared_steps = 4,
                             .personal_rate = 0.15,
                             .personal_l2 = 0.1,
                             .weights = weights,
                             .server = momentum};
  same(after(alternating, 3, coupled, 4),
       {0.21254279768024895, 0.4789972270548589, 0.0868650093712245, -0.5601115442583686, 0.21254279768024895,
        0.4789972270548589, -0.3424673198587952, 0.44487191892916855, 0.21254279768024895, 0.4789972270548589,
        0.2359820692087804, -0.5333520938292909});
  const FedAvg<> proximal{.local_steps = 3, .proximal = 0.5, .weights = weights};
  same(after(with_server(proximal, fed_adagrad(0.05)), 3, coupled, 6),
       {0.1405823437303332, 0.16391378619886102, 0.010524862884222254, -0.15073166844104818});
  same(after(with_server(proximal, fed_adam(0.05)), 3, coupled, 6),
       {0.31613495947269843, 0.4225446434414913, -0.048098001172541704, -0.3617624301230908});
  same(after(with_server(proximal, fed_yogi(0.05)), 3, coupled, 6),
       {0.31446527504537647, 0.41854968906907686, -0.04355184945856822, -0.35909670115050774});
  Scaffold scaffold{.local_steps = 3, .server_rate = 0.9};
  same(after(scaffold, 3, coupled, 5),
       {0.15181407548954376, 0.4093115308989937, -0.03396580447296944, -0.21602005425584853});
  scaffold.fresh_controls = true;
  same(after(scaffold, 3, coupled, 5),
       {0.15203998137286753, 0.4101231822736525, -0.03446853541011174, -0.2163554672594193});
}

TEST_CASE("federated: where they end, of clients that differ") {
  // x = sum w_i b_i / sum w_i, w_i = 1 - (1 - rate a_i)^steps
  const FedAvg<> average{.local_steps = 5, .local_rate = 0.1};
  CHECK(std::abs(end_of_parabolas(average, 200) - 0.7094664103) < 1e-9);
  CHECK(std::abs(end_of_parabolas(FedAvg<>{.local_steps = 1, .local_rate = 0.1}, 200) - 10.0 / 11) < 1e-9);
  // Servers change the way, not the end.
  FedAvg<> heavy = average;
  heavy.server = {.learning_rate = 0.3, .momentum = 0.5};
  CHECK(std::abs(end_of_parabolas(heavy, 400) - 0.7094664103) < 1e-9);
  CHECK(std::abs(end_of_parabolas(with_server(average, fed_adam(1e-3)), 20'000) - 0.7094664103) < 1e-9);
  CHECK(std::abs(end_of_parabolas(with_server(average, fed_yogi(1e-2)), 20'000) - 0.7094664103) < 1e-9);
  // FedProx: the local steps go to (a b + mu x) / (a + mu), a part 1 - r of the way.
  FedAvg<> proximal = average;
  proximal.local_rate = 0.05;
  proximal.proximal = 0.7;
  double left = 1, right = 0;
  for (const auto& [a, b] : {std::pair(1.0, 0.0), std::pair(10.0, 1.0)}) {
    const double r = std::pow(1 - 0.05 * (a + 0.7), 5);
    left -= (r + (1 - r) * 0.7 / (a + 0.7)) / 2;
    right += (1 - r) * a * b / (a + 0.7) / 2;
  }
  CHECK(std::abs(end_of_parabolas(proximal, 400) - right / left) < 1e-9);
  // SCAFFOLD: at the solution of all.
  const auto corrected = after(Scaffold{.local_rate = 0.05}, 2, parabolas, 400, 1);
  CHECK(std::abs(corrected.x(1)[0] - 10.0 / 11) < 1e-10);
  CHECK(std::abs(corrected.node(0).control[0] - 10.0 / 11) < 1e-10);  // the gradients there
  CHECK(std::abs(corrected.node(0).mean_control[0]) < 1e-10);
}

TEST_CASE("federated: alternating steps are better than simultaneous ones where the parts correlate little") {
  for (const double c : {0.3, 0.7}) {
    double sim = 0, alternating = 0;
    int wins = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      const SharedAndPersonal f(c, seed);
      const auto gap = [&](const auto& method) {
        return f.gap(after(method, f.clients, f.gradient(), 50, f.shared + f.own));
      };
      const auto s = static_cast<std::int64_t>(seed);
      const double a =
          gap(FedSim<>{.shared = 20, .shared_rate = 0.05, .personal_rate = 0.05, .clients_per_round = 10, .seed = s});
      const double b =
          gap(FedAlt<>{.shared = 20, .shared_rate = 0.05, .personal_rate = 0.05, .clients_per_round = 10, .seed = s});
      sim += a / 6;
      alternating += b / 6;
      wins += b < a ? 1 : 0;
    }
    CAPTURE(c, sim, alternating, wins);
    CHECK(alternating < 0.95 * sim);
    CHECK(wins >= 5);
  }
}

TEST_CASE("federated: what the methods are at their ends") {
  const SharedAndPersonal f(0.5, 3);
  const auto run = [&](const auto& method, std::int64_t rounds = 20) {
    return after(method, f.clients, f.gradient(), rounds, f.shared + f.own);
  };
  // All shared: FedAvg, to the bit; no steps of one's own and nothing of one's own: too.
  const FedAvg<> average{.local_rate = 0.05, .clients_per_round = 7, .seed = 2};
  const FedSim<> all{.shared = 25, .shared_rate = 0.05, .clients_per_round = 7, .seed = 2};
  const FedAlt<> alternating{.shared = 25, .personal_steps = 0, .shared_rate = 0.05, .clients_per_round = 7, .seed = 2};
  CHECK(run(average).x(3) == run(all).x(3));
  CHECK(run(average).x(3) == run(alternating).x(3));
  CHECK(run(average).x(3) == run(average).x(8));
  // Nothing shared in effect: every client is alone.
  for (const std::int64_t shared : {0, 20}) {
    const auto alone = run(FedSim<>{.shared = shared, .shared_rate = 0, .personal_rate = 0.05});
    VectorXd x = VectorXd::Zero(25), g(25);
    for (int k = 0; k < 100; ++k) {
      f.gradient()(4, 0, x, g);
      x.tail(25 - shared) -= 0.05 * g.tail(25 - shared);
    }
    CHECK((alone.x(4) - x).norm() <= 1e-12);
    if (shared == 0) CHECK(alone.traffic().messages == 0);
  }
  // One client, one step: a gradient step, and one of Gauss and Seidel.
  VectorXd x = VectorXd::Zero(25), y = x, g(25);
  f.gradient()(0, 0, x, g);
  x -= 0.1 * g;
  y.tail(5) -= 0.1 * g.tail(5);
  f.gradient()(0, 0, y, g);
  y.head(20) -= 0.1 * g.head(20);
  CHECK((after(FedSim<>{.shared = 20, .local_steps = 1}, 1, f.gradient(), 1, 25).x(0) - x).norm() <= 1e-14);
  const FedAlt<> seidel{.shared = 20, .personal_steps = 1, .shared_steps = 1};
  CHECK((after(seidel, 1, f.gradient(), 1, 25).x(0) - y).norm() <= 1e-14);
}

TEST_CASE("federated: clients of a round, what they send, and those that take no part") {
  // Every pair as often as any other.
  for (const Index n : {3, 4, 5, 30}) {
    const ClientPlan plan{n, 2, 1, {}, RandomKey{5}};
    std::map<std::pair<Index, Index>, double> pairs;
    constexpr std::int64_t rounds = 40'000;
    bool two = true;
    for (std::int64_t r = 0; r < rounds; ++r) {
      std::vector<Index> in;
      for (Index i = 0; i < n; ++i)
        if (plan.takes_part(i, {.number = r})) in.push_back(i);
      two = two && in.size() == 2;
      ++pairs[{in.front(), in.back()}];
    }
    const double expected = rounds / (static_cast<double>(n * (n - 1)) / 2);
    double chi = 0;
    CHECK(two);
    CHECK(static_cast<Index>(pairs.size()) == n * (n - 1) / 2);
    for (const auto& [pair, count] : pairs) chi += (count - expected) * (count - expected) / expected;
    const double freedom = static_cast<double>(n * (n - 1)) / 2 - 1;
    CAPTURE(n, chi, freedom);
    CHECK(std::abs(chi - freedom) < 4 * std::sqrt(2 * freedom));
  }
  const SharedAndPersonal f(0.5, 3);
  const FedAlt<> method{.shared = 20, .shared_rate = 0.05, .personal_rate = 0.05, .clients_per_round = 4, .seed = 9};
  auto network = after(method, f.clients, f.gradient(), 6, 25);
  CHECK(network.traffic().messages == 6 * 2 * 4);
  CHECK(network.traffic().bytes == 6 * 2 * 4 * 20 * 8);
  CHECK(network.traffic().gradients == 6 * 4 * 10);
  const auto before = network;
  network.run(f.gradient(), {.events = 7});
  for (Index i = 0; i < f.clients; ++i) {
    CHECK(network.x(i).head(20) == network.x(0).head(20));
    CHECK((network.x(i).tail(5) == before.x(i).tail(5)) != network.plan().takes_part(i, {.number = 6}));
  }
  const auto corrected = after(Scaffold{.local_rate = 0.05, .clients_per_round = 4}, f.clients, f.gradient(), 30, 25);
  CHECK(corrected.traffic().bytes == 30 * 2 * 4 * 50 * 8);
  VectorXd controls = VectorXd::Zero(25);
  for (Index i = 0; i < f.clients; ++i) controls += corrected.node(i).control / f.clients;
  CHECK((corrected.node(5).mean_control - controls).norm() <= 1e-13);
  CHECK(controls.norm() > 0.01);
}

TEST_CASE("federated: bad options are refused") {
  const auto refused = [](const auto& method) {
    return message_of([&] { Network(method, line_graph(3), VectorXd::Zero(4)); });
  };
  CHECK(refused(FedAvg<>{.clients_per_round = 4}) ==
        "FedAvg: clients_per_round = 4, must be at most the number of nodes, 3");
  CHECK(refused(FedAvg<>{.weights = VectorXd::Ones(2)}) ==
        "FedAvg: weights has 2 numbers, must have 3, one for each node, or none");
  CHECK(refused(FedAvg<>{.weights = VectorXd::Zero(3)}) == "FedAvg: weights[0] = 0, must be > 0 and finite");
  CHECK(refused(FedAvg<>{.server = {.momentum = 1}}) == "Sgd: momentum = 1, must be in [0, 1)");
  CHECK(refused(FedAvg<>{.local_rate = 0}) == "FedAvg: local_rate = 0, must be > 0 and finite");
  CHECK(refused(FedSim<>{}) == "FedSim: shared = -1, must be >= 0 and finite");
  CHECK(refused(FedAlt<>{.shared = 5}) == "FedAlt: shared = 5, must be at most the number of variables, 4");
  CHECK(refused(Scaffold{.local_steps = 0}) == "Scaffold: local_steps = 0, must be >= 1 and finite");
}
