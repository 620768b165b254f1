#include "laws/textbook.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace textbook {

using glissade::Textbook;

Book sgd(double rate, double momentum, double dampening, bool nesterov, double decay) {
  return [=](Textbook& k) {
    Eigen::ArrayXXd g = k.g + decay * k.x;
    if (momentum != 0) {
      k.s[0] = k.t == 1 ? g : Eigen::ArrayXXd(momentum * k.s[0] + (1 - dampening) * g);
      g = nesterov ? Eigen::ArrayXXd(g + momentum * k.s[0]) : k.s[0];
    }
    k.x -= rate * g;
  };
}

Book adam(double rate, double b1, double b2, double epsilon, double l2, double decoupled) {
  return [=](Textbook& k) {
    const Eigen::ArrayXXd g = k.g + l2 * k.x;
    k.s[0] = b1 * k.s[0] + (1 - b1) * g;
    k.s[1] = b2 * k.s[1] + (1 - b2) * g * g;
    const Eigen::ArrayXXd m = k.s[0] / (1 - std::pow(b1, k.t));
    const Eigen::ArrayXXd v = k.s[1] / (1 - std::pow(b2, k.t));
    k.x *= 1 - rate * decoupled;
    k.x -= rate * m / (v.sqrt() + epsilon);
  };
}

Book amsgrad(double rate, glissade::Convention convention) {
  return [=](Textbook& k) {
    const double c1 = 1 - std::pow(0.9, k.t);
    const double c2 = 1 - std::pow(0.999, k.t);
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g * k.g;
    const bool optax = convention == glissade::Convention::optax;
    k.s[2] = k.s[2].max(optax ? Eigen::ArrayXXd(k.s[1] / c2) : k.s[1]);
    if (convention == glissade::Convention::paper)
      k.x -= (k.s[2] > 0).select(rate * k.s[0] / k.s[2].sqrt(), 0.0);
    else
      k.x -= rate * k.s[0] / c1 / ((optax ? k.s[2] : Eigen::ArrayXXd(k.s[2] / c2)).sqrt() + 1e-8);
  };
}

Book lion(double rate, double decay) {
  return [=](Textbook& k) {
    const Eigen::ArrayXXd c = 0.9 * k.s[0] + 0.1 * k.g;
    k.x = k.x * (1 - rate * decay) - rate * c.sign();
    k.s[0] = 0.99 * k.s[0] + 0.01 * k.g;
  };
}

Book adagrad(double rate, double decay_of_rate, double start) {
  return [=](Textbook& k) {
    if (k.t == 1) k.s[0] += start;
    k.s[0] += k.g * k.g;
    k.x -= rate / (1 + (k.t - 1) * decay_of_rate) * k.g / (k.s[0].sqrt() + 1e-10);
  };
}

Book adadelta(double rate) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g * k.g;
    const Eigen::ArrayXXd d = (k.s[1] + 1e-6).sqrt() / (k.s[0] + 1e-6).sqrt() * k.g;
    k.s[1] = 0.9 * k.s[1] + 0.1 * d * d;
    k.x -= rate * d;
  };
}

Book rmsprop(double rate, double momentum, bool centered, glissade::Convention convention) {
  return [=](Textbook& k) {
    const bool torch = convention == glissade::Convention::torch;
    if (k.t == 1 && convention == glissade::Convention::tensorflow) k.s[0] += 1;
    k.s[0] = 0.99 * k.s[0] + 0.01 * k.g * k.g;
    k.s[1] = 0.99 * k.s[1] + 0.01 * k.g;
    const Eigen::ArrayXXd w = (centered ? Eigen::ArrayXXd(k.s[0] - k.s[1] * k.s[1]) : k.s[0]).max(0.0);
    const Eigen::ArrayXXd u = k.g / (torch ? Eigen::ArrayXXd(w.sqrt() + 1e-8) : Eigen::ArrayXXd((w + 1e-8).sqrt()));
    k.s[2] = momentum * k.s[2] + (torch ? 1 : rate) * u;
    k.x -= (torch ? rate : 1) * k.s[2];
  };
}

