// What holds for all sets.
#include <glissade/sets/affine.hpp>
#include <glissade/sets/ball.hpp>
#include <glissade/sets/box.hpp>
#include <glissade/sets/cones.hpp>
#include <glissade/sets/l1_ball.hpp>
#include <glissade/sets/permutahedron.hpp>
#include <glissade/sets/segments.hpp>
#include <glissade/sets/simplex.hpp>

#include <Eigen/Dense>

#include "sets/points.hpp"

using namespace subjects;

namespace {

struct SetSubject {
  std::string name;
  Index n = 6;
  Action project{};
  /// d becomes its projection on the tangent cone at x; empty where the set has none.
  std::function<void(const VectorXd&, VectorXd&)> tangent{};
  /// Some point of the set, not found by the projection.
  std::function<VectorXd(Random&)> member{};
  /// A projection that factors is idempotent to rounding alone.
  bool exact = true;
  /// NaN stays where it is.
  bool each = false;
  /// To hold without a set of a size.
  bool any_size = true;
};

template <int N = 6, int Rows = 0, class S>
SetSubject set_subject(const std::string& name, const S& set, std::function<VectorXd(Random&)> member) {
  SetSubject subject{name};
  subject.n = N;
  subject.project = action_of<N, Rows>([set](auto&& x) { set.project(x); });
  if constexpr (requires(VectorXd v) { set.project_tangent(v, v); })
    subject.tangent = [set](const VectorXd& x, VectorXd& d) { set.project_tangent(x, d); };
  subject.member = std::move(member);
  return subject;
}

std::vector<SetSubject> all_sets() {
  std::vector<SetSubject> all;
  const VectorXd u = six(0.5, 1, 0.25, 2, 0.75, 1), w = six(1, 2, 0.5, 1, 3, 1), c = six(1, 0, -1, 0.5, 0, 2);
  const auto fixed_size = [&] { all.back().any_size = false; };

  all.push_back(set_subject("Box", Box{.low = -1, .high = 0.5},
                            [](Random& r) -> VectorXd { return (1.5 * r.uniform(6)).array() - 1; }));
  all.back().each = true;
  all.push_back(set_subject("Box of vectors", Box{.low = -u, .high = w},
                            [=](Random& r) -> VectorXd { return -u + r.uniform(6).cwiseProduct(u + w); }));
  all.back().each = true;
  fixed_size();
  all.push_back(
      set_subject("NonNegative", NonNegative{}, [](Random& r) -> VectorXd { return r.normal(6).cwiseMax(0.0); }));
  all.back().each = true;
  all.push_back(set_subject("Ball", Ball{.radius = 0.75},
                            [](Random& r) -> VectorXd { return r.normal(6).normalized() * 0.75 * r.uniform(); }));
  all.push_back(set_subject("Ball with a center", Ball{.radius = 1.25, .center = c},
                            [=](Random& r) -> VectorXd { return c + r.normal(6).normalized() * 1.25 * r.uniform(); }));
  fixed_size();
  all.push_back(set_subject("Simplex", Simplex{}, [](Random& r) { return r.weights(6); }));
  all.push_back(
      set_subject("Simplex of total 3", Simplex{.total = 3}, [](Random& r) -> VectorXd { return 3 * r.weights(6); }));
  const auto capped = [](double total, const VectorXd& upper) {
    return [=](Random& r) -> VectorXd {
      // On the way from one greedy filling to another.
      VectorXd x = VectorXd::Zero(6);
      for (int filling = 0; filling < 3; ++filling) {
        double rest = total;
        const double share = filling == 2 ? 1 : r.uniform();
        VectorXd full = VectorXd::Zero(6);
        const Index start = static_cast<Index>(6 * r.uniform());
        for (Index k = 0; k < 6; ++k) {
          full[(start + k) % 6] = std::min(rest, upper[(start + k) % 6]);
          rest -= full[(start + k) % 6];
        }
        x = filling == 0 ? full : VectorXd(share * x + (1 - share) * full);
      }
      return x;
    };
  };
  all.push_back(set_subject("CappedSimplex", CappedSimplex{.total = 2}, capped(2, VectorXd::Ones(6))));
  fixed_size();
  all.push_back(set_subject("CappedSimplex of vectors", CappedSimplex{.total = 2.5, .upper = u}, capped(2.5, u)));
  fixed_size();
  const auto signs = [](Random& r) -> VectorXd {
    return r.normal(6).unaryExpr([](double a) { return a < 0 ? -1.0 : 1.0; });
  };
  all.push_back(set_subject("L1Ball", L1Ball{.radius = 1.5}, [=](Random& r) -> VectorXd {
    return 1.5 * r.uniform() * r.weights(6).cwiseProduct(signs(r));
  }));
  all.push_back(set_subject("L1Ball of vectors", L1Ball{.radius = 1.5, .weights = w}, [=](Random& r) -> VectorXd {
    return 1.5 * r.uniform() * r.weights(6).cwiseProduct(signs(r)).cwiseQuotient(w);
  }));
  fixed_size();
  Eigen::MatrixXd A(2, 6);
  A << 1, 2, 0, -1, 0.5, 1, 0, 1, 1, 1, -2, 0.25;
  const Eigen::Vector2d right_side(1, -0.5);
  all.push_back(set_subject("Affine", Affine(A, right_side), [=](Random& r) -> VectorXd {
    VectorXd x = r.normal(6);
    const Eigen::Vector2d right = A.rightCols(4) * x.tail(4);
    x.head(2) = A.leftCols(2).inverse() * (right_side - right);
    return x;
  }));
  all.back().exact = false;
  fixed_size();
  const VectorXd a = six(1, -2, 0.5, 0, 1, 3);
  all.push_back(set_subject("Halfspace", Halfspace{.normal = a, .offset = 0.5}, [=](Random& r) -> VectorXd {
    VectorXd x = r.normal(6);
    x[5] = (0.5 - r.uniform() - a.head(5).dot(x.head(5))) / a[5];
    return x;
  }));
  fixed_size();
  all.push_back(set_subject("SecondOrderCone", SecondOrderCone{}, [](Random& r) -> VectorXd {
    VectorXd x = r.normal(6);
    x[5] = x.head(5).norm() + (r.uniform() < 0.5 ? 0.0 : std::abs(r.normal()));
    return x;
  }));
  all.push_back(set_subject<9, 3>("PositiveSemidefinite", PositiveSemidefinite{}, [](Random& r) -> VectorXd {
    const VectorXd b = r.normal(6);
    const Eigen::Map<const Eigen::MatrixXd> B(b.data(), 3, 2);
    const Eigen::MatrixXd S = B * B.transpose();
    return Eigen::Map<const VectorXd>(S.data(), 9);
  }));
  all.back().exact = false;
  const VectorXd corner = six(3, 1.5, 1.5, 0, -1, -4);
  all.push_back(set_subject("Permutahedron", Permutahedron{.point = corner}, [=](Random& r) -> VectorXd {
    VectorXd x = VectorXd::Zero(6);
    const VectorXd share = r.weights(3);
    for (Index k = 0; k < 3; ++k) {
      const VectorXd keys = r.normal(6);
      std::array<Index, 6> order{0, 1, 2, 3, 4, 5};
      std::sort(order.begin(), order.end(), [&](Index i, Index j) { return keys[i] < keys[j]; });
      for (Index i = 0; i < 6; ++i) x[i] += share[k] * corner[order[static_cast<std::size_t>(i)]];
    }
    return x;
  }));
  all.back().exact = false;
  fixed_size();
  all.push_back(set_subject("Repeated", Repeated{Simplex{}, {3, 0, 1, 2}}, [](Random& r) -> VectorXd {
    VectorXd x(6);
    x << r.weights(3), 1.0, r.weights(2);
    return x;
  }));
  fixed_size();
  all.push_back(set_subject(
      "Product", product_of(Part{Simplex{.total = 2}, 3}, Part{Box{.low = 0, .high = 1}, 2}, Part{NonNegative{}, 1}),
      [](Random& r) -> VectorXd {
        VectorXd x(6);
        x << 2 * r.weights(3), r.uniform(2), std::abs(r.normal());
        return x;
      }));
  fixed_size();
  return all;
}

VectorXd projected(const SetSubject& set, VectorXd x) {
  set.project.on_doubles(x);
  return x;
}

}  // namespace

