// Weights that mattered for earlier tasks are held by springs.
#pragma once

#include "../rule/chain.hpp"

namespace glissade {

/// Elastic weight consolidation, in front of any rule: what has been learned is kept by a pull towards the weights of
/// the time, as strong as each weight mattered.
///
///     u <- u + strength F (x - anchor)
///     with(WeightImportance(F_new...)):   F <- decay F + F_new,   anchor <- x,   before the step
///
///     Optimizer optimizer{chain(ElasticWeightConsolidation{.strength = 100}, Adam{}), W, b};
///     optimizer.step(with(WeightImportance(FW, Fb)), dW, db);   // the first step of the next task
///     optimizer.step(dW, db);                             // all others
///
/// F_new is the mean of the squared gradients of single examples at the end of a task. decay 1 adds the tasks up, below
/// 1 is online EWC. Where the optimizer climbs the pull is the same.
/// State: importance F (0), anchor (the parameter's shape).
/// Cost: 4 flops per coefficient; reads 2 scalars.
/// Source: "Overcoming catastrophic forgetting in neural networks", 2017, arXiv 1612.00796; online: "Progress &
/// Compress", 2018, arXiv 1805.06370.
struct ElasticWeightConsolidation {
  static constexpr std::string_view name = "ElasticWeightConsolidation";
  static constexpr bool turns = false;
  double strength = 1;  // >= 0
  double decay = 1;     // in [0, 1]

  static constexpr std::array<std::string_view, 2> slots{"importance", "anchor"};
  static constexpr std::array<bool, 2> full_precision{true, true};
  static constexpr std::array<GivenArray, 1> given{
      {{.name = "importance", .slot = 0, .required = false, .turned = false, .anchor = 1}}};
  [[nodiscard]] static double initial(std::size_t slot) { return slot == 1 ? from_parameters : 0; }

  static void options(auto& self, auto&& visit) {
    visit("strength", self.strength, range::non_negative);
    visit("decay", self.decay, range::fraction);
  }
  [[nodiscard]] std::array<double, 2> fold(std::size_t) const { return {decay, 1}; }
  [[nodiscard]] auto kernel(const Step&) const {
    return [s = strength](auto& u, const auto& x, const auto& importance, const auto& anchor) {
      u = u + s * importance * (x - anchor);
    };
  }
};

/// Memory aware synapses: the same pull, where importance is how much the output of the model hangs on each weight, the
/// mean of |d |y|^2 / dx| over examples, labelled or not.
///
///     u <- u + 2 strength Omega (x - anchor)
///
/// Source: "Memory Aware Synapses: Learning what (not) to forget", 2017, arXiv 1711.09601. All else as
/// ElasticWeightConsolidation.
struct MemoryAwareSynapses {
  static constexpr std::string_view name = "MemoryAwareSynapses";
  double strength = 1;  // >= 0

  static void options(auto& self, auto&& visit) { visit("strength", self.strength, range::non_negative); }
  [[nodiscard]] auto chain() const { return glissade::chain(ElasticWeightConsolidation{2 * strength, 1}); }
};

}  // namespace glissade
