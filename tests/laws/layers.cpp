// The laws of layers: gradients are those of differences, batches may have any size, an optimizer binds a layer in one
// word, and a layer is a value that goes on from a file.
#include "support/subjects/layers.hpp"

#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"

#include <cstring>
#include <filesystem>
#include <limits>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using layer_tables::LayerSubject;
using layer_tables::normal;

namespace {

bool same_bits(const MatrixXd& a, const MatrixXd& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0);
}
/// Samples or tokens, as the layer wants them.
MatrixXd batch_in(const AnyLayer& layer, Index size, std::uint64_t stream = 3) {
  return layer.tokens_in_rows() ? normal(size, layer.inputs(), stream) : normal(layer.inputs(), size, stream);
}
MatrixXd batch_out(const AnyLayer& layer, Index size, std::uint64_t stream = 4) {
  return layer.tokens_in_rows() ? normal(size, layer.outputs(), stream) : normal(layer.outputs(), size, stream);
}
MatrixXd output_of(AnyLayer& layer, const MatrixXd& X) {
  MatrixXd Y = batch_out(layer, layer.tokens_in_rows() ? X.rows() : X.cols());
  layer.forward(X, Y);
  return Y;
}
/// Five point difference of f at a number, which is put back.
template <class F>
double slope(double& number, const F& f) {
  constexpr double h = 1e-3;
  const double middle = number;
  const auto at = [&](double shift) {
    number = middle + shift;
    return f();
  };
  const double difference = (at(-2 * h) - at(2 * h) + 8 * (at(h) - at(-h))) / (12 * h);
  number = middle;
  return difference;
}
/// gradient is that of f with respect to the numbers, which are put back.
template <class M, class F>
void check_gradient(M& numbers, const MatrixXd& gradient, const F& f) {
  double worst = 0;
  for (Index i = 0; i < numbers.size(); ++i)
    worst = std::max(worst, std::abs(slope(numbers.data()[i], f) - gradient.data()[i]));
  CHECK(gradient.allFinite());
  CHECK(worst <= 1e-9 * (1 + gradient.cwiseAbs().maxCoeff()));
}

}  // namespace

TEST_CASE("laws: a layer's gradients are those of differences, for every parameter and the input") {
  for (const LayerSubject& subject : layer_subjects())
    for (const Index size : {Index{1}, Index{6}}) {
      INFO(subject.name << ", batch of " << size);
      const auto layer = subject.trained();
      MatrixXd X = batch_in(*layer, size);
      MatrixXd dX = batch_in(*layer, size, 9);
      const MatrixXd dY = batch_out(*layer, size);
      auto gradients = layer->gradients();
      const auto loss = [&] { return output_of(*layer, X).cwiseProduct(dY).sum(); };
      for (int again = 0; again < 2; ++again) {  // what was there before is written over
        output_of(*layer, X);
        layer->backward(X, dY, gradients, dX);
      }
      auto without_input = layer->gradients();
      layer->backward(X, dY, without_input);
      std::size_t k = 0;
      for (AnyLayer::Parameter& parameter : layer->parameters()) {
        INFO(parameter.name);
        CHECK(gradients.name(k) == parameter.name);
        CHECK(same_bits(without_input[k], gradients[k]));
        check_gradient(parameter.values, gradients[k], loss);
        ++k;
      }
      INFO("X");
      check_gradient(X, dX, loss);
    }
}

TEST_CASE("laws: a layer takes an empty batch, whose gradients are zero") {
  for (const LayerSubject& subject : layer_subjects()) {
    INFO(subject.name);
    const auto layer = subject.trained();
    const MatrixXd X = batch_in(*layer, 0);
    MatrixXd Y = batch_out(*layer, 0), dX = X;
    auto gradients = layer->gradients();
    for (std::size_t k = 0; k < gradients.size(); ++k) gradients[k].setOnes();
    layer->forward(X, Y);
    layer->backward(X, Y, gradients, dX);
    for (std::size_t k = 0; k < gradients.size(); ++k) CHECK(gradients[k].isZero(0));
  }
}

TEST_CASE("laws: a new layer's output is what its paper says") {
  for (const LayerSubject& subject : layer_subjects()) {
    if (!subject.at_start) continue;
    INFO(subject.name);
    const MatrixXd X = batch_in(*subject.layer, 6);
    const MatrixXd expected = subject.at_start(X);
    const MatrixXd difference = output_of(*subject.layer, X) - expected;
    CHECK(difference.cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 1e-14 * expected.cwiseAbs().maxCoeff());
  }
}

