#include "support/rule_checks.hpp"

using namespace glissade;
using rule_checks::after;

TEST_CASE("Lamb: every tensor moves by the learning rate times its own length") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Eigen::VectorXd y = 100 * laws::parameters<Eigen::VectorXd>(5);
  Optimizer optimizer{Lamb{.learning_rate = 0.01, .weight_decay = 0.1}, x, y};
  for (int t = 1; t <= 10; ++t) {
    const Eigen::VectorXd x0 = x;
    const Eigen::VectorXd y0 = y;
    optimizer.step(laws::gradients<Eigen::VectorXd>(23, t), laws::gradients<Eigen::VectorXd>(5, t));
    CHECK(std::abs((x - x0).norm() - 0.01 * x0.norm()) <= 1e-14 * x0.norm());
    CHECK(std::abs((y - y0).norm() - 0.01 * y0.norm()) <= 1e-14 * y0.norm());
  }
}

TEST_CASE("Lamb: the ratio is 1 where a norm is 0") {
  Eigen::VectorXd x = Eigen::VectorXd::Zero(3);
  Eigen::VectorXd y = x;
  Optimizer lamb{Lamb{.learning_rate = 0.01, .epsilon = 1e-8}, x};
  Optimizer adamw{AdamW{.learning_rate = 0.01}, y};
  lamb.step(Eigen::Vector3d(1, -2, 3));
  adamw.step(Eigen::Vector3d(1, -2, 3));
  CHECK(laws::same_bits(x, y));
}

TEST_CASE("Lamb: conventions of the bias and of tensors without decay") {
  auto x = laws::parameters<Eigen::VectorXd>(23);
  Eigen::ArrayXd y = x, m = Eigen::ArrayXd::Zero(23), v = m;
  Optimizer optimizer{Lamb{.learning_rate = 0.01, .weight_decay = 0.1, .bias_corrected = false}, x};
  for (int t = 1; t <= 20; ++t) {
    const auto g = laws::gradients<Eigen::VectorXd>(23, t);
    optimizer.step(g);
    m = 0.9 * m + 0.1 * g.array();
    v = 0.999 * v + 0.001 * g.array().square();
    const Eigen::ArrayXd u = m / (v.sqrt() + 1e-6) + 0.1 * y;
    y -= 0.01 * y.matrix().norm() / u.matrix().norm() * u;
    REQUIRE((x.array() - y).abs().maxCoeff() <= 1e-14);
  }
  // One tensor decays and is adapted, the other neither: that one follows AdamW.
  const auto decays = [](const Tensor& tensor) { return tensor.name == "W"; };
  auto W = laws::parameters<Eigen::VectorXd>(23), b = W, same = W, plain = W;
  Optimizer timm{Lamb{.learning_rate = 0.01, .mask = decays, .always_adapt = false}, named("W", W), named("b", b)};
  Optimizer lamb{Lamb{.learning_rate = 0.01}, same};
  Optimizer adamw{AdamW{.learning_rate = 0.01, .epsilon = 1e-6, .weight_decay = 0}, plain};
  for (int t = 1; t <= 20; ++t) {
    const auto g = laws::gradients<Eigen::VectorXd>(23, t);
    timm.step(g, g);
    lamb.step(g);
    adamw.step(g);
  }
  CHECK(laws::same_bits(W, same));
  CHECK(laws::same_bits(b, plain));
  CHECK(laws::same_bits(after(Lamb{.weight_decay = 0, .always_adapt = false}, 20),
                        after(AdamW{.epsilon = 1e-6, .weight_decay = 0}, 20)));
}
