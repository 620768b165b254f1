// GRACE: a codebook in front of a layer that mends its answers and touches no weight.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../core/checks.hpp"

namespace glissade {

/// Options of Grace.
struct GraceOptions {
  static constexpr std::string_view name = "Grace";
  double radius = 1;             // > 0: of a new key, in distances of what goes into the layer
  double gap = 1e-5;             // >= 0: between the radii of two keys that have been separated
  std::int64_t max_keys = 1000;  // in [1, 2^31): their memory is taken at once
};

/// What an edit did: a key of its own, a key that now reaches further, one that reached far enough, two keys whose
/// radii were separated, a key that has got another label, or nothing for want of room.
enum class GraceAction { added, expanded, covered, separated, relabelled, full };

/// What Grace::edit has done, and to which key. Of `full` the key is -1.
struct GraceEdit {
  GraceAction action = GraceAction::added;
  Eigen::Index key = -1;
};

/// Mends the answers of a layer of a model in use, one after another: around what went into it when it was wrong, other
/// answers stand in for its own. All else goes through the layer, every bit as before, and an edit can be taken back.
///
///     i = the nearest key to h, D = |h - key_i|
///     none, or D > radius + r_i:    a new key h with the value and r = radius
///     the same label:               r_i <- max(r_i, D)
///     another label:                a new key h with the value and r = D / 2;   r_i <- D / 2 - gap
///     apply:  y <- value_i  where D <= r_i, else y is left alone
///
///     Grace patches({.radius = 1.5}, inputs, outputs);
///     patches.edit(h, label, output, [&](Eigen::VectorXd& value) {
///       Optimizer optimizer{Adam{.learning_rate = 0.1}, value};       // of whatever loss follows
///       for (int t = 0; t < 100; ++t) optimizer.step(gradient(value));
///     });
///     patches.apply(X, Y);   // Y, what the layer made of X
///
/// Labels say which edits want the same: two keys of different labels never reach each other after they have been
/// separated. The radius is what there is to choose: too small, and every wording of one thing has a key of its own;
/// too large, and answers are given that nobody asked for.
///
/// State, in files (save and load of io/method_state.hpp, into one of the same sizes): keys, inputs x max_keys, values,
/// outputs x max_keys, radii, labels, size.
/// Cost: 3 inputs size flops for each sample.
/// Errors: std::invalid_argument, before anything is changed, for options out of range, sizes that do not fit, numbers
/// that are not finite, a value that is not finite after training, keys that there are not. Where `train` throws
/// nothing has changed. What goes into apply may be anything: NaN is near to no key.
/// Source: "Aging with GRACE: Lifelong Model Editing with Discrete Key-Value Adaptors", 2022, arXiv 2211.11031, and the
/// authors' code. Deviations: an edit at the place of a key gives it the new label and the radius 0, where the formulas
/// would leave two keys in one place; no radius becomes negative.
class Grace {
 public:
  static constexpr std::string_view name = GraceOptions::name;
  using Index = Eigen::Index;
  using MatrixXd = Eigen::MatrixXd;
  using VectorXd = Eigen::VectorXd;
  using Input = Eigen::Ref<const VectorXd>;

  Grace(const GraceOptions& options, Index inputs, Index outputs) : options_(options) {
    require(name, "radius", options.radius, range::positive);
    require(name, "gap", options.gap, range::non_negative);
    require(name, "max_keys", static_cast<double>(options.max_keys), Range{1, 2147483647});
    require(name, "inputs", static_cast<double>(inputs), range::at_least_one);
    require(name, "outputs", static_cast<double>(outputs), range::at_least_one);
    keys_.setZero(inputs, options.max_keys);
    values_.setZero(outputs, options.max_keys);
    radii_.setZero(options.max_keys);
    labels_.assign(static_cast<std::size_t>(options.max_keys), 0);
  }

  [[nodiscard]] Index size() const { return static_cast<Index>(size_); }
  [[nodiscard]] VectorXd key(Index k) const { return keys_.col(checked(k)); }
  [[nodiscard]] VectorXd value(Index k) const { return values_.col(checked(k)); }
  [[nodiscard]] double radius(Index k) const { return radii_[checked(k)]; }
  [[nodiscard]] std::int64_t label(Index k) const { return labels_[static_cast<std::size_t>(checked(k))]; }

  /// The key that answers for h, or -1.
  [[nodiscard]] Index find(const Input& h) const {
    require_shape(name, "h", h, keys_.rows(), 1);
    const auto [k, distance] = nearest(h);
    return k >= 0 && distance <= radii_[k] ? k : -1;
  }

  /// At h the answer should be `value`. Where a key of this label is near, its own value stays.
  GraceEdit edit(const Input& h, std::int64_t label, const Input& value) {
    check(h, value);
    return write(plan(h, label), h, label, value, false);
  }
  /// The same with a value that is yet to be found: train(Eigen::VectorXd& value) begins with `output`, what the layer
  /// answers, or with what is there where a key of this label is near.
  template <class Train>
  GraceEdit edit(const Input& h, std::int64_t label, const Input& output, const Train& train) {
    check(h, output);
    const Plan next = plan(h, label);
    if (next.done.action == GraceAction::full) return next.done;
    const bool kept = next.done.action == GraceAction::expanded || next.done.action == GraceAction::covered;
    VectorXd value = kept ? VectorXd(values_.col(next.done.key)) : VectorXd(output);
    train(value);
    check(h, value);
    return write(next, h, label, value, true);
  }

