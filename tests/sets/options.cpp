// What sets, proxes and mirror maps refuse, and that all options are visited.
#include "support/bad_values.hpp"
#include <glissade/sets/affine.hpp>
#include <glissade/sets/ball.hpp>
#include <glissade/sets/box.hpp>
#include <glissade/sets/dilated_entropy.hpp>
#include <glissade/sets/entropy.hpp>
#include <glissade/sets/groups.hpp>
#include <glissade/sets/indicator.hpp>
#include <glissade/sets/l1.hpp>
#include <glissade/sets/l1_ball.hpp>
#include <glissade/sets/largest.hpp>
#include <glissade/sets/logarithms.hpp>
#include <glissade/sets/permutahedron.hpp>
#include <glissade/sets/powers.hpp>
#include <glissade/sets/quadratic.hpp>
#include <glissade/sets/segments.hpp>
#include <glissade/sets/simplex.hpp>
#include <glissade/sets/spectra.hpp>
#include <glissade/sets/total_variation.hpp>

#include <set>

using namespace glissade;
using Eigen::VectorXd;

namespace {

/// How many members an aggregate of one, two or three has.
template <class T>
std::size_t one(const T& t) {
  [[maybe_unused]] const auto& [a] = t;
  return 1;
}
template <class T>
std::size_t two(const T& t) {
  [[maybe_unused]] const auto& [a, b] = t;
  return 2;
}
template <class T>
std::size_t three(const T& t) {
  [[maybe_unused]] const auto& [a, b, c] = t;
  return 3;
}

using Texts = std::vector<std::string>;

template <class S>
void check_options(const S& set, std::size_t members, const Texts& expected) {
  INFO(S::name);
  Texts texts;
  std::set<const void*> places;
  visit_options(set, [&](std::string_view name, const auto& option, const Range& range = range::any) {
    texts.push_back(std::string(name) + (range.text() == "a number" ? "" : " " + range.text()));
    places.insert(&option);
  });
  CHECK(texts == expected);
  CHECK(places.size() == members);
  for (const void* place : places)
    CHECK((place >= static_cast<const void*>(&set) && place < static_cast<const void*>(&set + 1)));
}

/// What project says; x must be left as it was.
template <class S>
std::string refusal(const S& set, const VectorXd& start = VectorXd::Constant(3, 0.75)) {
  VectorXd x = start;
  const std::string message = message_of([&] { set.project(x); });
  if (!message.empty()) CHECK(x == start);
  return message;
}
template <class H>
std::string prox_refusal(const H& h, double step = 1, const VectorXd& start = VectorXd::Constant(3, 0.75)) {
  VectorXd x = start;
  const std::string message = message_of([&] { h.prox(x, step); });
  if (!message.empty()) CHECK(x == start);
  if (step == 1) CHECK(message_of([&] { static_cast<void>(h.value(x)); }) == message);
  return message;
}

}  // namespace

