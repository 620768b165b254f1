#include "support/catch.hpp"
#include "support/message_of.hpp"
#include "support/subjects/shares_of_least_squares.hpp"
#include <glissade/networks/dadao.hpp>
#include <glissade/networks/network.hpp>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

TEST_CASE("Dadao: the same rate per unit of time on every graph, the gossip its chi's ask for") {
  const SharesOfLeastSquares f(16, 5, 20, 1);
  std::vector<double> slopes;
  for (const Graph& graph : {line_graph(16), ring_graph(16), grid_graph(4, 4), star_graph(16), complete_graph(16)}) {
    Network network(Dadao{.mu = f.mu, .L = f.L}, graph, VectorXd::Zero(5));
    network.run(f.gradient(), {.time = 60});
    const double early = f.mean_square_error(network);
    network.run(f.gradient(), {.time = 260});
    slopes.push_back(std::log(f.mean_square_error(network) / early) / 200);
    CHECK(static_cast<double>(network.traffic().gradients) == Approx(16 * 260).epsilon(0.06));
    CHECK(static_cast<double>(network.traffic().messages) == Approx(2 * network.plan().rate * 260).epsilon(0.06));
  }
  // -0.0754 to -0.0718; with L = 3.50 and mu = 0.705 the authors' code gives -0.067 to -0.070
  const auto [least, most] = std::minmax_element(slopes.begin(), slopes.end());
  CHECK(*most < -0.067);
  CHECK(*least / *most < 1.1);
}

TEST_CASE("Dadao: the sums of z and of zt stay 0, and the solution stays where it is") {
  const SharesOfLeastSquares f(9, 4, 12, 2);
  Network network(Dadao{.mu = f.mu, .L = f.L, .seed = 4}, grid_graph(3, 3), VectorXd::Ones(4));
  for (const double time : {3.0, 30.0, 90.0}) {
    network.run(f.gradient(), {.time = time});
    VectorXd z = VectorXd::Zero(4), z_tilde = z;
    double size = 0;
    for (Index i = 0; i < 9; ++i) {
      Dadao::Node node = network.node(i);
      Dadao::flow_to(network.plan(), node, time);
      z += node.z;
      z_tilde += node.z_tilde;
      size += node.z.norm() + node.z_tilde.norm();
    }
    CHECK(size > 0.1);
    CHECK(z.norm() <= 1e-12 * size);
    CHECK(z_tilde.norm() <= 1e-12 * size);
  }
  // x = xt = x*, y = yt = grad f_i(x*) - nu x*, z = zt = -grad f_i(x*): no event moves it.
  const Dadao method = network.method();
  const Dadao::Plan& plan = network.plan();
  std::vector<Dadao::Node> nodes;
  for (Index i = 0; i < 9; ++i) {
    VectorXd g(4);
    f.gradient()(i, 0, f.solution, g);
    Dadao::Node node = method.init(plan, i, f.solution);
    node.y = node.y_tilde = g - plan.nu * f.solution;
    node.z = node.z_tilde = -g;
    nodes.push_back(node);
  }
  const auto before = nodes;
  double time = 0;
  for (std::int64_t number = 0; number < 200; ++number) {
    const Event event = method.next(plan, number, time);
    time = event.time;
    method.local(plan, nodes[static_cast<std::size_t>(event.i)], event.i, event, f.gradient());
    if (event.kind != EventKind::edge) continue;
    auto &a = nodes[static_cast<std::size_t>(event.i)], &b = nodes[static_cast<std::size_t>(event.j)];
    method.local(plan, b, event.j, event, f.gradient());
    VectorXd from_a(4), from_b(4);
    method.message(plan, a, event.i, event, from_a);
    method.message(plan, b, event.j, event, from_b);
    const Message to_a[] = {{event.j, from_b}}, to_b[] = {{event.i, from_a}};
    method.receive(plan, a, event.i, event, from_a, to_a);
    method.receive(plan, b, event.j, event, from_b, to_b);
  }
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK((nodes[i].x - before[i].x).norm() <= 1e-12);
    CHECK((nodes[i].y_tilde - before[i].y_tilde).norm() <= 1e-12);
    CHECK((nodes[i].z_tilde - before[i].z_tilde).norm() <= 1e-11);
  }
}

TEST_CASE("Dadao: a flow is the solution of its differential equations") {
  const Dadao method{.mu = 0.5, .L = 4};
  const Dadao::Plan plan = method.plan(ring_graph(5), 1);
  Dadao::Node node{VectorXd::Constant(1, 1.0), VectorXd::Constant(1, -2.0), VectorXd::Constant(1, 0.5),
                   VectorXd::Constant(1, 3.0), VectorXd::Constant(1, -1.0), VectorXd::Constant(1, 0.25)};
  Eigen::Matrix<double, 6, 1> v(1.0, -2.0, 0.5, 3.0, -1.0, 0.25);
  // Runge and Kutta's fourth order, 20 000 steps
  constexpr int steps = 20'000;
  constexpr double h = 3.7 / steps;
  for (int s = 0; s < steps; ++s) {
    const Eigen::Matrix<double, 6, 1> a = plan.flow * v, b = plan.flow * (v + h / 2 * a),
                                      c = plan.flow * (v + h / 2 * b), d = plan.flow * (v + h * c);
    v += h / 6 * (a + 2 * b + 2 * c + d);
  }
  Dadao::Node parts = node;
  Dadao::flow_to(plan, node, 3.7);
  for (const double time : {0.01, 1.0, 3.7}) Dadao::flow_to(plan, parts, time);
  for (const Dadao::Node& end : {node, parts}) {
    const double values[] = {end.x[0], end.x_tilde[0], end.y[0], end.y_tilde[0], end.z[0], end.z_tilde[0]};
    for (Index i = 0; i < 6; ++i) CHECK(values[i] == Approx(v[i]).epsilon(1e-11));
  }
}

TEST_CASE("Dadao: one node is an accelerated method, and bad constants are refused") {
  const SharesOfLeastSquares f(1, 5, 20, 3);
  Network network(Dadao{.mu = f.mu, .L = f.L}, line_graph(1), VectorXd::Zero(5));
  network.run(f.gradient(), {.time = 300});
  CHECK(network.traffic().messages == 0);
  CHECK((network.x(0) - f.solution).norm() <= 1e-6);
  const auto refused = [](const Dadao& method) {
    return message_of([&] { Network(method, ring_graph(3), VectorXd::Zero(1)); });
  };
  CHECK(refused({}) == "Dadao: mu = 0, must be > 0 and finite");
  CHECK(refused({.mu = 1, .L = 0.5}) == "Dadao: L = 0.5, must be >= mu = 1");
  CHECK(refused({.mu = 1, .L = 2, .rate_multiplier = 0}) == "Dadao: rate_multiplier = 0, must be > 0 and finite");
}
