#include "support/attention.hpp"
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/no_heap.hpp"
#include <glissade/layers/attention/lora_attention.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/adam.hpp>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;

namespace {

using Head = LoraAttention<double>;

/// L = 12, d = 5, h = 4, r = 2, alpha = 3, and B away from zero.
Head small_head(LoraAttentionOptions options = {.rank = 2, .alpha = 3}) {
  Head head(normals(5, 4, 1), normals(5, 4, 2), normals(5, 4, 3), options);
  std::uint64_t stream = 4;
  for (auto* factors : {&head.query, &head.key, &head.value})
    if (factors->B.size() > 0) factors->B = 0.5 * normals(5, 2, stream++);
  return head;
}
const MatrixXd X = normals(12, 5, 10);
const MatrixXd dO = normals(12, 4, 11);

std::vector<MatrixXd> gradients(const Head& head) {
  return {head.query.dA, head.query.dB, head.key.dA, head.key.dB, head.value.dA, head.value.dB};
}

/// The gradient of <dO, O> with respect to `variable` by central differences.
MatrixXd differences(Head& head, MatrixXd& variable, const MatrixXd& x) {
  MatrixXd result = variable, O(x.rows(), head.width());
  const auto loss = [&] { return head.forward(x, O), O.cwiseProduct(dO).sum(); };
  for (Index i = 0; i < variable.size(); ++i) {
    double& entry = variable.data()[i];
    const double kept = entry, step = 1e-5;
    entry = kept + step;
    const double up = loss();
    entry = kept - step;
    const double down = loss();
    entry = kept;
    result.data()[i] = (up - down) / (2 * step);
  }
  return result;
}

/// The setting of the table: L = 512, d = 8, h = 4, r = 2, s = 1, beta = 1 / h; W and B of queries and keys such that
/// the largest entries of Q and K are `gamma`.
struct Setting {
  MatrixXd X, Y, W[3], A[3], B[3];
  explicit Setting(double gamma, std::uint64_t draw = 0) : Y(normals(512, 4, 100 * draw + 21)) {
    X.resize(512, 8);
    const RandomKey random{100 * draw + 20};
    for (Index i = 0; i < X.size(); ++i) X.data()[i] = 2 * random.uniform(static_cast<std::uint64_t>(i)) - 1;
    for (std::uint64_t i = 0; i < 3; ++i) {
      W[i] = normals(8, 4, 100 * draw + 30 + i);
      A[i] = normals(2, 4, 100 * draw + 40 + i);
      B[i] = 0.1 * normals(8, 2, 100 * draw + 50 + i);
      if (i == 2) continue;
      const double scale = gamma / (X * (W[i] + B[i] * A[i])).cwiseAbs().maxCoeff();
      W[i] *= scale;
      B[i] *= scale;
    }
  }
  [[nodiscard]] Head head(std::optional<int> degree) const {
    Head head(W[0], W[1], W[2],
              {.rank = 2,
               .alpha = std::sqrt(2.0),
               .rank_stabilized = true,
               .beta = 0.25,
               .form = degree ? AttentionForm::polynomial : AttentionForm::exact,
               .degree = degree,
               .center_keys = false});
    std::size_t i = 0;
    for (auto* factors : {&head.query, &head.key, &head.value}) {
      factors->A = A[i];
      factors->B = B[i++];
    }
    return head;
  }
  [[nodiscard]] std::vector<MatrixXd> gradients_with(std::optional<int> degree) const {
    Head head = this->head(degree);
    MatrixXd O(512, 4);
    REQUIRE(head.forward(X, O));
    head.backward(X, O - Y);
    return gradients(head);
  }
};

double largest_difference(const std::vector<MatrixXd>& a, const std::vector<MatrixXd>& b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, (a[i] - b[i]).cwiseAbs().maxCoeff());
    size = std::max(size, b[i].cwiseAbs().maxCoeff());
  }
  return difference / size;
}

}  // namespace

TEST_CASE("LoraAttention: gradients are those of differences") {
  for (const bool keys : {true, false}) {
    Head head = small_head({.rank = 2, .alpha = 3, .adapt_keys = keys});
    MatrixXd x = X, O(12, 4), dX(12, 5);
    head.forward(x, O);
    head.backward(x, dO, dX);
    const std::vector<MatrixXd> found = gradients(head);
    MatrixXd* variables[] = {&head.query.A, &head.query.B, &head.key.A, &head.key.B, &head.value.A, &head.value.B};
    for (std::size_t i = 0; i < 6; ++i) {
      CHECK(found[i].rows() == variables[i]->rows());
      CHECK((found[i] - differences(head, *variables[i], x)).norm() <= 4e-8 * found[i].norm());
      if (keys || i < 2 || i > 3) CHECK(found[i].norm() > 1e-2);
    }
    CHECK((dX - differences(head, x, x)).norm() <= 4e-8 * dX.norm());
    head.forward(x, O);
    head.backward(x, dO);
    for (std::size_t i = 0; i < 6; ++i) CHECK(gradients(head)[i] == found[i]);
  }
}

