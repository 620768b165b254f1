// Small problems with equality constraints, most of them of Hock and Schittkowski (1981); others of Boggs and Tolle,
// Byrd, and Maratos, as CUTEst has them. Formulas on jets, so that all derivatives are exact.
#pragma once

#include <glissade/oracle/jet.hpp>

#include <Eigen/Core>

#include <cmath>
#include <string_view>
#include <vector>

namespace constrained_problems {

constexpr int most_variables = 10;
using Number = glissade::Jet<most_variables, 2>;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

inline Number square(const Number& a) { return a * a; }
inline Number cube(const Number& a) { return a * a * a; }
inline Number fourth(const Number& a) { return square(square(a)); }
inline Number sixth(const Number& a) { return square(cube(a)); }

/// f, and c from index 0; x begins at index 1, as the papers count.
using Formula = Number (*)(const Number* x, Number* c);

struct Problem {
  std::string_view name;
  Index constraint_count;
  std::vector<double> start_values;
  Formula formula;

  [[nodiscard]] VectorXd start() const {
    return Eigen::Map<const VectorXd>(start_values.data(), static_cast<Index>(start_values.size()));
  }
  /// f at `parts[0]`, c after it.
  [[nodiscard]] std::vector<Number> evaluate(const VectorXd& x) const {
    std::vector<Number> variables(1 + most_variables), parts(static_cast<std::size_t>(1 + constraint_count));
    for (Index i = 0; i < x.size(); ++i) {
      Number& variable = variables[static_cast<std::size_t>(i + 1)];
      variable.value = x[i];
      variable.d[static_cast<std::size_t>(i)] = 1;
    }
    parts[0] = formula(variables.data(), parts.data() + 1);
    return parts;
  }

