// Rows of golden numbers: a table of names and numbers between commas.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

/// The numbers of the rows that begin with `name`, of a file below tests/.
inline std::vector<std::vector<double>> golden_rows(const std::string& file, const std::string& name) {
  std::ifstream in(GLISSADE_TEST_DATA "/" + file);
  std::vector<std::vector<double>> found;
  for (std::string line; std::getline(in, line);) {
    std::stringstream fields(line);
    std::string field;
    std::getline(fields, field, ',');
    if (field != name) continue;
    found.emplace_back();
    while (std::getline(fields, field, ',')) found.back().push_back(std::stod(field));
  }
  return found;
}