Book adamax(double rate) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = (0.999 * k.s[1]).max(k.g.abs() + 1e-8);
    k.x -= rate / (1 - std::pow(0.9, k.t)) * k.s[0] / k.s[1];
  };
}

Book adamnc(double rate, double longest) {
  return [=](Textbook& k) {
    const double fresh = std::max(1.0 / k.t, 1 - longest);
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] += fresh * (k.g * k.g - k.s[1]);  // the mean of all squares, unless bounded
    k.x -= rate * k.s[0] / (k.s[1].sqrt() + 1e-8);
  };
}

Book nadam(double rate, glissade::Convention convention) {
  return [=](Textbook& k) {
    const auto mu = [](int t) { return 0.9 * (1 - 0.5 * std::pow(0.96, t * 4e-3)); };
    double product = 1;
    for (int t = 1; t <= k.t; ++t) product *= mu(t);
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g * k.g;
    const Eigen::ArrayXXd d = (k.s[1] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-8;
    if (convention == glissade::Convention::optax)
      k.x -= rate * (0.9 * k.s[0] / (1 - std::pow(0.9, k.t + 1)) + 0.1 * k.g / (1 - std::pow(0.9, k.t))) / d;
    else
      k.x -= rate * ((1 - mu(k.t)) / (1 - product) * k.g + mu(k.t + 1) / (1 - product * mu(k.t + 1)) * k.s[0]) / d;
  };
}

Book radam(double rate, glissade::Convention convention) {
  return [=](Textbook& k) {
    const double c2 = 1 - std::pow(0.99, k.t);
    const double inf = 2 / (1 - 0.99) - 1;
    const double rho = inf - 2 * k.t * std::pow(0.99, k.t) / c2;
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.99 * k.s[1] + 0.01 * k.g * k.g;
    const Eigen::ArrayXXd m = k.s[0] / (1 - std::pow(0.9, k.t));
    if (rho > 5) {
      const double r = std::sqrt((rho - 4) * (rho - 2) * inf / ((inf - 4) * (inf - 2) * rho));
      k.x -= convention == glissade::Convention::torch
                 ? Eigen::ArrayXXd(rate * r * m * std::sqrt(c2) / (k.s[1].sqrt() + 1e-8))
                 : Eigen::ArrayXXd(rate * r * m / ((k.s[1] / c2).sqrt() + 1e-8));
    } else {
      k.x -= rate * m;
    }
  };
}

Book rprop(double start, double down, double up, double least, double most) {
  return [=](Textbook& k) {
    if (k.t == 1) k.s[1] += start;
    for (Eigen::Index i = 0; i < k.x.size(); ++i) {
      double g = k.g(i);
      double& size = k.s[1](i);
      const double turn = g * k.s[0](i);
      if (turn > 0) size = std::min(size * up, most);
      if (turn < 0) size = std::max(size * down, least);
      if (turn < 0) g = 0;
      k.x(i) -= g > 0 ? size : g < 0 ? -size : 0;
      k.s[0](i) = g;
    }
  };
}

Book asgd(double rate, double lambda, double alpha) {
  return [=](Textbook& k) {
    const double eta = rate / std::pow(1 + lambda * rate * (k.t - 1), alpha);
    k.x = (1 - lambda * eta) * k.x - eta * k.g;
  };
}

Book signum(double rate) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.x -= rate * k.s[0].sign();
  };
}

