// The laws of layers: gradients are those of differences, batches may have any size, an optimizer binds a layer in one
// word, and a layer is a value that goes on from a file.
#include "support/subjects/layers.hpp"

#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/sgd.hpp>

#include <cstring>
#include <filesystem>
#include <limits>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using layer_tables::LayerSubject;
using layer_tables::normal;
using layer_tables::trained;

namespace {

bool same_bits(const MatrixXd& a, const MatrixXd& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0);
}
template <class L>
constexpr bool tokens_in_rows = requires {
  requires L::tokens_in_rows;
};
/// Samples or tokens, as the layer wants them.
template <class L>
MatrixXd batch_in(const L& layer, Index size, std::uint64_t stream = 3) {
  return tokens_in_rows<L> ? normal(size, layer.inputs(), stream) : normal(layer.inputs(), size, stream);
}
template <class L>
MatrixXd batch_out(const L& layer, Index size, std::uint64_t stream = 4) {
  return tokens_in_rows<L> ? normal(size, layer.outputs(), stream) : normal(layer.outputs(), size, stream);
}
template <class L>
MatrixXd output_of(L& layer, const MatrixXd& X) {
  MatrixXd Y = batch_out(layer, tokens_in_rows<L> ? X.rows() : X.cols());
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

}  // namespace

TEST_CASE("laws: a layer's gradients are those of differences, for every parameter and the input") {
  for_each_layer([]<class Make>(const LayerSubject& subject, const Make& make) {
    static_assert(Layer<decltype(make())>);
    for (const Index size : {Index{1}, Index{6}}) {
      INFO(subject.name << ", batch of " << size);
      auto layer = trained(make());
      MatrixXd X = batch_in(layer, size);
      MatrixXd dX = batch_in(layer, size, 9);
      const MatrixXd dY = batch_out(layer, size);
      auto gradients = gradients_of(layer);
      const auto loss = [&] { return output_of(layer, X).cwiseProduct(dY).sum(); };
      for (int again = 0; again < 2; ++again) {  // what was there before is written over
        output_of(layer, X);
        layer.backward(X, dY, gradients, dX);
      }
      auto without_input = gradients_of(layer);
      layer.backward(X, dY, without_input);
      std::size_t k = 0;
      layer.parameters([&](std::string_view name, auto& parameter) {
        INFO(name);
        CHECK(gradients.name(k) == name);
        const MatrixXd& gradient = gradients[k];
        CHECK(same_bits(without_input[k], gradient));
        ++k;
        double worst = 0;
        for (Index i = 0; i < parameter.size(); ++i)
          worst = std::max(worst, std::abs(slope(parameter.data()[i], loss) - gradient.data()[i]));
        CHECK(gradient.allFinite());
        CHECK(worst <= 1e-9 * (1 + gradient.cwiseAbs().maxCoeff()));
      });
      double worst = 0;
      for (Index i = 0; i < X.size(); ++i) worst = std::max(worst, std::abs(slope(X.data()[i], loss) - dX.data()[i]));
      CHECK(dX.allFinite());
      CHECK(worst <= 1e-9 * (1 + dX.cwiseAbs().maxCoeff()));
    }
  });
}

TEST_CASE("laws: a layer takes an empty batch, whose gradients are zero") {
  for_each_layer([](const LayerSubject& subject, const auto& make) {
    INFO(subject.name);
    auto layer = trained(make());
    const MatrixXd X = batch_in(layer, 0);
    MatrixXd Y = batch_out(layer, 0), dX = X;
    auto gradients = gradients_of(layer);
    for (std::size_t k = 0; k < gradients.size(); ++k) gradients[k].setOnes();
    layer.forward(X, Y);
    layer.backward(X, Y, gradients, dX);
    for (std::size_t k = 0; k < gradients.size(); ++k) CHECK(gradients[k].isZero(0));
  });
}

TEST_CASE("laws: a new layer's output is what its paper says") {
  for_each_layer([](const LayerSubject& subject, const auto& make) {
    if (!subject.at_start) return;
    INFO(subject.name);
    auto layer = make();
    const MatrixXd X = batch_in(layer, 6);
    const MatrixXd expected = subject.at_start(X);
    const MatrixXd difference = output_of(layer, X) - expected;
    CHECK(difference.cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= 1e-14 * expected.cwiseAbs().maxCoeff());
  });
}

