// Names that are close to a misspelt one, for messages.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace glissade {

/// How many letters have to be changed, added or taken away to turn one word into the other.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = (std::min)({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

/// The `count` candidates nearest to `name`, the nearest first and each once: "\"beta1\", \"beta2\"".
inline std::string nearest_names(std::string_view name, std::vector<std::string> candidates, std::size_t count = 3) {
  std::stable_sort(candidates.begin(), candidates.end(), [&](const std::string& a, const std::string& b) {
    return edit_distance(name, a) < edit_distance(name, b);
  });
  std::vector<std::string> nearest;
  for (std::string& candidate : candidates)
    if (nearest.size() < count && std::find(nearest.begin(), nearest.end(), candidate) == nearest.end())
      nearest.push_back(std::move(candidate));
  std::string text;
  for (const std::string& candidate : nearest) text += (text.empty() ? "\"" : ", \"") + candidate + "\"";
  return text;
}

}  // namespace glissade
