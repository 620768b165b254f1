// Every array that a layer is given or fills: one of another shape is refused by its name, and nothing is touched.
#include "support/catch.hpp"
#include "support/low_rank_problems.hpp"
#include "support/message_of.hpp"
#include <glissade/layers/aflora.hpp>
#include <glissade/layers/incremental_rank.hpp>
#include <glissade/layers/lora.hpp>
#include <glissade/layers/mora.hpp>

#include <string>
#include <vector>

using namespace glissade;
using namespace low_rank_problems;

namespace {

struct Array {
  std::string name;
  Eigen::Index rows, cols;
};

/// call(arrays) with all of the right shape passes; with one of another shape it says so. Some of the arrays are
/// outputs: none of them has changed then.
template <class Call>
void check(const std::string& where, const std::vector<Array>& shapes, const Call& call) {
  std::vector<Matrix> right;
  for (std::size_t k = 0; k < shapes.size(); ++k) right.push_back(normal(shapes[k].rows, shapes[k].cols, 50 + k));
  for (std::size_t k = 0; k < shapes.size(); ++k)
    for (const Eigen::Index more : {-1, 1})
      for (const bool in_rows : {false, true}) {
        const Array& wrong = shapes[k];
        if (!in_rows && wrong.cols == 1) continue;  // a vector
        std::vector<Matrix> arrays = right;
        arrays[k] = normal(wrong.rows + (in_rows ? more : 0), wrong.cols + (in_rows ? 0 : more), 60);
        const std::vector<Matrix> before = arrays;
        INFO(where << ", " << wrong.name << " is " << arrays[k].rows() << " x " << arrays[k].cols());
        const std::string message = message_of<std::logic_error>([&] { call(arrays); });
        // Another batch is found with whatever is compared with it first.
        const bool batch = wrong.name == "X" && !in_rows;
        CHECK(message.starts_with(where + ": " + (batch ? "" : wrong.name + " is ")));
        CHECK(arrays == before);
      }
  CHECK(message_of<std::logic_error>([&] { call(right); }).empty());
}

}  // namespace

TEST_CASE("LoraLayer: shapes") {
  LoraLayer<double> layer(normal(6, 9, 1), {.rank = 3});
  layer.B = normal(6, 3, 2);
  const auto Lora = [](const char* part) { return std::string("LoraLayer::") + part; };
  check(Lora("forward"), {{"X", 9, 4}, {"Y", 6, 4}}, [&](auto& a) { layer.forward(a[0], a[1]); });
  const std::vector<Array> outputs{{"X", 9, 4}, {"Y", 6, 4}, {"dA", 3, 9}, {"dB", 6, 3}, {"dX", 9, 4}};
  check(Lora("backward"), {outputs.begin(), outputs.end() - 1},
        [&](auto& a) { layer.backward(a[0], a[1], a[2], a[3]); });
  check(Lora("backward"), outputs, [&](auto& a) { layer.backward(a[0], a[1], a[2], a[3], a[4]); });
  check(Lora("project"), {{"G", 6, 9}, {"dA", 3, 9}, {"dB", 6, 3}}, [&](auto& a) { layer.project(a[0], a[1], a[2]); });
  check(Lora("forward"), {{"X", 9, 4}, {"mask", 9, 4}, {"Y", 6, 4}}, [&](auto& a) { layer.forward(a[0], a[1], a[2]); });
  check(Lora("backward"), {{"X", 9, 4}, {"mask", 9, 4}, {"Y", 6, 4}, {"dA", 3, 9}, {"dB", 6, 3}, {"dX", 9, 4}},
        [&](auto& a) { layer.backward(a[0], a[1], a[2], a[3], a[4], a[5]); });
}