TEST_CASE("laws: a layer takes nothing from the heap after its first call") {
  for_each_layer([](const LayerSubject& subject, const auto& make) {
    INFO(subject.name);
    auto layer = trained(make());
    const MatrixXd X = batch_in(layer, 6);
    const MatrixXd dY = batch_out(layer, 6);
    MatrixXd Y = dY, dX = X;
    auto gradients = gradients_of(layer);
    const auto once = [&] {
      layer.forward(X, Y);
      layer.backward(X, dY, gradients, dX);
    };
    once();
    const NoHeap watched;
    once();
    CHECK(watched.taken() == 0);
  });
}

TEST_CASE("laws: an optimizer binds a layer's parameters in one word") {
  for_each_layer([](const LayerSubject& subject, const auto& make) {
    INFO(subject.name);
    auto layer = trained(make());
    auto before = layer;
    auto gradients = gradients_of(layer);
    const MatrixXd X = batch_in(layer, 6);
    MatrixXd dX = X;
    output_of(layer, X);
    layer.backward(X, batch_out(layer, 6), gradients, dX);
    Optimizer optimizer{Sgd{.learning_rate = 0.125}, layer};
    CHECK(optimizer.size() == gradients.size());
    CHECK(parameter_count(layer) > 0);
    optimizer.step(gradients);
    std::vector<MatrixXd> expected;
    before.parameters([&](std::string_view, const auto& parameter) { expected.emplace_back(parameter); });
    std::size_t k = 0;
    layer.parameters([&](std::string_view name, const auto& parameter) {
      CHECK(optimizer.tensor(k).name == name);
      const MatrixXd moved = expected[k] - 0.125 * gradients[k];
      CHECK((moved - parameter).cwiseAbs().maxCoeff() <= 1e-15);
      CHECK(!gradients[k].isZero(0));
      ++k;
    });
  });
}

TEST_CASE("laws: a layer is a value, and goes on from a file bit for bit") {
  const auto path = std::filesystem::temp_directory_path() / "glissade_layer.safetensors";
  for_each_layer([&](const LayerSubject& subject, const auto& make) {
    INFO(subject.name);
    auto layer = trained(make());
    const MatrixXd X = batch_in(layer, 6);
    const MatrixXd Y = output_of(layer, X);
    auto copy = layer;
    auto loaded = make();
    save(layer, path);
    load(loaded, path);
    layer.parameters([&](std::string_view, auto& parameter) { parameter.setZero(); });
    CHECK(same_bits(output_of(copy, X), Y));
    CHECK(same_bits(output_of(loaded, X), Y));
  });
  std::filesystem::remove(path);
}

TEST_CASE("laws: a layer refuses what does not fit, and nothing is touched") {
  for_each_layer([](const LayerSubject& subject, const auto& make) {
    INFO(subject.name);
    auto layer = trained(make());
    const MatrixXd X = batch_in(layer, 6);
    const MatrixXd dY = batch_out(layer, 6);
    auto gradients = gradients_of(layer);
    MatrixXd Y = MatrixXd::Constant(dY.rows(), dY.cols(), 0.5), dX = X;
    CHECK(!message_of<std::logic_error>([&] { make().backward(X, dY, gradients, dX); }).empty());
    const MatrixXd wrong = MatrixXd::Zero(X.rows() + 1, X.cols() + 1);
    CHECK(message_of([&] { layer.forward(wrong, Y); }).find(" must be ") != std::string::npos);
    CHECK((Y.array() == 0.5).all());
    layer.forward(X, Y);
    for (std::size_t k = 0; k < gradients.size(); ++k) gradients[k].setConstant(0.25);
    MatrixXd narrow = MatrixXd::Zero(dX.rows(), dX.cols() + 1);
    CHECK(message_of([&] { layer.backward(X, wrong, gradients, dX); }).find(" must be ") != std::string::npos);
    CHECK(message_of([&] { layer.backward(X, dY, gradients, narrow); }).find(" must be ") != std::string::npos);
    for (std::size_t k = 0; k < gradients.size(); ++k) CHECK((gradients[k].array() == 0.25).all());
    CHECK(message_of([&] { gradients["no such name"].setZero(); }).find("there is no \"no such name\"") !=
          std::string::npos);
  });
}
