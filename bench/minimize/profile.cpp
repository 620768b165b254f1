// Every method on every reference problem: how many calls of the objective until
//
//     f(x) - f_best <= 1e-6 (f(start) - f_best),   f_best: the lowest value that any method found
//
// within 10 000 calls, as a table of problems solved, AlgoPerf scores and performance profiles, and with gnuplot as a
// picture of nine of them (solve_profile.csv, .gnuplot, .png in the current directory). A value, with or without its
// gradient, is one call, so is a product with a Hessian; a Hessian is n; k of n terms of a sum are k / n. Argument: the
// directory of breast_cancer.csv.
//
// Methods of whole functions take part everywhere; on the robust phase retrieval, which is not smooth, products with
// the Hessian are differences of gradients. Methods for finite sums take part, beside the others, in a table of their
// own: on the sums whose terms give gradients and, for AI-SARAH and the stochastic OASIS, products with Hessians.
// SVRG, SAGA, SARAH and SARAH+ need a step: that of the table is 1 / (2 L), L the largest curvature of f at the start
// by power iteration, so that they are neither tuned nor lost. Of the kinds of DampedNewton greedy and grls pay for
// every point of their grids, of which there are 20 here.
// SophiaG is in it where labels can be drawn: on the softmax regression.
#include "support/profile.hpp"

#include <glissade/glissade.hpp>
#include <glissade/io/csv.hpp>
#include <glissade/problems/classical.hpp>
#include <glissade/problems/classical_variable.hpp>
#include <glissade/problems/linear_model.hpp>
#include <glissade/problems/log_sum_exp.hpp>
#include <glissade/problems/matrix_factorization.hpp>
#include <glissade/problems/more_garbow_hillstrom.hpp>
#include <glissade/problems/more_garbow_hillstrom_variable.hpp>
#include <glissade/problems/phase_retrieval.hpp>
#include <glissade/problems/quadratic.hpp>
#include <glissade/problems/random_data.hpp>
#include <glissade/problems/small_network.hpp>
#include <glissade/problems/softmax_regression.hpp>

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

using profile::most_calls, profile::times_to_target;

/// One type for all problems, so that every method is compiled once.
struct Problem {
  std::string name;
  VectorXd start;
  std::function<double(const VectorXd&)> values;
  std::function<double(const VectorXd&, VectorXd&)> gradients;
  std::function<void(const VectorXd&, const VectorXd&, VectorXd&)> products;
  Eigen::Index terms = 0;  // of a finite sum
  using Batch = std::span<const Eigen::Index>;
  using Uniform = std::function<double(Eigen::Index)>;
  std::function<void(const VectorXd&, Batch, VectorXd&)> batch_gradients = {};
  std::function<void(const VectorXd&, Batch, const VectorXd&, VectorXd&)> batch_products = {};
  std::function<void(const VectorXd&, Batch, const Uniform&, VectorXd&)> samples = {};

  [[nodiscard]] Eigen::Index size() const { return terms; }
  void batch_gradient(const VectorXd& x, Batch batch, VectorXd& g) { batch_gradients(x, batch, g); }
  void batch_hessian_vector(const VectorXd& x, Batch batch, const VectorXd& v, VectorXd& Hv) {
    batch_products(x, batch, v, Hv);
  }
  void sampled_gradient(const VectorXd& x, Batch batch, const auto& uniform, VectorXd& g) {
    samples(x, batch, uniform, g);
  }
  double value(const VectorXd& x) { return values(x); }
  double value_and_gradient(const VectorXd& x, VectorXd& g) { return gradients(x, g); }
  void hessian_vector(const VectorXd& x, const VectorXd& v, VectorXd& Hv) { products(x, v, Hv); }
  /// Column by column: some problems have products only.
  void hessian(const VectorXd& x, MatrixXd& H) {
    VectorXd column(x.size());
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      products(x, VectorXd::Unit(x.size(), j), column);
      H.col(j) = column;
    }
    H = 0.5 * (H + H.transpose()).eval();
  }
};

struct Collection {
  std::string name;
  std::vector<Problem> problems;

