// Evaluations of |x - o|_1 + 0.15 |S (x - o)|_1, seven values for each of N numbers, over 20 problems: alternating
// enumeration until it ends, and random local search (rounds of 60 points within 2 of the best) until the optimum.
#include <glissade/models.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cstdio>
#include <set>
#include <vector>

namespace {

using namespace glissade;
using Numbers = std::vector<std::int64_t>;

struct Distance {
  Numbers o;
  Eigen::MatrixXd S;

  double operator()(const Numbers& x) const {
    Eigen::VectorXd apart(S.cols());
    for (std::size_t i = 0; i < x.size(); ++i) apart[static_cast<Eigen::Index>(i)] = static_cast<double>(x[i] - o[i]);
    return apart.lpNorm<1>() + 0.15 * (S * apart).lpNorm<1>();
  }
};

Distance problem(std::int64_t n, RandomKey key) {
  Distance f{{}, Eigen::MatrixXd::NullaryExpr(n, n, [&](Eigen::Index i, Eigen::Index j) {
               return key.normal(static_cast<std::uint64_t>(i + n * j));
             })};
  for (std::int64_t i = 0; i < n; ++i)
    f.o.push_back(1 + static_cast<std::int64_t>(7 * key.derive(1).uniform(static_cast<std::uint64_t>(i))));
  return f;
}

/// Evaluations until the optimum; 0: not within `most`.
std::int64_t random_search(const Distance& f, RandomKey key, std::size_t most) {
  std::set<Numbers> known;
  std::uint64_t draw = 0;
  Numbers best(f.o.size());
  for (auto& x : best) x = 1 + static_cast<std::int64_t>(7 * key.uniform(draw++));
  known.insert(best);
  double least = f(best);
  for (int rounds = 0; known.size() < most && rounds < 10'000; ++rounds) {
    const Numbers center = best;
    for (int sample = 0; sample < 60; ++sample) {
      Numbers x = center;
      for (auto& at : x)
        at = std::clamp<std::int64_t>(at - 2 + static_cast<std::int64_t>(5 * key.uniform(draw++)), 1, 7);
      known.insert(x);
      const double value = f(x);
      if (value < least) {
        least = value;
        best = x;
      }
      if (x == f.o) return static_cast<std::int64_t>(known.size());
    }
  }
  return 0;
}

}  // namespace

int main() {
  std::printf("N   alternating: found  mean evaluations   random: found  mean evaluations of those\n");
  for (const std::int64_t n : {4, 6, 8}) {
    std::int64_t found = 0, evaluations = 0, random_found = 0, random_evaluations = 0;
    for (std::uint64_t k = 0; k < 20; ++k) {
      const RandomKey key = RandomKey{100}.derive(k);
      const Distance f = problem(n, key);
      const auto size = static_cast<std::size_t>(n);
      const auto search = alternating_enumeration(f, Numbers(size, 1), Numbers(size, 7), {.seed = k});
      found += search.x == f.o ? 1 : 0;
      evaluations += search.evaluations;
      const std::int64_t random = random_search(f, key.derive(2), 30'000);
      random_found += random > 0 ? 1 : 0;
      random_evaluations += random;
    }
    std::printf("%d   %11d of 20 %17.1f   %6d of 20 %17.0f\n", static_cast<int>(n), static_cast<int>(found),
                static_cast<double>(evaluations) / 20, static_cast<int>(random_found),
                static_cast<double>(random_evaluations) / static_cast<double>(std::max<std::int64_t>(random_found, 1)));
  }
  return 0;
}
