// BO-REP: the hypergradient, the window of its step size against that of plain momentum, and what it refuses.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/method_state.hpp"
#include <glissade/bilevel.hpp>

#include <stdexcept>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

MatrixXd normals(Index rows, Index cols, std::uint64_t stream) {
  MatrixXd out(rows, cols);
  for (Index k = 0; k < out.size(); ++k) out.data()[k] = RandomKey{stream}.normal(static_cast<std::uint64_t>(k));
  return out;
}

/// f = sum (y - t)^4 / 4 + 0.1 sum cosh(x), g = y'A y / 2 - y'B x, A with eigenvalues 1 to 5.
struct Cosh {
  double noise = 0;
  double scale = 1;  // of f
  MatrixXd A, inverse, B;
  VectorXd t;

  explicit Cosh(double noise_, std::uint64_t stream = 1) : noise(noise_) {
    const Index n = 10;
    MatrixXd Q = normals(n, n, stream);
    for (Index k = 0; k < n; ++k) {
      for (Index j = 0; j < k; ++j) Q.col(k) -= Q.col(j).dot(Q.col(k)) * Q.col(j);
      Q.col(k).normalize();
    }
    const VectorXd eigenvalues = VectorXd::LinSpaced(n, 1, 5);
    A = Q * eigenvalues.asDiagonal() * Q.transpose();
    inverse = Q * eigenvalues.cwiseInverse().asDiagonal() * Q.transpose();
    B = normals(n, n, stream + 100) / std::sqrt(10.0);
    t = normals(n, 1, stream + 200);
  }
  void add_noise(std::uint64_t draw, VectorXd& out) const {
    if (noise == 0) return;
    for (Index k = 0; k < out.size(); ++k) out[k] += noise * RandomKey{draw}.normal(static_cast<std::uint64_t>(k));
  }
  VectorXd solution(const VectorXd& x) const { return inverse * (B * x); }
  double value(const VectorXd& x) const {
    return scale * (0.25 * (solution(x) - t).array().pow(4).sum() + 0.1 * x.array().cosh().sum());
  }
  VectorXd gradient(const VectorXd& x) const {
    const VectorXd f_y = (solution(x) - t).array().cube();
    return scale * (0.1 * x.array().sinh().matrix() + B.transpose() * inverse * f_y);
  }

  VectorXd lower_start() const { return VectorXd::Zero(10); }
  void upper_gradients(const VectorXd& x, const VectorXd& y, std::uint64_t draw, VectorXd& f_x, VectorXd& f_y) const {
    f_x = scale * 0.1 * x.array().sinh();
    f_y = scale * (y - t).array().cube();
    add_noise(draw, f_x);
    add_noise(draw + 1, f_y);
  }
  void lower_gradient(const VectorXd& x, const VectorXd& y, std::uint64_t draw, VectorXd& out) const {
    out = A * y - B * x;
    add_noise(draw, out);
  }
  void lower_hessian_vector(const VectorXd&, const VectorXd&, const VectorXd& v, std::uint64_t draw,
                            VectorXd& out) const {
    out = A * v;
    add_noise(draw, out);
  }
  void lower_mixed_vector(const VectorXd&, const VectorXd&, const VectorXd& v, std::uint64_t draw,
                          VectorXd& out) const {
    out = -B.transpose() * v;
    add_noise(draw, out);
  }
};

/// The mean norm of the true gradient over the last 300 steps; infinite where the run ends before.
double mean_gradient(const Cosh& problem, double start, const BoRep& method, std::int64_t steps) {
  VectorXd x = VectorXd::Constant(10, start);
  double sum = 0;
  const Result r = solve_bilevel(problem, x, method, {.max_iterations = steps, .tolerance = 0}, [&](const Record& at) {
    if (at.iteration > steps - 300) sum += problem.gradient(at.x).norm();
  });
  return r.status == Status::max_iterations ? sum / 300 : std::numeric_limits<double>::infinity();
}

BoRep published(double upper_step, bool normalize = true, std::int64_t period = 2) {
  return {.upper_step = upper_step, .lower_steps = 5, .period = period, .system_step = 0.05, .normalize = normalize};
}

}  // namespace

