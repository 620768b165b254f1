#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/layers/adapters.hpp>

#include <cstring>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::MatrixXf;

namespace {

MatrixXd normals(Index rows, Index cols, std::uint64_t stream) {
  return MatrixXd::NullaryExpr(
      rows, cols, [=](Index i, Index j) { return RandomKey{stream}.normal(static_cast<std::uint64_t>(i * cols + j)); });
}
template <class T = double>
Adapter<T> adapter_of(Index m, Index n, Index rank, std::uint64_t stream, double scale) {
  return {normals(m, rank, 2 * stream).cast<T>(), normals(rank, n, 2 * stream + 1).cast<T>(), scale};
}
template <class T>
MatrixXd product(const Adapter<T>& adapter) {
  return adapter.scale * adapter.B.template cast<double>() * adapter.A.template cast<double>();
}

/// Equal to the last bit: == takes -0 for 0 and no NaN for itself.
template <class M>
bool same_bits(const M& a, const M& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(typename M::Scalar)) == 0;
}

template <class T>
struct Outcome {
  Eigen::Matrix<T, -1, -1> output;
  Eigen::Matrix<T, -1, -1> merged;
  friend bool operator==(const Outcome& a, const Outcome& b) {
    return same_bits(a.output, b.output) && same_bits(a.merged, b.merged);
  }
};
template <class T>
Outcome<T> outcome_of(const AdapterSet<T>& set, Index batch, std::uint64_t granted = AdapterSet<T>::all_rights) {
  const Eigen::Matrix<T, -1, -1> X = normals(set.base().cols(), batch, 99).template cast<T>();
  Outcome<T> outcome{{set.base().rows(), batch}, {set.base().rows(), set.base().cols()}};
  set.forward(X, outcome.output, granted);
  set.merge(outcome.merged, granted);
  return outcome;
}

}  // namespace

TEST_CASE("adapters: concatenated they are their weighted sum, sums of the factors are not") {
  const std::vector<Adapter<double>> adapters{adapter_of(40, 30, 4, 1, 0.5), adapter_of(40, 30, 4, 2, 2),
                                              adapter_of(40, 30, 4, 3, 1)};
  const std::vector<double> weights{0.7, -1.3, 0.4};
  MatrixXd sum = MatrixXd::Zero(40, 30);
  MatrixXd B = MatrixXd::Zero(40, 4), A = MatrixXd::Zero(4, 30);
  for (std::size_t i = 0; i < 3; ++i) {
    sum += weights[i] * product(adapters[i]);
    const double c = weights[i] * adapters[i].scale;
    B += std::sqrt(std::abs(c)) * adapters[i].B;
    A += std::copysign(std::sqrt(std::abs(c)), c) * adapters[i].A;
  }
  const auto all = concatenated(adapters, weights);
  CHECK(all.rank() == 12);
  CHECK((product(all) - sum).norm() <= 4e-15 * sum.norm());
  CHECK((B * A - sum).norm() > 0.5 * sum.norm());

  // Ranks may differ.
  const auto mixed = concatenated<double>({adapters[0], adapter_of(40, 30, 7, 5, 3)}, {1, 1});
  CHECK(mixed.rank() == 11);
  CHECK((product(mixed) - product(adapters[0]) - product(adapter_of(40, 30, 7, 5, 3))).norm() <=
        4e-15 * product(mixed).norm());
}

TEST_CASE("adapters: recompressed they are the best approximation of that rank") {
  // Tall, wide, and more columns in B and rows in A than the weight has itself.
  const std::pair<Index, Index> shapes[] = {{60, 45}, {45, 60}, {9, 60}, {60, 9}, {1, 5}};
  for (const auto& [m, n] : shapes) {
    const Adapter<double> all = adapter_of(m, n, 12, 1, 0.3);
    const MatrixXd D = product(all);
    const Eigen::VectorXd sigma = Eigen::JacobiSVD<MatrixXd>(D).singularValues();
    const Index most = std::min({m, n, Index{12}});
    for (const Index rank : {Index{1}, most / 2, most}) {
      if (rank < 1) continue;
      CAPTURE(m, n, rank);
      const auto [adapter, error] = recompressed(all, rank);
      CHECK(adapter.rank() == rank);
      CHECK(adapter.B.rows() == m);
      CHECK(adapter.A.cols() == n);
      CHECK((adapter.A * adapter.A.transpose()).isIdentity(1e-13));
      const double tail = sigma.segment(rank, most - rank).norm();
      const double reached = (product(adapter) - D).norm();
      if (rank < most) {
        CHECK(std::abs(error / tail - 1) <= 1e-14);  // to 14 digits
        CHECK(std::abs(reached / tail - 1) <= 1e-14);
      } else {
        CHECK(error == 0);
        CHECK(reached <= 1e-14 * D.norm());
      }
    }
  }
}

