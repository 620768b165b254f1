#include "support/laws.hpp"
#include "support/message_of.hpp"
#include "support/small_rules.hpp"
#include <glissade/glissade.hpp>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
VectorXd ones(Index size) { return VectorXd::Ones(size); }
/// A matrix rule that cannot do without coefficients: the update by its first one.
struct NeedsCoefficients {
  static constexpr std::string_view name = "NeedsCoefficients";
  [[maybe_unused]] static constexpr int passes = 1;
  static void fields(const Tensor&, auto) {}
  template <class T, class P>
  void update(const Step&, const MatrixUpdate<T, P>& m) const {
    REQUIRE(m.tensor.size() > 0);
    for (Index i = 0; i < m.tensor.size(); ++i) m.out[i] = m.in[i] / m.in[0];
  }
};

}  // namespace

// --- Misuse -------------------------------------------------------------------------------------------

TEST_CASE("optimizer: a gradient of another shape is refused with both shapes, before anything is touched") {
  MatrixXd W = laws::matrix(3, 2, 0);
  VectorXd b = ones(4);
  const MatrixXd before = W;
  Optimizer optimizer{Adam{}, named("W", W), b};
  const auto refusal = [&](const auto& gw, const auto& gb) { return message_of([&] { optimizer.step(gw, gb); }); };
  CHECK(refusal(MatrixXd(2, 3), b) == "Optimizer::step: gradient of \"W\" is 2 x 3, its parameter 3 x 2");
  CHECK(refusal(W, VectorXd(3)) == "Optimizer::step: gradient of \"1\" is 3 x 1, its parameter 4 x 1");
  CHECK(refusal(W, VectorXd(2).transpose()) == "Optimizer::step: gradient of \"1\" is 1 x 2, its parameter 4 x 1");
  CHECK(refusal(W, std::vector<double>(5)) == "Optimizer::step: gradient of \"1\" is 5 x 1, its parameter 4 x 1");
  CHECK(refusal(W, 1.0) == "Optimizer::step: gradient of \"1\" is 1 x 1, its parameter 4 x 1");
  CHECK(message_of([&] { optimizer.step(W); }) == "Optimizer::step: 1 gradients for 2 parameters");
  CHECK(message_of([&] { optimizer.step(W, b, b, b); }) == "Optimizer::step: 4 gradients for 2 parameters");
  CHECK(message_of([&] { optimizer.step(); }) == "Optimizer::step: 0 gradients for 2 parameters");
  CHECK(W == before);
  CHECK(optimizer.steps() == 0);
  CHECK(optimizer.field("W", "first_moment")[0] == 0);
}

TEST_CASE("optimizer: parameters with gaps are refused") {
  MatrixXd W = laws::matrix(6, 4, 0);
  const auto refusal = [](auto&& parameter) { return message_of([&] { Optimizer optimizer{Sgd{}, parameter}; }); };
  CHECK(refusal(W.row(2)) ==
        "Optimizer: parameter \"0\" of shape 1 x 4 has strides 6 and 1, must be contiguous: strides 1 and 4");
  CHECK(refusal(W.block(1, 1, 3, 2)) ==
        "Optimizer: parameter \"0\" of shape 3 x 2 has strides 1 and 6, must be contiguous: strides 1 and 3");
  using Gaps = Eigen::Map<MatrixXd, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
  CHECK(refusal(named("gaps", Gaps(W.data(), 3, 2, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(6, 2)))) ==
        "Optimizer: parameter \"gaps\" of shape 3 x 2 has strides 2 and 6, must be contiguous: strides 1 and 3");
  CHECK(refusal(W.col(1)).empty());
  CHECK(refusal(W.middleCols(1, 2)).empty());
  CHECK(refusal(W.block(1, 1, 3, 1)).empty());
  CHECK(refusal(Gaps(W.data(), 1, 1, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(6, 2))).empty());
}

TEST_CASE("optimizer: two parameters of one name are refused") {
  VectorXd x = ones(2);
  VectorXd y = ones(2);
  CHECK(message_of([&] {
          Optimizer optimizer{Sgd{}, named("w", x), named("w", y)};
        }) == "Optimizer: two parameters are named \"w\"");
  CHECK(message_of([&] {
          Optimizer optimizer{Sgd{}, x, named("0", y)};
        }) == "Optimizer: two parameters are named \"0\"");
}

