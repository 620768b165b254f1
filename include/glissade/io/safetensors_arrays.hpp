// What an optimizer keeps, as a list of named arrays: where it lies now, or where it would lie.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../optimizer/any_optimizer.hpp"
#include "safetensors_format.hpp"

namespace glissade::detail {

inline std::string_view dtype_of(ScalarType type) {
  switch (type) {
    case ScalarType::float32:
      return "F32";
    case ScalarType::float64:
      return "F64";
    case ScalarType::bfloat16:
      return "BF16";
    case ScalarType::float16:
      return "F16";
    case ScalarType::int64:
      return "I64";
    case ScalarType::bytes:
      return "U8";
  }
  return {};
}

/// Where an array lies, to be read from or written to; nowhere in a list of what is wanted.
struct ArrayPlace {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;

  ArrayPlace() = default;
  ArrayPlace(std::nullptr_t) {}  // NOLINT: implicit, as a function argument
  template <class T>
  ArrayPlace(T* data) : from(reinterpret_cast<const std::byte*>(data)) {  // NOLINT: implicit, as a function argument
    if constexpr (!std::is_const_v<T>) to = reinterpret_cast<std::byte*>(data);
  }
};

/// One array of a file and its place in memory.
struct SavedArray {
  std::string name;
  ScalarType type;
  ArrayShape shape;
  Index rows;
  Index cols;
  bool row_major;
  ArrayPlace place;
  std::size_t link = 0;  // of the chain, for a field

  [[nodiscard]] std::uint64_t bytes() const {
    return static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(cols) * size_of(type);
  }
  /// True where memory order and file order are the same.
  [[nodiscard]] bool in_file_order() const { return row_major || rows <= 1 || cols <= 1; }
  [[nodiscard]] bool matches(const SavedArray& other) const {
    return name == other.name && type == other.type && rows == other.rows && cols == other.cols && link == other.link;
  }
};

inline bool all_match(const std::vector<SavedArray>& arrays, const std::vector<SavedArray>& others) {
  return std::equal(arrays.begin(), arrays.end(), others.begin(), others.end(),
                    [](const SavedArray& a, const SavedArray& b) { return a.matches(b); });
}

/// Collects the arrays in one order for all lists, and names them.
class ArrayList {
 public:
  std::vector<SavedArray> arrays;

  void parameter(const Tensor& tensor, ScalarType type, ArrayPlace place) {
    if (tensor.name.starts_with("state/") || tensor.name.starts_with("optimizer/") || tensor.name == "__metadata__")
      throw std::invalid_argument("a parameter may not be named " + in_quotes(tensor.name) +
                                  ", files use that name themselves");
    arrays.push_back({tensor.name, type, shape_of(tensor, tensor.rows, tensor.cols), tensor.rows, tensor.cols,
                      tensor.row_major, place});
  }
  void numbers(std::string name, ScalarType type, std::size_t size, ArrayPlace place) {
    arrays.push_back({std::move(name), type, {size}, static_cast<Index>(size), 1, false, place});
  }
  /// The fields that follow are of this tensor.
  void begin_state(const Tensor& tensor) {
    seen_.clear();
    state_prefix_ = "state/" + tensor.name + "/";
  }
  /// Those of a tensor, where they are not those of the optimizer. With gates both counts are of use, else they are the
  /// same.
  void tensor_counts(bool gated, auto* counts) { list_counts(state_name("counts"), gated, counts); }
  /// With gates, where something waits.
  void tensor_waits(ArrayPlace place) { numbers(state_name("waits"), ScalarType::int64, 1, place); }
  void field(const Tensor& tensor, std::size_t link, std::string_view name, ScalarType type, Index rows, Index cols,
             bool row_major, ArrayPlace place) {
    std::string full = state_name(name);
    // The blocks of a code run through a matrix in its storage order and cannot be turned around.
    if (type == ScalarType::bytes && tensor.rows > 1 && tensor.cols > 1) full += row_major ? "/by_row" : "/by_column";
    arrays.push_back({std::move(full), type, shape_of(tensor, rows, cols), rows, cols, row_major, place, link});
  }
  void optimizer(bool gated, auto* counts) {
    list_counts("optimizer/counts", gated, counts);
    numbers("optimizer/calls", ScalarType::int64, 1, counts == nullptr ? ArrayPlace() : ArrayPlace(&counts->calls));
  }
  void shared(std::size_t link, std::size_t size, ArrayPlace place) {
    numbers("optimizer/shared/" + std::to_string(link), ScalarType::float64, size, place);
  }

 private:
  void list_counts(std::string name, bool gated, auto* counts) {
    static_assert(sizeof(Counts) == 2 * sizeof(std::int64_t) && offsetof(Counts, updates) == sizeof(std::int64_t));
    ArrayPlace place;
    if (counts != nullptr) place = gated ? &counts->calls : &counts->updates;
    numbers(std::move(name), ScalarType::int64, gated ? 2 : 1, place);
  }
  static ArrayShape shape_of(const Tensor& tensor, Index rows, Index cols) {
    const auto r = static_cast<std::uint64_t>(rows);
    const auto c = static_cast<std::uint64_t>(cols);
    if (rows == tensor.rows && cols == tensor.cols) {
      if (tensor.rank == 0) return {};
      if (tensor.rank == 1) return {r * c};
      return {r, c};
    }
    return cols == 1 ? ArrayShape{r} : ArrayShape{r, c};
  }
  /// Two rules of a chain may use the same name.
  std::string state_name(std::string_view name) {
    const int occurrence = ++seen_[name];
    std::string full = state_prefix_;
    full += name;
    if (occurrence > 1) {
      full += '#';
      full += std::to_string(occurrence);
    }
    return full;
  }

