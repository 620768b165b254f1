// What minimize moves: every shape and scalar, as an Optimizer does.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/finite_sum/ai_sarah.hpp>
#include <glissade/finite_sum/sarah.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/minimize/newton/newton.hpp>
#include <glissade/minimize/quasi_newton/lbfgs.hpp>
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rule/groups.hpp>
#include <glissade/rules/adam.hpp>
#include <glissade/rules/muon.hpp>
#include <glissade/rules/sgd.hpp>
#include <glissade/transforms/ema.hpp>

#include <array>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::MatrixXf;
using Eigen::VectorXd;
using Eigen::VectorXf;

namespace {

/// sum cosh(c_i (x_i - 1)) of any number of arrays.
template <class A>
double add_cosh(const A& x, A& gradient, double c) {
  using S = typename A::Scalar;
  const auto t = ((x.array() - S(1)) * static_cast<S>(c)).eval();
  gradient = (t.sinh() * static_cast<S>(c)).matrix();
  return static_cast<double>(t.cosh().sum());
}

template <class S>
struct Layer {
  using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Vector = Eigen::Matrix<S, Eigen::Dynamic, 1>;
  double operator()(const Matrix& W, const Vector& b, Matrix& dW, Vector& db) const {
    return add_cosh(W, dW, 0.7) + add_cosh(b, db, 1.3);
  }
};

/// minimize against the loop with an Optimizer.
template <class S>
void check_same_as_optimizer(const auto& rule) {
  typename Layer<S>::Matrix W = Layer<S>::Matrix::Zero(3, 5), V = W, dV = W;
  typename Layer<S>::Vector b = Layer<S>::Vector::LinSpaced(4, -1, 1), c = b, dc = b;
  const Result r = minimize(Layer<S>{}, std::tuple(named("layer.W", W.topRows(3)), named("layer.b", std::ref(b).get())),
                            rule, {.max_iterations = 7, .gradient_tolerance = 0});
  CHECK(r.iterations == 7);
  Optimizer optimizer{rule, named("layer.W", V), named("layer.b", c)};
  for (int k = 0; k < 7; ++k) {
    Layer<S>{}(V, c, dV, dc);
    optimizer.step(dV, dc);
  }
  CHECK(W == V);
  CHECK(b == c);
}

}  // namespace

TEST_CASE("variables: several tensors by a rule are moved as by an Optimizer, bit for bit") {
  const auto rules_of_both = [](const auto& rule) {
    check_same_as_optimizer<double>(rule);
    check_same_as_optimizer<float>(rule);
  };
  rules_of_both(Adam{.learning_rate = 0.1});
  rules_of_both(Muon{.learning_rate = 0.1});
}

TEST_CASE("variables: a method in double finds the minimum of floats, matrices and tuples") {
  Layer<float>::Matrix W = Layer<float>::Matrix::Zero(3, 5);
  Layer<float>::Vector b = Layer<float>::Vector::LinSpaced(4, -1, 0.5);
  const Result r = minimize(Layer<float>{}, std::tie(W, b), Lbfgs{}, {.gradient_tolerance = 1e-4});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK((W.array() - 1).abs().maxCoeff<Eigen::PropagateNaN>() <= 1e-3F);
  CHECK((b.array() - 1).abs().maxCoeff<Eigen::PropagateNaN>() <= 1e-3F);

  Layer<double>::Matrix X = Layer<double>::Matrix::Zero(2, 2);
  std::vector<double> values{-1, 0, 2};
  const auto of_both = [](const Layer<double>::Matrix& at, const std::vector<double>& v, Layer<double>::Matrix& g,
                          std::vector<double>& dv) {
    double value = add_cosh(at, g, 1);
    for (std::size_t i = 0; i < v.size(); ++i) {
      dv[i] = 2 * (v[i] - 3);
      value += (v[i] - 3) * (v[i] - 3);
    }
    return value;
  };
  CHECK(minimize(of_both, std::tie(X, values), Lbfgs{}).status == Status::gradient_tolerance);
  CHECK((X.array() - 1).abs().maxCoeff<Eigen::PropagateNaN>() <= 1e-5);
  CHECK(values[2] == Approx(3).epsilon(1e-6));

  double t = 4;
  const auto of_number = [](double at, double& g) { return g = 2 * (at - 1), (at - 1) * (at - 1); };
  CHECK(minimize(of_number, t, Sgd{.learning_rate = 0.4}).status == Status::gradient_tolerance);
  CHECK(t == Approx(1).epsilon(1e-6));

  std::vector<MatrixXd> layers{MatrixXd::Zero(2, 2), MatrixXd::Zero(1, 3)};
  const auto of_layers = [](const std::vector<MatrixXd>& at, std::vector<MatrixXd>& g) {
    return add_cosh(at[0], g[0], 1) + add_cosh(at[1], g[1], 0.5);
  };
  CHECK(minimize(of_layers, layers, Lbfgs{}).status == Status::gradient_tolerance);
  CHECK((layers[1].array() - 1).abs().maxCoeff<Eigen::PropagateNaN>() <= 1e-4);
}

