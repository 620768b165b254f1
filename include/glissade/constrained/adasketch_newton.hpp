// Newton's method for equality constraints, with exact or sketched steps and an exact augmented Lagrangian.
#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "../drive/method.hpp"
#include "../linalg/thin_svd.hpp"
#include "augmented_lagrangian.hpp"
#include "kkt_system.hpp"

namespace glissade {

/// Minimizes a smooth f subject to c(x) = 0, for small problems, or for systems that are too large to be solved
/// exactly, which random sketches solve only as well as the merit needs. Run it by minimize: Result::measure is
/// ||(g_L, c)||, which gradient_tolerance bounds.
///
///     g_L = grad f + J'lambda,  H = Hessian of f + lambda'c,  B = H + t I    (kkt_system.hpp)
///     until  ||K||_F Psi ||K z - b|| <= theta delta ||b||:  solve or sketch  K z = b = -(g_L, c),  z = (dx, dlambda)
///     unless  q = <grad L, z> <= -eta2 ||b||^2 / 2:  eta1 <- nu^2 eta1,  eta2 <- eta2 / nu,  delta <- delta / nu^4,
///     again (x, lambda) += a z    a = 1, 1/2, 1/4, ...  until L falls by at least beta a |q|
///     (augmented_lagrangian.hpp) Psi = 20 max(||B||_F^2, 1) / (min(l, 1) min(xi, 1)),  l = least eigenvalue of J J'
///     delta at most  (1/2 - beta) eta2 / ((1 + eta1 + eta2) (max(||J||_F, ||H||_F, 1) Psi)^2)
///
/// The multipliers stay in the state, where the run is one of resume:
///
///     const AdaSketchNewton newton{.sketch = Sketch::block};
///     auto state = newton.init(constrained, x);
///     Result r = resume(constrained, x, newton, state);  // and state.multipliers
///
/// Options: sketch (exact); block_size in [0, n + m] (0: half of n + m), of the sketch `block`; constraint_penalty
/// eta1 > 0 (1); gradient_penalty eta2 > 0 (0.1); accuracy delta in (0, 1) (0.1), least_accuracy in (0, 1) (1e-6),
/// which bounds it below; shift xi > 0 (0.1); sufficient_decrease beta in (0, 0.5) (0.1); growth nu > 1 (1.5); forcing
/// theta in (0, 1] (1), with superlinear (false) times min(1, ||b||); first_multiplier (0), of every constraint;
/// rank_tolerance > 0 (1e-2), of l; least_curvature >= 0 (1e-6), in kkt_system.hpp; max_sketches >= 1 (100 000), per
/// step; seed. State: the multipliers, c, J, the penalties and delta; the counts of steps and of sketches. Cost: one
/// Hessian of the Lagrangian per step, one value, gradient, c and J per trial; see kkt_system.hpp. Errors:
/// std::invalid_argument for no constraints or more than variables. It ends with singular_constraints where l <
/// rank_tolerance, as where constraints are redundant or contradict each other. Source: Hong, Na, Mahoney and Kolar,
/// Constrained Optimization via Exact Augmented Lagrangian and Randomized Iterative Sketching, 2023, arXiv 2305.18379;
/// written after the authors' program, not the text. Deviations: the gradient of L has the Hessian of the Lagrangian
/// where their program has that of f. A residual is not asked to be smaller than rounding makes it, nor L to fall by
/// less than that. max_sketches counts all of a step.
struct AdaSketchNewton {
  static constexpr std::string_view name = "AdaSketchNewton";
  static constexpr bool honours_constraints = true;

  Sketch sketch = Sketch::exact;
  int block_size = 0;
  double constraint_penalty = 1;
  double gradient_penalty = 0.1;
  double accuracy = 0.1;
  double least_accuracy = 1e-6;
  double shift = 0.1;
  double sufficient_decrease = 0.1;
  double growth = 1.5;
  double forcing = 1;
  bool superlinear = false;
  double first_multiplier = 0;
  double rank_tolerance = 1e-2;
  double least_curvature = 1e-6;
  int max_sketches = 100'000;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("sketch", self.sketch, range::up_to(Sketch::block));
    visit("block_size", self.block_size, range::non_negative);
    visit("constraint_penalty", self.constraint_penalty, range::positive);
    visit("gradient_penalty", self.gradient_penalty, range::positive);
    visit("accuracy", self.accuracy, range::open_fraction);
    visit("least_accuracy", self.least_accuracy, range::open_fraction);
    visit("shift", self.shift, range::positive);
    visit("sufficient_decrease", self.sufficient_decrease, Range{0, 0.5, true, true});
    visit("growth", self.growth, Range{1, std::numeric_limits<double>::infinity(), true, true});
    visit("forcing", self.forcing, Range{0, 1, true, false});
    visit("superlinear", self.superlinear);
    visit("first_multiplier", self.first_multiplier, range::finite);
    visit("rank_tolerance", self.rank_tolerance, range::positive);
    visit("least_curvature", self.least_curvature, range::non_negative);
    visit("max_sketches", self.max_sketches, range::at_least_one);
    visit("seed", self.seed);
  }

