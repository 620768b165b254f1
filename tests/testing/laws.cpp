// The laws find what is wrong with rules that are broken on purpose, one law after the other.
#include "support/catch.hpp"
#include <glissade/glissade.hpp>
#include <glissade/testing/laws.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

using namespace glissade;

namespace {

enum class Flaw {
  none,
  uphill,
  still,
  drifts,
  by_position,
  one_sided,
  unchecked,
  hidden_state,
  counts_calls,
  coarse_in_float,
  by_storage_order
};

/// x <- x - 0.1 m, m <- 0.5 m + u, or not quite.
struct Flawed {
  static constexpr std::string_view name = "Flawed";
  Flaw flaw = Flaw::none;
  double momentum = 0.5;
  std::shared_ptr<int> made = std::make_shared<int>(0);

  static constexpr std::array<std::string_view, 1> slots{"average"};
  static constexpr bool indexed = true;
  static void options(auto& self, auto&& visit) {
    const bool lax = self.flaw == Flaw::unchecked && std::is_const_v<std::remove_reference_t<decltype(self)>>;
    visit("momentum", self.momentum, lax ? range::finite : range::decay);
  }
  [[nodiscard]] auto kernel(const Step& step) const {
    const int call = ++*made;
    double rate = flaw == Flaw::uphill ? 0.1 : flaw == Flaw::still ? 0 : -0.1;
    if (flaw == Flaw::hidden_state) rate /= 1 + 1e-3 * call;
    if (flaw == Flaw::counts_calls) rate /= static_cast<double>(1 + step.time);
    if (flaw == Flaw::by_storage_order && step.tensor.row_major) rate /= 2;
    return [rate, flaw = flaw, momentum = momentum](Index first, auto& u, const auto& x, auto& m) {
      using T = typename std::remove_cvref_t<decltype(u)>::Scalar;
      m = momentum * m + u;
      u = rate * m;
      if (flaw == Flaw::drifts) u = u + 1e-3;
      if (flaw == Flaw::by_position) u *= first == 0 ? 1.0 : 0.5;
      if (flaw == Flaw::one_sided) u = max(u, u * 0.5);
      if (flaw == Flaw::coarse_in_float && sizeof(T) == 4) u = u + 0.01 * x;
    };
  }
};

/// The laws in which something was found, each once.
std::vector<std::string> broken(const auto& rule, RuleExpectations expected = {}) {
  std::vector<std::string> all;
  for (const Finding& finding : check_rule(rule, std::move(expected)))
    if (all.empty() || all.back() != finding.law) all.push_back(finding.law);
  return all;
}
bool holds(const std::vector<std::string>& laws, const std::string& law) {
  return std::find(laws.begin(), laws.end(), law) == laws.end();
}

/// Members that would be ignored.
struct Misspelt {
  static constexpr std::string_view name = "Misspelt";
  double momentum = 0.5;
  static constexpr std::array<std::string_view, 1> slots{"average"};
  static void option(auto& self, auto&& visit) { visit("momentum", self.momentum, range::decay); }
  [[nodiscard]] double initial() const { return 1; }
  [[nodiscard]] auto kernel(const Step&) const {
    return [b = momentum](auto& u, const auto&, auto& m) {
      m = b * m + u;
      u = -0.1 * m;
    };
  }
};

struct Nameless {
  static constexpr std::string_view name = "Nameless";
  static constexpr std::array<std::string_view, 4> slots{"average", "other", "other"};
  [[nodiscard]] auto kernel(const Step&) const {
    return [](auto& u, const auto&, auto& m, auto& n, auto&, auto&) {
      n = m;
      m = 0.5 * m + u;
      u = -0.1 * m;
    };
  }
};

}  // namespace

TEST_CASE("testing: a good rule breaks no law") {
  CHECK(check_rule(Flawed{}).empty());
  RuleExpectations expected{.passes = 1, .textbook = [](Textbook& k) {
                              k.s[0] = 0.5 * k.s[0] + k.g;
                              k.x -= 0.1 * k.s[0];
                            }};
  CHECK(check_rule(Flawed{}, expected).empty());
}

TEST_CASE("testing: a finding is a sentence with the rule, the law and the figures") {
  const auto findings = check_rule(Flawed{}, {.passes = 2});
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].text() == "Flawed breaks the law \"passes over memory\": 1, must be 2.");
}

