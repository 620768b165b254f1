// Online-to-non-convex conversion: the rate on a function with kinks, and what its steps are.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/io/method_state.hpp>
#include <glissade/online/o2nc.hpp>

#include <filesystem>
#include <vector>

using namespace glissade;
using Eigen::VectorXd;

namespace {

/// |x_0 - 1| / 4 + sum |x_{i+1} - 2 |x_i| + 1|
double kinks(const VectorXd& x) {
  double sum = std::abs(x[0] - 1) / 4;
  for (Index i = 0; i + 1 < x.size(); ++i) sum += std::abs(x[i + 1] - 2 * std::abs(x[i]) + 1);
  return sum;
}
double sign(double v) { return v < 0 ? -1 : v > 0 ? 1 : 0; }
VectorXd slope(const VectorXd& x) {
  VectorXd g = VectorXd::Zero(x.size());
  g[0] = sign(x[0] - 1) / 4;
  for (Index i = 0; i + 1 < x.size(); ++i) {
    const double side = sign(x[i + 1] - 2 * std::abs(x[i]) + 1);
    g[i + 1] += side;
    g[i] -= 2 * side * sign(x[i]);
  }
  return g;
}
VectorXd noise(std::uint64_t seed, std::int64_t t, double total) {
  const RandomKey key = RandomKey{seed}.derive(static_cast<std::uint64_t>(t));
  return VectorXd::NullaryExpr(4, [&](Index i) { return total / 2 * key.normal(static_cast<std::uint64_t>(i)); });
}
const VectorXd beginning = Eigen::Vector4d(-1, 1, 1, 1);
OnlineToNonConvexOptions options_for(std::int64_t budget) {
  return {.delta = 0.2, .budget = budget, .lipschitz = 4, .gap = 0.5};
}

/// The mean over epochs of the norm of the mean gradient at their points.
double stationarity(std::int64_t budget) {
  double found = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    OnlineToNonConvexOptions options = options_for(budget);
    options.seed = seed;
    OnlineToNonConvex search(options, beginning);
    const std::int64_t steps = options.steps_per_epoch(), epochs = budget / steps;
    VectorXd sum = VectorXd::Zero(4);
    for (std::int64_t n = 1; n <= steps * epochs; ++n) {
      const VectorXd g = slope(search.point());
      sum += g / static_cast<double>(steps);
      search.learn(g + noise(100 + seed, n, 0.5));
      if (n % steps != 0) continue;
      found += sum.norm() / static_cast<double>(3 * epochs);
      sum.setZero();
    }
    CHECK(search.epochs() == epochs);
  }
  return found;
}

}  // namespace

