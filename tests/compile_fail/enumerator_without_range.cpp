// expect: an enumerator is visited with its range
#include <glissade/rule/options.hpp>

enum class Kind { first, second };

struct Rule {
  Kind kind = Kind::first;
  static void options(auto& self, auto&& visit) { visit("kind", self.kind); }
};

int main() {
  const Rule rule;
  glissade::visit_options(rule, glissade::CheckOption{"Rule", 0});
}
