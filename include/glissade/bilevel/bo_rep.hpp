// BO-REP.
#pragma once

#include <algorithm>
#include <cmath>

#include "../core/random.hpp"
#include "solve_bilevel.hpp"

namespace glissade {

/// Normalized momentum for bilevel problems whose F grows faster than any quadratic: one step size serves near and far.
///
///     every period steps, lower_steps times:   y <- P(y - lower_step g_y(x, y)),   P on |y - y_begin| <= radius;
///                                              then y becomes the mean of these points
///     z <- z - system_step (g_yy z - f_y)
///     h  = f_x - g_xy z
///     m <- momentum m + (1 - momentum) h
///     x <- x - upper_step m / |m|
///
/// y begins with epochs e = 0, 1, .. of gradient descent at the first x, refine_steps 2^e steps of lower_step / 2^e in
/// a ball of radius / 2^e, each from the mean of the last, without epochs with lower_steps steps; z and m begin with 0.
/// Noise is in every call if the problem has it. As x always moves by upper_step it comes no nearer to a solution than
/// that.
///
/// Options: upper_step (> 0, 0.01), momentum (in [0, 1), 0.9), lower_step (> 0, 0.05), lower_steps (>= 1, 3), period
/// (>= 1, 2), system_step (> 0, 0.01; below 2 over the largest eigenvalue of g_yy), radius (> 0, infinity),
/// refine_epochs (in [0, 20], 4), refine_steps (>= 1, 20), normalize (true; false: x <- x - upper_step m), average
/// (true; false: the last y), seed.
/// State: image (h), measure, momentum, lower (y), system (z), lower_residual, updates, draws.
/// Result::measure is the norm of h, g_yy z - f_y and the last g_y together: 0 at a solution only.
/// Cost: gradients of f and two products per step, lower_steps / period gradients of g.
/// Errors: std::invalid_argument for sizes that differ. Too long a step ends as Status::non_finite.
/// Source: "Bilevel Optimization under Unbounded Smoothness: A New Algorithm and Convergence Analysis", Hao, Gong and
/// Liu, 2024, arXiv 2401.09587, and the authors' code for the loop. Deviations: all products at one point, (x, y) after
/// y was refreshed; the first epochs, which the code lacks, are as the paper is understood, not checked against it.
struct BoRep {
  static constexpr std::string_view name = "BoRep";

  double upper_step = 0.01;
  double momentum = 0.9;
  double lower_step = 0.05;
  std::int64_t lower_steps = 3;
  std::int64_t period = 2;
  double system_step = 0.01;
  double radius = std::numeric_limits<double>::infinity();
  std::int64_t refine_epochs = 4;
  std::int64_t refine_steps = 20;
  bool normalize = true;
  bool average = true;
  std::uint64_t seed = 0;

  static void options(auto& self, auto&& visit) {
    visit("upper_step", self.upper_step, range::positive);
    visit("momentum", self.momentum, range::decay);
    visit("lower_step", self.lower_step, range::positive);
    visit("lower_steps", self.lower_steps, range::at_least_one);
    visit("period", self.period, range::at_least_one);
    visit("system_step", self.system_step, range::positive);
    visit("radius", self.radius, Range{0, std::numeric_limits<double>::infinity(), true, false});
    visit("refine_epochs", self.refine_epochs, Range{0, 20});
    visit("refine_steps", self.refine_steps, range::at_least_one);
    visit("normalize", self.normalize);
    visit("average", self.average);
    visit("seed", self.seed);
  }

  template <class V>
  struct State : OperatorValue<V> {
    static constexpr std::string_view name = BoRep::name;
    V momentum;
    Eigen::VectorXd lower, system;
    double lower_residual = 0;
    std::int64_t updates = 0, draws = 0;
    Eigen::VectorXd upper_x, upper_y, product, begin, mean;  // workspace

