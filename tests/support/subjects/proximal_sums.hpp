// The bound of the regret of FtrlProximal, which depends on its plays: they are played again, each once.
#pragma once

#include <glissade/online/ftrl_proximal.hpp>

#include <memory>
#include <optional>

class ProximalSums {
 public:
  explicit ProximalSums(const glissade::FtrlProximalOptions& options, Eigen::Index size)
      : options_(options), size_(size) {}

  /// sum_i [ (beta / alpha + l2) u_i^2 / 2 + l1 |u_i| + sum_t sigma_ti (u_i - x_ti)^2 / 2
  ///         + sum_t g_ti^2 / ((beta + sqrt n_ti) / alpha + l2) / 2 ]
  double bound(const Eigen::VectorXd& u, std::size_t rounds, const auto& gradient_of) {
    if (rounds < done_) done_ = 0;
    if (done_ == 0) {
      again_.emplace(options_, size_);
      root_ = sigma_ = sigma_x_ = Eigen::ArrayXd::Zero(size_);
      rest_ = 0;
    }
    for (; done_ < rounds; ++done_) {
      const Eigen::ArrayXd g = gradient_of(done_), x = again_->play().array();
      const Eigen::ArrayXd next = (root_.square() + g.square()).sqrt(), sigma = (next - root_) / options_.learning_rate;
      sigma_ += sigma;
      sigma_x_ += sigma * x;
      rest_ +=
          (sigma * x.square() + g.square() / ((options_.beta + next) / options_.learning_rate + options_.l2)).sum();
      root_ = next;
      again_->learn(g.matrix());
    }
    const auto& v = u.array();
    const double fixed = options_.beta / options_.learning_rate + options_.l2;
    return (rest_ + ((fixed + sigma_) * v.square() - 2 * v * sigma_x_).sum()) / 2 + options_.l1 * v.abs().sum();
  }

 private:
  glissade::FtrlProximalOptions options_;
  Eigen::Index size_;
  std::optional<glissade::FtrlProximal> again_;
  std::size_t done_ = 0;
  Eigen::ArrayXd root_, sigma_, sigma_x_;
  double rest_ = 0;
};
