// Random sparse data for regression problems, the same on every machine.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "../core/random.hpp"
#include "sparse_linear_model.hpp"

namespace glissade::problems {

struct SparseLogisticData {
  Index rows = 1000;          // >= 1
  Index columns = 1000;       // >= 1
  Index nonzeros = 10;        // in [1, columns], of a row
  double regularization = 0;  // >= 0
  double relevant = 0.1;      // in [0, 1], the share of columns that the labels depend on
  double steepness = 5;       // >= 0, labels are +1 with probability sigmoid(steepness <a, w>), w normal
  std::uint64_t seed = 0;
};

/// Logistic regression on rows of length 1, each with as many normal numbers as asked for at places drawn at random,
/// and labels from a logistic model of few of the columns. Cost: memory in proportion to the nonzeros. Errors:
/// std::invalid_argument for sizes out of range, and for more than 2147483647 nonzeros or columns.
inline SparseLogisticRegression random_sparse_logistic(const SparseLogisticData& data) {
  constexpr std::string_view owner = "random_sparse_logistic";
  constexpr double most = 2147483647;
  require(owner, "rows", static_cast<double>(data.rows), Range{1, most});
  require(owner, "columns", static_cast<double>(data.columns), Range{1, most});
  require(owner, "nonzeros", static_cast<double>(data.nonzeros), Range{1, static_cast<double>(data.columns)});
  require(owner, "rows * nonzeros", static_cast<double>(data.rows) * static_cast<double>(data.nonzeros),
          Range{1, most});
  require(owner, "relevant", data.relevant, range::fraction);
  require(owner, "steepness", data.steepness, range::non_negative);
  const RandomKey key{data.seed};
  const auto counter = [](Index i) { return static_cast<std::uint64_t>(i); };
  Eigen::VectorXd w(data.columns);
  for (Index j = 0; j < data.columns; ++j)
    w[j] = key.derive(0).uniform(counter(j)) < data.relevant ? key.derive(1).normal(counter(j)) : 0;

  SparseLogisticRegression::Rows A(data.rows, data.columns);
  A.resizeNonZeros(data.rows * data.nonzeros);
  Eigen::VectorXd y(data.rows);
  std::vector<int> places;
  for (Index i = 0; i < data.rows; ++i) {
    // Floyd's way of drawing so many of the columns, each set of them as likely as any other.
    const RandomKey of_row = key.derive(2).derive(counter(i));
    places.clear();
    for (Index j = data.columns - data.nonzeros; j < data.columns; ++j) {
      const auto drawn = static_cast<int>(of_row.uniform(counter(j)) * static_cast<double>(j + 1));
      const auto place = std::lower_bound(places.begin(), places.end(), drawn);
      if (place == places.end() || *place != drawn)
        places.insert(place, drawn);
      else
        places.push_back(static_cast<int>(j));
    }
    const Index begin = i * data.nonzeros;
    A.outerIndexPtr()[i] = static_cast<int>(begin);
    std::copy(places.begin(), places.end(), A.innerIndexPtr() + begin);
    Eigen::Map<Eigen::VectorXd> values(A.valuePtr() + begin, data.nonzeros);
    for (Index k = 0; k < data.nonzeros; ++k) values[k] = key.derive(3).normal(counter(begin + k));
    values.normalize();
    double z = 0;
    for (Index k = 0; k < data.nonzeros; ++k) z += values[k] * w[places[static_cast<std::size_t>(k)]];
    y[i] = key.derive(4).uniform(counter(i)) < 1 / (1 + std::exp(-data.steepness * z)) ? 1 : -1;
  }
  A.outerIndexPtr()[data.rows] = static_cast<int>(data.rows * data.nonzeros);
  return {std::move(A), std::move(y), data.regularization};
}

}  // namespace glissade::problems
