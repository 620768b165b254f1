// A hundred tensors of 10 Ki coefficients against one of as many; a step of a single tensor of 8, and of a hundred
// thousand of those; and what it takes to bind very many: as long for each.
#include "support/race.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/rules/sgd.hpp>

#include <chrono>

namespace {

template <class R>
void small_tensors(const R& rule) {
  constexpr std::size_t count = 100'000;
  Eigen::VectorXd one = Eigen::VectorXd::Ones(8);
  const Eigen::VectorXd gradient = Eigen::VectorXd::Constant(8, 0.01);
  std::vector<Eigen::VectorXd> many(count, one);
  const std::vector<Eigen::VectorXd> gradients(count, gradient);
  glissade::Optimizer alone{rule, one};
  glissade::Optimizer all{rule, many};
  const auto steps = [&] {
    for (std::size_t i = 0; i < count; ++i) alone.step(gradient);
  };
  const std::vector<double> seconds = bench::race({{"one", steps}, {"many", [&] { all.step(gradients); }}}, 15, 1);
  std::printf("%s, 8 doubles: a step %.0f ns, of 100 000 tensors %.0f ns each\n", std::string(R::name).c_str(),
              seconds[0] / count * 1e9, seconds[1] / count * 1e9);
}

}  // namespace

int main() {
  using namespace glissade;
  constexpr Eigen::Index each = 10 << 10;
  constexpr std::size_t count = 100;
  std::vector<Eigen::VectorXf> many(count, Eigen::VectorXf::Constant(each, 0.5f));
  const std::vector<Eigen::VectorXf> gradients(count, Eigen::VectorXf::Constant(each, 0.25f));
  Eigen::VectorXf one = Eigen::VectorXf::Constant(each * static_cast<Eigen::Index>(count), 0.5f);
  const Eigen::VectorXf gradient = Eigen::VectorXf::Constant(one.size(), 0.25f);

  Optimizer pieces{Adam{.learning_rate = 1e-6}, many};
  Optimizer whole{Adam{.learning_rate = 1e-6}, one};
  const std::vector<double> seconds =
      bench::race({{"whole", [&] { whole.step(gradient); }}, {"pieces", [&] { pieces.step(gradients); }}}, 101, 1);
  std::printf("Adam, %ld coefficients: one tensor %.3f ns, %zu tensors %.3f ns, ratio %.2f\n",
              static_cast<long>(one.size()), seconds[0] / static_cast<double>(one.size()) * 1e9, count,
              seconds[1] / static_cast<double>(one.size()) * 1e9, seconds[0] / seconds[1]);

  small_tensors(Sgd{.learning_rate = 1e-6});
  small_tensors(Adam{.learning_rate = 1e-6});

  for (const std::size_t tensors : {30'000u, 300'000u}) {
    std::vector<Eigen::Vector2f> small(tensors, Eigen::Vector2f(1, 2));
    const auto start = std::chrono::steady_clock::now();
    const Optimizer bound{Adam{}, small};
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
    std::printf("%zu tensors bound: %.0f ns each\n", tensors, taken.count() / static_cast<double>(tensors));
  }
  return 0;
}