TEST_CASE("sets: every option is visited, with its range") {
  check_options(Box{}, two(Box{}), {"low", "high"});
  check_options(Ball{}, two(Ball{}), {"radius >= 0 and finite", "center"});
  check_options(Simplex{}, one(Simplex{}), {"total > 0 and finite"});
  check_options(CappedSimplex{}, two(CappedSimplex{}), {"total > 0 and finite", "upper"});
  check_options(L1Ball{}, two(L1Ball{}), {"radius >= 0 and finite", "weights"});
  check_options(Halfspace{}, two(Halfspace{}),
                {"normal", "offset in [-1.7976931348623157e+308, 1.7976931348623157e+308]"});
  check_options(Permutahedron{}, one(Permutahedron{}), {"point"});
  check_options(Repeated{Box{}, {}}, two(Repeated{Box{}, {}}), {"set", "sizes"});
  const auto product = product_of(Part{Box{}, 1});
  check_options(product, one(product), {"parts"});
  check_options(Indicator{Box{}}, two(Indicator{Box{}}), {"set", "tolerance >= 0 and finite"});
  check_options(L1{}, one(L1{}), {"weight"});
  check_options(ElasticNet{}, two(ElasticNet{}), {"l1 >= 0 and finite", "l2 >= 0 and finite"});
  check_options(L0{}, one(L0{}), {"weight >= 0 and finite"});
  check_options(Huber{}, two(Huber{}), {"delta > 0 and finite", "weight >= 0 and finite"});
  check_options(GroupNorm{}, two(GroupNorm{}), {"weight >= 0 and finite", "sizes"});
  check_options(SparseGroupNorm{}, three(SparseGroupNorm{}), {"l1 >= 0 and finite", "l2 >= 0 and finite", "sizes"});
  check_options(LInfinity{}, one(LInfinity{}), {"weight >= 0 and finite"});
  check_options(Max{}, one(Max{}), {"weight >= 0 and finite"});
  check_options(NuclearNorm{}, one(NuclearNorm{}), {"weight >= 0 and finite"});
  check_options(SpectralNorm{}, one(SpectralNorm{}), {"weight >= 0 and finite"});
  check_options(TotalVariation1d{}, one(TotalVariation1d{}), {"weight >= 0 and finite"});
  check_options(LogBarrier{}, one(LogBarrier{}), {"weight >= 0 and finite"});
  check_options(XLogX{}, one(XLogX{}), {"weight >= 0 and finite"});
  check_options(Exponential{}, one(Exponential{}), {"weight >= 0 and finite"});
  check_options(Euclidean{}, one(Euclidean{}), {"set"});
  check_options(NegativeEntropy{}, one(NegativeEntropy{}), {"sizes"});
  check_options(DilatedEntropy{}, one(DilatedEntropy{}), {"tree"});
  check_options(Treeplex{}, two(Treeplex{}), {"information_sets", "with_empty"});
  check_options(SquaredPNorm{}, one(SquaredPNorm{}), {"p > 1 and finite"});
}

