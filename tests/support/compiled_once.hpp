// Eigen's decompositions of dense matrices, and our functions on them, are compiled once for all tests
// (compiled_once.cpp): where each file makes its own, they are more than half of what a test of matrices takes to
// compile.
#pragma once

#include <glissade/linalg/absolute_solver.hpp>
#include <glissade/linalg/modified_cholesky.hpp>
#include <glissade/linalg/orthonormal.hpp>
#include <glissade/linalg/product.hpp>
#include <glissade/linalg/safe_cholesky.hpp>
#include <glissade/linalg/shifted_solver.hpp>
#include <glissade/linalg/thin_svd.hpp>

#include <Eigen/Dense>

extern template class Eigen::HouseholderQR<Eigen::MatrixXf>;
extern template class Eigen::HouseholderQR<Eigen::MatrixXd>;
extern template class Eigen::SelfAdjointEigenSolver<Eigen::MatrixXf>;
extern template class Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>;
extern template class Eigen::JacobiSVD<Eigen::MatrixXd>;
extern template class Eigen::LLT<Eigen::MatrixXd>;
extern template class Eigen::LDLT<Eigen::MatrixXd>;
extern template class Eigen::PartialPivLU<Eigen::MatrixXd>;

extern template class glissade::SafeCholesky<Eigen::MatrixXd>;
extern template class glissade::AbsoluteSolver<Eigen::MatrixXd>;
extern template class glissade::ModifiedCholesky<Eigen::MatrixXd>;
extern template class glissade::ShiftedSolver<Eigen::VectorXd>;

extern template Eigen::MatrixXf glissade::orthonormalized(const Eigen::MatrixXf&);
extern template Eigen::MatrixXf glissade::leading_subspace(const Eigen::MatrixXf&, Eigen::Index);
extern template Eigen::MatrixXf glissade::random_leading_subspace(const Eigen::MatrixXf&, Eigen::Index,
                                                                  glissade::RandomKey, const glissade::RangeFinder&);
extern template void glissade::detail::multiply_panels<false, false, float>(glissade::MatrixView<const float>,
                                                                            glissade::MatrixView<const float>,
                                                                            glissade::MatrixView<float>, double, bool);
extern template void glissade::detail::multiply_panels<false, true, float>(glissade::MatrixView<const float>,
                                                                           glissade::MatrixView<const float>,
                                                                           glissade::MatrixView<float>, double, bool);
extern template void glissade::detail::multiply_panels<true, false, float>(glissade::MatrixView<const float>,
                                                                           glissade::MatrixView<const float>,
                                                                           glissade::MatrixView<float>, double, bool);
extern template void glissade::detail::multiply_panels<true, true, float>(glissade::MatrixView<const float>,
                                                                          glissade::MatrixView<const float>,
                                                                          glissade::MatrixView<float>, double, bool);
extern template Eigen::MatrixXd glissade::orthonormalized(const Eigen::MatrixXd&);
extern template Eigen::MatrixXd glissade::leading_subspace(const Eigen::MatrixXd&, Eigen::Index);
extern template Eigen::MatrixXd glissade::random_leading_subspace(const Eigen::MatrixXd&, Eigen::Index,
                                                                  glissade::RandomKey, const glissade::RangeFinder&);
extern template glissade::ThinSvd<double> glissade::thin_svd(const Eigen::MatrixXd&);
extern template void glissade::detail::multiply_panels<false, false, double>(glissade::MatrixView<const double>,
                                                                             glissade::MatrixView<const double>,
                                                                             glissade::MatrixView<double>, double,
                                                                             bool);
extern template void glissade::detail::multiply_panels<false, true, double>(glissade::MatrixView<const double>,
                                                                            glissade::MatrixView<const double>,
                                                                            glissade::MatrixView<double>, double, bool);
extern template void glissade::detail::multiply_panels<true, false, double>(glissade::MatrixView<const double>,
                                                                            glissade::MatrixView<const double>,
                                                                            glissade::MatrixView<double>, double, bool);
extern template void glissade::detail::multiply_panels<true, true, double>(glissade::MatrixView<const double>,
                                                                           glissade::MatrixView<const double>,
                                                                           glissade::MatrixView<double>, double, bool);