TEST_CASE("BoRep: its direction becomes the gradient of F where y and z are exact") {
  const Cosh problem(0);
  const VectorXd x0 = VectorXd::LinSpaced(10, -2, 2);
  VectorXd x = x0;
  // x stays where it is, but for rounding
  const BoRep method{.upper_step = 1e-12, .lower_step = 0.3, .period = 1, .system_step = 0.3};
  auto state = initial_state(method, problem, x);
  resume_bilevel(problem, x, method, state, {.max_iterations = 300, .tolerance = 0});
  CHECK((state.lower - problem.solution(x)).norm() <= 1e-9);
  for (Index k = 0; k < 10; ++k) {
    const VectorXd e = 1e-4 * VectorXd::Unit(10, k);
    const double difference = (problem.value(x0 + e) - problem.value(x0 - e)) / 2e-4;
    CHECK(state.image[k] == Approx(difference).margin(1e-5));
  }
}

TEST_CASE("BoRep: every step has the same length, whatever the scale of f") {
  Cosh problem(0);
  VectorXd x = VectorXd::Constant(10, 3), scaled = x;
  const BoRep method = published(0.01);
  solve_bilevel(problem, x, method, {.max_iterations = 50, .tolerance = 0}, [](const Record& at) {
    if (at.iteration > 0) CHECK(at.step_norm == Approx(0.01).epsilon(1e-9));
  });
  problem.scale = 1024;
  solve_bilevel(problem, scaled, method, {.max_iterations = 50, .tolerance = 0});
  CHECK(x == scaled);
}

TEST_CASE("BoRep: one window of step sizes serves near and far, that of plain momentum shrinks") {
  const Cosh problem(0.1);
  for (const int octave : {-4, -5, -6}) {
    INFO(octave);
    CHECK(mean_gradient(problem, 8, published(std::ldexp(1, octave)), 3000) <= 1);
    CHECK(mean_gradient(problem, 15, published(std::ldexp(1, octave)), 8000) <= 1);
  }
  // Plain momentum gets to the end from 8 with 2^-8; from 15 it is lost with steps from 2^-11 on.
  CHECK(mean_gradient(problem, 8, published(std::ldexp(1, -8), false), 3000) <= 1);
  CHECK_FALSE(std::isfinite(mean_gradient(problem, 15, published(std::ldexp(1, -11), false), 8000)));
}

TEST_CASE("BoRep: a fifth of the lower steps less than doubles the error, in the mean of six runs") {
  double every = 0, fifth = 0;
  for (const std::uint64_t stream : {1U, 2U, 3U})
    for (const std::uint64_t seed : {0U, 1U}) {
      const Cosh problem(0.1, stream);
      BoRep method = published(0.01, true, 1);
      method.seed = seed;
      every += mean_gradient(problem, 8, method, 3000);
      method.period = 5;
      fifth += mean_gradient(problem, 8, method, 3000);
    }
  CHECK(fifth <= 2 * every);
}

TEST_CASE("BoRep: a run that is resumed goes on as if it had not been interrupted") {
  const Cosh problem(0.1);
  const BoRep method = published(0.01);
  VectorXd x = VectorXd::Constant(10, 2), whole = x;
  solve_bilevel(problem, whole, method, {.max_iterations = 20, .tolerance = 0});
  auto state = initial_state(method, problem, x);
  resume_bilevel(problem, x, method, state, {.max_iterations = 7, .tolerance = 0});
  auto loaded = initial_state(method, problem, VectorXd(VectorXd::Ones(10)));
  copy_state(state, loaded);
  resume_bilevel(problem, x, method, loaded, {.max_iterations = 13, .tolerance = 0});
  CHECK(x == whole);
}

TEST_CASE("BoRep: refuses options out of range and problems whose sizes differ") {
  struct Short : Cosh {
    using Cosh::Cosh;
    void lower_mixed_vector(const VectorXd&, const VectorXd&, const VectorXd&, std::uint64_t, VectorXd& out) const {
      out = VectorXd::Zero(3);
    }
  };
  VectorXd x = VectorXd::Ones(10);
  const VectorXd before = x;
  const auto message = [&](const BoRep& method) {
    return message_of<std::invalid_argument>([&] { solve_bilevel(Cosh(0), x, method); });
  };
  CHECK(message({.momentum = 1}) == "BoRep: momentum = 1, must be in [0, 1)");
  CHECK(message({.lower_steps = 0}).find("BoRep: lower_steps = 0, must be") == 0);
  CHECK(message({.period = 0}).find("BoRep: period = 0, must be") == 0);
  CHECK(message({.radius = 0}).find("BoRep: radius = 0, must be") == 0);
  CHECK(message_of<std::invalid_argument>([&] { solve_bilevel(Short(0), x, BoRep{}); }) ==
        "bilevel problem: its mixed product has size 3, must be 10");
  CHECK(x == before);
}