TEST_CASE("AfloraLayer: shapes") {
  AfloraLayer<double> layer(normal(6, 9, 1), {.rank = 3});
  const auto Aflora = [](const char* part) { return std::string("AfloraLayer::") + part; };
  check(Aflora("forward"), {{"X", 9, 4}, {"Y", 6, 4}}, [&](auto& a) { layer.forward(a[0], a[1]); });
  const std::vector<Array> outputs{{"X", 9, 4},    {"Y", 6, 4},    {"dA", 3, 9}, {"dB", 6, 3},
                                   {"ds_d", 3, 1}, {"ds_b", 6, 1}, {"dX", 9, 4}};
  check(Aflora("backward"), {outputs.begin(), outputs.end() - 1},
        [&](auto& a) { layer.backward(a[0], a[1], a[2], a[3], a[4].col(0), a[5].col(0)); });
  check(Aflora("backward"), outputs,
        [&](auto& a) { layer.backward(a[0], a[1], a[2], a[3], a[4].col(0), a[5].col(0), a[6]); });
  check(Aflora("backward_vectors"), {{"X", 9, 4}, {"Y", 6, 4}, {"ds_d", 3, 1}, {"ds_b", 6, 1}, {"dX", 9, 4}},
        [&](auto& a) { layer.backward_vectors(a[0], a[1], a[2].col(0), a[3].col(0), a[4]); });
}

TEST_CASE("IncrementalRank: shapes") {
  IncrementalRank<double> layer(6, 9, {.first_rank = 3, .task_rank = 2, .bias = true});
  layer.next_task();
  const auto Incremental = [](const char* part) { return std::string("IncrementalRank::") + part; };
  check(Incremental("forward"), {{"X", 9, 4}, {"Y", 6, 4}}, [&](auto& a) { layer.forward(a[0], a[1]); });
  const std::vector<Array> outputs{{"X", 9, 4},  {"Y", 6, 4},     {"du", 6, 2}, {"dv", 9, 2},
                                   {"ds", 5, 1}, {"dbias", 6, 1}, {"dX", 9, 4}};
  check(Incremental("backward"), {outputs.begin(), outputs.end() - 1},
        [&](auto& a) { layer.backward(a[0], a[1], a[2], a[3], a[4].col(0), a[5].col(0)); });
  check(Incremental("backward"), outputs,
        [&](auto& a) { layer.backward(a[0], a[1], a[2], a[3], a[4].col(0), a[5].col(0), a[6]); });
  check(Incremental("project"), {{"G", 6, 9}, {"du", 6, 2}, {"dv", 9, 2}, {"ds", 5, 1}},
        [&](auto& a) { layer.project(a[0], a[1], a[2], a[3].col(0)); });
  IncrementalRank<double> more = layer;
  check(Incremental("next_task"), {{"u", 6, 2}, {"v", 9, 2}}, [&](auto& a) { more.next_task(a[0], a[1]); });
}

TEST_CASE("Mora: shapes") {
  Mora<double> layer(10, 12, {.rank = 2});
  const Eigen::Index q = layer.size();
  const auto OfMora = [](const char* part) { return std::string("Mora::") + part; };
  check(OfMora("add_forward"), {{"X", 12, 4}, {"Y", 10, 4}}, [&](auto& a) { layer.add_forward(a[0], a[1]); });
  check(OfMora("backward"), {{"X", 12, 4}, {"Y", 10, 4}, {"dM", q, q}, {"dX", 12, 4}},
        [&](auto& a) { layer.backward(a[0], a[1], a[2], a[3]); });
}

TEST_CASE("layers: every rank from 1 to the smaller side") {
  for (const int rank : {1, 5}) {
    CHECK(message_of([&] { LoraLayer<double>(normal(5, 9, 1), {.rank = rank}); }).empty());
    CHECK(message_of([&] { AfloraLayer<double>(normal(5, 9, 1), {.rank = rank}); }).empty());
    CHECK(message_of([&] { IncrementalRank<double>(5, 9, {.first_rank = rank, .task_rank = rank}); }).empty());
  }
  CHECK(message_of([&] { Mora<double>(5, 9, {.rank = 1}); }).empty());
  CHECK(message_of([&] { LoraLayer<double>(normal(1, 1, 1), {.rank = 1}); }).empty());
  CHECK(message_of([&] { AfloraLayer<double>(normal(1, 1, 1), {.rank = 1}); }).empty());
  CHECK(message_of([&] { IncrementalRank<double>(1, 1, {.first_rank = 1}); }).empty());
  CHECK(message_of([&] { Mora<double>(1, 1, {.rank = 1}); }).empty());
}
