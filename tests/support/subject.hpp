// A subject of the laws: a rule with what is expected of it.
#pragma once

#include <glissade/glissade.hpp>

#include <array>
#include <functional>
#include <string>

/// What a textbook version works on: one tensor in double, step by step. It updates x from g.
struct Textbook {
  Eigen::ArrayXXd x;
  Eigen::ArrayXXd g;
  int t = 0;                           // the number of this step, from 1
  std::array<Eigen::ArrayXXd, 4> s{};  // memory, zero at the start, of the shape of x
  std::array<Eigen::ArrayXd, 2> v{};   // memory of other shapes, empty at the start
};

template <class R>
struct Subject {
  std::string name;
  R rule;                                        // with rates that suit the convergence law
  int passes;                                    // over memory
  std::function<void(Textbook&)> textbook = {};  // about 20 lines, or none
  bool elementwise = true;                       // every coefficient lives on its own
  bool rests = true;                             // zero gradients leave parameters alone
  double precision = 1e-12;                      // of the textbook law, relative
};
template <class R>
Subject(std::string, R, int) -> Subject<R>;
template <class R>
Subject(std::string, R, int, std::function<void(Textbook&)>) -> Subject<R>;
template <class R, class F>
Subject(std::string, R, int, F) -> Subject<R>;
template <class R, class F>
Subject(std::string, R, int, F, bool) -> Subject<R>;
template <class R, class F>
Subject(std::string, R, int, F, bool, bool) -> Subject<R>;
template <class R, class F>
Subject(std::string, R, int, F, bool, bool, double) -> Subject<R>;
