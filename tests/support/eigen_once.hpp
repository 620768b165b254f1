// Eigen's decompositions of dense matrices are compiled once for all tests (eigen_once.cpp): where each file makes its
// own, they are more than half of what a test of matrices takes to compile.
#pragma once

#include <Eigen/Dense>

extern template class Eigen::HouseholderQR<Eigen::MatrixXf>;
extern template class Eigen::HouseholderQR<Eigen::MatrixXd>;
extern template class Eigen::SelfAdjointEigenSolver<Eigen::MatrixXf>;
extern template class Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>;
extern template class Eigen::BDCSVD<Eigen::MatrixXf>;
extern template class Eigen::BDCSVD<Eigen::MatrixXd>;
extern template class Eigen::JacobiSVD<Eigen::MatrixXf>;
extern template class Eigen::JacobiSVD<Eigen::MatrixXd>;
extern template class Eigen::LLT<Eigen::MatrixXd>;
extern template class Eigen::LDLT<Eigen::MatrixXd>;
extern template class Eigen::PartialPivLU<Eigen::MatrixXd>;
extern template class Eigen::FullPivLU<Eigen::MatrixXd>;
