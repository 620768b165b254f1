// needs: Torch
// torch::optim::Adam of libtorch, on the same sizes, in one thread.
#include "support/race.hpp"
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>

#include <torch/torch.h>

int main() {
  torch::set_num_threads(1);
  std::printf("%12s %14s %14s %12s\n", "coefficients", "libtorch ns", "glissade ns", "times faster");
  for (const Eigen::Index size : {Eigen::Index{1} << 10, Eigen::Index{1} << 14, Eigen::Index{1} << 22}) {
    auto theirs = torch::full({size}, 0.5f).requires_grad_();
    theirs.mutable_grad() = torch::full({size}, 0.25f);
    torch::optim::Adam torch_adam({theirs}, torch::optim::AdamOptions(1e-6));
    Eigen::VectorXf ours = Eigen::VectorXf::Constant(size, 0.5f);
    const Eigen::VectorXf gradient = Eigen::VectorXf::Constant(size, 0.25f);
    glissade::Optimizer adam{glissade::Adam{.learning_rate = 1e-6}, ours};
    const int repeats = static_cast<int>(std::max<Eigen::Index>(1, (Eigen::Index{1} << 20) / size));
    const std::vector<double> seconds =
        bench::race({{"torch", [&] { torch_adam.step(); }}, {"glissade", [&] { adam.step(gradient); }}}, 21, repeats);
    std::printf("%12ld %14.3f %14.3f %12.1f\n", static_cast<long>(size), seconds[0] / static_cast<double>(size) * 1e9,
                seconds[1] / static_cast<double>(size) * 1e9, seconds[0] / seconds[1]);
  }
  return 0;
}