TEST_CASE("adapters: in float, recompressed to what is there") {
  const auto parts =
      std::vector<Adapter<float>>{adapter_of<float>(80, 50, 3, 1, 0.5), adapter_of<float>(80, 50, 3, 1, 2)};
  const auto all = concatenated(parts, {1, 1});  // the same directions twice: rank 3
  const auto [adapter, error] = recompressed(all, 3);
  CHECK(error <= 1e-5 * product(all).norm());
  CHECK((product(adapter) - product(all)).norm() <= 1e-6 * product(all).norm());
}

TEST_CASE("AdapterSet: forward is the merged weight's, and both are W + sum of w s B A") {
  AdapterSet<double> set(normals(20, 30, 7));
  set.add("one", adapter_of(20, 30, 3, 1, 0.5), {.weight = 0.7});
  set.add("two", adapter_of(20, 30, 5, 2, 2), {.weight = -1.5});
  const MatrixXd W =
      set.base() + 0.7 * product(adapter_of(20, 30, 3, 1, 0.5)) - 1.5 * product(adapter_of(20, 30, 5, 2, 2));
  const auto [output, merged] = outcome_of(set, 8);
  CHECK(merged.isApprox(W, 4e-15));
  CHECK(output.isApprox(W * normals(30, 8, 99), 1e-14));
  CHECK(set.composed().rank() == 8);
  CHECK((set.base() + product(set.composed())).isApprox(W, 4e-15));
  CHECK(set.composed(0).rank() == 8);
}

TEMPLATE_TEST_CASE("AdapterSet: after a removal it is a set that never had the adapter, bit by bit", "", float,
                   double) {
  const auto base = [](Index m, Index n) { return normals(m, n, 7).cast<TestType>().eval(); };
  const std::pair<Index, Index> shapes[] = {{64, 96}, {5, 7}, {1, 33}};
  for (const auto& [m, n] : shapes)
    for (const Index batch : {Index{1}, Index{17}}) {
      CAPTURE(m, n, batch);
      const Index rank = std::min(m, Index{4});
      const auto part = [&, rows = m, cols = n](std::uint64_t stream) {
        return adapter_of<TestType>(rows, cols, rank, stream, 0.37);
      };
      AdapterSet<TestType> never(base(m, n));
      never.add("a", part(1));
      never.add("c", part(3), {.weight = 0.6});
      const auto wanted = outcome_of(never, batch);

      AdapterSet<TestType> set(base(m, n));
      set.add("c", part(3), {.weight = 0.6});  // also in another order
      set.add("b", part(2));
      set.add("a", part(1));
      const auto with = outcome_of(set, batch);
      CHECK_FALSE(with == wanted);
      set.remove("b");
      CHECK(outcome_of(set, batch) == wanted);
      set.remove("a");
      set.remove("c");
      CHECK(set.size() == 0);
      CHECK(same_bits(outcome_of(set, batch).merged, base(m, n)));
    }

  // What subtraction would leave.
  const auto b = adapter_of<TestType>(64, 96, 4, 2, 0.37);
  auto W = base(64, 96);
  W.noalias() += static_cast<TestType>(b.scale) * b.B * b.A;
  W.noalias() -= static_cast<TestType>(b.scale) * b.B * b.A;
  CHECK(W.isApprox(base(64, 96), 100 * std::numeric_limits<TestType>::epsilon()));
  CHECK_FALSE(same_bits(W, base(64, 96)));
}

