// What the code blocks of README and of head comments take for granted: the names that they use and do not declare.
#pragma once

#include <glissade/bilevel.hpp>
#include <glissade/composite.hpp>
#include <glissade/constrained.hpp>
#include <glissade/finite_sum.hpp>
#include <glissade/fixed_point.hpp>
#include <glissade/games.hpp>
#include <glissade/glissade.hpp>
#include <glissade/io/csv.hpp>
#include <glissade/io/history_csv.hpp>
#include <glissade/io/libsvm_sparse.hpp>
#include <glissade/io/method_state.hpp>
#include <glissade/io/safetensors.hpp>
#include <glissade/io/weights.hpp>
#include <glissade/layers.hpp>
#include <glissade/learned.hpp>
#include <glissade/least_squares.hpp>
#include <glissade/linalg.hpp>
#include <glissade/losses.hpp>
#include <glissade/make_optimizer.hpp>
#include <glissade/models.hpp>
#include <glissade/networks.hpp>
#include <glissade/online.hpp>
#include <glissade/oracle/autodiff.hpp>
#include <glissade/privacy.hpp>
#include <glissade/problems/linear_model.hpp>
#include <glissade/problems/more_garbow_hillstrom.hpp>
#include <glissade/problems/residuals_of.hpp>
#include <glissade/problems/sparse_linear_model.hpp>
#include <glissade/sets.hpp>
#include <glissade/testing/laws.hpp>
#include <glissade/weights.hpp>

#include <cstdio>
#include <iostream>
#include <string>
#include <tuple>
#include <vector>

namespace snippets {

using namespace glissade;

/// Residuals with their Jacobian.
struct Fit {
  void residuals(const Eigen::VectorXd& x, Eigen::VectorXd& r) const;
  void jacobian(const Eigen::VectorXd& x, Eigen::MatrixXd& J) const;
};

/// A function with constraints.
struct ConstrainedObjective {
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g) const;
  void constraints(const Eigen::VectorXd& x, Eigen::VectorXd& c) const;
  void jacobian(const Eigen::VectorXd& x, Eigen::MatrixXd& J) const;
  void lagrangian_hessian(const Eigen::VectorXd& x, const Eigen::VectorXd& multipliers, Eigen::MatrixXd& H) const;
};

/// A loss of outputs.
struct Simulated {
  void outputs(const Eigen::VectorXd& x, Eigen::VectorXd& z) const;
  void vector_jacobian(const Eigen::VectorXd& x, const Eigen::VectorXd& v, Eigen::VectorXd& g) const;
  double loss(const Eigen::VectorXd& z, Eigen::VectorXd& u) const;
};

/// A finite sum with all derivatives.
struct Objective {
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g) const;
  void hessian(const Eigen::VectorXd& x, Eigen::MatrixXd& H) const;
  void hessian_vector(const Eigen::VectorXd& x, const Eigen::VectorXd& v, Eigen::VectorXd& Hv) const;
  Index size() const;
  double batch_value(const Eigen::VectorXd& x, std::span<const Index> indices) const;
  void batch_gradient(const Eigen::VectorXd& x, std::span<const Index> indices, Eigen::VectorXd& g) const;
};

/// An element of a container of whatever type the block declares.
struct Element {
  template <class T>
  operator T&() const {
    throw 0;
  }
};

/// Blocks become member functions of structs that derive from this one, so that their own declarations win. Nothing is
/// ever run.
struct Given {
  std::int64_t t;                                           // steps
  Eigen::MatrixXf W, dW, estimate, W1, W2, W3, g1, g2, g3;  // parameters and gradients
  Eigen::VectorXf b, db, rb, Fb;
  Eigen::MatrixXf rW, FW;  // of remembered examples, importances
  LoraLayer<float> layer{Eigen::MatrixXf(), {.rank = 1}};
  Eigen::MatrixXf X, Y, dX, dY, A, B, dA, dB, dM, target;  // of layers
  Eigen::MatrixXf du, dv;
  Eigen::VectorXf s_d, s_b, ds_d, ds_b, ds, dbias, beta, dbeta;
  std::vector<std::tuple<Eigen::MatrixXf, Eigen::MatrixXf, Eigen::MatrixXf, Eigen::MatrixXf>> tasks;
  Eigen::MatrixXf Q, K, V, O, dO, dQ, dK, dV, W_query, W_key, W_value;
  Eigen::MatrixXf P, N;  // versions of a weight
  Adapter<float> adapter, other;
  Eigen::MatrixXd keys, values, other_keys;  // of edits
  Eigen::VectorXd h, output;
  std::int64_t label;
  Eigen::MatrixXd H;  // of a layer to prune
  PruningMask mask;
  Index outputs, inputs;

  Eigen::VectorXd x, z, comparator;
  ConstrainedObjective constrained;
  Eigen::VectorXd start, a, g, losses;  // of learners, with a label y
  double y;
  static double loss_of_layer(const Eigen::MatrixXf& weights, const Eigen::VectorXf& bias, Eigen::MatrixXf& d_weights,
                              Eigen::VectorXf& d_bias);
  static void F(const Eigen::VectorXd& at, Eigen::VectorXd& out);
  static void T(const Eigen::VectorXd& at, Eigen::VectorXd& image);
  struct System {
    [[nodiscard]] Index steps() const;
    void evaluate(Index begin, Index end, const Eigen::Ref<const Eigen::MatrixXd>& columns,
                  Eigen::Ref<Eigen::MatrixXd> out) const;
  } recurrence;
  Eigen::MatrixXd s, D;
  Eigen::MatrixXd starts;  // of the nodes of a network
  static double node_gradient(Index i, std::int64_t call, const Eigen::VectorXd& at, Eigen::VectorXd& gradient);
  std::vector<Eigen::MatrixXd> worker_gradients;
  static void term_gradient(Index term, const SharedVector& at, SparseEntries& out);
  static void block_operator(Index block, const Eigen::VectorXd& at, Eigen::VectorXd& image);
  Eigen::MatrixXd patterns, answers;  // of small models
  Eigen::MatrixXd features;           // of regressions
  Eigen::VectorXd targets;
  StepHook hook;  // of learned rules
  PolicyTrajectory trajectory;
  Eigen::MatrixXd costs;
  Eigen::VectorXd from, to;
  double L;
  StructuredMap scale, momentum;
  EnumeratedFunction loss_of_ranks;
  std::vector<MatrixEntry> entries;    // of a matrix
  Eigen::VectorXd spread, point;       // of a stream
  Eigen::MatrixXd rows, eigenvectors;  // of a projection
  Eigen::VectorXd eigenvalues;
  Fit fit;
  Simulated simulated;
  Objective f, objective;
  Lbfgs method;

  Optimizer<AdamW, float>& optimizer;
  AdamW rule;
  RuleState<float> memory;
  using MyRule = ScaleByAdam;
  std::vector<Element> clients;
  template <class Client>
  Eigen::VectorXd gradient(const Client& client) const {
    return client.x;
  }

  static Eigen::VectorXd gradient(const Eigen::VectorXd& at);

  std::vector<Index> words;
  Eigen::MatrixXf gradients;
  ReferenceClock clock;
  double validation_loss;
  RenyiAccountant spent;  // of private training
  std::uint64_t seed;
  Eigen::VectorXd sum;
  static Eigen::MatrixXd person_gradients(const Eigen::VectorXd& at);
  static Eigen::MatrixXd person_gradients(const Eigen::VectorXd& at, const std::vector<Index>& persons);
  bool fast;
  double loss(const Eigen::VectorXd& at) const;
  void log(const std::string& text) const;
};

}  // namespace snippets
