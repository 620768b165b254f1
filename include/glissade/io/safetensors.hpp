// Saving an optimizer with its parameters, and going on from there: bit for bit, even in another
// program. The file is a plain weights file too: whatever reads safetensors reads it.
//
//   array                          dtype          shape       content
//   <tensor>                       parameter's    its own     a parameter, row by row
//   state/<tensor>/<field>         field's        its own     a parameter's memory: "first_moment"
//   state/<tensor>/<field>#2       field's        its own     the same name in a second rule
//   state/<tensor>/<field>/by_row  U8             [bytes]     8-bit codes of a matrix, or by_column
//   state/<tensor>/counts          I64            [1] or [2]  updates of this parameter, with gates its calls before
//                                                             them; -1 of one at rest, which has no other state. Not
//                                                             there where they are those of the optimizer
//   state/<tensor>/waits           I64            [1]         which gates hold a part of its gradient, where one does
//   optimizer/counts               I64            [1] or [2]  completed steps, likewise
//   optimizer/calls                I64            [1]         calls of step
//   optimizer/shared/<link>        F64            [n]         scalars of a link of the chain
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
#include <functional>
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

/// Takes a file's bytes, in pieces.
using WriteBytes = std::function<void(const std::byte* data, std::size_t bytes)>;

/// Throws std::invalid_argument for what read_contents would refuse, before anything is written.
inline void write_container(std::vector<SavedArray> arrays, const Metadata& metadata, const WriteBytes& write) {
  std::vector<std::string_view> names;
  for (const SavedArray& array : arrays) names.push_back(array.name);
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    throw std::invalid_argument("save: two arrays are named " + in_quotes(*twice));
  // Wide scalars first, so that every array is aligned.
  std::stable_sort(arrays.begin(), arrays.end(),
                   [](const SavedArray& a, const SavedArray& b) { return size_of(a.type) > size_of(b.type); });

  std::string header;
  for (const auto& [key, text] : metadata)
    header += (header.empty() ? "{\"__metadata__\":{" : ",") + json_string(key) + ":" + json_string(text);
  header += "}";
  std::uint64_t position = 0;
  for (const SavedArray& array : arrays) {
    const std::uint64_t end = position + array.bytes();
    header += "," + json_string(array.name) + ":{\"dtype\":\"" + std::string(dtype_of(array.type)) +
              "\",\"shape\":" + array_shape_text(array.shape) +
              ",\"data_offsets\":" + array_shape_text({position, end}) + "}";
    position = end;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');

  const std::uint64_t length = header.size();
  if (length > longest_table)
    throw std::invalid_argument("save: the table of " + std::to_string(arrays.size()) + " arrays takes " +
                                std::to_string(length) + " bytes, must be at most " + std::to_string(longest_table));
  write(reinterpret_cast<const std::byte*>(&length), sizeof length);
  write(reinterpret_cast<const std::byte*>(header.data()), header.size());
  for (const SavedArray& array : arrays) visit_bytes<true>(array, write);
}

/// The options are in their ranges.
template <StorageScalar P>
void write_state(ErasedRule<P>& erased, const OptimizerOptions& options, const RuleState<P>& memory,
                 const std::vector<P*>& parameters, const WriteBytes& write) {
  const RuleView<P> rule = erased.view();
  std::vector<SavedArray> arrays = list_stored(memory, parameters, rule.table->gated);
  // An option may have changed what state there is since the last step: then what the next step
  // would begin with is saved.
  RuleState<P> prepared;
  if (!all_match(arrays, list_wanted(rule, memory))) {
    prepared = memory;
    prepare(rule, prepared, parameters);
    arrays = list_stored(prepared, parameters, rule.table->gated);
  }
  Metadata metadata{{"format", std::string(format_name)},
                    {"format_version", std::string(format_version)},
                    {"library_version", library_version()},
                    {"rule", rule.description()}};
  write_options(erased.ref(), options, metadata);
  write_container(std::move(arrays), metadata, write);
}

template <class O>
auto places_of_parameters(const O& optimizer) {
  std::vector<typename O::Scalar*> parameters;
  for (std::size_t k = 0; k < optimizer.size(); ++k) parameters.push_back(optimizer.parameter(k));
  return parameters;
}

/// save() to anything that takes bytes.
template <class R, StorageScalar P>
void write_optimizer(const Optimizer<R, P>& optimizer, const WriteBytes& write) {
  optimizer.check_options();
  RuleModel<R, P> rule(optimizer.rule());
  write_state<P>(rule, optimizer.options(), optimizer.memory(), places_of_parameters(optimizer), write);
}
template <StorageScalar P>
void write_optimizer(const AnyOptimizer<P>& optimizer, const WriteBytes& write) {
  optimizer.check_options();
  const auto rule = optimizer.erased().clone();
  write_state<P>(*rule, optimizer.options(), optimizer.memory(), places_of_parameters(optimizer), write);
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
inline const StoredArray& find_stored(const Contents& contents, const SavedArray& array, const std::string& file) {
  const std::string_view dtype = dtype_of(array.type);
  const auto found = contents.arrays.find(array.name);
  if (found == contents.arrays.end())
    fail_load(file, array.name, "missing, expected " + std::string(dtype) + " " + array_shape_text(array.shape));
  const StoredArray& stored = found->second;
  if (stored.dtype != dtype)
    fail_load(file, array.name, "dtype " + std::string(stored.dtype) + ", expected " + std::string(dtype));
  if (stored.shape != array.shape)
    fail_load(file, array.name,
              "shape " + array_shape_text(stored.shape) + ", expected " + array_shape_text(array.shape));
  return stored;
}

inline void read_array(std::istream& in, const Contents& contents, const SavedArray& array, const std::string& file) {
  std::uint64_t position = contents.data_start + find_stored(contents, array, file).begin;
  visit_bytes<false>(array, [&](std::byte* data, std::size_t bytes) {
    read_bytes(in, position, data, bytes, file, array.name);
    position += bytes;
  });
}

inline void require_metadata(const Metadata& metadata, std::string_view key, std::string_view expected,
                             const std::string& file) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) fail_load(file, key, "missing, expected " + in_quotes(expected));
  if (found->second != expected)
    fail_load(file, key, "is " + in_quotes(found->second) + ", expected " + in_quotes(expected));
}

