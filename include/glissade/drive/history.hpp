// An observer that keeps what it has seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "record.hpp"

namespace glissade {

/// Keeps the numbers of every record in columns; io/history_csv.hpp writes them.
struct History {
  std::vector<std::int64_t> iteration;
  std::vector<double> value;
  std::vector<double> gradient_norm;
  std::vector<double> measure;
  std::vector<double> step_norm;
  std::vector<double> seconds;
  std::vector<Evaluations> evaluations;

  [[nodiscard]] std::size_t size() const { return iteration.size(); }

  void operator()(const Record& record) {
    iteration.push_back(record.iteration);
    value.push_back(record.value);
    gradient_norm.push_back(record.gradient_norm);
    measure.push_back(record.measure);
    step_norm.push_back(record.step_norm);
    seconds.push_back(record.seconds);
    evaluations.push_back(record.evaluations);
  }
};

}  // namespace glissade
