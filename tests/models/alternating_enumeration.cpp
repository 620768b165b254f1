// Numbers that are chosen one at a time: numpy's searches, how many evaluations it takes, ends, going on.
#include "support/catch.hpp"
#include "support/message_of.hpp"
#include <glissade/io/method_state.hpp>
#include <glissade/models/alternating_enumeration.hpp>

#include <Eigen/Core>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

using namespace glissade;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Numbers = std::vector<std::int64_t>;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

/// |x - o|_1 + 0.15 |S (x - o)|_1
struct Distance {
  Numbers o;
  MatrixXd S;

  double operator()(const Numbers& x) const {
    VectorXd apart(S.cols());
    for (std::size_t i = 0; i < x.size(); ++i) apart[static_cast<Index>(i)] = static_cast<double>(x[i] - o[i]);
    return apart.lpNorm<1>() + 0.15 * (S * apart).lpNorm<1>();
  }
};

double cosine(std::int64_t i) { return std::cos(static_cast<double>((i * i) % 1000)); }

Numbers numbers(std::int64_t start, std::int64_t count) {
  Numbers all;
  for (std::int64_t i = 0; i < count; ++i) all.push_back(1 + static_cast<std::int64_t>(3.5 * (1 + cosine(start + i))));
  return all;
}

Distance distance(std::int64_t n, std::int64_t number) {
  return {numbers(100 * number + 7, n),
          MatrixXd::NullaryExpr(n, n, [&](Index i, Index j) { return 1.5 * cosine(31 * number + i + n * j); })};
}

Numbers all(std::int64_t n, std::int64_t value) { return Numbers(static_cast<std::size_t>(n), value); }

}  // namespace

TEST_CASE("alternating enumeration: the searches of numpy") {
  std::ifstream file(GLISSADE_TEST_DATA "/models/enumeration.csv");
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    std::stringstream fields(line);
    Numbers row;
    for (std::string field; std::getline(fields, field, ',');) row.push_back(std::stoll(field));
    const std::int64_t n = row[0];
    const auto found = alternating_enumeration(distance(n, row[1]), all(n, 1), all(n, 7), {.radius = row[2]},
                                               numbers(100 * row[1] + 53, n));
    CAPTURE(line);
    CHECK(found.end == EnumerationEnd::settled);
    CHECK(found.sweeps == row[3]);
    CHECK(found.evaluations == row[4]);
    CHECK(found.x == Numbers(row.begin() + 5, row.end()));
    CHECK(found.value == distance(n, row[1])(found.x));
    CHECK(found.known.size() == static_cast<std::size_t>(found.evaluations));
  }
  CHECK(rows == 6);
}

TEST_CASE("alternating enumeration: the optimum of 4, 6 and 8 numbers in 41, 68 and 92 evaluations") {
  const std::int64_t expected[] = {41, 68, 92};
  for (const std::int64_t n : {4, 6, 8}) {
    std::int64_t sum = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const RandomKey key = RandomKey{100}.derive(seed);
      Distance f{{}, MatrixXd::NullaryExpr(n, n, [&](Index i, Index j) {
                   return key.normal(static_cast<std::uint64_t>(i + n * j));
                 })};
      for (std::int64_t i = 0; i < n; ++i)
        f.o.push_back(1 + static_cast<std::int64_t>(7 * key.derive(1).uniform(static_cast<std::uint64_t>(i))));
      const auto found = alternating_enumeration(f, all(n, 1), all(n, 7), {.seed = seed});
      CHECK(found.x == f.o);
      sum += found.evaluations;
    }
    CAPTURE(n, sum);
    const auto mean = static_cast<double>(sum) / 20;
    CHECK(std::abs(mean / static_cast<double>(expected[n / 2 - 2]) - 1) <= 0.05);
  }
}

TEST_CASE("alternating enumeration: a sum of functions of one number each is solved by half a sweep") {
  int calls = 0;
  const Numbers best{3, -2, 5, 0};
  const auto f = [&](const Numbers& x) {
    ++calls;
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::sqrt(std::abs(static_cast<double>(x[i] - best[i])));
    return sum;
  };
  // One value, and nine more for each number.
  auto found = alternating_enumeration(f, {-4, -4, 0, -4}, {5, 5, 9, 5}, {.max_evaluations = 37}, {0, 0, 0, 1});
  CHECK(found.x == best);
  CHECK(found.value == 0);
  CHECK(found.end == EnumerationEnd::max_evaluations);
  resume_alternating_enumeration(f, {-4, -4, 0, -4}, {5, 5, 9, 5}, found);
  CHECK(found.end == EnumerationEnd::settled);
  CHECK(found.sweeps == 2);
  CHECK(found.x == best);
  CHECK(calls == found.evaluations);
}

