#include "support/catch.hpp"
#include <glissade/io/checkpoint_deltas.hpp>
#include <glissade/rules/sgd.hpp>

#include "io/support.hpp"

using namespace glissade;
using namespace io_tests;
using Eigen::MatrixXf;

namespace {

/// One delta of every kind.
CheckpointDeltas<float> every_kind() {
  SparseDelta<float> differences{3, 4, {}, {}, false};
  differences.places.resize(2);
  differences.places << 1, 11;
  differences.values = Eigen::Vector2f(0.5f, -0.0f);
  SparseDelta<float> values = differences;
  values.replaces = true;
  return {{"layer/a", DenseDelta<float>{MatrixXf::Random(2, 3)}},
          {"b", differences},
          {"c", values},
          {"d", Adapter<float>{MatrixXf::Random(3, 2), MatrixXf::Random(2, 5), 0.1}},
          {"e", ScalingDelta<float>{MatrixXf::Random(1, 5)}},
          {"f", Adapter<float>{MatrixXf(3, 0), MatrixXf(0, 5), 1}}};
}

std::string bytes_of(const CheckpointDeltas<float>& deltas) {
  std::string bytes;
  detail::write_deltas<float>(deltas, [&](const std::byte* data, std::size_t size) {
    bytes.append(reinterpret_cast<const char*>(data), size);
  });
  return bytes;
}
template <class T = float>
std::string load_error(CheckpointDeltas<T>& deltas, const std::string& bytes) {
  std::istringstream in(bytes);
  return message_of<std::runtime_error>([&] { detail::read_deltas<T>(deltas, in, "file"); });
}

}  // namespace

TEST_CASE("checkpoint deltas: every kind comes back from a file, bit by bit") {
  const Folder folder;
  const auto deltas = every_kind();
  save(deltas, folder / "deltas.safetensors");
  CHECK(folder.entries() == 1);
  CheckpointDeltas<float> loaded{{"old", DenseDelta<float>{}}};
  load(loaded, folder / "deltas.safetensors");
  CHECK(bytes_of(loaded) == bytes_of(deltas));
  REQUIRE(loaded.size() == 6);
  CHECK(std::get<0>(loaded.at("layer/a")).weights == std::get<0>(deltas.at("layer/a")).weights);
  CHECK(std::get<1>(loaded.at("c")).replaces);
  CHECK_FALSE(std::get<1>(loaded.at("b")).replaces);
  CHECK(std::get<1>(loaded.at("b")).rows == 3);
  CHECK(std::get<1>(loaded.at("b")).places[1] == 11);
  CHECK(std::signbit(std::get<1>(loaded.at("b")).values[1]));
  CHECK(std::get<2>(loaded.at("d")).scale == 0.1);
  CHECK(std::get<2>(loaded.at("f")).A.cols() == 5);

  // Matrices are written row by row, as other readers have them.
  const DenseDelta<float> numbers{(MatrixXf(2, 3) << 1, 2, 3, 4, 5, 6).finished()};
  const std::string bytes = bytes_of({{"W", numbers}});
  std::vector<float> in_file(6);
  std::memcpy(in_file.data(), bytes.data() + bytes.size() - 24, 24);
  CHECK(in_file == std::vector<float>{1, 2, 3, 4, 5, 6});

  // An old model and the file are the new one.
  const MatrixXf P = MatrixXf::Random(12, 9);
  MatrixXf N = P;
  N(3, 4) = 7;
  save(CheckpointDeltas<float>{{"W", checkpoint_delta(P, N, {.lossless = true})}}, folder / "deltas.safetensors");
  load(loaded, folder / "deltas.safetensors");
  MatrixXf target = P;
  apply_delta(loaded.at("W"), target);
  CHECK(target == N);
}

