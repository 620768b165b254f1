// Values of the classical functions away from starts and minima, from an independent implementation
// (generate_classical.py).
#include "support/catch.hpp"
#include <glissade/problems/classical.hpp>
#include <glissade/problems/classical_variable.hpp>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

template <class P>
void check() {
  INFO(P::name);
  std::ifstream file(GLISSADE_TEST_DATA "/problems/classical.csv");
  int lines = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string field;
    std::getline(fields, field, ',');
    if (field != P::name) continue;
    std::vector<double> numbers;
    while (std::getline(fields, field, ',')) numbers.push_back(std::stod(field));
    const Eigen::VectorXd x =
        Eigen::Map<const Eigen::VectorXd>(numbers.data() + 1, static_cast<Eigen::Index>(numbers.size()) - 1);
    INFO(x.transpose());
    CHECK(P{}.value(x) == Approx(numbers[0]).epsilon(1e-12).margin(1e-12));
    ++lines;
  }
  CHECK(lines >= 3);
}
template <class... P>
void check_all() {
  (check<P>(), ...);
}

}  // namespace

TEST_CASE("Classical functions: golden values") {
  using namespace glissade::problems;
  check_all<Booth, Matyas, Himmelblau, McCormick, SixHumpCamel, ThreeHumpCamel, GoldsteinPrice, Branin, Easom,
            Bohachevsky1, DropWave, Hartmann3, Hartmann6>();
  check_all<Ackley, Rastrigin, Griewank, StyblinskiTang, Levy, Schwefel, Zakharov, DixonPrice, Trid>();
}
