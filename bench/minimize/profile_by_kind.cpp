// Methods that use the form of a problem, against those that do not: least squares with residuals, bounds, an l1 norm,
// sums of sparse terms. Calls until
//
//     F(x) - F_best <= 1e-6 (F(start) - F_best),   F_best: the lowest value that any method found
//
// as the tables of profile.cpp. A value, a gradient, a vector of residuals or all of these at one point are one call,
// and so is a Jacobian: of the methods of least squares only new points are counted. A Hessian is n, k of n terms of a
// sum are k / n. Argument: the directory of breast_cancer.csv.
//
// Bounds: every second variable of a problem of More, Garbow and Hillstrom lies between its start and the middle of the
// way to where Lbfgs ends, so that about these are at bounds.
#include "support/profile.hpp"
#include <glissade/composite.hpp>
#include <glissade/finite_sum.hpp>
#include <glissade/glissade.hpp>
#include <glissade/io/csv.hpp>
#include <glissade/least_squares.hpp>
#include <glissade/problems/linear_model.hpp>
#include <glissade/problems/more_garbow_hillstrom.hpp>
#include <glissade/problems/more_garbow_hillstrom_variable.hpp>
#include <glissade/problems/random_data.hpp>
#include <glissade/problems/random_sparse_data.hpp>
#include <glissade/problems/residuals_of.hpp>

namespace {

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using profile::Entrant, profile::Point;

/// Every method's way on one problem, as points of calls and F. `calls` turns what was counted into calls.
template <class Problem, class F, class M>
std::vector<Point> run(Problem& problem, F&& objective, const M& method, auto&& calls) {
  std::vector<Point> path;
  VectorXd x = problem.start;
  minimize(objective, x, method,
           {.max_iterations = 100'000, .gradient_tolerance = 0, .predicate = [&](const Record& record) {
              path.push_back({calls(record.evaluations), problem.whole_value(record.x)});
              return path.back().calls >= profile::most_calls;
            }});
  return path;
}

// --- Least squares with residuals -------------------------------------------------------------------

struct Residuals {
  std::string name;
  VectorXd start;
  std::function<void(const VectorXd&, VectorXd&)> values;
  std::function<void(const VectorXd&, MatrixXd&)> slopes;
  void residuals(const VectorXd& x, VectorXd& r) const { values(x, r); }
  void jacobian(const VectorXd& x, MatrixXd& J) const { slopes(x, J); }
  [[nodiscard]] double whole_value(const auto& x) const {
    VectorXd r;
    values(x, r);
    return 0.5 * r.squaredNorm();
  }
};

template <class... P>
std::vector<Residuals> residuals_of() {
  std::vector<Residuals> all;
  const auto add = [&]<class Q>(const Q&) {
    all.push_back({std::string(Q::name), VectorXd(Q::start()),
                   [](const VectorXd& x, VectorXd& r) { problems::ResidualsOf<Q>{}.residuals(x, r); },
                   [](const VectorXd& x, MatrixXd& J) { problems::ResidualsOf<Q>{}.jacobian(x, J); }});
  };
  (add(P{}), ...);
  return all;
}

template <class M>
Entrant<Residuals> for_residuals(std::string name, const M& method) {
  return {std::move(name), [method](Residuals& problem) {
            return run(problem, LeastSquares{problem}, method,
                       [](const Evaluations& e) { return static_cast<double>(e.value); });
          }};
}

// --- Bounds -----------------------------------------------------------------------------------------

struct Bounded {
  std::string name;
  VectorXd start;
  std::function<double(const VectorXd&, VectorXd&)> gradients;
  std::function<void(const VectorXd&, MatrixXd&)> hessians;
  Box bounds = {};
  double value_and_gradient(const VectorXd& x, VectorXd& g) const { return gradients(x, g); }
  void hessian(const VectorXd& x, MatrixXd& H) const { hessians(x, H); }
  [[nodiscard]] const Box& box() const { return bounds; }
  [[nodiscard]] double whole_value(const auto& x) const {
    VectorXd g;
    return gradients(x, g);
  }
};

