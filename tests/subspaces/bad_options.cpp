// Every option of every projector and layer: what is in its range is taken, what is not is refused by name.
#include "support/bad_values.hpp"
#include <glissade/layers/adaptive_freezing.hpp>
#include <glissade/layers/aflora.hpp>
#include <glissade/layers/attention/lora_attention.hpp>
#include <glissade/layers/incremental_rank.hpp>
#include <glissade/layers/lora.hpp>
#include <glissade/layers/mora.hpp>
#include <glissade/rule/options.hpp>
#include <glissade/rules/adamw.hpp>
#include <glissade/subspaces/flora.hpp>
#include <glissade/subspaces/frugal.hpp>
#include <glissade/subspaces/galore_adamw.hpp>
#include <glissade/subspaces/online_subspace_descent.hpp>

using namespace glissade;
using namespace bad_values;

namespace {

const Values counts{{1, 1000}, {0, -1}};
const Values whole{{0, 1000}, {-1}};

/// One member of a rule's options, which lie in the rule itself or in its settings.
template <class R, class O, class M>
void check_member(const R& good, const std::string& option, const Values& values, const O& options_of,
                  M std::remove_cvref_t<decltype(options_of(std::declval<R&>()))>::*member) {
  check(std::string(R::name), option, values, [&](double value) {
    R rule = good;
    if constexpr (std::is_same_v<M, Schedule>)
      options_of(rule).*member = value;
    else
      options_of(rule).*member = static_cast<M>(value);
    check_options(rule, 0);
    return 0;
  });
}
/// The numbers of an enum with so many names.
Values names(int count) { return {{0, count - 1.0}, {static_cast<double>(count), -1}}; }

constexpr auto itself = [](auto& rule) -> auto& { return rule; };
constexpr auto settings = [](auto& rule) -> auto& { return rule.settings; };
constexpr auto inner_galore = [](auto& rule) -> auto& { return rule.galore; };

void check_galore(const auto& rule, const auto& of) {
  using O = GaloreOptions;
  check_member(rule, "rank", counts, of, &O::rank);
  check_member(rule, "update_gap", counts, of, &O::update_gap);
  check_member(rule, "scale", positive, of, &O::scale);
  check_member(rule, "side", names(5), of, &O::side);
  check_member(rule, "on_refresh", names(2), of, &O::on_refresh);
  const auto accuracy = [&](auto& r) -> auto& { return of(r).accuracy; };
  check_member(rule, "oversampling", whole, accuracy, &RangeFinder::oversampling);
  check_member(rule, "power_iterations", whole, accuracy, &RangeFinder::power_iterations);
}

}  // namespace

TEST_CASE("subspaces: every option out of its range is refused by name") {
  check_galore(galore({}), settings);
  check_galore(GaloreAdamW{}, inner_galore);
  check_member(GaloreAdamW{}, "learning_rate", non_negative, itself, &GaloreAdamW::learning_rate);
  check_member(GaloreAdamW{}, "beta1", decay, itself, &GaloreAdamW::beta1);
  check_member(GaloreAdamW{}, "beta2", decay, itself, &GaloreAdamW::beta2);
  check_member(GaloreAdamW{}, "epsilon", non_negative, itself, &GaloreAdamW::epsilon);
  check_member(GaloreAdamW{}, "weight_decay", non_negative, itself, &GaloreAdamW::weight_decay);
  check_member(GaloreAdamW{}, "convention", names(3), itself, &GaloreAdamW::convention);

  const auto online = online_subspace_descent({});
  using O = OnlineSubspaceDescentOptions;
  check_member(online, "rank", counts, settings, &O::rank);
  check_member(online, "projector_rate", non_negative, settings, &O::projector_rate);
  check_member(online, "ortho_penalty", non_negative, settings, &O::ortho_penalty);
  check_member(online, "scale", positive, settings, &O::scale);
  check_member(online, "side", names(4), settings, &O::side);
  check_member(online, "projector_rule", names(2), settings, &O::projector_rule);
  check_member(online, "projector_beta1", decay, settings, &O::projector_beta1);
  check_member(online, "projector_beta2", decay, settings, &O::projector_beta2);
  check_member(online, "projector_epsilon", non_negative, settings, &O::projector_epsilon);
  check_member(online, "projector_decay", non_negative, settings, &O::projector_decay);

  const auto split = frugal({});
  check_member(split, "density", fraction, settings, &FrugalOptions::density);
  check_member(split, "update_gap", counts, settings, &FrugalOptions::update_gap);
  check_member(split, "projector", names(5), settings, &FrugalOptions::projector);
  check_member(split, "inactive_rule", names(3), settings, &FrugalOptions::inactive_rule);
  check_member(split, "inactive_scale", non_negative, settings, &FrugalOptions::inactive_scale);
  check_member(split, "projected_scale", positive, settings, &FrugalOptions::projected_scale);
  check_member(StateFree{}, "rule", names(3), itself, &StateFree::rule);
  check_member(StateFree{}, "factor", non_negative, itself, &StateFree::factor);

  check_member(Flora{}, "rank", counts, itself, &Flora::rank);
  check_member(Flora{}, "resample_every", counts, itself, &Flora::resample_every);
  check_member(Flora{}, "beta", decay, itself, &Flora::beta);
  check_member(Flora{}, "side", names(4), itself, &Flora::side);
  check_member(FloraAccumulate{}, "steps", counts, itself, &FloraAccumulate::steps);
  check_member(FloraAccumulate{}, "rank", counts, itself, &FloraAccumulate::rank);
  check_member(FloraAccumulate{}, "side", names(4), itself, &FloraAccumulate::side);
}

