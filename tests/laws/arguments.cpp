// The laws of rules that read more than gradients, or find their own step.
#include "support/fixed_arguments.hpp"
#include "support/subject.hpp"
#include <glissade/rules/distance_over_gradients.hpp>
#include <glissade/rules/hypergradient_sgd.hpp>
#include <glissade/rules/momo.hpp>
#include <glissade/rules/tag.hpp>
#include <glissade/transforms/elastic_weight_consolidation.hpp>
#include <glissade/transforms/episodic_memory.hpp>
#include <glissade/transforms/proximal_average.hpp>
#include <glissade/transforms/synaptic_intelligence.hpp>

using namespace glissade;

TEST_CASE("laws: rules that find their own step") {
  check_laws(Subject{"PolyakStep", FixedArguments<PolyakStep>{{.learning_rate = 0.05}}, 2, nullptr, false});
  check_laws(Subject{"Momo", FixedArguments<Momo>{{.learning_rate = 0.05, .beta = 0.5}}, 2, nullptr, false});
  check_laws(
      Subject{"HypergradientSgd", HypergradientSgd{.learning_rate = 0.05, .hyper_rate = 1e-5}, 2, nullptr, false});
  check_laws(Subject{"DistanceOverGradients", DistanceOverGradients{.initial_distance = 1e-3}, 2, nullptr, false});
  check_laws(Subject{"LayerwiseDistanceOverGradients", LayerwiseDistanceOverGradients{.initial_distance = 1e-3}, 2,
                     nullptr, false});
}

TEST_CASE("laws: rules of tasks") {
  check_laws(
      Subject{"Tag", FixedArguments<Tag>{{.learning_rate = 0.01, .tasks = 2, .alignment = 1}}, 3, nullptr, false});
  check_laws<false>(Subject{"ElasticWeightConsolidation",
                            chain(ElasticWeightConsolidation{.strength = 0.1}, Sgd{.learning_rate = 0.05}), 1});
  check_laws<false>(Subject{"SynapticIntelligence",
                            chain(FixedArguments<SynapticIntelligence>{{.strength = 0.1}}, Sgd{.learning_rate = 0.05}),
                            1});
  check_laws<false>(Subject{"EpisodicMemory", chain(EpisodicMemory{}, Sgd{.learning_rate = 0.05}), 2, nullptr, false});
  check_laws<false>(Subject{"ProximalAverage", chain(Sgd{.learning_rate = 0.05}, ProximalAverage{}), 1});
}