  template <class P>
  void add(const P& problem, VectorXd start, std::string called = std::string(P::name)) {
    Problem one{.name = std::move(called),
                .start = std::move(start),
                .values = [problem](const VectorXd& x) { return problem.value(x); },
                .gradients = [problem](const VectorXd& x, VectorXd& g) { return problem.value_and_gradient(x, g); },
                .products =
                    [problem](const VectorXd& x, const VectorXd& v, VectorXd& Hv) {
                      if constexpr (requires { problem.hessian_vector(x, v, Hv); })
                        problem.hessian_vector(x, v, Hv);
                      else
                        HessianByDifferences{[&](const VectorXd& at, VectorXd& g) {
                          return problem.value_and_gradient(at, g);
                        }}.hessian_vector(x, v, Hv);
                    }};
    using Batch = Problem::Batch;
    if constexpr (requires(VectorXd & g) { problem.batch_gradient(g, Batch{}, g); }) {
      one.terms = problem.size();
      one.batch_gradients = [problem](const VectorXd& x, Batch batch, VectorXd& g) {
        problem.batch_gradient(x, batch, g);
      };
    }
    if constexpr (requires(VectorXd & g) { problem.batch_hessian_vector(g, Batch{}, g, g); })
      one.batch_products = [problem](const VectorXd& x, Batch batch, const VectorXd& v, VectorXd& Hv) {
        problem.batch_hessian_vector(x, batch, v, Hv);
      };
    if constexpr (requires(VectorXd & g, Problem::Uniform & u) { problem.sampled_gradient(g, Batch{}, u, g); })
      one.samples = [problem](const VectorXd& x, Batch batch, const Problem::Uniform& uniform, VectorXd& g) {
        problem.sampled_gradient(x, batch, uniform, g);
      };
    problems.push_back(std::move(one));
  }
  template <class... P>
  void add_formulas() {
    (add(P{}, VectorXd(P::start())), ...);
  }
};

