// Saving an optimizer with its parameters, and going on from there: bit for bit, even in another
// program. The file is a plain weights file too: whatever reads safetensors reads it.
//
//   array                          dtype          shape       content
//   <tensor>                       parameter's    its own     a parameter, row by row
//   state/<tensor>/<field>         field's        its own     a parameter's memory: "first_moment"
//   state/<tensor>/<field>#2       field's        its own     the same name in a second rule
//   state/<tensor>/<field>/by_row  U8             [bytes]     8-bit codes of a matrix, or by_column
//   state/<tensor>/counts          I64            [gates + 1] updates of this parameter
//   state/<tensor>/retired         I64            [1]         the step in which a gate has retired it, or 0
//   optimizer/counts               I64            [gates + 1] completed steps
//   optimizer/calls                I64            [1]         calls of step
//   optimizer/shared/<link>        F64            [n]         numbers of a link of the chain
//
//   metadata                       text
//   format, format_version         "glissade", "1"
//   library_version                of the program that saved, for people
//   rule                           "chain(ClipByGlobalNorm, AdamW)"
//   option/<i>.<Rule>.<option>     of rule i of the chain, as io/option_text.hpp has it
//   option/optimizer.<option>      maximize, seed, rounding
//
// A matrix has the shape [rows, cols], a vector [n], a number []; a program in which it has the
// other storage order loads it as well, unless its state is in 8-bit codes.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../version.hpp"
#include "file.hpp"
#include "option_text.hpp"
#include "safetensors_arrays.hpp"