  /// What a point and its multipliers are judged by.
  template <class V>
  struct Point {
    double value = 0;
    V gradient;
    Eigen::VectorXd multipliers, constraints, lagrangian_gradient;
    Eigen::MatrixXd jacobian;
  };

  template <class V>
  struct State : ValueAndGradient<V> {
    static constexpr std::string_view name = AdaSketchNewton::name;
    Eigen::VectorXd multipliers, constraints;  // lambda, c
    Eigen::MatrixXd jacobian;                  // m x n
    double measure = 0;
    double constraint_penalty = 0, gradient_penalty = 0, accuracy = 0;
    std::int64_t steps = 0;
    std::int64_t sketches = 0;
    double length = 0;  // a of the last step
    SquareOf<V> hessian;
    KktSystem system;
    V trial_x;
    Point<V> trial;

    static void visit(auto& self, auto&& field) {
      constexpr std::int64_t most = std::int64_t{1} << 53;
      ValueAndGradient<V>::visit(self, field);
      field("multipliers", self.multipliers);
      field("constraints", self.constraints);
      field("jacobian", self.jacobian);
      field("measure", self.measure);
      field("constraint_penalty", self.constraint_penalty);
      field("gradient_penalty", self.gradient_penalty);
      field("accuracy", self.accuracy);
      field("steps", self.steps, 0, most);
      field("sketches", self.sketches, 0, most);
    }
    friend Report report_of(const State& state, Status status = Status::running) {
      return {state.measure, state.value, status, norm_of(state.gradient)};
    }
  };

  template <class F, class V>
  State<V> init(F&& objective, const V& x) const {
    auto&& f = oracle_of(objective, x);
    auto state = state_at<State<V>>(*this, f, x);
    f.constraints(x, state.constraints);
    f.jacobian(x, state.jacobian);
    const Index m = state.constraints.size();
    if (f.refused()) return state;
    require(name, "number of constraints", static_cast<double>(m), Range{1, static_cast<double>(x.size())});
    require(name, "block_size", block_size, Range{0, static_cast<double>(x.size() + m)});
    check_rows(state.jacobian, m);
    state.multipliers.setConstant(m, first_multiplier);
    state.constraint_penalty = constraint_penalty;
    state.gradient_penalty = gradient_penalty;
    state.accuracy = accuracy;
    const Eigen::VectorXd lagrangian_gradient = state.gradient + state.jacobian.transpose() * state.multipliers;
    state.measure = std::hypot(norm_of(lagrangian_gradient), norm_of(state.constraints));
    return state;
  }

  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    f.lagrangian_hessian(x, state.multipliers, state.hessian);
    if (!state.hessian.allFinite()) return report_of(state, Status::non_finite_hessian);
    const Eigen::MatrixXd H = state.hessian;
    const Eigen::MatrixXd& J = state.jacobian;
    const Eigen::VectorXd& c = state.constraints;
    const Eigen::VectorXd lagrangian_gradient = state.gradient + J.transpose() * state.multipliers;
    const ThinSvd<double> svd = thin_svd(J);
    const double independence = svd.sigma[c.size() - 1] * svd.sigma[c.size() - 1];
    if (!(independence >= rank_tolerance)) return report_of(state, Status::singular_constraints);

