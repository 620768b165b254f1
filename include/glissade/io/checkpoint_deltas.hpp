// Saving what changed between two versions of a model, one delta per tensor: see weights/delta.hpp.
//
//   array                              dtype           shape               content
//   <tensor>/weights                   the weights'    [m, n]              dense: the new weights
//   <tensor>/places                    I64             [k]                 sparse: row + m * column, ascending
//   <tensor>/values or /differences    the weights'    [k]                 new weights there, or what is added
//   <tensor>/shape                     I64             [2]                 m, n
//   <tensor>/B, <tensor>/A             the weights'    [m, k], [k, n]      low rank: scale B A is added
//   <tensor>/scale                     F64             []
//   <tensor>/factors                   the weights'    [m, 1] or [1, n]    scaling: a factor per row or column
//
//   metadata                           text
//   format                             "glissade checkpoint deltas", format_version "1"
#pragma once

#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "../weights/delta.hpp"
#include "safetensors.hpp"

namespace glissade {

/// A delta for every tensor that has changed, by its name.
template <class T>
using CheckpointDeltas = std::map<std::string, CheckpointDelta<T>>;

namespace detail {

inline constexpr std::string_view deltas_format_name = "glissade checkpoint deltas";

/// Of a matrix or vector, const or not.
template <class M>
SavedArray saved_array(std::string name, M& matrix) {
  const auto rows = static_cast<std::uint64_t>(matrix.rows());
  const auto cols = static_cast<std::uint64_t>(matrix.cols());
  return {std::move(name),
          scalar_type_of<typename M::Scalar>,
          M::ColsAtCompileTime == 1 ? ArrayShape{rows} : ArrayShape{rows, cols},
          matrix.rows(),
          matrix.cols(),
          M::IsRowMajor != 0,
          matrix.data()};
}

/// Lists the arrays of deltas, which it points into.
template <class T>
class DeltaList {
 public:
  std::vector<SavedArray> arrays;

  explicit DeltaList(const CheckpointDeltas<T>& deltas) {
    shapes_.reserve(deltas.size());
    for (const auto& [tensor, delta] : deltas) {
      prefix_ = tensor + "/";
      std::visit([this](const auto& kind) { this->list(kind); }, delta);
    }
  }

 private:
  void list(const DenseDelta<T>& delta) { add("weights", delta.weights); }
  void list(const ScalingDelta<T>& delta) { add("factors", delta.factors); }
  void list(const SparseDelta<T>& delta) {
    shapes_.emplace_back(delta.rows, delta.cols);
    add("places", delta.places);
    add(delta.replaces ? "values" : "differences", delta.values);
    add("shape", shapes_.back());
  }
  void list(const Adapter<T>& delta) {
    add("B", delta.B);
    add("A", delta.A);
    arrays.push_back({prefix_ + "scale", ScalarType::float64, {}, 1, 1, false, &delta.scale});
  }
  void add(const char* field, const auto& matrix) { arrays.push_back(saved_array(prefix_ + field, matrix)); }

