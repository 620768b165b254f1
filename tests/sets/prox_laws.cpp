// What holds for all functions with a prox.
#include <glissade/sets/ball.hpp>
#include <glissade/sets/box.hpp>
#include <glissade/sets/groups.hpp>
#include <glissade/sets/indicator.hpp>
#include <glissade/sets/l1.hpp>
#include <glissade/sets/l1_ball.hpp>
#include <glissade/sets/largest.hpp>
#include <glissade/sets/logarithms.hpp>
#include <glissade/sets/quadratic.hpp>
#include <glissade/sets/segments.hpp>
#include <glissade/sets/simplex.hpp>
#include <glissade/sets/spectra.hpp>
#include <glissade/sets/total_variation.hpp>

#include <Eigen/Dense>

#include "sets/points.hpp"

using namespace subjects;

namespace {

struct ProxSubject {
  std::string name;
  Index n = 6;
  std::function<double(const VectorXd&)> value{};
  std::function<Action(double step)> prox{};
  std::function<void(VectorXd&, double)> apply{};  // on_doubles of it
  bool convex = true;
  bool each = true;  // NaN stays where it is
  bool any_size = true;
  /// v becomes the prox of step times the conjugate; empty where that is not known.
  std::function<void(VectorXd&, double)> conjugate{};
};

template <int N = 6, int Rows = 0, class H>
ProxSubject prox_subject(const std::string& name, const H& h) {
  ProxSubject subject{name};
  subject.n = N;
  subject.value = [h](const VectorXd& x) -> double {
    if constexpr (Rows == 0)
      return h.value(x);
    else
      return h.value(Eigen::Map<const Eigen::MatrixXd>(x.data(), Rows, x.size() / Rows));
  };
  subject.prox = [h](double step) { return action_of<N, Rows>([h, step](auto&& x) { h.prox(x, step); }); };
  subject.apply = [h](VectorXd& x, double step) {
    if constexpr (Rows == 0) {
      h.prox(x, step);
    } else {
      Eigen::Map<Eigen::MatrixXd> X(x.data(), Rows, x.size() / Rows);
      h.prox(X, step);
    }
  };
  return subject;
}

std::vector<ProxSubject> all_proxes() {
  std::vector<ProxSubject> all;
  const VectorXd w = six(1, 2, 0.5, 1, 3, 1);
  const auto conjugate = [&](auto f) { all.back().conjugate = f; };
  const auto all_nan = [&] { all.back().each = false; };
  const auto fixed_size = [&] { all.back().any_size = false; };

  all.push_back(prox_subject("L1", L1{.weight = 1.5}));
  conjugate([](VectorXd& v, double) { Box{.low = -1.5, .high = 1.5}.project(v); });
  all.push_back(prox_subject("L1 of vectors", L1{.weight = w}));
  conjugate([=](VectorXd& v, double) { Box{.low = -w, .high = w}.project(v); });
  fixed_size();
  all.push_back(prox_subject("ElasticNet", ElasticNet{.l1 = 0.5, .l2 = 2}));
  conjugate([](VectorXd& v, double s) {  // of max(|y| - l1, 0)^2 / (2 l2)
    v = v.unaryExpr([s](double a) { return std::abs(a) <= 0.5 ? a : (2 * a + std::copysign(0.5 * s, a)) / (2 + s); });
  });
  all.push_back(prox_subject("L0", L0{.weight = 0.75}));
  all.back().convex = false;
  all.push_back(prox_subject("Huber", Huber{.delta = 0.75, .weight = 1.5}));
  conjugate([](VectorXd& v, double s) {  // of delta y^2 / (2 weight) within [-weight, weight]
    v = (v / (1 + s * 0.5)).cwiseMax(-1.5).cwiseMin(1.5);
  });
  all.push_back(prox_subject("GroupNorm", GroupNorm{.weight = 1.25}));
  conjugate([](VectorXd& v, double) { Ball{.radius = 1.25}.project(v); });
  all_nan();
  all.push_back(prox_subject("GroupNorm of sizes", GroupNorm{.weight = 1.25, .sizes = {1, 2, 0, 3}}));
  conjugate([](VectorXd& v, double) { Repeated{Ball{.radius = 1.25}, {1, 2, 3}}.project(v); });
  all.back().each = false;
  fixed_size();
  all.push_back(prox_subject("SparseGroupNorm", SparseGroupNorm{.l1 = 0.3, .l2 = 0.8, .sizes = {2, 4}}));
  all_nan();
  fixed_size();
  all.push_back(prox_subject("LInfinity", LInfinity{.weight = 1.5}));
  conjugate([](VectorXd& v, double) { L1Ball{.radius = 1.5}.project(v); });
  all_nan();
  all.push_back(prox_subject("Max", Max{.weight = 1.5}));
  conjugate([](VectorXd& v, double) { Simplex{.total = 1.5}.project(v); });
  all_nan();
  all.push_back(prox_subject<6, 3>("NuclearNorm", NuclearNorm{.weight = 0.75}));
  conjugate([](VectorXd& v, double) {  // singular values at most the weight
    Eigen::Map<Eigen::MatrixXd> X(v.data(), 3, 2);
    const Eigen::JacobiSVD<Eigen::MatrixXd> svd(X, Eigen::ComputeThinU | Eigen::ComputeThinV);
    X = svd.matrixU() * svd.singularValues().cwiseMin(0.75).asDiagonal() * svd.matrixV().transpose();
  });
  all_nan();
  all.push_back(prox_subject<6, 2>("SpectralNorm", SpectralNorm{.weight = 0.75}));
  conjugate([](VectorXd& v, double) {
    Eigen::Map<Eigen::MatrixXd> X(v.data(), 2, 3);
    const Eigen::JacobiSVD<Eigen::MatrixXd> svd(X, Eigen::ComputeThinU | Eigen::ComputeThinV);
    VectorXd sigma = svd.singularValues();
    L1Ball{.radius = 0.75}.project(sigma);
    X = svd.matrixU() * sigma.asDiagonal() * svd.matrixV().transpose();
  });
  all_nan();
  all.push_back(prox_subject("TotalVariation1d", TotalVariation1d{.weight = 0.6}));
  all_nan();
  Eigen::MatrixXd Q = six(2, 1, 0.5, 1, 3, 1).asDiagonal();
  Q.array() += 0.25;
  const VectorXd q = six(1, -1, 0, 0.5, 0.25, -2);
  all.push_back(prox_subject("Quadratic", Quadratic(Q, q)));
  conjugate([=](VectorXd& v, double s) {  // of (y - q)'Q^-1 (y - q) / 2
    const Eigen::MatrixXd inverse = Q.inverse();
    Quadratic(inverse, -inverse * q).prox(v, s);
  });
  all_nan();
  fixed_size();
  all.push_back(prox_subject("LogBarrier", LogBarrier{.weight = 1.25}));
  conjugate([](VectorXd& v, double s) {  // of -1.25 log(-y) and a constant
    v = -v;
    LogBarrier{.weight = 1.25}.prox(v, s);
    v = -v;
  });
  all.push_back(prox_subject("XLogX", XLogX{}));
  conjugate([](VectorXd& v, double s) {  // of exp(y - 1)
    v.array() -= 1;
    Exponential{}.prox(v, s);
    v.array() += 1;
  });
  all.push_back(prox_subject("Exponential", Exponential{}));
  conjugate([](VectorXd& v, double s) {  // of y log y - y
    v.array() += s;
    XLogX{}.prox(v, s);
  });
  all.push_back(prox_subject("Indicator", Indicator{Simplex{}}));
  conjugate([](VectorXd& v, double s) { Max{}.prox(v, s); });
  all_nan();
  return all;
}

VectorXd after(const ProxSubject& h, VectorXd x, double step) {
  h.apply(x, step);
  return x;
}

}  // namespace
TEST_CASE("proxes: each is a minimizer, by as much as a strongly convex function says") {
  for (const ProxSubject& h : all_proxes()) {
    INFO(h.name);
    Random random(6);
    for (int k = 0; k < 30; ++k) {
      const double step = std::array<double, 3>{0.1, 0.7, 4}[static_cast<std::size_t>(k) % 3];
      const VectorXd x = point(random, k, h.n), p = after(h, x, step);
      const double least = h.value(p) + (p - x).squaredNorm() / (2 * step);
      REQUIRE(std::isfinite(least));
      int beaten = 0;
      for (int j = 0; j < 1000; ++j) {
        VectorXd q = p + std::pow(10.0, -6 + 7 * random.uniform()) * random.normal(h.n);
        if (j % 4 == 1) q = point(random, j, h.n);
        if (j % 4 == 2) q = p + 0.1 * random.normal() * VectorXd::Unit(h.n, j % h.n);
        if (j % 4 == 3) q[j % h.n] = 0;
        if (h.name == "Indicator" && j % 2 == 0) q = random.weights(h.n);
        const double other = h.value(q) + (q - x).squaredNorm() / (2 * step);
        const double gain = h.convex ? (q - p).squaredNorm() / (2 * step) : 0;
        beaten += !(other - gain >= least - 1e-12 * (1 + std::abs(least) + (q - x).squaredNorm() / step));
      }
      CHECK(beaten == 0);
    }
  }
}

