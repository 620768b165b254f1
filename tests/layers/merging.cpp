// Frozen weights survive corrections that are not numbers, and give back only what was added.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/layers/adapters.hpp>
#include <glissade/layers/aflora.hpp>
#include <glissade/layers/attention/lora_attention.hpp>
#include <glissade/layers/incremental_rank.hpp>
#include <glissade/layers/lora_starts.hpp>
#include <glissade/layers/mora.hpp>

using namespace glissade;

namespace {

template <class T>
using MatrixOf = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;

template <class T>
MatrixOf<T> ramp(Eigen::Index rows, Eigen::Index cols) {
  return MatrixOf<T>::NullaryExpr(rows, cols, [](Eigen::Index i, Eigen::Index j) {
    return static_cast<T>(0.25 * static_cast<double>(i + 1) - 0.5 * static_cast<double>(j));
  });
}

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

/// merge and, where it took place, unmerge are refused with this sentence, and the weight keeps its bits.
template <class Layer>
void check_refused(Layer& layer, const std::string& sentence) {
  const bool merged = layer.merged();
  const auto before = layer.weight();
  CHECK(message_of<std::logic_error>([&] { merged ? layer.unmerge() : layer.merge(); }) == sentence);
  CHECK(layer.merged() == merged);
  CHECK(layer.weight() == before);
}

}  // namespace

TEMPLATE_TEST_CASE("LoraLayer: a merge that would not be finite is refused and the weight untouched", "", float,
                   double) {
  using T = TestType;
  LoraLayer<T> layer(ramp<T>(4, 5), {.rank = 2, .alpha = 3});
  layer.B = ramp<T>(4, 2);
  const MatrixOf<T> A = layer.A, B = layer.B;
  for (const T bad : {not_a_number<T>, infinity<T>, -infinity<T>}) {
    layer.A(1, 3) = bad;
    check_refused(layer, "LoraLayer::merge: A is infinite or NaN");
    layer.A = A;
    layer.B(3, 1) = bad;
    check_refused(layer, "LoraLayer::merge: B is infinite or NaN");
    layer.B = B;
  }
  // Finite factors of a product that is not.
  const T large = std::sqrt(std::numeric_limits<T>::max());
  layer.A.setConstant(large);
  layer.B.setConstant(-large);
  check_refused(layer, "LoraLayer::merge: W with the correction is infinite or NaN");
  // The largest product that there is.
  layer.A.setConstant(large / 4);
  layer.merge();
  CHECK(layer.weight().allFinite());
  CHECK(layer.weight().minCoeff() < -std::numeric_limits<T>::max() / 2);
  layer.unmerge();
  layer.A = A;
  layer.B = B;
  layer.merge();
  CHECK(layer.merged());
}

TEST_CASE("LoraLayer: unmerge compares bits") {
  LoraLayer<double> layer(ramp<double>(4, 5), {.rank = 2});
  layer.A(0, 0) = 0;
  layer.merge();
  const std::string changed = "LoraLayer::unmerge: A or B changed while the layer was merged";
  const auto A = layer.A, B = layer.B;
  layer.A(0, 0) = -0.0;
  check_refused(layer, changed);
  layer.A = A;
  layer.B(1, 1) = not_a_number<double>;
  check_refused(layer, changed);
  layer.B = B;
  layer.A.setZero(1, 5);
  check_refused(layer, changed);
  layer.A = A;
  layer.unmerge();
  CHECK_FALSE(layer.merged());
}

TEMPLATE_TEST_CASE("AfloraLayer: merge and unmerge as LoraLayer's", "", float, double) {
  using T = TestType;
  AfloraLayer<T> layer(ramp<T>(4, 5), {.rank = 2});
  layer.s_b.setOnes();
  const AfloraLayer<T> good = layer;
  const auto each = [&](const auto& check) {
    check("A", layer.A, good.A);
    check("B", layer.B, good.B);
    check("s_d", layer.s_d, good.s_d);
    check("s_b", layer.s_b, good.s_b);
  };
  each([&](const std::string& name, auto& matrix, const auto& kept) {
    for (const T bad : {not_a_number<T>, infinity<T>, -infinity<T>}) {
      matrix(1, 0) = bad;
      check_refused(layer, "AfloraLayer::merge: " + name + " is infinite or NaN");
      matrix = kept;
    }
  });
  layer.s_d.setConstant(std::sqrt(std::numeric_limits<T>::max()));
  layer.s_b.setConstant(std::sqrt(std::numeric_limits<T>::max()));
  layer.A.setConstant(2);
  layer.B.setConstant(2);
  CHECK_THROWS_AS(layer.merge(), std::invalid_argument);
  CHECK(layer.weight() == good.weight());
  layer = good;
  layer.merge();
  each([&](const std::string&, auto& matrix, const auto& kept) {
    for (const T other : {matrix(1, 0) + T(1), -matrix(1, 0), not_a_number<T>}) {
      matrix(1, 0) = other;
      check_refused(layer, "AfloraLayer::unmerge: A, B, s_d or s_b changed while the layer was merged");
      matrix = kept;
    }
  });
  layer.unmerge();
  CHECK(layer.weight().isApprox(good.weight(), 8 * std::numeric_limits<T>::epsilon()));

  layer.s_d.setOnes(3);
  CHECK(message_of([&] { layer.merge(); }) == "AfloraLayer::merge: s_d is 3 x 1, must be 2 x 1");
}

