// A rule as its paper writes it, in plain Eigen.
#pragma once

#include <Eigen/Core>

#include <array>

namespace glissade {

/// What a textbook version works on: one tensor in double, step by step. It updates x from g.
struct Textbook {
  Eigen::ArrayXXd x;
  Eigen::ArrayXXd g;
  int t = 0;                           // the number of this step, from 1
  std::array<Eigen::ArrayXXd, 4> s{};  // memory, zero at the start, of the shape of x
  std::array<Eigen::ArrayXd, 2> v{};   // memory of other shapes, empty at the start
};

}  // namespace glissade