namespace glissade {

namespace detail {

inline constexpr std::string_view format_name = "glissade";
inline constexpr std::string_view format_version = "1";

inline std::string library_version() {
  return std::to_string(GLISSADE_VERSION_MAJOR) + "." + std::to_string(GLISSADE_VERSION_MINOR) + "." +
         std::to_string(GLISSADE_VERSION_PATCH);
}

/// Writes a container's bytes with write(data, bytes), in pieces.
template <class Write>
void write_container(std::vector<SavedArray> arrays, const Metadata& metadata, const Write& write) {
  // Wide scalars first, so that every array is aligned.
  std::stable_sort(arrays.begin(), arrays.end(), [](const SavedArray& a, const SavedArray& b) {
    return size_of(a.type) > size_of(b.type);
  });

  std::string header;
  for (const auto& [key, text] : metadata)
    header +=
        (header.empty() ? "{\"__metadata__\":{" : ",") + json_string(key) + ":" + json_string(text);
  header += "}";
  std::uint64_t position = 0;
  for (const SavedArray& array : arrays) {
    const std::uint64_t end = position + array.bytes();
    header += "," + json_string(array.name) + ":{\"dtype\":\"" + std::string(dtype_of(array.type)) +
              "\",\"shape\":" + shape_text(array.shape) +
              ",\"data_offsets\":" + shape_text({position, end}) + "}";
    position = end;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');

  const std::uint64_t length = header.size();
  write(reinterpret_cast<const std::byte*>(&length), sizeof length);
  write(reinterpret_cast<const std::byte*>(header.data()), header.size());
  for (const SavedArray& array : arrays) visit_bytes<true>(array, write);
}

/// Writes a file's bytes with write(data, bytes), in pieces.
template <class R, StorageScalar P, class Write>
void write_optimizer(const Optimizer<R, P>& optimizer, const Write& write) {
  optimizer.check_options();
  const auto parameter_data = [&](std::size_t k) {
    return reinterpret_cast<std::byte*>(optimizer.parameter(k));
  };
  // A list has one type for reading and writing; nothing is written here.
  auto& engine = const_cast<Engine<P>&>(optimizer.engine());
  std::vector<SavedArray> arrays = list_stored<R>(engine, parameter_data);
  // An option may have changed what state there is since the last step: then what the next step
  // would begin with is saved.
  Engine<P> prepared;
  const auto wanted = list_wanted(optimizer.rule(), engine);
  if (!std::equal(arrays.begin(), arrays.end(), wanted.begin(), wanted.end(),
                  [](const SavedArray& a, const SavedArray& b) { return a.matches(b); })) {
    prepared = engine;
    for (std::size_t k = 0; k < optimizer.size(); ++k)
      prepared.parameters[k] = optimizer.parameter(k);
    prepared.prepare(optimizer.rule());
    arrays = list_stored<R>(prepared, parameter_data);
  }
  Metadata metadata{{"format", std::string(format_name)},
                    {"format_version", std::string(format_version)},
                    {"rule", describe(optimizer.rule())}};
  metadata["library_version"] = library_version();
  write_options(optimizer.rule(), optimizer.options(), metadata);
  write_container(std::move(arrays), metadata, write);
}

/// Throws std::runtime_error with the path and the reason.
inline std::ifstream open_for_reading(const std::filesystem::path& path) {
  std::error_code failed;  // a stream does not tell the reason
  if (std::filesystem::file_size(path, failed) == static_cast<std::uintmax_t>(-1))
    throw std::runtime_error(path.string() + ": cannot be read: " + failed.message());
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path.string() + ": cannot be opened");
  return in;
}

/// The stored array that belongs to `array`, after checking that it fits.
inline const StoredArray& find_stored(const Contents& contents, const SavedArray& array,
                                      const std::string& file) {
  const std::string_view dtype = dtype_of(array.type);
  const auto found = contents.arrays.find(array.name);
  if (found == contents.arrays.end())
    fail_load(file, array.name,
              "missing, expected " + std::string(dtype) + " " + shape_text(array.shape));
  const StoredArray& stored = found->second;
  if (stored.dtype != dtype)
    fail_load(file, array.name,
              "dtype " + std::string(stored.dtype) + ", expected " + std::string(dtype));
  if (stored.shape != array.shape)
    fail_load(file, array.name,
              "shape " + shape_text(stored.shape) + ", expected " + shape_text(array.shape));
  return stored;
}

inline void read_array(std::istream& in, const Contents& contents, const SavedArray& array,
                       const std::string& file) {
  std::uint64_t position = contents.data_start + find_stored(contents, array, file).begin;
  visit_bytes<false>(array, [&](std::byte* data, std::size_t bytes) {
    read_bytes(in, position, data, bytes, file, array.name);
    position += bytes;
  });
}

inline void require_metadata(const Metadata& metadata, std::string_view key,
                             std::string_view expected, const std::string& file) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) fail_load(file, key, "missing, expected " + in_quotes(expected));
  if (found->second != expected)
    fail_load(file, key, "is " + in_quotes(found->second) + ", expected " + in_quotes(expected));
}

inline void require_counts(const std::vector<std::int64_t>& counts, const std::string& name,
                           const std::string& file) {
  constexpr std::int64_t most = std::int64_t{1} << 53;
  for (const std::int64_t count : counts)
    if (count < 0 || count > most)
      fail_load(file, name,
                std::to_string(count) + ", must be in [0, " + std::to_string(most) + "]");
}