TEST_CASE("AdapterSet: an adapter for which a right is missing is as if it were not there") {
  AdapterSet<double> open(normals(20, 30, 7));
  open.add("for all", adapter_of(20, 30, 3, 1, 0.5));
  AdapterSet<double> both = open;
  both.add("for some", adapter_of(20, 30, 3, 2, 0.5), {.rights = 0b01});
  AdapterSet<double> all = both;
  // Were it read, something would overflow.
  Adapter<double> secret = adapter_of(20, 30, 3, 3, 1);
  secret.A.setConstant(1e308);
  secret.B.setConstant(1e308);
  all.add("for few", secret, {.rights = 0b10});
  all.add("for fewer", secret, {.rights = 0b11});

  CHECK(outcome_of(all, 4, 0) == outcome_of(open, 4));
  CHECK(outcome_of(all, 4, 0b01) == outcome_of(both, 4));
  CHECK_FALSE(outcome_of(all, 4, 0b01) == outcome_of(open, 4));
  CHECK_FALSE(outcome_of(all, 4, 0b10).merged.allFinite());
  CHECK(all.composed(0).rank() == 3);
  CHECK(all.composed(0b01).rank() == 6);
  CHECK(all.composed(0b10).rank() == 6);
  CHECK(all.composed(0b11).rank() == 12);
  // The other adapters of the last bits stay what they are.
  all.remove("for few");
  all.remove("for fewer");
  CHECK(outcome_of(all, 4) == outcome_of(both, 4));
}

TEST_CASE("adapters: what cannot be is refused with a sentence and nothing changes") {
  const Adapter<double> good = adapter_of(6, 9, 2, 1, 1);
  CHECK(message_of([&] { (void)concatenated<double>({}, {}); }) ==
        "concatenated: 0 adapters and 0 weights, must be as many and at least one");
  CHECK(message_of([&] {
          (void)concatenated<double>({good}, {1, 2});
        }) == "concatenated: 1 adapters and 2 weights, must be as many and at least one");
  CHECK(message_of([&] {
          (void)concatenated<double>({good, adapter_of(5, 9, 2, 1, 1)}, {1, 2});
        }) == "concatenated: an adapter of 5 x 2 and 2 x 9 for a weight of 6 x 9");
  CHECK_THROWS_AS(concatenated<double>({good}, {std::nan("")}), std::invalid_argument);
  CHECK(message_of([&] { (void)recompressed(good, 3); }) ==
        "recompressed: rank = 3 of an adapter of rank 2 for a weight of 6 x 9, must be in [1, 2]");
  CHECK_THROWS_AS(recompressed(good, 0), std::invalid_argument);

  CHECK(message_of([] { AdapterSet<double>(MatrixXd(0, 3)); }) == "AdapterSet: the weight is empty");
  AdapterSet<double> set(normals(6, 9, 7));
  set.add("a", good);
  const auto before = outcome_of(set, 3);
  CHECK(message_of([&] { set.add("a", good); }) == "AdapterSet::add: \"a\" is there already");
  CHECK(message_of([&] { set.remove("b"); }) == "AdapterSet::remove: there is no \"b\"");
  CHECK_THROWS_AS(set.add("b", adapter_of(9, 6, 2, 1, 1)), std::invalid_argument);
  CHECK_THROWS_AS(set.add("b", {normals(6, 2, 1), normals(3, 9, 1)}), std::invalid_argument);
  CHECK_THROWS_AS(set.add("b", good, {.weight = std::nan("")}), std::invalid_argument);
  Adapter<double> broken = good;
  broken.B(1, 1) = std::nan("");
  CHECK(message_of([&] { set.add("b", broken); }) == "AdapterSet::add: an adapter that is infinite or NaN");
  broken = good;
  broken.scale = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(set.add("b", broken), std::invalid_argument);
  MatrixXd X = normals(9, 3, 1), Y(6, 3), none(9, 0), nothing(6, 0), W(9, 6);
  CHECK(message_of([&] { set.forward(none, nothing); }) == "AdapterSet::forward: the batch is empty");
  CHECK(message_of([&] { set.forward(Y, X); }) == "AdapterSet::forward: X is 6 x 3, must be 9 x 3");
  CHECK_THROWS_AS(set.merge(W), std::invalid_argument);
  CHECK(set.size() == 1);
  CHECK(outcome_of(set, 3) == before);
}
