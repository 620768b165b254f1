// The least that an objective can be, one type for each need of a method.
#pragma once

#include <glissade/oracle/concepts.hpp>
#include <glissade/sets/box.hpp>
#include <glissade/sets/l1.hpp>

#include <Eigen/Core>

#include <array>
#include <functional>
#include <span>

/// What an archetype does, and how often it was asked.
struct Formula {
  std::function<double(const Eigen::VectorXd&, Eigen::VectorXd&)> gradient;
  std::function<void(const Eigen::VectorXd&, Eigen::MatrixXd&)> hessian;
};

/// Values with gradients only.
class FirstOrder {
 public:
  explicit FirstOrder(const Formula& formula) : formula_(formula) {}
  FirstOrder(const FirstOrder&) = delete;
  FirstOrder& operator=(const FirstOrder&) = delete;

  double value_and_gradient(const Eigen::VectorXd& x, Eigen::VectorXd& g) {
    ++calls;
    return formula_.gradient(x, g);
  }
  int calls = 0;

 protected:
  Formula formula_;
};

/// With a Hessian.
class SecondOrder : public FirstOrder {
 public:
  using FirstOrder::FirstOrder;
  void hessian(const Eigen::VectorXd& x, Eigen::MatrixXd& H) { formula_.hessian(x, H); }
};

/// The same as a plain callable.
class Callable {
 public:
  explicit Callable(const Formula& formula) : formula_(formula) {}
  Callable(const Callable&) = delete;
  Callable& operator=(const Callable&) = delete;

  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g) {
    ++calls;
    return formula_.gradient(x, g);
  }
  int calls = 0;

 private:
  Formula formula_;
};

/// With a value that costs no gradient.
class WithValue : public FirstOrder {
 public:
  using FirstOrder::FirstOrder;
  double value(const Eigen::VectorXd& x) {
    unused_.resize(x.size());
    return formula_.gradient(x, unused_);
  }

 private:
  Eigen::VectorXd unused_;
};

/// With a second term whose minimizer is where the function's is: h(z) = 0, whose prox is the identity.
class WithProx : public FirstOrder {
 public:
  using FirstOrder::FirstOrder;
  void prox(Eigen::VectorXd&, double) {}
};

/// On a set that is all of the space.
class OnSet : public FirstOrder {
 public:
  using FirstOrder::FirstOrder;
  void project(Eigen::VectorXd&) {}
};

/// Between bounds that lie beyond all minima, with a value that costs no gradient.
class WithBounds : public WithValue {
 public:
  using WithValue::WithValue;
  static glissade::Box box() { return {.low = -1e300, .high = 1e300}; }
};

/// Between such bounds, with a Hessian.
class WithBoundsAndHessian : public SecondOrder {
 public:
  using SecondOrder::SecondOrder;
  static glissade::Box box() { return {.low = -1e300, .high = 1e300}; }
};

/// With an l1 norm of weight 0.
class WithL1 : public WithValue {
 public:
  using WithValue::WithValue;
  static glissade::PerCoefficient l1_weights() { return 0; }
};
class WithL1AndHessian : public SecondOrder {
 public:
  using SecondOrder::SecondOrder;
  static glissade::PerCoefficient l1_weights() { return 0; }
};

/// With products of a Hessian that is not there.
class Products : public FirstOrder {
 public:
  using FirstOrder::FirstOrder;
  void hessian_vector(const Eigen::VectorXd& x, const Eigen::VectorXd& v, Eigen::VectorXd& Hv) {
    H_.resize(x.size(), x.size());
    formula_.hessian(x, H_);
    Hv.noalias() = H_ * v;
  }

 private:
  Eigen::MatrixXd H_;
};

/// A finite sum, all of whose terms are the same, with their gradients.
class EqualTerms : public FirstOrder {
 public:
  using FirstOrder::FirstOrder;
  Eigen::Index size() { return 6; }
  void batch_gradient(const Eigen::VectorXd& x, std::span<const Eigen::Index>, Eigen::VectorXd& g) {
    formula_.gradient(x, g);
  }
};

