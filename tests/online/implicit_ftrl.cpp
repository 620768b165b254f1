// ImplicitFtrl: robustness to the rate, the order of its modes, and what it is in special cases.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/online/implicit_ftrl.hpp>

#include <functional>
#include <map>

using namespace glissade;
using Eigen::VectorXd;

namespace {

constexpr ImplicitMode all_modes[] = {ImplicitMode::linear, ImplicitMode::prox, ImplicitMode::truncated,
                                      ImplicitMode::two_step};
const std::vector<PredictionLoss> all_losses{{.kind = LinearLoss::hinge},
                                             {.kind = LinearLoss::absolute},
                                             {.kind = LinearLoss::epsilon_insensitive},
                                             {.kind = LinearLoss::pinball, .quantile = 0.9},
                                             {.kind = LinearLoss::squared},
                                             {.kind = LinearLoss::squared_hinge},
                                             {.kind = LinearLoss::logistic}};

VectorXd normals(Eigen::Index size, RandomKey key) {
  VectorXd v(size);
  for (Eigen::Index i = 0; i < size; ++i) v[i] = key.normal(static_cast<std::uint64_t>(i));
  return v;
}

/// Features of very different length, labels by a teacher with noise.
struct Stream {
  std::vector<VectorXd> a;
  std::vector<double> y;
};
Stream stream_of(bool signs, std::uint64_t seed, int rounds = 5000, Eigen::Index d = 20) {
  const RandomKey key{seed};
  const VectorXd w = normals(d, key.derive(0));
  Stream stream;
  for (int t = 0; t < rounds; ++t) {
    const RandomKey round = key.derive(static_cast<std::uint64_t>(t + 1));
    stream.a.emplace_back(normals(d, round) * std::exp(2 * round.uniform(100) - 1));
    const double clean = w.dot(stream.a.back()), noise = round.normal(60);
    stream.y.push_back(!signs ? clean + 0.1 * noise : clean + 0.5 * noise > 0 ? 1 : -1);
  }
  return stream;
}
double average_loss(const ImplicitFtrlOptions& options, std::uint64_t seed = 3) {
  const Stream stream = stream_of(options.loss.labels_are_signs(), seed);
  ImplicitFtrl learner(options, 20);
  double sum = 0;
  for (std::size_t t = 0; t < stream.a.size(); ++t) {
    sum += options.loss.value(learner.predict(stream.a[t]), stream.y[t]);
    learner.learn(stream.a[t], stream.y[t]);
  }
  return sum / static_cast<double>(stream.a.size());
}

/// All that a learner remembers.
struct Memory {
  VectorXd theta;
  double regularization = 0, root = 0;
  std::int64_t rounds = 0;

  explicit Memory(const ImplicitFtrl& learner) {
    ImplicitFtrl::visit(learner, [this](std::string_view, const auto& value, auto...) { take(value); });
  }
  void take(const VectorXd& value) { theta = value; }
  void take(double value) { (numbers++ == 0 ? regularization : root) = value; }
  void take(std::int64_t value) { rounds = value; }
  /// A learner with other options that remembers the same.
  [[nodiscard]] ImplicitFtrl as(const ImplicitFtrlOptions& options) const {
    ImplicitFtrl learner(options, theta.size());
    int number = 0;
    ImplicitFtrl::visit(learner, [&](std::string_view, auto& value, auto...) {
      if constexpr (requires { value.size(); })
        value = theta;
      else if constexpr (std::is_floating_point_v<std::remove_reference_t<decltype(value)>>)
        value = number++ == 0 ? regularization : root;
      else
        value = rounds;
    });
    return learner;
  }
  int numbers = 0;
};
/// One round: what was taken from theta along the features, and all numbers of the bound.
struct Round {
  double before = 0, lambda = 0, next = 0;  // <a, theta>, lambda_t and that of the step
  double p = 0, slope = 0, s = 0, squares = 0;
  VectorXd theta;
};
Round play_round(ImplicitFtrl& learner, const ImplicitFtrlOptions& options, const VectorXd& a, double y) {
  const Memory memory(learner);
  Round round{.before = memory.theta.dot(a), .lambda = memory.regularization, .theta = memory.theta};
  round.p = learner.predict(a);
  round.slope = options.loss.slope(round.p, y);
  round.squares = a.squaredNorm();
  learner.learn(a, y);
  const Memory after(learner);
  round.s = a.dot(memory.theta - after.theta) / round.squares;
  round.next = options.rate == ImplicitRate::ada_implicit ? memory.regularization : after.regularization;
  return round;
}
/// H(s) - |theta|^2 / (2 lambda), with s moved by its rounding into the domain of the conjugate.
double height(const PredictionLoss& loss, const Round& round, double s, double y) {
  double conjugate = loss.conjugate(s, y);
  for (const double inward : {1 - 1e-12, 1 + 1e-12, 0.0})
    if (std::isinf(conjugate)) conjugate = loss.conjugate(s * inward, y);
  return (-2 * s * round.before + s * s * round.squares) / (2 * round.next) + conjugate;
}

}  // namespace