  std::string prefix_;
  std::vector<Eigen::Matrix<std::int64_t, 2, 1>> shapes_;  // never moved: arrays point into it
};

/// What load would refuse in a delta: the array and the reason. No array where there is nothing.
struct Flaw {
  const char* array = nullptr;
  std::string what = {};
};

template <class T>
Flaw flaw_of(const DenseDelta<T>&) {
  return {};
}
template <class T>
Flaw flaw_of(const ScalingDelta<T>& delta) {
  if (delta.factors.rows() != 1 && delta.factors.cols() != 1) return {"factors", "must be one row or one column"};
  return {};
}
template <class T>
Flaw flaw_of(const Adapter<T>& delta) {
  if (delta.A.rows() != delta.B.cols()) return {"A", "does not fit B"};
  return {};
}
template <class T>
Flaw flaw_of(const SparseDelta<T>& delta) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  if (delta.rows < 0 || delta.cols < 0 || (delta.cols > 0 && delta.rows > most / delta.cols))
    return {"shape", "[" + std::to_string(delta.rows) + ", " + std::to_string(delta.cols) + "] is no shape"};
  if (delta.values.size() != delta.places.size())
    return {delta.replaces ? "values" : "differences", std::to_string(delta.values.size()) +
                                                           ", must be as many as the " +
                                                           std::to_string(delta.places.size()) + " places"};
  const std::int64_t end = delta.rows * delta.cols;
  std::int64_t least = 0;
  for (const std::int64_t place : delta.places) {
    if (place < least || place >= end)
      return {"places",
              std::to_string(place) + ", must be in [" + std::to_string(least) + ", " + std::to_string(end) + ")"};
    least = place + 1;
  }
  return {};
}

/// Throws std::invalid_argument at the first delta that load would refuse.
template <class T>
void check_deltas(const CheckpointDeltas<T>& deltas) {
  for (const auto& [tensor, delta] : deltas) {
    const Flaw flaw = std::visit([](const auto& kind) { return flaw_of(kind); }, delta);
    if (flaw.array != nullptr)
      throw std::invalid_argument("save: " + in_quotes(tensor + "/" + flaw.array) + ": " + flaw.what);
  }
}

template <class T>
void write_deltas(const CheckpointDeltas<T>& deltas, const WriteBytes& write) {
  DeltaList<T> list(deltas);
  const Metadata metadata{{"format", std::string(deltas_format_name)},
                          {"format_version", std::string(format_version)},
                          {"library_version", library_version()}};
  write_container(std::move(list.arrays), metadata, write);
}

/// Reads the arrays of one tensor; memory is taken only for what the file is known to hold.
class DeltaReader {
 public:
  DeltaReader(std::istream& in, const Contents& contents, const std::string& file, std::string tensor,
              const std::vector<std::string>& fields)
      : in_(in), contents_(contents), file_(file), tensor_(std::move(tensor)), fields_(fields) {}

  template <class T>
  [[nodiscard]] CheckpointDelta<T> read() const {
    using Fields = std::vector<std::string>;  // as the file has them, in order
    if (fields_ == Fields{"weights"}) {
      DenseDelta<T> delta;
      read_matrix("weights", delta.weights);
      return delta;
    }
    if (fields_ == Fields{"factors"}) {
      ScalingDelta<T> delta;
      read_matrix("factors", delta.factors);
      return whole(std::move(delta));
    }
    if (fields_ == Fields{"A", "B", "scale"}) {
      Adapter<T> delta;
      read_matrix("A", delta.A);
      read_matrix("B", delta.B);
      Eigen::Matrix<double, 1, 1> scale;
      read_values("scale", {}, scale);
      delta.scale = scale[0];
      return whole(std::move(delta));
    }
    const bool replaces = fields_ == Fields{"places", "shape", "values"};
    if (replaces || fields_ == Fields{"differences", "places", "shape"}) return read_sparse<T>(replaces);
    fail_load(file_, tensor_, "its arrays are those of no delta");
  }

 private:
  template <class T>
  [[nodiscard]] SparseDelta<T> read_sparse(bool replaces) const {
    SparseDelta<T> delta;
    Eigen::Matrix<std::int64_t, 2, 1> shape;
    read_values("shape", {2}, shape);
    delta.rows = shape[0];
    delta.cols = shape[1];
    delta.replaces = replaces;
    const ArrayShape& count = shape_of("places");
    if (count.size() != 1) fail("places", "shape " + array_shape_text(count) + ", must be one number");
    read_values("places", count, delta.places);
    read_values(replaces ? "values" : "differences", count, delta.values);
    return whole(std::move(delta));
  }

  template <class Delta>
  [[nodiscard]] Delta whole(Delta delta) const {
    if (const Flaw flaw = flaw_of(delta); flaw.array != nullptr) fail(flaw.array, flaw.what);
    return delta;
  }

