// What holds for all mirror maps.
#include <glissade/sets/dilated_entropy.hpp>
#include <glissade/sets/entropy.hpp>
#include <glissade/sets/mirror_map.hpp>
#include <glissade/sets/powers.hpp>
#include <glissade/sets/simplex.hpp>

#include "sets/points.hpp"

using namespace subjects;

namespace {

struct MirrorSubject {
  std::string name;
  std::function<double(const VectorXd&)> value{};
  std::function<double(const VectorXd&, const VectorXd&)> divergence{};
  std::function<void(const VectorXd&, VectorXd&)> gradient{};
  std::function<void(VectorXd&, VectorXd&)> mirror{};
  std::function<void(VectorXf&, VectorXf&)> mirror_floats{};
  std::function<void(Eigen::Matrix<double, 6, 1>&, Eigen::Matrix<double, 6, 1>&)> mirror_fixed{};
  /// Some point within the set.
  std::function<VectorXd(Random&)> member{};
  bool positive = true;  // members must be
};

template <class M>
MirrorSubject subject_of(const std::string& name, const M& map, std::function<VectorXd(Random&)> member) {
  MirrorSubject subject{name};
  subject.value = [map](const VectorXd& z) { return map.value(z); };
  subject.divergence = [map](const VectorXd& z, const VectorXd& w) { return map.divergence(z, w); };
  subject.gradient = [map](const VectorXd& z, VectorXd& y) { map.gradient(z, y); };
  subject.mirror = [map](VectorXd& y, VectorXd& z) { map.mirror(y, z); };
  subject.mirror_floats = [map](VectorXf& y, VectorXf& z) { map.mirror(y, z); };
  subject.mirror_fixed = [map](auto& y, auto& z) { map.mirror(y, z); };
  subject.member = std::move(member);
  return subject;
}

/// A root with three actions; two choices after its first action.
const Treeplex& small_tree() {
  static const Treeplex tree{{{-1, 0, 2}, {0, 2, 2}, {0, 4, 2}}};
  return tree;
}
VectorXd probabilities(Random& random, Index n) {
  const VectorXd p = random.uniform(n).array() + 0.02;
  return p / p.sum();
}

std::vector<MirrorSubject> all_mirror_maps() {
  std::vector<MirrorSubject> all;
  const auto positive = [](Random& r) -> VectorXd { return (2 * r.normal(6)).array().exp(); };
  all.push_back(subject_of("Euclidean", Euclidean{}, [](Random& r) { return r.normal(6); }));
  all.back().positive = false;
  all.push_back(subject_of("Euclidean on a set", Euclidean{Simplex{}}, [](Random& r) { return r.weights(6); }));
  all.back().positive = false;
  all.push_back(subject_of("NegativeEntropy", NegativeEntropy{}, [](Random& r) { return probabilities(r, 6); }));
  all.push_back(subject_of("NegativeEntropy of sizes", NegativeEntropy{.sizes = {3, 1, 2}}, [](Random& r) -> VectorXd {
    VectorXd z(6);
    z << probabilities(r, 3), 1.0, probabilities(r, 2);
    return z;
  }));
  all.push_back(subject_of("PositiveEntropy", PositiveEntropy{}, positive));
  all.push_back(subject_of("DilatedEntropy", DilatedEntropy{.tree = small_tree()}, [](Random& r) -> VectorXd {
    VectorXd z(6);
    z << probabilities(r, 2), probabilities(r, 2), probabilities(r, 2);
    z.tail(4) *= z[0];
    return z;
  }));
  all.push_back(subject_of("SquaredPNorm", SquaredPNorm{}, [](Random& r) { return r.normal(6); }));
  all.back().positive = false;
  all.push_back(subject_of("SquaredPNorm of 4", SquaredPNorm{.p = 4}, [](Random& r) { return r.normal(6); }));
  all.back().positive = false;
  all.push_back(subject_of("ItakuraSaito", ItakuraSaito{}, positive));
  return all;
}

}  // namespace

TEST_CASE("mirror maps: mirror undoes the gradient, and leaves it") {
  for (const MirrorSubject& map : all_mirror_maps()) {
    INFO(map.name);
    Random random(1);
    for (int k = 0; k < 100; ++k) {
      const VectorXd z = map.member(random);
      VectorXd y, back, gradient;  // of no size yet
      map.gradient(z, y);
      gradient = y;
      map.mirror(y, back);
      CHECK(largest(back - z) <= 1e-14 * (1 + largest(z)));
      CHECK(largest(y - gradient) <= 1e-14 * (1 + largest(y)));
    }
  }
}

TEST_CASE("mirror maps: the gradient is one, in directions of the set") {
  for (const MirrorSubject& map : all_mirror_maps()) {
    INFO(map.name);
    Random random(2);
    for (int k = 0; k < 50; ++k) {
      const VectorXd z = map.member(random), other = map.member(random), d = other - z;
      VectorXd y;
      map.gradient(z, y);
      const double h = 1e-4 * (map.positive ? (z.array() / d.array().abs().max(1e-3)).minCoeff() : 0.1);
      const double slope = (map.value(z + h * d) - map.value(z - h * d)) / (2 * h);
      const double size = 1 + y.cwiseAbs().dot(d.cwiseAbs());
      CHECK(std::abs(slope - y.dot(d)) <= 1e-5 * size + 1e-15 * std::abs(map.value(z)) / h);
    }
  }
}