TEST_CASE("LoraAttention: output is the attention of W + s B A, with s of LoRA and of rsLoRA") {
  for (const bool stabilized : {false, true}) {
    Head head = small_head({.rank = 2, .alpha = 3, .rank_stabilized = stabilized});
    const double s = stabilized ? 3 / std::sqrt(2.0) : 1.5;
    CHECK(head.scale() == Approx(s).epsilon(1e-15));
    MatrixXd O(12, 4);
    head.forward(X, O);
    const MatrixXd Q = X * (normals(5, 4, 1) + s * head.query.B * head.query.A);
    const MatrixXd K = X * (normals(5, 4, 2) + s * head.key.B * head.key.A);
    const MatrixXd V = X * (normals(5, 4, 3) + s * head.value.B * head.value.A);
    CHECK(O.isApprox(DenseAttention::of(Q, K, V, dO, 0.5).O, 1e-13));
  }
}

TEST_CASE("LoraAttention: the partial one is the full one without the gradients of the keys") {
  const Head adapters = small_head();
  const MatrixXd key_weight = normals(5, 4, 2);
  const MatrixXd adapted_key_weight = key_weight + adapters.scale() * adapters.key.B * adapters.key.A;
  for (const auto form : {AttentionForm::exact, AttentionForm::polynomial}) {
    MatrixXd O[] = {MatrixXd(12, 4), MatrixXd(12, 4)}, dX[] = {MatrixXd(12, 5), MatrixXd(12, 5)};
    std::vector<MatrixXd> found[2];
    for (int i = 0; i < 2; ++i) {
      const bool keys = i == 0;
      Head head(normals(5, 4, 1), keys ? key_weight : adapted_key_weight, normals(5, 4, 3),
                {.rank = 2, .alpha = 3, .adapt_keys = keys, .form = form, .degree = 1});
      CHECK((head.key.A.size() + head.key.B.size() == 0) == !keys);
      head.query = adapters.query;
      head.value = adapters.value;
      if (keys) head.key = adapters.key;
      REQUIRE(head.forward(0.1 * X, O[i]));
      head.backward(0.1 * X, dO);
      found[i] = gradients(head);
      head.backward(0.1 * X, dO, dX[i]);
    }
    CHECK(O[0].isApprox(O[1], 1e-13));
    for (const std::size_t k : {0u, 1u, 4u, 5u}) CHECK(found[1][k].isApprox(found[0][k], 1e-12));
    for (const std::size_t k : {2u, 3u}) {
      CHECK(found[0][k].norm() > 0);
      CHECK(found[1][k].size() == 0);
    }
    CHECK(dX[0].isApprox(dX[1], 1e-12));
  }
}

TEST_CASE("LoraAttention: it starts as the frozen head, and with B = 0 nothing moves A") {
  for (const auto form : {AttentionForm::exact, AttentionForm::polynomial}) {
    Head head(normals(5, 4, 1), normals(5, 4, 2), normals(5, 4, 3),
              {.rank = 2, .alpha = 3, .form = form, .degree = 1, .seed = 5});
    MatrixXd O(12, 4);
    const MatrixXd x = 0.1 * X;
    REQUIRE(head.forward(x, O));
    CHECK(O.isApprox(DenseAttention::of(x * normals(5, 4, 1), x * normals(5, 4, 2), x * normals(5, 4, 3), dO, 0.5).O,
                     form == AttentionForm::exact ? 1e-13 : 1e-2));
    head.backward(x, dO);
    for (const auto* factors : {&head.query, &head.key, &head.value}) {
      CHECK(factors->B.norm() == 0);
      CHECK(factors->dA.norm() == 0);
      CHECK(factors->dB.norm() > 0);
      CHECK(factors->A.cwiseAbs().maxCoeff() <= 0.5);
      CHECK(factors->A.norm() > 0.1);
    }
    CHECK(head.query.A != head.key.A);
  }
}

