// Weights alone: without an optimizer's options and state.
//
//   array     dtype             shape                              content
//   <name>    the parameter's   [rows, cols], [n] or [] of each    its numbers, row by row
//
//   metadata  "format": "glissade weights", "format_version": "1"
#pragma once

#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "safetensors.hpp"

namespace glissade {

namespace detail {

/// The tensors of objects of the caller's, as arrays of a file. Those without a name have the number of their place.
template <class... X>
std::vector<SavedArray> list_weights(X&... parts) {
  ArrayList list;
  std::vector<Tensor> tensors;
  std::size_t number = 0;
  const auto add = [&]<class P>(std::size_t k, const std::string& name, const TensorView<P>& view, auto) {
    Tensor tensor{name.empty() ? std::to_string(k) : name, view.rows, view.cols, view.rank, view.row_major};
    list.parameter(tensor, scalar_type_of<std::remove_const_t<P>>, view.data);
    tensors.push_back(std::move(tensor));
  };
  (for_each_parameter(parts, number, {}, add), ...);
  check_names(tensors);
  return std::move(list.arrays);
}

/// A number of one type as one of another, where nothing can be lost: from a dtype to a type that holds all of it.
template <class To, class From>
void widen_numbers(const std::byte* from, std::byte* to, Index size) {
  for (Index i = 0; i < size; ++i) {
    From number;
    std::memcpy(&number, from + static_cast<std::size_t>(i) * sizeof(From), sizeof(From));
    const To wide = convert<To>(number);
    std::memcpy(to + static_cast<std::size_t>(i) * sizeof(To), &wide, sizeof(To));
  }
}
/// False where a conversion could lose something.
inline bool widen_array(ScalarType from, ScalarType to, const std::byte* read, std::byte* place, Index size) {
  const auto into = [&]<class To>(To) {
    if (from == ScalarType::float16) return widen_numbers<To, Eigen::half>(read, place, size), true;
    if (from == ScalarType::bfloat16) return widen_numbers<To, Eigen::bfloat16>(read, place, size), true;
    if constexpr (std::is_same_v<To, double>)
      if (from == ScalarType::float32) return widen_numbers<To, float>(read, place, size), true;
    return false;
  };
  return to == ScalarType::float64 ? into(0.0) : to == ScalarType::float32 && into(0.0f);
}
inline bool can_widen(ScalarType from, ScalarType to) { return widen_array(from, to, nullptr, nullptr, 0); }

/// Reads an array, of its own dtype or of one that its type holds, into a buffer that lies as the parameter does.
inline Buffer read_weights(std::istream& in, const Contents& contents, const SavedArray& array,
                           const std::string& file) {
  const auto place_in = [&](ScalarType type) {
    Buffer buffer(static_cast<std::size_t>(array.rows) * static_cast<std::size_t>(array.cols) * size_of(type));
    SavedArray copy = array;
    copy.type = type;
    copy.place = ArrayPlace(buffer.data());
    read_array(in, contents, copy, file);
    return buffer;
  };
  const auto found = contents.arrays.find(array.name);
  if (found != contents.arrays.end() && found->second.dtype != dtype_of(array.type))
    for (const ScalarType type : {ScalarType::float32, ScalarType::bfloat16, ScalarType::float16})
      if (found->second.dtype == dtype_of(type) && can_widen(type, array.type)) {
        const Buffer narrow = place_in(type);
        Buffer wide(static_cast<std::size_t>(array.bytes()));
        widen_array(type, array.type, narrow.data(), wide.data(), array.rows * array.cols);
        return wide;
      }
  return place_in(array.type);
}

}  // namespace detail

/// Saves weights: whatever an optimizer binds, such as named("W", W), a layer or a model. Python's safetensors reads
/// the file. It is replaced as a whole.
///
///     save_weights("model.safetensors", named("W", W), named("b", b));
///     save_weights("layer.safetensors", layer);
///
/// Throws std::invalid_argument for two tensors of one name, for "state/...", "optimizer/..." and "__metadata__" and
/// for a name that is not UTF-8; std::filesystem::filesystem_error with path and reason where the file cannot be
/// written. Then the old file is what it was.
template <class... X>
void save_weights(const std::filesystem::path& path, const X&... weights) {
  static_assert(sizeof...(X) > 0, "save_weights is given the path first, then what is saved");
  detail::AtomicFile file(path);
  detail::write_container(detail::list_weights(weights...),
                          {{"format", "glissade weights"},
                           {"format_version", std::string(detail::format_version)},
                           {"library_version", detail::library_version()}},
                          [&](const std::byte* data, std::size_t bytes) { file.write(data, bytes); });
  file.commit();
}

/// Reads such weights, or those in the file of an optimizer or of another program, by their names into what has the
/// same shapes. F16 and BF16 are read into float and double too, F32 into double. Other arrays of the file are left
/// alone.
///
/// Throws std::runtime_error that names the file, the array, what was found and what was expected; then all weights are
/// what they were.
template <class... X>
void load_weights(const std::filesystem::path& path, X&&... weights) {
  static_assert((!is_temporary<X>() && ...), "weights are loaded into what stays");
  const auto arrays = detail::list_weights(weights...);
  std::ifstream in = detail::open_for_reading(path);
  const detail::Contents contents = detail::read_contents(in, path.string());
  std::vector<Buffer> read;
  for (const detail::SavedArray& array : arrays)
    read.push_back(detail::read_weights(in, contents, array, path.string()));
  for (std::size_t k = 0; k < arrays.size(); ++k)
    if (read[k].bytes() != 0) std::memcpy(arrays[k].place.to, read[k].data(), read[k].bytes());
}

}  // namespace glissade