TEST_CASE("testing: the figures of a finding are those of what was measured") {
  // Who stands still is at the start: as far away as the law counts the distance that is left.
  const std::pair<std::string, double> shares[] = {{"converges on a least squares problem", 0.02},
                                                   {"converges on a badly scaled bowl", 0.02},
                                                   {"converges on a logistic regression", 0.2}};
  for (const auto& [law, share] : shares) {
    std::vector<double> figures;
    for (const Finding& finding : check_rule(Flawed{.flaw = Flaw::still})) {
      if (finding.law != law) continue;
      std::string text = finding.text();
      text.erase(0, text.find(law) + law.size());
      for (std::size_t at = 0; (at = text.find_first_of("0123456789", at)) != std::string::npos;) {
        std::size_t length = 0;
        figures.push_back(std::stod(text.substr(at), &length));
        at += length;
      }
    }
    INFO(law);
    REQUIRE(figures.size() == 2);
    CHECK(figures[1] == Approx(share * figures[0]).epsilon(1e-6));
  }
}

TEST_CASE("testing: flaws are found by the laws that they break") {
  using Laws = std::vector<std::string>;
  const auto of = [](Flaw flaw) { return broken(Flawed{.flaw = flaw}); };
  CHECK(of(Flaw::uphill) == Laws{"converges on a least squares problem", "converges on a badly scaled bowl",
                                 "converges on a logistic regression"});
  CHECK_FALSE(holds(of(Flaw::drifts), "zero gradients"));
  CHECK_FALSE(holds(of(Flaw::drifts), "permutations and signs"));
  CHECK_FALSE(holds(of(Flaw::by_position), "split invariance"));
  CHECK_FALSE(holds(of(Flaw::by_position), "permutations and signs"));
  CHECK_FALSE(holds(of(Flaw::one_sided), "permutations and signs"));
  CHECK(of(Flaw::unchecked) == Laws{"every option's bad values are rejected with the right message"});
  CHECK_FALSE(holds(of(Flaw::by_storage_order), "all layouts of a matrix agree"));
  CHECK_FALSE(holds(of(Flaw::coarse_in_float), "float and bfloat16 parameters"));
  const Laws hidden = of(Flaw::hidden_state);
  for (const char* law : {"split invariance", "a used object equals a fresh one after reset",
                          "resumes bit for bit from parameters, state, counts and shared numbers",
                          "maximize is a run on the negated gradient", "sizes, double", "sizes, float",
                          "never modifies the gradient and keeps no hold of it", "all layouts of a vector agree",
                          "the number of threads changes nothing", "a tensor without gradient is left alone",
                          "lifted to a method it is the optimizer's loop, bit for bit"}) {
    INFO(law);
    CHECK_FALSE(holds(hidden, law));
  }
  const auto wrong_textbook = broken(Flawed{}, {.textbook = [](Textbook& k) { k.x -= 0.1 * k.g; }});
  CHECK(wrong_textbook == Laws{"equals the textbook"});
  static std::size_t count = 0;
  const auto counts = broken(Flawed{}, {.allocations = [] { return ++count; }});
  CHECK(counts == Laws{"no allocation in step after the first"});
}

TEST_CASE("testing: misspelt and mistyped members are findings") {
  std::string all;
  for (const Finding& finding : check_rule(Misspelt{}, {.converges = false})) all += finding.text() + "\n";
  INFO(all);
  CHECK(all ==
        "Misspelt breaks the law \"members\": Misspelt has a member \"option\", which means nothing in a rule; "
        "perhaps \"options\" is meant.\n"
        "Misspelt breaks the law \"members\": Misspelt: initial must be double initial(std::size_t slot) const.\n"
        "Misspelt breaks the law \"members\": Misspelt has data but no options, which would be neither checked nor "
        "saved.\n");
}

TEST_CASE("testing: slots without a name, or with one name, are findings") {
  std::string all;
  for (const Finding& finding : check_rule(Nameless{}, {.converges = false})) all += finding.text() + "\n";
  INFO(all);
  CHECK(all ==
        "Nameless breaks the law \"members\": Nameless: more than one slot is named \"other\".\n"
        "Nameless breaks the law \"members\": Nameless: slot 3 has no name.\n");
}
