// BO-REP: a run of numpy, the first lower solution, the ball, and what the second variable of the linear system
// becomes.
#include "support/catch.hpp"
#include <glissade/bilevel.hpp>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>

using namespace glissade;
using Eigen::VectorXd;

namespace {

/// The problem of generate_bo_rep.py, without noise.
struct Small {
  static VectorXd pair(double a, double b) {
    VectorXd v(2);
    v << a, b;
    return v;
  }
  VectorXd lower_start() const { return pair(0.2, 0.1); }
  void upper_gradients(const VectorXd& x, const VectorXd& y, std::uint64_t, VectorXd& f_x, VectorXd& f_y) const {
    f_x = 0.1 * x;
    f_y = y - pair(1, -0.5);
  }
  void lower_gradient(const VectorXd& x, const VectorXd& y, std::uint64_t, VectorXd& out) const {
    for (Index i = 0; i < 2; ++i)
      out[i] = std::exp(x[i]) * y[i] + std::pow(y[i], 3) / 10 + 0.3 * y[1 - i] - (i == 0 ? 2 : 1);
  }
  void lower_hessian_vector(const VectorXd& x, const VectorXd& y, const VectorXd& v, std::uint64_t,
                            VectorXd& out) const {
    for (Index i = 0; i < 2; ++i) out[i] = (std::exp(x[i]) + 0.3 * y[i] * y[i]) * v[i] + 0.3 * v[1 - i];
  }
  void lower_mixed_vector(const VectorXd& x, const VectorXd& y, const VectorXd& v, std::uint64_t, VectorXd& out) const {
    for (Index i = 0; i < 2; ++i) out[i] = std::exp(x[i]) * y[i] * v[i];
  }
};

const VectorXd start = Small::pair(0.5, -0.5);

BoRep small_run() {
  return {.upper_step = 0.02,
          .momentum = 0.9,
          .lower_step = 0.1,
          .lower_steps = 3,
          .period = 2,
          .system_step = 0.05,
          .refine_epochs = 2,
          .refine_steps = 5};
}

/// Where the lower problem is solved for an x.
VectorXd lower_solution(const VectorXd& x) {
  const Small problem;
  VectorXd y = problem.lower_start(), slope(2);
  for (int k = 0; k < 2000; ++k) {
    problem.lower_gradient(x, y, 0, slope);
    y -= 0.2 * slope;
  }
  return y;
}

}  // namespace

TEST_CASE("BoRep: the points of numpy, with every option") {
  std::ifstream file(GLISSADE_TEST_DATA "/bilevel/bo_rep.csv");
  REQUIRE(file);
  std::map<std::string, BoRep> cases;
  const auto changed = [&](const char* name, const auto& change) { change(cases[name] = small_run()); };
  changed("plain", [](BoRep&) {});
  changed("small ball", [](BoRep& method) { method.radius = 0.05; });
  changed("last point", [](BoRep& method) { method.average = false; });
  changed("not normalized", [](BoRep& method) { method.normalize = false; });
  changed("no refinement", [](BoRep& method) { method.refine_epochs = 0; });
  changed("no refinement last point", [](BoRep& method) {
    method.refine_epochs = 0;
    method.average = false;
  });
  changed("every third", [](BoRep& method) {
    method.period = 3;
    method.lower_steps = 4;
  });
  changed("no momentum", [](BoRep& method) { method.momentum = 0; });
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    INFO(line);
    std::stringstream cells(line);
    std::string name, cell;
    std::getline(cells, name, ',');
    std::getline(cells, cell, ',');
    const BoRep& method = cases.at(name);
    VectorXd x = start;
    auto state = initial_state(method, Small{}, x);
    resume_bilevel(Small{}, x, method, state, {.max_iterations = std::stoi(cell), .tolerance = 0});
    for (const VectorXd* v : {&x, &state.lower, &state.system})
      for (Index i = 0; i < 2; ++i) {
        std::getline(cells, cell, ',');
        CHECK((*v)[i] == Approx(std::stod(cell)).epsilon(1e-12));
      }
  }
  CHECK(rows == 40);
}

TEST_CASE("BoRep: refinement brings the first lower point nearer to the solution with every epoch") {
  const VectorXd solution = lower_solution(start);
  double last = std::numeric_limits<double>::infinity();
  for (const std::int64_t epochs : {0, 1, 2, 3, 4}) {
    BoRep method = small_run();
    method.refine_epochs = epochs;
    method.refine_steps = 20;
    const auto state = initial_state(method, Small{}, start);
    const double away = (state.lower - solution).norm();
    CHECK(away < 0.55 * last);  // each is twice as long, of half the steps
    last = away;
  }
}

TEST_CASE("BoRep: the ball bounds how far a refresh moves the lower variables") {
  BoRep method = small_run();
  method.radius = 1e-3;
  method.average = false;
  VectorXd x = start;
  auto state = initial_state(method, Small{}, x);
  CHECK((state.lower - Small{}.lower_start()).norm() <= 1.5e-3 * (1 + 1e-12));  // two epochs, the second of half of it
  for (int k = 1; k <= 10; ++k) {
    const VectorXd before = state.lower;
    resume_bilevel(Small{}, x, method, state, {.max_iterations = 1, .tolerance = 0});
    const double moved = (state.lower - before).norm();
    CHECK(moved == Approx(k % 2 == 0 ? 1e-3 : 0).epsilon(1e-9));
  }
}

TEST_CASE("BoRep: the linear system's variable becomes the inverse lower Hessian times f_y") {
  BoRep method = small_run();
  method.upper_step = 1e-13;  // x stays where it is, but for rounding
  method.period = 1;
  method.system_step = 0.3;
  VectorXd x = start;
  auto state = initial_state(method, Small{}, x);
  resume_bilevel(Small{}, x, method, state, {.max_iterations = 400, .tolerance = 0});
  const VectorXd y = lower_solution(start);
  CHECK((state.lower - y).norm() <= 1e-10);
  const double a = std::exp(0.5) + 0.3 * y[0] * y[0], d = std::exp(-0.5) + 0.3 * y[1] * y[1], b = 0.3;
  const VectorXd f_y = y - Small::pair(1, -0.5);
  const double determinant = a * d - b * b;
  CHECK(state.system[0] == Approx((d * f_y[0] - b * f_y[1]) / determinant).epsilon(1e-9));
  CHECK(state.system[1] == Approx((a * f_y[1] - b * f_y[0]) / determinant).epsilon(1e-9));
}

TEST_CASE("BoRep: where momentum is 0 nothing moves") {
  struct Flat : Small {
    void upper_gradients(const VectorXd&, const VectorXd&, std::uint64_t, VectorXd& f_x, VectorXd& f_y) const {
      f_x.setZero();
      f_y.setZero();
    }
  };
  VectorXd x = start;
  const BoRep method = small_run();
  auto state = initial_state(method, Flat{}, x);
  resume_bilevel(Flat{}, x, method, state, {.max_iterations = 10, .tolerance = 0});
  CHECK(x == start);
  CHECK(state.updates == 10);
}