  std::map<std::string_view, int> seen_;
  std::string state_prefix_;
};

/// Whether the counts of tensor k have to be said, since they are not those of the optimizer.
template <StorageScalar P>
bool has_own_counts(const RuleState<P>& memory, std::size_t k) {
  return memory.states[k].counts != memory.counts;
}

/// The arrays of a rule's memory as they are, const or not, and the parameters where they lie. A tensor at rest has
/// none.
template <class Memory, StorageScalar P>
std::vector<SavedArray> list_stored(Memory& memory, const std::vector<P*>& parameters, bool gated) {
  ArrayList list;
  for (std::size_t k = 0; k < memory.tensors.size(); ++k)
    list.parameter(memory.tensors[k], scalar_type_of<P>, parameters[k]);
  for (std::size_t k = 0; k < memory.tensors.size(); ++k) {
    const Tensor& tensor = memory.tensors[k];
    auto& state = memory.states[k];
    list.begin_state(tensor);
    if (has_own_counts(memory, k)) list.tensor_counts(gated, &state.counts);
    if (state.waits != 0) list.tensor_waits(&state.waits);
    for (std::size_t link = 0; link < state.links.size(); ++link)
      for (auto& field : state.links[link])
        list.field(tensor, link, field.name(), field.type(), field.rows(), field.cols(), field.row_major(),
                   field.data());
  }
  list.optimizer(gated, &memory.counts);
  for (std::size_t link = 0; link < memory.shared.size(); ++link)
    for (auto& field : memory.shared[link]) list.shared(link, static_cast<std::size_t>(field.size()), field.data());
  return std::move(list.arrays);
}

/// The arrays that the rule wants for the tensors of a memory, by which of them are at rest, before any memory is taken
/// for them.
template <StorageScalar P>
std::vector<SavedArray> list_wanted(const RuleView<P>& rule, const RuleState<P>& memory) {
  constexpr const Counts* none = nullptr;
  ArrayList list;
  for (const Tensor& tensor : memory.tensors) list.parameter(tensor, scalar_type_of<P>, {});
  for (std::size_t k = 0; k < memory.tensors.size(); ++k) {
    const Tensor& tensor = memory.tensors[k];
    list.begin_state(tensor);
    if (has_own_counts(memory, k)) list.tensor_counts(rule.table->gated, none);
    if (memory.states[k].waits != 0) list.tensor_waits({});
    if (memory.states[k].at_rest()) continue;
    rule.declare(tensor, [&](std::size_t link, const FieldSpec& wanted) {
      list.field(tensor, link, wanted.name, wanted.type, wanted.rows, wanted.cols, tensor.row_major, {});
    });
  }
  list.optimizer(rule.table->gated, none);
  std::vector<Fields> shared;
  prepare_shared(*rule.table, shared);
  for (std::size_t link = 0; link < shared.size(); ++link)
    for (const Field& field : shared[link]) list.shared(link, static_cast<std::size_t>(field.size()), {});
  return std::move(list.arrays);
}

/// Calls use(tile, bytes) for one piece of a column-major array after another, in file order;
/// `fill` copies from the array to the tile before, otherwise from the tile to the array afterwards.
template <std::size_t Unit, bool fill, class Use>
void for_each_tile(const SavedArray& array, std::vector<std::byte>& tile, const Use& use) {
  const auto rows = static_cast<std::size_t>(array.rows);
  const auto cols = static_cast<std::size_t>(array.cols);
  const std::size_t room = tile.size() / Unit;
  const std::size_t tall = std::max<std::size_t>(1, room / cols);
  const std::size_t wide = std::min(room, cols);
  for (std::size_t r0 = 0; r0 < rows; r0 += tall)
    for (std::size_t c0 = 0; c0 < cols; c0 += wide) {
      const std::size_t height = std::min(tall, rows - r0);
      const std::size_t width = std::min(wide, cols - c0);
      const auto copy = [&] {
        for (std::size_t c = 0; c < width; ++c)
          for (std::size_t r = 0; r < height; ++r) {
            const std::size_t outer = ((c0 + c) * rows + r0 + r) * Unit;
            std::byte* inner = tile.data() + (r * width + c) * Unit;
            if constexpr (fill)
              std::memcpy(inner, array.place.from + outer, Unit);
            else
              std::memcpy(array.place.to + outer, inner, Unit);
          }
      };
      if constexpr (fill) copy();
      use(tile.data(), height * width * Unit);
      if constexpr (!fill) copy();
    }
}

/// Calls use(data, bytes) for the array's bytes in file order: where they lie if that is their
/// order, else through a tile of `room` bytes.
template <bool fill, class Use>
void visit_bytes(const SavedArray& array, const Use& use, std::size_t room = std::size_t{1} << 18) {
  if (array.in_file_order()) {
    const auto bytes = static_cast<std::size_t>(array.bytes());
    if constexpr (fill)
      return use(array.place.from, bytes);
    else
      return use(array.place.to, bytes);
  }
  std::vector<std::byte> tile(room);
  switch (size_of(array.type)) {
    case 2:
      return for_each_tile<2, fill>(array, tile, use);
    case 4:
      return for_each_tile<4, fill>(array, tile, use);
    default:
      return for_each_tile<8, fill>(array, tile, use);
  }
}

}  // namespace glissade::detail
