// Stop and go on, bit for bit: half of a run, saved, and the other half with new objects that know
// nothing of the first, as in another program.
#include <glissade/glissade.hpp>
#include <glissade/io/safetensors.hpp>

#include <cstdio>
#include <filesystem>

namespace {

using glissade::AdamW;
using glissade::named;
using glissade::Optimizer;
using glissade::warmup_cosine_decay;

struct Model {
  Eigen::MatrixXf weight = Eigen::MatrixXf::Ones(30, 20);
  Eigen::VectorXf bias = Eigen::VectorXf::Zero(30);
};

auto make_optimizer(Model& model) {
  return Optimizer{AdamW{.learning_rate = warmup_cosine_decay(0.01, 20, 200), .weight_decay = 0.1},
                   named("weight", model.weight), named("bias", model.bias)};
}

/// Steps on something curved enough that a lost moment or step count would show.
void train(auto& optimizer, const Model& model, int steps) {
  for (int i = 0; i < steps; ++i)
    optimizer.step(model.weight.array().sin().matrix(), model.bias.array().cos().matrix());
}

}  // namespace

int main() {
  const std::filesystem::path path = "stop_and_resume.safetensors";

  Model whole;
  auto uninterrupted = make_optimizer(whole);
  train(uninterrupted, whole, 200);

  {
    Model first_half;
    auto optimizer = make_optimizer(first_half);
    train(optimizer, first_half, 100);
    save(optimizer, path);
  }
  Model model;
  auto resumed = make_optimizer(model);
  load(resumed, path);  // the parameters too
  const auto steps_before = static_cast<int>(resumed.steps());
  train(resumed, model, 100);

  std::printf("%s: %d bytes, saved after %d steps\n", path.c_str(), static_cast<int>(std::filesystem::file_size(path)),
              steps_before);
  std::filesystem::remove(path);
  if (model.weight == whole.weight && model.bias == whole.bias && steps_before == 100) {
    std::puts("after 200 steps the two runs are identical in every bit");
    return 0;
  }
  std::fprintf(stderr, "wrong: the resumed run differs from the uninterrupted one\n");
  return 1;
}