TEST_CASE("implicit FTRL: a rate that is far too long costs the implicit modes little") {
  for (const LinearLoss kind : {LinearLoss::absolute, LinearLoss::hinge, LinearLoss::logistic, LinearLoss::squared})
    for (const double rate : {1e-3, 1e-2, 1e-1}) {
      const auto paid = [&](ImplicitMode mode) {
        return average_loss(
            {.loss = {.kind = kind}, .mode = mode, .rate = ImplicitRate::fixed_sqrt, .regularization = rate});
      };
      const double linear = paid(ImplicitMode::linear);
      INFO(static_cast<int>(kind) << " at " << rate << ", linear " << linear);
      const bool mild = rate == 0.1 && (kind == LinearLoss::hinge || kind == LinearLoss::logistic);
      if (kind == LinearLoss::squared) CHECK_FALSE(std::isfinite(linear));
      for (const ImplicitMode mode : {ImplicitMode::prox, ImplicitMode::truncated}) {
        const double implicit = paid(mode);
        CHECK(implicit <= 0.35);
        if (kind != LinearLoss::squared) CHECK(implicit <= linear * (mild ? 0.55 : 0.5));
      }
    }
}

TEST_CASE("implicit FTRL: the rate ada_implicit against that of AdaGrad, where beta is too large") {
  struct Case {
    LinearLoss kind;
    double beta, ratio;
  };
  for (const Case& c :
       {Case{LinearLoss::hinge, 10, 0.9}, Case{LinearLoss::absolute, 10, 0.24}, Case{LinearLoss::logistic, 10, 0.82},
        Case{LinearLoss::squared, 10, 0.15}, Case{LinearLoss::absolute, 100, 0.024}}) {
    INFO(static_cast<int>(c.kind) << ", beta " << c.beta);
    const double implicit = average_loss({.loss = {.kind = c.kind}, .beta = c.beta});
    const double norm = average_loss(
        {.loss = {.kind = c.kind}, .mode = ImplicitMode::linear, .rate = ImplicitRate::ada_norm, .beta = c.beta});
    CHECK(implicit <= c.ratio * norm);
    if (c.kind == LinearLoss::absolute) CHECK(implicit == Approx(0.196).epsilon(0.02));
  }
}

TEST_CASE("implicit FTRL: no mode is worse than a linear step, and prox is best") {
  double worst = 0;
  for (const PredictionLoss& loss : all_losses)
    for (const ImplicitRate rate : {ImplicitRate::fixed_sqrt, ImplicitRate::ada_norm, ImplicitRate::ada_implicit})
      for (const double strength : {0.01, 1.0}) {
        const Stream stream = stream_of(loss.labels_are_signs(), 8, 60, 5);
        const auto options = [&](ImplicitMode mode) {
          return ImplicitFtrlOptions{.loss = loss,
                                     .mode = mode,
                                     .rate = rate,
                                     .beta = 1 / strength,
                                     .initial_regularization = strength,
                                     .regularization = strength};
        };
        ImplicitFtrl leader(options(ImplicitMode::prox), 5);
        for (std::size_t t = 0; t < stream.a.size(); ++t) {
          std::map<ImplicitMode, double> heights;
          double size = 1;
          for (const ImplicitMode mode : all_modes) {
            ImplicitFtrl learner = Memory(leader).as(options(mode));
            const Round round = play_round(learner, options(mode), stream.a[t], stream.y[t]);
            if (round.next > 0) heights[mode] = height(loss, round, round.s, stream.y[t]);
            if (round.next > 0) size += std::abs(round.s * round.before / round.next) + std::abs(heights[mode]);
          }
          worst = std::max({worst, (heights[ImplicitMode::prox] - heights[ImplicitMode::truncated]) / size,
                            (heights[ImplicitMode::prox] - heights[ImplicitMode::two_step]) / size,
                            (heights[ImplicitMode::truncated] - heights[ImplicitMode::linear]) / size,
                            (heights[ImplicitMode::two_step] - heights[ImplicitMode::linear]) / size});
          leader.learn(stream.a[t], stream.y[t]);
        }
      }
  CHECK(worst <= 1e-11);  // the conjugates of s that was moved by 1e-12
}