inline void require_count(std::int64_t count, std::int64_t least, const std::string& name, const std::string& file) {
  constexpr std::int64_t most = std::int64_t{1} << 53;
  if (count < least || count > most)
    fail_load(file, name,
              std::to_string(count) + ", must be in [" + std::to_string(least) + ", " + std::to_string(most) + "]");
}

/// The file of an optimizer on its way into `loaded`, in the order of the functions; each throws std::runtime_error at
/// what is wrong in the file. The optimizer itself is touched by the last one alone.
template <StorageScalar P>
class OptimizerReader {
 public:
  OptimizerReader(std::istream& in, const std::string& file, const std::string& rule)
      : in_(in), file_(file), contents_(read_contents(in, file)) {
    require_metadata(metadata(), "format", format_name, file);
    require_metadata(metadata(), "format_version", format_version, file);
    require_metadata(metadata(), "rule", rule, file);
  }
  [[nodiscard]] const Metadata& metadata() const { return contents_.metadata; }

  /// What all other state depends on: which tensors are at rest.
  void read_counts(const RuleState<P>& memory, bool gated) {
    loaded.tensors = memory.tensors;
    loaded.states.resize(memory.states.size());
    ArrayList of_all, of_tensors;
    of_all.optimizer(gated, &loaded.counts);
    read(of_all.arrays);
    for (std::size_t k = 0; k < loaded.tensors.size(); ++k) {
      TensorState& state = loaded.states[k];
      state.counts = loaded.counts;
      of_tensors.begin_state(loaded.tensors[k]);
      if (has("state/" + loaded.tensors[k].name + "/counts")) of_tensors.tensor_counts(gated, &state.counts);
      if (has("state/" + loaded.tensors[k].name + "/waits")) of_tensors.tensor_waits(&state.waits);
    }
    read(of_tensors.arrays);
    const auto check = [&](Counts& of, std::int64_t least, const std::string& name) {
      require_count(of.calls, least, name, file_);
      require_count(of.updates, of.calls < 0 ? -1 : 0, name, file_);
      if (of.calls < 0) of.updates = of.calls;
    };
    require_count(loaded.counts.calls, 0, "optimizer/calls", file_);
    check(loaded.counts, 0, "optimizer/counts");
    for (std::size_t k = 0; k < loaded.tensors.size(); ++k) {
      Counts& of = loaded.states[k].counts;
      if (!gated) of.calls = of.updates;
      check(of, -1, "state/" + loaded.tensors[k].name + "/counts");
      require_count(loaded.states[k].waits, 0, "state/" + loaded.tensors[k].name + "/waits", file_);
    }
  }
  [[nodiscard]] bool has(const std::string& array) const { return contents_.arrays.contains(array); }
  /// The file must hold these arrays and no others, but counts that are those of the optimizer.
  void check_arrays(const std::vector<SavedArray>& wanted) const {
    for (const SavedArray& array : wanted) find_stored(contents_, array, file_);
    auto extra = contents_.arrays;
    for (const SavedArray& array : wanted) extra.erase(array.name);
    for (const Tensor& tensor : loaded.tensors)
      for (const char* const name : {"/counts", "/waits"}) extra.erase("state/" + tensor.name + name);
    if (!extra.empty()) fail_load(file_, extra.begin()->first, "not part of the optimizer");
  }
  /// The loaded memory must have been prepared.
  void read_arrays(bool gated) {
    std::vector<P*> places;
    for (const Tensor& tensor : loaded.tensors) {
      parameters_.emplace_back(static_cast<std::size_t>(tensor.size()) * sizeof(P));
      places.push_back(reinterpret_cast<P*>(parameters_.back().data()));
    }
    read(list_stored(loaded, places, gated));
  }
  /// Moves all of it to the optimizer. Cannot fail.
  template <class Parameters>
  void hand_over(RuleState<P>& memory, const Parameters& parameters) {
    memory = std::move(loaded);
    for (std::size_t k = 0; k < parameters_.size(); ++k)
      if (parameters_[k].bytes() != 0)
        std::memcpy(static_cast<void*>(parameters(k)), parameters_[k].data(), parameters_[k].bytes());
  }

