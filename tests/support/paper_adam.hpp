// Adam as "On the Convergence of Adam and Beyond" (2018, arXiv 1904.09237) writes it: no bias
// correction and no epsilon. The library does not have it, for it does not converge.
#pragma once

#include <glissade/glissade.hpp>

struct ScaleByPaperAdam {
  static constexpr std::string_view name = "ScaleByPaperAdam";
  double beta1 = 0.9;
  double beta2 = 0.99;

  static constexpr std::array<std::string_view, 2> slots{"first_moment", "second_moment"};

  [[nodiscard]] auto kernel(const glissade::Step&) const {
    return [b1 = beta1, b2 = beta2](auto& u, const auto&, auto& m, auto& v) {
      m = b1 * m + (1 - b1) * u;
      v = b2 * v + (1 - b2) * square(u);
      u = m / (sqrt(v) + glissade::guard<std::remove_cvref_t<decltype(u)>>(0));
    };
  }
};

inline auto paper_adam(glissade::Schedule rate, double beta1, double beta2) {
  return chain(ScaleByPaperAdam{beta1, beta2}, glissade::ScaleByLearningRate{std::move(rate)});
}
