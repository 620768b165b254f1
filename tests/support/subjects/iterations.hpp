// The table of iterations on problems without a value: a new method for fixed points or games adds one line here and is
// held to every law of tests/laws/iterations.cpp.
#pragma once

#include <glissade/fixed_point/anderson.hpp>
#include <glissade/fixed_point/bregman_halpern.hpp>
#include <glissade/fixed_point/halpern.hpp>
#include <glissade/fixed_point/infeasibility.hpp>
#include <glissade/fixed_point/parallel_evaluation.hpp>
#include <glissade/fixed_point/picard.hpp>
#include <glissade/games/extragradient.hpp>
#include <glissade/games/mirror_descent.hpp>
#include <glissade/games/optimistic_gradient.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <utility>

/// An operator that counts its calls.
class CountedOperator {
 public:
  using Formula = std::function<void(const Eigen::VectorXd&, Eigen::VectorXd&)>;
  explicit CountedOperator(Formula formula) : formula_(std::move(formula)) {}
  CountedOperator(const CountedOperator&) = delete;
  CountedOperator& operator=(const CountedOperator&) = delete;

  void operator()(const Eigen::VectorXd& x, Eigen::VectorXd& out) {
    ++calls;
    formula_(x, out);
  }
  int calls = 0;

 protected:
  Formula formula_;
};

/// Bound to the box [-10, 10], in which all solutions lie.
class CountedOperatorOnBox : public CountedOperator {
 public:
  using CountedOperator::CountedOperator;
  static void project(Eigen::VectorXd& x) { x = x.cwiseMax(-10).cwiseMin(10); }
};

/// A system of scalar steps, whose Jacobi sweep the formula is.
class CountedSystem : public CountedOperator {
 public:
  using CountedOperator::CountedOperator;
  [[nodiscard]] static Eigen::Index steps() { return 4; }
  void evaluate(Eigen::Index begin, Eigen::Index end, const Eigen::Ref<const Eigen::MatrixXd>& s,
                Eigen::Ref<Eigen::MatrixXd> out) {
    in_ = s.transpose();
    out_.setConstant(4, std::numeric_limits<double>::quiet_NaN());
    (*this)(in_, out_);
    out = out_.segment(begin, end - begin).transpose();
  }

 private:
  Eigen::VectorXd in_, out_;
};

/// How the doors are called, each with a problem whose solution is (0, 1, 2, ...).
namespace doors {

using Eigen::VectorXd;
using glissade::Result;
using glissade::Stop;

struct FixedPoint {
  using Plain = CountedOperator;
  static Result run(auto& T, auto&& x, const auto& method, const Stop& stop, auto&&... observers) {
    return glissade::find_fixed_point(T, x, method, stop, observers...);
  }
  static Result resume(auto& T, auto&& x, const auto& method, auto& state, const Stop& stop, auto&&... observers) {
    return glissade::resume_fixed_point(T, x, method, state, stop, observers...);
  }
  /// Firmly nonexpansive, and a contraction.
  static void formula(const VectorXd& x, VectorXd& image) {
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const double t = x[i] - static_cast<double>(i);
      image[i] = x[i] - 0.6 * (std::tanh(t) + 0.1 * t);
    }
  }
  static double measure(const VectorXd& x, const VectorXd& image) { return (x - image).norm(); }
};

/// s_t = t + (s_{t-1} - (t - 1)) / 2.
struct Sequence : FixedPoint {
  using Plain = CountedSystem;
  static void formula(const VectorXd& s, VectorXd& image) {
    for (Eigen::Index t = 0; t < s.size(); ++t)
      image[t] = static_cast<double>(t) + (t == 0 ? 0.0 : (s[t - 1] - static_cast<double>(t - 1)) / 2);
  }
  static double measure(const VectorXd& s, const VectorXd& image) { return (s - image).cwiseAbs().maxCoeff(); }
};