    static void visit(auto& self, auto&& field) {
      OperatorValue<V>::visit(self, field);
      field("momentum", self.momentum);
      field("lower", self.lower);
      field("system", self.system);
      field("lower_residual", self.lower_residual);
      field("updates", self.updates, 0, std::int64_t{1} << 53);
      field("draws", self.draws, 0, std::int64_t{1} << 53);
    }
  };

  template <class F, class V>
  State<V> init(F&& problem, const V& x) const {
    check_method(*this);
    check_honours<BoRep, std::remove_reference_t<F>, V>();
    auto&& f = oracle_of(problem, x);
    detail::check_bilevel<decltype(f.problem()), V>();
    State<V> state;
    state.momentum = V::Zero(x.size());
    state.lower = f.problem().lower_start();
    state.system = Eigen::VectorXd::Zero(state.lower.size());
    for (std::int64_t epoch = 0; epoch < refine_epochs; ++epoch) {
      const double scale = std::ldexp(1.0, static_cast<int>(-epoch));
      descend(f, x, state, lower_step * scale, refine_steps << epoch, radius * scale, true);
    }
    if (refine_epochs == 0) descend(f, x, state, lower_step, lower_steps, radius, average);
    look(f, x, state);
    return state;
  }
  template <class F, class V>
  Report step(F& f, V& x, State<V>& state) const {
    state.momentum = momentum * state.momentum + (1 - momentum) * state.image;
    x -= upper_step / (normalize ? std::max(norm_of(state.momentum), 1e-10) : 1.0) * state.momentum;
    ++state.updates;
    if (state.updates % period == 0) descend(f, x, state, lower_step, lower_steps, radius, average);
    return look(f, x, state);
  }

 private:
  template <class V>
  std::uint64_t draw(State<V>& state) const {
    return RandomKey{seed}.bits(static_cast<std::uint64_t>(state.draws++));
  }
  template <class F, class V>
  void descend(F& f, const V& x, State<V>& state, double length, std::int64_t steps, double bound, bool mean) const {
    const Index n = state.lower.size();
    state.begin = state.lower;
    state.mean.setZero(n);
    for (std::int64_t k = 0; k < steps && !f.refused(); ++k) {
      detail::ask_bilevel(f, "lower gradient", n, state.product,
                          [&](auto& p) { p.lower_gradient(x, state.lower, draw(state), state.product); });
      state.lower -= length * state.product;
      state.upper_y = state.lower - state.begin;
      const double away = norm_of(state.upper_y);
      if (away > bound) state.lower = state.begin + bound / away * state.upper_y;
      state.mean += (state.lower - state.mean) / static_cast<double>(k + 1);
    }
    state.lower_residual = norm_of(state.product);
    if (mean) state.lower = state.mean;
  }
  template <class F, class V>
  Report look(F& f, const V& x, State<V>& state) const {
    const Index n = state.lower.size();
    detail::ask_bilevel(f, "upper gradient in y", n, state.upper_y, [&](auto& p) {
      state.upper_x.setConstant(x.size(), std::numeric_limits<double>::quiet_NaN());
      p.upper_gradients(x, state.lower, draw(state), state.upper_x, state.upper_y);
    });
    detail::ask_bilevel(f, "product with the lower Hessian", n, state.product, [&](auto& p) {
      p.lower_hessian_vector(x, state.lower, state.system, draw(state), state.product);
    });
    state.product -= state.upper_y;
    const double residual = norm_of(state.product);
    state.system -= system_step * state.product;
    detail::ask_bilevel(f, "mixed product", x.size(), state.image,
                        [&](auto& p) { p.lower_mixed_vector(x, state.lower, state.system, draw(state), state.image); });
    if (!f.refused()) {
      if (state.upper_x.size() != x.size())
        throw std::invalid_argument("bilevel problem: its upper gradient in x has size " +
                                    std::to_string(state.upper_x.size()) + ", must be " + std::to_string(x.size()));
      state.image = state.upper_x - state.image;
    }
    state.measure = std::hypot(norm_of(state.image), residual, state.lower_residual);
    return report_of(state);
  }
};

}  // namespace glissade