TEST_CASE("variables: Hessians and values of floats") {
  struct Floats {
    double value_and_gradient(const VectorXf& x, VectorXf& g) const { return add_cosh(x, g, 1); }
    double value(const VectorXf& x) const {
      ++values;
      VectorXf unused(x.size());
      return add_cosh(x, unused, 1);
    }
    void hessian(const VectorXf& x, MatrixXf& H) const { H = (x.array() - 1).cosh().matrix().asDiagonal(); }
    mutable int values = 0;
  } f;
  VectorXf x = VectorXf::Constant(3, 2.5F);
  const Result r = minimize(f, x, Newton{}, {.gradient_tolerance = 1e-5});
  CHECK(r.status == Status::gradient_tolerance);
  CHECK(r.evaluations.hessian > 0);
  CHECK(f.values > 0);
  CHECK((x.array() - 1).abs().maxCoeff<Eigen::PropagateNaN>() <= 1e-5F);
}

TEST_CASE("variables: finite sums of floats, of a matrix and of several tensors") {
  using Indices = std::span<const Index>;
  // Six terms, all the same.
  struct Floats {
    static Index size() { return 6; }
    static double value_and_gradient(const VectorXf& x, VectorXf& g) { return add_cosh(x, g, 1); }
    static void batch_gradient(const VectorXf& x, Indices, VectorXf& g) { add_cosh(x, g, 1); }
    static void batch_hessian_vector(const VectorXf& x, Indices, const VectorXf& v, VectorXf& Hv) {
      Hv = (x.array() - 1).cosh() * v.array();
    }
    static void batch_third(const VectorXf& x, Indices, const VectorXf& v, VectorXf& out) {
      out = (x.array() - 1).sinh() * v.array().square();
    }
  } floats;
  VectorXf x = VectorXf::Constant(3, 1.7F);
  CHECK(minimize(floats, x, AiSarah{.batching = {.size = 2}}, {.gradient_tolerance = 1e-4}).status ==
        Status::gradient_tolerance);
  CHECK((x.array() - 1).abs().maxCoeff<Eigen::PropagateNaN>() <= 1e-3F);
  struct OfBoth {
    static Index size() { return 6; }
    static double value_and_gradient(const MatrixXd& W, const VectorXd& b, MatrixXd& dW, VectorXd& db) {
      return add_cosh(W, dW, 1) + add_cosh(b, db, 1);
    }
    static void batch_gradient(const MatrixXd& W, const VectorXd& b, Indices, MatrixXd& dW, VectorXd& db) {
      add_cosh(W, dW, 1);
      add_cosh(b, db, 1);
    }
  } both;
  MatrixXd W = MatrixXd::Constant(2, 3, 1.5);
  VectorXd b = VectorXd::Constant(4, 0.2);
  CHECK(minimize(both, std::tie(W, b), Sarah{.step_size = 0.5, .batching = {.size = 2}}).status ==
        Status::gradient_tolerance);
  CHECK((W.array() - 1).abs().maxCoeff<Eigen::PropagateNaN>() <= 1e-5);
  CHECK((b.array() - 1).abs().maxCoeff<Eigen::PropagateNaN>() <= 1e-5);
}

