// Projections, proxes and mirror maps against values that generate_golden.py has found by other methods.
#include "support/catch.hpp"
#include <glissade/sets/affine.hpp>
#include <glissade/sets/ball.hpp>
#include <glissade/sets/box.hpp>
#include <glissade/sets/cones.hpp>
#include <glissade/sets/entropy.hpp>
#include <glissade/sets/groups.hpp>
#include <glissade/sets/l1.hpp>
#include <glissade/sets/l1_ball.hpp>
#include <glissade/sets/largest.hpp>
#include <glissade/sets/logarithms.hpp>
#include <glissade/sets/permutahedron.hpp>
#include <glissade/sets/quadratic.hpp>
#include <glissade/sets/simplex.hpp>
#include <glissade/sets/spectra.hpp>
#include <glissade/sets/total_variation.hpp>

#include <fstream>
#include <functional>
#include <map>
#include <sstream>

using namespace glissade;
using Eigen::VectorXd;

namespace {

using Map = std::function<void(VectorXd&)>;

template <class S>
Map project(const S& set) {
  return [set](VectorXd& x) { set.project(x); };
}
template <class H>
Map prox(const H& h, double step = 0.5) {
  return [h, step](VectorXd& x) { h.prox(x, step); };
}
/// The same of a matrix with so many rows, by columns.
Map of_matrix(Eigen::Index rows, const std::function<void(Eigen::MatrixXd&)>& change) {
  return [=](VectorXd& x) {
    Eigen::MatrixXd X = Eigen::Map<Eigen::MatrixXd>(x.data(), rows, x.size() / rows);
    change(X);
    x = Eigen::Map<VectorXd>(X.data(), X.size());
  };
}
VectorXd six(double a, double b, double c, double d, double e, double f) {
  VectorXd v(6);
  v << a, b, c, d, e, f;
  return v;
}

std::map<std::string, Map> all_maps() {
  const VectorXd u = six(0.5, 1, 0.25, 2, 0.75, 1), w = six(1, 2, 0.5, 1, 3, 1);
  Eigen::MatrixXd A(2, 6);
  A << 1, 2, 0, -1, 0.5, 1, 0, 1, 1, 1, -2, 0.25;
  Eigen::MatrixXd Q = six(2, 1, 0.5, 0, 3, 1).asDiagonal();
  Q.array() += 0.25;
  std::map<std::string, Map> maps{
      {"Box", project(Box{.low = -0.5 * u, .high = u})},
      {"Ball", project(Ball{.radius = 1.5})},
      {"Ball center", project(Ball{.radius = 1.5, .center = six(1, 0, -1, 0.5, 0, 2)})},
      {"Simplex", project(Simplex{})},
      {"Simplex 2.5", project(Simplex{.total = 2.5})},
      {"CappedSimplex", project(CappedSimplex{.total = 2})},
      {"CappedSimplex upper", project(CappedSimplex{.total = 2.5, .upper = u})},
      {"L1Ball", project(L1Ball{.radius = 1.25})},
      {"L1Ball weights", project(L1Ball{.radius = 1.25, .weights = w})},
      {"Affine", project(Affine(A, Eigen::Vector2d(1, -0.5)))},
      {"Halfspace", project(Halfspace{.normal = six(1, -2, 0.5, 0, 1, 3), .offset = 0.5})},
      {"SecondOrderCone", project(SecondOrderCone{})},
      {"PositiveSemidefinite", of_matrix(3, [](Eigen::MatrixXd& X) { PositiveSemidefinite{}.project(X); })},
      {"L1", prox(L1{.weight = w})},
      {"ElasticNet", prox(ElasticNet{.l1 = 0.5, .l2 = 2})},
      {"L0", prox(L0{.weight = 0.75})},
      {"Huber", prox(Huber{.delta = 0.75, .weight = 1.5})},
      {"GroupNorm", prox(GroupNorm{.weight = 0.8, .sizes = {2, 3, 1}})},
      {"SparseGroupNorm", prox(SparseGroupNorm{.l1 = 0.5, .l2 = 0.8, .sizes = {2, 3, 1}})},
      {"LInfinity", prox(LInfinity{.weight = 1.6})},
      {"Max", prox(Max{.weight = 1.6})},
      {"NuclearNorm", of_matrix(3, [](Eigen::MatrixXd& X) { NuclearNorm{.weight = 1.4}.prox(X, 0.5); })},
      {"SpectralNorm", of_matrix(3, [](Eigen::MatrixXd& X) { SpectralNorm{.weight = 1.4}.prox(X, 0.5); })},
      {"TotalVariation1d", prox(TotalVariation1d{.weight = 1.2})},
      {"TotalVariation1d 0.05", prox(TotalVariation1d{}, 0.05)},
      {"TotalVariation1d 0.5", prox(TotalVariation1d{}, 0.5)},
      {"TotalVariation1d 3.0", prox(TotalVariation1d{}, 3)},
      {"Quadratic", prox(Quadratic(Q, six(1, -1, 0, 0.5, 0.25, -2)))},
      {"LogBarrier", prox(LogBarrier{.weight = 1.5})},
      {"XLogX", prox(XLogX{.weight = 1.5})},
      {"Exponential", prox(Exponential{.weight = 1.5})},
      {"NegativeEntropy",
       [](VectorXd& x) {
         VectorXd y = x;
         NegativeEntropy{}.mirror(y, x);
       }},
      {"NegativeEntropy sizes", [](VectorXd& x) {
         VectorXd y = x;
         NegativeEntropy{.sizes = {2, 3, 1}}.mirror(y, x);
       }}};
  for (const char* point :
       {"2.0 1.0", "2.0 0.5", "3.0 2.0 1.0", "2.0 0.5 0.5", "4.0 3.0 2.0 1.0", "2.0 0.5 0.5 -1.0"}) {
    std::istringstream in(point);
    std::vector<double> numbers;
    for (double a; in >> a;) numbers.push_back(a);
    const VectorXd w_point = Eigen::Map<VectorXd>(numbers.data(), static_cast<Eigen::Index>(numbers.size()));
    maps[std::string("Permutahedron ") + point] = project(Permutahedron{.point = w_point});
  }
  return maps;
}

}  // namespace