TEST_CASE("OnlineToNonConvex: the mean gradient of epochs falls as N^(-1/3) and is below its bound") {
  const std::vector<std::int64_t> budgets{500, 2000, 8000, 32'000};
  const std::vector<double> expected{0.248, 0.170, 0.112, 0.075};
  std::vector<double> found;
  for (std::size_t k = 0; k < budgets.size(); ++k) {
    found.push_back(stationarity(budgets[k]));
    CHECK(found.back() == Approx(expected[k]).epsilon(0.3));
    const auto n = static_cast<double>(budgets[k]);
    CHECK(found.back() <= 1 / (0.2 * n) + std::max(5 * std::cbrt(16 * 0.5 / (0.2 * n)), 24 / std::sqrt(n)));
  }
  const double fall = std::log(found.back() / found.front()) / std::log(64);
  CHECK(fall > -0.45);
  CHECK(fall < -0.2);
}

TEST_CASE("OnlineToNonConvex: the gradients at its points are those of the ways between them, in the mean") {
  // F(x + Delta) - F(x) = E <gradient at x + s Delta, Delta>, step by step.
  OnlineToNonConvex search(options_for(20'000), beginning);
  double descent = 0, predicted = 0, squares = 0;
  for (std::int64_t n = 0; n < 20'000; ++n) {
    const VectorXd x = search.x(), step = search.step();
    const VectorXd g = slope(search.point());
    search.learn(g + noise(5, n, 0.5));
    const double change = kinks(search.x()) - kinks(x);
    descent += change;
    predicted += g.dot(step);
    squares += std::pow(change - g.dot(step), 2);
  }
  CHECK(std::abs(descent - predicted) <= 4 * std::sqrt(squares));
  CHECK(squares > 0);
}

TEST_CASE("OnlineToNonConvex: steps are at most D, and points within delta of the average of their epoch") {
  for (const StepScaling scaling : {StepScaling::uniform, StepScaling::midpoint}) {
    OnlineToNonConvexOptions options = options_for(1000);
    options.scaling = scaling;
    options.learning_rate = 1;  // far too large
    OnlineToNonConvex search(options, beginning);
    const double longest = options.longest_step();
    CHECK(longest == Approx(options.delta / static_cast<double>(options.steps_per_epoch())));
    std::vector<VectorXd> points;
    double most = 0, furthest = 0;
    for (std::int64_t n = 1; n <= 1000; ++n) {
      const VectorXd x = search.x();
      points.push_back(search.point());
      search.learn(slope(search.point()));
      most = std::max(most, (search.x() - x).norm());
      if (n % options.steps_per_epoch() != 0) continue;
      VectorXd mean = VectorXd::Zero(4);
      for (const VectorXd& w : points) mean += w / static_cast<double>(points.size());
      CHECK((search.average() - mean).norm() <= 1e-14);
      for (const VectorXd& w : points) furthest = std::max(furthest, (w - mean).norm());
      points.clear();
      CHECK(search.step().norm() == 0);
    }
    CHECK(most <= longest * (1 + 1e-12));
    CHECK(most > 0.99 * longest);
    CHECK(furthest <= options.delta);
  }
}

TEST_CASE("OnlineToNonConvex: without projection and reset it is the heavy ball") {
  OnlineToNonConvex search(
      {.delta = 1, .budget = 100, .epoch = 7, .radius = 1e9, .learning_rate = 0.01, .reset = false}, beginning);
  VectorXd before = search.x(), now = before;
  double apart = 0;
  for (int n = 0; n < 100; ++n) {
    const VectorXd g = search.point();  // of |x|^2 / 2
    search.learn(g);                    // x_n, and the step that follows
    before = now;
    now = search.x();
    apart = std::max(apart, (search.step() - ((now - before) - 0.01 * g)).norm());
  }
  CHECK(apart <= 1e-14);
  CHECK(search.x().norm() > 0);
}

TEST_CASE("OnlineToNonConvex: where the gradient is constant, steps grow until they are D") {
  OnlineToNonConvexOptions options = options_for(500);
  OnlineToNonConvex search(options, beginning);
  const VectorXd g = Eigen::Vector4d(2, 0, -1, 0.5);
  const std::int64_t epoch = options.steps_per_epoch();
  double apart = 0;
  for (std::int64_t n = 0; n < 2 * epoch; ++n) {
    const double length = std::min(static_cast<double>(n % epoch) * options.rate(), options.longest_step() / g.norm());
    apart = std::max(apart, (search.step() + length * g).norm());
    search.learn(g);
  }
  CHECK(apart <= 1e-15);
  // All the same with a gradient of 0.
  OnlineToNonConvex idle(options, beginning);
  for (int n = 0; n < 100; ++n) idle.learn(VectorXd::Zero(4));
  CHECK(idle.x() == beginning);
  CHECK(idle.point() == beginning);
}

TEST_CASE("OnlineToNonConvex: where on its way a gradient is taken, in the mean, and where x goes") {
  struct Case {
    StepScaling scaling;
    double mean, square;
  };
  for (const Case& c : {Case{StepScaling::uniform, 0.5, 1.0 / 3}, Case{StepScaling::exponential, 1, 2},
                        Case{StepScaling::midpoint, 0.5, 0.25}}) {
    OnlineToNonConvex search({.delta = 1, .budget = 20'000, .epoch = 20'000, .radius = 1, .scaling = c.scaling},
                             VectorXd::Zero(1));
    double mean = 0, square = 0;
    bool moves = true;
    for (int n = 0; n < 20'000; ++n) {
      const double x = search.x()[0], step = search.step()[0], w = search.point()[0];
      if (n > 0) {
        mean += (w - x) / step / 20'000;
        square += std::pow((w - x) / step, 2) / 20'000;
      }
      search.learn(VectorXd::Ones(1));
      moves = moves && search.x()[0] == (c.scaling == StepScaling::exponential ? w : x + step);
    }
    CHECK(moves);
    CHECK(mean == Approx(c.mean).epsilon(0.03));
    CHECK(square == Approx(c.square).epsilon(0.06));
  }
}

TEST_CASE("OnlineToNonConvex: outputs are an epoch drawn evenly, the last one, or a running average") {
  OnlineToNonConvexOptions options{.delta = 1, .budget = 40, .epoch = 10, .radius = 0.1};
  std::vector<int> counts(4);
  for (options.seed = 0; options.seed < 400; ++options.seed) {
    OnlineToNonConvex search(options, beginning);
    std::vector<VectorXd> averages;
    for (int n = 1; n <= 40; ++n) {
      if (n <= 10) CHECK(search.output() == beginning);
      search.learn(slope(search.point()));
      if (n % 10 == 0) averages.push_back(search.average());
    }
    for (std::size_t k = 0; k < 4; ++k) counts[k] += search.output() == averages[k];
  }
  for (const int count : counts) CHECK(std::abs(count - 100) < 40);

  options.output = EpochOutput::last_epoch;
  OnlineToNonConvex last(options, beginning);
  for (int n = 1; n <= 25; ++n) last.learn(slope(last.point()));
  CHECK(last.output() == last.average());
  options.output = EpochOutput::running_average;
  options.beta = 0.75;
  OnlineToNonConvex running(options, beginning);
  VectorXd expected = beginning;
  for (int n = 1; n <= 25; ++n) {
    expected += 0.25 * (running.point() - expected);
    running.learn(slope(running.point()));
  }
  CHECK((running.output() - expected).norm() <= 1e-14);
}

TEST_CASE("OnlineToNonConvex: hints by the definition, and how well they foretell the gradient") {
  // sum of 1 - cos x_i + x_i^2 / 20, whose gradient has a Lipschitz constant of 1.1.
  const auto smooth = [](const VectorXd& x) { return VectorXd(x.array().sin() + 0.1 * x.array()); };
  const double eta = 1 / 2.2, longest = 0.02;
  OnlineToNonConvexOptions options{.delta = 0.2,
                                   .budget = 60,
                                   .epoch = 10,
                                   .radius = longest,
                                   .learning_rate = eta,
                                   .scaling = StepScaling::midpoint,
                                   .hints = 2};
  const auto cut = [&](const VectorXd& v) { return VectorXd(v * std::min(1.0, longest / v.norm())); };
  const VectorXd start = Eigen::Vector4d(0.01, -0.02, 0.3, 0.005);
  OnlineToNonConvex search(options, start);
  VectorXd x = start, base = VectorXd::Zero(4), hint = base;
  double apart = 0;
  for (int n = 0; n < 60; ++n) {
    VectorXd step = n == 0 ? base : cut(base - eta * hint);
    for (int q = 0; q < 2; ++q) {
      const VectorXd w = x + 0.5 * step;
      apart = std::max(apart, (search.point() - w).norm());
      hint = smooth(w);
      search.learn(smooth(search.point()));
      step = cut(base - eta * hint);
    }
    const VectorXd g = smooth(x + 0.5 * step);
    search.learn(smooth(search.point()));
    x += step;
    base = (n + 1) % 10 == 0 ? VectorXd(VectorXd::Zero(4)) : cut(base - eta * g);
    hint = g;
    apart = std::max(apart, (search.x() - x).norm());
  }
  CHECK(apart <= 1e-14);
  CHECK(search.steps() == 60);

  // The last two gradients of a step differ by (eta 1.1 / 2)^Q of what the first two do.
  options.hints = 8;
  OnlineToNonConvex sure(options, start);
  for (int n = 0; n < 60; ++n) {
    VectorXd last = n == 0 ? VectorXd(VectorXd::Zero(4)) : hint, first;
    for (int q = 0; q <= 8; ++q) {
      const VectorXd g = smooth(sure.point());
      sure.learn(g);
      if (q == 0) first = g - last;
      if (q == 8) CHECK((g - last).norm() <= std::pow(4.0, -8) * first.norm() + 1e-15);
      hint = last = g;
    }
  }
}

TEST_CASE("OnlineToNonConvex: goes on from a file bit for bit") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_o2nc.safetensors";
  for (const std::int64_t hints : {0, 2})
    for (const EpochOutput output : {EpochOutput::random_epoch, EpochOutput::running_average}) {
      OnlineToNonConvexOptions options = options_for(500);
      options.hints = hints;
      options.output = output;
      options.epoch = 9;
      OnlineToNonConvex search(options, beginning), loaded(options, beginning);
      for (std::int64_t n = 0; n < 103; ++n) search.learn(slope(search.point()) + noise(4, n, 0.5));
      OnlineToNonConvex copy = search;
      save(search, path);
      load(loaded, path);
      bool same = true;
      for (std::int64_t n = 103; n < 400; ++n) {
        const VectorXd g = slope(search.point()) + noise(4, n, 0.5);
        for (OnlineToNonConvex* each : {&search, &copy, &loaded}) each->learn(g);
        for (const OnlineToNonConvex* each : {&copy, &loaded})
          same = same && each->point() == search.point() && each->output() == search.output();
      }
      CHECK(same);
    }
  std::filesystem::remove(path);
}

TEST_CASE("OnlineToNonConvex: what cannot be used is refused and changes nothing") {
  const auto said = [](const OnlineToNonConvexOptions& options, const VectorXd& start = beginning) {
    return message_of([&] { OnlineToNonConvex search(options, start); });
  };
  CHECK(said({}) == "OnlineToNonConvex: delta = 0, must be > 0 and finite");
  CHECK(said({.delta = 1, .budget = 1}).find("OnlineToNonConvex: budget = 1, must be in [2, ") == 0);
  CHECK(said({.delta = 1, .budget = 9, .gap = -1}) == "OnlineToNonConvex: gap = -1, must be > 0 and finite");
  CHECK(said(options_for(9), Eigen::Vector2d(0, std::nan(""))).find("OnlineToNonConvex: start[1] = nan") == 0);
  CHECK(options_for(2).steps_per_epoch() == 1);
  OnlineToNonConvex search(options_for(100), beginning);
  search.learn(slope(search.point()));
  const VectorXd point = search.point();
  CHECK(message_of([&] { search.learn(VectorXd::Zero(3)); }) ==
        "OnlineToNonConvex: gradient has 3 coefficients, must have 4");
  CHECK(!message_of([&] { search.learn(Eigen::Vector4d(0, std::nan(""), 0, 0)); }).empty());
  CHECK(search.point() == point);
  CHECK(search.steps() == 1);
}
