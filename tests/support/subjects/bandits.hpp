// The table of bandits: a new one adds one line and is held to every law of tests/laws/bandits.cpp.
#pragma once

#include <glissade/io/method_state.hpp>
#include <glissade/online/exp3.hpp>
#include <glissade/online/stabl.hpp>
#include <glissade/online/streaming_selection.hpp>
#include <glissade/online/tsallis_inf.hpp>

#include <cmath>
#include <functional>
#include <memory>
#include <vector>

/// Any bandit of whatever type, so that the laws are compiled once. It is told the losses of all arms and passes on
/// those that its bandit may know.
class AnyBandit {
 public:
  template <class L>
  explicit AnyBandit(L learner) : model_(std::make_unique<Model<L>>(std::move(learner))) {}
  AnyBandit(const AnyBandit& other) : model_(other.model_->copy()) {}
  AnyBandit(AnyBandit&&) = default;
  AnyBandit& operator=(const AnyBandit& other) {
    model_ = other.model_->copy();
    return *this;
  }
  AnyBandit& operator=(AnyBandit&&) = default;
  ~AnyBandit() = default;

  [[nodiscard]] glissade::Index play() const { return model_->play(); }
  void learn(const Eigen::VectorXd& losses) { model_->learn(losses); }
  void save(const std::filesystem::path& path) const { model_->save(path); }
  void load(const std::filesystem::path& path) { model_->load(path); }

 private:
  struct Base {
    virtual ~Base() = default;
    [[nodiscard]] virtual std::unique_ptr<Base> copy() const = 0;
    [[nodiscard]] virtual glissade::Index play() const = 0;
    virtual void learn(const Eigen::VectorXd& losses) = 0;
    virtual void save(const std::filesystem::path& path) const = 0;
    virtual void load(const std::filesystem::path& path) = 0;
  };
  template <class L>
  struct Model final : Base {
    explicit Model(L l) : learner(std::move(l)) {}
    [[nodiscard]] std::unique_ptr<Base> copy() const override { return std::make_unique<Model>(learner); }
    [[nodiscard]] glissade::Index play() const override { return learner.play(); }
    void learn(const Eigen::VectorXd& losses) override {
      if constexpr (requires { learner.query(); })
        learner.learn(losses[learner.play()], losses[learner.query()]);
      else
        learner.learn(losses[learner.play()]);
    }
    void save(const std::filesystem::path& path) const override { glissade::save(learner, path); }
    void load(const std::filesystem::path& path) override { glissade::load(learner, path); }
    L learner;
  };
  std::unique_ptr<Base> model_;
};

/// What the laws know of a bandit of four arms.
struct BanditSubject {
  const char* name;
  std::function<AnyBandit(std::uint64_t seed)> make;
  /// What its mean regret may be after all rounds of the laws; the proven bound, not a measured one.
  double bound;
  /// Whether it takes arms in order, without draws, so that its bound is one for losses around a mean of each arm.
  bool in_order = false;
};

namespace bandit_tables {

inline constexpr glissade::Index arms = 4;
inline constexpr std::int64_t rounds = 1000;

inline std::vector<BanditSubject> all_bandits() {
  using namespace glissade;
  const double logarithm = std::log(4.0), exp3 = std::sqrt(2 * 4 * 1000 * logarithm);
  return {
      {"Exp3", [](std::uint64_t seed) { return AnyBandit(Exp3({.horizon = rounds, .seed = seed}, arms)); }, exp3},
      {"Exp3, with exploration",
       [](std::uint64_t seed) { return AnyBandit(Exp3({.horizon = rounds, .exploration = 0.05, .seed = seed}, arms)); },
       exp3 + 50},
      {"Exp3, implicit",
       [](std::uint64_t seed) {
         return AnyBandit(Exp3({.horizon = rounds, .estimate = ArmEstimate::implicit, .seed = seed}, arms));
       },
       2 * exp3},
      {"Exp3, fixed share",
       [](std::uint64_t seed) { return AnyBandit(Exp3({.learning_rate = 0.05, .share = 0.005, .seed = seed}, arms)); },
       (logarithm - 999 * std::log(1 - 0.005 * 0.75)) / 0.05 + 0.05 * 4000 / 2},
      {"StreamingSelection", [](std::uint64_t) { return AnyBandit(StreamingSelection({.horizon = rounds}, arms)); },
       4 * 40 + 2 * 1000 * std::sqrt(std::log(8.0) / 80), true},
      {"TsallisInf", [](std::uint64_t seed) { return AnyBandit(TsallisInf({.seed = seed}, arms)); },
       4 * std::sqrt(4000.0) + 1},
      // Nine lengths, 513 starts at most, the longest interval of 1024 rounds with a rate of 1 / 36.
      {"Stabl", [](std::uint64_t seed) { return AnyBandit(Stabl({.horizon = rounds, .seed = seed}, arms)); },
       36 * std::log(513.0) + 4.0 * 4 * 1024 / 36 + 2 * std::sqrt(4096 * logarithm)},
  };
}

}  // namespace bandit_tables