TEST_CASE("laws: a layer takes nothing from the heap after its first call") {
  for (const LayerSubject& subject : layer_subjects()) {
    INFO(subject.name);
    const auto layer = subject.trained();
    const MatrixXd X = batch_in(*layer, 6);
    const MatrixXd dY = batch_out(*layer, 6);
    MatrixXd Y = dY, dX = X;
    auto gradients = layer->gradients();
    const auto once = [&] {
      layer->forward(X, Y);
      layer->backward(X, dY, gradients, dX);
    };
    once();
    const NoHeap watched;
    once();
    CHECK(watched.taken() == 0);
  }
}

TEST_CASE("laws: an optimizer binds a layer's parameters in one word") {
  for (const LayerSubject& subject : layer_subjects()) {
    INFO(subject.name);
    const auto layer = subject.trained();
    const auto before = layer->copy();
    auto gradients = layer->gradients();
    const MatrixXd X = batch_in(*layer, 6);
    MatrixXd dX = X;
    output_of(*layer, X);
    layer->backward(X, batch_out(*layer, 6), gradients, dX);
    const auto names = layer->step(Sgd{.learning_rate = 0.125}, gradients);
    const auto moved = layer->parameters();
    const auto expected = before->parameters();
    REQUIRE(names.size() == gradients.size());
    REQUIRE(names.size() == moved.size());
    Index count = 0;
    for (std::size_t k = 0; k < names.size(); ++k) {
      CHECK(names[k] == moved[k].name);
      const MatrixXd difference = expected[k].values - 0.125 * gradients[k] - moved[k].values;
      CHECK(difference.cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 1e-15);
      CHECK(!gradients[k].isZero(0));
      count += moved[k].values.size();
    }
    CHECK(layer->parameter_count() == count);
  }
}

TEST_CASE("laws: a layer is a value, and goes on from a file bit for bit") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_layer.safetensors";
  // What is loaded lies in a layer of other numbers, frozen ones too.
  const auto subjects = layer_subjects(), others = layer_subjects(1000);
  for (std::size_t k = 0; k < subjects.size(); ++k) {
    const LayerSubject& subject = subjects[k];
    INFO(subject.name);
    const auto layer = subject.trained();
    const MatrixXd X = batch_in(*layer, 6);
    const MatrixXd Y = output_of(*layer, X);
    const auto copy = layer->copy();
    const auto loaded = others[k].layer->copy();
    layer->save(path);
    loaded->load(path);
    for (AnyLayer::Parameter& parameter : layer->parameters()) parameter.values.setZero();
    CHECK(same_bits(output_of(*copy, X), Y));
    CHECK(same_bits(output_of(*loaded, X), Y));
  }
  std::filesystem::remove(path);
}

TEST_CASE("laws: a layer refuses what does not fit, and nothing is touched") {
  for (const LayerSubject& subject : layer_subjects()) {
    INFO(subject.name);
    const auto layer = subject.trained();
    const MatrixXd X = batch_in(*layer, 6);
    const MatrixXd dY = batch_out(*layer, 6);
    auto gradients = layer->gradients();
    MatrixXd Y = MatrixXd::Constant(dY.rows(), dY.cols(), 0.5), dX = X;
    CHECK(!message_of<std::logic_error>([&] { subject.layer->copy()->backward(X, dY, gradients, dX); }).empty());
    MatrixXd wrong = MatrixXd::Zero(X.rows() + 1, X.cols() + 1);
    CHECK(message_of([&] { layer->forward(wrong, Y); }).find(" must be ") != std::string::npos);
    CHECK((Y.array() == 0.5).all());
    layer->forward(X, Y);
    for (std::size_t k = 0; k < gradients.size(); ++k) gradients[k].setConstant(0.25);
    MatrixXd narrow = MatrixXd::Zero(dX.rows(), dX.cols() + 1);
    CHECK(message_of([&] { layer->backward(X, wrong, gradients, dX); }).find(" must be ") != std::string::npos);
    CHECK(message_of([&] { layer->backward(X, dY, gradients, narrow); }).find(" must be ") != std::string::npos);
    for (std::size_t k = 0; k < gradients.size(); ++k) CHECK((gradients[k].array() == 0.25).all());
    CHECK(message_of([&] { gradients["no such name"].setZero(); }).find("there is no \"no such name\"") !=
          std::string::npos);
  }
}