std::vector<Collection> all_problems(const std::string& data) {
  using namespace problems;
  std::vector<Collection> groups(4);
  groups[0].name = "least squares";
  groups[0]
      .add_formulas<Rosenbrock, FreudensteinRoth, PowellBadlyScaled, BrownBadlyScaled, Beale, JennrichSampson,
                    HelicalValley, Bard, Gaussian, Meyer, Gulf, Box3d, PowellSingular, Wood, KowalikOsborne,
                    BrownDennis, Osborne1, BiggsExp6, Osborne2, Watson, ExtendedRosenbrock, ExtendedPowellSingular,
                    PenaltyI, PenaltyII, VariablyDimensioned, Trigonometric, BrownAlmostLinear, DiscreteBoundaryValue,
                    DiscreteIntegral, BroydenTridiagonal, BroydenBanded, LinearFullRank, LinearRank1, LinearRank1Zero,
                    Chebyquad>();
  groups[1].name = "formulas";
  groups[1]
      .add_formulas<Booth, Matyas, Himmelblau, McCormick, SixHumpCamel, ThreeHumpCamel, GoldsteinPrice, Branin, Easom,
                    Bohachevsky1, DropWave, Hartmann3, Hartmann6, Ackley, Rastrigin, Griewank, StyblinskiTang, Levy,
                    Schwefel, Zakharov, DixonPrice, Trid>();
  groups[2].name = "convex, with data";
  auto& convex = groups[2];
  const TableData cancer = read_csv(data + "/breast_cancer.csv");
  LogisticRegression::Rows features = cancer.features;
  standardize(features);
  const VectorXd labels = signs_of(cancer.targets);
  for (const double regularization : {1e-1, 1e-3, 1e-5}) {
    const LogisticRegression problem(features, labels, regularization);
    convex.add(problem, problem.start(), "logistic, breast cancer, " + to_text(regularization));
  }
  for (const double condition : {1.0, 100.0}) {
    const auto problem = random_logistic({.rows = 2000, .columns = 50, .regularization = 1e-4, .condition = condition});
    convex.add(problem, problem.start(), "logistic, random, " + to_text(condition));
  }
  {
    const RidgeRegression problem(features, labels, 1e-3);
    convex.add(problem, problem.start());
    Eigen::VectorXi classes(features.rows());
    for (Eigen::Index i = 0; i < features.rows(); ++i)
      classes[i] = (labels[i] > 0 ? 1 : 0) + (features(i, 0) > 0 ? 1 : 0);
    const SoftmaxRegression softmax(features, classes, 3, 1e-3);
    convex.add(softmax, softmax.start());
  }
  for (const double smoothing : {1.0, 0.05}) {
    const auto problem = soft_maximum(250, 50, smoothing);
    convex.add(problem, problem.start(), "log-sum-exp, " + to_text(smoothing));
  }
  {
    const auto problem = DiagonalQuadratic::geometric(100, 1e4);
    convex.add(problem, problem.start());
    const auto uniform = [](Eigen::Index rows, Eigen::Index cols, std::uint64_t seed) {
      return MatrixXd::NullaryExpr(rows, cols,
                                   [=](Eigen::Index i, Eigen::Index j) {
                                     return 2 * RandomKey{seed}.uniform(static_cast<std::uint64_t>(i * cols + j)) - 1;
                                   })
          .eval();
    };
    const MatrixXd A = uniform(200, 100, 2);
    const PolytopeFeasibility polytope(A, A * uniform(100, 1, 3));
    convex.add(polytope, polytope.start());
  }
  groups[3].name = "not convex, with data";
  auto& free = groups[3];
  const auto phase = random_phase_retrieval<true>(160, 20);
  free.add(phase.problem, phase.start, "phase retrieval");
  const auto robust = random_phase_retrieval<false>(160, 20, 0.1);
  free.add(robust.problem, robust.start, "phase retrieval, robust");
  const MatrixXd Y = MatrixXd::NullaryExpr(20, 15, [](Eigen::Index i, Eigen::Index j) {
    return RandomKey{1}.normal(static_cast<std::uint64_t>(i * 15 + j));
  });
  for (const Eigen::Index rank : {2, 5}) {
    const MatrixFactorization problem(Y, rank);
    free.add(problem, problem.start(), "factorization, rank " + std::to_string(rank));
  }
  for (const std::uint64_t seed : {0U, 1U}) {
    const SmallNetwork problem({}, seed);
    free.add(problem, problem.start(seed), "network " + std::to_string(seed));
  }
  return groups;
}

double calls(const Evaluations& e, Eigen::Index n) {
  const auto terms = static_cast<double>(e.component_gradient + e.component_hessian_vector + e.component_third);
  return static_cast<double>(e.value + e.hessian_vector + e.hessian * n) +
         (e.components == 0 ? 0.0 : terms / static_cast<double>(e.components));
}

/// The largest curvature at the start.
double largest_curvature(Problem& problem) {
  VectorXd v = VectorXd::Ones(problem.start.size()), Hv(v.size());
  double norm = 1;
  for (int k = 0; k < 50 && norm > 0; ++k) {
    v.normalize();
    problem.products(problem.start, v, Hv);
    norm = Hv.norm();
    v = Hv;
  }
  return norm > 0 ? norm : 1;
}

using profile::Point;
using Entrant = profile::Entrant<Problem>;

template <class M>
std::vector<Point> run(Problem& problem, const M& method) {
  std::vector<Point> path;
  VectorXd x = problem.start;
  const auto n = x.size();
  minimize(problem, x, method,
           {.max_iterations = 1'000'000, .gradient_tolerance = 0, .predicate = [&](const Record& record) {
              path.push_back({calls(record.evaluations, n), record.value});
              return path.back().calls >= most_calls;
            }});
  return path;
}

