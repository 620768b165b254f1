// A rule of your own in 15 lines, as good a citizen as the built-in ones: it goes into chains, its
// options are checked, its state is named, saved and stored in bfloat16 like any other. One line holds it to the laws
// that the built-in rules obey.
#include <glissade/glissade.hpp>
#include <glissade/testing/laws.hpp>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string_view>

namespace {

/// m <- momentum m + (1 - momentum) u,   u <- sign(m) sqrt(|m|)
/// "On the Powerball Method", 2016, arXiv 1603.07421, with the power 1/2 and momentum.
struct Powerball {
  static constexpr std::string_view name = "Powerball";
  double momentum = 0.9;

  static constexpr std::array<std::string_view, 1> slots{"average"};

  static void options(auto& self, auto&& visit) { visit("momentum", self.momentum, glissade::range::decay); }
  [[nodiscard]] auto kernel(const glissade::Step&) const {
    return [b = momentum](auto& u, const auto& /*x*/, auto& m) {
      m = b * m + (1 - b) * u;
      u = sign(m) * sqrt(abs(m));
    };
  }
};

}  // namespace

int main() {
  using glissade::ClipByValue;
  using glissade::cosine_decay;
  using glissade::named;
  using glissade::Optimizer;
  using glissade::ScaleByLearningRate;

  // The gradient of sum scale_i (x_i^4 / 4 + x_i^2 / 2): the root halves its range of magnitudes.
  const Eigen::ArrayXd scale = Eigen::ArrayXd::LinSpaced(50, 0, 6).exp();
  Eigen::ArrayXd x = Eigen::ArrayXd::Constant(50, 2);
  auto rule = chain(Powerball{.momentum = 0.5}, ClipByValue{.max_value = 2},
                    ScaleByLearningRate{.learning_rate = cosine_decay(0.05, 1000)});
  Optimizer optimizer{rule, named("x", x)};
  for (int step = 0; step < 1000; ++step) optimizer.step(scale * (x.cube() + x));

  const double error = x.abs().maxCoeff();
  const auto findings = glissade::check_rule(chain(Powerball{.momentum = 0.5}, ScaleByLearningRate{0.002}));
  for (const glissade::Finding& finding : findings) std::printf("%s\n", finding.text().c_str());
  std::printf("largest |x_i| after 1000 steps: %.2g, started at 2\n", error);
  std::printf("average of x_50's gradient: %.2g\n", optimizer.field("x", "average")[49]);
  try {
    Optimizer refused{Powerball{.momentum = 1.5}, x};
  } catch (const std::invalid_argument& refusal) {
    std::printf("refused: %s\n", refusal.what());
    if (error < 1e-3 && findings.empty()) return 0;
  }
  std::fprintf(stderr, "wrong: expected |x_i| below 1e-3, no broken law and a refusal of momentum = 1.5\n");
  return 1;
}
