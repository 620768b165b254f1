// Random data for regression problems, the same on every machine.
#pragma once

#include <Eigen/Core>

#include <cmath>

#include "../core/random.hpp"
#include "linear_model.hpp"

namespace glissade::problems {

struct LogisticData {
  Index rows = 1000;
  Index columns = 20;
  double regularization = 0;
  double condition = 1;    // columns are scaled geometrically from 1 to 1 / condition before rows are normalized
  bool normalized = true;  // rows of length 1
  double steepness = 5;    // labels are +1 with probability sigmoid(steepness <a, w>), w normal; 0: with noise, below
  double noise = 0.1;      // with steepness 0, labels are the sign of <a, w> + noise z
  std::uint64_t seed = 0;
};

/// Logistic regression on rows of normal numbers with labels from a logistic model.
inline LogisticRegression random_logistic(const LogisticData& data) {
  require("random_logistic", "rows", static_cast<double>(data.rows), range::at_least_one);
  require("random_logistic", "columns", static_cast<double>(data.columns), range::at_least_one);
  require("random_logistic", "condition", data.condition, range::at_least_one);
  require("random_logistic", "steepness", data.steepness, range::non_negative);
  require("random_logistic", "noise", data.noise, range::non_negative);
  const RandomKey key{data.seed};
  const auto counter = [](Index i) { return static_cast<std::uint64_t>(i); };
  LogisticRegression::Rows A(data.rows, data.columns);
  for (Index k = 0; k < A.size(); ++k) A.data()[k] = key.derive(0).normal(counter(k));
  Eigen::VectorXd w(data.columns);
  for (Index j = 0; j < data.columns; ++j) {
    w[j] = key.derive(1).normal(counter(j));
    const double place = data.columns > 1 ? static_cast<double>(j) / static_cast<double>(data.columns - 1) : 0;
    A.col(j) *= std::pow(data.condition, -place);
  }
  if (data.normalized) A.rowwise().normalize();
  Eigen::VectorXd y(data.rows);
  for (Index i = 0; i < data.rows; ++i) {
    const double z = A.row(i).dot(w);
    const bool positive = data.steepness != 0
                              ? key.derive(2).uniform(counter(i)) < 1 / (1 + std::exp(-data.steepness * z))
                              : z + data.noise * key.derive(3).normal(counter(i)) > 0;
    y[i] = positive ? 1 : -1;
  }
  return {std::move(A), std::move(y), data.regularization};
}

}  // namespace glissade::problems
