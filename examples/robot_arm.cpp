// A planar robot arm of four links with limited joints reaches for points: least squares with bounds. Where a point is
// out of reach the arm comes as near as its limits allow. Writes robot_arm.csv: the joints of every pose.
#include <glissade/least_squares.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numbers>

namespace {

using namespace glissade;
using Eigen::Vector2d;
using Eigen::Vector4d;

constexpr double degrees = std::numbers::pi / 180;
const Vector4d lengths{1.0, 0.8, 0.5, 0.3};

/// Where joint k is, for angles of each link against the one before.
Vector2d joint(const Vector4d& angles, Index k) {
  Vector2d at = Vector2d::Zero();
  double direction = 0;
  for (Index i = 0; i < k; ++i) {
    direction += angles[i];
    at += lengths[i] * Vector2d(std::cos(direction), std::sin(direction));
  }
  return at;
}

/// The way from the target to the hand, and a slight pull of all joints to the middle.
struct Reach {
  Vector2d target;
  static constexpr double pull = 1e-4;

  void residuals(const Vector4d& angles, Eigen::VectorXd& r) const {
    r.resize(6);
    r.head(2) = joint(angles, 4) - target;
    r.tail(4) = pull * angles;
  }
  void jacobian(const Vector4d& angles, Eigen::MatrixXd& J) const {
    J.setZero(6, 4);
    for (Index k = 0; k < 4; ++k) {
      const Vector2d arm = joint(angles, 4) - joint(angles, k);  // turns about joint k
      J(0, k) = -arm[1];
      J(1, k) = arm[0];
      J(2 + k, k) = pull;
    }
  }
};

}  // namespace

int main() {
  const Vector4d limit = Vector4d(170, 100, 100, 60) * degrees;
  std::ofstream csv("robot_arm.csv");
  csv << "target,joint,x,y\n";
  bool good = true;
  int number = 0;
  std::printf("%8s %8s  %10s  %s\n", "x", "y", "distance", "angles (* at a limit)");
  for (const Vector2d& target : {Vector2d{1.5, 1.0}, {0.2, 1.8}, {-1.2, 0.9}, {-0.3, -0.4}, {0.5, -0.1}, {2.0, 2.4}}) {
    // From a pose at its limits the arm may be stuck at a local minimum: each reach begins anew, bent towards its
    // target.
    const double side = target[1] < 0 ? -1 : 1;
    Vector4d angles = Vector4d(0.3, 0.3, 0.3, 0.3) * side;
    const auto reach = subject_to(Reach{target}, Box{.low = -limit, .high = limit});
    const Result r = minimize(reach, angles, LevenbergMarquardt{}, {.max_iterations = 200, .gradient_tolerance = 1e-9});
    const double distance = (joint(angles, 4) - target).norm();
    std::printf("%8.2f %8.2f  %10.6f ", target[0], target[1], distance);
    for (Index k = 0; k < 4; ++k)
      std::printf(" %7.1f%s", angles[k] / degrees, std::abs(angles[k]) == limit[k] ? "*" : " ");
    std::printf("\n");
    for (Index k = 0; k <= 4; ++k)
      csv << number << ',' << k << ',' << joint(angles, k)[0] << ',' << joint(angles, k)[1] << '\n';
    ++number;
    const double out_of_reach = std::max(0.0, target.norm() - lengths.sum());
    good = good && converged(r.status) && (angles.cwiseAbs().array() <= limit.array()).all() &&
           std::abs(distance - out_of_reach) < 1e-3;
  }
  csv.close();
  std::printf("\nwrote %s\n", std::filesystem::absolute("robot_arm.csv").c_str());
  if (good) return 0;
  std::fputs("wrong: a target within reach was not reached\n", stderr);
  return 1;
}
