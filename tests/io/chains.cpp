// Chains drawn at random against the definition of a chain (tests/support/definition.hpp): gates, averages, wrappers,
// groups and storage types meet missing gradients, resets and files. Each draw is a number; a failing one prints the
// shortest chain and the fewest events that still fail. GLISSADE_DRAWS=5000 makes more of them (cmake/run.sh chains).
#include "support/catch.hpp"
#include "support/definition.hpp"
#include <glissade/glissade.hpp>
#include <glissade/io/safetensors.hpp>
#include <glissade/optimizer/any_optimizer.hpp>

#include <cstdlib>
#include <filesystem>
#include <set>

using namespace glissade;

namespace {

/// Random numbers of one draw.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : key_{seed} {}
  double between(double low, double high) { return low + (high - low) * key_.uniform(counter_++); }
  int whole(int low, int high) { return static_cast<int>(between(low, high + 1)); }
  bool chance(double probability) { return key_.uniform(counter_++) < probability; }
  double normal() { return key_.normal(counter_++ + 1'000'000); }

 private:
  RandomKey key_;
  std::uint64_t counter_ = 0;
};

/// A rule of the library with its definition.
template <class R>
struct Both {
  R rule;
  definition::Make meaning;
};
template <class R>
Both(R, definition::Make) -> Both<R>;

auto clip_global(Draw& d) {
  const double bound = d.between(0.5, 4);
  return Both{ClipByGlobalNorm{.max_norm = bound}, [=] { return std::make_unique<definition::ClipGlobal>(bound); }};
}
auto skip(Draw&) {
  return Both{SkipNonFinite{}, [] { return std::make_unique<definition::SkipNonFinite>(); }};
}
auto accumulate(Draw& d) {
  const int steps = d.whole(1, 4);
  const bool sum = d.chance(0.5);
  return Both{Accumulate{.steps = steps, .sum = sum},
              [=] { return std::make_unique<definition::Accumulate>(steps, sum); }};
}
auto clip_norm(Draw& d) {
  const double bound = d.between(0.5, 4);
  return Both{ClipByNorm{.max_norm = bound}, definition::clip_norm(bound)};
}
auto clip_value(Draw& d) {
  const double bound = d.between(0.2, 2);
  return Both{ClipByValue{.max_value = bound}, definition::clip_value(bound)};
}
auto decay(Draw& d) {
  const double weight_decay = d.between(0, 0.3);
  return Both{AddDecayedWeights{weight_decay}, definition::decay(weight_decay)};
}
auto centralize(Draw&) { return Both{Centralize{}, definition::centralize()}; }
auto trust(Draw&) { return Both{ScaleByTrustRatio{}, definition::trust_ratio()}; }
auto momentum(Draw& d) {
  const double momentum = d.between(0, 0.95);
  return Both{Trace{.momentum = momentum}, definition::trace(momentum)};
}
auto lion(Draw& d) {
  const double beta1 = d.between(0.5, 0.95), beta2 = d.between(0.5, 0.99);
  return Both{ScaleByLion{.beta1 = beta1, .beta2 = beta2}, definition::lion(beta1, beta2)};
}
auto adagrad(Draw&) { return Both{ScaleByAdagrad{.epsilon = 1e-6}, definition::adagrad(1e-6)}; }
ScaleByAdam draw_adam(Draw& d) {
  return {.beta1 = d.between(0, 0.95), .beta2 = d.between(0.5, 0.999), .epsilon = std::pow(10, d.between(-6, -2))};
}
definition::Make meaning_of(const ScaleByAdam& rule, int period) {
  return definition::adam(rule.beta1, rule.beta2, rule.epsilon, period);
}
auto adam(Draw& d) {
  const ScaleByAdam rule = draw_adam(d);
  return Both{rule, meaning_of(rule, 1 << 30)};
}
auto restarted_adam(Draw& d) {
  const ScaleByAdam rule = draw_adam(d);
  const int period = d.whole(1, 7);
  return Both{Restarted{period, rule}, meaning_of(rule, period)};
}
auto rate(Draw& d) {
  const double first = d.between(0.01, 0.2), factor = d.between(0.9, 1);
  const auto at = [=](std::int64_t time) { return first * std::pow(factor, static_cast<double>(time)); };
  if (d.chance(0.3))  // a constant of the file
    return Both{ScaleByLearningRate{first}, definition::scale([=](int) { return -first; })};
  return Both{ScaleByLearningRate{at}, definition::scale([=](int time) { return -at(time); })};
}
auto ema(Draw& d) {
  const double decay = d.between(0, 0.99);
  const bool corrected = d.chance(0.5);
  return Both{Ema{.decay = decay, .bias_correction = corrected}, definition::ema(decay, corrected)};
}
auto swa(Draw& d) {
  const int start = d.whole(0, 8), period = d.whole(1, 5);
  return Both{Swa{.start = start, .period = period}, definition::swa(start, period)};
}
auto lookahead(Draw& d) {
  const int period = d.whole(1, 6);
  const double alpha = d.between(0, 1.5);
  return Both{Lookahead{.period = period, .alpha = alpha}, definition::lookahead(period, alpha)};
}