TEST_CASE("optimizer: memory that is bound twice or overlaps is refused") {
  VectorXd x = ones(6);
  MatrixXd W = MatrixXd::Ones(3, 4);
  CHECK(message_of([&] {
          Optimizer optimizer{Sgd{}, named("a", x), named("b", x)};
        }) == "Optimizer: parameters \"a\" and \"b\" share memory, must be bound once");
  auto head = x.head(4), tail = x.tail(3);
  CHECK(message_of([&] {
          Optimizer optimizer{Sgd{}, named("tail", tail), named("W", W), named("head", head)};
        }) == "Optimizer: parameters \"head\" and \"tail\" share memory, must be bound once");
  RuleState<double> memory;
  CHECK(message_of([&] { step(Sgd{}, memory, std::tie(W, W), std::tie(W, W)); }) ==
        "Optimizer: parameters \"0\" and \"1\" share memory, must be bound once");
  CHECK(memory.tensors.empty());
  CHECK(message_of([&] { (void)initial_state(Sgd{}, std::tie(W, W)); }) ==
        "Optimizer: parameters \"0\" and \"1\" share memory, must be bound once");
  // Side by side is not overlapping, and an empty tensor shares nothing.
  auto rest = x.tail(2);
  auto none = x.segment(1, 0);
  Optimizer optimizer{Sgd{}, head, rest, none};
  optimizer.step(VectorXd::Ones(4), VectorXd::Ones(2), VectorXd(0));
  CHECK(x[5] < 1);
}

TEST_CASE("optimizer: a step is simultaneous, whatever memory the gradients lie in") {
  VectorXd x = VectorXd::Constant(3, 2), y = VectorXd::Constant(3, 5);
  Optimizer saddle{Sgd{.learning_rate = 0.1}, x, y};  // f = x'y
  saddle.step(y, x);
  CHECK(x.isApproxToConstant(1.5));
  CHECK(y.isApproxToConstant(4.8));
  RuleState<double> memory;
  step(Sgd{.learning_rate = 1}, memory, std::tie(x, y), std::tie(y, x));
  CHECK(x.isApproxToConstant(-3.3));
  CHECK(y.isApproxToConstant(3.3));
  // Two that have exchanged their memory lie in another order.
  const auto exchange = [](VectorXd& first, VectorXd& second) {
    Optimizer optimizer{Sgd{.learning_rate = 0.1}, first, second};
    optimizer.step(second, first);
    first.swap(second);
    const VectorXd first_before = first, second_before = second;
    optimizer.step(second, first);
    CHECK(first.isApprox(first_before - 0.1 * second_before));
    CHECK(second.isApprox(second_before - 0.1 * first_before));
  };
  exchange(x, y);
  exchange(x, y);  // now the other one lies first
  // Across its own parameter, before and behind it.
  for (const Index offset : {1, 3, 8}) {
    VectorXd line = VectorXd::LinSpaced(40, 1, 40);
    const VectorXd before = line;
    auto inner = line.segment(8, 24);
    Optimizer behind{Sgd{.learning_rate = 1}, inner};
    behind.step(line.segment(8 + offset, 24));
    CHECK(inner == before.segment(8, 24) - before.segment(8 + offset, 24));
    line = before;
    behind.step(line.segment(8 - offset, 24));
    CHECK(inner == before.segment(8, 24) - before.segment(8 - offset, 24));
    line = before;
    behind.step(inner);
    CHECK(inner.isZero());
  }
  // Many tensors whose gradients lie in any order among them; then elsewhere, after they have got other memory.
  std::vector<VectorXd> many(50, VectorXd::Zero(4));
  for (std::size_t k = 0; k < many.size(); ++k) many[k].setConstant(static_cast<double>(k * k % 53));
  Optimizer optimizer{Sgd{.learning_rate = 1}, many};
  for (int round = 0; round < 3; ++round) {
    std::vector<VectorXd> before = many;
    std::vector<Eigen::Map<const VectorXd>> gradients;
    for (std::size_t k = 0; k < many.size(); ++k) gradients.emplace_back(many[(7 * k + 3) % many.size()].data(), 4);
    optimizer.step(gradients);
    for (std::size_t k = 0; k < many.size(); ++k) CHECK(many[k] == before[k] - before[(7 * k + 3) % many.size()]);
    std::swap(many[1], many[30]);
    many[5] = VectorXd(VectorXd::Ones(4));
  }
  Eigen::VectorXf f = Eigen::VectorXf::Constant(4, 3), g = Eigen::VectorXf::Constant(4, 7);
  Optimizer narrow{chain(ClipByGlobalNorm{.max_norm = 1e9}, Sgd{.learning_rate = 1}), f, g};
  narrow.step(g, f);
  CHECK(f.isApproxToConstant(-4));
  CHECK(g.isApproxToConstant(4));
}