TEST_CASE("sets: a projection is idempotent, leaves members as they are and is nearest") {
  for (const SetSubject& set : all_sets()) {
    INFO(set.name);
    Random random(1);
    std::vector<VectorXd> members;
    for (int k = 0; k < 1000; ++k) members.push_back(set.member(random));
    for (int k = 0; k < 200; ++k) {
      const VectorXd member = members[static_cast<std::size_t>(k)];
      CHECK(largest(projected(set, member) - member) <= 4e-15 * (1 + largest(member)));
    }
    double moved = 0;
    for (int k = 0; k < 60; ++k) {
      const VectorXd x = point(random, k, set.n), near = projected(set, x), again = projected(set, near);
      if (set.exact)
        check_same(again, near);
      else
        CHECK(largest(again - near) <= 2e-15 * (1 + largest(near)) + 4e-16 * largest(x));
      moved += largest(near - x);
      const double size = 1 + largest(x);
      int beaten = 0;
      for (const VectorXd& member : members)
        beaten += (x - near).dot(member - near) > 1e-13 * size * (size + largest(member)) ||
                  (x - near).norm() > (x - member).norm() + 1e-13 * size;
      CHECK(beaten == 0);
      for (const double share :
           {1e-3, 0.5, 2.0}) {  // what lies on the way from there to x, or beyond, has the same one
        const VectorXd other = projected(set, near + share * (x - near));
        CHECK(largest(other - near) <= 2e-15 * (size + largest(near)));
      }
    }
    CHECK(moved > 1);
  }
}

