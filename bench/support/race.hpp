// Times candidates against each other: interleaved in one process, memory touched, medians.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

struct Candidate {
  std::string name;
  std::function<void()> run;
  std::vector<double> seconds = {};
};

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// Runs every candidate `repeats` times per round, the candidates in turn, after one round that only
/// touches memory. Returns the median seconds of one run of each.
inline std::vector<double> race(std::vector<Candidate> candidates, int rounds, int repeats) {
  for (Candidate& c : candidates) c.run();
  for (int round = 0; round < rounds; ++round)
    for (Candidate& c : candidates) {
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < repeats; ++i) c.run();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      c.seconds.push_back(took.count() / repeats);
    }
  std::vector<double> medians;
  for (const Candidate& c : candidates) medians.push_back(median(c.seconds));
  return medians;
}

}  // namespace bench