TEST_CASE("sets: projections and proxes are those found by other methods") {
  const std::map<std::string, Map> maps = all_maps();
  std::map<std::string, int> met;
  std::ifstream in(std::string(GLISSADE_TEST_DATA) + "/sets/projections.csv");
  REQUIRE(in.good());
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name, field;
    std::getline(fields, name, ',');
    std::vector<double> numbers;
    while (std::getline(fields, field, ',')) numbers.push_back(std::stod(field));
    INFO(line);
    if (name == "divergence") {
      const VectorXd z = Eigen::Map<VectorXd>(numbers.data(), 6), w = Eigen::Map<VectorXd>(numbers.data() + 6, 6);
      CHECK(std::abs(NegativeEntropy{}.divergence(z, w) - numbers[12]) <= 1e-14 * (1 + numbers[12]));
      continue;
    }
    REQUIRE(maps.contains(name));
    ++met[name];
    const auto n = static_cast<Eigen::Index>(numbers.size() / 2);
    VectorXd x = Eigen::Map<VectorXd>(numbers.data(), n);
    const VectorXd expected = Eigen::Map<VectorXd>(numbers.data() + n, n);
    const double size = 1 + x.cwiseAbs().maxCoeff();
    maps.at(name)(x);
    CHECK((x - expected).cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <=
          (name.starts_with("TotalVariation") ? 1e-12 : 4e-14) * size);
  }
  for (const auto& [name, map] : maps) {
    INFO(name);
    CHECK(met[name] >= 9);
  }
}