TEST_CASE("checkpoint deltas: what load would refuse is not saved, and the old file stays") {
  const Folder folder;
  const auto path = folder / "deltas.safetensors";
  write_file(path, "old");
  const auto refusal = [&](const CheckpointDelta<float>& delta) {
    std::string message = message_of([&] { save(CheckpointDeltas<float>{{"W", delta}}, path); });
    CHECK(read_file(path) == "old");
    CHECK(folder.entries() == 1);
    return message;
  };
  SparseDelta<float> sparse{3, 4, {}, Eigen::Vector2f(1, 2), true};
  const auto places = [&](std::int64_t first, std::int64_t second) {
    sparse.places.resize(2);
    sparse.places << first, second;
    return sparse;
  };
  CHECK(refusal(places(5, 5)) == "save: \"W/places\": 5, must be in [6, 12)");
  CHECK(refusal(places(5, 12)) == "save: \"W/places\": 12, must be in [6, 12)");
  CHECK(refusal(places(-1, 3)) == "save: \"W/places\": -1, must be in [0, 12)");
  sparse.values.resize(1);
  CHECK(refusal(places(5, 6)) == "save: \"W/values\": 1, must be as many as the 2 places");
  sparse.rows = -3;
  CHECK(refusal(sparse) == "save: \"W/shape\": [-3, 4] is no shape");
  CHECK(refusal(Adapter<float>{MatrixXf::Ones(3, 2), MatrixXf::Ones(1, 4)}) == "save: \"W/A\": does not fit B");
  CHECK(refusal(ScalingDelta<float>{MatrixXf::Ones(2, 2)}) == "save: \"W/factors\": must be one row or one column");
  CHECK_THAT(message_of([&] {
               save(CheckpointDeltas<float>{{"\xff", DenseDelta<float>{}}}, path);
             }),
             Catch::Matchers::ContainsSubstring("is not UTF-8"));
}

TEST_CASE("checkpoint deltas: the low-rank change of a vector, of any kind, goes through a file") {
  const Folder folder;
  const auto check = [&]<class Vector>(const Vector& before, const Vector& after) {
    using T = typename Vector::Scalar;
    INFO(before.rows() << " x " << before.cols());
    const Adapter<T> product = low_rank_delta(before, after);
    const bool same = before == after;
    CHECK(product.rank() == (same ? 0 : 1));
    CHECK(product.B.rows() == before.rows());
    CHECK(product.A.cols() == before.cols());
    CheckpointDeltas<T> loaded;
    save(CheckpointDeltas<T>{{"v", product}}, folder / "deltas.safetensors");
    load(loaded, folder / "deltas.safetensors");
    REQUIRE(loaded.at("v").index() == 2);
    CHECK(std::get<2>(loaded.at("v")).B == product.B);
    CHECK(std::get<2>(loaded.at("v")).A == product.A);
    Vector target = before;
    apply_delta(loaded.at("v"), target);
    const T size = std::max(before.stableNorm(), after.stableNorm());
    CHECK((target - after).stableNorm() <= 4 * std::numeric_limits<T>::epsilon() * size);

    save(CheckpointDeltas<T>{{"v", checkpoint_delta(before, after)}}, folder / "deltas.safetensors");
    load(loaded, folder / "deltas.safetensors");
    target = before;
    apply_delta(loaded.at("v"), target);
    CHECK((target - after).stableNorm() <= 4 * std::numeric_limits<T>::epsilon() * size);
  };
  const auto all = [&]<class T>(T size) {
    using Column = Eigen::Matrix<T, Eigen::Dynamic, 1>;
    using Row = Eigen::Matrix<T, 1, Eigen::Dynamic>;
    for (const Eigen::Index n : {1, 2, 7, 40}) {
      const Column before = size * Column::Random(n), after = size * Column::Random(n);
      check(before, after);
      check(before, before);
      check(Row(before.transpose()), Row(after.transpose()));
      check(Row(before.transpose()), Row(before.transpose()));
      Column one = before;
      one[n / 2] += size;
      check(before, one);
      check(Row(before.transpose()), Row(one.transpose()));
    }
    check(Column(Column::Zero(5)), Column(Column::Constant(5, size)));
    check(Row(Row::Constant(5, size)), Row(Row::Zero(5)));
  };
  for (const float size : {1.0F, 1e-20F, 1e20F}) all(size);
  for (const double size : {1.0, 1e-150, 1e150}) all(size);
}

