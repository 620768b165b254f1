// LoRA layers whose correction starts as a part of the weight.
#pragma once

#include <Eigen/QR>

#include <utility>

#include "../linalg/frobenius.hpp"
#include "../linalg/thin_svd.hpp"
#include "lora.hpp"

namespace glissade {

namespace detail {

/// A layer of the weight without s B A, and with it as its correction.
template <class T>
LoraLayer<T> lora_without(const char* owner, typename LoraLayer<T>::Matrix weight, const LoraOptions& options,
                          const auto& factors) {
  if (options.start != LoraStart::kaiming)
    throw std::invalid_argument(std::string(owner) + ": start is set, must be left alone: the start is the weight's");
  LoraLayer<T> layer(weight, options);  // checks the options
  factors(weight, layer.scale(), layer.A, layer.B);
  weight.noalias() -= static_cast<T>(layer.scale()) * layer.B * layer.A;
  LoraLayer<T> rest(std::move(weight), options);
  rest.A.swap(layer.A);
  rest.B.swap(layer.B);
  return rest;
}

}  // namespace detail

/// PiSSA: the correction starts as the first r singular triplets of the weight, which are taken out of it; so the
/// directions that matter most are those that are trained, and the layer's output is what it was.
///
///     W = U S V',   B = U_r (S_r / s)^1/2,   A = (S_r / s)^1/2 V_r',   W <- W - s B A
///
///     LoraLayer<float> layer = pissa_layer<float>(W, {.rank = 8, .alpha = 16});
///
/// The decomposition is made in double. `options.seed` draws nothing.
/// Cost: a thin singular value decomposition (linalg/thin_svd.hpp).
/// Errors: std::invalid_argument as for a LoraLayer, for a `start` of the options and for a weight that is not finite.
/// Source: "PiSSA: Principal Singular Values and Singular Vectors Adaptation of Large Language Models", 2024, arXiv
/// 2404.02948.
template <class T>
[[nodiscard]] LoraLayer<T> pissa_layer(typename LoraLayer<T>::Matrix weight, const LoraOptions& options) {
  return detail::lora_without<T>("pissa_layer", std::move(weight), options,
                                 [](const auto& W, double scale, auto& A, auto& B) {
                                   const auto svd = thin_svd<double>(W.template cast<double>());
                                   const Eigen::Index r = A.rows();
                                   const Eigen::VectorXd root = (svd.sigma.head(r) / scale).cwiseSqrt();
                                   B = (svd.U.leftCols(r) * root.asDiagonal()).template cast<T>();
                                   A = (root.asDiagonal() * svd.V.leftCols(r).transpose()).template cast<T>();
                                 });
}

/// OLoRA: the same with the first r columns and rows of W = Q R. B has orthonormal columns.
///
///     B = Q_r,   A = R_r,   W <- W - s B A
///
/// Cost: a QR decomposition.
/// Errors: as for pissa_layer.
/// Source: "OLoRA: Orthonormal Low-Rank Adaptation of Large Language Models", 2024, arXiv 2406.01775.
template <class T>
[[nodiscard]] LoraLayer<T> olora_layer(typename LoraLayer<T>::Matrix weight, const LoraOptions& options) {
  return detail::lora_without<T>("olora_layer", std::move(weight), options,
                                 [](const auto& W, double, auto& A, auto& B) {
                                   using Matrix = typename LoraLayer<T>::Matrix;
                                   detail::require_finite("olora_layer", "the weight", W);
                                   const int exponent = exponent_of(W);  // squares neither overflow nor vanish
                                   const Eigen::HouseholderQR<Matrix> qr(times_power_of_two(W, -exponent));
                                   const Eigen::Index r = A.rows();
                                   B = qr.householderQ() * Matrix::Identity(W.rows(), r);
                                   A = qr.matrixQR().topRows(r).template triangularView<Eigen::Upper>();
                                   A = times_power_of_two(A, exponent).eval();
                                 });
}

}  // namespace glissade