auto adaptive_clip(Draw& d) {
  const double clipping = d.between(0.05, 2), epsilon = d.between(1e-3, 1);
  return Both{AdaptiveClip{.clipping = clipping, .epsilon = epsilon}, definition::adaptive_clip(clipping, epsilon)};
}
auto cautious_lion(Draw& d) {
  const double beta1 = d.between(0.5, 0.95), beta2 = d.between(0.5, 0.99), share = d.between(0.01, 0.5);
  return Both{Cautious<ScaleByLion>{.direction = {.beta1 = beta1, .beta2 = beta2}, .min_share = share},
              definition::cautious_lion(beta1, beta2, share)};
}
auto factored(Draw& d) {
  const double epsilon = std::pow(10, d.between(-8, -3)), exponent = d.between(0.3, 1);
  return Both{ScaleByFactoredRms{.epsilon1 = epsilon, .decay_exponent = exponent},
              definition::factored_rms(epsilon, exponent)};
}
auto muon(Draw& d) {
  const double momentum = d.between(0, 0.95);
  const bool nesterov = d.chance(0.5);
  return Both{ScaleByMuon{.momentum = momentum, .nesterov = nesterov},
              definition::muon(momentum, nesterov, 3.4445, -4.775, 2.0315)};
}
auto galore_adam(Draw& d) {
  const ScaleByAdam rule = draw_adam(d);
  const int gap = d.whole(1, 9);
  return Both{galore({.rank = 1, .update_gap = gap, .on_refresh = OnRefresh::reset}, rule),
              definition::galore_adam(gap, rule.beta1, rule.beta2, rule.epsilon)};
}

/// Rules that know the tensor "b".
template <class R>
auto masked(const Both<R>& inner) {
  return Both{Masked{inner.rule, TensorMask([](const Tensor& tensor) { return tensor.name == "b"; })}, [=] {
                return std::make_unique<definition::ByName>("b", std::vector{inner.meaning},
                                                            std::vector<definition::Make>{});
              }};
}
template <class R>
auto frozen(const Both<R>& others) {
  return Both{freeze("b", others.rule), [=] {
                return std::make_unique<definition::ByName>(
                    "b", std::vector{definition::scale([](int) { return 0.0; })}, std::vector{others.meaning});
              }};
}
template <class A, class B>
auto grouped(const Both<A>& of_b, const Both<B>& others) {
  return Both{groups(others.rule, group("b", of_b.rule)), [=] {
                return std::make_unique<definition::ByName>("b", std::vector{of_b.meaning},
                                                            std::vector{others.meaning});
              }};
}

