// The table of layers: a new one adds one line here and is held to every law of tests/laws/layers.cpp.
#pragma once

#include "support/any_layer.hpp"
#include <glissade/core/random.hpp>
#include <glissade/layers/aflora.hpp>
#include <glissade/layers/attention/delta_rule_layer.hpp>
#include <glissade/layers/attention/hopfield.hpp>
#include <glissade/layers/attention/lora_attention.hpp>
#include <glissade/layers/incremental_rank.hpp>
#include <glissade/layers/linear.hpp>
#include <glissade/layers/lora.hpp>
#include <glissade/layers/mora.hpp>
#include <glissade/layers/stable_recurrence.hpp>

#include <array>
#include <functional>

namespace layer_tables {

using Eigen::MatrixXd;

/// Normal numbers of a stream.
inline MatrixXd normal(Eigen::Index rows, Eigen::Index cols, std::uint64_t stream) {
  const glissade::RandomKey key = glissade::RandomKey{20}.derive(stream);
  return MatrixXd::NullaryExpr(
      rows, cols, [&](Eigen::Index i, Eigen::Index j) { return key.normal(static_cast<std::uint64_t>(i + j * rows)); });
}

struct LayerSubject {
  std::string name;
  std::unique_ptr<AnyLayer> layer;  // a new one
  /// What a new layer makes of X, where a paper says that its start changes nothing; else empty.
  std::function<MatrixXd(const MatrixXd& X)> at_start = {};

  /// A layer of which no parameter is zero any more.
  [[nodiscard]] std::unique_ptr<AnyLayer> trained() const {
    auto copy = layer->copy();
    std::uint64_t stream = 100;
    for (AnyLayer::Parameter& parameter : copy->parameters())
      parameter.values += 0.3 * normal(parameter.values.rows(), parameter.values.cols(), stream++);
    return copy;
  }
};

template <class L>
std::unique_ptr<AnyLayer> any(L layer) {
  return std::make_unique<LayerOf<L>>(std::move(layer));
}

}  // namespace layer_tables

/// With other `numbers` in all that a layer is given, or draws, and does not train.
inline std::vector<layer_tables::LayerSubject> layer_subjects(std::uint64_t numbers = 0) {
  using namespace glissade;
  using namespace layer_tables;
  std::vector<LayerSubject> all;
  const MatrixXd W = normal(5, 7, 1 + numbers);
  const auto frozen = [W](const MatrixXd& X) { return MatrixXd(W * X); };
  all.push_back({"LoraLayer", any(LoraLayer<double>(W, {.rank = 3, .alpha = 2})), frozen});
  all.push_back({"LoraLayer, rank stabilized",
                 any(LoraLayer<double>(W, {.rank = 2, .rank_stabilized = true, .start = LoraStart::gaussian})),
                 frozen});
  const Eigen::VectorXd bias = normal(5, 1, 2 + numbers);
  const auto affine = [W, bias](const MatrixXd& X) { return MatrixXd((W * X).colwise() + bias); };
  all.push_back({"LoraLayer with a frozen bias", any(LoraLayer<double>(W, bias, {.rank = 2})), affine});
  all.push_back(
      {"LoraLayer with a trained bias", any(LoraLayer<double>(W, bias, {.rank = 2, .train_bias = true})), affine});
  all.push_back({"LoraLayer with a new bias", any(LoraLayer<double>(W, {.rank = 2, .train_bias = true})), frozen});
  all.push_back({"LinearLayer", any(LinearLayer<double>(W, bias)), affine});
  all.push_back({"LinearLayer without bias", any(LinearLayer<double>(5, 7, {.bias = false}))});
  all.push_back({"AfloraLayer", any(AfloraLayer<double>(W, {.rank = 2})), frozen});
  all.push_back({"MoraLayer", any(MoraLayer<double>(W, {.rank = 1})), frozen});
  all.push_back({"MoraLayer, rotation", any(MoraLayer<double>(W, {.rank = 1, .maps = MoraMaps::rotation})), frozen});
  IncrementalRank<double> incremental(5, 7, {.first_rank = 3, .task_rank = 2, .seed = numbers});
  incremental.s = normal(3, 1, 3 + numbers);
  incremental.bias = normal(5, 1, 4 + numbers);
  incremental.next_task();
  all.push_back({"IncrementalRank, second task", any(incremental)});
  all.push_back({"IncrementalRank without bias", any(IncrementalRank<double>(5, 7, {.first_rank = 3, .bias = false}))});

  const std::array<MatrixXd, 3> projections{normal(7, 4, 11 + numbers), normal(7, 4, 12 + numbers),
                                            normal(7, 4, 13 + numbers)};
  const auto attention = [projections](const MatrixXd& X) {
    MatrixXd P = (X * projections[0] * (X * projections[1]).transpose() / 2).array().exp();
    P.array().colwise() /= P.array().rowwise().sum().eval();
    return MatrixXd(P * X * projections[2]);
  };
  for (const bool keys : {true, false})
    all.push_back(
        {keys ? "LoraAttention" : "LoraAttention of queries and values",
         any(LoraAttention<double>(projections[0], projections[1], projections[2], {.rank = 2, .adapt_keys = keys})),
         attention});
  all.push_back({"DeltaRuleLayer", any(DeltaRuleLayer<double>(7, 4, {.key_width = 5, .rule = {.chunk = 4}}))});
  all.push_back({"DeltaRuleLayer, negative eigenvalues",
                 any(DeltaRuleLayer<double>(5, 6, {.key_width = 4, .rule = {.allow_negative = true}}))});
  const auto lookup = [W](const MatrixXd& X) {
    MatrixXd P = (W.transpose() * X / std::sqrt(5.0)).array().exp();
    P.array().rowwise() /= P.array().colwise().sum().eval();
    return MatrixXd(W * P);
  };
  all.push_back({"Hopfield", any(Hopfield<double>(W)), lookup});
  for (const RateMap map : {RateMap::direct, RateMap::exponential, RateMap::softplus, RateMap::inverse_square})
    all.push_back({"StableRecurrence, map " + std::to_string(static_cast<int>(map)),
                   any(StableRecurrence<double>(7, 5, {.rate = {.map = map}, .slowest = 0.1}))});
  return all;
}