TEST_CASE("mirror maps: the divergence is Bregman's, not negative and exact where small") {
  for (const MirrorSubject& map : all_mirror_maps()) {
    INFO(map.name);
    Random random(3);
    for (int k = 0; k < 100; ++k) {
      const VectorXd z = map.member(random), w = map.member(random);
      VectorXd y, at_z;
      map.gradient(w, y);
      map.gradient(z, at_z);
      const double parts =
          std::abs(map.value(z)) + std::abs(map.value(w)) + y.cwiseAbs().dot(z.cwiseAbs() + w.cwiseAbs());
      CHECK(std::abs(map.divergence(z, w) - (map.value(z) - map.value(w) - y.dot(z - w))) <= 1e-14 * parts);
      CHECK(map.divergence(z, w) > 0);
      CHECK(map.divergence(z, z) <= 1e-15 * parts);
      // The sum of both is <grad psi(z) - grad psi(w), z - w>, and of points that are near each other, both are alike.
      const double both = (at_z - y).dot(z - w);
      CHECK(std::abs(map.divergence(z, w) + map.divergence(w, z) - both) <= 1e-13 * (parts + std::abs(both)));
      if (map.name.starts_with("SquaredPNorm")) continue;
      const VectorXd near = w + 1e-7 * (z - w) * (1 + largest(z - w)) / (1 + std::pow(largest(z - w), 2));
      const double step = (near - w).norm() / (z - w).norm();
      const double twice = map.divergence(w + 2 * step * (z - w), w), once = map.divergence(w + step * (z - w), w);
      CHECK(once > 0);
      CHECK(std::abs(twice / once - 4) <= 2e-4);
    }
  }
}

TEST_CASE("mirror maps: what mirror finds is a maximizer, by as much as the divergence says") {
  for (const MirrorSubject& map : all_mirror_maps()) {
    INFO(map.name);
    Random random(4);
    for (int k = 0; k < 40; ++k) {
      VectorXd y = 2 * random.normal(6), z;
      if (map.name == "ItakuraSaito") y = -y.cwiseAbs();
      const VectorXd target = y;
      map.mirror(y, z);
      int beaten = 0;
      for (int j = 0; j < 200; ++j) {
        const VectorXd m = map.member(random);
        const double size =
            1 + target.cwiseAbs().dot(z.cwiseAbs() + m.cwiseAbs()) + std::abs(map.value(m)) + std::abs(map.value(z));
        beaten += target.dot(z) - map.value(z) - map.divergence(m, z) < target.dot(m) - map.value(m) - 1e-13 * size;
        // y is a gradient at z.
        beaten += std::abs(map.value(m) - map.value(z) - y.dot(m - z) - map.divergence(m, z)) >
                  1e-13 * (size + y.cwiseAbs().dot(z.cwiseAbs() + m.cwiseAbs()));
      }
      CHECK(beaten == 0);
      VectorXf short_y = target.cast<float>(), short_z;
      map.mirror_floats(short_y, short_z);
      CHECK(largest(short_z.cast<double>() - z) <= 1e-5 * (1 + largest(z)));
      CHECK(largest(short_y.cast<double>() - y) <= 1e-5 * (1 + largest(y)));
      Eigen::Matrix<double, 6, 1> fixed_y = target, fixed_z;
      map.mirror_fixed(fixed_y, fixed_z);
      check_same(fixed_z, z);
      check_same(fixed_y, y);
    }
  }
}

TEST_CASE("mirror maps: what is not finite makes no finite answer, sizes are met or refused") {
  for (const MirrorSubject& map : all_mirror_maps()) {
    INFO(map.name);
    for (Index i = 0; i < 6; ++i) {
      VectorXd y = VectorXd::Constant(6, -1.0), z;
      y[i] = not_a_number;
      map.mirror(y, z);
      CHECK(std::isnan(z[i]));
      CHECK(std::isnan(y[i]));
      CHECK(std::isnan(map.value(y)));
      CHECK(std::isnan(map.divergence(y, VectorXd::Constant(6, 0.5))));
      y = VectorXd::Constant(6, -1.0);
      y[i] = infinity;
      if (map.name == "ItakuraSaito")
        CHECK_THROWS_AS(map.mirror(y, z), std::invalid_argument);
      else
        map.mirror(y, z);
      if (map.name != "ItakuraSaito") CHECK(!z.allFinite());
      if (!map.positive) continue;
      VectorXd w = VectorXd::Constant(6, 0.5);
      for (const double bad : {0.0, -1.0, infinity, not_a_number}) {
        w[i] = bad;
        CHECK_THROWS_AS(map.gradient(w, y), std::invalid_argument);
      }
    }
    CHECK_THROWS_AS(map.divergence(VectorXd::Ones(6), VectorXd::Ones(5)), std::invalid_argument);
  }
}

