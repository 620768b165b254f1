// Saving the state of a method with the point where it stands, and going on from there: bit for bit,
// even in another program.
//
//   array           dtype        content
//   x               F64 ...      the point: its coefficients as they lie, of several tensors one after another
//   state/<field>   F64 I64 U8   what the state's visit names; see drive/method.hpp
//
//   metadata        text
//   format          "glissade method state", format_version "1"
//   method          the state's name: "Lbfgs"
//
// Options of the method are not in the file: the program that loads brings its own.
#pragma once

#include <concepts>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "../drive/method.hpp"
#include "safetensors.hpp"

namespace glissade {

namespace detail {

inline constexpr std::string_view method_format_name = "glissade method state";

/// Lists the fields of a state and the bounds of its whole numbers.
class StateList {
 public:
  std::vector<SavedArray> arrays;

  // Every value may be const: then it is only written to a file.
  template <class T>
  requires(std::same_as<std::remove_const_t<T>, double>) void operator()(std::string_view name, T& value) {
    number(name, ScalarType::float64, &value);
  }
  template <class T>
  requires(std::same_as<std::remove_const_t<T>, bool>) void operator()(std::string_view name, T& value) {
    static_assert(sizeof(bool) == 1);
    number(name, ScalarType::bytes, &value);
  }
  template <class T>
  requires(std::same_as<std::remove_const_t<T>, std::int64_t>) void operator()(std::string_view name, T& value,
                                                                               std::int64_t low, std::int64_t high) {
    number(name, ScalarType::int64, &value);
    bounds_.push_back({full(name), &value, 1, low, high});
  }
  template <class T>
  requires(std::same_as<std::remove_const_t<T>, std::vector<std::int64_t>>) void operator()(std::string_view name,
                                                                                            T& values, std::int64_t low,
                                                                                            std::int64_t high) {
    add(full(name), ScalarType::int64, static_cast<Index>(values.size()), 1, 1, false, values.data());
    bounds_.push_back({full(name), values.data(), values.size(), low, high});
  }
  template <class M>
  requires(std::is_base_of_v<Eigen::PlainObjectBase<std::remove_const_t<M>>, std::remove_const_t<M>>) void operator()(
      std::string_view name, M& matrix) {
    add(full(name), scalar_type_of<typename M::Scalar>, matrix.rows(), matrix.cols(), M::ColsAtCompileTime == 1 ? 1 : 2,
        M::IsRowMajor, matrix.data());
  }
  template <class F>
  requires(std::same_as<std::remove_const_t<F>, Field>) void operator()(std::string_view name, F& field) {
    add(full(name), field.type(), field.rows(), field.cols(), 2, field.row_major(), field.data());
  }
  template <class T>
  void point(T* data, Index size) {
    add("x", scalar_type_of<std::remove_const_t<T>>, size, 1, 1, false, data);
  }

  /// Calls fail(name, reason) at a number that makes the state invalid.
  template <class Fail>
  void check(const Fail& fail) const {
    for (const Bound& bound : bounds_)
      for (std::size_t i = 0; i < bound.size; ++i)
        if (bound.data[i] < bound.low || bound.data[i] > bound.high)
          fail(bound.name, std::to_string(bound.data[i]) + ", must be in [" + std::to_string(bound.low) + ", " +
                               std::to_string(bound.high) + "]");
    for (const SavedArray& array : arrays)
      if (array.type == ScalarType::bytes && array.shape.empty() && std::to_integer<int>(*array.place.from) > 1)
        fail(array.name, std::string("must be 0 or 1"));
  }

 private:
  struct Bound {
    std::string name;
    const std::int64_t* data;
    std::size_t size;
    std::int64_t low;
    std::int64_t high;
  };

  static std::string full(std::string_view name) { return "state/" + std::string(name); }
  void number(std::string_view name, ScalarType type, ArrayPlace place) {
    add(full(name), type, 1, 1, 0, false, place);
  }
  void add(std::string name, ScalarType type, Index rows, Index cols, int rank, bool row_major, ArrayPlace place) {
    const auto r = static_cast<std::uint64_t>(rows);
    const auto c = static_cast<std::uint64_t>(cols);
    const ArrayShape shape = rank == 0 ? ArrayShape{} : rank == 1 ? ArrayShape{r} : ArrayShape{r, c};
    arrays.push_back({std::move(name), type, shape, rows, cols, row_major, place});
  }