TEST_CASE("proxes: firmly non-expansive where convex") {
  for (const ProxSubject& h : all_proxes()) {
    if (!h.convex) continue;
    INFO(h.name);
    Random random(7);
    for (int k = 0; k < 100; ++k) {
      const VectorXd x = point(random, k, h.n),
                     y = k % 2 == 0 ? point(random, k + 7, h.n) : VectorXd(x + random.normal(h.n));
      const VectorXd d = after(h, x, 0.7) - after(h, y, 0.7);
      CHECK(d.squaredNorm() <= d.dot(x - y) + 1e-13 * (1 + x.squaredNorm() + y.squaredNorm()));
    }
  }
}

TEST_CASE("proxes: Moreau's identity") {
  int known = 0;
  for (const ProxSubject& h : all_proxes()) {
    if (!h.conjugate) continue;
    ++known;
    INFO(h.name);
    Random random(8);
    for (int k = 0; k < 100; ++k) {
      const double step = std::array<double, 4>{0.01, 0.3, 1, 20}[static_cast<std::size_t>(k) % 4];
      const VectorXd v = point(random, k, h.n);
      VectorXd dual = v / step;
      h.conjugate(dual, 1 / step);
      CHECK(largest(after(h, v, step) + step * dual - v) <= 1e-12 * (1 + largest(v) + step));
    }
  }
  CHECK(known == 15);
}

