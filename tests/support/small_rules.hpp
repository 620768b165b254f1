// Rules that only tests have: each uses one part of the interface of rule/rule.hpp.
#pragma once

#include <glissade/glissade.hpp>

/// u <- u |x| / |u| with the norms of each tensor on its own; unchanged where one of them is zero.
struct OwnTrustRatio {
  static constexpr std::string_view name = "OwnTrustRatio";
  static constexpr glissade::Reduction reduction = glissade::Reduction::over_tensor;
  static constexpr int sums = 2;

  [[nodiscard]] auto measure(const glissade::Step&) const {
    return [](const auto& u, const auto& x) { return glissade::terms(square(widen(u)), square(widen(x))); };
  }
  [[nodiscard]] auto kernel(const glissade::Step&, const double* squares) const {
    const double ratio = squares[0] > 0 && squares[1] > 0 ? std::sqrt(squares[1] / squares[0]) : 1;
    return [ratio](auto& u, const auto&) { u *= ratio; };
  }
};

/// Leaves the update alone and keeps its sum of squares over all tensors: shared("sum_of_squares").
struct RecordSquares {
  static constexpr std::string_view name = "RecordSquares";
  static constexpr glissade::Reduction reduction = glissade::Reduction::over_all;
  static constexpr int sums = 1;
  static constexpr std::array<glissade::NamedScalar, 1> shared{{{"sum_of_squares"}}};

  [[nodiscard]] auto measure(const glissade::Step&) const {
    return [](const auto& u, const auto&) { return glissade::terms(square(widen(u))); };
  }
  [[nodiscard]] auto kernel(const glissade::Step& step, const double* squares) const {
    step.shared(0) = squares[0];
    return [](auto&, const auto&) {};
  }
};

/// u <- u times the index of the coefficient.
struct ScaleByIndex {
  static constexpr std::string_view name = "ScaleByIndex";
  static constexpr bool indexed = true;

  [[nodiscard]] auto kernel(const glissade::Step&) const {
    return [](glissade::Index first, auto& u, const auto&) {
      using L = std::remove_cvref_t<decltype(u)>;
      typename L::Scalar numbers[std::size_t{L::width}];
      for (int k = 0; k < L::width; ++k) numbers[k] = static_cast<typename L::Scalar>(first + k);
      u *= L::load(numbers);
    };
  }
};

/// Pulls towards where the parameters were at the start, harder in every step.
struct ReturnToStart {
  static constexpr std::string_view name = "ReturnToStart";
  static constexpr std::array<std::string_view, 2> slots{"start", "ones"};
  static constexpr std::array<glissade::NamedScalar, 2> scalars{{{"pull", 0.25}, {"calls"}}};

  [[nodiscard]] double initial(std::size_t slot) const { return slot == 0 ? glissade::from_parameters : 1; }
  [[nodiscard]] auto kernel(const glissade::Step& step) const {
    const double pull = step.scalar(0);
    step.scalar(0) *= 2;
    step.scalar(1) += 1;
    return [pull](auto& u, const auto& x, auto& start, auto& ones) {
      u = u + pull * (x - start);
      ones = ones + 1;
    };
  }
};
