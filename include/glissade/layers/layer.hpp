// What a layer is. Everything that an author of a new one needs to know is on this page.
//
// A layer is a differentiable map with parameters of its own, a class with
//
//   name         static constexpr std::string_view, for messages and files
//   Scalar       float or double;  Matrix is Eigen::Matrix<Scalar, Dynamic, Dynamic>
//   inputs, outputs
//                Index inputs() const: the size of a sample, of what goes in and of what comes out
//   forward      void forward(const Input& X, Output Y): X inputs x b, samples in columns, Y outputs x b. A layer
//                over a sequence has tokens in rows instead, X L x inputs, and says so:
//                static constexpr bool tokens_in_rows = true
//   backward     void backward(const Input& X, const Input& dY, LayerGradients<Scalar>& gradients, Output dX), and the
//   same
//                without dX: after forward(X, Y), the gradients of the loss from that of Y. They are written, not added
//   parameters   void parameters(auto&& visit) and the same const: visit("A", A) for every trained matrix or vector,
//                whose names are part of files
//   visit        static void visit(auto& self, auto&& field): all that it remembers, the frozen part too, so that
//                save(layer, path) and load(layer, path) of io/method_state.hpp go on bit for bit
//
// where Input is const Eigen::Ref<const Matrix>& and Output Eigen::Ref<Matrix>, sized before the call. A batch may be
// empty: then the gradients are zero. Shapes that do not fit are std::invalid_argument with both shapes, a call at the
// wrong time is std::logic_error, both before anything is touched. After the first call with a size nothing is taken
// from the heap: products go through multiply (linalg/product.hpp). Non-finite input propagates.
//
//     LoraLayer<float> layer(W, {.rank = 8});
//     auto gradients = gradients_of(layer);
//     Optimizer optimizer{AdamW{}, layer};              // binds all its parameters, by their names
//     layer.forward(X, Y);
//     layer.backward(X, dY, gradients);
//     optimizer.step(gradients);
//
// A model of several layers is a struct whose parameters(visit) names them: visit("first", first), which makes the
// names "first.A" and so on; its gradients are those of a LayerGradients made for each layer.
#pragma once

#include <Eigen/Core>

#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/checks.hpp"
#include "../core/random.hpp"
#include "../core/tensors/tensor.hpp"
#include "../linalg/product.hpp"

namespace glissade {

/// The gradients of a layer's parameters, in their order and by their names: what backward writes and an optimizer's
/// step reads.
///
///     LoraLayer<float> layer(W, {.rank = 8});
///     LayerGradients<float> gradients(layer);
///     gradients["A"] *= 0.5f;
template <class T>
class LayerGradients {
 public:
  using Scalar = T;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;

  /// Zeros of the shapes of a layer's parameters.
  template <ListsParameters L>
  explicit LayerGradients(const L& layer) {
    layer.parameters([&](std::string_view name, const auto& parameter) {
      names_.emplace_back(name);
      matrices_.push_back(Matrix::Zero(parameter.rows(), parameter.cols()));
    });
  }

  [[nodiscard]] std::size_t size() const { return matrices_.size(); }
  [[nodiscard]] Matrix& operator[](std::size_t k) { return matrices_.at(k); }
  [[nodiscard]] const Matrix& operator[](std::size_t k) const { return matrices_.at(k); }
  /// Throws std::invalid_argument, with the names there are, where none is this.
  [[nodiscard]] Matrix& operator[](std::string_view name) { return matrices_[find(name)]; }
  [[nodiscard]] const Matrix& operator[](std::string_view name) const { return matrices_[find(name)]; }
  [[nodiscard]] const std::string& name(std::size_t k) const { return names_.at(k); }

  void set_zero() {
    for (Matrix& matrix : matrices_) matrix.setZero();
  }
  void parameters(auto&& visit) {
    for (std::size_t k = 0; k < size(); ++k) visit(std::string_view(names_[k]), matrices_[k]);
  }
  void parameters(auto&& visit) const {
    for (std::size_t k = 0; k < size(); ++k) visit(std::string_view(names_[k]), matrices_[k]);
  }

 private:
  [[nodiscard]] std::size_t find(std::string_view name) const {
    for (std::size_t k = 0; k < size(); ++k)
      if (names_[k] == name) return k;
    std::string known;
    for (const std::string& other : names_) known += (known.empty() ? "" : ", ") + other;
    throw std::invalid_argument("LayerGradients: there is no \"" + std::string(name) + "\", only " + known);
  }

  std::vector<std::string> names_;
  std::vector<Matrix> matrices_;
};

template <class L>
concept TrainableLayer = ListsParameters<L> &&
    requires(L& layer, const L& asked, typename L::Matrix& M, LayerGradients<typename L::Scalar>& gradients) {
  std::string_view(L::name);
  { asked.inputs() } -> std::convertible_to<Eigen::Index>;
  { asked.outputs() } -> std::convertible_to<Eigen::Index>;
  layer.forward(M, M);
  layer.backward(M, M, gradients);
  layer.backward(M, M, gradients, M);
};

template <ListsParameters L>
[[nodiscard]] LayerGradients<typename L::Scalar> gradients_of(const L& layer) {
  return LayerGradients<typename L::Scalar>(layer);
}

/// For authors: throws std::invalid_argument unless there is a gradient of its shape for every parameter.
template <ListsParameters L>
void require_gradients(std::string_view where, const L& layer, const LayerGradients<typename L::Scalar>& gradients) {
  layer.parameters([&](std::string_view name, const auto& parameter) {
    require_shape(where, name, gradients[name], parameter.rows(), parameter.cols());
  });
}

/// For authors: fills a parameter with numbers that are uniform in +-bound, a function of the key.
void fill_uniform(auto& parameter, double bound, RandomKey key) {
  using T = typename std::remove_cvref_t<decltype(parameter)>::Scalar;
  for (Eigen::Index i = 0; i < parameter.size(); ++i)
    parameter.data()[i] = static_cast<T>(bound * (2 * key.uniform(static_cast<std::uint64_t>(i)) - 1));
}

/// How many numbers are trained.
template <ListsParameters L>
[[nodiscard]] Eigen::Index parameter_count(const L& layer) {
  Eigen::Index count = 0;
  layer.parameters([&](std::string_view, const auto& part) {
    if constexpr (ListsParameters<decltype(part)>)
      count += parameter_count(part);
    else
      count += part.size();
  });
  return count;
}

}  // namespace glissade
