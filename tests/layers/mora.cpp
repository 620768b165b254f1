#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/core/random.hpp>
#include <glissade/layers/mora.hpp>

#include <Eigen/Dense>

using namespace glissade;
using Eigen::MatrixXd;

namespace {

MatrixXd normals(Eigen::Index rows, Eigen::Index cols, std::uint64_t stream) {
  return MatrixXd::NullaryExpr(rows, cols, [=](Eigen::Index i, Eigen::Index j) {
    return RandomKey{stream}.normal(static_cast<std::uint64_t>(i * cols + j));
  });
}
constexpr MoraMaps all_maps[] = {MoraMaps::sharing,           MoraMaps::contiguous, MoraMaps::contiguous_cyclic,
                                 MoraMaps::cyclic_contiguous, MoraMaps::truncation, MoraMaps::decoupling,
                                 MoraMaps::rotation};

Mora<double> random_mora(Eigen::Index outputs, Eigen::Index inputs, int rank, MoraMaps maps) {
  Mora<double> mora(outputs, inputs, {.rank = rank, .maps = maps});
  mora.M = normals(mora.size(), mora.size(), 1);
  return mora;
}

/// The maps as they are defined, for block t: what they sum up of n inputs, and where they put what M makes of it.
MatrixXd compression(MoraMaps maps, Eigen::Index q, Eigen::Index n, Eigen::Index t) {
  MatrixXd C = MatrixXd::Zero(q, n);
  const bool neighbours = maps == MoraMaps::contiguous || maps == MoraMaps::contiguous_cyclic;
  const bool blocks = maps == MoraMaps::decoupling || maps == MoraMaps::rotation;
  const Eigen::Index whole = (n + q - 1) / q * q;  // the first inputs count twice
  for (Eigen::Index i = 0; i < whole && !neighbours; ++i)
    if (blocks ? i / q == t : maps != MoraMaps::truncation || i < q) C(i % q, i % n) += 1;
  for (Eigen::Index z = 0, i = 0; z < q && neighbours; ++z)
    for (const Eigen::Index end = i + n / q + (z < n % q ? 1 : 0); i < end; ++i) C(z, i) = 1;
  if (maps != MoraMaps::rotation) return C;
  MatrixXd R = MatrixXd::Zero(q, q);
  for (Eigen::Index j = 0; j < q / 2; ++j) {
    const double angle =
        static_cast<double>(t) / std::pow(10000.0, 2.0 * static_cast<double>(j) / static_cast<double>(q));
    R(j, j) = R(j + q / 2, j + q / 2) = std::cos(angle);
    R(j + q / 2, j) = std::sin(angle);
    R(j, j + q / 2) = -std::sin(angle);
  }
  return R * C;
}
MatrixXd decompression(MoraMaps maps, Eigen::Index q, Eigen::Index m, Eigen::Index t, Eigen::Index blocks) {
  if (maps == MoraMaps::contiguous || maps == MoraMaps::cyclic_contiguous)
    return compression(MoraMaps::contiguous, q, m, 0).transpose();
  if (maps == MoraMaps::truncation) return compression(maps, q, m, 0).transpose();
  MatrixXd D = MatrixXd::Zero(m, q);
  for (Eigen::Index i = 0; i < m; ++i)
    if (i / q % blocks == t) D(i, i % q) = 1;
  return D;
}

}  // namespace

TEST_CASE("Mora: the correction is the sum over blocks of decompress M compress") {
  const std::pair<int, int> shapes[] = {{12, 12}, {13, 17}, {17, 12}, {10, 23}, {23, 10}};
  for (const auto& [m, n] : shapes)
    for (const MoraMaps maps : all_maps) {
      INFO(m << " x " << n << ", maps " << static_cast<int>(maps));
      const auto mora = random_mora(m, n, 2, maps);
      const Eigen::Index q = mora.size();
      const bool by_blocks = maps == MoraMaps::decoupling || maps == MoraMaps::rotation;
      const Eigen::Index blocks = by_blocks ? (n + q - 1) / q : 1;
      MatrixXd expected = MatrixXd::Zero(m, n);
      for (Eigen::Index t = 0; t < blocks; ++t)
        expected += decompression(maps, q, m, t, blocks) * mora.M * compression(maps, q, n, t);
      CHECK((mora.merged() - expected).cwiseAbs().maxCoeff() <= 1e-14);
    }
}