TEST_CASE("sets: projections are firmly non-expansive") {
  for (const SetSubject& set : all_sets()) {
    INFO(set.name);
    Random random(2);
    for (int k = 0; k < 200; ++k) {
      const VectorXd x = point(random, k, set.n),
                     y = k % 2 == 0 ? point(random, k + 7, set.n) : VectorXd(x + random.normal(set.n));
      const VectorXd d = projected(set, x) - projected(set, y);
      CHECK(d.squaredNorm() <= d.dot(x - y) + 1e-13 * (1 + x.squaredNorm() + y.squaredNorm()));
    }
  }
}

TEST_CASE("sets: float and double, fixed and dynamic, with gaps and by rows are one") {
  for (const SetSubject& set : all_sets()) {
    INFO(set.name);
    Random random(3);
    for (int k = 0; k < 20; ++k) {
      const VectorXd x = point(random, k, set.n);
      check_types(set.project, x);
      VectorXf once = x.cast<float>();
      set.project.on_floats(once);
      VectorXf twice = once;
      set.project.on_floats(twice);
      if (set.exact)
        CHECK(twice == once);
      else
        CHECK((twice - once).cwiseAbs().maxCoeff() <= 1e-6f * (1 + once.cwiseAbs().maxCoeff()));
    }
  }
}

TEST_CASE("sets: points of any size are projected") {
  for (const SetSubject& set : all_sets()) {
    INFO(set.name);
    Random random(4);
    for (const VectorXd& x : extreme_points(set.n)) {
      INFO(x.transpose());
      const VectorXd near = projected(set, x);
      const double size = std::max(1.0, largest(x));
      REQUIRE(near.allFinite());
      CHECK(largest(projected(set, near) / size - near / size) <= 4e-15);
      int beaten = 0;
      for (int k = 0; k < 200; ++k) {
        const VectorXd member = set.member(random), there = (x / size - near / size);
        beaten += there.dot(member / size - near / size) > 1e-14 * (1 + largest(member / size));
        if (largest(near) <= 100) beaten += there.dot(member - near) > 1e-13 * (1 + largest(member));
      }
      CHECK(beaten == 0);
    }
  }
}