TEST_CASE("optimizer: rates that are no numbers are refused") {
  VectorXd x = ones(2);
  const double infinity = std::numeric_limits<double>::infinity();
  const auto refusal = [&](double rate) {
    return message_of([&] { Optimizer optimizer{Adam{.learning_rate = rate}, x}; });
  };
  CHECK(refusal(std::numeric_limits<double>::quiet_NaN()) == "Adam: learning_rate = nan, must be >= 0 and finite");
  CHECK(refusal(infinity) == "Adam: learning_rate = inf, must be >= 0 and finite");
  CHECK(refusal(-1e-3) == "Adam: learning_rate = -0.001, must be >= 0 and finite");
  Optimizer optimizer{Adam{}, x};
  optimizer.rule().beta2 = 1;
  CHECK(message_of([&] { optimizer.step(x); }) == "Adam: beta2 = 1, must be in [0, 1)");
  CHECK((x.array() == 1).all());
}

TEST_CASE("optimizer: a schedule that turns negative is caught in that step, before state is touched") {
  VectorXd x = ones(5);
  Optimizer optimizer{Adam{.learning_rate = [](std::int64_t t) { return t == 17 ? -1.0 : 0.1; }}, x};
  for (int t = 0; t < 17; ++t) optimizer.step(x);
  const VectorXd before = x;
  const TensorState state = optimizer.state(0);
  CHECK(message_of([&] { optimizer.step(x); }) == "Adam: learning_rate(17) = -1, must be >= 0 and finite");
  CHECK(laws::same_bits(x, before));
  CHECK(optimizer.state(0) == state);
  CHECK(optimizer.steps() == 17);
}

TEST_CASE("optimizer: unknown names of fields and numbers are refused") {
  VectorXd x = ones(2);
  Optimizer optimizer{Adam{}, named("x", x)};
  CHECK(message_of([&] { static_cast<void>(optimizer.field("x", "momentum")); }) ==
        "Optimizer::field: no \"momentum\" of \"x\"");
  CHECK(message_of([&] { static_cast<void>(optimizer.field("y", "first_moment")); }) ==
        "Optimizer::field: no \"first_moment\" of \"y\"");
  CHECK(message_of([&] { static_cast<void>(optimizer.shared("skipped")); }) ==
        "Optimizer::shared: no \"skipped\" in Adam");
}

// --- Changes in mid-run ---------------------------------------------------------------------------------

TEST_CASE("optimizer: options change without losing state") {
  VectorXd x = laws::parameters<VectorXd>(9);
  Eigen::ArrayXd y = x;
  Eigen::ArrayXd m = Eigen::ArrayXd::Zero(9);
  Eigen::ArrayXd v = m;
  Optimizer optimizer{Adam{.learning_rate = 0.1}, x};
  for (int t = 1; t <= 12; ++t) {
    Adam& rule = optimizer.rule();
    if (t == 4) rule.learning_rate = 0.02;
    if (t == 6) rule.epsilon = 0.5;
    if (t == 8) rule.weight_decay = 0.1;
    if (t == 10) rule.beta1 = 0.5;
    optimizer.step(laws::gradients<VectorXd>(9, t));
    const double beta1 = t < 10 ? 0.9 : 0.5;
    const Eigen::ArrayXd g = laws::gradients<VectorXd>(9, t).array() + (t < 8 ? 0.0 : 0.1) * y;
    m = beta1 * m + (1 - beta1) * g;
    v = 0.999 * v + 0.001 * g * g;
    y -= (t < 4 ? 0.1 : 0.02) * m / (1 - std::pow(beta1, t)) /
         ((v / (1 - std::pow(0.999, t))).sqrt() + (t < 6 ? 1e-8 : 0.5));
    CHECK((x.array() - y).abs().maxCoeff() <= 1e-13);
  }
}