template <class... P>
std::vector<Bounded> with_bounds() {
  std::vector<Bounded> all;
  const auto add = [&]<class Q>(const Q& q) {
    Bounded one{std::string(Q::name), VectorXd(Q::start()),
                [q](const VectorXd& x, VectorXd& g) { return q.value_and_gradient(x, g); },
                [q](const VectorXd& x, MatrixXd& H) { q.hessian(x, H); }};
    VectorXd end = one.start;
    minimize(one.gradients, end, Lbfgs{}, {.max_iterations = 2000, .gradient_tolerance = 1e-8});
    VectorXd low = VectorXd::Constant(end.size(), -profile::infinity), high = -low;
    for (Eigen::Index i = 0; i < end.size(); i += 2) {
      const double middle = 0.5 * (one.start[i] + end[i]);
      low[i] = std::min(one.start[i], middle);
      high[i] = std::max(one.start[i], middle);
    }
    one.bounds = Box{low, high};
    all.push_back(std::move(one));
  };
  (add(P{}), ...);
  return all;
}

double calls_with_hessians(const Evaluations& e, Eigen::Index n) {
  return static_cast<double>(e.value + e.hessian_vector + e.hessian * n);
}

template <class Problem, class M>
Entrant<Problem> entrant(std::string name, const M& method) {
  return {std::move(name), [method](Problem& problem) {
            return run(problem, problem, method,
                       [n = problem.start.size()](const Evaluations& e) { return calls_with_hessians(e, n); });
          }};
}

// --- An l1 norm -------------------------------------------------------------------------------------

struct WithL1 {
  std::string name;
  VectorXd start;
  std::function<double(const VectorXd&, VectorXd&)> gradients;
  std::function<void(const VectorXd&, MatrixXd&)> hessians;
  double weight;
  double value_and_gradient(const VectorXd& x, VectorXd& g) const { return gradients(x, g); }
  void hessian(const VectorXd& x, MatrixXd& H) const { hessians(x, H); }
  [[nodiscard]] double whole_value(const auto& x) const {
    VectorXd g;
    return gradients(x, g) + weight * x.template lpNorm<1>();
  }
};

template <class M>
Entrant<WithL1> for_l1(std::string name, const M& method) {
  return {std::move(name), [method](WithL1& problem) {
            return run(problem, plus_term(problem, L1{.weight = problem.weight}), method,
                       [n = problem.start.size()](const Evaluations& e) { return calls_with_hessians(e, n); });
          }};
}

std::vector<WithL1> l1_problems(const std::string& data) {
  std::vector<WithL1> all;
  const auto add = [&](std::string name, const auto& f) {
    VectorXd g(f.dimension());
    f.value_and_gradient(VectorXd::Zero(f.dimension()).eval(), g);
    for (const double share : {0.3, 0.1, 0.03, 0.01})
      all.push_back({name, VectorXd::Zero(f.dimension()),
                     [f](const VectorXd& x, VectorXd& slope) { return f.value_and_gradient(x, slope); },
                     [f](const VectorXd& x, MatrixXd& H) { f.hessian(x, H); }, share * g.cwiseAbs().maxCoeff()});
  };
  const TableData cancer = read_csv(data + "/breast_cancer.csv");
  problems::LogisticRegression::Rows features = cancer.features;
  standardize(features);
  const VectorXd labels = signs_of(cancer.targets);
  add("logistic, breast cancer", problems::LogisticRegression(features, labels, 0));
  add("squares, breast cancer", problems::RidgeRegression(features, labels, 0));
  for (const double condition : {1.0, 100.0})
    add("logistic, random",
        problems::random_logistic({.rows = 1000, .columns = 100, .regularization = 0, .condition = condition}));
  return all;
}

// --- Sums of sparse terms ---------------------------------------------------------------------------

struct SparseSum {
  std::string name;
  VectorXd start;
  problems::SparseLogisticRegression loss;
  double weight;
  [[nodiscard]] double whole_value(const auto& x) const {
    return loss.value(VectorXd(x)) + weight * x.template lpNorm<1>();
  }
};