TEST_CASE("proxes: float and double, fixed and dynamic, with gaps and by rows are one") {
  for (const ProxSubject& h : all_proxes()) {
    INFO(h.name);
    Random random(9);
    for (int k = 0; k < 20; ++k) check_types(h.prox(0.7), point(random, k, h.n));
  }
}

TEST_CASE("proxes: points of any size, and what is not finite") {
  for (const ProxSubject& h : all_proxes()) {
    INFO(h.name);
    for (const VectorXd& x : extreme_points(h.n))
      for (const double step : {1e-200, 1.0, 1e200}) {
        INFO(x.transpose() << " step " << step);
        const VectorXd p = after(h, x, step);
        CHECK(p.allFinite());
        // Nothing moves farther than what there is to gain by moving.
        const VectorXd zero = after(h, VectorXd::Zero(h.n), step);
        if (h.convex)
          CHECK(largest(p / 4 - zero / 4) <=
                static_cast<double>(h.n) * largest(x / 4) * (1 + 1e-14) + largest(zero) * 1e-14);
      }
    for (Index i = 0; i < h.n; ++i) {
      VectorXd x = VectorXd::LinSpaced(h.n, -1, 1);
      x[i] = not_a_number;
      const VectorXd p = after(h, x, 0.7);
      CHECK(std::isnan(p[i]));
      CHECK(std::isnan(h.value(x)));
      if (h.name != "GroupNorm of sizes" && h.name != "SparseGroupNorm")
        CHECK(p.array().isNaN().count() == (h.each ? 1 : h.n));
      for (const double far : {infinity, -infinity}) {
        x[i] = far;
        const VectorXd answer = after(h, x, 0.7);
        x[i] = std::copysign(1e200, far);
        if (answer.allFinite()) CHECK(largest(answer - after(h, x, 0.7)) <= 1e-14);
      }
    }
  }
}

TEST_CASE("proxes: of size 0 and 1") {
  for (const ProxSubject& h : all_proxes()) {
    if (!h.any_size || h.n != 6 || h.name == "NuclearNorm" || h.name == "SpectralNorm") continue;
    INFO(h.name);
    CHECK(after(h, VectorXd(), 1).size() == 0);
    CHECK((h.name == "Max" ? h.value(VectorXd()) == -infinity : h.value(VectorXd()) == 0));
    for (const double number : {-3.0, -0.4, 0.0, 0.4, 3.0}) {
      const VectorXd x = VectorXd::Constant(1, number), p = after(h, x, 0.7);
      const auto worth = [&](double z) {
        return h.value(VectorXd::Constant(1, z)) + (z - number) * (z - number) / 1.4;
      };
      for (const double z : {-4.0, -0.5, 0.0, 0.3, 1.0, 2.5, p[0] * 1.01, p[0] - 1e-3, p[0] + 1e-3})
        CHECK(worth(p[0]) <= worth(z) + 1e-13);
    }
  }
  Eigen::MatrixXd nothing(0, 3);
  NuclearNorm{}.prox(nothing, 1);
  SpectralNorm{}.prox(nothing, 1);
  CHECK(NuclearNorm{}.value(nothing) == 0);
  CHECK(SpectralNorm{}.value(nothing) == 0);
}