TEST_CASE("optimizer: a buffer is made when its option is switched on, and dropped when it is switched off") {
  VectorXd x = VectorXd::Zero(3);
  Optimizer optimizer{Sgd{.learning_rate = 1}, x};
  optimizer.step(ones(3));
  CHECK(optimizer.state_bytes() == 0);
  optimizer.rule().momentum = 0.5;
  for (int t = 0; t < 2; ++t) optimizer.step(ones(3));  // buffer 1, then 1.5
  CHECK(optimizer.state_bytes() == 24);
  CHECK((x.array() == -3.5).all());
  optimizer.rule().momentum = 0;
  optimizer.step(ones(3));
  CHECK(optimizer.state_bytes() == 0);
  CHECK((x.array() == -4.5).all());
}

TEST_CASE("optimizer: a buffer that was dropped between two steps is made again") {
  VectorXd x = VectorXd::Zero(3), y = VectorXd::Zero(3);
  Optimizer optimizer{Sgd{.learning_rate = 1, .momentum = 0.5}, x, y};
  for (int t = 0; t < 2; ++t) optimizer.step(ones(3), ones(3));
  optimizer.rule().momentum = 0;
  optimizer.reset(0);  // looks at the arrays of both
  CHECK(optimizer.state_bytes() == 0);
  optimizer.rule().momentum = 0.5;
  optimizer.step(ones(3), ones(3));
  CHECK(optimizer.state_bytes() == 48);
  CHECK((y.array() == -3.5).all());
}

TEST_CASE("optimizer: a parameter that is assigned to is followed, one that is resized is refused") {
  VectorXd x = ones(3);
  Optimizer optimizer{Sgd{.learning_rate = 1}, named("x", x)};
  optimizer.step(ones(3));
  CHECK((x.array() == 0).all());
  VectorXd other = VectorXd::Constant(3, 7);
  const double* memory = other.data();
  x = std::move(other);
  REQUIRE(x.data() == memory);
  optimizer.step(ones(3));
  CHECK((x.array() == 6).all());
  x = ones(4);
  CHECK(message_of([&] { optimizer.step(ones(3)); }) ==
        "Optimizer::step: parameter \"x\" is now 4 x 1, was bound as 3 x 1");
  CHECK((x.array() == 1).all());

  std::vector<double> vector{1, 2};
  Optimizer second{Sgd{.learning_rate = 1}, vector};
  vector = {5, 6};
  vector.reserve(1000);
  second.step(ones(2));
  CHECK(vector == std::vector<double>{4, 5});
  vector.push_back(1);
  CHECK(message_of([&] { second.step(ones(2)); }) ==
        "Optimizer::step: parameter \"0\" is now 3 x 1, was bound as 2 x 1");
}

// --- What can be bound ----------------------------------------------------------------------------------

TEST_CASE("optimizer: numbers, spans, vectors of matrices and arrays as parameters") {
  double x = 3;
  Optimizer number{Sgd{.learning_rate = 0.5}, x};
  number.step(2.0);
  CHECK(x == 2);
  number.step(x);
  CHECK(x == 1);
  CHECK(number.tensor(0).rank == 0);

  std::vector<Eigen::MatrixXf> layers{Eigen::MatrixXf::Ones(2, 3), Eigen::MatrixXf::Ones(4, 1),
                                      Eigen::MatrixXf::Ones(1, 1)};
  Optimizer network{Sgd{.learning_rate = 1}, named("layers", layers)};
  CHECK(network.size() == 3);
  CHECK(network.tensor(1).name == "layers.1");
  network.step(std::vector<Eigen::MatrixXf>{2 * layers[0], 3 * layers[1], 4 * layers[2]});
  CHECK((layers[0].array() == -1).all());
  CHECK((layers[1].array() == -2).all());
  CHECK((layers[2].array() == -3).all());
  network.step(layers[0], layers[1], layers[2]);
  CHECK((layers[0].array() == 0).all());

  double memory[5] = {9, 1, 2, 3, 9};
  const std::span<double> middle(memory + 1, 3);
  Optimizer spanned{Sgd{.learning_rate = 1}, middle, std::span<double>(memory, 1)};
  const std::array<double, 3> g{1, 1, 1};
  spanned.step(g, 1.0);
  CHECK(std::vector<double>(memory, memory + 5) == std::vector<double>{8, 0, 1, 2, 9});
}

