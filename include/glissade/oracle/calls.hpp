// The kinds of calls that an objective answers, and how many were made of each. Another kind of call is a line in
// each of the three lists and a function of Oracle (objective.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace glissade {

enum class Call : std::uint8_t {
  value,
  gradient,
  hessian,
  hessian_vector,
  prox,
  projection,
  operator_value,
  constraints,
  jacobian,
  lagrangian_hessian,
  batch_value,
  batch_gradient,
  batch_hessian_vector,
  batch_third,
  outputs,
  vector_jacobian,
  batch_outputs,
  batch_vector_jacobian,
};

/// Calls of the objective or operator. One call that gives value and gradient counts as one of each.
struct Evaluations {
  std::int64_t value = 0;
  std::int64_t gradient = 0;
  std::int64_t hessian = 0;
  std::int64_t hessian_vector = 0;
  std::int64_t prox = 0;
  std::int64_t projection = 0;
  std::int64_t operator_value = 0;  // F(z) or T(x); a sweep over all blocks of a system counts as one
  std::int64_t constraints = 0;
  std::int64_t jacobian = 0;
  std::int64_t lagrangian_hessian = 0;
  std::int64_t component_value = 0;  // terms of a finite sum, over all batches
  std::int64_t component_gradient = 0;
  std::int64_t component_hessian_vector = 0;
  std::int64_t component_third = 0;
  // Of an objective loss(outputs(x)): what may cost little beside the loss, whose calls count as values and gradients.
  std::int64_t outputs = 0;
  std::int64_t vector_jacobian = 0;
  std::int64_t component_outputs = 0;
  std::int64_t component_vector_jacobian = 0;
  std::int64_t components = 0;  // terms of the sum; 0: no batch was asked for

  [[nodiscard]] constexpr std::int64_t operator[](Call call) const;
  constexpr std::int64_t& operator[](Call call);

  /// Calls of one kind and of its batches in units of whole functions: a batch of k of n terms is k / n.
  [[nodiscard]] constexpr double whole(Call call) const;
  /// So many terms as a share of the sum.
  [[nodiscard]] constexpr double share(std::int64_t of_terms) const;
  [[nodiscard]] constexpr double values() const { return whole(Call::value); }
  [[nodiscard]] constexpr double gradients() const { return whole(Call::gradient); }
  [[nodiscard]] constexpr double hessian_vectors() const { return whole(Call::hessian_vector); }

  friend constexpr bool operator==(const Evaluations&, const Evaluations&) = default;
};

namespace detail {

/// A kind of call: its name, where it is counted, where the terms of its batches are counted (nullptr: there are none),
/// and the call of the whole function with which it shares a budget. A batch is counted in terms itself.
struct CallKind {
  std::string_view name;
  std::int64_t Evaluations::*count;
  std::int64_t Evaluations::*terms;
  Call whole;

  [[nodiscard]] constexpr bool is_batch() const { return count == terms; }
};

/// In the order of Call.
inline constexpr std::array call_kinds{
    CallKind{"value", &Evaluations::value, &Evaluations::component_value, Call::value},
    CallKind{"gradient", &Evaluations::gradient, &Evaluations::component_gradient, Call::gradient},
    CallKind{"hessian", &Evaluations::hessian, nullptr, Call::hessian},
    CallKind{"hessian_vector", &Evaluations::hessian_vector, &Evaluations::component_hessian_vector,
             Call::hessian_vector},
    CallKind{"prox", &Evaluations::prox, nullptr, Call::prox},
    CallKind{"projection", &Evaluations::projection, nullptr, Call::projection},
    CallKind{"operator_value", &Evaluations::operator_value, nullptr, Call::operator_value},
    CallKind{"constraints", &Evaluations::constraints, nullptr, Call::constraints},
    CallKind{"jacobian", &Evaluations::jacobian, nullptr, Call::jacobian},
    CallKind{"lagrangian_hessian", &Evaluations::lagrangian_hessian, nullptr, Call::lagrangian_hessian},
    CallKind{"batch_value", &Evaluations::component_value, &Evaluations::component_value, Call::value},
    CallKind{"batch_gradient", &Evaluations::component_gradient, &Evaluations::component_gradient, Call::gradient},
    CallKind{"batch_hessian_vector", &Evaluations::component_hessian_vector, &Evaluations::component_hessian_vector,
             Call::hessian_vector},
    CallKind{"batch_third", &Evaluations::component_third, &Evaluations::component_third, Call::batch_third},
    CallKind{"outputs", &Evaluations::outputs, &Evaluations::component_outputs, Call::outputs},
    CallKind{"vector_jacobian", &Evaluations::vector_jacobian, &Evaluations::component_vector_jacobian,
             Call::vector_jacobian},
    CallKind{"batch_outputs", &Evaluations::component_outputs, &Evaluations::component_outputs, Call::outputs},
    CallKind{"batch_vector_jacobian", &Evaluations::component_vector_jacobian, &Evaluations::component_vector_jacobian,
             Call::vector_jacobian},
};

constexpr const CallKind& kind_of(Call call) { return call_kinds[static_cast<std::size_t>(call)]; }

}  // namespace detail

constexpr std::string_view to_string(Call call) { return detail::kind_of(call).name; }

constexpr std::int64_t Evaluations::operator[](Call call) const { return this->*detail::kind_of(call).count; }
constexpr std::int64_t& Evaluations::operator[](Call call) { return this->*detail::kind_of(call).count; }

constexpr double Evaluations::share(std::int64_t of_terms) const {
  return components == 0 ? 0.0 : static_cast<double>(of_terms) / static_cast<double>(components);
}

constexpr double Evaluations::whole(Call call) const {
  const detail::CallKind& kind = detail::kind_of(detail::kind_of(call).whole);
  const double calls = kind.is_batch() ? 0.0 : static_cast<double>(this->*kind.count);
  return calls + (kind.terms == nullptr ? 0.0 : share(this->*kind.terms));
}

}  // namespace glissade