TEST_CASE("sets: options out of range are refused by every projection, before x is touched") {
  const auto check = [](const char* owner, const char* option, const bad_values::Values& values, const auto& make) {
    bad_values::check(owner, option, values, [&](double value) {
      VectorXd x = VectorXd::Constant(3, 0.75);
      make(value).project(x);
      return 0;
    });
    bad_values::check(owner, option, values, [&](double value) {
      const auto set = make(value);
      check_set(set);
      return 0;
    });
  };
  check("Ball", "radius", bad_values::non_negative, [](double v) { return Ball{.radius = v}; });
  check("L1Ball", "radius", bad_values::non_negative, [](double v) { return L1Ball{.radius = v}; });
  check("L1Ball", "weights", bad_values::positive, [](double v) { return L1Ball{.weights = v}; });
  check("Simplex", "total", bad_values::positive, [](double v) { return Simplex{.total = v}; });
  check("CappedSimplex", "total", {{0.1, 3}, {0, -1, bad_values::infinity, bad_values::not_a_number}},
        [](double v) { return CappedSimplex{.total = v}; });
  check("CappedSimplex", "upper", {{1, 1e300}, {0, -1, bad_values::infinity, bad_values::not_a_number}},
        [](double v) { return CappedSimplex{.upper = v}; });
  check("Halfspace", "offset",
        {{-1e300, 0, 1e300}, {-bad_values::infinity, bad_values::infinity, bad_values::not_a_number}},
        [](double v) { return Halfspace{.offset = v}; });
  check("Simplex", "total", bad_values::positive, [](double v) { return Repeated{Simplex{.total = v}, {2, 1}}; });
  check("Ball", "radius", bad_values::non_negative, [](double v) {
    return product_of(Part{Box{}, 2}, Part{Ball{.radius = v}, 1});
  });

  CHECK(refusal(Box{.low = 2, .high = 1}) == "Box: low = 2, must be <= high = 1");
  CHECK(refusal(Box{.low = Eigen::Vector3d(0, 0, 3), .high = 1}) == "Box: low[2] = 3, must be <= high = 1");
  CHECK(refusal(Box{.low = std::nan("")}) == "Box: low = nan, must be a number");
  CHECK(refusal(Box{.high = Eigen::Vector3d(0, std::nan(""), 0)}) == "Box: high[1] = nan, must be a number");
  CHECK(refusal(Box{.low = Eigen::Vector2d(0, 0)}) == "Box: low has 2 numbers, must have 3");
  CHECK(refusal(Box{.high = VectorXd()}) == "Box: high has 0 numbers, must have 3");
  CHECK(refusal(Box{.low = Eigen::Vector2d(0, 0), .high = Eigen::Vector3d(0, 0, 0)}) ==
        "Box: low has 2 numbers, must have 3");
  CHECK(refusal(Ball{.center = Eigen::Vector2d(0, 0)}) == "Ball: center has 2 numbers, must have 3");
  CHECK(refusal(Ball{.center = Eigen::Vector3d(0, 0, bad_values::infinity)}).starts_with("Ball: center[2] = inf"));
  CHECK(refusal(CappedSimplex{.total = 4}) == "CappedSimplex: total = 4, must be <= the sum of upper");
  CHECK(refusal(CappedSimplex{.upper = Eigen::Vector2d(1, 1)}) == "CappedSimplex: upper has 2 numbers, must have 3");
  CHECK(refusal(L1Ball{.weights = Eigen::Vector2d(1, 1)}) == "L1Ball: weights has 2 numbers, must have 3");
  CHECK(refusal(Halfspace{.normal = 0}) == "Halfspace: normal is 0");
  CHECK(refusal(Halfspace{.normal = Eigen::Vector2d(1, 1)}) == "Halfspace: normal has 2 numbers, must have 3");
  CHECK(refusal(Permutahedron{.point = Eigen::Vector2d(1, 1)}) == "Permutahedron: point has 2 numbers, must have 3");
  CHECK(refusal(Permutahedron{.point = bad_values::infinity}).starts_with("Permutahedron: point = inf"));
  CHECK(refusal(Repeated{Simplex{}, {2, 2}}) == "Repeated: sizes have the sum 4, must be 3");
  CHECK(refusal(Repeated{Simplex{}, {4, -1}}) == "Repeated: sizes = -1, must be >= 0");
  CHECK(refusal(product_of(Part{Box{}, 2}, Part{Box{}, 2})) == "Product: sizes have the sum 4, must be 3");

  const Eigen::MatrixXd A = Eigen::MatrixXd::Ones(2, 3), I = Eigen::MatrixXd::Identity(3, 3);
  const auto affine = [](const Eigen::MatrixXd& M, const VectorXd& b) {
    return message_of([&] { static_cast<void>(Affine(M, b)); });
  };
  CHECK(affine(A, VectorXd::Ones(2)) == "Affine: row 1 of A depends on the rows before it");
  CHECK(affine(A, VectorXd::Ones(3)) == "Affine: b is 3 x 1, must be 2 x 1");
  CHECK(affine(A.transpose(), VectorXd::Ones(3)) == "Affine: rows of A = 3, must be <= 2");
  CHECK(affine(I * std::nan(""), VectorXd::Ones(3)) == "Affine: A or b is not finite");
  CHECK(affine(1e-300 * I, VectorXd::Ones(3) * 1e-300).empty());
  CHECK(affine(1e300 * I, VectorXd::Ones(3)).empty());
  CHECK(refusal(Affine(I.topLeftCorner(2, 2), Eigen::Vector2d(1, 2))) == "Affine: x has 3 coefficients, must have 2");
}