TEST_CASE("layers: what is not finite is refused where it would stay for good") {
  Mora<double> mora(6, 8, {.rank = 1});
  mora.M(1, 1) = not_a_number<double>;
  CHECK(message_of([&] { (void)mora.merged(); }) == "Mora::merged: M is infinite or NaN");
  mora.M.setConstant(1e308);  // the last input wraps around and counts twice
  CHECK(message_of([&] { (void)mora.merged(); }) == "Mora::merged: the correction is infinite or NaN");
  mora.M.setConstant(8e307);
  CHECK(mora.merged().allFinite());

  IncrementalRank<double> layer(4, 5, {.first_rank = 2});
  const Eigen::MatrixXd left = Eigen::MatrixXd::Ones(4, 1), right = Eigen::MatrixXd::Ones(5, 1);
  const auto refused = [&](const std::string& name, auto& matrix) {
    const double kept = matrix(1);
    for (const double bad : {not_a_number<double>, infinity<double>}) {
      matrix(1) = bad;
      const std::string sentence = "IncrementalRank::next_task: " + name + " is infinite or NaN";
      CHECK(message_of([&] { layer.next_task(); }) == sentence);
      CHECK(message_of([&] { layer.next_task(left, right); }) == sentence);
      CHECK(layer.tasks() == 1);
      CHECK(layer.U.cols() == 0);
    }
    matrix(1) = kept;
  };
  refused("u", layer.u);
  refused("v", layer.v);
  refused("s", layer.s);
  refused("bias", layer.bias);
  CHECK(message_of([&] { layer.next_task(left / 0.0, right); }) ==
        "IncrementalRank::next_task: the new u is infinite or NaN");
  CHECK(message_of([&] { layer.next_task(left, 0 * right / 0.0); }) ==
        "IncrementalRank::next_task: the new v is infinite or NaN");
  layer.next_task();
  CHECK(layer.tasks() == 2);

  Eigen::MatrixXd W = ramp<double>(4, 5);
  W(2, 2) = not_a_number<double>;
  CHECK(message_of([&] { (void)olora_layer<double>(W, {.rank = 2}); }) == "olora_layer: the weight is infinite or NaN");
}

TEST_CASE("layers: factors that the scalar cannot hold are refused") {
  const Eigen::MatrixXf W = ramp<float>(4, 5);
  for (const double alpha : {1e-40, 1e39, 1e300}) {
    CHECK_THROWS_AS(LoraLayer<float>(W, {.rank = 2, .alpha = alpha}), std::invalid_argument);
    CHECK_THROWS_AS(AfloraLayer<float>(W, {.rank = 2, .rank_scale = alpha}), std::invalid_argument);
    CHECK_THROWS_AS(LoraAttention<float>(W, W, W, {.rank = 2, .alpha = alpha}), std::invalid_argument);
    CHECK_NOTHROW(LoraLayer<double>(W.cast<double>(), {.rank = 2, .alpha = alpha}));
  }
  const Adapter<float> adapter{ramp<float>(4, 2), ramp<float>(2, 5), 1e30};
  AdapterSet<float> set(W);
  CHECK_THROWS_AS(set.add("one", adapter, {.weight = 1e20}), std::invalid_argument);
  CHECK_THROWS_AS(set.add("one", {adapter.B, adapter.A, 1e39}), std::invalid_argument);
  CHECK(set.size() == 0);
  CHECK_THROWS_AS(concatenated<float>({adapter}, {1e20}), std::invalid_argument);
  CHECK_THROWS_AS(concatenated<float>({{adapter.B, 1e20F * adapter.A, 1e30}}, {1}), std::invalid_argument);
  CHECK_NOTHROW(concatenated<float>({adapter}, {1}));
}