TEST_CASE("optimizer: a segment of a vector is one parameter and one gradient") {
  VectorXd x = VectorXd::Zero(9);
  Eigen::RowVectorXd row = Eigen::RowVectorXd::Zero(4);
  Optimizer optimizer{Sgd{.learning_rate = 1}, x.head(2), named("middle", x.segment(2, 3)), x.tail<4>(), row.head(3)};
  CHECK(optimizer.size() == 4);
  CHECK(optimizer.tensor(1).name == "middle");
  CHECK(optimizer.tensor(2).shape() == "4 x 1");
  CHECK(optimizer.tensor(2).rank == 1);
  CHECK(optimizer.tensor(3).shape() == "1 x 3");
  const VectorXd g = VectorXd::LinSpaced(9, 1, 9);
  optimizer.step(g.head(2), g.segment<3>(2), g.tail(4), g.transpose().head(3));
  CHECK(x == -g);
  CHECK(row.head(3) == -g.transpose().head(3));
  CHECK(row[3] == 0);
  Optimizer large{chain(ClipByGlobalNorm{}, Adam{}), x.head(5)};
  CHECK(message_of([&] { large.step(g.head(4)); }) ==
        "Optimizer::step: gradient of \"0\" is 4 x 1, its parameter 5 x 1");
}

TEST_CASE("optimizer: options may be an lvalue") {
  VectorXd x = ones(2);
  OptimizerOptions options{.maximize = true};
  Optimizer optimizer{Sgd{.learning_rate = 1}, options, x};
  CHECK(optimizer.size() == 1);
  optimizer.step(ones(2));
  CHECK((x.array() == 2).all());
  optimizer.options().maximize = false;
  optimizer.step(ones(2));
  CHECK((x.array() == 1).all());
}

TEST_CASE("optimizer: a gradient may be the parameter itself") {
  const auto check = [](const auto& rule, auto x) {
    auto y = x;
    Optimizer aliased{rule, x};
    Optimizer copied{rule, y};
    for (int t = 0; t < 3; ++t) {
      aliased.step(x);
      copied.step((1.0 * y).eval());
    }
    CHECK(laws::same_bits(x, y));
  };
  check(Adam{.learning_rate = 0.1}, laws::parameters<VectorXd>(37));
  check(chain(ClipByGlobalNorm{}, Sgd{.learning_rate = 0.1}), laws::parameters<VectorXd>(37));
  check(Adafactor{}, laws::matrix(9, 5, 0));
}

TEST_CASE("optimizer: empty tensors, alone and among others") {
  VectorXd none(0);
  MatrixXd no_rows(0, 3);
  MatrixXd no_cols(3, 0);
  VectorXd x = ones(3);
  const auto check = [&](const auto& rule) {
    x.setOnes();
    VectorXd y = x;
    Optimizer mixed{rule, none, no_rows, x, no_cols};
    Optimizer alone{rule, y};
    for (int t = 0; t < 3; ++t) {
      mixed.step(none, no_rows, ones(3), no_cols);
      alone.step(ones(3));
    }
    CHECK(laws::same_bits(x, y));
    Optimizer empty{rule, none, no_rows, no_cols};
    for (int t = 0; t < 3; ++t) empty.step(none, no_rows, no_cols);
    CHECK(empty.steps() == 3);
    CHECK(empty.state_bytes() == 0);
  };
  check(chain(SkipNonFinite{}, ClipByGlobalNorm{.max_norm = 0.5}, Adam{.learning_rate = 0.1}));
  check(Adafactor{});
  check(chain(NeedsCoefficients{}, Sgd{.learning_rate = 0.1}));
}

// --- What can be read -----------------------------------------------------------------------------------

