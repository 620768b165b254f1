// A choice of tensors by name and shape, for decay masks, freezing and the like.
#pragma once

#include <concepts>
#include <memory>
#include <utility>

#include "tensor.hpp"

namespace glissade {

/// Built from any callable bool(const Tensor&); empty means every tensor. Copies share the callable.
class TensorMask {
 public:
  TensorMask() = default;
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, TensorMask> && std::predicate<const F&, const Tensor&>)
      TensorMask(F function)
      : test_(std::make_shared<Model<F>>(std::move(function))) {}

  [[nodiscard]] bool operator()(const Tensor& tensor) const { return !test_ || test_->test(tensor); }

 private:
  struct Test {
    Test() = default;
    Test(const Test&) = delete;
    Test& operator=(const Test&) = delete;
    virtual ~Test() = default;
    [[nodiscard]] virtual bool test(const Tensor& tensor) const = 0;
  };
  template <class F>
  struct Model final : Test {
    explicit Model(F f) : function(std::move(f)) {}
    [[nodiscard]] bool test(const Tensor& tensor) const override { return function(tensor); }
    F function;
  };
  std::shared_ptr<const Test> test_;
};

/// None of the tensors.
inline bool no_tensor(const Tensor&) { return false; }

/// The customary decay mask: matrices yes, vectors and numbers (biases, gains) no.
inline bool matrices_only(const Tensor& tensor) { return tensor.is_matrix(); }

}  // namespace glissade