    Eigen::VectorXd b(x.size() + c.size());
    b << -lagrangian_gradient, -c;
    KktSystem& system = state.system;
    system.build(H, J, svd.V, b, shift, least_curvature);
    const double descent = solve(state, H, lagrangian_gradient, b.norm(), independence);
    if (!std::isfinite(descent)) return report_of(state, Status::singular_constraints);
    ++state.steps;
    return search(f, x, state, lagrangian_gradient, descent);
  }

 private:
  static void check_rows(const Eigen::MatrixXd& J, Index m) {
    if (J.rows() != m)
      throw std::invalid_argument("AdaSketchNewton: the Jacobian has " + std::to_string(J.rows()) +
                                  " rows, must have " + std::to_string(m) + ", one for each constraint");
  }

  /// Solves the system as well as the merit needs and adapts its penalties; q, or NaN where the system is singular.
  template <class V>
  double solve(State<V>& state, const Eigen::MatrixXd& H, const Eigen::VectorXd& g, double norm_b,
               double independence) const {
    KktSystem& system = state.system;
    const double bound = std::max({state.jacobian.norm(), H.norm(), 1.0});
    const double psi =
        20 * std::max(system.norm_B() * system.norm_B(), 1.0) / (std::min(independence, 1.0) * std::min(shift, 1.0));
    const double theta = superlinear ? forcing * std::min(1.0, norm_b) : forcing;
    const RandomKey key = RandomKey{seed}.derive(static_cast<std::uint64_t>(state.steps));
    const auto adapt = [&](double at_most) {
      const double trial = (0.5 - sufficient_decrease) * state.gradient_penalty /
                           ((1 + state.constraint_penalty + state.gradient_penalty) * std::pow(bound * psi, 2));
      state.accuracy = std::max(std::min(at_most, trial), least_accuracy);
    };
    adapt(state.accuracy);
    const Index size = block_size > 0 ? block_size : std::max<Index>(system.matrix().rows() / 2, 1);
    std::int64_t done = 0;
    if (sketch == Sketch::exact && !system.solve()) return std::numeric_limits<double>::quiet_NaN();
    for (;;) {
      if (sketch != Sketch::exact) {
        const double tolerance = theta * state.accuracy * norm_b / (system.norm() * psi);
        done += system.sketch_until(tolerance, sketch, size, key, done, max_sketches - done);
      }
      const double q = merit(state).gradient(H, state.jacobian, state.constraints, g).dot(system.solution());
      if (!std::isfinite(q) || q <= -0.5 * state.gradient_penalty * norm_b * norm_b || state.constraint_penalty > 1e8 ||
          state.gradient_penalty < 1e-8) {
        state.sketches += done;
        return q;
      }
      state.constraint_penalty *= growth * growth;
      state.gradient_penalty /= growth;
      adapt(state.accuracy / std::pow(growth, 4));
    }
  }

  template <class V>
  static AugmentedLagrangian merit(const State<V>& state) {
    return {state.constraint_penalty, state.gradient_penalty};
  }

  template <class F, class V>
  Report search(F& f, V& x, State<V>& state, const Eigen::VectorXd& lagrangian_gradient, double descent) const {
    const Eigen::VectorXd& z = state.system.solution();
    const Index n = x.size(), m = state.constraints.size();
    const double last = merit(state).value(state.value, state.constraints, state.multipliers, lagrangian_gradient);
    const double rounding =
        8 * std::numeric_limits<double>::epsilon() *
        (std::abs(state.value) + state.constraints.cwiseAbs().dot(state.multipliers.cwiseAbs()) + std::abs(last));
    double a = 1;
    for (int trials = 0; trials < 60 && !f.refused(); ++trials, a /= 2) {
      Point<V>& to = state.trial;
      state.trial_x = x + a * z.head(n);
      to.multipliers = state.multipliers + a * z.tail(m);
      to.value = f.value_and_gradient(state.trial_x, to.gradient);
      f.constraints(state.trial_x, to.constraints);
      f.jacobian(state.trial_x, to.jacobian);
      if (f.refused()) break;
      if (to.constraints.size() != m)
        throw std::invalid_argument("AdaSketchNewton: " + std::to_string(to.constraints.size()) +
                                    " constraints, must be " + std::to_string(m) + " as at the start");
      check_rows(to.jacobian, m);
      to.lagrangian_gradient = to.gradient + to.jacobian.transpose() * to.multipliers;
      const double next = merit(state).value(to.value, to.constraints, to.multipliers, to.lagrangian_gradient);
      if (!(next <= last + sufficient_decrease * a * descent + rounding)) continue;
      state.length = a;
      x.swap(state.trial_x);
      state.value = to.value;
      state.gradient.swap(to.gradient);
      state.multipliers.swap(to.multipliers);
      state.constraints.swap(to.constraints);
      state.jacobian.swap(to.jacobian);
      state.measure = std::hypot(norm_of(to.lagrangian_gradient), norm_of(state.constraints));
      return report_of(state);
    }
    return report_of(state, Status::search_failed);
  }
};

}  // namespace glissade