TEST_CASE("optimizer: names, fields, shared numbers, bytes and steps") {
  MatrixXd W = laws::matrix(3, 2, 0);
  VectorXd b = ones(4);
  Optimizer optimizer{chain(Accumulate{.steps = 2}, with_state<Eigen::bfloat16>(Adam{})), named("W", W), b};
  CHECK(optimizer.state_bytes() == 10 * (8 + 2 + 2));
  CHECK(optimizer.steps() == 0);
  const MatrixXd g = MatrixXd::Constant(3, 2, 3);
  optimizer.step(g, b);
  CHECK(optimizer.steps() == 0);
  CHECK(optimizer.shared("micro_step") == 1);
  CHECK(optimizer.field("W", "accumulated")[5] == 3);
  CHECK(optimizer.field("W", "accumulated").rows() == 3);
  CHECK(optimizer.field("1", "first_moment").type() == ScalarType::bfloat16);
  CHECK(optimizer.field("1", "first_moment")[0] == 0);
  optimizer.step(g, b);
  CHECK(optimizer.steps() == 1);
  CHECK(optimizer.shared("micro_step") == 0);
  CHECK(optimizer.field("W", "accumulated")[5] == 0);
  CHECK(optimizer.field("1", "first_moment")[0] == static_cast<double>(static_cast<float>(Eigen::bfloat16(0.1F))));
  CHECK(optimizer.tensor(0).shape() == "3 x 2");
  CHECK(optimizer.tensor(0).is_matrix());
  CHECK_FALSE(optimizer.tensor(1).is_matrix());
}

// --- Sums -----------------------------------------------------------------------------------------------

TEST_CASE("optimizer: sums over many coefficients are accurate and do not overflow") {
  const auto sum_of_squares = [](const Eigen::VectorXf& g) {
    Eigen::VectorXf x = Eigen::VectorXf::Zero(g.size());
    Optimizer optimizer{chain(RecordSquares{}, Scale{.factor = 0}), x};
    optimizer.step(g);
    return optimizer.shared("sum_of_squares");
  };
  const auto tenth = static_cast<double>(0.1F);
  CHECK(std::abs(sum_of_squares(Eigen::VectorXf::Constant(10'000'000, 0.1F)) / (1e7 * tenth * tenth) - 1) <= 1e-13);
  const auto large = static_cast<double>(3e20F);
  CHECK(std::abs(sum_of_squares(Eigen::VectorXf::Constant(100'003, 3e20F)) / (100'003 * large * large) - 1) <= 1e-13);
  const auto tiny = static_cast<double>(1e-30F);
  CHECK(std::abs(sum_of_squares(Eigen::VectorXf::Constant(5, 1e-30F)) / (5 * tiny * tiny) - 1) <= 1e-15);
  for (const Index size : {Index{1}, Index{15}, Index{4095}, Index{4096}, Index{4097}, Index{12'289}}) {
    Eigen::VectorXf g(size);
    for (Index i = 0; i < size; ++i) g[i] = static_cast<float>(i % 5);
    CHECK(sum_of_squares(g) == g.cast<double>().squaredNorm());  // exact: whole numbers
  }
}

TEST_CASE("as many threads as are allowed can be had") {
  Eigen::VectorXf x = Eigen::VectorXf::Ones(1'000'000), y = x;
  Optimizer one{Sgd{.learning_rate = 0.5}, x};
  Optimizer many{Sgd{.learning_rate = 0.5}, OptimizerOptions{.threads = most_threads}, y};
  one.step(x);
  many.step(y);
  CHECK(x == y);
  CHECK(x == Eigen::VectorXf::Constant(1'000'000, 0.5f));
}

TEST_CASE("optimizer: one tensor of many blocks sums like tensors of whole blocks") {
  const Index block = 4096;
  auto x = laws::parameters<VectorXd>(5 * block);
  const auto g = laws::gradients<VectorXd>(5 * block, 1);
  const auto rule = chain(RecordSquares{}, Scale{.factor = 0});
  Optimizer one{rule, x};
  Optimizer two{rule, x.head(4 * block), x.tail(block)};
  one.step(g);
  two.step(g.head(4 * block), g.tail(block));
  CHECK(one.shared("sum_of_squares") == two.shared("sum_of_squares"));
  CHECK(std::abs(one.shared("sum_of_squares") / g.squaredNorm() - 1) <= 1e-14);
}