TEST_CASE("checkpoint deltas: a file that is broken or hostile is refused and nothing changes") {
  const std::string good = bytes_of(every_kind());
  CheckpointDeltas<float> deltas{{"mine", ScalingDelta<float>{MatrixXf::Ones(2, 1)}}};
  const std::string before = bytes_of(deltas);
  const auto refusal = [&](const std::string& bytes) {
    const std::string message = load_error(deltas, bytes);
    CHECK(bytes_of(deltas) == before);
    return message.substr(0, 6) == "file: " ? message.substr(6) : "not refused";
  };
  const auto change = [&](const std::string& from, const std::string& to) { return refusal(edited(good, from, to)); };

  for (std::size_t length = 0; length < good.size(); ++length) CHECK(refusal(good.substr(0, length)) != "not refused");
  CHECK(change("glissade checkpoint deltas", "glissade checkpoint delta_") ==
        "\"format\": is \"glissade checkpoint delta_\", expected \"glissade checkpoint deltas\"");
  CHECK(change("layer/a/weights", "layer_a_weights") == "\"layer_a_weights\": not part of a delta");
  CHECK(change("layer/a/weights", "layer/a/wEights") == "\"layer/a\": its arrays are those of no delta");
  CHECK(change("d/scale", "x/scale") == "\"d\": its arrays are those of no delta");
  CHECK(change("b/differences", "b/values_here") == "\"b\": its arrays are those of no delta");
  CHECK(change("[1, 5]", "[5]") == "\"e/factors\": shape [5], must be two numbers");
  CHECK(change("[2, 5]", "[5, 2]") == "\"d/A\": does not fit B");
  CHECK(change("[0, 5]", "[0, 18446744073709551615]") == "\"f/A\": shape [0, 18446744073709551615] is too large");
  CHECK(change("[2, 3]", "[2, 3, 1]") == "\"layer/a/weights\": shape [2, 3, 1], must be two numbers");

  const auto sparse = [&](std::int64_t first, std::int64_t second, Eigen::Index rows, Eigen::Index cols) {
    SparseDelta<float> delta{rows, cols, {}, Eigen::Vector2f(1, 2), true};
    delta.places.resize(2);
    delta.places << first, second;
    return refusal(bytes_of({{"s", delta}}));
  };
  CHECK(sparse(-1, 3, 3, 4) == "\"s/places\": -1, must be in [0, 12)");
  CHECK(sparse(0, 12, 3, 4) == "\"s/places\": 12, must be in [1, 12)");
  CHECK(sparse(5, 5, 3, 4) == "\"s/places\": 5, must be in [6, 12)");
  CHECK(sparse(5, 6, -3, -4) == "\"s/shape\": [-3, -4] is no shape");
  CHECK(sparse(5, 6, std::int64_t{1} << 40, std::int64_t{1} << 40) ==
        "\"s/shape\": [1099511627776, 1099511627776] is no shape");
  CHECK(refusal(bytes_of({{"s", ScalingDelta<float>{MatrixXf::Ones(2, 2)}}})) ==
        "\"s/factors\": must be one row or one column");
  CheckpointDeltas<double> wide;
  CHECK(load_error<double>(wide, good) == "file: \"b/differences\": dtype F32, expected F64");

  // Whatever bit of the header is flipped: refused, or other names and the like.
  for (std::size_t i = 0; i < 8 + header_of(good).size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string broken = good;
      broken[i] = static_cast<char>(broken[i] ^ (1 << bit));
      CheckpointDeltas<float> victim = deltas;
      const std::string message = load_error(victim, broken);
      CHECK((message.empty() || bytes_of(victim) == before));
    }
  CHECK(load_error(deltas, good).empty());
  CHECK(bytes_of(deltas) == good);
}