  RuleState<P> loaded;

 private:
  void read(const std::vector<SavedArray>& arrays) {
    for (const SavedArray& array : arrays) read_array(in_, contents_, array, file_);
  }

  std::istream& in_;
  const std::string& file_;
  Contents contents_;
  std::vector<Buffer> parameters_;
};

/// Reads a file for a copy of an optimizer's rule and options. Where nothing is wrong, `accept` makes the copies its
/// own, and cannot fail.
template <StorageScalar P, class Accept>
void read_state(ErasedRule<P>& erased, OptimizerOptions& options, RuleState<P>& memory, const std::vector<P*>& places,
                std::istream& in, const std::string& file, const Accept& accept) {
  const RuleView<P> rule = erased.view();
  OptimizerReader<P> reader(in, file, rule.description());
  read_options(reader.metadata(), erased.ref(), options, file);
  reader.read_counts(memory, rule.table->gated);
  // Options decide how much state there is, so they and it are checked before memory is taken.
  try {
    check_saved_options(options, reader.loaded.counts.updates);
    check_all_options(rule, options, reader.loaded);
    reader.check_arrays(list_wanted(rule, reader.loaded));
    prepare(rule, reader.loaded, places);
  } catch (const std::invalid_argument& wrong) {
    throw std::runtime_error(file + ": " + wrong.what());
  }
  reader.read_arrays(rule.table->gated);
  // From here on nothing can fail.
  accept();
  reader.hand_over(memory, [&](std::size_t k) { return places[k]; });
}

/// load() from any stream that can be sought in; `file` is its name in messages.
template <class R, StorageScalar P>
void read_optimizer(Optimizer<R, P>& optimizer, std::istream& in, const std::string& file) {
  RuleModel<R, P> rule(optimizer.rule());
  OptimizerOptions options = optimizer.options();
  read_state<P>(rule, options, optimizer.memory(), places_of_parameters(optimizer), in, file, [&] {
    optimizer.rule() = std::move(rule.rule);
    optimizer.options() = options;
  });
}
template <StorageScalar P>
void read_optimizer(AnyOptimizer<P>& optimizer, std::istream& in, const std::string& file) {
  auto rule = optimizer.erased().clone();
  OptimizerOptions options = optimizer.options();
  read_state<P>(*rule, options, optimizer.memory(), places_of_parameters(optimizer), in, file, [&] {
    optimizer.take_rule(std::move(rule));
    optimizer.options() = options;
  });
}

template <class O>
void save_file(const O& optimizer, const std::filesystem::path& path) {
  AtomicFile file(path);
  write_optimizer(optimizer, [&](const std::byte* data, std::size_t bytes) { file.write(data, bytes); });
  file.commit();
}

}  // namespace detail

/// Saves parameters, state and options. The file is replaced as a whole: however the program ends,
/// there is the old file or the new one. Needs no memory for a second copy.
///
/// Throws std::invalid_argument for an option out of its range, for a parameter named "state/...",
/// "optimizer/..." or "__metadata__", for a name that is not UTF-8, and where names, shapes and options
/// take more than the 100 000 000 bytes that readers of the format take: those of about 400 000 tensors
/// with two moments; std::filesystem::filesystem_error with path and reason when the file cannot be
/// written. Then the old file is what it was.
template <class R, StorageScalar P>
void save(const Optimizer<R, P>& optimizer, const std::filesystem::path& path) {
  detail::save_file(optimizer, path);
}
/// The same file.
template <StorageScalar P>
void save(const AnyOptimizer<P>& optimizer, const std::filesystem::path& path) {
  detail::save_file(optimizer, path);
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
template <StorageScalar P>
void load(AnyOptimizer<P>& optimizer, const std::filesystem::path& path) {
  std::ifstream in = detail::open_for_reading(path);
  detail::read_optimizer(optimizer, in, path.string());
}

}  // namespace glissade