/// A chain of the library, its definition, and how near they have to be.
struct Drawn {
  AnyRule<double> rule;
  definition::Chain meaning;
  double precision;
  bool averages;
};
template <class... R>
Drawn drawn(const Both<R>&... links) {
  return {chain(links.rule...), definition::Chain({links.meaning...}), 1e-9, (false || ... || AveragingRule<R>)};
}
template <class S, class... R>
Drawn stored(double precision, const Both<R>&... links) {
  return {with_state<S>(chain(links.rule...)), definition::Chain({links.meaning...}), precision,
          (false || ... || AveragingRule<R>)};
}
/// Of links whose state is moments and sums: in the definition they are rounded to S as well.
template <class S, class... R>
Drawn rounded_to(const Both<R>&... links) {
  const auto number = [](S x) { return static_cast<double>(static_cast<float>(x)); };
  const definition::Narrow scalar{
      [=](const definition::Array& numbers, bool) {
        return definition::Array(numbers.unaryExpr([=](double x) { return number(S(static_cast<float>(x))); }));
      },
      number(std::numeric_limits<S>::denorm_min())};
  return {with_state<S>(chain(links.rule...)), definition::Chain({definition::stored(links.meaning, scalar)...}), 1e-9,
          false};
}

/// The same in 8-bit codes, for tensors of one block.
template <class Code, class... R>
Drawn coded_in(const Both<R>&... links) {
  const definition::Narrow code{[](const definition::Array& numbers, bool has_sign) {
    const Eigen::ArrayXXf values = numbers.cast<float>();
    Eigen::ArrayXXf decoded = values;
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(values.size()));
    const float scale = detail::encode_block<Code>(values.data(), values.size(), has_sign, codes.data());
    detail::decode_block<Code>(codes.data(), values.size(), scale, has_sign, decoded.data());
    return definition::Array(decoded.cast<double>());
  }};
  // Sums of gradients are left as they are.
  const auto meaning = [&]<class L>(const Both<L>& link) {
    return slot_has_full_precision<L>(0) ? link.meaning : definition::stored(link.meaning, code);
  };
  return {with_state<Code>(chain(links.rule...)), definition::Chain({meaning(links)...}), 1e-9, false};
}