/// load() from any stream that can be sought in; `file` is its name in messages.
template <class R, StorageScalar P>
void read_optimizer(Optimizer<R, P>& optimizer, std::istream& in, const std::string& file) {
  Engine<P>& engine = optimizer.engine();
  const Contents contents = read_contents(in, file);
  require_metadata(contents.metadata, "format", format_name, file);
  require_metadata(contents.metadata, "format_version", format_version, file);
  require_metadata(contents.metadata, "rule", describe(optimizer.rule()), file);

  R rule = optimizer.rule();
  OptimizerOptions options = optimizer.options();
  read_options(contents.metadata, rule, options, file);

  Engine<P> loaded;
  for (std::size_t k = 0; k < engine.tensors.size(); ++k)
    loaded.add(engine.tensors[k], engine.parameters[k]);
  loaded.counts.resize(Facts<flat_t<R>>::gates + 1);
  ArrayList counts;  // what there is besides depends on them
  counts.optimizer(loaded.counts.size(), reinterpret_cast<std::byte*>(loaded.counts.data()),
                   reinterpret_cast<std::byte*>(&loaded.calls));
  if constexpr (Facts<flat_t<R>>::retires)
    for (std::size_t k = 0; k < loaded.tensors.size(); ++k)
      counts.retired(loaded.tensors[k], reinterpret_cast<std::byte*>(&loaded.states[k].retired));
  for (const SavedArray& array : counts.arrays) read_array(in, contents, array, file);
  require_counts(loaded.counts, "optimizer/counts", file);
  require_counts({loaded.calls}, "optimizer/calls", file);
  for (std::size_t k = 0; k < loaded.tensors.size(); ++k)
    require_counts({loaded.states[k].retired}, "state/" + loaded.tensors[k].name + "/retired", file);

  // Options decide how much state there is, so they and it are checked before memory is taken.
  try {
    check_saved_options(rule, options, loaded.time());
    const auto wanted = list_wanted(rule, loaded);
    for (const SavedArray& array : wanted) find_stored(contents, array, file);
    auto extra = contents.arrays;
    for (const SavedArray& array : wanted) extra.erase(array.name);
    if (!extra.empty()) fail_load(file, extra.begin()->first, "not part of the optimizer");
    loaded.prepare(rule);
  } catch (const std::invalid_argument& wrong) {
    throw std::runtime_error(file + ": " + wrong.what());
  }

  std::vector<Buffer> parameters;
  for (const Tensor& tensor : engine.tensors)
    parameters.emplace_back(static_cast<std::size_t>(tensor.size()) * sizeof(P));
  for (const SavedArray& array :
       list_stored<R>(loaded, [&](std::size_t k) { return parameters[k].data(); }))
    read_array(in, contents, array, file);
  for (std::size_t k = 0; k < loaded.states.size(); ++k)
    require_counts(loaded.states[k].counts, "state/" + engine.tensors[k].name + "/counts", file);

  // From here on nothing can fail.
  optimizer.rule() = std::move(rule);
  optimizer.options() = options;
  engine.states = std::move(loaded.states);
  engine.shared = std::move(loaded.shared);
  engine.counts = std::move(loaded.counts);
  engine.calls = loaded.calls;
  for (std::size_t k = 0; k < parameters.size(); ++k)
    if (parameters[k].bytes() != 0)
      std::memcpy(static_cast<void*>(engine.parameters[k]), parameters[k].data(),
                  parameters[k].bytes());
}

}  // namespace detail

/// Saves parameters, state and options. The file is replaced as a whole: however the program ends,
/// there is the old file or the new one. Needs no memory for a second copy.
///
/// Throws std::invalid_argument for an option out of its range, for a parameter named "state/...",
/// "optimizer/..." or "__metadata__" and for a name that is not UTF-8;
/// std::filesystem::filesystem_error with path and reason when the file cannot be written.
template <class R, StorageScalar P>
void save(const Optimizer<R, P>& optimizer, const std::filesystem::path& path) {
  detail::AtomicFile file(path);
  detail::write_optimizer(
      optimizer, [&](const std::byte* data, std::size_t bytes) { file.write(data, bytes); });
  file.commit();
}

/// Restores what save has written: the optimizer must have the same rule and parameters of the same
/// names, types and shapes. Options are restored as well, but code is not in the file: masks and
/// schedules made from a callable stay the optimizer's own, as does the number of threads.
///
/// Throws std::runtime_error that names the file, the field, what was found and what was expected
/// (std::invalid_argument where a parameter has lost the shape with which it was bound); then the
/// optimizer and its parameters are what they were. The file may come from anywhere: it
/// cannot make load crash or take more memory than a few times its own size.
template <class R, StorageScalar P>
void load(Optimizer<R, P>& optimizer, const std::filesystem::path& path) {
  std::ifstream in = detail::open_for_reading(path);
  detail::read_optimizer(optimizer, in, path.string());
}

}  // namespace glissade