TEST_CASE("Mora: as many numbers as LoRA of that rank, or a few less") {
  CHECK(Mora<double>(4096, 4096, {.rank = 8}).size() == 256);
  CHECK(Mora<double>(48, 48, {.rank = 4}).size() == 19);
  CHECK(Mora<double>(48, 48, {.rank = 4, .maps = MoraMaps::rotation}).size() == 18);
  CHECK(Mora<double>(48, 48, {.rank = 4}).M.isZero(0));
}

TEST_CASE("Mora: merged, it does the same, and its rank is that of the square matrix or all of it") {
  const std::pair<int, int> shapes[] = {{48, 48}, {50, 30}, {30, 50}, {37, 101}, {101, 37}};
  for (const auto& [m, n] : shapes)
    for (const MoraMaps maps : all_maps) {
      const auto mora = random_mora(m, n, 3, maps);
      const MatrixXd X = normals(n, 4, 2);
      MatrixXd Y = MatrixXd::Zero(m, 4);
      mora.add_forward(X, Y);
      CHECK((mora.merged() * X - Y).cwiseAbs().maxCoeff() <= 1e-13 * Y.cwiseAbs().maxCoeff());
      const auto rank = Eigen::JacobiSVD<MatrixXd>(mora.merged()).rank();
      INFO(m << " x " << n << ", maps " << static_cast<int>(maps));
      if (maps == MoraMaps::rotation)
        CHECK(rank == std::min(m, n));
      else if (maps != MoraMaps::decoupling)
        CHECK(rank == mora.size());
    }
}

TEST_CASE("Mora: gradients are those of the merged matrix") {
  const std::pair<int, int> shapes[] = {{12, 17}, {17, 12}, {10, 10}};
  for (const auto& [m, n] : shapes)
    for (const MoraMaps maps : all_maps) {
      auto mora = random_mora(m, n, 2, maps);
      const MatrixXd X = normals(n, 5, 2);
      const MatrixXd dY = normals(m, 5, 3);
      MatrixXd dM(mora.size(), mora.size());
      MatrixXd dX = MatrixXd::Ones(n, 5);
      mora.backward(X, dY, dM, dX);
      CHECK((dX - MatrixXd::Ones(n, 5)).isApprox(mora.merged().transpose() * dY, 1e-12));
      // <dY, merged X> is linear in M.
      for (Eigen::Index i = 0; i < dM.size(); ++i) {
        mora.M.setZero();
        mora.M.data()[i] = 1;
        CHECK(dM.data()[i] == Approx((mora.merged() * X).cwiseProduct(dY).sum()).margin(1e-12));
      }
    }
}

TEST_CASE("Mora: sharing and contiguous are the same up to the order of numbers; without blocks it is M") {
  const auto one = random_mora(16, 16, 2, MoraMaps::sharing);  // q = 8 divides 16
  const auto two = random_mora(16, 16, 2, MoraMaps::contiguous);
  REQUIRE(one.size() == 8);
  const auto place = [](Eigen::Index i) { return i % 2 * 8 + i / 2; };  // of neighbours i among the cyclic ones
  const MatrixXd a = one.merged(), b = two.merged();
  for (Eigen::Index i = 0; i < 16; ++i)
    for (Eigen::Index j = 0; j < 16; ++j) CHECK(b(i, j) == a(place(i), place(j)));
  for (const MoraMaps maps : {MoraMaps::sharing, MoraMaps::contiguous, MoraMaps::contiguous_cyclic,
                              MoraMaps::cyclic_contiguous, MoraMaps::truncation}) {
    const auto whole = random_mora(8, 8, 4, maps);
    CHECK(whole.merged() == whole.M);
  }
}

TEST_CASE("Mora: what cannot be is refused with a sentence") {
  CHECK(message_of([] { Mora<double>(10, 12, {.rank = 8}); }) ==
        "Mora: rank = 8 makes a matrix of size 13 for a layer of 10 x 12, must be in [1, 10]");
  CHECK(message_of([] { Mora<double>(10, 12, {.rank = 0}); }).find("Mora: rank = 0") == 0);
  CHECK(message_of([] { Mora<double>(10, 12, {.rank = 1, .maps = MoraMaps{7}}); }) ==
        "Mora: maps = 7, must be in [0, 6]");
  const auto mora = random_mora(10, 12, 2, MoraMaps::sharing);
  MatrixXd Y = MatrixXd::Zero(10, 3);
  CHECK_THROWS_AS(mora.add_forward(MatrixXd::Ones(11, 3), Y), std::invalid_argument);
  CHECK_THROWS_AS(mora.add_forward(MatrixXd::Ones(12, 2), Y), std::invalid_argument);
}
