// A layer of doubles whose type is hidden, so that the laws of layers are compiled once and not for every layer.
#pragma once

#include <glissade/io/method_state.hpp>
#include <glissade/layers/layer.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/sgd.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

class AnyLayer {
 public:
  using Matrix = Eigen::MatrixXd;
  using Gradients = glissade::LayerGradients<double>;
  struct Parameter {
    std::string name;
    Eigen::Map<Matrix> values;
  };

  AnyLayer() = default;
  AnyLayer(const AnyLayer&) = default;
  AnyLayer& operator=(const AnyLayer&) = delete;
  virtual ~AnyLayer() = default;
  [[nodiscard]] virtual std::unique_ptr<AnyLayer> copy() const = 0;
  [[nodiscard]] virtual bool tokens_in_rows() const = 0;
  [[nodiscard]] virtual Eigen::Index inputs() const = 0;
  [[nodiscard]] virtual Eigen::Index outputs() const = 0;
  virtual void forward(const Matrix& X, Matrix& Y) = 0;
  virtual void backward(const Matrix& X, const Matrix& dY, Gradients& gradients) = 0;
  virtual void backward(const Matrix& X, const Matrix& dY, Gradients& gradients, Matrix& dX) = 0;
  [[nodiscard]] virtual Gradients gradients() const = 0;
  [[nodiscard]] virtual std::vector<Parameter> parameters() = 0;
  [[nodiscard]] virtual Eigen::Index parameter_count() const = 0;
  /// One step of an optimizer that binds the layer, and the names of what it has bound.
  virtual std::vector<std::string> step(const glissade::Sgd& rule, const Gradients& gradients) = 0;
  virtual void save(const std::filesystem::path& path) const = 0;
  virtual void load(const std::filesystem::path& path) = 0;
};

template <glissade::TrainableLayer L>
class LayerOf final : public AnyLayer {
 public:
  explicit LayerOf(L layer) : layer_(std::move(layer)) {}

  [[nodiscard]] std::unique_ptr<AnyLayer> copy() const override { return std::make_unique<LayerOf>(*this); }
  [[nodiscard]] bool tokens_in_rows() const override {
    if constexpr (requires { L::tokens_in_rows; })
      return L::tokens_in_rows;
    else
      return false;
  }
  [[nodiscard]] Eigen::Index inputs() const override { return layer_.inputs(); }
  [[nodiscard]] Eigen::Index outputs() const override { return layer_.outputs(); }
  void forward(const Matrix& X, Matrix& Y) override { layer_.forward(X, Y); }
  void backward(const Matrix& X, const Matrix& dY, Gradients& gradients) override { layer_.backward(X, dY, gradients); }
  void backward(const Matrix& X, const Matrix& dY, Gradients& gradients, Matrix& dX) override {
    layer_.backward(X, dY, gradients, dX);
  }
  [[nodiscard]] Gradients gradients() const override { return glissade::gradients_of(layer_); }
  [[nodiscard]] std::vector<Parameter> parameters() override {
    std::vector<Parameter> all;
    layer_.parameters([&](std::string_view name, auto& parameter) {
      all.push_back({std::string(name), {parameter.data(), parameter.rows(), parameter.cols()}});
    });
    return all;
  }
  [[nodiscard]] Eigen::Index parameter_count() const override { return glissade::parameter_count(layer_); }
  std::vector<std::string> step(const glissade::Sgd& rule, const Gradients& gradients) override {
    glissade::Optimizer optimizer{rule, layer_};
    optimizer.step(gradients);
    std::vector<std::string> names;
    for (std::size_t k = 0; k < optimizer.size(); ++k) names.push_back(optimizer.tensor(k).name);
    return names;
  }
  void save(const std::filesystem::path& path) const override { glissade::save(layer_, path); }
  void load(const std::filesystem::path& path) override { glissade::load(layer_, path); }

 private:
  L layer_;
};
