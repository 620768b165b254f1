// The table of layers: a new one adds one line here and is held to every law of tests/laws/layers.cpp.
#pragma once

#include <glissade/core/random.hpp>
#include <glissade/layers/lora.hpp>

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
  const char* name;
  /// What a new layer makes of X, where a paper says that its start changes nothing; else empty.
  std::function<MatrixXd(const MatrixXd& X)> at_start = {};
};

/// A layer of which no parameter is zero any more.
template <class L>
L trained(L layer) {
  std::uint64_t stream = 100;
  layer.parameters([&](std::string_view, auto& parameter) {
    parameter += 0.3 * normal(parameter.rows(), parameter.cols(), stream++);
  });
  return layer;
}

}  // namespace layer_tables

/// use(subject, make): make() is a new layer of doubles.
template <class Use>
void for_each_layer(const Use& use) {
  using namespace glissade;
  using namespace layer_tables;
  const MatrixXd W = normal(5, 7, 1);
  const auto frozen = [W](const MatrixXd& X) { return MatrixXd(W * X); };
  use(LayerSubject{"LoraLayer", frozen}, [W] { return LoraLayer<double>(W, {.rank = 3, .alpha = 2}); });
  use(LayerSubject{"LoraLayer, rank stabilized", frozen},
      [W] { return LoraLayer<double>(W, {.rank = 2, .rank_stabilized = true, .start = LoraStart::gaussian}); });
}
