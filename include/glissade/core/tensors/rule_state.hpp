// What a rule remembers of the tensors that it updates, as a value.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "field.hpp"

namespace glissade {

namespace detail {

/// Where the update of a tensor is read from: the caller's gradient or scratch.
struct Source {
  const void* data = nullptr;
  bool computed = false;  // in the compute scalar, else in the parameter's
  bool negate = false;
  bool present = false;
  bool given = false;  // by the caller, where a gate takes what is missing for zero
};

/// What a step needs and forgets: memory that is kept for the next one. A copy begins without any.
struct Workspace {
  std::vector<void*> parameters;        // of every tensor, during a step
  std::vector<Source> sources;          // of every tensor, during a step
  std::vector<Buffer> copies;           // gradients that had to be evaluated or converted
  std::array<Buffer, 2> scratch;        // updates between two passes
  std::vector<Buffer> held;             // updates that wait for a barrier over all tensors
  Buffer matrix;                        // of matrix rules
  Buffer zeros;                         // parameters of an inner rule that sees none
  Buffer no_gradient;                   // zeros too
  Buffer argument;                      // an array that a step is given, where it had to be evaluated or converted
  std::vector<std::size_t> by_address;  // the tensors that are not empty, as their parameters lie in memory
  std::vector<double> partials;         // sums of blocks
  std::vector<double> tensor_sums;
  std::vector<double> per_coefficient;  // what a barrier over all tensors has asked for
  std::unique_ptr<Workspace> inner;     // of a rule within a rule
  const void* rule_type = nullptr;      // of the rule that was last found to fit

  Workspace() = default;
  Workspace(const Workspace&) {}
  Workspace(Workspace&&) = default;
  Workspace& operator=(const Workspace&) {  // keeps its memory
    rule_type = nullptr;
    by_address.clear();
    return *this;
  }
  Workspace& operator=(Workspace&&) = default;
  ~Workspace() = default;
  friend bool operator==(const Workspace&, const Workspace&) { return true; }
};

}  // namespace detail

/// The memory of a rule for one or more tensors of scalar type P: a value that copies, moves, compares and is saved,
/// and holds no address of the caller's. Empty, it is filled by the first step.
///
///     struct Client { Eigen::VectorXd x; RuleState<double> memory; };
///     for (Client& c : clients) step(AdamW{}, c.memory, c.x, gradient(c));      // optimizer/stepper.hpp
template <StorageScalar P>
struct RuleState {
  std::string name;                 // of the rule: "chain(ClipByGlobalNorm, AdamW)"
  std::vector<Tensor> tensors;      // names and shapes
  std::vector<TensorState> states;  // one for every tensor
  std::vector<Fields> shared;       // numbers of all tensors together, a list for every link of the chain
  Counts counts;                    // of steps; the updates are the argument of schedules
  detail::Workspace workspace = {};

  [[nodiscard]] std::size_t bytes() const {
    std::size_t total = 0;
    for (const TensorState& state : states) total += state.bytes();
    return total;
  }
  friend bool operator==(const RuleState&, const RuleState&) = default;

  /// For files and printing: calls field(name, value, bounds...) for everything that matters later.
  static void visit(auto& self, auto&& field) {
    constexpr std::int64_t most = std::int64_t{1} << 53;
    field("calls", self.counts.calls, 0, most);
    field("updates", self.counts.updates, 0, most);
    for (std::size_t k = 0; k < self.states.size(); ++k) {
      const std::string prefix = self.states.size() == 1 ? "" : self.tensors[k].name + "/";
      auto& state = self.states[k];
      field(prefix + "tensor_calls", state.counts.calls, -1, most);  // -1: at rest
      field(prefix + "tensor_updates", state.counts.updates, -1, most);
      field(prefix + "tensor_waits", state.waits, 0, most);
      for (std::size_t link = 0; link < state.links.size(); ++link)
        for (auto& array : state.links[link])
          field(prefix + std::to_string(link) + "/" + std::string(array.name()), array);
    }
    for (std::size_t link = 0; link < self.shared.size(); ++link)
      for (auto& array : self.shared[link]) field("shared/" + std::to_string(link), array);
  }
};

}  // namespace glissade