/// The chains that there are, short ones first.
using Kind = Drawn (*)(Draw&);
constexpr Kind kinds[] = {
    [](Draw& d) { return drawn(rate(d)); },
    [](Draw& d) { return drawn(adam(d), rate(d)); },
    [](Draw& d) { return drawn(momentum(d), rate(d)); },
    [](Draw& d) { return drawn(adagrad(d), rate(d)); },
    [](Draw& d) { return drawn(lion(d), rate(d)); },
    [](Draw& d) { return drawn(rate(d), ema(d)); },
    [](Draw& d) { return drawn(rate(d), swa(d)); },
    [](Draw& d) { return drawn(accumulate(d), rate(d)); },
    [](Draw& d) { return drawn(frozen(rate(d))); },
    [](Draw& d) { return drawn(masked(adam(d)), rate(d)); },
    [](Draw& d) { return drawn(accumulate(d), adam(d), rate(d)); },
    [](Draw& d) { return drawn(accumulate(d), rate(d), ema(d)); },
    [](Draw& d) { return drawn(accumulate(d), rate(d), swa(d)); },
    [](Draw& d) { return drawn(skip(d), adam(d), rate(d)); },
    [](Draw& d) { return drawn(clip_global(d), momentum(d), rate(d)); },
    [](Draw& d) { return drawn(restarted_adam(d), rate(d), lookahead(d)); },
    [](Draw& d) { return drawn(adam(d), trust(d), rate(d)); },
    [](Draw& d) { return drawn(centralize(d), clip_norm(d), rate(d)); },
    [](Draw& d) { return stored<float>(2e-4, adam(d), rate(d), ema(d)); },
    [](Draw& d) { return rounded_to<Eigen::half>(adam(d), rate(d)); },
    [](Draw& d) { return rounded_to<Eigen::bfloat16>(momentum(d), rate(d)); },
    [](Draw& d) { return rounded_to<Eigen::bfloat16>(accumulate(d), adagrad(d), rate(d)); },
    [](Draw& d) { return drawn(skip(d), accumulate(d), adam(d), rate(d)); },
    [](Draw& d) { return drawn(clip_global(d), accumulate(d), momentum(d), rate(d)); },
    [](Draw& d) { return drawn(accumulate(d), clip_global(d), lion(d), rate(d)); },
    [](Draw& d) { return drawn(clip_value(d), accumulate(d), adam(d), rate(d), ema(d)); },
    [](Draw& d) { return drawn(accumulate(d), masked(momentum(d)), decay(d), rate(d)); },
    [](Draw& d) { return drawn(accumulate(d), frozen(rate(d)), ema(d)); },
    [](Draw& d) { return drawn(skip(d), clip_global(d), adam(d), decay(d), rate(d), swa(d)); },
    [](Draw& d) { return drawn(skip(d), accumulate(d), clip_global(d), adam(d), rate(d), lookahead(d)); },
    [](Draw& d) { return drawn(centralize(d), grouped(adam(d), momentum(d)), decay(d), rate(d), ema(d)); },
    [](Draw& d) { return drawn(accumulate(d), grouped(lion(d), adagrad(d)), trust(d), rate(d), swa(d)); },
    [](Draw& d) { return stored<float>(2e-4, skip(d), accumulate(d), adam(d), decay(d), rate(d), ema(d)); },
    [](Draw& d) {
      return rounded_to<Eigen::half>(skip(d), accumulate(d), grouped(lion(d), adam(d)), decay(d), rate(d));
    },
    [](Draw& d) { return drawn(accumulate(d), restarted_adam(d), clip_norm(d), rate(d), lookahead(d), ema(d)); },
    [](Draw& d) { return drawn(muon(d), rate(d)); },
    [](Draw& d) { return drawn(factored(d), rate(d)); },
    [](Draw& d) { return drawn(accumulate(d), muon(d), decay(d), rate(d), ema(d)); },
    [](Draw& d) { return drawn(skip(d), accumulate(d), factored(d), clip_norm(d), rate(d), swa(d)); },
    [](Draw& d) { return drawn(clip_global(d), accumulate(d), galore_adam(d), rate(d), lookahead(d)); },
    [](Draw& d) { return drawn(adaptive_clip(d), accumulate(d), cautious_lion(d), rate(d)); },
    [](Draw& d) { return coded_in<LogarithmicCode>(skip(d), accumulate(d), adam(d), decay(d), rate(d)); },
    [](Draw& d) { return coded_in<DynamicCode>(accumulate(d), grouped(lion(d), adam(d)), decay(d), rate(d)); },
};

/// What may happen beside the steps.
enum Event { missing, not_finite, reset_all, reset_one, file, event_count };

struct Failure {
  int step = 0;
  std::string text;
};

