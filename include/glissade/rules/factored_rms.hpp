// Scaling by a second moment that is kept as its row and column means.
#pragma once

#include "../core/lanes/stretch.hpp"
#include "../rule/choose.hpp"
#include "../rule/moments.hpp"

namespace glissade {

namespace detail {

/// What the machine epsilon stands in for: an epsilon1 that was left at the paper's default.
template <class T>
double floor_of(double epsilon1) {
  return epsilon1 == 1e-30 ? static_cast<double>(std::numeric_limits<T>::epsilon()) : epsilon1;
}

/// The unfactored second moment of vectors.
struct UnfactoredRms {
  static constexpr std::string_view name = "UnfactoredRms";
  static constexpr bool turns = false;
  double epsilon1;
  double decay_exponent;
  bool clamped;

  static constexpr std::array<std::string_view, 1> slots{"second_moment"};
  static constexpr std::array<bool, 1> non_negative{true};

  [[nodiscard]] auto kernel(const Step& step) const {
    const double fresh = std::pow(static_cast<double>(step.count), -decay_exponent);
    return [fresh, epsilon1 = epsilon1, clamped = clamped](auto& u, const auto&, auto& v) {
      using L = std::remove_cvref_t<decltype(u)>;
      const double floor = floor_of<typename L::Scalar>(epsilon1);
      v = (1 - fresh) * v + fresh * (square(u) + (clamped ? 0 : epsilon1));
      u = over_root(u, sqrt(clamped ? max(v, L(floor * floor)) : v), 0);
    };
  }
};

/// The factored second moment of matrices.
struct FactoredRms {
  static constexpr std::string_view name = "FactoredRms";
  static constexpr bool turns = false;
  static constexpr int passes = 2;
  double epsilon1;
  double decay_exponent;
  bool clamped;

  void fields(const Tensor& tensor, auto&& add) const {
    add("row_mean_square", tensor.rows, Index{1});
    add("column_mean_square", tensor.cols, Index{1});
  }

  template <class T, class P>
  void update(const Step& step, const MatrixUpdate<T, P>& m) const {
    // In memory the matrix is `outer` stretches of `inner` coefficients; rows and columns are told
    // apart only by the storage order.
    const bool row_major = m.tensor.row_major;
    const Index inner = row_major ? m.tensor.cols : m.tensor.rows;
    const Index outer = row_major ? m.tensor.rows : m.tensor.cols;
    T* inner_mean = m.fields[row_major ? 1 : 0];
    T* outer_mean = m.fields[row_major ? 0 : 1];

    m.workspace.reserve(static_cast<std::size_t>(inner) * (sizeof(double) + sizeof(T)));
    auto* inner_sum = reinterpret_cast<double*>(m.workspace.data());
    auto* inner_factor = reinterpret_cast<T*>(inner_sum + inner);

    const double fresh = std::pow(static_cast<double>(step.count), -decay_exponent);
    const auto blend = [fresh](T& mean, double now) {
      const double blended = rounded((1 - fresh) * static_cast<double>(mean)) + rounded(fresh * now);
      constexpr double most = static_cast<double>((std::numeric_limits<T>::max)());
      mean = static_cast<T>(std::isfinite(blended) ? (std::min)(blended, most) : blended);
    };
    std::fill(inner_sum, inner_sum + inner, 0.0);
    for (Index o = 0; o < outer; ++o)
      blend(outer_mean[o], add_squares(m.in + o * inner, inner, inner_sum) / static_cast<double>(inner));
    for (Index i = 0; i < inner; ++i) blend(inner_mean[i], inner_sum[i] / static_cast<double>(outer));

    double row_mean = 0;
    for (Index i = 0; i < m.tensor.rows; ++i) row_mean += static_cast<double>(m.fields[0][i]);
    row_mean /= static_cast<double>(m.tensor.rows);

    if (clamped) {
      const double floor = floor_of<T>(epsilon1);
      const double mean = (std::max)(row_mean, floor);
      for (Index o = 0; o < outer; ++o) {
        const double scale = static_cast<double>(outer_mean[o]) / mean;
        transform_lanes<T>(
            inner, m.out + o * inner,
            [scale, floor](Lane<T> g, Lane<T> means) { return g / sqrt(max(scale * means, Lane<T>(floor * floor))); },
            m.in + o * inner, inner_mean);
      }
    } else {
      // A row or column whose squares have vanished rests.
      const auto inverse_root = [](double mean) { return mean == 0 ? 0 : 1 / std::sqrt(mean); };
      for (Index i = 0; i < inner; ++i)
        inner_factor[i] =
            static_cast<T>(inverse_root(inner_mean[i] == 0 ? 0 : static_cast<double>(inner_mean[i]) / row_mean));
      for (Index o = 0; o < outer; ++o) {
        const double factor = inverse_root(static_cast<double>(outer_mean[o]));
        transform_lanes<T>(
            inner, m.out + o * inner, [factor](Lane<T> g, Lane<T> factors) { return g * factors * factor; },
            m.in + o * inner, inner_factor);
      }
    }
  }