TEST_CASE("LoraAttention: the error of the polynomial form against degree and size") {
  const double sizes[] = {0.25, 0.5, 1, 1.5, 2, 3, 4};
  const double table[7][4] = {{7.1e-8, 2.6e-13, 1.1e-15, 1.0e-15}, {4.6e-6, 2.7e-10, 9.8e-15, 5e-16},
                              {2.6e-4, 2.4e-7, 1.4e-10, 5.8e-14},  {2.0e-3, 9.0e-6, 2.6e-8, 5.4e-11},
                              {1.1e-2, 1.1e-4, 1.0e-6, 6.5e-9},    {0.13, 6.7e-3, 2.4e-4, 6.9e-6},
                              {0.34, 5.3e-2, 5.8e-3, 5.0e-4}};
  const int smallest[] = {2, 2, 2, 4, 4, 6, 8};  // degrees for an error of 1e-3
  // One draw differs from another by more than a factor 10 at high degrees: the median of five.
  for (std::size_t i = 0; i < 7; ++i) {
    std::vector<double> errors[4];
    for (std::uint64_t draw = 0; draw < 5; ++draw) {
      const Setting setting(sizes[i], draw);
      const std::vector<MatrixXd> exact = setting.gradients_with(std::nullopt);
      for (int k = 0; k < 4; ++k) errors[k].push_back(largest_difference(setting.gradients_with(2 * k + 2), exact));
    }
    int enough = 0;
    for (int k = 0; k < 4; ++k) {
      std::nth_element(errors[k].begin(), errors[k].begin() + 2, errors[k].end());
      const double error = errors[k][2];
      CAPTURE(sizes[i], k, error / table[i][k]);
      CHECK(error < 10 * table[i][k]);
      CHECK(error > table[i][k] / 10);
      if (enough == 0 && error <= 1e-3) enough = 2 * k + 2;
    }
    CHECK(enough == smallest[i]);
  }
}

TEST_CASE("LoraAttention: the automatic form is the polynomial one where that is good and fast, else the exact one") {
  const auto outcome = [](double gamma, Index length, AttentionForm form) {
    const Setting setting(gamma);
    Head head(setting.W[0], setting.W[1], setting.W[2],
              {.rank = 2, .alpha = 3, .beta = 0.25, .form = form, .tolerance = 1e-2});
    const MatrixXd x = setting.X.topRows(length);
    MatrixXd O(length, 4);
    const bool done = head.forward(x, O);
    CHECK(done == (head.plan().accepted() || form == AttentionForm::automatic));
    const auto dense = DenseAttention::of(x * setting.W[0], x * setting.W[1], x * setting.W[2], O, 0.25);
    if (done) CHECK(O.isApprox(dense.O, head.is_polynomial() ? 1e-2 : 1e-13));
    if (done)
      head.backward(x, O);
    else
      CHECK_THROWS_AS(head.backward(x, O), std::logic_error);
    const bool polynomial = head.is_polynomial();
    head.set_form(AttentionForm::exact);
    CHECK_THROWS_AS(head.backward(x, O), std::logic_error);
    CHECK(head.forward(x, O));
    CHECK(O.isApprox(dense.O, 1e-13));
    return polynomial;
  };
  CHECK(outcome(0.5, 512, AttentionForm::automatic));  // degree 2, rank 15
  CHECK(outcome(0.5, 20, AttentionForm::polynomial));
  CHECK_FALSE(outcome(0.5, 20, AttentionForm::automatic));    // shorter than k h / 2
  CHECK_FALSE(outcome(0.5, 14, AttentionForm::polynomial));   // shorter than k
  CHECK_FALSE(outcome(3.0, 512, AttentionForm::polynomial));  // the norms ask for a rank above the length
  CHECK_FALSE(outcome(3.0, 512, AttentionForm::automatic));
}

TEST_CASE("LoraAttention: adapters learn what other adapters do") {
  Head teacher = small_head();
  Head head(normals(5, 4, 1), normals(5, 4, 2), normals(5, 4, 3), {.rank = 2, .alpha = 3, .seed = 9});
  Optimizer optimizer{Adam{.learning_rate = 1e-2},   named("query.A", head.query.A), named("query.B", head.query.B),
                      named("key.A", head.key.A),    named("key.B", head.key.B),     named("value.A", head.value.A),
                      named("value.B", head.value.B)};
  MatrixXd Y(12, 4), O(12, 4);
  teacher.forward(X, Y);
  head.forward(X, O);
  const double start = (O - Y).squaredNorm();
  for (int i = 0; i < 500; ++i) {
    head.forward(X, O);
    head.backward(X, O - Y);
    optimizer.step(head.query.dA, head.query.dB, head.key.dA, head.key.dB, head.value.dA, head.value.dB);
  }
  CHECK((O - Y).squaredNorm() < 1e-2 * start);
}