Book adabelief(double rate, bool rectify, bool in_state) {
  return [=](Textbook& k) {
    const double c1 = 1 - std::pow(0.9, k.t);
    const double c2 = 1 - std::pow(0.99, k.t);
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.99 * k.s[1] + 0.01 * (k.g - k.s[0]).square() + (in_state ? 1e-6 : 0);
    const Eigen::ArrayXXd root = (k.s[1] + (in_state ? 0 : 1e-6)).sqrt();
    const double inf = 2 / (1 - 0.99) - 1;
    const double rho = inf - 2 * k.t * std::pow(0.99, k.t) / c2;
    const double trust = std::sqrt((rho - 4) * (rho - 2) * inf / ((inf - 4) * (inf - 2) * rho));
    if (!rectify)
      k.x -= rate * k.s[0] / c1 / (root / std::sqrt(c2) + 1e-6);
    else if (rho > 5)
      k.x -= rate * trust * std::sqrt(c2) / c1 * k.s[0] / (root + 1e-6);
    else
      k.x -= rate * k.s[0] / c1;
  };
}

Book adan(double rate, double decay, bool proximal) {
  return [=](Textbook& k) {
    const Eigen::ArrayXXd d = k.t == 1 ? Eigen::ArrayXXd(0 * k.g) : Eigen::ArrayXXd(k.g - k.s[3]);
    k.s[3] = k.g;
    k.s[0] = 0.98 * k.s[0] + 0.02 * k.g;
    k.s[1] = 0.92 * k.s[1] + 0.08 * d;
    k.s[2] = 0.99 * k.s[2] + 0.01 * (k.g + 0.92 * d).square();
    const Eigen::ArrayXXd step = rate *
                                 (k.s[0] / (1 - std::pow(0.98, k.t)) + 0.92 * k.s[1] / (1 - std::pow(0.92, k.t))) /
                                 ((k.s[2] / (1 - std::pow(0.99, k.t))).sqrt() + 1e-8);
    k.x = proximal ? Eigen::ArrayXXd((k.x - step) / (1 + rate * decay))
                   : Eigen::ArrayXXd((1 - rate * decay) * k.x - step);
  };
}

Book lamb(double rate, double decay, double most) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g.square();
    const Eigen::ArrayXXd u =
        k.s[0] / (1 - std::pow(0.9, k.t)) / ((k.s[1] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-6) + decay * k.x;
    k.x -= rate * std::min(most, k.x.matrix().norm() / u.matrix().norm()) * u;
  };
}

Book madgrad(double rate, double momentum, double decay) {
  return [=](Textbook& k) {
    if (k.t == 1) k.s[2] = k.x;
    const double weight = (rate + 1e-6) * std::sqrt(k.t);
    const Eigen::ArrayXXd g = k.g + decay * k.x;
    k.s[0] += weight * g;
    k.s[1] += weight * g.square();
    const Eigen::ArrayXXd root = k.s[1].unaryExpr([](double v) { return std::cbrt(v); });
    k.x = momentum * k.x + (1 - momentum) * (k.s[2] - k.s[0] / (root + 1e-6));
  };
}

Book adopt(double rate, double exponent) {
  return [=](Textbook& k) {
    if (k.t == 1) {
      k.s[1] = k.g.square();
      return;
    }
    const double bound = std::pow(k.t - 1, exponent);
    k.s[0] = 0.9 * k.s[0] + 0.1 * (k.g / k.s[1].sqrt().max(1e-6)).min(bound).max(-bound);
    k.s[1] = 0.9999 * k.s[1] + 0.0001 * k.g.square();
    k.x -= rate * k.s[0];
  };
}