  std::vector<Bound> bounds_;
};

template <class S, class T>
StateList list_state(S& state, T* x, Index size) {
  StateList list;
  S::visit(state, list);
  if (x != nullptr) list.point(x, size);
  return list;
}

inline void write_state_list(StateList list, const std::string& method, const WriteBytes& write) {
  const Metadata metadata{{"format", std::string(method_format_name)},
                          {"format_version", std::string(format_version)},
                          {"library_version", library_version()},
                          {"method", method}};
  write_container(std::move(list.arrays), metadata, write);
}

/// Throws std::runtime_error unless the file holds all of the list and nothing else, apart from an x.
inline void read_state_list(const StateList& list, const std::string& method, std::istream& in,
                            const std::string& file) {
  const Contents contents = read_contents(in, file);
  require_metadata(contents.metadata, "format", method_format_name, file);
  require_metadata(contents.metadata, "format_version", format_version, file);
  require_metadata(contents.metadata, "method", method, file);
  auto extra = contents.arrays;
  for (const SavedArray& array : list.arrays) {
    read_array(in, contents, array, file);
    extra.erase(array.name);
  }
  extra.erase("x");  // may be left alone
  if (!extra.empty()) fail_load(file, extra.begin()->first, "not part of the state");
  list.check([&](const std::string& name, const std::string& what) { fail_load(file, name, what); });
}

template <class S, class P>
void write_state(const S& state, const P* x, Index size, const WriteBytes& write) {
  write_state_list(list_state(state, x, size), std::string(state.name), write);
}

/// Reads into `state` and x only when all has been found right.
template <class S, class P>
void read_state(S& state, P* x, Index size, std::istream& in, const std::string& file) {
  S loaded = state;
  Eigen::Matrix<P, Eigen::Dynamic, 1> point(x == nullptr ? 0 : size);
  const StateList list = list_state(loaded, x == nullptr ? x : point.data(), size);
  read_state_list(list, std::string(state.name), in, file);
  state = std::move(loaded);
  if (x != nullptr) std::copy(point.data(), point.data() + point.size(), x);
}

template <class S, class P>
void save_state(const S& state, const P* x, Index size, const std::filesystem::path& path) {
  list_state(state, x, size).check([](const std::string& name, const std::string& what) {
    throw std::invalid_argument("save: " + in_quotes(name) + ": " + what);
  });
  AtomicFile file(path);
  write_state(state, x, size, [&](const std::byte* data, std::size_t bytes) { file.write(data, bytes); });
  file.commit();
}

/// The coefficients of a point, as a vector.
template <class X>
using PointOf = Eigen::Matrix<ScalarOf<X>, Eigen::Dynamic, 1>;

template <class S>
concept MethodState = requires(S& state, StateList& list) {
  S::visit(state, list);
  std::string(state.name);
};

}  // namespace detail

/// Saves what a method's init, initial_state or resume has left, with x, whatever minimize takes, or without. The file
/// is replaced as a whole.
///
/// Throws std::invalid_argument for a whole number of the state that is out of its bounds and for two fields of one
/// name; std::filesystem::filesystem_error with path and reason when it cannot be written. Then the old file is what
/// it was.
template <detail::MethodState S, class X>
void save(const S& state, const X& x, const std::filesystem::path& path) {
  const auto plain = to_plain<detail::PointOf<X>>(x);
  detail::save_state(state, plain.data(), plain.size(), path);
}
template <detail::MethodState S>
void save(const S& state, const std::filesystem::path& path) {
  detail::save_state(state, static_cast<const double*>(nullptr), 0, path);
}

/// Restores what save has written into a state that init has made with the same method, for as many
/// variables. Without x, an x in the file is left alone.
///
/// Throws std::runtime_error that names the file, the field, what was found and what was expected;
/// then state and x are what they were.
template <detail::MethodState S, class X>
void load(S& state, X&& x, const std::filesystem::path& path) {
  check_variable<X>();
  std::ifstream in = detail::open_for_reading(path);
  auto plain = to_plain<detail::PointOf<X>>(x);
  detail::read_state(state, plain.data(), plain.size(), in, path.string());
  from_plain(plain, x);
}
template <detail::MethodState S>
void load(S& state, const std::filesystem::path& path) {
  std::ifstream in = detail::open_for_reading(path);
  detail::read_state(state, static_cast<double*>(nullptr), 0, in, path.string());
}

}  // namespace glissade