TEST_CASE("LoraAttention: maps, blocks, rows and float will do") {
  Head head = small_head();
  MatrixXd O(12, 4), dX(12, 5), in(14, 9), out(14, 12);
  head.forward(X, O);
  head.backward(X, dO, dX);
  const std::vector<MatrixXd> expected = gradients(head);
  in.block(1, 2, 12, 5) = X;
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> by_rows = dO;
  head.forward(in.block(1, 2, 12, 5), out.block(1, 1, 12, 4));
  head.backward(Eigen::Map<const MatrixXd>(X.data(), 12, 5), by_rows, out.block(2, 6, 12, 5));
  CHECK(out.block(1, 1, 12, 4).isApprox(O, 1e-14));
  CHECK(out.block(2, 6, 12, 5).isApprox(dX, 1e-13));
  for (std::size_t i = 0; i < 6; ++i) CHECK(gradients(head)[i].isApprox(expected[i], 1e-13));

  LoraAttention<float> narrow(normals(5, 4, 1).cast<float>(), normals(5, 4, 2).cast<float>(),
                              normals(5, 4, 3).cast<float>(), {.rank = 2, .alpha = 3});
  narrow.query.A = head.query.A.cast<float>(), narrow.query.B = head.query.B.cast<float>();
  narrow.key.A = head.key.A.cast<float>(), narrow.key.B = head.key.B.cast<float>();
  narrow.value.A = head.value.A.cast<float>(), narrow.value.B = head.value.B.cast<float>();
  Eigen::MatrixXf narrow_O(12, 4);
  narrow.forward(X.cast<float>(), narrow_O);
  narrow.backward(X.cast<float>(), dO.cast<float>());
  CHECK(narrow_O.cast<double>().isApprox(O, 2e-6));
  CHECK(narrow.query.dA.cast<double>().isApprox(expected[0], 1e-5));
  CHECK(narrow.key.dB.cast<double>().isApprox(expected[3], 1e-5));
}

TEST_CASE("LoraAttention: nothing of ours from the heap after the first call") {
  const Setting setting(0.5);
  for (const std::optional<int> degree : {std::optional<int>{}, std::optional<int>{2}}) {
    Head head = setting.head(degree);
    MatrixXd O(512, 4), dX(512, 8);
    head.forward(setting.X, O);
    head.backward(setting.X, setting.Y, dX);
    const NoHeap watch;
    head.forward(setting.X, O);
    head.backward(setting.X, setting.Y);
    head.backward(setting.X, setting.Y, dX);
    CHECK(watch.taken() == 0);
  }
}

TEST_CASE("LoraAttention: what cannot be is refused with a sentence") {
  const auto make = [](const LoraAttentionOptions& options, Index d = 5, Index h = 4) {
    return message_of([&] { Head(MatrixXd::Ones(d, h), MatrixXd::Ones(d, h), MatrixXd::Ones(d, h), options); });
  };
  CHECK(make({.rank = 5}) == "LoraAttention: rank = 5 for weights of 5 x 4, must be in [1, 4]");
  CHECK(make({.rank = 0}) == "LoraAttention: rank = 0 for weights of 5 x 4, must be in [1, 4]");
  CHECK(make({.rank = 2}, 1, 6) == "LoraAttention: rank = 2 for weights of 1 x 6, must be in [1, 1]");
  CHECK(make({.rank = 2}, 6, 1) == "LoraAttention: rank = 2 for weights of 6 x 1, must be in [1, 1]");
  CHECK(make({.rank = 1}, 6, 1).empty());
  CHECK(make({.rank = 1}, 0, 1) == "LoraAttention: the weight of the query is empty");
  CHECK(make({.rank = 2, .alpha = -1}) == "LoraAttention: alpha = -1, must be > 0 and finite");
  CHECK(make({.rank = 2, .form = AttentionForm{3}}) == "LoraAttention: form = 3, must be in [0, 2]");
  CHECK(make({.rank = 2, .beta = 0}) == "SoftmaxAttention: beta = 0, must be > 0 and finite");
  CHECK(make({.rank = 2, .tolerance = 0}) == "PolynomialAttention: tolerance = 0, must be in (0, 1)");
  CHECK(message_of([] { Head(MatrixXd::Ones(5, 4), MatrixXd::Ones(5, 3), MatrixXd::Ones(5, 4), {.rank = 2}); }) ==
        "LoraAttention: the weight of the key is 5 x 3, must be 5 x 4");
  Head head = small_head();
  MatrixXd O(12, 4), dX(12, 5);
  CHECK(message_of<std::logic_error>([&] { head.backward(X, dO); }) ==
        "LoraAttention::backward: no forward was done before");
  CHECK(message_of([&] { head.forward(dO, O); }) == "LoraAttention::forward: X is 12 x 4, must be 12 x 5");
  CHECK_THROWS_AS(head.forward(X, dX), std::invalid_argument);
  head.forward(X, O);
  CHECK_THROWS_AS(head.backward(X, dX), std::invalid_argument);
  CHECK_THROWS_AS(head.backward(X, dO, O), std::invalid_argument);
  CHECK(message_of<std::logic_error>([&] { head.backward(X.topRows(7), dO.topRows(7)); }) ==
        "LoraAttention::backward: forward was called with 12 tokens, backward with 7");
  head.query.B.resize(5, 3);
  CHECK(message_of([&] { head.forward(X, O); }) == "LoraAttention::forward: B is 5 x 3, must be 5 x 2");
}