TEST_CASE("sets: a tangent is refused where there is none") {
  const VectorXd x = Eigen::Vector3d(0, 0, 0);
  VectorXd v = Eigen::Vector3d(1, 2, 3), shorter = Eigen::Vector2d(1, 2);
  CHECK(message_of([&] { Simplex{}.project_tangent(x, v); }) ==
        "Simplex: x has no positive coefficient, must be in the set");
  CHECK(message_of([&] { Box{}.project_tangent(x, shorter); }) == "Box: v is 2 x 1, must be 3 x 1");
  CHECK(message_of([&] { Repeated{Box{}, {3}}.project_tangent(x, shorter); }) == "Repeated: v is 2 x 1, must be 3 x 1");
  CHECK(v == Eigen::Vector3d(1, 2, 3));
}

TEST_CASE("proxes: steps and options out of range are refused") {
  const auto check = [](const char* owner, const char* option, const bad_values::Values& values, const auto& make) {
    bad_values::check(owner, option, values, [&](double value) {
      VectorXd x = VectorXd::Constant(3, 0.75);
      make(value).prox(x, 1.0);
      return 0;
    });
    bad_values::check(owner, option, values,
                      [&](double value) { return make(value).value(VectorXd::Constant(3, 0.75)); });
    bad_values::check(owner, "step", bad_values::positive, [&](double step) {
      VectorXd x = VectorXd::Constant(3, 0.75);
      make(1).prox(x, step);
      return 0;
    });
  };
  const auto& weights = bad_values::non_negative;
  check("L1", "weight", weights, [](double v) { return L1{.weight = v}; });
  check("ElasticNet", "l1", weights, [](double v) { return ElasticNet{.l1 = v}; });
  check("ElasticNet", "l2", weights, [](double v) { return ElasticNet{.l2 = v}; });
  check("L0", "weight", weights, [](double v) { return L0{.weight = v}; });
  check("Huber", "delta", bad_values::positive, [](double v) { return Huber{.delta = v}; });
  check("Huber", "weight", weights, [](double v) { return Huber{.weight = v}; });
  check("GroupNorm", "weight", weights, [](double v) { return GroupNorm{.weight = v}; });
  check("SparseGroupNorm", "l1", weights, [](double v) { return SparseGroupNorm{.l1 = v}; });
  check("SparseGroupNorm", "l2", weights, [](double v) { return SparseGroupNorm{.l2 = v}; });
  check("LInfinity", "weight", weights, [](double v) { return LInfinity{.weight = v}; });
  check("Max", "weight", weights, [](double v) { return Max{.weight = v}; });
  check("NuclearNorm", "weight", weights, [](double v) { return NuclearNorm{.weight = v}; });
  check("SpectralNorm", "weight", weights, [](double v) { return SpectralNorm{.weight = v}; });
  check("TotalVariation1d", "weight", weights, [](double v) { return TotalVariation1d{.weight = v}; });
  check("LogBarrier", "weight", weights, [](double v) { return LogBarrier{.weight = v}; });
  check("XLogX", "weight", weights, [](double v) { return XLogX{.weight = v}; });
  check("Exponential", "weight", weights, [](double v) { return Exponential{.weight = v}; });
  check("Indicator", "tolerance", weights, [](double v) {
    Indicator<Box> indicator{Box{}};
    indicator.tolerance = v;
    return indicator;
  });
  CHECK(prox_refusal(Indicator{Ball{.radius = -1}}) == "Ball: radius = -1, must be >= 0 and finite");

  CHECK(prox_refusal(L1{.weight = Eigen::Vector2d(1, 1)}) == "L1: weight has 2 numbers, must have 3");
  CHECK(prox_refusal(GroupNorm{.sizes = {1, 1}}) == "GroupNorm: sizes have the sum 2, must be 3");
  CHECK(prox_refusal(SparseGroupNorm{.sizes = {1, 4, -2}}) == "SparseGroupNorm: sizes = -2, must be >= 0");
  const auto quadratic = [](const Eigen::MatrixXd& Q, const VectorXd& q) {
    return message_of([&] { static_cast<void>(Quadratic(Q, q)); });
  };
  const Eigen::MatrixXd I = Eigen::MatrixXd::Identity(2, 2);
  CHECK(prox_refusal(Quadratic(I, Eigen::Vector2d(1, 1))) == "Quadratic: x has 3 coefficients, must have 2");
  CHECK(quadratic(I, Eigen::Vector3d(1, 1, 1)) == "Quadratic: q is 3 x 1, must be 2 x 1");
  CHECK(quadratic(I.topRows(1), VectorXd::Ones(1)) == "Quadratic: Q is 1 x 2, must be 1 x 1");
  CHECK(quadratic(-I, Eigen::Vector2d(1, 1)) == "Quadratic: the least eigenvalue of Q = -1, must be >= 0");
  CHECK(quadratic(I * std::nan(""), Eigen::Vector2d(1, 1)) == "Quadratic: Q or q is not finite");
  Eigen::MatrixXd skew = I;
  skew(0, 1) = 0.1;
  CHECK(quadratic(skew, Eigen::Vector2d(1, 1)) == "Quadratic: Q is not symmetric");
}