TEST_CASE("sets: what is not finite makes no finite answer that is wrong") {
  for (const SetSubject& set : all_sets()) {
    INFO(set.name);
    for (Index i = 0; i < set.n; ++i) {
      VectorXd x = VectorXd::LinSpaced(set.n, -1, 1);
      x[i] = not_a_number;
      const VectorXd near = projected(set, x);
      CHECK(std::isnan(near[i]));
      const bool segments = set.name == "Repeated" || set.name == "Product";
      if (!segments) CHECK(near.array().isNaN().count() == (set.each ? 1 : set.n));
      for (const double far : {infinity, -infinity}) {
        x[i] = far;
        const VectorXd answer = projected(set, x);
        x[i] = std::copysign(1e200, far);
        if (answer.allFinite()) CHECK(largest(answer - projected(set, x)) <= 1e-14);
      }
    }
  }
}

TEST_CASE("sets: of size 0 and 1") {
  for (const SetSubject& set : all_sets()) {
    if (!set.any_size || set.n != 6) continue;
    INFO(set.name);
    CHECK(projected(set, VectorXd()).size() == 0);
    for (const double number : {-3.0, -0.1, 0.0, 0.2, 7.0}) {
      const VectorXd one = projected(set, VectorXd::Constant(1, number));
      const double expected = set.name == "Box"                  ? std::min(std::max(number, -1.0), 0.5)
                              : set.name == "Ball"               ? std::min(std::max(number, -0.75), 0.75)
                              : set.name == "L1Ball"             ? std::min(std::max(number, -1.5), 1.5)
                              : set.name == "Simplex"            ? 1
                              : set.name == "Simplex of total 3" ? 3
                                                                 : std::max(number, 0.0);
      CHECK(one[0] == expected);
    }
  }
}

TEST_CASE("sets: a matrix of size 0") {
  Eigen::MatrixXd nothing(0, 0);
  PositiveSemidefinite{}.project(nothing);
  CHECK(nothing.size() == 0);
  CHECK_THROWS_AS(PositiveSemidefinite{}.project(Eigen::MatrixXd(0, 3)), std::invalid_argument);
}

TEST_CASE("sets: the tangent cone is where projections begin to move") {
  int with_tangent = 0;
  for (const SetSubject& set : all_sets()) {
    if (!set.tangent) continue;
    ++with_tangent;
    INFO(set.name);
    Random random(5);
    int cut = 0;
    for (int k = 0; k < 100; ++k) {
      const VectorXd x = k % 3 == 0 ? set.member(random) : projected(set, point(random, k, set.n));
      const VectorXd v = random.normal(set.n);
      VectorXd d = v;
      set.tangent(x, d);
      const double h = 1e-7;
      CHECK(largest((projected(set, x + h * v) - x) / h - d) <=
            (set.name.starts_with("Ball") ? 1e-5 : 1e-8) + 1e-15 * largest(x) / h);
      cut += largest(d - v) > 1e-12;
      VectorXd again = d;
      set.tangent(x, again);
      CHECK(largest(again - d) <= 1e-14 * (1 + largest(v)));
      CHECK(std::abs((v - d).dot(d)) <= 1e-13 * v.squaredNorm());
      VectorXd bad = v;
      bad[2] = not_a_number;
      set.tangent(x, bad);
      CHECK(std::isnan(bad[2]));
      VectorXd nowhere = x;
      nowhere[1] = not_a_number;
      bad = v;
      set.tangent(nowhere, bad);
      CHECK(std::isnan(bad[1]));
      for (const double size : {1e300, 1e-300}) {
        VectorXd scaled = v * size;
        set.tangent(x, scaled);
        CHECK(largest(scaled / size - d) <= 1e-14 * (1 + largest(v)));
      }
    }
    CHECK(cut > 10);
  }
  CHECK(with_tangent == 11);
}
