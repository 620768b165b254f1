// For laws that run a rule without telling it anything: the rule, with arguments of its own.
#pragma once

#include <glissade/rule/rule.hpp>

/// A rule that is told the same loss and the same task in every step.
template <class R>
struct FixedArguments : R {
  static constexpr std::array<glissade::Argument, 0> arguments{};

  void check_told(const glissade::ToldNumbers&) const {}
  [[nodiscard]] auto measure(const glissade::Step& step) const requires glissade::Barrier<R> {
    return R::measure(told(step));
  }
  void finish(glissade::Totals all) const requires glissade::GlobalBarrier<R> {
    all.told_numbers = &numbers();
    R::finish(all);
  }
  template <class... Sums>
  [[nodiscard]] auto kernel(const glissade::Step& step, const Sums*... sums) const requires(!glissade::MatrixRule<R>) {
    return R::kernel(told(step), sums...);
  }
  template <class M>
  void update(const glissade::Step& step, const M& m) const requires glissade::MatrixRule<R> {
    R::update(told(step), m);
  }

 private:
  static const glissade::ToldNumbers& numbers() {
    static const glissade::ToldNumbers fixed = [] {
      glissade::ToldNumbers some;
      some.add("loss", 0.5);
      some.add("task", 1);
      return some;
    }();
    return fixed;
  }
  static glissade::Step told(glissade::Step step) {
    step.told_numbers = &numbers();
    return step;
  }
};
template <class R>
FixedArguments(R) -> FixedArguments<R>;
