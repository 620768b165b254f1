// Weights alone: there and back, from optimizers' files, of other types, and what is refused.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/io/safetensors.hpp>
#include <glissade/io/weights.hpp>
#include <glissade/layers/lora.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::MatrixXf;
using Eigen::VectorXd;

namespace {

struct Model {
  using Scalar = float;
  LoraLayer<float> first{MatrixXf::Ones(4, 5), {.rank = 2}}, second{MatrixXf::Ones(3, 4), {.rank = 1}};
  Eigen::VectorXf bias = Eigen::VectorXf::Ones(3);

  void parameters(auto&& visit) {
    visit("first", first);
    visit("second", second);
    visit("bias", bias);
  }
  void parameters(auto&& visit) const {
    visit("first", first);
    visit("second", second);
    visit("bias", bias);
  }
};

const auto path = std::filesystem::temp_directory_path() / "glissade_weights.safetensors";

}  // namespace

TEST_CASE("weights: matrices, numbers, ranges and models come back bit for bit") {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  MatrixXd W = MatrixXd::Random(3, 4);
  std::vector<double> many{1, 2, std::numeric_limits<double>::quiet_NaN()};
  double number = -0.0;
  save_weights(path, named("W", W), named("many", many), number);
  RowMajor turned(3, 4);
  std::array<double, 3> some{};
  double other = 7;
  load_weights(path, named("W", turned), named("many", some), named("2", other));
  CHECK(turned == W);
  CHECK((some[0] == 1 && some[1] == 2 && some[2] != some[2]));
  CHECK(std::signbit(other));

  Model model, loaded;
  model.first.A.setRandom();
  model.second.B.setRandom();
  model.bias.setRandom();
  save_weights(path, model);
  load_weights(path, named("first.A", loaded.first.A), named("bias", loaded.bias));
  CHECK(loaded.first.A == model.first.A);
  CHECK(loaded.second.B != model.second.B);
  load_weights(path, loaded);
  CHECK(loaded.second.B == model.second.B);
  CHECK(loaded.bias == model.bias);
}

TEST_CASE("weights: those of an optimizer's file, and of narrower types") {
  MatrixXf W = MatrixXf::Random(3, 2);
  Optimizer optimizer{Adam{}, named("W", W)};
  optimizer.step(W);
  save(optimizer, path);
  MatrixXd wide(3, 2);
  load_weights(path, named("W", wide));
  CHECK(wide == W.cast<double>());
  Eigen::Matrix<Eigen::bfloat16, 2, 2> brain;
  brain << Eigen::bfloat16(1.5f), Eigen::bfloat16(-2.0f), Eigen::bfloat16(0.125f), Eigen::bfloat16(3e38f);
  save_weights(path, named("b", brain));
  Eigen::Matrix2f single;
  load_weights(path, named("b", single));
  CHECK(single == brain.cast<float>());
  Eigen::Matrix<Eigen::half, 2, 2> half;
  CHECK(message_of<std::runtime_error>([&] { load_weights(path, named("b", half)); }).find("dtype BF16") !=
        std::string::npos);
}

TEST_CASE("weights: what does not fit is refused, and nothing has changed") {
  MatrixXd W = MatrixXd::Random(3, 2), V = W;
  VectorXd b = VectorXd::Random(3);
  save_weights(path, named("W", W), named("b", b));
  V.setZero();
  VectorXd c = VectorXd::Zero(3), longer = VectorXd::Zero(4);
  MatrixXf narrow = MatrixXf::Zero(3, 2);
  const auto refuses = [&](auto&&... weights) {
    return message_of<std::runtime_error>([&] { load_weights(path, weights...); });
  };
  CHECK(refuses(named("W", V), named("b", longer)).find("shape [3], expected [4]") != std::string::npos);
  CHECK(refuses(named("W", V), named("d", c)).find("missing, expected F64 [3]") != std::string::npos);
  CHECK(refuses(named("W", narrow)).find("dtype F64, expected F32") != std::string::npos);
  CHECK(V.isZero(0));
  CHECK(message_of([&] { save_weights(path, named("W", W), named("W", b)); }).find("two parameters are named \"W\"") !=
        std::string::npos);
  CHECK(!message_of([&] { save_weights(path, named("state/x", W)); }).empty());
  load_weights(path, named("W", V), named("b", c));  // still the first file
  CHECK(V == W);
  CHECK(c == b);
  std::filesystem::remove(path);
  CHECK(refuses(named("W", V)).find("cannot be read") != std::string::npos);
}

TEST_CASE("weights: Python's safetensors reads them", "[python]") {
  if (std::system("python3 -c 'import safetensors.numpy' 2>/dev/null") != 0) {
    WARN("skipped: Python has no safetensors");
    return;
  }
  MatrixXd W(2, 3);
  W << 1, 2, 3, 4, 5, 6;
  save_weights(path, named("W", W), named("b", VectorXd(VectorXd::Ones(2))));
  const std::string program =
      "import sys; from safetensors.numpy import load_file; t = load_file(sys.argv[1]); "
      "assert t['W'].tolist() == [[1, 2, 3], [4, 5, 6]] and t['b'].shape == (2,) and len(t) == 2";
  CHECK(std::system(("python3 -c \"" + program + "\" " + path.string()).c_str()) == 0);
  std::filesystem::remove(path);
}