/// With products of the Hessians of terms.
class EqualTermsWithProducts : public EqualTerms {
 public:
  using EqualTerms::EqualTerms;
  void batch_hessian_vector(const Eigen::VectorXd& x, std::span<const Eigen::Index>, const Eigen::VectorXd& v,
                            Eigen::VectorXd& Hv) {
    H_.resize(x.size(), x.size());
    formula_.hessian(x, H_);
    Hv.noalias() = H_ * v;
  }

 private:
  Eigen::MatrixXd H_;
};

/// With third derivatives of terms, of formulas::smooth.
class EqualTermsWithThird : public EqualTermsWithProducts {
 public:
  using EqualTermsWithProducts::EqualTermsWithProducts;
  void batch_third(const Eigen::VectorXd& x, std::span<const Eigen::Index>, const Eigen::VectorXd& v,
                   Eigen::VectorXd& out) {
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const double t = std::tanh(x[i] - static_cast<double>(i));
      out[i] = -2 * t * (1 - t * t) * v[i] * v[i];
    }
  }
};

/// With gradients over labels drawn from a model: the gradient moved by a number of mean 0.
class EqualTermsWithLabels : public EqualTerms {
 public:
  using EqualTerms::EqualTerms;
  void sampled_gradient(const Eigen::VectorXd& x, std::span<const Eigen::Index> indices, const auto& uniform,
                        Eigen::VectorXd& g) {
    formula_.gradient(x, g);
    for (Eigen::Index i = 0; i < g.size(); ++i)
      g[i] += uniform(i % static_cast<Eigen::Index>(indices.size())) < 0.5 ? -0.5 : 0.5;
  }
};

/// With what models of terms ask for: values, the residual of a mean of absolute values, and a prox, by a few steps.
class EqualTermsWithModels : public EqualTerms {
 public:
  static constexpr double far = 1e6;  // a number that keeps the residuals of all formulas positive
  using EqualTerms::EqualTerms;
  double batch_value(const Eigen::VectorXd& x, std::span<const Eigen::Index>) {
    gradient_.resize(x.size());
    return formula_.gradient(x, gradient_);
  }
  double residual_and_gradient(const Eigen::VectorXd& x, Eigen::Index, Eigen::VectorXd& g) {
    return formula_.gradient(x, g) + far;
  }
  void prox_of_term(Eigen::VectorXd& x, Eigen::Index, double step) {
    point_ = x;
    gradient_.resize(x.size());
    for (int k = 0; k < 4; ++k) {
      formula_.gradient(point_, gradient_);
      point_ = x - step * gradient_;
    }
    x = point_;
  }

 private:
  Eigen::VectorXd gradient_, point_;
};

/// With a second term whose minimizer is where the sum's is: h(z) = 0, whose prox is the identity.
class EqualTermsWithProx : public EqualTerms {
 public:
  using EqualTerms::EqualTerms;
  void prox(Eigen::VectorXd&, double) {}
};

/// Bound to a set that is all of the space.
class EqualTermsOnSet : public EqualTerms {
 public:
  using EqualTerms::EqualTerms;
  void project(Eigen::VectorXd&) {}
};

/// A loss of outputs that are the variables.
class LossOfVariables {
 public:
  explicit LossOfVariables(const Formula& formula) : formula_(formula) {}
  LossOfVariables(const LossOfVariables&) = delete;
  LossOfVariables& operator=(const LossOfVariables&) = delete;

  void outputs(const Eigen::VectorXd& x, Eigen::VectorXd& z) { z = x; }
  void vector_jacobian(const Eigen::VectorXd&, const Eigen::VectorXd& v, Eigen::VectorXd& g) { g = v; }
  double loss(const Eigen::VectorXd& z, Eigen::VectorXd& u) {
    ++calls;
    return formula_.gradient(z, u);
  }
  int calls = 0;

 protected:
  Formula formula_;
};

