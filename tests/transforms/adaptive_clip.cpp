// Adaptive clipping of gradients that are themselves tiny.
#include "support/catch.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/transforms/adaptive_clip.hpp>
#include <glissade/transforms/scale_by_learning_rate.hpp>

using namespace glissade;
using Eigen::MatrixXd;

TEST_CASE("adaptive clip: norms below 1e-6 count as 1e-6, as in the authors' code") {
  const auto clipped = [](const AdaptiveClip& rule, auto parameters, const auto& gradient) {
    auto moved = parameters;
    Optimizer optimizer{chain(rule, ScaleByLearningRate{1.0}), moved};
    optimizer.step(gradient);
    return MatrixXd(parameters - moved);
  };
  // clipping times epsilon is 1e-9.
  const AdaptiveClip rule{.clipping = 1e-3, .epsilon = 1e-6};
  for (const double norm : {1e-12, 5e-10, 0.99e-9, 1.01e-9, 1e-8, 9e-7, 1e-6, 1e-5, 1.0}) {
    const double factor = norm <= 1e-9 ? 1 : 1e-9 / std::max(norm, 1e-6);
    INFO(norm);
    const Eigen::VectorXd g = norm * Eigen::Vector3d(2, -1, 2) / 3;
    CHECK((clipped(rule, Eigen::VectorXd(Eigen::VectorXd::Zero(3)), g) - factor * g).norm() <= 1e-15 * norm);
    MatrixXd rows(2, 3);
    rows << g.transpose(), 0.5e-9 * Eigen::RowVector3d(2, -1, 2) / 3;
    MatrixXd expected = rows;
    expected.row(0) *= factor;
    CHECK((clipped(rule, MatrixXd(MatrixXd::Zero(2, 3)), rows) - expected).norm() <= 1e-15 * norm);
    AdaptiveClip by_columns = rule;
    by_columns.by_columns = true;
    CHECK((clipped(by_columns, MatrixXd(MatrixXd::Zero(3, 2)), MatrixXd(rows.transpose())) - expected.transpose())
              .norm() <= 1e-15 * norm);
  }
}
