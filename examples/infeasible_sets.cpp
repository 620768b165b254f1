// Two conditions that exclude each other, told as such: a portfolio that should risk little and earn much. The method
// that would find a point of both finds how far apart they are, and the nearest points of either.
#include <glissade/fixed_point/douglas_rachford.hpp>
#include <glissade/glissade.hpp>
#include <glissade/sets.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

int main() {
  using namespace glissade;
  const Eigen::VectorXd yields{{0.02, 0.04, 0.05, 0.09}};  // of four assets, per year
  bool right = true;
  std::printf("%-8s  %-10s  %-6s  %-8s  %s\n", "wanted", "status", "steps", "gap", "yields the most of");
  for (const double wanted : {0.06, 0.085, 0.12}) {
    // Shares add up to 1, none above a half; and yields'x >= wanted.
    const CappedSimplex careful{.total = 1, .upper = 0.5};
    const Halfspace profitable{.normal = -yields, .offset = -wanted};
    DouglasRachford T{careful, profitable};

    const DetectInfeasibility<Picard> method{};
    Eigen::VectorXd x = Eigen::VectorXd::Constant(4, 0.25);
    auto state = initial_state(method, T, x);
    const Result result = resume_fixed_point(T, x, method, state, {.max_iterations = 100'000, .tolerance = 1e-10});
    T.solution(x);

    // The most that a careful portfolio yields: half of the best two. What lacks is the gap, along the yields.
    const double gap = std::max(0.0, (wanted - 0.07) / yields.norm());
    const bool infeasible = result.status == Status::infeasible;
    const double found = infeasible ? state.displacement.norm() : 0.0;
    right = right && infeasible == (gap > 0) && std::abs(found - gap) <= 1e-3 * gap;
    std::printf("%-8.3f  %-10s  %-6d  %-8.4f  %.4f by", wanted, infeasible ? "infeasible" : "found",
                static_cast<int>(result.iterations), found, yields.dot(x));
    for (const double share : x) std::printf(" %.2f", share);
    std::printf("\n");
    if (infeasible) std::printf("          %s\n", std::string(to_string(result.status)).c_str());
  }
  if (right) return 0;
  std::fputs("wrong: the gap should be what is lacking, divided by the length of the yields\n", stderr);
  return 1;
}