TEST_CASE("implicit FTRL: the bound of the regret, for rates that are fixed or AdaGrad's") {
  for (const PredictionLoss& loss : all_losses)
    for (const ImplicitMode mode : all_modes)
      for (const ImplicitRate rate : {ImplicitRate::fixed_sqrt, ImplicitRate::ada_norm}) {
        INFO(static_cast<int>(loss.kind) << ", mode " << static_cast<int>(mode));
        const ImplicitFtrlOptions options{.loss = loss, .mode = mode, .rate = rate};
        const Stream stream = stream_of(loss.labels_are_signs(), 9, 300, 5);
        ImplicitFtrl learner(options, 5);
        double regret_and_rest = 0, size = 1;  // without the terms of u
        const std::vector<VectorXd> comparators{VectorXd::Zero(5), normals(5, RandomKey{9}.derive(0)),
                                                VectorXd::Ones(5)};
        std::vector<double> fixed(comparators.size());
        for (std::size_t t = 0; t < stream.a.size(); ++t) {
          const VectorXd& a = stream.a[t];
          const double y = stream.y[t];
          const Round r = play_round(learner, options, a, y);
          if (r.next == 0) continue;
          const double left = (r.theta - r.slope * a).squaredNorm() / (2 * r.next) -
                              (r.lambda > 0 ? r.theta.squaredNorm() / (2 * r.lambda) : 0) + r.slope * r.p;
          const double delta = height(loss, r, r.slope, y) - height(loss, r, r.s, y);
          regret_and_rest += loss.value(r.p, y) - left + delta;
          size += std::abs(left) + std::abs(delta);
          for (std::size_t k = 0; k < comparators.size(); ++k) fixed[k] += loss.value(comparators[k].dot(a), y);
          if (!(size < 1e9)) break;  // linear steps on squared losses
          for (std::size_t k = 0; k < comparators.size(); ++k)
            CHECK(regret_and_rest - fixed[k] - learner.regularization() * comparators[k].squaredNorm() / 2 <=
                  1e-10 * size);
        }
      }
}

TEST_CASE("implicit FTRL: what a round costs, by the formula of its mode") {
  for (const PredictionLoss& loss : all_losses)
    for (const ImplicitMode mode : {ImplicitMode::linear, ImplicitMode::prox, ImplicitMode::truncated}) {
      if (mode == ImplicitMode::truncated && loss.kind != LinearLoss::hinge && loss.kind != LinearLoss::absolute)
        continue;  // where the loss is not its model, the round costs less
      const ImplicitFtrlOptions options{.loss = loss, .mode = mode, .beta = 2, .initial_regularization = 0.3};
      const Stream stream = stream_of(loss.labels_are_signs(), 11, 30, 5);
      ImplicitFtrl learner(options, 5);
      for (std::size_t t = 0; t < stream.a.size(); ++t) {
        const double y = stream.y[t];
        const Round r = play_round(learner, options, stream.a[t], y);
        const double c = r.squares / r.lambda, share = r.slope == 0 ? 0 : r.s / r.slope;
        double cost = r.slope * r.slope * c / 2;
        if (mode == ImplicitMode::prox) cost = loss.value(r.p, y) - loss.value(r.p - r.s * c, y) - r.s * r.s * c / 2;
        if (mode == ImplicitMode::truncated) cost *= 2 * share * (1 - share / 2);
        if (!(cost < 1e6)) break;
        INFO(static_cast<int>(loss.kind) << ", mode " << static_cast<int>(mode) << ", round " << t);
        CHECK(learner.regularization() - r.lambda == Approx(cost / 4).epsilon(1e-9).margin(1e-11));
      }
    }
}