 private:
  /// Adds g^2 + epsilon1 to `sums` one by one and returns their total, summed in a fixed order.
  template <class T>
  double add_squares(const T* g, Index size, double* sums) const {
    const double added = clamped ? 0.0 : epsilon1;
    alignas(64) double total[stripe] = {};
    for (Index i = 0; i < size; i += stripe) {
      const Index count = (std::min)(stripe, size - i);
      alignas(64) double squares[stripe] = {};
      for (Index j = 0; j < count; ++j) squares[j] = static_cast<double>(g[i + j]);
      // On lanes, which are never contracted to fused instructions.
      using Wide = Lane<double>;
      for (Index j = 0; j < stripe; j += Wide::width) {
        const Wide value = Wide::load(squares + j);
        (value * value + Wide(added)).store(squares + j);
      }
      for (Index j = 0; j < count; ++j) {
        sums[i + j] += squares[j];
        total[j] += squares[j];
      }
    }
    return sum_stripe(total);
  }
};

}  // namespace detail

/// u <- u / sqrt(V) with V the running mean of u^2: of a matrix only its row and column means are kept,
/// V = R C^T / mean(R), which is the best rank-one approximation in generalized Kullback-Leibler
/// divergence and exact where u^2 has rank one; of a vector V itself.
///
/// State: row_mean_square R (rows) and column_mean_square C (columns), or second_moment V.
/// Source: "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", 2018, arXiv 1804.04235.
struct ScaleByFactoredRms {
  static constexpr std::string_view name = "ScaleByFactoredRms";
  using Alternatives = std::tuple<detail::FactoredRms, detail::UnfactoredRms>;
  double epsilon1 = 1e-30;      // > 0: added to u^2, or with `clamped` a floor
  double decay_exponent = 0.8;  // in (0, 1]: u^2 enters with weight t^(-decay_exponent)
  bool clamped = false;         // torch's form of epsilon1
  int min_dim_to_factor = 1;    // matrices with a smaller side keep V itself

  static void options(auto& self, auto&& visit) {
    visit("epsilon1", self.epsilon1, range::positive);
    visit("decay_exponent", self.decay_exponent, Range{0, 1, true, false});
    visit("clamped", self.clamped);
    visit("min_dim_to_factor", self.min_dim_to_factor, range::at_least_one);
  }
  void select(const Tensor& tensor, auto&& run) const {
    if (tensor.is_matrix() && (std::min)(tensor.rows, tensor.cols) >= min_dim_to_factor)
      run(detail::FactoredRms{epsilon1, decay_exponent, clamped});
    else
      run(detail::UnfactoredRms{epsilon1, decay_exponent, clamped});
  }
};

}  // namespace glissade
