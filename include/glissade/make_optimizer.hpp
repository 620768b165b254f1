// Optimizers by name, for command lines, sweeps and other languages.
//
//     auto any = make_optimizer<float>("adamw", {{"learning_rate", 3e-4}}, W, b);
//     any->step(dW, db);
//     any->set("weight_decay", 0.1);
//
// This header stands above the rooms of rules, like the umbrella, which leaves it out: the program that calls it has
// every rule compiled for its scalar, and one source file should be enough for that.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "optimizer/any_optimizer.hpp"
#include "rules/adabelief.hpp"
#include "rules/adadelta.hpp"
#include "rules/adafactor.hpp"
#include "rules/adagrad.hpp"
#include "rules/adam.hpp"
#include "rules/adamax.hpp"
#include "rules/adamnc.hpp"
#include "rules/adamp.hpp"
#include "rules/adamw.hpp"
#include "rules/adan.hpp"
#include "rules/adopt.hpp"
#include "rules/amsgrad.hpp"
#include "rules/asgd.hpp"
#include "rules/cautious_adamw.hpp"
#include "rules/cautious_lion.hpp"
#include "rules/distance_over_gradients.hpp"
#include "rules/hypergradient_sgd.hpp"
#include "rules/lamb.hpp"
#include "rules/laprop.hpp"
#include "rules/lars.hpp"
#include "rules/lion.hpp"
#include "rules/madgrad.hpp"
#include "rules/momo.hpp"
#include "rules/muon.hpp"
#include "rules/nadam.hpp"
#include "rules/polyak_step.hpp"
#include "rules/prodigy.hpp"
#include "rules/radam.hpp"
#include "rules/rmsprop.hpp"
#include "rules/rprop.hpp"
#include "rules/schedule_free.hpp"
#include "rules/sgd.hpp"
#include "rules/sgdp.hpp"
#include "rules/signum.hpp"
#include "rules/sophia.hpp"
#include "rules/tag.hpp"
#include "rules/yogi.hpp"
#include "subspaces/galore_adamw.hpp"

namespace glissade {

/// An option's name and value: {"learning_rate", 3e-4}.
using OptionValue = std::pair<std::string, double>;

namespace detail {

/// visit(name, rule) for every rule that has a name of its own, in the order of the alphabet.
void for_each_named_rule(const auto& visit) {
  visit("adabelief", std::type_identity<AdaBelief>{});
  visit("adadelta", std::type_identity<Adadelta>{});
  visit("adafactor", std::type_identity<Adafactor>{});
  visit("adagrad", std::type_identity<Adagrad>{});
  visit("adam", std::type_identity<Adam>{});
  visit("adamax", std::type_identity<Adamax>{});
  visit("adamnc", std::type_identity<AdamNc>{});
  visit("adamp", std::type_identity<AdamP>{});
  visit("adamw", std::type_identity<AdamW>{});
  visit("adan", std::type_identity<Adan>{});
  visit("adopt", std::type_identity<Adopt>{});
  visit("amsgrad", std::type_identity<AmsGrad>{});
  visit("asgd", std::type_identity<Asgd>{});
  visit("cautious_adamw", std::type_identity<CautiousAdamW>{});
  visit("cautious_lion", std::type_identity<CautiousLion>{});
  visit("distance_over_gradients", std::type_identity<DistanceOverGradients>{});
  visit("galore_adamw", std::type_identity<GaloreAdamW>{});
  visit("hypergradient_sgd", std::type_identity<HypergradientSgd>{});
  visit("lamb", std::type_identity<Lamb>{});
  visit("laprop", std::type_identity<LaProp>{});
  visit("lars", std::type_identity<Lars>{});
  visit("layerwise_distance_over_gradients", std::type_identity<LayerwiseDistanceOverGradients>{});
  visit("lion", std::type_identity<Lion>{});
  visit("madgrad", std::type_identity<Madgrad>{});
  visit("momo", std::type_identity<Momo>{});
  visit("muon", std::type_identity<Muon>{});
  visit("nadam", std::type_identity<NAdam>{});
  visit("polyak_step", std::type_identity<PolyakStep>{});
  visit("prodigy", std::type_identity<Prodigy>{});
  visit("radam", std::type_identity<RAdam>{});
  visit("rmsprop", std::type_identity<RmsProp>{});
  visit("rprop", std::type_identity<Rprop>{});
  visit("schedule_free_adamw", std::type_identity<ScheduleFreeAdamW>{});
  visit("schedule_free_sgd", std::type_identity<ScheduleFreeSgd>{});
  visit("sgd", std::type_identity<Sgd>{});
  visit("sgdp", std::type_identity<SgdP>{});
  visit("signum", std::type_identity<Signum>{});
  visit("sophia", std::type_identity<Sophia>{});
  visit("tag", std::type_identity<Tag>{});
  visit("yogi", std::type_identity<Yogi>{});
}

}  // namespace detail

/// The names that make_optimizer knows, in the order of the alphabet.
[[nodiscard]] inline std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  detail::for_each_named_rule([&](const char* name, auto) { names.emplace_back(name); });
  return names;
}

/// The rule of that name, with the options that are given and defaults for the others. Throws std::invalid_argument for
/// a name that is unknown, with the nearest ones, and for options as AnyRule does.
template <StorageScalar P>
[[nodiscard]] AnyRule<P> make_rule(std::string_view name, const std::vector<OptionValue>& options = {}) {
  AnyRule<P> (*make)() = nullptr;
  detail::for_each_named_rule([&]<class R>(const char* known, std::type_identity<R>) {
    if (name == known) make = [] { return AnyRule<P>(R{}); };
  });
  if (make == nullptr)
    throw std::invalid_argument("make_optimizer: no optimizer \"" + std::string(name) + "\"; the nearest are " +
                                nearest_names(name, optimizer_names()));
  AnyRule<P> rule = make();
  for (const auto& [option, value] : options) rule.set(option, value);
  return rule;
}

/// The options of the rule of that name, with their ranges and defaults.
template <StorageScalar P = double>
[[nodiscard]] std::vector<RuleOption> optimizer_options(std::string_view name) {
  return make_rule<P>(name).options();
}

/// An optimizer of parameters of type P with the rule of that name. Options are numbers: truth values 0 and 1,
/// enumerators their position from 0, schedules constant. What is said of parameters and errors at AnyOptimizer holds
/// here too.
template <StorageScalar P, class... X>
[[nodiscard]] std::unique_ptr<AnyOptimizer<P>> make_optimizer(std::string_view name,
                                                              const std::vector<OptionValue>& options,
                                                              X&&... parameters) {
  return std::make_unique<AnyOptimizer<P>>(make_rule<P>(name, options), std::forward<X>(parameters)...);
}

}  // namespace glissade