/// The mean of such losses, all of whose terms are the same; of a batch the outputs of its terms, one after another.
class EqualLossesOfVariables : public LossOfVariables {
 public:
  using LossOfVariables::LossOfVariables;
  Eigen::Index size() { return 6; }
  void batch_outputs(const Eigen::VectorXd& x, std::span<const Eigen::Index> batch, Eigen::VectorXd& z) {
    z = x.replicate(static_cast<Eigen::Index>(batch.size()), 1);
  }
  void batch_vector_jacobian(const Eigen::VectorXd& x, std::span<const Eigen::Index> batch, const Eigen::VectorXd& v,
                             Eigen::VectorXd& g) {
    g.setZero();
    for (Eigen::Index k = 0; k < static_cast<Eigen::Index>(batch.size()); ++k) g += v.segment(k * x.size(), x.size());
  }
  double batch_loss(const Eigen::VectorXd& z, std::span<const Eigen::Index> batch, Eigen::VectorXd& u) {
    const auto terms = static_cast<Eigen::Index>(batch.size());
    const Eigen::Index n = z.size() / terms;
    double value = 0;
    gradient_.resize(n);
    for (Eigen::Index k = 0; k < terms; ++k) {
      point_ = z.segment(k * n, n);
      value += formula_.gradient(point_, gradient_) / static_cast<double>(terms);
      u.segment(k * n, n) = gradient_ / static_cast<double>(terms);
    }
    return value;
  }

 private:
  Eigen::VectorXd point_, gradient_;
};

/// A formula whose coefficients of the gradient depend on one variable each, as a sum of functions of <e_i, x>, three
/// for each variable.
class SparseTerms : public FirstOrder {
 public:
  explicit SparseTerms(const Formula& formula) : FirstOrder(formula), indices_{0}, values_{1} {}
  double value_and_gradient(const Eigen::VectorXd& x, Eigen::VectorXd& g) {
    point_.resize(x.size());
    gradient_.resize(x.size());
    return FirstOrder::value_and_gradient(x, g);
  }
  Eigen::Index size() { return point_.size() > 0 ? 3 * point_.size() : 1; }
  glissade::SparseRow row(Eigen::Index i) {
    if (point_.size() == 0) return {};
    indices_[0] = static_cast<int>(i % point_.size());
    return {indices_, values_};
  }
  double slope(Eigen::Index i, double z) {
    if (point_.size() == 0) return 0;
    point_.setConstant(z);
    formula_.gradient(point_, gradient_);
    return static_cast<double>(point_.size()) * gradient_[i % point_.size()];
  }
  [[nodiscard]] double regularization() const { return 0; }

 private:
  std::array<int, 1> indices_;
  std::array<double, 1> values_;
  Eigen::VectorXd point_, gradient_;
};

namespace formulas {

using Eigen::MatrixXd;
using Eigen::VectorXd;

/// sum log cosh(x_i - i) + (x_i - i)^2 / 20: smooth and strictly convex with minimum 0 at (0, 1, 2, ...).
inline const Formula smooth{[](const VectorXd& x, VectorXd& g) {
                              double value = 0;
                              for (Eigen::Index i = 0; i < x.size(); ++i) {
                                const double t = x[i] - static_cast<double>(i);
                                value +=
                                    std::abs(t) + std::log1p(std::exp(-2 * std::abs(t))) - std::log(2.0) + 0.05 * t * t;
                                g[i] = std::tanh(t) + 0.1 * t;
                              }
                              return value;
                            },
                            [](const VectorXd& x, MatrixXd& H) {
                              H.setZero();
                              for (Eigen::Index i = 0; i < x.size(); ++i)
                                H(i, i) = 1.1 - std::pow(std::tanh(x[i] - static_cast<double>(i)), 2);
                            }};

/// -sum x_i
inline const Formula linear{[](const VectorXd& x, VectorXd& g) {
                              g.setConstant(-1);
                              return -x.sum();
                            },
                            [](const VectorXd&, MatrixXd& H) { H.setZero(); }};

inline const Formula constant{[](const VectorXd&, VectorXd& g) {
                                g.setZero();
                                return 3.0;
                              },
                              [](const VectorXd&, MatrixXd& H) { H.setZero(); }};

}  // namespace formulas