  double value_and_gradient(const VectorXd& x, VectorXd& g) const {
    const auto parts = evaluate(x);
    g.resize(x.size());
    for (Index i = 0; i < x.size(); ++i) g[i] = parts[0].d[static_cast<std::size_t>(i)];
    return parts[0].value;
  }
  void constraints(const VectorXd& x, VectorXd& c) const {
    const auto parts = evaluate(x);
    c.resize(constraint_count);
    for (Index k = 0; k < constraint_count; ++k) c[k] = parts[static_cast<std::size_t>(k + 1)].value;
  }
  void jacobian(const VectorXd& x, MatrixXd& jacobian) const {
    const auto parts = evaluate(x);
    jacobian.resize(constraint_count, x.size());
    for (Index k = 0; k < constraint_count; ++k)
      for (Index i = 0; i < x.size(); ++i)
        jacobian(k, i) = parts[static_cast<std::size_t>(k + 1)].d[static_cast<std::size_t>(i)];
  }
  void lagrangian_hessian(const VectorXd& x, const VectorXd& multipliers, MatrixXd& H) const {
    const auto parts = evaluate(x);
    H.resize(x.size(), x.size());
    for (int i = 0; i < x.size(); ++i)
      for (int j = 0; j < x.size(); ++j) {
        H(i, j) = parts[0].h(i, j);
        for (Index k = 0; k < constraint_count; ++k)
          H(i, j) += multipliers[k] * parts[static_cast<std::size_t>(k + 1)].h(i, j);
      }
  }
};

inline Number f_51(const Number* x) {
  return square(x[1] - x[2]) + square(x[2] + x[3] - 2.0) + square(x[4] - 1.0) + square(x[5] - 1.0);
}
inline Number f_49(const Number* x) {
  return square(x[1] - x[2]) + square(x[3] - 1.0) + fourth(x[4] - 1.0) + sixth(x[5] - 1.0);
}

inline std::vector<Problem> all() {
  const double root2 = std::sqrt(2.0);
  const double a = std::asin(std::sqrt(1 / 4.2)), b = std::asin(std::sqrt(5 / 7.2));
  return {
      {"HS6",
       1,
       {-1.2, 1},
       [](const Number* x, Number* c) -> Number {
         c[0] = 10.0 * (x[2] - square(x[1]));
         return square(1.0 - x[1]);
       }},
      {"HS7",
       1,
       {2, 2},
       [](const Number* x, Number* c) -> Number {
         c[0] = square(1.0 + square(x[1])) + square(x[2]) - 4.0;
         return log(1.0 + square(x[1])) - x[2];
       }},
      {"HS8",
       2,
       {2, 1},
       [](const Number* x, Number* c) -> Number {
         c[0] = square(x[1]) + square(x[2]) - 25.0;
         c[1] = x[1] * x[2] - 9.0;
         return -1.0;
       }},
      {"HS9",
       1,
       {0, 0},
       [](const Number* x, Number* c) -> Number {
         c[0] = 4.0 * x[1] - 3.0 * x[2];
         return sin(x[1] * (std::numbers::pi / 12)) * cos(x[2] * (std::numbers::pi / 16));
       }},
      {"HS26",
       1,
       {-2.6, 2, 2},
       [](const Number* x, Number* c) -> Number {
         c[0] = (1.0 + square(x[2])) * x[1] + fourth(x[3]) - 3.0;
         return square(x[1] - x[2]) + fourth(x[2] - x[3]);
       }},
      {"HS27",
       1,
       {2, 2, 2},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] + square(x[3]) + 1.0;
         return 0.01 * square(x[1] - 1.0) + square(x[2] - square(x[1]));
       }},
      {"HS28",
       1,
       {-4, 1, 1},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] + 2.0 * x[2] + 3.0 * x[3] - 1.0;
         return square(x[1] + x[2]) + square(x[2] + x[3]);
       }},
      {"HS39",
       2,
       {2, 2, 2, 2},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[2] - cube(x[1]) - square(x[3]);
         c[1] = square(x[1]) - x[2] - square(x[4]);
         return -x[1];
       }},
      {"HS40",
       3,
       {0.8, 0.8, 0.8, 0.8},
       [](const Number* x, Number* c) -> Number {
         c[0] = cube(x[1]) + square(x[2]) - 1.0;
         c[1] = square(x[1]) * x[4] - x[3];
         c[2] = square(x[4]) - x[2];
         return -(x[1] * x[2] * x[3] * x[4]);
       }},
      {"HS42",
       2,
       {1, 1, 1, 1},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] - 2.0;
         c[1] = square(x[3]) + square(x[4]) - 2.0;
         return square(x[1] - 1.0) + square(x[2] - 2.0) + square(x[3] - 3.0) + square(x[4] - 4.0);
       }},
      {"HS46",
       2,
       {root2 / 2, 1.75, 0.5, 2, 2},
       [](const Number* x, Number* c) -> Number {
         c[0] = square(x[1]) * x[4] + sin(x[4] - x[5]) - 1.0;
         c[1] = x[2] + fourth(x[3]) * square(x[4]) - 2.0;
         return f_49(x);
       }},
      {"HS47",
       3,
       {2, root2, -1, 2 - root2, 0.5},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] + square(x[2]) + cube(x[3]) - 3.0;
         c[1] = x[2] - square(x[3]) + x[4] - 1.0;
         c[2] = x[1] * x[5] - 1.0;
         return square(x[1] - x[2]) + cube(x[2] - x[3]) + fourth(x[3] - x[4]) + fourth(x[4] - x[5]);
       }},
      {"HS48",
       2,
       {3, 5, -3, 2, -2},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] + x[2] + x[3] + x[4] + x[5] - 5.0;
         c[1] = x[3] - 2.0 * (x[4] + x[5]) + 3.0;
         return square(x[1] - 1.0) + square(x[2] - x[3]) + square(x[4] - x[5]);
       }},
      {"HS49",
       2,
       {10, 7, 2, -3, 0.8},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] + x[2] + x[3] + 4.0 * x[4] - 7.0;
         c[1] = x[3] + 5.0 * x[5] - 6.0;
         return f_49(x);
       }},
      {"HS50",
       3,
       {35, -31, 11, 5, -5},
       [](const Number* x, Number* c) -> Number {
         for (int i = 1; i <= 3; ++i) c[i - 1] = x[i] + 2.0 * x[i + 1] + 3.0 * x[i + 2] - 6.0;
         return square(x[1] - x[2]) + square(x[2] - x[3]) + fourth(x[3] - x[4]) + square(x[4] - x[5]);
       }},
      {"HS51",
       3,
       {2.5, 0.5, 2, -1, 0.5},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] + 3.0 * x[2] - 4.0;
         c[1] = x[3] + x[4] - 2.0 * x[5];
         c[2] = x[2] - x[5];
         return f_51(x);
       }},
      {"HS52",
       3,
       {2, 2, 2, 2, 2},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] + 3.0 * x[2];
         c[1] = x[3] + x[4] - 2.0 * x[5];
         c[2] = x[2] - x[5];
         return square(4.0 * x[1] - x[2]) + square(x[2] + x[3] - 2.0) + square(x[4] - 1.0) + square(x[5] - 1.0);
       }},
      {"HS56",
       4,
       {1, 1, 1, a, a, a, b},
       [](const Number* x, Number* c) -> Number {
         for (int i = 1; i <= 3; ++i) c[i - 1] = x[i] - 4.2 * square(sin(x[3 + i]));
         c[3] = x[1] + 2.0 * x[2] + 2.0 * x[3] - 7.2 * square(sin(x[7]));
         return -(x[1] * x[2] * x[3]);
       }},
      {"HS61",
       2,
       {0, 0, 0},
       [](const Number* x, Number* c) -> Number {
         c[0] = 3.0 * x[1] - 2.0 * square(x[2]) - 7.0;
         c[1] = 4.0 * x[1] - square(x[3]) - 11.0;
         return 4.0 * square(x[1]) + 2.0 * square(x[2]) + 2.0 * square(x[3]) - 33.0 * x[1] + 16.0 * x[2] - 24.0 * x[3];
       }},
      {"HS77",
       2,
       {2, 2, 2, 2, 2},
       [](const Number* x, Number* c) -> Number {
         c[0] = square(x[1]) * x[4] + sin(x[4] - x[5]) - 2 * std::numbers::sqrt2;
         c[1] = x[2] + fourth(x[3]) * square(x[4]) - 8.0 - std::numbers::sqrt2;
         return square(x[1] - 1.0) + f_49(x);
       }},
      {"HS78",
       3,
       {-2, 1.5, 2, -1, -1},
       [](const Number* x, Number* c) -> Number {
         c[0] = square(x[1]) + square(x[2]) + square(x[3]) + square(x[4]) + square(x[5]) - 10.0;
         c[1] = x[2] * x[3] - 5.0 * (x[4] * x[5]);
         c[2] = cube(x[1]) + cube(x[2]) + 1.0;
         return x[1] * x[2] * x[3] * x[4] * x[5];
       }},
      {"HS79",
       3,
       {2, 2, 2, 2, 2},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] + square(x[2]) + cube(x[3]) - 2.0 - 3 * std::numbers::sqrt2;
         c[1] = x[2] - square(x[3]) + x[4] + 2.0 - 2 * std::numbers::sqrt2;
         c[2] = x[1] * x[5] - 2.0;
         return square(x[1] - 1.0) + square(x[1] - x[2]) + square(x[2] - x[3]) + fourth(x[3] - x[4]) +
                fourth(x[4] - x[5]);
       }},
      {"HS100LNP",
       2,
       {1, 2, 0, 4, 0, 1, 1},
       [](const Number* x, Number* c) -> Number {
         c[0] = 127.0 - 2.0 * square(x[1]) - 3.0 * fourth(x[2]) - x[3] - 4.0 * square(x[4]) - 5.0 * x[5];
         c[1] =
             -4.0 * square(x[1]) - square(x[2]) + 3.0 * (x[1] * x[2]) - 2.0 * square(x[3]) - 5.0 * x[6] + 11.0 * x[7];
         return square(x[1] - 10.0) + 5.0 * square(x[2] - 12.0) + fourth(x[3]) + 3.0 * square(x[4] - 11.0) +
                10.0 * sixth(x[5]) + 7.0 * square(x[6]) + fourth(x[7]) - 4.0 * (x[6] * x[7]) - 10.0 * x[6] - 8.0 * x[7];
       }},
      {"BYRDSPHR",
       2,
       {5, 1e-4, -1e-4},
       [](const Number* x, Number* c) -> Number {
         const Number rest = square(x[2]) + square(x[3]) - 9.0;
         c[0] = square(x[1]) + rest;
         c[1] = square(x[1] - 1.0) + rest;
         return -(x[1] + x[2] + x[3]);
       }},
      {"BT1",
       1,
       {0.08, 0.06},
       [](const Number* x, Number* c) -> Number {
         c[0] = square(x[1]) + square(x[2]) - 1.0;
         return 100.0 * (square(x[1]) + square(x[2])) - x[1] - 100.0;
       }},
      {"BT2",
       1,
       {10, 10, 10},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] * (1.0 + square(x[2])) + fourth(x[3]) - 4.0 - 3 * std::numbers::sqrt2;
         return square(x[1] - 1.0) + square(x[1] - x[2]) + fourth(x[2] - x[3]);
       }},
      {"BT3",
       3,
       {20, 20, 20, 20, 20},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] + 3.0 * x[2];
         c[1] = x[3] + x[4] - 2.0 * x[5];
         c[2] = x[2] - x[5];
         return f_51(x);
       }},
      {"BT5",
       2,
       {2, 2, 2},
       [](const Number* x, Number* c) -> Number {
         c[0] = square(x[1]) + square(x[2]) + square(x[3]) - 25.0;
         c[1] = 8.0 * x[1] + 14.0 * x[2] + 7.0 * x[3] - 56.0;
         return 1000.0 - square(x[1]) - square(x[3]) - 2.0 * square(x[2]) - x[1] * x[2] - x[1] * x[3];
       }},
      {"BT10",
       2,
       {2, 2},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[2] - cube(x[1]);
         c[1] = square(x[1]) - x[2];
         return -x[1];
       }},
      {"BT12",
       3,
       {2, 2, 2, 2, 2},
       [](const Number* x, Number* c) -> Number {
         c[0] = x[1] + x[2] - square(x[3]) - 25.0;
         c[1] = square(x[1]) + square(x[2]) - square(x[4]) - 25.0;
         c[2] = x[1] - square(x[5]) - 2.0;
         return 0.01 * square(x[1]) + square(x[2]);
       }},
      {"MARATOS",
       1,
       {1.1, 0.1},
       [](const Number* x, Number* c) -> Number {
         c[0] = square(x[1]) + square(x[2]) - 1.0;
         return 1e-6 * c[0] - x[1];
       }},
      {"GENHS28",
       8,
       {-4, 1, 1, 1, 1, 1, 1, 1, 1, 1},
       [](const Number* x, Number* c) -> Number {
         Number f = 0.0;
         for (int i = 1; i <= 9; ++i) f += square(x[i] + x[i + 1]);
         for (int i = 1; i <= 8; ++i) c[i - 1] = x[i] + 2.0 * x[i + 1] + 3.0 * x[i + 2] - 1.0;
         return f;
       }},
  };
}

inline Problem named(std::string_view name) {
  for (const Problem& problem : all())
    if (problem.name == name) return problem;
  return {};
}

}  // namespace constrained_problems