Book schedule_free(double rate, double b, bool adaptive, double decay, double power) {
  return [=](Textbook& k) {  // s: z, x, v and, spread out, the sum of weights
    if (k.t == 1) k.s[0] = k.s[1] = k.x;
    Eigen::ArrayXXd d = k.g;
    if (adaptive) {
      k.s[2] = 0.999 * k.s[2] + 0.001 * k.g.square();
      d /= (k.s[2] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-8;
    }
    d += decay * k.x;
    const double w = std::pow(k.t, power) * rate * rate;
    k.s[3] += w;
    k.s[0] -= rate * d;
    k.s[1] += w / k.s[3] * (k.s[0] - k.s[1]);
    k.x = (1 - b) * k.s[0] + b * k.s[1];
  };
}

Book prodigy(double start, double decay, double b3, double factor) {
  return [=](Textbook& k) {  // s: m, v, s, x0; v[0]: d, numerator
    if (k.t == 1) {
      k.s[3] = k.x;
      k.v[0] = Eigen::Array2d(start, 0);
    }
    const double d = k.v[0][0];
    k.s[0] = 0.9 * k.s[0] + 0.1 * d * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * d * d * k.g.square();
    k.s[2] = b3 * k.s[2] + d * d / start * k.g;
    k.v[0][1] = b3 * k.v[0][1] + d * d / start * (k.g * (k.s[3] - k.x)).sum();
    k.v[0][0] = std::max(d, factor * k.v[0][1] / k.s[2].abs().sum());
    k.x -= d * (k.s[0] / (k.s[1].sqrt() + k.v[0][0] * 1e-8) + decay * k.x);
  };
}

Book yogi(double rate, bool corrected) {
  return [=](Textbook& k) {
    if (k.t == 1) k.s[1] += 1e-6;
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] -= 0.001 * (k.s[1] - k.g.square()).sign() * k.g.square();
    const double c1 = corrected ? 1 - std::pow(0.9, k.t) : 1;
    const double c2 = corrected ? 1 - std::pow(0.999, k.t) : 1;
    k.x -= rate * k.s[0] / c1 / ((k.s[1] / c2).sqrt() + 1e-3);
  };
}

Book lars(double rate, double momentum, double decay, double trust, bool nesterov) {
  return [=](Textbook& k) {
    const double size = k.x.matrix().norm();
    const double ratio = trust * size / (k.g.matrix().norm() + decay * size);
    const Eigen::ArrayXXd u = rate * ratio * (k.g + decay * k.x);
    k.s[0] = momentum * k.s[0] + u;
    k.x -= nesterov ? Eigen::ArrayXXd(momentum * k.s[0] + u) : k.s[0];
  };
}

Book laprop(double rate) {
  return [=](Textbook& k) {
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g.square();
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g / ((k.s[1] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-15);
    k.x -= rate * k.s[0] / (1 - std::pow(0.9, k.t));
  };
}

Book cautious_adamw(double rate, double decay) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g.square();
    const Eigen::ArrayXXd mask = (k.s[0] * k.g > 0).cast<double>();
    const Eigen::ArrayXXd d = k.s[0] / (1 - std::pow(0.9, k.t)) / ((k.s[1] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-8);
    k.x -= rate * (d * mask / std::max(mask.mean(), 1e-3) + decay * k.x);
  };
}

Book cautious_lion(double rate) {
  return [=](Textbook& k) {
    const Eigen::ArrayXXd c = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[0] = 0.99 * k.s[0] + 0.01 * k.g;
    const Eigen::ArrayXXd mask = (c * k.g > 0).cast<double>();
    k.x -= rate * static_cast<double>(c.size()) / (mask.sum() + 1) * mask * c.sign();
  };
}

/// Without curvature, which only update_curvature brings in.
Book sophia(double rate, double decay) {
  return [=](Textbook& k) {
    k.s[0] = 0.96 * k.s[0] + 0.04 * k.g;
    k.x = (1 - rate * decay) * k.x - rate * (k.s[0] / 1e-12).min(1.0).max(-1.0);
  };
}

Book clipped_adamw(double max_norm, double rate) {
  return [=](Textbook& k) {
    const double norm = std::sqrt(k.g.square().sum());
    if (norm > max_norm) k.g *= max_norm / norm;
    adam(rate, 0.9, 0.999, 1e-8, 0, 1e-2)(k);
  };
}

Book norm_clipped_sgd(double max_norm, double rate) {
  return [=](Textbook& k) { k.x -= rate * std::min(1.0, max_norm / std::sqrt(k.g.square().sum())) * k.g; };
}