  /// Forgets a key. Those behind it move up.
  void remove(Index k) {
    checked(k);
    for (Index j = k; j + 1 < size(); ++j) {
      keys_.col(j) = keys_.col(j + 1);
      values_.col(j) = values_.col(j + 1);
      radii_[j] = radii_[j + 1];
      labels_[static_cast<std::size_t>(j)] = labels_[static_cast<std::size_t>(j) + 1];
    }
    --size_;
    keys_.col(size_).setZero();
    values_.col(size_).setZero();
    radii_[size_] = 0;
    labels_[static_cast<std::size_t>(size_)] = 0;
  }

  /// X inputs x b is what went into the layer, Y outputs x b what came out. Returns how many columns of Y were
  /// replaced.
  template <class In, class Out>
  Index apply(const Eigen::DenseBase<In>& X, Eigen::DenseBase<Out>& Y) const {
    require_shape("Grace::apply", "X", X, keys_.rows(), X.cols());
    require_shape("Grace::apply", "Y", Y, values_.rows(), X.cols());
    Index answered = 0;
    VectorXd h(X.rows());
    for (Index j = 0; j < X.cols(); ++j) {
      for (Index i = 0; i < X.rows(); ++i) h[i] = static_cast<double>(X.derived().coeff(i, j));
      const Index k = find(h);
      if (k < 0) continue;
      ++answered;
      for (Index i = 0; i < Y.rows(); ++i)
        Y.derived().coeffRef(i, j) = static_cast<typename Out::Scalar>(values_(i, k));
    }
    return answered;
  }

  static void visit(auto& self, auto&& field) {
    field("keys", self.keys_);
    field("values", self.values_);
    field("radii", self.radii_);
    field("labels", self.labels_, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
    field("size", self.size_, 0, std::int64_t{self.keys_.cols()});
  }

 private:
  struct Nearest {
    Index key = -1;
    double distance = std::numeric_limits<double>::infinity();
  };
  struct Plan {
    GraceEdit done;
    Nearest nearest;
  };

  Index checked(Index k) const {
    if (k < 0 || k >= size())
      throw std::invalid_argument("Grace: key " + std::to_string(k) + ", must be in [0, " + std::to_string(size_) +
                                  ")");
    return k;
  }
  void check(const Input& h, const Input& value) const {
    require_shape(name, "h", h, keys_.rows(), 1);
    require_shape(name, "value", value, values_.rows(), 1);
    if (!h.allFinite() || !value.allFinite())
      throw std::invalid_argument("Grace: a key or a value that is infinite or NaN");
  }
  /// Of equally near ones the first.
  [[nodiscard]] Nearest nearest(const Input& h) const {
    Nearest best;
    for (Index k = 0; k < size(); ++k)
      if (const double distance = (keys_.col(k) - h).norm(); distance < best.distance) best = {k, distance};
    return best;
  }

  [[nodiscard]] Plan plan(const Input& h, std::int64_t wanted) const {
    const Nearest near = nearest(h);
    const GraceEdit fresh{GraceAction::added, size()};
    const GraceEdit none{GraceAction::full, -1};
    const bool room = size_ < options_.max_keys;
    if (near.key < 0 || near.distance > options_.radius + radii_[near.key]) return {room ? fresh : none, near};
    if (label(near.key) == wanted)
      return {{near.distance > radii_[near.key] ? GraceAction::expanded : GraceAction::covered, near.key}, near};
    if (near.distance == 0) return {{GraceAction::relabelled, near.key}, near};
    return {room ? GraceEdit{GraceAction::separated, size()} : none, near};
  }

  GraceEdit write(const Plan& plan, const Input& h, std::int64_t wanted, const Input& value, bool trained) {
    const auto [action, k] = plan.done;
    const double distance = plan.nearest.distance;
    if (action == GraceAction::full || (action == GraceAction::covered && !trained)) return plan.done;
    if (action == GraceAction::expanded || action == GraceAction::covered) {
      radii_[k] = std::max(radii_[k], distance);
      if (trained) values_.col(k) = value;
      return plan.done;
    }
    if (action == GraceAction::separated) radii_[plan.nearest.key] = std::max(distance / 2 - options_.gap, 0.0);
    if (k == size()) ++size_;
    keys_.col(k) = h;
    values_.col(k) = value;
    labels_[static_cast<std::size_t>(k)] = wanted;
    radii_[k] = action == GraceAction::added ? options_.radius : action == GraceAction::separated ? distance / 2 : 0;
    return plan.done;
  }

  GraceOptions options_;
  MatrixXd keys_, values_;
  VectorXd radii_;
  std::vector<std::int64_t> labels_;
  std::int64_t size_ = 0;
};

}  // namespace glissade