  [[noreturn]] void fail(const char* field, const std::string& what) const {
    fail_load(file_, tensor_ + "/" + field, what);
  }
  [[nodiscard]] const ArrayShape& shape_of(const char* field) const {
    return contents_.arrays.find(tensor_ + "/" + field)->second.shape;
  }
  template <class Matrix>
  void read_matrix(const char* field, Matrix& matrix) const {
    const ArrayShape& shape = shape_of(field);
    if (shape.size() != 2) fail(field, "shape " + array_shape_text(shape) + ", must be two numbers");
    read_values(field, shape, matrix);
  }
  template <class Derived>
  void read_values(const char* field, const ArrayShape& shape, Eigen::PlainObjectBase<Derived>& matrix) const {
    const SavedArray wanted{
        tensor_ + "/" + field, scalar_type_of<typename Derived::Scalar>, shape, 0, 0, false, nullptr};
    find_stored(contents_, wanted, file_);
    constexpr std::uint64_t most = std::uint64_t{1} << 53;  // an empty array may claim any extent
    for (const std::uint64_t extent : shape)
      if (extent > most) fail(field, "shape " + array_shape_text(shape) + " is too large");
    const auto extent = [&](std::size_t k) { return k < shape.size() ? static_cast<Eigen::Index>(shape[k]) : 1; };
    matrix.resize(extent(0), extent(1));
    SavedArray array = saved_array(wanted.name, matrix);
    array.shape = shape;
    read_array(in_, contents_, array, file_);
  }

  std::istream& in_;
  const Contents& contents_;
  const std::string& file_;
  std::string tensor_;
  const std::vector<std::string>& fields_;
};

template <class T>
void read_deltas(CheckpointDeltas<T>& deltas, std::istream& in, const std::string& file) {
  const Contents contents = read_contents(in, file);
  require_metadata(contents.metadata, "format", deltas_format_name, file);
  require_metadata(contents.metadata, "format_version", format_version, file);
  std::map<std::string, std::vector<std::string>> fields;
  for (const auto& named_array : contents.arrays) {
    const std::string& name = named_array.first;
    const std::size_t slash = name.rfind('/');
    if (slash == std::string::npos) fail_load(file, name, "not part of a delta");
    fields[name.substr(0, slash)].push_back(name.substr(slash + 1));
  }
  CheckpointDeltas<T> loaded;
  for (const auto& [tensor, names] : fields)
    loaded.emplace(tensor, DeltaReader(in, contents, file, tensor, names).template read<T>());
  deltas = std::move(loaded);
}

}  // namespace detail

/// Saves deltas; the file is replaced as a whole.
///
/// Throws std::invalid_argument for a name that is not UTF-8, a delta that fits no weights, such as one with places
/// that do not ascend, and a table over 100 000 000 bytes; std::filesystem::filesystem_error with path and reason
/// when the file cannot be written. Then the old file is what it was.
template <class T>
void save(const CheckpointDeltas<T>& deltas, const std::filesystem::path& path) {
  detail::check_deltas(deltas);
  detail::AtomicFile file(path);
  detail::write_deltas<T>(deltas, [&](const std::byte* data, std::size_t bytes) { file.write(data, bytes); });
  file.commit();
}

/// Reads what save has written, in place of what `deltas` holds. Whether the deltas fit the weights is seen when they
/// are applied.
///
/// Throws std::runtime_error that names the file, the array, what was found and what was expected; then `deltas` is
/// what it was. The file may come from anywhere: it cannot make load crash or take more memory than a few times its
/// own size.
template <class T>
void load(CheckpointDeltas<T>& deltas, const std::filesystem::path& path) {
  std::ifstream in = detail::open_for_reading(path);
  detail::read_deltas<T>(deltas, in, path.string());
}

}  // namespace glissade