Book coordinate_clipped_sgd(double fraction, double rate) {
  return [=](Textbook& k) {
    std::vector<double> all(static_cast<std::size_t>(k.g.size()));
    for (Eigen::Index i = 0; i < k.g.size(); ++i) all[static_cast<std::size_t>(i)] = std::abs(k.g.data()[i]);
    std::sort(all.rbegin(), all.rend());
    const double most = all[static_cast<std::size_t>(fraction * static_cast<double>(all.size()))];
    k.x -= rate * k.g.min(most).max(-most);
  };
}

Book clipped_sgd(double max_value, double rate) {
  return [=](Textbook& k) { k.x -= rate * k.g.min(max_value).max(-max_value); };
}

/// The paper's Algorithm 4 for matrices and 5 for vectors.
Book adafactor(double beta1, double decay) {
  return [=](Textbook& k) {
    const double b2 = 1 - std::pow(k.t, -0.8);
    const Eigen::ArrayXXd s = k.g.square() + 1e-30;
    if (k.v[0].size() == 0) k.v = {Eigen::ArrayXd::Zero(k.x.rows()), Eigen::ArrayXd::Zero(k.x.cols())};
    k.v[0] = b2 * k.v[0] + (1 - b2) * s.rowwise().mean();
    k.v[1] = b2 * k.v[1] + (1 - b2) * s.colwise().mean().transpose();
    const Eigen::ArrayXXd v = (k.v[0].matrix() * k.v[1].matrix().transpose()).array() / k.v[0].mean();
    Eigen::ArrayXXd u = k.g / v.sqrt();
    u /= std::max(1.0, std::sqrt(u.square().mean()));
    const double alpha = std::max(1e-3, std::sqrt(k.x.square().mean())) * std::min(1e-2, 1 / std::sqrt(k.t));
    k.s[0] = beta1 * k.s[0] + (1 - beta1) * alpha * u;
    k.x -= decay * alpha * k.x + k.s[0];
  };
}

/// Takes from d its part along x, row by row, else as a whole, where the gradient is orthogonal enough.
bool without_radial_part(const Textbook& k, Eigen::ArrayXXd& d) {
  const auto largest_cosine = [](const Eigen::MatrixXd& g, const Eigen::MatrixXd& x) {
    return (g.cwiseProduct(x).rowwise().sum().array().abs() / (g.rowwise().norm().array() * x.rowwise().norm().array()))
        .maxCoeff();
  };
  const Eigen::MatrixXd x = k.x.matrix(), g = k.g.matrix();
  const Eigen::MatrixXd xs = x.reshaped(1, x.size()), gs = g.reshaped(1, g.size());
  if (largest_cosine(g, x) < 0.1 / std::sqrt(static_cast<double>(x.cols()))) {
    const Eigen::ArrayXXd n = (x.array().colwise() / (x.rowwise().norm().array() + 1e-8));
    d -= n.colwise() * (n * d).rowwise().sum();
    return true;
  }
  if (largest_cosine(gs, xs) >= 0.1 / std::sqrt(static_cast<double>(x.size()))) return false;
  const Eigen::ArrayXXd n = x.array() / (x.norm() + 1e-8);
  d -= n * (n * d).sum();
  return true;
}

Book adamp(double rate, double decay) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + 0.1 * k.g;
    k.s[1] = 0.999 * k.s[1] + 0.001 * k.g.square();
    Eigen::ArrayXXd d = k.s[0] / (1 - std::pow(0.9, k.t)) / ((k.s[1] / (1 - std::pow(0.999, k.t))).sqrt() + 1e-8);
    const bool taken = without_radial_part(k, d);
    k.x -= rate * (d + decay * (taken ? 0.1 : 1.0) * k.x);
  };
}

Book sgdp(double rate, double decay) {
  return [=](Textbook& k) {
    k.s[0] = 0.9 * k.s[0] + k.g;
    Eigen::ArrayXXd d = k.s[0];
    const bool taken = without_radial_part(k, d);
    k.x -= rate * (d + decay / 0.1 * (taken ? 0.1 : 1.0) * k.x);
  };
}

}  // namespace textbook