TEST_CASE("entropy: a probability that is too small for z comes back") {
  const NegativeEntropy map;
  VectorXd y = Eigen::Vector3d(0, -2000, 1e-3), z;
  map.mirror(y, z);
  CHECK(z[1] == 0);
  CHECK(y[1] == Approx(-2000 - std::log(2.0)).epsilon(1e-3));
  y[1] += 2000;
  map.mirror(y, z);
  CHECK(largest(z - VectorXd::Constant(3, 1.0 / 3)) <= 3e-4);
  CHECK(map.divergence(Eigen::Vector3d(0.5, 0, 0.5), Eigen::Vector3d(0.25, 0.5, 0.25)) == Approx(std::log(2.0)));
  CHECK(map.divergence(Eigen::Vector2d(0.5, 0.5), Eigen::Vector2d(1, 0)) == infinity);
  y = Eigen::Vector3d(-infinity, 1, 1);
  map.mirror(y, z);
  check_same(z, Eigen::Vector3d(0, std::exp(-std::log(2.0)), std::exp(-std::log(2.0))));
  y = Eigen::Vector3d(1e300, -1e300, 0);
  map.mirror(y, z);
  check_same(z, Eigen::Vector3d(1, 0, 0));
}

TEST_CASE("entropy: the magnetic step has the fixed point of its formula, and does not drift") {
  // log pi' = (log pi + eta alpha log rho + eta q) / (1 + eta alpha) - const;  log pi = log rho + q / alpha - const.
  const NegativeEntropy map;
  const VectorXd q = six(0.3, -0.2, 1, 0.5, 0, -1), rho = six(0.3, 0.1, 0.1, 0.2, 0.2, 0.1);
  const double eta = 0.3, alpha = 0.5;
  VectorXd log_rho, y, z = VectorXd::Constant(6, 1.0 / 6);
  map.gradient(rho, log_rho);
  map.gradient(z, y);
  for (int t = 0; t < 20000; ++t) {
    y = (y + eta * alpha * log_rho + eta * q) / (1 + eta * alpha);
    map.mirror(y, z);
  }
  VectorXd expected = log_rho + q / alpha;
  NegativeEntropy::normalize(Coefficients(expected.data(), 6));
  CHECK(largest(y - expected) <= 1e-12);
  CHECK(std::abs(z.sum() - 1) <= 1e-15);
}

TEST_CASE("dilated entropy: a tree of one information set is the simplex") {
  const DilatedEntropy tree{.tree = {{{-1, 0, 5}}}};
  Random random(5);
  for (int k = 0; k < 20; ++k) {
    VectorXd y = 3 * random.normal(5), y_simplex = y, z, z_simplex;
    tree.mirror(y, z);
    NegativeEntropy{}.mirror(y_simplex, z_simplex);
    CHECK(largest(z - z_simplex) <= 1e-16);
    CHECK(largest(y - y_simplex - VectorXd::Ones(5)) <= 1e-15 * (1 + largest(y)));
  }
}

TEST_CASE("dilated entropy: with and without the empty sequence, deep below the range of numbers") {
  const Treeplex without{{{-1, 0, 2}, {0, 2, 2}, {3, 4, 3}, {-1, 7, 2}}};
  const Treeplex with{{{0, 1, 2}, {1, 3, 2}, {4, 5, 3}, {0, 8, 2}}, true};
  CHECK(without.size() == 9);
  CHECK(with.size() == 10);
  CHECK(with.uniform().tail(9) == without.uniform());
  CHECK(without.uniform()[6] == 1.0 / 12);
  Random random(6);
  const VectorXd target = random.normal(9);
  VectorXd y = target, longer(10), z, z_longer;
  longer << 5, target;
  DilatedEntropy{without}.mirror(y, z);
  DilatedEntropy{with}.mirror(longer, z_longer);
  CHECK(z_longer[0] == 1);
  CHECK(z_longer.tail(9) == z);
  CHECK(longer.tail(9) == y);
  CHECK(longer[0] == -2);
  CHECK(std::abs(z[0] + z[1] - 1) <= 1e-15);
  CHECK(std::abs(z[2] + z[3] - z[0]) <= 1e-15);
  CHECK(std::abs(z.segment(4, 3).sum() - z[3]) <= 1e-15);
  CHECK(std::abs(DilatedEntropy{with}.value(z_longer) - DilatedEntropy{without}.value(z)) <= 1e-15);

  // pi of the third set does not depend on how small its parent is.
  y = target;
  y[3] = -5000;
  VectorXd small;
  DilatedEntropy{without}.mirror(y, small);
  CHECK(small[3] == 0);
  y[3] += 5000;
  VectorXd again;
  DilatedEntropy{without}.mirror(y, again);
  CHECK(again[3] > 1e-3);
  CHECK(largest(again.segment(4, 3) / again[3] - z.segment(4, 3) / z[3]) <= 1e-12);
}
