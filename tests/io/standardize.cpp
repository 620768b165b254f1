// Columns of any size come to mean 0 and deviation 1, constant ones to 0.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/io/table.hpp>

using namespace glissade;

namespace {

using Features = decltype(TableData::features);

Eigen::VectorXd standardized(const Eigen::VectorXd& column) {
  Features features(column.size(), 2);
  features.col(0).setLinSpaced(-1, 2);
  features.col(1) = column;
  standardize(features);
  return features.col(1);
}

}  // namespace

TEST_CASE("standardize: constant columns become 0, whatever their value and length") {
  for (const double value : {0.0, 0.1, -0.3, 1e-5, 1.0 / 3, 1e16, 1e200, -1e308, 1e-200, 5e-324})
    for (const Eigen::Index rows : {1, 2, 3, 7, 10, 569, 1000}) {
      INFO(value << ", " << rows << " rows");
      CHECK(standardized(Eigen::VectorXd::Constant(rows, value)) == Eigen::VectorXd::Zero(rows));
    }
}

TEST_CASE("standardize: columns of any size and around any value") {
  const Eigen::VectorXd plain = Eigen::VectorXd(Eigen::Vector4d(1, 2, 3, 6));
  const Eigen::VectorXd expected = (plain.array() - 3) / std::sqrt(3.5);
  for (const double size : {1e-320, 1e-300, 1e-200, 1e-160, 1.0, -1.0, 1e154, 1e200, 2e307, -2e307}) {
    INFO(size);
    const double sign = size < 0 ? -1 : 1;
    const double rounding = std::abs(size) < 1e-310 ? 1e-3 : 1e-14;  // subnormal numbers have few digits
    CHECK((standardized(size * plain) - sign * expected).norm() <= rounding);
  }
  for (const double offset : {1.0, 1e8, -1e15}) {
    INFO(offset);
    CHECK((standardized(plain.array() + offset) - expected).norm() <= 1e-14);
  }
  // Neighbouring numbers, and the two ends of what there is.
  const double next = std::nextafter(1.0, 2.0);
  CHECK((standardized(Eigen::Vector3d(1, 1, next)) - Eigen::Vector3d(-1, -1, 2) / std::sqrt(2.0)).norm() <= 1e-14);
  const double most = std::numeric_limits<double>::max();
  CHECK(standardized(Eigen::Vector2d(-most, most)) == Eigen::Vector2d(-1, 1));
  CHECK(standardized(Eigen::Vector2d(0, 5e-324)) == Eigen::Vector2d(-1, 1));
}

TEST_CASE("standardize: no rows, and columns that are not finite") {
  Features empty(0, 3);
  standardize(empty);
  CHECK(empty.cols() == 3);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    Features features = Features::Constant(3, 2, 7);
    features(2, 1) = bad;
    CHECK(message_of([&] { standardize(features); }) == "standardize: column 1 is infinite or NaN");
    CHECK(features(0, 0) == 7);
  }
}
