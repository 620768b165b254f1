// A subject of the laws: a rule with what is expected of it, one line in a table.
#pragma once

#include "support/catch.hpp"
#include <glissade/glissade.hpp>
#include <glissade/testing/subject.hpp>

#include <functional>
#include <string>

namespace laws = glissade::laws;
using glissade::Textbook;

// Compiled once, in laws/laws.cpp. They fail with a sentence for every law that the subject breaks; the second is that
// of files, where the program has a reader of them.
void check_laws(const laws::Subject& subject);
void check_resume_law(const laws::Subject& subject);

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
template <class R, class... More>
Subject(std::string, R, int, More...) -> Subject<R>;

/// All laws. Those of codes are not for chains: an instantiation more of every rule in them, which have been through
/// it.
template <bool in_codes = true, class R>
void check_laws(const Subject<R>& s) {
  const auto subject = laws::subject_of<in_codes>(s.name, s.rule,
                                                  {.passes = s.passes,
                                                   .textbook = s.textbook,
                                                   .elementwise = s.elementwise,
                                                   .rests = s.rests,
                                                   .precision = s.precision});
  check_laws(subject);
  check_resume_law(subject);
}