TEST_CASE("layers: every option out of its range is refused by name") {
  const Eigen::MatrixXd W = Eigen::MatrixXd::Ones(5, 8);
  const auto rank = [](double v) { return static_cast<int>(v); };
  const double least = std::numeric_limits<double>::min();
  const Values of_rank{{1, 5}, {0, -1, 6}}, factor{{least, 1, 1e300}, {0, -1, least / 2, infinity, not_a_number}};
  const auto says = [](const auto& make, double value) { return message_of([&] { static_cast<void>(make(value)); }); };
  const auto check_rank = [&](const std::string& owner, const auto& make) {
    for (const double v : of_rank.taken) CHECK(says(make, v) == "");
    for (const double v : of_rank.refused) CHECK(says(make, v).starts_with(owner + ": rank = " + to_text(v)));
  };
  check_rank("LoraLayer", [&](double v) { return LoraLayer<double>(W, {.rank = rank(v)}); });
  check("LoraLayer", "alpha", factor, [&](double v) { return LoraLayer<double>(W, {.rank = 2, .alpha = v}); });
  check("dropout_mask", "p", decay, [](double v) { return dropout_mask<double>(2, 2, v, RandomKey{1}); });
  check("lora_plus", "ratio", at_least_one, [](double v) { return lora_plus(AdamW{}, v); });
  check_rank("AfloraLayer", [&](double v) { return AfloraLayer<double>(W, {.rank = rank(v)}); });
  check("AfloraLayer", "rank_scale", factor,
        [&](double v) { return AfloraLayer<double>(W, {.rank = 2, .rank_scale = v}); });
  check_rank("LoraAttention", [&](double v) { return LoraAttention<double>(W, W, W, {.rank = rank(v)}); });
  check("LoraAttention", "alpha", factor,
        [&](double v) { return LoraAttention<double>(W, W, W, {.rank = 2, .alpha = v}); });
  check("SoftmaxAttention", "beta", positive, [](double v) { return SoftmaxAttention<double>({.beta = v}); });
  check("SoftmaxAttention", "block_rows", counts,
        [&](double v) { return SoftmaxAttention<double>({.block_rows = rank(v)}); });
  check("PolynomialAttention", "beta", positive, [](double v) { return PolynomialAttention<double>({.beta = v}); });
  check("PolynomialAttention", "tolerance", open_fraction,
        [](double v) { return PolynomialAttention<double>({.tolerance = v}); });
  check("PolynomialAttention", "degree", {{0, 1000}, {-1, 1001}},
        [&](double v) { return PolynomialAttention<double>({.degree = rank(v)}); });
  check("PolynomialAttention", "max_bytes", positive,
        [](double v) { return PolynomialAttention<double>({.max_bytes = v}); });
  check("Mora", "rank", {{1, 1}, {0, -1}}, [&](double v) { return Mora<double>(5, 8, {.rank = rank(v)}); });
  check("IncrementalRank", "first_rank", of_rank,
        [&](double v) { return IncrementalRank<double>(5, 8, {.first_rank = rank(v)}); });
  check("IncrementalRank", "task_rank", of_rank,
        [&](double v) { return IncrementalRank<double>(5, 8, {.first_rank = 2, .task_rank = rank(v)}); });
  using Freezing = AdaptiveFreezing<double>;
  check("AdaptiveFreezing", "begin", {{0, 9}, {-1, -5}},
        [&](double v) { return Freezing({.begin = rank(v), .end = 10}); });
  check("AdaptiveFreezing", "end", {{6, 100}, {5, 4, 0, -1}},
        [&](double v) { return Freezing({.begin = 5, .end = rank(v)}); });
  check("AdaptiveFreezing", "window", counts,
        [&](double v) { return Freezing({.begin = 1, .end = 2, .window = rank(v)}); });
  check("AdaptiveFreezing", "beta1", decay, [](double v) { return Freezing({.begin = 1, .end = 2, .beta1 = v}); });
  check("AdaptiveFreezing", "beta2", decay, [](double v) { return Freezing({.begin = 1, .end = 2, .beta2 = v}); });
}
