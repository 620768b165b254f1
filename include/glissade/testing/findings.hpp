// What is found where a rule breaks a law.
#pragma once

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "subject.hpp"

namespace glissade {

/// A law that a rule breaks.
struct Finding {
  std::string rule;
  std::string law;
  std::string what;

  [[nodiscard]] std::string text() const { return rule + " breaks the law \"" + law + "\": " + what + "."; }
};

namespace laws {

/// Writes down what is found while the laws go over a subject.
class Findings {
 public:
  explicit Findings(const Subject& subject) : subject_(subject) {}

  /// Runs a law; an exception that leaves it is a finding too.
  template <class Law>
  void hold(const char* name, const Law& law) {
    law_ = name;
    try {
      law();
    } catch (const std::exception& error) {
      expect(false, std::string("an exception: ") + error.what());
    }
  }
  void expect(bool holds, std::string otherwise) {
    if (!holds) all.push_back({subject_.name, law_, std::move(otherwise)});
  }

  std::vector<Finding> all;

 private:
  const Subject& subject_;
  std::string law_;
};

/// "0.3, must be below 0.1"
inline std::string too_much(double value, double bound) {
  return to_text(value) + ", must be at most " + to_text(bound);
}

}  // namespace laws
}  // namespace glissade