TEST_CASE("variables: bfloat16 parameters are minimized by a rule as an Optimizer does") {
  using Vector = Eigen::Matrix<Eigen::bfloat16, Eigen::Dynamic, 1>;
  const auto f = [](const Vector& x, Vector& g) {
    const VectorXf at = x.cast<float>();
    g = (at.array() - 1).cast<Eigen::bfloat16>();
    return 0.5 * static_cast<double>((at.array() - 1).square().sum());
  };
  Vector x = VectorXf::LinSpaced(40, -1, 3).cast<Eigen::bfloat16>(), y = x, g(40);
  minimize(f, x, Adam{.learning_rate = 0.1}, {.max_iterations = 5});
  Optimizer optimizer{Adam{.learning_rate = 0.1}, y};
  for (int k = 0; k < 5; ++k) {
    f(y, g);
    optimizer.step(g);
  }
  CHECK(x == y);
}

TEST_CASE("variables: the average of a rule comes in the shapes of x") {
  const auto rule = chain(Sgd{.learning_rate = 0.1}, Ema{.decay = 0.5});
  const Lifted method{rule};
  Layer<float>::Matrix W = Layer<float>::Matrix::Zero(3, 5), V = W, dV = W;
  Layer<float>::Vector b = Layer<float>::Vector::LinSpaced(4, -1, 1), c = b, dc = b;
  auto state = initial_state(method, Layer<float>{}, std::tie(W, b));
  resume(Layer<float>{}, std::tie(W, b), method, state, {.max_iterations = 4});
  Optimizer optimizer{rule, V, c};
  for (int k = 0; k < 4; ++k) {
    Layer<float>{}(V, c, dV, dc);
    optimizer.step(dV, dc);
  }
  const auto [average_W, average_b] = evaluation_parameters(method, state, std::tie(W, b));
  CHECK(average_W == evaluation(optimizer, 0));
  CHECK(average_b == evaluation(optimizer, 1));
  CHECK(average_W != W);
}

TEST_CASE("variables: views are written back however a run ends, and observers see the coefficients") {
  MatrixXd X = MatrixXd::Zero(2, 6);
  const auto f = [](const MatrixXd& at, MatrixXd& g) { return add_cosh(at, g, 1); };
  std::vector<double> seen;
  minimize(f, X.middleCols(2, 2), Lbfgs{}, {},
           [&](const Record& record) { seen.assign(record.x.data(), record.x.data() + record.x.size()); });
  CHECK((X.middleCols(2, 2).array() - 1).abs().maxCoeff<Eigen::PropagateNaN>() <= 1e-5);
  CHECK(X.leftCols(2).norm() == 0);
  CHECK(seen.size() == 4);
  CHECK(seen[3] == X(1, 3));

  int calls = 0;
  MatrixXf Y = MatrixXf::Zero(2, 2);
  MatrixXf last = Y;
  const auto throws = [&](const MatrixXf& at, MatrixXf& g) {
    if (++calls == 4) throw std::domain_error("the objective's own");
    last = at;
    return add_cosh(at, g, 1);
  };
  CHECK_THROWS_AS(minimize(throws, Y, Sgd{.learning_rate = 0.1}), std::domain_error);
  CHECK(Y == last);
  CHECK(Y.norm() > 0);
}

TEST_CASE("variables: what does not fit is refused by name") {
  MatrixXd X = MatrixXd::Zero(2, 3);
  const auto other_shape = [](const MatrixXd&, MatrixXd& g) {
    g = MatrixXd::Zero(3, 2);
    return 0.0;
  };
  CHECK_THAT(message_of([&] { minimize(other_shape, X, Lbfgs{}); }),
             Catch::Matchers::ContainsSubstring("its gradient for \"x\" is 3 x 2, must be 2 x 3"));
  const auto not_filled = [](const MatrixXd&, MatrixXd&) { return 0.0; };
  CHECK(minimize(not_filled, X, Lbfgs{}).status == Status::non_finite_start);
  const auto f = [](const MatrixXd& at, MatrixXd& g) { return add_cosh(at, g, 1); };
  auto state = initial_state(Lbfgs{}, f, X);
  MatrixXd longer = MatrixXd::Zero(3, 3);
  CHECK_THAT(message_of([&] { resume(f, longer, Lbfgs{}, state); }),
             Catch::Matchers::ContainsSubstring("the state is of 6 variables, x has 9"));
  CHECK_THAT(message_of([&] { minimize(f, X.topRows(1), Lbfgs{}); }),
             Catch::Matchers::ContainsSubstring("has strides"));
  CHECK_THAT(message_of([&] { minimize(f, X, Lbfgs{}, {.tolerance = 1e-3}); }),
             Catch::Matchers::ContainsSubstring("Stop::tolerance = 0.001, but a minimization is ended by"));
}