TEST_CASE("implicit FTRL: on hinge and absolute losses the truncated model is the loss") {
  for (const LinearLoss kind : {LinearLoss::hinge, LinearLoss::absolute}) {
    const Stream stream = stream_of(kind == LinearLoss::hinge, 5, 500, 6);
    ImplicitFtrl prox({.loss = {.kind = kind}}, 6);
    ImplicitFtrl truncated({.loss = {.kind = kind}, .mode = ImplicitMode::truncated}, 6);
    for (std::size_t t = 0; t < stream.a.size(); ++t) {
      prox.learn(stream.a[t], stream.y[t]);
      truncated.learn(stream.a[t], stream.y[t]);
    }
    CHECK((prox.weights() - truncated.weights()).norm() <= 1e-12);
    CHECK(prox.weights().norm() > 0.1);
  }
}

TEST_CASE("implicit FTRL: with much regularization all modes agree") {
  for (const PredictionLoss& loss : all_losses) {
    const Stream stream = stream_of(loss.labels_are_signs(), 6, 20, 4);
    const auto apart = [&](double regularization, ImplicitMode mode) {
      VectorXd thetas[2];
      for (const bool linear : {false, true}) {
        ImplicitFtrl learner({.loss = loss,
                              .mode = linear ? ImplicitMode::linear : mode,
                              .rate = ImplicitRate::fixed_sqrt,
                              .regularization = regularization},
                             4);
        for (std::size_t t = 0; t < stream.a.size(); ++t) learner.learn(stream.a[t], stream.y[t]);
        thetas[linear ? 1 : 0] = Memory(learner).theta;
      }
      return (thetas[0] - thetas[1]).norm();
    };
    for (const ImplicitMode mode : {ImplicitMode::prox, ImplicitMode::truncated, ImplicitMode::two_step})
      CHECK(apart(1e7, mode) <= 0.11 * apart(1e6, mode) + 1e-8);
  }
}

TEST_CASE("implicit FTRL: with constant regularization prox is the implicit gradient step") {
  for (const LinearLoss kind : {LinearLoss::squared, LinearLoss::logistic, LinearLoss::squared_hinge}) {
    const ImplicitFtrlOptions options{.loss = {.kind = kind}, .beta = 1e100, .initial_regularization = 0.2};
    const Stream stream = stream_of(options.loss.labels_are_signs(), 7, 100, 4);
    ImplicitFtrl learner(options, 4);
    for (std::size_t t = 0; t < stream.a.size(); ++t) {
      const VectorXd x = learner.weights();
      learner.learn(stream.a[t], stream.y[t]);
      const VectorXd next = learner.weights();
      const double slope = options.loss.slope(next.dot(stream.a[t]), stream.y[t]);
      CHECK((0.2 * (next - x) + slope * stream.a[t]).norm() <= 1e-12 * (1 + x.norm() + stream.a[t].norm()));
    }
    CHECK(learner.regularization() == 0.2);
  }
}

TEST_CASE("implicit FTRL: where it starts, and what it refuses") {
  const VectorXd a = Eigen::Vector2d(3, 4);
  ImplicitFtrl fixed({.mode = ImplicitMode::linear, .rate = ImplicitRate::fixed_sqrt, .regularization = 2}, 2);
  fixed.learn(a, 1);
  CHECK(fixed.predict(a) == Approx(25 / (2 * std::sqrt(2.0))));
  ImplicitFtrl norm({.mode = ImplicitMode::linear, .rate = ImplicitRate::ada_norm, .beta = 3}, 2);
  CHECK(norm.predict(a) == 0);
  CHECK(norm.weights().norm() == 0);
  norm.learn(a, 1);
  CHECK(norm.weights().norm() == Approx(3));  // theta = a, lambda = |a| / 3
  CHECK(message_of([] { ImplicitFtrl({.beta = 0}, 2); }).find("beta = 0") != std::string::npos);
  CHECK(message_of([] { ImplicitFtrl({.loss = {.epsilon = -1}}, 2); }).find("epsilon = -1") != std::string::npos);
  CHECK(message_of([] { ImplicitFtrl({}, 0); }).find("features = 0") != std::string::npos);
}
