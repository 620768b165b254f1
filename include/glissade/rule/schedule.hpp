// A quantity that may change from step to step: a number, or any callable of the step.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace glissade {

template <class F>
concept ScheduleFunction = std::copy_constructible<F> && requires(const F& f, std::int64_t t) {
  { std::invoke(f, t) } -> std::convertible_to<double>;
};

/// `schedule(t)` is the value for the step that follows t completed ones: the first step reads
/// schedule(0). Copies share the callable, cost no allocation, and must find it without state.
class Schedule {
 public:
  template <class S>
  requires std::is_arithmetic_v<S> Schedule(S value) : constant_(static_cast<double>(value)) {}

  template <class F>
  requires(!std::is_arithmetic_v<std::remove_cvref_t<F>> && !std::same_as<std::remove_cvref_t<F>, Schedule> &&
           ScheduleFunction<std::remove_cvref_t<F>>) Schedule(F&& function)
      : function_(std::make_shared<Model<std::remove_cvref_t<F>>>(std::forward<F>(function))) {}

  [[nodiscard]] double operator()(std::int64_t completed_steps) const {
    return function_ ? function_->at(completed_steps) : constant_;
  }

  /// The number it was made from; empty when it was made from a callable.
  [[nodiscard]] std::optional<double> constant() const { return function_ ? std::nullopt : std::optional(constant_); }

 private:
  struct Function {
    Function() = default;
    Function(const Function&) = delete;
    Function& operator=(const Function&) = delete;
    virtual ~Function() = default;
    [[nodiscard]] virtual double at(std::int64_t completed_steps) const = 0;
  };
  template <class F>
  struct Model final : Function {
    template <class G>
    explicit Model(G&& g) : function(std::forward<G>(g)) {}
    [[nodiscard]] double at(std::int64_t completed_steps) const override {
      return static_cast<double>(std::invoke(function, completed_steps));
    }
    F function;
  };

  double constant_ = 0;
  std::shared_ptr<const Function> function_;
};

}  // namespace glissade
