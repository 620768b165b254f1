// Strategies of games in extensive form, and the mirror map on them.
#pragma once

#include "entropy.hpp"

namespace glissade {

/// Where one player chooses: the actions are the sequences first, first + 1, ..., first + count - 1, each the parent's
/// sequence and one action more.
struct InformationSet {
  Index parent = -1;  // the sequence that leads here; -1: the empty one
  Index first = 0;
  Index count = 0;
};

/// One player's information sets, parents before children; their sequences follow each other. A strategy in sequence
/// form is a vector x >= 0 with
///
///     sum of x over the sequences of an information set = x of its parent,   1 for the empty sequence
///
/// Options: information_sets; with_empty (false): whether x begins with a coefficient for the empty sequence, which
/// then is sequence 0 and, with -1, the parent of those at the root.
struct Treeplex {
  static constexpr std::string_view name = "Treeplex";

  std::vector<InformationSet> information_sets;
  bool with_empty = false;

  static void options(auto& self, auto&& visit) {
    visit("information_sets", self.information_sets);
    visit("with_empty", self.with_empty);
  }
  /// Throws std::invalid_argument where the tree is none.
  void check() const {
    Index next = with_empty ? 1 : 0;
    for (std::size_t j = 0; j < information_sets.size(); ++j) {
      const InformationSet& set = information_sets[j];
      const auto refuse = [j](const char* what, Index value, const std::string& bound) {
        reject(name, "information_sets[" + std::to_string(j) + "]." + what, static_cast<double>(value), bound);
      };
      if (set.first != next) refuse("first", set.first, std::to_string(next));
      if (set.count < 1) refuse("count", set.count, ">= 1");
      if (set.parent < -1 || set.parent >= set.first)
        refuse("parent", set.parent, "in [-1, " + std::to_string(set.first) + ")");
      next = set.first + set.count;
    }
  }
  /// How many coefficients a strategy has.
  [[nodiscard]] Index size() const {
    return information_sets.empty() ? Index{with_empty} : information_sets.back().first + information_sets.back().count;
  }
  /// The strategy of choosing with the same probability everywhere.
  [[nodiscard]] Eigen::VectorXd uniform() const {
    check();
    Eigen::VectorXd x = Eigen::VectorXd::Ones(size());
    for (const InformationSet& set : information_sets)
      for (Index k = 0; k < set.count; ++k)
        x[set.first + k] = (set.parent < 0 ? 1.0 : x[set.parent]) / static_cast<double>(set.count);
    return x;
  }
};

/// psi(x) = sum over information sets j and their actions of x_ja log(x_ja / x_p(j)) on a treeplex, p(j) the parent.
///
///     gradient: y_s = log(x_s / x_p) + 1 - (number of information sets whose parent is s)
///     mirror, from the leaves:  l_j = log sum exp y_j,  log pi_j = y_j - l_j,  y_p(j) <- y_p(j) + l_j
///             from the root:    x_j = x_p(j) pi_j,  y_s = log pi_s + 1 - (number of children)
///     divergence: sum x_p(j) KL(pi_j || rho_j), pi and rho the choices of x and w
///
/// What mirror leaves in y is exact however small x is. The empty sequence, where x has it, is 1.
/// Options: tree.
/// Cost: O(size). Errors: an x of another size; gradient throws for an x that is not positive. With NaN or infinity in
/// y, what lies above and below it becomes NaN.
/// Source: the updates of "A Unified Approach to Reinforcement Learning, Quantal Response Equilibria, and Two-Player
/// Zero-Sum Games", arXiv 2206.05825, in sequence form.
struct DilatedEntropy {
  static constexpr std::string_view name = "DilatedEntropy";

  Treeplex tree;

  static void options(auto& self, auto&& visit) { visit("tree", self.tree); }
  void check() const { tree.check(); }

  template <class V>
  [[nodiscard]] double value(const V& x) const {
    check();
    return read_values(x, [&](ConstCoefficients v) {
      require_size(v.size());
      double sum = 0;
      for (const InformationSet& set : tree.information_sets)
        for (const double a : sequences(set, v)) sum += a == 0 ? 0 : a * std::log(a / parent(set, v));
      return sum;
    });
  }
  template <class V, class W>
  [[nodiscard]] double divergence(const V& x, const W& w) const {
    check();
    return detail::read_pair(name, x, w, [&](ConstCoefficients a, ConstCoefficients b) {
      require_size(a.size());
      double sum = 0;
      for (const InformationSet& set : tree.information_sets) {
        const double reach = parent(set, a);
        if (reach == 0) continue;
        for (std::size_t k = 0; k < static_cast<std::size_t>(set.count); ++k)
          sum += reach * detail::entropy_gap(sequences(set, a)[k] / reach, sequences(set, b)[k] / parent(set, b));
      }
      return sum;
    });
  }
  template <class V, class W>
  void gradient(const V& x, W&& y) const {
    check();
    detail::map_values(name, x, y, [&](ConstCoefficients a, Coefficients b) {
      require_size(a.size());
      for (std::size_t i = 0; i < a.size(); ++i) detail::require_coefficient(name, "x", i, a[i], range::positive);
      std::fill(b.begin(), b.end(), 0.0);
      for (const InformationSet& set : tree.information_sets)
        for (std::size_t k = 0; k < static_cast<std::size_t>(set.count); ++k)
          sequences(set, b)[k] = std::log(sequences(set, a)[k] / parent(set, a));
      add_constants(b);
    });
  }
  template <class V, class W>
  void mirror(V&& y, W&& x) const {
    check();
    detail::mirror_values(name, y, x, [&](Coefficients a, Coefficients b) {
      require_size(a.size());
      const auto& sets = tree.information_sets;
      if (tree.with_empty) a[0] = 0;
      for (std::size_t j = sets.size(); j-- > 0;) {
        const double sum = NegativeEntropy::normalize(sequences(sets[j], a));
        if (sets[j].parent >= (tree.with_empty ? 1 : 0)) a[static_cast<std::size_t>(sets[j].parent)] += sum;
      }
      if (tree.with_empty) b[0] = 1;
      for (const InformationSet& set : sets)
        for (std::size_t k = 0; k < static_cast<std::size_t>(set.count); ++k)
          sequences(set, b)[k] = parent(set, b) * std::exp(sequences(set, a)[k]);
      add_constants(a);
    });
  }

 private:
  void require_size(std::size_t n) const {
    if (static_cast<Index>(n) != tree.size())
      throw std::invalid_argument("DilatedEntropy: x has " + std::to_string(n) + " coefficients, must have " +
                                  std::to_string(tree.size()));
  }
  template <class Span>
  [[nodiscard]] static Span sequences(const InformationSet& set, Span x) {
    return x.subspan(static_cast<std::size_t>(set.first), static_cast<std::size_t>(set.count));
  }
  [[nodiscard]] static double parent(const InformationSet& set, ConstCoefficients x) {
    return set.parent < 0 ? 1.0 : x[static_cast<std::size_t>(set.parent)];
  }
  /// From log pi to the gradient.
  void add_constants(Coefficients y) const {
    for (const InformationSet& set : tree.information_sets) {
      for (double& a : sequences(set, y)) a += 1;
      if (set.parent >= 0) y[static_cast<std::size_t>(set.parent)] -= 1;
    }
  }
};

}  // namespace glissade