struct Game {
  using Plain = CountedOperator;
  static Result run(auto& F, auto&& z, const auto& method, const Stop& stop, auto&&... observers) {
    return glissade::solve_game(F, z, method, stop, observers...);
  }
  static Result resume(auto& F, auto&& z, const auto& method, auto& state, const Stop& stop, auto&&... observers) {
    return glissade::resume_game(F, z, method, state, stop, observers...);
  }
  /// Strongly monotone: every variable has a cost of its own, and neighbours play against each other.
  static void formula(const VectorXd& z, VectorXd& out) {
    const auto at = [&](Eigen::Index i) { return i < 0 || i >= z.size() ? 0.0 : z[i] - static_cast<double>(i); };
    for (Eigen::Index i = 0; i < z.size(); ++i) out[i] = std::tanh(at(i)) + 0.1 * at(i) + 0.5 * (at(i + 1) - at(i - 1));
  }
  static double measure(const VectorXd&, const VectorXd& out) { return out.norm(); }
};

/// On a set without tangents: the natural residual.
struct GameOnBox : Game {
  using Plain = CountedOperatorOnBox;
  static double measure(const VectorXd& z, const VectorXd& out) {
    VectorXd stepped = z - out;
    CountedOperatorOnBox::project(stepped);
    return (z - stepped).norm();
  }
};

/// For mirror descent, whose measure is its own next step, and whose set is that of its map.
struct MirrorGame : Game {
  static constexpr double step_size = 0.3;
  static double measure(const VectorXd& z, const VectorXd& out) {
    VectorXd stepped = z - step_size * out;
    CountedOperatorOnBox::project(stepped);
    return (stepped - z).norm() / step_size;
  }
};

}  // namespace doors

/// Calls law.operator()<Door>(name, method).
template <class Law>
void for_each_iteration(const Law& law) {
  using namespace glissade;
  const auto fixed_point = [&](const char* name, const auto& method) {
    law.template operator()<doors::FixedPoint>(name, method);
  };
  const auto game = [&](const char* name, const auto& method) {
    law.template operator()<doors::Game>(name, method);
    law.template operator()<doors::GameOnBox>(name, method);
  };
  fixed_point("Picard", Picard{});
  fixed_point("KrasnoselskiiMann", KrasnoselskiiMann{});
  fixed_point("KrasnoselskiiMann, schedule",
              KrasnoselskiiMann{.relaxation = [](std::int64_t t) { return t % 2 == 0 ? 1.0 : 0.5; }});
  fixed_point("Halpern", Halpern{});
  law.template operator()<doors::Sequence>("ParallelEvaluation", ParallelEvaluation{});
  fixed_point("BregmanHalpern", BregmanHalpern<>{});
  fixed_point("Anderson", Anderson{.memory = 3});
  fixed_point("Anderson, type one, relaxed",
              Anderson{.memory = 3, .kind = AndersonKind::type_one, .regularization = 1e-8, .relaxation = 0.8});
  fixed_point("Anderson, wary", Anderson{.memory = 2, .safeguard = 0.5});
  fixed_point("DetectInfeasibility of Halpern", DetectInfeasibility<Halpern>{.check_every = 1});
  fixed_point("DetectInfeasibility of KrasnoselskiiMann",
              DetectInfeasibility<KrasnoselskiiMann>{.method = {.relaxation = 0.7}, .check_every = 2});
  game("Extragradient", Extragradient{.step_size = 0.3});
  game("Extragradient, anchored", Extragradient{.step_size = 0.3, .anchored = true});
  game("OptimisticGradient", OptimisticGradient{.step_size = 0.3});
  game("AcceleratedOptimisticGradient", AcceleratedOptimisticGradient{.step_size = 0.3});
  law.template operator()<doors::MirrorGame>(
      "MagneticMirrorDescent",
      MagneticMirrorDescent<Euclidean<Box>>{.step_size = 0.3, .map = {Box{.low = -10, .high = 10}}});
}