template <class M>
Entrant entrant(std::string name, const M& method) {
  return {std::move(name), [method](Problem& problem) { return run(problem, method); }};
}
/// With batches of 16, at most half of the terms, and the step of the head comment where the method has one.
template <class M>
Entrant for_sums(std::string name, M method) {
  return {std::move(name), [method](Problem& problem) {
            M ready = method;
            ready.batching.size = std::min<std::int64_t>(16, problem.terms / 2);
            if constexpr (requires { ready.step_size; }) ready.step_size = 0.5 / largest_curvature(problem);
            if constexpr (!requires { ready.step_size; })
              if (!problem.batch_products) return std::vector<Point>{};
            return run(problem, ready);
          }};
}

std::vector<Entrant> all_methods() {
  return {
      entrant("GradientDescent", GradientDescent{}),
      entrant("BarzilaiBorwein", BarzilaiBorwein{}),
      entrant("NonlinearCg", NonlinearCg{}),
      entrant("Lbfgs", Lbfgs{}),
      entrant("Bfgs", Bfgs{}),
      entrant("TrustRegionNewton", TrustRegionNewton{}),
      entrant("Newton", Newton{}),
      entrant("LazyNewton, period 1", LazyNewton{.period = 1}),
      entrant("LazyNewton", LazyNewton{}),
      entrant("LazyCubicNewton", LazyCubicNewton{}),
      entrant("DampedNewton", DampedNewton{}),
      entrant("DampedNewton, newton", DampedNewton{.kind = Damping::newton}),
      entrant("DampedNewton, aicn", DampedNewton{.kind = Damping::aicn}),
      entrant("DampedNewton, root", DampedNewton{.kind = Damping::root}),
      entrant("DampedNewton, greedy", DampedNewton{.kind = Damping::greedy, .grid_points = 20}),
      entrant("DampedNewton, grls", DampedNewton{.kind = Damping::grls, .grid_points = 20}),
      entrant("DampedNewton, armijo", DampedNewton{.kind = Damping::armijo}),
      entrant("Oasis", Oasis{}),
      entrant("SophiaH, rate 0.1", SophiaH{.learning_rate = 0.1}),
      entrant("Adam, rate 0.1", Adam{.learning_rate = 0.1}),
      entrant("Adam, rate 0.01", Adam{.learning_rate = 0.01}),
      entrant("Prodigy", Prodigy{}),
  };
}

/// All of the above and those that work on terms.
std::vector<Entrant> all_methods_for_sums() {
  std::vector<Entrant> all = all_methods();
  all.push_back(for_sums("Svrg", Svrg{}));
  all.push_back(for_sums("Saga", Saga{}));
  all.push_back(for_sums("Sarah", Sarah{}));
  all.push_back(for_sums("SarahPlus", SarahPlus{}));
  all.push_back(for_sums("AiSarah", AiSarah{}));
  all.push_back(for_sums("StochasticOasis", StochasticOasis{}));
  all.push_back({"SophiaG, rate 0.1", [](Problem& problem) {
                   return problem.samples ? run(problem, SophiaG{.learning_rate = 0.1}) : std::vector<Point>{};
                 }});
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string data = argc > 1 ? argv[1] : "examples/data";
  std::vector<Collection> groups = all_problems(data);
  const std::vector<Entrant> methods = all_methods();
  const std::vector<std::string> names = profile::names_of(methods);
  MatrixXd all(static_cast<Eigen::Index>(methods.size()), 0);
  for (Collection& group : groups) {
    const MatrixXd times = times_to_target(group.problems, methods);
    profile::print(group.name, times, names);
    MatrixXd joined(all.rows(), all.cols() + times.cols());
    joined << all, times;
    all = joined;
  }
  profile::print("all", all, names);
  std::vector<Problem> sums;
  for (const Collection& group : groups)
    for (const Problem& problem : group.problems)
      if (problem.terms > 1) sums.push_back(problem);
  const std::vector<Entrant> for_terms = all_methods_for_sums();
  profile::print("finite sums, with the methods for terms", times_to_target(sums, for_terms),
                 profile::names_of(for_terms));
  std::puts("");
  profile::draw(all, names,
                {"Lbfgs", "Bfgs", "TrustRegionNewton", "Newton", "BarzilaiBorwein", "NonlinearCg", "LazyCubicNewton",
                 "GradientDescent", "Adam, rate 0.1"});
}