double passes(const Evaluations& e) {
  return static_cast<double>(e.value) +
         (e.components == 0 ? 0.0 : static_cast<double>(e.component_gradient) / static_cast<double>(e.components));
}

/// With the longest step of its theory, where rows are of length 1: their losses bend by at most 1/4.
template <class M>
Entrant<SparseSum> for_sparse(std::string name, const M& method) {
  return {std::move(name), [method](SparseSum& problem) {
            return run(problem, plus_term(problem.loss, L1{.weight = problem.weight}), method, passes);
          }};
}

template <class Problem>
void race(const std::string& title, std::vector<Problem> problems, const std::vector<Entrant<Problem>>& methods) {
  profile::print(title, profile::times_to_target(problems, methods), profile::names_of(methods));
}

}  // namespace

int main(int argc, char** argv) {
  using namespace problems;
  race<Residuals>("least squares, residuals",
                  residuals_of<Rosenbrock, FreudensteinRoth, PowellBadlyScaled, BrownBadlyScaled, Beale,
                               JennrichSampson, HelicalValley, Bard, Gaussian, Meyer, Gulf, Box3d, PowellSingular, Wood,
                               KowalikOsborne, BrownDennis, Osborne1, BiggsExp6, Osborne2, Watson, ExtendedRosenbrock,
                               ExtendedPowellSingular, PenaltyI, PenaltyII, VariablyDimensioned, Trigonometric,
                               BrownAlmostLinear, DiscreteBoundaryValue, DiscreteIntegral, BroydenTridiagonal,
                               BroydenBanded, LinearFullRank, LinearRank1, LinearRank1Zero, Chebyquad>(),
                  {for_residuals("LevenbergMarquardt", LevenbergMarquardt{}),
                   for_residuals("GaussNewton", GaussNewton{}), for_residuals("Bfgs", Bfgs{}),
                   for_residuals("Lbfgs", Lbfgs{}), for_residuals("BarzilaiBorwein", BarzilaiBorwein{})});

  race<Bounded>("bounds",
                with_bounds<Rosenbrock, Beale, HelicalValley, Bard, Gaussian, Box3d, PowellSingular, Wood,
                            KowalikOsborne, BrownDennis, BiggsExp6, Osborne2, Watson, ExtendedRosenbrock,
                            ExtendedPowellSingular, PenaltyI, VariablyDimensioned, BrownAlmostLinear,
                            DiscreteBoundaryValue, DiscreteIntegral, BroydenTridiagonal, BroydenBanded, Chebyquad>(),
                {entrant<Bounded>("LbfgsB", LbfgsB{}), entrant<Bounded>("ProjectedNewton", ProjectedNewton{}),
                 entrant<Bounded>("SpectralProjectedGradient", SpectralProjectedGradient{}),
                 entrant<Bounded>("ProximalGradient", ProximalGradient{})});

  race<WithL1>("an l1 norm", l1_problems(argc > 1 ? argv[1] : "examples/data"),
               {for_l1("OwlQn", OwlQn{}), for_l1("ProximalNewton", ProximalNewton{}),
                for_l1("ProximalGradient", ProximalGradient{})});

  std::vector<SparseSum> sums;
  for (const Index columns : {1000, 10'000}) {
    const SparseLogisticRegression loss = random_sparse_logistic(
        {.rows = 5000, .columns = columns, .nonzeros = 20, .relevant = 0.05, .steepness = 30, .seed = 1});
    for (const double weight : {1e-3, 1e-4}) sums.push_back({"sparse logistic", VectorXd::Zero(columns), loss, weight});
  }
  race<SparseSum>("sums of sparse terms, an l1 norm, passes", std::move(sums),
                  {for_sparse("SparseSaga", SparseSaga{.step_size = 4.0 / 3}),
                   for_sparse("Svrg", Svrg{.step_size = 1, .batching = {.size = 16}}),
                   for_sparse("LooplessSvrg", LooplessSvrg{.step_size = 2.0 / 3, .batching = {.size = 16}}),
                   for_sparse("OwlQn", OwlQn{}), for_sparse("ProximalGradient", ProximalGradient{})});
}