TEST_CASE("alternating enumeration: stopped anywhere it goes on as if nothing had happened") {
  const Distance f = distance(6, 4);
  const Numbers low = all(6, 1), high = all(6, 7);
  const auto whole = alternating_enumeration(f, low, high, {}, numbers(3, 6));
  auto parts = alternating_enumeration(f, low, high, {.max_evaluations = 0}, numbers(3, 6));
  CHECK(parts.evaluations == 0);
  for (std::int64_t most = 1; parts.end != EnumerationEnd::settled; most += 4) {
    REQUIRE(most < 1000);
    resume_alternating_enumeration(f, low, high, parts, {.max_evaluations = most});
    CHECK(parts.evaluations <= most);
  }
  CHECK(parts.x == whole.x);
  CHECK(parts.known == whole.known);
  CHECK(parts.sweeps == whole.sweeps);
  auto one = alternating_enumeration(f, low, high, {.max_sweeps = 1}, numbers(3, 6));
  CHECK(one.end == EnumerationEnd::max_sweeps);
  const auto path = std::filesystem::temp_directory_path() / "glissade_enumeration.safetensors";
  save(one, path);
  auto loaded = alternating_enumeration(f, low, high, {.max_sweeps = 0}, numbers(9, 6));
  load(loaded, path);
  std::filesystem::remove(path);
  for (auto* each : {&one, &loaded}) {
    resume_alternating_enumeration(f, low, high, *each);
    CHECK(each->x == whole.x);
    CHECK(each->value == whole.value);
    CHECK(each->sweeps == whole.sweeps);
  }
}

TEST_CASE("alternating enumeration: values that are no numbers, ties, one number, exceptions") {
  const auto holes = [](const Numbers& x) {
    return x[0] % 2 == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(x[0]);
  };
  CHECK(alternating_enumeration(holes, {0}, {9}, {}, {4}).x == Numbers{1});
  CHECK(alternating_enumeration(holes, {0}, {9}, {}, {4}).evaluations == 10);
  const auto nowhere = [](const Numbers&) { return infinite; };
  CHECK(alternating_enumeration(nowhere, {0, 0}, {3, 3}).end == EnumerationEnd::nowhere_finite);
  const auto flat = [](const Numbers& x) { return x[1] == 2 ? 0.0 : 1.0; };
  CHECK(alternating_enumeration(flat, {0, 0}, {3, 3}, {}, {3, 0}).x == Numbers{3, 2});
  CHECK(alternating_enumeration(flat, {0, 5}, {3, 5}, {}, {1, 5}).x == Numbers{1, 5});
  EnumeratedNumbers found;
  found.x = {4};
  int calls = 0;
  const EnumeratedFunction throws = [&](const Numbers& x) {
    if (++calls == 3) throw std::runtime_error("no value");
    return static_cast<double>(x[0]);
  };
  CHECK_THROWS_AS(resume_alternating_enumeration(throws, {0}, {9}, found), std::runtime_error);
  CHECK(found.x == Numbers{4});
  CHECK(found.evaluations == 2);
  resume_alternating_enumeration(throws, {0}, {9}, found);
  CHECK(found.x == Numbers{0});
  CHECK(found.evaluations == 10);
}

TEST_CASE("alternating enumeration: bad input is refused") {
  const auto f = [](const Numbers&) { return 0.0; };
  const auto refused = [&](const Numbers& low, const Numbers& high, const AlternatingEnumeration& options = {},
                           const Numbers& start = {}) {
    return message_of([&] { (void)alternating_enumeration(f, low, high, options, start); });
  };
  CHECK(refused({}, {}) == "AlternatingEnumeration: there are no numbers to choose");
  CHECK(refused({1, 1}, {2}) == "AlternatingEnumeration: size of high = 1, must be that of low, 2");
  CHECK(refused({1, 1}, {2, 0}) == "AlternatingEnumeration: high[1] = 0, must be >= low, 1");
  CHECK(refused({1, 1}, {2, 2}, {}, {1}) == "AlternatingEnumeration: size of the start = 1, must be that of low, 2");
  CHECK(refused({1, 1}, {2, 2}, {}, {1, 3}) == "AlternatingEnumeration: start[1] = 3, must be in [1, 2]");
  CHECK(refused({1}, {2}, {.radius = -1}) == "AlternatingEnumeration: radius = -1, must be >= 0 and finite");
  CHECK(refused({1}, {2}, {.max_sweeps = -1}) == "AlternatingEnumeration: max_sweeps = -1, must be >= 0 and finite");
  CHECK(message_of([] { (void)alternating_enumeration({}, {1}, {2}); }) ==
        "AlternatingEnumeration: the function is empty");
}