TEST_CASE("mirror maps: options and trees out of range are refused") {
  VectorXd y = VectorXd::Ones(4), z = y;
  bad_values::check("SquaredPNorm", "p", {{1.01, 2, 100}, {1, 0, -1, bad_values::infinity, bad_values::not_a_number}},
                    [&](double p) {
                      SquaredPNorm{.p = p}.mirror(y, z);
                      return 0;
                    });
  CHECK(message_of([&] {
          NegativeEntropy{.sizes = {1, 2}}.mirror(y, z);
        }) == "NegativeEntropy: sizes have the sum 3, must be 4");
  CHECK(message_of([&] {
          NegativeEntropy{.sizes = {1, 2}}.gradient(z, y);
        }) == "NegativeEntropy: sizes have the sum 3, must be 4");
  const auto tree = [&](const Treeplex& t) { return message_of([&] { DilatedEntropy{t}.mirror(y, z); }); };
  CHECK(tree({{{-1, 0, 2}, {1, 2, 2}}}).empty());
  CHECK(tree({{{-1, 0, 2}, {2, 2, 2}}}) == "Treeplex: information_sets[1].parent = 2, must be in [-1, 2)");
  CHECK(tree({{{-2, 0, 4}}}) == "Treeplex: information_sets[0].parent = -2, must be in [-1, 0)");
  CHECK(tree({{{-1, 0, 2}, {1, 3, 1}}}) == "Treeplex: information_sets[1].first = 3, must be 2");
  CHECK(tree({{{-1, 0, 4}, {1, 4, 0}}}) == "Treeplex: information_sets[1].count = 0, must be >= 1");
  CHECK(tree({{{-1, 0, 3}}}) == "DilatedEntropy: x has 4 coefficients, must have 3");
  CHECK(tree({{{0, 1, 3}}, true}).empty());
}

TEST_CASE("indicator: 0 on the set, infinity elsewhere") {
  const Indicator indicator{Simplex{}};
  CHECK(indicator.value(Eigen::Vector2d(0.25, 0.75)) == 0);
  CHECK(indicator.value(Eigen::Vector2d(0.25, 0.75 + 1e-11)) == 0);
  CHECK(indicator.value(Eigen::Vector2d(0.25, 0.75 + 1e-8)) == bad_values::infinity);
  CHECK(indicator.value(Eigen::Vector2f(0.1f, 0.9f)) == 0);
  CHECK(indicator.value(Eigen::Vector2d(bad_values::infinity, 1)) == bad_values::infinity);
  CHECK(Indicator{Box{.low = 0}}.value(Eigen::Vector2d(bad_values::infinity, 1)) == 0);
  CHECK(Indicator{Box{.low = 0, .high = 9}}.value(Eigen::Vector2d(bad_values::infinity, 1)) == bad_values::infinity);
}
