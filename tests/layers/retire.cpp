// A gate that retires tensors, and a barrier over all tensors that sees some only.
#include "support/laws.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// Divides matrices by the number that is the sum of all their coefficients; retires "gone" in step `at`.
struct RetireAt {
  static constexpr std::string_view name = "RetireAt";
  std::int64_t at;
  bool lets_through = true;

  static constexpr Reduction reduction = Reduction::over_all;
  static constexpr int sums = 1;
  static constexpr bool retires = true;
  static constexpr std::array<std::string_view, 1> slots{"seen"};

  [[nodiscard]] bool sees(const Tensor& tensor) const { return tensor.is_matrix(); }
  [[nodiscard]] auto measure(const Step&) const {
    return [](const auto& u, const auto&, auto& seen) {
      seen = u;
      return terms(widen(u));
    };
  }
  [[nodiscard]] bool admit(const Admission& step) const {
    for (std::size_t k = 0; k < step.tensors.size(); ++k)
      if (step.tensors[k].name == "gone" && step.time + 1 >= at) step.retire(k);
    return lets_through;
  }
  [[nodiscard]] auto kernel(const Step&, const double* totals) const {
    return [sum = totals[0]](auto& u, const auto&, auto&) { u /= sum; };
  }
};

}  // namespace

TEST_CASE("retire: a partial barrier sums up what it sees and leaves the rest alone") {
  MatrixXd A = MatrixXd::Zero(5, 7), B = MatrixXd::Zero(40, 300);
  VectorXd c = VectorXd::Zero(3);
  Optimizer optimizer{chain(RetireAt{.at = 100}, Scale{.factor = -1}), A, c, B};
  CHECK(optimizer.state_bytes() == (35 + 12000) * 8);
  for (int t = 1; t <= 2; ++t) {
    optimizer.step(MatrixXd::Constant(5, 7, 2), VectorXd::Constant(3, 3), MatrixXd::Constant(40, 300, 0.5));
    const double sum = 2 * 35 + 0.5 * 12000;
    CHECK((A.array() == -2 * t / sum).all());
    CHECK((B.array() == -0.5 * t / sum).all());
    CHECK((c.array() == -3 * t).all());
  }
  CHECK(optimizer.field("0", "seen")[3] == 2);
}

TEST_CASE("retire: what is retired is left alone by the whole chain, for good") {
  MatrixXd a = laws::matrix(9, 5, 0), b = a, alone = a;
  VectorXd c = laws::parameters<VectorXd>(20), d = c;
  Optimizer optimizer{chain(Trace{.momentum = 0.5}, RetireAt{.at = 4}, ClipByGlobalNorm{.max_norm = 0.1}, AdamW{}),
                      named("gone", a), named("b", b), named("c", c)};
  Optimizer others{chain(Trace{.momentum = 0.5}, RetireAt{.at = 4}, ClipByGlobalNorm{.max_norm = 0.1}, AdamW{}),
                   named("b", alone), named("c", d)};
  const std::size_t bytes = optimizer.state(1).bytes() + optimizer.state(2).bytes();
  for (int t = 1; t <= 10; ++t) {
    const MatrixXd before = a;
    optimizer.step(laws::matrix(9, 5, t), laws::matrix(9, 5, 2 * t), laws::gradients<VectorXd>(20, t));
    CHECK(laws::same_bits(a, before) == (t >= 4));
    CHECK(optimizer.state(0).retired == (t >= 4 ? 4 : 0));
    if (t == 4) {
      CHECK(optimizer.state(0).bytes() == 0);
      CHECK(optimizer.state_bytes() == bytes);
      // From here on the others are as if it had never been there.
      alone = b;
      d = c;
      others.engine().states = {optimizer.state(1), optimizer.state(2)};
      others.engine().counts = optimizer.engine().counts;
      others.engine().calls = optimizer.engine().calls;
    } else if (t > 4) {
      others.step(laws::matrix(9, 5, 2 * t), laws::gradients<VectorXd>(20, t));
      CHECK(laws::same_bits(b, alone));
      CHECK(laws::same_bits(c, d));
    }
  }
  CHECK(optimizer.state(0).counts == std::vector<std::int64_t>{3, 3});
}

TEST_CASE("retire: steps are those behind the gates in front, and a closed gate may retire") {
  MatrixXd a = laws::matrix(4, 4, 0);
  Optimizer optimizer{chain(Accumulate{.steps = 3}, RetireAt{.at = 2}, Scale{.factor = -1}), named("gone", a)};
  MatrixXd before = a;
  for (int t = 1; t <= 9; ++t) {
    optimizer.step(laws::matrix(4, 4, t));
    if (t == 3) before = a;
    if (t > 3) CHECK(laws::same_bits(a, before));
    CHECK((optimizer.state(0).retired == 2) == (t >= 6));
  }
  MatrixXd b = laws::matrix(4, 4, 0);
  before = b;
  Optimizer closed{chain(RetireAt{.at = 1, .lets_through = false}, Adam{}), named("gone", b)};
  closed.step(laws::matrix(4, 4, 1));
  CHECK(closed.state(0).retired == 1);
  CHECK(closed.state_bytes() == 0);
  CHECK(closed.steps() == 0);
  CHECK(laws::same_bits(b, before));
}

TEST_CASE("retire: rounded parameters keep their bits without the unrounded ones; groups and masks go on") {
  using Narrow = Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, Eigen::Dynamic>;
  Narrow a = laws::matrix(9, 5, 0).cast<float>().cast<Eigen::bfloat16>(), b = a;
  Optimizer optimizer{chain(MasterWeights{}, with_state<Eigen::bfloat16>(RetireAt{.at = 3}),
                            groups(Adam{.learning_rate = 0.1}, group("gone", Lion{.learning_rate = 0.1}))),
                      named("gone", a), named("b", b)};
  for (int t = 1; t <= 6; ++t) {
    const Narrow before = a, other = b;
    const Eigen::MatrixXf g = laws::matrix(9, 5, t).cast<float>();
    optimizer.step(g, g);
    CHECK(laws::same_bits(a, before) == (t >= 3));
    CHECK(!laws::same_bits(b, other));
  }
  CHECK(optimizer.state(0).bytes() == 0);
  CHECK(optimizer.state(1).bytes() == 45 * (4 + 2 + 8));
}