/// 50 steps of a draw, without the events of `quiet`; the first difference.
std::optional<Failure> run(Kind kind, std::uint64_t seed, const std::set<Event>& quiet) {
  Draw options(seed), d(seed + (std::uint64_t{1} << 40));
  Drawn both = kind(options);
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::VectorXd a = Eigen::VectorXd::NullaryExpr(d.whole(1, 20), [&] { return d.normal(); });
  Eigen::MatrixXd b = Eigen::MatrixXd::NullaryExpr(d.whole(1, 6), d.whole(2, 6), [&] { return d.normal(); });
  RowMajor c = RowMajor::NullaryExpr(d.whole(1, 6), d.whole(2, 6), [&] { return d.normal(); });
  std::vector<definition::Tensor> tensors{{"a", a.array()}, {"b", b.array()}, {"c", c.array()}};
  const auto make = [&] {
    return std::make_unique<AnyOptimizer<double>>(both.rule, named("a", a), named("b", b), named("c", c));
  };
  auto optimizer = make();
  const double missing_rate = d.between(0, 0.6);
  const auto happens = [&](Event event, double probability) { return d.chance(probability) && !quiet.contains(event); };
  for (int t = 1; t <= 50; ++t) {
    std::vector<definition::Array> g;
    for (const definition::Tensor& tensor : tensors) {
      g.push_back(definition::Array::NullaryExpr(tensor.x.rows(), tensor.x.cols(), [&] { return d.normal(); }));
      if (happens(not_finite, 0.04) && both.rule.description().find("SkipNonFinite") != std::string::npos)
        g.back()(0, 0) = std::numeric_limits<double>::infinity();
      if (happens(missing, missing_rate)) g.back().resize(0, 0);
    }
    // A gradient that is not there has another type than one that is.
    const auto with = [](const definition::Array& gradient, const auto& use) {
      gradient.size() == 0 ? use(no_gradient) : use(Eigen::MatrixXd(gradient));
    };
    with(g[0], [&](const auto& of_a) {
      with(g[1], [&](const auto& of_b) { with(g[2], [&](const auto& of_c) { optimizer->step(of_a, of_b, of_c); }); });
    });
    both.meaning.step(tensors, g);
    const Eigen::ArrayXXd now[] = {a, b, c};
    for (std::size_t k = 0; k < 3; ++k) {
      const auto differs = [&](const Eigen::ArrayXXd& got, const Eigen::ArrayXXd& expected) {
        return !((got - expected).abs() <= both.precision * expected.abs().max(1.0)).all();
      };
      if (differs(now[k], tensors[k].x)) return Failure{t, "parameter " + tensors[k].name};
      if (both.averages && differs(evaluation_parameters(*optimizer, k), both.meaning.evaluation(tensors, k)))
        return Failure{t, "evaluation of " + tensors[k].name};
    }
    if (happens(reset_all, 0.02)) {
      optimizer->reset();
      both.meaning.reset();
    }
    if (happens(reset_one, 0.03)) {
      const auto k = static_cast<std::size_t>(d.whole(0, 2));
      optimizer->reset(k);
      both.meaning.reset(k);
    }
    if (happens(file, 0.05)) {
      const auto path = std::filesystem::temp_directory_path() / ("glissade_chain_" + std::to_string(seed));
      save(*optimizer, path);
      optimizer = make();
      load(*optimizer, path);
      std::filesystem::remove(path);
    }
  }
  return {};
}

/// The failure of a draw with the shortest chain and the fewest kinds of events.
std::string shortest(std::uint64_t seed) {
  for (const Kind kind : kinds) {
    if (!run(kind, seed, {})) continue;
    std::set<Event> quiet;
    for (int event = 0; event < event_count; ++event) {
      std::set<Event> more = quiet;
      more.insert(static_cast<Event>(event));
      if (run(kind, seed, more)) quiet = more;
    }
    const Failure failure = *run(kind, seed, quiet);
    Draw options(seed);
    std::string text = "draw " + std::to_string(seed) + ": " + kind(options).rule.description() + " differs in " +
                       failure.text + " after step " + std::to_string(failure.step) + ", with";
    const char* const names[] = {"missing gradients", "gradients that are not finite", "resets", "resets of one tensor",
                                 "files"};
    for (int event = 0; event < event_count; ++event)
      if (!quiet.contains(static_cast<Event>(event))) text += std::string(" ") + names[event] + ",";
    return text;
  }
  return {};
}

}  // namespace

TEST_CASE("chains: what a chain does is what its definition says, whatever meets in it") {
  const char* const more = std::getenv("GLISSADE_DRAWS");
  const std::uint64_t draws = more == nullptr ? 350 : std::strtoull(more, nullptr, 10);
  for (std::uint64_t seed = 0; seed < draws; ++seed) {
    const bool differs = run(kinds[seed % std::size(kinds)], seed, {}).has_value();
    CHECK((differs ? shortest(seed) : "") == "");
  }
}
