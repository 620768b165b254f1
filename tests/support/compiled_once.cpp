#include "support/compiled_once.hpp"

template class Eigen::HouseholderQR<Eigen::MatrixXf>;
template class Eigen::HouseholderQR<Eigen::MatrixXd>;
template class Eigen::SelfAdjointEigenSolver<Eigen::MatrixXf>;
template class Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>;
template class Eigen::JacobiSVD<Eigen::MatrixXd>;
template class Eigen::LLT<Eigen::MatrixXd>;
template class Eigen::LDLT<Eigen::MatrixXd>;
template class Eigen::PartialPivLU<Eigen::MatrixXd>;

template class glissade::SafeCholesky<Eigen::MatrixXd>;
template class glissade::AbsoluteSolver<Eigen::MatrixXd>;
template class glissade::ModifiedCholesky<Eigen::MatrixXd>;
template class glissade::ShiftedSolver<Eigen::VectorXd>;

template Eigen::MatrixXf glissade::orthonormalized(const Eigen::MatrixXf&);
template Eigen::MatrixXf glissade::leading_subspace(const Eigen::MatrixXf&, Eigen::Index);
template Eigen::MatrixXf glissade::random_leading_subspace(const Eigen::MatrixXf&, Eigen::Index, glissade::RandomKey,
                                                           const glissade::RangeFinder&);
template void glissade::detail::multiply_panels<false, false, float>(glissade::MatrixView<const float>,
                                                                     glissade::MatrixView<const float>,
                                                                     glissade::MatrixView<float>, double, bool);
template void glissade::detail::multiply_panels<false, true, float>(glissade::MatrixView<const float>,
                                                                    glissade::MatrixView<const float>,
                                                                    glissade::MatrixView<float>, double, bool);
template void glissade::detail::multiply_panels<true, false, float>(glissade::MatrixView<const float>,
                                                                    glissade::MatrixView<const float>,
                                                                    glissade::MatrixView<float>, double, bool);
template void glissade::detail::multiply_panels<true, true, float>(glissade::MatrixView<const float>,
                                                                   glissade::MatrixView<const float>,
                                                                   glissade::MatrixView<float>, double, bool);
template Eigen::MatrixXd glissade::orthonormalized(const Eigen::MatrixXd&);
template Eigen::MatrixXd glissade::leading_subspace(const Eigen::MatrixXd&, Eigen::Index);
template Eigen::MatrixXd glissade::random_leading_subspace(const Eigen::MatrixXd&, Eigen::Index, glissade::RandomKey,
                                                           const glissade::RangeFinder&);
template glissade::ThinSvd<double> glissade::thin_svd(const Eigen::MatrixXd&);
template void glissade::detail::multiply_panels<false, false, double>(glissade::MatrixView<const double>,
                                                                      glissade::MatrixView<const double>,
                                                                      glissade::MatrixView<double>, double, bool);
template void glissade::detail::multiply_panels<false, true, double>(glissade::MatrixView<const double>,
                                                                     glissade::MatrixView<const double>,
                                                                     glissade::MatrixView<double>, double, bool);
template void glissade::detail::multiply_panels<true, false, double>(glissade::MatrixView<const double>,
                                                                     glissade::MatrixView<const double>,
                                                                     glissade::MatrixView<double>, double, bool);
template void glissade::detail::multiply_panels<true, true, double>(glissade::MatrixView<const double>,
                                                                    glissade::MatrixView<const double>,
                                                                    glissade::MatrixView<double>, double, bool);
