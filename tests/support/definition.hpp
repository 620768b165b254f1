// What a chain means: all in double, one tensor and one rule after another, nothing fused, nothing shared. To be read
// as the definition that the engine is held to.
#pragma once

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace definition {

using Array = Eigen::ArrayXXd;

struct Tensor {
  std::string name;
  Array x;
};

/// One step on its way through the chain.
struct Step {
  const std::vector<Tensor>& tensors;
  std::vector<bool> has_gradient;
  std::vector<std::optional<Array>> u;  // of every tensor; none where the rules do not run
  int time;                             // updates of all tensors so far: the argument of schedules
};

/// A narrower form of state: what it makes of numbers, with a sign or without, and the smallest one above zero, which
/// squares that are not zero never fall below.
struct Narrow {
  std::function<Array(const Array& numbers, bool has_sign)> nearest;
  double smallest = 0;
};

class Link {
 public:
  virtual ~Link() = default;
  /// False where a gate ends the step: nothing after it runs.
  virtual bool run(Step& step) = 0;
  virtual void forget(std::size_t k) = 0;
  /// What is evaluated in place of tensor k, if the link has averaged.
  [[nodiscard]] virtual std::optional<Array> average(std::size_t) const { return {}; }
  [[nodiscard]] virtual bool gathers() const { return false; }
  virtual void store_as(const Narrow&) {}
};
using Make = std::function<std::unique_ptr<Link>()>;

inline Make stored(const Make& make, const Narrow& scalar) {
  return [=] {
    auto link = make();
    link->store_as(scalar);
    return link;
  };
}

/// A rule that sees one tensor at a time. State holds arrays that are empty before the first update, moments as m and
/// v; t is the number of the tensor's update, from 1. An update sees its own moments as they are, the next one what
/// memory has made of them.
template <class State>
class OnTensor final : public Link {
 public:
  using Body = std::function<void(Array& u, const Tensor& tensor, State& s, int t, int time)>;
  explicit OnTensor(Body body) : body_(std::move(body)) {}

  bool run(Step& step) override {
    memory_.resize(step.tensors.size());
    for (std::size_t k = 0; k < step.u.size(); ++k)
      if (step.u[k]) {
        State& s = memory_[k].s;
        body_(*step.u[k], step.tensors[k], s, ++memory_[k].t, step.time);
        if (!scalar_.nearest) continue;
        if constexpr (requires { s.m; }) s.m = scalar_.nearest(s.m, true);
        if constexpr (requires { s.v; }) s.v = scalar_.nearest((s.v > 0).select(s.v.max(scalar_.smallest), s.v), false);
      }
    return true;
  }
  void forget(std::size_t k) override {
    if (k < memory_.size()) memory_[k] = {};
  }
  [[nodiscard]] std::optional<Array> average(std::size_t k) const override {
    if constexpr (requires(const State& s) { s.average; })
      if (k < memory_.size() && memory_[k].s.average.size() > 0) return memory_[k].s.average;
    return {};
  }

  void store_as(const Narrow& scalar) override { scalar_ = scalar; }

 private:
  struct Memory {
    State s;
    int t = 0;
  };

  Body body_;
  Narrow scalar_;
  std::vector<Memory> memory_;
};
template <class State>
Make on_tensor(typename OnTensor<State>::Body body) {
  return [body] { return std::make_unique<OnTensor<State>>(body); };
}
struct Nothing {};

// --- Rules ------------------------------------------------------------------------------------------

inline Make scale(std::function<double(int)> factor) {
  return on_tensor<Nothing>([=](Array& u, const Tensor&, Nothing&, int, int time) { u *= factor(time); });
}
inline Make clip_value(double bound) {
  return on_tensor<Nothing>([=](Array& u, const Tensor&, Nothing&, int, int) { u = u.min(bound).max(-bound); });
}
inline Make clip_norm(double bound) {
  return on_tensor<Nothing>([=](Array& u, const Tensor&, Nothing&, int, int) {
    const double norm = u.matrix().norm();
    if (norm > bound) u *= bound / norm;
  });
}
inline Make decay(double weight_decay) {
  return on_tensor<Nothing>([=](Array& u, const Tensor& tensor, Nothing&, int, int) { u += weight_decay * tensor.x; });
}
inline Make centralize() {
  return on_tensor<Nothing>([](Array& u, const Tensor&, Nothing&, int, int) {
    if (u.cols() > 1) u.colwise() -= Eigen::ArrayXd(u.rowwise().mean());
  });
}
inline Make trust_ratio() {
  return on_tensor<Nothing>([](Array& u, const Tensor& tensor, Nothing&, int, int) {
    const double length = u.matrix().norm(), size = tensor.x.matrix().norm();
    if (length > 0 && size > 0) u *= size / length;
  });
}
struct One {
  Array m;
};
inline Make trace(double momentum) {
  return on_tensor<One>([=](Array& u, const Tensor&, One& s, int t, int) {
    s.m = t == 1 ? u : Array(momentum * s.m + u);
    u = s.m;
  });
}
inline Make lion(double beta1, double beta2) {
  return on_tensor<One>([=](Array& u, const Tensor&, One& s, int t, int) {
    if (t == 1) s.m = 0 * u;
    const Array c = beta1 * s.m + (1 - beta1) * u;
    s.m = beta2 * s.m + (1 - beta2) * u;
    u = c.sign();
  });
}
inline Make adagrad(double epsilon) {
  return on_tensor<One>([=](Array& u, const Tensor&, One& s, int t, int) {
    if (t == 1) s.m = 0 * u;
    s.m += u.square();
    u /= s.m.sqrt() + epsilon;
  });
}
struct Two {
  Array m, v;
};
/// Begins anew every `period` updates.
inline Make adam(double beta1, double beta2, double epsilon, int period) {
  return on_tensor<Two>([=](Array& u, const Tensor&, Two& s, int t, int) {
    t = (t - 1) % period + 1;
    if (t == 1) s.m = s.v = 0 * u;
    s.m = beta1 * s.m + (1 - beta1) * u;
    s.v = beta2 * s.v + (1 - beta2) * u.square();
    u = s.m / (1 - std::pow(beta1, t)) / ((s.v / (1 - std::pow(beta2, t))).sqrt() + epsilon);
  });
}

// --- Rules that see a matrix, which is what has two sides, however short; vectors are named "a" ---------------

inline bool is_matrix(const Tensor& tensor) { return tensor.name != "a"; }

inline Make adaptive_clip(double clipping, double epsilon) {
  return on_tensor<Nothing>([=](Array& u, const Tensor& tensor, Nothing&, int, int) {
    const auto shorten = [&](auto part, const auto& weights) {
      const double bound = clipping * std::max(weights.matrix().norm(), epsilon), norm = part.matrix().norm();
      if (norm > bound) part *= bound / std::max(norm, 1e-6);
    };
    if (u.rows() == 1 || u.cols() == 1) return shorten(u.middleRows(0, u.rows()), tensor.x);
    for (Eigen::Index i = 0; i < u.rows(); ++i) shorten(u.row(i), tensor.x.row(i));
  });
}
inline Make cautious_lion(double beta1, double beta2, double min_share) {
  return on_tensor<One>([=](Array& u, const Tensor&, One& s, int t, int) {
    if (t == 1) s.m = 0 * u;
    const Array direction = (beta1 * s.m + (1 - beta1) * u).sign();
    s.m = beta2 * s.m + (1 - beta2) * u;
    const double share = static_cast<double>((direction * u > 0).count()) / static_cast<double>(u.size());
    u = (direction * u > 0).select(direction / std::max(share, min_share), 0 * u);
  });
}
struct Factors {
  Eigen::ArrayXd rows, cols;
  Array all;
};
inline Make factored_rms(double epsilon, double exponent) {
  return on_tensor<Factors>([=](Array& u, const Tensor& tensor, Factors& s, int t, int) {
    const double fresh = std::pow(t, -exponent);
    const Array square = u.square() + epsilon;
    if (t == 1) s = {Eigen::ArrayXd::Zero(u.rows()), Eigen::ArrayXd::Zero(u.cols()), 0 * u};
    s.rows = (1 - fresh) * s.rows + fresh * square.rowwise().mean();
    s.cols = (1 - fresh) * s.cols + fresh * square.colwise().mean().transpose();
    s.all = (1 - fresh) * s.all + fresh * square;
    if (is_matrix(tensor)) s.all = (s.rows.matrix() * s.cols.matrix().transpose()).array() / s.rows.mean();
    u /= s.all.sqrt();
  });
}
/// Each step brings the singular values nearer to 1 by the polynomial a s + b s^3 + c s^5.
inline Make muon(double momentum, bool nesterov, double a, double b, double c) {
  return on_tensor<One>([=](Array& u, const Tensor& tensor, One& s, int t, int) {
    if (!is_matrix(tensor)) return;
    if (t == 1) s.m = 0 * u;
    s.m = momentum * s.m + (1 - momentum) * u;
    const Array direction = nesterov ? Array(momentum * s.m + (1 - momentum) * u) : s.m;
    Eigen::MatrixXd X = direction.matrix() / std::max(direction.matrix().norm(), 1e-7);
    for (int step = 0; step < 5; ++step) {
      const Eigen::MatrixXd A = X * X.transpose();
      X = Eigen::MatrixXd(a * X + b * A * X + c * A * A * X);
    }
    u = X.array() * std::sqrt(std::max(1.0, static_cast<double>(u.rows()) / static_cast<double>(u.cols())));
  });
}
/// Adam on the gradient's coordinates along its largest singular vector of every `gap` updates, in place of the shorter
/// side; vectors run Adam.
inline Make galore_adam(int gap, double beta1, double beta2, double epsilon) {
  struct State {
    Eigen::VectorXd direction;
    Array m, v;
  };
  return on_tensor<State>([=](Array& u, const Tensor& tensor, State& s, int t, int) {
    const auto adam = [&](Array& r, int update) {
      if (update == 1) s.m = s.v = 0 * r;
      s.m = beta1 * s.m + (1 - beta1) * r;
      s.v = beta2 * s.v + (1 - beta2) * r.square();
      r = s.m / (1 - std::pow(beta1, update)) / ((s.v / (1 - std::pow(beta2, update))).sqrt() + epsilon);
    };
    if (!is_matrix(tensor)) return adam(u, t);
    const bool right = u.rows() >= u.cols();
    const Eigen::MatrixXd G = right ? Eigen::MatrixXd(u.matrix().transpose()) : Eigen::MatrixXd(u.matrix());
    if ((t - 1) % gap == 0) {
      const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(G * G.transpose());
      s.direction = eigen.eigenvectors().rightCols(1);
    }
    Array r = s.direction.transpose() * G;
    adam(r, (t - 1) % gap + 1);
    const Eigen::MatrixXd back = s.direction * r.matrix();
    u = right ? Array(back.transpose().array()) : Array(back.array());
  });
}

// --- Averages: the last links, whose u is the whole step ------------------------------------------------

struct Average {
  Array average;
};
inline Make ema(double decay, bool corrected) {
  struct State {
    Array average, sum;
  };
  return on_tensor<State>([=](Array& u, const Tensor& tensor, State& s, int t, int) {
    const Array x = tensor.x + u;
    if (t == 1) s.sum = corrected ? Array(0 * x) : x;
    s.sum = decay * s.sum + (1 - decay) * x;
    s.average = corrected ? Array(s.sum / (1 - std::pow(decay, t))) : s.sum;
  });
}
inline Make swa(int start, int period) {
  struct State {
    Array average;
    int collected = 0;
  };
  return on_tensor<State>([=](Array& u, const Tensor& tensor, State& s, int t, int) {
    if (t <= start || (t - start) % period != 0) return;
    if (s.collected == 0) s.average = 0 * u;
    s.average += (tensor.x + u - s.average) / ++s.collected;
  });
}
inline Make lookahead(int period, double alpha) {
  struct State {
    Array average;
  };
  return on_tensor<State>([=](Array& u, const Tensor& tensor, State& s, int t, int) {
    if (t == 1) s.average = tensor.x;
    if (t % period != 0) return;
    s.average += alpha * (tensor.x + u - s.average);
    u = s.average - tensor.x;
  });
}

// --- All tensors together ---------------------------------------------------------------------------

class ClipGlobal final : public Link {
 public:
  explicit ClipGlobal(double bound) : bound_(bound) {}
  bool run(Step& step) override {
    double square = 0;
    for (const auto& u : step.u)
      if (u) square += u->square().sum();
    for (auto& u : step.u)
      if (u && std::sqrt(square) > bound_) *u *= bound_ / std::sqrt(square);
    return true;
  }
  void forget(std::size_t) override {}

 private:
  double bound_;
};

class SkipNonFinite final : public Link {
 public:
  bool run(Step& step) override {
    for (const auto& u : step.u)
      if (u && !u->isFinite().all()) return false;
    return true;
  }
  void forget(std::size_t) override {}
};

/// The mean or sum over `steps` steps; a gradient that is missing is zero, one that is missing in all of them none.
class Accumulate final : public Link {
 public:
  Accumulate(int steps, bool sum) : steps_(steps), sum_(sum) {}
  bool run(Step& step) override {
    totals_.resize(step.u.size());
    ++taken_;
    const bool last = taken_ == steps_;
    for (std::size_t k = 0; k < step.u.size(); ++k) {
      Total& total = totals_[k];
      if (step.u[k]) {
        if (total.so_far.size() == 0) total.so_far = 0 * *step.u[k];
        total.so_far += sum_ ? *step.u[k] : Array((*step.u[k] - total.so_far) / taken_);
        total.any = total.any || step.has_gradient[k];
      }
      if (!last) {
        if (scalar_.nearest) total.so_far = scalar_.nearest(total.so_far, true);
        continue;
      }
      step.u[k] = {};
      if (total.any) step.u[k] = total.so_far;
      total = {};
    }
    if (last) taken_ = 0;
    return last;
  }
  void forget(std::size_t k) override {
    if (k < totals_.size()) totals_[k] = {};
  }
  [[nodiscard]] bool gathers() const override { return true; }
  void store_as(const Narrow& scalar) override { scalar_ = scalar; }

 private:
  struct Total {
    Array so_far;
    bool any = false;
  };
  int steps_;
  bool sum_;
  Narrow scalar_;
  int taken_ = 0;
  std::vector<Total> totals_;
};

/// Some rules for the tensors of one name, others for the rest; without `yes` these stay as they are.
class ByName final : public Link {
 public:
  ByName(std::string name, const std::vector<Make>& yes, const std::vector<Make>& no) : name_(std::move(name)) {
    for (const Make& make : yes) links_[0].push_back(make());
    for (const Make& make : no) links_[1].push_back(make());
  }
  bool run(Step& step) override {
    for (const std::size_t side : {0U, 1U}) {
      Step part = step;
      for (std::size_t k = 0; k < step.u.size(); ++k)
        if ((step.tensors[k].name == name_) != (side == 0)) part.u[k] = {};
      for (const auto& link : links_[side]) link->run(part);
      for (std::size_t k = 0; k < step.u.size(); ++k)
        if ((step.tensors[k].name == name_) == (side == 0)) step.u[k] = part.u[k];
    }
    return true;
  }
  void forget(std::size_t k) override {
    for (const auto& side : links_)
      for (const auto& link : side) link->forget(k);
  }
  [[nodiscard]] std::optional<Array> average(std::size_t k) const override {
    std::optional<Array> last;
    for (const auto& side : links_)
      for (const auto& link : side)
        if (const auto average = link->average(k)) last = average;
    return last;
  }
  void store_as(const Narrow& scalar) override {
    for (const auto& side : links_)
      for (const auto& link : side) link->store_as(scalar);
  }

 private:
  std::string name_;
  std::vector<std::unique_ptr<Link>> links_[2];
};

// --- The chain --------------------------------------------------------------------------------------

class Chain {
 public:
  explicit Chain(std::vector<Make> makes) : makes_(std::move(makes)) { reset(); }

  void reset() {
    links_.clear();
    for (const Make& make : makes_) links_.push_back(make());
    time_ = 0;
  }
  void reset(std::size_t k) {
    for (const auto& link : links_) link->forget(k);
  }
  /// A gradient of no coefficients is none.
  void step(std::vector<Tensor>& tensors, const std::vector<Array>& gradients) {
    Step step{tensors, {}, {}, time_};
    bool gathers = false;
    for (const auto& link : links_) gathers = gathers || link->gathers();
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      step.has_gradient.push_back(gradients[k].size() > 0);
      step.u.emplace_back();
      if (gradients[k].size() > 0) step.u[k] = gradients[k];
      if (gradients[k].size() == 0 && gathers) step.u[k] = 0 * tensors[k].x;
    }
    for (const auto& link : links_)
      if (!link->run(step)) return;
    ++time_;
    for (std::size_t k = 0; k < tensors.size(); ++k)
      if (step.u[k]) tensors[k].x += *step.u[k];
  }
  [[nodiscard]] Array evaluation(const std::vector<Tensor>& tensors, std::size_t k) const {
    Array result = tensors[k].x;
    for (const auto& link : links_)
      if (const auto average = link->average(k)) result = *average;
    return result;
  }

 private:
  std::vector<Make> makes_;
  std::vector<std::unique_ptr<Link>> links_;
  int time_ = 0;
};

}  // namespace definition
