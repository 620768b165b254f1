// Factorizations that have not run are copied with the states that hold them: what they then read is what the undefined
// behaviour sanitizer looks at.
#include "support/catch.hpp"
#include <glissade/linalg/absolute_solver.hpp>
#include <glissade/linalg/convex_inverse.hpp>
#include <glissade/linalg/modified_cholesky.hpp>

#include <Eigen/LU>

#include <array>
#include <cstddef>
#include <cstring>
#include <new>

using namespace glissade;

namespace {

/// A copy of an object that was made where no byte is zero works as the object does.
template <class Factors, class Matrix>
void check_copies(const Matrix& H) {
  using Vector = typename Factors::Vector;
  struct Room {
    alignas(Factors) std::array<std::byte, sizeof(Factors)> bytes;
  } room;
  std::memset(room.bytes.data(), 0xAB, room.bytes.size());
  auto* const first = new (room.bytes.data()) Factors;
  Factors copy = *first;
  Factors assigned;
  assigned = *first;
  first->~Factors();
  const Vector v = Vector::LinSpaced(H.rows(), 1, 2);
  const Vector expected = H.inverse() * v;
  for (Factors* factors : {&copy, &assigned}) {
    if constexpr (requires { factors->compute(H, 0.0); })
      REQUIRE(factors->compute(H, 1e-10));
    else
      REQUIRE(factors->compute(H));
    const Factors after = *factors;
    Vector solution = v;
    after.solve_in_place(solution);
    CHECK((solution - expected).norm() <= 1e-14 * expected.norm());
  }
}

}  // namespace

TEST_CASE("a factorization that has not run is copied and runs later") {
  const Eigen::Matrix2d fixed = (Eigen::Matrix2d() << 2, 1, 1, 3).finished();
  const Eigen::MatrixXd H = fixed;
  check_copies<ConvexInverse<Eigen::MatrixXd>>(H);
  check_copies<ConvexInverse<Eigen::Matrix2d>>(fixed);
  check_copies<AbsoluteSolver<Eigen::MatrixXd>>(H);
  check_copies<AbsoluteSolver<Eigen::Matrix2d>>(fixed);
  check_copies<ModifiedCholesky<Eigen::MatrixXd>>(H);
  check_copies<ModifiedCholesky<Eigen::Matrix2d>>(fixed);
}
