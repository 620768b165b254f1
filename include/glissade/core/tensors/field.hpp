// Everything that a rule remembers, as named arrays: one form for saving, loading, comparing,
// printing and counting bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "buffer.hpp"
#include "tensor.hpp"

namespace glissade {

enum class ScalarType { float32, float64, bfloat16, float16, int64, bytes };

template <class S>
inline constexpr ScalarType scalar_type_of = [] {
  if constexpr (std::is_same_v<S, float>)
    return ScalarType::float32;
  else if constexpr (std::is_same_v<S, double>)
    return ScalarType::float64;
  else if constexpr (std::is_same_v<S, Eigen::bfloat16>)
    return ScalarType::bfloat16;
  else if constexpr (std::is_same_v<S, Eigen::half>)
    return ScalarType::float16;
  else {
    static_assert(std::is_same_v<S, std::int64_t>, "a scalar that glissade stores");
    return ScalarType::int64;
  }
}();

inline constexpr std::size_t size_of(ScalarType type) {
  switch (type) {
    case ScalarType::float32:
      return 4;
    case ScalarType::float64:
    case ScalarType::int64:
      return 8;
    case ScalarType::bfloat16:
    case ScalarType::float16:
      return 2;
    case ScalarType::bytes:
      return 1;
  }
  return 0;
}

/// One named array of a state. An array with the parameter's shape has its storage order too.
class Field {
 public:
  Field(std::string_view name, ScalarType type, Index rows, Index cols, bool row_major)
      : name_(name),
        type_(type),
        rows_(rows),
        cols_(cols),
        row_major_(row_major),
        data_(static_cast<std::size_t>(rows * cols) * size_of(type)) {}

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] ScalarType type() const { return type_; }
  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index cols() const { return cols_; }
  [[nodiscard]] Index size() const { return rows_ * cols_; }
  [[nodiscard]] bool row_major() const { return row_major_; }
  [[nodiscard]] std::size_t bytes() const { return data_.bytes(); }
  [[nodiscard]] std::byte* data() { return data_.data(); }
  [[nodiscard]] const std::byte* data() const { return data_.data(); }

  template <class S>
  [[nodiscard]] S* as() {
    return reinterpret_cast<S*>(data_.data());
  }
  template <class S>
  [[nodiscard]] const S* as() const {
    return reinterpret_cast<const S*>(data_.data());
  }

  /// Coefficient i in storage order, as a double; of block codes, byte i as it is.
  [[nodiscard]] double operator[](Index i) const {
    switch (type_) {
      case ScalarType::float32:
        return static_cast<double>(as<float>()[i]);
      case ScalarType::float64:
        return as<double>()[i];
      case ScalarType::bfloat16:
        return convert<double>(as<Eigen::bfloat16>()[i]);
      case ScalarType::float16:
        return convert<double>(as<Eigen::half>()[i]);
      case ScalarType::int64:
        return static_cast<double>(as<std::int64_t>()[i]);
      case ScalarType::bytes:
        return static_cast<double>(as<std::uint8_t>()[i]);
    }
    return 0;
  }

  [[nodiscard]] bool matches(std::string_view name, ScalarType type, Index rows, Index cols) const {
    // Names are literals: equal ones mostly lie at the same place.
    return type_ == type && rows_ == rows && cols_ == cols && name_.size() == name.size() &&
           (name_.data() == name.data() || name_ == name);
  }

  friend bool operator==(const Field& a, const Field& b) {
    return a.matches(b.name_, b.type_, b.rows_, b.cols_) && a.row_major_ == b.row_major_ &&
           (a.bytes() == 0 || std::memcmp(a.data(), b.data(), a.bytes()) == 0);
  }

 private:
  std::string_view name_;  // a literal of the rule
  ScalarType type_;
  Index rows_;
  Index cols_;
  bool row_major_;
  Buffer data_;
};

using Fields = std::vector<Field>;

/// use(pointer to the first number) by the type of a field of floating-point numbers; others are passed over.
template <class Use>
void with_numbers(Field& field, const Use& use) {
  switch (field.type()) {
    case ScalarType::float32:
      return use(field.as<float>());
    case ScalarType::float64:
      return use(field.as<double>());
    case ScalarType::bfloat16:
      return use(field.as<Eigen::bfloat16>());
    case ScalarType::float16:
      return use(field.as<Eigen::half>());
    case ScalarType::int64:
    case ScalarType::bytes:
      return;
  }
}

/// How often a rule has run: with a gradient, whatever a gate of the chain has said; and past all gates.
struct Counts {
  std::int64_t calls = 0;
  std::int64_t updates = 0;
  friend bool operator==(const Counts&, const Counts&) = default;
};

/// The memory of one tensor: a list of arrays for every link of the chain, and how often the rule has run.
struct TensorState {
  std::vector<Fields> links;
  Counts counts;
  std::int64_t waits = 0;  // a bit for each gate that has taken in updates since it was open last
  /// The types of leaves and parameter that the arrays were last found to fit; nothing that matters to a copy.
  struct Made {
    const void* by = nullptr;
    friend bool operator==(Made, Made) { return true; }
  } made;

  /// Of a tensor that every step leaves alone until it is reset, and that has no arrays.
  static TensorState resting() {
    TensorState state;
    state.counts = {-1, -1};
    return state;
  }
  [[nodiscard]] bool at_rest() const { return counts.calls < 0; }
  [[nodiscard]] std::size_t bytes() const {
    std::size_t total = 0;
    for (const Fields& fields : links)
      for (const Field& field : fields) total += field.bytes();
    return total;
  }
  friend bool operator==(const TensorState&, const TensorState&) = default;
};

}  // namespace glissade
